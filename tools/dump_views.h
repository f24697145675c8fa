// What region-dump shows of one region after the other: blocks, bytes, layout, inventory, a bundle.

#pragma once

#include <optional>
#include <string>

#include "tools/common/key_option.h"
#include "tools/dump_bundle.h"

namespace region_tools {

// What is shown in place of the table.
struct Shown {
  bool slots = false;
  bool raw = false;
  bool layout = false;
  bool inventory = false;
  bool compare = false;
  BundleArguments bundle;
  std::optional<std::string> key_file;
};

CsvRows csv_rows(const Shown& shown);

// Of one region; not the table, nor a comparison. `key` decrypts, where there is one.
ExitCode show_region(Session& session, const libregion::Region& region, const Shown& shown,
                     const std::optional<libregion::EncryptionKey>& key);

}  // namespace region_tools
