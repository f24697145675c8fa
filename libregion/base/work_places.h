// More threads than are to work at a time: whoever waits for a disk leaves its place to another.
// So a disk has enough to do with one processor, and a processor with a slow disk.

#pragma once

#include <condition_variable>
#include <mutex>

namespace libregion {

class WorkPlaces {
 public:
  explicit WorkPlaces(unsigned count) : free_count_(count) {}

  void take();
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable place_left_;
  unsigned free_count_;
};

// This thread has one of the places while this lasts. A walk within a walk has places of its own.
class WorkPlace {
 public:
  explicit WorkPlace(WorkPlaces& places);
  ~WorkPlace();
  WorkPlace(const WorkPlace&) = delete;
  WorkPlace& operator=(const WorkPlace&) = delete;

 private:
  WorkPlaces* outer_;
};

// This thread's place is somebody else's while this lasts. Without a place it is nothing.
//
// Whoever comes back may have to wait until another leaves. So those that have a place must never
// wait for what somebody may hold who comes back, as a lock that is held while files are read: they
// wait for that absent.
class Absence {
 public:
  Absence();
  ~Absence();
  Absence(const Absence&) = delete;
  Absence& operator=(const Absence&) = delete;
};

}  // namespace libregion
