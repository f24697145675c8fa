// What is told while a region is bundled.

#pragma once

#include <optional>
#include <string>

#include "libregion/base/error.h"
#include "libregion/ops/bundle.h"

namespace libregion {

// Tells it, and counts it in the summary.
class BundleNotes {
 public:
  BundleNotes(Reporter& reporter, BundleSummary& summary)
      : reporter_(reporter), summary_(summary) {}

  // The record `not_carried`.
  void add_not_carried(std::optional<ExtentId> extent, const std::string& file,
                       const std::string& reason);
  // While `error` is being handled: what is no failure to read goes on.
  void add_unreadable(std::optional<ExtentId> extent, const std::string& file, const Error& error);
  void add_changed(ExtentId extent, const std::string& file);
  void add_blocks(std::uint64_t block_count, std::uint64_t data_bytes);

 private:
  Reporter& reporter_;
  BundleSummary& summary_;
};

}  // namespace libregion
