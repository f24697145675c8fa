#include "libregion/region/region_use.h"

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/patience.h"

namespace libregion {
namespace {

// Asks again until the answer is not "refused" or the time is up; whether it is not.
template <class Ask>
bool ask_patiently(const UseOptions& options, Ask ask) {
  return try_patiently({options.wait_seconds, options.stop},
                       [&] { return ask() != Grant::refused; });
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
  if (!ask_patiently(options, [&] { return root.lock(options.access); })) {
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
  if (ask_patiently(options_, [&] { return file.take_lease(options_.access); })) return;
  throw_in_use(file.path(), file_system_.users_of(file.status()));
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
