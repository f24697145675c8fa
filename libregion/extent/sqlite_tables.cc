#include "libregion/extent/sqlite_tables.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <sqlite3.h>

#include "libregion/base/text.h"
#include "libregion/extent/sqlite_database.h"
#include "libregion/extent/sqlite_schema.h"
#include "libregion/format/extent_names.h"

namespace libregion {
namespace {

// Fewer bytes than any row takes: a table with more rows than this allows repeats its own pages.
constexpr std::uint64_t row_bytes_min = 8;

class TableReader {
 public:
  TableReader(ByteView image, ExtentId extent, const Geometry& geometry)
      : image_(image), extent_(extent), geometry_(geometry) {}

  // Without the rows, only the table of metadata is checked and read.
  SqliteTables read(bool with_rows) {
    try {
      SqliteDatabase database = SqliteDatabase::open(image_);
      // Before any row: a check that visits each page once, so that nothing after it can be led in
      // circles. Before that: the schema, which the check would compute expressions of.
      if (!has_known_schema(database) || !is_intact(database, "metadata"))
        return std::move(tables_);
      if (with_rows && !is_intact(database, "block_context")) return std::move(tables_);
      read_metadata(database);
      if (with_rows) read_rows(database);
    } catch (const SqliteError& error) {
      const bool is_database = error.code() != SQLITE_NOTADB;
      add(is_database ? FindingId::sqlite_corrupt : FindingId::sqlite_not_a_database,
          "a sound SQLite database", error.what());
      tables_.rows.reset();
    }
    return std::move(tables_);
  }

 private:
  void add(FindingId id, std::string expected, std::string_view found,
           std::optional<BlockRange> blocks = std::nullopt) {
    if (blocks && extends_last(id, *blocks)) return;
    Finding finding{id, extent_, extent_path(extent_, ExtentPart::db)};
    finding.blocks = blocks;
    finding.expected = std::move(expected);
    finding.found = printable(found);
    tables_.findings.push_back(std::move(finding));
  }

  // Neighbouring blocks with the same finding are one.
  bool extends_last(FindingId id, BlockRange blocks) {
    if (tables_.findings.empty()) return false;
    Finding& last = tables_.findings.back();
    if (last.id != id || !last.blocks || blocks.first > last.blocks->end()) return false;
    if (blocks.first < last.blocks->first) return false;
    last.blocks->count = std::max(last.blocks->end(), blocks.end()) - last.blocks->first;
    return true;
  }

  bool is_intact(SqliteDatabase& database, const char* table) {
    // The quick one does not compare a table with an index that someone made on it, which SQLite
    // might read the rows from.
    const std::string check_name =
        fmt::format("{}({})", has_own_index_ ? "integrity_check" : "quick_check", table);
    SqliteStatement check(database, "PRAGMA " + check_name);
    const std::string verdict = check.step() ? check.text(0) : "no verdict";
    if (verdict == "ok") return true;
    add(FindingId::sqlite_corrupt, check_name + ": ok", verdict);
    return false;
  }

  bool has_known_schema(SqliteDatabase& database) {
    const SqliteSchema schema = read_sqlite_schema(database);
    has_own_index_ = schema.has_own_index;
    if (schema.generation == SqliteGeneration::s6) return true;
    const bool is_older = schema.generation != SqliteGeneration::unknown;
    add(is_older ? FindingId::sqlite_older_generation : FindingId::sqlite_unknown_schema,
        std::string(generation_text(SqliteGeneration::s6)),
        is_older ? std::string(generation_text(schema.generation))
                 : "tables: " + table_names(database));
    return false;
  }

  void read_metadata(SqliteDatabase& database) {
    std::map<std::string, std::optional<std::int64_t>> numbers;
    SqliteStatement rows(database, "SELECT name, value FROM metadata LIMIT 100");
    while (rows.step()) numbers[rows.text(0)] = rows.value(1).integer;

    ExtentMetadata metadata;
    metadata.ext_version = sqlite_ext_version;
    const auto gen_number = check_number(numbers, "gen_number");
    const auto flush_number = check_number(numbers, "flush_number");
    const auto dirty = check_dirty(numbers);
    if (const auto found = numbers.find("ext_version");
        found == numbers.end() || found->second != sqlite_ext_version) {
      add(FindingId::sqlite_odd_version, "ext_version 1", describe_number(numbers, "ext_version"));
    }
    if (!gen_number || !flush_number || !dirty) return;
    metadata.gen_number = *gen_number;
    metadata.flush_number = *flush_number;
    metadata.dirty = *dirty;
    tables_.metadata = metadata;
  }

  using Numbers = std::map<std::string, std::optional<std::int64_t>>;

  static std::string describe_number(const Numbers& numbers, const std::string& name) {
    const auto found = numbers.find(name);
    if (found == numbers.end()) return name + " is missing";
    return found->second ? fmt::format("{} {}", name, *found->second) : name + " is not an integer";
  }

  std::optional<std::uint64_t> check_number(const Numbers& numbers, const std::string& name) {
    const auto found = numbers.find(name);
    if (found != numbers.end() && found->second && *found->second >= 0) {
      return static_cast<std::uint64_t>(*found->second);
    }
    add(FindingId::sqlite_bad_number, name + ", an integer of at least 0",
        describe_number(numbers, name));
    return std::nullopt;
  }

  std::optional<bool> check_dirty(const Numbers& numbers) {
    const auto found = numbers.find("dirty");
    if (found == numbers.end() || !found->second) {
      add(FindingId::sqlite_bad_number, "dirty, 0 or 1", describe_number(numbers, "dirty"));
      return std::nullopt;
    }
    if (*found->second != 0 && *found->second != 1) {
      add(FindingId::sqlite_odd_dirty, "dirty 0 or 1", describe_number(numbers, "dirty"));
    }
    return *found->second != 0;
  }

  void read_rows(SqliteDatabase& database) {
    const std::uint64_t rows_max = image_.size() / row_bytes_min;
    std::uint64_t row_count = 0;
    ContextRows contexts;
    SqliteStatement rows(database,
                         "SELECT block, hash, nonce, tag, on_disk_hash "
                         "FROM block_context");
    while (rows.step()) {
      if (++row_count > rows_max) {
        add(FindingId::sqlite_corrupt, fmt::format("at most {} rows", rows_max), "more");
        return;
      }
      take_row(rows, contexts);
    }
    report_odd_rows();
    contexts.sort();
    tables_.rows = std::move(contexts);
  }

  void take_row(const SqliteStatement& row, ContextRows& contexts) {
    const auto block = row.value(0).integer;
    const auto block_count = static_cast<std::int64_t>(geometry_.extent_size_blocks());
    if (block && (*block < 0 || *block >= block_count)) {
      ++rows_out_of_range_;
      return;
    }
    const auto context = to_context(row);
    if (!block || !context) {
      add(FindingId::sqlite_bad_row,
          "integers for block, hash and on_disk_hash; a nonce of 12 bytes with a tag of 16, or "
          "NULL",
          describe_row(row),
          block ? std::optional(BlockRange{static_cast<std::uint64_t>(*block), 1}) : std::nullopt);
      return;
    }
    const bool is_half = row.value(2).is_null != row.value(3).is_null;
    if (is_half) half_encrypted_rows_.push_back(static_cast<std::uint64_t>(*block));
    contexts.add(static_cast<std::uint64_t>(*block), *context);
  }

  static std::optional<BlockContext> to_context(const SqliteStatement& row) {
    const auto hash = row.value(1).integer;
    const auto on_disk_hash = row.value(4).integer;
    if (!hash || !on_disk_hash) return std::nullopt;
    BlockContext context;
    context.hash = static_cast<std::uint64_t>(*hash);
    context.on_disk_hash = static_cast<std::uint64_t>(*on_disk_hash);
    const SqliteValue nonce = row.value(2);
    const SqliteValue tag = row.value(3);
    EncryptionContext encryption;
    if (!copy_blob(nonce, encryption.nonce) || !copy_blob(tag, encryption.tag)) return std::nullopt;
    if (nonce.blob && tag.blob) context.encryption = encryption;
    return context;
  }

  // NULL is fine; anything else must be a blob of exactly this length.
  static bool copy_blob(const SqliteValue& value, MutableByteView target) {
    if (value.is_null) return true;
    if (!value.blob || value.blob->size() != target.size()) return false;
    std::copy(value.blob->begin(), value.blob->end(), target.begin());
    return true;
  }

  static std::string describe_row(const SqliteStatement& row) {
    std::string text;
    for (int column = 0; column < 5; ++column) {
      const SqliteValue value = row.value(column);
      if (!text.empty()) text += ", ";
      if (value.is_null)
        text += "NULL";
      else if (value.integer)
        text += fmt::format("{}", *value.integer);
      else if (value.blob)
        text += fmt::format("a blob of {} bytes", value.blob->size());
      else
        text += "neither integer nor blob";
    }
    return text;
  }

  void report_odd_rows() {
    if (rows_out_of_range_ > 0) {
      add(FindingId::sqlite_row_out_of_range,
          fmt::format("blocks 0 to {}", geometry_.extent_size_blocks() - 1),
          fmt::format("{} rows", rows_out_of_range_));
    }
    for (const std::uint64_t block : half_encrypted_rows_) {
      add(FindingId::sqlite_half_encrypted_row, "nonce and tag, or neither", "one of them",
          BlockRange{block, 1});
    }
  }

  ByteView image_;
  ExtentId extent_;
  const Geometry& geometry_;
  SqliteTables tables_;
  bool has_own_index_ = false;  // as in SqliteSchema
  std::uint64_t rows_out_of_range_ = 0;
  std::vector<std::uint64_t> half_encrypted_rows_;
};

void insert_metadata(SqliteDatabase& database, const ExtentMetadata& metadata) {
  const auto add = [&](std::string_view name, std::uint64_t value) {
    SqliteStatement row(database, fmt::format("INSERT INTO metadata VALUES ('{}', ?1)", name));
    row.bind(1, static_cast<std::int64_t>(value));
    row.step();
  };
  add("ext_version", sqlite_ext_version);
  add("gen_number", metadata.gen_number);
  add("flush_number", metadata.flush_number);
  add("dirty", metadata.dirty ? 1 : 0);
}

void insert_context(SqliteStatement& insert, std::uint64_t block, const BlockContext& context) {
  insert.reset();
  insert.bind(1, static_cast<std::int64_t>(block));
  insert.bind(2, static_cast<std::int64_t>(context.hash));
  if (context.encryption) {
    insert.bind(3, context.encryption->nonce);
    insert.bind(4, context.encryption->tag);
  } else {
    insert.bind_null(3);
    insert.bind_null(4);
  }
  insert.bind(5, static_cast<std::int64_t>(context.on_disk_hash));
  insert.step();
}

}  // namespace

void ContextRows::add(std::uint64_t block, const BlockContext& context) {
  blocks_.push_back(block);
  contexts_.emplace_back(context);
}

void ContextRows::sort() {
  // The table's own order; only a damaged one needs the work.
  if (std::is_sorted(blocks_.begin(), blocks_.end())) return;
  std::vector<std::size_t> order(blocks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return blocks_[left] < blocks_[right];
  });
  ContextRows sorted;
  for (const std::size_t i : order) {
    sorted.blocks_.push_back(blocks_[i]);
    sorted.contexts_.push_back(contexts_[i]);
  }
  *this = std::move(sorted);
}

std::span<const SlotValue> ContextRows::of_block(std::uint64_t block) const {
  const auto [first, last] = std::equal_range(blocks_.begin(), blocks_.end(), block);
  return std::span(contexts_).subspan(static_cast<std::size_t>(first - blocks_.begin()),
                                      static_cast<std::size_t>(last - first));
}

std::uint64_t ContextRows::first_block_from(std::uint64_t block) const {
  const auto first = std::lower_bound(blocks_.begin(), blocks_.end(), block);
  return first != blocks_.end() ? *first : std::numeric_limits<std::uint64_t>::max();
}

bool ContextRows::has_block_with_several() const {
  return std::adjacent_find(blocks_.begin(), blocks_.end()) != blocks_.end();
}

SqliteTables read_sqlite_tables(ByteView image, ExtentId extent, const Geometry& geometry) {
  return TableReader(image, extent, geometry).read(/*with_rows=*/true);
}

SqliteTables read_sqlite_metadata(ByteView image, ExtentId extent, const Geometry& geometry) {
  return TableReader(image, extent, geometry).read(/*with_rows=*/false);
}

Bytes build_sqlite_image(const ExtentMetadata& metadata,
                         std::span<const std::optional<BlockContext>> contexts) {
  constexpr std::size_t write_version_offset = 18;
  SqliteDatabase database = SqliteDatabase::create();
  database.execute("PRAGMA page_size = 4096");
  database.execute("BEGIN");
  database.execute(sqlite_schema_sql);
  insert_metadata(database, metadata);
  {
    SqliteStatement insert(database, "INSERT INTO block_context VALUES (?1, ?2, ?3, ?4, ?5)");
    for (std::size_t block = 0; block < contexts.size(); ++block) {
      if (contexts[block]) insert_context(insert, block, *contexts[block]);
    }
  }
  database.execute("COMMIT");
  Bytes image = database.serialize();
  // The mark of WAL mode, which a database in memory cannot be in.
  image[write_version_offset] = std::byte{2};
  image[write_version_offset + 1] = std::byte{2};
  return image;
}

}  // namespace libregion
