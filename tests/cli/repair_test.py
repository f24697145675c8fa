"""What only region-repair has: plan and write, the undo file, replicas."""

import os

from harness import (DONE, FINDINGS, IN_USE, NOT_A_REGION, USAGE, ToolTest, content, flip_byte,
                     locked, snapshot)

SIZE = 10  # blocks of an extent
TAIL = SIZE * 512
BITS = SIZE * (512 + 96)
METADATA = BITS + 2


def flip_bit(region, extent, block):
    flip_byte(region / f'00/000/{extent:03X}', BITS + block // 8, 1 << block % 8)


def damage(region, extent, block):
    flip_byte(region / f'00/000/{extent:03X}', block * 512 + 99)


class RepairTest(ToolTest):
    def steps(self, *arguments, code):
        records = self.records('region-repair', *arguments, code=code)
        return [(record['what'], record['extent'], record['first_block'], record['block_count'])
                for record in records.of_type('repair')]

    def make_replicas(self, count=2):
        first = self.make_region('r1', image_blocks=60)
        return [first, *(self.copy(first, f'r{number}') for number in range(2, count + 1))]

    # ---- plan and write -------------------------------------------------------------------------

    def test_without_plan_or_write_it_does_nothing(self):
        region = self.make_region(kind='misselected')
        before = snapshot(region)
        result = self.expect(USAGE, 'region-repair', region)
        self.assertIn('--plan', result.err)
        self.assertEqual(before, snapshot(region))
        for arguments in (['--plan', '--write'], ['-n', '--write']):
            self.expect(USAGE, 'region-repair', region, *arguments)

    def test_a_plan_says_what_would_be_mended_and_changes_nothing(self):
        region = self.make_region()
        for block in (3, 4, 7):
            flip_bit(region, 1, block)
        before = snapshot(region)
        steps = self.steps(region, '--plan', code=FINDINGS)
        self.assertEqual([('selected_slot', 1, 3, 2), ('selected_slot', 1, 7, 1)], steps)
        self.assertEqual(steps, self.steps(region, '-n', code=FINDINGS))
        self.assertEqual(before, snapshot(region))
        self.assertEqual([region.name], os.listdir(self.work))

    def test_what_is_written_is_what_was_planned(self):
        region = self.make_region()
        flip_bit(region, 0, 2)
        flip_byte(region / '00/000/001', METADATA + 30, 0x11)
        flip_byte(region / '00/000/002', BITS + 1, 0xF0)
        flip_byte(region / '00/000/003', TAIL + 480 + 48 * 5 + 47)
        planned = self.steps(region, '--plan', code=FINDINGS)
        self.assertEqual(['selected_slot', 'metadata_padding', 'unused_bits', 'slot_padding'],
                         [what for what, *_ in planned])
        good = self.make_region('good')
        self.assertEqual(planned, self.steps(region, '--write', code=DONE))
        self.assert_same_tree(content(good), content(region))
        self.expect(DONE, 'region-verify', '--strict', region)
        self.assertEqual([], self.steps(region, '--write', code=DONE))

    def test_a_stray_log_goes_only_beside_a_sound_raw_extent(self):
        region = self.make_region()
        for name in ('000.db-wal', '000.db-shm', '001.db-wal'):
            (region / '00/000' / name).write_bytes(b'log')
        os.truncate(region / '00/000/001', 512 * SIZE)  # its database is gone
        self.assertEqual([('stray_log', 0, 0, 0)], self.steps(region, '--write', code=FINDINGS))
        self.assertEqual(['001.db-wal'],
                         [name for name in os.listdir(region / '00/000') if '.' in name])

    def test_what_only_a_replica_has_stays_and_is_told(self):
        region = self.make_region()
        damage(region, 1, 3)
        before = content(region)
        records = self.records('region-repair', region, '--write', code=FINDINGS)
        self.assertEqual(['no_matching_slot'], [finding['id'] for finding in records.findings])
        self.assertEqual('left', records.of_type('extent')[1]['action'])
        self.assertIs(False, records.summary['complete'])
        self.assert_same_tree(before, content(region))
        self.assertFalse((self.work / 'region.undo').exists())

    def test_dirty_is_never_cleared(self):
        region = self.make_region()
        flip_byte(region / '00/000/001', METADATA, 1)
        flip_bit(region, 1, 3)
        self.assertEqual([], self.steps(region, '--write', code=DONE))
        self.assertEqual(1, (region / '00/000/001').read_bytes()[METADATA])

    # ---- the undo file --------------------------------------------------------------------------

    def test_the_undo_file_stands_beside_the_region_and_takes_it_back(self):
        region = self.make_region(kind='misselected')
        (region / '00/000/003.db-wal').write_bytes(os.urandom(3000))
        before = content(region)
        result = self.expect(DONE, 'region-repair', region, '--write')
        undo = self.work / 'region.undo'
        self.assertIn(str(undo), result.out)
        self.assertEqual((region / 'region.json').stat().st_mode, undo.stat().st_mode)
        self.expect(FINDINGS, 'region-repair', region, '--apply-undo', undo, '--plan')
        records = self.records('region-repair', region, '--apply-undo', undo, code=DONE)
        self.assertEqual({'restored'}, {record['action'] for record in records.of_type('extent')})
        self.assert_same_tree(before, content(region))
        self.expect(DONE, 'region-repair', region, '--apply-undo', undo, '--plan')

    def test_a_second_repair_has_an_undo_file_of_its_own(self):
        region = self.make_region()
        for number in (1, 2):
            flip_bit(region, 1, 3)
            self.expect(DONE, 'region-repair', region, '--write')
        self.assertEqual(['region.undo', 'region.undo-2'],
                         sorted(name for name in os.listdir(self.work) if 'undo' in name))

    def test_undo_goes_where_it_is_told_to_but_not_into_the_region(self):
        region = self.make_region(kind='misselected')
        self.expect(USAGE, 'region-repair', region, '--write', '--undo', region / 'undo')
        self.expect(USAGE, 'region-repair', region, '--write', '--undo', self.work / 'u',
                    '--no-undo')
        self.expect(DONE, 'region-repair', region, '--write', '--undo', self.work / 'u')
        self.assertTrue((self.work / 'u').exists())
        flip_bit(region, 1, 3)
        self.expect(3, 'region-repair', region, '--write', '--undo', self.work / 'u')
        self.expect(DONE, 'region-repair', region, '--write', '--no-undo')
        self.assertFalse((self.work / 'region.undo').exists())

    def test_an_extent_that_was_changed_since_is_not_taken_back(self):
        region = self.make_region(kind='misselected')
        self.expect(DONE, 'region-repair', region, '--write')
        # A flush: the flush number goes up.
        flip_byte(region / '00/000/001', METADATA + 9, 3)
        before = content(region)
        records = self.records('region-repair', region, '--apply-undo', self.work / 'region.undo',
                               code=FINDINGS)
        self.assertEqual([('changed_since_repair', 1)],
                         [(finding['id'], finding['extent']) for finding in records.findings])
        found = content(region)
        self.assertEqual(before[b'00/000/001'], found[b'00/000/001'])
        self.assertNotEqual(before[b'00/000/002'], found[b'00/000/002'])

    def test_an_undo_file_of_another_region_or_of_nothing_is_refused(self):
        region = self.make_region(kind='misselected')
        self.expect(DONE, 'region-repair', region, '--write')
        other = self.copy(region, 'other')
        definition = (other / 'region.json').read_text()
        (other / 'region.json').write_text(definition.replace('02b5a561', '12b5a561'))
        self.expect(USAGE, 'region-repair', other, '--apply-undo', self.work / 'region.undo')
        junk = self.work / 'junk'
        junk.write_bytes(b'x' * 100)
        self.expect(USAGE, 'region-repair', region, '--apply-undo', junk)

    # ---- replicas -------------------------------------------------------------------------------

    def test_damaged_blocks_come_from_a_replica_with_the_same_numbers(self):
        region, other = self.make_replicas()
        good = content(other)
        for block in (3, 4, 8):
            damage(region, 1, block)
        self.assertEqual([('block', 1, 3, 2), ('block', 1, 8, 1)],
                         self.steps(region, '--plan', '--from', other, code=FINDINGS))
        records = self.records('region-repair', region, '--write', '--from', other, code=DONE)
        self.assertEqual({str(other)}, {record['source'] for record in records.of_type('repair')})
        self.expect(DONE, 'region-verify', '--strict', region)
        self.assert_same_tree(good, content(other))
        for extent in range(6):
            data = [(side / f'00/000/{extent:03X}').read_bytes()[:TAIL] for side in (region, other)]
            self.assertEqual(data[1], data[0])

    def test_a_missing_extent_is_built_anew_and_undone(self):
        region, other = self.make_replicas()
        os.unlink(region / '00/000/002')
        os.truncate(region / '00/000/004', 1000)
        before = content(region)
        steps = self.steps(region, '--write', '--from', other, code=DONE)
        self.assertEqual([('extent', 2, 0, SIZE), ('extent', 4, 0, SIZE)], steps)
        self.expect(DONE, 'region-verify', '--strict', region)
        self.expect(DONE, 'region-repair', region, '--apply-undo', self.work / 'r1.undo')
        self.assert_same_tree(before, content(region))

    def test_each_block_comes_from_whichever_replica_proves_it(self):
        region, second, third = self.make_replicas(3)
        for block in (3, 5):
            damage(region, 1, block)
        damage(second, 1, 3)
        damage(third, 1, 5)
        records = self.records('region-repair', region, '--write', '--from', second, third,
                               code=DONE)
        self.assertEqual([(3, str(third)), (5, str(second))],
                         [(record['first_block'], record['source'])
                          for record in records.of_type('repair')])

    def test_numbers_that_differ_are_mixed_only_when_asked(self):
        region, other = self.make_replicas()
        damage(region, 1, 3)
        flip_byte(region / '00/000/001', METADATA + 9, 8)  # a later flush
        before = content(region)
        records = self.records('region-repair', region, '--write', '--from', other, code=FINDINGS)
        self.assertEqual(['needs_mix', 'no_matching_slot'],
                         sorted(finding['id'] for finding in records.findings))
        self.assert_same_tree(before, content(region))
        self.assertEqual([('block', 1, 3, 1), ('marked_dirty', 1, 0, 0)],
                         self.steps(region, '--write', '--from', other, '--mix', code=DONE))
        self.assertEqual(1, (region / '00/000/001').read_bytes()[METADATA])

    def test_a_newer_replica_gives_the_extent_whole(self):
        region, other = self.make_replicas()
        damage(region, 1, 3)
        flip_byte(other / '00/000/001', METADATA + 9, 8)
        self.assertEqual([('extent', 1, 0, SIZE)],
                         self.steps(region, '--write', '--from', other, code=DONE))
        sides = [(side / '00/000/001').read_bytes()[METADATA:] for side in (region, other)]
        self.assertEqual(sides[1], sides[0])

    def test_a_sqlite_replica_gives_blocks_too(self):
        region = self.make_region('raw')
        other = self.make_region('sqlite', kind='sqlite')
        damage(region, 1, 3)
        os.unlink(region / '00/000/000')
        steps = self.steps(region, '--write', '--from', other, '--mix', code=DONE)
        self.assertIn(('block', 1, 3, 1), steps)
        self.assertIn(('extent', 0, 0, SIZE), steps)
        self.expect(DONE, 'region-verify', region)

    def test_a_sqlite_extent_is_built_anew_as_one(self):
        region = self.make_region('sqlite', kind='sqlite')
        other = self.copy(region, 'other')
        good = content(region)
        damage(region, 1, 3)
        os.truncate(region / '00/000/002', 512 * 7)
        (region / '00/000/003.db').write_bytes(b'no database')
        (region / '00/000/003.db-wal').write_bytes(b'no log')
        os.unlink(region / '00/000/004')
        steps = [('block', 1, 3, 1), ('block', 2, 7, 3), ('extent', 3, 0, SIZE),
                 ('extent', 4, 0, SIZE)]
        before = content(region)
        self.assertEqual(steps, self.steps(region, '--plan', '--from', other, code=FINDINGS))
        self.assertEqual(steps, self.steps(region, '--write', '--from', other, code=DONE))
        self.assert_same_tree(good, content(region))
        self.expect(DONE, 'region-repair', region, '--apply-undo', self.work / 'sqlite.undo')
        self.assert_same_tree(before, content(region))

    def test_an_extent_whose_database_is_gone_is_a_raw_one(self):
        region = self.make_region('sqlite', kind='sqlite')
        other = self.copy(region, 'other')
        os.unlink(region / '00/000/001.db')
        (region / '00/000/001.db-wal').write_bytes(b'no log any more')
        before = content(region)
        steps = [('extent', 1, 0, SIZE), ('stray_log', 1, 0, 0)]
        self.assertEqual(steps, self.steps(region, '--plan', '--from', other, code=FINDINGS))
        self.assertEqual(steps, self.steps(region, '--write', '--from', other, code=DONE))
        self.expect(DONE, 'region-verify', '--strict', region)
        extents = self.records('region-dump', region, code=DONE).of_type('extent')
        self.assertEqual(['sqlite', 'raw'], [extent['format'] for extent in extents[:2]])
        self.expect(DONE, 'region-repair', region, '--apply-undo', self.work / 'sqlite.undo')
        self.assert_same_tree(before, content(region))

    def test_what_no_replica_has_is_told_block_by_block(self):
        region, other = self.make_replicas()
        for block in (2, 3, 4):
            damage(region, 1, block)
        damage(other, 1, 3)
        records = self.records('region-repair', region, '--write', '--from', other, code=FINDINGS)
        lost = [finding for finding in records.findings if finding['id'] == 'no_proven_copy']
        self.assertEqual([(3, 3, 13)], [(finding['first_block'], finding['last_block'],
                                         finding['region_block']) for finding in lost])
        damaged = [finding for finding in records.findings if finding['id'] == 'no_matching_slot']
        self.assertEqual([(3, 3)], [(finding['first_block'], finding['last_block'])
                                    for finding in damaged])

    def test_a_block_that_was_written_is_not_taken_as_one_that_never_was(self):
        region = self.make_region('r1')
        other = self.copy(region, 'r2')
        # Block 6 of extent 4 gets a context, that of another block; in the replica it has none.
        path = region / '00/000/004'
        content = bytearray(path.read_bytes())
        slot_b = SIZE * (512 + 48)
        content[slot_b + 48 * 6:slot_b + 48 * 7] = content[slot_b:slot_b + 48]
        content[BITS] |= 1 << 6
        path.write_bytes(content)
        records = self.records('region-repair', region, '--write', '--from', other, code=FINDINGS)
        self.assertEqual(['no_matching_slot', 'no_proven_copy'],
                         sorted(finding['id'] for finding in records.findings))
        # Data without any context is another matter.
        damage(other, 5, 2)
        self.assertEqual([('block', 5, 2, 1)],
                         self.steps(other, '--write', '--from', region, code=DONE))
        self.assertEqual(bytes(512), (other / '00/000/005').read_bytes()[1024:1536])

    def test_what_was_not_opened_for_what_it_is_is_not_replaced(self):
        region, other = self.make_replicas()
        os.link(region / '00/000/001', self.work / 'second-name')
        path = region / '00/000/002'
        path.unlink()
        path.symlink_to(self.work / 'second-name')
        before = snapshot(region)
        records = self.records('region-repair', region, '--write', '--from', other, code=FINDINGS)
        self.assertEqual([], records.of_type('repair'))
        self.assertEqual(before, snapshot(region))

    def test_regions_that_are_no_replicas_are_refused(self):
        region = self.make_region('r1')
        self.expect(USAGE, 'region-repair', region, '--plan', '--from', region)
        for number, options in enumerate((['extents', 7], ['size', 9])):
            other = self.make_region(f'other{number}', **{options[0]: options[1]})
            result = self.expect(USAGE, 'region-repair', region, '--plan', '--from', other)
            self.assertIn('is no replica of', result.err)
        encrypted = self.copy(region, 'encrypted')
        definition = (encrypted / 'region.json').read_text()
        (encrypted / 'region.json').write_text(definition.replace('"encrypted": false',
                                                                  '"encrypted": true'))
        self.expect(USAGE, 'region-repair', region, '--plan', '--from', encrypted)
        self.expect(NOT_A_REGION, 'region-repair', region, '--plan', '--from', self.work / 'none')
        self.expect(USAGE, 'region-repair', region, '--plan', '--mix')

    def test_a_replica_in_use_is_in_use(self):
        region, other = self.make_replicas()
        with locked(other):
            self.expect(IN_USE, 'region-repair', region, '--plan', '--from', other)

    # ---- by name --------------------------------------------------------------------------------

    def test_blocks_are_forgotten_by_name_only(self):
        region = self.make_region()
        damage(region, 1, 3)
        self.assertEqual([], self.steps(region, '--write', code=FINDINGS))
        self.assertEqual([('forgotten', 1, 3, 1)],
                         self.steps(region, '--write', '--forget', '13', code=DONE))
        self.assertEqual(bytes(512), (region / '00/000/001').read_bytes()[3 * 512:4 * 512])
        self.expect(DONE, 'region-verify', '--strict', region)
        self.assertEqual([], self.steps(region, '--write', '--forget', '3', '-e', '1', code=DONE))
        self.expect(USAGE, 'region-repair', region, '--plan', '--forget', '60')

    def test_lost_metadata_is_given_by_name_and_stays_dirty(self):
        region = self.make_region()
        flip_byte(region / '00/000/001', METADATA, 6)
        self.expect(FINDINGS, 'region-repair', region, '--write')
        given = 'gen=3,flush=17,dirty=1'
        for text in ('gen=3,flush=17', 'gen=3,flush=17,dirty=0', 'gen=3,flush=x,dirty=1',
                     'gen=3,flush=1,dirty=1,dirty=1', 'gen=3,flush=1,dirty=1,more=1', ''):
            self.expect(USAGE, 'region-repair', region, '--plan', '-e', '1', '--metadata', text)
        self.expect(USAGE, 'region-repair', region, '--plan', '--metadata', given)
        self.assertEqual([('metadata', 1, 0, 0)],
                         self.steps(region, '--write', '-e', '1', '--metadata', given, code=DONE))
        extent = self.records('region-verify', '-e', '1', region, code=DONE).of_type('extent')[0]
        self.assertEqual((3, 17, True),
                         (extent['gen_number'], extent['flush_number'], extent['dirty']))
        # What an extent still has is never overwritten.
        self.assertEqual([], self.steps(region, '--write', '-e', '0', '--metadata', given,
                                        code=DONE))
