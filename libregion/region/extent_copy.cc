#include "libregion/region/extent_copy.h"

#include "libregion/base/error.h"

namespace libregion {

ExtentCopy::ExtentCopy(Directory& leaf, ExtentId extent) : leaf_(leaf), extent_(extent) {
  const std::string name = extent_file_name(extent, ExtentPart::copy);
  leaf_.make_directory(name, leaf_.status().ownership);
  directory_ = open_directory_in(leaf_, name);
}

ExtentCopy::~ExtentCopy() {
  if (stays_) return;
  try {
    remove();
  } catch (...) {
    // What stays is what an interrupted repair leaves, and the next run removes it.
  }
}

File& ExtentCopy::create(ExtentPart part, const Ownership& ownership) {
  auto file = directory_->create_file(extent_file_name(extent_, part), ownership);
  return *files_.emplace_back(Made{part, std::move(file)}).file;
}

void ExtentCopy::commit() {
  leave();
  for (const Made& made : files_) made.file->sync();
  directory_->sync();
  files_.clear();
  directory_.reset();
  leaf_.rename(extent_file_name(extent_, ExtentPart::copy),
               extent_file_name(extent_, ExtentPart::replace));
  leaf_.sync();
}

void ExtentCopy::remove() {
  for (const Made& made : files_) directory_->remove_file(extent_file_name(extent_, made.part));
  files_.clear();
  directory_.reset();
  leaf_.remove_directory(extent_file_name(extent_, ExtentPart::copy));
}

}  // namespace libregion
