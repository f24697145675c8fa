#include "tests/fuzz/fuzz_region.h"

#include "libregion/base/error.h"
#include "libregion/format/region_definition.h"
#include "libregion/ops/defragment.h"
#include "libregion/ops/migrate.h"
#include "libregion/ops/verify.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/peak_memory.h"

namespace libregion {
namespace {

constexpr std::size_t memory_bytes_max = std::size_t{16} << 20;
constexpr const char* region_path = "/r";

class CountingReporter : public Reporter {
 public:
  void extent(const ExtentRecord&) override {}
  void finding(const Finding& finding) override {
    // Whoever prints it uses all of it.
    text_bytes_ += finding.expected.size() + finding.found.size() + finding.file.size();
    if (finding_info(finding.id).severity == Severity::error) ++error_count_;
  }
  [[nodiscard]] std::uint64_t error_count() const { return error_count_; }

 private:
  std::size_t text_bytes_ = 0;
  std::uint64_t error_count_ = 0;
};

WalkOptions on_one_thread() {
  WalkOptions walk;
  walk.jobs = 1;
  return walk;
}

}  // namespace

FuzzGeometry FuzzGeometry::of(ByteView input) {
  FuzzGeometry geometry;
  geometry.block_size_bytes = std::uint64_t{512} << std::to_integer<unsigned>(input[0]) % 4;
  geometry.block_count = std::to_integer<unsigned>(input[1]) % 16 + 1;
  geometry.encrypted = (std::to_integer<unsigned>(input[2]) & 1U) != 0;
  return geometry;
}

Geometry FuzzGeometry::geometry() const {
  return std::get<Geometry>(Geometry::make(block_size_bytes, block_count));
}

FuzzRegion::FuzzRegion(const FuzzGeometry& geometry) {
  const RegionDefinition definition{geometry.geometry(), 1,
                                    *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"),
                                    geometry.encrypted};
  memory_.add_file("/r/region.json", as_byte_view(to_json_text(definition)));
}

void FuzzRegion::put(const std::string& name, ByteView content) {
  memory_.add_file("/r/00/000/" + name, content);
}

FuzzRegion::Verdict FuzzRegion::verify() {
  CountingReporter reporter;
  VerifyOptions options;
  options.walk = on_one_thread();
  try {
    const auto opened = open_region(memory_, region_path, {Access::read, false, 0});
    require(opened.region.has_value(), "the region can be opened");
    verify_region(*opened.region, options, reporter);
    return {true, reporter.error_count()};
  } catch (const Error&) {
    return {false, reporter.error_count()};
  }
}

void FuzzRegion::check_twice(const char* what,
                             const std::function<void(const Region&)>& operation) {
  const auto run = [&] {
    try {
      const auto opened = open_region(memory_, region_path, {Access::read_write, false, 0});
      require(opened.region.has_value(), "the region can be opened");
      operation(*opened.region);
    } catch (const Error&) {
      // Told; what it left is looked at below.
    }
  };
  const Verdict before = verify();
  run();
  const Verdict after = verify();
  if (before == Verdict{true, 0}) require(after == before, what);
  memory_.clear_log();
  run();
  require(memory_.changes().empty(), "the second time nothing is done");
}

void FuzzRegion::run_everything(std::size_t input_bytes) {
  const Tree before = memory_.tree("/");
  memory_.clear_log();
  const PeakMemory peak;
  (void)verify();
  require(peak.bytes() <= input_bytes + memory_bytes_max, "memory is bounded by the input");
  require(memory_.changes().empty() && memory_.tree("/") == before, "looking changes nothing");

  check_twice("defragmenting does no damage", [](const Region& region) {
    CountingReporter reporter;
    DefragmentOptions options;
    options.walk = on_one_thread();
    defragment_region(region, options, reporter);
  });
  check_twice("migrating does no damage", [](const Region& region) {
    CountingReporter reporter;
    MigrateOptions options;
    options.walk = on_one_thread();
    migrate_region(region, options, reporter);
  });
}

}  // namespace libregion
