// What can be wrong with the blocks of a raw extent: each finding with its place.

#include "libregion/ops/block_check.h"

#include <cerrno>

#include <doctest/doctest.h>

#include "tests/unit/ops/checked_blocks.h"

namespace libregion {
namespace {

using enum ContextSlot;

// 12 blocks of 512 bytes: data of block b at 512 b, its slot A at 6144 + 48 b, B at 6720 + 48 b.
RawExtentBuilder written() {
  RawExtentBuilder built(512, 12);
  return built.write_all(A).set_numbers(1, 4);
}

std::vector<Finding> check(const RawExtentBuilder& built, bool encrypted = false) {
  return check_raw_blocks(built, {512, 12, 1, encrypted}).findings;
}

std::uint64_t written_blocks(const RawExtentBuilder& built) {
  return check_raw_blocks(built, {512, 12, 1}).written_blocks;
}

void check_place(const Finding& finding, BlockRange blocks, std::uint64_t offset_bytes,
                 std::uint64_t length_bytes) {
  CHECK(finding.extent == ExtentId{0});
  CHECK(finding.file == "00/000/000");
  CHECK(finding.blocks == blocks);
  CHECK(finding.offset_bytes == offset_bytes);
  CHECK(finding.length_bytes == length_bytes);
}

std::string hash_of(const Bytes& data) { return hash_text(on_disk_hash(data)); }

// ---- nothing wrong ------------------------------------------------------------------------------

TEST_CASE("sound extents have no findings") {
  CHECK(names_of(check(RawExtentBuilder(512, 12))) == "");
  CHECK(names_of(check(written())) == "");
  CHECK(names_of(check(RawExtentBuilder(512, 12).write_all(B).set_dirty())) == "");
  RawExtentBuilder encrypted(512, 12);
  encrypted.write_encrypted(0, A).write_encrypted(5, B).write_encrypted(11, A);
  CHECK(names_of(check(encrypted, true)) == "");
}

TEST_CASE("a slot that is not selected may hold an older version, matching or not") {
  RawExtentBuilder built = written();
  built.set_slot(B, 3, plain_context(built.data_for(3, 9)));
  built.set_slot(B, 4, plain_context(built.data_for(4)));
  CHECK(names_of(check(built)) == "");
}

TEST_CASE("in a dirty extent a write whose data never arrived leaves nothing to find") {
  RawExtentBuilder built(512, 12);
  built.set_dirty().set_slot(B, 3, plain_context(built.data_for(3)));
  CHECK(names_of(check(built)) == "");
}

// ---- the wrong slot, or none --------------------------------------------------------------------

TEST_CASE("the selected slot does not match, the other one does") {
  SUBCASE("the selected one is empty") {
    const auto findings = check(written().flip_active_bit(5));
    REQUIRE(names_of(findings) == "wrong_selected_slot");
    check_place(findings[0], {5, 1}, 5 * 512UL, 512);
    CHECK(findings[0].expected == "slot A");
    CHECK(findings[0].found == "slot B, empty");
  }
  SUBCASE("the selected one is of another version") {
    RawExtentBuilder built = written();
    const BlockContext older = plain_context(built.data_for(5, 1));
    const auto findings = check(built.set_slot(B, 5, older).select(5, B));
    REQUIRE(names_of(findings) == "wrong_selected_slot");
    CHECK(findings[0].found == "slot B, " + hash_text(older.on_disk_hash));
  }
  SUBCASE("the selected one does not decode") {
    const auto findings = check(written().set_slot_tag(B, 5, 2).select(5, B));
    REQUIRE(names_of(findings) == "bad_active_slot, wrong_selected_slot");
    CHECK(findings[1].found == "slot B, bad");
  }
}

TEST_CASE("no slot matches the data") {
  SUBCASE("clean, one slot present") {
    RawExtentBuilder built = written();
    const auto findings = check(built.corrupt_data(5));
    REQUIRE(names_of(findings) == "no_matching_slot");
    check_place(findings[0], {5, 1}, 5 * 512UL, 512);
    CHECK(findings[0].expected == "A " + hash_of(built.data_for(5)) + ", B empty");
    Bytes data = built.data_for(5);
    data[256] ^= std::byte{0x10};
    CHECK(findings[0].found == "data " + hash_of(data));
  }
  SUBCASE("clean, both slots present") {
    RawExtentBuilder built = written();
    built.set_slot(B, 5, plain_context(built.data_for(5, 1)));
    CHECK(names_of(check(built.corrupt_data(5))) == "no_matching_slot");
  }
  SUBCASE("dirty, both slots present") {
    RawExtentBuilder built = written().set_dirty();
    built.set_slot(B, 5, plain_context(built.data_for(5, 1)));
    const auto findings = check(built.corrupt_data(5));
    REQUIRE(names_of(findings) == "no_matching_slot");
    CHECK(findings[0].expected ==
          "A " + hash_of(built.data_for(5)) + ", B " + hash_of(built.data_for(5, 1)));
  }
  SUBCASE("the slot's on-disk hash is damaged") {
    CHECK(names_of(check(written().corrupt_slot_byte(A, 5, 10))) == "no_matching_slot");
  }
  SUBCASE("the data is zero but the slot is of other data") {
    const Bytes zeros(512);
    CHECK(names_of(check(written().set_data(5, zeros))) == "no_matching_slot");
  }
}

TEST_CASE("data without a context") {
  SUBCASE("clean, never written") {
    RawExtentBuilder built(512, 12);
    built.set_data(7, built.data_for(7));
    const auto findings = check(built);
    REQUIRE(names_of(findings) == "data_without_context");
    check_place(findings[0], {7, 1}, 7 * 512UL, 512);
    CHECK(findings[0].expected == "zeros, or a context");
    CHECK(findings[0].found == "data " + hash_of(built.data_for(7)) + "; A empty, B empty");
  }
  SUBCASE("a single bit of it") {
    CHECK(names_of(check(RawExtentBuilder(512, 12).set_byte(8 * 512UL - 1, 1))) ==
          "data_without_context");
  }
  SUBCASE("clean, the empty slot selected, the other one of other data") {
    RawExtentBuilder built = written();
    built.corrupt_data(5).select(5, B);
    CHECK(names_of(check(built)) == "data_without_context");
  }
  SUBCASE("dirty") {
    RawExtentBuilder built(512, 12);
    built.set_dirty().set_data(7, built.data_for(7));
    built.set_slot(A, 7, plain_context(built.data_for(7, 1)));
    CHECK(names_of(check(built)) == "data_without_context");
  }
}

// ---- slots that do not decode -------------------------------------------------------------------

TEST_CASE("the selected slot does not decode") {
  SUBCASE("its first byte") {
    const auto findings = check(written().set_slot_tag(A, 5, 2));
    REQUIRE(names_of(findings) == "bad_active_slot");
    check_place(findings[0], {5, 1}, 6144 + 48UL * 5, 48);
    CHECK(findings[0].expected == "00 or 01 at byte 0 of the slot");
    CHECK(findings[0].found == "02");
  }
  SUBCASE("its tenth byte") {
    const auto findings = check(written().set_encryption_tag(A, 5, 0xFF));
    REQUIRE(names_of(findings) == "bad_active_slot");
    check_place(findings[0], {5, 1}, 6144 + 48UL * 5, 48);
    CHECK(findings[0].expected == "00 or 01 at byte 9 of the slot");
    CHECK(findings[0].found == "ff");
  }
}

TEST_CASE("the slot that is not selected does not decode") {
  const auto findings = check(written().set_slot_tag(B, 5, 0x80));
  REQUIRE(names_of(findings) == "bad_inactive_slot");
  check_place(findings[0], {5, 1}, 6720 + 48UL * 5, 48);
  CHECK(findings[0].found == "80");
}

TEST_CASE("a slot that does not decode, in a dirty extent") {
  SUBCASE("beside one that matches it is inactive") {
    CHECK(names_of(check(written().set_dirty().set_slot_tag(B, 5, 2))) == "bad_inactive_slot");
  }
  SUBCASE("beside one that does not match the block is lost") {
    CHECK(names_of(check(written().set_dirty().set_slot_tag(B, 5, 2).corrupt_data(5))) ==
          "bad_active_slot, no_matching_slot");
  }
  SUBCASE("both of them") {
    const auto findings = check(written().set_dirty().set_slot_tag(A, 5, 2).set_slot_tag(B, 5, 3));
    REQUIRE(names_of(findings) == "bad_active_slot, bad_active_slot, no_matching_slot");
    check_place(findings[0], {5, 1}, 6144 + 48UL * 5, 48);
    check_place(findings[1], {5, 1}, 6720 + 48UL * 5, 48);
    CHECK(findings[2].expected == "A bad, B bad");
  }
}

// ---- what a slot says besides -------------------------------------------------------------------

TEST_CASE("bytes after the value of the selected slot") {
  SUBCASE("of one that is not encrypted") {
    const auto findings = check(written().set_slot_byte(A, 5, 40, 0xAB).set_slot_byte(A, 5, 47, 1));
    REQUIRE(names_of(findings) == "slot_stray_bytes");
    check_place(findings[0], {5, 1}, 6144 + 48UL * 5, 48);
    CHECK(findings[0].expected == "zeros from byte 40 of the slot");
    CHECK(findings[0].found == "ab00000000000001");
  }
  SUBCASE("of an empty one") {
    const auto findings = check(RawExtentBuilder(512, 12).set_slot_byte(A, 0, 1, 7));
    REQUIRE(names_of(findings) == "slot_stray_bytes");
    CHECK(findings[0].expected == "zeros from byte 1 of the slot");
  }
  SUBCASE("of the other slot they do not matter") {
    CHECK(names_of(check(written().set_slot_byte(B, 5, 40, 1))) == "");
  }
}

TEST_CASE("a flush id above the flush number") {
  const auto with = [](std::uint16_t flush_id, std::uint64_t flush_number) {
    RawExtentBuilder built = written().set_numbers(1, flush_number);
    return built.set_slot(A, 5, plain_context(built.data_for(5), flush_id));
  };
  CHECK(names_of(check(with(4, 4))) == "");
  const auto findings = check(with(5, 4));
  REQUIRE(names_of(findings) == "flush_id_ahead");
  check_place(findings[0], {5, 1}, 6144 + 48UL * 5, 48);
  CHECK(findings[0].expected == "at most the flush number 4");
  CHECK(findings[0].found == "flush id 5");
  // Only the low 16 bits are kept: above that they do not compare.
  CHECK(names_of(check(with(65535, 65534))) == "flush_id_ahead");
  CHECK(names_of(check(with(65535, 65535))) == "");
  CHECK(names_of(check(with(65535, 65536))) == "");
}

TEST_CASE("the integrity hash does not match though the on-disk hash does") {
  SUBCASE("not encrypted") {
    RawExtentBuilder built = written();
    const auto findings = check(built.corrupt_slot_byte(A, 5, 1));
    REQUIRE(names_of(findings) == "integrity_hash_mismatch");
    check_place(findings[0], {5, 1}, 5 * 512UL, 512);
    const std::uint64_t hash = on_disk_hash(built.data_for(5));
    CHECK(findings[0].expected == hash_text(hash));
    CHECK(findings[0].found == hash_text(hash ^ 0x10));
  }
  // Hash, nonce, tag: first and last byte of each.
  for (const std::uint64_t offset : {1U, 8U, 10U, 21U, 22U, 37U}) {
    CAPTURE(offset);
    RawExtentBuilder built(512, 12);
    const auto findings = check(built.write_encrypted(5, A).corrupt_slot_byte(A, 5, offset), true);
    REQUIRE(names_of(findings) == "integrity_hash_mismatch");
  }
}

TEST_CASE("a context of the kind that the region does not have") {
  RawExtentBuilder encrypted(512, 12);
  const auto in_plain = check(encrypted.write_encrypted(5, A), false);
  REQUIRE(names_of(in_plain) == "context_kind_mismatch");
  check_place(in_plain[0], {5, 1}, 5 * 512UL, 512);
  CHECK(in_plain[0].found == "an encrypted block");

  const auto in_encrypted = check(RawExtentBuilder(512, 12).write(5, A), true);
  REQUIRE(names_of(in_encrypted) == "context_kind_mismatch");
  CHECK(in_encrypted[0].found == "a block that is not encrypted");
}

// ---- ranges -------------------------------------------------------------------------------------

TEST_CASE("neighbouring blocks with the same finding are one, gaps part them") {
  RawExtentBuilder built = written();
  for (const std::uint64_t block : {0U, 3U, 4U, 5U, 7U, 11U}) built.corrupt_data(block);
  const auto findings = check(built);
  REQUIRE(names_of(findings) ==
          "no_matching_slot, no_matching_slot, no_matching_slot, no_matching_slot");
  check_place(findings[0], {0, 1}, 0, 512);
  check_place(findings[1], {3, 3}, 3 * 512UL, 3 * 512UL);
  check_place(findings[2], {7, 1}, 7 * 512UL, 512);
  check_place(findings[3], {11, 1}, 11 * 512UL, 512);
  // Expected and found are those of the first block.
  CHECK(findings[1].expected == "A " + hash_of(built.data_for(3)) + ", B empty");
}

TEST_CASE("neighbouring slots of one array are one finding, those of two arrays are not") {
  const auto same =
      check(written().set_slot_tag(B, 3, 2).set_slot_tag(B, 4, 2).set_slot_tag(B, 5, 2));
  REQUIRE(names_of(same) == "bad_inactive_slot");
  check_place(same[0], {3, 3}, 6720 + 48UL * 3, 3 * 48UL);

  RawExtentBuilder built = written();
  built.write(4, B).set_slot_tag(B, 3, 2).set_slot_tag(A, 4, 2).set_slot_tag(B, 5, 2);
  const auto mixed = check(built);
  REQUIRE(names_of(mixed) == "bad_inactive_slot, bad_inactive_slot, bad_inactive_slot");
  check_place(mixed[0], {3, 1}, 6720 + 48UL * 3, 48);
  check_place(mixed[1], {4, 1}, 6144 + 48UL * 4, 48);
  check_place(mixed[2], {5, 1}, 6720 + 48UL * 5, 48);
}

TEST_CASE("the last slot A and the first slot B lie side by side, but are no range") {
  const auto findings = check(written().set_slot_tag(A, 11, 2).set_slot_tag(B, 0, 2));
  REQUIRE(names_of(findings) == "bad_inactive_slot, bad_active_slot");
  check_place(findings[0], {0, 1}, 6720, 48);
  check_place(findings[1], {11, 1}, 6144 + 48UL * 11, 48);
}

TEST_CASE("different findings of neighbouring blocks stay apart, in the order of their blocks") {
  RawExtentBuilder built = written();
  built.corrupt_data(3).flip_active_bit(4).corrupt_data(5);
  CHECK(names_of(check(built)) == "no_matching_slot, wrong_selected_slot, no_matching_slot");
}

TEST_CASE("a range goes on however many other findings its blocks have") {
  // Every block has a context of the wrong kind, and stray bytes and a flush id that is ahead in a
  // slot that changes from block to block.
  RawExtentBuilder built(512, 12);
  built.set_numbers(1, 4);
  for (std::uint64_t block = 0; block < 12; ++block) {
    const ContextSlot slot = block % 2 == 0 ? A : B;
    built.write(block, slot).set_slot(slot, block, plain_context(built.data_for(block), 99));
    built.set_slot_byte(slot, block, 40, 1);
  }
  const auto findings = check(built, true);
  CHECK(only(FindingId::slot_stray_bytes, findings).size() == 12);
  CHECK(only(FindingId::flush_id_ahead, findings).size() == 12);
  const auto kinds = only(FindingId::context_kind_mismatch, findings);
  REQUIRE(kinds.size() == 1);
  check_place(kinds[0], {0, 12}, 0, 12 * 512UL);
}

// ---- counting, and the rest ---------------------------------------------------------------------

TEST_CASE("blocks count as written where a context says so") {
  CHECK(written_blocks(RawExtentBuilder(512, 12)) == 0);
  CHECK(written_blocks(written()) == 12);
  CHECK(written_blocks(RawExtentBuilder(512, 12).write(3, A).write(7, B)) == 2);
  // The data is gone, but the block was written.
  CHECK(written_blocks(written().corrupt_data(3)) == 12);
  // Dirty: a row whose data never arrived does not count.
  RawExtentBuilder dirty(512, 12);
  dirty.set_dirty().set_slot(B, 3, plain_context(dirty.data_for(3)));
  CHECK(written_blocks(dirty) == 0);
}

TEST_CASE("what was taken is not there any more") {
  TestRegion region({512, 12, 1});
  region.put_raw(0, written().corrupt_data(3));
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  BlockCheck blocks(region.definition(), ExtentId{0}, *opened.reader, CheckDepth::everything);
  opened.reader->read_blocks({0, 12}, [&](const BlockRecord& record) { blocks.check(record); });
  CHECK(blocks.finding_count() == 1);
  CHECK(blocks.take_findings().size() == 1);
  CHECK(blocks.finding_count() == 0);
  CHECK(blocks.take_findings().empty());
}

TEST_CASE("blocks that could not be read are ranges too") {
  TestRegion region({512, 12, 1});
  region.put_raw(0, written());
  const OpenedExtent opened = open_extent_of(region, 0);
  REQUIRE(opened.reader != nullptr);
  BlockCheck blocks(region.definition(), ExtentId{0}, *opened.reader, CheckDepth::everything);
  for (const std::uint64_t block : {2U, 3U, 4U, 9U}) {
    blocks.add_unreadable(block, Error(ErrorKind::failed, "no luck"));
  }
  const auto findings = blocks.take_findings();
  REQUIRE(names_of(findings) == "io_error, io_error");
  check_place(findings[0], {2, 3}, 2 * 512UL, 3 * 512UL);
  CHECK(findings[0].found == "no luck");
  check_place(findings[1], {9, 1}, 9 * 512UL, 512);
}

TEST_CASE("why something could not be read decides whose fault it is") {
  for (const int disk : {EIO, ENXIO, EUCLEAN}) {
    CHECK(unreadable_finding_id(SystemError("", disk)) == FindingId::io_error);
  }
  for (const int system : {EACCES, EPERM, EMFILE, ENFILE, ENOMEM}) {
    CHECK(unreadable_finding_id(SystemError("", system)) == FindingId::not_accessible);
  }
  CHECK(unreadable_finding_id(Error(ErrorKind::failed, "the file ended")) == FindingId::io_error);
}

}  // namespace
}  // namespace libregion
