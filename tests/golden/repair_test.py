#!/usr/bin/env python3
"""region-repair on regions that Crucible wrote and that were damaged since."""

import golden_regions as golden

# What is mended from the region alone.
MENDED = {
    'raw-corrupt-activebit/region': ['selected_slot 1:5'],
    'raw-unused-activebits/region': ['unused_bits 1'],
    'raw-corrupt-meta-padding/region': ['metadata_padding 1'],
    'raw-corrupt-slot-padding/region': ['slot_padding 1:5'],
}
# What stays, because only a replica has it.
LEFT = {
    'raw-corrupt-data/region': ['no_matching_slot 1:5'],
    'raw-corrupt-data-dirty/region': ['no_matching_slot 1:5'],
    'raw-corrupt-dirtybyte2/region': ['bad_metadata 1'],
    'raw-corrupt-slot-ondiskhash/region': ['no_matching_slot 1:5'],
    'raw-missing-extent/region': ['missing_extent 1'],
    'raw-truncated-block/region': ['wrong_size 1'],
    'sqlite-corrupt-data/region': ['sqlite_no_matching_row 1:5'],
}
# What an interrupted repair left is finished, as Crucible finishes it when it opens the region.
FINISHED = ('raw-leftovers/region', 'raw-replace-pending/region')


def steps_of(run):
    return [f'{record["what"]} {record["extent"]}' +
            (f':{record["first_block"]}' if record['block_count'] else '')
            for record in run.records('repair')]


class RepairTest(golden.GoldenTest):

    def repair(self, region, *arguments):
        return golden.run_for_records('region-repair', region, *arguments)

    def test_what_the_region_itself_can_mend_is_mended_and_taken_back(self):
        for name, steps in MENDED.items():
            with self.subTest(region=name):
                region = self.copy(name)
                before = golden.contents(region)
                self.assertEqual(steps_of(self.repair(region, '--plan')), steps)
                run = self.repair(region, '--write')
                self.assertEqual((run.exit_code, steps_of(run)), (0, steps))
                self.assertEqual(golden.run('region-verify', '--strict', region).exit_code, 0)
                undo = region.parent / (region.name + '.undo')
                self.assertEqual(self.repair(region, '--apply-undo', undo).exit_code, 0)
                self.assertEqual(golden.contents(region), before)
                undo.unlink()

    def test_what_it_cannot_stays_as_it_is(self):
        for name, findings in LEFT.items():
            with self.subTest(region=name):
                region = self.copy(name)
                before = golden.contents(region)
                run = self.repair(region, '--write')
                self.assertEqual(run.exit_code, 1)
                self.assertEqual([found for found in run.findings() if found in findings], findings)
                self.assertEqual(steps_of(run), [])
                self.assertEqual(golden.contents(region), before)

    def test_what_an_interrupted_repair_left_is_finished_as_crucible_does(self):
        for name in FINISHED:
            with self.subTest(region=name):
                region = self.copy(name)
                self.assertEqual(self.repair(region, '--write', '--no-undo').exit_code, 0)
                expected = golden.read_sha256_list(
                    golden.expectations_of(name) / 'open-rw.region-afterwards.sha256')
                self.assertEqual(golden.contents(region), expected)

    def test_a_region_in_order_is_left_alone(self):
        for name in ('raw-clean-seq/region', 'raw-encrypted-clean/region', 'raw-dirty/region',
                     'raw-hot-overwrite/region', 'sqlite-clean-wal/region',
                     'sqlite-dirty-multicontext/region'):
            with self.subTest(region=name):
                region = self.copy(name)
                before = golden.snapshot(region)
                run = self.repair(region, '--write')
                self.assertEqual((run.exit_code, steps_of(run)), (0, []))
                self.assertEqual(golden.snapshot(region), before)

    def test_a_damaged_block_comes_back_from_a_copy(self):
        """Of every raw region that is in order: one block of each extent is damaged."""
        for name in ('raw-clean-seq/region', 'raw-fragmented-clean/region', 'raw-dirty/region',
                     'raw-encrypted-clean/region', 'raw-odd-extent-size/region'):
            with self.subTest(region=name):
                good = self.copy(name)
                exported = golden.run('region-export', good, '-o', self.directory / 'good',
                                      '--force')
                self.assertEqual(exported.exit_code, 0)
                region = self.directory / 'damaged'
                golden.copy_region(name, region)
                for extent in sorted((region / '00/000').iterdir()):
                    content = bytearray(extent.read_bytes())
                    content[17] ^= 0xFF
                    extent.write_bytes(content)
                run = self.repair(region, '--write', '--no-undo', '--from', good)
                self.assertEqual(run.exit_code, 0)
                golden.run('region-export', region, '-o', self.directory / 'mended', '--force')
                self.assertEqual((self.directory / 'mended').read_bytes(),
                                 (self.directory / 'good').read_bytes())
                self.clear('damaged')


if __name__ == '__main__':
    golden.main()
