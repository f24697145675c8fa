// A file for reading whose holes, reads and views a test has in its hands.

#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "libregion/io/file_system.h"

namespace libregion {

class ByteFile : public File {
 public:
  struct Log {
    std::vector<ByteRange> reads;
    std::uint64_t questions = 0;  // after data
  };

  explicit ByteFile(Bytes content, Log* log = nullptr)
      : content_(std::move(content)), log_(log != nullptr ? *log : own_log_) {}

  // Pieces of this size that are zero are holes.
  void make_holes(std::uint64_t grain_bytes) { grain_bytes_ = grain_bytes; }
  // Views are there to be had. Torn ones are zeros.
  void give_views() { gives_views_ = true; }
  void tear_views() { gives_views_ = has_torn_view_ = true; }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileStatus status() const override {
    FileStatus status;
    status.size_bytes = content_.size();
    return status;
  }
  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    log_.reads.push_back({offset_bytes, target.size()});
    const std::uint64_t rest = content_.size() - std::min(content_.size(), offset_bytes);
    const std::size_t count = std::min<std::uint64_t>(rest, target.size());
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset_bytes), count,
                target.begin());
    return count;
  }
  [[nodiscard]] ByteView view(ByteRange range) const override {
    if (!gives_views_) return {};
    if (!has_torn_view_) return ByteView(content_).subspan(range.offset_bytes, range.length_bytes);
    torn_.assign(range.length_bytes, std::byte{0});
    return torn_;
  }
  [[nodiscard]] bool has_torn_view() const override { return has_torn_view_; }

  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    ++log_.questions;
    std::uint64_t first = offset_bytes;
    while (first < content_.size() && is_hole(first)) first = piece_end(first);
    if (first >= content_.size()) return std::nullopt;
    std::uint64_t end = first;
    while (end < content_.size() && !is_hole(end)) end = piece_end(end);
    return ByteRange{first, end - first};
  }

  void write(std::uint64_t /*offset_bytes*/, ByteView /*source*/) override { refuse(); }
  void resize(std::uint64_t /*size_bytes*/) override { refuse(); }
  void sync() override {}
  Grant take_lease(Access /*against*/) override { return Grant::unsupported; }
  [[nodiscard]] bool lease_is_broken() const override { return false; }
  void release_lease() override {}

 private:
  static void refuse() { LIBREGION_ASSERT(false && "a file for reading"); }
  [[nodiscard]] std::uint64_t piece_end(std::uint64_t offset_bytes) const {
    if (grain_bytes_ == 0) return content_.size();
    return std::min<std::uint64_t>(content_.size(),
                                   (offset_bytes / grain_bytes_ + 1) * grain_bytes_);
  }
  [[nodiscard]] bool is_hole(std::uint64_t offset_bytes) const {
    if (grain_bytes_ == 0) return false;
    const std::uint64_t first = offset_bytes / grain_bytes_ * grain_bytes_;
    return all_zero(ByteView(content_).subspan(first, piece_end(offset_bytes) - first));
  }

  std::string path_ = "/region/00/000/000";
  Bytes content_;
  mutable Log own_log_;
  Log& log_;
  std::uint64_t grain_bytes_ = 0;  // none are holes
  bool gives_views_ = false;
  bool has_torn_view_ = false;
  mutable Bytes torn_;
};

}  // namespace libregion
