#include "libregion/ops/bundle_file.h"

#include "libregion/io/staged_file.h"

namespace libregion {

BundleSummary write_bundle_file(FileSystem& file_system, const Region& region,
                                const BundleOptions& options, const BundleFileOptions& file,
                                Reporter& reporter) {
  StagedFile staged(file_system, file.path, file.replace);
  std::uint64_t offset_bytes = 0;
  const BundleSink append = [&](ByteView bytes) {
    staged.file().write(offset_bytes, bytes);
    offset_bytes += bytes.size();
  };
  const BundleSummary summary = write_bundle(region, options, append, reporter);
  staged.sync();
  staged.commit();
  return summary;
}

}  // namespace libregion
