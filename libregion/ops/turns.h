// What many threads have to say, in the order of their turns: 0, 1, 2 ... Little is kept until its
// turn has come; whoever has more to say than a little waits.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace libregion {

class Turns {
 public:
  // Says one thing. Called from one thread at a time, in order.
  using Say = std::function<void()>;

  // Waits until `turn` is not too far ahead of the one that is being said.
  void wait_until_near(std::uint64_t turn, std::uint64_t distance_max);

  // In the middle of a turn; waits for the turn to come first.
  void say_in_turn(std::uint64_t turn, const std::vector<Say>& things);

  // The last of a turn: said at once, or when the turn comes.
  void finish_turn(std::uint64_t turn, std::vector<Say> things);

 private:
  void wait_until(const std::function<bool()>& is_time);
  void say_or_break(const std::vector<Say>& things);

  std::mutex mutex_;
  std::condition_variable turn_changed_;
  bool is_broken_ = false;
  std::uint64_t current_turn_ = 0;
  std::map<std::uint64_t, std::vector<Say>> finished_;
};

// One turn, in the hands of one thread.
class Turn {
 public:
  Turn(Turns& turns, std::uint64_t number) : turns_(turns), number_(number) {}

  // What `thing` refers to must outlive the turn.
  void say(Turns::Say thing);
  // Waits for the turn: for what there is much of, and what does not last.
  void say_now(Turns::Say thing);
  // A turn must end, or the others wait for it for ever.
  void finish() { turns_.finish_turn(number_, std::move(things_)); }

 private:
  static constexpr std::size_t kept_max = 1024;

  Turns& turns_;
  std::uint64_t number_;
  std::vector<Turns::Say> things_;
};

}  // namespace libregion
