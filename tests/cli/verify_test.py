"""region-verify: what it says of damage, and which exit status follows."""

import os
import shutil

from harness import DONE, FINDINGS, USAGE, ToolTest, flip_byte, image_bytes


class VerifyTest(ToolTest):
    """Regions of extents of 10 blocks of 512 bytes, 45 blocks written through slot B."""

    DATA = 10 * 512
    SLOTS_A = DATA
    SLOTS_B = SLOTS_A + 10 * 48
    BITS = SLOTS_B + 10 * 48
    METADATA = BITS + 2

    def verify(self, region, *arguments, code=None):
        return self.records('region-verify', region, *arguments, code=code)

    def only_finding(self, region):
        records = self.verify(region, code=FINDINGS)
        self.assertEqual(1, len(records.findings), records.findings)
        return records.findings[0]

    def test_the_summary_counts_extents_blocks_and_bytes(self):
        summary = self.verify(self.make_region(), code=DONE).summary
        self.assertEqual((6, 60, 45, 60 * 512), (summary['extents'], summary['blocks'],
                                                 summary['written'], summary['bytes']))

    def test_the_records_of_extents_tell_their_metadata(self):
        region = self.make_region()
        extents = self.verify(region).of_type('extent')
        self.assertEqual(['00/000/000', '00/000/001'], [record['file'] for record in extents[:2]])
        self.assertEqual({'raw'}, {record['format'] for record in extents})
        self.assertEqual([1, 1, 1, 1, 1, 0], [record['flush_number'] for record in extents])
        self.assertEqual([10, 10, 10, 10, 5, 0], [record['written'] for record in extents])
        self.assertEqual({False}, {record['dirty'] for record in extents})

    def test_a_bad_block_is_named_with_its_place(self):
        region = self.make_region()
        flip_byte(region / '00/000/003', 512 * 4 + 17)
        finding = self.only_finding(region)
        self.assertEqual('error', finding['severity'])
        self.assertEqual((3, '00/000/003', 4, 4, 34, 512 * 4, 512), (
            finding['extent'], finding['file'], finding['first_block'], finding['last_block'],
            finding['region_block'], finding['offset'], finding['length']))
        self.assertRegex(finding['expected'], r'\b[0-9a-f]{16}\b')
        self.assertRegex(finding['found'], r'\b[0-9a-f]{16}\b')

    def test_neighbouring_blocks_with_the_same_finding_are_one_record(self):
        region = self.make_region()
        for block in (2, 3, 4, 7):
            flip_byte(region / '00/000/001', 512 * block)
        findings = self.verify(region, code=FINDINGS).findings
        self.assertEqual([(2, 4, 12, 1024, 1536), (7, 7, 17, 3584, 512)],
                         [(finding['first_block'], finding['last_block'], finding['region_block'],
                           finding['offset'], finding['length']) for finding in findings])

    def test_damage_is_told_to_people_with_its_place(self):
        region = self.make_region()
        flip_byte(region / '00/000/003', 512 * 4 + 17)
        out = self.expect(FINDINGS, 'region-verify', region).out
        self.assertIn(f'{region}: error: extent 3 (00/000/003) block 4: ', out)
        self.assertIn('1 error, 0 warnings, 0 notes', out)

    def test_a_flipped_bit_of_the_active_slots_is_an_error(self):
        region = self.make_region()
        flip_byte(region / '00/000/000', self.BITS)
        finding = self.only_finding(region)
        self.assertEqual(('wrong_selected_slot', 0, 7), (
            finding['id'], finding['first_block'], finding['last_block']))

    def test_a_dirty_extent_is_a_note_and_no_damage(self):
        region = self.make_region()
        with open(region / '00/000/002', 'r+b') as file:
            file.seek(self.METADATA)
            file.write(b'\1')
        records = self.verify(region, code=DONE)
        self.assertEqual([('dirty_extent', 'note')],
                         [(finding['id'], finding['severity']) for finding in records.findings])
        self.assertIs(True, records.of_type('extent')[2]['dirty'])
        self.expect(DONE, 'region-verify', '--strict', region)
        self.assertNotIn('dirty_extent', self.run_tool('region-verify', region).out)
        self.assertIn('dirty_extent', self.run_tool('region-verify', '-v', region).out)

    def test_a_warning_exits_1_only_with_strict(self):
        region = self.make_region()
        (region / '00/000/001.db-wal').write_bytes(b'x')
        records = self.verify(region, code=DONE)
        self.assertEqual(['warning'], [finding['severity'] for finding in records.findings])
        self.expect(FINDINGS, 'region-verify', '--strict', region)
        self.assertIn('stray_wal', self.run_tool('region-verify', region).out)
        self.assertEqual(b'', self.run_tool('region-verify', '-q', region).stdout)

    def test_quiet_does_not_change_the_exit_status(self):
        region = self.make_region()
        (region / '00/000/001.db-wal').write_bytes(b'x')
        self.expect(FINDINGS, 'region-verify', '--strict', '-q', region)

    def test_a_missing_extent_is_an_error_and_the_others_are_verified(self):
        region = self.make_region()
        (region / '00/000/002').unlink()
        records = self.verify(region, code=FINDINGS)
        self.assertEqual([('missing_extent', 2)], [(finding['id'], finding['extent'])
                                                   for finding in records.findings])
        self.assertEqual(40 - 5, records.summary['written'])
        self.assertIs(True, records.summary['complete'])

    def test_an_extent_that_is_not_counted_is_a_warning(self):
        region = self.make_region()
        shutil.copy(region / '00/000/000', region / '00/000/006')
        records = self.verify(region, code=DONE)
        self.assertEqual([('extra_extent', 'warning', 6)],
                         [(finding['id'], finding['severity'], finding['extent'])
                          for finding in records.findings])

    def test_wrong_sizes_are_errors(self):
        size = self.METADATA + 32
        for wrong in (0, 1, self.DATA - 512, self.DATA, size - 1, size + 1):
            region = self.make_region()
            os.truncate(region / '00/000/004', wrong)
            finding = self.only_finding(region)
            self.assertEqual('wrong_size', finding['id'])
            self.assertIn(f'{size} bytes', finding['expected'])
            self.assertIn(f'{wrong} bytes', finding['found'])
            shutil.rmtree(region)

    def test_what_is_no_plain_file_is_not_opened(self):
        region = self.make_region()
        file = region / '00/000/001'
        os.rename(file, self.work / 'elsewhere')
        for make, expected in (
                (os.mkfifo, 'not_a_regular_file'), (os.mkdir, 'not_a_regular_file'),
                (lambda path: os.symlink(self.work / 'elsewhere', path), 'not_a_regular_file'),
                (lambda path: os.link(self.work / 'elsewhere', path), 'several_links')):
            make(file)
            self.assertEqual(expected, self.only_finding(region)['id'])
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()

    def test_more_findings_than_are_held_back_come_in_order(self):
        (self.work / 'image').write_bytes(image_bytes(9000))
        self.expect(DONE, 'region-create', 'region', '--extent-size', '9000', '--extent-count', '2',
                    '--import', 'image')
        with open(self.work / 'region/00/000/000', 'r+b') as file:
            for block in range(0, 9000, 2):
                file.seek(block * 512)
                file.write(b'damaged!')
        records = self.verify('region', '-j', '2', code=FINDINGS)
        self.assertEqual(list(range(0, 9000, 2)),
                         [finding['first_block'] for finding in records.findings])
        self.assertEqual([0, 1], records.extents)

    # ---- what blocks are hashed with ------------------------------------------------------------

    def test_every_hash_kernel_finds_the_same(self):
        region = self.make_region()
        flip_byte(region / '00/000/003', 512 * 4 + 17)
        expected = self.verify(region, code=FINDINGS).findings
        for kernel in ('', 'avx512', 'avx2', 'library'):
            result = self.run_tool('region-verify', region, '--format', 'jsonl',
                                   env={'REGION_HASH_KERNEL': kernel})
            if result.code == USAGE:
                self.assertRegex(result.err, 'this processor has .*library')
                self.assertIn(kernel, ('avx512', 'avx2'))
            else:
                self.assertEqual(expected, self.check_records(result).findings, kernel)

    def test_a_hash_kernel_that_is_not_there_is_a_usage_error(self):
        result = self.expect(USAGE, 'region-verify', self.make_region(),
                             env={'REGION_HASH_KERNEL': 'abacus'})
        self.assertRegex(result.err, "REGION_HASH_KERNEL is 'abacus': this processor has .*library")
