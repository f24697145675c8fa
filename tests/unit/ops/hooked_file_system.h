// Another file system, with a test looking over its shoulder: something happens just before a
// file is opened or read, or a directory opened.

#pragma once

#include <functional>
#include <string>

#include "libregion/io/file_system.h"

namespace libregion {

struct Hooks {
  // Before bytes of a file are read.
  std::function<void(const std::string& path, std::uint64_t offset_bytes)> before_read;
  // Before a file is opened; may throw in its place.
  std::function<void(const std::string& path)> before_open = {};
  // Before a directory is opened or listed; may throw in its place.
  std::function<void(const std::string& path)> before_directory;
};

class HookedFile : public File {
 public:
  HookedFile(std::unique_ptr<File> inner, const Hooks& hooks)
      : inner_(std::move(inner)), hooks_(hooks) {}
  [[nodiscard]] const std::string& path() const override { return inner_->path(); }
  [[nodiscard]] FileStatus status() const override { return inner_->status(); }
  std::size_t read_up_to(std::uint64_t offset_bytes, MutableByteView target) const override {
    if (hooks_.before_read) hooks_.before_read(path(), offset_bytes);
    return inner_->read_up_to(offset_bytes, target);
  }
  [[nodiscard]] std::optional<ByteRange> next_data(std::uint64_t offset_bytes) const override {
    return inner_->next_data(offset_bytes);
  }
  void write(std::uint64_t offset_bytes, ByteView source) override {
    inner_->write(offset_bytes, source);
  }
  void resize(std::uint64_t size_bytes) override { inner_->resize(size_bytes); }
  void sync() override { inner_->sync(); }
  Grant take_lease(Access against) override { return inner_->take_lease(against); }
  [[nodiscard]] bool lease_is_broken() const override { return inner_->lease_is_broken(); }
  void release_lease() override { inner_->release_lease(); }

 private:
  std::unique_ptr<File> inner_;
  const Hooks& hooks_;
};

class HookedDirectory : public Directory {
 public:
  HookedDirectory(std::unique_ptr<Directory> inner, const Hooks& hooks)
      : inner_(std::move(inner)), hooks_(hooks) {}
  static Opened<Directory> wrap(Opened<Directory> opened, const Hooks& hooks) {
    auto* inner = std::get_if<std::unique_ptr<Directory>>(&opened);
    if (inner == nullptr) return opened;
    return std::make_unique<HookedDirectory>(std::move(*inner), hooks);
  }

  [[nodiscard]] const std::string& path() const override { return inner_->path(); }
  [[nodiscard]] FileStatus status() const override { return inner_->status(); }
  [[nodiscard]] std::optional<FileStatus> status_of(std::string_view name) const override {
    return inner_->status_of(name);
  }
  void list(const std::function<void(const DirectoryEntry&)>& visit) const override {
    if (hooks_.before_directory) hooks_.before_directory(path());
    inner_->list(visit);
  }
  [[nodiscard]] Opened<File> open_file(std::string_view path, Access access) const override {
    if (hooks_.before_open) hooks_.before_open(this->path() + "/" + std::string(path));
    auto opened = inner_->open_file(path, access);
    auto* file = std::get_if<std::unique_ptr<File>>(&opened);
    if (file == nullptr) return opened;
    return std::make_unique<HookedFile>(std::move(*file), hooks_);
  }
  [[nodiscard]] Opened<Directory> open_directory(std::string_view name) const override {
    if (hooks_.before_directory) hooks_.before_directory(path() + "/" + std::string(name));
    return wrap(inner_->open_directory(name), hooks_);
  }
  std::unique_ptr<File> create_file(std::string_view name,
                                    const std::optional<Ownership>& ownership) override {
    return std::make_unique<HookedFile>(inner_->create_file(name, ownership), hooks_);
  }
  void make_directory(std::string_view name, const std::optional<Ownership>& ownership) override {
    inner_->make_directory(name, ownership);
  }
  void take_ownership(const Ownership& ownership) override { inner_->take_ownership(ownership); }
  void remove_file(std::string_view name) override { inner_->remove_file(name); }
  void remove_directory(std::string_view name) override { inner_->remove_directory(name); }
  void rename(std::string_view source, std::string_view target) override {
    inner_->rename(source, target);
  }
  void sync() override { inner_->sync(); }
  bool sync_file_system() override { return inner_->sync_file_system(); }
  [[nodiscard]] std::uint64_t free_bytes() const override { return inner_->free_bytes(); }
  Grant lock(Access access) override { return inner_->lock(access); }

 private:
  std::unique_ptr<Directory> inner_;
  const Hooks& hooks_;
};

class HookedFileSystem : public FileSystem {
 public:
  explicit HookedFileSystem(FileSystem& inner) : inner_(inner) {}
  [[nodiscard]] Opened<Directory> open_directory(const std::string& path) override {
    if (hooks.before_directory) hooks.before_directory(path);
    return HookedDirectory::wrap(inner_.open_directory(path), hooks);
  }
  [[nodiscard]] std::vector<FileUser> users_of(const FileStatus& file) override {
    return inner_.users_of(file);
  }
  [[nodiscard]] std::optional<std::vector<FileUser>> users_below(const std::string& path) override {
    return inner_.users_below(path);
  }

  Hooks hooks;

 private:
  FileSystem& inner_;
};

}  // namespace libregion
