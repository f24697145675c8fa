#include "libregion/base/secret_memory.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace libregion {
namespace {

std::size_t whole_pages(std::size_t size_bytes) {
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
}

void keep_out_of_core_dumps([[maybe_unused]] void* first, [[maybe_unused]] std::size_t size_bytes) {
#if defined(MADV_DONTDUMP)
  (void)::madvise(first, size_bytes, MADV_DONTDUMP);
#endif
}

}  // namespace

void wipe(std::span<std::byte> bytes) {
  volatile std::byte* const first = bytes.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) first[i] = std::byte{0};
}

SecretBytes::SecretBytes(std::size_t size_bytes) {
  const std::size_t pages_bytes = whole_pages(size_bytes);
  void* const pages =
      ::mmap(nullptr, pages_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    bytes_ = {new std::byte[size_bytes]{}, size_bytes};
    return;
  }
  mapped_bytes_ = pages_bytes;
  bytes_ = {static_cast<std::byte*>(pages), size_bytes};
  keep_out_of_core_dumps(pages, pages_bytes);
  // Refused where RLIMIT_MEMLOCK is used up.
  (void)::mlock(pages, pages_bytes);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), mapped_bytes_(other.mapped_bytes_) {}

SecretBytes::~SecretBytes() {
  if (bytes_.data() == nullptr) return;
  wipe(bytes_);
  if (mapped_bytes_ == 0) {
    delete[] bytes_.data();
  } else {
    ::munmap(bytes_.data(), mapped_bytes_);
  }
}

void disable_core_dumps() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__)
  // A limit alone does not stop a dump into a pipe.
  (void)::prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace libregion
