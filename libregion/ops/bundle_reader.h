// Reading a bundle, member by member. Bundles come from strangers: whatever is not as this library
// writes it, in names, order, sizes or bytes, is an Error (failed) that names the file, the place
// in it, what was expected and what was found.

#pragma once

#include <optional>

#include "libregion/format/bundle_members.h"
#include "libregion/format/region_definition.h"
#include "libregion/io/input_stream.h"

namespace libregion {

class BundleReader {
 public:
  // Reads the manifest and region.json. `stream` must outlive this object.
  explicit BundleReader(InputStream& stream);

  [[nodiscard]] const RegionDefinition& definition() const { return definition_; }
  // Of the whole bundle, where that is known.
  [[nodiscard]] std::optional<std::uint64_t> size_bytes() const { return stream_.size_bytes(); }

  // The next member; nullopt at the end. What was not read of the one before is skipped.
  std::optional<BundleMember> next();
  // Of the member in hand, and what is left of it.
  [[nodiscard]] std::uint64_t member_bytes() const { return member_bytes_; }
  [[nodiscard]] std::uint64_t left_bytes() const { return left_bytes_; }

  // The next bytes of the member; there must be so many left.
  void read(MutableByteView target);
  // All of it, where it has at most so many bytes.
  Bytes read_whole(std::uint64_t bytes_max);

  // About the bytes of the member in hand that begin at `offset_bytes` in it.
  [[noreturn]] void refuse(std::uint64_t offset_bytes, const std::string& expected,
                           const std::string& found) const;

 private:
  void read_exactly(MutableByteView target);
  void skip_rest();
  void check_end();
  void expect_member(MemberKind kind);
  void read_manifest();
  void read_definition();
  [[noreturn]] void refuse_at(std::uint64_t offset_bytes, const std::string& what,
                              const std::string& expected, const std::string& found) const;

  InputStream& stream_;
  RegionDefinition definition_;
  std::uint64_t offset_bytes_ = 0;         // in the bundle
  std::uint64_t member_offset_bytes_ = 0;  // where the content of the member in hand begins
  std::uint64_t member_bytes_ = 0;
  std::uint64_t left_bytes_ = 0;
  std::string member_name_;
  MemberPlace place_ = {-4, 0, 0, 0, 0};
};

}  // namespace libregion
