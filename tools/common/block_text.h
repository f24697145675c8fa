// A block and its contexts as text for programs: the records that there are most of, a million a
// second and more, so they are put together piece by piece.

#pragma once

#include <string>
#include <string_view>

#include "libregion/report/reporter.h"

namespace region_tools {

// The members of a block's JSON object from "block" on, with the closing brace.
void append_block_json(std::string& out, const libregion::BlockReport& report);

// Of these members those that say what the block holds: from "selected" on, without the brace.
void append_block_content_json(std::string& out, const libregion::BlockReport& report);

// One line for each slot or row, and one for a block that has none. `prefix` is what the lines
// begin with: the cells of region, UUID, extent and file.
void append_block_csv(std::string& out, std::string_view prefix,
                      const libregion::BlockReport& report);
// The cells of a block of which nothing is known but its number.
void append_unknown_block_csv(std::string& out, std::string_view prefix, std::uint64_t block,
                              std::uint64_t region_block);
// The names of the columns from "block" on.
extern const std::string_view block_csv_columns;

// For people: a line for the block, and one for each slot or row.
std::string block_text(const libregion::BlockReport& report);

}  // namespace region_tools
