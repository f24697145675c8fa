// The key of an encrypted volume, 32 bytes, as a key file has it:
//   32 bytes                                  the key itself
//   64 hex digits, or base64 (43 digits, or   the key, written down
//   44 with "=" at the end)
// White space around what is written down is ignored.

#pragma once

#include <optional>

#include "libregion/base/secret_memory.h"
#include "libregion/format/bytes.h"

namespace libregion {

class EncryptionKey {
 public:
  static constexpr std::size_t size_bytes = 32;
  // More than any form of a key takes.
  static constexpr std::size_t text_bytes_max = 256;

  // nullopt where it is none of these.
  static std::optional<EncryptionKey> parse(ByteView content);

  // Empty where it was moved from.
  [[nodiscard]] ByteView bytes() const { return bytes_.bytes(); }

 private:
  EncryptionKey() : bytes_(size_bytes) {}

  SecretBytes bytes_;
};

}  // namespace libregion
