// A write-ahead log spelled out by the rules of sqlite.org/fileformat2.html, section 4.

#pragma once

#include "libregion/format/bytes.h"

namespace libregion {

struct SpelledFrame {
  std::uint32_t page_number;
  std::uint32_t commit_page_count;  // 0: the transaction goes on
  Bytes page;
};

class SpelledWal {
 public:
  explicit SpelledWal(std::uint32_t page_size_bytes) {
    put(0x377f0683);  // the words of the checksums are big-endian
    put(3007000);
    put(page_size_bytes);
    put(1);
    put(salt);
    put(salt + 1);
    add_to_checksum(0, 24);
    put_checksum();
  }

  SpelledWal& add(const SpelledFrame& frame) {
    const std::size_t at = bytes_.size();
    put(frame.page_number);
    put(frame.commit_page_count);
    const std::size_t after = bytes_.size();
    add_to_checksum(at, after);
    bytes_.insert(bytes_.end(), frame.page.begin(), frame.page.end());
    add_to_checksum(after, bytes_.size());
    bytes_.resize(after);
    put(salt);
    put(salt + 1);
    put_checksum();
    bytes_.insert(bytes_.end(), frame.page.begin(), frame.page.end());
    return *this;
  }

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  static constexpr std::uint32_t salt = 0x12345678;

  void put(std::uint32_t value) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      bytes_.push_back(static_cast<std::byte>(value >> shift));
    }
  }
  void put_checksum() {
    put(sum_[0]);
    put(sum_[1]);
  }
  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value = value << 8U | std::to_integer<std::uint32_t>(bytes_[at + i]);
    }
    return value;
  }
  void add_to_checksum(std::size_t first, std::size_t end) {
    for (std::size_t at = first; at < end; at += 8) {
      sum_[0] += word(at) + sum_[1];
      sum_[1] += word(at + 4) + sum_[0];
    }
  }

  Bytes bytes_;
  std::array<std::uint32_t, 2> sum_{};
};

}  // namespace libregion
