#!/usr/bin/env python3
"""region-export against Crucible's export of the golden regions."""

import hashlib
import unittest

import golden_regions as golden

# Crucible exports these as well; ours says first what does not match, and stops there.
STOPS = {
    'raw-corrupt-activebit/region': 'wrong_selected_slot 1:5',
    'raw-corrupt-data/region': 'no_matching_slot 1:5',
    'raw-corrupt-slot-hash/region': 'integrity_hash_mismatch 1:5',
    'raw-corrupt-slot-ondiskhash/region': 'no_matching_slot 1:5',
    'sqlite-corrupt-data/region': 'sqlite_no_matching_row 1:5',
    'sqlite-corrupt-data/region-after': 'no_matching_slot 1:5',
    'sqlite-short-data/region-after': 'no_matching_slot 1:15',
}


# Crucible cannot open these for reading, only for a migration that is to go on: the data is whole.
EXPORTED_ANYWAY = ['sqlite-partial-migration/region']


def exported_by_crucible():
    """The SHA-256 and size of Crucible's images, by the regions that it could export."""
    found = {}
    for name in golden.regions():
        answer = golden.expectations_of(name) / 'export.sha256'
        if answer.exists() and answer.read_text().split()[-1] == 'exit=0':
            digest, size, *_ = answer.read_text().split()
            found[name] = (digest, int(size))
    return found


class ExportTest(golden.GoldenTest):

    def export(self, region, *options):
        """The run, SHA-256 and size of the image; None where there is none."""
        image = self.directory / 'image'
        image.unlink(missing_ok=True)
        run = golden.run_for_records('region-export', '--report', '-', '-o', image, *options,
                                     region)
        made = sorted(path.name for path in self.directory.iterdir() if not path.is_dir())
        self.assertEqual(made, ['image'] if image.exists() else [])
        if not image.exists():
            return run, None
        content = image.read_bytes()
        return run, (hashlib.sha256(content).hexdigest(), len(content))

    def test_the_image_is_that_of_crucible_wherever_it_could_export(self):
        expected = exported_by_crucible()
        self.assertGreater(len(expected), 40)
        for name, image in expected.items():
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                for options in (['--on-bad', 'keep'], ['--no-check'], ['--no-check', '--no-sparse'],
                                ['--on-bad', 'keep', '-j', '1', '--no-sparse']):
                    run, found = self.export(copy, *options)
                    self.assertEqual(found, image, (options, run.findings()))
                self.assertEqual(golden.snapshot(copy), before)

    def test_it_stops_where_a_block_does_not_match_and_only_there(self):
        expected = exported_by_crucible()
        self.assertLessEqual(STOPS.keys(), expected.keys())
        for name, image in expected.items():
            with self.region(name) as copy:
                run, found = self.export(copy)
                errors = [golden.brief(finding) for finding in run.errors()]
                if name in STOPS:
                    self.assertEqual((run.exit_code, errors, found), (1, [STOPS[name]], None))
                else:
                    self.assertEqual(found, image, run.findings())

    def test_what_crucible_cannot_export_ends_ours_with_an_error(self):
        checked = 0
        for name in golden.regions():
            answer = golden.expectations_of(name) / 'export.txt'
            if not answer.exists() or golden.crucibles_exit(answer) == 0:
                continue
            with self.region(name) as copy:
                run, found = self.export(copy)
                if name in EXPORTED_ANYWAY:
                    self.assertEqual((run.exit_code, run.errors()), (0, []))
                    continue
                self.assertIn(run.exit_code, (1, 4), run.findings())
                self.assertIsNone(found)
                self.assertNotEqual(run.errors(), [])
                checked += 1
        self.assertGreater(checked, 10)

    def test_kept_blocks_of_a_zeroed_image_are_the_same_and_bad_ones_are_zeros(self):
        for name, finding in STOPS.items():
            with self.region(name) as copy:
                self.export(copy, '--on-bad', 'keep')
                kept = (self.directory / 'image').read_bytes()
                self.export(copy, '--on-bad', 'zero')
                zeroed = (self.directory / 'image').read_bytes()
                definition = golden.json.loads((copy / 'region.json').read_text())
                size = definition['block_size']
                extent, block = map(int, finding.split()[1].split(':'))
                start = (extent * definition['extent_size']['value'] + block) * size
                self.assertEqual(zeroed, kept[:start] + bytes(size) + kept[start + size:])


if __name__ == '__main__':
    golden.main()
