#include <chrono>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tools/common/block_text.h"
#include "tools/common/json_line.h"
#include "tools/common/record_rows.h"
#include "tools/common/version.h"

namespace region_tools {
namespace {

using libregion::ExtentRecord;
using libregion::Finding;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

void add_counts(JsonLine& line, const FindingCounts& counts) {
  line.begin_object("findings");
  line.add("error", counts.errors);
  line.add("warning", counts.warnings);
  line.add("note", counts.notes);
  line.end_object();
}

void add_compared_block(JsonLine& line, const BlockComparisonRecord& record, std::size_t side) {
  const libregion::ReplicaBlock& block = record.comparison.replicas[side];
  line.add("state", block_state_name(block.state));
  if (!block.has_data()) return;
  line.add("data", std::string_view(&record.comparison.letters[side], 1));
  std::string content;
  append_block_content_json(content, block_report(record, side));
  line.add_members(content);
}

// JSON lines, or the same records as one array.
class JsonRenderer : public Renderer {
 public:
  JsonRenderer(Output& output, bool as_array) : output_(output), as_array_(as_array) {}

  void meta(const RunMeta& meta) override {
    JsonLine line("meta");
    line.add("schema", meta.tool + "/1");
    line.add("tool", meta.tool);
    line.add("version", tools_version);
    line.add("host", host_name());
    line.add("start", utc_now());
    line.add("in_use_check", meta.in_use_check);
    write(line);
  }

  void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                    libregion::UseCheck in_use_check) override {
    region_ = {path, {}};
    block_prefix_.clear();
    if (definition == nullptr) return;
    resume_region(path, *definition);
    JsonLine line = begin("region");
    line.add("block_size", definition->geometry.block_size_bytes());
    line.add("extent_size", definition->geometry.extent_size_blocks());
    line.add("extent_count", std::uint64_t{definition->extent_count});
    line.add("encrypted", definition->encrypted);
    line.add("in_use_check", use_check_name(in_use_check));
    write(line);
  }

  void resume_region(const std::string& path,
                     const libregion::RegionDefinition& definition) override {
    region_ = {path, to_text(definition.uuid), definition.geometry};
    block_prefix_.clear();
  }

  void comparison(const ComparisonRecord& record) override {
    JsonLine line("comparison");
    line.add("what", record.what);
    if (record.extent) {
      line.add("extent", std::uint64_t{record.extent->value});
      line.add("file", extent_path(*record.extent));
    }
    line.add("equal", record.different.empty());
    line.begin_array("different");
    for (const std::string_view name : record.different) line.add_element(name);
    line.end_array();
    line.begin_array("replicas");
    for (const ComparisonRecord::Side& side : record.sides) {
      line.begin_element();
      line.add_path("region", side.path);
      line.add("uuid", side.uuid);
      add_fields(line, side.fields);
      line.end_object();
    }
    line.end_array();
    write(line);
  }

  void block_comparison(const BlockComparisonRecord& record) override {
    const libregion::BlockComparison& comparison = record.comparison;
    JsonLine line("comparison");
    line.add("what", "blocks");
    line.add("extent", std::uint64_t{comparison.extent.value});
    line.add("file", extent_path(comparison.extent));
    line.add("first_block", comparison.blocks.first);
    line.add("last_block", comparison.blocks.end() - 1);
    line.add("region_block", record.region_block);
    line.add("equal", !comparison.differs());
    line.begin_array("different");
    if (comparison.data_differs) line.add_element("data");
    if (comparison.context_differs) line.add_element("context");
    if (comparison.state_differs) line.add_element("state");
    line.end_array();
    line.begin_array("replicas");
    for (std::size_t i = 0; i < record.sides.size(); ++i) {
      line.begin_element();
      line.add_path("region", record.sides[i].path);
      line.add("uuid", record.sides[i].uuid);
      add_compared_block(line, record, i);
      line.end_object();
    }
    line.end_array();
    write(line);
  }

  void extent(const ExtentRecord& record) override {
    JsonLine line = begin("extent");
    add_extent_members(line, record);
    write(line);
  }

  void finding(const Finding& finding) override {
    JsonLine line = begin("finding");
    add_finding_members(line, finding, region_);
    write(line);
  }

  void block(const libregion::BlockReport& report) override {
    if (block_prefix_.empty() || block_extent_ != report.extent) {
      JsonLine line = begin("block");
      line.add("extent", std::uint64_t{report.extent.value});
      line.add("file", report.file);
      block_prefix_ = line.unfinished();
      block_extent_ = report.extent;
    }
    block_line_ = block_prefix_;
    append_block_json(block_line_, report);
    block_line_ += '\n';
    write(block_line_);
  }

  void record(const libregion::OtherRecord& record) override {
    JsonLine line = begin(record.type);
    add_other_members(line, record);
    write(line);
  }

  void end_region(const Fields& fields, const std::string& /*text*/,
                  const FindingCounts& counts) override {
    JsonLine line = begin("region_summary");
    add_fields(line, fields);
    add_counts(line, counts);
    write(line);
  }

  void error(const std::string& region, const std::string& message) override {
    JsonLine line("error");
    if (!region.empty()) line.add_path("region", region);
    line.add("message", message);
    write(line);
  }

  void summary(const RunSummary& summary) override {
    JsonLine line("summary");
    add_fields(line, summary.fields);
    add_counts(line, summary.findings);
    line.add_seconds("seconds", summary.seconds);
    line.add("complete", summary.complete);
    line.add("exit_code", static_cast<std::uint64_t>(summary.exit_code));
    write(line);
    if (as_array_) output_.write("\n]\n");
    output_.flush();
  }

 private:
  [[nodiscard]] JsonLine begin(std::string_view type) const {
    JsonLine line(type);
    add_region(line, region_);
    return line;
  }

  void write(JsonLine& line) { write(line.finish()); }
  void write(std::string_view line) {
    if (as_array_) {
      output_.write(is_first_ ? "[\n" : ",\n");
      line.remove_suffix(1);
    }
    is_first_ = false;
    output_.write(line);
  }

  Output& output_;
  bool as_array_;
  bool is_first_ = true;
  RegionContext region_;
  // What the records of an extent's blocks begin with, and the line in hand.
  std::string block_prefix_;
  libregion::ExtentId block_extent_;
  std::string block_line_;
};

}  // namespace

std::unique_ptr<Renderer> make_json_renderer(Output& output, bool as_array) {
  return std::make_unique<JsonRenderer>(output, as_array);
}

}  // namespace region_tools
