#include "tests/crash/replay_line.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "tests/crash/extent_protocols.h"
#include "tests/crash/region_protocols.h"
#include "tests/crash/service_crasher.h"

namespace libregion {
namespace {

template <class Values, class Name>
auto named(const Values& values, Name name_of, const std::string& name) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](const auto& value) { return name_of(value) == name; });
  if (found == values.end()) throw std::runtime_error("there is no " + name);
  return *found;
}

Geometry geometry_named(const std::string& text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string::npos) throw std::runtime_error("expected 16x512, found " + text);
  const auto made = Geometry::make(std::stoul(text.substr(cross + 1)), std::stoul(text));
  const auto* geometry = std::get_if<Geometry>(&made);
  if (geometry == nullptr) throw std::runtime_error("there is no extent of " + text);
  return *geometry;
}

template <class Steps, class Name>
void parse_steps(const std::string& text, const Steps& all, Name name_of, auto& steps) {
  std::istringstream words(text);
  for (std::string step; std::getline(words, step, ',');) {
    steps.push_back(named(all, name_of, step));
  }
  if (steps.empty()) throw std::runtime_error("there are no steps");
}

ExtentCrasher::Place parse_place(const std::map<std::string, std::string>& line) {
  return {named(crash_models, crash_model_name, line.at("model")), std::stoull(line.at("call")),
          line.at("state")};
}

std::string replay_extent(const std::map<std::string, std::string>& line) {
  ExtentWorkload workload{geometry_named(line.at("blocks")),
                          named(extent_starts, extent_start_name, line.at("start")),
                          {}};
  parse_steps(line.at("steps"), extent_steps, extent_step_name, workload.steps);
  const ExtentCrasher::Place place = parse_place(line);
  ExtentCrasher crasher(workload.geometry);
  return crasher.look_at(workload, protocol_named(line.at("protocol")), {{place.model}, 1}, place);
}

std::string replay_service(const std::map<std::string, std::string>& line) {
  const auto extent_count = static_cast<std::uint32_t>(std::stoul(line.at("extents")));
  ServiceWorkload workload{{geometry_named(line.at("blocks")), extent_count},
                           named(extent_starts, extent_start_name, line.at("start")),
                           {}};
  parse_steps(line.at("steps"), service_steps, service_step_name, workload.steps);
  const ExtentProtocol protocol = protocol_named(line.at("protocol"));
  std::optional<std::uint32_t> extent;
  if (line.count("extent") != 0) {
    extent = static_cast<std::uint32_t>(std::stoul(line.at("extent")));
  }
  return ServiceCrasher(workload.shape.geometry)
      .look_at(workload, protocol, parse_place(line), extent);
}

std::string replay_region(const std::map<std::string, std::string>& line) {
  RegionWorkload workload{geometry_named(line.at("blocks")),
                          named(region_starts, region_start_name, line.at("start")),
                          {}};
  parse_steps(line.at("steps"), region_steps, region_step_name, workload.steps);
  const RegionProtocol protocol = region_protocol_named(line.at("protocol"), workload.geometry);
  const ExtentCrasher::Place place = parse_place(line);
  const std::string problem =
      RegionCrasher(workload, protocol, {{place.model}, 0, 0}).look_at(place);
  if (!problem.empty()) return problem;
  return RegionCrasher(workload, protocol, {{place.model}, 0, 1}).look_at(place);
}

}  // namespace

std::map<std::string, std::string> parse_line(const std::string& line) {
  std::map<std::string, std::string> values;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const std::size_t sign = word.find('=');
    const bool has_name = sign != std::string::npos;
    values[has_name ? word.substr(0, sign) : ""] = has_name ? word.substr(sign + 1) : word;
  }
  return values;
}

std::string replay(const std::string& line) {
  const auto values = parse_line(line);
  try {
    if (values.at("") == "extent") return replay_extent(values);
    if (values.at("") == "service") return replay_service(values);
    if (values.at("") == "region") return replay_region(values);
  } catch (const std::logic_error&) {
    throw std::runtime_error("a part of the line is missing, or no number");
  }
  throw std::runtime_error("expected a line that begins with 'extent', 'service' or 'region'");
}

}  // namespace libregion
