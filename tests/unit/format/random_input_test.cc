// Every decoder, given bytes that nobody meant for it: it answers, and what it takes it can give
// back.

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "libregion/format/active_slots.h"
#include "libregion/format/context_slot.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/metadata.h"
#include "libregion/format/region_definition.h"
#include "libregion/format/sqlite_wal.h"
#include "libregion/format/uuid.h"
#include "tests/support/random.h"
#include "tests/unit/format/definition_text.h"
#include "tests/unit/format/sqlite_wal_builder.h"

namespace libregion {
namespace {

using namespace std::string_view_literals;

// Changes, cuts, repeats and inserts, a few at a time.
std::string mutated(std::string text, Random& random, std::string_view alphabet) {
  for (std::uint64_t changes = 1 + random.below(3); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random.below(text.size());
    const std::size_t size = random.below(std::min<std::size_t>(12, text.size() - at) + 1);
    switch (random.below(5)) {
      case 0: text[at] = alphabet[random.below(alphabet.size())]; break;
      case 1: text.erase(at, size); break;
      case 2: text.insert(at, text.substr(at, size)); break;
      case 3: text.insert(at, random.text(1, alphabet)); break;
      default: text[at] = static_cast<char>(random.next());
    }
  }
  return text;
}

TEST_CASE("any 48 bytes are a slot, and encoding its value changes only stray bytes") {
  Random random(20);
  std::map<std::size_t, int> seen;
  for (int i = 0; i < 50000; ++i) {
    Bytes slot = random.bytes(48);
    slot[0] = static_cast<std::byte>(random.below(3));
    slot[9] = static_cast<std::byte>(random.below(3));
    if (random.coin()) std::fill(slot.begin() + 20, slot.end(), std::byte{0});
    const SlotView view = ByteView(slot).first<48>();
    const SlotValue value = decode_context_slot(view);
    ++seen[value.index()];
    const auto* context = std::get_if<BlockContext>(&value);
    if (context == nullptr) continue;
    Bytes again(48);
    encode_context_slot(*context, MutableByteView(again).first<48>());
    const std::size_t stray = find_stray_byte(view).value_or(48);
    REQUIRE(std::equal(again.begin(), again.begin() + static_cast<std::ptrdiff_t>(stray),
                       slot.begin()));
    REQUIRE((again == slot) == (stray == 48));
  }
  CHECK(seen.size() == 3);
}

TEST_CASE("any 32 bytes are metadata or name the field that is damaged") {
  Random random(21);
  std::map<std::size_t, int> seen;
  for (int i = 0; i < 50000; ++i) {
    Bytes bytes = random.bytes(32);
    bytes[0] = static_cast<std::byte>(random.below(3));
    if (random.coin()) std::fill(bytes.begin() + 18, bytes.end(), std::byte{0});
    bytes[17] = static_cast<std::byte>(random.below(4));
    const MetadataView view = ByteView(bytes).first<32>();
    const auto value = decode_metadata(view);
    ++seen[value.index()];
    if (const auto* bad = std::get_if<BadMetadata>(&value)) {
      REQUIRE((bad->field == "dirty" || bad->field == "ext_version"));
      REQUIRE(bad->found != bad->expected_max);
      continue;
    }
    Bytes again(32);
    encode_metadata(std::get<ExtentMetadata>(value), MutableByteView(again).first<32>());
    REQUIRE((again == bytes) == metadata_padding_is_zero(view));
    REQUIRE_FALSE(is_version_3_metadata(view));
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("any bytes of the right number are active-slot bits, kept as they are") {
  Random random(22);
  for (std::uint64_t count = 1; count < 300; ++count) {
    const Bytes bits = random.bytes((count + 7) / 8);
    ActiveSlots slots(count, bits);
    for (std::uint64_t block = 0; block < count; ++block) slots.set(block, slots.at(block));
    REQUIRE(std::equal(bits.begin(), bits.end(), slots.bytes().begin(), slots.bytes().end()));
  }
}

void check_definition(const std::string& text, std::map<bool, int>& used) {
  const auto result = parse_region_definition(text);
  CAPTURE(text);
  const auto* definition = std::get_if<RegionDefinition>(&result);
  ++used[definition != nullptr];
  if (definition != nullptr) {
    const auto again = parse_region_definition(to_json_text(*definition));
    REQUIRE(std::holds_alternative<RegionDefinition>(again));
    // What is written is never of an older generation.
    RegionDefinition written = *definition;
    written.older_without.clear();
    REQUIRE(std::get<RegionDefinition>(again) == written);
    return;
  }
  const auto& problems = std::get<std::vector<DefinitionProblem>>(result);
  REQUIRE_FALSE(problems.empty());
  for (const DefinitionProblem& problem : problems) {
    REQUIRE_FALSE(problem.expected.empty());
    REQUIRE_FALSE(problem.found.empty());
  }
}

TEST_CASE("any text is a definition that can be written and read again, or has problems") {
  Random random(23);
  std::map<bool, int> used;
  const std::string good = DefinitionText().add("x", R"({"y":[1.5,"\u0000"]})").text();
  for (int i = 0; i < 5000; ++i) {
    check_definition(mutated(good, random, "{}[]\",:.-+eE0123456789 \n\\utrfn"), used);
  }
  CHECK(used[true] > 0);
  CHECK(used[false] > 0);
  for (int i = 0; i < 2000; ++i) {
    check_definition(random.text(random.below(60), "{}[]\",:-1.e\\u0 tfn\xC3\xA9"), used);
  }
}

TEST_CASE("any text is a UUID that comes back, but for its case, or none") {
  Random random(24);
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text =
        mutated("02b5a561-2d09-4a9b-8ac0-34d2ef61e592", random, "0123456789abcdef-gX");
    const auto uuid = parse_uuid(text);
    if (!uuid) continue;
    ++taken;
    CAPTURE(text);
    for (char& digit : text) {
      if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit + 32);
    }
    REQUIRE(to_text(*uuid) == text);
  }
  CHECK(taken > 0);
}

TEST_CASE("any name is an extent's, built again the same, or no extent's") {
  Random random(25);
  std::map<ExtentPart, int> seen;
  for (int i = 0; i < 20000; ++i) {
    const auto part = static_cast<ExtentPart>(random.below(all_extent_parts.size()));
    const LeafId leaf{static_cast<std::uint32_t>(random.below(1 << 20))};
    const std::string name =
        mutated("67D" + std::string(part_suffix(part)), random, "0123456789ABCDEFabd.-/\0"sv);
    CAPTURE(name);
    const auto parsed = parse_extent_name(leaf, name);
    if (!parsed) continue;
    ++seen[parsed->part];
    REQUIRE(leaf_of(parsed->extent) == leaf);
    REQUIRE(extent_file_name(parsed->extent, parsed->part) == name);
  }
  CHECK(seen.size() == all_extent_parts.size());
}

TEST_CASE("any text names an extent, or none; a path names the extent whose path it is") {
  Random random(26);
  int paths = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = mutated("00/000/67D", random, "0123456789ABCDEFx/");
    CAPTURE(text);
    const auto extent = parse_extent_reference(text);
    if (!extent || text.find('/') == std::string::npos) continue;
    ++paths;
    REQUIRE(extent_path(*extent) == text);
  }
  CHECK(paths > 0);
}

TEST_CASE("random bytes are no log, and no frame of one") {
  Random random(27);
  for (int i = 0; i < 20000; ++i) {
    Bytes header = random.bytes(32);
    if (random.coin()) {
      const Bytes right = WalBuilder(ChecksumWords::little_endian).header();
      std::copy_n(right.begin(), random.below(31), header.begin());
    }
    REQUIRE_FALSE(WalScanner::from_header(ByteView(header).first<32>()).has_value());
  }
  WalBuilder builder(ChecksumWords::big_endian);
  auto scanner = WalScanner::from_header(ByteView(builder.header()).first<32>());
  REQUIRE(scanner);
  for (int i = 0; i < 2000; ++i) {
    const Bytes header = random.bytes(24);
    REQUIRE_FALSE(scanner->take_frame(ByteView(header).first<24>(), random.bytes(512)));
  }
  CHECK(scanner->committed_frame_count() == 0);
}

}  // namespace
}  // namespace libregion
