// A region's UUID: 16 bytes, written in lower case with hyphens.

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace libregion {

struct Uuid {
  std::array<std::byte, 16> bytes{};
  bool operator==(const Uuid&) const = default;
};

// "02b5a561-2d09-4a9b-8ac0-34d2ef61e592", digits of either case; nullopt for any other form.
std::optional<Uuid> parse_uuid(std::string_view text);

std::string to_text(const Uuid& uuid);

// RFC 9562 version 4, from 16 random bytes.
Uuid make_random_uuid(std::array<std::byte, 16> random_bytes);

}  // namespace libregion
