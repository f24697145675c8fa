// Making things durable: many files at once, and one file whole or not at all.

#pragma once

#include <span>
#include <string_view>

#include "libregion/io/file_system.h"

namespace libregion {

// Up to this many files are synced one by one: a sync of the whole file system, with everything
// that others wrote, is the slower way.
constexpr std::size_t few_files_max = 15;

// Syncs many written files: one sync of the file system for many, each by itself where they are
// few, where they are not all on the root's file system, or where such a sync cannot be had.
// `root` must have been opened before the files were written.
void sync_files(Directory& root, std::span<File* const> files);

// Writes `content` as the file `name`, replacing what is there: afterwards, whatever happens, the
// name holds the old content or the new one. Written to `temporary_name` (a leftover of that name
// is removed first), synced, renamed, directory synced. Takes owner and mode of what it replaces.
void replace_file(Directory& directory, std::string_view name, std::string_view temporary_name,
                  ByteView content);

}  // namespace libregion
