// The same tests for every implementation of the seam: the one in memory, and that of POSIX with
// each combination of what may be missing.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libregion/base/error.h"
#include "libregion/io/file_system.h"

namespace libregion {

// An implementation, and an empty directory to try it on. Names are relative to that directory.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual FileSystem& file_system() = 0;
  [[nodiscard]] virtual std::string root_path() const = 0;
  [[nodiscard]] virtual bool has_leases() const { return true; }
  // Whether holes can be told from data.
  [[nodiscard]] virtual bool has_ranges() const { return true; }

  virtual void add_directory(const std::string& name) = 0;
  virtual void add_file(const std::string& name, const std::string& content) = 0;
  virtual void add_symbolic_link(const std::string& name, const std::string& target) = 0;
  virtual void add_hard_link(const std::string& existing, const std::string& name) = 0;
  virtual void add_fifo(const std::string& name) = 0;
  virtual void add_socket(const std::string& name) = 0;
  [[nodiscard]] virtual bool exists(const std::string& name) const = 0;  // links are not followed
  [[nodiscard]] virtual std::string content_of(const std::string& name) const = 0;

  [[nodiscard]] std::string path_of(const std::string& name) const {
    return root_path() + "/" + name;
  }
  [[nodiscard]] std::unique_ptr<Directory> open_root();
  [[nodiscard]] std::unique_ptr<File> open_file(const std::string& name, Access access);
};

// Runs the test on each, in a fresh directory.
void on_every_backend(const std::function<void(Backend&)>& test);
// On those of POSIX only: what cannot be seen in memory.
void on_every_posix_backend(const std::function<void(Backend&)>& test);

// What an action throws; errno_value is 0 where it is no SystemError.
struct Failure {
  bool happened = false;
  std::string message;
  int errno_value = 0;
  ErrorKind kind = ErrorKind::failed;
};
Failure failure_of(const std::function<void()>& action);

// Why something was not opened. It is a failure of the test if it was.
template <class T>
Refusal refusal_of(Opened<T> opened);

extern template Refusal refusal_of<File>(Opened<File> opened);
extern template Refusal refusal_of<Directory>(Opened<Directory> opened);

}  // namespace libregion
