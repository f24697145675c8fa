// Keys as files have them, and blocks decrypted with them: the vectors of RFC 8452, appendix C.2.

#include "libregion/format/block_decryption.h"

#include <deque>

#include <doctest/doctest.h>

#include "libregion/base/text.h"

namespace libregion {
namespace {

Bytes from_digits(std::string_view digits) {
  const auto text = from_hex(digits);
  REQUIRE(text);
  const ByteView bytes = as_byte_view(*text);
  return {bytes.begin(), bytes.end()};
}

// ---- keys ---------------------------------------------------------------------------------------

const std::string key_digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const std::string key_base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

std::string parsed(std::string_view content) {
  const auto key = EncryptionKey::parse(as_byte_view(content));
  return key ? to_hex(key->bytes()) : "none";
}

TEST_CASE("a key is 32 bytes, 64 hex digits or base64") {
  CHECK(parsed(to_text(ByteView(from_digits(key_digits)))) == key_digits);
  CHECK(parsed(key_digits) == key_digits);
  CHECK(parsed(" \t" + key_digits + "\r\n") == key_digits);
  CHECK(parsed("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F") == key_digits);
  CHECK(parsed(key_base64) == key_digits);
  CHECK(parsed(key_base64 + "\n") == key_digits);
  CHECK(parsed(key_base64.substr(0, 43)) == key_digits);
}

TEST_CASE("32 bytes are a key as they are, white space and all") {
  const std::string spaces(32, ' ');
  CHECK(parsed(spaces) == to_hex(as_byte_view(spaces)));
}

TEST_CASE("anything else is no key") {
  for (const std::string& content :
       {std::string(), std::string(31, 'x'), std::string(33, 'x'), std::string(64, 'g'),
        key_digits + "0", key_digits.substr(1), "0x" + key_digits, key_base64 + "=",
        key_base64.substr(0, 42), key_base64.substr(0, 42) + "!=", key_base64.substr(0, 43) + "A",
        std::string(300, '0'),
        // Two bits more than 256.
        key_base64.substr(0, 42) + "9="}) {
    CAPTURE(content);
    CHECK(parsed(content) == "none");
  }
}

TEST_CASE("a key that was moved from is empty") {
  auto key = EncryptionKey::parse(as_byte_view(key_digits));
  const EncryptionKey moved(std::move(*key));
  CHECK(to_hex(moved.bytes()) == key_digits);
  CHECK(key->bytes().empty());
}

// ---- blocks -------------------------------------------------------------------------------------

struct Vector {
  std::string_view plain;
  std::string_view result;  // the ciphertext, then the tag
};
constexpr Vector vectors[] = {
    {"", "07f5f4169bbf55a8400cd47ea6fd400f"},
    {"0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"},
    {"010000000000000000000000", "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e"},
    {"01000000000000000000000000000000",
     "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366"},
    {"0100000000000000000000000000000002000000000000000000000000000000",
     "4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027f"
     "e819e63abcd020b006a976397632eb5d"},
    {"0100000000000000000000000000000002000000000000000000000000000000"
     "03000000000000000000000000000000",
     "c00d121893a9fa603f48ccc1ca3c57ce7499245ea0046db16c53c7c66fe717e3"
     "9cf6c748837b61f6ee3adcee17534ed5790bc96880a99ba804bd12c0e6a22cc4"},
    {"0100000000000000000000000000000002000000000000000000000000000000"
     "0300000000000000000000000000000004000000000000000000000000000000",
     "c2d5160a1f8683834910acdafc41fbb1632d4a353e8b905ec9a5499ac34f96c7"
     "e1049eb080883891a4db8caaa1f99dd004d80487540735234e3744512c6f90ce"
     "112864c269fc0d9d88c61fa47e39aa08"},
};
constexpr std::string_view rfc_key =
    "0100000000000000000000000000000000000000000000000000000000000000";

struct Sealed {
  EncryptionContext encryption;
  Bytes block;
};
Sealed sealed(const Vector& vector) {
  const Bytes result = from_digits(vector.result);
  Sealed made;
  made.encryption.nonce[0] = std::byte{3};
  const ByteView tag = ByteView(result).last(sizeof(EncryptionContext::tag));
  std::copy(tag.begin(), tag.end(), made.encryption.tag.begin());
  made.block.assign(result.begin(), result.end() - std::ptrdiff_t{sizeof(EncryptionContext::tag)});
  return made;
}

struct Decrypted {
  bool matches;
  std::string plain;
};
Decrypted decrypt(const Sealed& from, std::string_view key_text = rfc_key) {
  const auto key = EncryptionKey::parse(as_byte_view(key_text));
  BlockDecryption decryption(*key);
  Bytes plain(from.block.size(), std::byte{0xEE});
  const bool matches = decryption.decrypt(from.encryption, from.block, plain);
  return {matches, to_hex(plain)};
}

TEST_CASE("the vectors of RFC 8452 decrypt" * doctest::skip(!has_decryption())) {
  for (const Vector& vector : vectors) {
    CAPTURE(vector.plain);
    const Decrypted found = decrypt(sealed(vector));
    CHECK(found.matches);
    CHECK(found.plain == vector.plain);
  }
}

TEST_CASE("one decryption serves many blocks" * doctest::skip(!has_decryption())) {
  const auto key = EncryptionKey::parse(as_byte_view(rfc_key));
  BlockDecryption decryption(*key);
  for (const Vector& vector : vectors) {
    const Sealed from = sealed(vector);
    Bytes plain(from.block.size());
    CHECK(decryption.decrypt(from.encryption, from.block, plain));
    CHECK(to_hex(plain) == vector.plain);
    Sealed broken = from;
    broken.encryption.tag[5] ^= std::byte{1};
    CHECK_FALSE(decryption.decrypt(broken.encryption, broken.block, plain));
  }
}

TEST_CASE("there may be more decryptions than there is memory for that is never paged out" *
          doctest::skip(!has_decryption())) {
  const auto key = EncryptionKey::parse(as_byte_view(rfc_key));
  std::deque<BlockDecryption> decryptions;
  for (int i = 0; i < 100; ++i) {
    const Sealed from = sealed(vectors[4]);
    Bytes plain(from.block.size());
    CHECK(decryptions.emplace_back(*key).decrypt(from.encryption, from.block, plain));
    CHECK(to_hex(plain) == vectors[4].plain);
  }
}

TEST_CASE("any changed bit, or another key, and the tag does not match; nothing is shown" *
          doctest::skip(!has_decryption())) {
  const Sealed good = sealed(vectors[4]);
  const std::string zeros(2 * good.block.size(), '0');
  const auto check_refused = [&](const Sealed& from, std::string_view key = rfc_key) {
    const Decrypted found = decrypt(from, key);
    CHECK_FALSE(found.matches);
    CHECK(found.plain == zeros);
  };
  Sealed changed = good;
  changed.block[9] ^= std::byte{0x10};
  check_refused(changed);
  changed = good;
  changed.encryption.nonce[11] ^= std::byte{1};
  check_refused(changed);
  changed = good;
  changed.encryption.tag[0] ^= std::byte{0x80};
  check_refused(changed);
  check_refused(good, key_digits);
}

}  // namespace
}  // namespace libregion
