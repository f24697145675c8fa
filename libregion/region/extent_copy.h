// An extent built anew beside the one that it is to become: ZZZ.copy, then ZZZ.replace (see
// staging.h).
//
// The order of things:
//   1. ZZZ.copy/ and the files in it made     a crash leaves .copy, which is worth nothing
//   2. the files synced, then the directory
//   3. renamed to .replace, the directory     from here on the extent must become what was built
//      that it is in synced
// Then the replacement is to be finished.

#pragma once

#include <memory>
#include <vector>

#include "libregion/format/extent_names.h"
#include "libregion/io/file_system.h"

namespace libregion {

class ExtentCopy {
 public:
  // Makes the directory; there must be none. It gets the owner and mode of the one it stands in.
  ExtentCopy(Directory& leaf, ExtentId extent);
  // Removes what was built, unless it was committed or a sync has failed.
  ~ExtentCopy();
  ExtentCopy(const ExtentCopy&) = delete;
  ExtentCopy& operator=(const ExtentCopy&) = delete;

  // The file lasts as long as this does.
  File& create(ExtentPart part, const Ownership& ownership);
  [[nodiscard]] const Directory& directory() const { return *directory_; }

  // From here on nothing is removed: whatever fails next may be a sync.
  void leave() { stays_ = true; }
  // Steps 2 and 3. The files are closed.
  void commit();

 private:
  void remove();

  Directory& leaf_;
  ExtentId extent_;
  std::unique_ptr<Directory> directory_;
  struct Made {
    ExtentPart part;
    std::unique_ptr<File> file;
  };
  std::vector<Made> files_;
  bool stays_ = false;
};

}  // namespace libregion
