#include "tests/crash/extent_starts.h"

#include <algorithm>

#include "libregion/format/integrity.h"
#include "libregion/format/raw_layout.h"
#include "tests/crash/block_decision.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/scattered_extents.h"

namespace libregion {

std::string_view extent_start_name(ExtentStart start) {
  switch (start) {
    case ExtentStart::empty: return "empty";
    case ExtentStart::plain: return "plain";
    case ExtentStart::encrypted_a: return "encrypted-a";
    case ExtentStart::encrypted_b: return "encrypted-b";
    case ExtentStart::written: break;
  }
  return "written";
}

bool is_encrypted(ExtentStart start) {
  return start == ExtentStart::encrypted_a || start == ExtentStart::encrypted_b;
}

namespace {

// Blocks whose slot in B lies in two sectors are not where most are: a defragmentation moves them,
// and where half a slot could match, it is theirs. Their other slot has an older context.
void scatter_straddling_slots(const Geometry& geometry, ContextSlot array,
                              RawExtentBuilder& builder) {
  const RawLayout layout(geometry);
  for (std::uint64_t block = 0; block < geometry.extent_size_blocks(); ++block) {
    if (!layout.slot_straddles_sector(ContextSlot::B, block)) continue;
    const auto context = [&](std::uint64_t version) {
      return encrypted_context(builder.data_for(block, version), some_encryption(version));
    };
    builder.set_data(block, builder.data_for(block, 1)).select(block, array);
    builder.set_slot(array, block, context(1));
    builder.set_slot(other_slot(array), block, context(0));
  }
}

}  // namespace

Bytes content_at(ExtentStart start, const Geometry& geometry) {
  RawExtentBuilder builder(geometry.block_size_bytes(), geometry.extent_size_blocks());
  if (start == ExtentStart::written) builder.write_all();
  if (start == ExtentStart::plain || is_encrypted(start)) {
    const bool most_in_b = start == ExtentStart::encrypted_b;
    builder = scatter(builder, geometry.extent_size_blocks(),
                      {1, is_encrypted(start), most_in_b ? 7U : 2U});
    if (is_encrypted(start)) {
      scatter_straddling_slots(geometry, most_in_b ? ContextSlot::A : ContextSlot::B, builder);
    }
  }
  return builder.set_numbers(first_gen_number, first_flush_number).bytes();
}

ExtentPromise promise_of(const Bytes& content, const Geometry& geometry) {
  ExtentPromise promise;
  const auto reader = reader_of(content, geometry);
  reader->read_blocks({0, reader->readable_blocks()}, [&](const BlockRecord& record) {
    BlockVersion version{record.data_hash, std::nullopt};
    const BlockContext* context = record.context();
    if (context != nullptr) version.context = SentContext{context->hash, context->encryption};
    promise.blocks.push_back({version});
  });
  promise.flushed = {first_gen_number, first_flush_number};
  promise.may_tear = geometry.block_size_bytes() > 512;
  promise.numbers_may_be_torn = RawLayout(geometry).metadata_straddles_sector();
  return promise;
}

BlockRange straddling_range(const Geometry& geometry) {
  const RawLayout layout(geometry);
  for (std::uint64_t block = 0; block < geometry.extent_size_blocks(); ++block) {
    if (layout.slot_straddles_sector(ContextSlot::A, block) ||
        layout.slot_straddles_sector(ContextSlot::B, block)) {
      return {block, std::min<std::uint64_t>(2, geometry.extent_size_blocks() - block)};
    }
  }
  return {geometry.extent_size_blocks() - 1, 1};
}

SentBlocks::SentBlocks(const Geometry& geometry, BlockRange range, const Options& options) {
  const RawExtentBuilder builder(geometry.block_size_bytes(), geometry.extent_size_blocks());
  for (std::uint64_t block = range.first; block < range.end(); ++block) {
    const Bytes one = builder.data_for(block, options.version);
    on_disk_hashes.push_back(on_disk_hash(one));
    SentContext sent{on_disk_hashes.back(), std::nullopt};
    if (options.encrypted) {
      sent.encryption = some_encryption(options.version * 1000 + block);
      sent.hash = integrity_hash(*sent.encryption, one);
    }
    contexts.push_back(sent);
    data.insert(data.end(), one.begin(), one.end());
  }
}

}  // namespace libregion
