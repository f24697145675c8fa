"""region-dump --compare and region-verify --replicas: replicas side by side."""

import csv
import os
import re
import shutil

from harness import DONE, FINDINGS, USAGE, ToolTest, flip_byte, locked, snapshot

BLOCK = 512
DATA = 10 * BLOCK
METADATA = DATA + 2 * 10 * 48 + 2


def set_bytes(path, offset, value):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(value)


class ReplicaTest(ToolTest):
    """Three replicas of extents of 10 blocks of 512 bytes, 45 blocks written through slot B."""

    def setUp(self):
        super().setUp()
        self.regions = [self.make_region('a')]
        for i, name in enumerate('bc'):
            self.regions.append(self.copy(self.regions[0], name))
            definition = self.regions[-1] / 'region.json'
            definition.write_text(definition.read_text().replace('e592', f'e59{i}'))

    def compare(self, *arguments, code=None):
        return self.records('region-dump', '--compare', *arguments, code=code)

    def shown(self, *arguments, code=FINDINGS):
        return self.expect(code, 'region-dump', '--compare', *arguments).out

    def blocks(self, run):
        return [record for record in run.of_type('comparison') if record['what'] == 'blocks']


class CompareTest(ReplicaTest):

    def test_equal_replicas(self):
        run = self.compare(*self.regions, code=DONE)
        self.assertEqual([(0, 9)] * 4 + [(0, 4), (5, 9), (0, 9)],
                         [(record['first_block'], record['last_block'])
                          for record in self.blocks(run)])
        self.assertEqual({True}, {record['equal'] for record in self.blocks(run)})
        self.assertEqual((6, 60, 0, 0, 0),
                         tuple(run.summary[name] for name in ('extents', 'blocks', 'different',
                                                              'damaged', 'lost')))
        out = self.shown(*self.regions, code=DONE)
        self.assertNotIn('<---', out)
        self.assertIn('60 blocks of 6 extents compared: 0 different', out)

    def test_a_damaged_block_is_shown_with_what_each_has(self):
        flip_byte(self.regions[1] / '00/000/002', 3 * BLOCK)
        before = snapshot(self.regions[1])
        run = self.compare('--only-differences', *self.regions, code=FINDINGS)
        self.assertEqual(before, snapshot(self.regions[1]))
        record, = self.blocks(run)
        self.assertEqual((2, 3, 3, 23, ['data', 'context', 'state']),
                         tuple(record[name] for name in ('extent', 'first_block', 'last_block',
                                                         'region_block', 'different')))
        self.assertEqual(['valid', 'no_match', 'valid'],
                         [side['state'] for side in record['replicas']])
        self.assertEqual(['A', 'B', 'A'], [side['data'] for side in record['replicas']])
        good, bad, _ = record['replicas']
        self.assertEqual([True, False], [side['slots'][1]['matches'] for side in (good, bad)])
        self.assertEqual(good['data_hash'], bad['slots'][1]['on_disk_hash'])
        out = self.shown('--only-differences', '--hash-width', 16, *self.regions)
        self.assertIn(bad['data_hash'], out)
        self.assertRegex(out, r'(?m)^     3  A B A  B\.=  B\.!  B\.=  <--- damaged$')
        self.assertRegex(out, r'(?m)^    1 B .* B\*! .*no context matches$')

    def test_what_all_have_lost_is_told(self):
        for region in self.regions:
            flip_byte(region / '00/000/001', 0)
        run = self.compare(*self.regions, code=FINDINGS)
        self.assertEqual((0, 1, 1), tuple(run.summary[name]
                                          for name in ('different', 'damaged', 'lost')))
        self.assertIn('<--- lost', self.shown('--only-differences', *self.regions))

    def test_neighbours_fold_unless_they_must_not(self):
        for block in (4, 5, 6):
            flip_byte(self.regions[2] / '00/000/000', block * BLOCK)
        folded = self.compare('--only-differences', *self.regions, code=FINDINGS)
        self.assertEqual([(4, 6)], [(record['first_block'], record['last_block'])
                                    for record in self.blocks(folded)])
        apart = self.compare('--only-differences', '--no-fold', *self.regions, code=FINDINGS)
        self.assertEqual([(4, 4), (5, 5), (6, 6)], [(record['first_block'], record['last_block'])
                                                    for record in self.blocks(apart)])
        self.assertEqual(3, len({record['replicas'][0]['data_hash']
                                 for record in self.blocks(apart)}))

    def test_the_selected_slot_is_small_where_the_extent_is_dirty(self):
        set_bytes(self.regions[1] / '00/000/000', METADATA, b'\1')
        out = self.shown('-e', 0, '-b', 2, *self.regions)
        self.assertRegex(out, r'(?m)^  1  raw +gen 0 flush 1 dirty  .*/b$')
        self.assertRegex(out, r'(?m)^    1 A .* b\*= ')
        self.assertRegex(out, r'(?m)^    0 A .* B\*= ')

    def test_color_by_majority(self):
        flip_byte(self.regions[0] / '00/000/002', 3 * BLOCK)
        out = self.shown('--color', 'always', '--only-differences', *self.regions)
        self.assertIn('\033[31mB\033[0m \033[32mA\033[0m \033[32mA\033[0m', out)
        self.assertIn('\033[31m<--- damaged\033[0m', out)
        self.assertNotIn('\033', self.shown('--color', 'never', *self.regions))

    def test_lines_fit_a_small_terminal(self):
        flip_byte(self.regions[0] / '00/000/002', 3 * BLOCK)
        out = self.shown(*(os.path.relpath(region) for region in self.regions))
        self.assertLessEqual(max(len(line) for line in out.splitlines()), 80)

    def test_raw_and_sqlite(self):
        sqlite = self.make_region('sqlite', kind='sqlite')
        run = self.compare(self.regions[0], sqlite, code=FINDINGS)
        self.assertEqual({True}, {record['equal'] for record in self.blocks(run)})
        self.assertEqual('row 0', self.blocks(run)[0]['replicas'][1]['selected'])
        self.assertIn('sqlite', self.shown(self.regions[0], sqlite))

    def test_csv(self):
        flip_byte(self.regions[1] / '00/000/002', 3 * BLOCK)
        (self.regions[2] / '00/000/002').unlink()
        result = self.expect(FINDINGS, 'region-dump', '--compare', '-e', 2, '-b', 3, '--format',
                             'csv', *self.regions)
        rows = list(csv.DictReader(result.out.splitlines()))
        self.assertEqual(['valid', 'valid', 'no_match', 'no_match', 'absent'],
                         [row['block_state'] for row in rows])
        self.assertEqual(['A', 'B', 'A', 'B', ''], [row['slot'] for row in rows])
        self.assertEqual({'3'}, {row['block'] for row in rows})
        self.assertEqual(['false', 'true', 'false', 'false', ''],
                         [row['matches'] or 'false' if row['slot'] else '' for row in rows])

    def test_regions_that_are_no_replicas(self):
        other = self.make_region('other', size=12)
        result = self.run_tool('region-dump', '--compare', self.regions[0], other)
        self.assertEqual(USAGE, result.code)
        self.assertIn('they are no replicas', result.err)

    def test_options_that_need_it(self):
        for option in (['--no-fold'], ['--hash-width', 8], ['--block-size', 512],
                       ['--extent-size', 10]):
            self.expect(USAGE, 'region-dump', *option, self.regions[0])
        for width in (0, 17):
            self.expect(USAGE, 'region-dump', '--compare', '--hash-width', width, self.regions[0])
        self.expect(USAGE, 'region-dump', '--compare', '--slots', self.regions[0])


class LoneFileTest(ReplicaTest):

    def files(self):
        paths = []
        for region in self.regions:
            paths.append(self.work / f'copy of {region.name}')
            shutil.copy(region / '00/000/002', paths[-1])
        return paths

    def test_files_of_one_extent_without_a_region(self):
        files = self.files()
        flip_byte(files[1], 3 * BLOCK)
        out = self.shown('--only-differences', *files)
        self.assertIn('files of one extent, taken for extent 0: 10 blocks of 512 bytes', out)
        self.assertRegex(out, r'(?m)^     3  A B A ')
        run = self.compare('-e', '67D', '-b', 3, *files, code=FINDINGS)
        record, = self.blocks(run)
        self.assertEqual((0x67D, 3), (record['extent'], record['first_block']))

    def test_a_file_beside_regions(self):
        file = self.files()[0]
        flip_byte(file, 3 * BLOCK)
        result = self.run_tool('region-dump', '--compare', file, *self.regions)
        self.assertEqual(USAGE, result.code)
        self.assertIn('--extent', result.err)
        run = self.compare('-e', 2, '--only-differences', file, *self.regions, code=FINDINGS)
        record, = self.blocks(run)
        self.assertEqual(['B', 'A', 'A', 'A'], [side['data'] for side in record['replicas']])
        named = self.compare('--only-differences', self.regions[0] / '00/000/002', file,
                             code=FINDINGS)
        self.assertEqual([2], [record['extent'] for record in self.blocks(named)])

    def test_the_geometry_that_is_given_counts(self):
        files = self.files()
        self.shown('--block-size', 512, '--extent-size', 10, *files, code=DONE)
        run = self.compare('--block-size', 512, '--extent-size', 11, *files, code=FINDINGS)
        self.assertEqual({'wrong_size'}, {finding['id'] for finding in run.findings})

    def test_geometries_are_listed_where_several_fit(self):
        sqlite = self.make_region('sqlite', kind='sqlite')
        for suffix in ('', '.db'):
            shutil.copy(sqlite / f'00/000/002{suffix}', self.work / f'002{suffix}')
        file = self.work / '002'
        result = self.run_tool('region-dump', '--compare', file)
        self.assertEqual(USAGE, result.code)
        self.assertIn('--block-size 512 --extent-size 10', result.err)
        self.assertIn('--block-size 1024 --extent-size 5', result.err)
        self.shown('--block-size', 512, file, code=DONE)
        self.shown(file, self.files()[0])  # the raw one tells the geometry; the formats differ
        os.truncate(file, 100)
        result = self.run_tool('region-dump', '--compare', file)
        self.assertIn('no geometry fits', result.err)

    def test_files_of_several_extents(self):
        result = self.run_tool('region-dump', '--compare', self.regions[0] / '00/000/001',
                               self.regions[1] / '00/000/002')
        self.assertEqual(USAGE, result.code)
        self.assertIn('several extents', result.err)

    def test_a_geometry_is_for_files(self):
        self.expect(USAGE, 'region-dump', '--compare', '--block-size', 512, *self.regions)


class VerifyReplicasTest(ReplicaTest):

    def verify(self, *arguments, code=None):
        return self.records('region-verify', '--replicas', *arguments, code=code)

    def test_equal_replicas(self):
        run = self.verify(*self.regions, code=DONE)
        self.assertEqual([], run.findings)
        self.assertEqual([6, 6, 6], [record['extents'] for record in
                                     run.of_type('region_summary')])
        self.assertEqual((0, 0, 0), tuple(run.summary[name] for name in
                                          ('different', 'lost', 'contradicting')))
        out = self.expect(DONE, 'region-verify', '--replicas', *self.regions).out
        self.assertIn('6 extents in all replicas: 0 to be reconciled', out)

    def test_a_source_that_would_lose_blocks(self):
        source = self.regions[1] / '00/000/002'
        set_bytes(source, METADATA + 1, b'\7')
        self.verify(*self.regions, code=DONE)
        flip_byte(source, 3 * BLOCK)
        run = self.verify(*self.regions, code=FINDINGS)
        loss, = (finding for finding in run.findings if finding['id'] == 'reconciliation_loss')
        self.assertEqual((str(self.regions[1]), 2, 3, 3, 23),
                         tuple(loss[name] for name in ('region', 'extent', 'first_block',
                                                       'last_block', 'region_block')))
        self.assertTrue(loss['expected'].startswith('0: valid, data '))
        self.assertEqual((1, 1), (run.summary['different'], run.summary['lost']))
        out = self.expect(FINDINGS, 'region-verify', '--replicas', '-v', *self.regions).out
        self.assertIn('1 to be reconciled, which would lose 1 block', out)
        self.assertIn('[reconciliation_source]', out)

    def test_contradicting_replicas(self):
        other = self.make_region('other')
        shutil.copy(other / '00/000/001', self.regions[2] / '00/000/002')
        run = self.verify(*self.regions, code=FINDINGS)
        self.assertEqual({('replicas_contradict', 2)},
                         {(finding['id'], finding['extent']) for finding in run.findings})
        self.assertEqual(10, run.summary['contradicting'])

    def test_one_that_is_in_use_is_left_out(self):
        with locked(self.regions[0]):
            run = self.verify(*self.regions, code=75)
        self.assertFalse(run.summary['complete'])
        self.assertEqual(2, len(run.of_type('region_summary')))
