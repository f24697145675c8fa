#include "libregion/ops/turns.h"

#include "libregion/base/work_places.h"

namespace libregion {

void Turns::wait_until_near(std::uint64_t turn, std::uint64_t distance_max) {
  wait_until([&] { return turn <= current_turn_ + distance_max; });
}

void Turns::say_in_turn(std::uint64_t turn, const std::vector<Say>& things) {
  wait_until([&] { return turn == current_turn_; });
  const std::lock_guard lock(mutex_);
  say_or_break(things);
}

void Turns::finish_turn(std::uint64_t turn, std::vector<Say> things) {
  const std::lock_guard lock(mutex_);
  finished_.emplace(turn, std::move(things));
  while (!finished_.empty() && finished_.begin()->first == current_turn_) {
    const auto node = finished_.extract(finished_.begin());
    ++current_turn_;
    turn_changed_.notify_all();
    say_or_break(node.mapped());
  }
}

void Turns::wait_until(const std::function<bool()>& is_time) {
  const auto is_over = [&] { return is_broken_ || is_time(); };
  {
    const std::lock_guard lock(mutex_);
    if (is_over()) return;
  }
  const Absence absence;
  std::unique_lock lock(mutex_);
  turn_changed_.wait(lock, is_over);
}

// Once one of them has thrown nothing more is said, and nobody waits for a turn.
void Turns::say_or_break(const std::vector<Say>& things) {
  if (is_broken_) return;
  try {
    for (const Say& thing : things) thing();
  } catch (...) {
    is_broken_ = true;
    turn_changed_.notify_all();
    throw;
  }
}

void Turn::say(Turns::Say thing) {
  things_.push_back(std::move(thing));
  if (things_.size() < kept_max) return;
  turns_.say_in_turn(number_, things_);
  things_.clear();
}

void Turn::say_now(Turns::Say thing) {
  things_.push_back(std::move(thing));
  turns_.say_in_turn(number_, things_);
  things_.clear();
}

}  // namespace libregion
