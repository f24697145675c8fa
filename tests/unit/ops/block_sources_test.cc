// Which replica each block of an extent is taken from: of one that is there, and of one that is
// gone.

#include "libregion/ops/block_sources.h"

#include <doctest/doctest.h>

#include "libregion/extent/raw_extent.h"
#include "tests/support/raw_extent_builder.h"
#include "tests/unit/extent/byte_file.h"

namespace libregion {
namespace {

constexpr std::uint64_t block_count = 6;

RawExtentBuilder written() { return RawExtentBuilder(512, block_count).write_all(); }
RawExtentBuilder without(const std::vector<std::uint64_t>& blocks) {
  RawExtentBuilder built = written();
  for (const std::uint64_t block : blocks) built.corrupt_data(block);
  return built;
}

std::string text_of(const std::vector<BlockRange>& ranges) {
  std::string text;
  for (const BlockRange& range : ranges) {
    text += " " + std::to_string(range.first) + "-" + std::to_string(range.end() - 1);
  }
  return text;
}

// "whole 0-3 of 1, 4-5 of 2; missing 3-3; unmixed 4-4", and the numbers that the extent has then.
struct Found {
  std::string text;
  ExtentMetadata metadata;
};

// The first is the extent itself; those that are not there are nullopt.
Found find(const std::vector<std::optional<RawExtentBuilder>>& replicas,
           const SourceOptions& options = {}) {
  const Geometry geometry = std::get<Geometry>(Geometry::make(512, block_count));
  std::vector<std::unique_ptr<ExtentReader>> readers;
  std::vector<ExtentReader*> all;
  for (const auto& replica : replicas) {
    readers.emplace_back();
    if (replica) {
      readers.back() = RawExtent::open(std::make_unique<ByteFile>(replica->bytes()), geometry,
                                       ExtentId{0}, "00/000/000")
                           .reader;
    }
    all.push_back(readers.back().get());
  }
  const auto metadata = all.front() == nullptr ? std::nullopt : all.front()->metadata();
  const BlockSources found =
      find_block_sources(all, {geometry, 1, Uuid{}, false}, metadata, options);
  std::string text = found.is_whole ? "whole" : "";
  for (const BlockSources::Run& run : found.runs) {
    const std::string source = run.source == BlockSources::forgotten ? "nothing"
                               : run.source == BlockSources::stays   ? "itself"
                                                                     : std::to_string(run.source);
    text += (text.empty()      ? ""
             : text == "whole" ? " "
                               : ", ") +
            text_of({run.blocks}).substr(1) + " of " + source;
  }
  if (found.is_mixed) text += " mixed";
  if (found.is_stuck) text += " stuck";
  if (!found.missing.empty()) text += "; missing" + text_of(found.missing);
  if (!found.unmixed.empty()) text += "; unmixed" + text_of(found.unmixed);
  return {text, found.metadata};
}

SourceOptions mixing() {
  SourceOptions options;
  options.mix = true;
  return options;
}

SourceOptions forgetting(std::vector<BlockRange> blocks) {
  SourceOptions options;
  options.forgotten = std::move(blocks);
  return options;
}

// ---- the extent is there ------------------------------------------------------------------------

TEST_CASE("a damaged block is taken from whoever has it with the same numbers") {
  CHECK(find({without({1, 2, 4}), without({2}), written()}).text == "1-1 of 1, 2-2 of 2, 4-4 of 1");
  CHECK(find({without({1}), std::nullopt}).text == "; missing 1-1");
}

TEST_CASE(
    "newer replicas are taken whole where a block cannot be had otherwise, if they have all") {
  const RawExtentBuilder newer = written().set_numbers(1, 2);
  CHECK(find({without({1}), newer}).text == "whole 0-5 of 1");
  CHECK(find({without({1}), newer}).metadata.flush_number == 2);
  // This one lacks another block itself.
  CHECK(find({without({1}), without({3}).set_numbers(1, 2)}).text == "; unmixed 1-1");
  const Found mixed = find({without({1}), without({3}).set_numbers(1, 2)}, mixing());
  CHECK(mixed.text == "1-1 of 1 mixed");
  CHECK(mixed.metadata.dirty);
}

TEST_CASE("what is forgotten needs no source, and is left where it is empty already") {
  CHECK(find({without({1, 2}), written()}, forgetting({{1, 1}})).text ==
        "1-1 of nothing, 2-2 of 1");
  CHECK(find({RawExtentBuilder(512, block_count).write(1)}, forgetting({{0, 2}})).text ==
        "1-1 of nothing");
}

// ---- it is gone ---------------------------------------------------------------------------------

TEST_CASE("an extent that is gone is put together of the newest with the same numbers") {
  CHECK(find({std::nullopt, without({0, 1}), without({4, 5})}).text == "whole 0-1 of 2, 2-5 of 1");
}

TEST_CASE("of an extent that is gone older replicas fill up only where they may be mixed") {
  const RawExtentBuilder newest = without({2, 3}).set_numbers(1, 7);
  CHECK(find({std::nullopt, newest, written()}).text == "; unmixed 2-3");
  const Found mixed = find({std::nullopt, newest, written()}, mixing());
  CHECK(mixed.text == "whole 0-1 of 1, 2-3 of 2, 4-5 of 1 mixed");
  CHECK(mixed.metadata.dirty);
  CHECK(mixed.metadata.flush_number == 7);
}

TEST_CASE("of an extent that is gone nothing is taken where a block is nowhere") {
  const RawExtentBuilder newest = without({2, 3}).set_numbers(1, 7);
  for (const SourceOptions& options : {SourceOptions{}, mixing()}) {
    CHECK(find({std::nullopt, newest, without({3})}, options).text == "; missing 3-3; unmixed 2-2");
  }
  CHECK(find({std::nullopt, without({3})}).text == "; missing 3-3");
  CHECK(find({std::nullopt, without({2, 3})}, forgetting({{2, 1}})).text == "; missing 3-3");
  CHECK(find({std::nullopt, without({3})}, forgetting({{3, 1}})).text ==
        "whole 0-2 of 1, 3-3 of nothing, 4-5 of 1");
}

TEST_CASE("without anybody's numbers nothing is put together") {
  CHECK(find({std::nullopt, std::nullopt}).text == "; missing 0-5");
  CHECK(find({std::nullopt, std::nullopt}, forgetting({{0, 6}})).text == "");
}

TEST_CASE("what is forgotten of an extent that is gone needs nobody to have it") {
  CHECK(find({std::nullopt, without({0, 1, 2, 3, 4, 5})}, forgetting({{0, 6}})).text ==
        "whole 0-5 of nothing");
}

// ---- contexts that are not the region's ---------------------------------------------------------

TEST_CASE("an encrypted context proves nothing in a region that is not encrypted") {
  RawExtentBuilder encrypted = written();
  encrypted.write_encrypted(1);
  CHECK(find({without({1}), encrypted}).text == "; missing 1-1");
}

}  // namespace
}  // namespace libregion
