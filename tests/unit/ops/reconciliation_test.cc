// Which replica of an extent Crucible would copy over the others.

#include "libregion/ops/reconciliation.h"

#include <vector>

#include <doctest/doctest.h>

namespace libregion {
namespace {

using Replicas = std::vector<std::optional<ExtentMetadata>>;

ExtentMetadata numbers(std::uint64_t gen_number, std::uint64_t flush_number, bool dirty = false) {
  ExtentMetadata metadata;
  metadata.dirty = dirty;
  metadata.gen_number = gen_number;
  metadata.flush_number = flush_number;
  return metadata;
}

TEST_CASE("the source: generation, then flush, then dirty, then the lowest index") {
  CHECK(reconciliation_source(Replicas{numbers(1, 9), numbers(2, 1), numbers(1, 9)}) == 1);
  CHECK(reconciliation_source(Replicas{numbers(1, 4), numbers(1, 5), numbers(1, 6)}) == 2);
  CHECK(reconciliation_source(Replicas{numbers(1, 4), numbers(1, 4, true), numbers(1, 4)}) == 1);
  CHECK(reconciliation_source(Replicas{numbers(1, 5), numbers(1, 4, true)}) == 0);
  CHECK(reconciliation_source(Replicas{numbers(1, 4), numbers(1, 4)}) == 0);
  CHECK(reconciliation_source(Replicas{numbers(0, 4), numbers(1, 4, true), numbers(1, 4, true)}) ==
        1);
}

TEST_CASE("a replica without metadata is no source") {
  CHECK(reconciliation_source(Replicas{std::nullopt, numbers(0, 0), numbers(1, 0)}) == 2);
  CHECK(reconciliation_source(Replicas{std::nullopt, numbers(0, 0)}) == 1);
  CHECK_FALSE(reconciliation_source(Replicas{std::nullopt, std::nullopt}).has_value());
}

TEST_CASE("reconciliation is due where any number differs, and where anything is dirty") {
  CHECK_FALSE(needs_reconciliation(Replicas{numbers(1, 4), numbers(1, 4), numbers(1, 4)}));
  CHECK(needs_reconciliation(Replicas{numbers(1, 4), numbers(1, 4), numbers(2, 4)}));
  CHECK(needs_reconciliation(Replicas{numbers(1, 4), numbers(1, 5)}));
  CHECK(needs_reconciliation(Replicas{numbers(1, 4, true), numbers(1, 4, true)}));
  CHECK(needs_reconciliation(Replicas{numbers(1, 4), std::nullopt}));
  CHECK(needs_reconciliation(Replicas{std::nullopt, numbers(1, 4)}));
  // Counts are each replica's own affair.
  ExtentMetadata counted = numbers(1, 4);
  counted.defrag_count = 7;
  counted.bonus_sync_count = 2;
  CHECK_FALSE(needs_reconciliation(Replicas{numbers(1, 4), counted}));
}

}  // namespace
}  // namespace libregion
