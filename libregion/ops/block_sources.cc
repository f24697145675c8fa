#include "libregion/ops/block_sources.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "libregion/ops/reconciliation.h"

namespace libregion {
namespace {

constexpr std::size_t none = BlockSources::stays;

using ReplicaBits = std::uint32_t;
static_assert(replicas_max == 32);

ReplicaBits bit_of(std::size_t replica) { return ReplicaBits{1} << replica; }

bool is_same_age(const ExtentMetadata& left, const ExtentMetadata& right) {
  return !is_newer(left, right) && !is_newer(right, left);
}

void add_block(std::vector<BlockRange>& ranges, std::uint64_t block) {
  if (!ranges.empty() && ranges.back().end() == block) {
    ++ranges.back().count;
  } else {
    ranges.push_back({block, 1});
  }
}

class Search {
 public:
  Search(const std::vector<ExtentReader*>& replicas, const RegionDefinition& definition,
         const std::optional<ExtentMetadata>& metadata, const SourceOptions& options)
      : replicas_(replicas),
        definition_(definition),
        options_(options),
        block_count_(definition.geometry.extent_size_blocks()),
        proven_(block_count_),
        unwritten_(block_count_),
        was_written_(block_count_) {
    LIBREGION_ASSERT(replicas.size() <= replicas_max);
    for (const ExtentReader* reader : replicas) {
      metadata_.push_back(reader == nullptr ? std::nullopt : reader->metadata());
    }
    metadata_.front() = metadata;
    is_usable_ = replicas.front() != nullptr && metadata;
    sort_by_age();
  }

  BlockSources run() {
    look_at_blocks();
    for (const BlockRange& range : options_.forgotten) forget(range);
    BlockSources found = is_usable_ ? mend() : assemble();
    found.unread = std::move(unread_);
    return found;
  }

 private:
  // ---- what there is ----------------------------------------------------------------------------

  void sort_by_age() {
    order_.resize(replicas_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t left, std::size_t right) {
      if (!metadata_[left] || !metadata_[right]) return metadata_[left] && !metadata_[right];
      return is_newer(*metadata_[left], *metadata_[right]);
    });
  }

  void look_at_blocks() {
    ReplicaBlocks blocks(replicas_, definition_.geometry);
    blocks.read(
        {0, block_count_},
        [&](std::uint64_t block, std::span<const ReplicaBlock> found) {
          was_written_[block] = has_any_context(found.front());
          for (std::size_t i = 0; i < found.size(); ++i) {
            if (usable_context(found[i], definition_.encrypted) != nullptr) {
              proven_[block] |= bit_of(i);
            } else if (found[i].state == BlockState::unwritten) {
              unwritten_[block] |= bit_of(i);
            }
          }
        },
        [&](std::size_t replica, std::uint64_t /*block*/, const Error& error) {
          if (replica == 0 || unread_) return;
          unread_ = Finding{unreadable_finding_id(error)};
          unread_->found = error.what();
        });
    doubt_blocks_with_bad_rows();
  }

  // Without the row that it had a block may look like one that was never written.
  void doubt_blocks_with_bad_rows() {
    for (const BlockRange& range : options_.bad_rows) {
      for (std::uint64_t block = range.first; block < range.end(); ++block) {
        unwritten_[block] &= ~bit_of(0);
        was_written_[block] = true;
      }
    }
    if (!options_.has_stray_bad_rows) return;
    for (ReplicaBits& unwritten : unwritten_) unwritten &= ~bit_of(0);
  }

  void forget(BlockRange range) {
    forgotten_.resize(block_count_);
    for (std::uint64_t block = range.first; block < range.end(); ++block) forgotten_[block] = true;
  }
  [[nodiscard]] bool is_forgotten(std::uint64_t block) const {
    return !forgotten_.empty() && forgotten_[block];
  }

  // The newest of these replicas that has the block; written before never written.
  [[nodiscard]] std::size_t newest_of(ReplicaBits replicas, std::uint64_t block) const {
    const ReplicaBits unwritten = was_written_[block] ? 0 : unwritten_[block];
    for (const ReplicaBits having : {proven_[block] & replicas, unwritten & replicas}) {
      for (const std::size_t replica : order_) {
        if ((having & bit_of(replica)) != 0) return replica;
      }
    }
    return none;
  }

  [[nodiscard]] bool has_all(ReplicaBits replicas) const {
    for (std::uint64_t block = 0; block < block_count_; ++block) {
      if (!is_forgotten(block) && newest_of(replicas, block) == none) return false;
    }
    return true;
  }

  [[nodiscard]] ReplicaBits all() const {
    return static_cast<ReplicaBits>((std::uint64_t{1} << replicas_.size()) - 1);
  }

  // Those with the same numbers as the extent's, or as another replica's.
  [[nodiscard]] ReplicaBits of_age(const ExtentMetadata& age) const {
    ReplicaBits replicas = 0;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (metadata_[i] && is_same_age(*metadata_[i], age)) replicas |= bit_of(i);
    }
    return replicas;
  }

  // ---- the extent's own file is the base --------------------------------------------------------

  BlockSources mend() {
    const ReplicaBits same = of_age(*metadata_.front());
    bool lacks = false;
    std::vector<std::size_t> sources(block_count_, none);
    for (std::uint64_t block = 0; block < block_count_; ++block) {
      if (is_forgotten(block)) {
        const bool is_so = (unwritten_[block] & bit_of(0)) != 0;
        if (!is_so) sources[block] = BlockSources::forgotten;
      } else if (is_damaged(block)) {
        sources[block] = newest_of(same, block);
        lacks |= sources[block] == none;
      }
    }
    if (lacks) {
      if (auto newer = take_newer()) return *newer;
    }
    BlockSources found;
    found.metadata = *metadata_.front();
    for (std::uint64_t block = 0; block < block_count_ && lacks; ++block) {
      if (sources[block] == none && is_damaged(block)) fill(found, sources, block);
    }
    found.is_stuck = must_stay(sources);
    if (found.is_stuck) return found;
    add_runs(found, sources);
    add_dropped_rows(found, sources);
    return found;
  }

  // Whether a block that cannot stay as it is would have to.
  [[nodiscard]] bool must_stay(const std::vector<std::size_t>& sources) const {
    const auto lacks = [&](std::uint64_t block) {
      return sources[block] == none && is_damaged(block);
    };
    for (std::uint64_t block = replicas_.front()->readable_blocks(); block < block_count_;
         ++block) {
      if (lacks(block)) return true;
    }
    for (const BlockRange& range : options_.bad_rows) {
      for (std::uint64_t block = range.first; block < range.end(); ++block) {
        if (lacks(block)) return true;
      }
    }
    for (std::uint64_t block = 0; block < block_count_ && options_.has_stray_bad_rows; ++block) {
      if (lacks(block) && !was_written_[block]) return true;
    }
    return false;
  }

  void add_dropped_rows(BlockSources& found, const std::vector<std::size_t>& sources) const {
    found.drops_stray_rows = options_.has_stray_bad_rows;
    for (const BlockRange& range : options_.bad_rows) {
      for (std::uint64_t block = range.first; block < range.end(); ++block) {
        if (sources[block] == none) add_block(found.dropped_rows, block);
      }
    }
  }

  [[nodiscard]] bool is_damaged(std::uint64_t block) const {
    return ((proven_[block] | unwritten_[block]) & bit_of(0)) == 0;
  }

  // What no replica with the same numbers has.
  void fill(BlockSources& found, std::vector<std::size_t>& sources, std::uint64_t block) {
    const std::size_t other = newest_of(all(), block);
    if (other == none) {
      add_block(found.missing, block);
    } else if (!options_.mix) {
      add_block(found.unmixed, block);
    } else {
      sources[block] = other;
      found.metadata.dirty = true;
      found.is_mixed = true;
    }
  }

  // The newest replicas, where they are newer and have all blocks.
  [[nodiscard]] std::optional<BlockSources> take_newer() const {
    const ExtentMetadata& newest = *metadata_[order_.front()];
    if (!is_newer(newest, *metadata_.front()) || !has_all(of_age(newest))) return std::nullopt;
    return whole_of(of_age(newest), newest);
  }

  // ---- it is not --------------------------------------------------------------------------------

  BlockSources assemble() {
    BlockSources found;
    if (!metadata_[order_.front()]) {
      // Nobody's numbers are known.
      note_missing(found, 0);
      return found;
    }
    ExtentMetadata newest = *metadata_[order_.front()];
    const ReplicaBits same = of_age(newest);
    if (has_all(same)) return whole_of(same, newest);
    if (options_.mix && has_all(all())) {
      newest.dirty = true;
      BlockSources mixed = whole_of(all(), newest);
      mixed.is_mixed = true;
      return mixed;
    }
    note_missing(found, same);
    return found;
  }

  void note_missing(BlockSources& found, ReplicaBits same) const {
    for (std::uint64_t block = 0; block < block_count_; ++block) {
      if (is_forgotten(block) || newest_of(same, block) != none) continue;
      add_block(newest_of(all(), block) == none ? found.missing : found.unmixed, block);
    }
  }

  [[nodiscard]] BlockSources whole_of(ReplicaBits replicas, ExtentMetadata metadata) const {
    BlockSources found;
    found.is_whole = true;
    found.metadata = metadata;
    std::vector<std::size_t> sources(block_count_);
    for (std::uint64_t block = 0; block < block_count_; ++block) {
      sources[block] = is_forgotten(block) ? BlockSources::forgotten : newest_of(replicas, block);
    }
    add_runs(found, sources);
    return found;
  }

  static void add_runs(BlockSources& found, const std::vector<std::size_t>& sources) {
    for (std::uint64_t block = 0; block < sources.size(); ++block) {
      if (sources[block] == none) continue;
      const bool goes_on = !found.runs.empty() && found.runs.back().blocks.end() == block &&
                           found.runs.back().source == sources[block];
      if (goes_on) {
        ++found.runs.back().blocks.count;
      } else {
        found.runs.push_back({{block, 1}, sources[block]});
      }
    }
  }

  const std::vector<ExtentReader*>& replicas_;
  const RegionDefinition& definition_;
  const SourceOptions& options_;
  std::uint64_t block_count_;
  std::vector<std::optional<ExtentMetadata>> metadata_;
  bool is_usable_ = false;
  std::optional<Finding> unread_;
  std::vector<std::size_t> order_;  // the newest replica first
  // Of each block, which replicas have it with a context that proves it, and which say that it was
  // never written.
  std::vector<ReplicaBits> proven_;
  std::vector<ReplicaBits> unwritten_;
  std::vector<bool> was_written_;  // in the extent itself
  std::vector<bool> forgotten_;
};

}  // namespace

bool has_any_context(const ReplicaBlock& block) {
  return std::any_of(
      block.record.slots.begin(), block.record.slots.end(),
      [](const SlotValue& slot) { return !std::holds_alternative<EmptySlot>(slot); });
}

const BlockContext* usable_context(const ReplicaBlock& block, bool encrypted) {
  const BlockContext* context = block.proven_context();
  return context != nullptr && context->encryption.has_value() == encrypted ? context : nullptr;
}

BlockSources find_block_sources(const std::vector<ExtentReader*>& replicas,
                                const RegionDefinition& definition,
                                const std::optional<ExtentMetadata>& metadata,
                                const SourceOptions& options) {
  return Search(replicas, definition, metadata, options).run();
}

}  // namespace libregion
