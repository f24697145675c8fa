// How far a job is, on standard error: a bar on a terminal, a line on SIGUSR1, or JSON lines.

#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "libregion/report/reporter.h"
#include "tools/common/options.h"

namespace region_tools {

class TerminalProgress : public libregion::Progress {
 public:
  explicit TerminalProgress(ProgressStyle style, bool quiet);
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;

  // Of several jobs one after the other each starts anew; `total` may be 0 where it is not known.
  void start(std::uint64_t extent_count, std::uint64_t total_bytes) override;
  void advance(std::uint64_t extent_count, std::uint64_t done_bytes) override;

  // Takes the bar off the screen; the next advance draws it again.
  void hide();

 private:
  using Clock = std::chrono::steady_clock;

  void draw(Clock::time_point now);
  enum class Detail : std::uint8_t { short_text, plain, with_bar };
  [[nodiscard]] std::string describe(Clock::time_point now, Detail detail) const;
  [[nodiscard]] std::string describe_as_json(Clock::time_point now) const;

  // From 0 to 1: of the bytes, or where their total is not known of the extents.
  [[nodiscard]] double share_done() const;
  // nullopt where nothing is done yet, or all.
  [[nodiscard]] std::optional<double> seconds_left(double seconds) const;

  std::mutex mutex_;
  ProgressStyle style_;
  bool is_shown_ = false;
  std::uint64_t extent_total_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t extents_done_ = 0;
  std::uint64_t done_bytes_ = 0;
  Clock::time_point started_;
  Clock::time_point drawn_;
};

// The handler of SIGUSR1 calls this: the next advance prints a line.
void request_progress_line();

}  // namespace region_tools
