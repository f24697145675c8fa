#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "tools/common/block_text.h"
#include "tools/common/renderer.h"

namespace region_tools {
namespace {

using libregion::ExtentRecord;
using libregion::Finding;
using libregion::finding_info;
using libregion::printable;
using libregion::ReportField;
using libregion::Severity;

std::string_view color_of(Severity severity) {
  switch (severity) {
    case Severity::error: return "\033[1;31m";
    case Severity::warning: return "\033[1;33m";
    case Severity::note: break;
  }
  return "\033[1;36m";
}

std::string field_text(const ReportField& field) {
  std::string name(field.name);
  std::replace(name.begin(), name.end(), '_', ' ');
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? name : "";
  if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
    return fmt::format("{} {}", name, *number);
  }
  const auto* owned = std::get_if<std::string>(&field.value);
  const std::string_view text = owned != nullptr ? *owned : std::get<std::string_view>(field.value);
  return name == "action" ? std::string(text) : fmt::format("{} {}", name, text);
}

class HumanRenderer : public Renderer {
 public:
  HumanRenderer(Output& output, const CommonOptions& options)
      : output_(output), options_(options), uses_color_(wants_color(options.color, output)) {}

  void meta(const RunMeta& /*meta*/) override {}

  void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                    libregion::UseCheck /*in_use_check*/) override {
    path_ = printable(path);
    if (!options_.verbose || definition == nullptr) return;
    output_.write(fmt::format("{}: {}\n", path_, describe_region(*definition)));
  }

  void resume_region(const std::string& path,
                     const libregion::RegionDefinition& /*definition*/) override {
    path_ = printable(path);
  }

  void extent(const ExtentRecord& record) override {
    if (!options_.verbose) return;
    std::string text = fmt::format("{}: extent {} ({}): {}", path_, record.extent.value,
                                   record.file, record.format);
    if (record.metadata) {
      text += fmt::format(" gen {} flush {}{}", record.metadata->gen_number,
                          record.metadata->flush_number, record.metadata->dirty ? " dirty" : "");
    }
    for (const ReportField& field : record.fields) {
      const std::string value = field_text(field);
      if (!value.empty()) text += ", " + value;
    }
    output_.write(text + "\n");
  }

  void finding(const Finding& finding) override {
    const libregion::FindingInfo& info = finding_info(finding.id);
    if (info.severity == Severity::note && !options_.verbose) return;
    if (info.severity != Severity::error && options_.quiet) return;
    output_.write(fmt::format("{}: {}: {}{} [{}]\n{}", path_, severity_text(info.severity),
                              place_text(finding), info.message, info.name, details_text(finding)));
  }

  void block(const libregion::BlockReport& report) override {
    output_.write(path_ + ": " + block_text(report));
  }

  void record(const libregion::OtherRecord& record) override { output_.write(record.text); }

  void end_region(const Fields& /*fields*/, const std::string& text,
                  const FindingCounts& counts) override {
    if (options_.quiet) return;
    output_.write(fmt::format("{}: {}\n", path_, text));
    for (const auto& [id, count] : counts.by_id) {
      const libregion::FindingInfo& info = finding_info(id);
      if (info.severity == Severity::note && !options_.verbose) continue;
      output_.write(fmt::format("  {} x {}: {}\n", count, info.name, info.remedy));
    }
  }

  void error(const std::string& /*region*/, const std::string& /*message*/) override {}

  void summary(const RunSummary& /*summary*/) override { output_.flush(); }

 private:
  [[nodiscard]] std::string severity_text(Severity severity) const {
    const std::string_view name = severity_name(severity);
    return uses_color_ ? fmt::format("{}{}\033[0m", color_of(severity), name) : std::string(name);
  }

  static std::string place_text(const Finding& finding) {
    const std::string file = printable(finding.file);
    if (!finding.extent) return file.empty() ? "" : file + ": ";
    std::string text = fmt::format("extent {} ({})", finding.extent->value, file);
    if (finding.blocks && finding.blocks->count == 1) {
      text += fmt::format(" block {}", finding.blocks->first);
    } else if (finding.blocks) {
      text += fmt::format(" blocks {}-{}", finding.blocks->first, finding.blocks->end() - 1);
    }
    return text + ": ";
  }

  static std::string details_text(const Finding& finding) {
    std::string text;
    if (!finding.expected.empty()) text += "expected " + finding.expected;
    if (!finding.found.empty()) text += (text.empty() ? "found " : ", found ") + finding.found;
    if (finding.offset_bytes) {
      text += fmt::format("{}at byte {}", text.empty() ? "" : "; ", *finding.offset_bytes);
      if (finding.length_bytes > 0) text += " + " + std::to_string(finding.length_bytes);
    }
    return text.empty() ? "" : "    " + text + "\n";
  }

  Output& output_;
  const CommonOptions& options_;
  bool uses_color_;
  std::string path_;
};

}  // namespace

bool wants_color(When color, const Output& output) {
  if (color != When::automatic) return color == When::always;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  return output.is_terminal() && !is_dumb && (no_color == nullptr || *no_color == '\0');
}

void FindingCounts::add(libregion::FindingId id) {
  ++by_id[id];
  switch (finding_info(id).severity) {
    case Severity::error: ++errors; break;
    case Severity::warning: ++warnings; break;
    case Severity::note: ++notes; break;
  }
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string describe_region(const libregion::RegionDefinition& definition) {
  const libregion::Geometry& geometry = definition.geometry;
  return fmt::format("{}, {} of {} of {} bytes = {}{}", to_text(definition.uuid),
                     plural(definition.extent_count, "extent"),
                     plural(geometry.extent_size_blocks(), "block"), geometry.block_size_bytes(),
                     libregion::human_size(definition.block_count() * geometry.block_size_bytes()),
                     definition.encrypted ? ", encrypted" : "");
}

std::string counts_text(const FindingCounts& counts) {
  if (counts.by_id.empty()) return "nothing wrong";
  return fmt::format("{}, {}, {}", plural(counts.errors, "error"),
                     plural(counts.warnings, "warning"), plural(counts.notes, "note"));
}

std::unique_ptr<Renderer> make_human_renderer(Output& output, const CommonOptions& options) {
  return std::make_unique<HumanRenderer>(output, options);
}

}  // namespace region_tools
