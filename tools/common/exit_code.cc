#include "tools/common/exit_code.h"

#include <algorithm>
#include <array>

namespace region_tools {
namespace {

// The most serious first.
constexpr std::array order = {ExitCode::bug,          ExitCode::usage,  ExitCode::failed,
                              ExitCode::not_a_region, ExitCode::in_use, ExitCode::stopped,
                              ExitCode::findings,     ExitCode::done};

}  // namespace

ExitCode exit_code_of(libregion::ErrorKind kind) {
  using libregion::ErrorKind;
  switch (kind) {
    case ErrorKind::usage: return ExitCode::usage;
    case ErrorKind::failed: return ExitCode::failed;
    case ErrorKind::not_a_region: return ExitCode::not_a_region;
    case ErrorKind::in_use: return ExitCode::in_use;
    case ErrorKind::stopped: return ExitCode::stopped;
  }
  return ExitCode::bug;
}

ExitCode more_serious(ExitCode left, ExitCode right) {
  return std::find(order.begin(), order.end(), left) < std::find(order.begin(), order.end(), right)
             ? left
             : right;
}

}  // namespace region_tools
