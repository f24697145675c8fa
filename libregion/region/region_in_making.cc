#include "libregion/region/region_in_making.h"

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/io/durable.h"
#include "libregion/region/new_region.h"
#include "libregion/region/region_use.h"

namespace libregion {
namespace {

// Where the region's directory was made, and how.
struct MadeRoot {
  std::unique_ptr<Directory> parent;
  std::string name;
  bool is_new = false;  // else an empty directory, or one with leftovers, was there
  std::unique_ptr<Directory> root;
};

MadeRoot make_root(FileSystem& file_system, const std::string& path,
                   const NewRegionOptions& options) {
  MadeRoot made;
  made.is_new = look_at_target(file_system, path).kind == TargetState::Kind::missing;
  auto [parent, name] = open_parent(file_system, path);
  made.parent = std::move(parent);
  made.name = std::move(name);
  if (!made.is_new) {
    made.root = expect_opened(file_system.open_directory(path), path);
    return made;
  }
  const auto& ownership = options.directory_ownership;
  made.parent->make_directory(made.name, ownership ? std::optional(ownership("")) : std::nullopt);
  // From the parent: a sync that fails in either is final for both.
  made.root = open_directory_in(*made.parent, made.name);
  return made;
}

// Removes what was made, unless it is a whole region. False where something half made stays.
bool remove_again(const MadeRoot& made) {
  try {
    if (made.root->status_of(definition_name)) return true;
    clear_leftovers(*made.root);
    if (made.is_new) made.parent->remove_directory(made.name);
    return true;
  } catch (const Error&) {
    return false;  // why it had to be removed is told, and that something stays
  }
}

std::string stays_text(const std::string& path) {
  return fmt::format("what was made stays in '{}', --force clears it", path);
}

// What has been synced before.
struct Synced {
  bool all_files = false;
  std::string_view name = {};  // a file in the directory itself
};

// From the leaves up.
void sync_tree(Directory& directory, const Synced& synced) {
  std::vector<DirectoryEntry> entries;
  directory.list([&](const DirectoryEntry& entry) { entries.push_back(entry); });
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == FileKind::directory) {
      sync_tree(*open_directory_in(directory, entry.name), {synced.all_files});
    } else if (!synced.all_files && entry.name != synced.name) {
      open_file_in(directory, entry.name, Access::read_write)->sync();
    }
  }
  directory.sync();
}

}  // namespace

void RegionInMaking::mark(const RegionDefinition& definition,
                          const std::optional<Ownership>& ownership) {
  const std::string text = to_json_text(definition);
  const auto file = root_.create_file(definition_incomplete_name, ownership);
  file->write(0, as_byte_view(text));
  file->sync();
  root_.sync();
  is_marked_ = true;
}

std::shared_ptr<Directory> RegionInMaking::enter_leaf(LeafId leaf) {
  const std::lock_guard lock(mutex_);
  if (leaf_ != nullptr && leaf_id_ == leaf) return leaf_;
  const std::string top = top_directory_name(leaf);
  const std::string path = leaf_directory_path(leaf);
  make_directory_in(root_, top, top);
  const auto parent = open_directory_in(root_, top);
  const std::string name = path.substr(top.size() + 1);
  make_directory_in(*parent, name, path);
  leaf_ = open_directory_in(*parent, name);
  leaf_id_ = leaf;
  return leaf_;
}

void RegionInMaking::make_directory_in(Directory& parent, const std::string& name,
                                       const std::string& path) {
  if (parent.status_of(name)) return;
  const auto& ownership = options_.directory_ownership;
  parent.make_directory(name, ownership ? std::optional(ownership(path)) : std::nullopt);
}

void RegionInMaking::keep_until_synced(std::unique_ptr<File> file) {
  // An extent has two files at most.
  constexpr std::size_t kept_files_max = 2 * few_files_max;
  const std::lock_guard lock(mutex_);
  if (kept_files_.size() < kept_files_max) kept_files_.push_back(std::move(file));
}

void RegionInMaking::finish(const RegionDefinition& definition) {
  const bool has_many_files = definition.extent_count > few_files_max;
  sync_tree(root_, {has_many_files && root_.sync_file_system(), definition_incomplete_name});
  kept_files_.clear();
  // From here the region is there: everything before is durable.
  if (is_marked_) {
    root_.rename(definition_incomplete_name, definition_name);
    root_.sync();
  } else {
    const std::string text = to_json_text(definition);
    replace_file(root_, definition_name, definition_temporary_name, as_byte_view(text));
  }
}

bool make_region(FileSystem& file_system, const std::string& path, const NewRegionOptions& options,
                 const std::function<bool(RegionInMaking&)>& fill) {
  (void)check_create_target(file_system, path, options.force);
  const MadeRoot made = make_root(file_system, path, options);
  const RegionUse use(file_system, *made.root,
                      {Access::read_write, false, options.lock_wait_seconds, options.stop});
  // Once more, now that nobody else can be making it.
  const bool has_leftovers = check_create_target(file_system, path, options.force);
  if (has_leftovers) clear_leftovers(*made.root);
  // It may have been made by a run that was stopped before the directory had its owner.
  if (options.force && options.directory_ownership) {
    made.root->take_ownership(options.directory_ownership(""));
  }
  bool is_finished = false;
  try {
    RegionInMaking making(*made.root, options);
    is_finished = fill(making);
  } catch (const Error& error) {
    if (remove_again(made)) throw;
    throw Error(error.kind(), fmt::format("{}; {}", error.what(), stays_text(path)));
  } catch (...) {
    (void)remove_again(made);
    throw;
  }
  if (!is_finished) {
    if (remove_again(made)) return false;
    throw Error(ErrorKind::failed, stays_text(path));
  }
  made.parent->sync();
  return true;
}

}  // namespace libregion
