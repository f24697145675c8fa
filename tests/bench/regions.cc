#include "libregion/extent/raw_image.h"
#include "libregion/extent/sqlite_tables.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/integrity.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/ops/create.h"
#include "tests/bench/commands.h"
#include "tests/support/random.h"

namespace libregion::bench {
namespace {

constexpr std::uint64_t block_size_bytes = 4096;

CreateOptions options_from(const Arguments& arguments, bool encrypted) {
  const auto geometry = Geometry::make(block_size_bytes, arguments.number("blocks", 16'384));
  return {{std::get<Geometry>(geometry), static_cast<std::uint32_t>(arguments.number("extents", 1)),
           *parse_uuid("c0ffee00-0000-4000-8000-000000000002"), encrypted}};
}

SlotArray contexts_for(std::uint64_t block_count, std::uint64_t row_count, bool encrypted) {
  Random random(1);
  SlotArray contexts(block_count);
  for (std::uint64_t block = 0; block < row_count; ++block) {
    BlockContext context{random.next(), std::nullopt, random.next(), 0};
    if (encrypted) {
      context.encryption.emplace();
      random.fill(context.encryption->nonce);
      random.fill(context.encryption->tag);
    }
    contexts.set(block, context);
  }
  return contexts;
}

// Data that do not repeat, and the contexts that belong to them.
struct WrittenExtent {
  Bytes data;
  SlotArray contexts;
};

WrittenExtent write_extent(const Geometry& geometry) {
  WrittenExtent written{Random(3).bytes(geometry.extent_data_bytes()),
                        SlotArray(geometry.extent_size_blocks())};
  std::vector<std::uint64_t> hashes(geometry.extent_size_blocks());
  on_disk_hashes(written.data, geometry.block_size_bytes(), hashes);
  for (std::uint64_t block = 0; block < hashes.size(); ++block) {
    written.contexts.set(block, {hashes[block], std::nullopt, hashes[block], 0});
  }
  return written;
}

void for_each_extent_file(const std::string& path, std::uint32_t extent_count, ExtentPart part,
                          const std::function<void(File&)>& change) {
  PosixFileSystem file_system;
  for (std::uint32_t number = 0; number < extent_count; ++number) {
    const ExtentId extent{number};
    const std::string leaf_path = path + "/" + leaf_directory_path(leaf_of(extent));
    const auto leaf = expect_opened(file_system.open_directory(leaf_path), leaf_path);
    const std::string name = extent_file_name(extent, part);
    change(*expect_opened(leaf->open_file(name, Access::read_write), name));
  }
}

}  // namespace

void make_sqlite_region(const Arguments& arguments) {
  const bool encrypted = arguments.number("encrypted", 0) != 0;
  CreateOptions options = options_from(arguments, encrypted);
  options.format = ExtentFormat::sqlite;
  PosixFileSystem file_system;
  create_region(file_system, arguments.word(0), options);
  const Geometry& geometry = options.definition.geometry;
  const std::uint64_t block_count = geometry.extent_size_blocks();
  ExtentMetadata metadata{false, 3, 12, sqlite_ext_version, 0, 0};
  WrittenExtent written;
  if (arguments.number("dirty", 0) != 0) {
    metadata.dirty = true;
    written = write_extent(geometry);
    for_each_extent_file(arguments.word(0), options.definition.extent_count, ExtentPart::data,
                         [&](File& file) { file.write(0, written.data); });
  } else {
    written.contexts = contexts_for(block_count, arguments.number("rows", block_count), encrypted);
  }
  const Bytes image = build_sqlite_image(metadata, written.contexts);
  for_each_extent_file(arguments.word(0), options.definition.extent_count, ExtentPart::db,
                       [&](File& file) { file.write(0, image); });
}

void make_scattered_region(const Arguments& arguments) {
  const CreateOptions options = options_from(arguments, /*encrypted=*/true);
  PosixFileSystem file_system;
  create_region(file_system, arguments.word(0), options);
  const RawLayout layout(options.definition.geometry);
  const std::uint64_t block_count = options.definition.geometry.extent_size_blocks();
  const SlotArray slots = contexts_for(block_count, block_count, /*encrypted=*/true);
  Bytes tail = Random(2).bytes(layout.bits_bytes());
  tail.resize(layout.tail_bytes());
  encode_metadata({false, 3, 12, raw_ext_version, 0, 0}, std::span(tail).last<metadata_bytes>());
  for_each_extent_file(arguments.word(0), options.definition.extent_count, ExtentPart::data,
                       [&](File& file) {
                         for (const ContextSlot array : {ContextSlot::A, ContextSlot::B}) {
                           file.write(layout.slot_array_offset_bytes(array), slots.bytes());
                         }
                         file.write(layout.bits_offset_bytes(), tail);
                       });
}

}  // namespace libregion::bench
