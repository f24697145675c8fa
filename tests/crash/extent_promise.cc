#include "tests/crash/extent_promise.h"

#include <algorithm>

#include "libregion/extent/slot_selection.h"
#include "tests/crash/keys.h"

namespace libregion {
namespace {

// Whether the block is this version, with this slot for its context.
bool is_version(const BlockVersion& version, std::uint64_t data_hash, const SlotValue& slot) {
  if (data_hash != version.data_hash) return false;
  if (!version.context) return std::holds_alternative<EmptySlot>(slot);
  const auto* context = std::get_if<BlockContext>(&slot);
  return context != nullptr && context->on_disk_hash == data_hash &&
         context->hash == version.context->hash &&
         context->encryption == version.context->encryption;
}

}  // namespace

void ExtentPromise::acknowledge(const Numbers& numbers) {
  for (auto& versions : blocks) versions = {versions.back()};
  flushed = numbers;
  flushing.reset();
  may_be_dirty = false;
}

void ExtentPromise::note_durable(const ExtentMetadata& metadata) {
  const Numbers numbers{metadata.gen_number, metadata.flush_number};
  if (!metadata.dirty && flushing == numbers) acknowledge(numbers);
}

Verdict ExtentPromise::judge(const BlockRecord& record,
                             const std::optional<ExtentMetadata>& metadata) const {
  if (!metadata) return Verdict::bad;
  const std::vector<BlockVersion>& versions = blocks[record.block];
  const Numbers numbers{metadata->gen_number, metadata->flush_number};
  const auto is = [&](const BlockVersion& version) {
    return record.selected && is_version(version, record.data_hash, record.slots[*record.selected]);
  };
  if (!metadata->dirty) {
    const bool is_flushed = numbers == flushed && is(versions.front());
    const bool is_being_flushed = flushing && numbers == *flushing && is(versions.back());
    if (!is_flushed && !is_being_flushed) return Verdict::bad;
    if (array && record.selected != static_cast<std::size_t>(*array)) return Verdict::bad;
    const BlockVersion& found = is_flushed ? versions.front() : versions.back();
    const auto when_dirty = select_dirty_slot(record.slots[0], record.slots[1], record.data_hash);
    const bool stays =
        when_dirty &&
        is_version(found, record.data_hash, record.slots[static_cast<std::size_t>(*when_dirty)]);
    return stays ? Verdict::good : Verdict::bad;
  }
  if (!may_be_dirty) return Verdict::bad;
  if (!numbers_may_be_torn && numbers != flushed && !(flushing && numbers == *flushing)) {
    return Verdict::bad;
  }
  if (std::any_of(versions.begin(), versions.end(), is)) return Verdict::good;
  const bool is_whole = std::any_of(
      versions.begin(), versions.end(),
      [&](const BlockVersion& version) { return version.data_hash == record.data_hash; });
  return may_tear && versions.size() > 1 && !is_whole ? Verdict::torn : Verdict::bad;
}

std::uint64_t ExtentPromise::key() const {
  Key key;
  key.add(flushed.gen_number).add(flushed.flush_number).add(may_be_dirty).add(may_tear);
  if (array) key.add(2 + static_cast<std::uint64_t>(*array));
  if (flushing) key.add(flushing->gen_number).add(flushing->flush_number);
  return key.value();
}

std::uint64_t ExtentPromise::key_of(std::uint64_t block) const {
  Key key;
  for (const BlockVersion& version : blocks[block]) {
    key.add(version.data_hash).add(version.context ? version.context->hash : 1);
  }
  return key.value();
}

}  // namespace libregion
