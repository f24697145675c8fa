// A directory in which a test makes a region.

#pragma once

#include <filesystem>

#include <doctest/doctest.h>

#include "libregion/base/error.h"
#include "libregion/ops/create.h"
#include "tests/unit/ops/run_region.h"

namespace libregion {

inline RegionDefinition definition_of(std::uint64_t block_size_bytes,
                                      std::uint64_t extent_size_blocks, std::uint32_t extent_count,
                                      bool encrypted = false) {
  return {std::get<Geometry>(Geometry::make(block_size_bytes, extent_size_blocks)), extent_count,
          *parse_uuid("02b5a561-2d09-4a9b-8ac0-34d2ef61e592"), encrypted};
}

inline CreateOptions options_of(const RegionDefinition& definition) {
  CreateOptions options{definition};
  options.jobs = 2;
  return options;
}

// A directory in which regions are made.
struct Workshop {
  TemporaryDirectory directory;
  std::string region = directory.path() + "/region";
  PosixFileSystem file_system;

  CreateSummary create(const CreateOptions& options) {
    return create_region(file_system, region, options);
  }
  CreateSummary import(const Bytes& image, CreateOptions options) {
    write_whole_file(directory.path() + "/image", image);
    InputStream stream(directory.path() + "/image");
    options.image = &stream;
    return create(options);
  }
  [[nodiscard]] Bytes file(const std::string& name) const {
    return read_whole_file(region + "/" + name);
  }
  // The names of all files and directories, in order.
  [[nodiscard]] std::string names() const {
    std::string names;
    for (const auto& [name, described] : snapshot_of(region)) names += name + " ";
    return names;
  }
  void put(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(region + "/" + name).parent_path());
    write_whole_file(region + "/" + name, as_byte_view(text));
  }
};

inline ErrorKind error_of(const std::function<void()>& work, const std::string& part = "") {
  try {
    work();
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(part) != std::string::npos);
    return error.kind();
  }
  FAIL("no error");
  return ErrorKind::usage;
}

}  // namespace libregion
