#include "libregion/ops/extent_rebuild.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "libregion/base/error.h"
#include "libregion/base/text.h"
#include "libregion/extent/raw_image.h"
#include "libregion/format/raw_layout.h"
#include "libregion/ops/block_writer.h"

namespace libregion {
namespace {

// Errors of one extent that are worth telling.
constexpr std::size_t errors_max = 4096;

bool same_bytes(ByteView left, ByteView right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

bool was_never_written(const BlockRecord& record) {
  return record.selected && std::holds_alternative<EmptySlot>(record.slots[*record.selected]) &&
         all_zero(record.data);
}

class ExtentRebuild {
 public:
  ExtentRebuild(const RegionDefinition& definition, ExtentId extent, ExtentReader& old,
                const RebuildOptions& options)
      : geometry_(definition.geometry),
        old_(old),
        options_(options),
        check_(definition, extent, old),
        chunk_(geometry_),
        contexts_(geometry_.extent_size_blocks()) {
    LIBREGION_ASSERT(old.format() == ExtentFormat::raw && old.metadata() && !old.metadata()->dirty);
    result_.metadata = *old.metadata();
  }

  RebuildResult run(ImageReader& image) {
    const std::uint64_t end = contexts_.block_count();
    keep({0, options_.first_block});
    std::uint64_t next = options_.first_block;
    while (next < end && image.has_more()) next += take(image, next);
    keep({next, end - next});
    result_.image_blocks = next - options_.first_block;
    result_.errors = check_.take_errors();
    if (result_.differs()) ++result_.metadata.flush_number;
    if (writer_) {
      writer_->flush();
      write_raw_tail(*file_, geometry_, contexts_, ContextSlot::A, result_.metadata);
    }
    return std::move(result_);
  }

 private:
  void keep(BlockRange range) {
    old_.read_blocks(range, [&](const BlockRecord& record) {
      check_.check(record);
      keep_context(record);
      if (writer_) writer_->add(record.block, record.data);
    });
  }

  // Takes a chunk of the image; returns how many blocks that were.
  std::uint64_t take(ImageReader& image, std::uint64_t first) {
    image.read(chunk_, contexts_.block_count() - first);
    chunk_.hash();
    const std::uint64_t count = chunk_.block_count();
    old_.read_blocks({first, count}, [&](const BlockRecord& record) {
      const std::uint64_t i = record.block - first;
      if (i + 1 == count && chunk_.missing_bytes() > 0) {
        check_.check(record);
        chunk_.fill_missing(record.data);
      }
      take_block(i, record);
    });
    if (result_.differs() && !is_begun_) begin(first);
    for (std::uint64_t i = 0; i < count && writer_; ++i) writer_->add(first + i, chunk_.data(i));
    return count;
  }

  void take_block(std::uint64_t i, const BlockRecord& record) {
    BlockContext context{chunk_.hash_of(i), std::nullopt, chunk_.hash_of(i), 0};
    const BlockContext* old_context = record.context();
    if (old_context != nullptr) context.flush_id = old_context->flush_id;
    const bool holds_it = old_context != nullptr && *old_context == context &&
                          same_bytes(record.data, chunk_.data(i));
    const bool is_skipped = options_.skip_zeros && chunk_.is_zero(i) && was_never_written(record);
    if (holds_it || is_skipped) return keep_context(record);
    context.flush_id = static_cast<std::uint16_t>(old_.metadata()->flush_number);
    contexts_.set(record.block, context);
    ++result_.written_blocks;
  }

  void keep_context(const BlockRecord& record) {
    if (record.context() != nullptr) contexts_.set(record.block, *record.context());
  }

  // Up to `next` everything was the same until now.
  void begin(std::uint64_t next) {
    is_begun_ = true;
    file_ = options_.make_file();
    if (file_ == nullptr) return;
    writer_.emplace(*file_, geometry_);
    old_.read_blocks({0, next},
                     [&](const BlockRecord& record) { writer_->add(record.block, record.data); });
  }

  Geometry geometry_;
  ExtentReader& old_;
  const RebuildOptions& options_;
  KeptBlockCheck check_;
  ImageChunk chunk_;
  SlotArray contexts_;
  RebuildResult result_;
  bool is_begun_ = false;
  File* file_ = nullptr;
  std::optional<BlockWriter> writer_;
};

}  // namespace

void KeptBlockCheck::check(const BlockRecord& record) {
  check_.check(record);
  if (check_.finding_count() >= errors_max) keep_errors();
}

std::vector<Finding> KeptBlockCheck::take_errors() {
  keep_errors();
  return std::move(errors_);
}

void KeptBlockCheck::keep_errors() {
  for (Finding& finding : check_.take_findings()) {
    const bool is_error = finding_info(finding.id).severity == Severity::error;
    if (is_error && errors_.size() < errors_max) errors_.push_back(std::move(finding));
  }
}

void require_space_to_rebuild(const Region& region) {
  const std::uint64_t needed_bytes = 2 * RawLayout(region.definition.geometry).file_bytes();
  const std::uint64_t free_bytes = region.root->free_bytes();
  if (needed_bytes <= free_bytes) return;
  throw Error(ErrorKind::failed,
              fmt::format("'{}': no space to build an extent anew: expected {} free, found {}",
                          region.path, human_size(needed_bytes), human_size(free_bytes)));
}

RebuildResult rebuild_extent(const RegionDefinition& definition, ExtentId extent, ExtentReader& old,
                             ImageReader& image, const RebuildOptions& options) {
  return ExtentRebuild(definition, extent, old, options).run(image);
}

}  // namespace libregion
