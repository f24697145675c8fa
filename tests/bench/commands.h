// What the benchmarks need beside the tools: regions that no tool makes, the bare system calls that
// a tool is held against, and work that is measured within one process.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace libregion::bench {

// Values of a command line: NAME=VALUE, or just words.
class Arguments {
 public:
  explicit Arguments(const std::vector<std::string>& words);

  [[nodiscard]] const std::string& word(std::size_t index) const;
  [[nodiscard]] std::uint64_t number(const std::string& name, std::uint64_t otherwise) const;
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const;

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::string> values_;
};

// ---- regions ------------------------------------------------------------------------------------

// make-sqlite DIR extents= blocks= rows= encrypted=: clean extents whose databases hold that many
// rows; the data file is a hole. dirty=1: dirty extents, every block with data and its row, not
// encrypted.
void make_sqlite_region(const Arguments& arguments);
// make-scattered DIR extents= blocks=: raw, clean; the active slots are A or B at random.
void make_scattered_region(const Arguments& arguments);

// ---- floors: the bare system calls --------------------------------------------------------------

// floor-create DIR extents= file-bytes=: openat, ftruncate, pwrite, close; one syncfs.
void create_floor(const Arguments& arguments);
// floor-migrate REGION extents= blocks=: the database read whole, the file resized, array A and the
// end written; one syncfs; the database unlinked.
void migrate_floor(const Arguments& arguments);
// floor-defragment REGION extents= blocks=: both arrays read, one written; syncfs; the end written;
// syncfs.
void defragment_floor(const Arguments& arguments);
// floor-dump REGION extents=: openat, fstat, the last 32 bytes, close.
void dump_floor(const Arguments& arguments);
// floor-read REGION: all extents, eight at once, past the page cache.
void read_floor(const Arguments& arguments);

// ---- work within one process: prints seconds ----------------------------------------------------

// rows count= encrypted= reader=walk|sqlite: reads the rows of a database, several times.
void read_rows(const Arguments& arguments);
// writes REGION backend=zfs|posix|sqlite bytes= count= random= flush-every=: as a service writes.
void write_blocks(const Arguments& arguments);

}  // namespace libregion::bench
