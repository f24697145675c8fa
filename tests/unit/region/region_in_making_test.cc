// A region in the making that is given up: what stays is said.

#include "libregion/region/region_in_making.h"

#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "tests/support/memory_file_system.h"

namespace libregion {
namespace {

TEST_CASE("whoever gives a region up leaves nothing, or is told that it stays") {
  for (const bool can_be_removed : {true, false}) {
    CAPTURE(can_be_removed);
    MemoryFileSystem memory;
    const auto make = [&] {
      return make_region(memory, "/r", {}, [&](RegionInMaking& making) {
        (void)making.enter_leaf(LeafId{});
        if (!can_be_removed) memory.add_fault({EIO, CallKind::remove_directory});
        return false;
      });
    };
    if (can_be_removed) {
      CHECK_FALSE(make());
      CHECK_FALSE(memory.exists("/r"));
      continue;
    }
    CHECK_THROWS_WITH_AS((void)make(), "what was made stays in '/r', --force clears it", Error);
    CHECK(memory.exists("/r/00"));
  }
}

}  // namespace
}  // namespace libregion
