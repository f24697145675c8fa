// REGION_HASH_KERNEL names what blocks are hashed with, as for the tools.

#include <cstdio>
#include <cstdlib>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "libregion/format/hash_kernels/block_hashes.h"

int main(int argc, char** argv) {
  constexpr int skipped = 77;  // as Meson takes it
  const char* kernel = std::getenv("REGION_HASH_KERNEL");
  if (kernel != nullptr && !libregion::choose_hash_kernel(kernel)) {
    (void)std::fprintf(stderr, "this processor has no hash kernel '%s'\n", kernel);
    return skipped;
  }
  return doctest::Context(argc, argv).run();
}
