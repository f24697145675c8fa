// Undo files that nobody has written so: what does not belong there ends the file, and what stands
// before it counts.

#include "libregion/ops/undo_log.h"

#include <cerrno>
#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/io/posix_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/region_builder.h"

namespace libregion {
namespace {

using enum UndoFrameKind;

constexpr Uuid region_uuid{};

class SpelledUndo {
 public:
  SpelledUndo() { add(encode_undo_header(region_uuid)); }
  SpelledUndo& frame(UndoFrameKind kind, std::uint64_t first, std::uint64_t second,
                     std::string_view payload = {}) {
    UndoFrame frame;
    frame.kind = kind;
    frame.first = first;
    frame.second = second;
    add(encode_undo_frame(frame, as_byte_view(payload)));
    add(as_byte_view(payload));
    return *this;
  }
  // One that can be used.
  SpelledUndo& section() {
    return frame(begin, 0, 0).frame(file, 0, 10).frame(bytes, 2, 0, "four").frame(end, 1, 2);
  }
  [[nodiscard]] UndoFile read() const {
    MemoryFileSystem memory;
    memory.add_file("/undo", content_);
    const auto root = std::get<std::unique_ptr<Directory>>(memory.open_directory("/"));
    return UndoFile(open_file_in(*root, "undo", Access::read));
  }

 private:
  void add(ByteView more) { content_.insert(content_.end(), more.begin(), more.end()); }
  Bytes content_;
};

TEST_CASE("a section is what was saved of a file, and its end") {
  const UndoFile undo = SpelledUndo().section().read();
  REQUIRE(undo.sections().size() == 1);
  const UndoSection& section = undo.sections()[0];
  CHECK(section.change == UndoChange::in_place);
  CHECK(section.hash_before == 1);
  CHECK(section.hash_after == 2);
  REQUIRE(section.file(ExtentPart::data) != nullptr);
  CHECK(section.file(ExtentPart::db) == nullptr);
  const SavedFile& saved = *section.file(ExtentPart::data);
  CHECK(saved.size_bytes == 10);
  CHECK_FALSE(saved.is_whole());
  REQUIRE(saved.ranges.size() == 1);
  CHECK(to_text(ByteView(undo.read(saved.ranges[0]))) == "four");
  CHECK_FALSE(undo.is_done());
  CHECK(SpelledUndo().section().frame(done, 0, 0).read().is_done());
}

TEST_CASE("a frame that does not belong where it stands ends the file") {
  const auto check_ends = [](const SpelledUndo& undo) {
    const UndoFile found = undo.read();
    CHECK(found.sections().size() == 1);
    CHECK_FALSE(found.is_done());
    CHECK(found.end_bytes() == SpelledUndo().section().read().end_bytes());
  };
  const auto after_one = [] { return SpelledUndo().section(); };
  SUBCASE("a change that there is not") { check_ends(after_one().frame(begin, 3, 0).section()); }
  SUBCASE("a replacement of files that there are not") {
    check_ends(after_one().frame(begin, 2, 1U << 20U).frame(end, 0, 0));
  }
  SUBCASE("a part that there is not") {
    check_ends(after_one().frame(begin, 0, 0).frame(file, 99, 10).frame(end, 0, 0));
  }
  SUBCASE("bytes of no file") {
    check_ends(after_one().frame(begin, 0, 0).frame(bytes, 0, 0, "x").frame(end, 0, 0));
  }
  SUBCASE("bytes behind their file's end") {
    check_ends(after_one().frame(begin, 0, 0).frame(file, 0, 3).frame(bytes, 4, 0, "x"));
  }
  SUBCASE("bytes across their file's end") {
    check_ends(after_one().frame(begin, 0, 0).frame(file, 0, 3).frame(bytes, 2, 0, "xx"));
  }
  SUBCASE("a file of no section") { check_ends(after_one().frame(file, 0, 3)); }
  SUBCASE("an end of no section") { check_ends(after_one().frame(end, 0, 0)); }
  SUBCASE("a section in another one") {
    check_ends(after_one().frame(begin, 0, 0).frame(begin, 0, 0).frame(end, 0, 0));
  }
  SUBCASE("the end of the repair in a section") {
    check_ends(after_one().frame(begin, 0, 0).frame(done, 0, 0));
  }
}

// ---- where it is --------------------------------------------------------------------------------

TEST_CASE("the undo file stands beside the region, wherever that is") {
  MemoryFileSystem memory;
  memory.add_directory("/r");
  const auto path_of = [&](const std::string& region) {
    return UndoLog::default_path(memory, region, region_uuid);
  };
  CHECK(path_of("/r") == "/r.undo");
  CHECK(path_of("/r//") == "/r.undo");
  CHECK(path_of("/") == "/.undo");
  memory.add_file("/r.undo", Bytes(3));
  CHECK(path_of("/r") == "/r.undo-2");
}

TEST_CASE("the undo file of what has no name is named by where it is") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/r");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path() + "/r");
  PosixFileSystem file_system;
  for (const char* name : {".", "./", "../r/."}) {
    CAPTURE(name);
    CHECK(UndoLog::default_path(file_system, name, region_uuid) ==
          std::filesystem::current_path().string() + ".undo");
  }
  std::filesystem::current_path(before);
}

TEST_CASE("what is there and cannot be read is not written over, nor is a directory") {
  MemoryFileSystem memory;
  memory.add_file("/undo", Bytes(100));
  memory.add_fault({EIO, CallKind::read, "/undo", 0, true});
  CHECK_THROWS_AS((UndoLog{memory, "/undo", region_uuid, {}}), SystemError);
  CHECK_THROWS_AS((UndoLog{memory, "/..", region_uuid, {}}), Error);
  CHECK(memory.log().empty());
}

}  // namespace
}  // namespace libregion
