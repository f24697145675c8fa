// Builds write-ahead logs byte by byte, as sqlite.org/fileformat2.html says, section 4, with code
// of its own for the checksums.

#pragma once

#include <cstdint>
#include <utility>

#include "libregion/format/bytes.h"

namespace libregion {

enum class ChecksumWords { little_endian, big_endian };

struct WalHeader {
  std::uint32_t magic = 0x377F0682;  // its lowest bit: the words of checksums are big-endian
  std::uint32_t format = 3007000;
  std::uint32_t page_size_bytes = 512;
  std::uint32_t checkpoint_number = 0;
  std::uint32_t salt_1 = 0x3BBF5374;
  std::uint32_t salt_2 = 0x0B85CCE3;
};

struct WalFrame {
  Bytes header;
  Bytes page;
};

class WalBuilder {
 public:
  explicit WalBuilder(ChecksumWords words, std::uint32_t page_size_bytes = 512) : words_(words) {
    fields_.page_size_bytes = page_size_bytes;
    if (words == ChecksumWords::big_endian) fields_.magic = 0x377F0683;
    header();
  }
  // A header that need not be right, but whose checksum is.
  explicit WalBuilder(const WalHeader& fields)
      : fields_(fields),
        words_((fields.magic & 1U) != 0 ? ChecksumWords::big_endian
                                        : ChecksumWords::little_endian) {
    header();
  }

  Bytes header() {
    Bytes bytes;
    for (const std::uint32_t field : {fields_.magic, fields_.format, fields_.page_size_bytes,
                                      fields_.checkpoint_number, fields_.salt_1, fields_.salt_2}) {
      append(bytes, field);
    }
    low_ = high_ = 0;
    add(bytes);
    append(bytes, low_);
    append(bytes, high_);
    return bytes;
  }

  // The next frame; a page count other than 0 ends a transaction.
  WalFrame frame(std::uint32_t page_number, std::uint32_t page_count, Bytes page) {
    WalFrame made;
    append(made.header, page_number);
    append(made.header, page_count);
    add(made.header);
    add(page);
    append(made.header, fields_.salt_1);
    append(made.header, fields_.salt_2);
    append(made.header, low_);
    append(made.header, high_);
    made.page = std::move(page);
    return made;
  }

  // A page of its own content for each `content`.
  WalFrame frame(std::uint32_t page_number, std::uint32_t page_count, unsigned content = 0) {
    Bytes page(fields_.page_size_bytes);
    for (std::size_t i = 0; i < page.size(); ++i) {
      page[i] = static_cast<std::byte>(content + i * 7);
    }
    return frame(page_number, page_count, std::move(page));
  }

 private:
  static void append(Bytes& bytes, std::uint32_t big_endian) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::byte>(big_endian >> shift));
    }
  }

  [[nodiscard]] std::uint32_t word(const Bytes& bytes, std::size_t at) const {
    const auto value = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[at + i]); };
    return words_ == ChecksumWords::big_endian
               ? value(0) * 0x1000000 + value(1) * 0x10000 + value(2) * 0x100 + value(3)
               : value(3) * 0x1000000 + value(2) * 0x10000 + value(1) * 0x100 + value(0);
  }

  // Words go in turn to the two sums; each adds the other's last value.
  void add(const Bytes& bytes) {
    bool to_low = true;
    for (std::size_t at = 0; at < bytes.size(); at += 4, to_low = !to_low) {
      std::uint32_t& sum = to_low ? low_ : high_;
      sum += word(bytes, at) + (to_low ? high_ : low_);
    }
  }

  WalHeader fields_;
  ChecksumWords words_;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0;
};

}  // namespace libregion
