// A file that passes everything on to another one: for those that do one thing differently.

#pragma once

#include <memory>

#include "libregion/io/file_system.h"

namespace libregion {

class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  [[nodiscard]] const std::string& path() const override { return file_->path(); }
  [[nodiscard]] FileStatus status() const override { return file_->status(); }
  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    return file_->read_up_to(offset_bytes, target);
  }
  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    return file_->next_data(offset_bytes);
  }
  void write(std::uint64_t offset_bytes, ByteView source) override {
    file_->write(offset_bytes, source);
  }
  void resize(std::uint64_t size_bytes) override { file_->resize(size_bytes); }
  void sync() override { file_->sync(); }
  Grant take_lease(Access against) override { return file_->take_lease(against); }
  [[nodiscard]] bool lease_is_broken() const override { return file_->lease_is_broken(); }
  void release_lease() override { file_->release_lease(); }

 protected:
  std::unique_ptr<File> file_;
};

}  // namespace libregion
