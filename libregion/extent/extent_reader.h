// Reading an extent, whatever the backend. Nothing here changes anything on disk.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "libregion/extent/block_record.h"
#include "libregion/format/metadata.h"
#include "libregion/format/units.h"
#include "libregion/io/file_system.h"
#include "libregion/report/finding.h"

namespace libregion {

enum class ExtentFormat : std::uint8_t { raw, sqlite };
std::string_view format_name(ExtentFormat format);

class ExtentReader {
 public:
  ExtentReader() = default;
  ExtentReader(const ExtentReader&) = delete;
  ExtentReader& operator=(const ExtentReader&) = delete;
  virtual ~ExtentReader() = default;

  [[nodiscard]] virtual ExtentFormat format() const = 0;

  // nullopt where it is damaged; the blocks are then resolved as in a dirty extent.
  [[nodiscard]] virtual const std::optional<ExtentMetadata>& metadata() const = 0;

  // How many blocks, from the first on, the file still holds: fewer than the extent has only where
  // the file is too short.
  [[nodiscard]] virtual std::uint64_t readable_blocks() const = 0;

  // Reads the blocks and visits each in order. The record is valid during the visit only. Throws
  // where the disk cannot be read; the visits up to then stand.
  virtual void read_blocks(BlockRange range,
                           const std::function<void(const BlockRecord&)>& visit) = 0;

  // How many of these blocks, from the first on, are known without being read to be zero and to
  // have no context of any kind: there is nothing to be said of them. Takes no longer for many.
  [[nodiscard]] virtual std::uint64_t count_unwritten(BlockRange range) = 0;

  // The records of all that is read from here on have their integrity hashes.
  void want_integrity_hashes() { wants_integrity_hashes_ = true; }

  // The data of the records are looked at during the visit, and not given to the system to be
  // written: they may be a view of the file. A disk that fails is then told of as ever.
  void want_views() { wants_views_ = true; }

  // The open files that the extent consists of.
  [[nodiscard]] virtual std::vector<const File*> files() const = 0;

 protected:
  [[nodiscard]] bool wants_integrity_hashes() const { return wants_integrity_hashes_; }
  [[nodiscard]] bool wants_views() const { return wants_views_; }
  void stop_views() { wants_views_ = false; }

 private:
  bool wants_views_ = false;
  bool wants_integrity_hashes_ = false;
};

// Called for each file once it is open and before anything is read of it: takes a lease on it, or
// throws because somebody else is using it.
using FileClaim = std::function<void(File&)>;

struct OpenedExtent {
  std::unique_ptr<ExtentReader> reader;  // none where its blocks cannot be looked at
  std::vector<Finding> findings;         // of the extent as a whole
  // Where there is no reader: what was open and claimed while the findings were made.
  std::vector<std::unique_ptr<File>> files = {};
};

// What an extent says of itself as a whole, without its blocks. Of a raw extent only the file's end
// is read, of a SQLite one the first pages of the database, and all of it where these do not do.
struct ExtentSummary {
  std::optional<ExtentMetadata> metadata;  // none where a finding says why
  std::vector<Finding> findings;
  std::vector<std::unique_ptr<File>> files;  // what was open and claimed; a raw extent's only file
  std::uint64_t read_bytes = 0;
};

}  // namespace libregion
