#include "libregion/extent/sqlite_rows.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "libregion/extent/sqlite_database.h"
#include "libregion/format/integrity.h"

namespace libregion {
namespace {

constexpr std::size_t hash_bytes = 8;

// NULL is fine; anything else must be a blob of exactly this length.
bool copy_blob(const SqliteValue& value, MutableByteView target) {
  if (value.is_null) return true;
  if (!value.blob || value.blob->size() != target.size()) return false;
  std::copy(value.blob->begin(), value.blob->end(), target.begin());
  return true;
}

// A context's nonce and tag: both or none, in `encryption`; false where they are anything else. One
// of them alone counts as none.
bool read_encryption(const SqliteValue& nonce, const SqliteValue& tag,
                     std::optional<EncryptionContext>& encryption) {
  EncryptionContext read;
  if (!copy_blob(nonce, read.nonce) || !copy_blob(tag, read.tag)) return false;
  if (nonce.blob && tag.blob) encryption = read;
  return true;
}

std::optional<std::uint64_t> hash_of_blob(const SqliteValue& value) {
  if (!value.blob || value.blob->size() != hash_bytes) return std::nullopt;
  return Decoder(*value.blob).u64();
}

std::string describe_row(const SqliteStatement& row, int column_count) {
  std::string text;
  for (int column = 0; column < column_count; ++column) {
    const SqliteValue value = row.value(column);
    if (!text.empty()) text += ", ";
    if (value.is_null) {
      text += "NULL";
    } else if (value.integer) {
      text += fmt::format("{}", *value.integer);
    } else if (value.blob) {
      text += fmt::format("a blob of {} bytes", value.blob->size());
    } else {
      text += "neither integer nor blob";
    }
  }
  return text;
}

class RowReader {
 public:
  RowReader(SqliteDatabase& database, const ContextRowsOptions& options, const ReportRow& report)
      : database_(database), options_(options), report_(report) {}

  std::optional<ContextRows> read() {
    const bool is_whole =
        options_.generation == SqliteGeneration::s3 ? read_two_tables() : read_one_table();
    if (!is_whole) return std::nullopt;
    report_odd_rows();
    rows_.sort();
    if (options_.generation != SqliteGeneration::s6) rows_.remove_repeats();
    return std::move(rows_);
  }

 private:
  // Calls take(row, block) for each row of a block of the extent; `block_column` is where its
  // number stands. False where there is no end.
  template <class Take>
  bool for_each_row(std::string_view sql, int block_column, Take take) {
    SqliteStatement row(database_, sql);
    for (std::uint64_t count = 0; row.step(); ++count) {
      if (count == options_.rows_max) {
        report_(FindingId::sqlite_corrupt, fmt::format("at most {} rows", options_.rows_max),
                "more", std::nullopt);
        return false;
      }
      const auto block = row.value(block_column).integer;
      if (block && (*block < 0 || *block >= static_cast<std::int64_t>(options_.block_count))) {
        ++rows_out_of_range_;
      } else {
        take(row, block);
      }
    }
    return true;
  }

  void report_bad(const std::string& expected, const SqliteStatement& row, int column_count,
                  std::optional<std::int64_t> block) {
    report_(
        FindingId::sqlite_bad_row, expected, describe_row(row, column_count),
        block ? std::optional(BlockRange{static_cast<std::uint64_t>(*block), 1}) : std::nullopt);
  }

  // ---- S4 to S6 ---------------------------------------------------------------------------------

  bool read_one_table() {
    const bool has_numbers = options_.generation == SqliteGeneration::s6;
    const std::string expected =
        fmt::format("{}; a nonce of 12 bytes with a tag of 16, or NULL",
                    has_numbers ? "integers for block, hash and on_disk_hash"
                                : "an integer for block, 8 bytes for hash and on_disk_hash");
    return for_each_row("SELECT block, hash, nonce, tag, on_disk_hash FROM block_context", 0,
                        [&](const SqliteStatement& row, std::optional<std::int64_t> block) {
                          const auto context = to_context(row);
                          if (!block || !context) return report_bad(expected, row, 5, block);
                          const bool is_half = row.value(2).is_null != row.value(3).is_null;
                          if (is_half)
                            half_encrypted_rows_.push_back(static_cast<std::uint64_t>(*block));
                          rows_.add(static_cast<std::uint64_t>(*block), *context);
                        });
  }

  [[nodiscard]] std::optional<std::uint64_t> to_hash(const SqliteValue& value) const {
    if (options_.generation != SqliteGeneration::s6) return hash_of_blob(value);
    if (!value.integer) return std::nullopt;
    return static_cast<std::uint64_t>(*value.integer);
  }

  [[nodiscard]] std::optional<BlockContext> to_context(const SqliteStatement& row) const {
    const auto hash = to_hash(row.value(1));
    const auto on_disk_hash = to_hash(row.value(4));
    BlockContext context;
    if (!hash || !on_disk_hash ||
        !read_encryption(row.value(2), row.value(3), context.encryption)) {
      return std::nullopt;
    }
    context.hash = *hash;
    context.on_disk_hash = *on_disk_hash;
    return context;
  }

  // ---- S3 ---------------------------------------------------------------------------------------

  // A row of either table, to be brought into the order of the counters.
  struct Counted {
    std::uint64_t block = 0;
    std::int64_t counter = 0;
    std::uint64_t hash = 0;
    EncryptionContext encryption;
    [[nodiscard]] auto place() const { return std::tuple(block, counter); }
  };

  bool read_two_tables() {
    if (!read_hashes() || !read_encryption_contexts()) return false;
    pair_up();
    return true;
  }

  bool read_hashes() {
    return for_each_row(
        "SELECT block, counter, hash FROM integrity_hashes", 0,
        [&](const SqliteStatement& row, std::optional<std::int64_t> block) {
          const auto counter = row.value(1).integer;
          const auto hash = hash_of_blob(row.value(2));
          if (!block || !counter || !hash) {
            return report_bad("integers for block and counter, 8 bytes for hash", row, 3, block);
          }
          hashes_.push_back({static_cast<std::uint64_t>(*block), *counter, *hash, {}});
        });
  }

  bool read_encryption_contexts() {
    return for_each_row(
        "SELECT block, counter, nonce, tag FROM encryption_context", 0,
        [&](const SqliteStatement& row, std::optional<std::int64_t> block) {
          const auto counter = row.value(1).integer;
          std::optional<EncryptionContext> encryption;
          const bool is_right = read_encryption(row.value(2), row.value(3), encryption);
          if (!block || !counter || !is_right || !encryption) {
            return report_bad("integers for block and counter, a nonce of 12 bytes and a tag of 16",
                              row, 4, block);
          }
          contexts_.push_back({static_cast<std::uint64_t>(*block), *counter, 0, *encryption});
        });
  }

  // The i-th of a block with the i-th.
  void pair_up() {
    const auto by_place = [](const Counted& left, const Counted& right) {
      return left.place() < right.place();
    };
    std::stable_sort(hashes_.begin(), hashes_.end(), by_place);
    std::stable_sort(contexts_.begin(), contexts_.end(), by_place);
    auto context = contexts_.begin();
    for (const Counted& hash : hashes_) {
      skip_contexts_without_hash(context, hash.block);
      BlockContext row{hash.hash, std::nullopt, hash.hash, 0};
      if (context != contexts_.end() && context->block == hash.block) {
        row.encryption = context++->encryption;
      }
      rows_.add(hash.block, row);
    }
    skip_contexts_without_hash(context, options_.block_count);
  }

  // Those of blocks before this one.
  void skip_contexts_without_hash(std::vector<Counted>::iterator& context, std::uint64_t block) {
    for (; context != contexts_.end() && context->block < block; ++context) {
      report_(FindingId::sqlite_bad_row, "a hash for each nonce and tag", "none",
              BlockRange{context->block, 1});
    }
  }

  // -----------------------------------------------------------------------------------------------

  void report_odd_rows() {
    if (rows_out_of_range_ > 0) {
      report_(FindingId::sqlite_row_out_of_range,
              fmt::format("blocks 0 to {}", options_.block_count - 1),
              fmt::format("{} rows", rows_out_of_range_), std::nullopt);
    }
    for (const std::uint64_t block : half_encrypted_rows_) {
      report_(FindingId::sqlite_half_encrypted_row, "nonce and tag, or neither", "one of them",
              BlockRange{block, 1});
    }
  }

  SqliteDatabase& database_;
  const ContextRowsOptions& options_;
  const ReportRow& report_;
  ContextRows rows_;
  std::vector<Counted> hashes_;
  std::vector<Counted> contexts_;
  std::uint64_t rows_out_of_range_ = 0;
  std::vector<std::uint64_t> half_encrypted_rows_;
};

}  // namespace

std::optional<ContextRows> read_context_rows(SqliteDatabase& database,
                                             const ContextRowsOptions& options,
                                             const ReportRow& report) {
  return RowReader(database, options, report).read();
}

BlockContext complete_s3_context(const BlockContext& row, ByteView data, std::uint64_t data_hash) {
  BlockContext context = row;
  if (row.encryption && integrity_hash(*row.encryption, data) == row.hash) {
    context.on_disk_hash = data_hash;
  }
  return context;
}

}  // namespace libregion
