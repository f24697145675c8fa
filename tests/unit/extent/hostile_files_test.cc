// An extent's files that are not what they should be: refused, never followed, never waited for,
// and never opened for writing. And directories that nobody may write to.

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/unit/extent/open_test_sqlite.h"
#include "tests/unit/extent/own_process.h"

namespace libregion {
namespace {

constexpr const char* data_name = "00/000/000";
constexpr const char* db_name = "00/000/000.db";

// In place of a file: something else of that name.
struct Hostile {
  std::string name;
  std::string finding;
  std::function<void(const TestRegion&, const std::string&)> put;
};

const std::vector<Hostile>& hostile_files() {
  static const std::vector<Hostile> all = {
      {"a symbolic link", "not_a_regular_file",
       [](const TestRegion& region, const std::string& name) {
         region.put_file("elsewhere", region.file(name));
         region.remove(name);
         region.put_symbolic_link(name, "../../elsewhere");
       }},
      {"a symbolic link to nothing", "not_a_regular_file",
       [](const TestRegion& region, const std::string& name) {
         region.remove(name);
         region.put_symbolic_link(name, "nothing");
       }},
      {"a FIFO", "not_a_regular_file",
       [](const TestRegion& region, const std::string& name) {
         region.remove(name);
         region.put_fifo(name);
       }},
      {"a directory", "not_a_regular_file",
       [](const TestRegion& region, const std::string& name) {
         region.remove(name);
         region.make_directory(name);
       }},
      {"a socket", "not_a_regular_file",
       [](const TestRegion& region, const std::string& name) {
         region.remove(name);
         const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
         struct sockaddr_un address {};
         address.sun_family = AF_UNIX;
         const std::string path = region.path_of(name);
         REQUIRE(path.size() < sizeof address.sun_path);
         std::copy(path.begin(), path.end(), address.sun_path);
         const auto* any = reinterpret_cast<const struct sockaddr*>(&address);
         REQUIRE(::bind(socket.number(), any, sizeof address) == 0);
       }},
      {"a file with two names", "several_links",
       [](const TestRegion& region, const std::string& name) {
         region.put_hard_link("elsewhere", region.path_of(name));
       }},
  };
  return all;
}

TEST_CASE("a raw extent's file that is something else is refused") {
  for (const Hostile& hostile : hostile_files()) {
    CAPTURE(hostile.name);
    TestRegion region;
    region.put_raw(0, region.raw().write_all());
    hostile.put(region, data_name);
    const auto before = region.snapshot();
    const OpenedExtent opened = open_extent_of(region, 0);
    CHECK(region.snapshot() == before);
    CHECK(opened.reader == nullptr);
    REQUIRE(names_of(opened.findings) == hostile.finding);
    CHECK(opened.findings[0].file == data_name);
    CHECK(opened.findings[0].extent == ExtentId{0});
  }
}

TEST_CASE("a SQLite extent's data file that is something else is refused") {
  for (const Access access : {Access::read, Access::read_write}) {
    for (const Hostile& hostile : hostile_files()) {
      CAPTURE(hostile.name);
      TestRegion region;
      region.put_sqlite(0, 8);
      hostile.put(region, data_name);
      const auto before = region.snapshot();
      const auto leaf = open_leaf_of(region);
      const auto opening = SqliteExtent::open(*leaf, ExtentId{0}, parts_in(*leaf, 0),
                                              region.geometry(), access, [](File&) {});
      CHECK(region.snapshot() == before);
      CHECK(opening.extent == nullptr);
      CHECK(names_of(opening.findings) == hostile.finding);
    }
  }
}

TEST_CASE("a database that is something else is refused") {
  for (const Hostile& hostile : hostile_files()) {
    CAPTURE(hostile.name);
    TestRegion region;
    region.put_sqlite(0, 8);
    hostile.put(region, db_name);
    const auto before = region.snapshot();
    const SqliteReading reading = read_sqlite(region);
    CHECK(region.snapshot() == before);
    CHECK(reading.rows == std::nullopt);
    REQUIRE(names_of(reading.findings) == hostile.finding);
    CHECK(reading.findings[0].file == db_name);
  }
}

// Sees whether a file is opened for writing, even if nothing is written.
class WriteWatch {
 public:
  explicit WriteWatch(const std::string& path) : notify_(::inotify_init1(IN_NONBLOCK)) {
    REQUIRE(notify_.is_open());
    REQUIRE(::inotify_add_watch(notify_.number(), path.c_str(), IN_CLOSE) >= 0);
  }
  // Of all files that were closed since: how many had been open for writing, and how many not.
  struct Closed {
    unsigned for_writing = 0;
    unsigned for_reading = 0;
  };
  Closed closed() {
    Closed closed;
    alignas(struct inotify_event) std::array<std::byte, 4096> buffer{};
    const ssize_t size = ::read(notify_.number(), buffer.data(), buffer.size());
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
      struct inotify_event event {};
      std::copy_n(buffer.begin() + static_cast<std::ptrdiff_t>(at), sizeof event,
                  reinterpret_cast<std::byte*>(&event));
      ++((event.mask & IN_CLOSE_WRITE) != 0 ? closed.for_writing : closed.for_reading);
      at += sizeof event + event.len;
    }
    return closed;
  }

 private:
  FileDescriptor notify_;
};

TEST_CASE("a file with another name outside the region is not even opened for writing") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_hard_link("outside", region.path_of(data_name));
  WriteWatch watch(region.path_of("outside"));
  const auto leaf = open_leaf_of(region);
  const auto opening = SqliteExtent::open(*leaf, ExtentId{0}, parts_in(*leaf, 0), region.geometry(),
                                          Access::read_write, [](File&) {});
  CHECK(names_of(opening.findings) == "several_links");
  CHECK(watch.closed().for_writing == 0);
}

TEST_CASE("reading opens no file for writing") {
  TestRegion region;
  region.put_sqlite(0, 8);
  region.put_raw(1, region.raw().write_all());
  WriteWatch data(region.path_of(data_name));
  WriteWatch db(region.path_of(db_name));
  WriteWatch raw(region.path_of(1));
  CHECK(open_extent_of(region, 0).reader != nullptr);
  CHECK(open_extent_of(region, 1).reader != nullptr);
  for (WriteWatch* watch : {&data, &db, &raw}) {
    const auto closed = watch->closed();
    CHECK(closed.for_writing == 0);
    CHECK(closed.for_reading == 1);
  }
}

// Does this as a user without any rights, where this user is root.
bool succeeds_as_nobody(const std::function<bool()>& work) {
  constexpr uid_t nobody = 65534;
  return succeeds_in_time(60, [&] {
    const bool is_plain_user = ::getuid() != 0 || ::setuid(nobody) == 0;
    return is_plain_user && work();
  });
}

TEST_CASE(
    "a directory without write permission is read like any other, in every state of the log") {
  TestRegion region({512, 8, 4});
  region.put_sqlite(0, 4);
  const auto hot = region.make_sqlite(1);
  hot->write(2, region.data_for(2));
  hot->die();
  const auto log_only = region.make_sqlite(2);
  log_only->write(2, region.data_for(2));
  log_only->die();
  region.remove("00/000/002.db-shm");
  region.put_sqlite(3, 4);
  region.put_file("00/000/003.db-shm", std::string_view("index"));
  for (const char* directory : {"", "00", "00/000"}) {
    REQUIRE(::chmod(region.path_of(directory).c_str(), 0555) == 0);
  }
  REQUIRE(::chmod((region.path() + "/..").c_str(), 0755) == 0);

  const auto before = region.snapshot();
  CHECK(succeeds_as_nobody([&] {
    bool all_read = ::access(region.path_of("00/000").c_str(), W_OK) != 0;
    for (std::uint32_t extent = 0; extent < 4; ++extent) {
      const SqliteReading reading = read_sqlite(region, extent);
      const std::size_t expected = extent == 0 || extent == 3 ? 4 : 1;
      all_read = all_read && reading.rows && reading.rows->size() == expected;
    }
    return all_read;
  }));
  CHECK(region.snapshot() == before);
  for (const char* directory : {"", "00", "00/000"}) {
    REQUIRE(::chmod(region.path_of(directory).c_str(), 0755) == 0);
  }
}

}  // namespace
}  // namespace libregion
