"""region-export --salvage: the best image that several replicas still hold."""

import os
import shutil

from harness import (DONE, FINDINGS, IN_USE, NOT_A_REGION, USAGE, ToolTest, flip_byte, image_bytes,
                     locked, snapshot)

EXTENTS, SIZE, WRITTEN = 6, 10, 45  # of make_region
IMAGE = image_bytes(WRITTEN) + bytes((EXTENTS * SIZE - WRITTEN) * 512)
METADATA = SIZE * (512 + 96) + 2


class SalvageTest(ToolTest):
    def setUp(self):
        super().setUp()
        self.replicas = [self.make_region('r1')]
        self.replicas += [self.copy(self.replicas[0], name) for name in ('r2', 'r3')]

    def damage(self, replica, block):
        flip_byte(self.replicas[replica] / f'00/000/{block // SIZE:03X}', block % SIZE * 512 + 9)

    def salvage(self, *arguments, code=DONE):
        """The image, and the records."""
        image = self.work / 'out'
        records = self.records('region-export', '--salvage', *self.replicas, '-o', image, '-f',
                               '--report', '-', *arguments, code=code)
        return image.read_bytes(), records

    def origins(self, records, state):
        return [(record['extent'] * SIZE + record['first_block'], record['block_count'],
                 os.path.basename(record['source']))
                for record in records.of_type('origin') if record['state'] == state]

    def test_whole_replicas_give_the_image(self):
        before = [snapshot(replica) for replica in self.replicas]
        image, records = self.salvage()
        self.assertEqual(IMAGE, image)
        self.assertEqual((45, 15, 0), tuple(records.summary[name]
                                            for name in ('proven', 'unwritten', 'bad')))
        self.assertEqual([(0, 10, 'r1'), (10, 10, 'r1'), (20, 10, 'r1'), (30, 10, 'r1'),
                          (40, 5, 'r1')], self.origins(records, 'proven'))
        self.assertEqual(before, [snapshot(replica) for replica in self.replicas])

    def test_each_block_is_from_a_replica_that_proves_it(self):
        for replica, block in ((0, 3), (1, 3), (0, 4), (2, 4), (1, 5)):
            self.damage(replica, block)
        image, records = self.salvage()
        self.assertEqual(IMAGE, image)
        self.assertEqual([(0, 3, 'r1'), (3, 1, 'r3'), (4, 1, 'r2'), (5, 5, 'r1')],
                         self.origins(records, 'proven')[:4])

    def test_what_no_replica_has_is_a_hole_and_listed(self):
        for replica in range(3):
            for block in (12, 13, 30):
                self.damage(replica, block)
        image, records = self.salvage(code=FINDINGS)
        expected = bytearray(IMAGE)
        for block in (12, 13, 30):
            expected[block * 512:(block + 1) * 512] = bytes(512)
        self.assertEqual(bytes(expected), image)
        self.assertEqual([(12, 2, ''), (30, 1, '')], self.origins(records, 'lost'))
        self.assertEqual([('no_proven_copy', 1, 2, 3), ('no_proven_copy', 3, 0, 0)],
                         [(finding['id'], finding['extent'], finding['first_block'],
                           finding['last_block']) for finding in records.findings])
        self.assertEqual(3, records.summary['bad'])

    def test_the_newest_replica_comes_first(self):
        for block in (1, 2):
            self.damage(2, block)
        flip_byte(self.replicas[2] / '00/000/000', METADATA + 9, 8)  # a later flush
        self.assertEqual([(0, 1, 'r3'), (1, 2, 'r1'), (3, 7, 'r3')],
                         self.origins(self.salvage()[1], 'proven')[:3])

    def test_regions_of_which_none_opens(self):
        os.unlink(self.replicas[0] / '00/000/000')
        os.truncate(self.replicas[1] / '00/000/001', 700)
        flip_byte(self.replicas[1] / '00/000/000', METADATA, 9)
        flip_byte(self.replicas[2] / '00/000/002', METADATA + 17, 1)
        (self.replicas[2] / 'region.json').write_text('{}')
        result = self.expect(DONE, 'region-export', '--salvage', *self.replicas, '-o', 'out')
        self.assertEqual(IMAGE, (self.work / 'out').read_bytes())
        self.assertIn("r3' is left out", result.err)
        for replica in self.replicas[:2]:
            os.unlink(replica / 'region.json')
        self.expect(NOT_A_REGION, 'region-export', '--salvage', *self.replicas, '-o', 'other')

    def test_a_replica_left_out_is_named_where_it_could_have_helped(self):
        self.damage(1, 3)
        (self.replicas[0] / 'region.json').write_text('')
        (self.replicas[2] / 'region.json').write_text('')
        result = self.expect(FINDINGS, 'region-export', '--salvage', '-q', *self.replicas,
                             '-o', 'out')
        for replica in (self.replicas[0], self.replicas[2]):
            self.assertIn(f"error: '{replica}' is left out: '{replica}/region.json' cannot be used",
                          result.err)
        (self.replicas[1] / 'region.json').write_text('')
        result = self.expect(NOT_A_REGION, 'region-export', '--salvage', '-q', *self.replicas,
                             '-o', 'other')
        for replica in self.replicas:
            self.assertIn(f"'{replica}/region.json' cannot be used", result.err)

    def test_formats_may_be_mixed(self):
        shutil.rmtree(self.replicas[1])
        self.make_region('r2', kind='sqlite')
        self.damage(0, 3)
        self.damage(2, 3)
        self.assertEqual(IMAGE, self.salvage()[0])

    def test_a_pipe_gets_the_same_image(self):
        result = self.expect(DONE, 'region-export', '--salvage', *self.replicas)
        self.assertEqual(IMAGE, result.stdout)

    def test_some_extents_only(self):
        image, records = self.salvage('-e', '1,4')
        self.assertEqual(IMAGE[10 * 512:20 * 512] + IMAGE[40 * 512:50 * 512], image)
        self.assertEqual([1, 4], records.extents)

    def test_what_does_not_go_with_it_is_refused(self):
        for arguments in (['--skip', '1'], ['--length', '1K'], ['--map'], ['--no-check'],
                          ['--on-bad', 'keep'], ['--contexts', 'c'], ['--manifest', 'm']):
            self.expect(USAGE, 'region-export', '--salvage', *self.replicas, '-o', 'out',
                        *arguments)
        self.expect(USAGE, 'region-export', *self.replicas, '-o', 'out')
        self.expect(USAGE, 'region-export', '--salvage', *self.replicas, '-o',
                    self.replicas[1] / 'out')
        self.expect(USAGE, 'region-export', '--salvage', self.replicas[0], self.replicas[0])
        other = self.make_region('other', extents=5)
        self.expect(USAGE, 'region-export', '--salvage', self.replicas[0], other)
        with locked(self.replicas[2]):
            self.expect(IN_USE, 'region-export', '--salvage', *self.replicas)
