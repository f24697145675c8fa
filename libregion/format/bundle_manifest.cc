#include "libregion/format/bundle_manifest.h"

#include <nlohmann/json.hpp>

#include "libregion/base/text.h"

namespace libregion {

std::string to_json_text(const BundleManifest& manifest) {
  const RegionDefinition& definition = manifest.definition;
  nlohmann::ordered_json json;
  json["bundle"] = bundle_format;
  json["tool"] = manifest.tool;
  json["tool_version"] = manifest.tool_version;
  json["uuid"] = to_text(definition.uuid);
  json["block_size"] = definition.geometry.block_size_bytes();
  json["extent_size"] = definition.geometry.extent_size_blocks();
  json["extent_count"] = definition.extent_count;
  json["encrypted"] = definition.encrypted;
  json["blinded"] = nlohmann::ordered_json::array();
  if (manifest.is_blinded) json["blinded"] = {"nonce", "tag"};
  json["left_out"] = {"data"};
  return json.dump(2) + "\n";
}

std::string found_bundle_format(std::string_view text) {
  constexpr std::size_t shown_max = 32;
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "no JSON object";
  const auto number = json.find("bundle");
  if (number == json.end()) return "no member 'bundle'";
  if (number->is_number_unsigned()) return std::to_string(number->get<std::uint64_t>());
  using ErrorHandler = nlohmann::json::error_handler_t;
  return printable(number->dump(-1, ' ', false, ErrorHandler::replace).substr(0, shown_max));
}

}  // namespace libregion
