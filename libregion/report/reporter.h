// Where an operation says what it does and finds. The library never prints: a tool renders this.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libregion/format/context_slot.h"
#include "libregion/format/metadata.h"
#include "libregion/report/finding.h"

namespace libregion {

// A named value of a record.
struct ReportField {
  std::string_view name;
  std::variant<bool, std::uint64_t, std::string_view, std::string> value;
};

// What an operation has to say of one extent besides its findings.
struct ExtentRecord {
  ExtentId extent;
  std::string file;                                       // relative to the region's directory
  std::string_view format;                                // "raw", "sqlite" or "unknown"
  std::optional<ExtentMetadata> metadata = std::nullopt;  // where it could be read
  std::vector<ReportField> fields = {};  // the operation's own, in the order they are shown
};

// One block with all its contexts. Views are good only while it is reported.
struct BlockReport {
  ExtentId extent;
  std::string_view file;           // as in ExtentRecord
  std::uint64_t block = 0;         // in its extent
  std::uint64_t region_block = 0;  // in the region
  bool is_raw = true;              // slots are A and B; else the rows of a database
  std::span<const SlotValue> slots;
  std::optional<std::size_t> selected;  // which of them is the block's context
  std::uint64_t data_hash = 0;          // of the data, as the on-disk hash is
  bool data_is_zero = false;
  std::optional<bool> decrypts = std::nullopt;  // where there is a key, and the block is encrypted
};

// Anything else: a record of the operation's own type.
struct OtherRecord {
  std::string_view type;
  std::optional<ExtentId> extent = std::nullopt;
  std::string file = {};
  std::vector<ReportField> fields = {};
  std::string text = {};  // what people read instead: lines, the last with its newline too
};

class Reporter {
 public:
  Reporter() = default;
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  virtual ~Reporter() = default;

  // In the order of the extents, from one thread at a time.
  virtual void extent(const ExtentRecord& record) = 0;
  virtual void finding(const Finding& finding) = 0;
  // Only some operations have these; a reporter of others has no use for them.
  virtual void block(const BlockReport& /*report*/) {}
  virtual void record(const OtherRecord& /*record*/) {}
};

// How far a job is. Called from any thread, often: it must be quick.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  virtual void start(std::uint64_t extent_count, std::uint64_t total_bytes) = 0;
  virtual void advance(std::uint64_t extent_count, std::uint64_t done_bytes) = 0;
};

}  // namespace libregion
