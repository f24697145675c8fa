// One raw extent at work: written, flushed, defragmented, killed and opened again, in a
// MemoryFileSystem, step by step; what it has promised is kept along.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/crash/extent_judge.h"
#include "tests/crash/extent_starts.h"
#include "tests/support/memory_file_system.h"

namespace libregion {

enum class ExtentStep : std::uint8_t {
  write_1,
  write_3,
  write_10,
  write_straddling,  // blocks whose slots lie in two sectors
  rewrite,           // what was written last
  flush,
  defragment,  // the operation of the tool, without the writer
  kill,        // what was written can still be read, and nothing makes it durable
  kill_flush,  // the same in a flush, before its last sync
  write_4,     // not among those of steps_for: for answers known from elsewhere
};
inline constexpr std::array extent_steps = {ExtentStep::write_1,    ExtentStep::write_3,
                                            ExtentStep::write_10,   ExtentStep::write_straddling,
                                            ExtentStep::rewrite,    ExtentStep::flush,
                                            ExtentStep::defragment, ExtentStep::kill,
                                            ExtentStep::kill_flush, ExtentStep::write_4};
std::string_view extent_step_name(ExtentStep step);

// How the extent is written.
struct ExtentProtocol {
  std::string name;
  WriteOrdering ordering = WriteOrdering::posix;
  // Syncs with this label do nothing.
  std::string without_sync = {};
  // What the writer gets for its file.
  using Wrap = std::unique_ptr<File> (*)(std::unique_ptr<File> file, MemoryFileSystem& disk);
  Wrap wrap = nullptr;
  std::uint64_t defragment_threshold = extra_system_calls_max;
  bool empties_slots = true;  // the defragmentation, those that could match half written
};

class ExtentSession {
 public:
  ExtentSession(const Geometry& geometry, ExtentStart start, const ExtentProtocol& protocol);
  // Goes on with an extent of which this is promised.
  ExtentSession(const Geometry& geometry, ByteView content, ExtentPromise promise,
                const ExtentProtocol& protocol);

  static const std::string path;
  [[nodiscard]] const ExtentPromise& promise() const { return promise_; }
  [[nodiscard]] MemoryFileSystem& disk() { return disk_; }
  [[nodiscard]] MemoryNodePtr file() const { return node_at(disk_, path); }

  // Called before each call of the step, with its number in the log, and once after the step.
  using Observe = std::function<void(std::uint64_t number)>;
  void run(ExtentStep step, const Observe& observe = nullptr);

  // What each sync of the log is for, by number.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::string>> labelled_syncs() const;

 private:
  struct StepBegin {
    std::uint64_t number;
    ExtentStep step;
  };

  void add_region(ByteView content);
  void perform(ExtentStep step);
  RawExtentWriter& writer();
  void write(BlockRange range);
  void flush(bool killed);
  void defragment();
  void defragment_by_hand();
  [[nodiscard]] std::optional<ExtentMetadata> metadata_on_disk();
  [[nodiscard]] ContextSlot array_in_use();
  [[nodiscard]] std::unique_ptr<File> open_file();
  [[nodiscard]] std::string label_of(std::uint64_t number, const StepBegin& begin,
                                     const std::vector<Call>& log, std::uint64_t end) const;

  Geometry geometry_;
  RawLayout layout_;
  ExtentProtocol protocol_;
  MemoryFileSystem disk_;
  ExtentPromise promise_;
  std::unique_ptr<RawExtentWriter> writer_;
  int syncs_left_ = -1;  // until the process is killed; -1: it is not
  std::uint32_t defrag_count_ = 0;
  std::vector<std::uint64_t> openings_;  // the syncs with which the writer begins
  std::uint64_t next_version_ = 2;
  std::uint64_t next_flush_ = 1;
  bool is_encrypted_ = false;
  BlockRange last_range_;
  std::vector<StepBegin> steps_;
};

// The steps that differ in an extent of this size.
std::vector<ExtentStep> steps_for(const Geometry& geometry);

}  // namespace libregion
