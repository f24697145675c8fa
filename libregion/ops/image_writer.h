// Writing one extent's part of an image: its pieces in order, clipped to what is wanted of the
// extent, zeros left out where that is less work, all of it hashed where that is asked for.

#pragma once

#include <optional>
#include <vector>

#include "libregion/format/integrity.h"
#include "libregion/io/image_target.h"

namespace libregion {

// Zeros are looked for in pieces of this size: less than that no file system leaves out.
constexpr std::uint64_t zero_grain_bytes = 4096;

class ImageWriter {
 public:
  // `place` says which of the extent's data is wanted, and where it goes. Offsets below are those
  // of the extent's data.
  ImageWriter(ImageTarget& image, const FileCopy& place, bool hashes);

  // Pieces follow each other. Until flush() they are only remembered: their bytes must last.
  void add(std::uint64_t offset_bytes, ByteView data);
  void add_zeros(ByteRange range);
  void flush();

  void zeros(ByteRange range) {
    add_zeros(range);
    flush();
  }

  // Whether the system may copy from file to file: nobody has to see the data.
  [[nodiscard]] bool can_copy() const { return image_.copies_files() && !hash_; }
  // False where that failed: reading and writing the same will tell which of the two.
  bool copy(const File& file, ByteRange range);

  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_; }
  // Of all that was written; nullopt where nothing is hashed.
  [[nodiscard]] std::optional<std::uint64_t> hash() const;

 private:
  struct Piece {
    ByteRange range;
    const std::byte* data = nullptr;  // zeros
  };

  [[nodiscard]] ByteRange clip(ByteRange range) const;
  [[nodiscard]] std::uint64_t image_offset(std::uint64_t offset_bytes) const {
    return offset_bytes - place_.source.offset_bytes + place_.target_offset_bytes;
  }
  void write_data(std::uint64_t image_offset_bytes, ByteView data);
  void write_sparsely(std::uint64_t image_offset_bytes, ByteView data);
  void write_zeros(std::uint64_t image_offset_bytes, std::uint64_t length_bytes);

  ImageTarget& image_;
  FileCopy place_;
  std::unique_ptr<HashStream> hash_;
  std::vector<Piece> pieces_;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace libregion
