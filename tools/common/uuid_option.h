// UUIDs on the command line.

#pragma once

#include <array>
#include <random>
#include <string>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/format/uuid.h"

namespace region_tools {

inline libregion::Uuid random_uuid() {
  std::random_device random;
  std::array<std::byte, 16> bytes{};
  for (std::byte& value : bytes) value = static_cast<std::byte>(random());
  return libregion::make_random_uuid(bytes);
}

// Throws Error (usage) that names the option.
inline libregion::Uuid require_uuid(const std::string& option, const std::string& text) {
  if (const auto uuid = libregion::parse_uuid(text)) return *uuid;
  throw libregion::Error(libregion::ErrorKind::usage,
                         fmt::format("{}: expected a UUID with hyphens, found '{}'", option, text));
}

}  // namespace region_tools
