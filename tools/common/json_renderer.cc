#include <chrono>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tools/common/json_line.h"
#include "tools/common/renderer.h"
#include "tools/common/version.h"

namespace region_tools {
namespace {

using libregion::ExtentRecord;
using libregion::Finding;
using libregion::ReportField;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

void add_fields(JsonLine& line, const Fields& fields) {
  for (const ReportField& field : fields) {
    std::visit([&](const auto& value) { line.add(field.name, value); }, field.value);
  }
}

void add_counts(JsonLine& line, const FindingCounts& counts) {
  line.begin_object("findings");
  line.add("error", counts.errors);
  line.add("warning", counts.warnings);
  line.add("note", counts.notes);
  line.end_object();
}

class JsonRenderer : public Renderer {
 public:
  explicit JsonRenderer(Output& output) : output_(output) {}

  void meta(const RunMeta& meta) override {
    JsonLine line("meta");
    line.add("schema", meta.tool + "/1");
    line.add("tool", meta.tool);
    line.add("version", tools_version);
    line.add("host", host_name());
    line.add("start", utc_now());
    line.add("in_use_check", meta.in_use_check);
    output_.write(line.finish());
  }

  void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                    libregion::UseCheck in_use_check) override {
    path_ = path;
    definition_.reset();
    if (definition == nullptr) return;
    definition_ = *definition;
    JsonLine line = begin("region");
    line.add("block_size", definition_->geometry.block_size_bytes());
    line.add("extent_size", definition_->geometry.extent_size_blocks());
    line.add("extent_count", std::uint64_t{definition_->extent_count});
    line.add("encrypted", definition_->encrypted);
    line.add("in_use_check", use_check_name(in_use_check));
    output_.write(line.finish());
  }

  void extent(const ExtentRecord& record) override {
    JsonLine line = begin("extent");
    line.add("extent", std::uint64_t{record.extent.value});
    line.add("file", record.file);
    line.add("format", record.format);
    if (record.metadata) {
      line.add("ext_version", std::uint64_t{record.metadata->ext_version});
      line.add("gen_number", record.metadata->gen_number);
      line.add("flush_number", record.metadata->flush_number);
      line.add("dirty", record.metadata->dirty);
      line.add("bonus_sync_count", std::uint64_t{record.metadata->bonus_sync_count});
      line.add("defrag_count", std::uint64_t{record.metadata->defrag_count});
    }
    add_fields(line, record.fields);
    output_.write(line.finish());
  }

  void finding(const Finding& finding) override {
    const libregion::FindingInfo& info = finding_info(finding.id);
    JsonLine line = begin("finding");
    line.add("id", info.name);
    line.add("severity", severity_name(info.severity));
    if (finding.extent) line.add("extent", std::uint64_t{finding.extent->value});
    if (!finding.file.empty()) line.add_path("file", finding.file);
    if (finding.blocks) {
      line.add("first_block", finding.blocks->first);
      line.add("last_block", finding.blocks->end() - 1);
      line.add("region_block",
               definition_->geometry.region_block(*finding.extent, finding.blocks->first));
    }
    if (finding.offset_bytes) {
      line.add("offset", *finding.offset_bytes);
      line.add("length", finding.length_bytes);
    }
    if (!finding.expected.empty()) line.add("expected", finding.expected);
    if (!finding.found.empty()) line.add("found", finding.found);
    line.add("message", info.message);
    line.add("remedy", info.remedy);
    output_.write(line.finish());
  }

  void end_region(const Fields& fields, const std::string& /*text*/,
                  const FindingCounts& counts) override {
    JsonLine line = begin("region_summary");
    add_fields(line, fields);
    add_counts(line, counts);
    output_.write(line.finish());
  }

  void error(const std::string& region, const std::string& message) override {
    JsonLine line("error");
    if (!region.empty()) line.add_path("region", region);
    line.add("message", message);
    output_.write(line.finish());
  }

  void summary(const RunSummary& summary) override {
    JsonLine line("summary");
    add_fields(line, summary.fields);
    add_counts(line, summary.findings);
    line.add_seconds("seconds", summary.seconds);
    line.add("complete", summary.complete);
    line.add("exit_code", static_cast<std::uint64_t>(summary.exit_code));
    output_.write(line.finish());
    output_.flush();
  }

 private:
  [[nodiscard]] JsonLine begin(std::string_view type) const {
    JsonLine line(type);
    line.add_path("region", path_);
    if (definition_) line.add("uuid", to_text(definition_->uuid));
    return line;
  }

  Output& output_;
  std::string path_;
  std::optional<libregion::RegionDefinition> definition_;
};

}  // namespace

std::unique_ptr<Renderer> make_json_renderer(Output& output) {
  return std::make_unique<JsonRenderer>(output);
}

}  // namespace region_tools
