#!/usr/bin/env python3
"""region-migrate --into against what migrating in place makes of the golden regions."""

import golden_regions as golden

# Crucible does more to extents that region.json does not count; they stay behind.
EXTRA_EXTENTS = {'json-extent-count-less/region': ['00/000/002']}

# What keeps a new region from appearing: an extent that can be neither copied nor migrated.
NOT_MADE = {
    'raw-missing-extent/region': 'missing_extent 1',
    'sqlite-corrupt-db-header/region': 'sqlite_not_a_database 1',
    'sqlite-corrupt-db-header/region-after': 'sqlite_not_a_database 1',
    'sqlite-empty-db/region': 'sqlite_empty_file 1',
    'sqlite-empty-db/region-after': 'sqlite_unknown_schema 1',
    'sqlite-replace-onto-raw/region': 'replace_format_mismatch 1',
    'sqlite-short-data/region': 'short_data_file 1',
}

# Raw extents that migrating in place leaves alone: their copies are the same, and it is told.
DAMAGED_COPIES = {
    'raw-corrupt-dirtybyte2/region': 'bad_metadata 1',
    'raw-corrupt-version-data/region': 'unknown_version 1',
    'raw-corrupt-version3/region': 'unknown_version 1',
    'raw-extended-1/region': 'wrong_size 1',
    'raw-truncated-block/region': 'wrong_size 1',
    'raw-truncated-data-only/region': 'wrong_size 1',
    'sqlite-replace-onto-raw/region-after': 'wrong_size 1',
}


def has_definition(name):
    return not name.startswith('json-') or name in ('json-extent-count-less/region',
                                                    'json-unknown-field/region')


class MigrateIntoTest(golden.GoldenTest):

    def migrate_into(self, source, *options, **more):
        target = self.directory / 'new'
        return target, golden.run_for_records('region-migrate', '--into', target, *options, source,
                                              **more)

    def made_in_place(self, name, *options):
        """What migrating a copy in place gives, without what stays behind."""
        copy = self.copy(name)
        golden.run('region-migrate', *options, copy)
        stays = ['seed.db', *EXTRA_EXTENTS.get(name, [])]
        return {path: digest for path, digest in golden.contents(copy).items()
                if path not in stays}

    def check_made(self, name, target, run, *options):
        self.assertEqual(golden.contents(target), self.made_in_place(name, *options))
        summary, = run.records('region_summary')
        self.assertTrue(summary['made'])
        self.assertTrue(run.records('summary')[0]['complete'])
        self.assertEqual(run.stderr, '')

    def each(self):
        """Every region that can be opened; what a test made of it is gone before the next."""
        for name in filter(has_definition, golden.regions()):
            with self.region(name) as copy:
                yield name, copy
            self.clear('new')

    def test_it_is_what_in_place_makes_from_a_source_that_cannot_be_written(self):
        privilege = self.require_privilege()
        for name, copy in self.each():
            before = golden.snapshot(copy)
            target, run = self.migrate_into(copy, wrapper=golden.read_only(privilege, copy))
            self.assertEqual(golden.snapshot(copy), before)
            if name in NOT_MADE:
                self.assertFalse(target.exists())
            else:
                self.check_made(name, target, run)

    def test_nothing_changes_in_a_source_that_could_be_changed(self):
        for name, copy in self.each():
            before = golden.snapshot(copy)
            for options in [['-n'], ['--check', '--accept-damage', '--extend-short']]:
                self.migrate_into(copy, *options)
                self.assertEqual(golden.snapshot(copy), before)

    def test_it_is_what_crucible_makes_of_it(self):
        for name in golden.regions():
            after = f'{name}-after'
            if after not in golden.regions() or name in NOT_MADE:
                continue
            with self.region(name) as copy:
                target, _ = self.migrate_into(copy)
                expected = golden.contents(golden.golden_path(after))
                expected.pop('seed.db', None)
                self.assertEqual(golden.contents(target), expected)
            self.clear('new')

    def test_where_an_extent_cannot_be_migrated_no_region_appears_and_it_is_told(self):
        for name, finding in NOT_MADE.items():
            with self.region(name) as copy:
                target, run = self.migrate_into(copy)
                self.assertFalse(target.exists())
                self.assertEqual(run.findings(), [finding])
                self.assertEqual(run.exit_code, 1)
                self.assertFalse(run.records('region_summary')[0]['made'])
                self.assertFalse(run.records('summary')[0]['complete'])

    def test_damaged_raw_extents_are_copied_byte_for_byte_and_told(self):
        for name, finding in DAMAGED_COPIES.items():
            with self.region(name) as copy:
                target, run = self.migrate_into(copy)
                self.assertEqual(run.findings(), [finding])
                self.assertEqual(run.exit_code, 1)
                for extent in target.glob('00/000/*'):
                    self.assertEqual(extent.read_bytes(),
                                     (copy / extent.relative_to(target)).read_bytes())
            self.clear('new')

    def test_nothing_else_is_told_and_the_exit_status_is_0(self):
        remarks = {'json-unknown-field/region': ['definition_unknown_member'],
                   # of raw extents, which migrating in place does not speak of
                   'raw-corrupt-meta-padding/region': ['metadata_padding 1'],
                   'raw-unused-activebits/region': ['unused_bits_set 1']}
        for name, copy in self.each():
            if name in NOT_MADE or name in DAMAGED_COPIES:
                continue
            _, run = self.migrate_into(copy)
            self.assertEqual(run.findings(), remarks.get(name, []))
            self.assertEqual(run.exit_code, 0)

    def test_accepting_what_in_place_accepts_gives_the_same_region(self):
        for name, options in [('sqlite-short-data/region', ['--extend-short']),
                              ('sqlite-corrupt-data/region', ['--check', '--accept-damage'])]:
            with self.region(name) as copy:
                target, run = self.migrate_into(copy, *options)
                self.check_made(name, target, run, *options)
                self.assertEqual(run.exit_code, 1)
            self.clear('new')

    def test_with_check_damage_keeps_the_region_from_appearing(self):
        target, run = self.migrate_into(self.copy('sqlite-corrupt-data/region'), '--check')
        self.assertFalse(target.exists())
        self.assertEqual(run.findings(), ['sqlite_no_matching_row 1:5'])
        self.assertEqual(run.exit_code, 1)

    def test_a_dry_run_says_what_will_be_done_and_makes_nothing(self):
        for name, copy in self.each():
            target, dry = self.migrate_into(copy, '-n')
            self.assertFalse(target.exists())
            self.assertEqual(dry.exit_code, 1)
            _, real = self.migrate_into(copy)
            self.assertEqual(dry.records('finding'), real.records('finding'))
            for same in ['extent', 'action', 'was', 'format', 'replaced', 'rows']:
                self.assertEqual([record[same] for record in dry.records('extent')],
                                 [record[same] for record in real.records('extent')])
            self.assertEqual([record['would_change'] for record in dry.records('extent')],
                             [record['changed'] for record in real.records('extent')])


if __name__ == '__main__':
    golden.main()
