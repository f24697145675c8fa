#include "tests/unit/costs/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count{0};

}  // namespace

// The others of the standard library come here, and have the memory from where it comes from.
// NOLINTBEGIN(cppcoreguidelines-no-malloc)
void* operator new(std::size_t size_bytes) {
  ++count;
  void* const memory = std::malloc(size_bytes > 0 ? size_bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size_bytes*/) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace libregion {

std::uint64_t allocation_count() { return count; }

}  // namespace libregion
