// Where a tool's records go: a standard stream or a file, in large writes.

#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <unistd.h>

#include "libregion/io/file_descriptor.h"

namespace region_tools {

class Output {
 public:
  // "-" is standard output. What a file held before goes with the first write, or in the end.
  // Throws Error (failed) where it cannot be written.
  explicit Output(const std::string& path);
  static Output to_standard_error() { return Output(STDERR_FILENO, "standard error"); }

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }

  void write(std::string_view text);
  void flush();
  // There is nothing more to write.
  void finish();

  // Called before anything goes out that may show on a terminal, this one's or that of whoever
  // reads a pipe: a progress bar gets out of the way.
  void before_write(std::function<void()> hook) { before_write_ = std::move(hook); }

  // Set once nobody reads any more, as in "| head": what is written after that is dropped.
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  // What has not been written yet is dropped, and all that follows.
  void abandon() { is_closed_ = true; }

 private:
  Output(int standard_number, std::string name);
  void find_kind();
  void empty_file() const;
  [[nodiscard]] int number() const;

  int standard_number_;
  std::string name_;                      // for messages
  libregion::FileDescriptor descriptor_;  // not open for a standard stream
  bool is_terminal_ = false;
  bool may_show_ = false;
  std::string buffer_;
  std::function<void()> before_write_;
  bool is_closed_ = false;
  bool has_written_ = false;
};

}  // namespace region_tools
