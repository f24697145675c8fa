// An undo file: what a repair saves of a region before it changes it. Outside the region.
//
//   header, 40 bytes
//      0      magic     16 bytes, "crucible-undo/1\n"
//     16      uuid      16 bytes, the region's
//     32  u64 hash      XXH64 of the 32 bytes before
//   then frames, each 40 bytes and its payload
//      0  u32 kind      see UndoFrameKind
//      4  u32 extent
//      8  u64 first     what these two are depends on the kind
//     16  u64 second
//     24  u64 length    of the payload, at most 1 MiB
//     32  u64 hash      XXH64 of the 32 bytes before and the payload, as one stream
//     40      payload
//
// Integers are little-endian. The frames of one extent are a section: begin, for each file that the
// extent had a file frame with the bytes frames of what may change in it, and end. A section counts
// only if it has its end: whoever writes one syncs it before the first change. The first frame that
// does not match its hash ends the file, as in a write-ahead log.

#pragma once

#include <array>
#include <optional>

#include "libregion/format/bytes.h"
#include "libregion/format/units.h"
#include "libregion/format/uuid.h"

namespace libregion {

enum class UndoFrameKind : std::uint32_t {
  begin = 1,  // first: see UndoChange; second: the files of a replacement that is finished, as bits
              // in the order of the extent's parts
  file = 2,   // first: which part of the extent; second: its size
  bytes = 3,  // first: where in the file the payload stood
  end = 4,    // first, second: hashes of what stands behind the data, before and after the change
  done = 5,   // the repair has come to its end
};

enum class UndoChange : std::uint8_t {
  in_place = 0,  // bytes of the extent's files
  replaced = 1,  // by what was built anew
  finished = 2,  // by the .replace of an interrupted repair, which is gone then
};

struct UndoFrame {
  UndoFrameKind kind = UndoFrameKind::begin;
  ExtentId extent;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t hash = 0;
  bool operator==(const UndoFrame&) const = default;
};

constexpr std::size_t undo_header_bytes = 16 + 16 + 8;
constexpr std::size_t undo_frame_bytes = 4 + 4 + 8 + 8 + 8 + 8;
static_assert(undo_header_bytes == 40 && undo_frame_bytes == 40);
constexpr std::uint64_t undo_payload_bytes_max = std::uint64_t{1} << 20;

std::array<std::byte, undo_header_bytes> encode_undo_header(const Uuid& uuid);
// nullopt where this is no undo file.
std::optional<Uuid> decode_undo_header(std::span<const std::byte, undo_header_bytes> bytes);

// The frame's own hash and length are made of its payload.
std::array<std::byte, undo_frame_bytes> encode_undo_frame(UndoFrame frame, ByteView payload);
// nullopt where the kind is unknown or the payload too long: the file ends here.
std::optional<UndoFrame> decode_undo_frame(std::span<const std::byte, undo_frame_bytes> bytes);
bool undo_frame_matches(const UndoFrame& frame, ByteView payload);

}  // namespace libregion
