#include "libregion/extent/extent_file.h"

namespace libregion {

Finding refusal_finding(const Refusal& refusal, ExtentId extent, ExtentPart part) {
  FindingId id = FindingId::not_a_regular_file;
  if (refusal.reason == Refusal::Reason::several_links) id = FindingId::several_links;
  if (refusal.reason == Refusal::Reason::missing) id = FindingId::missing_extent;
  Finding finding{id, extent, extent_path(extent, part)};
  finding.expected = "a regular file with one name";
  finding.found = refusal.found;
  return finding;
}

std::unique_ptr<File> open_extent_file(const Directory& leaf, ExtentId extent, ExtentPart part,
                                       Access access, const FileClaim& claim,
                                       std::vector<Finding>& findings) {
  auto opened = leaf.open_file(extent_file_name(extent, part), access);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) {
    findings.push_back(refusal_finding(*refusal, extent, part));
    return nullptr;
  }
  auto file = std::move(std::get<std::unique_ptr<File>>(opened));
  claim(*file);
  return file;
}

}  // namespace libregion
