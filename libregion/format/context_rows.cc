#include "libregion/format/context_rows.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace libregion {

void ContextRows::reserve(std::size_t row_count) {
  blocks_.reserve(row_count);
  contexts_.reserve(row_count);
}

void ContextRows::sort() {
  // The table's own order; only a damaged one needs the work.
  if (std::is_sorted(blocks_.begin(), blocks_.end())) return;
  std::vector<std::size_t> order(blocks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return blocks_[left] < blocks_[right];
  });
  ContextRows sorted;
  for (const std::size_t i : order) {
    sorted.blocks_.push_back(blocks_[i]);
    sorted.contexts_.push_back(contexts_[i]);
  }
  *this = std::move(sorted);
}

void ContextRows::remove_repeats() {
  using Encryption = std::pair<std::array<std::byte, 12>, std::array<std::byte, 16>>;
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::optional<Encryption>>;
  std::set<Key> seen;  // of the block in hand
  ContextRows kept;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (i > 0 && blocks_[i] != blocks_[i - 1]) seen.clear();
    const auto& context = std::get<BlockContext>(contexts_[i]);
    std::optional<Encryption> encryption;
    if (context.encryption) encryption = {context.encryption->nonce, context.encryption->tag};
    if (!seen.insert({context.hash, context.on_disk_hash, encryption}).second) continue;
    kept.add(blocks_[i], context);
  }
  *this = std::move(kept);
}

std::span<const SlotValue> ContextRows::of_block(std::uint64_t block) const {
  // Where every block was written, its row's number is its own.
  const bool is_own_row = block < blocks_.size() && blocks_[block] == block;
  const bool is_first = is_own_row && (block == 0 || blocks_[block - 1] != block);
  const bool is_last = is_own_row && (block + 1 == blocks_.size() || blocks_[block + 1] != block);
  if (is_first && is_last) return std::span(contexts_).subspan(block, 1);

  const auto [first, last] = std::equal_range(blocks_.begin(), blocks_.end(), block);
  return std::span(contexts_).subspan(static_cast<std::size_t>(first - blocks_.begin()),
                                      static_cast<std::size_t>(last - first));
}

std::uint64_t ContextRows::first_block_from(std::uint64_t block) const {
  const auto first = std::lower_bound(blocks_.begin(), blocks_.end(), block);
  return first != blocks_.end() ? *first : std::numeric_limits<std::uint64_t>::max();
}

bool ContextRows::has_block_with_several() const {
  return std::adjacent_find(blocks_.begin(), blocks_.end()) != blocks_.end();
}

}  // namespace libregion
