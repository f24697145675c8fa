// The comparison of replicas as people read it: a head for each extent, a row for each range of
// blocks that look the same, and beneath a row that differs what each replica holds.

#pragma once

#include <string>
#include <vector>

#include "libregion/ops/compare.h"

namespace region_tools {

class CompareText {
 public:
  struct Shape {
    std::vector<std::string> names;  // of the replicas
    std::uint64_t extent_size_blocks = 1;
    std::size_t hash_width = 8;  // digits of each hash that are shown
    bool shows_integrity = false;
    bool shows_all = false;  // what replicas hold of blocks that are equal too
    bool uses_color = false;
  };
  explicit CompareText(Shape shape) : shape_(std::move(shape)) {}

  // What the letters and signs mean.
  static std::string legend();
  std::string head(const libregion::DumpRow& row);
  [[nodiscard]] std::string blocks(const libregion::BlockComparison& comparison) const;

 private:
  [[nodiscard]] std::string letters(const libregion::BlockComparison& comparison) const;
  [[nodiscard]] std::string slots(const libregion::BlockComparison& comparison) const;
  [[nodiscard]] std::string slots_cell(const libregion::ReplicaBlock& block,
                                       std::size_t replica) const;
  [[nodiscard]] std::string details(const libregion::BlockComparison& comparison) const;
  [[nodiscard]] std::string slot_details(const libregion::ReplicaBlock& block, std::size_t slot,
                                         std::size_t replica) const;
  [[nodiscard]] std::string slot_name(const libregion::ReplicaBlock& block, std::size_t slot,
                                      std::size_t replica) const;
  [[nodiscard]] std::string hash(std::uint64_t value) const;
  [[nodiscard]] std::string colored(std::string text, bool is_good) const;
  [[nodiscard]] std::size_t blocks_width() const;

  Shape shape_;
  std::vector<bool> dirty_;  // of each replica's extent in hand
};

}  // namespace region_tools
