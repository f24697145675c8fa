#include "libregion/format/undo_frames.h"

#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::string_view magic = "crucible-undo/1\n";
static_assert(magic.size() == 16);
constexpr std::size_t hash_bytes = 8;

using FrameBytes = std::array<std::byte, undo_frame_bytes>;

// All but the hash.
FrameBytes encode_fields(const UndoFrame& frame) {
  FrameBytes bytes{};
  Encoder encoder(bytes);
  encoder.u32(static_cast<std::uint32_t>(frame.kind));
  encoder.u32(frame.extent.value);
  encoder.u64(frame.first);
  encoder.u64(frame.second);
  encoder.u64(frame.payload_bytes);
  return bytes;
}

std::uint64_t hash_of(const FrameBytes& fields, ByteView payload) {
  HashStream hash;
  hash.add(ByteView(fields).first(undo_frame_bytes - hash_bytes));
  hash.add(payload);
  return hash.hash();
}

bool is_known(std::uint32_t kind) {
  return kind >= static_cast<std::uint32_t>(UndoFrameKind::begin) &&
         kind <= static_cast<std::uint32_t>(UndoFrameKind::done);
}

}  // namespace

std::array<std::byte, undo_header_bytes> encode_undo_header(const Uuid& uuid) {
  std::array<std::byte, undo_header_bytes> bytes{};
  Encoder encoder(bytes);
  encoder.put(as_byte_view(magic));
  encoder.put(uuid.bytes);
  encoder.u64(xxh64(ByteView(bytes).first(undo_header_bytes - hash_bytes)));
  return bytes;
}

std::optional<Uuid> decode_undo_header(std::span<const std::byte, undo_header_bytes> bytes) {
  Decoder decoder(bytes);
  const ByteView found_magic = decoder.take(magic.size());
  Uuid uuid{decoder.take_array<sizeof(Uuid::bytes)>()};
  const bool is_header = to_text(found_magic) == magic &&
                         decoder.u64() == xxh64(bytes.first(undo_header_bytes - hash_bytes));
  return is_header ? std::optional(uuid) : std::nullopt;
}

FrameBytes encode_undo_frame(UndoFrame frame, ByteView payload) {
  LIBREGION_ASSERT(payload.size() <= undo_payload_bytes_max);
  frame.payload_bytes = payload.size();
  FrameBytes bytes = encode_fields(frame);
  Encoder(std::span(bytes).last<hash_bytes>()).u64(hash_of(bytes, payload));
  return bytes;
}

std::optional<UndoFrame> decode_undo_frame(std::span<const std::byte, undo_frame_bytes> bytes) {
  Decoder decoder(bytes);
  const std::uint32_t kind = decoder.u32();
  if (!is_known(kind)) return std::nullopt;
  UndoFrame frame{static_cast<UndoFrameKind>(kind), ExtentId{decoder.u32()}};
  frame.first = decoder.u64();
  frame.second = decoder.u64();
  frame.payload_bytes = decoder.u64();
  frame.hash = decoder.u64();
  if (frame.payload_bytes > undo_payload_bytes_max) return std::nullopt;
  return frame;
}

bool undo_frame_matches(const UndoFrame& frame, ByteView payload) {
  return frame.payload_bytes == payload.size() &&
         frame.hash == hash_of(encode_fields(frame), payload);
}

}  // namespace libregion
