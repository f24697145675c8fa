#include "tools/common/metrics.h"

#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "tools/common/output.h"

namespace region_tools {
namespace {

// A metric without further labels than the tool.
std::string gauge(std::string_view name, std::string_view help, const std::string& tool,
                  const std::string& value) {
  return fmt::format(
      "# HELP region_tools_{0} {1}\n# TYPE region_tools_{0} gauge\nregion_tools_{0}"
      "{{tool=\"{2}\"}} {3}\n",
      name, help, tool, value);
}

std::string findings_gauge(const std::string& tool, const FindingCounts& counts) {
  std::string text =
      "# HELP region_tools_findings Findings of the last run.\n"
      "# TYPE region_tools_findings gauge\n";
  const auto add = [&](std::string_view severity, std::uint64_t count) {
    text += fmt::format("region_tools_findings{{tool=\"{}\",severity=\"{}\"}} {}\n", tool, severity,
                        count);
  };
  add("error", counts.errors);
  add("warning", counts.warnings);
  add("note", counts.notes);
  return text;
}

}  // namespace

std::string metrics_text(const std::string& tool, const RunSummary& summary) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view help, const std::string& value) {
    text += gauge(name, help, tool, value);
  };
  add("last_run_timestamp_seconds", "When the last run ended.", std::to_string(std::time(nullptr)));
  add("seconds", "How long it took.", fmt::format("{:.3f}", summary.seconds));
  add("exit_code", "Its exit status.", std::to_string(summary.exit_code));
  add("complete", "Whether everything asked for was looked at and done.",
      summary.complete ? "1" : "0");
  for (const libregion::ReportField& field : summary.fields) {
    if (const auto* value = std::get_if<std::uint64_t>(&field.value)) {
      add(field.name, fmt::format("The member {} of its summary.", field.name),
          std::to_string(*value));
    }
  }
  return text + findings_gauge(tool, summary.findings);
}

void write_metrics(const std::string& path, const std::string& text) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  {
    Output output(temporary);
    output.write(text);
    output.flush();
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return;
  const int errno_value = errno;
  (void)::unlink(temporary.c_str());
  libregion::throw_system_error(errno_value, {"rename", path});
}

}  // namespace region_tools
