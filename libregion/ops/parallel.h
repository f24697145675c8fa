// The same work for many items, on several threads.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "libregion/base/work_places.h"

namespace libregion {

// Of these `jobs` work at a time. Where `readers` are more, they are threads as well: while some
// wait for a disk, others have their places.
struct Threads {
  // A number of jobs is enough.
  Threads(unsigned jobs_at_once, unsigned readers_at_once = 0)
      : jobs(jobs_at_once), readers(readers_at_once) {}

  unsigned jobs;
  unsigned readers;
};

// Runs `work` on so many threads, this one among them, and waits for all. Of what they throw the
// first is thrown again.
inline void run_on_threads(const Threads& threads, const std::function<void()>& work) {
  WorkPlaces places(threads.jobs);
  std::mutex mutex;
  std::exception_ptr first_failure;
  const auto guarded = [&] {
    try {
      const WorkPlace place(places);
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first_failure) first_failure = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  try {
    for (unsigned i = 1; i < std::max(threads.jobs, threads.readers); ++i) {
      others.emplace_back(guarded);
    }
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do the work.
  }
  guarded();
  for (std::thread& thread : others) thread.join();
  if (first_failure) std::rethrow_exception(first_failure);
}

// Calls work(0) .. work(count - 1), each once, in no particular order. After one has thrown no
// further one is begun.
inline void for_each_in_parallel(const Threads& threads, std::size_t count,
                                 const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  run_on_threads(threads, [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      throw;
    }
  });
}

}  // namespace libregion
