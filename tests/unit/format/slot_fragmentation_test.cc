#include "libregion/format/slot_fragmentation.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/support/random.h"

namespace libregion {
namespace {

// "AABA": the active slot of each block.
ActiveSlots slots_of(std::string_view letters) {
  ActiveSlots slots(letters.size());
  for (std::size_t block = 0; block < letters.size(); ++block) {
    slots.set(block, letters[block] == 'B' ? ContextSlot::B : ContextSlot::A);
  }
  return slots;
}

TEST_CASE("an extent whose active slots are in one array is not scattered") {
  for (const char* letters : {"A", "AAAAAAA", "AAAAAAAAA"}) {
    CAPTURE(letters);
    const SlotFragmentation all_a = measure_fragmentation(slots_of(letters));
    CHECK(all_a.a.run_count == 1);
    CHECK(all_a.a.block_count == std::string_view(letters).size());
    CHECK(all_a.b == SlotFragmentation::Usage{});
    CHECK(all_a.extra_system_calls() == 0);
    CHECK(all_a.minor_array() == ContextSlot::B);
    CHECK(all_a.minor_block_count() == 0);
  }
  const SlotFragmentation all_b = measure_fragmentation(slots_of("BBB"));
  CHECK(all_b.minor_array() == ContextSlot::A);
  CHECK(all_b.minor_block_count() == 0);
  CHECK(all_b.extra_system_calls() == 0);
}

TEST_CASE("runs of both arrays are counted, and all system calls but the first are extra") {
  const SlotFragmentation measured = measure_fragmentation(slots_of("AABABBBBAAAA"));
  CHECK(measured.a == SlotFragmentation::Usage{7, 3});
  CHECK(measured.b == SlotFragmentation::Usage{5, 2});
  CHECK(measured.of(ContextSlot::A) == measured.a);
  CHECK(measured.of(ContextSlot::B) == measured.b);
  CHECK(measured.extra_system_calls() == 4);
  CHECK(measured.minor_array() == ContextSlot::B);
  CHECK(measured.minor_block_count() == 5);
}

TEST_CASE("the minor array is the less used one, B on a tie") {
  CHECK(measure_fragmentation(slots_of("ABB")).minor_array() == ContextSlot::A);
  CHECK(measure_fragmentation(slots_of("AAB")).minor_array() == ContextSlot::B);
  CHECK(measure_fragmentation(slots_of("ABAB")).minor_array() == ContextSlot::B);
  CHECK(measure_fragmentation(slots_of("BA")).minor_array() == ContextSlot::B);
}

TEST_CASE("unused bits of the last byte are no blocks") {
  const Bytes bits{std::byte{0xFF}, std::byte{0xF0}};
  const SlotFragmentation measured = measure_fragmentation(ActiveSlots(12, bits));
  CHECK(measured.a == SlotFragmentation::Usage{4, 1});
  CHECK(measured.b == SlotFragmentation::Usage{8, 1});
}

TEST_CASE("an extent without blocks is read without a call") {
  CHECK(SlotFragmentation().extra_system_calls() == 0);
}

TEST_CASE("the average of extra system calls is rounded down, and what had no run does not count") {
  ExtraSystemCalls calls;
  CHECK(calls.average() == 0);
  calls.count(0);
  CHECK(calls.average() == 0);
  calls.count(5);
  CHECK(calls.average() == 4);
  calls.count(0);
  CHECK(calls.average() == 4);
  calls.count(4);
  CHECK(calls.average() == 3);
  calls.count(1);
  CHECK(calls.average() == 2);
}

TEST_CASE("random slots are counted as one would count them by hand") {
  Random random(23);
  for (std::uint64_t count = 1; count <= 200; ++count) {
    CAPTURE(count);
    std::string letters;
    for (std::uint64_t block = 0; block < count; ++block) letters += random.coin() ? 'A' : 'B';
    SlotFragmentation expected;
    for (std::uint64_t block = 0; block < count; ++block) {
      SlotFragmentation::Usage& usage = letters[block] == 'A' ? expected.a : expected.b;
      ++usage.block_count;
      if (block == 0 || letters[block - 1] != letters[block]) ++usage.run_count;
    }
    REQUIRE(measure_fragmentation(slots_of(letters)) == expected);
  }
}

}  // namespace
}  // namespace libregion
