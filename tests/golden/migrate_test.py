#!/usr/bin/env python3
"""region-migrate against Crucible's read-write open of the golden regions."""

from typing import NamedTuple

import golden_regions as golden


class LeftOnPurpose(NamedTuple):
    """An extent that Crucible migrates and ours leaves alone, unless told otherwise."""
    region: str
    options: list  # ours leaves it with these
    extent: int
    finding: str
    accepting: str  # with this too it does what Crucible does
    reason: str


LEFT_ON_PURPOSE = [
    LeftOnPurpose('sqlite-short-data/region', [], 1, 'short_data_file 1', '--extend-short',
                  'a block that is missing is not a block of zeros'),
    LeftOnPurpose('sqlite-corrupt-data/region', ['--check'], 1, 'sqlite_no_matching_row 1:5',
                  '--accept-damage', 'with --check damage is found before the database goes'),
]

# Crucible opens these and changes nothing; ours does not accept their region.json.
REFUSED_ON_PURPOSE = ['json-blocksize-mismatch/region']

# What Crucible cannot open: the finding that says why. Of these nothing is changed.
REFUSED = {
    'json-bad-read-version/region': 'definition_invalid',
    'json-missing/region': 'definition_missing',
    'json-missing-field/region': 'definition_invalid',
}

# Here one extent is damaged, number 1: it stays as it is, the others are migrated.
DAMAGED = {
    'raw-corrupt-dirtybyte2/region': 'bad_metadata 1',
    'raw-corrupt-version-data/region': 'unknown_version 1',
    'raw-corrupt-version3/region': 'unknown_version 1',
    'raw-extended-1/region': 'wrong_size 1',
    'raw-missing-extent/region': 'missing_extent 1',
    'raw-truncated-block/region': 'wrong_size 1',
    'raw-truncated-data-only/region': 'wrong_size 1',
    'sqlite-corrupt-db-header/region': 'sqlite_not_a_database 1',
    'sqlite-corrupt-db-header/region-after': 'sqlite_not_a_database 1',
    'sqlite-empty-db/region': 'sqlite_empty_file 1',
    'sqlite-empty-db/region-after': 'sqlite_unknown_schema 1',
    'sqlite-replace-onto-raw/region': 'replace_format_mismatch 1',
    'sqlite-replace-onto-raw/region-after': 'wrong_size 1',
}

# Crucible cannot open these for what is wrong with a block of a raw extent. A migration leaves raw
# extents alone and does not read their blocks: it has nothing to do and nothing to say.
NOT_LOOKED_AT = ['raw-corrupt-data-dirty/region']

# What is said of a region besides what keeps an extent from being migrated.
REMARKS = {'json-unknown-field/region': ['definition_unknown_member']}

# Of an extent's record: said only after the fact.
ONLY_DONE = ['written_bytes']


def crucible_opens(name):
    answer = golden.expectations_of(name) / 'open-rw.txt'
    return golden.crucibles_exit(answer) == 0 if answer.exists() else None


def regions_that_open():
    return [name for name in golden.regions()
            if crucible_opens(name) and name not in REFUSED_ON_PURPOSE]


def as_crucible_leaves_it(name):
    return golden.read_sha256_list(
        golden.expectations_of(name) / 'open-rw.region-afterwards.sha256')


def belongs_to(extent, path):
    """Whether a path is of this extent: a file of it, or in a directory of it."""
    return path.startswith(f'00/000/{extent:03X}')


def migrate(path, *options):
    return golden.run_for_records('region-migrate', *options, path)


def actions(run):
    return {record['extent']: record['action'] for record in run.records('extent')}


class MigrateTest(golden.GoldenTest):

    def check_left(self, extent, before, after):
        """Of this extent every name, byte and time is as it was."""
        self.assertEqual(
            {path: state for path, state in after.items() if belongs_to(extent, path)},
            {path: state for path, state in before.items() if belongs_to(extent, path)})

    def check_others(self, extent, copy, name):
        """Of the other extents there is what Crucible makes of them."""
        found, expected = golden.contents(copy), as_crucible_leaves_it(name)
        self.assertEqual(
            {path: content for path, content in found.items() if not belongs_to(extent, path)},
            {path: content for path, content in expected.items() if not belongs_to(extent, path)})

    def test_what_crucible_opens_becomes_what_crucible_makes_of_it(self):
        left = {row.region for row in LEFT_ON_PURPOSE if not row.options}
        for name in set(regions_that_open()) - left:
            with self.region(name) as copy:
                run = migrate(copy)
                self.assertEqual(golden.contents(copy), as_crucible_leaves_it(name))
                self.assertEqual(run.findings(), REMARKS.get(name, []))
                self.assertEqual(run.exit_code, 0)

    def test_the_region_that_crucible_made_of_it_is_the_same(self):
        for name in regions_that_open():
            after = f'{name}-after'
            if not name.endswith('/region') or after not in golden.regions():
                continue
            with self.subTest(region=name):
                self.assertEqual(golden.contents(golden.golden_path(after)),
                                 as_crucible_leaves_it(name))

    def test_what_is_left_on_purpose_is_left_whole_and_named_and_the_others_migrate(self):
        for row in LEFT_ON_PURPOSE:
            with self.subTest(row=row):
                copy = self.copy(row.region)
                before = golden.snapshot(copy)
                run = migrate(copy, *row.options)
                self.check_left(row.extent, before, golden.snapshot(copy))
                self.check_others(row.extent, copy, row.region)
                self.assertEqual(run.findings(), [row.finding])
                self.assertEqual(actions(run), {0: 'migrated', row.extent: 'left'})
                self.assertEqual(run.exit_code, 1)
                self.assertFalse(run.records('summary')[0]['complete'])

    def test_what_is_left_on_purpose_is_migrated_as_crucible_does_where_that_is_asked_for(self):
        for row in LEFT_ON_PURPOSE:
            with self.subTest(row=row):
                copy = self.copy(row.region)
                run = migrate(copy, *row.options, row.accepting)
                self.assertEqual(golden.contents(copy), as_crucible_leaves_it(row.region))
                self.assertEqual(actions(run), {0: 'migrated', row.extent: 'migrated'})
                # It is told all the same.
                self.assertEqual(run.findings(), [row.finding])
                self.assertEqual(run.exit_code, 1)
                self.assertTrue(run.records('summary')[0]['complete'])

    def test_a_region_whose_definition_cannot_be_used_is_not_touched(self):
        refused = REFUSED | {name: 'definition_invalid' for name in REFUSED_ON_PURPOSE}
        for name in refused:
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                run = migrate(copy)
                self.assertEqual(golden.snapshot(copy), before)
                self.assertEqual(run.findings(), [refused[name]])
                self.assertEqual(run.exit_code, 4)

    def test_a_damaged_extent_is_left_whole_and_named_and_the_others_migrate(self):
        for name in DAMAGED:
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                run = migrate(copy)
                self.check_left(1, before, golden.snapshot(copy))
                self.check_others(1, copy, name)
                self.assertEqual(run.findings(), [DAMAGED[name]])
                self.assertEqual(actions(run)[1], 'left')
                self.assertEqual(run.exit_code, 1)
                self.assertFalse(run.records('summary')[0]['complete'])

    def test_the_blocks_of_raw_extents_are_not_looked_at(self):
        for name in NOT_LOOKED_AT:
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                run = migrate(copy)
                self.assertEqual(golden.snapshot(copy), before)
                self.assertEqual(run.findings(), [])
                self.assertEqual(run.exit_code, 0)

    def test_the_tables_name_exactly_what_crucible_cannot_open(self):
        self.assertEqual(sorted([*REFUSED, *DAMAGED, *NOT_LOOKED_AT]),
                         [name for name in golden.regions() if crucible_opens(name) is False])

    def test_a_second_run_changes_nothing(self):
        for name in golden.regions():
            with self.region(name) as copy:
                first = migrate(copy)
                before = golden.snapshot(copy)
                second = migrate(copy)
                self.assertEqual(golden.snapshot(copy), before)
                self.assertEqual(second.exit_code, first.exit_code)
                for record in second.records('extent'):
                    self.assertFalse(record['changed'])
                    self.assertIn(record['action'], ('none', 'left'))

    def test_a_dry_run_exits_with_1_where_there_is_something_to_do_else_with_0(self):
        for name in regions_that_open():
            with self.region(name) as copy:
                before = golden.contents(copy)
                dry = migrate(copy, '-n')
                self.assertEqual(golden.contents(copy), before)
                real = migrate(copy)
                has_changed = golden.contents(copy) != before
                self.assertEqual(dry.exit_code, 1 if has_changed else 0)
                # Nothing is left to do but for the extents that are left alone.
                self.assertEqual(migrate(copy, '-n').exit_code, real.exit_code)

    def test_a_dry_run_says_of_each_extent_what_will_be_done(self):
        for name in golden.regions():
            with self.region(name) as copy:
                dry = migrate(copy, '-n')
                real = migrate(copy)
                self.assertEqual([record['would_change'] for record in dry.records('extent')],
                                 [record['changed'] for record in real.records('extent')])
                for same in ['extent', 'action', 'was', 'format', 'replaced', 'findings']:
                    self.assertEqual([record[same] for record in dry.records('extent')],
                                     [record[same] for record in real.records('extent')])
                self.assertEqual(dry.records('finding'), real.records('finding'))

    def test_a_dry_run_gives_the_numbers_that_the_real_run_gives(self):
        for name in golden.regions():
            with self.region(name) as copy:
                dry = migrate(copy, '-n')
                real = migrate(copy)
                self.assertEqual([self.numbers(record) for record in dry.records('extent')],
                                 [self.numbers(record) for record in real.records('extent')])
                self.assertEqual(dry.records('region_summary'), real.records('region_summary'))

    @staticmethod
    def numbers(record):
        left_out = [*ONLY_DONE, 'changed', 'would_change']
        return {name: value for name, value in record.items() if name not in left_out}


if __name__ == '__main__':
    golden.main()
