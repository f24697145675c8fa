#include "libregion/base/work_places.h"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

namespace libregion {
namespace {

TEST_CASE("a place that somebody leaves is the next one's") {
  WorkPlaces places(1);
  std::atomic<bool> was_there{false};
  std::thread other;
  {
    const WorkPlace place(places);
    other = std::thread([&] {
      const WorkPlace others_place(places);
      was_there = true;
    });
    CHECK_FALSE(was_there);
    const Absence absence;
    other.join();
    CHECK(was_there);
  }
  const WorkPlace again(places);
}

TEST_CASE("who comes back waits until a place is free") {
  WorkPlaces places(1);
  std::atomic<bool> is_working{false};
  const auto work = [&] {
    const WorkPlace place(places);
    for (int i = 0; i < 1000; ++i) {
      CHECK_FALSE(is_working.exchange(true));
      is_working = false;
      const Absence absence;
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST_CASE("without a place there is nothing to leave") {
  const Absence absence;
  const Absence within_it;
}

TEST_CASE("a place of a walk within a walk is left to that one's threads") {
  WorkPlaces outer(1);
  WorkPlaces inner(1);
  const WorkPlace place(outer);
  {
    const WorkPlace inner_place(inner);
    const Absence absence;
    std::thread([&] { const WorkPlace others_place(inner); }).join();
  }
  // Of this thread again is the place of the outer walk.
  const Absence absence;
  std::thread([&] { const WorkPlace others_place(outer); }).join();
}

}  // namespace
}  // namespace libregion
