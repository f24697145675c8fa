#include "libregion/base/work_places.h"

namespace libregion {
namespace {

// Those that this thread has a place of.
thread_local WorkPlaces* places_of_thread = nullptr;

}  // namespace

void WorkPlaces::take() {
  std::unique_lock lock(mutex_);
  place_left_.wait(lock, [&] { return free_count_ > 0; });
  --free_count_;
}

void WorkPlaces::leave() {
  {
    const std::lock_guard lock(mutex_);
    ++free_count_;
  }
  place_left_.notify_one();
}

WorkPlace::WorkPlace(WorkPlaces& places) : outer_(places_of_thread) {
  places.take();
  places_of_thread = &places;
}

WorkPlace::~WorkPlace() {
  places_of_thread->leave();
  places_of_thread = outer_;
}

Absence::Absence() {
  if (places_of_thread != nullptr) places_of_thread->leave();
}

Absence::~Absence() {
  if (places_of_thread != nullptr) places_of_thread->take();
}

}  // namespace libregion
