// XXH64, seed 0, of blocks side by side: by the fastest kernel that the processor can run, unless
// another one is chosen.

#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "libregion/format/bytes.h"

namespace libregion {

// What comes before a block in the stream that is hashed: nonce and tag, or nothing.
constexpr std::size_t block_head_bytes = 12 + 16;

struct BlockStream {
  const std::byte* head = nullptr;  // block_head_bytes, or nullptr: no head
  const std::byte* data = nullptr;
};

// The hash of each stream. All have a head, or none has; each has the same number of bytes of data,
// at least 32.
void hash_block_streams(std::span<const BlockStream> streams, std::size_t data_bytes,
                        std::span<std::uint64_t> hashes);

// What this processor can hash with, the fastest first. The last is "library": xxHash's own, one
// block after the other, the way for every other processor.
std::vector<std::string_view> hash_kernel_names();
std::string_view chosen_hash_kernel();
// For all that is hashed from here on. False where the processor does not have it.
[[nodiscard]] bool choose_hash_kernel(std::string_view name);

}  // namespace libregion
