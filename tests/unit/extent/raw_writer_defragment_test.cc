// The defragmentation of an extent that a service has open. The test cases that begin with
// "defragment" have the names of those in Crucible that pin the same behaviour.

#include <cerrno>

#include "libregion/base/error.h"
#include "libregion/format/raw_layout.h"
#include "tests/unit/extent/raw_writer_workshop.h"

namespace libregion {
namespace {

class DefragmentWorkshop : public RawWriterWorkshop {
 public:
  using RawWriterWorkshop::RawWriterWorkshop;

  // Blocks 0, 2, 4 and so on, one by one, and a flush: they have their context in slot B.
  void scatter(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) write(2 * i, 0);
    flush();
  }
  void write_all(std::uint64_t version) { write(BlockRange{0, block_count()}, version); }
  void flush() {
    ++flush_count;
    writer->flush(flush_count, flush_count);
  }
  [[nodiscard]] bool flushes_in_halves() const { return ordering() == WriteOrdering::posix; }
  [[nodiscard]] std::string all_slots() const { return slots({0, block_count()}); }
  [[nodiscard]] std::uint64_t block_count() const { return geometry().extent_size_blocks(); }

  // Looks at each block whose bit on disk is not that of its active slot: its slots have to be the
  // same, and to match its data. Returns how many there are.
  [[nodiscard]] std::uint64_t check_moved_blocks() const {
    const RawLayout layout(geometry());
    const Bytes content = disk.content_of("/extent");
    const ActiveSlots on_disk(
        block_count(), ByteView(content).subspan(layout.bits_offset_bytes(), layout.bits_bytes()));
    std::uint64_t moved = 0;
    for (std::uint64_t block = 0; block < block_count(); ++block) {
      if (on_disk.at(block) == writer->active_slot(block)) continue;
      ++moved;
      CAPTURE(block);
      const auto slot = [&](ContextSlot array) {
        return decode_context_slot(SlotView(
            ByteView(content).subspan(layout.slot_offset_bytes(array, block), context_slot_bytes)));
      };
      CHECK(slot(ContextSlot::A) == slot(ContextSlot::B));
      const SlotValue value = slot(ContextSlot::A);
      const auto data = ByteView(content).subspan(block * 512, 512);
      if (const auto* context = std::get_if<BlockContext>(&value)) {
        CHECK(context->on_disk_hash == on_disk_hash(data));
      } else {
        CHECK(std::holds_alternative<EmptySlot>(value));
        CHECK(all_zero(data));
      }
    }
    return moved;
  }

  std::uint64_t flush_count = 0;
};

// Each of these in both orderings, encrypted and not.
void in_every_way(const std::function<void(DefragmentWorkshop&)>& test) {
  for (const WriteOrdering ordering : {WriteOrdering::posix, WriteOrdering::zfs}) {
    for (const bool encrypted : {false, true}) {
      CAPTURE(ordering == WriteOrdering::zfs);
      CAPTURE(encrypted);
      DefragmentWorkshop shop(10, RawWriterOptions{ordering});
      shop.is_encrypted = encrypted;
      test(shop);
    }
  }
}

TEST_CASE("defragment full: on a tie all come into A, and the bits follow with the next flush") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(5);
    CHECK(shop.all_slots() == "BABABABABA");
    shop.write_all(1);
    CHECK(shop.all_slots() == "ABABABABAB");
    shop.flush();
    CHECK(shop.all_slots() == "AAAAAAAAAA");
    CHECK(shop.versions() == "1111111111");
    CHECK(shop.writer->metadata().defrag_count == 1);

    // Nothing of it is on disk but the copies.
    CHECK(shop.metadata_on_disk().defrag_count == 0);
    CHECK(shop.metadata_on_disk().flush_number == 2);
    CHECK_FALSE(shop.metadata_on_disk().dirty);
    CHECK(shop.check_moved_blocks() == 5);

    shop.write(3, 2);
    CHECK(shop.all_slots() == "AAABAAAAAA");
    shop.flush();
    CHECK(shop.check_moved_blocks() == 0);
    CHECK(shop.metadata_on_disk().defrag_count == 1);
    CHECK(shop.versions() == "1112111111");
  });
}

TEST_CASE("defragment full: who opens the extent then has the slots that the bits name") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(5);
    shop.write_all(1);
    shop.flush();
    shop.reopen();
    CHECK(shop.all_slots() == "ABABABABAB");
    CHECK(shop.versions() == "1111111111");
    CHECK(shop.writer->metadata().defrag_count == 0);
  });
}

TEST_CASE("defragment into B: more blocks use it") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(3);
    CHECK(shop.all_slots() == "BABABAAAAA");
    shop.write_all(1);
    CHECK(shop.all_slots() == "ABABABBBBB");
    shop.flush();
    CHECK(shop.all_slots() == "BBBBBBBBBB");
    CHECK(shop.versions() == "1111111111");
    CHECK(shop.check_moved_blocks() == 3);
  });
}

TEST_CASE("defragment into A: more blocks use it") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(3);
    shop.write_all(1);
    shop.write_all(2);
    CHECK(shop.all_slots() == "BABABAAAAA");
    shop.flush();
    CHECK(shop.all_slots() == "AAAAAAAAAA");
    CHECK(shop.versions() == "2222222222");
    CHECK(shop.check_moved_blocks() == 3);
  });
}

TEST_CASE("defragment not enough: exactly 3 extra system calls are not more than 3") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(2);
    CHECK(shop.all_slots() == "BABAAAAAAA");
    shop.write_all(1);
    shop.write_all(2);
    shop.flush();
    CHECK(shop.all_slots() == "BABAAAAAAA");
    CHECK(shop.writer->metadata().defrag_count == 0);
    CHECK(shop.check_moved_blocks() == 0);
  });
}

TEST_CASE("the average is of all reads and writes since the last flush, rounded down") {
  struct Example {
    std::vector<std::uint64_t> read_blocks;  // of the slots BABABAAAAA, from the first on
    std::uint64_t written_blocks;
    bool is_enough;
  };
  const std::vector<Example> examples = {
      {{}, 6, true},         // 5
      {{}, 5, true},         // 4
      {{}, 4, false},        // 3
      {{5}, 4, false},       // 3.5
      {{5, 5}, 4, false},    // 3.67
      {{6}, 4, true},        // 4
      {{6, 6}, 1, false},    // 3.33
      {{0, 0, 0}, 6, true},  // a read of nothing is none
      {{1, 1}, 6, false},    // 1.67
      {{10, 10, 10}, 1, false},
      {{10, 10, 10, 10}, 1, true},
  };
  for (const Example& example : examples) {
    CAPTURE(example.read_blocks);
    CAPTURE(example.written_blocks);
    DefragmentWorkshop shop;
    shop.scatter(3);
    for (const std::uint64_t count : example.read_blocks) {
      Bytes data(count * 512);
      (void)shop.writer->read(0, data);
    }
    shop.write(BlockRange{0, example.written_blocks}, 1);
    shop.flush();
    CHECK((shop.writer->metadata().defrag_count == 1) == example.is_enough);
  }
}

TEST_CASE("what is read to find out what is unwritten counts too") {
  DefragmentWorkshop shop;
  shop.scatter(3);
  // Blocks 1, 3 and 5 to 9, one after the other: no run of them has an extra call. The read has 5.
  shop.write(BlockRange{0, 10}, 1, WriteMode::only_unwritten);
  shop.flush();
  CHECK(shop.writer->metadata().defrag_count == 0);  // (5 + 0 + 0 + 0) / 4
  CHECK(shop.versions() == "0101011111");
}

TEST_CASE("the threshold can be set, and every flush counts anew") {
  DefragmentWorkshop never(10, {WriteOrdering::posix, UINT64_MAX});
  never.scatter(5);
  never.write_all(1);
  never.flush();
  CHECK(never.writer->metadata().defrag_count == 0);

  DefragmentWorkshop soon(10, {WriteOrdering::posix, 0});
  soon.scatter(1);
  CHECK(soon.all_slots() == "BAAAAAAAAA");
  soon.write(0, 1);
  soon.flush();
  CHECK(soon.writer->metadata().defrag_count == 0);
  soon.write(0, 2);
  CHECK(soon.all_slots() == "BAAAAAAAAA");
  soon.write(BlockRange{0, 2}, 3);
  soon.flush();
  CHECK(soon.writer->metadata().defrag_count == 0);  // 1 extra call in 2 writes
  soon.write(BlockRange{0, 3}, 4);
  soon.flush();
  CHECK(soon.all_slots() == "AAAAAAAAAA");
  CHECK(soon.writer->metadata().defrag_count == 1);
}

TEST_CASE("an extent that is clean is not defragmented, whatever its reads needed") {
  DefragmentWorkshop shop;
  shop.scatter(5);
  shop.disk.clear_log();
  Bytes data(10 * 512);
  (void)shop.writer->read(0, data);
  shop.flush();
  CHECK(shop.all_slots() == "BABABABABA");
  CHECK(describe(shop.disk.log()) == "");
}

TEST_CASE("where all slots are in one array already nothing is done") {
  DefragmentWorkshop shop;
  shop.scatter(5);
  Bytes data(10 * 512);
  for (int i = 0; i < 10; ++i) (void)shop.writer->read(0, data);
  for (std::uint64_t block = 0; block < 10; block += 2) shop.write(block, 1);
  CHECK(shop.all_slots() == "AAAAAAAAAA");
  for (int i = 0; i < 2; ++i) {
    shop.flush();
    CHECK(shop.writer->metadata().defrag_count == 0);
  }
}

TEST_CASE("of more blocks than fit into memory some are moved after the others") {
  constexpr std::uint64_t moved = 16'384 + 200;
  RawWriterOptions options;
  options.defragment_threshold = 0;
  DefragmentWorkshop shop(2 * moved + 9, options);
  const Bytes data(moved * 512);
  const std::vector<SentContext> contexts(moved, shop.context_of(ByteView(data).first(512)));
  shop.writer->write({0, data, contexts});
  shop.write(moved + 1, 0);
  Bytes scattered(4 * 512);
  (void)shop.writer->read(moved - 1, scattered);
  shop.disk.clear_log();
  shop.flush();
  CHECK(shop.slots({moved - 1, 4}) == "AAAA");
  CHECK(shop.check_moved_blocks() == moved + 1);
  const auto changes = shop.disk.changes();
  REQUIRE(changes.size() >= 2);
  CHECK(changes.back().length_bytes < changes[changes.size() - 2].length_bytes);
}

// ---- the order of writes ------------------------------------------------------------------------

// The calls of a flush and of the defragmentation after it. 40 blocks: data to 20480, A to 22400, B
// to 24320, bits to 24325, metadata to 24357.
std::string text_of_calls(const DefragmentWorkshop& shop) {
  std::string text;
  for (const Call& call : shop.disk.log()) {
    if (!text.empty()) text += " ";
    text += call.kind == CallKind::sync_file
                ? "sync"
                : std::to_string(call.offset_bytes) + "+" + std::to_string(call.length_bytes);
  }
  return text;
}
std::string calls_of(WriteOrdering ordering, bool encrypted, bool into_a) {
  DefragmentWorkshop shop(40, RawWriterOptions{ordering});
  shop.is_encrypted = encrypted;
  shop.scatter(8);
  shop.write_all(1);
  if (into_a) shop.write_all(2);
  shop.disk.clear_log();
  shop.flush();
  return text_of_calls(shop);
}

TEST_CASE("the slots are copied directly after the last sync of the flush") {
  // Blocks 0, 2 ... 14 go to the other array, with what is between them.
  CHECK(calls_of(WriteOrdering::posix, false, true) == "24320+5 sync 24325+32 sync 20480+720");
  CHECK(calls_of(WriteOrdering::posix, false, false) == "24320+5 sync 24325+32 sync 22400+720");
  CHECK(calls_of(WriteOrdering::zfs, false, true) == "24320+37 sync 20480+720");
  CHECK(calls_of(WriteOrdering::zfs, true, false) == "24320+37 sync 22400+720");
}

TEST_CASE("what could match half written is emptied first, durably, and only there") {
  // In array B blocks 2 and 13 lie in two sectors each, at 22496 and 23024.
  CHECK(calls_of(WriteOrdering::posix, true, false) ==
        "24320+5 sync 22400+720 24325+32 sync 22400+720");
  CHECK(calls_of(WriteOrdering::posix, true, true) == "24320+5 sync 24325+32 sync 20480+720");
}

TEST_CASE("a copy that the next context could match half written is emptied first, once") {
  DefragmentWorkshop shop(40);
  shop.is_encrypted = true;
  shop.scatter(8);
  shop.write_all(1);
  shop.write_all(2);
  shop.flush();
  REQUIRE(shop.all_slots() == std::string(40, 'A'));
  shop.disk.clear_log();
  shop.write(2, 3);
  CHECK(text_of_calls(shop) == "24325+1 sync 22496+48 sync 22496+48 sync 1024+512");
  shop.disk.clear_log();
  shop.write(4, 3);  // not in two sectors
  CHECK(text_of_calls(shop) == "22592+48 sync 2048+512");
  shop.flush();
  shop.write(2, 4);
  shop.disk.clear_log();
  shop.write(2, 5);  // into B again, where the context of other data is now
  CHECK(text_of_calls(shop) == "sync 22496+48 sync 1024+512");
}

// ---- what goes wrong ----------------------------------------------------------------------------

TEST_CASE("a slot that does not decode keeps the extent as it is") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(5);
    shop.write_all(1);
    const RawLayout layout(shop.geometry());
    shop.open_file()->write(layout.slot_offset_bytes(ContextSlot::B, 3), Bytes(1, std::byte{7}));
    shop.flush();
    CHECK(shop.all_slots() == "ABABABABAB");
    CHECK(shop.writer->metadata().defrag_count == 0);
    CHECK(shop.metadata_on_disk().flush_number == 2);
  });
}

TEST_CASE("copies that cannot be written: an error, and the flush is done all the same") {
  in_every_way([](DefragmentWorkshop& shop) {
    shop.scatter(5);
    shop.write_all(1);
    Fault fault{ENOSPC, CallKind::write, "/extent"};
    fault.first = shop.flushes_in_halves() ? 2 : 1;
    shop.disk.add_fault(fault);
    CHECK_THROWS_AS(shop.flush(), SystemError);
    shop.disk.restart();
    CHECK(shop.all_slots() == "ABABABABAB");
    CHECK_FALSE(shop.writer->metadata().dirty);
    CHECK(shop.metadata_on_disk() == shop.writer->metadata());
    CHECK(shop.metadata_on_disk().flush_number == 2);
    CHECK(shop.versions() == "1111111111");
    shop.write(3, 2);
    shop.flush();
    shop.reopen();
    CHECK(shop.versions() == "1112111111");
  });
}

TEST_CASE("slots that cannot be read: an error, and the next flush is made without them") {
  DefragmentWorkshop shop;
  shop.scatter(5);
  shop.write_all(1);
  shop.disk.add_fault({EIO, CallKind::read, "/extent"});
  CHECK_THROWS_AS(shop.flush(), SystemError);
  CHECK(shop.writer->metadata().dirty);
  shop.flush();
  CHECK_FALSE(shop.writer->metadata().dirty);
  CHECK(shop.metadata_on_disk().flush_number == 3);
  CHECK(shop.writer->metadata().defrag_count == 0);
}

}  // namespace
}  // namespace libregion
