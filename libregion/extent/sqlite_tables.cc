#include "libregion/extent/sqlite_tables.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <sqlite3.h>

#include "libregion/base/assert.h"
#include "libregion/base/text.h"
#include "libregion/extent/sqlite_database.h"
#include "libregion/extent/sqlite_schema.h"
#include "libregion/format/extent_names.h"
#include "libregion/format/sqlite_walk.h"

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
      if (with_rows && !has_intact_rows(database)) return std::move(tables_);
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

  bool is_intact(SqliteDatabase& database, std::string_view table) {
    // The quick one does not compare a table with an index that someone made on it, which SQLite
    // might read the rows from.
    const std::string check_name =
        fmt::format("{}({})", has_own_index_ ? "integrity_check" : "quick_check", table);
    SqliteStatement check(database, "PRAGMA " + check_name);
    (void)check.step();
    const std::string verdict = check.text(0);
    if (verdict == "ok") return true;
    add(FindingId::sqlite_corrupt, check_name + ": ok", verdict);
    return false;
  }

  bool has_intact_rows(SqliteDatabase& database) {
    const auto tables = context_tables(tables_.generation);
    return std::all_of(tables.begin(), tables.end(),
                       [&](std::string_view table) { return is_intact(database, table); });
  }

  bool has_known_schema(SqliteDatabase& database) {
    const SqliteSchema schema = read_sqlite_schema(database);
    has_own_index_ = schema.has_own_index;
    tables_.generation = schema.generation;
    if (schema.generation == SqliteGeneration::s6) return true;
    const std::string expected(generation_text(SqliteGeneration::s6));
    const std::string found(generation_text(schema.generation));
    if (is_older_generation(schema.generation)) {
      add(FindingId::sqlite_older_generation, expected, found);
      return true;
    }
    const bool is_named = schema.generation == SqliteGeneration::before_hashes;
    add(is_named ? FindingId::sqlite_without_hashes : FindingId::sqlite_unknown_schema, expected,
        is_named ? found : "tables: " + table_names(database));
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
    const ContextRowsOptions options{tables_.generation, geometry_.extent_size_blocks(),
                                     image_.size() / row_bytes_min};
    const ReportRow report = [&](FindingId id, const std::string& expected,
                                 const std::string& found, std::optional<BlockRange> blocks) {
      add(id, expected, found, blocks);
    };
    tables_.rows = read_context_rows(database, options, report);
  }

  ByteView image_;
  ExtentId extent_;
  const Geometry& geometry_;
  SqliteTables tables_;
  bool has_own_index_ = false;  // as in SqliteSchema
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

Bytes build_image(const ExtentMetadata& metadata,
                  const std::function<void(SqliteStatement& insert)>& insert_rows) {
  constexpr std::size_t write_version_offset = 18;
  SqliteDatabase database = SqliteDatabase::create();
  database.execute("PRAGMA page_size = 4096");
  database.execute("BEGIN");
  database.execute(sqlite_metadata_sql);
  database.execute(sqlite_block_context_sql);
  insert_metadata(database, metadata);
  {
    SqliteStatement insert(database, "INSERT INTO block_context VALUES (?1, ?2, ?3, ?4, ?5)");
    insert_rows(insert);
  }
  database.execute("COMMIT");
  Bytes image = database.serialize();
  // The mark of WAL mode, which a database in memory cannot be in.
  image[write_version_offset] = std::byte{2};
  image[write_version_offset + 1] = std::byte{2};
  return image;
}

}  // namespace

SqliteTables read_sqlite_tables(ByteView image, ExtentId extent, const Geometry& geometry) {
  SqliteTables tables;
  tables.generation = SqliteGeneration::s6;
  tables.metadata = walk_sqlite_metadata(image);
  if (tables.metadata) tables.rows = walk_sqlite_rows(image, geometry.extent_size_blocks());
  return tables.rows ? std::move(tables) : read_tables_with_sqlite(image, extent, geometry);
}

SqliteTables read_sqlite_metadata(ByteView image, ExtentId extent, const Geometry& geometry) {
  SqliteTables tables;
  tables.generation = SqliteGeneration::s6;
  tables.metadata = walk_sqlite_metadata(image);
  return tables.metadata ? std::move(tables) : read_metadata_with_sqlite(image, extent, geometry);
}

SqliteTables read_tables_with_sqlite(ByteView image, ExtentId extent, const Geometry& geometry) {
  return TableReader(image, extent, geometry).read(/*with_rows=*/true);
}

SqliteTables read_metadata_with_sqlite(ByteView image, ExtentId extent, const Geometry& geometry) {
  return TableReader(image, extent, geometry).read(/*with_rows=*/false);
}

Bytes build_sqlite_image(const ExtentMetadata& metadata, const SlotArray& contexts) {
  return build_image(metadata, [&](SqliteStatement& insert) {
    for (std::uint64_t block = 0; block < contexts.block_count(); ++block) {
      if (const auto context = contexts.at(block)) insert_context(insert, block, *context);
    }
  });
}

std::optional<Bytes> build_sqlite_image(const ExtentMetadata& metadata, const ContextRows& rows,
                                        std::uint64_t block_count) {
  try {
    return build_image(metadata, [&](SqliteStatement& insert) {
      for (std::uint64_t block = 0; block < block_count; ++block) {
        for (const SlotValue& row : rows.of_block(block)) {
          insert_context(insert, block, std::get<BlockContext>(row));
        }
      }
    });
  } catch (const SqliteError& error) {
    LIBREGION_ASSERT(error.code() == SQLITE_CONSTRAINT);
    return std::nullopt;
  }
}

}  // namespace libregion
