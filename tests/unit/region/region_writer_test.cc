// A region that is read, written and flushed as a whole. Crash tests: region_writer_crash_test.cc.

#include "libregion/region/region_writer.h"

#include <cerrno>

#include <fmt/format.h>

#include "tests/unit/region/region_writer_workshop.h"

namespace libregion {
namespace {

// ---- writing and reading ------------------------------------------------------------------------

TEST_CASE("big write: one that spans extents is read back, and each part is where it belongs") {
  RegionWriterWorkshop shop;
  shop.write({6, 12}, 1);
  CHECK(shop.versions() == "------11 11111111 11------");
  CHECK(shop.numbers() == "0/0 dirty, 0/0 dirty, 0/0 dirty");
  shop.writer->flush({1, 1});
  shop.reopen();
  CHECK(shop.versions() == "------11 11111111 11------");
  CHECK(shop.disk->content_of("/r/00/000/001").size() == 8 * (512 + 96) + 1 + 32);

  Bytes read(12 * 512);
  const auto contexts = shop.writer->read(6, read);
  CHECK(read == SentBlocks({6, 12}, 1).data);
  REQUIRE(contexts.size() == 12);
  for (const auto& context : contexts) CHECK(context);
}

TEST_CASE("read of an unwritten block: zeros, and no context") {
  RegionWriterWorkshop shop;
  shop.write({8, 1}, 1);
  Bytes read(24 * 512, std::byte{1});
  const auto contexts = shop.writer->read(0, read);
  for (std::uint64_t block = 0; block < 24; ++block) {
    CAPTURE(block);
    CHECK(contexts[block].has_value() == (block == 8));
    const auto data = ByteView(read).subspan(block * 512, 512);
    if (block != 8) CHECK(all_zero(data));
  }
}

TEST_CASE("write_unwritten big: over several extents, only what was never written") {
  RegionWriterWorkshop shop;
  shop.write({7, 2}, 0);
  shop.writer->flush({1, 1});
  shop.write({0, 24}, 1, WriteMode::only_unwritten);
  CHECK(shop.versions() == "11111110 01111111 11111111");
  shop.writer->flush({1, 2});
  shop.disk->clear_log();
  shop.write({0, 24}, 2, WriteMode::only_unwritten);
  CHECK(describe(shop.disk->log()) == "");
  CHECK(shop.numbers() == "1/2, 1/2, 1/2");
}

TEST_CASE("a write of nothing and a read of nothing do nothing") {
  RegionWriterWorkshop shop;
  shop.disk->clear_log();
  shop.write({24, 0}, 1);
  CHECK(shop.writer->read(24, {}).empty());
  CHECK(describe(shop.disk->log()) == "");
}

TEST_CASE("a hash mismatch anywhere is refused before anything is written in any extent") {
  RegionWriterWorkshop shop;
  shop.disk->clear_log();
  SentBlocks sent({6, 12}, 1);
  ++sent.contexts.back().hash;
  CHECK(failure_of(ErrorKind::usage, [&] {
          shop.writer->write(sent.write());
        }).find("'/r/00/000/002': block 1: hash mismatch") != std::string::npos);
  CHECK(describe(shop.disk->log()) == "");
  CHECK(shop.numbers() == "0/0, 0/0, 0/0");
}

TEST_CASE("I/O out of range or unaligned is refused before anything is written") {
  RegionWriterWorkshop shop;
  shop.disk->clear_log();
  const SentBlocks sent({23, 2}, 1);
  CHECK(failure_of(ErrorKind::usage, [&] { shop.writer->write(sent.write()); }) ==
        "'/r': expected blocks of the 24 of the region, found 2 from block 23");
  const auto refused = [&](const RegionWrite& write) {
    return failure_of(ErrorKind::usage, [&] { shop.writer->write(write); });
  };
  CHECK(refused({0, ByteView(sent.data).first(511), sent.contexts}) ==
        "'/r': expected whole blocks of 512 bytes, found 511");
  CHECK(refused({0, sent.data, {}}) == "'/r': expected 2 contexts, found 0");
  CHECK(refused({UINT64_MAX, sent.data, sent.contexts}) != "nothing was thrown");
  Bytes data(1024);
  CHECK_THROWS_AS((void)shop.writer->read(23, data), Error);
  CHECK_THROWS_AS((void)shop.writer->read(0, MutableByteView(data).first(513)), Error);
  CHECK(describe(shop.disk->log()) == "");
}

// ---- flushing -----------------------------------------------------------------------------------

TEST_CASE("gen, flush and dirty after every combination of write, flush, close and reopen") {
  // Each action, and the numbers of the extents after it. Actions: w and an extent, f and a flush
  // number (its generation is 7), r: closed and opened again.
  const std::vector<std::pair<std::string, std::string>> actions = {
      {"f5", "0/0, 0/0"},        // none was dirty
      {"w0", "0/0 dirty, 0/0"},  //
      {"r", "0/0 dirty, 0/0"},   // opening leaves it dirty
      {"f6", "7/6, 0/0"},        //
      {"f7", "7/6, 0/0"},        // it keeps the numbers of its last dirty flush
      {"r", "7/6, 0/0"},         //
      {"w1", "7/6, 0/0 dirty"},  //
      {"w0", "7/6 dirty, 0/0 dirty"},
      {"r", "7/6 dirty, 0/0 dirty"},
      {"w0", "7/6 dirty, 0/0 dirty"},
      {"f8", "7/8, 7/8"},
      {"w1", "7/8, 7/8 dirty"},
      {"f9", "7/8, 7/9"},
      {"r", "7/8, 7/9"},
  };
  for (const WriteOrdering ordering : {WriteOrdering::posix, WriteOrdering::zfs}) {
    RegionWriterOptions options;
    options.extents.ordering = ordering;
    RegionWriterWorkshop shop(2, 8, options);
    for (const auto& [step, expected] : actions) {
      const std::string& action = step;
      CAPTURE(action);
      const std::uint64_t number = action.size() > 1 ? std::stoull(action.substr(1)) : 0;
      if (action[0] == 'w') shop.write({8 * number, 1}, 1);
      if (action[0] == 'f') shop.writer->flush({7, number});
      if (action[0] == 'r') shop.reopen();
      CHECK(shop.numbers() == expected);
      CHECK(shop.numbers_on_disk() == expected);
    }
  }
}

TEST_CASE("flush with an extent limit: the limit's extent is the last") {
  RegionWriterWorkshop shop;
  shop.write({0, 24}, 1);
  shop.writer->flush({1, 1}, ExtentId{1});
  CHECK(shop.numbers() == "1/1, 1/1, 0/0 dirty");
  CHECK(shop.numbers_on_disk() == "1/1, 1/1, 0/0 dirty");
  shop.writer->flush({1, 2}, ExtentId{0});
  CHECK(shop.numbers() == "1/1, 1/1, 0/0 dirty");
  shop.writer->flush({1, 3}, ExtentId{2});
  CHECK(shop.numbers() == "1/1, 1/1, 1/3");
  CHECK(failure_of(ErrorKind::usage, [&] {
          shop.writer->flush({1, 4}, ExtentId{3});
        }) == "'/r': expected a limit of the 3 extents of the region, found 3");
}

TEST_CASE("a flush of nothing dirty does nothing") {
  RegionWriterWorkshop shop;
  shop.write({0, 1}, 1);
  shop.writer->flush({1, 1});
  shop.disk->clear_log();
  shop.writer->flush({1, 2});
  CHECK(describe(shop.disk->log()) == "");
}

// The calls of a flush of all extents, without what is written: "000 001 S000 S001" with S for a
// sync, "SYNCFS" for one of everything.
std::string flush_calls(RegionWriterWorkshop& shop) {
  shop.write({0, shop.writer->block_count()}, 1);
  shop.disk->clear_log();
  shop.writer->flush({1, 1});
  std::string text;
  for (const Call& call : shop.disk->log()) {
    if (!text.empty()) text += " ";
    if (call.kind == CallKind::sync_file_system) {
      text += "SYNCFS";
    } else {
      text +=
          (call.kind == CallKind::sync_file ? "S" : "") + call.path.substr(call.path.size() - 3);
    }
  }
  return text;
}

TEST_CASE("each half of a flush is of all extents, and then comes its sync") {
  RegionWriterOptions options;
  RegionWriterWorkshop posix(2, 8, options);
  CHECK(flush_calls(posix) == "000 001 S000 S001 000 001 S000 S001");
  options.extents.ordering = WriteOrdering::zfs;
  RegionWriterWorkshop zfs(2, 8, options);
  CHECK(flush_calls(zfs) == "000 001 S000 S001");
}

TEST_CASE("many extents share a sync") {
  RegionWriterWorkshop shop(16);
  std::string half;
  for (unsigned extent = 0; extent < 16; ++extent) half += fmt::format("{:03X} ", extent);
  CHECK(flush_calls(shop) == half + "SYNCFS " + half + "SYNCFS");

  RegionWriterWorkshop without(16);
  without.disk->set_sync_file_system_available(false);
  CHECK(flush_calls(without).find("SYNCFS") == std::string::npos);
  CHECK(without.numbers_on_disk().find("dirty") == std::string::npos);
}

TEST_CASE("interrupted data writes: no extent is flushed before the half written block is whole") {
  RegionWriterWorkshop shop(2);
  shop.write({0, 16}, 0);
  shop.write({0, 16}, 1);
  shop.disk->add_fault({EIO, CallKind::write, "/r/00/000/001", 1});
  CHECK_THROWS_AS(shop.write({9, 1}, 2), SystemError);
  shop.disk->restart();
  CHECK(failure_of(ErrorKind::failed, [&] {
          shop.writer->flush({1, 1});
        }).find("'/r/00/000/001': block 1 was half written") != std::string::npos);
  CHECK(shop.disk->log().empty());
  CHECK(shop.numbers_on_disk() == "0/0 dirty, 0/0 dirty");
  shop.write({9, 1}, 3);
  shop.writer->flush({1, 2});
  CHECK(shop.versions() == "11111111 13111111");
  CHECK(shop.numbers_on_disk() == "1/2, 1/2");
}

TEST_CASE("a sync that fails is final: of no extent of the region anything more is made durable") {
  for (std::uint64_t failing = 0; failing < 4; ++failing) {
    CAPTURE(failing);
    RegionWriterWorkshop shop(2);
    shop.write({0, 16}, 1);
    Fault fault{EIO, CallKind::sync_file};
    fault.first = failing;
    shop.disk->add_fault(fault);
    CHECK_THROWS_AS(shop.writer->flush({1, 1}), SystemError);
    CHECK(shop.writer->extent(ExtentId{0}).metadata().dirty);
    CHECK(shop.writer->extent(ExtentId{1}).metadata().dirty);
    const std::size_t calls = shop.disk->log().size();
    CHECK_THROWS_AS(shop.writer->flush({1, 2}), Error);
    CHECK_THROWS_AS(shop.write({0, 1}, 2), Error);
    CHECK_THROWS_AS(shop.write({8, 1}, 2), Error);
    CHECK(shop.disk->log().size() == calls);
  }
}

TEST_CASE("after a flush what is scattered is defragmented, in each extent by its own count") {
  RegionWriterWorkshop shop(2, 10);
  for (std::uint64_t block = 0; block < 20; block += 2) shop.write({block, 1}, 0);
  shop.writer->flush({1, 1});
  shop.write({0, 10}, 1);
  shop.write({10, 1}, 1);
  shop.writer->flush({1, 2});
  const auto count = [&](std::uint32_t extent) {
    return shop.writer->extent(ExtentId{extent}).metadata().defrag_count;
  };
  CHECK(count(0) == 1);
  CHECK(count(1) == 0);
  CHECK(shop.versions() == "1111111111 1-0-0-0-0-");
  shop.reopen();
  CHECK(shop.versions() == "1111111111 1-0-0-0-0-");
}

}  // namespace
}  // namespace libregion
