#include "tests/crash/region_session.h"

#include <map>

#include "libregion/extent/open_extent.h"
#include "libregion/extent/raw_extent_writer.h"
#include "libregion/ops/create.h"
#include "libregion/ops/defragment.h"
#include "libregion/ops/import.h"
#include "libregion/ops/migrate_into.h"
#include "libregion/ops/repair.h"
#include "libregion/region/leaf.h"
#include "tests/crash/keys.h"
#include "tests/support/random.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

const std::string leaf_path = "/r/00/000";
const std::string replica_path = "/d";

bool has_database(const MemoryFileSystem& memory) {
  return memory.exists(leaf_path + "/000.db") || memory.exists(leaf_path + "/001.db");
}

// One and a half extents of data, each thread's in a file of its own.
std::string image_for(const Geometry& geometry) {
  thread_local const TemporaryDirectory files;
  thread_local std::map<std::uint64_t, std::string> paths;
  const std::uint64_t size_bytes = geometry.extent_data_bytes() * 3 / 2;
  std::string& path = paths[size_bytes];
  if (path.empty()) {
    path = files.path() + "/" + std::to_string(size_bytes);
    write_whole_file(path, Random(size_bytes).bytes(size_bytes));
  }
  return path;
}

void create(const Geometry& geometry, MemoryFileSystem& memory) {
  InputStream image(image_for(geometry));
  CreateOptions options{{geometry, 2, *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"), false}};
  options.image = &image;
  options.force = true;
  create_region(memory, region_path, options);
}

void import(const Geometry& geometry, MemoryFileSystem& memory) {
  InputStream image(image_for(geometry));
  ListReporter reporter(nullptr);
  ImportOptions options;
  options.image = &image;
  options.first_block = geometry.extent_size_blocks() / 4;
  import_image(open_for(memory, Access::read_write), options, reporter);
}

void migrate(MemoryFileSystem& memory) {
  ListReporter reporter(nullptr);
  migrate_region(open_for(memory, Access::read_write), {}, reporter);
}

void migrate_into(MemoryFileSystem& memory) {
  ListReporter reporter(nullptr);
  MigrateIntoOptions options;
  options.target = new_region_path;
  options.force = true;
  migrate_region_into(memory, open_for(memory, Access::read), options, reporter);
}

void defragment(MemoryFileSystem& memory) {
  ListReporter reporter(nullptr);
  defragment_region(open_for(memory, Access::read_write), {}, reporter);
}

void repair(MemoryFileSystem& memory) {
  ListReporter reporter(nullptr);
  const OpenedRegion replica = open_region(memory, replica_path, {});
  RepairOptions options;
  options.dry_run = false;
  options.replicas = {&*replica.region};
  repair_region(open_for(memory, Access::read_write), options, reporter);
}

void write_blocks(RawExtentWriter& writer, const Geometry& geometry, BlockRange range) {
  Bytes data;
  std::vector<SentContext> contexts;
  for (std::uint64_t block = range.first; block < range.end(); ++block) {
    const Bytes one = Random(7777 + block).bytes(geometry.block_size_bytes());
    contexts.push_back({on_disk_hash(one), std::nullopt});
    data.insert(data.end(), one.begin(), one.end());
  }
  writer.write({range.first, data, contexts});
}

void write(const Geometry& geometry, MemoryFileSystem& memory) {
  const auto root = expect_opened(memory.open_directory(region_path), region_path);
  const std::uint64_t blocks = geometry.extent_size_blocks();
  for (const char* name : {"00/000/000", "00/000/001"}) {
    const auto writer =
        RawExtentWriter::open(open_file_in(*root, name, Access::read_write), geometry, {});
    write_blocks(*writer, geometry, {blocks / 2, (blocks + 3) / 4});
    if (std::string(name).ends_with('0')) writer->flush(5, 50);
    // A flush may be followed by copies that are durable at some time or other: which bytes a tool
    // finds would be chance.
    writer->sync();
  }
}

void receive(MemoryFileSystem& memory) {
  memory.add_file(leaf_path + "/001.replace/001", memory.content_of(leaf_path + "/000"));
}

}  // namespace

std::string_view region_step_name(RegionStep step) {
  switch (step) {
    case RegionStep::create: return "create";
    case RegionStep::import: return "import";
    case RegionStep::migrate: return "migrate";
    case RegionStep::migrate_into: return "migrate-into";
    case RegionStep::defragment: return "defragment";
    case RegionStep::repair: return "repair";
    case RegionStep::write: return "write";
    case RegionStep::receive: break;
  }
  return "receive";
}

bool is_operation(RegionStep step) {
  return step != RegionStep::write && step != RegionStep::receive;
}

bool applies(RegionStep step, const MemoryFileSystem& memory) {
  if (memory.exists(replica_path)) return step == RegionStep::repair;
  const bool is_there = memory.exists("/r/region.json");
  const bool is_pending =
      memory.exists(leaf_path + "/000.replace") || memory.exists(leaf_path + "/001.replace");
  const bool is_raw = is_there && !has_database(memory);
  const bool is_encrypted =
      is_there &&
      to_text(memory.content_of("/r/region.json")).find("\"encrypted\": true") != std::string::npos;
  switch (step) {
    case RegionStep::create: return !is_there;
    case RegionStep::import: return is_raw && !is_encrypted;
    case RegionStep::migrate: return is_there && (!is_raw || is_pending);
    case RegionStep::migrate_into: return is_there && !memory.exists(new_region_path);
    case RegionStep::repair: return false;
    case RegionStep::defragment:
    case RegionStep::write:
    case RegionStep::receive: break;
  }
  return is_raw && !is_pending;
}

void perform(RegionStep step, const Geometry& geometry, MemoryFileSystem& memory) {
  switch (step) {
    case RegionStep::create: return create(geometry, memory);
    case RegionStep::import: return import(geometry, memory);
    case RegionStep::migrate: return migrate(memory);
    case RegionStep::migrate_into: return migrate_into(memory);
    case RegionStep::defragment: return defragment(memory);
    case RegionStep::repair: return repair(memory);
    case RegionStep::write: return write(geometry, memory);
    case RegionStep::receive: return receive(memory);
  }
}

std::vector<std::string> contents_of(MemoryFileSystem& memory, const std::string& path) {
  const auto opened = open_region(memory, path, {Access::read, false, 0});
  if (!opened.region) return {};
  const Region& region = *opened.region;
  const Leaf leaf = Leaf::open(region, LeafId{0});
  std::vector<std::string> contents;
  for (std::uint32_t number = 0; number < region.definition.extent_count; ++number) {
    const ExtentParts parts = leaf.parts_of(ExtentId{number});
    if (!parts.has(ExtentPart::data)) {
      contents.emplace_back("missing");
      continue;
    }
    const auto extent = open_extent(*leaf.directory(), ExtentId{number}, parts,
                                    region.definition.geometry, [](File&) {});
    Key key;
    bool is_readable = extent.reader != nullptr;
    if (is_readable) {
      extent.reader->read_blocks(
          {0, extent.reader->readable_blocks()}, [&](const BlockRecord& record) {
            key.add(record.data_hash);
            const BlockContext* context = record.context();
            if (context == nullptr) return;
            key.add(context->hash).add(context->on_disk_hash);
            if (context->encryption) {
              key.add(ByteView(context->encryption->nonce)).add(ByteView(context->encryption->tag));
            }
          });
      is_readable = extent.reader->metadata().has_value();
    }
    contents.push_back(is_readable ? std::to_string(key.value()) : "unreadable");
  }
  return contents;
}

}  // namespace libregion
