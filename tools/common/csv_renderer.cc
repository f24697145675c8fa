#include "libregion/base/assert.h"
#include "tools/common/block_text.h"
#include "tools/common/csv_line.h"
#include "tools/common/record_rows.h"

namespace region_tools {
namespace {

CsvLine line_of(const RegionContext& region) {
  CsvLine line;
  add_region(line, region);
  return line;
}

// What the lines of a block begin with.
CsvLine block_place(const libregion::BlockReport& report, const RegionContext& region) {
  CsvLine line = line_of(region);
  line.add("extent", std::uint64_t{report.extent.value});
  line.add("file", report.file);
  return line;
}

// What the lines of a block that is compared begin with, of one region.
struct ComparedPlace {
  std::string_view path;
  std::string uuid;
  libregion::ExtentId extent;
  bool equal = false;
  std::string_view block_state;
  std::string_view data;
  std::uint64_t last_block = 0;
};
CsvLine compared_place(const ComparedPlace& place) {
  CsvLine line;
  line.add_path("region", place.path);
  line.add("uuid", place.uuid);
  line.add("extent", std::uint64_t{place.extent.value});
  line.add("file", extent_path(place.extent));
  line.add("equal", place.equal);
  line.add("block_state", place.block_state);
  add_text_if_any(line, "data", place.data);
  line.add("last_block", place.last_block);
  return line;
}

// The names of the columns: those of a record without content.
std::string header_of(const CsvRows& rows) {
  const RegionContext region;
  if (rows.type == "block") {
    return block_place({}, region).names() + "," + std::string(block_csv_columns);
  }
  if (rows.type == "comparison") {
    return compared_place({}).names() + "," + std::string(block_csv_columns);
  }
  CsvLine line = line_of(region);
  Fields fields;
  for (const std::string_view name : rows.fields) fields.push_back({name, false});
  if (rows.type == "finding") {
    add_finding_members(line, {}, region);
  } else if (rows.type == "extent") {
    add_extent_members(line, {{}, {}, {}, {}, fields});
  } else {
    add_other_members(line, {rows.type, {}, {}, fields});
  }
  return line.names();
}

// The rows of one type of record. What frames them and what is wrong are JSON lines elsewhere.
class CsvRenderer : public Renderer {
 public:
  CsvRenderer(Output& output, const CsvRows& rows, std::unique_ptr<Renderer> frame)
      : output_(output), row_type_(rows.type), header_(header_of(rows)), frame_(std::move(frame)) {}

  void meta(const RunMeta& meta) override {
    output_.write(header_ + "\n");
    frame_->meta(meta);
  }

  void begin_region(const std::string& path, const libregion::RegionDefinition* definition,
                    libregion::UseCheck in_use_check) override {
    turn_to(path, definition);
    frame_->begin_region(path, definition, in_use_check);
  }

  void resume_region(const std::string& path,
                     const libregion::RegionDefinition& definition) override {
    turn_to(path, &definition);
    frame_->resume_region(path, definition);
  }

  // That of extents is to be seen in the rows.
  void comparison(const ComparisonRecord& record) override {
    if (!record.extent) frame_->comparison(record);
  }

  // One line for each slot or row of each region.
  void block_comparison(const BlockComparisonRecord& record) override {
    if (row_type_ != "comparison") return;
    const libregion::BlockComparison& comparison = record.comparison;
    block_lines_.clear();
    for (std::size_t i = 0; i < record.sides.size(); ++i) {
      const libregion::ReplicaBlock& block = comparison.replicas[i];
      const CsvLine line =
          compared_place({record.sides[i].path, record.sides[i].uuid, comparison.extent,
                          !comparison.differs(), block_state_name(block.state),
                          std::string_view(&comparison.letters[i], block.has_data() ? 1 : 0),
                          comparison.blocks.end() - 1});
      const std::string prefix = line.cells() + ",";
      if (block.has_data()) {
        append_block_csv(block_lines_, prefix, block_report(record, i));
      } else {
        append_unknown_block_csv(block_lines_, prefix, comparison.blocks.first,
                                 record.region_block);
      }
    }
    output_.write(block_lines_);
  }

  void extent(const libregion::ExtentRecord& record) override {
    if (row_type_ != "extent") return;
    CsvLine line = begin();
    add_extent_members(line, record);
    write(line);
  }

  void finding(const libregion::Finding& finding) override {
    if (row_type_ != "finding") return frame_->finding(finding);
    CsvLine line = begin();
    add_finding_members(line, finding, region_);
    write(line);
  }

  void block(const libregion::BlockReport& report) override {
    if (row_type_ != "block") return;
    if (block_prefix_.empty() || block_extent_ != report.extent) {
      block_prefix_ = block_place(report, region_).cells() + ",";
      block_extent_ = report.extent;
    }
    block_lines_.clear();
    append_block_csv(block_lines_, block_prefix_, report);
    output_.write(block_lines_);
  }

  void record(const libregion::OtherRecord& record) override {
    if (row_type_ != record.type) return;
    CsvLine line = begin();
    add_other_members(line, record);
    write(line);
  }

  void end_region(const Fields& fields, const std::string& text,
                  const FindingCounts& counts) override {
    frame_->end_region(fields, text, counts);
  }
  void error(const std::string& region, const std::string& message) override {
    frame_->error(region, message);
  }
  void summary(const RunSummary& summary) override {
    output_.flush();
    frame_->summary(summary);
  }

 private:
  void turn_to(const std::string& path, const libregion::RegionDefinition* definition) {
    region_ = {path, {}};
    block_prefix_.clear();
    if (definition != nullptr) {
      region_ = {path, to_text(definition->uuid), definition->geometry};
    }
  }

  [[nodiscard]] CsvLine begin() const { return line_of(region_); }

  // Every row has the same columns.
  void write(const CsvLine& line) {
    LIBREGION_ASSERT(line.names() == header_);
    output_.write(line.cells());
    output_.write("\n");
  }

  Output& output_;
  std::string_view row_type_;
  std::string header_;
  std::unique_ptr<Renderer> frame_;
  RegionContext region_;
  // The cells that all lines of an extent's blocks begin with, and the lines in hand.
  std::string block_prefix_;
  libregion::ExtentId block_extent_;
  std::string block_lines_;
};

}  // namespace

std::unique_ptr<Renderer> make_csv_renderer(Output& output, const CsvRows& rows,
                                            std::unique_ptr<Renderer> frame) {
  return std::make_unique<CsvRenderer>(output, rows, std::move(frame));
}

}  // namespace region_tools
