"""region-migrate: SQLite extents become raw ones, in place, and nothing is lost on the way."""

import os
import random
import shutil
import signal
import subprocess
import time

from harness import (DONE, FAILED, FINDINGS, NOBODY, ToolTest, content, flip_byte, limited,
                     needs_root, path_of, snapshot)


class MigrateCase(ToolTest):
    def contexts(self, region):
        """Data and context of every block, as a reader of the library sees them."""
        return subprocess.run([path_of('list-contexts'), region], check=True,
                              capture_output=True).stdout

    def files(self, region):
        return sorted(path.name for path in (region / '00/000').iterdir())

    def migrate(self, region, *arguments, code=DONE, **options):
        return self.records('region-migrate', region, *arguments, code=code, **options)

    def actions(self, records):
        return [record['action'] for record in records.of_type('extent')]


class MigrateTest(MigrateCase):
    # ---- what is done ---------------------------------------------------------------------------

    def test_data_and_contexts_are_the_same_afterwards(self):
        for kind in ('plain', 'encrypted'):
            region = self.make_live_region(kind, kind)
            before = self.contexts(region)
            self.migrate(region)
            self.assertEqual(before, self.contexts(region))
            self.assertEqual(['000', '001', '002', '003'], self.files(region))
            self.expect(DONE, 'region-verify', region)

    def test_a_second_run_has_nothing_to_do_and_changes_nothing(self):
        region = self.make_live_region()
        self.migrate(region)
        before = snapshot(region)
        records = self.migrate(region)
        self.assertEqual(['none'] * 4, self.actions(records))
        self.assertEqual([False] * 4, [record['changed'] for record in records.of_type('extent')])
        self.assert_same_tree(before, snapshot(region))
        self.expect(DONE, 'region-migrate', '-n', region)

    def test_the_bytes_do_not_depend_on_threads_or_checks(self):
        original = self.make_live_region()
        trees = []
        for words in (['-j', '1'], ['-j', '8'], ['--check'], ['-e', '0-3']):
            region = self.copy(original, 'copy')
            self.migrate(region, *words)
            trees.append(content(region))
            shutil.rmtree(region)
        for tree in trees[1:]:
            self.assert_same_tree(trees[0], tree)

    def test_only_the_extents_that_are_named_are_changed(self):
        region = self.make_live_region()
        before = content(region)
        records = self.migrate(region, '-e', '1,3')
        self.assertEqual([1, 3], records.extents)
        self.assertEqual(['000', '000.db', '001', '002', '002.db', '002.db-shm', '002.db-wal',
                          '003'], self.files(region))
        after = content(region)
        for name in (b'00/000/000', b'00/000/000.db', b'00/000/002', b'00/000/002.db-wal'):
            self.assertEqual(before[name], after[name])

    # ---- a dry run ------------------------------------------------------------------------------

    def test_a_dry_run_tells_what_would_be_done(self):
        region = self.make_live_region()
        records = self.migrate(region, '-n', code=FINDINGS)
        self.assertEqual(['migrated'] * 4, self.actions(records))
        self.assertEqual([True] * 4, [record['would_change']
                                      for record in records.of_type('extent')])
        self.assertIs(True, records.summary['complete'])

    def test_a_dry_run_has_the_records_of_the_run(self):
        region = self.make_live_region()
        planned = self.migrate(region, '-n', code=FINDINGS).of_type('extent')
        done = self.migrate(region).of_type('extent')
        for record in planned:
            record['changed'] = record.pop('would_change')
        self.assertEqual(done, planned)

    def test_the_text_of_a_dry_run_is_about_what_would_be(self):
        out = self.expect(FINDINGS, 'region-migrate', '-n', self.make_live_region()).out
        self.assertIn('would', out)

    # ---- damage ---------------------------------------------------------------------------------

    def damage(self, region):
        """One extent that is too short, one without a database that can be read."""
        os.truncate(region / '00/000/001', 4096 * 64 - 1)
        flip_byte(region / '00/000/003.db', 0)

    def test_damaged_extents_are_left_as_they_are_and_the_others_are_migrated(self):
        region = self.make_live_region()
        self.damage(region)
        before = content(region)
        records = self.migrate(region, code=FINDINGS)
        self.assertEqual(['migrated', 'left', 'migrated', 'left'], self.actions(records))
        self.assertEqual({1: 'short_data_file', 3: 'sqlite_not_a_database'},
                         {finding['extent']: finding['id'] for finding in records.findings})
        self.assertIs(False, records.summary['complete'])
        after = content(region)
        for name, value in before.items():
            if b'/001' in name or b'/003' in name:
                self.assertEqual(value, after[name], name)

    def test_a_dry_run_finds_the_same_damage(self):
        region = self.make_live_region()
        self.damage(region)
        planned = self.migrate(region, '-n', code=FINDINGS)
        done = self.migrate(region, code=FINDINGS)
        self.assertEqual(self.actions(done), self.actions(planned))
        self.assertEqual(done.findings, planned.findings)

    def test_check_finds_bad_blocks_and_leaves_their_extent_alone(self):
        region = self.make_live_region()
        flip_byte(region / '00/000/000', 4096 * 7)
        before = content(region)
        records = self.migrate(region, '--check', code=FINDINGS)
        self.assertEqual(['left', 'migrated', 'migrated', 'migrated'], self.actions(records))
        finding, = records.findings
        self.assertEqual((0, 7, 7, 7), (finding['extent'], finding['first_block'],
                                        finding['last_block'], finding['region_block']))
        self.assertEqual(before[b'00/000/000'], content(region)[b'00/000/000'])

    def test_accept_damage_migrates_all_the_same_and_still_tells(self):
        region = self.make_live_region()
        flip_byte(region / '00/000/000', 4096 * 7)
        records = self.migrate(region, '--check', '--accept-damage', code=FINDINGS)
        self.assertEqual(['migrated'] * 4, self.actions(records))
        self.assertEqual([0], [finding['extent'] for finding in records.findings])
        self.assertIs(True, records.summary['complete'])

    def test_extend_short_fills_up_with_zeros(self):
        region = self.make_live_region()
        os.truncate(region / '00/000/003', 4096 * 60)  # never written
        records = self.migrate(region, '--extend-short', code=FINDINGS)
        self.assertEqual(['migrated'] * 4, self.actions(records))
        self.expect(DONE, 'region-verify', region)

    # ---- what was left by repairs and migrations ------------------------------------------------

    def test_leftovers_are_cleaned_and_a_replacement_is_finished(self):
        source = self.make_region('source', kind='raw', extents=4)
        region = self.make_region('region', kind='raw', extents=4, image_blocks=0)
        leaf = region / '00/000'
        (leaf / '000.copy').mkdir()
        (leaf / '000.copy/000').write_text('x')
        (leaf / '001.replace').mkdir()
        shutil.copy(source / '00/000/001', leaf / '001.replace/001')
        (leaf / '002.db-wal').write_text('x')
        records = self.migrate(region)
        self.assertEqual(['cleaned', 'replaced', 'cleaned', 'none'], self.actions(records))
        self.assertEqual(['000', '001', '002', '003'], self.files(region))
        self.assertEqual((source / '00/000/001').read_bytes(), (leaf / '001').read_bytes())
        self.expect(DONE, 'region-verify', '--strict', region)

    @needs_root('gives a region to another user')
    def test_files_keep_owner_and_mode(self):
        region = self.make_live_region()
        source = self.make_live_region('source')
        (region / '00/000/003.replace').mkdir()
        for name in ('003', '003.db'):
            shutil.copy(source / '00/000' / name, region / '00/000/003.replace' / name)
        for path in [region, *region.rglob('*')]:
            os.chown(path, NOBODY, NOBODY)
            os.chmod(path, 0o750 if path.is_dir() else 0o640)
        (region / '00/000/003').unlink()
        self.migrate(region)
        for path in [region, *region.rglob('*')]:
            status = path.stat()
            self.assertEqual((NOBODY, NOBODY), (status.st_uid, status.st_gid), path)
            self.assertEqual(0o750 if path.is_dir() else 0o640, status.st_mode & 0o777, path)


class InterruptedMigrationTest(MigrateCase):
    """After whatever went wrong another run finishes, with the bytes of an undisturbed one."""

    def setUp(self):
        super().setUp()
        self.original = self.make_live_region('original')
        region = self.copy(self.original, 'undisturbed')
        self.migrate(region)
        self.expected = content(region)

    def finish_and_compare(self, region):
        self.migrate(region)
        self.assert_same_tree(self.expected, content(region))

    def test_killed_at_any_moment_another_run_finishes(self):
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        original = self.make_region('larger', kind='sqlite', extents=300, size=2, image_blocks=500)
        whole = self.copy(original, 'whole')
        start = time.monotonic()
        self.expect(DONE, 'region-migrate', whole)
        duration = time.monotonic() - start
        self.expected = content(whole)
        for _ in range(8):
            region = self.copy(original, 'killed')
            process = self.start('region-migrate', region, '-j', moments.choice('12'))
            time.sleep(moments.random() * duration)
            process.send_signal(signal.SIGKILL)
            process.wait()
            with self.subTest(seed=seed):
                self.finish_and_compare(region)
            shutil.rmtree(region)

    def test_a_write_that_fails_is_exit_3_and_another_run_finishes(self):
        region = self.copy(self.original, 'copy')
        # The data of an extent fits, its slots do not.
        result = self.run_tool('region-migrate', region,
                               preexec_fn=limited('RLIMIT_FSIZE', 64 * 4096 + 100))
        self.assertEqual(FAILED, result.code, result)
        self.assertRegex(result.err + result.out, r"00/000/00\d' at \d+: File too large")
        self.finish_and_compare(region)

    def test_a_directory_that_cannot_be_written_is_exit_3_and_another_run_finishes(self):
        options = self.as_ordinary_user()
        region = self.copy(self.original, 'copy')
        if options:
            for path in [region, *region.rglob('*')]:
                os.chown(path, NOBODY, NOBODY)
        os.chmod(region / '00/000', 0o555)
        result = self.expect(FAILED, 'region-migrate', region, **options)
        self.assertRegex(result.err, r"unlink '.*/00/000/00\d.db': Permission denied")
        os.chmod(region / '00/000', 0o755)
        self.finish_and_compare(region)

    def test_too_few_file_descriptors_are_no_bug_and_another_run_finishes(self):
        original = self.make_region('wide', kind='sqlite', extents=300, size=2, image_blocks=50)
        whole = self.copy(original, 'whole')
        self.migrate(whole)
        self.expected = content(whole)
        region = self.copy(original, 'copy')
        result = self.run_tool('region-migrate', region,
                               preexec_fn=limited('RLIMIT_NOFILE', 64))
        if result.code != DONE:
            self.assertEqual(FAILED, result.code, result)
            self.assertIn('Too many open files', result.err + result.out)
        self.finish_and_compare(region)

    def test_the_usual_limit_of_1024_descriptors_is_enough(self):
        region = self.make_region('wide', kind='sqlite', extents=600, size=2, image_blocks=50)
        self.expect(DONE, 'region-migrate', region, preexec_fn=limited('RLIMIT_NOFILE', 1024))

    @needs_root('mounts a small file system')
    def test_a_region_whose_tails_do_not_fit_is_refused_before_any_change(self):
        mount = self.work / 'small'
        mount.mkdir()
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', mount],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f'cannot mount: {done.stderr.decode().strip()}')
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        # Blocks that were never written take no space, but their slots will.
        self.expect(DONE, 'region-create', mount / 'region', '--extent-format', 'sqlite',
                    '--extent-count', '20', '--extent-size', '100')
        filler = os.statvfs(mount).f_bavail * os.statvfs(mount).f_bsize - 8192
        (mount / 'filler').write_bytes(bytes(filler))
        before = snapshot(mount / 'region')
        result = self.expect(FAILED, 'region-migrate', mount / 'region')
        self.assertIn('space', result.err)
        self.assert_same_tree(before, snapshot(mount / 'region'))
        (mount / 'filler').unlink()
        self.expect(DONE, 'region-migrate', mount / 'region')


class OpenedMeanwhileTest(ToolTest):
    """Someone opens an extent while a migration is under way, held up by its records."""

    EXTENTS = 900

    def setUp(self):
        super().setUp()
        self.region = self.make_region(kind='sqlite', extents=self.EXTENTS, size=1, image_blocks=30)

    def migrate_while_open(self, extent):
        """Opens an extent as soon as its lease lets us, and keeps it open to the end."""
        process = self.start_held('region-migrate', self.region, '-j', '1')
        reading = process.records_pipe
        file = None
        while file is None:
            try:
                file = os.open(self.region / f'00/000/{extent:03X}', os.O_RDWR | os.O_NONBLOCK)
            except BlockingIOError:  # the lease is being given up
                process.first_byte += reading.read(4096)
        try:
            return self.read_rest(process)
        finally:
            os.close(file)

    def check_stopped_and_finish(self, result, records):
        self.assertEqual(75, result.code, result.err)
        self.assertIs(False, records.summary['complete'])
        self.assertIn(f'(process {os.getpid()})', result.err)
        records = self.records('region-migrate', self.region, code=DONE)
        self.assertEqual(list(range(self.EXTENTS)), records.extents)
        self.expect(DONE, 'region-verify', '--strict', self.region)

    def test_an_extent_of_a_later_batch_ends_the_run_with_75(self):
        self.check_stopped_and_finish(*self.migrate_while_open(self.EXTENTS - 1))

    def test_an_extent_of_the_batch_in_hand_ends_the_run_with_75(self):
        self.check_stopped_and_finish(*self.migrate_while_open(511))
