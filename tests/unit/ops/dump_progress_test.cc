// Dumps of large extents tell how far they are within one.

#include <doctest/doctest.h>

#include "libregion/format/raw_layout.h"
#include "libregion/ops/bundle.h"
#include "libregion/ops/dump_inventory.h"
#include "libregion/ops/dump_raw.h"
#include "libregion/ops/dump_slots.h"
#include "tests/unit/ops/counting_progress.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {
namespace {

// One extent of 20 MiB.
struct LargeExtent {
  LargeExtent() { region.put_raw(0, region.raw().write(3).set_dirty()); }
  void run(const std::function<void(const Region&, Reporter&)>& dump) const {
    PosixFileSystem file_system;
    const auto opened = open_region(file_system, region.path(), {});
    REQUIRE(opened.region);
    ReportCollector collector;
    dump(*opened.region, collector);
  }
  TestRegion region{{4096, 5120, 1}};
  std::uint64_t data_bytes = region.geometry().extent_data_bytes();
};

TEST_CASE("what reads the data tells of it every few MiB") {
  const LargeExtent large;
  CountingProgress progress;
  large.run([&](const Region& region, Reporter& reporter) {
    SUBCASE("slots") { dump_slots(region, {}, &progress, reporter); }
    SUBCASE("an inventory of a dirty extent") { take_inventory(region, {}, &progress, reporter); }
    SUBCASE("a bundle") {
      BundleOptions options{"test", "0"};
      options.progress = &progress;
      write_bundle(
          region, options, [](ByteView) {}, reporter);
    }
  });
  CHECK(progress.extents == 1);
  CHECK(progress.bytes == large.data_bytes);
  CHECK(progress.calls_before_first_extent == 3);
}

TEST_CASE("the bytes behind the data, too, are told while they are read") {
  const LargeExtent large;
  CountingProgress progress;
  large.run(
      [&](const Region& region, Reporter& reporter) { dump_raw(region, {}, &progress, reporter); });
  CHECK(progress.extents == 1);
  CHECK(progress.bytes == RawLayout(large.region.geometry()).file_bytes() - large.data_bytes);
  // Metadata, bits, and twice both arrays.
  CHECK(progress.calls_before_first_extent == 1 + 1 + 2 * 2);
}

}  // namespace
}  // namespace libregion
