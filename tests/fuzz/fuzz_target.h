// What a fuzz target is: a program with these two functions. libFuzzer calls them, or, in a build
// without it, corpus_main.cc, which replays the target's corpus and changes it a few times.

#pragma once

#include <cstddef>
#include <cstdint>

#include "libregion/format/bytes.h"
#include "tests/support/random.h"

// The names are libFuzzer's.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size_bytes,
                                    std::size_t size_bytes_max, unsigned seed);
// Of libFuzzer: changes the bytes in a way that it has found to be of use.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size_bytes,
                             std::size_t size_bytes_max);
}
// NOLINTEND(readability-identifier-naming)

namespace libregion {

inline ByteView fuzz_input(const std::uint8_t* data, std::size_t size_bytes) {
  return std::as_bytes(std::span(data, size_bytes));
}

// Ends the process, which is what a fuzzer calls a finding.
void require(bool holds, const char* what);

// Lets libFuzzer change bytes; their number may change up to `size_bytes_max`.
void mutate(Bytes& bytes, std::size_t size_bytes_max);

// Gives a mutated input back.
std::size_t give_back(const Bytes& bytes, std::uint8_t* data, std::size_t size_bytes_max);

}  // namespace libregion
