// What only some systems have, each with an answer for those that lack it.

#pragma once

#include <cstdint>

#include "libregion/io/file_system.h"

namespace libregion {

// Leases, as File::take_lease describes them. Elsewhere than on Linux: unsupported.
Grant take_file_lease(int descriptor, Access against);
bool file_lease_is_broken(int descriptor, Access against);
void release_file_lease(int descriptor);

// syncfs(2) is of use only where it reports the errors of earlier writes: Linux 5.8 and later.
bool syncfs_reports_errors();
int sync_whole_file_system(int descriptor);  // 0, or -1 and errno

// Reads what the page cache holds of these bytes, up to the first that it does not; 0 where that
// cannot be told.
std::size_t read_cached_bytes(int descriptor, std::uint64_t offset_bytes, MutableByteView target);
void disable_read_ahead(int descriptor);
// Begins to write what was changed of them to disk, without waiting for it. A failure is told by
// the sync that follows.
void begin_to_write(int descriptor, std::uint64_t offset_bytes, std::uint64_t length_bytes);
// Lets the page cache forget them, as far as the system can be asked to.
void drop_cached_bytes(int descriptor, std::uint64_t offset_bytes, std::uint64_t length_bytes);

// The file of an open descriptor once more, whatever has become of its name; -1 and errno, ENOSYS
// or ENOENT where that cannot be had.
int open_again(int descriptor, int flags);

// Whether the name that the descriptor was opened by is gone, renamed over or removed; false where
// that cannot be told.
bool has_lost_its_name(int descriptor);

// A new file without a name, for its maker alone to read and write, on the file system of this
// directory; -1 where that cannot be had. Then its name: 0, or -1 and errno.
int create_unnamed_file(int directory);
int name_file(int descriptor, int directory, const char* name);

// lseek(2) with SEEK_DATA or SEEK_HOLE: an offset, or -1 and errno: ENXIO where only a hole or
// nothing follows, EINVAL where holes are not known of.
enum class Seek : std::uint8_t { data, hole };
std::int64_t seek_in_file(int descriptor, Seek what, std::uint64_t offset_bytes);

// copy_file_range(2): how many bytes were copied, at most; 0 at the end; -1 and errno.
std::int64_t copy_between_files(int source, int target, const FileCopy& copy);

}  // namespace libregion
