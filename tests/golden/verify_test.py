#!/usr/bin/env python3
"""region-verify against Crucible's two verifiers, and against the table of all that it finds."""

import csv
import re
import shutil
import tempfile
from pathlib import Path

import golden_regions as golden

# Everything that region-verify finds in the golden regions: 'id extent:block'. Regions that are not
# named here have no findings at all.
FINDINGS = {
    'json-bad-read-version/region': ['definition_invalid'],
    'json-blocksize-mismatch/region': ['definition_invalid'],
    'json-extent-count-less/region': ['extra_extent 2'],
    'json-missing/region': ['definition_missing'],
    'json-missing-field/region': ['definition_invalid'],
    'json-unknown-field/region': ['definition_unknown_member'],

    'raw-corrupt-activebit/region': ['wrong_selected_slot 1:5'],
    'raw-corrupt-data/region': ['no_matching_slot 1:5'],
    'raw-corrupt-data-dirty/region':
        ['dirty_extent 0', 'dirty_extent 1', 'no_matching_slot 1:5', 'dirty_extent 2'],
    'raw-corrupt-dirtybyte2/region': ['bad_metadata 1'],
    'raw-corrupt-meta-padding/region': ['metadata_padding 1'],
    'raw-corrupt-slot-flushid/region': ['flush_id_ahead 1:5'],
    'raw-corrupt-slot-hash/region': ['integrity_hash_mismatch 1:5'],
    'raw-corrupt-slot-ondiskhash/region': ['no_matching_slot 1:5'],
    'raw-corrupt-slot-padding/region': ['slot_stray_bytes 1:5'],
    'raw-corrupt-slot-tag2/region': ['bad_active_slot 1:5'],
    # Both are told: of an unknown version in a file of the right size the blocks are looked at too.
    'raw-corrupt-version-data/region': ['unknown_version 1', 'no_matching_slot 1:5'],
    'raw-corrupt-version3/region': ['unknown_version 1'],
    'raw-extended-1/region': ['wrong_size 1'],
    'raw-missing-extent/region': ['missing_extent 1'],
    'raw-truncated-block/region': ['wrong_size 1'],
    'raw-truncated-data-only/region': ['wrong_size 1'],
    'raw-unused-activebits/region': ['unused_bits_set 1'],

    'raw-dirty/region': ['dirty_extent 0', 'dirty_extent 1', 'dirty_extent 2'],
    'raw-dirty-both-slots-match/region': ['dirty_extent 1'],
    'raw-dirty-partly-empty/region':
        ['dirty_extent 0', 'dirty_extent 1', 'dirty_extent 2', 'dirty_extent 3'],
    'raw-dump3/region-c': ['dirty_extent 1', 'dirty_extent 2', 'dirty_extent 3'],
    'raw-hot-overwrite/region': ['dirty_extent 0'],
    'raw-leftovers/region':
        ['copy_pending 1', 'completed_pending 1', 'stray_wal 2', 'stray_shm 2'],
    'raw-replace-pending/region': ['replace_pending 1'],

    'sqlite-clean-wal/region': ['sqlite_hot_wal 0', 'sqlite_hot_wal 1'],
    'sqlite-corrupt-data/region': ['sqlite_no_matching_row 1:5'],
    'sqlite-corrupt-data/region-after': ['no_matching_slot 1:5'],
    'sqlite-corrupt-db-header/region': ['sqlite_not_a_database 1'],
    'sqlite-corrupt-db-header/region-after': ['sqlite_not_a_database 1'],
    'sqlite-dirty-closed/region': ['dirty_extent 0', 'dirty_extent 1'],
    'sqlite-dirty-multicontext/region':
        ['sqlite_hot_wal 0', 'dirty_extent 0', 'sqlite_hot_wal 1', 'dirty_extent 1'],
    'sqlite-empty-db/region': ['sqlite_empty_file 1'],
    # Crucible made a database of the empty file, but no tables.
    'sqlite-empty-db/region-after': ['sqlite_unknown_schema 1'],
    'sqlite-partial-migration/region':
        ['partial_migration 0', 'sqlite_hot_wal 0', 'dirty_extent 0',
         'partial_migration 1', 'sqlite_hot_wal 1', 'dirty_extent 1',
         'partial_migration 2', 'sqlite_hot_wal 2', 'dirty_extent 2'],
    'sqlite-partial-migration/region-after': ['dirty_extent 0', 'dirty_extent 1', 'dirty_extent 2'],
    # Nobody may be told to finish this replacement: it would destroy the extent.
    'sqlite-replace-onto-raw/region': ['replace_pending 1', 'replace_format_mismatch 1'],
    'sqlite-replace-onto-raw/region-after': ['wrong_size 1'],
    'sqlite-replace-pending/region': ['replace_pending 1'],
    'sqlite-short-data/region': ['short_data_file 1'],
    # The zeros that Crucible filled it up with do not match the context.
    'sqlite-short-data/region-after': ['no_matching_slot 1:15'],
    'sqlite-with-migrated-after/region':
        ['sqlite_hot_wal 0', 'dirty_extent 0', 'sqlite_hot_wal 1', 'dirty_extent 1'],
    'sqlite-with-migrated-after/region-after': ['dirty_extent 0', 'dirty_extent 1'],
}

# Errors where Crucible's verify finds nothing, each with its reason.
MORE_THAN_CRUCIBLE = {
    'json-blocksize-mismatch/region': 'it never compares block_size with the shift',
    'raw-corrupt-slot-hash/region': 'it looks at the on-disk hash only',
    'sqlite-replace-onto-raw/region': 'read-only, it does not look at .replace',
}

# No error where Crucible's verify refuses the region, each with its reason.
LESS_THAN_CRUCIBLE = {
    'sqlite-partial-migration/region': 'only its read-only open refuses it; read-write it goes on',
}

# What Crucible's verifier of single files looks at: the on-disk hash of the slot that is selected,
# or where that slot is empty, the data.
ON_DISK_ERRORS = {
    'wrong_selected_slot', 'no_matching_slot', 'data_without_context', 'bad_active_slot'}

# What Crucible's answers hold besides complaints about the region. It verifies no SQLite extent.
NO_COMPLAINT = re.compile(r'exit=|---|INFO|Error: Region failed to verify$|$'
                          r'|.*not implemented for Sqlite extent')


def crucibles_verdicts():
    """Each region with Crucible's exit status and the lines of its answer that are complaints."""
    for name in golden.regions():
        answer = golden.expectations_of(name) / 'verify.txt'
        if answer.exists():
            yield name, golden.crucibles_exit(answer), [
                line for line in answer.read_text().splitlines() if not NO_COMPLAINT.match(line)]


def named_places(complaints):
    """The extents that complaints name, and the block where there is one."""
    for complaint in complaints:
        extent = re.search(r'\bextent[ #](\d+)', complaint)
        block = re.search(r'\bblock (\d+)', complaint)
        if extent:
            yield int(extent[1]), int(block[1]) if block else None


def is_about(finding, extent, block):
    if finding.get('extent') != extent:
        return False
    return block is None or finding['first_block'] <= block <= finding['last_block']


def blocks_of(finding):
    return set(range(finding['first_block'], finding['last_block'] + 1))


class VerifyTest(golden.GoldenTest):

    @classmethod
    def setUpClass(cls):
        cls.runs = {}
        with tempfile.TemporaryDirectory(prefix='region-golden-') as directory:
            copy = Path(directory, 'region')
            for name in golden.regions():
                golden.copy_region(name, copy)
                cls.runs[name] = golden.run_for_records('region-verify', copy)
                shutil.rmtree(copy)

    def test_what_is_found_is_exactly_what_the_table_says(self):
        for name, run in self.runs.items():
            with self.subTest(region=name):
                self.assertEqual(run.findings(), FINDINGS.get(name, []))

    def test_the_table_names_only_regions_that_there_are(self):
        self.assertEqual(set(FINDINGS) - set(self.runs), set())
        self.assertGreater(len(self.runs), len(FINDINGS))

    def test_the_exit_status_tells_whether_there_are_errors(self):
        for name, run in self.runs.items():
            with self.subTest(region=name):
                ids = {finding['id'] for finding in run.errors()}
                is_usable = ids.isdisjoint({'definition_missing', 'definition_invalid'})
                self.assertEqual(run.exit_code, 4 if not is_usable else 1 if ids else 0)
                self.assertEqual(run.records()[-1]['type'], 'summary')
                self.assertEqual(run.records()[-1]['exit_code'], run.exit_code)
                self.assertEqual(run.records()[-1]['findings']['error'], len(run.errors()))
                self.assertEqual(run.records()[-1]['complete'], is_usable)

    def test_every_extent_that_is_counted_has_its_record_damaged_or_not(self):
        for name, run in self.runs.items():
            with self.subTest(region=name):
                for region in run.records('region'):
                    self.assertEqual([record['extent'] for record in run.records('extent')],
                                     list(range(region['extent_count'])))

    def test_there_is_no_error_where_crucible_finds_none(self):
        clean = [name for name, exit_code, _ in crucibles_verdicts() if exit_code == 0]
        self.assertGreater(len(clean), 30)
        for name in clean:
            if name not in MORE_THAN_CRUCIBLE:
                with self.subTest(region=name):
                    self.assertEqual(self.runs[name].errors(), [])

    def test_what_is_listed_as_more_than_crucible_finds_is_more(self):
        exit_codes = {name: exit_code for name, exit_code, _ in crucibles_verdicts()}
        for name, reason in MORE_THAN_CRUCIBLE.items():
            with self.subTest(region=name, reason=reason):
                self.assertEqual(exit_codes[name], 0)
                self.assertNotEqual(self.runs[name].errors(), [])

    def test_what_is_listed_as_less_than_crucible_finds_is_a_warning(self):
        complaints = {name: lines for name, _, lines in crucibles_verdicts()}
        for name, reason in LESS_THAN_CRUCIBLE.items():
            with self.subTest(region=name, reason=reason):
                self.assertNotEqual(complaints[name], [])
                self.assertEqual(self.runs[name].errors(), [])
                self.assertNotEqual([finding for finding in self.runs[name].records('finding')
                                     if finding['severity'] == 'warning'], [])

    def test_there_is_an_error_where_crucible_finds_one_in_the_same_extent_and_block(self):
        places = 0
        for name, exit_code, complaints in crucibles_verdicts():
            if exit_code == 0 or not complaints or name in LESS_THAN_CRUCIBLE:
                continue
            with self.subTest(region=name):
                self.assertNotEqual(self.runs[name].errors(), [])
                for extent, block in named_places(complaints):
                    places += 1
                    self.assertTrue(
                        any(is_about(finding, extent, block)
                            for finding in self.runs[name].errors()), (extent, block))
        self.assertGreater(places, 10)

    def test_blocks_are_bad_where_the_verifier_of_single_files_says_so(self):
        compared = 0
        for name, run in self.runs.items():
            with self.subTest(region=name):
                for extent in run.records('extent'):
                    table = self.single_file_table(name, extent)
                    if extent['format'] != 'raw' or not table:
                        continue
                    compared += len(table)
                    # The table ends before a slot that does not decode.
                    in_table = {int(row['block']) for row in table}
                    bad = {int(row['block']) for row in table if row['status'] != 'ok'}
                    self.assertEqual(self.bad_blocks(run, extent['extent']) & in_table, bad)
        self.assertGreater(compared, 2500)

    @staticmethod
    def single_file_table(name, extent):
        file_name = extent['file'].replace('/', '_') + '.csv'
        path = golden.expectations_of(name) / 'verify-raw' / file_name
        if not path.exists():
            return []
        with path.open(newline='') as file:
            return list(csv.DictReader(line for line in file if not line.startswith('#')))

    @staticmethod
    def bad_blocks(run, extent):
        bad = [blocks_of(finding) for finding in run.errors()
               if finding.get('extent') == extent and finding['id'] in ON_DISK_ERRORS]
        return set().union(*bad)

    def test_replicas(self):
        """b was flushed last; c has writes that nobody flushed. All that b would overwrite is old."""
        regions = [self.copy(f'raw-dump3/region-{letter}') for letter in 'abc']
        run = golden.run_for_records('region-verify', '--replicas', *regions)
        self.assertEqual(0, run.exit_code)
        sources = [(record['extent'], record['region'][-1], record['found'])
                   for record in run.records('finding')
                   if record['id'] == 'reconciliation_source']
        self.assertEqual([
            (1, 'c', '0: gen 1 flush 5, 1: gen 1 flush 5, 2: gen 1 flush 5 dirty'),
            (2, 'b', '0: gen 1 flush 4, 1: gen 2 flush 6, 2: gen 1 flush 4 dirty'),
            (3, 'b', '0: gen 1 flush 1, 1: gen 2 flush 6, 2: gen 1 flush 1 dirty'),
        ], sorted(sources))
        self.assertEqual({'reconciliation_source', 'dirty_extent'},
                         {record['id'] for record in run.records('finding')})


if __name__ == '__main__':
    golden.main()
