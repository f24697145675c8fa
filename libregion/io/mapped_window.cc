#include "libregion/io/mapped_window.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libregion/io/system_extras.h"

namespace libregion {
namespace {

// Large enough that mapping it costs little for each byte.
constexpr std::uint64_t window_bytes = std::uint64_t{2} << 20;

// As many windows as threads look at files at the same time. They are never freed: a signal may
// come at any time.
constexpr std::size_t guard_count = 512;
std::array<MappedWindow::Guard, guard_count>& guards() {
  static std::array<MappedWindow::Guard, guard_count> all;
  return all;
}
static_assert(std::atomic<std::byte*>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

std::uint64_t page_bytes() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

struct sigaction& earlier_action() {
  static struct sigaction action {};
  return action;
}

// Puts a page of zeros where the file has none. Only calls that a signal handler may make.
bool replace_page(std::byte* address) {
  for (MappedWindow::Guard& guard : guards()) {
    std::byte* const begin = guard.begin;
    if (begin == nullptr || address < begin || address >= guard.end) continue;
    const std::size_t page = page_bytes();
    std::byte* const at = begin + static_cast<std::size_t>(address - begin) / page * page;
    if (::mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) {
      return false;
    }
    guard.is_torn = true;
    return true;
  }
  return false;
}

void handle_bus_error(int /*number*/, siginfo_t* info, void* /*context*/) {
  const int errno_value = errno;
  // Where it is somebody else's, the instruction is repeated, and meets the earlier action.
  if (!replace_page(static_cast<std::byte*>(info->si_addr))) {
    (void)::sigaction(SIGBUS, &earlier_action(), nullptr);
  }
  errno = errno_value;
}

bool catch_bus_errors() {
  static const bool done = [] {
    (void)guards();
    (void)page_bytes();
    struct sigaction action {};
    action.sa_sigaction = handle_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    return ::sigaction(SIGBUS, &action, &earlier_action()) == 0;
  }();
  return done;
}

MappedWindow::Guard* take_guard(std::byte* begin, std::uint64_t length_bytes) {
  for (MappedWindow::Guard& guard : guards()) {
    std::byte* expected = nullptr;
    if (guard.begin != nullptr || !guard.begin.compare_exchange_strong(expected, begin)) continue;
    guard.end = begin + length_bytes;
    return &guard;
  }
  return nullptr;
}

// Where the last byte is in memory, so are those before it, as a rule: asking costs less than
// looking for each page.
bool is_in_memory(int descriptor, ByteRange range) {
  std::byte last{};
  return read_cached_bytes(descriptor, range.end_bytes() - 1, {&last, 1}) == 1;
}

}  // namespace

ByteView MappedWindow::view(int descriptor, ByteRange range) {
  const bool is_inside = begin_ != nullptr && range.offset_bytes >= mapped_.offset_bytes &&
                         range.end_bytes() <= mapped_.end_bytes();
  if ((!is_inside || is_torn()) && !map(descriptor, range)) return {};
  return {begin_ + (range.offset_bytes - mapped_.offset_bytes), range.length_bytes};
}

bool MappedWindow::map(int descriptor, ByteRange range) {
  unmap();
  struct stat found {};
  if (range.length_bytes == 0 || !catch_bus_errors()) return false;
  if (::fstat(descriptor, &found) != 0) return false;
  const auto file_bytes = static_cast<std::uint64_t>(found.st_size);
  if (range.end_bytes() > file_bytes) return false;
  const std::uint64_t first = range.offset_bytes / page_bytes() * page_bytes();
  const std::uint64_t end = std::min(file_bytes, std::max(range.end_bytes(), first + window_bytes));
  if (!is_in_memory(descriptor, {first, end - first})) return false;
  void* const mapped =
      ::mmap(nullptr, end - first, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(first));
  if (mapped == MAP_FAILED) return false;
  begin_ = static_cast<std::byte*>(mapped);
  mapped_ = {first, end - first};
  // A view that nobody would guard is none.
  guard_ = take_guard(begin_, mapped_.length_bytes);
  if (guard_ == nullptr) unmap();
  return guard_ != nullptr;
}

void MappedWindow::unmap() {
  if (begin_ == nullptr) return;
  // The guard goes first: once they are unmapped the addresses may be another window's.
  if (guard_ != nullptr) {
    guard_->end = nullptr;
    guard_->is_torn = false;
    guard_->begin = nullptr;
    guard_ = nullptr;
  }
  (void)::munmap(begin_, mapped_.length_bytes);
  begin_ = nullptr;
}

}  // namespace libregion
