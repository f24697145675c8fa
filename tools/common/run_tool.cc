#include "tools/common/run_tool.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/text.h"
#include "libregion/format/hash_kernels/block_hashes.h"
#include "libregion/io/paths.h"
#include "tools/common/metrics.h"

namespace region_tools {
namespace {

using libregion::Error;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // it is set in a signal handler

void handle_signal(int number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  (void)::sigaction(number, &action, nullptr);
}

void install_signal_handlers() {
  // A second signal of the kind ends the tool at once; every operation survives that.
  const auto stop = [](int) { stop_requested = true; };
  handle_signal(SIGINT, stop, SA_RESTART | static_cast<int>(SA_RESETHAND));
  handle_signal(SIGTERM, stop, SA_RESTART | static_cast<int>(SA_RESETHAND));
  handle_signal(
      SIGUSR1, [](int) { request_progress_line(); }, SA_RESTART);
  handle_signal(SIGPIPE, SIG_IGN, 0);
  handle_signal(SIGIO, SIG_IGN, 0);  // of broken leases, which are asked after
}

// Were one of them closed, the next file that is opened would take its number, and what is meant
// for a person would be written into it.
void occupy_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) < 0) (void)::open("/dev/null", O_RDWR);
  }
}

// What one extent took the next one takes again. Given back to the system in between, each of its
// pages would be mapped and cleared anew, which costs more than what is done with them.
void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kept_bytes = 8 << 20;
  (void)::mallopt(M_MMAP_THRESHOLD, kept_bytes);
  (void)::mallopt(M_TRIM_THRESHOLD, kept_bytes);
#endif
}

void report_bug(const char* expression, const char* file, int line) {
  (void)std::fprintf(stderr, "region-tools: bug: '%s' does not hold at %s:%d\n", expression, file,
                     line);
  ::_exit(static_cast<int>(ExitCode::bug));
}

void print_message(const std::string& tool, std::string_view severity, const std::string& message) {
  const std::string text =
      fmt::format("{}: {}: {}\n", tool, severity, libregion::printable(message));
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

libregion::PosixOptions posix_options(const CommonOptions& options,
                                      std::optional<libregion::RateLimit>& rate_limit) {
  libregion::PosixOptions posix;
  posix.patience = {options.lock_wait_seconds, &Session::stop_flag()};
  if (options.rate_max) {
    posix.rate_limit = &rate_limit.emplace(require_size("--max-rate", *options.rate_max));
  }
  return posix;
}

// Where the records go.
Output open_output(const CommonOptions& options, const OptionSet& option_set) {
  if (!option_set.product) return Output(options.output);
  return options.report ? Output(*options.report) : Output::to_standard_error();
}

std::unique_ptr<Renderer> make_renderer(const CommonOptions& options, const OptionSet& option_set,
                                        Output& output, Output& frame_output) {
  switch (options.format) {
    case RecordFormat::human: return make_human_renderer(output, options);
    case RecordFormat::json: return make_json_renderer(output, /*as_array=*/true);
    case RecordFormat::jsonl: return make_json_renderer(output, /*as_array=*/false);
    case RecordFormat::csv: break;
  }
  const auto& choose_rows = option_set.choose_csv_rows;
  return make_csv_renderer(output, choose_rows ? choose_rows(options) : CsvRows{},
                           make_json_renderer(frame_output, /*as_array=*/false));
}

// What cannot be looked at is somebody else's to refuse.
bool is_in_region(libregion::FileSystem& file_system, const std::string& region,
                  const std::string& path) {
  try {
    const auto opened = file_system.open_directory(region);
    const auto* root = std::get_if<std::unique_ptr<libregion::Directory>>(&opened);
    return root != nullptr && is_below(file_system, **root, libregion::follow_links(path));
  } catch (const Error&) {
    return false;
  }
}

// Records and numbers must not overwrite a region's own files.
void require_outside(const CommonOptions& options, libregion::FileSystem& file_system,
                     const std::vector<std::string>& regions) {
  for (const std::string& region : regions) {
    for (const auto& path : {std::optional(options.output), options.report, options.metrics}) {
      if (!path || *path == "-" || path->empty()) continue;
      if (!is_in_region(file_system, region, *path)) continue;
      throw Error(libregion::ErrorKind::usage,
                  fmt::format("'{}' is in the directory of the region '{}': write it elsewhere",
                              *path, region));
    }
  }
}

ExitCode run_job(Session& session, const Job& job) {
  const auto start = std::chrono::steady_clock::now();
  auto code = ExitCode::done;
  try {
    code = job(session);
  } catch (const Error& error) {
    session.report_failure(error);
    code = exit_code_of(error.kind());
  }
  const auto duration = std::chrono::steady_clock::now() - start;
  return session.finish(code, std::chrono::duration<double>(duration).count());
}

// Every kernel gives the same hashes: choosing one is for tests and for measuring.
void choose_hash_kernel_of_environment() {
  const char* name = std::getenv("REGION_HASH_KERNEL");
  if (name == nullptr || *name == '\0' || libregion::choose_hash_kernel(name)) return;
  throw Error(
      libregion::ErrorKind::usage,
      fmt::format("REGION_HASH_KERNEL is '{}': this processor has {}", libregion::printable(name),
                  fmt::join(libregion::hash_kernel_names(), ", ")));
}

}  // namespace

Session::Session(std::string tool, const CommonOptions& options, const OptionSet& option_set)
    : tool_(std::move(tool)),
      options_(options),
      takes_whole_regions_(option_set.dry_run),
      only_looks_(!option_set.product && (!option_set.dry_run || options.dry_run)),
      file_system_(posix_options(options, rate_limit_)),
      progress_(options.progress, options.quiet),
      output_(open_output(options, option_set)),
      frame_output_(Output::to_standard_error()),
      renderer_(make_renderer(options, option_set, output_, frame_output_)),
      counting_reporter_(*this) {
  output_.before_write([this] { progress_.hide(); });
  frame_output_.before_write([this] { progress_.hide(); });
}

const std::atomic<bool>& Session::stop_flag() { return stop_requested; }

libregion::WalkOptions Session::walk_options(const libregion::RegionDefinition& definition) const {
  libregion::WalkOptions walk = region_tools::walk_options(options_, definition, stop_requested);
  // Then shares are of regions.
  if (takes_whole_regions_) walk.shard.reset();
  return walk;
}

bool Session::is_of_another_share(const std::string& path) {
  const auto shard = selected_shard(options_);
  if (!shard || !takes_whole_regions_) return false;
  const auto definition = libregion::peek_at_definition(file_system_, path);
  return definition && !shard->has(definition->uuid);
}

void Session::warn(const std::string& message) {
  if (options_.quiet) return;
  output_.flush();
  progress_.hide();
  print_message(tool_, "warning", message);
}

void Session::report_failure(const Error& error, const std::string& region) {
  output_.flush();
  progress_.hide();
  const std::string message = error.what();
  // What an option says that does not fit a region names no file: which region is it?
  const bool lacks_path = error.kind() == libregion::ErrorKind::usage && !region.empty() &&
                          message.find(region) == std::string::npos;
  print_message(tool_, "error", lacks_path ? fmt::format("'{}': {}", region, message) : message);
  require_meta("none");
  renderer_->error(region, error.what());
  // For programs this is a finding as well; people have read it already.
  if (error.kind() == libregion::ErrorKind::not_a_region &&
      options_.format != RecordFormat::human) {
    renderer_->begin_region(region, nullptr, libregion::UseCheck::none);
    counting_reporter_.finding(libregion::Finding{libregion::FindingId::definition_missing});
  }
}

void Session::require_outputs_outside(const std::vector<std::string>& regions) {
  try {
    require_outside(options_, file_system_, regions);
  } catch (const Error&) {
    output_.abandon();
    throw;
  }
}

void Session::begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                           libregion::UseCheck in_use_check) {
  require_meta(std::string(use_check_name(in_use_check)));
  region_counts_ = {};
  renderer_->begin_region(path, definition, in_use_check);
}

void Session::resume_region(const std::string& path, const libregion::RegionDefinition& definition,
                            const FindingCounts& counts) {
  renderer_->resume_region(path, definition);
  region_counts_ = counts;
}

void Session::compare(const ComparisonRecord& record) {
  renderer_->comparison(record);
  stop_if_nobody_reads();
}

void Session::compare(const BlockComparisonRecord& record) {
  renderer_->block_comparison(record);
  stop_if_nobody_reads();
}

void Session::end_region(const Fields& fields, const std::string& text) {
  progress_.hide();
  renderer_->end_region(fields, text, region_counts_);
  add_to_totals(fields);
}

void Session::add_to_totals(const Fields& fields) {
  for (const libregion::ReportField& field : fields) {
    if (!std::holds_alternative<std::uint64_t>(field.value)) continue;
    const auto same = std::find_if(summary_.fields.begin(), summary_.fields.end(),
                                   [&](const auto& total) { return total.name == field.name; });
    if (same == summary_.fields.end()) {
      summary_.fields.push_back(field);
    } else {
      std::get<std::uint64_t>(same->value) += std::get<std::uint64_t>(field.value);
    }
  }
}

ExitCode Session::finish(ExitCode code, double seconds) {
  progress_.hide();
  require_meta("none");
  summary_.seconds = seconds;
  summary_.exit_code = static_cast<int>(code);
  const bool is_done = code == ExitCode::done || code == ExitCode::findings;
  summary_.complete = summary_.complete && is_done;
  if (options_.metrics) {
    try {
      write_metrics(*options_.metrics, metrics_text(tool_, summary_));
    } catch (const Error& error) {
      report_failure(error);
      code = more_serious(code, ExitCode::failed);
      summary_.complete = false;
      summary_.exit_code = static_cast<int>(code);
    }
  }
  renderer_->summary(summary_);
  output_.finish();
  return code;
}

void Session::require_meta(const std::string& in_use_check) {
  if (!has_meta_) renderer_->meta({tool_, in_use_check});
  has_meta_ = true;
}

void Session::CountingReporter::extent(const libregion::ExtentRecord& record) {
  session_.renderer_->extent(record);
  session_.stop_if_nobody_reads();
}

void Session::CountingReporter::block(const libregion::BlockReport& report) {
  session_.renderer_->block(report);
}

void Session::CountingReporter::record(const libregion::OtherRecord& record) {
  session_.renderer_->record(record);
  session_.stop_if_nobody_reads();
}

// A tool that only looks has no reason to go on then.
void Session::stop_if_nobody_reads() {
  if (output_.is_closed() && only_looks_) stop_requested = true;
}

void Session::CountingReporter::finding(const libregion::Finding& finding) {
  session_.region_counts_.add(finding.id);
  session_.summary_.findings.add(finding.id);
  session_.renderer_->finding(finding);
}

bool has_grave_findings(const CommonOptions& options, const FindingCounts& counts) {
  return counts.errors > 0 || (options.strict && counts.warnings > 0);
}

int run_tool(int argc, const char* const* argv, const ToolInfo& info, const OptionSet& option_set,
             const AddOptions& add_options, const Job& job) {
  occupy_standard_descriptors();
  libregion::set_assertion_handler(report_bug);
  install_signal_handlers();
  keep_freed_memory();
  CommandLine line(info);
  CommonOptions options;
  add_options(line);
  add_common_options(line, options, option_set);
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    separate_operand(options, option_set);
    check_common_options(options);
    choose_hash_kernel_of_environment();
    libregion::PosixFileSystem file_system;
    require_outside(options, file_system, options.regions);
    Session session(info.name, options, option_set);
    return static_cast<int>(run_job(session, job));
  } catch (const Error& error) {  // of the options, or of the output itself
    print_message(info.name, "error", error.what());
    return static_cast<int>(exit_code_of(error.kind()));
  } catch (const std::bad_alloc&) {
    print_message(info.name, "error", "out of memory");
    return static_cast<int>(ExitCode::failed);
  } catch (const std::exception& error) {
    print_message(info.name, "bug", error.what());
    return static_cast<int>(ExitCode::bug);
  }
}

std::optional<libregion::Region> open_and_begin(Session& session, const std::string& path,
                                                const libregion::UseOptions& use) {
  auto opened = libregion::open_region(session.file_system(), path, use);
  if (opened.region) {
    session.begin_region(path, &opened.region->definition, opened.region->use->check());
  } else {
    session.begin_region(path, nullptr, libregion::UseCheck::none);
  }
  for (const libregion::Finding& finding : opened.findings) session.reporter().finding(finding);
  if (opened.region) return std::move(opened.region);
  session.set_incomplete();
  session.end_region({}, "not a region that can be used: " + counts_text(session.region_counts()));
  return std::nullopt;
}

ExitCode for_each_region(Session& session, const libregion::UseOptions& use, const RegionJob& job) {
  auto code = ExitCode::done;
  const std::vector<std::string> paths = region_paths(session.options(), Session::stop_flag());
  session.require_outputs_outside(paths);
  for (const std::string& path : paths) {
    if (Session::stop_flag()) return more_serious(code, ExitCode::stopped);
    try {
      if (session.is_of_another_share(path)) continue;
      const auto region = open_and_begin(session, path, use);
      code = more_serious(code, region ? job(*region) : ExitCode::not_a_region);
    } catch (const Error& error) {
      session.report_failure(error, path);
      session.set_incomplete();
      code = more_serious(code, exit_code_of(error.kind()));
    }
  }
  return code;
}

}  // namespace region_tools
