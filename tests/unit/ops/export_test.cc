// Exporting a region: what the image holds, for every state of an extent, and what is told of it.

#include <algorithm>
#include <cerrno>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/format/integrity.h"
#include "tests/unit/ops/exported_region.h"
#include "tests/unit/ops/hooked_file_system.h"

namespace libregion {
namespace {

using Order = std::vector<std::string>;

std::vector<ExportOptions> ways_to_export() {
  std::vector<ExportOptions> ways(4);
  ways[1].check = false;
  ways[2].walk.jobs = 3;
  ways[3].check = false;
  ways[3].on_bad = OnBad::zero;
  return ways;
}

TEST_CASE("the image is the data of all extents, whatever their format and state") {
  const MixedRegion mixed;
  const Bytes expected = data_of(mixed.region, 4);
  for (const ExportOptions& options : ways_to_export()) {
    for (const bool sparse : {true, false}) {
      ExportDisk disk(mixed.region);
      const Tree before = disk.memory.tree("/r");
      const Exported exported = export_on(disk.memory, options, {{.sparse = sparse}});
      CHECK(disk.image() == expected);
      CHECK(disk.made() == "image ");
      CHECK(exported.summary.is_whole());
      CHECK(exported.summary.extent_count == 4);
      CHECK(exported.summary.block_count == 32);
      CHECK(exported.summary.bad_count == 0);
      CHECK(exported.summary.image_bytes == expected.size());
      CHECK(difference(before, disk.memory.tree("/r")) == "");
      for (const Call& call : disk.memory.changes()) CHECK(call.path.starts_with("/out/"));
    }
  }
}

TEST_CASE("any part of the image can be had, of any extents") {
  const MixedRegion mixed;
  const Bytes all = data_of(mixed.region, 4);
  Bytes chosen = part_of(all, 0, 4096);
  const Bytes third = part_of(all, 2 * 4096, 4096);
  chosen.insert(chosen.end(), third.begin(), third.end());
  for (ExportOptions options : ways_to_export()) {
    for (const std::uint64_t offset : {0UL, 1UL, 511UL, 512UL, 4095UL, 4096UL, 5000UL, 8191UL}) {
      for (const std::uint64_t length : {0UL, 1UL, 512UL, 700UL, 4097UL}) {
        if (offset + length > chosen.size()) continue;
        options.walk.extents = ExtentSelection::parse("0,2");
        options.offset_bytes = offset;
        options.length_bytes = length;
        ExportDisk disk(mixed.region);
        export_on(disk.memory, options);
        CHECK(disk.image() == part_of(chosen, offset, length));
        options.length_bytes = std::nullopt;
        ExportDisk rest(mixed.region);
        export_on(rest.memory, options);
        CHECK(rest.image() == part_of(chosen, offset, chosen.size() - offset));
      }
    }
  }
}

TEST_CASE("a part that the image does not have is a usage error, and nothing is made") {
  const MixedRegion mixed;
  for (const auto& [offset, length] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {16'385, 0}, {0, 16'385}, {16'000, 385}, {~std::uint64_t{0}, 1}}) {
    ExportDisk disk(mixed.region);
    ExportOptions options;
    options.offset_bytes = offset;
    options.length_bytes = length;
    try {
      export_on(disk.memory, options);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(std::string(error.what()).find("16384") != std::string::npos);
    }
    CHECK(disk.made() == "");
  }
}

TEST_CASE("zeros are left out of a sparse image, and written where that is wanted") {
  const MixedRegion mixed;  // all of extent 3 is zero
  ExportDisk sparse(mixed.region);
  ExportDisk full(mixed.region);
  const auto written = [](const MemoryFileSystem& memory) {
    std::uint64_t bytes = 0;
    for (const Call& call : memory.changes()) {
      if (call.kind == CallKind::write) bytes += call.length_bytes;
    }
    return bytes;
  };
  const Exported exported = export_on(sparse.memory);
  CHECK(exported.summary.data_bytes == written(sparse.memory));
  export_on(full.memory, {}, {{.sparse = false}});
  CHECK(written(sparse.memory) == 3 * 4096);
  CHECK(written(full.memory) == 4 * 4096);
}

// ---- blocks in doubt ----------------------------------------------------------------------------

// Block 1 of extent 1 does not match its context.
struct DamagedRegion {
  DamagedRegion() {
    region.put_raw(0, region.raw().write_all());
    region.put_raw(1, region.raw().write_all().corrupt_data(1));
    region.put_raw(2, region.raw().write_all());
  }
  TestRegion region{{.extent_count = 3}};
};

TEST_CASE("on a bad block the export stops, says where, and keeps nothing") {
  const DamagedRegion damaged;
  for (const unsigned jobs : {1U, 3U}) {
    ExportDisk disk(damaged.region);
    ExportOptions options;
    options.walk.jobs = jobs;
    const Exported exported = export_on(disk.memory, options);
    CHECK(exported.summary.ended_at_bad);
    CHECK_FALSE(exported.summary.stopped);
    CHECK_FALSE(exported.summary.is_whole());
    CHECK(names_of(exported.reports.findings) == "no_matching_slot");
    CHECK(exported.reports.findings[0].blocks == BlockRange{1, 1});
    CHECK(disk.made() == "");
  }
}

TEST_CASE("a bad block is kept or zeroed, and told either way") {
  const DamagedRegion damaged;
  Bytes expected = data_of(damaged.region, 3);
  for (const OnBad on_bad : {OnBad::keep, OnBad::zero}) {
    if (on_bad == OnBad::zero) {
      std::fill_n(expected.begin() + 4096 + 512, 512, std::byte{0});
    }
    ExportDisk disk(damaged.region);
    ExportOptions options;
    options.on_bad = on_bad;
    const Exported exported = export_on(disk.memory, options);
    CHECK(disk.image() == expected);
    CHECK(exported.summary.bad_count == 1);
    CHECK(exported.summary.is_whole());
    CHECK(exported.reports.order ==
          Order{"extent 0", "finding no_matching_slot 00/000/001", "extent 1", "extent 2"});
  }
}

TEST_CASE("without a check no block is bad") {
  const DamagedRegion damaged;
  ExportDisk disk(damaged.region);
  ExportOptions options;
  options.check = false;
  const Exported exported = export_on(disk.memory, options);
  CHECK(disk.image() == data_of(damaged.region, 3));
  CHECK(exported.reports.findings.empty());
}

TEST_CASE("a slot that is not selected leaves its block as it is, however bad it is") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all(ContextSlot::B).set_slot_tag(ContextSlot::A, 3, 7));
  region.put_raw(1, region.raw().write_all());
  ExportDisk disk(region);
  ExportOptions options;
  options.on_bad = OnBad::zero;
  const Exported exported = export_on(disk.memory, options);
  CHECK(names_of(exported.reports.findings) == "bad_inactive_slot");
  CHECK(exported.summary.bad_count == 0);
  CHECK(disk.image() == data_of(region, 2));
}

// ---- others -------------------------------------------------------------------------------------

TEST_CASE("an image of an extent that somebody opened meanwhile is not kept") {
  TestRegion region;
  region.put_raw_everywhere();
  for (const bool check : {true, false}) {
    ExportDisk disk(region);
    HookedFileSystem hooked(disk.memory);
    bool opened = false;
    hooked.hooks.before_read = [&](const std::string& path, std::uint64_t /*offset_bytes*/) {
      if (path != "/r/00/000/001" || opened) return;
      opened = true;
      disk.memory.open_elsewhere(path, Access::read_write);
    };
    ExportOptions options;
    options.check = check;
    const Exported exported = export_on(hooked, options);
    CHECK(opened);
    CHECK(exported.summary.has_changed);
    CHECK(names_of(exported.reports.findings) == "changed_while_read");
    CHECK(disk.made() == "");
  }
}

TEST_CASE("a stop on request keeps nothing") {
  const MixedRegion mixed;
  ExportDisk disk(mixed.region);
  const std::atomic<bool> stop{true};
  ExportOptions options;
  options.walk.stop = &stop;
  const Exported exported = export_on(disk.memory, options);
  CHECK(exported.summary.stopped);
  CHECK(disk.made() == "");
}

TEST_CASE("holes are trusted only while a lease is held, and are synced before") {
  TestRegion region;
  region.put_raw(0);
  region.put_raw(1, region.raw().write_all());
  ExportOptions options;
  options.check = false;
  for (const bool has_leases : {true, false}) {
    ExportDisk disk(region);
    disk.memory.set_leases_available(has_leases);
    const auto root = expect_opened(disk.memory.open_directory("/r/00/000"), "/r");
    // The data of extent 0 becomes a hole.
    const Bytes tail = part_of(disk.memory.content_of("/r/00/000/000"), 4096, 8 * 96 + 1 + 32);
    {
      const auto file = open_file_in(*root, "000", Access::read_write);
      file->resize(0);
      file->write(4096, tail);
      file->sync();
    }
    disk.memory.clear_log();
    std::uint64_t reads = 0;
    HookedFileSystem hooked(disk.memory);
    hooked.hooks.before_read = [&](const std::string& path, std::uint64_t offset_bytes) {
      if (path == "/r/00/000/000" && offset_bytes < 4096) ++reads;
    };
    export_on(hooked, options);
    CHECK(disk.image() == data_of(region, 2));
    CHECK((reads == 0) == has_leases);
    const std::vector<Call> log = disk.memory.log();
    const bool synced = std::any_of(log.begin(), log.end(), [](const Call& call) {
      return call.kind == CallKind::sync_file && call.path == "/r/00/000/000";
    });
    CHECK(synced == has_leases);
  }
}

TEST_CASE("the contexts of all blocks that have one go beside the image") {
  TestRegion region({.extent_count = 1, .encrypted = true});
  region.put_raw(0, region.raw().write_encrypted(2).write_encrypted(5));
  for (const ContextsFormat format : {ContextsFormat::jsonl, ContextsFormat::csv}) {
    ExportDisk disk(region);
    ExportFiles files;
    files.records = ExportRecordsOptions{"/out/contexts", format, std::nullopt};
    ExportOptions options;
    options.offset_bytes = 100;  // block 0 is not whole
    export_on(disk.memory, options, files);
    CHECK(disk.made() == "contexts image ");
    const std::string text = to_text(disk.memory.content_of("/out/contexts"));
    CHECK(std::count(text.begin(), text.end(), '\n') == (format == ContextsFormat::csv ? 3 : 2));
    const std::string head =
        format == ContextsFormat::csv
            ? "0,5,5,2460,"
            : "{\"extent\":0,\"block\":5,\"region_block\":5,\"image_offset\":2460,";
    CHECK(text.find("\n" + head) != std::string::npos);
    const EncryptionContext encryption = some_encryption(5);
    CHECK(text.find(to_hex(encryption.nonce)) != std::string::npos);
  }
}

TEST_CASE("the manifest names the hash of each extent's part, and the hash of these") {
  const MixedRegion mixed;
  const Bytes all = data_of(mixed.region, 4);
  std::vector<std::string> texts;
  HashStream of_extents;
  for (std::uint64_t extent = 0; extent < 4; ++extent) {
    const std::string text = hash_text(on_disk_hash(part_of(all, extent * 4096, 4096)));
    of_extents.add(as_byte_view(*from_hex(text)));
    texts.push_back("\"xxh64\":\"" + text + "\"}");
  }
  for (const bool check : {true, false}) {
    ExportDisk disk(mixed.region);
    ExportFiles files;
    files.records = ExportRecordsOptions{};
    files.records->manifest_path = "/out/manifest";
    ExportOptions options;
    options.check = check;
    options.walk.jobs = 3;
    export_on(disk.memory, options, files);
    const std::string manifest = to_text(disk.memory.content_of("/out/manifest"));
    std::size_t from = 0;
    for (const std::string& text : texts) {
      from = manifest.find(text, from);
      REQUIRE(from != std::string::npos);
    }
    CHECK(
        manifest.ends_with("],\n\"xxh64_of_extents\":\"" + hash_text(of_extents.hash()) + "\"}\n"));
  }
}

TEST_CASE("the manifest of an extent that cannot be used has its hash, and no numbers") {
  TestRegion region;
  region.put_raw(0, region.raw().write_all().set_dirty(2));
  region.put_raw(1);
  ExportDisk disk(region);
  ExportFiles files;
  files.records = ExportRecordsOptions{};
  files.records->manifest_path = "/out/manifest";
  ExportOptions options;
  options.on_bad = OnBad::keep;
  export_on(disk.memory, options, files);
  const std::string manifest = to_text(disk.memory.content_of("/out/manifest"));
  const std::size_t first = manifest.find("\"extent\":0,");
  const std::size_t second = manifest.find("\"extent\":1,");
  REQUIRE(second != std::string::npos);
  CHECK(manifest.find("\"gen_number\"", first) > second);
  CHECK(manifest.find("\"xxh64\"", first) < second);
}

}  // namespace
}  // namespace libregion
