// region.json, and the names of what is in a region: what is accepted is written, and read again,
// as it was.

#include "libregion/base/text.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/region_definition.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/peak_memory.h"

namespace libregion {
namespace {

constexpr std::size_t memory_bytes_max = std::size_t{16} << 20;

void check_definition(const std::string& text) {
  const PeakMemory memory;
  const auto parsed = parse_region_definition(text);
  require(memory.bytes() <= text.size() + memory_bytes_max, "memory is bounded by the input");
  const auto* definition = std::get_if<RegionDefinition>(&parsed);
  if (definition == nullptr) {
    require(!std::get<std::vector<DefinitionProblem>>(parsed).empty(), "a problem is told");
    return;
  }
  const auto again = parse_region_definition(to_json_text(*definition));
  require(std::holds_alternative<RegionDefinition>(again), "what is written can be read");
  require(std::get<RegionDefinition>(again) == *definition, "and is the same");
}

void check_name(const std::string& name) {
  const auto parsed = parse_extent_name(LeafId{}, name);
  if (!parsed) return;
  require(extent_file_name(parsed->extent, parsed->part) == name, "a name is built as it was");
}

}  // namespace
}  // namespace libregion

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::string text = libregion::to_text(libregion::fuzz_input(data, size_bytes));
  libregion::check_definition(text);
  libregion::check_name(text.substr(0, 32));
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size_bytes,
                                    std::size_t size_bytes_max, unsigned) {
  return LLVMFuzzerMutate(data, size_bytes, size_bytes_max);
}
