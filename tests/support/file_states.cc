#include "tests/support/file_states.h"

#include <algorithm>

#include "tests/support/random.h"

namespace libregion {
namespace {

constexpr std::size_t smallest_sector_bytes = 512;
constexpr std::size_t page_bytes = 4096;

void zero_from(Bytes& bytes, std::uint64_t from) {
  if (from < bytes.size()) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), std::byte{0});
  }
}

// A file's sectors as they are at some moment: the first bytes of what was durable, then zeros, and
// upon that what was written.
class Sectors {
 public:
  Sectors(const Bytes& durable, std::size_t sector_bytes)
      : durable_(durable), sector_bytes_(sector_bytes), kept_bytes_(durable.size()) {}

  [[nodiscard]] std::uint64_t kept_bytes() const { return kept_bytes_; }

  // As it was durable, so far as it was not cut off.
  [[nodiscard]] Bytes base(std::uint64_t number) const {
    Bytes bytes(sector_bytes_);
    const std::uint64_t begin = number * sector_bytes_;
    if (begin < kept_bytes_) {
      const std::uint64_t count = std::min<std::uint64_t>(sector_bytes_, kept_bytes_ - begin);
      std::copy_n(durable_.begin() + static_cast<std::ptrdiff_t>(begin), count, bytes.begin());
    }
    return bytes;
  }
  void cut(std::uint64_t size_bytes) { kept_bytes_ = std::min(kept_bytes_, size_bytes); }

 private:
  const Bytes& durable_;
  std::size_t sector_bytes_;
  std::uint64_t kept_bytes_;
};

bool contains(const std::vector<Bytes>& versions, const Bytes& version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

// Follows the changes of one file, `size_changes` of which become durable.
class Tracer {
 public:
  Tracer(const MemoryNode& file, std::size_t sector_bytes, std::size_t size_changes)
      : sector_bytes_(sector_bytes),
        size_changes_left_(size_changes),
        now_base_(file.durable_content, sector_bytes),
        left_base_(file.durable_content, sector_bytes),
        now_bytes_(file.durable_content.size()),
        left_bytes_(now_bytes_) {
    for (const DataChange& change : file.pending_data) follow(change);
  }

  [[nodiscard]] std::size_t size_change_count() const { return size_change_count_; }
  [[nodiscard]] std::uint64_t left_bytes() const { return left_bytes_; }
  [[nodiscard]] std::uint64_t kept_bytes() const { return left_base_.kept_bytes(); }
  std::map<std::uint64_t, std::vector<Bytes>>& versions() { return versions_; }

 private:
  void follow(const DataChange& change) {
    const std::uint64_t before = now_bytes_;
    if (change.new_size_bytes) {
      now_bytes_ = *change.new_size_bytes;
      cut_now(now_bytes_);
    } else if (!change.data.empty()) {
      now_bytes_ = std::max<std::uint64_t>(now_bytes_, change.offset_bytes + change.data.size());
    }
    if (now_bytes_ != before) {
      ++size_change_count_;
      if (size_changes_left_ > 0) {
        --size_changes_left_;
        left_bytes_ = now_bytes_;
        // Bytes that were cut off do not come back.
        cut_left(left_bytes_);
      }
    }
    if (!change.data.empty()) write(change);
  }

  void cut_now(std::uint64_t size_bytes) {
    now_base_.cut(size_bytes);
    for (auto& [number, bytes] : now_) {
      const std::uint64_t begin = number * sector_bytes_;
      zero_from(bytes, size_bytes > begin ? size_bytes - begin : 0);
    }
  }

  void cut_left(std::uint64_t size_bytes) {
    left_base_.cut(size_bytes);
    for (auto& [number, versions] : versions_) {
      const std::uint64_t begin = number * sector_bytes_;
      std::vector<Bytes> cut;
      for (Bytes& version : versions) {
        zero_from(version, size_bytes > begin ? size_bytes - begin : 0);
        if (!contains(cut, version)) cut.push_back(std::move(version));
      }
      versions = std::move(cut);
    }
  }

  void write(const DataChange& change) {
    const std::uint64_t end = change.offset_bytes + change.data.size();
    for (std::uint64_t number = change.offset_bytes / sector_bytes_; number * sector_bytes_ < end;
         ++number) {
      const auto [place, is_new] = now_.try_emplace(number);
      if (is_new) place->second = now_base_.base(number);
      const std::uint64_t sector_begin = number * sector_bytes_;
      const std::uint64_t from = std::max(change.offset_bytes, sector_begin);
      const std::uint64_t to = std::min<std::uint64_t>(end, sector_begin + sector_bytes_);
      std::copy_n(change.data.begin() + static_cast<std::ptrdiff_t>(from - change.offset_bytes),
                  to - from,
                  place->second.begin() + static_cast<std::ptrdiff_t>(from - sector_begin));
      auto& versions = versions_[number];
      if (versions.empty()) versions.push_back(left_base_.base(number));
      if (!contains(versions, place->second)) versions.push_back(place->second);
    }
  }

  std::size_t sector_bytes_;
  std::size_t size_changes_left_;
  std::size_t size_change_count_ = 0;
  Sectors now_base_;
  Sectors left_base_;
  std::uint64_t now_bytes_;
  std::uint64_t left_bytes_;
  std::map<std::uint64_t, Bytes> now_;
  std::map<std::uint64_t, std::vector<Bytes>> versions_;
};

}  // namespace

FileStates::FileStates(const MemoryNode& file, CrashModel model)
    : file_(file),
      sector_bytes_(model == CrashModel::posix_4k ? page_bytes : smallest_sector_bytes),
      has_garbage_(model == CrashModel::posix_512_garbage) {
  const std::size_t size_changes = Tracer(file, sector_bytes_, 0).size_change_count();
  for (std::size_t changes = 0; changes <= size_changes; ++changes) {
    shapes_.push_back(trace(changes));
  }
}

FileStates::Shape FileStates::trace(std::size_t size_changes) const {
  Tracer tracer(file_, sector_bytes_, size_changes);
  Shape shape{tracer.left_bytes(), tracer.kept_bytes(), {}};
  for (auto& [number, versions] : tracer.versions()) {
    const std::uint64_t begin = number * sector_bytes_;
    if (begin >= shape.size_bytes) continue;
    if (has_garbage_ && begin >= file_.durable_content.size()) {
      versions.front() = Random(1 + number).bytes(sector_bytes_);
    }
    if (versions.size() > 1) shape.sectors.push_back({number, std::move(versions)});
  }
  return shape;
}

Bytes FileStates::content(std::size_t shape_number,
                          const std::map<std::uint64_t, std::uint32_t>& version_of_sector) const {
  const Shape& shape = shapes_.at(std::min(shape_number, shapes_.size() - 1));
  Bytes bytes(file_.durable_content.begin(),
              file_.durable_content.begin() +
                  static_cast<std::ptrdiff_t>(std::min(shape.kept_bytes, shape.size_bytes)));
  bytes.resize(shape.size_bytes);
  for (const SectorVersions& sector : shape.sectors) {
    const auto version =
        std::min<std::size_t>(version_of_sector.at(sector.number), sector.versions.size() - 1);
    const std::uint64_t begin = sector.number * sector_bytes_;
    std::copy_n(sector.versions[version].begin(),
                std::min<std::uint64_t>(sector_bytes_, bytes.size() - begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  return bytes;
}

}  // namespace libregion
