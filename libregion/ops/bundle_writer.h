// Writing the members of a bundle, one after the other.

#pragma once

#include <cstdint>
#include <exception>
#include <functional>

#include "libregion/format/bundle_members.h"
#include "libregion/format/bytes.h"

namespace libregion {

// What the sink threw, kept apart from the failures of the region that is read: it is no finding,
// and the end.
struct SinkFailure {
  std::exception_ptr reason;
};

class BundleWriter {
 public:
  explicit BundleWriter(std::function<void(ByteView)> sink) : sink_(std::move(sink)) {}

  // A member of so many bytes begins; they follow in one or more puts. Members come in the order of
  // their places. All of these throw SinkFailure.
  void begin(const BundleMember& member, std::uint64_t size_bytes);
  void put(ByteView content);
  void write(const BundleMember& member, ByteView content);
  void finish();

  [[nodiscard]] std::uint64_t written_bytes() const { return written_bytes_; }

 private:
  void pass_on(ByteView bytes);

  std::function<void(ByteView)> sink_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t left_bytes_ = 0;     // of the member in hand
  std::uint64_t padding_bytes_ = 0;  // after it
  MemberPlace place_ = {-4, 0, 0, 0, 0};
};

}  // namespace libregion
