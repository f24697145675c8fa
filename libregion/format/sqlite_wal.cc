#include "libregion/format/sqlite_wal.h"

#include <algorithm>
#include <bit>

namespace libregion {
namespace {

constexpr std::uint32_t magic_little_endian_words = 0x377f0682;
constexpr std::uint32_t magic_big_endian_words = 0x377f0683;
constexpr std::uint32_t wal_format = 3007000;
constexpr std::uint32_t page_size_min = 512;
constexpr std::uint32_t page_size_max = 65536;

std::uint32_t field_at(ByteView bytes, std::size_t offset_bytes) {
  return big_endian_at<4>(bytes, offset_bytes);
}

template <bool big_endian>
std::uint32_t word_at(ByteView bytes, std::size_t offset_bytes) {
  if constexpr (big_endian) {
    return field_at(bytes, offset_bytes);
  } else {
    return Decoder(bytes.subspan(offset_bytes, 4)).u32();
  }
}

template <bool big_endian>
WalChecksum add_words(WalChecksum sum, ByteView bytes) {
  for (std::size_t offset = 0; offset < bytes.size(); offset += 8) {
    sum.first += word_at<big_endian>(bytes, offset) + sum.second;
    sum.second += word_at<big_endian>(bytes, offset + 4) + sum.first;
  }
  return sum;
}

// bytes.size() must be a multiple of 8.
WalChecksum add_to_checksum(WalChecksum sum, ByteView bytes, bool big_endian) {
  return big_endian ? add_words<true>(sum, bytes) : add_words<false>(sum, bytes);
}

WalChecksum checksum_at(ByteView bytes, std::size_t offset_bytes) {
  return {field_at(bytes, offset_bytes), field_at(bytes, offset_bytes + 4)};
}

}  // namespace

std::optional<WalScanner> WalScanner::from_header(
    std::span<const std::byte, wal_header_bytes> header) {
  const std::uint32_t magic = field_at(header, 0);
  if (magic != magic_little_endian_words && magic != magic_big_endian_words) return std::nullopt;
  if (field_at(header, 4) != wal_format) return std::nullopt;

  WalScanner scanner;
  scanner.big_endian_words_ = magic == magic_big_endian_words;
  scanner.page_size_bytes_ = field_at(header, 8);
  const bool valid_size = std::has_single_bit(scanner.page_size_bytes_) &&
                          scanner.page_size_bytes_ >= page_size_min &&
                          scanner.page_size_bytes_ <= page_size_max;
  if (!valid_size) return std::nullopt;

  std::copy_n(header.begin() + 16, scanner.salts_.size(), scanner.salts_.begin());
  scanner.checksum_ = add_to_checksum({}, header.first(24), scanner.big_endian_words_);
  if (scanner.checksum_ != checksum_at(header, 24)) return std::nullopt;
  return scanner;
}

bool WalScanner::take_frame(std::span<const std::byte, wal_frame_header_bytes> frame_header,
                            ByteView page) {
  LIBREGION_ASSERT(page.size() == page_size_bytes_);
  const std::uint32_t page_number = field_at(frame_header, 0);
  const std::uint32_t page_count = field_at(frame_header, 4);
  if (page_number == 0) return false;
  if (!std::equal(salts_.begin(), salts_.end(), frame_header.begin() + 8)) return false;
  WalChecksum sum = add_to_checksum(checksum_, frame_header.first(8), big_endian_words_);
  sum = add_to_checksum(sum, page, big_endian_words_);
  if (sum != checksum_at(frame_header, 16)) return false;

  checksum_ = sum;
  pending_frames_[page_number] = frame_count_++;
  if (page_count == 0) return true;

  for (const auto& [number, frame] : pending_frames_) committed_frames_[number] = frame;
  pending_frames_.clear();
  committed_page_count_ = page_count;
  committed_frame_count_ = frame_count_;
  return true;
}

}  // namespace libregion
