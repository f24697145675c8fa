"""region-dump: the table and its comparison of replicas, slots, raw bytes, layout, inventory."""

import csv
import os
import re
import shutil

from harness import (DONE, FINDINGS, IN_USE, NOT_A_REGION, USAGE, UUID, ToolTest, flip_byte,
                     locked)

DATA = 10 * 512
SLOTS_A = DATA
SLOTS_B = SLOTS_A + 10 * 48
BITS = SLOTS_B + 10 * 48
METADATA = BITS + 2


def set_bytes(path, offset, value):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(value)


class DumpTest(ToolTest):
    """Regions of extents of 10 blocks of 512 bytes, 45 blocks written through slot B."""

    def dump(self, *arguments, code=None):
        return self.records('region-dump', *arguments, code=code)

    def replicas(self):
        """Three equal ones, of which each has its own UUID."""
        regions = [self.make_region('a')]
        for i, name in enumerate('bc'):
            regions.append(self.copy(regions[0], name))
            definition = regions[-1] / 'region.json'
            definition.write_text(definition.read_text().replace('e592', f'e59{i}'))
        return regions


class TableTest(DumpTest):

    def test_the_table(self):
        out = self.expect(DONE, 'region-dump',
                          self.make_region(extents=2, image_blocks=15)).out.splitlines()
        self.assertEqual(['EXT  BLOCKS GEN0  FL0  D0  FMT0', '  0 000-009    0    1   F   raw'],
                         out[:2])
        self.assertEqual('Max gen: 0,  Max flush: 1', out[3])

    def test_columns_grow_with_their_numbers(self):
        region = self.make_region(extents=2, image_blocks=15)
        set_bytes(region / '00/000/001', METADATA + 1, b'\xff' * 16)
        out = self.expect(DONE, 'region-dump', region).out.splitlines()
        self.assertEqual([len(out[0])] * 2, [len(line) for line in out[1:3]])
        self.assertIn('18446744073709551615 18446744073709551615',
                      re.sub(' +', ' ', out[2]))

    def test_equal_replicas_are_equal_and_their_uuids_are_told(self):
        regions = self.replicas()
        out = self.expect(DONE, 'region-dump', *regions).out
        self.assertNotIn('<---', out)
        for i, region in enumerate(regions):
            self.assertIn(f'{i}: {region}: ', out)
        records = self.dump(*regions, code=DONE)
        self.assertEqual([True] * 7, [record['equal']
                                      for record in records.of_type('comparison')])
        self.assertEqual(0, records.summary['different'])
        self.assertEqual([UUID, UUID[:-1] + '0', UUID[:-1] + '1'],
                         [side['uuid'] for side in records.of_type('comparison')[0]['replicas']])

    def test_each_difference_is_marked_and_named(self):
        differences = [('gen_number', METADATA + 1, b'\7'), ('flush_number', METADATA + 9, b'\7'),
                       ('dirty', METADATA, b'\1')]
        for name, offset, value in differences:
            regions = self.replicas()
            set_bytes(regions[1] / '00/000/003', offset, value)
            records = self.dump(*regions, code=FINDINGS)
            comparisons = records.of_type('comparison')[1:]
            self.assertEqual([[], [], [], [name], [], []],
                             [record['different'] for record in comparisons])
            self.assertEqual([True, True, True, False, True, True],
                             [record['equal'] for record in comparisons])
            out = self.expect(FINDINGS, 'region-dump', *regions).out
            marked = [line.split()[0] for line in out.splitlines() if line.endswith('<---')]
            self.assertEqual(['3'], marked)
            self.assertIn('1 of 6 extents differ', out)
            for region in regions:
                shutil.rmtree(region)

    def test_only_differences(self):
        regions = self.replicas()
        set_bytes(regions[2] / '00/000/004', METADATA + 9, b'\7')
        records = self.dump('--only-differences', *regions, code=FINDINGS)
        self.assertEqual([4, 4, 4], records.extents)
        self.assertEqual([4], [record['extent'] for record in records.of_type('comparison')
                               if record['what'] == 'extent'])
        equal = self.dump('--only-differences', *regions[:2], code=DONE)
        self.assertEqual([], equal.extents)
        self.assertEqual(12, equal.summary['extents'])

    def test_a_missing_extent_and_one_that_cannot_be_read_differ_and_the_others_are_shown(self):
        regions = self.replicas()
        (regions[0] / '00/000/001').unlink()
        os.truncate(regions[1] / '00/000/002', 100)
        records = self.dump(*regions, code=FINDINGS)
        self.assertEqual([('missing_extent', str(regions[0])), ('wrong_size', str(regions[1]))],
                         [(finding['id'], finding['region']) for finding in records.findings])
        states = [[side['state'] for side in record['replicas']]
                  for record in records.of_type('comparison')[1:]]
        self.assertEqual([['missing', 'present', 'present'], ['present', 'unreadable', 'present'],
                          ['present'] * 3], states[1:4])
        self.assertEqual([(1, 0), (0, 1), (0, 0)], [
            (record['missing'], record['unreadable'])
            for record in records.of_type('region_summary')])

    def test_formats_that_differ(self):
        raw = self.make_region('raw')
        sqlite = self.make_region('sqlite', kind='sqlite')
        records = self.dump(raw, sqlite, code=FINDINGS)
        self.assertIn('format', records.of_type('comparison')[1]['different'])
        self.assertIn('raw  sql', self.run_tool('region-dump', raw, sqlite).out)

    def test_geometry_that_differs_is_told_first(self):
        regions = [self.make_region('a', extents=2, image_blocks=15),
                   self.make_region('b', extents=3, image_blocks=15)]
        records = self.dump(*regions, code=FINDINGS)
        first = records.of_type('comparison')[0]
        self.assertEqual(['extent_count'], first['different'])
        self.assertEqual([2, 3], [side['extent_count'] for side in first['replicas']])
        self.assertEqual([], records.findings)
        self.assertEqual(5, records.summary['extents'])
        out = self.expect(FINDINGS, 'region-dump', *regions).out
        self.assertIn('extent count: 2 3 <---', out)

    def test_one_replica_in_use_does_not_hide_the_others(self):
        regions = self.replicas()
        with open(regions[1] / '00/000/003', 'r+b'):
            records = self.dump(*regions, code=IN_USE)
        self.assertEqual([str(regions[0]), str(regions[2])],
                         [record['region'] for record in records.of_type('region_summary')])
        self.assertEqual([str(regions[1])], [record['region']
                                             for record in records.of_type('error')])
        self.assertEqual(['unreadable'] * 3, [
            record['replicas'][1]['state'] for record in records.of_type('comparison')[4:]])

    def test_what_cannot_be_opened_is_left_out_of_the_comparison(self):
        a, b, _ = self.replicas()
        with locked(b):
            records = self.dump(a, 'none', b, a, code=NOT_A_REGION)
        self.assertEqual({2}, {len(record['replicas'])
                               for record in records.of_type('comparison')})

    def test_colour_where_they_differ_and_nowhere_else(self):
        regions = self.replicas()
        set_bytes(regions[1] / '00/000/003', METADATA + 9, b'\7')
        out = self.run_tool('region-dump', *regions, '--color', 'always').out
        colored = [line for line in out.splitlines() if '\x1b' in line]
        self.assertEqual(1, len(colored))
        self.assertRegex(colored[0], r'\x1b\[31m    1\x1b\[0m\x1b\[32m    7\x1b\[0m'
                         .replace('    ', ' +'))

    def test_quiet_tells_by_its_exit_status(self):
        regions = self.replicas()
        set_bytes(regions[1] / '00/000/003', METADATA + 9, b'\7')
        result = self.expect(FINDINGS, 'region-dump', '-q', *regions)
        self.assertEqual((b'', b''), (result.stdout, result.stderr))

    def test_csv_has_a_row_for_each_region_and_extent(self):
        regions = self.replicas()
        result = self.expect(DONE, 'region-dump', '--format', 'csv', *regions)
        rows = list(csv.DictReader(result.out.splitlines()))
        self.assertEqual(18, len(rows))
        self.assertEqual(list(map(str, regions)), [row['region'] for row in rows[:3]])
        self.assertEqual({'1', '0'}, {row['flush_number'] for row in rows})

    def test_what_is_shown_is_one_thing(self):
        modes = ['--slots', '--raw', '--layout', '--inventory', '--only-differences']
        region = self.make_region()
        for i, mode in enumerate(modes):
            for other in modes[i + 1:]:
                self.expect(USAGE, 'region-dump', mode, other, region)


class BlocksTest(DumpTest):

    def test_slots_of_a_block(self):
        block, = self.dump('--slots', '-b', '12', self.make_region(), code=DONE).of_type('block')
        self.assertEqual((1, '00/000/001', 2, 12, 'B', False), (
            block['extent'], block['file'], block['block'], block['region_block'],
            block['selected'], block['data_zero']))
        empty, present = block['slots']
        self.assertEqual({'slot': 'A', 'state': 'empty'}, empty)
        self.assertEqual(block['data_hash'], present['on_disk_hash'])
        self.assertEqual((block['data_hash'], True), (present['hash'], present['matches']))

    def test_a_block_that_was_never_written_is_zero(self):
        block, = self.dump('--slots', '-b', '59', self.make_region(), code=DONE).of_type('block')
        self.assertEqual(('A', True), (block['selected'], block['data_zero']))

    def test_the_slot_of_a_dirty_extent_is_selected_by_the_data(self):
        region = self.make_region()
        flip_byte(region / '00/000/001', BITS)
        set_bytes(region / '00/000/001', METADATA, b'\1')
        blocks = self.dump('--slots', '-e', '1', region, code=DONE).of_type('block')
        self.assertEqual({'B'}, {block['selected'] for block in blocks})
        flip_byte(region / '00/000/001', 512 * 4)
        set_bytes(region / '00/000/001', SLOTS_A + 4 * 48, b'\1')
        blocks = self.dump('--slots', '-e', '1', region, code=DONE).of_type('block')
        self.assertNotIn('selected', blocks[4])
        self.assertEqual([False, False], [slot['matches'] for slot in blocks[4]['slots']])

    def test_bad_slots_are_shown_as_they_are(self):
        region = self.make_region()
        set_bytes(region / '00/000/001', SLOTS_B + 5 * 48, b'\2')
        block, = self.dump('--slots', '-e', '1', '-b', '5', region, code=DONE).of_type('block')
        self.assertEqual({'slot': 'B', 'state': 'bad', 'bad_byte': 0, 'bad_value': 2},
                         block['slots'][1])

    def test_rows_of_a_sqlite_extent_in_the_same_form(self):
        region = self.make_region(kind='sqlite')
        block, = self.dump('--slots', '-b', '12', region, code=DONE).of_type('block')
        row, = block['slots']
        self.assertEqual(('row 0', 'row 0', True),
                         (block['selected'], row['slot'], row['matches']))

    def test_several_regions_in_turn(self):
        regions = self.replicas()[:2]
        records = self.dump('--slots', '-b', '3', *regions, code=DONE)
        self.assertEqual(list(map(str, regions)),
                         [block['region'] for block in records.of_type('block')])

    def test_csv_of_slots_has_a_row_for_each_slot(self):
        result = self.expect(DONE, 'region-dump', '--slots', '--format', 'csv', self.make_region())
        rows = list(csv.DictReader(result.out.splitlines()))
        self.assertEqual(120, len(rows))
        self.assertEqual(['A', 'B'], [row['slot'] for row in rows[:2]])

    def test_output_that_cannot_be_written_is_no_damage(self):
        region = self.make_region('many', extents=40, size=1000, image_blocks=0)
        result = self.run_tool('region-dump', '--slots', '--format', 'jsonl', '-o', '/dev/full',
                               region)
        self.assertEqual(3, result.code, result)
        self.assertIn('/dev/full', result.err)
        self.assertNotIn('io_error', result.err)

    def test_raw_bytes_are_those_of_the_file(self):
        region = self.make_region()
        content = (region / '00/000/001').read_bytes()
        records = self.dump('--raw', '-e', '1', region, code=DONE).of_type('bytes')
        shown = bytearray(len(content))
        for record in records:
            value = bytes.fromhex(record['hex'])
            self.assertEqual(record['length'], len(value))
            shown[record['offset']:record['offset'] + len(value)] = value
        self.assertEqual(content[DATA:], bytes(shown[DATA:]))
        self.assertEqual(len(content) - DATA, sum(record['length'] for record in records))
        values = {(record['part'], record['first_block'], record['field']): record['value']
                  for record in records}
        self.assertEqual('1', values['metadata', 0, 'flush_number'])
        self.assertEqual('BBBBBBBB', values['bits', 0, 'active_slots'])
        self.assertRegex(values['slot B', 3, 'on_disk_hash'], r'^[0-9a-f]{16}$')

    def test_raw_bytes_for_people_have_offsets_and_names(self):
        out = self.run_tool('region-dump', '--raw', '-e', '1', '-b', '0', self.make_region()).out
        self.assertRegex(out, fr'{METADATA + 9:010x}  01( 00){{7}} +flush_number 1\n')
        self.assertRegex(out, fr'{BITS:010x}  ff +blocks 0-7 BBBBBBBB\n')

    def test_raw_bytes_of_a_file_that_is_cut_off(self):
        region = self.make_region()
        os.truncate(region / '00/000/001', SLOTS_A + 50)
        records = self.dump('--raw', '-e', '1', region, code=FINDINGS)
        self.assertEqual(['wrong_size'], [finding['id'] for finding in records.findings])
        shown = records.of_type('bytes')
        self.assertEqual(50, sum(record['length'] for record in shown))
        self.assertEqual('cut off', shown[-1]['value'])

    def test_raw_bytes_of_a_slot_that_is_cut_off_or_does_not_decode(self):
        region = self.make_region()
        set_bytes(region / '00/000/001', SLOTS_A + 3 * 48, b'\1' + bytes(8) + b'\7')
        values = {record['field']: record.get('value') for record in self.dump(
            '--raw', '-b', '13', region).of_type('bytes') if record['part'] == 'slot A'}
        self.assertEqual({'present', 'hash', 'encrypted', 'undecoded'}, set(values))
        os.truncate(region / '00/000/001', SLOTS_B + 3 * 48 + 20)
        fields = [record['field'] for record in self.dump(
            '--raw', '-b', '13', region, code=FINDINGS).of_type('bytes')
            if record['part'] == 'slot B']
        self.assertEqual(['present', 'undecoded'], fields)

    def test_layout_of_blocks(self):
        parts = self.dump('--layout', '-b', '13', self.make_region(), code=DONE).of_type('part')
        self.assertEqual([('data', 3 * 512, 512, 0), ('slot A', SLOTS_A + 3 * 48, 48, 0),
                          ('slot B', SLOTS_B + 3 * 48, 48, 0), ('active-slot bit', BITS, 1, 3)],
                         [(part['part'], part['offset'], part['length'], part['bit'])
                          for part in parts])
        self.assertEqual({1}, {part['extent'] for part in parts})

    def test_layout_of_a_sqlite_extent(self):
        region = self.make_region(kind='sqlite')
        parts = self.dump('--layout', '-e', '1', region, code=DONE).of_type('part')
        self.assertEqual([('block data', 0, DATA)],
                         [(part['part'], part['offset'], part['length']) for part in parts])
        parts = self.dump('--layout', '-b', '13', region, code=DONE).of_type('part')
        self.assertEqual([('data', 3 * 512, 512)],
                         [(part['part'], part['offset'], part['length']) for part in parts])


class InventoryTest(DumpTest):

    def test_formats_repairs_and_strays(self):
        region = self.make_region()
        (region / '00/000/001.copy').mkdir()
        (region / '00/000/001.copy/001').write_bytes(b'x' * 5000)
        (region / '00/000/002.db-wal').write_bytes(b'x')
        (region / 'notes').write_bytes(b'x')
        records = self.dump('--inventory', region, code=DONE)
        self.assertEqual(['copy_pending', 'stray_wal', 'stray_file'],
                         [finding['id'] for finding in records.findings])
        summary = records.summary
        self.assertEqual((6, 0, 1, 0, 0), tuple(summary[name] for name in (
            'raw', 'sqlite', 'copy_pending', 'replace_pending', 'completed_pending')))
        self.assertEqual(8192, summary['pending_bytes'])
        self.assertEqual(6 * (METADATA + 32) + 1, summary['apparent_bytes'])

    def test_runs_of_slots(self):
        region = self.make_region()
        set_bytes(region / '00/000/000', BITS, b'\x35\x01')  # B A B A BB AA B A
        extents = self.dump('--inventory', region).of_type('extent')
        self.assertEqual([(4, 4, 7), (0, 1, 0)], [
            (extent['a_runs'], extent['b_runs'], extent['extra_system_calls'])
            for extent in extents[:2]])
        # Half written through B, half never written; not written at all.
        self.assertEqual([(1, 1, 1), (1, 0, 0)], [
            (extent['a_runs'], extent['b_runs'], extent['extra_system_calls'])
            for extent in extents[4:]])

    def test_inventory_of_a_dirty_extent_goes_by_the_data(self):
        region = self.make_region()
        set_bytes(region / '00/000/000', BITS, b'\x35\x01')
        set_bytes(region / '00/000/000', METADATA, b'\1')
        extent = self.dump('--inventory', '-e', '0', region, code=DONE).of_type('extent')[0]
        self.assertEqual((0, 1, 0),
                         (extent['a_runs'], extent['b_runs'], extent['extra_system_calls']))

    def test_inventory_for_people(self):
        out = self.expect(DONE, 'region-dump', '--inventory', self.make_region()).out
        for line in ('formats:  6 raw, 0 SQLite, 0 neither', 'repairs:  0 .copy', 'sizes:  ',
                     'slots:  '):
            self.assertIn(line, out)
