// The frames of an undo file: bytes as they are documented, and what is refused.

#include "libregion/format/undo_frames.h"

#include <doctest/doctest.h>

#include "libregion/base/text.h"
#include "libregion/format/integrity.h"
#include "tests/support/random.h"

namespace libregion {
namespace {

const Uuid uuid = *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592");

TEST_CASE("an undo file begins with its magic, the region's UUID and their hash") {
  const auto header = encode_undo_header(uuid);
  CHECK(to_hex(ByteView(header).first(32)) ==
        "6372756369626c652d756e646f2f310a02b5a5612d094a9b8ac034d2ef61e592");
  CHECK(Decoder(ByteView(header).subspan(32)).u64() == xxh64(ByteView(header).first(32)));
  CHECK(decode_undo_header(header) == uuid);
}

TEST_CASE("a header with any changed byte is none") {
  const auto header = encode_undo_header(uuid);
  for (std::size_t i = 0; i < header.size(); ++i) {
    auto changed = header;
    changed[i] ^= std::byte{1};
    CHECK_FALSE(decode_undo_header(changed));
  }
}

TEST_CASE("a frame has its fields in order, and a hash of them and the payload") {
  const Bytes payload(3, std::byte{0xAB});
  const auto frame = encode_undo_frame({UndoFrameKind::bytes, ExtentId{0x67D}, 0x1122, 5}, payload);
  CHECK(to_hex(ByteView(frame).first(32)) ==
        "030000007d060000221100000000000005000000000000000300000000000000");
  HashStream hash;
  hash.add(ByteView(frame).first(32));
  hash.add(payload);
  const auto decoded = decode_undo_frame(frame);
  REQUIRE(decoded);
  CHECK(decoded->hash == hash.hash());
  CHECK(*decoded == UndoFrame{UndoFrameKind::bytes, ExtentId{0x67D}, 0x1122, 5, 3, hash.hash()});
  CHECK(undo_frame_matches(*decoded, payload));
}

TEST_CASE("a frame with any changed byte, its own or its payload's, does not match") {
  const Bytes payload = Random(7).bytes(40);
  const auto frame = encode_undo_frame({UndoFrameKind::end, ExtentId{1}, 2, 3}, payload);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    auto changed = frame;
    changed[i] ^= std::byte{1};
    const auto decoded = decode_undo_frame(changed);
    CHECK_FALSE((decoded && undo_frame_matches(*decoded, payload)));
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    Bytes changed = payload;
    changed[i] ^= std::byte{1};
    CHECK_FALSE(undo_frame_matches(*decode_undo_frame(frame), changed));
  }
  CHECK_FALSE(undo_frame_matches(*decode_undo_frame(frame), ByteView(payload).first(39)));
}

TEST_CASE("kinds that are not known and payloads that are too long end the file") {
  auto frame = encode_undo_frame({UndoFrameKind::done, {}}, {});
  CHECK(decode_undo_frame(frame));
  for (const unsigned kind : {0U, 6U, 255U}) {
    frame[0] = static_cast<std::byte>(kind);
    CHECK_FALSE(decode_undo_frame(frame));
  }
  frame[0] = std::byte{5};
  Encoder(std::span(frame).subspan(24, 8)).u64(undo_payload_bytes_max + 1);
  CHECK_FALSE(decode_undo_frame(frame));
}

}  // namespace
}  // namespace libregion
