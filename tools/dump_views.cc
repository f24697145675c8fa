#include "tools/dump_views.h"

#include <fmt/format.h>

#include "libregion/base/text.h"
#include "libregion/ops/dump_inventory.h"
#include "libregion/ops/dump_layout.h"
#include "libregion/ops/dump_raw.h"
#include "libregion/ops/dump_slots.h"
#include "tools/dump_table.h"
#include "tools/inventory_text.h"

namespace region_tools {
namespace {

using libregion::Region;
using libregion::VisitTotals;

ExitCode end(Session& session, const VisitTotals& totals, Fields fields, const std::string& text) {
  fields.insert(fields.begin(), {{"extents", totals.extent_count}, {"bytes", totals.read_bytes}});
  if (totals.stopped || totals.has_changed || totals.has_io_errors) session.set_incomplete();
  session.end_region(fields, text + (totals.stopped ? ", then stopped" : "") +
                                 findings_text(session.region_counts()));
  const bool is_damaged = has_grave_findings(session.options(), session.region_counts());
  auto code = is_damaged ? ExitCode::findings : ExitCode::done;
  if (totals.stopped) code = more_serious(code, ExitCode::stopped);
  if (totals.has_changed) code = more_serious(code, ExitCode::in_use);
  if (totals.has_io_errors) code = more_serious(code, ExitCode::failed);
  return code;
}

ExitCode end_blocks(Session& session, const VisitTotals& totals) {
  return end(session, totals, {{"blocks", totals.block_count}},
             fmt::format("{} of {} shown", plural(totals.block_count, "block"),
                         plural(totals.extent_count, "extent")));
}

ExitCode show_layout(Session& session, const Region& region, const libregion::WalkOptions& walk) {
  const auto summary = dump_layout(region, walk, session.reporter());
  const VisitTotals totals{.extent_count = summary.extent_count, .stopped = summary.stopped};
  return end(session, totals, {{"blocks", summary.block_count}},
             describe_region(region.definition));
}

ExitCode show_inventory(Session& session, const Region& region,
                        const libregion::WalkOptions& walk) {
  const auto [totals, inventory] =
      take_inventory(region, walk, &session.progress(), session.reporter());
  const Fields fields = {{"raw", inventory.raw_count},
                         {"sqlite", inventory.sqlite_count},
                         {"copy_pending", inventory.copy_count},
                         {"replace_pending", inventory.replace_count},
                         {"completed_pending", inventory.completed_count},
                         {"apparent_bytes", inventory.apparent_bytes},
                         {"allocated_bytes", inventory.allocated_bytes},
                         {"pending_bytes", inventory.pending_bytes},
                         {"a_runs", inventory.a_run_count},
                         {"b_runs", inventory.b_run_count},
                         {"extra_system_calls", inventory.extra_system_calls}};
  return end(session, totals, fields, inventory_text(region.definition, totals, inventory));
}

ExitCode show_bundled(Session& session, const Region& region, const BundleArguments& arguments) {
  const auto summary = bundle_region(session, region, arguments);
  const VisitTotals totals{.extent_count = summary.extent_count,
                           .block_count = summary.block_count,
                           .read_bytes = summary.data_bytes,
                           .has_io_errors = summary.has_io_errors,
                           .has_changed = summary.has_changed};
  std::string text = fmt::format("{} bundled, {}", plural(totals.extent_count, "extent"),
                                 libregion::human_size(summary.bundle_bytes));
  if (summary.not_carried_count > 0) {
    text += fmt::format(", {} not carried", plural(summary.not_carried_count, "file"));
  }
  return end(session, totals,
             {{"blocks", summary.block_count},
              {"bundle_bytes", summary.bundle_bytes},
              {"not_carried", summary.not_carried_count}},
             text);
}

// How much will be read, for the progress; 0 where that is not known before.
std::uint64_t expected_bytes(const Region& region, const libregion::WalkTotals& totals,
                             const Shown& shown) {
  if (shown.slots) return totals.data_bytes;
  if (!shown.raw) return 0;
  const std::uint64_t blocks = totals.data_bytes >> region.definition.geometry.shift();
  return blocks * 2 * libregion::context_slot_bytes + blocks / 8 +
         totals.extent_count * libregion::metadata_bytes;
}

}  // namespace

CsvRows csv_rows(const Shown& shown) {
  if (shown.slots) return {"block"};
  if (shown.raw) {
    return {"bytes",
            {"part", "first_block", "last_block", "field", "offset", "length", "hex", "value"}};
  }
  if (shown.compare) return {"comparison"};
  if (shown.bundle.path) return {"not_carried", {"reason"}};
  if (shown.layout) {
    return {"part", {"part", "first_block", "last_block", "offset", "length", "bit"}};
  }
  if (shown.inventory) {
    return {"extent",
            {"apparent_bytes", "allocated_bytes", "pending_bytes", "a_runs", "b_runs",
             "extra_system_calls", "findings"}};
  }
  return {"extent", {"findings"}};
}

ExitCode show_region(Session& session, const Region& region, const Shown& shown,
                     const std::optional<libregion::EncryptionKey>& key) {
  require_encrypted(region, key.has_value());
  if (shown.bundle.path) return show_bundled(session, region, shown.bundle);
  const auto walk = session.walk_options(region.definition);
  const libregion::WalkTotals totals = walk_totals(region.definition, walk);
  session.progress().start(totals.extent_count, expected_bytes(region, totals, shown));
  if (shown.layout) return show_layout(session, region, walk);
  if (shown.inventory) return show_inventory(session, region, walk);
  if (shown.raw) {
    return end_blocks(session, dump_raw(region, walk, &session.progress(), session.reporter()));
  }
  return end_blocks(session, dump_slots(region, walk, &session.progress(), session.reporter(),
                                        key ? &*key : nullptr));
}

}  // namespace region_tools
