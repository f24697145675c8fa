// Memory for what must not be left behind: keys.

#pragma once

#include <cstddef>
#include <span>

namespace libregion {

// Overwrites it such that no compiler leaves that out.
void wipe(std::span<std::byte> bytes);

// Bytes on pages of their own, zeros at first, wiped at the end. Where the system can, they are
// never paged out, and left out of a core dump; where it cannot, or a limit is in the way, they are
// memory like any other.
class SecretBytes {
 public:
  explicit SecretBytes(std::size_t size_bytes);
  ~SecretBytes();
  // What was moved from is empty.
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes& operator=(SecretBytes&&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() { return bytes_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
  std::size_t mapped_bytes_ = 0;  // 0: of the heap
};

// From here on this process leaves no core dump, where the system can be asked for that: what reads
// a key copies parts of it to places that nobody but the compiler knows.
void disable_core_dumps();

}  // namespace libregion
