#!/usr/bin/env python3
"""region-import into regions that Crucible wrote, and against what Crucible imports."""

import json
import random

import golden_regions as golden

IMAGE = 'import.bin'

# Where every extent is touched: why nothing is done.
REFUSED = {
    'raw-corrupt-dirtybyte2/region': ['bad_metadata 1'],
    'raw-corrupt-version-data/region': ['unknown_version 1'],
    'raw-corrupt-version3/region': ['unknown_version 1'],
    'raw-extended-1/region': ['wrong_size 1'],
    'raw-missing-extent/region': ['missing_extent 1'],
    'raw-truncated-block/region': ['wrong_size 1'],
    'raw-truncated-data-only/region': ['wrong_size 1'],
}


def definition_of(region):
    return json.loads((region / 'region.json').read_text())


def data_of(region):
    """The data of all blocks, from the layout of the format document."""
    definition = definition_of(region)
    extent_bytes = definition['extent_size']['value'] * definition['block_size']
    files = (region / f'00/000/{extent:03X}' for extent in range(definition['extent_count']))
    return b''.join(file.read_bytes()[:extent_bytes] for file in files)


class ImportTest(golden.GoldenTest):

    def import_image(self, region, image, *arguments):
        return golden.run_for_records('region-import', region, image, *arguments)

    def random_image(self, size_bytes):
        path = self.directory / 'image'
        path.write_bytes(random.Random(size_bytes).randbytes(size_bytes))
        return path

    def test_into_a_new_region_it_is_what_crucible_imports(self):
        """But for the array that the contexts are in: Crucible's first write goes to array B."""
        expected = golden.golden_path('raw-clean-seq/region')
        region = self.directory / 'region'
        definition = definition_of(expected)
        golden.run('region-create', region, '--block-size', '512', '--extent-size', '32',
                   '--extent-count', '8', '--uuid', definition['uuid'])
        run = self.import_image(region, golden.golden_path(IMAGE))
        self.assertEqual((run.exit_code, run.stderr), (0, ''))
        self.assertEqual(golden.contents(region).keys(), golden.contents(expected).keys())
        for extent in range(8):
            name = f'00/000/{extent:03X}'
            found, wanted = ((root / name).read_bytes() for root in (region, expected))
            if any(wanted):
                self.assertEqual(golden.with_slots_in_array_a(wanted), found, name)

    def test_an_import_of_what_is_there_changes_nothing(self):
        with self.region('raw-clean-seq/region') as region:
            before = golden.snapshot(region)
            run = self.import_image(region, golden.golden_path(IMAGE))
            self.assertEqual(run.exit_code, 0)
            self.assertEqual({record['action'] for record in run.records('extent')}, {'none'})
            self.assertEqual(before, golden.snapshot(region))

    def test_into_every_region_of_clean_raw_extents(self):
        """From inside the first extent to inside the last; all else stays as it is."""
        accepted = 0
        for name in golden.regions():
            if not self.is_for_import(name):
                continue
            with self.region(name) as region:
                golden.run('region-migrate', region)  # a pending replacement
                accepted += self.check_import(region)
        self.assertGreater(accepted, 8)

    def is_for_import(self, name):
        region = golden.golden_path(name)
        if not name.startswith('raw-') or not (region / 'region.json').exists():
            return False
        return not definition_of(region)['encrypted'] and name not in REFUSED

    def check_import(self, region):
        """True where it was not refused for damage, or for a dirty extent."""
        definition = definition_of(region)
        block = definition['block_size']
        blocks = definition['extent_size']['value'] * definition['extent_count']
        image = self.random_image((blocks - 3) * block - 77)
        before = golden.snapshot(region)
        errors = golden.run_for_records('region-verify', region).errors()
        is_dirty = any(record['dirty'] for record in
                       golden.run_for_records('region-verify', region).records('extent'))
        data = bytearray(data_of(region))
        self.assertEqual(self.import_image(region, image, '--at', '2', '-n').exit_code, 1)
        self.assertEqual(before, golden.snapshot(region))
        run = self.import_image(region, image, '--at', '2')
        if is_dirty:
            self.assertEqual(run.exit_code, 1)
            self.assertEqual({record['id'] for record in run.records('finding')},
                             {'reconciliation_due'})
            self.assertEqual(before, golden.snapshot(region))
            return False
        self.assertEqual((run.exit_code, run.findings()), (0, []))
        written = image.read_bytes()
        data[2 * block:2 * block + len(written)] = written
        self.assertEqual(bytes(data), data_of(region))
        # Damage in blocks that the image covers is gone.
        self.assertLessEqual(len(errors), 1)
        verified = golden.run_for_records('region-verify', '--strict', region)
        self.assertEqual((verified.exit_code, verified.findings()), (0, []))
        again = self.import_image(region, image, '--at', '2')
        self.assertEqual((again.exit_code, again.records('summary')[0]['written']), (0, 0))
        return True

    def test_a_damaged_extent_is_refused_and_nothing_is_changed(self):
        for name, findings in REFUSED.items():
            with self.region(name) as region:
                before = golden.snapshot(region)
                definition = definition_of(region)
                image = self.random_image(definition['block_size'] * definition['extent_count']
                                          * definition['extent_size']['value'])
                run = self.import_image(region, image)
                self.assertEqual((run.exit_code, run.findings()), (1, findings))
                self.assertEqual(before, golden.snapshot(region))

    def test_a_damaged_block_that_would_stay_is_refused(self):
        with self.region('raw-corrupt-data/region') as region:
            before = golden.snapshot(region)
            extent_blocks = definition_of(region)['extent_size']['value']
            image = self.random_image(definition_of(region)['block_size'])
            run = self.import_image(region, image, '--at', str(extent_blocks + 6))
            self.assertEqual((run.exit_code, run.findings()), (1, ['no_matching_slot 1:5']))
            self.assertEqual(before, golden.snapshot(region))

    def test_encrypted_and_sqlite_regions_are_refused(self):
        image = self.random_image(1)
        for name in ('raw-encrypted-clean/region', 'sqlite-clean/region',
                     'sqlite-dirty-multicontext/region', 'sqlite-encrypted-clean/region'):
            with self.region(name) as region:
                before = golden.snapshot(region)
                self.assertEqual(self.import_image(region, image).exit_code, 2)
                self.assertEqual(before, golden.snapshot(region))


if __name__ == '__main__':
    golden.main()
