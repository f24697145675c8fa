// system-call-killer --below DIR [OPTION...] -- COMMAND [ARGUMENT...]
//
// Runs the command, and does something to it before a call that is about a file below DIR:
//
//   --at N          before the call of this number, from 1 (default: none)
//   --kill          end the process as kill -9 does (default)
//   --cut MOUNT     stop the file system of that mount first, as a power cut does
//   --flush-log     with --cut: what its journal holds still reaches the disk
//   --error ERRNO   the call fails with this number instead
//   --short         it moves half of the bytes
//   --zero          it moves none
//   --times COUNT   that many calls of the same name from there on (default 1; 0 = all)
//   --calls all     those that open and read count as well as those that change something
//   --log FILE      each call as a line: its number, what became of it, its name, its path
//
// Its exit status is that of the command, or 128 and the number of the signal that ended it.

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdexcept>
#include <string_view>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

#include "tests/crash/system/traced_command.h"

namespace libregion {
namespace {

// As in fs/xfs/xfs_fs.h; ext4 and others have taken it over.
constexpr unsigned long fs_ioc_shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t shutdown_after_log = 1;
constexpr std::uint32_t shutdown_at_once = 2;

enum class Action : std::uint8_t { kill, fail, shorten, move_nothing };

struct Options {
  TracedCommand command;
  Action action = Action::kill;
  std::uint64_t at = 0;     // 0: never
  std::uint64_t times = 1;  // 0: for ever
  int errno_value = 0;
  std::string mount;  // to be stopped; empty: none
  bool flushes_log = false;
  std::string log;
};

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) {
    throw std::invalid_argument("no number: " + std::string(text));
  }
  return number;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  std::size_t at = 0;
  const auto value = [&]() -> const std::string& {
    if (at + 1 >= words.size()) throw std::invalid_argument(words[at] + " needs a value");
    return words[++at];
  };
  for (; at < words.size() && words[at] != "--"; ++at) {
    const std::string& word = words[at];
    if (word == "--below") {
      options.command.directory = value();
    } else if (word == "--at") {
      options.at = number_in(value());
    } else if (word == "--kill") {
      options.action = Action::kill;
    } else if (word == "--cut") {
      options.mount = value();
    } else if (word == "--flush-log") {
      options.flushes_log = true;
    } else if (word == "--error") {
      options.action = Action::fail;
      options.errno_value = static_cast<int>(number_in(value()));
    } else if (word == "--short") {
      options.action = Action::shorten;
    } else if (word == "--zero") {
      options.action = Action::move_nothing;
    } else if (word == "--times") {
      options.times = number_in(value());
    } else if (word == "--calls") {
      options.command.calls = value() == "all" ? CallSet::all : CallSet::changing;
    } else if (word == "--log") {
      options.log = value();
    } else {
      throw std::invalid_argument("unknown option " + word);
    }
  }
  for (++at; at < words.size(); ++at) options.command.words.push_back(words[at]);
  if (options.command.words.empty()) throw std::invalid_argument("no command");
  if (!options.command.directory.starts_with('/')) {
    throw std::invalid_argument("--below needs an absolute path");
  }
  return options;
}

// Decides what becomes of each call, and keeps the log.
class Disturber {
 public:
  explicit Disturber(const Options& options) : options_(options) {
    if (!options.log.empty() && (log_ = std::fopen(options.log.c_str(), "we")) == nullptr) {
      throw std::system_error(errno, std::generic_category(), options.log);
    }
    if (!options.mount.empty() &&
        (mount_ = ::open(options.mount.c_str(), O_RDONLY | O_CLOEXEC)) < 0) {
      throw std::system_error(errno, std::generic_category(), options.mount);
    }
  }
  Disturber(const Disturber&) = delete;
  Disturber& operator=(const Disturber&) = delete;
  ~Disturber() {
    if (log_ != nullptr) (void)std::fclose(log_);
    if (mount_ >= 0) ::close(mount_);
  }

  CallFate before(const RegionCall& call) {
    ++number_;
    const bool is_hit = hits(call);
    if (log_ != nullptr) {
      (void)std::fprintf(log_, "%llu %s %s %s\n", static_cast<unsigned long long>(number_),
                         is_hit ? "hit" : "done", call.name.c_str(), call.path.c_str());
      (void)std::fflush(log_);
    }
    return is_hit ? disturb() : Proceed{};
  }

 private:
  bool hits(const RegionCall& call) {
    if (options_.at == 0 || number_ < options_.at) return false;
    if (number_ == options_.at) name_ = call.name;
    if (call.name != name_ || (options_.times != 0 && hit_count_ >= options_.times)) return false;
    const bool moves_bytes = call.length_argument.has_value();
    const bool needs_bytes =
        options_.action == Action::shorten || options_.action == Action::move_nothing;
    if (needs_bytes && !moves_bytes) return false;
    ++hit_count_;
    return true;
  }

  CallFate disturb() const {
    switch (options_.action) {
      case Action::fail: return ReturnInstead{-static_cast<std::int64_t>(options_.errno_value)};
      case Action::shorten: return Shorten{};
      case Action::move_nothing: return ReturnInstead{0};
      case Action::kill: break;
    }
    if (mount_ >= 0) {
      std::uint32_t how = options_.flushes_log ? shutdown_after_log : shutdown_at_once;
      if (::ioctl(mount_, fs_ioc_shutdown, &how) != 0) {
        throw std::system_error(errno, std::generic_category(), "FS_IOC_SHUTDOWN");
      }
    }
    return Kill{};
  }

  const Options& options_;
  std::FILE* log_ = nullptr;
  int mount_ = -1;
  std::uint64_t number_ = 0;
  std::uint64_t hit_count_ = 0;
  std::string name_;  // of the call of that number
};

int run(const std::vector<std::string>& words) {
  const Options options = parse(words);
  Disturber disturber(options);
  return run_traced(options.command,
                    [&](const RegionCall& call) { return disturber.before(call); });
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  try {
    return libregion::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "system-call-killer: %s\n", error.what());
    return 126;
  }
}
