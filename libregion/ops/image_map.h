// A map of an image: where it has data and where zeros, as `qemu-img map --output=json` prints.
//
//   [{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true,
//      "compressed": false, "offset": 0},
//   ...]
//
// "offset" is the place in the image, as for any raw image.

#pragma once

#include <string>

#include "libregion/io/image_target.h"

namespace libregion {

// Takes the place of the image and writes its map to `map`, to which it looks like an image of
// text.
class ImageMap : public ImageTarget {
 public:
  explicit ImageMap(ImageTarget& map) : map_(map) {}

  [[nodiscard]] bool is_seekable() const override { return false; }
  [[nodiscard]] bool skips_zeros() const override { return true; }
  [[nodiscard]] bool is_closed() const override { return map_.is_closed(); }
  [[nodiscard]] std::optional<FileStatus> identity() const override { return map_.identity(); }
  // Nothing has to be read of what is known to be data.
  [[nodiscard]] bool copies_files() const override { return true; }

  void start(std::uint64_t size_bytes) override;
  void write(std::uint64_t offset_bytes, ByteView source) override;
  void write_zeros(std::uint64_t offset_bytes, std::uint64_t length_bytes) override;
  void copy_from(const File& source, const FileCopy& copy) override;
  void sync() override;
  void commit() override { map_.commit(); }
  void leave() override { map_.leave(); }

 private:
  void add(ByteRange range, bool is_data);
  void end_stretch();
  void flush();

  ImageTarget& map_;
  ByteRange stretch_;
  bool is_data_ = false;
  std::string text_;
  std::uint64_t text_offset_bytes_ = 0;
  bool has_stretches_ = false;
};

}  // namespace libregion
