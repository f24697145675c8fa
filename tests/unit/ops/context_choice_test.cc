// Which context each block takes along when its extent becomes a raw one.

#include "libregion/ops/context_choice.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/extent/sqlite_extent.h"
#include "tests/unit/extent/open_test_extent.h"

namespace libregion {
namespace {

// 8 blocks of 512 bytes; what happened to the extent before it was closed.
struct Story {
  explicit Story(const std::function<void(Story&)>& tell) {
    writer = region.make_sqlite(0);
    tell(*this);
    writer->die();
  }
  void write(std::uint64_t block, std::uint64_t version = 0, bool data_arrives = true) const {
    writer->write(block, region.data_for(block, version), std::nullopt, data_arrives);
  }
  void flush() const { writer->flush(1, 1); }
  void put_data(std::uint64_t block, ByteView data) const {
    Bytes file = region.file("00/000/000");
    std::copy(data.begin(), data.end(), file.begin() + static_cast<std::ptrdiff_t>(block * 512));
    region.put_file("00/000/000", file);
  }
  [[nodiscard]] ContextChoice choose(bool check = false) const {
    const auto leaf = open_leaf_of(region);
    const auto opening = SqliteExtent::open(*leaf, ExtentId{0}, parts_in(*leaf, 0),
                                            region.geometry(), Access::read, [](File&) {});
    REQUIRE(opening.extent != nullptr);
    return choose_contexts(*opening.extent, ExtentId{0}, region.definition(), check);
  }
  [[nodiscard]] BlockContext context(std::uint64_t block, std::uint64_t version = 0) const {
    return plain_context(region.data_for(block, version));
  }
  TestRegion region;
  std::unique_ptr<LiveSqliteWriter> writer;
};

TEST_CASE("a clean extent's rows are taken as they are, unchecked") {
  const Story story([](Story& s) {
    s.write(1);
    s.write(6);
    s.flush();
    s.put_data(6, s.region.data_for(6, 9));
    s.put_data(3, s.region.data_for(3));
  });
  const ContextChoice choice = story.choose();
  SlotArray expected(8);
  expected.set(1, story.context(1));
  expected.set(6, story.context(6));
  CHECK(choice.contexts == expected);
  CHECK(choice.contexts.context_count() == 2);
  CHECK(names_of(choice.findings) == "");
}

TEST_CASE("with a check the same rows are taken, and what is wrong with them is told") {
  const Story story([](Story& s) {
    s.write(1);
    s.write(6);
    s.flush();
    s.put_data(6, s.region.data_for(6, 9));
    s.put_data(3, s.region.data_for(3));
  });
  const ContextChoice choice = story.choose(/*check=*/true);
  CHECK(choice.contexts.at(1) == story.context(1));
  CHECK(choice.contexts.at(6) == story.context(6));
  CHECK(choice.contexts.context_count() == 2);
  REQUIRE(names_of(choice.findings) == "data_without_context, sqlite_no_matching_row");
  CHECK(choice.findings[0].blocks == BlockRange{3, 1});
  CHECK(choice.findings[1].blocks == BlockRange{6, 1});
}

TEST_CASE("a dirty extent's rows are taken where they match their data") {
  const Story story([](Story& s) {
    s.write(0);
    s.write(1);
    s.flush();
    s.write(1, 1);
    s.write(1, 2);
    s.write(2);
    s.write(3, 0, /*data_arrives=*/false);
    s.write(0, 1, /*data_arrives=*/false);
  });
  const ContextChoice choice = story.choose();
  SlotArray expected(8);
  expected.set(0, story.context(0));
  expected.set(1, story.context(1, 2));
  expected.set(2, story.context(2));
  CHECK(choice.contexts == expected);
  CHECK(choice.contexts.context_count() == 3);
  // Block 3 was never written as far as anybody knows.
  CHECK(names_of(choice.findings) == "sqlite_stale_rows");
}

TEST_CASE("a clean extent with several rows for any block is treated like a dirty one") {
  const Story story([](Story& s) {
    s.write(1);
    s.write(2);
    s.write(2, 1);
    s.write(5, 0, /*data_arrives=*/false);
    s.writer->execute("UPDATE metadata SET value = 0 WHERE name = 'dirty'");
  });
  const ContextChoice choice = story.choose();
  SlotArray expected(8);
  expected.set(1, story.context(1));
  expected.set(2, story.context(2, 1));
  CHECK(choice.contexts == expected);
}

TEST_CASE("where no row matches the block is empty, and its data says whether that is an error") {
  const Story story([](Story& s) {
    s.write(2);
    s.write(2, 1);
    s.put_data(2, s.region.data_for(2, 9));
  });
  const ContextChoice choice = story.choose();
  CHECK(choice.contexts == SlotArray(8));
  CHECK(choice.contexts.context_count() == 0);
  REQUIRE(names_of(choice.findings) == "sqlite_no_matching_row");
  CHECK(choice.findings[0].blocks == BlockRange{2, 1});
}

TEST_CASE("encrypted contexts keep nonce and tag") {
  const Story story([](Story& s) {
    s.writer->write(4, s.region.data_for(4), some_encryption(1));
    s.writer->write(4, s.region.data_for(4, 1), some_encryption(2));
  });
  const ContextChoice choice = story.choose();
  CHECK(choice.contexts.at(4) ==
        encrypted_context(story.region.data_for(4, 1), some_encryption(2)));
}

TEST_CASE("blocks that a short data file lacks are looked at as the zeros they will be") {
  const auto cut_off = [](const Story& s) {
    std::filesystem::resize_file(s.region.path_of(0), 4 * 512UL);
  };
  SUBCASE("clean and unchecked: the rows are kept") {
    const Story story([&](Story& s) {
      s.write(1);
      s.write(6);
      s.flush();
      cut_off(s);
    });
    const ContextChoice choice = story.choose();
    CHECK(choice.contexts.at(1) == story.context(1));
    CHECK(choice.contexts.at(6) == story.context(6));
    CHECK(names_of(choice.findings) == "");
  }
  SUBCASE("clean and checked: the row does not match") {
    const Story story([&](Story& s) {
      s.write(6);
      s.flush();
      cut_off(s);
    });
    CHECK(names_of(story.choose(/*check=*/true).findings) == "sqlite_no_matching_row");
  }
  SUBCASE("dirty: the block is empty") {
    const Story story([&](Story& s) {
      s.write(1);
      s.write(6);
      cut_off(s);
    });
    const ContextChoice choice = story.choose();
    CHECK(choice.contexts.at(1) == story.context(1));
    CHECK(choice.contexts.at(6) == std::nullopt);
  }
}

TEST_CASE("an extent without rows has no contexts") {
  const Story story([](Story&) {});
  CHECK(story.choose().contexts == SlotArray(8));
  CHECK(story.choose(true).contexts.context_count() == 0);
}

}  // namespace
}  // namespace libregion
