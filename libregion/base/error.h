// Failures: what stops a job. Damage in a region is never one of these; it is a Finding (report/).
//
// An Error is thrown where the job cannot be done and caught once, by the tool that runs the job.
// Its kind decides the exit status, its message says operation, path, place and reason:
//   pread '/r/00/000/01A' at 8192: Input/output error

#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace libregion {

enum class ErrorKind {
  usage,         // the caller asked for something that makes no sense
  failed,        // a reason outside the region: I/O, space, permission
  not_a_region,  // not a region, or its region.json cannot be used
  in_use,        // someone else has it open; try again later
  stopped,       // the caller asked to stop
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// An operating system's "no": errno_value() tells which.
class SystemError : public Error {
 public:
  SystemError(const std::string& message, int errno_value)
      : Error(ErrorKind::failed, message), errno_value_(errno_value) {}
  [[nodiscard]] int errno_value() const { return errno_value_; }

 private:
  int errno_value_;
};

// Where an operation took place.
struct Place {
  std::string_view operation;
  std::string_view path;
  std::optional<std::uint64_t> offset_bytes = std::nullopt;
};

// "pread '/r/00/000/01A' at 8192: Input/output error"
std::string describe_failure(const Place& place, std::string_view reason);

// Capture errno first: whatever runs before this call may change it.
[[noreturn]] void throw_system_error(int errno_value, const Place& place);

}  // namespace libregion
