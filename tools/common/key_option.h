// The option --key-file.

#pragma once

#include <optional>
#include <string>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/secret_memory.h"
#include "libregion/format/block_decryption.h"
#include "libregion/io/key_file.h"
#include "tools/common/run_tool.h"

namespace region_tools {

// The key in this file, where one is named: this process leaves no core dump then. Throws Error:
// usage where there is none in it, or this build cannot decrypt.
inline std::optional<libregion::EncryptionKey> read_key(const std::optional<std::string>& path) {
  if (!path) return std::nullopt;
  if (!libregion::has_decryption()) {
    throw libregion::Error(libregion::ErrorKind::usage,
                           "--key-file: this build cannot decrypt: it was made without libgcrypt");
  }
  libregion::disable_core_dumps();
  return libregion::read_key_file(*path, &Session::stop_flag());
}

// A key for a region that has no use for one is a mistake. Throws Error (usage).
inline void require_encrypted(const libregion::Region& region, bool has_key) {
  if (!has_key || region.definition.encrypted) return;
  throw libregion::Error(libregion::ErrorKind::usage,
                         fmt::format("--key-file: '{}' is not encrypted", region.path));
}

}  // namespace region_tools
