#!/usr/bin/env python3
"""region-defragment against what Crucible's own defragmentation makes of the golden regions."""

import json

import golden_regions as golden

BEFORE = 'raw-defragmented/region-before'
AFTER = 'raw-defragmented/region-after'
# Crucible has copied the slots; bits and count are not on disk yet.
UNFINISHED = 'raw-defragmented/region-after-nopersist'

SLOT_BYTES = 48
METADATA_BYTES = 32


class Extent:
    """A raw extent, taken apart."""

    def __init__(self, root, number):
        definition = json.loads((root / 'region.json').read_text())
        self.block_count = definition['extent_size']['value']
        self.block_size = 1 << definition['extent_size']['shift']
        self.content = (root / f'00/000/{number:03X}').read_bytes()

    def part(self, offset, length):
        start = self.block_count * self.block_size + offset
        return self.content[start:start + length]

    @property
    def data(self):
        return self.content[:self.block_count * self.block_size]

    def slot(self, array, block):
        return self.part(SLOT_BYTES * (self.block_count * array + block), SLOT_BYTES)

    @property
    def bits(self):
        return self.part(2 * SLOT_BYTES * self.block_count, (self.block_count + 7) // 8)

    @property
    def metadata(self):
        return self.content[-METADATA_BYTES:]

    def active(self, block):
        return self.bits[block // 8] >> block % 8 & 1

    def contexts(self):
        """The selected slot of each block, wherever it is."""
        return [self.slot(self.active(block), block) for block in range(self.block_count)]

    def without_flush_ids(self):
        slots = [without_flush_id(self.slot(array, block))
                 for array in (0, 1) for block in range(self.block_count)]
        return self.data, slots, self.bits, self.metadata


def without_flush_id(slot):
    """Bytes of zero where a present slot has its flush id."""
    if slot[0] != 1:
        return slot
    offset = 46 if slot[9] == 1 else 18
    return slot[:offset] + bytes(2) + slot[offset + 2:]


def extents_of(root):
    count = json.loads((root / 'region.json').read_text())['extent_count']
    return [Extent(root, number) for number in range(count)]


def defragment(path, *options):
    return golden.run_for_records('region-defragment', *options, path)


def actions(run):
    return [record['action'] for record in run.records('extent')]


def verdict(path):
    run = golden.run_for_records('region-verify', path)
    return run.exit_code, run.findings()


class DefragmentTest(golden.GoldenTest):

    def clean_raw_regions(self):
        """Those that region-verify has no errors for, without dirty extents, and with raw ones."""
        for name in golden.regions():
            run = golden.run_for_records('region-verify', golden.golden_path(name))
            extents = run.records('extent')
            if run.exit_code == 0 and extents and all(
                    extent['format'] == 'raw' and not extent['dirty'] for extent in extents):
                yield name

    def test_it_is_what_crucible_makes_of_it_but_for_the_flush_ids(self):
        for name in (BEFORE, UNFINISHED):
            with self.region(name) as copy:
                run = defragment(copy)
                self.assertEqual(run.exit_code, 0)
                self.assertEqual(actions(run), ['defragmented'] * 3)
                expected = extents_of(golden.golden_path(AFTER))
                for found, wanted in zip(extents_of(copy), expected, strict=True):
                    self.assertEqual(found.without_flush_ids(), wanted.without_flush_ids())

    def test_flush_ids_stay_and_only_slots_that_must_move_are_written(self):
        copy = self.copy(BEFORE)
        before = extents_of(copy)
        defragment(copy)
        for old, new in zip(before, extents_of(copy), strict=True):
            self.assertEqual(old.contexts(), new.contexts())
            target = new.active(0)
            for block in range(old.block_count):
                moved = old.active(block) != target
                self.assertEqual(new.slot(1 - target, block), old.slot(1 - target, block))
                self.assertEqual(new.slot(target, block),
                                 old.slot(old.active(block) if moved else target, block))

    def test_what_crucible_has_defragmented_is_left_as_it_is(self):
        copy = self.copy(AFTER)
        before = golden.snapshot(copy)
        self.assertEqual(actions(defragment(copy)), ['none'] * 3)
        self.assertEqual(golden.snapshot(copy), before)

    def test_clean_regions_keep_every_context_and_verify_as_before(self):
        names = list(self.clean_raw_regions())
        self.assertIn('raw-fragmented-clean/region', names)
        self.assertIn('raw-encrypted-clean/region', names)
        for name in names:
            with self.region(name) as copy:
                before = [(extent.data, extent.contexts()) for extent in extents_of(copy)]
                verified = verdict(copy)
                run = defragment(copy)
                self.assertEqual(run.exit_code, 0)
                self.assertLessEqual(set(run.findings()), set(verified[1]))
                self.assertEqual([(extent.data, extent.contexts()) for extent in extents_of(copy)],
                                 before)
                self.assertEqual(verdict(copy), verified)
                for extent, action in zip(extents_of(copy), actions(run), strict=True):
                    arrays = {extent.active(block) for block in range(extent.block_count)}
                    self.assertTrue(len(arrays) == 1 or action == 'left', action)

    def test_a_second_run_changes_nothing(self):
        for name in golden.regions():
            with self.region(name) as copy:
                first = defragment(copy)
                before = golden.snapshot(copy)
                second = defragment(copy)
                self.assertEqual(golden.snapshot(copy), before)
                self.assertEqual(second.exit_code, first.exit_code)
                self.assertFalse({'defragmented'} & set(actions(second)))

    def test_looking_changes_nothing_and_says_what_will_be_done(self):
        for name in golden.regions():
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                dry = defragment(copy, '-n')
                checked = defragment(copy, '--check')
                self.assertEqual(golden.snapshot(copy), before)
                real = defragment(copy)
                self.assertEqual(actions(dry), actions(real))
                self.assertEqual(actions(checked), actions(real))
                self.assertEqual(dry.records('finding'), real.records('finding'))
                self.assertEqual(dry.records('region_summary'), real.records('region_summary'))
                if real.exit_code == 0:
                    self.assertEqual(dry.exit_code, 1 if 'defragmented' in actions(real) else 0)
                    self.assertEqual(checked.exit_code, 0)

    def test_dirty_extents_stay_as_they_are(self):
        for name in ('raw-dirty/region', 'raw-hot-overwrite/region'):
            with self.region(name) as copy:
                dirty = [number for number, extent in enumerate(extents_of(copy))
                         if extent.metadata[0] == 1]
                self.assertNotEqual(dirty, [])
                before = golden.contents(copy)
                run = defragment(copy)
                self.assertEqual(run.exit_code, 0)
                self.assertEqual(run.findings(), [f'dirty_extent {number}' for number in dirty])
                after = golden.contents(copy)
                for number in dirty:
                    file = f'00/000/{number:03X}'
                    self.assertEqual(after[file], before[file])

    def test_verify_has_no_new_errors_of_regions_that_are_damaged(self):
        for name in golden.regions():
            with self.region(name) as copy:
                before = golden.run_for_records('region-verify', copy)
                defragment(copy)
                after = golden.run_for_records('region-verify', copy)
                self.assertLessEqual({finding['id'] for finding in after.errors()},
                                     {finding['id'] for finding in before.errors()})


if __name__ == '__main__':
    golden.main()
