// What is in the members of a bundle (see bundle_members.h). Integers are little-endian.
//
//   listing    for each entry: "KIND SIZE NAME" and a zero byte. KIND is "file", "directory" or
//              "other" (a symbolic link, a FIFO, a file with several names), SIZE in decimal digits
//              the apparent size of a file, else 0. NAME may hold every byte but zero and "/";
//              what is in the directory of a repair has that directory's name and a "/" before it.
//   blocks     for each block: u64 the on-disk hash of its data, u8 what else is known of it:
//                 1  the data is zero
//                 2  a slot, or a row, has the on-disk hash of the data
//                 4  slot A has it, and its integrity hash is right as well
//                 8  slot B likewise
//                16  the data could not be read
//   tail, end  bytes as they are on disk
//   rows       32 bytes of metadata, encoded as those of a raw extent; then for each row: u64 the
//              block, u8 whether the integrity hash is right for the block's data, and the context
//              as 48 bytes, encoded as a slot
//
// A region made of a bundle has no data. So that the same findings show in it, its contexts are
// made to stand to its zeros as the bundled ones stand to the data that they were written for:
// what matched matches, what did not does not.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"
#include "libregion/format/units.h"

namespace libregion {

// ---- listing ------------------------------------------------------------------------------------

enum class ListedKind : std::uint8_t { file, directory, other };

struct ListedEntry {
  std::string name;
  ListedKind kind = ListedKind::file;
  std::uint64_t size_bytes = 0;
  bool operator==(const ListedEntry&) const = default;
};

// More than this no file can have.
constexpr std::uint64_t listed_size_bytes_max = (std::uint64_t{1} << 63U) - 1;

void append_entry(Bytes& listing, const ListedEntry& entry);

// An entry that nobody lists: where in the listing it begins, and what is wrong with it.
struct ListingProblem {
  std::size_t offset_bytes = 0;
  std::string expected;
  std::string found;
};
std::variant<std::vector<ListedEntry>, ListingProblem> parse_listing(ByteView listing);

// ---- blocks -------------------------------------------------------------------------------------

struct BlockSummary {
  std::uint64_t data_hash = 0;
  bool data_is_zero = false;
  bool has_match = false;
  std::array<bool, 2> integrity_holds = {false, false};  // of slots A and B
  bool is_unreadable = false;
  bool operator==(const BlockSummary&) const = default;
};
constexpr std::size_t block_summary_bytes = 8 + 1;

void append_summary(Bytes& blocks, const BlockSummary& summary);
// Bits that nobody sets are ignored.
BlockSummary decode_summary(std::span<const std::byte, block_summary_bytes> bytes);

// ---- rows ---------------------------------------------------------------------------------------

struct BundledRow {
  std::uint64_t block = 0;
  bool integrity_holds = false;
  BlockContext context;
  bool operator==(const BundledRow&) const = default;
};
constexpr std::size_t bundled_row_bytes = 8 + 1 + context_slot_bytes;
static_assert(bundled_row_bytes == 57);
// An extent with more rows than this is bundled without them.
constexpr std::uint64_t bundled_rows_bytes_max = std::uint64_t{64} << 20U;

void append_row(Bytes& rows, const BundledRow& row);
// nullopt where the context is none.
std::optional<BundledRow> decode_row(std::span<const std::byte, bundled_row_bytes> bytes);

// ---- a region without data ----------------------------------------------------------------------

// What stands in for the blocks of a region: zeros, or for data that no context matches a 1 and
// zeros, so that it still is data.
class StandInBlocks {
 public:
  explicit StandInBlocks(const Geometry& geometry);

  [[nodiscard]] static bool is_zero(const BlockSummary& summary) {
    return summary.data_is_zero || summary.has_match || summary.is_unreadable;
  }
  [[nodiscard]] ByteView marked() const { return marked_; }

  // The context that stands to the block's stand-in as this one stands to its data.
  [[nodiscard]] BlockContext carry_over(const BlockContext& context, const BlockSummary& summary,
                                        bool integrity_holds) const;
  // The same for the bytes of slot A or B. Whatever is no context stays as it is.
  void carry_over(std::span<std::byte, context_slot_bytes> slot, ContextSlot which,
                  const BlockSummary& summary) const;

 private:
  Bytes zeros_;
  Bytes marked_;
  std::uint64_t zeros_hash_;
  std::uint64_t marked_hash_;
};

}  // namespace libregion
