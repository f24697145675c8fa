#include "libregion/ops/bundle_writer.h"

#include <array>

#include "libregion/format/tar.h"

namespace libregion {

void BundleWriter::begin(const BundleMember& member, std::uint64_t size_bytes) {
  LIBREGION_ASSERT(left_bytes_ == 0 && place_ < place_of(member));
  place_ = place_of(member);
  std::array<std::byte, tar_block_bytes> header{};
  encode_tar_header({member_name(member), size_bytes}, header);
  pass_on(header);
  left_bytes_ = size_bytes;
  padding_bytes_ = tar_padding_bytes(size_bytes);
}

void BundleWriter::put(ByteView content) {
  LIBREGION_ASSERT(content.size() <= left_bytes_);
  pass_on(content);
  left_bytes_ -= content.size();
  if (left_bytes_ > 0) return;
  pass_on(Bytes(padding_bytes_));
  padding_bytes_ = 0;
}

void BundleWriter::write(const BundleMember& member, ByteView content) {
  begin(member, content.size());
  put(content);
}

void BundleWriter::finish() {
  LIBREGION_ASSERT(left_bytes_ == 0);
  pass_on(Bytes(2 * tar_block_bytes));
}

void BundleWriter::pass_on(ByteView bytes) {
  if (bytes.empty()) return;
  try {
    sink_(bytes);
  } catch (...) {
    throw SinkFailure{std::current_exception()};
  }
  written_bytes_ += bytes.size();
}

}  // namespace libregion
