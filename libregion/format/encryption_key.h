// The key of an encrypted volume, 32 bytes, as a key file has it:
//   32 bytes                                  the key itself
//   64 hex digits, or base64 (43 digits, or   the key, written down
//   44 with "=" at the end)
// White space around what is written down is ignored.

#pragma once

#include <array>
#include <optional>

#include "libregion/format/bytes.h"

namespace libregion {

// Overwrites it such that no compiler leaves that out.
void wipe(MutableByteView bytes);

class EncryptionKey {
 public:
  static constexpr std::size_t size_bytes = 32;
  // More than any form of a key takes.
  static constexpr std::size_t text_bytes_max = 256;

  // nullopt where it is none of these.
  static std::optional<EncryptionKey> parse(ByteView content);

  ~EncryptionKey() { wipe(bytes_); }
  EncryptionKey(EncryptionKey&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  EncryptionKey(const EncryptionKey&) = delete;
  EncryptionKey& operator=(const EncryptionKey&) = delete;
  EncryptionKey& operator=(EncryptionKey&&) = delete;

  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  EncryptionKey() = default;

  std::array<std::byte, size_bytes> bytes_{};
};

}  // namespace libregion
