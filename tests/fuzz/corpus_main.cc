// corpus-TARGET DIR...: every file of the target's corpus, and a few changes of each, without
// libFuzzer. The same ones every time.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

namespace fs = std::filesystem;
using libregion::Random;

constexpr unsigned changes_per_file = 40;
constexpr std::size_t growth_bytes_max = 64;

Random random_changes(0);  // NOLINT(cert-err58-cpp)

std::vector<std::uint8_t> content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void run_file(const fs::path& path) {
  const std::vector<std::uint8_t> content = content_of(path);
  LLVMFuzzerTestOneInput(content.data(), content.size());
  random_changes = Random(content.size());
  std::vector<std::uint8_t> changed;
  for (unsigned seed = 1; seed <= changes_per_file; ++seed) {
    // Each builds on the one before, a few times.
    if (seed % 4 == 1) changed = content;
    const std::size_t size_bytes = changed.size();
    changed.resize(size_bytes + growth_bytes_max);
    changed.resize(LLVMFuzzerCustomMutator(changed.data(), size_bytes, changed.size(), seed));
    // Of its own size, so that reading behind its end is seen.
    const std::vector<std::uint8_t> input = changed;
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}

}  // namespace

// What libFuzzer does with more thought.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size_bytes,
                             std::size_t size_bytes_max) {
  if (size_bytes == 0) return 0;
  const std::size_t at = random_changes.below(size_bytes);
  const std::size_t count = random_changes.below(std::min<std::size_t>(size_bytes - at, 16)) + 1;
  constexpr std::uint8_t odd_values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
  switch (random_changes.below(5)) {
    case 0: data[at] = static_cast<std::uint8_t>(random_changes.next()); break;
    case 1: data[at] ^= static_cast<std::uint8_t>(1U << random_changes.below(8)); break;
    case 2: std::fill_n(data + at, count, odd_values[random_changes.below(5)]); break;
    case 3: return std::max<std::size_t>(1, size_bytes - count);
    default:
      size_bytes = std::min(size_bytes + count, size_bytes_max);
      std::copy_backward(data + at, data + size_bytes - std::min(count, size_bytes - at),
                         data + size_bytes);
  }
  return size_bytes;
}

int main(int argc, char** argv) {
  std::size_t file_count = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(argv[i])) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      // If it crashes, this says where.
      (void)std::printf("%s\n", path.c_str());
      (void)std::fflush(stdout);
      run_file(path);
    }
    file_count += paths.size();
  }
  (void)std::printf("%zu files, %zu inputs\n", file_count, file_count * (changes_per_file + 1));
  return file_count > 0 ? 0 : 1;
}
