// Workloads as sequences of steps.

#pragma once

#include <cstddef>
#include <vector>

namespace libregion {

// All sequences of up to so many of the steps, each after those that it begins with.
template <class Step>
std::vector<std::vector<Step>> sequences_of(const std::vector<Step>& steps, std::size_t steps_max) {
  std::vector<std::vector<Step>> sequences = {{}};
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].size() == steps_max) continue;
    for (const Step step : steps) {
      sequences.push_back(sequences[i]);
      sequences.back().push_back(step);
    }
  }
  sequences.erase(sequences.begin());
  return sequences;
}

}  // namespace libregion
