// bench-helper COMMAND ...: see commands.h. Prints its results as NAME=VALUE.

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "tests/bench/commands.h"

namespace libregion::bench {

Arguments::Arguments(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      words_.push_back(word);
    } else {
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
}

const std::string& Arguments::word(std::size_t index) const { return words_.at(index); }

std::uint64_t Arguments::number(const std::string& name, std::uint64_t otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : std::stoull(found->second);
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

namespace {

using Command = void (*)(const Arguments&);
const std::map<std::string, Command> commands = {{"make-sqlite", make_sqlite_region},
                                                 {"make-scattered", make_scattered_region},
                                                 {"floor-create", create_floor},
                                                 {"floor-migrate", migrate_floor},
                                                 {"floor-defragment", defragment_floor},
                                                 {"floor-dump", dump_floor},
                                                 {"floor-read", read_floor},
                                                 {"rows", read_rows},
                                                 {"writes", write_blocks}};

}  // namespace
}  // namespace libregion::bench

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.empty())
      throw std::runtime_error("usage: bench-helper COMMAND [WORD | NAME=VALUE]...");
    libregion::bench::commands.at(words[0])(
        libregion::bench::Arguments({words.begin() + 1, words.end()}));
    return 0;
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "bench-helper: %s\n", error.what());
    return 1;
  }
}
