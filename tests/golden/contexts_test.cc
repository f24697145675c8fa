// What a region says of each of its blocks is what Crucible says of it; and where Crucible refuses
// a region for one bad extent, the others and all that is left of the bad one are shown.

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <doctest/doctest.h>

#include "libregion/base/text.h"
#include "libregion/ops/verify.h"
#include "tests/golden/golden_region.h"

namespace libregion {
namespace {

using Lines = std::vector<std::string>;

// In the form of contexts.csv: extent,block,kind,hash,nonce,tag,data_xxh64. The hash of an
// encrypted block is left out. Kinds that Crucible has no word for: "bad", where the selected slot
// does not decode, and "lost", where no slot could be selected.
std::string row_of(std::uint32_t extent, const BlockRecord& record) {
  std::string row = std::to_string(extent) + "," + std::to_string(record.block) + ",";
  const BlockContext* context = record.context();
  if (context != nullptr && context->encryption) {
    row +=
        "encrypted,," + to_hex(context->encryption->nonce) + "," + to_hex(context->encryption->tag);
  } else if (context != nullptr) {
    row += "unencrypted," + hash_text(context->hash) + ",,";
  } else if (record.selected) {
    row += std::holds_alternative<BadSlot>(record.slots[*record.selected]) ? "bad,,," : "empty,,,";
  } else {
    row += record.slots.empty() ? "empty,,," : "lost,,,";
  }
  return row + "," + hash_text(record.data_hash);
}

Lines rows_of(const GoldenRegion& golden, std::uint32_t extent) {
  const OpenedExtent opened = golden.open(ExtentId{extent});
  Lines rows;
  if (opened.reader == nullptr) return rows;
  opened.reader->read_blocks({0, opened.reader->readable_blocks()}, [&](const BlockRecord& record) {
    rows.push_back(row_of(extent, record));
  });
  return rows;
}

Lines rows_of(const GoldenRegion& golden) {
  Lines rows;
  for (std::uint32_t extent = 0; extent < golden.extent_count(); ++extent) {
    const Lines more = rows_of(golden, extent);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

// Without the line that names the columns.
Lines crucibles_rows(const std::filesystem::path& expectations) {
  Lines rows = read_lines(expectations / "contexts.csv");
  if (!rows.empty()) rows.erase(rows.begin());
  return rows;
}

void check_same(const Lines& found, const Lines& expected) {
  CHECK(found.size() == expected.size());
  for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
    CHECK(found[i] == expected[i]);
  }
}

bool was_refused_by_crucible(const std::string& region) {
  return std::filesystem::exists(expectations_of(region) / "contexts.err.txt");
}

// "1 wrong_size": extents and ids of the errors that verifying finds.
class ErrorCollector : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& finding) override {
    const FindingInfo& info = finding_info(finding.id);
    if (info.severity != Severity::error) return;
    REQUIRE(finding.extent);
    errors.push_back(std::to_string(finding.extent->value) + " " + std::string(info.name));
  }
  Lines errors;
};

Lines errors_of(const GoldenRegion& golden) {
  ErrorCollector collector;
  verify_region(golden.region(), {}, collector);
  return collector.errors;
}

TEST_CASE("every block's context and data are what Crucible says they are") {
  std::size_t compared = 0;
  for (const std::string& region : golden_regions()) {
    const Lines expected = crucibles_rows(expectations_of(region));
    if (expected.empty() || was_refused_by_crucible(region)) continue;
    CAPTURE(region);
    const GoldenRegion golden(region);
    REQUIRE(golden.is_open());
    check_same(rows_of(golden), expected);
    compared += expected.size();
  }
  REQUIRE(compared > 2600);
}

// A region whose blocks Crucible does not show, or not all of them.
struct DamagedRegion {
  std::string region;
  // Crucible's contexts of a region with the same data and contexts, undamaged.
  std::string reference;
  Lines errors;
  // Rows that are not the reference's.
  Lines other_rows;
  // Rows that cannot be shown: extent, and the first of its blocks.
  std::map<std::uint32_t, std::uint64_t> absent_from;
};

const std::vector<DamagedRegion> damaged_regions = {
    // The blocks are resolved by their data, since the metadata cannot be believed.
    {"raw-corrupt-dirtybyte2/region", "json-unknown-field/expect", {"1 bad_metadata"}, {}, {}},
    {"raw-corrupt-version3/region", "json-unknown-field/expect", {"1 unknown_version"}, {}, {}},
    {"raw-corrupt-version-data/region",
     "json-unknown-field/expect",
     {"1 unknown_version", "1 no_matching_slot"},
     {"1,5,lost,,,,fe5b9d5daea6246a"},
     {}},
    {"raw-corrupt-slot-tag2/region",
     "json-unknown-field/expect",
     {"1 bad_active_slot"},
     {"1,5,bad,,,,ef9fb169708177d4"},
     {}},
    // A byte too many hides nothing.
    {"raw-extended-1/region", "json-unknown-field/expect", {"1 wrong_size"}, {}, {}},
    // Bits and metadata are gone, and most slots with them.
    {"raw-truncated-block/region", "json-unknown-field/expect", {"1 wrong_size"}, {}, {{1, 0}}},
    {"raw-truncated-data-only/region", "json-unknown-field/expect", {"1 wrong_size"}, {}, {{1, 0}}},
    {"raw-missing-extent/region", "json-unknown-field/expect", {"1 missing_extent"}, {}, {{1, 0}}},
    // Without a database nobody knows the contexts.
    {"sqlite-corrupt-db-header/region",
     "sqlite-clean/expect",
     {"1 sqlite_not_a_database"},
     {},
     {{1, 0}}},
    {"sqlite-corrupt-db-header/region-after",
     "sqlite-clean/expect",
     {"1 sqlite_not_a_database"},
     {},
     {{1, 0}}},
    {"sqlite-empty-db/region", "sqlite-clean/expect", {"1 sqlite_empty_file"}, {}, {{1, 0}}},
    {"sqlite-empty-db/region-after",
     "sqlite-clean/expect",
     {"1 sqlite_unknown_schema"},
     {},
     {{1, 0}}},
    {"sqlite-replace-onto-raw/region-after",
     "sqlite-replace-onto-raw/expect",
     {"1 wrong_size"},
     {},
     {{1, 0}}},
    // The last block is not there.
    {"sqlite-short-data/region", "sqlite-clean/expect", {"1 short_data_file"}, {}, {{1, 15}}},
    // What an earlier migration wrote behind the data hides nothing.
    {"sqlite-partial-migration/region", "sqlite-partial-migration/expect-after", {}, {}, {}},
};

// Regions that these tools refuse as a whole: what stands in region.json decides how everything
// else is read.
struct RefusedRegion {
  std::string region;
  FindingId id;
  std::string expected;  // starts with the member that is at fault
};

const std::vector<RefusedRegion> refused_regions = {
    {"json-bad-read-version/region", FindingId::definition_invalid, "database_read_version: "},
    // Crucible takes the layout from the shift alone and stops in the middle.
    {"json-blocksize-mismatch/region", FindingId::definition_invalid, "extent_size.shift: "},
    {"json-missing/region", FindingId::definition_missing, ""},
    {"json-missing-field/region", FindingId::definition_invalid, "encrypted: "},
};

// "1,15,unencrypted,..." is extent 1, block 15.
std::pair<std::uint32_t, std::uint64_t> place_of(const std::string& row) {
  const std::size_t comma = row.find(',');
  return {static_cast<std::uint32_t>(std::stoul(row)), std::stoul(row.substr(comma + 1))};
}

Lines expected_rows(const DamagedRegion& damaged) {
  Lines rows;
  for (const std::string& row : crucibles_rows(golden_directory() / damaged.reference)) {
    const auto place = place_of(row);
    const auto absent = damaged.absent_from.find(place.first);
    if (absent != damaged.absent_from.end() && place.second >= absent->second) continue;
    const auto other =
        std::find_if(damaged.other_rows.begin(), damaged.other_rows.end(),
                     [&](const std::string& candidate) { return place_of(candidate) == place; });
    rows.push_back(other != damaged.other_rows.end() ? *other : row);
  }
  return rows;
}

TEST_CASE("of a region that Crucible refuses, all blocks that are left are shown") {
  for (const DamagedRegion& damaged : damaged_regions) {
    CAPTURE(damaged.region);
    const GoldenRegion golden(damaged.region);
    REQUIRE(golden.is_open());
    const Lines expected = expected_rows(damaged);
    REQUIRE_FALSE(expected.empty());
    check_same(rows_of(golden), expected);
  }
}

TEST_CASE("of a region that Crucible refuses, findings say which extents are damaged and how") {
  for (const DamagedRegion& damaged : damaged_regions) {
    CAPTURE(damaged.region);
    CHECK(errors_of(GoldenRegion(damaged.region)) == damaged.errors);
  }
}

// Dirty, and the data of one block has changed: neither slot matches it. There is no undamaged
// region with the same data; slots_test.cc looks at the other blocks.
const std::string region_with_a_lost_context = "raw-corrupt-data-dirty/region";

TEST_CASE("a block that has lost its context is shown as that, and all the others with theirs") {
  const GoldenRegion golden(region_with_a_lost_context);
  const Lines rows = rows_of(golden);
  CHECK(rows.size() == 36);
  Lines lost;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(lost), [](const std::string& row) {
    return row.find(",unencrypted,") == std::string::npos &&
           row.find(",empty,") == std::string::npos;
  });
  CHECK(lost == Lines{"1,5,lost,,,,fe5b9d5daea6246a"});
  CHECK(errors_of(golden) == Lines{"1 no_matching_slot"});
}

TEST_CASE("what Crucible shows before it stops is among what is shown") {
  const std::string region = "raw-corrupt-slot-tag2/region";
  const Lines expected = crucibles_rows(expectations_of(region));
  REQUIRE(expected.size() == 17);
  const Lines found = rows_of(GoldenRegion(region));
  REQUIRE(found.size() == 36);
  check_same(Lines(found.begin(), found.begin() + 17), expected);
}

TEST_CASE("a region whose region.json cannot be used is refused, with a finding that says why") {
  for (const RefusedRegion& refused : refused_regions) {
    CAPTURE(refused.region);
    const GoldenRegion golden(refused.region);
    CHECK_FALSE(golden.is_open());
    REQUIRE(golden.findings().size() == 1);
    CHECK(golden.findings()[0].id == refused.id);
    CHECK(golden.findings()[0].file == "region.json");
    CHECK(golden.findings()[0].expected.starts_with(refused.expected));
  }
}

TEST_CASE("the tables of damaged regions name exactly those that Crucible refuses") {
  std::set<std::string> named = {region_with_a_lost_context};
  for (const DamagedRegion& damaged : damaged_regions) named.insert(damaged.region);
  for (const RefusedRegion& refused : refused_regions) named.insert(refused.region);
  const Lines regions = golden_regions();
  std::set<std::string> refused_by_crucible;
  std::copy_if(regions.begin(), regions.end(),
               std::inserter(refused_by_crucible, refused_by_crucible.end()),
               was_refused_by_crucible);
  CHECK(named == refused_by_crucible);
}

}  // namespace
}  // namespace libregion
