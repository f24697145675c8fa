#include "libregion/extent/sqlite_image.h"

#include <algorithm>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/extent_file.h"
#include "libregion/format/sqlite_wal.h"
#include "libregion/format/sqlite_walk.h"

namespace libregion {
namespace {

// An extent of 2^20 blocks (512 MiB in blocks of 512 bytes) with one row each takes about 90 MiB.
constexpr std::uint64_t image_bytes_max = std::uint64_t{1} << 30;
// How far a log may extend a database beyond the bytes of both: pages that went to the free list
// before they were ever written.
constexpr std::uint64_t unwritten_bytes_max = std::uint64_t{16} << 20;

// Of a log.
constexpr std::uint64_t frames_read_at_once = 32;

constexpr std::string_view database_magic("SQLite format 3\0", 16);
constexpr std::size_t header_page_size_offset = 16;
constexpr std::size_t header_write_version_offset = 18;
constexpr std::size_t header_bytes = 100;

class ImageLoader {
 public:
  ImageLoader(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
              const FileClaim& claim)
      : leaf_(leaf), extent_(extent), parts_(parts), claim_(claim) {}

  SqliteImage load() {
    if (open_database()) load_pages();
    return std::move(image_);
  }

  SqliteMetadataImage load_metadata() {
    if (!open_database()) return {std::move(image_), std::nullopt, 0};
    if (const auto metadata = walk_first_pages()) {
      return {std::move(image_), metadata, sqlite_metadata_bytes};
    }
    load_pages();
    return {std::move(image_), std::nullopt, db_bytes_};
  }

 private:
  // False where there is nothing to be loaded.
  bool open_database() {
    image_.db = open(ExtentPart::db);
    if (image_.db == nullptr || has_hot_journal()) return false;
    db_bytes_ = image_.db->status().size_bytes;
    if (db_bytes_ > 0) return is_size_acceptable(db_bytes_, ExtentPart::db);
    // SQLite would take it for an empty database, and remove the log.
    add(FindingId::sqlite_empty_file, ExtentPart::db, 0, "a SQLite database", "0 bytes");
    return false;
  }

  std::optional<ExtentMetadata> walk_first_pages() {
    if (parts_.has(ExtentPart::db_wal) || db_bytes_ < sqlite_metadata_bytes) return std::nullopt;
    Bytes pages = image_.db->read(0, sqlite_metadata_bytes);
    mark_without_log(pages);
    return walk_sqlite_metadata(pages, db_bytes_);
  }

  void load_pages() {
    Bytes pages = image_.db->read(0, db_bytes_);
    if (parts_.has(ExtentPart::db_wal) && !apply_log(pages)) return;
    if (!has_database_header(pages)) return;
    mark_without_log(pages);
    image_.pages = std::move(pages);
  }

  // "Rollback journal": in memory there can be no log.
  static void mark_without_log(Bytes& pages) {
    pages[header_write_version_offset] = std::byte{1};
    pages[header_write_version_offset + 1] = std::byte{1};
  }

  std::unique_ptr<File> open(ExtentPart part) {
    return open_extent_file(leaf_, extent_, part, Access::read, claim_, image_.findings);
  }

  void add(FindingId id, ExtentPart part, std::uint64_t offset_bytes, std::string expected,
           std::string found) {
    Finding finding{id, extent_, extent_path(extent_, part)};
    finding.offset_bytes = offset_bytes;
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    image_.findings.push_back(std::move(finding));
  }

  bool is_size_acceptable(std::uint64_t size_bytes, ExtentPart part) {
    if (size_bytes <= image_bytes_max) return true;
    add(FindingId::sqlite_too_large, part, 0, fmt::format("at most {} bytes", image_bytes_max),
        fmt::format("{} bytes", size_bytes));
    return false;
  }

  // A journal whose first byte is 0 is one that was committed.
  bool has_hot_journal() {
    if (!parts_.has(ExtentPart::db_journal)) return false;
    const auto journal = open(ExtentPart::db_journal);
    if (journal == nullptr) return true;
    Bytes first(1);
    const bool hot = journal->read_up_to(0, first) == 1 && first[0] != std::byte{0};
    if (hot) {
      add(FindingId::sqlite_hot_journal, ExtentPart::db_journal, 0, "no rollback journal",
          fmt::format("{} bytes", journal->status().size_bytes));
    }
    return hot;
  }

  // False where the log makes the database unusable.
  bool apply_log(Bytes& pages) {
    const auto log = open(ExtentPart::db_wal);
    if (log == nullptr) return false;
    const std::uint64_t log_bytes = log->status().size_bytes;
    if (log_bytes == 0) return true;
    const auto scanner = scan_log(*log, log_bytes);
    if (!scanner) {
      add(FindingId::sqlite_invalid_wal, ExtentPart::db_wal, 0, "a log header",
          log_bytes < wal_header_bytes ? fmt::format("{} bytes", log_bytes)
                                       : to_hex(log->read(0, 8)));
      return true;
    }
    if (scanner->committed_page_count() == 0) return true;
    return copy_frames(*log, log_bytes, *scanner, pages);
  }

  static bool read_frames(const File& log, std::uint64_t offset_bytes, MutableByteView frames) {
    try {
      log.read(offset_bytes, frames);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  static std::optional<WalScanner> scan_log(const File& log, std::uint64_t log_bytes) {
    if (log_bytes < wal_header_bytes) return std::nullopt;
    std::array<std::byte, wal_header_bytes> header{};
    log.read(0, header);
    auto scanner = WalScanner::from_header(header);
    if (!scanner) return std::nullopt;
    const std::uint64_t frame_bytes = wal_frame_header_bytes + scanner->page_size_bytes();
    const std::uint64_t frame_count = (log_bytes - wal_header_bytes) / frame_bytes;
    Bytes frames;
    std::uint64_t at_once = frames_read_at_once;
    for (std::uint64_t first = 0; first < frame_count; first += at_once) {
      frames.resize(std::min(at_once, frame_count - first) * frame_bytes);
      if (!read_frames(log, wal_header_bytes + first * frame_bytes, frames)) {
        // What cannot be read may lie behind the end of what was committed.
        at_once = 1;
        frames.resize(frame_bytes);
        log.read(wal_header_bytes + first * frame_bytes, frames);
      }
      for (ByteView rest = frames; !rest.empty(); rest = rest.subspan(frame_bytes)) {
        const ByteView page = rest.first(frame_bytes).subspan(wal_frame_header_bytes);
        if (!scanner->take_frame(rest.first<wal_frame_header_bytes>(), page)) return scanner;
      }
    }
    return scanner;
  }

  bool copy_frames(const File& log, std::uint64_t log_bytes, const WalScanner& scanner,
                   Bytes& pages) {
    const std::uint64_t page_bytes = scanner.page_size_bytes();
    const std::uint64_t image_bytes = scanner.committed_page_count() * page_bytes;
    if (image_bytes > pages.size() + log_bytes + unwritten_bytes_max) {
      add(FindingId::sqlite_corrupt, ExtentPart::db_wal, 0, "a log that belongs to the database",
          fmt::format("a commit that makes it {} pages", scanner.committed_page_count()));
      return false;
    }
    if (!is_size_acceptable(image_bytes, ExtentPart::db_wal)) return false;
    pages.resize(image_bytes);
    for (const auto& [page, frame] : scanner.committed_frames()) {
      if (page > scanner.committed_page_count()) continue;  // the database was shortened since
      const std::uint64_t at =
          wal_header_bytes + frame * (wal_frame_header_bytes + page_bytes) + wal_frame_header_bytes;
      log.read(at, MutableByteView(pages).subspan((page - 1) * page_bytes, page_bytes));
    }
    add(FindingId::sqlite_hot_wal, ExtentPart::db_wal, 0, "",
        fmt::format("{} committed frames of {} pages", scanner.committed_frame_count(),
                    scanner.committed_frames().size()));
    return is_page_size(pages, page_bytes);
  }

  // The header may itself come from the log.
  bool is_page_size(const Bytes& pages, std::uint64_t expected_bytes) {
    const std::uint64_t stored = std::to_integer<std::uint64_t>(pages[header_page_size_offset])
                                     << 8U |
                                 std::to_integer<std::uint64_t>(pages[header_page_size_offset + 1]);
    const std::uint64_t found_bytes = stored == 1 ? 65536 : stored;
    if (found_bytes == expected_bytes) return true;
    add(FindingId::sqlite_corrupt, ExtentPart::db, header_page_size_offset,
        fmt::format("pages of {} bytes, as in the log", expected_bytes),
        fmt::format("pages of {} bytes", found_bytes));
    return false;
  }

  bool has_database_header(const Bytes& pages) {
    const std::size_t shown = std::min(pages.size(), database_magic.size());
    const ByteView found = ByteView(pages).first(shown);
    const ByteView magic = as_byte_view(database_magic);
    if (pages.size() >= header_bytes && std::equal(magic.begin(), magic.end(), found.begin())) {
      return true;
    }
    add(FindingId::sqlite_not_a_database, ExtentPart::db, 0, to_hex(magic), to_hex(found));
    return false;
  }

  const Directory& leaf_;
  ExtentId extent_;
  const ExtentParts& parts_;
  const FileClaim& claim_;
  SqliteImage image_;
  std::uint64_t db_bytes_ = 0;
};

}  // namespace

SqliteImage load_sqlite_image(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                              const FileClaim& claim) {
  return ImageLoader(leaf, extent, parts, claim).load();
}

SqliteMetadataImage load_sqlite_metadata(const Directory& leaf, ExtentId extent,
                                         const ExtentParts& parts, const FileClaim& claim) {
  return ImageLoader(leaf, extent, parts, claim).load_metadata();
}

}  // namespace libregion
