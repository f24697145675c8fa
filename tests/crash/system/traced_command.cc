#include "tests/crash/system/traced_command.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <map>
#include <optional>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace libregion {
namespace {

constexpr int cannot_start = 127;
constexpr int after_call_bit = 0x80;  // of the signal of a stop, with PTRACE_O_TRACESYSGOOD

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Stops the caller, and whatever it becomes, before each of these calls.
std::vector<sock_filter> filter_for(const std::vector<unsigned>& numbers) {
  std::vector<sock_filter> filter;
  const auto load = [&](std::size_t offset) {
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  };
  load(offsetof(seccomp_data, arch));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  load(offsetof(seccomp_data, nr));
  for (const unsigned number : numbers) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

// What the child does between fork and exec, once the parent traces it.
[[noreturn]] void become(char* const* words, sock_filter* filter, std::size_t filter_size,
                         int gate) {
  char ready = 0;
  const sock_fprog program{static_cast<unsigned short>(filter_size), filter};
  if (::read(gate, &ready, 1) == 1 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) {
    ::execvp(words[0], words);
  }
  ::_exit(cannot_start);
}

class Tracer {
 public:
  Tracer(const TracedCommand& command, const CallHook& hook) : command_(command), hook_(hook) {}

  int run() {
    start();
    while (true) {
      int status = 0;
      const pid_t thread = ::waitpid(-1, &status, __WALL);
      if (thread < 0 && errno == EINTR) continue;
      if (thread < 0) throw_errno("waitpid");
      if (WIFSTOPPED(status)) {
        go_on(thread, status);
      } else if (thread == process_) {
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
    }
  }

 private:
  void start() {
    std::vector<sock_filter> filter = filter_for(numbers_of_calls(command_.calls));
    std::vector<std::string> words = command_.words;
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);

    std::array<int, 2> gate{};
    if (::pipe(gate.data()) != 0) throw_errno("pipe");
    process_ = ::fork();
    if (process_ < 0) throw_errno("fork");
    if (process_ == 0) {
      ::close(gate[1]);
      become(pointers.data(), filter.data(), filter.size(), gate[0]);
    }
    ::close(gate[0]);
    constexpr long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                             PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
                             PTRACE_O_EXITKILL;
    const bool is_traced = ::ptrace(PTRACE_SEIZE, process_, nullptr, options) == 0;
    const int errno_value = errno;
    const bool is_told = is_traced && ::write(gate[1], "g", 1) == 1;
    ::close(gate[1]);  // a child that is not traced ends here
    if (!is_told) throw std::system_error(errno_value, std::generic_category(), "ptrace");
  }

  void go_on(pid_t thread, int status) {
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) {
      before_call(thread);
      if (values_to_return_.count(thread) > 0) {
        ::ptrace(PTRACE_SYSCALL, thread, nullptr, nullptr);
        return;
      }
    } else if (signal == (SIGTRAP | after_call_bit)) {
      after_call(thread);
      ::ptrace(PTRACE_CONT, thread, nullptr, nullptr);
      return;
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      ::ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
      return;
    }
    // Signals are handed on; what tells of an event is not one. A thread may have gone meanwhile.
    ::ptrace(PTRACE_CONT, thread, nullptr, event == 0 ? static_cast<long>(signal) : 0L);
  }

  void before_call(pid_t thread) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    const auto call = region_call_of(thread, registers, command_.calls, command_.directory);
    if (!call) return;
    const CallFate fate = hook_(*call);
    if (std::holds_alternative<Kill>(fate)) {
      ::kill(process_, SIGKILL);
    } else if (const auto* instead = std::get_if<ReturnInstead>(&fate)) {
      return_instead(thread, registers, instead->value);
    } else if (std::holds_alternative<Shorten>(fate)) {
      shorten(registers, call->length_argument.value());
      if (::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) != 0) throw_errno("ptrace");
    }
  }

  void return_instead(pid_t thread, user_regs_struct& registers, std::int64_t value) {
    if (registers.orig_rax == SYS_close) {
      values_to_return_[thread] = value;
      return;
    }
    registers.orig_rax = static_cast<unsigned long long>(-1);
    registers.rax = static_cast<unsigned long long>(value);
    if (::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) != 0) throw_errno("ptrace");
  }

  // A call that was made says something else.
  void after_call(pid_t thread) {
    const auto value = values_to_return_.extract(thread);
    user_regs_struct registers{};
    if (value.empty() || ::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    registers.rax = static_cast<unsigned long long>(value.mapped());
    if (::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) != 0) throw_errno("ptrace");
  }

  static void shorten(user_regs_struct& registers, unsigned argument) {
    auto& length = argument == 2 ? registers.rdx : argument == 3 ? registers.r10 : registers.r8;
    length = (length + 1) / 2;
  }

  const TracedCommand& command_;
  const CallHook& hook_;
  pid_t process_ = 0;
  std::map<pid_t, std::int64_t> values_to_return_;  // of calls that are being made
};

}  // namespace

int run_traced(const TracedCommand& command, const CallHook& hook) {
  return Tracer(command, hook).run();
}

}  // namespace libregion
