#include "libregion/format/metadata.h"

namespace libregion {

std::variant<ExtentMetadata, BadMetadata> decode_metadata(MetadataView bytes) {
  Decoder in(bytes);
  const std::uint8_t dirty = in.u8();
  ExtentMetadata metadata;
  metadata.dirty = dirty == 1;
  metadata.gen_number = in.u64();
  metadata.flush_number = in.u64();
  metadata.ext_version = in.u32();
  metadata.bonus_sync_count = in.u32();
  metadata.defrag_count = in.u32();

  // The version decides what the other bytes mean, so it is looked at first.
  if (metadata.ext_version != raw_ext_version) {
    return BadMetadata{"ext_version", metadata_version_offset, raw_ext_version,
                       metadata.ext_version};
  }
  if (dirty > 1) return BadMetadata{"dirty", metadata_dirty_offset, 1, dirty};
  return metadata;
}

void encode_metadata(const ExtentMetadata& metadata, std::span<std::byte, metadata_bytes> bytes) {
  Encoder out(bytes);
  out.u8(metadata.dirty ? 1 : 0);
  out.u64(metadata.gen_number);
  out.u64(metadata.flush_number);
  out.u32(metadata.ext_version);
  out.u32(metadata.bonus_sync_count);
  out.u32(metadata.defrag_count);
  out.zeros();
}

void encode_defrag_count(std::uint32_t defrag_count, std::span<std::byte, metadata_bytes> bytes) {
  Encoder out(bytes.subspan(metadata_defrag_count_offset));
  out.u32(defrag_count);
}

bool metadata_padding_is_zero(MetadataView bytes) {
  return all_zero(bytes.subspan(metadata_padding_offset));
}

bool is_version_3_metadata(MetadataView bytes) {
  Decoder version(bytes.subspan(metadata_version_offset));
  return std::to_integer<unsigned>(bytes[metadata_dirty_offset]) <= 1 && version.u32() == 3 &&
         metadata_padding_is_zero(bytes);
}

}  // namespace libregion
