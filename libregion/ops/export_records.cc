#include "libregion/ops/export_records.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "libregion/base/assert.h"
#include "libregion/base/text.h"

namespace libregion {
namespace {

constexpr std::size_t buffered_max = std::size_t{256} << 10;

// The value of a record's own field.
template <class Value>
const Value& field(const ExtentRecord& record, std::string_view name) {
  const auto found = std::find_if(record.fields.begin(), record.fields.end(),
                                  [&](const ReportField& each) { return each.name == name; });
  LIBREGION_ASSERT(found != record.fields.end());
  return std::get<Value>(found->value);
}

// A JSON string, or null.
std::string quoted_hex(const std::optional<EncryptionContext>& encryption, bool is_nonce) {
  if (!encryption) return "null";
  return '"' + (is_nonce ? to_hex(encryption->nonce) : to_hex(encryption->tag)) + '"';
}

std::array<std::byte, 8> most_significant_first(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(value >> (8 * (bytes.size() - 1 - i)));
  }
  return bytes;
}

}  // namespace

ExportRecords::ExportRecords(FileSystem& file_system, const ExportRecordsOptions& options)
    : contexts_format_(options.contexts_format) {
  if (options.contexts_path)
    contexts_.emplace(file_system, *options.contexts_path, options.replace);
  if (options.manifest_path)
    manifest_.emplace(file_system, *options.manifest_path, options.replace);
}

void ExportRecords::begin(const RegionDefinition& definition, const ImagePart& part) {
  definition_ = definition;
  part_ = part;
  if (contexts_ && contexts_format_ == ContextsFormat::csv) {
    contexts_->text = "extent,block,region_block,image_offset,hash,nonce,tag,on_disk_hash\n";
  }
  if (!manifest_) return;
  manifest_->text = fmt::format(
      "{{\"schema\":\"region-manifest/1\",\"uuid\":\"{}\",\"block_size\":{},\"extent_size\":{},"
      "\"extent_count\":{},\"encrypted\":{},\"offset\":{},\"length\":{},\n\"extents\":[",
      to_text(definition.uuid), definition.geometry.block_size_bytes(),
      definition.geometry.extent_size_blocks(), definition.extent_count, definition.encrypted,
      part.range.offset_bytes, part.range.length_bytes);
}

void ExportRecords::add(const BlockReport& block) {
  const Geometry& geometry = definition_->geometry;
  if (context_extent_ != block.extent) {
    context_extent_ = block.extent;
    context_extent_offset_ =
        part_.extents.count_of(block.extent.value) * geometry.extent_data_bytes();
  }
  const std::uint64_t image_offset =
      context_extent_offset_ + geometry.block_offset_bytes(block.block) - part_.range.offset_bytes;
  const auto& context = std::get<BlockContext>(block.slots[*block.selected]);
  const auto out = std::back_inserter(contexts_->text);
  if (contexts_format_ == ContextsFormat::csv) {
    fmt::format_to(out, FMT_COMPILE("{},{},{},{},{:016x},{},{},{:016x}\n"), block.extent.value,
                   block.block, block.region_block, image_offset, context.hash,
                   context.encryption ? to_hex(context.encryption->nonce) : "",
                   context.encryption ? to_hex(context.encryption->tag) : "", context.on_disk_hash);
  } else {
    fmt::format_to(out,
                   FMT_COMPILE("{{\"extent\":{},\"block\":{},\"region_block\":{},"
                               "\"image_offset\":{},\"hash\":\"{:016x}\",\"nonce\":{},\"tag\":{},"
                               "\"on_disk_hash\":\"{:016x}\"}}\n"),
                   block.extent.value, block.block, block.region_block, image_offset, context.hash,
                   quoted_hex(context.encryption, /*is_nonce=*/true),
                   quoted_hex(context.encryption, /*is_nonce=*/false), context.on_disk_hash);
  }
  contexts_->flush_if_large();
}

void ExportRecords::add(const ExtentRecord& extent) {
  if (!manifest_) return;
  const std::uint64_t hash = *parse_hexadecimal(field<std::string>(extent, "xxh64"));
  hash_of_extents_.add(most_significant_first(hash));
  const auto out = std::back_inserter(manifest_->text);
  fmt::format_to(out, "{}\n{{\"extent\":{},\"file\":\"{}\",\"format\":\"{}\",",
                 extents_written_ == 0 ? "" : ",", extent.extent.value, extent.file, extent.format);
  if (extent.metadata) {
    fmt::format_to(out, "\"gen_number\":{},\"flush_number\":{},\"dirty\":{},",
                   extent.metadata->gen_number, extent.metadata->flush_number,
                   extent.metadata->dirty);
  }
  fmt::format_to(out, "\"image_offset\":{},\"bytes\":{},\"bad\":{},\"xxh64\":\"{:016x}\"}}",
                 field<std::uint64_t>(extent, "image_offset"),
                 field<std::uint64_t>(extent, "bytes"), field<std::uint64_t>(extent, "bad"), hash);
  ++extents_written_;
  manifest_->flush_if_large();
}

void ExportRecords::end() {
  if (contexts_) contexts_->flush();
  if (!manifest_) return;
  fmt::format_to(std::back_inserter(manifest_->text), "],\n\"xxh64_of_extents\":\"{:016x}\"}}\n",
                 hash_of_extents_.hash());
  manifest_->flush();
}

void ExportRecords::sync() {
  if (contexts_) contexts_->staged.sync();
  if (manifest_) manifest_->staged.sync();
}

void ExportRecords::commit() {
  if (contexts_) contexts_->staged.commit();
  if (manifest_) manifest_->staged.commit();
}

void ExportRecords::leave() {
  if (contexts_) contexts_->staged.leave();
  if (manifest_) manifest_->staged.leave();
}

void ExportRecords::Writer::flush() {
  staged.file().write(offset_bytes_, as_byte_view(text));
  offset_bytes_ += text.size();
  text.clear();
}

void ExportRecords::Writer::flush_if_large() {
  if (text.size() >= buffered_max) flush();
}

}  // namespace libregion
