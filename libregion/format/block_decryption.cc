#include "libregion/format/block_decryption.h"

#include <algorithm>

#include "libregion/base/assert.h"

#ifdef LIBREGION_HAS_GCRYPT
#include <gcrypt.h>
#endif

namespace libregion {

#ifdef LIBREGION_HAS_GCRYPT

namespace {

// Room for the ciphers of a few threads; those of others are in ordinary memory.
constexpr int secure_memory_bytes = 64 << 10;

bool open_cipher(gcry_cipher_hd_t& cipher) {
  const auto open = [&](unsigned flags) {
    return gcry_cipher_open(&cipher, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM_SIV, flags) == 0;
  };
  return open(GCRY_CIPHER_SECURE) || open(0);
}

bool initialize() {
  if (gcry_check_version("1.10.0") == nullptr) return false;
  if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return true;
  // Memory that is not paged out, as far as a limit allows; where it does not, it works all the
  // same.
  (void)gcry_control(GCRYCTL_DISABLE_SECMEM_WARN, 0);
  (void)gcry_control(GCRYCTL_INIT_SECMEM, secure_memory_bytes, 0);
  (void)gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
  return true;
}

}  // namespace

bool has_decryption() {
  static const bool is_usable = initialize();
  return is_usable;
}

struct BlockDecryption::State {
  gcry_cipher_hd_t cipher = nullptr;
};

BlockDecryption::BlockDecryption(const EncryptionKey& key) : state_(std::make_unique<State>()) {
  LIBREGION_ASSERT(has_decryption());
  const bool is_ready =
      open_cipher(state_->cipher) &&
      gcry_cipher_setkey(state_->cipher, key.bytes().data(), key.bytes().size()) == 0;
  LIBREGION_ASSERT(is_ready);
}

// It wipes what it has made of the key.
BlockDecryption::~BlockDecryption() { gcry_cipher_close(state_->cipher); }

bool BlockDecryption::decrypt(const EncryptionContext& encryption, ByteView block,
                              MutableByteView plain) {
  LIBREGION_ASSERT(block.size() == plain.size());
  gcry_cipher_hd_t cipher = state_->cipher;
  std::array<std::byte, sizeof(EncryptionContext::tag)> tag = encryption.tag;
  const bool is_ready =
      gcry_cipher_reset(cipher) == 0 &&
      gcry_cipher_setiv(cipher, encryption.nonce.data(), encryption.nonce.size()) == 0 &&
      gcry_cipher_set_decryption_tag(cipher, tag.data(), tag.size()) == 0;
  LIBREGION_ASSERT(is_ready);
  const bool matches =
      gcry_cipher_decrypt(cipher, plain.data(), plain.size(), block.data(), block.size()) == 0;
  if (!matches) std::fill(plain.begin(), plain.end(), std::byte{0});
  return matches;
}

#else

bool has_decryption() { return false; }

struct BlockDecryption::State {};

BlockDecryption::BlockDecryption(const EncryptionKey& /*key*/) {
  LIBREGION_ASSERT(has_decryption());
}

BlockDecryption::~BlockDecryption() = default;

bool BlockDecryption::decrypt(const EncryptionContext& /*encryption*/, ByteView /*block*/,
                              MutableByteView /*plain*/) {
  return false;
}

#endif

}  // namespace libregion
