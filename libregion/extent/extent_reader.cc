#include "libregion/extent/extent_reader.h"

namespace libregion {

std::string_view format_name(ExtentFormat format) {
  return format == ExtentFormat::raw ? "raw" : "sqlite";
}

}  // namespace libregion
