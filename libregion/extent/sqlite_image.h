// A SQLite extent's database, as pages in memory: the .db file with the committed frames of its
// write-ahead log applied. Right in every state of log and index, on a read-only mount too, and
// nothing on disk is touched.

#pragma once

#include <optional>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/extent_names.h"

namespace libregion {

struct SqliteImage {
  std::optional<Bytes> pages;  // none where a finding says why
  std::vector<Finding> findings;
  std::unique_ptr<File> db;  // open and claimed, unless it could not be opened
};

// `parts` says what stands beside the database.
SqliteImage load_sqlite_image(const Directory& leaf, ExtentId extent, const ExtentParts& parts,
                              const FileClaim& claim);

// The same for who wants the metadata alone: of a database that Crucible left, without a log, only
// the first pages are read, and `metadata` says what they say. Else it is all loaded.
struct SqliteMetadataImage {
  SqliteImage image;
  std::optional<ExtentMetadata> metadata;
  std::uint64_t read_bytes = 0;
};
SqliteMetadataImage load_sqlite_metadata(const Directory& leaf, ExtentId extent,
                                         const ExtentParts& parts, const FileClaim& claim);

}  // namespace libregion
