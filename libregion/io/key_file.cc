#include "libregion/io/key_file.h"

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/input_stream.h"

namespace libregion {
namespace {

constexpr std::uint32_t others_mode_bits = 077;

}  // namespace

EncryptionKey read_key_file(const std::string& path, const std::atomic<bool>* stop) {
  InputStream input(path, stop);
  if ((input.file_mode().value_or(0) & others_mode_bits) != 0) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}': others than its owner may read or change the key (mode {:04o}): "
                            "chmod 600",
                            path, *input.file_mode()));
  }
  SecretBytes text(EncryptionKey::text_bytes_max + 1);
  const std::size_t size_bytes = input.read(text.bytes());
  if (size_bytes <= EncryptionKey::text_bytes_max) {
    if (auto key = EncryptionKey::parse(text.bytes().first(size_bytes))) {
      return std::move(*key);
    }
  }
  throw Error(
      ErrorKind::usage,
      fmt::format("'{}': expected a key: 32 bytes, 64 hex digits, or base64 of 32 bytes", path));
}

}  // namespace libregion
