// An extent built anew from what it holds and from an image, beside the extent itself.

#pragma once

#include <functional>
#include <vector>

#include "libregion/extent/extent_reader.h"
#include "libregion/format/metadata.h"
#include "libregion/format/region_definition.h"
#include "libregion/ops/block_check.h"
#include "libregion/ops/image_reader.h"

namespace libregion {

// Gathers the errors of blocks that are to stay as they are, and nothing else.
class KeptBlockCheck {
 public:
  KeptBlockCheck(const RegionDefinition& definition, ExtentId extent, ExtentReader& reader)
      : check_(definition, extent, reader, CheckDepth::everything) {}

  void check(const BlockRecord& record);
  std::vector<Finding> take_errors();

 private:
  void keep_errors();

  BlockCheck check_;
  std::vector<Finding> errors_;
};

struct RebuildOptions {
  std::uint64_t first_block = 0;  // where in the extent the image goes on
  bool skip_zeros = false;        // a zero block of the image does not write one never written
  // Called once something differs, and not before: the new file, empty; nullptr where the extent is
  // only compared.
  std::function<File*()> make_file;
};

struct RebuildResult {
  std::uint64_t image_blocks = 0;    // that the image had for this extent
  std::uint64_t written_blocks = 0;  // of them, those with new data or a new context
  ExtentMetadata metadata;           // as it is after this
  std::vector<Finding> errors;       // of blocks that stay: what was built must not be used

  [[nodiscard]] bool differs() const { return written_blocks > 0; }
};

// Takes blocks from the image, which must go on, to the end of the extent or of the image; all
// other blocks stay. What stays keeps its context, flush id and all, and so does a block that holds
// the image's data already. Of a block that the image ends in, the rest stays. Where everything
// stays no file is made.
//
// The new file has its contexts in array A, as if just defragmented, with array B empty: the next
// write of any run of blocks then finds all its inactive slots side by side. A new context's flush
// id is the low 16 bits of the extent's flush number so far, and that number is then one higher: as
// after a write and a flush. Generation and counts stay. Nothing is synced.
//
// `old` must be a clean raw extent with good metadata.
RebuildResult rebuild_extent(const RegionDefinition& definition, ExtentId extent, ExtentReader& old,
                             ImageReader& image, const RebuildOptions& options);

}  // namespace libregion
