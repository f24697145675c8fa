// What a repair saves before it changes anything: the undo file (see format/undo_frames.h).
//
// The order of things, for each extent:
//   0. once: the file made with its header, as io/staged_file.h makes one
//   1. its section appended             a crash leaves a section without its end, which counts for
//                                       nothing: nothing has been changed yet
//   2. the undo file synced
//   3. only then the extent is changed
// At the end of a run the mark that it is done. A file without that mark is an interrupted run's:
// the next run goes on with it, so that one undo file takes the region back to before the first of
// them.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/format/undo_frames.h"
#include "libregion/io/file_system.h"
#include "libregion/io/staged_file.h"

namespace libregion {

// Bytes that were saved, and where in the undo file they stand.
struct SavedRange {
  std::uint64_t offset_bytes = 0;  // in the extent's file
  std::uint64_t length_bytes = 0;
  std::uint64_t position_bytes = 0;  // in the undo file
};

struct SavedFile {
  ExtentPart part = ExtentPart::data;
  std::uint64_t size_bytes = 0;
  std::vector<SavedRange> ranges;

  [[nodiscard]] bool is_whole() const;  // every byte of it was saved
};

// What was saved of one extent. A file that is not listed was not there, unless the extent is
// changed in place.
struct UndoSection {
  ExtentId extent;
  UndoChange change = UndoChange::in_place;
  ExtentParts replacement;  // of a replacement that is finished: its files
  std::vector<SavedFile> files;
  // What the extent was, and what it is to become. In place: hash_of_tail; else hash_of_state.
  std::uint64_t hash_before = 0;
  std::uint64_t hash_after = 0;

  [[nodiscard]] const SavedFile* file(ExtentPart part) const;
};

// New bytes for a place in a file.
struct Patch {
  std::uint64_t offset_bytes = 0;
  Bytes bytes;
};

// XXH64 of what stands in an extent's data file behind the block data: slots, bits and metadata.
// With any write and any flush it becomes another one. `patches` take the place of what is there.
std::uint64_t hash_of_tail(const File& file, const Geometry& geometry,
                           std::span<const Patch> patches = {});

// A file of an extent that somebody has open.
struct OpenPart {
  ExtentPart part = ExtentPart::data;
  const File* file = nullptr;
};

// The same of all files of an extent that say what its blocks are: the tail of the data file, the
// database, its log. In the order of their parts.
std::uint64_t hash_of_state(std::span<const OpenPart> parts, const Geometry& geometry);
// Of those in this directory.
std::uint64_t hash_of_state(const Directory& directory, ExtentId extent, const Geometry& geometry);

// An undo file that is read.
class UndoFile {
 public:
  // Throws Error (usage) where it is no undo file.
  explicit UndoFile(std::unique_ptr<File> file);

  [[nodiscard]] const Uuid& uuid() const { return uuid_; }
  [[nodiscard]] const std::vector<UndoSection>& sections() const { return sections_; }
  [[nodiscard]] bool is_done() const { return is_done_; }
  // Behind the last section that counts.
  [[nodiscard]] std::uint64_t end_bytes() const { return end_bytes_; }
  [[nodiscard]] const std::string& path() const { return file_->path(); }

  // The bytes of a range.
  [[nodiscard]] Bytes read(const SavedRange& range) const;

 private:
  void read_frames();

  std::unique_ptr<File> file_;
  Uuid uuid_;
  std::vector<UndoSection> sections_;
  bool is_done_ = false;
  std::uint64_t end_bytes_ = undo_header_bytes;
};

// An undo file that is written.
class UndoLog {
 public:
  // Makes the file, or goes on with the one of an interrupted run. It holds data of the region: it
  // gets the owner and mode of the region's own files. Throws Error (failed) where something else
  // is there.
  UndoLog(FileSystem& file_system, const std::string& path, const Uuid& uuid,
          const Ownership& ownership);

  // Whether the path names the undo file of an interrupted run on this region.
  static bool is_unfinished(FileSystem& file_system, const std::string& path, const Uuid& uuid);
  // DIR.undo, or DIR.undo-2 and so on where that is another run's.
  static std::string default_path(FileSystem& file_system, const std::string& region_path,
                                  const Uuid& uuid);

  // Of the interrupted runs that it goes on with, and of this one.
  [[nodiscard]] const std::vector<UndoSection>& sections() const { return sections_; }

  void begin(ExtentId extent, UndoChange change, const ExtentParts& replacement = {});
  void save_whole(ExtentPart part, const File& file);
  // The bytes that these patches are about to overwrite.
  void save_patched(const File& file, std::span<const Patch> patches);
  void save_ranges(const File& file, std::span<const ByteRange> ranges);
  // Ends the section and syncs: from here on the extent may be changed.
  void commit(std::uint64_t hash_before, std::uint64_t hash_after);
  // The run is done.
  void finish();

  // Of a section, to put its extent back.
  [[nodiscard]] Bytes read(const SavedRange& range) const;

 private:
  void append(const UndoFrame& frame, ByteView payload = {});
  void save_range(const File& file, ByteRange range);

  // Of an interrupted run: its sections, and its file as it is now on disk.
  void go_on(Directory& directory, const std::string& name);

  std::unique_ptr<StagedFile> staged_;  // a new file
  std::unique_ptr<File> left_;          // an interrupted run's
  File* file_ = nullptr;                // one of the two
  std::uint64_t end_bytes_ = 0;
  UndoSection section_;
  std::vector<UndoSection> sections_;
};

}  // namespace libregion
