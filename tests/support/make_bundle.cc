// make-bundle REGION FILE [blind]: bundles a region as region-dump --bundle does, and prints what
// is not carried, and what could not be read, one a line: "not_carried EXTENT FILE", "io_error
// FILE".

#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "libregion/base/error.h"
#include "libregion/io/posix_file_system.h"
#include "libregion/ops/bundle.h"

namespace libregion {
namespace {

class LineReporter : public Reporter {
 public:
  void extent(const ExtentRecord& /*record*/) override {}
  void finding(const Finding& finding) override {
    std::printf("%s %s\n", std::string(finding_info(finding.id).name).c_str(),
                finding.file.c_str());
  }
  void record(const OtherRecord& record) override {
    std::printf("%s %s\n", std::string(record.type).c_str(), record.file.c_str());
  }
};

void bundle(const std::string& path, const std::string& target, bool blind) {
  PosixFileSystem file_system;
  const auto opened = open_region(file_system, path, {});
  if (!opened.region) throw std::runtime_error(path + " is no region that can be used");
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  BundleOptions options{"make-bundle", "0"};
  if (blind) options.blinding_key = make_random_blinding_key();
  LineReporter reporter;
  const BundleSink sink = [&](ByteView bytes) {
    const std::string text = to_text(bytes);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
  };
  write_bundle(*opened.region, options, sink, reporter);
  file.close();
  if (!file) throw std::runtime_error("cannot write " + target);
}

}  // namespace
}  // namespace libregion

int main(int argc, char** argv) {
  if (argc != 3 && !(argc == 4 && std::string(argv[3]) == "blind")) return 2;
  try {
    libregion::bundle(argv[1], argv[2], argc == 4);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "make-bundle: %s\n", error.what());
    return 3;
  }
  return 0;
}
