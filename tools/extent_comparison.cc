#include "tools/extent_comparison.h"

namespace region_tools {
namespace {

using libregion::DumpRow;
using libregion::ReplicaExtent;
using libregion::ReplicaState;

std::string_view state_name(ReplicaState state) {
  switch (state) {
    case ReplicaState::present: return "present";
    case ReplicaState::unreadable: return "unreadable";
    case ReplicaState::missing: break;
  }
  return "missing";
}

// What differs, by the names that records use.
std::vector<std::string_view> names_of_differences(const DumpRow& row) {
  std::vector<std::string_view> names;
  if (row.gen_number_differs) names.push_back("gen_number");
  if (row.flush_number_differs) names.push_back("flush_number");
  if (row.dirty_differs) names.push_back("dirty");
  if (row.format_differs) names.push_back("format");
  if (row.state_differs) names.push_back("state");
  return names;
}

Fields fields_of(const ReplicaExtent& replica) {
  Fields fields = {{"state", state_name(replica.state)}, {"format", replica.format}};
  if (!replica.metadata) return fields;
  fields.push_back({"gen_number", replica.metadata->gen_number});
  fields.push_back({"flush_number", replica.metadata->flush_number});
  fields.push_back({"dirty", replica.metadata->dirty});
  return fields;
}

}  // namespace

ComparisonRecord extent_comparison(const DumpRow& row, std::vector<ComparisonRecord::Side> sides) {
  ComparisonRecord record{"extent"};
  record.extent = row.extent;
  record.different = names_of_differences(row);
  record.sides = std::move(sides);
  for (std::size_t i = 0; i < record.sides.size(); ++i) {
    record.sides[i].fields = fields_of(row.replicas[i]);
  }
  return record;
}

}  // namespace region_tools
