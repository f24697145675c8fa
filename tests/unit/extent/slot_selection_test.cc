#include "libregion/extent/slot_selection.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace libregion {
namespace {

constexpr std::uint64_t data_hash = 0x1122334455667788;
constexpr std::uint64_t other_hash = 0x8877665544332211;

const SlotValue empty = EmptySlot{};
const SlotValue bad = BadSlot{0, 2};
const SlotValue matching = BlockContext{data_hash, std::nullopt, data_hash, 0};
const SlotValue stale = BlockContext{other_hash, std::nullopt, other_hash, 0};

using enum ContextSlot;
constexpr auto none = std::nullopt;

TEST_CASE("in a dirty extent a slot that matches is active, and B where both do") {
  CHECK(select_dirty_slot(matching, matching, data_hash) == B);
  CHECK(select_dirty_slot(matching, empty, data_hash) == A);
  CHECK(select_dirty_slot(matching, stale, data_hash) == A);
  CHECK(select_dirty_slot(matching, bad, data_hash) == A);
  CHECK(select_dirty_slot(empty, matching, data_hash) == B);
  CHECK(select_dirty_slot(stale, matching, data_hash) == B);
  CHECK(select_dirty_slot(bad, matching, data_hash) == B);
}

TEST_CASE("in a dirty extent an empty slot is active where none matches, A before B") {
  CHECK(select_dirty_slot(empty, empty, data_hash) == A);
  CHECK(select_dirty_slot(empty, stale, data_hash) == A);
  CHECK(select_dirty_slot(empty, bad, data_hash) == A);
  CHECK(select_dirty_slot(stale, empty, data_hash) == B);
  CHECK(select_dirty_slot(bad, empty, data_hash) == B);
}

TEST_CASE("in a dirty extent a block with neither a match nor an empty slot has lost its context") {
  CHECK(select_dirty_slot(stale, stale, data_hash) == none);
  CHECK(select_dirty_slot(stale, bad, data_hash) == none);
  CHECK(select_dirty_slot(bad, stale, data_hash) == none);
  CHECK(select_dirty_slot(bad, bad, data_hash) == none);
}

TEST_CASE("it is the on-disk hash that must match, not the integrity hash") {
  const SlotValue only_integrity = BlockContext{data_hash, std::nullopt, other_hash, 0};
  const SlotValue only_on_disk = BlockContext{other_hash, std::nullopt, data_hash, 0};
  CHECK(select_dirty_slot(only_on_disk, only_integrity, data_hash) == A);
  CHECK(select_dirty_slot(only_integrity, only_integrity, data_hash) == none);
}

TEST_CASE("a SQLite block without a row has no context") {
  CHECK(select_row({}, data_hash) == none);
}

TEST_CASE("the only row of a SQLite block is taken as it is") {
  CHECK(select_row(std::array{matching}, data_hash) == 0);
  CHECK(select_row(std::array{stale}, data_hash) == 0);
}

TEST_CASE("of several rows of a SQLite block the one that matches is taken") {
  CHECK(select_row(std::array{matching, stale, stale}, data_hash) == 0);
  CHECK(select_row(std::array{stale, matching, stale}, data_hash) == 1);
  CHECK(select_row(std::array{stale, stale, matching}, data_hash) == 2);
  CHECK(select_row(std::array{stale, stale}, data_hash) == none);
}

}  // namespace
}  // namespace libregion
