// Running operations on a test's region, and what they report.

#pragma once

#include <string>
#include <vector>

#include "libregion/io/posix_file_system.h"
#include "libregion/ops/import.h"
#include "libregion/ops/migrate.h"
#include "libregion/ops/verify.h"
#include "tests/support/region_builder.h"

namespace libregion {

struct Reports {
  std::vector<ExtentRecord> extents;
  std::vector<Finding> findings;
  std::vector<std::string> order;  // "finding wrong_size 00/000/000", "extent 0"
};

class ReportCollector : public Reporter {
 public:
  void extent(const ExtentRecord& record) override {
    reports.extents.push_back(record);
    reports.order.push_back("extent " + std::to_string(record.extent.value));
  }
  void finding(const Finding& finding) override {
    reports.findings.push_back(finding);
    reports.order.push_back("finding " + std::string(finding_info(finding.id).name) + " " +
                            finding.file);
  }
  Reports reports;
};

struct Verified {
  VerifySummary summary;
  Reports reports;
};

inline Verified verify_on(FileSystem& file_system, const std::string& path,
                          const VerifyOptions& options = {}, const UseOptions& use = {}) {
  const auto opened = open_region(file_system, path, use);
  if (!opened.region) throw std::runtime_error("a test's region that cannot be opened");
  ReportCollector collector;
  const VerifySummary summary = verify_region(*opened.region, options, collector);
  return {summary, std::move(collector.reports)};
}

inline Verified verify(const TestRegion& region, const VerifyOptions& options = {},
                       const UseOptions& use = {}) {
  PosixFileSystem file_system;
  return verify_on(file_system, region.path(), options, use);
}

struct Migrated {
  MigrateSummary summary;
  Reports reports;
};

inline Migrated migrate_on(FileSystem& file_system, const std::string& path,
                           const MigrateOptions& options = {}) {
  const auto opened = open_region(file_system, path,
                                  {options.dry_run ? Access::read : Access::read_write, false, 0});
  if (!opened.region) throw std::runtime_error("a test's region that cannot be opened");
  ReportCollector collector;
  const MigrateSummary summary = migrate_region(*opened.region, options, collector);
  return {summary, std::move(collector.reports)};
}

inline Migrated migrate(const TestRegion& region, const MigrateOptions& options = {}) {
  PosixFileSystem file_system;
  return migrate_on(file_system, region.path(), options);
}

struct Imported {
  ImportSummary summary;
  Reports reports;
};

// Imports these bytes as a file of this size; `options.image` is not looked at.
inline Imported import_on(FileSystem& file_system, const std::string& path, ByteView image,
                          ImportOptions options = {}) {
  const TemporaryDirectory directory;
  write_whole_file(directory.path() + "/image", image);
  InputStream stream(directory.path() + "/image", options.stop);
  options.image = &stream;
  const auto opened = open_region(file_system, path,
                                  {options.dry_run ? Access::read : Access::read_write, false, 0});
  if (!opened.region) throw std::runtime_error("a test's region that cannot be opened");
  ReportCollector collector;
  const ImportSummary summary = import_image(*opened.region, options, collector);
  return {summary, std::move(collector.reports)};
}

inline Imported import(const TestRegion& region, ByteView image,
                       const ImportOptions& options = {}) {
  PosixFileSystem file_system;
  return import_on(file_system, region.path(), image, options);
}

// "action=migrated changed=true rows=8": the operation's own fields of a record.
inline std::string fields_of(const ExtentRecord& record) {
  std::string text;
  for (const ReportField& field : record.fields) {
    text += (text.empty() ? "" : " ") + std::string(field.name) + "=";
    if (const auto* flag = std::get_if<bool>(&field.value)) text += *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
      text += std::to_string(*number);
    }
    if (const auto* word = std::get_if<std::string_view>(&field.value)) text += *word;
  }
  return text;
}

}  // namespace libregion
