#include "tests/support/crash_states.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::size_t allocation_unit_bytes = 512;  // of MemoryNode::allocated

}  // namespace

// ---- the questions ------------------------------------------------------------------------------

CrashStates::CrashStates(MemoryNodePtr root, CrashModel model)
    : root_(std::move(root)), model_(model) {
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
  for (const DataChange& change : node.pending_data) collect_records(node, change);
  for (const NameChange& change : node.pending_names) changes_.push_back({&node, nullptr, &change});
  for_each_child(node, [&](const MemoryNode& child) { collect_changes(child); });
}

// A change of data, as many as there are records that it reaches into.
void CrashStates::collect_records(const MemoryNode& node, const DataChange& change) {
  const std::size_t record = record_bytes(model_);
  const std::uint64_t end = change.offset_bytes + change.data.size();
  if (record == 0 || change.data.empty()) {
    changes_.push_back({&node, &change, nullptr});
    return;
  }
  for (std::uint64_t at = change.offset_bytes; at < end;) {
    const std::uint64_t next = std::min<std::uint64_t>(end, (at / record + 1) * record);
    const auto begin = change.data.begin() + static_cast<std::ptrdiff_t>(at - change.offset_bytes);
    parts_.push_back({at, Bytes(begin, begin + static_cast<std::ptrdiff_t>(next - at)),
                      std::nullopt, change.order});
    changes_.push_back({&node, &parts_.back(), nullptr});
    at = next;
  }
}

// How many of the changes are left; and on ZFS, which of them as they are by now.
void CrashStates::ask_of_changes() {
  std::stable_sort(
      changes_.begin(), changes_.end(),
      [](const OrderedChange& a, const OrderedChange& b) { return a.order() < b.order(); });
  ask(static_cast<std::uint32_t>(changes_.size() + 1), 0);
  if (model_ == CrashModel::ordered) return;
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

// As it was written, or with what is in its place by now.
void CrashStates::OrderedChange::put_on(Record& record, std::uint64_t record_offset_bytes) const {
  const Record before = std::exchange(record, {{record.sector.number, {}}, {}});
  for (const Bytes* bytes : {&data->data, &latest}) {
    if (bytes->empty()) continue;
    for (std::size_t i = 0; i < before.sector.versions.size(); ++i) {
      Bytes version = before.sector.versions[i];
      DataChange{data->offset_bytes - record_offset_bytes, *bytes}.apply_to(version);
      auto& versions = record.sector.versions;
      if (std::find(versions.begin(), versions.end(), version) != versions.end()) continue;
      versions.push_back(std::move(version));
      record.questions.push_back(before.questions[i]);
      if (bytes == &latest) record.questions.back().push_back(question);
    }
  }
}

void CrashStates::for_each_prefix(const MemoryNode& file,
                                  const std::function<void(const Record* changed)>& visit) const {
  const std::size_t size = record_bytes(model_);
  std::map<std::uint64_t, Record> records;
  visit(nullptr);
  for (const OrderedChange& change : changes_) {
    if (change.node != &file || change.data == nullptr) continue;
    const std::uint64_t number = change.data->offset_bytes / size;
    const auto [found, is_new] = records.try_emplace(number);
    if (is_new) {
      const ByteView durable = ByteView(file.durable_content).subspan(number * size);
      const ByteView bytes = durable.first(std::min(size, durable.size()));
      found->second = {{number, {Bytes(bytes.begin(), bytes.end())}}, {{}}};
    }
    change.put_on(found->second, number * size);
    visit(&found->second);
  }
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
        (left->content.size() + allocation_unit_bytes - 1) / allocation_unit_bytes;
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
