// Memory for keys: locked, left out of core dumps, wiped; and what is left of that where the system
// refuses it.

#include "libregion/base/secret_memory.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace libregion {
namespace {

// What the system says of the mapping with this address: "rd wr mr mw me lo ac dd". Empty where it
// does not say.
std::string flags_of_mapping(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool is_it = false;
  for (std::string line; std::getline(maps, line);) {
    const std::size_t dash = line.find('-');
    const bool is_header = dash != std::string::npos && line.find(':') > line.find(' ');
    if (is_header) {
      const auto first = std::stoull(line.substr(0, dash), nullptr, 16);
      const auto end = std::stoull(line.substr(dash + 1), nullptr, 16);
      is_it = first <= wanted && wanted < end;
    }
    if (is_it && line.starts_with("VmFlags:")) return line.substr(8) + " ";
  }
  return {};
}

bool has_flag(const std::string& flags, const std::string& flag) {
  return flags.find(" " + flag + " ") != std::string::npos;
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte{}; });
}

// False where a limit is in the way, or a sanitizer, which makes nothing of mlock().
bool can_lock() {
  constexpr std::size_t size_bytes = 4096;
  void* const page =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(page != MAP_FAILED);
  const bool is_locked = ::mlock(page, size_bytes) == 0 && has_flag(flags_of_mapping(page), "lo");
  ::munmap(page, size_bytes);
  return is_locked;
}

TEST_CASE("wiping leaves zeros") {
  std::vector<std::byte> bytes(100, std::byte{7});
  wipe(bytes);
  CHECK(is_zero(bytes));
}

TEST_CASE("secret bytes are zeros at first, and move without a copy") {
  SecretBytes secret(300);
  CHECK(secret.bytes().size() == 300);
  CHECK(is_zero(secret.bytes()));
  secret.bytes()[299] = std::byte{9};
  const std::byte* const place = secret.bytes().data();
  SecretBytes moved(std::move(secret));
  CHECK(moved.bytes().data() == place);
  CHECK(moved.bytes()[299] == std::byte{9});
  // NOLINTNEXTLINE(bugprone-use-after-move): that is promised.
  CHECK(secret.bytes().empty());
}

TEST_CASE("secret bytes are locked and left out of core dumps") {
  const SecretBytes secret(32);
  const std::string flags = flags_of_mapping(secret.bytes().data());
  if (flags.empty()) {
    MESSAGE("skipped: the system does not say how memory is mapped");
    return;
  }
  CHECK(has_flag(flags, "dd"));
  CHECK(has_flag(flags, "lo") == can_lock());
}

TEST_CASE("where memory cannot be locked it is memory all the same") {
  rlimit before{};
  getrlimit(RLIMIT_MEMLOCK, &before);
  const rlimit none{0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
  SecretBytes secret(32);
  setrlimit(RLIMIT_MEMLOCK, &before);
  secret.bytes()[31] = std::byte{9};
  CHECK(secret.bytes()[31] == std::byte{9});
}

}  // namespace
}  // namespace libregion
