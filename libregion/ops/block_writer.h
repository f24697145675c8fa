// Writing the blocks of an extent that is built anew.

#pragma once

#include "libregion/format/units.h"
#include "libregion/io/file_system.h"

namespace libregion {

// Writes blocks that come in ascending order to a new file, which is going to be synced, runs of
// them at once. What is zero stays a hole.
class BlockWriter {
 public:
  BlockWriter(File& file, const Geometry& geometry) : file_(file), geometry_(geometry) {}

  void add(std::uint64_t block, ByteView data) {
    if (block != end_block_ || run_.size() >= run_bytes_max) flush();
    if (all_zero(data)) return;
    end_block_ = block + 1;
    run_.insert(run_.end(), data.begin(), data.end());
  }

  void flush() {
    if (run_.empty()) return;
    const std::uint64_t offset_bytes = geometry_.block_offset_bytes(end_block_) - run_.size();
    file_.write(offset_bytes, run_);
    file_.will_sync({offset_bytes, run_.size()});
    run_.clear();
  }

 private:
  static constexpr std::size_t run_bytes_max = std::size_t{1} << 20;

  File& file_;
  Geometry geometry_;
  Bytes run_;
  std::uint64_t end_block_ = 0;  // of the run in hand
};

}  // namespace libregion
