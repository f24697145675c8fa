#include "tests/crash/region_session.h"
#include "tests/support/region_builder.h"
#include "tests/unit/ops/scattered_extents.h"

namespace libregion {
namespace {

constexpr std::uint32_t extent_count = 2;

class Maker {
 public:
  Maker(const Geometry& geometry, bool encrypted)
      : region_(
            {geometry.block_size_bytes(), geometry.extent_size_blocks(), extent_count, encrypted}),
        blocks_(geometry.extent_size_blocks()) {}

  // Every second block, and more of a later extent.
  void put_sqlite(std::uint32_t extent, bool dies) {
    const auto service = region_.make_sqlite(extent);
    for (std::uint64_t block = 0; block < blocks_; block += 2 - extent) {
      service->write(block, region_.data_for(block, extent));
    }
    service->flush(1, 5 + extent);
    if (dies) {
      service->die();
    } else {
      service->close_cleanly();
    }
  }

  // Not flushed after its last writes.
  void put_dirty_sqlite(std::uint32_t extent, bool with_rows, bool dies) {
    const auto service = region_.make_sqlite(extent);
    const std::uint64_t last = blocks_ - 1;
    service->write(0, region_.data_for(0));
    service->flush(1, 5);
    service->write(last, region_.data_for(last, 1));
    if (with_rows) {
      service->write(0, region_.data_for(0, 2));
      service->write(last, region_.data_for(last, 3), std::nullopt, /*data_arrives=*/false);
    }
    if (dies) {
      service->die();
    } else {
      service->close_cleanly();
    }
  }

  void put_raw(std::uint32_t extent, bool encrypted) {
    region_.put_raw(extent, scatter(region_.raw(), blocks_, {5 + extent, encrypted, 5 - extent}));
  }

  [[nodiscard]] std::unique_ptr<MemoryFileSystem> load() const {
    auto memory = std::make_unique<MemoryFileSystem>();
    memory->load(region_.path(), region_path);
    return memory;
  }

 private:
  TestRegion region_;
  std::uint64_t blocks_;
};

// As many bytes behind the data as a migration of one extent had written, and a few of the other.
void add_tails(MemoryFileSystem& memory, const Geometry& geometry) {
  const auto migrated = memory.copy();
  perform(RegionStep::migrate, geometry, *migrated);
  memory.add_file("/r/00/000/000", migrated->content_of("/r/00/000/000"));
  Bytes half = migrated->content_of("/r/00/000/001");
  half.resize(geometry.extent_data_bytes() + 50);
  memory.add_file("/r/00/000/001", half);
}

// Extent 0 is to become what extent 1 is.
void add_replacement(MemoryFileSystem& memory) {
  for (const char* suffix : {"", ".db", ".db-wal", ".db-shm"}) {
    const std::string source = std::string("/r/00/000/001") + suffix;
    if (!memory.exists(source)) continue;
    memory.add_file(std::string("/r/00/000/000.replace/000") + suffix, memory.content_of(source));
  }
}

// A replica that has all; a block that is damaged, and an extent that has to be built anew.
void add_damage(MemoryFileSystem& memory, const Geometry& geometry) {
  for (const auto& [path, entry] : memory.tree(region_path)) {
    if (entry.kind == FileKind::regular) memory.add_file("/d/" + path, entry.content);
  }
  const auto change = [&](const std::string& path, auto work) {
    Bytes content = memory.content_of(path);
    work(content);
    memory.remove(path);
    memory.add_file(path, content);
  };
  const auto damage_last_block = [&](Bytes& content) {
    content[geometry.extent_data_bytes() - 1] ^= std::byte{1};
  };
  change("/r/00/000/000", damage_last_block);
  const bool is_sqlite = memory.exists("/r/00/000/001.db");
  change(is_sqlite ? "/r/00/000/001.db" : "/r/00/000/001",
         [](Bytes& content) { content.resize(90); });
}

}  // namespace

std::string_view region_start_name(RegionStart start) {
  switch (start) {
    case RegionStart::nothing: return "nothing";
    case RegionStart::sqlite_clean: return "sqlite-clean";
    case RegionStart::sqlite_dirty: return "sqlite-dirty";
    case RegionStart::sqlite_rows: return "sqlite-rows";
    case RegionStart::sqlite_hot: return "sqlite-hot";
    case RegionStart::sqlite_tails: return "sqlite-tails";
    case RegionStart::sqlite_replace: return "sqlite-replace";
    case RegionStart::sqlite_damaged: return "sqlite-damaged";
    case RegionStart::raw: return "raw";
    case RegionStart::raw_encrypted: return "raw-encrypted";
    case RegionStart::raw_replace: return "raw-replace";
    case RegionStart::raw_damaged: break;
  }
  return "raw-damaged";
}

std::unique_ptr<MemoryFileSystem> region_at(RegionStart start, const Geometry& geometry) {
  if (start == RegionStart::nothing) return std::make_unique<MemoryFileSystem>();
  const bool encrypted = start == RegionStart::raw_encrypted;
  Maker maker(geometry, encrypted);
  if (start >= RegionStart::raw) {
    for (std::uint32_t extent = 0; extent < extent_count; ++extent) {
      maker.put_raw(extent, encrypted);
    }
  } else if (start == RegionStart::sqlite_dirty || start == RegionStart::sqlite_rows) {
    maker.put_sqlite(0, false);
    maker.put_dirty_sqlite(1, start == RegionStart::sqlite_rows, false);
  } else if (start == RegionStart::sqlite_hot) {
    maker.put_sqlite(0, true);
    maker.put_dirty_sqlite(1, true, true);
  } else {
    // What is replaced has its rows in a log, which must not meet the other database.
    const bool is_damaged = start == RegionStart::sqlite_damaged;
    maker.put_sqlite(0, is_damaged || start == RegionStart::sqlite_replace);
    maker.put_sqlite(1, is_damaged);
  }
  auto memory = maker.load();
  if (start == RegionStart::sqlite_tails) add_tails(*memory, geometry);
  if (start == RegionStart::sqlite_replace || start == RegionStart::raw_replace) {
    add_replacement(*memory);
  }
  if (start == RegionStart::sqlite_damaged || start == RegionStart::raw_damaged) {
    add_damage(*memory, geometry);
  }
  return memory;
}

}  // namespace libregion
