// The expected hashes were computed by xxHash's own tool, or are vectors published with it.

#include "libregion/format/integrity.h"

#include <array>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/base/throwing_assertions.h"
#include "tests/unit/format/spelled_bytes.h"

namespace libregion {
namespace {

// 00 01 .. ff 00 01 .. ff, and so on.
Bytes ramp(std::size_t size_bytes, unsigned first = 0) {
  Bytes bytes(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i) bytes[i] = static_cast<std::byte>(first + i);
  return bytes;
}

EncryptionContext ramp_encryption() {
  EncryptionContext encryption;
  for (unsigned i = 0; i < 12; ++i) encryption.nonce[i] = static_cast<std::byte>(0xC0 + i);
  for (unsigned i = 0; i < 16; ++i) encryption.tag[i] = static_cast<std::byte>(0xD0 + i);
  return encryption;
}

TEST_CASE("the on-disk hash is XXH64 with seed 0") {
  CHECK(on_disk_hash({}) == 0xEF46DB3751D8E999);
  CHECK(on_disk_hash(as_byte_view("a")) == 0xD24EC4F1A98C6E5B);
  CHECK(on_disk_hash(as_byte_view("abc")) == 0x44BC2CF5AD770999);
  CHECK(on_disk_hash(as_byte_view("Nobody inspects the spammish repetition")) ==
        0xFBCEA83C8A378BF1);
  CHECK(on_disk_hash(ramp(512)) == 0x7B3BFCAAC0348AC0);
}

TEST_CASE("the on-disk hash of a block of zeros, of every block size") {
  CHECK(on_disk_hash(Bytes(512)) == 0x8BBF7F68E8C3B87C);
  CHECK(on_disk_hash(Bytes(1024)) == 0x27742888F085ACCD);
  CHECK(on_disk_hash(Bytes(2048)) == 0x09223F92A4D83E02);
  CHECK(on_disk_hash(Bytes(4096)) == 0xAC869B6F32D8BBDB);
  CHECK(on_disk_hash(Bytes(8192)) == 0x02B5073505A48FB4);
  CHECK(on_disk_hash(Bytes(16384)) == 0x594EDC66332C45EC);
  CHECK(on_disk_hash(Bytes(32768)) == 0xEA19780EF5C43DF9);
}

TEST_CASE("the integrity hash of an encrypted block goes over nonce, then tag, then data") {
  CHECK(integrity_hash(ramp_encryption(), ramp(512)) == 0xBD5656F38114DBD5);
  CHECK(integrity_hash(ramp_encryption(), Bytes(512)) == 0x777CB138D39304C5);
  CHECK(integrity_hash(EncryptionContext{}, Bytes(512)) == 0x28CF6D891BB8A012);
}

TEST_CASE("nonce, tag and data are one stream: it is the hash of their bytes side by side") {
  Random random(15);
  for (const std::size_t size : {512U, 1024U, 2048U, 4096U, 8192U, 16384U, 32768U}) {
    const Bytes stream = random.bytes(12 + 16 + size);
    EncryptionContext encryption;
    std::copy_n(stream.begin(), 12, encryption.nonce.begin());
    std::copy_n(stream.begin() + 12, 16, encryption.tag.begin());
    CHECK(integrity_hash(encryption, ByteView(stream).subspan(28)) == on_disk_hash(stream));
  }
}

TEST_CASE("each block of a run gets its own on-disk hash, in order") {
  Bytes data = ramp(512);
  const Bytes second = ramp(512, 1);
  data.insert(data.end(), second.begin(), second.end());
  data.resize(1536);
  std::array<std::uint64_t, 3> hashes{};
  on_disk_hashes(data, 512, hashes);
  CHECK(hashes[0] == 0x7B3BFCAAC0348AC0);
  CHECK(hashes[1] == 0xD76A42C4FB132261);
  CHECK(hashes[2] == 0x8BBF7F68E8C3B87C);
}

TEST_CASE("a stream's hash does not depend on the pieces it came in") {
  const Bytes data = ramp(5000);
  CHECK(HashStream().hash() == on_disk_hash({}));
  for (const std::size_t piece : {1U, 31U, 32U, 33U, 4096U, 5000U}) {
    HashStream stream;
    for (std::size_t from = 0; from < data.size(); from += piece) {
      stream.add(ByteView(data).subspan(from, std::min(piece, data.size() - from)));
    }
    CHECK(stream.hash() == on_disk_hash(data));
  }
}

TEST_CASE("data that are not whole blocks are refused") {
  const ThrowingAssertions throwing;
  std::array<std::uint64_t, 2> hashes{};
  CHECK_THROWS_AS(on_disk_hashes(Bytes(1023), 512, hashes), BrokenInvariant);
  CHECK_THROWS_AS(on_disk_hashes(Bytes(1536), 512, hashes), BrokenInvariant);
}

}  // namespace
}  // namespace libregion
