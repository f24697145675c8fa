// Writing a raw extent as a service does. The test cases with an underscore have the names of those
// in Crucible that pin the same behaviour.

#include <cerrno>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "tests/unit/extent/raw_writer_workshop.h"

namespace libregion {
namespace {

// The message of what throws.
template <class Action>
std::string failure_of(Action action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

SentContext encrypted(ByteView data, std::uint64_t seed) {
  const EncryptionContext encryption = some_encryption(seed);
  return {integrity_hash(encryption, data), encryption};
}

TEST_CASE("encryption_context: what was sent comes back, and nothing for a neighbour") {
  RawWriterWorkshop shop;
  const Bytes data = shop.data_for({3, 1}, 1);
  const SentContext sent = encrypted(data, 7);
  shop.writer->write({3, data, std::span(&sent, 1)});
  Bytes read(512);
  const auto context = shop.writer->read(3, read)[0];
  REQUIRE(context);
  CHECK(read == data);
  CHECK(context->encryption == sent.encryption);
  CHECK(context->hash == sent.hash);
  CHECK_FALSE(shop.writer->read(2, read)[0]);
  CHECK(read == Bytes(512));
}

TEST_CASE("multiple_context: of ten sets the last is returned, neighbours are untouched") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 10}, 0);
  for (std::uint64_t set = 1; set <= 10; ++set) {
    const Bytes data = shop.data_for({4, 1}, set);
    const SentContext sent = encrypted(data, set);
    shop.writer->write({4, data, std::span(&sent, 1)});
    Bytes read(512);
    CHECK(shop.writer->read(4, read)[0]->encryption == sent.encryption);
    CHECK(read == data);
  }
  CHECK(shop.version_of(3) == 0);
  CHECK(shop.version_of(5) == 0);
  shop.reopen();
  Bytes read(512);
  CHECK(shop.writer->read(4, read)[0]->encryption == some_encryption(10));
}

TEST_CASE("write_unwritten: only blocks without a context are written") {
  struct Example {
    const char* name;
    std::vector<BlockRange> before;
    BlockRange written;
    const char* expected;
  };
  const std::vector<Example> examples = {
      {"empty", {}, {0, 10}, "1111111111"},
      {"written", {{0, 10}}, {0, 10}, "0000000000"},
      {"partial first", {{0, 1}}, {0, 3}, "011-------"},
      {"second", {{1, 1}}, {0, 3}, "101-------"},
      {"last", {{2, 1}}, {0, 3}, "110-------"},
      {"sparse", {{1, 1}, {3, 2}, {9, 1}}, {0, 10}, "1010011110"},
  };
  for (const Example& example : examples) {
    for (const bool flushed : {false, true}) {
      CAPTURE(example.name);
      CAPTURE(flushed);
      RawWriterWorkshop shop;
      for (const BlockRange& range : example.before) shop.write(range, 0);
      if (flushed) shop.writer->flush(1, 1);
      shop.write(example.written, 1, WriteMode::only_unwritten);
      CHECK(shop.versions() == example.expected);
      shop.reopen();
      CHECK(shop.versions() == example.expected);
    }
  }
}

TEST_CASE("write_unwritten: where there is nothing to write the extent stays clean") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 10}, 0);
  shop.writer->flush(1, 1);
  shop.disk.clear_log();
  shop.write(BlockRange{0, 10}, 1, WriteMode::only_unwritten);
  CHECK_FALSE(shop.writer->metadata().dirty);
  CHECK(shop.disk.log().empty());
}

TEST_CASE(
    "auto_sync: each further unflushed write of a block swaps its slots and syncs once more") {
  for (const WriteOrdering ordering : {WriteOrdering::posix, WriteOrdering::zfs}) {
    RawWriterWorkshop shop(10, {ordering});
    std::string slots;
    std::string extra_syncs;
    for (std::uint64_t version = 0; version < 4; ++version) {
      shop.write(0, version);
      slots += shop.slots({0, 1});
      extra_syncs += std::to_string(shop.writer->metadata().bonus_sync_count);
    }
    CHECK(slots == "BABA");
    CHECK(extra_syncs == "0123");
    shop.write(1, 0);
    CHECK(shop.writer->metadata().bonus_sync_count == 3);
  }
}

TEST_CASE("auto_sync_flush: a flush does not swap, and the next write needs no extra sync") {
  RawWriterWorkshop shop;
  shop.write(0, 0);
  shop.writer->flush(1, 1);
  CHECK(shop.slots({0, 1}) == "B");
  shop.write(0, 1);
  CHECK(shop.slots({0, 1}) == "A");
  CHECK(shop.writer->metadata().bonus_sync_count == 0);
}

TEST_CASE("auto_sync_flush_2: slots B A, a flush, then B A B") {
  RawWriterWorkshop shop;
  std::string slots;
  std::string extra_syncs;
  const auto note = [&] {
    slots += shop.slots({0, 1});
    extra_syncs += std::to_string(shop.writer->metadata().bonus_sync_count);
  };
  shop.write(0, 0);
  note();
  shop.write(0, 1);
  note();
  shop.writer->flush(1, 1);
  slots += shop.slots({0, 1});
  for (std::uint64_t version = 2; version < 5; ++version) {
    shop.write(0, version);
    note();
  }
  CHECK(slots == "BAABAB");
  CHECK(extra_syncs == "01123");
}

TEST_CASE("reopen marks blocks unwritten whose data never arrived") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 4}, 0);
  shop.writer->flush(1, 1);
  shop.write(BlockRange{2, 4}, 1);
  // The contexts of blocks 4 and 5 are there; their data is not.
  shop.overwrite(4, Bytes(1024));
  shop.reopen();
  CHECK(shop.versions() == "0011------");
  CHECK(shop.writer->metadata().dirty);
}

TEST_CASE("a block that lost its context is named, and the extent is not written") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 4}, 0);
  shop.writer->flush(1, 1);
  shop.write(BlockRange{2, 2}, 1);
  shop.overwrite(3, shop.data_for({3, 1}, 9));
  CHECK(failure_of([&] { shop.reopen(); }).find("missing context slot for block 3") !=
        std::string::npos);
}

TEST_CASE("a context that no longer decodes is named, and nothing is returned for its block") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 4}, 0);
  const RawLayout layout(shop.geometry());
  shop.open_file()->write(layout.slot_offset_bytes(ContextSlot::B, 2), Bytes(1, std::byte{7}));
  Bytes data(4 * 512);
  CHECK(failure_of([&] { (void)shop.writer->read(0, data); }) ==
        "'/extent': block 2: slot B does not decode");
}

TEST_CASE("a write of nothing does nothing, and leaves the extent clean") {
  for (const WriteMode mode : {WriteMode::always, WriteMode::only_unwritten}) {
    RawWriterWorkshop shop;
    shop.disk.clear_log();
    shop.write(BlockRange{3, 0}, 0, mode);
    CHECK(shop.disk.log().empty());
    CHECK_FALSE(shop.writer->metadata().dirty);
  }
}

TEST_CASE("an encrypted context in the other slot is no copy where the active one is empty") {
  constexpr std::uint64_t block = 2;  // of 40: in array B its slot lies in two sectors
  RawWriterWorkshop shop(40);
  shop.is_encrypted = true;
  shop.write(block, 0);
  shop.write(block, 1);
  const RawLayout layout(shop.geometry());
  REQUIRE(layout.slot_straddles_sector(ContextSlot::B, block));
  REQUIRE(shop.slots({block, 1}) == "A");
  const Bytes empty(context_slot_bytes);
  shop.open_file()->write(layout.slot_offset_bytes(ContextSlot::A, block), empty);
  shop.disk.clear_log();
  shop.write(block, 2);
  for (const Call& call : shop.disk.changes()) CHECK(call.length_bytes != 2 * context_slot_bytes);
  CHECK(shop.version_of(block) == 2);
}

TEST_CASE("gen, flush and dirty after write, flush, reopen") {
  RawWriterWorkshop shop;
  const auto state = [&] {
    const ExtentMetadata& metadata = shop.writer->metadata();
    return fmt::format("{}/{}{}", metadata.gen_number, metadata.flush_number,
                       metadata.dirty ? " dirty" : "");
  };
  CHECK(state() == "0/0");
  shop.writer->flush(5, 5);
  CHECK(state() == "0/0");  // it was not dirty
  shop.write(0, 0);
  CHECK(state() == "0/0 dirty");
  CHECK(shop.metadata_on_disk().dirty);
  shop.reopen();
  CHECK(state() == "0/0 dirty");
  shop.writer->flush(3, 7);
  CHECK(state() == "3/7");
  CHECK(shop.metadata_on_disk() == shop.writer->metadata());
  shop.reopen();
  CHECK(state() == "3/7");
  shop.write(0, 1);
  shop.writer->flush(3, 8);
  CHECK(state() == "3/8");
  Bytes data(512);
  CHECK(shop.writer->read(0, data)[0]->flush_id == 7);
}

TEST_CASE("a hash mismatch is refused before anything is written") {
  RawWriterWorkshop shop;
  shop.disk.clear_log();
  const Bytes data = shop.data_for({0, 2}, 0);
  std::vector<SentContext> contexts = {{on_disk_hash(ByteView(data).first(512)), std::nullopt},
                                       {1, std::nullopt}};
  CHECK(failure_of([&] {
          shop.writer->write({0, data, contexts});
        }).find("block 1: hash mismatch") != std::string::npos);
  contexts[1] = encrypted(ByteView(data).last(512), 3);
  contexts[1].encryption->nonce[0] ^= std::byte{1};
  CHECK_THROWS_AS(shop.writer->write({0, data, contexts}), Error);
  CHECK(shop.disk.log().empty());
}

TEST_CASE("I/O out of range or unaligned is refused before anything is written") {
  RawWriterWorkshop shop;
  shop.disk.clear_log();
  CHECK_THROWS_AS(shop.write(BlockRange{9, 2}, 0), Error);
  CHECK_THROWS_AS(shop.write(BlockRange{11, 0}, 0), Error);
  const Bytes zeros(512);
  const SentContext sent{on_disk_hash(zeros), std::nullopt};
  CHECK_THROWS_AS(shop.writer->write({UINT64_MAX, zeros, std::span(&sent, 1)}), Error);
  CHECK_THROWS_AS(shop.writer->write({0, Bytes(511), {}}), Error);
  CHECK_THROWS_AS(shop.writer->write({0, Bytes(512), {}}), Error);
  Bytes data(513);
  CHECK_THROWS_AS((void)shop.writer->read(0, data), Error);
  data.resize(1024);
  CHECK_THROWS_AS((void)shop.writer->read(9, data), Error);
  CHECK(shop.disk.log().empty());
}

TEST_CASE("big write: all blocks at once, contexts of scattered slots in runs") {
  RawWriterWorkshop shop(100);
  for (std::uint64_t block = 0; block < 100; block += 7) shop.write(block, 0);
  shop.writer->flush(1, 1);
  shop.disk.clear_log();
  shop.write(BlockRange{0, 100}, 1);
  CHECK(shop.versions() == std::string(100, '1'));
  constexpr std::uint64_t data_bytes = 51'200;
  std::size_t slot_writes = 0;
  for (const Call& call : shop.disk.log()) {
    slot_writes += call.kind == CallKind::write && call.offset_bytes >= data_bytes ? 1U : 0U;
  }
  CHECK(slot_writes == 1 + 15 + 15);  // the mark, then the runs: 15 of one block, 15 between them
}

TEST_CASE("interrupted data writes: an error each time, then success, then all is well") {
  for (const std::uint64_t failures : {1U, 3U}) {
    for (const bool with_flush : {false, true}) {
      CAPTURE(failures);
      CAPTURE(with_flush);
      RawWriterWorkshop shop;
      shop.write(BlockRange{0, 4}, 0);
      shop.writer->flush(1, 1);
      for (std::uint64_t i = 0; i < failures; ++i) {
        // Of the data of two blocks the first half is written: one of them, whole.
        const std::uint64_t mark_writes = shop.writer->metadata().dirty ? 0 : 1;
        const std::uint64_t slot_writes = shop.slots({1, 2})[0] == shop.slots({1, 2})[1] ? 1 : 2;
        Fault fault{EIO, CallKind::write, "/extent"};
        fault.first = mark_writes + slot_writes;
        shop.disk.add_fault(fault);
        CHECK_THROWS_AS(shop.write(BlockRange{1, 2}, i + 1), SystemError);
        shop.disk.restart();
        CHECK(shop.version_of(1) == static_cast<int>(i) + 1);
        CHECK(shop.version_of(2) == 0);
        if (with_flush) shop.writer->flush(1, i + 2);
      }
      shop.write(BlockRange{1, 2}, 9);
      shop.writer->flush(1, 9);
      CHECK(shop.versions() == "0990------");
      shop.reopen();
      CHECK(shop.versions() == "0990------");
    }
  }
}

TEST_CASE("a block that was half written is not acknowledged by a flush") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 2}, 0);
  shop.write(BlockRange{0, 2}, 1);
  shop.disk.add_fault({EIO, CallKind::write, "/extent", 1});
  CHECK_THROWS_AS(shop.write(0, 2), SystemError);  // 256 bytes of 512
  shop.disk.restart();
  CHECK(failure_of([&] { shop.writer->flush(1, 1); }).find("block 0 was half written") !=
        std::string::npos);
  CHECK(shop.metadata_on_disk().dirty);
  shop.write(0, 3);
  shop.writer->flush(1, 1);
  CHECK(shop.versions() == "31--------");
}

TEST_CASE("a write that fails is final where what is there then cannot be read") {
  RawWriterWorkshop shop;
  shop.write(BlockRange{0, 2}, 0);
  shop.disk.add_fault({EIO, CallKind::write, "/extent", 1});
  shop.disk.add_fault({EIO, CallKind::read, "/extent"});
  CHECK_THROWS_AS(shop.write(0, 1), SystemError);
  shop.disk.restart();
  shop.disk.clear_log();
  CHECK_THROWS_AS(shop.writer->flush(1, 1), Error);
  CHECK_THROWS_AS(shop.write(1, 1), Error);
  CHECK(shop.disk.log().empty());
}

TEST_CASE("a sync that fails is final") {
  for (std::uint64_t first = 0; first < 2; ++first) {
    RawWriterWorkshop shop;
    shop.write(0, 0);
    shop.disk.add_fault({EIO, CallKind::sync_file, "/extent", first});
    CHECK_THROWS_AS(shop.writer->flush(1, 1), SystemError);
    shop.disk.restart();
    shop.disk.clear_log();
    CHECK_THROWS_AS(shop.writer->flush(1, 1), Error);
    CHECK_THROWS_AS(shop.write(1, 0), Error);
    Bytes data(512);
    CHECK_THROWS_AS((void)shop.writer->read(0, data), Error);
    CHECK(shop.disk.log().empty());
  }
}

TEST_CASE("the order of a write and a flush") {
  const auto calls = [](WriteOrdering ordering, std::uint64_t block_count) {
    RawWriterWorkshop shop(block_count, {ordering});
    shop.disk.clear_log();
    shop.write(0, 0);
    shop.writer->flush(1, 1);
    std::string text;
    for (const Call& call : shop.disk.log()) {
      if (!text.empty()) text += " ";
      text += call.kind == CallKind::sync_file
                  ? "sync"
                  : fmt::format("{}+{}", call.offset_bytes, call.length_bytes);
    }
    return text;
  };
  // 10 blocks: data to 5120, A to 5600, B to 6080, bits to 6082, metadata to 6114.
  CHECK(calls(WriteOrdering::posix, 10) ==
        "6082+1 sync 5600+48 sync 0+512 6080+2 sync 6082+32 sync");
  CHECK(calls(WriteOrdering::zfs, 10) == "6082+1 sync 5600+48 0+512 6080+34 sync");
  // 133 blocks: the metadata lies in two sectors, at 80881.
  CHECK(calls(WriteOrdering::posix, 133) ==
        "80881+1 sync 74480+48 sync 0+512 80864+49 sync 80881+1 sync");
}

}  // namespace
}  // namespace libregion
