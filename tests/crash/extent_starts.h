// What raw extents are before they are written, and what is written to them.

#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "tests/crash/extent_promise.h"

namespace libregion {

// What the extent is at first: never written; clean, with its slots scattered over both arrays, and
// encrypted, most of them in A or in B; or clean, every block written once.
enum class ExtentStart : std::uint8_t { empty, plain, encrypted_a, encrypted_b, written };
inline constexpr std::array extent_starts = {ExtentStart::empty, ExtentStart::plain,
                                             ExtentStart::encrypted_a, ExtentStart::encrypted_b,
                                             ExtentStart::written};
std::string_view extent_start_name(ExtentStart start);

[[nodiscard]] bool is_encrypted(ExtentStart start);
[[nodiscard]] Bytes content_at(ExtentStart start, const Geometry& geometry);
// Of an extent that is clean, and durable.
[[nodiscard]] ExtentPromise promise_of(const Bytes& content, const Geometry& geometry);

// With which it was flushed.
inline constexpr std::uint64_t first_gen_number = 3;
inline constexpr std::uint64_t first_flush_number = 9;

// Two blocks of which one's slot lies in two sectors; the last block where there is none.
BlockRange straddling_range(const Geometry& geometry);

// One version of neighbouring blocks.
struct SentBlocks {
  struct Options {
    std::uint64_t version = 1;
    bool encrypted = false;
  };
  SentBlocks(const Geometry& geometry, BlockRange range, const Options& options);
  [[nodiscard]] BlockVersion version(std::size_t index) const {
    return {on_disk_hashes[index], contexts[index]};
  }

  Bytes data;
  std::vector<SentContext> contexts;
  std::vector<std::uint64_t> on_disk_hashes;
};

}  // namespace libregion
