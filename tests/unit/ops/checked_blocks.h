// The findings of an extent's blocks, without those of the extent as a whole.

#pragma once

#include "libregion/base/text.h"
#include "libregion/format/integrity.h"
#include "libregion/ops/block_check.h"
#include "tests/unit/extent/open_test_extent.h"

namespace libregion {

struct CheckedBlocks {
  std::vector<Finding> findings;
  std::uint64_t written_blocks = 0;
};

inline CheckedBlocks check_blocks_of(const TestRegion& region,
                                     CheckDepth depth = CheckDepth::everything) {
  const OpenedExtent opened = open_extent_of(region, 0);
  if (opened.reader == nullptr) throw std::runtime_error("a test's extent that cannot be read");
  BlockCheck check(region.definition(), ExtentId{0}, *opened.reader, depth);
  opened.reader->read_blocks({0, opened.reader->readable_blocks()},
                             [&](const BlockRecord& record) { check.check(record); });
  return {check.take_findings(), check.written_blocks()};
}

inline CheckedBlocks check_raw_blocks(const RawExtentBuilder& built,
                                      const TestRegionOptions& options) {
  TestRegion region(options);
  region.put_raw(0, built);
  return check_blocks_of(region);
}

}  // namespace libregion
