#include "libregion/format/uuid.h"

#include "libregion/base/text.h"

namespace libregion {
namespace {

constexpr std::array<std::size_t, 4> hyphens = {8, 13, 18, 23};

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits(text);
  for (auto hyphen = hyphens.rbegin(); hyphen != hyphens.rend(); ++hyphen) {
    if (digits[*hyphen] != '-') return std::nullopt;
    digits.erase(*hyphen, 1);
  }
  const auto bytes = from_hex(digits);
  if (!bytes) return std::nullopt;
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    uuid.bytes[i] = static_cast<std::byte>((*bytes)[i]);
  }
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text = to_hex(uuid.bytes);
  for (const std::size_t hyphen : hyphens) text.insert(hyphen, 1, '-');
  return text;
}

Uuid make_random_uuid(std::array<std::byte, 16> random_bytes) {
  random_bytes[6] = (random_bytes[6] & std::byte{0x0F}) | std::byte{0x40};  // version 4
  random_bytes[8] = (random_bytes[8] & std::byte{0x3F}) | std::byte{0x80};  // RFC variant
  return Uuid{random_bytes};
}

}  // namespace libregion
