// A region that is written, flushed and defragmented as a service does it, with what was promised
// of each of its blocks at any moment, and a judge of what a crash left.

#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "libregion/extent/open_extent.h"
#include "libregion/format/raw_layout.h"
#include "tests/unit/ops/crash_driver.h"
#include "tests/unit/region/region_writer_workshop.h"

namespace libregion {

// ---- what is done -------------------------------------------------------------------------------

struct Step {
  enum class Kind : std::uint8_t { write, write_unwritten, flush, reopen };
  Kind kind = Kind::write;
  BlockRange blocks = {};
  std::optional<ExtentId> limit = std::nullopt;
};
inline Step write(std::uint64_t first, std::uint64_t count) {
  return {Step::Kind::write, {first, count}};
}
inline Step write_unwritten(std::uint64_t first, std::uint64_t count) {
  return {Step::Kind::write_unwritten, {first, count}};
}
inline Step flush() { return {Step::Kind::flush}; }
inline Step flush_up_to(std::uint32_t extent) { return {Step::Kind::flush, {}, ExtentId{extent}}; }
inline Step reopen() { return {Step::Kind::reopen}; }

struct Workload {
  const char* name;
  std::uint32_t extent_count;
  std::uint64_t extent_size_blocks;
  bool is_encrypted;
  std::vector<Step> steps;
  bool can_sync_file_system = true;
  std::uint64_t seed_count = 24;
};

// Blocks 0, 2, 4 and so on, so many of them, one by one, and a flush: their slots are B. Then
// `rounds` writes of all blocks: with one of them most slots are B, with two A; a flush, which
// defragments, and more to be written after it.
inline std::vector<Step> scattered(std::uint64_t block_count, std::uint64_t in_b, unsigned rounds) {
  std::vector<Step> steps;
  for (std::uint64_t i = 0; i < in_b; ++i) steps.push_back(write(2 * i, 1));
  steps.push_back(flush());
  for (unsigned i = 0; i < rounds; ++i) steps.push_back(write(0, block_count));
  for (const Step& step :
       {flush(), write(1, 3), flush(), reopen(), write(0, block_count), flush()}) {
    steps.push_back(step);
  }
  return steps;
}

inline const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {"write and flush",
       2,
       8,
       false,
       {write(6, 4), flush(), write(7, 2), write(0, 3), flush(), flush()}},
      {"hot blocks", 1, 8, true, {write(2, 2), write(2, 1), write(3, 3), flush(), write(2, 2)}},
      {"only unwritten",
       2,
       8,
       true,
       {write(7, 2), write_unwritten(5, 6), flush(), write_unwritten(0, 16), flush()}},
      {"flushes with a limit",
       3,
       7,
       false,
       {write(0, 21), flush_up_to(0), write(6, 2), flush_up_to(1), reopen(), write(20, 1),
        flush()}},
      {"metadata in two sectors", 1, 133, true, {write(0, 3), flush(), write(1, 1), flush()}},
      {"defragment into A", 1, 40, false, scattered(40, 8, 2)},
      {"defragment into B", 1, 40, false, scattered(40, 8, 1)},
      {"defragment encrypted into A", 1, 40, true, scattered(40, 8, 2)},
      {"defragment encrypted into B", 1, 40, true, scattered(40, 8, 1)},
      {"defragment in two sectors", 1, 133, true, scattered(133, 9, 1), true, 6},
      {"16 extents", 16, 7, false, {write(0, 112), flush(), write(5, 9), flush()}, true, 4},
      {"16 extents, no syncfs", 16, 7, false, {write(0, 112), flush()}, false, 4},
  };
  return all;
}

// ---- what was promised --------------------------------------------------------------------------

// Of each block of the region: the version that a flush has acknowledged, and the last one that was
// sent. 0 is the block that was never written. Of each extent: the flushes that it may be of.
class Promises {
 public:
  void send(BlockRange blocks, std::uint64_t version, WriteMode mode) {
    for (std::uint64_t block = blocks.first; block < blocks.end(); ++block) {
      const bool is_left = mode == WriteMode::only_unwritten && of(sent_, block) > 0;
      if (!is_left) sent_[block] = version;
    }
  }
  // Of the dirty ones among these extents.
  void begin_flush(const std::set<std::uint32_t>& extents, std::uint64_t step) {
    for (const std::uint32_t extent : extents) {
      flush_steps_.try_emplace(extent, std::set<std::uint64_t>{0}).first->second.insert(step);
    }
  }
  void acknowledge(const std::set<std::uint32_t>& extents, std::uint64_t extent_size_blocks) {
    for (const std::uint32_t extent : extents) {
      flush_steps_[extent] = {*flush_steps_[extent].rbegin()};
      for (std::uint64_t i = 0; i < extent_size_blocks; ++i) {
        const std::uint64_t block = extent * extent_size_blocks + i;
        flushed_[block] = of(sent_, block);
      }
    }
  }
  [[nodiscard]] bool allows_numbers(std::uint32_t extent, const ExtentMetadata& metadata) const {
    const auto found = flush_steps_.find(extent);
    const std::set<std::uint64_t> never_flushed = {0};
    const auto& steps = found == flush_steps_.end() ? never_flushed : found->second;
    return std::any_of(steps.begin(), steps.end(), [&](std::uint64_t step) {
      const FlushNumbers numbers = numbers_of(step);
      return metadata.gen_number == numbers.gen_number &&
             metadata.flush_number == numbers.flush_number;
    });
  }
  // Wide ones: a part of them is none.
  static FlushNumbers numbers_of(std::uint64_t step) {
    return {step * 0x0101'0101'0101'0101, step * 0x0001'0001'0001'0001};
  }
  // Every version is written by one step, and steps are numbered upwards.
  [[nodiscard]] bool allows(std::uint64_t block, std::uint64_t version) const {
    return version >= of(flushed_, block) && version <= of(sent_, block);
  }

 private:
  static std::uint64_t of(const std::map<std::uint64_t, std::uint64_t>& versions,
                          std::uint64_t block) {
    const auto found = versions.find(block);
    return found == versions.end() ? 0 : found->second;
  }
  std::map<std::uint64_t, std::uint64_t> flushed_;
  std::map<std::uint64_t, std::uint64_t> sent_;
  std::map<std::uint32_t, std::set<std::uint64_t>> flush_steps_;
};

// A workload that goes on, with what is known of it at any moment.
class Session {
 public:
  Session(const Workload& workload, WriteOrdering ordering)
      : workload_(workload), ordering_(ordering) {}

  void run(MemoryFileSystem& memory) {
    promises_ = {};
    open(memory);
    for (std::size_t i = 0; i < workload_.steps.size(); ++i)
      take(workload_.steps[i], i + 1, memory);
    writer_.reset();
  }

  [[nodiscard]] const Promises& promises() const { return promises_; }
  // None where it is being opened.
  [[nodiscard]] const RegionWriter* writer() const { return writer_.get(); }

 private:
  void open(MemoryFileSystem& memory) {
    writer_.reset();
    RegionWriterOptions options;
    options.extents.ordering = ordering_;
    writer_ = RegionWriter::open(memory, region_path, options);
  }

  void take(const Step& step, std::uint64_t number, MemoryFileSystem& memory) {
    switch (step.kind) {
      case Step::Kind::reopen: return open(memory);
      case Step::Kind::flush: return flush_all(step, number);
      case Step::Kind::write:
      case Step::Kind::write_unwritten: break;
    }
    const WriteMode mode =
        step.kind == Step::Kind::write ? WriteMode::always : WriteMode::only_unwritten;
    promises_.send(step.blocks, number, mode);
    writer_->write(SentBlocks(step.blocks, number, workload_.is_encrypted).write(), mode);
  }

  void flush_all(const Step& step, std::uint64_t number) {
    std::set<std::uint32_t> dirty;
    for (std::uint32_t extent = 0; extent < workload_.extent_count; ++extent) {
      if (step.limit && extent > step.limit->value) break;
      if (writer_->extent(ExtentId{extent}).metadata().dirty) dirty.insert(extent);
    }
    promises_.begin_flush(dirty, number);
    writer_->flush(Promises::numbers_of(number), step.limit);
    promises_.acknowledge(dirty, workload_.extent_size_blocks);
  }

  const Workload& workload_;
  WriteOrdering ordering_;
  Promises promises_;
  std::unique_ptr<RegionWriter> writer_;
};

// ---- what is left -------------------------------------------------------------------------------

class Judge {
 public:
  Judge(const Workload& workload, const Promises& promises, bool looks_at_numbers = true)
      : workload_(workload), promises_(promises), looks_at_numbers_(looks_at_numbers) {
    for (std::uint64_t version = 1; version <= workload.steps.size(); ++version) {
      for (std::uint64_t block = 0; block < workload.extent_count * workload.extent_size_blocks;
           ++block) {
        const Bytes data = data_of(block, version);
        version_of_[on_disk_hash(data)] = version;
      }
    }
  }

  // As it is, and as it would be if the extents became dirty before anything else happens to them.
  std::string harm(MemoryFileSystem& left) const {
    if (std::string problem = harm_in(left); !problem.empty()) return problem;
    for (std::uint32_t extent = 0; extent < workload_.extent_count; ++extent) {
      const std::string path = region_path + "/" + extent_path(ExtentId{extent});
      Bytes content = left.content_of(path);
      content[content.size() - metadata_bytes] = std::byte{1};
      left.add_file(path, content);
    }
    const std::string problem = harm_in(left);
    return problem.empty() ? "" : "once it is dirty: " + problem;
  }

 private:
  std::string harm_in(MemoryFileSystem& left) const {
    const auto opened = open_region(left, region_path, {Access::read});
    if (!opened.region) return "no region";
    const auto leaf = open_directory_in(*opened.region->root, "00/000");
    std::string problem;
    for (std::uint32_t extent = 0; extent < workload_.extent_count; ++extent) {
      ExtentParts parts;
      parts.add(ExtentPart::data);
      const auto found = open_extent(*leaf, ExtentId{extent}, parts,
                                     opened.region->definition.geometry, [](File&) {});
      if (found.reader == nullptr || !found.reader->metadata()) return "an extent is damaged";
      const ExtentMetadata& metadata = *found.reader->metadata();
      if (looks_at_numbers_ && !may_be_torn(metadata) &&
          !promises_.allows_numbers(extent, metadata)) {
        return "numbers of no flush, or of an older one";
      }
      found.reader->read_blocks({0, workload_.extent_size_blocks}, [&](const BlockRecord& record) {
        if (problem.empty()) problem = harm_of(extent, record);
      });
    }
    return problem;
  }

  // Where they lie in two sectors they are written while the extent is dirty.
  bool may_be_torn(const ExtentMetadata& metadata) const {
    const auto geometry = std::get<Geometry>(Geometry::make(512, workload_.extent_size_blocks));
    return metadata.dirty && RawLayout(geometry).metadata_straddles_sector();
  }

  std::string harm_of(std::uint32_t extent, const BlockRecord& record) const {
    const std::uint64_t block = extent * workload_.extent_size_blocks + record.block;
    const std::string name =
        "extent " + std::to_string(extent) + " block " + std::to_string(record.block) + ": ";
    const BlockContext* context = record.context();
    std::uint64_t version = 0;
    if (!all_zero(record.data)) {
      const auto found = version_of_.find(record.data_hash);
      if (found == version_of_.end()) return name + "data that nobody wrote";
      version = found->second;
    }
    if (!promises_.allows(block, version)) return name + "version " + std::to_string(version);
    if (!record.selected) return name + "no slot matches";
    if ((context != nullptr) != (version > 0))
      return name + "data without context, or without data";
    if (context == nullptr) return {};
    const SentContext expected = context_of(record.data, workload_.is_encrypted);
    const bool is_right = context->on_disk_hash == record.data_hash &&
                          context->hash == expected.hash &&
                          context->encryption == expected.encryption;
    return is_right ? "" : name + "the context of other data";
  }

  const Workload& workload_;
  const Promises& promises_;
  bool looks_at_numbers_;
  std::map<std::uint64_t, std::uint64_t> version_of_;
};

inline void on_every_workload(const std::function<void(const Workload&)>& test) {
  for (const Workload& workload : workloads()) {
    INFO("workload: ", workload.name);
    test(workload);
  }
}

inline std::unique_ptr<MemoryFileSystem> before_workload(const Workload& workload) {
  auto memory = empty_region(workload.extent_count, workload.extent_size_blocks);
  memory->set_sync_file_system_available(workload.can_sync_file_system);
  return memory;
}

}  // namespace libregion
