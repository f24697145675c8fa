// One row of CSV (RFC 4180, lines end with a line feed), beside JsonLine.

#pragma once

#include <string>
#include <string_view>

#include "libregion/base/text.h"

namespace region_tools {

class CsvLine {
 public:
  void add(std::string_view name, std::string_view value) {
    begin_cell(name);
    append_cell(cells_, value);
  }
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, std::uint64_t value) {
    begin_cell(name);
    cells_ += std::to_string(value);
  }
  void add(std::string_view name, bool value) {
    begin_cell(name);
    cells_ += value ? "true" : "false";
  }
  void add_path(std::string_view name, std::string_view value) { add(name, value); }
  void add_absent(std::string_view name) { begin_cell(name); }

  // The header and the row, each without the end of its line.
  [[nodiscard]] const std::string& names() const { return names_; }
  [[nodiscard]] const std::string& cells() const { return cells_; }

 private:
  void begin_cell(std::string_view name) {
    if (!names_.empty()) {
      names_ += ',';
      cells_ += ',';
    }
    names_ += name;
  }

  // Control characters as \xNN. A spreadsheet takes what begins with one of =+-@ for a formula,
  // and names in a region may be a stranger's: an apostrophe makes it text.
  static void append_cell(std::string& out, std::string_view value) {
    const std::string text = libregion::printable(value);
    constexpr std::string_view formula_signs = "=+-@";
    const bool is_formula =
        !text.empty() && formula_signs.find(text.front()) != std::string_view::npos;
    const std::string cell = is_formula ? "'" + text : text;
    if (cell.find_first_of(",\"") == std::string::npos) {
      out += cell;
      return;
    }
    out += '"';
    for (const char character : cell) {
      if (character == '"') out += '"';
      out += character;
    }
    out += '"';
  }

  std::string names_;
  std::string cells_;
};

}  // namespace region_tools
