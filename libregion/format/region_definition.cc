#include "libregion/format/region_definition.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace libregion {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t database_version = 1;
// Far more than any definition needs, and few enough for functions that call themselves.
constexpr int depth_max = 64;
constexpr std::array<std::string_view, 7> known_members = {
    "block_size", "extent_size",           "extent_count",          "uuid",
    "encrypted",  "database_read_version", "database_write_version"};
constexpr std::array<std::string_view, 2> known_extent_size_members = {"value", "shift"};

// Collects problems while it takes the members apart; every getter returns something, so that all
// members are looked at.
class MemberReader {
 public:
  std::vector<DefinitionProblem> problems;

  void problem(std::string member, std::string expected, std::string found) {
    problems.push_back({std::move(member), std::move(expected), std::move(found)});
  }

  const Json* member(const Json& object, const std::string& name, const std::string& path) {
    const auto found = object.find(name);
    if (found != object.end()) return &*found;
    problem(path, "a value", "no such member");
    return nullptr;
  }

  std::optional<std::uint64_t> number(const Json& object, const std::string& name,
                                      const std::string& path, std::uint64_t maximum) {
    const Json* value = member(object, name, path);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned() && value->get<std::uint64_t>() <= maximum) {
      return value->get<std::uint64_t>();
    }
    problem(path, fmt::format("an integer from 0 to {}", maximum), value_text(*value));
    return std::nullopt;
  }

  static std::string value_text(const Json& value) {
    constexpr std::size_t shown_max = 60;
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > shown_max) text = text.substr(0, shown_max) + "...";
    return text;
  }
};

// What nlohmann would let pass without a word.
struct Oddities {
  std::vector<std::string> duplicates;  // members with one name, of which the last is kept
  bool is_too_deep = false;
};

Json parse_json(std::string_view text, Oddities& oddities) {
  struct Level {
    std::string path;  // of the object, with a dot behind it
    std::set<std::string> names;
    std::string last_path;
  };
  std::vector<Level> levels;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    oddities.is_too_deep |= depth > depth_max;
    if (event == Json::parse_event_t::object_start) {
      const bool is_member = !levels.empty() && !levels.back().last_path.empty();
      levels.push_back({is_member ? levels.back().last_path + "." : "", {}, {}});
    }
    if (event == Json::parse_event_t::object_end) levels.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto name = parsed.get<std::string>();
      levels.back().last_path = levels.back().path + name;
      if (!levels.back().names.insert(name).second) {
        oddities.duplicates.push_back(levels.back().last_path);
      }
    }
    return !oddities.is_too_deep;
  };
  return Json::parse(text, callback, /*allow_exceptions=*/false);
}

std::optional<Geometry> read_geometry(MemberReader& reader, const Json& root) {
  constexpr auto u64_max = std::numeric_limits<std::uint64_t>::max();
  const auto block_size = reader.number(root, "block_size", "block_size", u64_max);
  const Json* extent_size = reader.member(root, "extent_size", "extent_size");
  if (extent_size == nullptr) return std::nullopt;
  if (!extent_size->is_object()) {
    reader.problem("extent_size", "an object with value and shift",
                   MemberReader::value_text(*extent_size));
    return std::nullopt;
  }
  const auto value = reader.number(*extent_size, "value", "extent_size.value", u64_max);
  const auto shift = reader.number(*extent_size, "shift", "extent_size.shift", Geometry::shift_max);
  if (!block_size || !value || !shift) return std::nullopt;

  auto made = Geometry::make(*block_size, *value);
  if (auto* problem = std::get_if<GeometryProblem>(&made)) {
    const bool is_block_size = problem->number == GeometryProblem::Number::block_size;
    reader.problem(is_block_size ? "block_size" : "extent_size.value", problem->expected,
                   problem->found);
    return std::nullopt;
  }
  const Geometry geometry = std::get<Geometry>(made);
  if (geometry.shift() != *shift) {
    reader.problem("extent_size.shift",
                   fmt::format("{}, since block_size is {}", geometry.shift(), *block_size),
                   fmt::format("{}", *shift));
    return std::nullopt;
  }
  return geometry;
}

std::optional<Uuid> read_uuid(MemberReader& reader, const Json& root) {
  const Json* value = reader.member(root, "uuid", "uuid");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    if (const auto uuid = parse_uuid(value->get_ref<const std::string&>())) return uuid;
  }
  reader.problem("uuid", "a UUID with hyphens", MemberReader::value_text(*value));
  return std::nullopt;
}

// Of the generation before both versions came. Before `encrypted` came nothing was encrypted.
bool is_older(const Json& root) {
  return !root.contains("database_read_version") && !root.contains("database_write_version");
}

std::optional<bool> read_encrypted(MemberReader& reader, const Json& root) {
  if (is_older(root) && !root.contains("encrypted")) return false;
  const Json* value = reader.member(root, "encrypted", "encrypted");
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  reader.problem("encrypted", "true or false", MemberReader::value_text(*value));
  return std::nullopt;
}

void check_version(MemberReader& reader, const Json& root, const std::string& name) {
  const auto version = reader.number(root, name, name, std::numeric_limits<std::uint32_t>::max());
  if (version && *version != database_version) {
    reader.problem(name, fmt::format("{}", database_version), fmt::format("{}", *version));
  }
}

void check_versions(MemberReader& reader, const Json& root) {
  if (is_older(root)) return;
  check_version(reader, root, "database_read_version");
  check_version(reader, root, "database_write_version");
}

std::string missing_later_members(const Json& root) {
  if (!is_older(root)) return "";
  return std::string(root.contains("encrypted") ? "" : "encrypted, ") +
         "database_read_version, database_write_version";
}

RegionDefinition::OtherMembers other_members(const Json& object,
                                             std::span<const std::string_view> known) {
  RegionDefinition::OtherMembers others;
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      others.emplace_back(name, value.dump());
    }
  }
  return others;
}

}  // namespace

std::variant<RegionDefinition, std::vector<DefinitionProblem>> parse_region_definition(
    std::string_view text) {
  MemberReader reader;
  if (text.size() > definition_bytes_max) {
    reader.problem("", fmt::format("at most {} bytes", definition_bytes_max),
                   fmt::format("{} bytes", text.size()));
    return reader.problems;
  }
  Oddities oddities;
  const Json root = parse_json(text, oddities);
  if (oddities.is_too_deep) {
    reader.problem("", fmt::format("at most {} levels", depth_max), "more");
    return reader.problems;
  }
  // The parser takes a NUL for the end of the text.
  if (!root.is_object() || text.find('\0') != std::string_view::npos) {
    reader.problem(
        "", "a JSON object",
        root.is_discarded() || root.is_object() ? "text that is not JSON" : root.type_name());
    return reader.problems;
  }
  for (const std::string& name : oddities.duplicates) {
    reader.problem(name, "one member of this name", "two");
  }
  const auto geometry = read_geometry(reader, root);
  const auto extent_count = reader.number(root, "extent_count", "extent_count",
                                          std::numeric_limits<std::uint32_t>::max());
  const auto uuid = read_uuid(reader, root);
  const auto encrypted = read_encrypted(reader, root);
  check_versions(reader, root);
  if (!reader.problems.empty()) return reader.problems;
  return RegionDefinition{*geometry,
                          static_cast<std::uint32_t>(*extent_count),
                          *uuid,
                          *encrypted,
                          other_members(root, known_members),
                          other_members(root["extent_size"], known_extent_size_members),
                          missing_later_members(root)};
}

std::string to_json_text(const RegionDefinition& definition) {
  Json root;
  root["block_size"] = definition.geometry.block_size_bytes();
  root["extent_size"]["value"] = definition.geometry.extent_size_blocks();
  root["extent_size"]["shift"] = definition.geometry.shift();
  for (const auto& [name, value] : definition.other_extent_size_members) {
    root["extent_size"][name] = Json::parse(value);
  }
  root["extent_count"] = definition.extent_count;
  root["uuid"] = to_text(definition.uuid);
  root["encrypted"] = definition.encrypted;
  root["database_read_version"] = database_version;
  root["database_write_version"] = database_version;
  for (const auto& [name, value] : definition.other_members) root[name] = Json::parse(value);
  return root.dump(2) + "\n";
}

}  // namespace libregion
