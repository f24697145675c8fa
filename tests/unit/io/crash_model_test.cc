// What the crash model says a crash may leave: all of that, and nothing else.

#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "tests/support/crash_states.h"
#include "tests/unit/io/backends.h"

namespace libregion {
namespace {

constexpr std::uint64_t seeds = 400;

struct Place {
  Place() { root = expect_opened(memory.open_directory("/"), "/"); }

  std::unique_ptr<File> open(const std::string& name) const {
    return expect_opened(root->open_file(name, Access::read_write), name);
  }

  MemoryFileSystem memory;
  std::unique_ptr<Directory> root;
};

// All that may be left, each told in words by `tell`; what is drawn is among them.
template <class Tell>
std::set<std::string> states_of(const MemoryFileSystem& memory, CrashModel model, Tell tell) {
  const CrashStates all(memory, model);
  std::set<std::string> states;
  for (std::uint64_t number = 0; number < all.count(); ++number) {
    const auto choice = all.choice(number);
    CHECK(all.parse(CrashStates::text_of(choice)) == choice);
    states.insert(tell(*all.state(choice)));
  }
  std::set<std::string> drawn;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    drawn.insert(tell(*after_crash(memory, model, seed)));
  }
  if (!reorders(model) && model != CrashModel::ordered) {
    CHECK(std::includes(states.begin(), states.end(), drawn.begin(), drawn.end()));
  } else {
    CHECK(states == drawn);
  }
  return states;
}

std::string names(const MemoryFileSystem& memory) {
  std::string text;
  for (const auto& [name, entry] : memory.tree("/")) text += name + " ";
  return text;
}

// A letter for each sector of "f": of its first byte, '0' for zeros; '!' where it is mixed.
std::string sectors(const MemoryFileSystem& memory) {
  std::string text;
  const Bytes content = memory.content_of("/f");
  for (std::size_t at = 0; at < content.size(); at += 512) {
    const std::string sector = to_text(
        ByteView(content).subspan(at).first(std::min<std::size_t>(512, content.size() - at)));
    const bool is_uniform = sector == std::string(sector.size(), sector[0]);
    text += !is_uniform ? '!' : sector[0] == '\0' ? '0' : sector[0];
  }
  return text;
}

Bytes filled(std::size_t size, char value) { return Bytes(size, static_cast<std::byte>(value)); }

using States = std::set<std::string>;

TEST_CASE("what was synced is left in every model") {
  Place place;
  const auto file = place.root->create_file("f", std::nullopt);
  file->write(0, filled(1024, 'a'));
  SUBCASE("each by itself") {
    file->sync();
    place.root->sync();
  }
  SUBCASE("all at once") { CHECK(place.root->sync_file_system()); }
  for (const CrashModel model :
       {CrashModel::ordered, CrashModel::posix_512, CrashModel::posix_512_garbage}) {
    CHECK(states_of(place.memory, model, sectors) == States{"aa"});
  }
}

TEST_CASE("a file's sync does not make its name durable") {
  Place place;
  place.root->create_file("f", std::nullopt)->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, names) == States{"", "f "});
}

TEST_CASE("a directory's sync does not make its own name durable, nor the data below") {
  Place place;
  place.root->make_directory("d", std::nullopt);
  const auto directory = expect_opened(place.root->open_directory("d"), "d");
  directory->create_file("f", std::nullopt)->write(0, filled(512, 'a'));
  directory->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, names) == States{"", "d d/f "});
  place.root->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, [](const MemoryFileSystem& left) {
          return to_text(left.content_of("/d/f")).substr(0, 1);
        }) == States{"", std::string(1, '\0'), "a"});
}

TEST_CASE("ordered: the changes up to any of them are left") {
  Place place;
  place.memory.add_file("/f", filled(1024, 'a'));
  const auto file = place.open("f");
  file->write(0, filled(512, 'b'));
  place.root->rename("f", "g");
  file->write(512, filled(512, 'c'));
  const auto tell = [](const MemoryFileSystem& left) {
    const std::string name = left.exists("/f") ? "/f" : "/g";
    return names(left) + to_text(left.content_of(name)).substr(511, 2);
  };
  CHECK(states_of(place.memory, CrashModel::ordered, tell) ==
        States{"f aa", "f ba", "g ba", "g bc"});
}

TEST_CASE("zfs: what is left of a write may be what later ones put in its place") {
  Place place;
  place.memory.add_file("/f", filled(1024, 'a'));
  const auto file = place.open("f");
  file->write(0, filled(1024, 'b'));
  file->write(512, filled(512, 'c'));
  CHECK(states_of(place.memory, CrashModel::zfs, sectors) == States{"aa", "bb", "bc"});
  file->sync();
  file->write(0, filled(512, 'd'));
  file->write(512, filled(512, 'e'));
  file->write(0, filled(512, 'f'));
  CHECK(states_of(place.memory, CrashModel::zfs, sectors) == States{"bc", "dc", "fc", "de", "fe"});
}

// What is left record by record: "/f" as `sectors` has it.
States sectors_by_records(const MemoryFileSystem& memory, CrashModel model) {
  const MemoryNodePtr file = memory.root()->entries.at("f");
  const CrashStates states(file, model);
  std::map<std::uint64_t, CrashStates::Record> records;
  States found;
  std::uint32_t change_count = 0;
  states.for_each_prefix(*file, [&](const CrashStates::Record* changed) {
    if (changed != nullptr) {
      ++change_count;
      records[changed->sector.number] = *changed;
    }
    auto choice = states.choice(0);
    choice[0] = change_count;
    const auto add = [&](const auto& self, auto record) -> void {
      if (record == records.end()) {
        found.insert(to_text(states.content_of(*file, choice)));
        return;
      }
      for (const auto& questions : record->second.questions) {
        for (const std::size_t question : questions) choice[question] = 1;
        self(self, std::next(record));
        for (const std::size_t question : questions) choice[question] = 0;
      }
    };
    add(add, records.begin());
  });
  return found;
}

TEST_CASE("zfs_512: a write may end at a record, and each record may have what it has by now") {
  Place place;
  place.memory.add_file("/f", filled(1024, 'a'));
  const auto file = place.open("f");
  file->write(0, filled(1024, 'b'));
  CHECK(states_of(place.memory, CrashModel::zfs_512, sectors) == States{"aa", "ba", "bb"});
  CHECK(states_of(place.memory, CrashModel::zfs_4k, sectors) == States{"aa", "bb"});
  file->write(500, filled(24, 'c'));
  file->write(0, filled(10, 'd'));
  for (const CrashModel model : {CrashModel::zfs_512, CrashModel::zfs_4k}) {
    const auto content = [](const MemoryFileSystem& left) {
      return to_text(left.content_of("/f"));
    };
    const States states = states_of(place.memory, model, content);
    CHECK(states.size() >= 4);
    CHECK(sectors_by_records(place.memory, model) == states);
  }
}

TEST_CASE("posix_4k: pages are not torn") {
  Place place;
  place.memory.add_file("/f", filled(8192, 'a'));
  place.open("f")->write(512, filled(4096, 'b'));
  CHECK(states_of(place.memory, CrashModel::posix_4k, sectors) ==
        States{"aaaaaaaaaaaaaaaa", "abbbbbbbaaaaaaaa", "aaaaaaaabaaaaaaa", "abbbbbbbbaaaaaaa"});
}

TEST_CASE("posix_512: each sector has any of its versions, and is never torn itself") {
  Place place;
  place.memory.add_file("/f", filled(1024, 'a'));
  const auto file = place.open("f");
  file->write(0, filled(1024, 'b'));
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"aa", "ab", "ba", "bb"});
  file->write(0, filled(512, 'c'));
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) ==
        States{"aa", "ab", "ba", "bb", "ca", "cb"});
}

TEST_CASE("posix_512: a sector written in two parts has no version with the second part alone") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  const auto file = place.open("f");
  file->write(0, filled(256, 'b'));
  file->write(256, filled(256, 'b'));
  CHECK(states_of(place.memory, CrashModel::posix_512, [](const MemoryFileSystem& left) {
          const std::string text = to_text(left.content_of("/f"));
          return text.substr(0, 1) + text.substr(511);
        }) == States{"aa", "ba", "bb"});
}

TEST_CASE("posix_512: a file has any of its sizes; what did not arrive reads as zeros") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  place.open("f")->write(512, filled(1024, 'b'));
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) ==
        States{"a", "a00", "ab0", "a0b", "abb"});
}

TEST_CASE("posix_512_garbage: what did not arrive may be anything") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  place.open("f")->write(512, filled(512, 'b'));
  const auto states = states_of(place.memory, CrashModel::posix_512_garbage, sectors);
  CHECK(states == States{"a", "a!", "ab"});
}

TEST_CASE("posix_512: bytes that were cut off do not come back with a larger size") {
  Place place;
  place.memory.add_file("/f", filled(1536, 'a'));
  const auto file = place.open("f");
  file->resize(512);
  file->resize(1024);
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"aaa", "a", "a0"});
}

TEST_CASE("posix_512: names come and go one by one, a rename at once") {
  Place place;
  place.memory.add_file("/a", {});
  place.memory.add_file("/b", {});
  place.root->remove_file("a");
  place.root->rename("b", "c");
  CHECK(states_of(place.memory, CrashModel::posix_512, names) ==
        States{"a b ", "b ", "a c ", "c "});
}

TEST_CASE("posix_512: a new file may have the name without the data, or no name at all") {
  Place place;
  const auto file = place.root->create_file("f.tmp", std::nullopt);
  file->write(0, filled(512, 'a'));
  place.root->rename("f.tmp", "f");
  CHECK(states_of(place.memory, CrashModel::posix_512, [](const MemoryFileSystem& left) {
          return left.exists("/f") ? "f:" + sectors(left) : names(left);
        }) == States{"", "f.tmp ", "f:", "f:0", "f:a"});
}

TEST_CASE("a sync that is ignored makes nothing durable") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  const auto file = place.open("f");
  place.memory.ignore_sync_at(1);
  file->write(0, filled(512, 'b'));
  file->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"a", "b"});
  file->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"b"});
}

TEST_CASE("after a sync that failed a later one does not make that data durable") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  place.memory.add_fault({5, CallKind::sync_file});
  const auto file = place.open("f");
  file->write(0, filled(512, 'b'));
  CHECK(failure_of([&] { file->sync(); }).happened);
  // Another process knows nothing of it.
  const auto other_root = expect_opened(place.memory.open_directory("/"), "/");
  const auto again = open_file_in(*other_root, "f", Access::read_write);
  again->sync();
  CHECK(to_text(again->read(0, 1)) == "b");
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"a"});
  again->write(0, filled(512, 'c'));
  again->sync();
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"c"});
}

TEST_CASE("a process that dies loses nothing, and makes nothing durable") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  place.open("f")->write(0, filled(512, 'b'));
  place.memory.restart();
  CHECK(sectors(place.memory) == "b");
  CHECK(states_of(place.memory, CrashModel::posix_512, sectors) == States{"a", "b"});
}

TEST_CASE("the same seed gives the same state; 0 what is durable, 1 everything") {
  Place place;
  place.memory.add_file("/f", filled(4096, 'a'));
  place.open("f")->write(0, filled(4096, 'b'));
  const auto state = [&](std::uint64_t seed) {
    return sectors(*after_crash(place.memory, CrashModel::posix_512, seed));
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) CHECK(state(seed) == state(seed));
  CHECK(state(0) == "aaaaaaaa");
  CHECK(state(1) == "bbbbbbbb");
}

TEST_CASE("what is left is a file system of its own") {
  Place place;
  place.memory.add_file("/f", filled(512, 'a'));
  const auto left = after_crash(place.memory, CrashModel::posix_512, 7);
  CHECK(left->log().empty());
  const auto root = expect_opened(left->open_directory("/"), "/");
  root->remove_file("f");
  CHECK(place.memory.exists("/f"));
}

}  // namespace
}  // namespace libregion
