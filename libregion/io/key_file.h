// Where a key comes from: a file that nobody else may read, or a pipe. Never the command line,
// which every process can see.

#pragma once

#include <atomic>
#include <string>

#include "libregion/format/encryption_key.h"

namespace libregion {

// "-" is standard input. Throws Error: usage where this is no key, or a file that others may read
// or change; failed where it cannot be read. No message has any of what was read.
EncryptionKey read_key_file(const std::string& path, const std::atomic<bool>* stop = nullptr);

}  // namespace libregion
