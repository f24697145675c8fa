#include "tests/support/crash_states.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::size_t smallest_sector_bytes = 512;
constexpr std::size_t page_bytes = 4096;

void zero_from(Bytes& bytes, std::uint64_t from) {
  if (from < bytes.size()) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), std::byte{0});
  }
}

// A file's sectors as they are at some moment: the first bytes of what was durable, then zeros, and
// upon that what was written.
class Sectors {
 public:
  Sectors(const Bytes& durable, std::size_t sector_bytes)
      : durable_(durable), sector_bytes_(sector_bytes), kept_bytes_(durable.size()) {}

  [[nodiscard]] std::uint64_t kept_bytes() const { return kept_bytes_; }

  // As it was durable, so far as it was not cut off.
  [[nodiscard]] Bytes base(std::uint64_t number) const {
    Bytes bytes(sector_bytes_);
    const std::uint64_t begin = number * sector_bytes_;
    if (begin < kept_bytes_) {
      const std::uint64_t count = std::min<std::uint64_t>(sector_bytes_, kept_bytes_ - begin);
      std::copy_n(durable_.begin() + static_cast<std::ptrdiff_t>(begin), count, bytes.begin());
    }
    return bytes;
  }
  void cut(std::uint64_t size_bytes) { kept_bytes_ = std::min(kept_bytes_, size_bytes); }

 private:
  const Bytes& durable_;
  std::size_t sector_bytes_;
  std::uint64_t kept_bytes_;
};

bool contains(const std::vector<Bytes>& versions, const Bytes& version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

// Follows the changes of one file, `size_changes` of which become durable.
class Tracer {
 public:
  Tracer(const MemoryNode& file, std::size_t sector_bytes, std::size_t size_changes)
      : sector_bytes_(sector_bytes),
        size_changes_left_(size_changes),
        now_base_(file.durable_content, sector_bytes),
        left_base_(file.durable_content, sector_bytes),
        now_bytes_(file.durable_content.size()),
        left_bytes_(now_bytes_) {
    for (const DataChange& change : file.pending_data) follow(change);
  }

  [[nodiscard]] std::size_t size_change_count() const { return size_change_count_; }
  [[nodiscard]] std::uint64_t left_bytes() const { return left_bytes_; }
  [[nodiscard]] std::uint64_t kept_bytes() const { return left_base_.kept_bytes(); }
  std::map<std::uint64_t, std::vector<Bytes>>& versions() { return versions_; }

 private:
  void follow(const DataChange& change) {
    const std::uint64_t before = now_bytes_;
    if (change.new_size_bytes) {
      now_bytes_ = *change.new_size_bytes;
      cut_now(now_bytes_);
    } else if (!change.data.empty()) {
      now_bytes_ = std::max<std::uint64_t>(now_bytes_, change.offset_bytes + change.data.size());
    }
    if (now_bytes_ != before) {
      ++size_change_count_;
      if (size_changes_left_ > 0) {
        --size_changes_left_;
        left_bytes_ = now_bytes_;
        // Bytes that were cut off do not come back.
        cut_left(left_bytes_);
      }
    }
    if (!change.data.empty()) write(change);
  }

  void cut_now(std::uint64_t size_bytes) {
    now_base_.cut(size_bytes);
    for (auto& [number, bytes] : now_) {
      const std::uint64_t begin = number * sector_bytes_;
      zero_from(bytes, size_bytes > begin ? size_bytes - begin : 0);
    }
  }

  void cut_left(std::uint64_t size_bytes) {
    left_base_.cut(size_bytes);
    for (auto& [number, versions] : versions_) {
      const std::uint64_t begin = number * sector_bytes_;
      std::vector<Bytes> cut;
      for (Bytes& version : versions) {
        zero_from(version, size_bytes > begin ? size_bytes - begin : 0);
        if (!contains(cut, version)) cut.push_back(std::move(version));
      }
      versions = std::move(cut);
    }
  }

  void write(const DataChange& change) {
    const std::uint64_t end = change.offset_bytes + change.data.size();
    for (std::uint64_t number = change.offset_bytes / sector_bytes_; number * sector_bytes_ < end;
         ++number) {
      const auto [place, is_new] = now_.try_emplace(number);
      if (is_new) place->second = now_base_.base(number);
      const std::uint64_t sector_begin = number * sector_bytes_;
      const std::uint64_t from = std::max(change.offset_bytes, sector_begin);
      const std::uint64_t to = std::min<std::uint64_t>(end, sector_begin + sector_bytes_);
      std::copy_n(change.data.begin() + static_cast<std::ptrdiff_t>(from - change.offset_bytes),
                  to - from,
                  place->second.begin() + static_cast<std::ptrdiff_t>(from - sector_begin));
      auto& versions = versions_[number];
      if (versions.empty()) versions.push_back(left_base_.base(number));
      if (!contains(versions, place->second)) versions.push_back(place->second);
    }
  }

  std::size_t sector_bytes_;
  std::size_t size_changes_left_;
  std::size_t size_change_count_ = 0;
  Sectors now_base_;
  Sectors left_base_;
  std::uint64_t now_bytes_;
  std::uint64_t left_bytes_;
  std::map<std::uint64_t, Bytes> now_;
  std::map<std::uint64_t, std::vector<Bytes>> versions_;
};

}  // namespace

// ---- one file -----------------------------------------------------------------------------------

FileStates::FileStates(const MemoryNode& file, CrashModel model)
    : file_(file),
      sector_bytes_(model == CrashModel::posix_4k ? page_bytes : smallest_sector_bytes),
      has_garbage_(model == CrashModel::posix_512_garbage) {
  const std::size_t size_changes = Tracer(file, sector_bytes_, 0).size_change_count();
  for (std::size_t changes = 0; changes <= size_changes; ++changes) {
    shapes_.push_back(trace(changes));
  }
}

FileStates::Shape FileStates::trace(std::size_t size_changes) const {
  Tracer tracer(file_, sector_bytes_, size_changes);
  Shape shape{tracer.left_bytes(), tracer.kept_bytes(), {}};
  for (auto& [number, versions] : tracer.versions()) {
    const std::uint64_t begin = number * sector_bytes_;
    if (begin >= shape.size_bytes) continue;
    if (has_garbage_ && begin >= file_.durable_content.size()) {
      versions.front() = Random(1 + number).bytes(sector_bytes_);
    }
    if (versions.size() > 1) shape.sectors.push_back({number, std::move(versions)});
  }
  return shape;
}

Bytes FileStates::content(std::size_t shape_number,
                          const std::map<std::uint64_t, std::uint32_t>& version_of_sector) const {
  const Shape& shape = shapes_.at(std::min(shape_number, shapes_.size() - 1));
  Bytes bytes(file_.durable_content.begin(),
              file_.durable_content.begin() +
                  static_cast<std::ptrdiff_t>(std::min(shape.kept_bytes, shape.size_bytes)));
  bytes.resize(shape.size_bytes);
  for (const SectorVersions& sector : shape.sectors) {
    const auto version =
        std::min<std::size_t>(version_of_sector.at(sector.number), sector.versions.size() - 1);
    const std::uint64_t begin = sector.number * sector_bytes_;
    std::copy_n(sector.versions[version].begin(),
                std::min<std::uint64_t>(sector_bytes_, bytes.size() - begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  return bytes;
}

// ---- the questions ------------------------------------------------------------------------------

CrashStates::CrashStates(const MemoryFileSystem& crashed, CrashModel model)
    : root_(crashed.root()), model_(model) {
  if (reorders(model)) {
    ask_of(*root_);
  } else {
    collect_changes(*root_);
    ask_of_changes();
  }
}

std::size_t CrashStates::ask(std::uint32_t answer_count, std::uint64_t subject) {
  questions_.push_back({answer_count, subject});
  return questions_.size() - 1;
}

namespace {

// Whatever may be below a directory, now or after a crash.
template <class Visit>
void for_each_child(const MemoryNode& node, const Visit& visit) {
  for (const auto& [name, child] : node.durable_entries) visit(*child);
  for (const NameChange& change : node.pending_names) {
    if (change.node != nullptr) visit(*change.node);
  }
}

}  // namespace

void CrashStates::ask_of(const MemoryNode& node) {
  if (!seen_.emplace(node.inode, true).second) return;
  if (!node.pending_data.empty()) {
    FileQuestions file{FileStates(node, model_), 0, {}};
    const auto& shapes = file.states.shapes();
    if (shapes.size() > 1) file.shape = ask(static_cast<std::uint32_t>(shapes.size()), node.inode);
    std::map<std::uint64_t, std::size_t> versions;
    for (const auto& shape : shapes) {
      for (const SectorVersions& sector : shape.sectors) {
        versions[sector.number] = std::max(versions[sector.number], sector.versions.size());
      }
    }
    for (const auto& [number, count] : versions) {
      file.of_sector[number] = ask(static_cast<std::uint32_t>(count), node.inode);
    }
    files_.emplace(node.inode, std::move(file));
  }
  if (!node.pending_names.empty()) directories_[node.inode] = questions_.size();
  for (std::size_t i = 0; i < node.pending_names.size(); ++i) ask(2, node.inode);
  for_each_child(node, [&](const MemoryNode& child) { ask_of(child); });
}

void CrashStates::collect_changes(const MemoryNode& node) {
  if (!seen_.emplace(node.inode, true).second) return;
  for (const DataChange& change : node.pending_data) changes_.push_back({&node, &change, nullptr});
  for (const NameChange& change : node.pending_names) changes_.push_back({&node, nullptr, &change});
  for_each_child(node, [&](const MemoryNode& child) { collect_changes(child); });
}

// How many of the changes are left; and with zfs, which of them as they are by now.
void CrashStates::ask_of_changes() {
  std::sort(changes_.begin(), changes_.end(),
            [](const OrderedChange& a, const OrderedChange& b) { return a.order() < b.order(); });
  ask(static_cast<std::uint32_t>(changes_.size() + 1), 0);
  if (model_ != CrashModel::zfs) return;
  for (OrderedChange& change : changes_) {
    if (change.data == nullptr || change.data->data.empty()) continue;
    Bytes latest = change.data->data;
    const Bytes& content = change.node->content;
    const std::uint64_t begin = change.data->offset_bytes;
    if (begin >= content.size()) continue;
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(begin),
                std::min<std::uint64_t>(latest.size(), content.size() - begin), latest.begin());
    if (latest == change.data->data) continue;
    change.latest = std::move(latest);
    change.question = ask(2, 0);
  }
}

// ---- choosing -----------------------------------------------------------------------------------

std::uint64_t CrashStates::count() const {
  std::uint64_t count = 1;
  for (const Question& question : questions_) {
    if (count > countless / question.answer_count) return countless;
    count *= question.answer_count;
  }
  return count;
}

CrashStates::Choice CrashStates::choice(std::uint64_t number) const {
  Choice choice;
  for (const Question& question : questions_) {
    choice.push_back(static_cast<std::uint32_t>(number % question.answer_count));
    number /= question.answer_count;
  }
  return choice;
}

CrashStates::Choice CrashStates::everything() const {
  Choice choice;
  for (const Question& question : questions_) choice.push_back(question.answer_count - 1);
  if (!reorders(model_)) std::fill(choice.begin() + 1, choice.end(), 0);
  return choice;
}

CrashStates::Choice CrashStates::sample(std::uint64_t seed) const {
  Choice choice = everything();
  if (!reorders(model_)) {
    choice[0] -= static_cast<std::uint32_t>(std::min<std::uint64_t>(seed, choice[0]));
    return choice;
  }
  if (seed == 1) return choice;
  if (seed == 0) return Choice(choice.size());
  Random random(seed);
  std::map<std::uint64_t, std::uint64_t> share_of;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const auto [share, is_new] = share_of.try_emplace(questions_[i].subject);
    if (is_new) share->second = random.below(4);
    if (share->second == 0) choice[i] = 0;
    if (share->second > 1) {
      choice[i] = static_cast<std::uint32_t>(random.below(questions_[i].answer_count));
    }
  }
  return choice;
}

std::string CrashStates::text_of(const Choice& choice) {
  std::string text;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    if (choice[i] == 0) continue;
    text += (text.empty() ? "" : ",") + std::to_string(i) + ":" + std::to_string(choice[i]);
  }
  return text.empty() ? "-" : text;
}

CrashStates::Choice CrashStates::parse(const std::string& text) const {
  Choice choice(questions_.size());
  if (text == "-") return choice;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t used = 0;
    const std::size_t question = std::stoul(text.substr(at), &used);
    at += used + 1;
    const std::size_t answer = std::stoul(text.substr(at), &used);
    at += used + 1;
    if (question >= choice.size() || answer >= questions_[question].answer_count) {
      throw std::runtime_error("no such state: " + text);
    }
    choice[question] = static_cast<std::uint32_t>(answer);
  }
  return choice;
}

// ---- what is left -------------------------------------------------------------------------------

Bytes CrashStates::content_of(const MemoryNode& node, const Choice& choice) const {
  if (!reorders(model_)) {
    Bytes content = node.durable_content;
    for (std::size_t i = 0; i < choice[0]; ++i) {
      const OrderedChange& change = changes_[i];
      if (change.node != &node || change.data == nullptr) continue;
      if (!change.latest.empty() && choice[change.question] != 0) {
        DataChange{change.data->offset_bytes, change.latest}.apply_to(content);
      } else {
        change.data->apply_to(content);
      }
    }
    return content;
  }
  const auto file = files_.find(node.inode);
  if (file == files_.end()) return node.durable_content;
  const FileQuestions& questions = file->second;
  std::map<std::uint64_t, std::uint32_t> versions;
  for (const auto& [number, question] : questions.of_sector) versions[number] = choice[question];
  const bool has_shapes = questions.states.shapes().size() > 1;
  return questions.states.content(has_shapes ? choice[questions.shape] : 0, versions);
}

std::map<std::string, MemoryNodePtr> CrashStates::names_of(const MemoryNode& node,
                                                           const Choice& choice) const {
  auto names = node.durable_entries;
  if (!reorders(model_)) {
    for (std::size_t i = 0; i < choice[0]; ++i) {
      if (changes_[i].node == &node && changes_[i].names != nullptr) {
        changes_[i].names->apply_to(names);
      }
    }
    return names;
  }
  const auto first = directories_.find(node.inode);
  for (std::size_t i = 0; i < node.pending_names.size(); ++i) {
    if (choice[first->second + i] != 0) node.pending_names[i].apply_to(names);
  }
  return names;
}

// Makes what is left of a node and of all below it.
class Survivors {
 public:
  Survivors(const CrashStates& states, const CrashStates::Choice& choice)
      : states_(states), choice_(choice) {}

  MemoryNodePtr of(const MemoryNode& node) {
    auto& found = left_[node.inode];
    if (found != nullptr) {
      ++found->link_count;
      return found;
    }
    found = std::make_shared<MemoryNode>();
    const MemoryNodePtr left = found;
    left->kind = node.kind;
    left->inode = node.inode;
    left->ownership = node.ownership;
    left->device = node.device;
    left->description = node.description;
    left->content = states_.content_of(node, choice_);
    left->durable_content = left->content;
    const std::size_t units =
        (left->content.size() + smallest_sector_bytes - 1) / smallest_sector_bytes;
    left->allocated.assign(units, true);
    for (const auto& [name, child] : states_.names_of(node, choice_)) {
      left->entries[name] = of(*child);
    }
    left->durable_entries = left->entries;
    return left;
  }

 private:
  const CrashStates& states_;
  const CrashStates::Choice& choice_;
  std::map<std::uint64_t, MemoryNodePtr> left_;
};

std::unique_ptr<MemoryFileSystem> CrashStates::state(const Choice& choice) const {
  return std::make_unique<MemoryFileSystem>(Survivors(*this, choice).of(*root_));
}

}  // namespace libregion
