#include "tests/fuzz/peak_memory.h"

#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>

#include <sqlite3.h>

namespace {

std::atomic<std::size_t> bytes_now{0};
std::atomic<std::size_t> bytes_peak{0};

void* take(std::size_t size_bytes) noexcept {
  void* memory = std::malloc(size_bytes == 0 ? 1 : size_bytes);  // NOLINT: this is what new does
  if (memory == nullptr) return nullptr;
  const std::size_t now = bytes_now += ::malloc_usable_size(memory);
  std::size_t peak = bytes_peak;
  while (peak < now && !bytes_peak.compare_exchange_weak(peak, now)) continue;
  return memory;
}

void give(void* memory) noexcept {
  if (memory != nullptr) bytes_now -= ::malloc_usable_size(memory);
  std::free(memory);  // NOLINT: this is what delete does
}

void* take_or_throw(std::size_t size_bytes) {
  void* memory = take(size_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size_bytes) { return take_or_throw(size_bytes); }
void* operator new[](std::size_t size_bytes) { return take_or_throw(size_bytes); }
void* operator new(std::size_t size_bytes, const std::nothrow_t&) noexcept {
  return take(size_bytes);
}
void* operator new[](std::size_t size_bytes, const std::nothrow_t&) noexcept {
  return take(size_bytes);
}
void operator delete(void* memory) noexcept { give(memory); }
void operator delete[](void* memory) noexcept { give(memory); }
void operator delete(void* memory, std::size_t) noexcept { give(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give(memory); }

namespace libregion {

PeakMemory::PeakMemory() : before_bytes_(bytes_now) {
  bytes_peak = before_bytes_;
  sqlite3_memory_highwater(1);
}

std::size_t PeakMemory::bytes() const {
  return bytes_peak - before_bytes_ + static_cast<std::size_t>(sqlite3_memory_highwater(0));
}

}  // namespace libregion
