// The text of a region.json whose members a test sets, removes and adds one by one.

#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace libregion {

class DefinitionText {
 public:
  // `json` is the JSON text of the member's value.
  DefinitionText& set(const std::string& name, std::string json) {
    find(name)->second = std::move(json);
    return *this;
  }
  DefinitionText& remove(const std::string& name) {
    members_.erase(find(name));
    return *this;
  }
  // At the end, whether or not there is one of this name.
  DefinitionText& add(std::string name, std::string json) {
    members_.emplace_back(std::move(name), std::move(json));
    return *this;
  }

  [[nodiscard]] std::string text() const {
    std::string text = "{";
    for (const auto& [name, json] : members_) {
      if (text.size() > 1) text += ",";
      text += "\n  \"";
      text += name;
      text += "\": ";
      text += json;
    }
    return text + "\n}\n";
  }

 private:
  using Members = std::vector<std::pair<std::string, std::string>>;

  Members::iterator find(const std::string& name) {
    return std::find_if(members_.begin(), members_.end(),
                        [&](const auto& member) { return member.first == name; });
  }

  Members members_ = {
      {"block_size", "4096"},         {"extent_size", R"({ "value": 16384, "shift": 12 })"},
      {"extent_count", "2048"},       {"uuid", "\"02b5a561-2d09-4a9b-8ac0-34d2ef61e592\""},
      {"encrypted", "false"},         {"database_read_version", "1"},
      {"database_write_version", "1"}};
};

}  // namespace libregion
