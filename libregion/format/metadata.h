// A raw extent's metadata: the last 32 bytes of its file, so that the version can be read knowing
// only the file's size.
//
//    0  u8  dirty                0 or 1
//    1  u64 generation number
//    9  u64 flush number
//   17  u32 extent version       2
//   21  u32 bonus sync count
//   25  u32 defragmentation count
//   29      zeros                3 bytes
//
// Extents of 2023-11 to 2025-10 end after the version and are zero from there on, which reads as
// counts of 0.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "libregion/format/bytes.h"

namespace libregion {

constexpr std::uint32_t raw_ext_version = 2;
constexpr std::uint32_t sqlite_ext_version = 1;

struct ExtentMetadata {
  bool dirty = false;
  std::uint64_t gen_number = 0;
  std::uint64_t flush_number = 0;
  std::uint32_t ext_version = raw_ext_version;
  std::uint32_t bonus_sync_count = 0;
  std::uint32_t defrag_count = 0;
  bool operator==(const ExtentMetadata&) const = default;
};

// A field whose value no extent of version 2 can hold.
struct BadMetadata {
  std::string_view field;          // "dirty" or "ext_version"
  std::size_t offset_bytes = 0;    // in the 32
  std::uint64_t expected_max = 0;  // dirty: at most 1; ext_version: exactly 2
  std::uint64_t found = 0;
};

constexpr std::size_t metadata_bytes = 1 + 8 + 8 + 4 + 4 + 4 + 3;
constexpr std::size_t metadata_dirty_offset = 0;
constexpr std::size_t metadata_version_offset = 1 + 8 + 8;
constexpr std::size_t metadata_defrag_count_offset = 1 + 8 + 8 + 4 + 4;
constexpr std::size_t metadata_padding_offset = 1 + 8 + 8 + 4 + 4 + 4;
static_assert(metadata_bytes == 32 && metadata_version_offset == 17 &&
              metadata_defrag_count_offset == 25 && metadata_padding_offset == 29);

using MetadataView = std::span<const std::byte, metadata_bytes>;

std::variant<ExtentMetadata, BadMetadata> decode_metadata(MetadataView bytes);

void encode_metadata(const ExtentMetadata& metadata, std::span<std::byte, metadata_bytes> bytes);

// This count alone; all other bytes stay as they are.
void encode_defrag_count(std::uint32_t defrag_count, std::span<std::byte, metadata_bytes> bytes);

// The padding is written as zero and ignored on reading.
bool metadata_padding_is_zero(MetadataView bytes);

// Whether these 32 bytes are those of the proposed extent version 3, which has another layout and
// another file size but ends like version 2.
bool is_version_3_metadata(MetadataView bytes);

}  // namespace libregion
