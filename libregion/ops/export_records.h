// What an export writes beside the image: the contexts of its blocks, so that an encrypted image
// can be decrypted later, and a manifest.
//
// Contexts, in the order of the blocks, of those that have one and are in the image whole:
//   jsonl   {"extent":0,"block":3,"region_block":3,"image_offset":12288,"hash":"848a...",
//            "nonce":"...","tag":"...","on_disk_hash":"848a..."}; nonce and tag null where the
//            block is not encrypted
//   csv     a line of the same names, then a line for each block; nonce and tag empty there
//
// The manifest is one JSON object: the region's UUID and geometry, an object for each extent with
// its numbers and the XXH64 of its part of the image, and "xxh64_of_extents": the XXH64 of these
// hashes in their order, each as 8 bytes, the most significant first. Unlike a hash of the image as
// one stream it can be had from many threads, at the speed of the disk.

#pragma once

#include <optional>
#include <string>

#include "libregion/format/integrity.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/staged_file.h"
#include "libregion/ops/extent_selection.h"
#include "libregion/report/reporter.h"

namespace libregion {

enum class ContextsFormat : std::uint8_t { jsonl, csv };

struct ExportRecordsOptions {
  std::optional<std::string> contexts_path;
  ContextsFormat contexts_format = ContextsFormat::jsonl;
  std::optional<std::string> manifest_path;
  bool replace = false;  // files that are there
};

// Which part of which extents' data the image is.
struct ImagePart {
  ExtentSelection extents;
  ByteRange range;
};

class ExportRecords {
 public:
  ExportRecords(FileSystem& file_system, const ExportRecordsOptions& options);

  [[nodiscard]] bool wants_contexts() const { return contexts_.has_value(); }
  [[nodiscard]] bool wants_hashes() const { return manifest_.has_value(); }

  void begin(const RegionDefinition& definition, const ImagePart& part);
  void add(const BlockReport& block);
  void add(const ExtentRecord& extent);
  void end();

  // A failure of either is final: leave() is all that may follow.
  void sync();
  void commit();
  // Nothing is removed any more.
  void leave();

 private:
  // Text that goes to a file, in large writes.
  class Writer {
   public:
    Writer(FileSystem& file_system, const std::string& path, bool replace)
        : staged(file_system, path, replace) {}
    void flush();
    void flush_if_large();

    StagedFile staged;
    std::string text;

   private:
    std::uint64_t offset_bytes_ = 0;
  };

  std::optional<Writer> contexts_;
  ContextsFormat contexts_format_;
  std::optional<Writer> manifest_;
  std::optional<RegionDefinition> definition_;
  ImagePart part_;
  HashStream hash_of_extents_;
  std::uint64_t extents_written_ = 0;
  std::optional<ExtentId> context_extent_;   // of the last context
  std::uint64_t context_extent_offset_ = 0;  // of its data among that of the selected extents
};

}  // namespace libregion
