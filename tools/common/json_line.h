// One record as a line of JSON, written straight into text: no tree is built.

#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "libregion/base/text.h"

namespace region_tools {

class JsonLine {
 public:
  explicit JsonLine(std::string_view type) { add("type", type); }

  void add(std::string_view name, std::string_view value) {
    add_name(name);
    libregion::append_json_string(text_, value);
  }
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, std::uint64_t value) {
    add_name(name);
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{}"), value);
  }
  void add(std::string_view name, bool value) {
    add_name(name);
    text_ += value ? "true" : "false";
  }
  void add_seconds(std::string_view name, double value) {
    add_name(name);
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{:.3f}"), value);
  }
  // A path that is not UTF-8 comes a second time, with its bytes.
  void add_path(std::string_view name, std::string_view value) {
    add(name, value);
    if (!libregion::is_valid_utf8(value)) {
      add(std::string(name) + "_b64", std::string_view(libregion::to_base64(value)));
    }
  }
  // What does not apply is left out.
  void add_absent(std::string_view /*name*/) {}
  // Elements added until end_array() are the array's.
  void begin_array(std::string_view name) {
    add_name(name);
    text_ += '[';
    is_first_ = true;
  }
  void add_element(std::string_view value) {
    begin_next();
    libregion::append_json_string(text_, value);
  }
  // An object as an element, up to end_object().
  void begin_element() {
    begin_next();
    text_ += '{';
    is_first_ = true;
  }
  void end_array() {
    text_ += ']';
    is_first_ = false;
  }
  // Members added until end_object() are the object's.
  void begin_object(std::string_view name) {
    add_name(name);
    text_ += '{';
    is_first_ = true;
  }
  void end_object() {
    text_ += '}';
    is_first_ = false;
  }

  // Members that somebody else has put together: "\"name\":value,...", at least one.
  void add_members(std::string_view members) {
    begin_next();
    text_ += members;
  }

  // The line so far, for somebody else to go on with another member.
  [[nodiscard]] std::string unfinished() const { return text_ + ','; }

  // The line, newline included. Nothing can be added afterwards.
  std::string_view finish() {
    text_ += "}\n";
    return text_;
  }

 private:
  void begin_next() {
    if (!is_first_) text_ += ',';
    is_first_ = false;
  }
  void add_name(std::string_view name) {
    begin_next();
    libregion::append_json_string(text_, name);
    text_ += ':';
  }

  std::string text_ = "{";
  bool is_first_ = true;
};

}  // namespace region_tools
