#include "tests/unit/ops/repair_scenarios.h"

#include <algorithm>

#include "libregion/format/raw_layout.h"
#include "tests/support/live_sqlite_writer.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/scenario_parts.h"

namespace libregion {
namespace {

std::string file_of(std::uint32_t extent) { return "/r/" + extent_path(ExtentId{extent}); }

// Changes the bytes of an extent's file.
void change(MemoryFileSystem& memory, std::uint32_t extent,
            const std::function<void(Bytes&)>& work) {
  Bytes content = memory.content_of(file_of(extent));
  work(content);
  memory.remove(file_of(extent));
  memory.add_file(file_of(extent), content);
}

RawLayout layout_of(std::uint64_t block_count) {
  return RawLayout(std::get<Geometry>(Geometry::make(512, block_count)));
}

void flip_bit(Bytes& content, const RawLayout& layout, std::uint64_t block) {
  content[layout.bits_offset_bytes() + block / 8] ^= std::byte{1} << (block % 8);
}

void set_paddings(Bytes& content, const RawLayout& layout) {
  content[layout.metadata_offset_bytes() + metadata_padding_offset + 1] = std::byte{0xAA};
  content[layout.metadata_offset_bytes() - 1] |= std::byte{0x80};
  content[layout.slot_offset_bytes(ContextSlot::B, 2) + plain_slot_bytes + 3] = std::byte{7};
}

std::unique_ptr<MemoryFileSystem> with_wrong_bits(std::uint64_t block_count) {
  auto memory = created(ExtentFormat::raw, 3, block_count);
  const RawLayout layout = layout_of(block_count);
  for (const std::uint32_t extent : {0U, 1U}) {
    change(*memory, extent, [&](Bytes& content) {
      for (std::uint64_t block = extent; block < block_count; block += 2) {
        flip_bit(content, layout, block);
      }
    });
  }
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_paddings() {
  auto memory = created(ExtentFormat::raw, 2, 7);
  change(*memory, 0, [&](Bytes& content) {
    set_paddings(content, layout_of(7));
    flip_bit(content, layout_of(7), 2);
  });
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_stray_logs() {
  auto memory = created(ExtentFormat::raw, 3, 7);
  memory->add_file("/r/00/000/000.db-wal", Bytes(700, std::byte{1}));
  memory->add_file("/r/00/000/000.db-shm", Bytes(40, std::byte{2}));
  memory->add_file("/r/00/000/001.db-shm", Bytes(40, std::byte{3}));
  change(*memory, 1, [&](Bytes& content) { flip_bit(content, layout_of(7), 3); });
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_stray_log() {
  auto memory = created(ExtentFormat::raw, 1, 7);
  memory->add_file("/r/00/000/000.db-wal", Bytes(700, std::byte{1}));
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_interrupted_repairs() {
  auto memory = created(ExtentFormat::raw, 3, 7);
  add_repair(*memory, "000.copy", "000", *memory, "001");
  add_repair(*memory, "001.replace", "001", *memory, "000");
  add_repair(*memory, "002.completed", "002", *memory, "000");
  change(*memory, 0, [&](Bytes& content) { flip_bit(content, layout_of(7), 3); });
  return memory;
}

// Of an extent that has been half copied over, of one that is gone, and one with a wrong bit in it.
std::unique_ptr<MemoryFileSystem> with_raw_replacement() {
  auto memory = created(ExtentFormat::raw, 3, 7);
  const Bytes damaged = [&] {
    Bytes content = memory->content_of(file_of(1));
    flip_bit(content, layout_of(7), 3);
    return content;
  }();
  add_repair(*memory, "000.replace", "000", *memory, "001");
  memory->add_file("/r/00/000/001.replace/001", damaged);
  add_repair(*memory, "002.replace", "002", *memory, "000");
  change(*memory, 0, [](Bytes& content) { content.resize(1500); });
  memory->remove(file_of(2));
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_sqlite_replacement() {
  auto memory = created(ExtentFormat::sqlite, 2, 7);
  memory->add_file("/r/00/000/001.db-shm", Bytes(40, std::byte{3}));
  add_repair(*memory, "001.replace", "001", *memory, "000");
  return memory;
}

// ---- with a replica -----------------------------------------------------------------------------

std::unique_ptr<MemoryFileSystem> with_replica(ExtentFormat format = ExtentFormat::raw,
                                               ExtentFormat replica_format = ExtentFormat::raw) {
  auto memory = created(format, 3, 7);
  const auto replica = created(replica_format, 3, 7);
  for (const auto& [path, entry] : replica->tree("/r")) {
    if (entry.kind == FileKind::regular) memory->add_file("/d/" + path, entry.content);
  }
  return memory;
}

void damage_block(Bytes& content, std::uint64_t block) {
  content[block * 512 + 77] ^= std::byte{0xFF};
}

std::unique_ptr<MemoryFileSystem> with_damaged_blocks() {
  auto memory = with_replica();
  change(*memory, 0, [](Bytes& content) {
    damage_block(content, 2);
    damage_block(content, 3);
    content[layout_of(7).slot_offset_bytes(ContextSlot::B, 6)] = std::byte{9};
    flip_bit(content, layout_of(7), 4);
  });
  // Never written, and so it is in the replica.
  change(*memory, 2, [](Bytes& content) { damage_block(content, 5); });
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_extents_gone() {
  auto memory = with_replica();
  memory->remove(file_of(0));
  change(*memory, 1, [](Bytes& content) { content.resize(700); });
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_lost_metadata() {
  auto memory = with_replica();
  change(*memory, 1,
         [](Bytes& content) { content[layout_of(7).metadata_offset_bytes()] = std::byte{2}; });
  return memory;
}

// The replica is one flush behind.
std::unique_ptr<MemoryFileSystem> with_older_replica() {
  auto memory = with_replica();
  change(*memory, 1, [](Bytes& content) {
    content[layout_of(7).metadata_offset_bytes() + 9] = std::byte{8};
    damage_block(content, 1);
  });
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_newer_replica() {
  auto memory = with_older_replica();
  const Bytes newer = memory->content_of(file_of(1));
  const Bytes older = memory->content_of("/d/" + extent_path(ExtentId{1}));
  change(*memory, 1, [&](Bytes& content) {
    content = older;
    damage_block(content, 1);
  });
  Bytes whole = newer;
  damage_block(whole, 1);
  memory->remove("/d/" + extent_path(ExtentId{1}));
  memory->add_file("/d/" + extent_path(ExtentId{1}), whole);
  return memory;
}

// ---- SQLite extents -----------------------------------------------------------------------------

void put(MemoryFileSystem& memory, const std::string& path, const Bytes& content) {
  if (memory.exists(path)) memory.remove(path);
  memory.add_file(path, content);
}

// A block's data, and all that a data file has behind its first blocks.
std::unique_ptr<MemoryFileSystem> with_damaged_sqlite(ExtentFormat replica_format) {
  auto memory = with_replica(ExtentFormat::sqlite, replica_format);
  change(*memory, 0, [](Bytes& content) {
    damage_block(content, 2);
    damage_block(content, 3);
  });
  change(*memory, 1, [](Bytes& content) { content.resize(5 * 512 + 100); });
  // Never written, and so it is in the replica; and a migration has begun here.
  change(*memory, 2, [](Bytes& content) {
    damage_block(content, 5);
    content.resize(content.size() + 200, std::byte{4});
  });
  return memory;
}

// No database that can be read, beside logs; no data file.
std::unique_ptr<MemoryFileSystem> with_lost_sqlite_files() {
  auto memory = with_replica(ExtentFormat::sqlite, ExtentFormat::sqlite);
  put(*memory, "/r/00/000/000.db", Bytes(900, std::byte{1}));
  memory->add_file("/r/00/000/000.db-wal", Bytes(700, std::byte{2}));
  memory->add_file("/r/00/000/000.db-shm", Bytes(40, std::byte{3}));
  memory->remove(file_of(1));
  return memory;
}

// The replica is one flush behind; what it has of one block is not what was lost.
std::unique_ptr<MemoryFileSystem> with_older_sqlite_replica() {
  auto memory = with_replica(ExtentFormat::sqlite);
  change(*memory, 1, [](Bytes& content) { damage_block(content, 1); });
  const std::string older = "/d/" + extent_path(ExtentId{1});
  Bytes content = memory->content_of(older);
  content[layout_of(7).metadata_offset_bytes() + 9] = std::byte{0};
  put(*memory, older, content);
  return memory;
}

// With these statements done upon its database, as by a service that then stopped.
void change_database(MemoryFileSystem& memory, std::uint32_t extent, const std::string& sql) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  const std::string path = "/r/" + extent_path(ExtentId{extent}, ExtentPart::db);
  write_whole_file(data, memory.content_of(file_of(extent)));
  write_whole_file(data + ".db", memory.content_of(path));
  LiveSqliteWriter service(data, std::get<Geometry>(Geometry::make(512, 7)));
  service.execute(sql);
  service.close_cleanly();
  put(memory, path, read_whole_file(data + ".db"));
}

// Rows that cannot be contexts: of blocks that another row proves, and of ones that none does.
std::unique_ptr<MemoryFileSystem> with_bad_rows() {
  auto memory = with_replica(ExtentFormat::sqlite);
  change_database(*memory, 0, "INSERT INTO block_context VALUES (2, NULL, NULL, NULL, 5)");
  change_database(*memory, 1, "UPDATE block_context SET nonce = x'00' WHERE block IN (3, 4)");
  return memory;
}

// Several rows of one block, none of them that of the data.
std::unique_ptr<MemoryFileSystem> with_ambiguous_rows() {
  auto memory = with_replica(ExtentFormat::sqlite);
  change_database(*memory, 0,
                  "UPDATE block_context SET hash = 8, on_disk_hash = 8 WHERE block = 3;"
                  "INSERT INTO block_context VALUES (3, 9, NULL, NULL, 9), (4, 9, NULL, NULL, 9)");
  return memory;
}

std::unique_ptr<MemoryFileSystem> with_lost_sqlite_metadata() {
  auto memory = with_replica(ExtentFormat::sqlite);
  change_database(*memory, 1, "DELETE FROM metadata WHERE name = 'gen_number'");
  return memory;
}

void add_sqlite_scenarios(std::vector<RepairScenario>& scenarios) {
  const auto add = [&](const char* name, std::unique_ptr<MemoryFileSystem> before) {
    scenarios.push_back({name, std::move(before)});
    scenarios.back().has_replica = true;
  };
  add("damaged SQLite extents", with_damaged_sqlite(ExtentFormat::sqlite));
  add("damaged SQLite extents, no syncfs",
      without_syncfs(with_damaged_sqlite(ExtentFormat::sqlite)));
  add("damaged SQLite extents, a raw replica", with_damaged_sqlite(ExtentFormat::raw));
  scenarios.back().is_large = true;
  add("SQLite extents that have lost files", with_lost_sqlite_files());
  add("a SQLite extent, an older replica", with_older_sqlite_replica());
  scenarios.back().mix = true;
  add("ambiguous rows", with_ambiguous_rows());
  scenarios.back().is_large = true;
  add("bad rows", with_bad_rows());
  add("lost metadata of a SQLite extent", with_lost_sqlite_metadata());
  scenarios.back().is_large = true;

  scenarios.push_back(
      {"forgotten blocks of SQLite extents", with_damaged_sqlite(ExtentFormat::raw)});
  scenarios.back().forget = "2-3,12,13,19";
  scenarios.back().is_large = true;
  scenarios.push_back({"given metadata of a SQLite extent", with_lost_sqlite_metadata()});
  scenarios.back().metadata = ExtentMetadata{.dirty = true, .gen_number = 3, .flush_number = 17};
  scenarios.back().is_large = true;
}

void add_scenarios_with_replica(std::vector<RepairScenario>& scenarios) {
  const auto add = [&](const char* name, std::unique_ptr<MemoryFileSystem> before) {
    scenarios.push_back({name, std::move(before)});
    scenarios.back().has_replica = true;
  };
  add("damaged blocks", with_damaged_blocks());
  add("damaged blocks, no syncfs", without_syncfs(with_damaged_blocks()));
  add("extents that are gone", with_extents_gone());
  add("lost metadata", with_lost_metadata());
  add("a newer replica", with_newer_replica());
  add("an older replica", with_older_replica());
  scenarios.back().mix = true;

  scenarios.push_back({"forgotten blocks", with_damaged_blocks()});
  scenarios.back().forget = "2-3,6,19";
  scenarios.push_back({"given metadata", with_lost_metadata()});
  scenarios.back().metadata = ExtentMetadata{.dirty = true, .gen_number = 3, .flush_number = 17};
}

std::vector<RepairScenario> make_repair_scenarios() {
  std::vector<RepairScenario> scenarios;
  // The bits of 261 blocks lie in two sectors.
  scenarios.push_back({"wrong bits", with_wrong_bits(261)});
  scenarios.back().is_large = true;
  scenarios.push_back({"wrong bits of 7 blocks", with_wrong_bits(7)});
  scenarios.push_back({"wrong bits, no syncfs", without_syncfs(with_wrong_bits(7))});
  scenarios.push_back({"paddings", with_paddings()});
  scenarios.push_back({"stray logs", with_stray_logs()});
  scenarios.push_back({"a stray log, no syncfs", without_syncfs(with_stray_log())});
  scenarios.push_back({"interrupted repairs", with_interrupted_repairs(), true});
  scenarios.push_back({"a raw replacement", with_raw_replacement()});
  scenarios.push_back({"a SQLite replacement", with_sqlite_replacement()});
  add_scenarios_with_replica(scenarios);
  add_sqlite_scenarios(scenarios);
  return scenarios;
}

}  // namespace

const std::vector<RepairScenario>& repair_scenarios() {
  static const std::vector<RepairScenario> scenarios = make_repair_scenarios();
  return scenarios;
}

const RepairScenario& repair_scenario(const std::string& name) {
  return *std::find_if(repair_scenarios().begin(), repair_scenarios().end(),
                       [&](const auto& scenario) { return scenario.name == name; });
}

RepairSummary repair(MemoryFileSystem& memory, const RepairScenario& scenario,
                     std::vector<std::string>* findings, unsigned jobs, Progress* progress) {
  const Region region = open_for(memory, Access::read_write);
  ListReporter reporter(findings);
  RepairOptions options;
  OpenedRegion replica;
  if (scenario.has_replica) {
    replica = open_region(memory, "/d", {});
    options.replicas.push_back(&*replica.region);
  }
  options.mix = scenario.mix;
  if (!scenario.forget.empty()) {
    options.forget = BlockSelection::parse(scenario.forget, std::nullopt);
  }
  options.metadata = scenario.metadata;
  options.dry_run = false;
  options.walk.jobs = jobs;
  options.progress = progress;
  options.undo_path = undo_path;
  options.undo_file_system = &memory;
  return repair_region(region, options, reporter);
}

UndoSummary undo(MemoryFileSystem& memory, std::vector<std::string>* findings) {
  const Region region = open_for(memory, Access::read_write);
  ListReporter reporter(findings);
  const auto root = std::get<std::unique_ptr<Directory>>(memory.open_directory("/"));
  const UndoFile file(open_file_in(*root, undo_path.substr(1), Access::read));
  return undo_repair(region, file, {.dry_run = false}, reporter);
}

}  // namespace libregion
