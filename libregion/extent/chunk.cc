#include "libregion/extent/chunk.h"

#include <algorithm>
#include <array>

#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::uint64_t chunk_bytes = std::uint64_t{512} << 10;

}  // namespace

std::uint64_t BlockChunk::blocks_of(BlockRange range) const {
  return std::min(range.count, std::max<std::uint64_t>(1, chunk_bytes >> geometry_.shift()));
}

std::uint64_t BlockChunk::known_zero_blocks(const File& file, BlockRange range) {
  const std::uint64_t zero_bytes =
      zeros_.length_at(file, geometry_.block_offset_bytes(range.first));
  return std::min(range.count, zero_bytes >> geometry_.shift());
}

void BlockChunk::load(const File& file, BlockRange range) {
  if (!load_zeros(file, range)) hash(read(file, range));
}

void BlockChunk::load_view(const File& file, BlockRange range) {
  if (load_zeros(file, range)) return;
  const ByteView seen = file.view(bytes_of(range));
  hash(seen.empty() ? read(file, range) : seen);
}

ByteRange BlockChunk::bytes_of(BlockRange range) const {
  return {geometry_.block_offset_bytes(range.first), range.count << geometry_.shift()};
}

bool BlockChunk::load_zeros(const File& file, BlockRange range) {
  first_block_ = range.first;
  if (known_zero_blocks(file, range) < range.count) return false;
  data_ = zero_bytes(range.count << geometry_.shift());
  hashes_.assign(range.count, zero_block_hash(geometry_.block_size_bytes()));
  return true;
}

ByteView BlockChunk::read(const File& file, BlockRange range) {
  const ByteRange bytes = bytes_of(range);
  const bool is_whole = bytes.length_bytes >= chunk_bytes;
  const std::uint64_t data_end_bytes =
      std::min(zeros_.data_end_bytes(), geometry_.extent_data_bytes());
  return window_.read(file, bytes, is_whole ? data_end_bytes : bytes.end_bytes());
}

void BlockChunk::hash(ByteView data) {
  data_ = data;
  hashes_.resize(data.size() >> geometry_.shift());
  on_disk_hashes(data, geometry_.block_size_bytes(), hashes_);
}

ByteView zero_bytes(std::uint64_t length_bytes) {
  static const Bytes zeros(chunk_bytes);
  return ByteView(zeros).first(length_bytes);
}

void add_integrity_hashes(std::span<BlockRecord> records) {
  constexpr std::size_t group_size = 64;
  std::array<EncryptedBlock, group_size> blocks;
  std::array<BlockRecord*, group_size> wanted{};
  std::array<std::uint64_t, group_size> hashes{};
  std::size_t count = 0;
  const auto hash_group = [&] {
    const std::uint64_t block_size_bytes = records.front().data.size();
    integrity_hashes(std::span(blocks).first(count), block_size_bytes,
                     std::span(hashes).first(count));
    for (std::size_t i = 0; i < count; ++i) wanted[i]->integrity_hash = hashes[i];
    count = 0;
  };
  for (BlockRecord& record : records) {
    const BlockContext* context = record.context();
    if (context == nullptr || !context->encryption || context->on_disk_hash != record.data_hash) {
      continue;
    }
    blocks[count] = {&*context->encryption, record.data.data()};
    wanted[count] = &record;
    if (++count == group_size) hash_group();
  }
  if (count > 0) hash_group();
}

}  // namespace libregion
