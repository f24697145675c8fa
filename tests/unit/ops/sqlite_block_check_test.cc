// What can be wrong with the blocks of a SQLite extent.

#include <doctest/doctest.h>

#include "tests/unit/ops/checked_blocks.h"

namespace libregion {
namespace {

// An extent with block 2 written and flushed; then `change` happens.
template <class Change>
CheckedBlocks check_after(Change change, CheckDepth depth = CheckDepth::everything) {
  TestRegion region;
  const auto writer = region.make_sqlite(0);
  writer->write(2, region.data_for(2));
  writer->flush(1, 1);
  change(region, *writer);
  writer->die();
  return check_blocks_of(region, depth);
}

void put_data(const TestRegion& region, std::uint64_t block, ByteView data) {
  Bytes file = region.file("00/000/000");
  std::copy(data.begin(), data.end(), file.begin() + static_cast<std::ptrdiff_t>(block * 512));
  region.put_file("00/000/000", file);
}

std::string hash_of(const Bytes& data) { return hash_text(on_disk_hash(data)); }

TEST_CASE("sound SQLite blocks have no findings, clean or dirty") {
  const auto clean = check_after([](TestRegion&, LiveSqliteWriter&) {});
  CHECK(names_of(clean.findings) == "");
  CHECK(clean.written_blocks == 1);
  const auto dirty = check_after([](TestRegion& region, LiveSqliteWriter& writer) {
    writer.write(2, region.data_for(2, 1));
    writer.write(2, region.data_for(2, 2));
    writer.write(3, region.data_for(3));
  });
  CHECK(names_of(dirty.findings) == "");
  CHECK(dirty.written_blocks == 2);
}

TEST_CASE("the only row does not match its data") {
  SUBCASE("other data") {
    const auto checked = check_after(
        [](TestRegion& region, LiveSqliteWriter&) { put_data(region, 2, region.data_for(2, 1)); });
    REQUIRE(names_of(checked.findings) == "sqlite_no_matching_row");
    const TestRegion region;
    const Finding& finding = checked.findings[0];
    CHECK(finding.file == "00/000/000");
    CHECK(finding.blocks == BlockRange{2, 1});
    CHECK(finding.offset_bytes == 1024);
    CHECK(finding.length_bytes == 512);
    CHECK(finding.expected == "row 0 " + hash_of(region.data_for(2)));
    CHECK(finding.found == "data " + hash_of(region.data_for(2, 1)));
    CHECK(checked.written_blocks == 1);
  }
  SUBCASE("zeros, though it was flushed") {
    const auto checked = check_after([](TestRegion& region, LiveSqliteWriter&) {
      const Bytes zeros(512);
      put_data(region, 2, zeros);
    });
    CHECK(names_of(checked.findings) == "sqlite_no_matching_row");
  }
}

TEST_CASE("no row of several matches") {
  const auto checked = check_after([](TestRegion& region, LiveSqliteWriter& writer) {
    writer.write(2, region.data_for(2, 1));
    put_data(region, 2, region.data_for(2, 7));
  });
  REQUIRE(names_of(checked.findings) == "sqlite_no_matching_row");
  CHECK(checked.findings[0].expected.starts_with("row 0 "));
  CHECK(checked.findings[0].expected.find(", row 1 ") != std::string::npos);
}

TEST_CASE("rows of writes whose data never arrived are a note") {
  const auto checked = check_after([](TestRegion& region, LiveSqliteWriter& writer) {
    writer.write(5, region.data_for(5), std::nullopt, /*data_arrives=*/false);
    writer.write(6, region.data_for(6), std::nullopt, /*data_arrives=*/false);
    writer.write(6, region.data_for(6, 1), std::nullopt, /*data_arrives=*/false);
  });
  REQUIRE(names_of(checked.findings) == "sqlite_stale_rows");
  CHECK(checked.findings[0].blocks == BlockRange{5, 2});
  CHECK(finding_info(FindingId::sqlite_stale_rows).severity == Severity::note);
  CHECK(checked.written_blocks == 1);
}

TEST_CASE("data without a row") {
  const auto change = [](TestRegion& region, LiveSqliteWriter&) {
    put_data(region, 7, region.data_for(7));
  };
  const auto checked = check_after(change);
  REQUIRE(names_of(checked.findings) == "data_without_context");
  CHECK(checked.findings[0].blocks == BlockRange{7, 1});
  CHECK(checked.findings[0].expected == "zeros, or a row");
  // Migrating does not need to look at it.
  CHECK(names_of(check_after(change, CheckDepth::contexts).findings) == "");
}

TEST_CASE("the integrity hash of a row is checked too") {
  const auto change = [](TestRegion&, LiveSqliteWriter& writer) {
    writer.execute("UPDATE block_context SET hash = hash + 1 WHERE block = 2");
  };
  CHECK(names_of(check_after(change).findings) == "integrity_hash_mismatch");
  CHECK(names_of(check_after(change, CheckDepth::contexts).findings) == "");
}

TEST_CASE("a row of the kind that the region does not have") {
  const auto checked = check_after([](TestRegion& region, LiveSqliteWriter& writer) {
    writer.write(3, region.data_for(3), some_encryption(1));
  });
  REQUIRE(names_of(checked.findings) == "context_kind_mismatch");
  CHECK(checked.findings[0].blocks == BlockRange{3, 1});
}

TEST_CASE("a block with very many rows does not make a finding of their length") {
  const auto checked = check_after([](TestRegion&, LiveSqliteWriter& writer) {
    writer.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) "
        "INSERT INTO block_context SELECT 4, i, NULL, NULL, i FROM n");
  });
  REQUIRE(names_of(checked.findings) == "sqlite_stale_rows");
  CHECK(checked.findings[0].expected.size() < 4096);
}

}  // namespace
}  // namespace libregion
