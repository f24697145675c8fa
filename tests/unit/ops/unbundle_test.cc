// Making a region of a bundle: whole or not at all, whatever the bundle is.

#include "libregion/ops/unbundle.h"

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

#include "libregion/format/tar.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/random.h"
#include "tests/unit/ops/bundled_region.h"
#include "tests/unit/ops/workshop.h"

namespace libregion {
namespace {

Bytes some_bundle() { return bundle_of(region_of_all_members()); }

struct Target {
  MemoryFileSystem memory;
  TemporaryDirectory directory;
  std::string path = directory.path() + "/b.tar";

  UnbundleSummary make(const Bytes& bytes, const UnbundleOptions& options = {}) {
    write_whole_file(path, bytes);
    InputStream stream(path);
    BundleReader reader(stream);
    return create_from_bundle(memory, "/r", reader, options);
  }
  // What is said of it; nothing may be left.
  std::string refusal(const Bytes& bytes) {
    try {
      make(bytes);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::failed);
      CHECK_FALSE(memory.exists("/r"));
      std::string message = error.what();
      const std::string start = "bundle '" + path + "' at ";
      CHECK(message.starts_with(start));
      return message.substr(std::min(start.size(), message.size()));
    }
    FAIL("not refused");
    return {};
  }
};

// ---- bundles put together by hand ---------------------------------------------------------------

class HandMade {
 public:
  HandMade() = default;
  // One that is good so far.
  static HandMade begun() {
    HandMade made;
    made.add("manifest.json", "{\"bundle\": 1}");
    made.add("region.json", to_json_text(definition_of(512, 8, 2)));
    return made;
  }
  HandMade& add(const std::string& name, std::string_view content) {
    std::array<std::byte, tar_block_bytes> header{};
    encode_tar_header({name, content.size()}, header);
    return append(header)
        .append(as_byte_view(content))
        .append(Bytes(tar_padding_bytes(content.size())));
  }
  HandMade& list(const std::string& directory, const std::vector<std::string>& entries) {
    std::string listing;
    for (const std::string& entry : entries) listing += entry + '\0';
    return add(directory + "listing", listing);
  }
  // Extent 0 as a file of this size, below directories that are listed.
  HandMade& list_extent(std::uint64_t size_bytes) {
    return list("", {"directory 0 00"})
        .list("00/", {"directory 0 000"})
        .list("00/000/", {"file " + std::to_string(size_bytes) + " 000"});
  }
  HandMade& append(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  [[nodiscard]] Bytes ended() const {
    Bytes bytes = bytes_;
    bytes.resize(bytes.size() + 2 * tar_block_bytes);
    return bytes;
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

std::string refusal_of(const HandMade& made) {
  Target target;
  return target.refusal(made.ended());
}

TEST_CASE("a bundle put together by hand is taken") {
  Target target;
  const auto summary = target.make(HandMade::begun().list_extent(5000).ended());
  CHECK(summary.file_count == 1);
  CHECK(target.memory.content_of("/r/00/000/000") == Bytes(5000));
  CHECK(to_text(target.memory.content_of("/r/region.json")) ==
        to_json_text(definition_of(512, 8, 2)));
  CHECK_FALSE(target.memory.exists("/r/region.json.incomplete"));
}

TEST_CASE("a bundle cut anywhere is refused, with the place where it ends") {
  const Bytes whole = some_bundle();
  for (std::size_t size = 0; size < whole.size(); size += size % 512 == 511 ? 1 : 73) {
    CAPTURE(size);
    Target target;
    const std::string message =
        target.refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    REQUIRE(message.starts_with(std::to_string(size) + ": end of the bundle: expected "));
    REQUIRE(message.ends_with("more bytes, found the end of the file"));
  }
}

TEST_CASE("names that no bundle has are refused") {
  const auto refused = [](const std::string& name) {
    HandMade made = HandMade::begun();
    const std::size_t at = made.bytes().size();
    CHECK(refusal_of(made.add(name, "x")) ==
          std::to_string(at) + ": name: expected the name of a bundle's member, found '" + name +
              "'");
  };
  for (const char* name :
       {"/etc/passwd", "../x", "00/000/../../../x", "00/000/000", "00/000/000.db-shm", "x",
        "./region.json", "00/000/000.replace/001.tail", "00/000/000.copy/000.tail"}) {
    CAPTURE(name);
    refused(name);
  }
}

TEST_CASE("names twice, or not in their order, are refused") {
  HandMade made = HandMade::begun().list_extent(5000);
  SUBCASE("the definition") {
    CHECK(refusal_of(made.add("region.json", "x")).find("found 'region.json'") !=
          std::string::npos);
  }
  SUBCASE("a listing") {
    CHECK(refusal_of(made.add("listing", "")).find("a member that comes after '00/000/listing'") !=
          std::string::npos);
  }
  SUBCASE("an extent's") {
    made.add("00/000/000.tail", "x");
    CHECK(refusal_of(made.add("00/000/000.tail", "x")).find("comes after '00/000/000.tail'") !=
          std::string::npos);
  }
  SUBCASE("the manifest is the first") {
    HandMade other;
    CHECK(refusal_of(other.add("region.json", "{}")) ==
          "0: name: expected 'manifest.json', found 'region.json'");
    CHECK(refusal_of(HandMade()) ==
          "0: name: expected 'manifest.json', found the end of the bundle");
  }
}

TEST_CASE("a link is refused") {
  HandMade made = HandMade::begun();
  const std::size_t at = made.bytes().size();
  std::array<std::byte, tar_block_bytes> header{};
  encode_tar_header({"00/000/000.tail", 0}, header);
  header[156] = std::byte{'2'};
  // '2' instead of '0': the checksum's last digit grows by 2.
  header[153] = static_cast<std::byte>(std::to_integer<unsigned>(header[153]) + 2);
  const std::string message = refusal_of(made.append(header));
  CHECK(message == std::to_string(at + 156) + ": type: expected '0', found '2'");
}

TEST_CASE("a checksum that is wrong is refused") {
  Bytes bytes = some_bundle();
  bytes[1024] ^= std::byte{1};
  Target target;
  CHECK(target.refusal(bytes).find("checksum: expected '") != std::string::npos);
}

TEST_CASE("padding and an end that are not zeros are refused") {
  HandMade padded = HandMade::begun();
  padded.append(Bytes(512));
  padded.append(Bytes(512, std::byte{1}));
  CHECK(refusal_of(padded).find("end of the bundle: expected 512 zeros") != std::string::npos);
  HandMade made;
  made.add("manifest.json", "{\"bundle\": 1}");
  Bytes bytes = made.ended();
  bytes[512 + 100] = std::byte{7};
  Target target;
  CHECK(target.refusal(bytes).starts_with("525: padding: expected zeros, found 0000"));
}

TEST_CASE("other formats, and definitions that cannot be used, are refused") {
  HandMade made;
  CHECK(refusal_of(HandMade().add("manifest.json", "{\"bundle\": 2}")) ==
        "512: manifest.json: expected bundle format 1, found 2");
  made.add("manifest.json", "{\"bundle\": 1}").add("region.json", "{}");
  CHECK(refusal_of(made).starts_with("1536: region.json: expected "));
}

// ---- sizes --------------------------------------------------------------------------------------

TEST_CASE("huge members are refused before anything is allocated for them") {
  const auto claim = [](HandMade made, const std::string& name) {
    std::array<std::byte, tar_block_bytes> header{};
    encode_tar_header({name, tar_size_bytes_max}, header);
    return refusal_of(made.append(header));
  };
  CHECK(claim({}, "manifest.json") ==
        "512: manifest.json: expected at most 65536 bytes, found 8589934591 bytes");
  CHECK(claim(HandMade::begun(), "listing").find("at most 67108864 bytes") != std::string::npos);
  const HandMade listed = HandMade::begun().list_extent(5000);
  CHECK(claim(listed, "00/000/000.blocks").find("at most 72 bytes") != std::string::npos);
  CHECK(claim(listed, "00/000/000.tail").find("at most 801 bytes") != std::string::npos);
  CHECK(claim(listed, "00/000/000.end").find("at most 32 bytes") != std::string::npos);
  CHECK(claim(listed, "00/000/000.db").find("a file that is listed") != std::string::npos);
}

TEST_CASE("contents that do not fit the file that is listed are refused") {
  const auto refused = [](std::uint64_t size_bytes, const std::string& name,
                          const std::string& content, const std::string& part) {
    const std::string message =
        refusal_of(HandMade::begun().list_extent(size_bytes).add("00/000/000." + name, content));
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };
  refused(5000, "blocks", std::string(10, 'x'), "a multiple of 9 bytes, found 10 bytes");
  refused(600, "blocks", std::string(18, 'x'), "blocks of a file of 600 bytes, found more");
  refused(4096, "tail", "x", "at most 0 bytes, found 1 bytes");
  refused(100, "tail", "x", "at most 0 bytes");
  refused(4100, "tail", "12345", "at most 4 bytes, found 5 bytes");
  refused(5000, "end", std::string(31, 'x'), "a file of extent version 3 ends with");
  refused(5000, "end", std::string(32, 'x'), "a file of extent version 3 ends with");
  refused(5000, "rows", std::string(32, 'x'), "a file that is listed, found '000.db'");
}

std::string refusal_of_rows(const std::string& rows) {
  HandMade made = HandMade::begun();
  made.list("", {"directory 0 00"}).list("00/", {"directory 0 000"});
  made.list("00/000/", {"file 4096 000", "file 1 000.db"});
  return refusal_of(made.add("00/000/000.rows", rows));
}

TEST_CASE("rows that are none are refused") {
  std::string metadata(32, '\0');
  metadata[17] = 2;
  std::string row(57, '\0');
  row[9] = 1;
  const auto has = [](const std::string& message, const std::string& part) {
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };
  has(refusal_of_rows(""), "32 bytes, and 57 for each row, found 0 bytes");
  has(refusal_of_rows(metadata + "x"), "found 33 bytes");
  has(refusal_of_rows(std::string(32, '\0')), "metadata of a raw extent");
  has(refusal_of_rows(metadata + row + row), "each row once, found the same row twice");
  row[0] = 8;
  has(refusal_of_rows(metadata + row), "a row of a block below 8, found block 8");
  row[9] = 0;
  has(refusal_of_rows(metadata + row), "found something else");
}

// ---- listings -----------------------------------------------------------------------------------

TEST_CASE("listings that lead elsewhere, or name what is not theirs, are refused") {
  const auto root = [](const std::string& entry) {
    return refusal_of(HandMade::begun().list("", {entry}));
  };
  for (const char* entry :
       {"file 1 ..", "file 1 ../x", "file 1 /etc/passwd", "file 1 a/b", "directory 0 .",
        "file 1 region.json", "file 1 region.json.incomplete", "link 0 x", "file x x"}) {
    CAPTURE(entry);
    CHECK(root(entry).find("listing: expected ") != std::string::npos);
  }
  HandMade twice = HandMade::begun();
  CHECK(refusal_of(twice.list("", {"file 1 x", "file 1 x"})).find("each name once") !=
        std::string::npos);
  const auto leaf = [](const std::vector<std::string>& entries) {
    return refusal_of(HandMade::begun()
                          .list("", {"directory 0 00"})
                          .list("00/", {"directory 0 000"})
                          .list("00/000/", entries));
  };
  CHECK(leaf({"file 1 000.copy/000"}).find("behind the directory") != std::string::npos);
  CHECK(leaf({"directory 0 x", "file 1 x/000"}).find("behind the directory") != std::string::npos);
  CHECK(leaf({"file 0 000.copy", "file 1 000.copy/000"}).find("behind the directory") !=
        std::string::npos);
}

TEST_CASE("members of directories that no listing has are refused") {
  CHECK(refusal_of(HandMade::begun().list("00/", {})).find("a directory that is listed") !=
        std::string::npos);
  HandMade flat = HandMade::begun().list("", {"file 1 00"});
  CHECK(refusal_of(flat.list("00/", {})).find("a directory that is listed") != std::string::npos);
  HandMade unlisted = HandMade::begun().list("", {"directory 0 00"});
  CHECK(refusal_of(unlisted.add("00/000/000.tail", "x")).find("the listing of its directory") !=
        std::string::npos);
  HandMade inner = HandMade::begun().list_extent(5000);
  CHECK(refusal_of(inner.add("00/000/000.replace/000.tail", "x"))
            .find("a directory that is listed, found '00/000/000.replace'") != std::string::npos);
}

TEST_CASE("members of another directory than the last that was listed are refused") {
  HandMade other = HandMade::begun().list_extent(5000);
  CHECK(refusal_of(other.add("00/001/000.tail", "x")).find("the listing of its directory") !=
        std::string::npos);
}

TEST_CASE("what was neither a file nor a directory is made so that it is not what belongs there") {
  Target target;
  HandMade made = HandMade::begun().list("", {"directory 0 00"}).list("00/", {"directory 0 000"});
  target.make(made.list("00/000/", {"other 0 000", "other 0 001.copy", "other 0 x"}).ended());
  const Tree tree = target.memory.tree("/r");
  CHECK(tree.at("00/000/000").kind == FileKind::directory);
  CHECK(tree.at("00/000/001.copy").kind == FileKind::regular);
  CHECK(tree.at("00/000/x").kind == FileKind::regular);
}

TEST_CASE("an end does not fit a file that is shorter") {
  std::string end(32, '\0');
  end[17] = 3;
  const std::string message =
      refusal_of(HandMade::begun().list_extent(20).add("00/000/000.end", end));
  CHECK(message.find("a file of extent version 3 ends with") != std::string::npos);
}

TEST_CASE("any bundle with a few bytes changed is taken or refused, and leaves nothing else") {
  const Bytes whole = some_bundle();
  Random random(1);
  std::map<bool, int> taken;
  for (int i = 0; i < 400; ++i) {
    Bytes bytes = whole;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
      // Contents more than headers, whose checksum ends it.
      bytes[random.below(bytes.size())] = random.byte();
    }
    Target target;
    try {
      target.make(bytes);
      ++taken[true];
      REQUIRE(target.memory.exists("/r/region.json"));
      verify_on(target.memory, "/r");
    } catch (const Error& error) {
      ++taken[false];
      CAPTURE(error.what());
      REQUIRE(error.kind() == ErrorKind::failed);
      REQUIRE_FALSE(target.memory.exists("/r"));
    }
  }
  CHECK(taken[true] > 10);
  CHECK(taken[false] > 10);
}

// ---- where it is made ---------------------------------------------------------------------------

TEST_CASE("what is there already is left as it is, with force too") {
  const Bytes bytes = HandMade::begun().ended();
  for (const bool force : {false, true}) {
    Target target;
    target.memory.add_file("/r/region.json", as_byte_view("{}"));
    target.memory.add_file("/r/region.json.incomplete", as_byte_view("{}"));
    const Tree before = target.memory.tree("/");
    CHECK(error_of([&] { target.make(bytes, {{force}}); }, "is a region already") ==
          ErrorKind::failed);
    CHECK(difference(before, target.memory.tree("/")).empty());
  }
}

TEST_CASE("a mark with a definition in it says that all beside it may be cleared") {
  Target target;
  target.memory.add_file("/r/region.json.incomplete",
                         as_byte_view(to_json_text(definition_of(4096, 2, 9))));
  target.memory.add_file("/r/stray", as_byte_view("x"));
  target.memory.add_file("/r/00/000/000.copy/000.db-wal", as_byte_view("x"));
  const Bytes bytes = HandMade::begun().ended();
  CHECK(error_of([&] { target.make(bytes); }, "--force") == ErrorKind::failed);
  CHECK(target.memory.exists("/r/stray"));
  target.make(bytes, {{true}});
  CHECK(target.memory.tree("/r").size() == 1);
  CHECK(target.memory.exists("/r/region.json"));
}

TEST_CASE("a mark without a definition in it says nothing of what stands beside it") {
  Target target;
  target.memory.add_file("/r/region.json.incomplete", as_byte_view("{"));
  target.memory.add_file("/r/precious", as_byte_view("x"));
  CHECK(error_of([&] { target.make(HandMade::begun().ended(), {{true}}); }, "precious") ==
        ErrorKind::failed);
  CHECK(target.memory.exists("/r/precious"));
}

TEST_CASE("where the extents' files do not fit nothing is begun") {
  Target target;
  target.memory.set_free_bytes(3 * new_file_overhead_bytes - 1);
  CHECK(error_of([&] { target.make(some_bundle()); }, "no space: expected 24.0 KiB free") ==
        ErrorKind::failed);
  CHECK(describe(target.memory.changes()) == "");
  CHECK_FALSE(target.memory.exists("/r"));
}

TEST_CASE("a bundle cannot ask for more space than it has extents for") {
  HandMade made;
  made.add("manifest.json", "{\"bundle\": 1}");
  made.add("region.json", to_json_text(definition_of(512, 1, 4'000'000'000)));
  Target target;
  target.memory.set_free_bytes(std::uint64_t{1} << 20);
  CHECK(target.make(made.list("", {}).ended()).file_count == 0);
}

TEST_CASE("a stop leaves nothing") {
  Target target;
  const std::atomic<bool> stop{true};
  CHECK(error_of([&] { target.make(some_bundle(), {{false, 0, &stop}}); }) == ErrorKind::stopped);
  CHECK_FALSE(target.memory.exists("/r"));
}

}  // namespace
}  // namespace libregion
