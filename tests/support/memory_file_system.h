// The seam in memory, for tests: it keeps a log of what was asked of it, fails where a test wants
// it to, and knows what is durable, so that a crash can be looked at (crash_model.h).
//
// It answers as PosixFileSystem does on Linux; tests/unit/io runs the same tests against both.
// All of it may be used from several threads at once.

#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "libregion/io/file_system.h"
#include "tests/support/memory_node.h"

namespace libregion {

// Whatever changes anything, then the syncs, then calls that are not logged.
enum class CallKind : std::uint8_t {
  create_file,
  make_directory,
  remove_file,
  remove_directory,
  rename,
  write,
  resize,
  sync_file,
  sync_directory,
  sync_file_system,
  open,
  read,
};
[[nodiscard]] bool is_sync(CallKind kind);
[[nodiscard]] bool is_logged(CallKind kind);

struct Call {
  CallKind kind;
  std::string path;
  std::uint64_t offset_bytes = 0;  // of a write or read; the new size of a resize
  std::uint64_t length_bytes = 0;
  std::string target = {};  // of a rename: the name in the same directory
  bool failed = false;
};
// "pwrite '/r/00/000/000' at 512, 480 bytes"
std::string describe(const Call& call);
// Each call on a line, with its number: for messages.
std::string describe(const std::vector<Call>& log);

// Which calls fail, counted among those that fit. Calls that are not logged are counted only where
// `kind` or `path` names them.
struct Fault {
  int errno_value;
  std::optional<CallKind> kind = std::nullopt;  // any
  std::string path = {};                        // any
  std::uint64_t first = 0;                      // the first that fails, from 0
  bool for_ever = false;                        // all after it as well
};

// The machine stops at this call. Not an Error: nobody may catch it but a test.
struct SimulatedCrash : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// All that is below a directory, by path relative to it.
struct TreeEntry {
  FileKind kind = FileKind::regular;
  Bytes content;  // of a file
  auto operator<=>(const TreeEntry&) const = default;
};
using Tree = std::map<std::string, TreeEntry>;
// The first difference in words, for messages; empty where there is none.
std::string difference(const Tree& expected, const Tree& found);

class MemoryFileSystem : public FileSystem {
 public:
  // One empty directory, "/".
  MemoryFileSystem();
  ~MemoryFileSystem() override;

  [[nodiscard]] Opened<Directory> open_directory(const std::string& path) override;
  [[nodiscard]] std::vector<FileUser> users_of(const FileStatus& file) override;
  [[nodiscard]] std::optional<std::vector<FileUser>> users_below(const std::string& path) override;

  // ---- what is there: paths begin with "/"; nothing of this is logged, all is durable at once ---

  // Directories on the way are made too.
  void add_directory(const std::string& path);
  void add_file(const std::string& path, ByteView content);
  void add_symbolic_link(const std::string& path, const std::string& target);
  void add_other(const std::string& path, const std::string& description);
  void add_hard_link(const std::string& existing, const std::string& path);
  void remove(const std::string& path);
  // A copy of a real directory tree: files and directories only.
  void load(const std::string& real_path, const std::string& path);

  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] Bytes content_of(const std::string& path) const;
  [[nodiscard]] Tree tree(const std::string& path) const;  // empty where there is no such path
  // A hash of all of it, the same for the same names, kinds and contents.
  [[nodiscard]] std::uint64_t fingerprint() const;

  // All of it as it is now, with what of it is durable and what is not; no log, no faults.
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> copy() const;
  // Everything is durable now.
  void settle();

  // ---- what was done ----------------------------------------------------------------------------

  [[nodiscard]] std::vector<Call> log() const;
  [[nodiscard]] std::vector<Call> changes() const;  // the log without the syncs
  void clear_log();

  // ---- what goes wrong --------------------------------------------------------------------------

  // A write that fails has written its first half. A sync of data that fails has lost it: it can
  // still be read, but no later sync makes it durable.
  void add_fault(const Fault& fault);
  [[nodiscard]] std::uint64_t faults_hit() const;  // how many calls have failed because of them
  // The logged call of this number, from 0, does not happen, nor any after it.
  void crash_at(std::uint64_t number);
  // Called before each logged call with its number: the moment of a crash there. It must not use
  // this file system but for the crash model's look at it.
  using Watcher = std::function<void(std::uint64_t number, const Call& call)>;
  void watch(Watcher watcher);
  // The logged call of this number succeeds and does nothing, if it is a sync.
  void ignore_sync_at(std::uint64_t number);
  // A new process: no crash, no faults, no watcher, an empty log. Nothing that was written is lost,
  // and nothing that was not synced is durable.
  void restart();

  // ---- what the system is like ------------------------------------------------------------------

  void set_sync_file_system_available(bool available);
  void set_leases_available(bool available);
  // Whether what was written into a hole counts as one until it is synced.
  void show_unsynced_as_holes();
  // How many bytes can still be written where there was nothing, or a hole; no limit at first.
  void set_free_bytes(std::uint64_t bytes);
  // Of `path` and all that is below it now.
  void set_device(const std::string& path, std::uint64_t device);
  // As FileStatus::change_time_ns; long ago at first.
  void set_change_time(const std::string& path, std::int64_t change_time_ns);
  // Another process opens or closes the file.
  void open_elsewhere(const std::string& path, Access access);
  void close_elsewhere(const std::string& path);
  // What users_of and users_below say; nobody at first.
  void set_users(std::optional<std::vector<FileUser>> users);

  // For the crash model.
  explicit MemoryFileSystem(MemoryNodePtr root);
  [[nodiscard]] MemoryNodePtr root() const;

  struct State;

 private:
  [[nodiscard]] MemoryNodePtr expect(const std::string& path) const;
  void add(const std::string& path, const MemoryNodePtr& node);

  std::shared_ptr<State> state_;
};

}  // namespace libregion
