#include "tools/common/terminal_progress.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "tools/common/json_line.h"

namespace region_tools {
namespace {

constexpr std::chrono::milliseconds redraw_interval(100);
constexpr std::chrono::seconds json_interval(1);
constexpr std::size_t bar_columns = 24;

std::atomic<bool> line_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // it is set in a signal handler

void print(std::string_view text) {
  // A progress that cannot be shown must not disturb the job.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

std::size_t terminal_columns() {
  constexpr std::size_t usual_columns = 80;
  struct winsize size {};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : usual_columns;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

}  // namespace

void request_progress_line() { line_requested = true; }

TerminalProgress::TerminalProgress(ProgressStyle style, bool quiet) : style_(style) {
  if (style == ProgressStyle::automatic) {
    const bool show = ::isatty(STDERR_FILENO) == 1 && !quiet;
    style_ = show ? ProgressStyle::always : ProgressStyle::never;
  }
}

TerminalProgress::~TerminalProgress() { hide(); }

void TerminalProgress::start(std::uint64_t extent_count, std::uint64_t total_bytes) {
  const std::lock_guard lock(mutex_);
  extent_total_ = extent_count;
  total_bytes_ = total_bytes;
  extents_done_ = 0;
  done_bytes_ = 0;
  started_ = Clock::now();
  drawn_ = started_;
}

void TerminalProgress::advance(std::uint64_t extent_count, std::uint64_t done_bytes) {
  const std::lock_guard lock(mutex_);
  extents_done_ += extent_count;
  done_bytes_ += done_bytes;
  const auto now = Clock::now();
  if (line_requested.exchange(false)) print(describe(now, Detail::plain) + "\n");
  if (style_ == ProgressStyle::always && now - drawn_ >= redraw_interval) draw(now);
  if (style_ == ProgressStyle::json && now - drawn_ >= json_interval) draw(now);
}

void TerminalProgress::hide() {
  const std::lock_guard lock(mutex_);
  if (is_shown_) print("\r\033[K");
  is_shown_ = false;
}

void TerminalProgress::draw(Clock::time_point now) {
  drawn_ = now;
  if (style_ == ProgressStyle::json) {
    print(describe_as_json(now));
    return;
  }
  // A line that wraps could not be taken off the screen again.
  const std::size_t columns = terminal_columns() - 1;
  std::string text = describe(now, Detail::with_bar);
  if (text.size() > columns) text = describe(now, Detail::plain);
  if (text.size() > columns) text = describe(now, Detail::short_text).substr(0, columns);
  print("\r" + text + "\033[K");
  is_shown_ = true;
}

double TerminalProgress::share_done() const {
  const auto share = [](std::uint64_t done, std::uint64_t total) {
    return std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  };
  if (total_bytes_ > 0) return share(done_bytes_, total_bytes_);
  return extent_total_ > 0 ? share(extents_done_, extent_total_) : 0;
}

std::optional<double> TerminalProgress::seconds_left(double seconds) const {
  const double share = share_done();
  if (share <= 0 || share >= 1) return std::nullopt;
  return seconds / share - seconds;
}

std::string TerminalProgress::describe(Clock::time_point now, Detail detail) const {
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_bytes_) / seconds : 0;
  std::string text;
  if (detail == Detail::with_bar && (total_bytes_ > 0 || extent_total_ > 0)) {
    const auto filled = static_cast<std::size_t>(share_done() * bar_columns);
    text += fmt::format("[{:=<{}}{: <{}}] ", "", filled, "", bar_columns - filled);
  }
  text += fmt::format("{}/{} extents  ", extents_done_, extent_total_);
  if (detail != Detail::short_text) text += libregion::human_size(done_bytes_) + "  ";
  text += libregion::human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (const auto left = seconds_left(seconds)) text += "  ETA " + duration_text(*left);
  return text;
}

std::string TerminalProgress::describe_as_json(Clock::time_point now) const {
  JsonLine line("progress");
  line.add("extents", extents_done_);
  line.add("extents_total", extent_total_);
  line.add("bytes", done_bytes_);
  line.add("bytes_total", total_bytes_);
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_bytes_) / seconds : 0;
  line.add_seconds("seconds", seconds);
  line.add("bytes_per_second", static_cast<std::uint64_t>(rate));
  if (const auto left = seconds_left(seconds)) line.add_seconds("eta_seconds", *left);
  return std::string(line.finish());
}

}  // namespace region_tools
