"""region-migrate --into: a new region, whole or not at all, and a source that stays as it is."""

import fcntl
import os
import shutil
import signal
import subprocess

from harness import (DONE, FAILED, FINDINGS, IN_USE, NOBODY, STOPPED, USAGE, UUID, ToolTest,
                     base64_path, content, flip_byte, limited, locked, needs_root, path_of,
                     snapshot)


class MigrateIntoTest(ToolTest):
    def migrate(self, source, *arguments, code=DONE, **options):
        return self.records('region-migrate', source, '--into', self.work / 'new', *arguments,
                            code=code, **options)

    def contexts(self, region):
        return subprocess.run([path_of('list-contexts'), region], check=True,
                              capture_output=True).stdout

    def assert_nothing_made(self):
        self.assertFalse((self.work / 'new').exists())

    # ---- what is made ---------------------------------------------------------------------------

    def test_the_new_region_is_what_migrating_in_place_makes(self):
        for kind in ('plain', 'encrypted'):
            source = self.make_live_region(kind, kind)
            before = snapshot(source)
            in_place = self.copy(source, 'in-place')
            self.migrate(source)
            self.assert_same_tree(before, snapshot(source))
            self.expect(DONE, 'region-migrate', in_place)
            self.assert_same_tree(content(in_place), content(self.work / 'new'))
            self.assertEqual(self.contexts(source), self.contexts(self.work / 'new'))
            self.expect(DONE, 'region-verify', self.work / 'new')
            shutil.rmtree(in_place)
            shutil.rmtree(self.work / 'new')

    def test_the_records_tell_what_was_made(self):
        source = self.make_live_region()
        records = self.migrate(source)
        self.assertEqual(['migrated'] * 4,
                         [record['action'] for record in records.of_type('extent')])
        summary, = records.of_type('region_summary')
        self.assertEqual((str(self.work / 'new'), True, 4, 0),
                         tuple(summary[name] for name in ('into', 'made', 'migrated', 'copied')))
        verified = self.records('region-verify', self.work / 'new', code=DONE)
        self.assertEqual({summary['into_uuid']}, {record['uuid'] for record in verified
                                                  if 'uuid' in record})
        self.assertIs(True, records.summary['complete'])

    def test_the_uuid_is_kept_or_made_or_given(self):
        source = self.make_region('source')
        given = '11111111-2222-4333-8444-555555555555'
        seen = []
        for words in ([], ['--uuid', given], ['--uuid', 'new'], ['--uuid', 'new']):
            seen.append(self.migrate(source, *words).of_type('region_summary')[0]['into_uuid'])
            self.assertIn(seen[-1], (self.work / 'new/region.json').read_text())
            shutil.rmtree(self.work / 'new')
        self.assertEqual([UUID, given], seen[:2])
        self.assertEqual(4, len(set(seen)))

    def test_the_text_says_where(self):
        result = self.expect(DONE, 'region-migrate', '--into', 'new', self.make_region('source'))
        self.assertIn('6 extents: 6 copied; made: new', result.out)

    @needs_root('gives a region to another user')
    def test_owner_and_mode_are_those_of_the_source(self):
        source = self.make_live_region()
        for path in [source, *source.rglob('*')]:
            os.chown(path, NOBODY, NOBODY)
            os.chmod(path, 0o750 if path.is_dir() else 0o640)
        self.migrate(source)
        for path in [self.work / 'new', *(self.work / 'new').rglob('*')]:
            status = path.stat()
            self.assertEqual((NOBODY, NOBODY), (status.st_uid, status.st_gid), path)
            self.assertEqual(0o750 if path.is_dir() else 0o640, status.st_mode & 0o777, path)

    def test_a_name_that_is_not_utf_8_is_told_in_base64_too(self):
        name = os.fsencode(self.work) + b'/n\xe9w'
        records = self.records('region-migrate', self.make_region('source'), '--into', name,
                               code=DONE)
        summary, = records.of_type('region_summary')
        self.assertEqual(base64_path(name), summary['into_b64'])
        self.expect(DONE, 'region-verify', name)

    # ---- what is not made -----------------------------------------------------------------------

    def test_a_dry_run_makes_nothing_and_exits_with_1(self):
        source = self.make_live_region()
        records = self.migrate(source, '-n', code=FINDINGS)
        self.assert_nothing_made()
        self.assertEqual([True] * 4, [record['would_change']
                                      for record in records.of_type('extent')])
        self.assertIs(True, records.summary['complete'])
        out = self.expect(FINDINGS, 'region-migrate', '-n', '--into', 'new', source).out
        self.assertIn('would be made', out)

    def test_where_extents_cannot_be_migrated_all_are_told_and_nothing_is_made(self):
        source = self.make_live_region()
        os.truncate(source / '00/000/001', 4096 * 64 - 1)
        flip_byte(source / '00/000/003.db', 0)
        for words in ([], ['-n']):
            records = self.migrate(source, *words, code=FINDINGS)
            self.assertEqual({1: 'short_data_file', 3: 'sqlite_not_a_database'},
                             {finding['extent']: finding['id'] for finding in records.findings})
            self.assertIs(False, records.summary['complete'])
            self.assertIs(False, records.of_type('region_summary')[0]['made'])
            self.assert_nothing_made()

    def test_options_that_make_no_sense_together_are_usage_errors(self):
        source = self.make_region('source')
        for words in (['--into', 'new', '-e', '0'], ['--into', 'new', '--shard', '1/2'],
                      ['--into', ''], ['--uuid', 'new'], ['--force'],
                      ['--into', 'new', '--uuid', 'old'], ['--into', 'new', '--uuid', ''],
                      ['--into', 'new', source], ['--into', 'new', '--regions-from', '-']):
            self.expect(USAGE, 'region-migrate', source, *words)
            self.assert_nothing_made()

    def test_a_region_that_is_there_and_the_source_itself_are_not_touched(self):
        source = self.make_region('source')
        other = self.make_region('other', extents=3)
        for target in (source, other):
            before = snapshot(target)
            for words in ([], ['--force'], ['-n']):
                result = self.expect(FAILED, 'region-migrate', source, '--into', target, *words)
                self.assertIn(f"'{target}' is a region already", result.err)
                self.assert_same_tree(before, snapshot(target))
        result = self.expect(FAILED, 'region-migrate', source, '--into', source / 'new')
        self.assertIn(f"'{source}/new' is inside the source", result.err)

    def test_a_write_that_fails_leaves_nothing(self):
        source = self.make_live_region()
        result = self.run_tool('region-migrate', source, '--into', 'new',
                               preexec_fn=limited('RLIMIT_FSIZE', 64 * 4096 + 100))
        self.assertEqual(FAILED, result.code, result)
        self.assertRegex(result.err, r"new/00/000/00\d' at \d+: File too large")
        self.assert_nothing_made()

    @needs_root('mounts a small file system')
    def test_a_source_that_does_not_fit_is_refused_before_anything_is_made(self):
        mount = self.work / 'small'
        mount.mkdir()
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', mount],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f'cannot mount: {done.stderr.decode().strip()}')
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        source = self.make_region('source', extents=60, size=10, image_blocks=590)
        result = self.expect(FAILED, 'region-migrate', source, '--into', mount / 'new')
        self.assertIn('no space', result.err)
        self.assertEqual([], os.listdir(mount))
        # The file system counts, not the one that its directory is in.
        result = self.expect(FAILED, 'region-migrate', source, '--into', mount)
        self.assertIn('no space', result.err)

    # ---- others, stops, kills -------------------------------------------------------------------

    def test_a_source_that_others_read_is_no_hindrance_one_that_is_changed_is(self):
        source = self.make_region('source')
        with locked(source, fcntl.LOCK_SH):
            self.migrate(source)
        shutil.rmtree(self.work / 'new')
        with locked(source):
            self.migrate(source, code=IN_USE)
        self.assert_nothing_made()

    def test_a_new_region_that_another_is_making_is_in_use(self):
        source = self.make_region('source')
        (self.work / 'new').mkdir()
        with locked(self.work / 'new'):
            self.migrate(source, code=IN_USE)
        self.assertEqual([], os.listdir(self.work / 'new'))

    def start_in_the_middle(self):
        """A run that waits for someone to read its records, with extents made already."""
        self.source = self.make_region('source', kind='sqlite', extents=900, size=1,
                                       image_blocks=30)
        process = self.start_held('region-migrate', self.source, '--into', self.work / 'new',
                                  '-j', '2')
        self.assertTrue((self.work / 'new/00/000/000').exists())
        self.assertFalse((self.work / 'new/region.json').exists())
        return process

    def test_a_stop_leaves_nothing_and_another_run_makes_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_in_the_middle()
            before = snapshot(self.source)
            process.send_signal(number)
            result, records = self.read_rest(process)
            self.assertEqual(STOPPED, result.code, result)
            self.assertIs(False, records.summary['complete'])
            self.assertIs(False, records.of_type('region_summary')[0]['made'])
            self.assert_nothing_made()
            self.assert_same_tree(before, snapshot(self.source))
            shutil.rmtree(self.source)

    def test_after_a_kill_force_clears_what_is_left(self):
        process = self.start_in_the_middle()
        process.kill()
        process.wait()
        left = snapshot(self.work / 'new')
        result = self.run_tool('region-migrate', self.source, '--into', 'new')
        self.assertEqual(FAILED, result.code, result)
        self.assertIn('--force clears it', result.err)
        self.assert_same_tree(left, snapshot(self.work / 'new'))
        self.migrate(self.source, '--force')
        self.expect(DONE, 'region-migrate', self.source)
        self.assert_same_tree(content(self.source), content(self.work / 'new'))
