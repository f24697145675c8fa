// What the walks over one region and over its replicas have in common: threads that visit what a
// schedule hands out, in any order, while each task has its turn to report.

#pragma once

#include <algorithm>

#include "libregion/ops/parallel.h"
#include "libregion/ops/turns.h"
#include "libregion/ops/walk.h"

namespace libregion {

// A schedule has next(), which is empty after the last task; cancel(), after which it is empty; and
// was_stopped(). Returns false where it was stopped before all was visited.
template <typename Schedule, typename Visit>
bool walk_schedule(Schedule& schedule, Turns& turns, const WalkOptions& options,
                   const Visit& visit) {
  const std::uint64_t turns_ahead_max = std::uint64_t{8} * std::max(options.jobs, options.readers);
  run_on_threads(options.threads(), [&] {
    try {
      while (const auto task = schedule.next()) {
        turns.wait_until_near(task->turn, turns_ahead_max);
        visit(*task);
      }
    } catch (...) {
      schedule.cancel();
      throw;
    }
  });
  return !schedule.was_stopped();
}

}  // namespace libregion
