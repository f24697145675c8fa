#include "libregion/format/sqlite_wal.h"

#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/random.h"
#include "tests/unit/base/throwing_assertions.h"
#include "tests/unit/format/spelled_bytes.h"
#include "tests/unit/format/sqlite_wal_builder.h"

namespace libregion {
namespace {

using PageFrames = std::map<std::uint32_t, std::uint64_t>;

std::optional<WalScanner> scanner_of(const Bytes& header) {
  return WalScanner::from_header(ByteView(header).first<32>());
}

WalScanner started(WalBuilder& builder) {
  auto scanner = scanner_of(builder.header());
  REQUIRE(scanner);
  return *scanner;
}

bool take(WalScanner& scanner, const WalFrame& frame) {
  return scanner.take_frame(ByteView(frame.header).first<24>(), frame.page);
}

constexpr auto little_endian_header =
    "377f0682 002de218 00000200 00000000 3bbf5374 0b85cce3 491ec24e e4c51efe";
constexpr auto big_endian_header =
    "377f0683 002de218 00000200 00000000 3bbf5374 0b85cce3 51c41e4b 0422c4e7";

TEST_CASE("a header as SQLite wrote it is read") {
  const auto scanner = scanner_of(bytes_of(little_endian_header));
  REQUIRE(scanner);
  CHECK(scanner->page_size_bytes() == 512);
  CHECK(scanner->committed_frames().empty());
  CHECK(scanner->committed_frame_count() == 0);
  CHECK(scanner->committed_page_count() == 0);
}

TEST_CASE("golden frames of a zero page each, with checksums of little-endian words") {
  auto scanner = scanner_of(bytes_of(little_endian_header));
  REQUIRE(scanner);
  CHECK(take(*scanner,
             {bytes_of("00000001 00000000 3bbf5374 0b85cce3 b0bf628e ac617cd0"), Bytes(512)}));
  CHECK(take(*scanner,
             {bytes_of("00000002 00000002 3bbf5374 0b85cce3 93be890c b85efbf2"), Bytes(512)}));
  CHECK(scanner->committed_frames() == PageFrames{{1, 0}, {2, 1}});
}

TEST_CASE("golden frames of a zero page each, with checksums of big-endian words") {
  auto scanner = scanner_of(bytes_of(big_endian_header));
  REQUIRE(scanner);
  CHECK(take(*scanner,
             {bytes_of("00000001 00000000 3bbf5374 0b85cce3 f0743cc9 77e91f33"), Bytes(512)}));
  CHECK(take(*scanner,
             {bytes_of("00000002 00000002 3bbf5374 0b85cce3 665a5805 0bb1777c"), Bytes(512)}));
  CHECK(scanner->committed_frames() == PageFrames{{1, 0}, {2, 1}});
}

TEST_CASE("the builder of these tests writes the same headers") {
  CHECK(spelled(WalBuilder(ChecksumWords::little_endian).header()) ==
        spelled(bytes_of(little_endian_header)));
  CHECK(spelled(WalBuilder(ChecksumWords::big_endian).header()) ==
        spelled(bytes_of(big_endian_header)));
}

TEST_CASE("a header with any one bit wrong is refused") {
  for (const char* golden : {little_endian_header, big_endian_header}) {
    Bytes header = bytes_of(golden);
    for (std::size_t bit = 0; bit < 256; ++bit) {
      header[bit / 8] ^= std::byte{1} << (bit % 8);
      if (scanner_of(header)) FAIL("bit ", bit);
      header[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST_CASE("a header of another magic or format is refused, whatever its checksum") {
  for (const std::uint32_t magic : {0U, 0x377F0680U, 0x377F0681U, 0x377F0684U, 0x82067F37U}) {
    WalHeader fields;
    fields.magic = magic;
    CAPTURE(magic);
    CHECK_FALSE(scanner_of(WalBuilder(fields).header()).has_value());
  }
  for (const std::uint32_t format : {0U, 3006999U, 3007001U, 0x18E22D00U}) {
    WalHeader fields;
    fields.format = format;
    CAPTURE(format);
    CHECK_FALSE(scanner_of(WalBuilder(fields).header()).has_value());
  }
}

TEST_CASE("pages have 512 to 65536 bytes, a power of two") {
  for (std::uint32_t size = 512; size <= 65536; size *= 2) {
    CAPTURE(size);
    WalBuilder builder(ChecksumWords::little_endian, size);
    WalScanner scanner = started(builder);
    CHECK(scanner.page_size_bytes() == size);
    CHECK(take(scanner, builder.frame(1, 1)));
    CHECK(scanner.committed_page_count() == 1);
  }
  for (const std::uint32_t size :
       {0U, 1U, 256U, 511U, 513U, 768U, 1000U, 65535U, 65537U, 131072U, 0x80000000U, 0xFFFFFFFFU}) {
    WalHeader fields;
    fields.page_size_bytes = size;
    CAPTURE(size);
    CHECK_FALSE(scanner_of(WalBuilder(fields).header()).has_value());
  }
}

TEST_CASE("frames") {
  ChecksumWords words{};
  SUBCASE("with checksums of little-endian words") { words = ChecksumWords::little_endian; }
  SUBCASE("with checksums of big-endian words") { words = ChecksumWords::big_endian; }
  WalBuilder builder(words);
  WalScanner scanner = started(builder);

  SUBCASE("without a commit are valid, but count for nothing") {
    CHECK(take(scanner, builder.frame(1, 0)));
    CHECK(take(scanner, builder.frame(2, 0)));
    CHECK(scanner.committed_frames().empty());
    CHECK(scanner.committed_frame_count() == 0);
    CHECK(scanner.committed_page_count() == 0);
  }
  SUBCASE("count up to the one that ends a transaction") {
    CHECK(take(scanner, builder.frame(3, 0)));
    CHECK(take(scanner, builder.frame(1, 5)));
    CHECK(take(scanner, builder.frame(2, 0)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 1}, {3, 0}});
    CHECK(scanner.committed_frame_count() == 2);
    CHECK(scanner.committed_page_count() == 5);
  }
  SUBCASE("of several transactions add up; the last one says how large the database is") {
    CHECK(take(scanner, builder.frame(1, 7)));
    CHECK(take(scanner, builder.frame(2, 0)));
    CHECK(take(scanner, builder.frame(3, 4)));
    CHECK(take(scanner, builder.frame(4, 6)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 0}, {2, 1}, {3, 2}, {4, 3}});
    CHECK(scanner.committed_frame_count() == 4);
    CHECK(scanner.committed_page_count() == 6);
  }
  SUBCASE("that write a page again replace it, within a transaction and after it") {
    CHECK(take(scanner, builder.frame(1, 0, 10)));
    CHECK(take(scanner, builder.frame(1, 0, 11)));
    CHECK(take(scanner, builder.frame(2, 2, 12)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 1}, {2, 2}});
    CHECK(take(scanner, builder.frame(2, 2, 13)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 1}, {2, 3}});
  }
  SUBCASE("that write a page again replace nothing before their transaction ends") {
    CHECK(take(scanner, builder.frame(1, 1, 20)));
    CHECK(take(scanner, builder.frame(1, 0, 21)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 0}});
    CHECK(take(scanner, builder.frame(2, 2, 22)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 1}, {2, 2}});
  }
  SUBCASE("may hold pages beyond the end of a database that a later one shortens") {
    CHECK(take(scanner, builder.frame(9, 9)));
    CHECK(take(scanner, builder.frame(1, 3)));
    CHECK(scanner.committed_page_count() == 3);
    CHECK(scanner.committed_frames().at(1) == 1);
  }
  SUBCASE("may have the largest page number") {
    CHECK(take(scanner, builder.frame(0xFFFFFFFF, 0xFFFFFFFF)));
    CHECK(scanner.committed_frames() == PageFrames{{0xFFFFFFFF, 0}});
  }
}

// What follows two frames of which the first ends a transaction.
void check_refused(ChecksumWords words, void (*damage)(WalFrame&)) {
  WalBuilder builder(words);
  WalScanner scanner = started(builder);
  REQUIRE(take(scanner, builder.frame(1, 1, 1)));
  REQUIRE(take(scanner, builder.frame(2, 0, 2)));
  WalFrame frame = builder.frame(3, 3, 3);
  damage(frame);
  CHECK_FALSE(take(scanner, frame));
  CHECK(scanner.committed_frames() == PageFrames{{1, 0}});
  CHECK(scanner.committed_frame_count() == 1);
  CHECK(scanner.committed_page_count() == 1);
}

TEST_CASE("a frame ends the log, and the unfinished transaction before it is dropped,") {
  ChecksumWords words{};
  SUBCASE("with checksums of little-endian words") { words = ChecksumWords::little_endian; }
  SUBCASE("with checksums of big-endian words") { words = ChecksumWords::big_endian; }

  SUBCASE("if its page number is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[3] ^= std::byte{1}; });
  }
  SUBCASE("if its page count is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[7] ^= std::byte{4}; });
  }
  SUBCASE("if its first salt is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[8] ^= std::byte{1}; });
  }
  SUBCASE("if its second salt is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[15] ^= std::byte{1}; });
  }
  SUBCASE("if the first half of its checksum is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[16] ^= std::byte{1}; });
  }
  SUBCASE("if the second half of its checksum is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.header[23] ^= std::byte{1}; });
  }
  SUBCASE("if the first byte of its page is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.page.front() ^= std::byte{0x80}; });
  }
  SUBCASE("if the last byte of its page is wrong") {
    check_refused(words, [](WalFrame& frame) { frame.page.back() ^= std::byte{1}; });
  }
  SUBCASE("if it is all zeros") {
    check_refused(words, [](WalFrame& frame) {
      frame.header = Bytes(24);
      frame.page = Bytes(512);
    });
  }
}

TEST_CASE("a frame for page 0 ends the log, even with a right checksum") {
  for (const ChecksumWords words : {ChecksumWords::little_endian, ChecksumWords::big_endian}) {
    WalBuilder builder(words);
    WalScanner scanner = started(builder);
    REQUIRE(take(scanner, builder.frame(1, 1)));
    CHECK_FALSE(take(scanner, builder.frame(0, 1)));
    CHECK(scanner.committed_frames() == PageFrames{{1, 0}});
  }
}

TEST_CASE("checksums run from frame to frame: none can be left out, repeated or exchanged") {
  WalBuilder builder(ChecksumWords::little_endian);
  const Bytes header = builder.header();
  const WalFrame first = builder.frame(1, 1, 1);
  const WalFrame second = builder.frame(2, 2, 2);
  auto scanner = scanner_of(header);
  REQUIRE(scanner);
  CHECK_FALSE(take(*scanner, second));
  CHECK(take(*scanner, first));
  CHECK_FALSE(take(*scanner, first));
  CHECK(take(*scanner, second));
}

TEST_CASE("frames of the log before the last restart, with its salts, are not taken") {
  WalHeader before;
  before.salt_1 -= 1;
  WalBuilder old(before);
  const WalFrame left_over = old.frame(1, 1);
  WalBuilder builder(ChecksumWords::little_endian);
  WalScanner scanner = started(builder);
  CHECK_FALSE(take(scanner, left_over));
  CHECK(take(scanner, builder.frame(1, 1)));
}

TEST_CASE("a page of another size than the header's is refused") {
  const ThrowingAssertions throwing;
  WalBuilder builder(ChecksumWords::little_endian);
  WalScanner scanner = started(builder);
  WalFrame frame = builder.frame(1, 1);
  frame.page.resize(1024);
  CHECK_THROWS_AS(take(scanner, frame), BrokenInvariant);
}

TEST_CASE("random logs, cut by a damaged frame, hold the transactions that ended before it") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    WalBuilder builder(random.coin() ? ChecksumWords::little_endian : ChecksumWords::big_endian);
    WalScanner scanner = started(builder);
    const std::uint64_t damaged = random.below(30);
    PageFrames pending;
    PageFrames committed;
    for (std::uint64_t i = 0; i <= damaged; ++i) {
      const auto page_number = static_cast<std::uint32_t>(1 + random.below(6));
      const bool ends = random.below(3) == 0;
      WalFrame frame = builder.frame(page_number, ends ? 6 : 0, random.bytes(512));
      if (i == damaged) {
        const std::uint64_t at = random.below(24 + 512);
        (at < 24 ? frame.header[at] : frame.page[at - 24]) ^= std::byte{1} << random.below(8);
        REQUIRE_FALSE(take(scanner, frame));
        break;
      }
      REQUIRE(take(scanner, frame));
      pending[page_number] = i;
      if (!ends) continue;
      for (const auto& [page, number] : pending) committed[page] = number;
      pending.clear();
    }
    REQUIRE(scanner.committed_frames() == committed);
    REQUIRE(scanner.committed_page_count() == (committed.empty() ? 0 : 6));
  }
}

}  // namespace
}  // namespace libregion
