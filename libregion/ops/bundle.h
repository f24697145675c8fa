// Bundling a region: all that a bug report needs of it and none of its data, in a tar archive.
// What is in it: format/bundle_members.h. What can be made of it: ops/unbundle.h.
//
// In a region that is made of the bundle the same findings show. But for these:
//   io_error, not_accessible, several_links, changed_while_read   they belong to the disk, or the
//       moment
//   what opening a readable database finds, sqlite_hot_wal above all: its rows are carried, not
//       its pages
//   with blinding, what a database has that cannot be read: it might hold what is to be blinded
//   region.json.incomplete beside a region.json, which a region that is made has for a while itself
//   the blocks of a file that is too long and has no metadata where the layout puts them: what
//       stands where slots should be may be data
// Each of these is told where it is met, as a record `not_carried`.

#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "libregion/format/blinding.h"
#include "libregion/region/region.h"
#include "libregion/report/reporter.h"

namespace libregion {

// A key that nobody knows, for one bundle.
BlindingKey make_random_blinding_key();

struct BundleOptions {
  std::string tool;                                        // who makes it, for the manifest
  std::string tool_version;                                //
  std::optional<BlindingKey> blinding_key = std::nullopt;  // nonces and tags are blinded with it
  const std::atomic<bool>* stop = nullptr;
  Progress* progress = nullptr;
};

struct BundleSummary {
  std::uint64_t extent_count = 0;       // that region.json counts
  std::uint64_t block_count = 0;        // looked at
  std::uint64_t data_bytes = 0;         // of these, read
  std::uint64_t bundle_bytes = 0;       // written
  std::uint64_t not_carried_count = 0;  // records of that name
  bool has_io_errors = false;           // something could not be read
  bool has_changed = false;             // somebody used an extent while it was read
};

// Takes the bundle's bytes, in order.
using BundleSink = std::function<void(ByteView)>;

// Changes nothing in the region. The same region gives the same bytes, unless it is blinded. Throws
// Error: stopped, in_use, and what the sink throws; what the sink was given is no bundle then.
BundleSummary write_bundle(const Region& region, const BundleOptions& options,
                           const BundleSink& sink, Reporter& reporter);

}  // namespace libregion
