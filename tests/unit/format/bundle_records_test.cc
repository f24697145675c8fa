// What is in a bundle's members: their bytes, and contexts that stand to nothing but zeros.

#include "libregion/format/bundle_records.h"

#include <doctest/doctest.h>

#include "libregion/format/integrity.h"
#include "tests/support/random.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

std::string listed(const ListedEntry& entry) {
  Bytes listing;
  append_entry(listing, entry);
  return to_text(ByteView(listing));
}

TEST_CASE("a listing, byte for byte") {
  using namespace std::string_literals;
  CHECK(listed({"000", ListedKind::file, 4096}) == "file 4096 000\0"s);
  CHECK(listed({"000.copy", ListedKind::directory, 0}) == "directory 0 000.copy\0"s);
  CHECK(listed({"a b\n", ListedKind::other, 0}) == "other 0 a b\n\0"s);
}

TEST_CASE("any entries come back") {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    std::vector<ListedEntry> entries;
    Bytes listing;
    for (std::uint64_t count = random.below(8); count > 0; --count) {
      ListedEntry entry{"x" + random.text(random.below(20), "0AZ. \n\xff-"),
                        static_cast<ListedKind>(random.below(3)), random.next() >> 1U};
      if (random.coin()) entry.name += "/y";
      append_entry(listing, entry);
      entries.push_back(std::move(entry));
    }
    REQUIRE(std::get<std::vector<ListedEntry>>(parse_listing(listing)) == entries);
  }
}

TEST_CASE("what is no entry is named with its place") {
  using namespace std::string_literals;
  const auto problem = [](const std::string& entry) {
    const auto parsed = parse_listing(as_byte_view("file 1 000\0"s + entry));
    const auto* found = std::get_if<ListingProblem>(&parsed);
    return found == nullptr ? "" : std::to_string(found->offset_bytes) + " " + found->found;
  };
  CHECK(problem("file 1 x\0"s) == "");
  CHECK(problem("file 1 x") == "11 'file 1 x'");
  CHECK(problem("fifo 1 x\0"s) == "11 'fifo 1 x'");
  CHECK(problem("file\0"s) == "11 'file'");
  CHECK(problem("file 1\0"s) == "11 'file 1'");
  for (const char* name :
       {"", ".", "..", "/", "/x", "x/", "x/y/z", "x/..", "../x", "x//y", "./x"}) {
    CAPTURE(name);
    CHECK(problem("file 1 "s + name + "\0"s) != "");
  }
  for (const char* size :
       {"", "-1", "+1", "0x1", "1.0", "9223372036854775808", "1K", "18446744073709551616"}) {
    CAPTURE(size);
    CHECK(problem("file "s + size + " x\0"s) != "");
  }
  CHECK(problem("file 9223372036854775807 x\0"s) == "");
  CHECK(problem("file1x\0"s) != "");
  CHECK(problem("\0"s) == "11 ''");
  CHECK(problem("file 1 \x1b[2J/\0"s).find('\x1b') == std::string::npos);
}

TEST_CASE("blocks and rows, byte for byte") {
  Bytes blocks;
  append_summary(blocks, {0x0807060504030201, true, false, {false, false}, false});
  append_summary(blocks, {1, false, true, {true, false}, false});
  append_summary(blocks, {2, false, false, {false, true}, true});
  CHECK(blocks == bytes_of("0102030405060708 01 0100000000000000 06 0200000000000000 18"));
  Bytes rows;
  append_row(rows, {5, true, {0x1122334455667788, std::nullopt, 0x8877665544332211, 0}});
  CHECK(rows == bytes_of("0500000000000000 01 01 8877665544332211 00 1122334455667788", 57));
}

TEST_CASE("any summary and row come back; what is no context is no row") {
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    const BlockSummary summary{
        random.next(), random.coin(), random.coin(), {random.coin(), random.coin()}, random.coin()};
    Bytes blocks;
    append_summary(blocks, summary);
    REQUIRE(decode_summary(ByteView(blocks).first<9>()) == summary);
    BundledRow row{random.next(), random.coin(), {random.next(), std::nullopt, random.next(), 7}};
    if (random.coin()) {
      row.context.encryption.emplace();
      random.fill(row.context.encryption->nonce);
      random.fill(row.context.encryption->tag);
    }
    Bytes rows;
    append_row(rows, row);
    REQUIRE(decode_row(ByteView(rows).first<57>()) == row);
    rows[9] = static_cast<std::byte>(2 * random.below(2));
    REQUIRE_FALSE(decode_row(ByteView(rows).first<57>()));
  }
}

// What a check of a block looks at.
struct Relation {
  bool matches;
  bool integrity_holds;
  bool is_zero;
  bool operator==(const Relation&) const = default;
};

Relation relation_of(const BlockContext& context, ByteView block) {
  const std::uint64_t hash = on_disk_hash(block);
  const std::uint64_t integrity =
      context.encryption ? integrity_hash(*context.encryption, block) : hash;
  const bool matches = context.on_disk_hash == hash;
  // Nobody asks for the integrity of what does not match.
  return {matches, matches && context.hash == integrity, all_zero(block)};
}

TEST_CASE("a context stands to its stand-in as it stood to the data") {
  const auto geometry = std::get<Geometry>(Geometry::make(512, 4));
  const StandInBlocks stand_in(geometry);
  const Bytes zeros(512);
  Bytes marked(512);
  marked[0] = std::byte{1};
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    // Zeros and the marked block are what could be mistaken for the stand-ins.
    const Bytes data = random.below(3) == 0 ? zeros : random.coin() ? marked : random.bytes(512);
    const Bytes other = random.below(3) == 0 ? zeros : random.coin() ? marked : random.bytes(512);
    const Bytes& written = random.coin() ? data : other;
    BlockContext context{on_disk_hash(written), std::nullopt, on_disk_hash(written), 1};
    if (random.coin()) {
      context.encryption.emplace();
      random.fill(context.encryption->nonce);
      context.hash = integrity_hash(*context.encryption, random.coin() ? data : other);
    } else if (random.coin()) {
      context.hash = on_disk_hash(random.coin() ? data : other);
    }
    if (random.below(8) == 0) context.hash = context.on_disk_hash;
    const Relation before = relation_of(context, data);
    const BlockSummary summary{on_disk_hash(data), before.is_zero, before.matches, {}, false};
    const BlockContext carried = stand_in.carry_over(context, summary, before.integrity_holds);
    const Bytes& stands = StandInBlocks::is_zero(summary) ? zeros : marked;
    const Relation after = relation_of(carried, stands);
    REQUIRE(after.matches == before.matches);
    REQUIRE(after.integrity_holds == before.integrity_holds);
    // Data that nothing matches must stay data.
    if (!before.matches) REQUIRE(after.is_zero == before.is_zero);
    REQUIRE(carried.encryption == context.encryption);
    REQUIRE(carried.flush_id == context.flush_id);
  }
}

TEST_CASE("only what is a context changes in a slot, and not what stands behind it") {
  const StandInBlocks stand_in(std::get<Geometry>(Geometry::make(512, 4)));
  const BlockSummary summary{7, false, true, {true, true}, false};
  Random random(4);
  for (int i = 0; i < 3000; ++i) {
    Bytes slot = random.bytes(48);
    slot[0] = static_cast<std::byte>(random.below(3));
    slot[9] = static_cast<std::byte>(random.below(3));
    Bytes carried = slot;
    stand_in.carry_over(MutableByteView(carried).first<48>(), ContextSlot::A, summary);
    const SlotValue value = decode_context_slot(ByteView(slot).first<48>());
    const auto* context = std::get_if<BlockContext>(&value);
    if (context == nullptr) REQUIRE(carried == slot);
    if (context != nullptr && !context->encryption) {
      REQUIRE(std::equal(slot.begin() + 18, slot.end(), carried.begin() + 18));
    }
    REQUIRE(decode_context_slot(ByteView(carried).first<48>()).index() == value.index());
  }
}

}  // namespace
}  // namespace libregion
