#include "libregion/ops/undo_log.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/integrity.h"
#include "libregion/io/paths.h"

namespace libregion {
namespace {

constexpr std::uint64_t part_count = all_extent_parts.size();

// The frame at this offset with its payload; nullopt where the file ends, or is torn.
struct FoundFrame {
  UndoFrame frame;
  std::uint64_t payload_offset_bytes = 0;
};
std::optional<FoundFrame> read_frame(const File& file, std::uint64_t offset_bytes) {
  std::array<std::byte, undo_frame_bytes> bytes{};
  if (file.read_up_to(offset_bytes, bytes) < bytes.size()) return std::nullopt;
  const auto frame = decode_undo_frame(bytes);
  if (!frame) return std::nullopt;
  Bytes payload(frame->payload_bytes);
  const std::uint64_t payload_offset = offset_bytes + undo_frame_bytes;
  if (file.read_up_to(payload_offset, payload) < payload.size()) return std::nullopt;
  if (!undo_frame_matches(*frame, payload)) return std::nullopt;
  return FoundFrame{*frame, payload_offset};
}

// Takes the frame into the section; false where it does not belong there.
bool add_to_section(UndoSection& section, const FoundFrame& found) {
  const UndoFrame& frame = found.frame;
  switch (frame.kind) {
    case UndoFrameKind::begin:
      section = {frame.extent,
                 static_cast<UndoChange>(frame.first),
                 ExtentParts::from_bits(static_cast<unsigned>(frame.second)),
                 {}};
      return frame.first <= static_cast<std::uint64_t>(UndoChange::finished) &&
             frame.second < std::uint64_t{1} << part_count;
    case UndoFrameKind::file:
      if (frame.first >= part_count) return false;
      section.files.push_back({static_cast<ExtentPart>(frame.first), frame.second, {}});
      return true;
    case UndoFrameKind::bytes: {
      if (section.files.empty()) return false;
      SavedFile& saved = section.files.back();
      const bool fits =
          frame.first <= saved.size_bytes && frame.payload_bytes <= saved.size_bytes - frame.first;
      if (fits) {
        saved.ranges.push_back({frame.first, frame.payload_bytes, found.payload_offset_bytes});
      }
      return fits;
    }
    case UndoFrameKind::end:
      section.hash_before = frame.first;
      section.hash_after = frame.second;
      return true;
    case UndoFrameKind::done: return true;
  }
  return false;
}

void apply_patches(std::uint64_t offset_bytes, MutableByteView bytes,
                   std::span<const Patch> patches) {
  for (const Patch& patch : patches) {
    const std::uint64_t first = std::max(offset_bytes, patch.offset_bytes);
    const std::uint64_t end =
        std::min(offset_bytes + bytes.size(), patch.offset_bytes + patch.bytes.size());
    if (first >= end) continue;
    const ByteView source = ByteView(patch.bytes).subspan(first - patch.offset_bytes, end - first);
    std::copy(source.begin(), source.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(first - offset_bytes));
  }
}

void add_from(HashStream& hash, const File& file, std::uint64_t offset_bytes,
              std::span<const Patch> patches) {
  const std::uint64_t size_bytes = file.status().size_bytes;
  Bytes chunk;
  for (std::uint64_t at = offset_bytes; at < size_bytes; at += chunk.size()) {
    chunk.resize(std::min(undo_payload_bytes_max, size_bytes - at));
    file.read(at, chunk);
    apply_patches(at, chunk, patches);
    hash.add(chunk);
  }
}

std::unique_ptr<File> open_if_there(const Directory& directory, const std::string& name) {
  if (!directory.status_of(name)) return nullptr;
  return open_file_in(directory, name, Access::read);
}

}  // namespace

std::uint64_t hash_of_tail(const File& file, const Geometry& geometry,
                           std::span<const Patch> patches) {
  HashStream hash;
  add_from(hash, file, geometry.extent_data_bytes(), patches);
  return hash.hash();
}

std::uint64_t hash_of_state(std::span<const OpenPart> parts, const Geometry& geometry) {
  HashStream hash;
  bool has_database = false;
  for (const auto& [part, file] : parts) {
    has_database |= part == ExtentPart::db;
    const bool counts = part == ExtentPart::data || part == ExtentPart::db ||
                        (part == ExtentPart::db_wal && has_database);
    if (counts)
      add_from(hash, *file, part == ExtentPart::data ? geometry.extent_data_bytes() : 0, {});
  }
  return hash.hash();
}

std::uint64_t hash_of_state(const Directory& directory, ExtentId extent, const Geometry& geometry) {
  std::vector<std::unique_ptr<File>> files;
  std::vector<OpenPart> parts;
  for (const ExtentPart part : {ExtentPart::data, ExtentPart::db, ExtentPart::db_wal}) {
    auto file = open_if_there(directory, extent_file_name(extent, part));
    if (file == nullptr) continue;
    parts.push_back({part, file.get()});
    files.push_back(std::move(file));
  }
  return hash_of_state(parts, geometry);
}

bool SavedFile::is_whole() const {
  std::uint64_t next = 0;
  for (const SavedRange& range : ranges) {
    if (range.offset_bytes != next) return false;
    next += range.length_bytes;
  }
  return next == size_bytes;
}

const SavedFile* UndoSection::file(ExtentPart part) const {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const SavedFile& saved) { return saved.part == part; });
  return found == files.end() ? nullptr : &*found;
}

// ---- reading ------------------------------------------------------------------------------------

UndoFile::UndoFile(std::unique_ptr<File> file) : file_(std::move(file)) {
  std::array<std::byte, undo_header_bytes> header{};
  const bool has_header = file_->read_up_to(0, header) == header.size();
  const auto uuid = has_header ? decode_undo_header(header) : std::nullopt;
  if (!uuid) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is no undo file that region-repair has written", file_->path()));
  }
  uuid_ = *uuid;
  read_frames();
}

void UndoFile::read_frames() {
  UndoSection section;
  bool is_open = false;
  for (std::uint64_t at = undo_header_bytes; const auto found = read_frame(*file_, at);) {
    const UndoFrame& frame = found->frame;
    const bool begins = frame.kind == UndoFrameKind::begin || frame.kind == UndoFrameKind::done;
    if (begins == is_open || !add_to_section(section, *found)) return;
    at = found->payload_offset_bytes + frame.payload_bytes;
    is_open = frame.kind != UndoFrameKind::end && frame.kind != UndoFrameKind::done;
    if (is_open) continue;
    end_bytes_ = at;
    is_done_ = frame.kind == UndoFrameKind::done;
    if (is_done_) return;
    sections_.push_back(std::move(section));
    section = {};
  }
}

Bytes UndoFile::read(const SavedRange& range) const {
  return file_->read(range.position_bytes, range.length_bytes);
}

// ---- writing ------------------------------------------------------------------------------------

UndoLog::UndoLog(FileSystem& file_system, const std::string& path, const Uuid& uuid,
                 const Ownership& ownership) {
  const SplitPath split = split_path(path);
  const auto directory = expect_opened(file_system.open_directory(split.directory), path);
  if (is_plain_name(split.name) && directory->status_of(split.name)) {
    if (is_unfinished(file_system, path, uuid)) {
      go_on(*directory, split.name);
      return;
    }
    throw Error(ErrorKind::failed, fmt::format("'{}' exists, and is not the undo file of an "
                                               "interrupted repair of this region",
                                               path));
  }
  staged_ = std::make_unique<StagedFile>(file_system, path, /*replace=*/false, ownership);
  file_ = &staged_->file();
  file_->write(0, encode_undo_header(uuid));
  end_bytes_ = undo_header_bytes;
  staged_->sync();
  staged_->commit();
}

void UndoLog::go_on(Directory& directory, const std::string& name) {
  left_ = open_file_in(directory, name, Access::read_write);
  file_ = left_.get();
  const UndoFile left(open_file_in(directory, name, Access::read));
  sections_ = left.sections();
  end_bytes_ = left.end_bytes();
  file_->resize(end_bytes_);
  // What a killed process left in the cache counts from here on.
  file_->sync();
  directory.sync();
}

bool UndoLog::is_unfinished(FileSystem& file_system, const std::string& path, const Uuid& uuid) {
  const SplitPath split = split_path(path);
  const auto directory = expect_opened(file_system.open_directory(split.directory), path);
  auto file = open_if_there(*directory, split.name);
  if (file == nullptr) return false;
  try {
    const UndoFile found(std::move(file));
    return found.uuid() == uuid && !found.is_done();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    return false;
  }
}

std::string UndoLog::default_path(FileSystem& file_system, const std::string& region_path,
                                  const Uuid& uuid) {
  std::string base = region_path;
  while (base.size() > 1 && base.back() == '/') base.pop_back();
  // What has no name of its own, as ".", is named by where it is.
  if (!is_plain_name(split_path(base).name)) {
    base = std::filesystem::absolute(base).lexically_normal().string();
    while (base.size() > 1 && base.back() == '/') base.pop_back();
  }
  for (unsigned number = 1;; ++number) {
    std::string path = number == 1 ? base + ".undo" : fmt::format("{}.undo-{}", base, number);
    const SplitPath split = split_path(path);
    const auto directory = expect_opened(file_system.open_directory(split.directory), path);
    if (!directory->status_of(split.name) || is_unfinished(file_system, path, uuid)) return path;
  }
}

void UndoLog::append(const UndoFrame& frame, ByteView payload) {
  Bytes bytes(undo_frame_bytes + payload.size());
  Encoder encoder(bytes);
  encoder.put(encode_undo_frame(frame, payload));
  encoder.put(payload);
  file_->write(end_bytes_, bytes);
  end_bytes_ += bytes.size();
}

void UndoLog::begin(ExtentId extent, UndoChange change, const ExtentParts& replacement) {
  section_ = {extent, change, replacement, {}};
  append({UndoFrameKind::begin, extent, static_cast<std::uint64_t>(change), replacement.bits()});
}

void UndoLog::save_range(const File& file, ByteRange range) {
  while (range.length_bytes > 0) {
    const std::uint64_t length = std::min(undo_payload_bytes_max, range.length_bytes);
    append({UndoFrameKind::bytes, section_.extent, range.offset_bytes},
           file.read(range.offset_bytes, length));
    section_.files.back().ranges.push_back({range.offset_bytes, length, end_bytes_ - length});
    range = {range.offset_bytes + length, range.length_bytes - length};
  }
}

void UndoLog::save_whole(ExtentPart part, const File& file) {
  const std::uint64_t size_bytes = file.status().size_bytes;
  append({UndoFrameKind::file, section_.extent, static_cast<std::uint64_t>(part), size_bytes});
  section_.files.push_back({part, size_bytes, {}});
  save_range(file, {0, size_bytes});
}

void UndoLog::save_ranges(const File& file, std::span<const ByteRange> ranges) {
  const std::uint64_t size_bytes = file.status().size_bytes;
  append({UndoFrameKind::file, section_.extent, static_cast<std::uint64_t>(ExtentPart::data),
          size_bytes});
  section_.files.push_back({ExtentPart::data, size_bytes, {}});
  for (const ByteRange& range : ranges) save_range(file, range);
}

void UndoLog::save_patched(const File& file, std::span<const Patch> patches) {
  std::vector<ByteRange> ranges;
  for (const Patch& patch : patches) ranges.push_back({patch.offset_bytes, patch.bytes.size()});
  save_ranges(file, ranges);
}

void UndoLog::commit(std::uint64_t hash_before, std::uint64_t hash_after) {
  append({UndoFrameKind::end, section_.extent, hash_before, hash_after});
  section_.hash_before = hash_before;
  section_.hash_after = hash_after;
  file_->sync();
  sections_.push_back(section_);
}

void UndoLog::finish() {
  append({UndoFrameKind::done, {}});
  file_->sync();
}

Bytes UndoLog::read(const SavedRange& range) const {
  return file_->read(range.position_bytes, range.length_bytes);
}

}  // namespace libregion
