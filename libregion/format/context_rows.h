// The rows of a SQLite extent's table block_context, as contexts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "libregion/format/context_slot.h"

namespace libregion {

// The rows of all blocks, ordered by block.
class ContextRows {
 public:
  void reserve(std::size_t row_count);
  // In any order; sort() before anything is looked up.
  void add(std::uint64_t block, const BlockContext& context) { add(block) = context; }
  // The same with a context that is yet to be filled in.
  BlockContext& add(std::uint64_t block) {
    blocks_.push_back(block);
    return std::get<BlockContext>(contexts_.emplace_back(std::in_place_type<BlockContext>));
  }
  void sort();
  // Of equal rows of a block only the first stays. After sort().
  void remove_repeats();

  [[nodiscard]] std::size_t size() const { return blocks_.size(); }
  [[nodiscard]] std::span<const SlotValue> of_block(std::uint64_t block) const;
  // The first block at or behind this one that has any; the largest number where there is none.
  [[nodiscard]] std::uint64_t first_block_from(std::uint64_t block) const;
  [[nodiscard]] bool has_block_with_several() const;
  // Calls visit(block, context) for each.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < blocks_.size(); ++i) visit(blocks_[i], contexts_[i]);
  }
  bool operator==(const ContextRows&) const = default;

 private:
  std::vector<std::uint64_t> blocks_;  // of contexts_[i]
  std::vector<SlotValue> contexts_;
};

}  // namespace libregion
