// Decrypting a block: AES-256-GCM-SIV (RFC 8452), with the 12-byte nonce and the 16-byte tag of its
// context, no associated data, the block as the message.

#pragma once

#include <memory>

#include "libregion/format/context_slot.h"
#include "libregion/format/encryption_key.h"

namespace libregion {

// Whether this build can do it: it takes libgcrypt 1.10.
bool has_decryption();

// For one thread.
class BlockDecryption {
 public:
  // Requires has_decryption().
  explicit BlockDecryption(const EncryptionKey& key);
  ~BlockDecryption();
  BlockDecryption(const BlockDecryption&) = delete;
  BlockDecryption& operator=(const BlockDecryption&) = delete;

  // Decrypts into `plain`, which is as large as `block`. False where the tag does not match: the
  // key is another one, or nonce, tag or data is not what was written. `plain` is zeros then.
  bool decrypt(const EncryptionContext& encryption, ByteView block, MutableByteView plain);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace libregion
