// Where an operation says what it does and finds. The library never prints: a tool renders this.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libregion/format/metadata.h"
#include "libregion/report/finding.h"

namespace libregion {

// What an operation has to say of one extent besides its findings.
struct ExtentRecord {
  ExtentId extent;
  std::string file;                                       // relative to the region's directory
  std::string_view format;                                // "raw", "sqlite" or "unknown"
  std::optional<ExtentMetadata> metadata = std::nullopt;  // where it could be read

  struct Field {
    std::string_view name;
    std::variant<bool, std::uint64_t, std::string_view> value;
  };
  std::vector<Field> fields = {};  // the operation's own, in the order they are shown
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
