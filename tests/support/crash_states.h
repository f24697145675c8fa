// All states that a crash may leave of a MemoryFileSystem (crash_model.h), one by one.
//
// A state is told by its answers to questions that do not depend on each other, such as "which of
// its versions does sector 17 of this file have?". The answer 0 always is what was durable before.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/crash_model.h"
#include "tests/support/file_states.h"

namespace libregion {

// Valid as long as the file system is not changed.
class CrashStates {
 public:
  // One answer for each question.
  using Choice = std::vector<std::uint32_t>;

  CrashStates(const MemoryFileSystem& crashed, CrashModel model)
      : CrashStates(crashed.root(), model) {}
  // Of one file or directory, and what is below it.
  CrashStates(MemoryNodePtr root, CrashModel model);
  CrashStates(const CrashStates&) = delete;
  CrashStates& operator=(const CrashStates&) = delete;

  // How many choices there are; no more than `countless`. Some may come to the same.
  [[nodiscard]] std::uint64_t count() const;
  static constexpr std::uint64_t countless = std::uint64_t{1} << 62;
  [[nodiscard]] Choice choice(std::uint64_t number) const;  // less than count()
  // One of the choices, as after_crash has them.
  [[nodiscard]] Choice sample(std::uint64_t seed) const;
  [[nodiscard]] Choice everything() const;

  // "3:1,7:2": the questions whose answer is not 0, or "-".
  static std::string text_of(const Choice& choice);
  // Throws std::runtime_error where the text is none of this file system.
  [[nodiscard]] Choice parse(const std::string& text) const;

  [[nodiscard]] std::unique_ptr<MemoryFileSystem> state(const Choice& choice) const;
  [[nodiscard]] Bytes content_of(const MemoryNode& file, const Choice& choice) const;

  // Where writes are split at records, of a file whose size does not change: what the first
  // changes leave of a record, which has any of its versions whatever the others have.
  struct Record {
    SectorVersions sector;                            // the first version is not the durable one
    std::vector<std::vector<std::size_t>> questions;  // of each version: whose answer is 1, not 0
  };
  // Calls visit(record) for no change, with nullptr, and then for one more at a time, with the
  // record that this one is of.
  void for_each_prefix(const MemoryNode& file,
                       const std::function<void(const Record* changed)>& visit) const;

 private:
  struct Question {
    std::uint32_t answer_count = 2;
    std::uint64_t subject = 0;  // the inode
  };
  struct FileQuestions {
    FileStates states;
    std::size_t shape = 0;                           // its question, where there are several
    std::map<std::uint64_t, std::size_t> of_sector;  // the sector's question
  };
  struct OrderedChange {
    const MemoryNode* node = nullptr;
    const DataChange* data = nullptr;  // else a name
    const NameChange* names = nullptr;
    Bytes latest = {};         // what is in its place by now, where it differs
    std::size_t question = 0;  // whether `latest` is there
    void put_on(Record& record, std::uint64_t record_offset_bytes) const;
    [[nodiscard]] std::uint64_t order() const {
      return data != nullptr ? data->order : names->order;
    }
  };

  std::size_t ask(std::uint32_t answer_count, std::uint64_t subject);
  void ask_of(const MemoryNode& node);
  void collect_changes(const MemoryNode& node);
  void collect_records(const MemoryNode& node, const DataChange& change);
  void ask_of_changes();
  [[nodiscard]] std::map<std::string, MemoryNodePtr> names_of(const MemoryNode& node,
                                                              const Choice& choice) const;

  friend class Survivors;

  MemoryNodePtr root_;
  CrashModel model_;
  std::vector<Question> questions_;
  std::map<std::uint64_t, FileQuestions> files_;      // by inode
  std::map<std::uint64_t, std::size_t> directories_;  // the question of the first name change
  std::vector<OrderedChange> changes_;                // where they become durable in their order
  std::deque<DataChange> parts_;                      // of changes that are split
  std::map<std::uint64_t, bool> seen_;
};

}  // namespace libregion
