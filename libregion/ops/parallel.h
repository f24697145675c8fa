// The same work for many items, on several threads.

#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace libregion {

// Runs `work` on `jobs` threads, this one among them, and waits for all. Of what they throw the
// first is thrown again.
inline void run_on_threads(unsigned jobs, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr first_failure;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first_failure) first_failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  try {
    for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(guarded);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do the work.
  }
  guarded();
  for (std::thread& thread : threads) thread.join();
  if (first_failure) std::rethrow_exception(first_failure);
}

// Calls work(0) .. work(count - 1), each once, in no particular order. After one has thrown no
// further one is begun.
inline void for_each_in_parallel(unsigned jobs, std::size_t count,
                                 const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  run_on_threads(jobs, [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      throw;
    }
  });
}

}  // namespace libregion
