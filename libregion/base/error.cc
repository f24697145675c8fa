#include "libregion/base/error.h"

#include <system_error>

#include <fmt/format.h>

namespace libregion {

std::string describe_failure(const Place& place, std::string_view reason) {
  if (place.offset_bytes) {
    return fmt::format("{} '{}' at {}: {}", place.operation, place.path, *place.offset_bytes,
                       reason);
  }
  return fmt::format("{} '{}': {}", place.operation, place.path, reason);
}

void throw_system_error(int errno_value, const Place& place) {
  const std::string reason = std::generic_category().message(errno_value);
  throw SystemError(describe_failure(place, reason), errno_value);
}

}  // namespace libregion
