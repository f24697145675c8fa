#include "libregion/ops/image_writer.h"

#include <algorithm>

#include "libregion/base/error.h"

namespace libregion {

ImageWriter::ImageWriter(ImageTarget& image, const FileCopy& place, bool hashes)
    : image_(image), place_(place), hash_(hashes ? std::make_unique<HashStream>() : nullptr) {}

void ImageWriter::add(std::uint64_t offset_bytes, ByteView data) {
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    const bool goes_on = last.data != nullptr && last.range.end_bytes() == offset_bytes &&
                         last.data + last.range.length_bytes == data.data();
    if (goes_on) {
      last.range.length_bytes += data.size();
      return;
    }
  }
  pieces_.push_back({{offset_bytes, data.size()}, data.data()});
}

void ImageWriter::add_zeros(ByteRange range) { pieces_.push_back({range, nullptr}); }

void ImageWriter::flush() {
  for (const Piece& piece : pieces_) {
    const ByteRange wanted = clip(piece.range);
    if (wanted.length_bytes == 0) continue;
    const std::uint64_t offset_bytes = image_offset(wanted.offset_bytes);
    if (piece.data == nullptr) {
      write_zeros(offset_bytes, wanted.length_bytes);
    } else {
      const std::uint64_t skipped = wanted.offset_bytes - piece.range.offset_bytes;
      write_data(offset_bytes, ByteView(piece.data + skipped, wanted.length_bytes));
    }
  }
  pieces_.clear();
}

bool ImageWriter::copy(const File& file, ByteRange range) {
  const ByteRange wanted = clip(range);
  if (wanted.length_bytes == 0) return true;
  try {
    image_.copy_from(file, {wanted, image_offset(wanted.offset_bytes)});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    return false;
  }
  data_bytes_ += wanted.length_bytes;
  return true;
}

std::optional<std::uint64_t> ImageWriter::hash() const {
  return hash_ ? std::optional(hash_->hash()) : std::nullopt;
}

ByteRange ImageWriter::clip(ByteRange range) const {
  const ByteRange& wanted = place_.source;
  const std::uint64_t first = std::max(range.offset_bytes, wanted.offset_bytes);
  const std::uint64_t end = std::min(range.end_bytes(), wanted.end_bytes());
  return {first, end > first ? end - first : 0};
}

void ImageWriter::write_data(std::uint64_t image_offset_bytes, ByteView data) {
  if (hash_) hash_->add(data);
  if (image_.skips_zeros()) {
    write_sparsely(image_offset_bytes, data);
  } else {
    image_.write(image_offset_bytes, data);
    data_bytes_ += data.size();
  }
}

// Run by run: of pieces that are zero, and of pieces that are not.
void ImageWriter::write_sparsely(std::uint64_t image_offset_bytes, ByteView data) {
  while (!data.empty()) {
    bool run_is_zero = false;
    std::size_t run_bytes = 0;
    while (run_bytes < data.size()) {
      const std::uint64_t in_grain = (image_offset_bytes + run_bytes) % zero_grain_bytes;
      const std::size_t length =
          std::min<std::size_t>(zero_grain_bytes - in_grain, data.size() - run_bytes);
      const bool is_zero = all_zero(data.subspan(run_bytes, length));
      if (run_bytes > 0 && is_zero != run_is_zero) break;
      run_is_zero = is_zero;
      run_bytes += length;
    }
    if (run_is_zero) {
      image_.write_zeros(image_offset_bytes, run_bytes);
    } else {
      image_.write(image_offset_bytes, data.first(run_bytes));
      data_bytes_ += run_bytes;
    }
    image_offset_bytes += run_bytes;
    data = data.subspan(run_bytes);
  }
}

void ImageWriter::write_zeros(std::uint64_t image_offset_bytes, std::uint64_t length_bytes) {
  if (hash_) {
    constexpr std::uint64_t zeros_bytes = std::uint64_t{64} << 10;
    static const Bytes zeros(zeros_bytes);
    for (std::uint64_t rest = length_bytes; rest > 0; rest -= std::min(rest, zeros_bytes)) {
      hash_->add(ByteView(zeros).first(std::min(rest, zeros_bytes)));
    }
  }
  image_.write_zeros(image_offset_bytes, length_bytes);
}

}  // namespace libregion
