// region-export --salvage: one image of what several replicas still have.

#pragma once

#include "libregion/format/encryption_key.h"
#include "libregion/io/image_target.h"
#include "tools/common/run_tool.h"

namespace region_tools {

// What --format csv has rows of then.
CsvRows origin_rows();

// The regions are those of the command line.
ExitCode export_salvaged(Session& session, const libregion::ImageTargetOptions& target_options,
                         const std::optional<libregion::EncryptionKey>& key);

}  // namespace region_tools
