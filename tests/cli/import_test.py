"""region-import: an image into a region that is there; each extent is old or new."""

import os
import random
import shutil
import signal
import subprocess
import time

from harness import (DONE, FAILED, FINDINGS, IN_USE, NOBODY, NOT_A_REGION, STOPPED, USAGE,
                     ToolTest, content, image_bytes, limited, needs_root, snapshot)

BLOCK = 512


class ImportCase(ToolTest):
    """Regions of 6 extents of 10 blocks of 512 bytes, the first 45 blocks written."""

    def data(self, region, extents=6, size=10):
        """What a reader of the whole region reads, every block checked against its context."""
        self.expect(DONE, 'region-verify', '--strict', region)
        files = (region / f'00/000/{extent:03X}' for extent in range(extents))
        return b''.join(file.read_bytes()[:size * BLOCK] for file in files)

    def image(self, size_bytes, seed=5):
        path = self.work / f'image-{seed}'
        path.write_bytes(random.Random(seed).randbytes(size_bytes))
        return path

    def import_image(self, region, image, *arguments, code=DONE, **options):
        return self.records('region-import', region, image, *arguments, code=code, **options)

    def expected(self, before, image, at_bytes):
        written = image.read_bytes()
        return before[:at_bytes] + written + before[at_bytes + len(written):]

    def actions(self, records):
        return {record['extent']: record['action'] for record in records.of_type('extent')}


class ImportTest(ImportCase):
    # ---- what is done ---------------------------------------------------------------------------

    def test_the_image_is_where_it_should_be_and_all_else_is_as_before(self):
        original = self.make_region('original')
        before = self.data(original)
        for number, (at_block, size_bytes) in enumerate(
                [(0, 1), (0, 60 * BLOCK), (7, 5000), (7, 3 * BLOCK), (59, BLOCK), (44, 2 * BLOCK)]):
            image = self.image(size_bytes, seed=number)
            region = self.copy(original, f'copy-{number}')
            records = self.import_image(region, image, '--at', at_block)
            self.assertEqual(self.expected(before, image, at_block * BLOCK), self.data(region))
            self.assertEqual(size_bytes, records.summary['imported_bytes'])
            self.assertEqual(['00/000'] * 6, [str(path.parent.relative_to(region)) for path
                                              in region.glob('00/000/*')])

    def test_a_place_in_bytes_is_the_same_as_one_in_blocks(self):
        image = self.image(5000)
        trees = []
        for words in (['--at', '8'], ['--at-bytes', '4096'], ['--at-bytes=4K']):
            region = self.make_region(f'region-{len(trees)}')
            self.import_image(region, image, *words)
            trees.append(content(region))
        for tree in trees[1:]:
            self.assert_same_tree(trees[0], tree)

    def test_from_standard_input_the_same_comes_as_from_a_file(self):
        image = self.image(5000)
        by_file, by_pipe, by_redirection = (self.make_region(name) for name in 'abc')
        self.import_image(by_file, image, '--at', '7')
        self.import_image(by_pipe, '-', '--at', '7', stdin=image.read_bytes())
        with open(image, 'rb') as file:
            process = self.start('region-import', by_redirection, '-', '--at', '7', stdin=file)
            self.assertEqual(DONE, self.finish(process).code)
        self.assert_same_tree(content(by_file), content(by_pipe))
        self.assert_same_tree(content(by_file), content(by_redirection))

    def test_a_second_run_has_nothing_to_do_and_changes_nothing(self):
        region, image = self.make_region(), self.image(9000)
        self.import_image(region, image)
        before = snapshot(region)
        records = self.import_image(region, image)
        self.assertEqual({0: 'none', 1: 'none'}, self.actions(records))
        self.assertEqual([False] * 2, [record['changed'] for record in records.of_type('extent')])
        self.assertEqual(0, records.summary['written'])
        self.assert_same_tree(before, snapshot(region))
        self.expect(DONE, 'region-import', '-n', region, image)

    def test_a_dry_run_has_the_records_of_the_run_and_changes_nothing(self):
        region, image = self.make_region(), self.image(9000)
        (region / '00/000/001.copy').mkdir()
        before = snapshot(region)
        foretold = self.import_image(region, image, '-n', code=FINDINGS)
        self.assert_same_tree(before, snapshot(region))
        done = self.import_image(region, image)
        self.assertEqual(
            [{**record, 'changed': record['would_change'], 'would_change': None}
             for record in foretold.of_type('extent')],
            [{**record, 'would_change': None} for record in done.of_type('extent')])

    def test_what_people_read(self):
        region, image = self.make_region(), self.image(9000)
        self.assertEqual(f'{region}: 2 extents: would be: 2 replaced; 18 of 18 blocks written\n',
                         self.expect(FINDINGS, 'region-import', '-n', region, image).out)
        self.assertEqual(f'{region}: 2 extents: 2 replaced; 18 of 18 blocks written\n',
                         self.expect(DONE, 'region-import', region, image).out)
        self.assertEqual(f'{region}: 2 extents: 2 as before; 0 of 18 blocks written\n',
                         self.expect(DONE, 'region-import', region, image).out)

    def test_skip_zeros_leaves_unwritten_blocks_unwritten(self):
        image = self.work / 'zeros'
        image.write_bytes(bytes(60 * BLOCK))
        region = self.make_region()
        records = self.import_image(region, image, '--skip-zeros')
        self.assertEqual(45, records.summary['written'])
        self.assertEqual(bytes(60 * BLOCK), self.data(region))
        self.assertEqual(45, self.records('region-verify', region).summary['written'])
        self.import_image(region, image)
        self.assertEqual(60, self.records('region-verify', region).summary['written'])

    def test_numbers_go_up_as_after_one_write_and_one_flush(self):
        region = self.make_region()
        records = self.import_image(region, self.image(60 * BLOCK))
        self.assertEqual([2, 2, 2, 2, 2, 1],
                         [record['flush_number'] for record in records.of_type('extent')])
        self.assertEqual([0] * 6, [record['gen_number'] for record in records.of_type('extent')])

    @needs_root('gives files to another user')
    def test_files_keep_owner_and_mode(self):
        region = self.make_region()
        for path in [region, *region.rglob('*')]:
            os.chown(path, NOBODY, NOBODY)
        os.chmod(region / '00/000/001', 0o640)
        self.import_image(region, self.image(60 * BLOCK))
        for path in region.rglob('*'):
            self.assertEqual((NOBODY, NOBODY), (path.stat().st_uid, path.stat().st_gid), path)
        self.assertEqual(0o640, (region / '00/000/001').stat().st_mode & 0o777)

    # ---- what is refused ------------------------------------------------------------------------

    def expect_refused(self, code, message, region, *arguments, **options):
        before = snapshot(region)
        result = self.expect(code, 'region-import', region, *arguments, **options)
        self.assertRegex(result.err, message)
        self.assert_same_tree(before, snapshot(region))
        return result

    def test_what_does_not_fit_or_is_not_aligned_is_a_usage_error(self):
        region = self.make_region()
        self.expect_refused(USAGE, r'does not fit: expected at most 30720 bytes from block 0 on, '
                            r'found 30721', region, self.image(30721))
        self.expect_refused(USAGE, 'begin at block 61: expected at most 60', region,
                            self.image(1), '--at', '61')
        self.expect_refused(USAGE, '--at-bytes: expected a multiple of the block size 512, '
                            'found 100', region, self.image(1), '--at-bytes', '100')
        self.expect_refused(USAGE, '--at', region, self.image(1), '--at', '1', '--at-bytes', '512')
        self.expect_refused(USAGE, '--at-bytes', region, self.image(1), '--at-bytes', '')

    def test_encrypted_and_sqlite_regions_are_usage_errors_that_say_why(self):
        self.expect(DONE, 'region-create', 'encrypted', '--encrypted')
        self.expect_refused(USAGE, 'is encrypted', self.work / 'encrypted', self.image(1))
        self.expect_refused(USAGE, "00/000/000' is a SQLite extent: region-migrate",
                            self.make_region('sqlite', kind='sqlite'), self.image(1))

    def test_an_image_that_cannot_be_read_is_exit_3_and_named(self):
        region = self.make_region()
        self.expect_refused(FAILED, "'none': No such file", region, 'none')
        self.expect_refused(FAILED, 'Is a directory', region, self.work)
        self.expect_refused(FAILED, 'No such file', region, '')

    def test_without_an_image_or_with_two_it_is_a_usage_error(self):
        region = self.make_region()
        self.expect_refused(USAGE, 'expected another argument behind', region)
        self.expect_refused(USAGE, 'expected DIR FILE, found more', region, 'a', 'b')
        self.expect(NOT_A_REGION, 'region-import', 'none', self.image(1))

    def test_a_dirty_extent_is_refused_with_a_warning_that_people_see(self):
        region, image = self.make_region(), self.image(60 * BLOCK)
        with open(region / '00/000/003', 'r+b') as file:
            file.seek(-32, os.SEEK_END)
            file.write(b'\1')
        result = self.expect_refused(FINDINGS, '^$', region, image)
        self.assertIn('extent 3 (00/000/003)', result.out)
        self.assertIn('let Crucible open the volume', result.out)
        records = self.import_image(region, image, code=FINDINGS)
        self.assertEqual({3: 'left'}, self.actions(records))
        self.assertIs(False, records.summary['complete'])
        self.import_image(region, self.image(30 * BLOCK))  # does not touch it

    def test_an_image_from_a_pipe_that_is_too_long_says_what_was_done(self):
        region = self.make_region()
        result = self.run_tool('region-import', region, '-', stdin=bytes(61 * BLOCK))
        self.assertEqual(FAILED, result.code, result)
        self.assertIn('extents 0 to 5 were done before that', result.err)
        self.assertEqual(bytes(60 * BLOCK), self.data(region))

    # ---- in use ---------------------------------------------------------------------------------

    def test_an_extent_that_somebody_has_open_is_in_use_though_the_image_does_not_touch_it(self):
        region = self.make_region()
        with open(region / '00/000/005', 'rb'):
            self.expect_refused(IN_USE, r'in use by .* \(process \d+\)', region, self.image(1))


class InterruptedImportTest(ImportCase):
    """Extents of 1 MiB: a run takes long enough to be interrupted."""

    EXTENTS, SIZE = 9, 2048

    def setUp(self):
        super().setUp()
        self.original = self.make_region('original', extents=self.EXTENTS, size=self.SIZE,
                                         image_blocks=self.EXTENTS * self.SIZE - 3000)
        self.new = self.work / 'new'
        self.new.write_bytes(image_bytes(self.EXTENTS * self.SIZE - 1000, seed=12))
        whole = self.copy(self.original, 'whole')
        start = time.monotonic()
        self.import_image(whole, self.new, '--at', '500')
        self.duration = time.monotonic() - start
        self.finished = content(whole)
        shutil.rmtree(whole)

    def finish_and_compare(self, region):
        self.import_image(region, self.new, '--at', '500')
        self.assert_same_tree(self.finished, content(region))

    def test_killed_at_any_moment_another_run_finishes(self):
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        for _ in range(12):
            region = self.copy(self.original, 'killed')
            process = self.start('region-import', region, self.new, '--at', '500', '-j',
                                 moments.choice('12'))
            time.sleep(moments.random() * self.duration)
            process.send_signal(signal.SIGKILL)
            process.wait()
            with self.subTest(seed=seed):
                # What was pending, migrate finishes too.
                self.expect(DONE, 'region-migrate', region)
                self.expect(DONE, 'region-verify', '--strict', region)
                self.finish_and_compare(region)
            shutil.rmtree(region)

    def test_a_signal_while_the_pipe_is_empty_stops_it_with_the_extents_so_far(self):
        region = self.copy(self.original, 'stopped')
        process = self.start('region-import', region, '-', '--at', '500', '--format', 'jsonl',
                             stdin=subprocess.PIPE)
        self.wait_for_handlers(process)
        sent = self.new.read_bytes()[:3 * self.SIZE * BLOCK]
        process.stdin.write(sent)
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.stdin, stdin = None, process.stdin
        result = self.finish(process)
        stdin.close()
        self.assertEqual(STOPPED, result.code, result)
        records = self.check_records(result)
        self.assertIs(False, records.summary['complete'])
        self.assertEqual([0, 1, 2], records.extents)
        self.assertEqual([], [path.name for path in (region / '00/000').glob('*.*')])
        self.expect(DONE, 'region-verify', '--strict', region)
        self.finish_and_compare(region)

    def test_a_write_that_fails_is_exit_3_and_another_run_finishes(self):
        region = self.copy(self.original, 'copy')
        # The data of an extent fits, its slots do not.
        result = self.run_tool('region-import', region, self.new, '--at', '500',
                               preexec_fn=limited('RLIMIT_FSIZE', self.SIZE * BLOCK + 100))
        self.assertEqual(FAILED, result.code, result)
        self.assertRegex(result.err, r"00/000/00\d.copy/00\d'( at \d+)?: File too large")
        self.assert_same_tree(content(self.original), content(region))
        self.finish_and_compare(region)

    def test_a_directory_that_cannot_be_written_is_exit_3_and_another_run_finishes(self):
        options = self.as_ordinary_user()
        region = self.copy(self.original, 'copy')
        if options:
            for path in [region, *region.rglob('*')]:
                os.chown(path, NOBODY, NOBODY)
        os.chmod(region / '00/000', 0o555)
        result = self.expect(FAILED, 'region-import', region, self.new, '--at', '500', **options)
        self.assertRegex(result.err, r"mkdir '.*/00/000/000.copy': Permission denied")
        os.chmod(region / '00/000', 0o755)
        self.finish_and_compare(region)

    def test_the_usual_limit_of_1024_descriptors_is_enough(self):
        region = self.make_region('wide', extents=600, size=2, image_blocks=50)
        image = self.image(1200 * BLOCK)
        self.expect(DONE, 'region-import', region, image,
                    preexec_fn=limited('RLIMIT_NOFILE', 1024))
        self.expect(DONE, 'region-import', '-n', region, image)

    @needs_root('mounts a small file system')
    def test_a_full_file_system_is_exit_3_and_another_run_finishes(self):
        mount = self.work / 'small'
        mount.mkdir()
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=20m', 'none', mount],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f'cannot mount: {done.stderr.decode().strip()}')
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        region = mount / 'region'
        shutil.copytree(self.original, region)
        filler = os.statvfs(mount).f_bavail * os.statvfs(mount).f_bsize - (1 << 20)
        (mount / 'filler').write_bytes(bytes(filler))
        before = snapshot(region)
        result = self.expect(FAILED, 'region-import', region, self.new, '--at', '500')
        self.assertIn('no space to build an extent anew', result.err)
        self.assert_same_tree(before, snapshot(region))
        (mount / 'filler').unlink()
        self.finish_and_compare(region)


class OpenedMeanwhileTest(ImportCase):
    """Someone opens an extent while an import is under way, held up by its records."""

    EXTENTS = 900

    def test_an_extent_of_a_later_batch_ends_the_run_with_75(self):
        region = self.make_region(extents=self.EXTENTS, size=1, image_blocks=30)
        image = self.image(self.EXTENTS * BLOCK)
        process = self.start_held('region-import', region, image, '-j', '1')
        with open(region / f'00/000/{self.EXTENTS - 1:03X}', 'r+b'):
            result, records = self.read_rest(process)
        self.assertEqual(IN_USE, result.code, result)
        self.assertIs(False, records.summary['complete'])
        self.assertIn(f'(process {os.getpid()})', result.err)
        records = self.import_image(region, image)
        self.assertEqual(list(range(self.EXTENTS)), records.extents)
        self.expect(DONE, 'region-verify', '--strict', region)
