// Text without domain words: hex, base64, JSON strings, sizes with units.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace libregion {

// Lower-case hex digits, two a byte.
std::string to_hex(std::span<const std::byte> bytes);

// The bytes behind hex digits of either case; nullopt where a digit is wrong or one is missing.
std::optional<std::string> from_hex(std::string_view digits);

// 16 lower-case hex digits.
std::string hash_text(std::uint64_t hash);

// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);

[[nodiscard]] bool is_valid_utf8(std::string_view text);

// Appends `text` as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD, so
// that the output is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

// Decimal digits only, no sign, no space; nullopt where it is anything else or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Hex digits only, of either case, no prefix.
std::optional<std::uint64_t> parse_hexadecimal(std::string_view text);

// A number of bytes: digits and at most one unit, K M G T P or KiB MiB GiB TiB PiB (powers of
// 1024, either case, "B" alone allowed). nullopt where it is anything else or does not fit.
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);

// "512 B", "64.0 MiB", "1.5 GiB": for people.
std::string human_size(std::uint64_t size_bytes);

// How many letters must be changed, left out, added or swapped with their neighbour to make one
// word of the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// Control characters, the escape character above all, shown as \xNN: what comes from a region
// must not drive the terminal it is printed on.
std::string printable(std::string_view text);

}  // namespace libregion
