#include "libregion/region/new_region.h"

#include <functional>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/format/extent_names.h"

namespace libregion {
namespace {

bool is_built_by_create(LeafId leaf, const DirectoryEntry& entry) {
  const auto parsed = parse_extent_name(leaf, entry.name);
  return entry.kind == FileKind::regular && parsed &&
         (parsed->part == ExtentPart::data || parsed->part == ExtentPart::db);
}

// Walks over what a create builds. Calls `unexpected` with the path of anything else, and does not
// go into it.
struct LeftoverVisitor {
  std::function<void(const std::string&)> unexpected;
  std::function<void(Directory&, const std::string&)> file;
  std::function<void(Directory&, const std::string&)> directory;  // after what is in it
};

std::vector<DirectoryEntry> entries_of(const Directory& directory) {
  std::vector<DirectoryEntry> entries;
  directory.list([&](const DirectoryEntry& entry) { entries.push_back(entry); });
  return entries;
}

std::unique_ptr<Directory> open_child(const Directory& parent, const DirectoryEntry& entry) {
  if (entry.kind != FileKind::directory) return nullptr;
  auto opened = parent.open_directory(entry.name);
  auto* child = std::get_if<std::unique_ptr<Directory>>(&opened);
  return child != nullptr ? std::move(*child) : nullptr;
}

void visit_leaf(Directory& directory, LeafId leaf, const LeftoverVisitor& visitor) {
  for (const DirectoryEntry& entry : entries_of(directory)) {
    if (is_built_by_create(leaf, entry)) {
      visitor.file(directory, entry.name);
    } else {
      visitor.unexpected(directory.path() + "/" + entry.name);
    }
  }
}

void visit_top(Directory& directory, std::uint32_t top, const LeftoverVisitor& visitor) {
  for (const DirectoryEntry& entry : entries_of(directory)) {
    const auto middle = parse_leaf_directory_name(entry.name);
    const auto child = middle ? open_child(directory, entry) : nullptr;
    if (child == nullptr) {
      visitor.unexpected(directory.path() + "/" + entry.name);
      continue;
    }
    visit_leaf(*child, LeafId{top << 12U | *middle}, visitor);
    visitor.directory(directory, entry.name);
  }
}

void visit_leftovers(Directory& root, const LeftoverVisitor& visitor) {
  for (const DirectoryEntry& entry : entries_of(root)) {
    if (entry.name == definition_temporary_name && entry.kind == FileKind::regular) {
      visitor.file(root, entry.name);
      continue;
    }
    const auto top = parse_top_directory_name(entry.name);
    const auto child = top ? open_child(root, entry) : nullptr;
    if (child == nullptr) {
      visitor.unexpected(root.path() + "/" + entry.name);
      continue;
    }
    visit_top(*child, *top, visitor);
    visitor.directory(root, entry.name);
  }
}

}  // namespace

TargetState look_at_target(FileSystem& file_system, const std::string& path) {
  auto opened = file_system.open_directory(path);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    if (refusal->reason == Refusal::Reason::missing) return {TargetState::Kind::missing, {}};
    return {TargetState::Kind::something_else, path};
  }
  Directory& root = *std::get<std::unique_ptr<Directory>>(opened);
  if (root.status_of(definition_name)) return {TargetState::Kind::region, {}};
  TargetState state{TargetState::Kind::empty, {}};
  const auto expected = [&](Directory&, const std::string&) {
    if (state.kind == TargetState::Kind::empty) state.kind = TargetState::Kind::leftovers;
  };
  visit_leftovers(root, {[&](const std::string& offender) {
                           if (state.kind == TargetState::Kind::something_else) return;
                           state = {TargetState::Kind::something_else, offender};
                         },
                         expected, expected});
  return state;
}

ParentAndName open_parent(FileSystem& file_system, const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const std::string trimmed = path.substr(0, end == std::string::npos ? 0 : end + 1);
  const std::size_t slash = trimmed.rfind('/');
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  std::string parent = ".";
  if (slash != std::string::npos) parent = slash == 0 ? "/" : trimmed.substr(0, slash);
  return {expect_opened(file_system.open_directory(parent), parent), name};
}

void clear_leftovers(Directory& root) {
  visit_leftovers(
      root,
      {[](const std::string& offender) {
         throw Error(ErrorKind::failed,
                     describe_failure({"clear", offender}, "no create builds this: left as it is"));
       },
       [](Directory& directory, const std::string& name) { directory.remove_file(name); },
       [](Directory& directory, const std::string& name) { directory.remove_directory(name); }});
}

}  // namespace libregion
