// SQLite's write-ahead log, applied by its own rules (sqlite.org/fileformat2.html, section 4).
// All integers are big-endian; only the words that the checksums add up may be of either order.
//
//   header, 32 bytes                       frame, 24 bytes and one page
//     0  u32 magic 0x377f0682, the words     0  u32 page number
//            of the checksums are little-    4  u32 size of the database in pages, if this frame
//            endian; 0x377f0683, big-endian         ends a transaction; else 0
//     4  u32 format 3007000                  8  u32 u32 salts: the header's
//     8  u32 page size                      16  u32 u32 checksum of all before it: the header's 24
//    12  u32 checkpoint sequence                    bytes, then 8 bytes and the page of each frame
//    16  u32 u32 salts
//    24  u32 u32 checksum of the 24 bytes
//
// Frames count up to the last one that ends a transaction; the first frame that fails ends it all.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "libregion/format/bytes.h"

namespace libregion {

constexpr std::size_t wal_header_bytes = 4 + 4 + 4 + 4 + 8 + 8;
constexpr std::size_t wal_frame_header_bytes = 4 + 4 + 8 + 8;
static_assert(wal_header_bytes == 32 && wal_frame_header_bytes == 24);

struct WalChecksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const WalChecksum&) const = default;
};

class WalScanner {
 public:
  // nullopt where these are not the first bytes of a log that SQLite would read.
  static std::optional<WalScanner> from_header(std::span<const std::byte, wal_header_bytes> header);

  [[nodiscard]] std::uint32_t page_size_bytes() const { return page_size_bytes_; }

  // Takes the next frame. False where it is not valid: the log ends before it.
  bool take_frame(std::span<const std::byte, wal_frame_header_bytes> frame_header, ByteView page);

  // For each page that a committed transaction wrote, the number (from 0) of its newest frame.
  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& committed_frames() const {
    return committed_frames_;
  }
  // The size of the database after the last committed transaction; 0 where there is none.
  [[nodiscard]] std::uint32_t committed_page_count() const { return committed_page_count_; }

  // Frames up to the last one that ends a transaction.
  [[nodiscard]] std::uint64_t committed_frame_count() const { return committed_frame_count_; }

 private:
  WalScanner() = default;

  bool big_endian_words_ = false;
  std::uint32_t page_size_bytes_ = 0;
  std::array<std::byte, 8> salts_{};
  WalChecksum checksum_;
  std::uint64_t frame_count_ = 0;
  std::map<std::uint32_t, std::uint64_t> pending_frames_;
  std::map<std::uint32_t, std::uint64_t> committed_frames_;
  std::uint32_t committed_page_count_ = 0;
  std::uint64_t committed_frame_count_ = 0;
};

}  // namespace libregion
