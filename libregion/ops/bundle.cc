#include "libregion/ops/bundle.h"

#include <random>

#include <fmt/format.h>

#include "libregion/format/bundle_manifest.h"
#include "libregion/ops/bundle_extent.h"
#include "libregion/ops/bundle_listing.h"
#include "libregion/ops/bundle_notes.h"
#include "libregion/ops/bundle_writer.h"
#include "libregion/region/staging.h"

namespace libregion {
namespace {

class Bundling {
 public:
  Bundling(const Region& region, const BundleOptions& options, const BundleSink& sink,
           Reporter& reporter)
      : region_(region),
        options_(options),
        writer_(sink),
        notes_(reporter, summary_),
        work_{region, options, writer_, notes_} {}

  BundleSummary run() {
    writer_.write({MemberKind::manifest}, as_byte_view(manifest()));
    writer_.write({MemberKind::definition}, as_byte_view(to_json_text(region_.definition)));
    const Listed root = list(*region_.root, "");
    writer_.write({MemberKind::root_listing}, root.bytes());
    for (const auto& [name, entry] : root.entries) {
      const auto top = parse_top_directory_name(name);
      if (top && entry.kind == ListedKind::directory) bundle_top(*top, name);
    }
    writer_.finish();
    summary_.extent_count = region_.definition.extent_count;
    summary_.bundle_bytes = writer_.written_bytes();
    return summary_;
  }

 private:
  [[nodiscard]] std::string manifest() const {
    return to_json_text(BundleManifest{options_.tool, options_.tool_version,
                                       options_.blinding_key.has_value(), region_.definition});
  }

  void check_stop() const {
    if (options_.stop != nullptr && *options_.stop) {
      throw Error(ErrorKind::stopped, "stopped on request");
    }
  }

  // ---- directories ------------------------------------------------------------------------------

  // `path` is relative to the region.
  Listed list(const Directory& directory, const std::string& path) {
    Listed listed;
    try {
      directory.list(
          [&](const DirectoryEntry& entry) { add_entry(listed, directory, entry, path); });
    } catch (const Error& error) {
      notes_.add_unreadable(std::nullopt, path.empty() ? "." : path, error);
    }
    return listed;
  }

  void add_entry(Listed& listed, const Directory& directory, const DirectoryEntry& entry,
                 const std::string& path) {
    if (path.empty() && entry.name == definition_name) return;
    if (path.empty() && entry.name == definition_incomplete_name) {
      notes_.add_not_carried(std::nullopt, entry.name,
                             "a region that is made of the bundle has one of its own");
      return;
    }
    auto made = look_at_entry(directory, entry);
    if (!made) return;
    if (entry.kind == FileKind::regular && made->kind == ListedKind::other) {
      notes_.add_not_carried(std::nullopt, path.empty() ? entry.name : path + "/" + entry.name,
                             "a file with several names");
    }
    listed.entries.emplace(entry.name, std::move(*made));
  }

  std::unique_ptr<Directory> open(const Directory& parent, const std::string& name,
                                  const std::string& path) {
    try {
      return open_directory_in(parent, name);
    } catch (const Error& error) {
      notes_.add_unreadable(std::nullopt, path, error);
      return nullptr;
    }
  }

  void bundle_top(std::uint32_t top, const std::string& name) {
    const auto directory = open(*region_.root, name, name);
    if (directory == nullptr) return;
    const Listed listed = list(*directory, name);
    writer_.write(top_listing_member(top), listed.bytes());
    for (const auto& [leaf_name, entry] : listed.entries) {
      const auto middle = parse_leaf_directory_name(leaf_name);
      if (!middle || entry.kind != ListedKind::directory) continue;
      bundle_leaf(*directory, leaf_name, LeafId{top << 12U | *middle});
    }
  }

  void bundle_leaf(const Directory& top, const std::string& name, LeafId leaf) {
    const std::string path = leaf_directory_path(leaf);
    const auto directory = open(top, name, path);
    if (directory == nullptr) return;
    Listed listed = list(*directory, path);
    const auto parts = listed.parts_in(leaf);
    for (const auto& [extent, extent_parts] : parts) {
      for (const ExtentPart part : all_extent_parts) {
        if (is_repair(part) && extent_parts.has(part)) add_repair(listed, *directory, extent, part);
      }
    }
    writer_.write(leaf_listing_member(leaf), listed.bytes());
    for (const auto& [extent, extent_parts] : parts) {
      // What region.json does not count is nowhere looked into.
      if (extent.value >= region_.definition.extent_count) break;
      check_stop();
      bundle_extent(*directory, listed, extent, extent_parts);
    }
  }

  void add_repair(Listed& listed, const Directory& leaf, ExtentId extent, ExtentPart part) {
    const std::string name = extent_file_name(extent, part);
    if (!listed.has_directory(name)) return;
    const auto directory = open(leaf, name, extent_path(extent, part));
    if (directory == nullptr) return;
    const Listed inside = list(*directory, extent_path(extent, part));
    for (const auto& [inner, entry] : inside.entries) {
      ListedEntry made = entry;
      made.name = fmt::format("{}/{}", name, inner);
      listed.entries.emplace(made.name, made);
    }
  }

  // ---- an extent --------------------------------------------------------------------------------

  void bundle_extent(const Directory& leaf, const Listed& listed, ExtentId extent,
                     const ExtentParts& parts) {
    bundle_files(work_, {leaf, listed, extent}, parts);
    if (parts.has(ExtentPart::replace)) bundle_replacement(leaf, listed, extent);
    if (options_.progress != nullptr) options_.progress->advance(1, 0);
  }

  void bundle_replacement(const Directory& leaf, const Listed& listed, ExtentId extent) {
    const std::string name = extent_file_name(extent, ExtentPart::replace);
    if (!listed.has_directory(name)) return;
    const auto directory = open(leaf, name, extent_path(extent, ExtentPart::replace));
    if (directory == nullptr) return;
    const ExtentParts parts = listed.replacement_parts_of(extent);
    bundle_files(work_, {*directory, listed, extent, /*is_replacement=*/true}, parts);
  }

  const Region& region_;
  const BundleOptions& options_;
  BundleWriter writer_;
  BundleSummary summary_;
  BundleNotes notes_;
  BundleWork work_;
};

}  // namespace

BlindingKey make_random_blinding_key() {
  std::random_device random;
  BlindingKey key{};
  for (std::byte& value : key) value = static_cast<std::byte>(random());
  return key;
}

BundleSummary write_bundle(const Region& region, const BundleOptions& options,
                           const BundleSink& sink, Reporter& reporter) {
  try {
    return Bundling(region, options, sink, reporter).run();
  } catch (const SinkFailure& failure) {
    std::rethrow_exception(failure.reason);
  }
}

}  // namespace libregion
