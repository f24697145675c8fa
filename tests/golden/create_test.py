#!/usr/bin/env python3
"""region-create against regions that Crucible created, empty and with an image."""

import json
import shutil
import sqlite3

import golden_regions as golden

IMAGE = 'import.bin'

# The golden region raw-clean-seq: 512 B x 32 x 8, and an image of 100,000 bytes in it.
SEQUENTIAL = ['--block-size', '512', '--extent-size', '32',
              '--uuid', 'f1c70000-0000-4000-8000-000000000002']


def definition_arguments(name):
    """What a region must be created with to get this golden region's region.json."""
    definition = json.loads((golden.golden_path(name) / 'region.json').read_text())
    return ['--block-size', str(definition['block_size']),
            '--extent-size', str(definition['extent_size']['value']),
            '--extent-count', str(definition['extent_count']), '--uuid', definition['uuid']]


def schema_of(database):
    with sqlite3.connect(database) as connection:
        return connection.execute(
            'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name').fetchall()


def numbers_of(database):
    with sqlite3.connect(database) as connection:
        return dict(connection.execute('SELECT name, value FROM metadata').fetchall())


class CreateTest(golden.GoldenTest):

    def create(self, *arguments, **options):
        target = self.directory / 'created'
        run = golden.run('region-create', target, *arguments, **options)
        self.assertEqual((run.exit_code, run.stderr), (0, ''))
        return target

    def check_is(self, created, name):
        self.assertEqual(golden.contents(created), golden.contents(golden.golden_path(name)))

    def test_an_empty_region_is_the_one_that_crucible_creates(self):
        arguments = definition_arguments('raw-empty/region')
        self.check_is(self.create(*arguments), 'raw-empty/region')

    def test_a_region_with_an_image_is_the_one_that_crucible_creates(self):
        created = self.create(*SEQUENTIAL, '--extent-count', '8',
                              '--import', golden.golden_path(IMAGE))
        self.check_is(created, 'raw-clean-seq/region')

    def test_an_image_from_standard_input_makes_the_same_region(self):
        created = self.create(*SEQUENTIAL, '--extent-count', '8', '--import', '-',
                              stdin=golden.golden_path(IMAGE))
        self.check_is(created, 'raw-clean-seq/region')

    def check_extended_to_fit(self, created):
        """It is the golden region, but for the last extent, which the image does not need.

        100,000 bytes are 196 blocks of 512 bytes, the last one not full: 7 extents of 32 blocks.
        """
        crucibles = golden.golden_path('raw-clean-seq/region')
        expected = (crucibles / 'region.json').read_text()
        self.assertIn('"extent_count": 8,', expected)
        self.assertEqual((created / 'region.json').read_text(),
                         expected.replace('"extent_count": 8,', '"extent_count": 7,'))
        found, expected = golden.contents(created), golden.contents(crucibles)
        del found['region.json'], expected['region.json'], expected['00/000/007']
        self.assertEqual(found, expected)

    def test_a_region_too_small_for_the_image_gets_as_many_extents_as_the_image_needs(self):
        self.check_extended_to_fit(self.create(*SEQUENTIAL, '--extent-count', '1',
                                               '--import', golden.golden_path(IMAGE)))

    def test_also_where_the_size_of_the_image_is_not_known_before(self):
        # A pipe has no size.
        image = golden.golden_path(IMAGE)
        created = self.directory / 'created'
        run = golden.run('region-create', created, *SEQUENTIAL, '--extent-count', '1',
                         '--import', '-', wrapper=['sh', '-c', f'cat "{image}" | "$0" "$@"'])
        self.assertEqual((run.exit_code, run.stderr), (0, ''))
        self.check_extended_to_fit(created)

    def test_a_sqlite_region_with_an_image_migrates_to_the_same_blocks_and_contexts_in_slot_a(self):
        created = self.create(*SEQUENTIAL, '--extent-count', '8', '--extent-format', 'sqlite',
                              '--import', golden.golden_path(IMAGE))
        self.assertTrue((created / '00/000/007.db').exists())
        self.assertEqual(golden.run('region-migrate', created).exit_code, 0)
        crucibles = golden.golden_path('raw-clean-seq/region')
        self.assertEqual(golden.contents(created).keys(), golden.contents(crucibles).keys())
        for number in range(8):
            with self.subTest(extent=number):
                name = f'00/000/{number:03X}'
                self.assertEqual((created / name).read_bytes(),
                                 golden.with_slots_in_array_a((crucibles / name).read_bytes()))

    def test_an_empty_sqlite_region_migrates_to_what_crucible_makes_of_its_own(self):
        created = self.create(*definition_arguments('sqlite-empty/region'),
                              '--extent-format', 'sqlite')
        self.assertEqual(golden.run('region-migrate', created).exit_code, 0)
        expected = golden.read_sha256_list(
            golden.expectations_of('sqlite-empty/region') / 'open-rw.region-afterwards.sha256')
        # Crucible makes its databases from this one, and keeps it.
        del expected['seed.db']
        self.assertEqual(golden.contents(created), expected)

    def test_a_database_has_the_tables_and_numbers_of_crucibles(self):
        created = self.create(*definition_arguments('sqlite-empty/region'),
                              '--extent-format', 'sqlite') / '00/000/001.db'
        crucibles = self.copy('sqlite-empty/region') / '00/000/001.db'
        # Page size, and the mark of WAL mode.
        self.assertEqual(created.read_bytes()[16:20], crucibles.read_bytes()[16:20])
        self.assertEqual(schema_of(created), schema_of(crucibles))
        self.assertEqual(numbers_of(created), numbers_of(crucibles))

    def test_what_is_created_has_nothing_wrong_with_it(self):
        for extent_format in ['raw', 'sqlite']:
            with self.subTest(extent_format=extent_format):
                created = self.create(*SEQUENTIAL, '--extent-format', extent_format,
                                      '--import', golden.golden_path(IMAGE))
                verified = golden.run_for_records('region-verify', created)
                self.assertEqual(verified.findings(), [])
                self.assertEqual(verified.records('summary')[0]['written'], 196)
                shutil.rmtree(created)


if __name__ == '__main__':
    golden.main()
