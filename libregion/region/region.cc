#include "libregion/region/region.h"

#include <functional>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"

namespace libregion {
namespace {

Finding definition_finding(FindingId id, std::string expected, std::string_view found) {
  Finding finding{id};
  finding.file = definition_name;
  finding.expected = std::move(expected);
  finding.found = printable(found);
  return finding;
}

std::string with_member(const std::string& member, const std::string& text) {
  return member.empty() ? text : fmt::format("{}: {}", printable(member), text);
}

std::unique_ptr<Directory> open_root(FileSystem& file_system, const std::string& path) {
  auto opened = file_system.open_directory(path);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    throw Error(
        ErrorKind::not_a_region,
        describe_failure({"open", path}, "expected a region's directory, found " + refusal->found));
  }
  return std::move(std::get<std::unique_ptr<Directory>>(opened));
}

// The text of region.json, or what stands in its way. `see_file` is called before it is read.
std::variant<std::string, Finding> read_definition_text(
    const Directory& root, const std::function<void(File&)>& see_file) {
  auto opened = root.open_file(definition_name, Access::read);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    const bool is_missing = refusal->reason == Refusal::Reason::missing;
    return definition_finding(
        is_missing ? FindingId::definition_missing : FindingId::definition_invalid,
        "a regular file with one name", refusal->found);
  }
  auto& file = std::get<std::unique_ptr<File>>(opened);
  see_file(*file);
  // One byte more than is accepted, so that a file that is too long shows.
  Bytes text(definition_bytes_max + 1);
  text.resize(file->read_up_to(0, text));
  return to_text(ByteView(text));
}

}  // namespace

std::optional<RegionDefinition> peek_at_definition(FileSystem& file_system,
                                                   const std::string& path) {
  const auto text = read_definition_text(*open_root(file_system, path), [](File&) {});
  if (!std::holds_alternative<std::string>(text)) return std::nullopt;
  auto parsed = parse_region_definition(std::get<std::string>(text));
  if (!std::holds_alternative<RegionDefinition>(parsed)) return std::nullopt;
  return std::get<RegionDefinition>(std::move(parsed));
}

OpenedRegion open_region(FileSystem& file_system, const std::string& path,
                         const UseOptions& options) {
  OpenedRegion opened;
  auto root = open_root(file_system, path);
  auto use = std::make_unique<RegionUse>(file_system, *root, options);
  auto text = read_definition_text(*root, [&](File& file) { use->choose_check(file); });
  if (auto* finding = std::get_if<Finding>(&text)) {
    opened.findings.push_back(std::move(*finding));
    return opened;
  }
  auto parsed = parse_region_definition(std::get<std::string>(text));
  if (auto* problems = std::get_if<std::vector<DefinitionProblem>>(&parsed)) {
    for (const DefinitionProblem& problem : *problems) {
      opened.findings.push_back(definition_finding(FindingId::definition_invalid,
                                                   with_member(problem.member, problem.expected),
                                                   problem.found));
    }
    return opened;
  }
  auto& definition = std::get<RegionDefinition>(parsed);
  for (const auto& [name, value] : definition.other_members) {
    opened.findings.push_back(definition_finding(FindingId::definition_unknown_member, "", name));
  }
  if (!definition.older_without.empty()) {
    const bool is_for_reading = options.access == Access::read && !options.refuses_older;
    opened.findings.push_back(
        definition_finding(is_for_reading ? FindingId::definition_older : FindingId::older_in_place,
                           "", "no " + definition.older_without));
    if (!is_for_reading) return opened;
  }
  opened.region = Region{path, std::move(definition), std::move(root), std::move(use)};
  return opened;
}

}  // namespace libregion
