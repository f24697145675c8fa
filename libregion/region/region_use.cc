#include "libregion/region/region_use.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "libregion/base/error.h"

namespace libregion {
namespace {

constexpr std::chrono::milliseconds retry_interval(50);
constexpr std::uint64_t wait_seconds_max = 1'000'000'000;  // for ever, and no clock overflows

// Asks again until the answer is not "refused" or the time is up.
template <class Ask>
Grant ask_patiently(const UseOptions& options, Ask ask) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::seconds(std::min(options.wait_seconds, wait_seconds_max));
  while (true) {
    const Grant answer = ask();
    if (answer != Grant::refused || std::chrono::steady_clock::now() >= deadline) return answer;
    if (options.stop != nullptr && *options.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
    std::this_thread::sleep_for(retry_interval);
  }
}

[[noreturn]] void throw_in_use(const std::string& path, const std::vector<FileUser>& users) {
  std::string who;
  for (const FileUser& user : users) {
    who += fmt::format("{}{} (process {})", who.empty() ? "" : ", ", user.command, user.process_id);
  }
  throw Error(ErrorKind::in_use,
              fmt::format("'{}' is in use{}{}", path, who.empty() ? "" : " by ", who));
}

}  // namespace

std::string_view use_check_name(UseCheck check) {
  switch (check) {
    case UseCheck::lease: return "lease";
    case UseCheck::processes: return "processes";
    case UseCheck::none: break;
  }
  return "none";
}

RegionUse::RegionUse(FileSystem& file_system, Directory& root, const UseOptions& options)
    : file_system_(file_system), root_(root), options_(options), synced_files_(root) {
  const Grant lock = ask_patiently(options, [&] { return root.lock(options.access); });
  if (lock == Grant::refused) {
    throw_in_use(root.path(), file_system.users_of(root.status()));
  }
}

void RegionUse::choose_check(File& probe) {
  if (options_.live) return;
  const Grant lease = probe.take_lease(Access::read);
  if (lease != Grant::unsupported) {
    if (lease == Grant::granted) probe.release_lease();
    check_ = UseCheck::lease;
    return;
  }
  const auto users = file_system_.users_below(root_.path());
  if (!users) return;
  if (!users->empty()) throw_in_use(root_.path(), *users);
  check_ = UseCheck::processes;
}

void RegionUse::claim(File& file) const {
  if (check_ != UseCheck::lease) return;
  const Grant lease = ask_patiently(options_, [&] { return file.take_lease(options_.access); });
  if (lease == Grant::refused) throw_in_use(file.path(), file_system_.users_of(file.status()));
}

void RegionUse::claim_with_holes(File& file) const {
  claim(file);
  if (check_ != UseCheck::lease) return;
  const auto data = file.next_data(0);
  const bool has_hole = !data || *data != ByteRange{0, file.status().size_bytes};
  if (has_hole) synced_files_.sync(file);
  file.trust_holes();
}

}  // namespace libregion
