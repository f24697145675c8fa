// What scenarios are made of.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

// Counts errors; findings become "id file found" lines where there is a list for them.
class ListReporter : public Reporter {
 public:
  explicit ListReporter(std::vector<std::string>* lines) : lines_(lines) {}

  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& finding) override {
    const FindingInfo& info = finding_info(finding.id);
    if (info.severity == Severity::error) ++error_count;
    if (lines_ == nullptr) return;
    lines_->push_back(std::string(info.name) + " " + finding.file + " " + finding.found);
  }

  std::uint64_t error_count = 0;

 private:
  std::vector<std::string>* lines_;
};

// The region at "/r".
Region open_for(MemoryFileSystem& memory, Access access);

// A file of so many bytes that look random, the same ones every time, on the real disk.
std::string path_of_random_file(std::size_t size_bytes);

// A region of blocks of 512 bytes as region-create makes it, with an image in all extents but the
// last.
std::unique_ptr<MemoryFileSystem> created(ExtentFormat format, std::uint32_t extent_count,
                                          std::uint64_t extent_size_blocks);

// Another region's extent, as the files of a repair in `directory`.
void add_repair(MemoryFileSystem& memory, const std::string& directory, const std::string& extent,
                const MemoryFileSystem& source, const std::string& source_extent);

std::unique_ptr<MemoryFileSystem> without_syncfs(std::unique_ptr<MemoryFileSystem> memory);

}  // namespace libregion
