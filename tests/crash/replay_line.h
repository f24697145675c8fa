// The line that a failure prints, and what it says taken apart again.

#pragma once

#include <map>
#include <string>

#include "tests/crash/extent_crasher.h"

namespace libregion {

// "extent name=value name=value": the first word is under "".
std::map<std::string, std::string> parse_line(const std::string& line);

// What the line says happens again; returns what is wrong, empty where nothing is. Throws
// std::runtime_error where it says nothing that could be done.
std::string replay(const std::string& line);

}  // namespace libregion
