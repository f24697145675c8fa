#include "libregion/region/new_region.h"

#include <functional>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/sqlite_image.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/metadata.h"
#include "libregion/region/staging.h"

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
  return open_directory_in(parent, entry.name);
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
    const bool is_definition =
        entry.name == definition_temporary_name || entry.name == definition_incomplete_name;
    if (is_definition && entry.kind == FileKind::regular) {
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

// Whether nothing here has ever been in use, whatever it is. A mark without a definition in it was
// not yet durable when it was left, so that nothing else had been made: it says nothing of what
// stands beside it now.
bool is_marked(const Directory& root) {
  const auto opened = root.open_file(definition_incomplete_name, Access::read);
  const auto* file = std::get_if<std::unique_ptr<File>>(&opened);
  if (file == nullptr || (*file)->status().size_bytes > definition_bytes_max) return false;
  const Bytes text = (*file)->read(0, (*file)->status().size_bytes);
  return std::holds_alternative<RegionDefinition>(parse_region_definition(to_text(ByteView(text))));
}

void clear_marked(Directory& root) {
  for (const DirectoryEntry& entry : entries_of(root)) {
    if (entry.name == definition_incomplete_name) continue;
    if (entry.kind == FileKind::directory) {
      remove_tree(root, entry.name);
    } else {
      root.remove_file(entry.name);
    }
  }
  // What came back without it after a crash would pass for a region that lost its definition.
  root.sync();
  root.remove_file(definition_incomplete_name);
}

// What a create makes has flush number 0, or 1 after an import, and was never dirty.
bool is_as_created(const ExtentMetadata& metadata) {
  return !metadata.dirty && metadata.gen_number == 0 && metadata.flush_number <= 1;
}

bool raw_has_been_written(const File& file) {
  const std::uint64_t size_bytes = file.status().size_bytes;
  if (size_bytes < metadata_bytes) return false;
  const Bytes end = file.read(size_bytes - metadata_bytes, metadata_bytes);
  const auto decoded = decode_metadata(MetadataView(end));
  const auto* metadata = std::get_if<ExtentMetadata>(&decoded);
  return metadata != nullptr && !is_as_created(*metadata);
}

bool sqlite_has_been_written(Directory& directory, ExtentId extent) {
  ExtentParts parts;
  parts.add(ExtentPart::db);
  const SqliteImage image = load_sqlite_image(directory, extent, parts, [](File&) {});
  if (!image.pages) return false;
  // The geometry is not known; the numbers do not depend on it.
  const auto any = Geometry::make(512, 1);
  const SqliteTables tables = read_sqlite_tables(*image.pages, extent, std::get<Geometry>(any));
  return tables.metadata && !is_as_created(*tables.metadata);
}

// Whether a file that has the name of an extent's belongs to a region that has been in use. Throws
// where it cannot be looked into: what has another name elsewhere no create has made.
bool has_been_written(Directory& directory, const std::string& name) {
  const auto parsed = parse_extent_name(LeafId{}, name);
  if (!parsed) return false;
  const auto file = open_file_in(directory, name, Access::read);
  return parsed->part == ExtentPart::db ? sqlite_has_been_written(directory, parsed->extent)
                                        : raw_has_been_written(*file);
}

}  // namespace

TargetState look_at_target(FileSystem& file_system, const std::string& path) {
  auto opened = file_system.open_directory(path);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    // A symbolic link that leads nowhere is there, and nothing can be made in its place.
    const auto [parent, name] = open_parent(file_system, path);
    const bool is_missing = refusal->reason == Refusal::Reason::missing;
    if (is_missing && !parent->status_of(name)) return {TargetState::Kind::missing, {}};
    return {TargetState::Kind::something_else, path};
  }
  Directory& root = *std::get<std::unique_ptr<Directory>>(opened);
  if (root.status_of(definition_name)) return {TargetState::Kind::region, {}};
  if (is_marked(root)) return {TargetState::Kind::leftovers, {}};
  TargetState state{TargetState::Kind::empty, {}};
  const auto raise_to = [&](TargetState::Kind kind, const std::string& offender) {
    if (kind > state.kind) state = {kind, offender};
  };
  const auto see_file = [&](Directory& directory, const std::string& name) {
    const bool used = has_been_written(directory, name);
    raise_to(used ? TargetState::Kind::lost_definition : TargetState::Kind::leftovers,
             directory.path() + "/" + name);
  };
  const auto see_directory = [&](Directory&, const std::string&) {
    raise_to(TargetState::Kind::leftovers, {});
  };
  const auto see_unexpected = [&](const std::string& offender) {
    raise_to(TargetState::Kind::something_else, offender);
  };
  visit_leftovers(root, {see_unexpected, see_file, see_directory});
  return state;
}

bool check_create_target(FileSystem& file_system, const std::string& path, bool force) {
  const TargetState state = look_at_target(file_system, path);
  switch (state.kind) {
    case TargetState::Kind::missing:
    case TargetState::Kind::empty: return false;
    case TargetState::Kind::leftovers:
      if (force) return true;
      throw Error(
          ErrorKind::failed,
          fmt::format("'{}' holds what an interrupted create left; --force clears it", path));
    case TargetState::Kind::region:
      throw Error(ErrorKind::failed, fmt::format("'{}' is a region already", path));
    case TargetState::Kind::lost_definition:
      throw Error(ErrorKind::failed,
                  fmt::format("'{}' is a region that lost its region.json: '{}' has been written",
                              path, state.offender));
    case TargetState::Kind::something_else: break;
  }
  throw Error(ErrorKind::failed,
              fmt::format("'{}': expected nothing or an empty directory, found '{}'", path,
                          printable(state.offender)));
}

void check_free_space(FileSystem& file_system, const std::string& path,
                      std::uint64_t needed_bytes) {
  const auto opened = file_system.open_directory(path);
  const auto* existing = std::get_if<std::unique_ptr<Directory>>(&opened);
  // A directory that is there may be the root of a file system of its own.
  const std::uint64_t free_bytes = existing != nullptr
                                       ? (*existing)->free_bytes()
                                       : open_parent(file_system, path).parent->free_bytes();
  if (needed_bytes <= free_bytes) return;
  throw Error(ErrorKind::failed, fmt::format("'{}': no space: expected {} free, found {}", path,
                                             human_size(needed_bytes), human_size(free_bytes)));
}

ParentAndName open_parent(FileSystem& file_system, const std::string& path) {
  const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  const std::size_t slash = trimmed.rfind('/');
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  std::string parent = ".";
  if (slash != std::string::npos) parent = slash == 0 ? "/" : trimmed.substr(0, slash);
  return {expect_opened(file_system.open_directory(parent), parent), name};
}

void clear_leftovers(Directory& root) {
  if (is_marked(root)) return clear_marked(root);
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
