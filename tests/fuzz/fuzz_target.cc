#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace libregion {

void require(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void mutate(Bytes& bytes, std::size_t size_bytes_max) {
  const std::size_t size_bytes = bytes.size();
  bytes.resize(std::max(size_bytes, size_bytes_max));
  auto* data = reinterpret_cast<std::uint8_t*>(bytes.data());
  bytes.resize(LLVMFuzzerMutate(data, size_bytes, bytes.size()));
}

std::size_t give_back(const Bytes& bytes, std::uint8_t* data, std::size_t size_bytes_max) {
  const std::size_t size_bytes = std::min(bytes.size(), size_bytes_max);
  std::memcpy(data, bytes.data(), size_bytes);
  return size_bytes;
}

}  // namespace libregion
