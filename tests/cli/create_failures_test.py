"""region-create where it cannot or must not: what is refused, and what a failure leaves."""

import os
import shutil
import signal
import subprocess
import time

from harness import (DONE, FAILED, FINDINGS, STOPPED, USAGE, UUID, ToolTest, content, image_bytes,
                     limited, needs_root, snapshot)


class RefusalTest(ToolTest):
    def expect_refused(self, path, *arguments, about=None):
        """Exit 3 with --force and without it, dry and wet, and nothing touched."""
        before = snapshot(path)
        for more in ([], ['-n'], ['--force'], ['--force', '-n']):
            result = self.expect(FAILED, 'region-create', path, *more, *arguments)
            self.assertIn(str(about or path), result.err)
            self.assert_same_tree(before, snapshot(path))

    def test_a_region_is_never_overwritten(self):
        for kind in ('raw', 'sqlite'):
            self.expect_refused(self.make_region(kind, kind=kind))

    def test_a_region_json_of_any_kind_protects_the_directory(self):
        region = self.make_region()
        file = region / 'region.json'
        for make in (lambda path: path.write_text('not json'), lambda path: path.write_text(''),
                     lambda path: path.symlink_to('nowhere'), os.mkdir, os.mkfifo):
            file.unlink()
            make(file)
            self.expect_refused(region)
            if file.is_dir() and not file.is_symlink():
                file.rmdir()
                file.touch()

    def test_a_directory_with_anything_else_in_it_is_left_alone(self):
        for name in ('notes.txt', '00/000/000.txt', '00/notes', '00/000/000.copy/000', '0/000',
                     'region.json.bak', '00/000/000.db-wal', '.hidden', '000'):
            path = self.work / 'busy'
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text('x')
            self.expect_refused(path)
            shutil.rmtree(path)

    def test_the_message_names_what_is_in_the_way(self):
        (self.work / 'busy').mkdir()
        (self.work / 'busy/notes.txt').write_text('x')
        self.expect_refused(self.work / 'busy', about="'" + str(self.work / 'busy/notes.txt') + "'")

    def test_a_file_or_a_link_to_nowhere_is_refused(self):
        (self.work / 'file').write_text('x')
        os.symlink('nowhere', self.work / 'dangling')
        for name in ('file', 'dangling', '/dev/null'):
            for more in ([], ['-n'], ['--force']):
                result = self.expect(FAILED, 'region-create', name, *more)
                self.assertIn(name, result.err)
        self.assertEqual('x', (self.work / 'file').read_text())
        self.assertFalse((self.work / 'nowhere').exists())

    def test_a_parent_that_is_not_there_is_not_made(self):
        for more in ([], ['-n']):
            result = self.expect(FAILED, 'region-create', 'no/such/parent', *more)
            self.assertIn("'no/such'", result.err)
        self.assertEqual([], os.listdir(self.work))

    def test_an_image_that_cannot_be_read_is_exit_3_and_nothing_is_made(self):
        for path, reason in (('none', 'No such file'), ('.', 'directory')):
            result = self.expect(FAILED, 'region-create', 'new', '--import', path)
            self.assertIn(reason, result.err)
            self.assertFalse((self.work / 'new').exists())

    def test_an_image_does_not_go_into_an_encrypted_region(self):
        (self.work / 'image').write_bytes(image_bytes(2))
        for more in ([], ['-n']):
            result = self.expect(USAGE, 'region-create', 'new', '--encrypted', '--import', 'image',
                                 *more)
            self.assertIn('--import', result.err)
            self.assertIn('--encrypted', result.err)
            self.assertFalse((self.work / 'new').exists())


class LeftoversTest(ToolTest):
    """What an interrupted create left: names that create builds, and no region.json."""

    WORDS = ('--uuid', UUID, '--extent-size', '10', '--extent-count', '6')

    def setUp(self):
        super().setUp()
        self.expect(DONE, 'region-create', 'whole', *self.WORDS)
        self.expected = content(self.work / 'whole')

    def make_leftovers(self):
        leftovers = self.make_region('leftovers', kind='sqlite', extents=9)
        (leftovers / 'region.json').rename(leftovers / 'region.json.tmp')
        os.truncate(leftovers / '00/000/003', 17)
        return leftovers

    def test_leftovers_are_refused_and_the_message_says_how_to_go_on(self):
        leftovers = self.make_leftovers()
        before = snapshot(leftovers)
        for more in ([], ['-n']):
            result = self.expect(FAILED, 'region-create', leftovers, *self.WORDS, *more)
            self.assertIn('--force', result.err)
        self.assert_same_tree(before, snapshot(leftovers))

    def test_force_clears_leftovers_and_makes_the_region(self):
        leftovers = self.make_leftovers()
        self.expect(DONE, 'region-create', leftovers, *self.WORDS, '--force')
        self.assert_same_tree(self.expected, content(leftovers))

    def test_a_dry_run_with_force_clears_nothing(self):
        leftovers = self.make_leftovers()
        before = snapshot(leftovers)
        self.expect(FINDINGS, 'region-create', leftovers, *self.WORDS, '--force', '-n')
        self.assert_same_tree(before, snapshot(leftovers))

    def test_force_clears_nothing_where_anything_is_unknown(self):
        leftovers = self.make_leftovers()
        for name in ('00/000/zzz', 'notes.txt', '00/000/001.replace'):
            (leftovers / name).write_text('x')
            before = snapshot(leftovers)
            result = self.expect(FAILED, 'region-create', leftovers, *self.WORDS, '--force')
            self.assertIn(name, result.err)
            self.assert_same_tree(before, snapshot(leftovers))
            (leftovers / name).unlink()

    def test_force_never_follows_a_symbolic_link(self):
        outside = self.make_region('outside')
        before = snapshot(outside)
        leftovers = self.work / 'leftovers'
        leftovers.mkdir()
        for name, target in (('00', outside / '00'), ('region.json.tmp', outside / 'region.json')):
            os.symlink(target, leftovers / name)
            self.expect(FAILED, 'region-create', leftovers, *self.WORDS, '--force')
            self.assertTrue((leftovers / name).is_symlink())
            (leftovers / name).unlink()
        self.assert_same_tree(before, snapshot(outside))

    def test_a_killed_create_is_no_region_and_force_makes_it_one(self):
        words = [*self.WORDS, '--import', '-']
        self.expect(DONE, 'region-create', 'imported', *words, stdin=image_bytes(20))
        process = self.start('region-create', 'new', *words, stdin=subprocess.PIPE)
        process.stdin.write(image_bytes(20)[:6000])  # more than an extent
        process.stdin.flush()
        wait_until(lambda: (self.work / 'new/00/000/001').exists())
        process.kill()
        process.wait()
        self.expect(4, 'region-verify', 'new')
        self.expect(FAILED, 'region-create', 'new', *words, stdin=image_bytes(20))
        self.expect(DONE, 'region-create', 'new', *words, '--force', stdin=image_bytes(20))
        self.assert_same_tree(content(self.work / 'imported'), content(self.work / 'new'))


def wait_until(is_so, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)


class NothingLeftTest(ToolTest):
    """A region appears whole or not at all: what an error or a stop leaves is removed again."""

    def expect_nothing_left(self):
        self.assertFalse((self.work / 'new').exists(), list((self.work).rglob('*'))[:5])

    def test_a_write_that_fails_leaves_nothing(self):
        for kind in ('raw', 'sqlite'):
            result = self.expect(FAILED, 'region-create', 'new', '--extent-size', '100',
                                 '--extent-format', kind,
                                 preexec_fn=limited('RLIMIT_FSIZE', 20000))
            self.assertIn('File too large', result.err)
            self.assertRegex(result.err, "new/00/000/00.'")  # of whichever thread was the first
            self.expect_nothing_left()

    def test_a_failure_leaves_an_empty_directory_empty(self):
        (self.work / 'new').mkdir()
        self.expect(FAILED, 'region-create', 'new', preexec_fn=limited('RLIMIT_FSIZE', 20000))
        self.assertEqual([], os.listdir(self.work / 'new'))

    def test_an_image_that_cannot_be_read_to_its_end_leaves_nothing(self):
        # Of a directory as standard input nothing can be read.
        directory = os.open(self.work, os.O_RDONLY)
        result = self.finish(self.start('region-create', 'new', '--import', '-', stdin=directory))
        os.close(directory)
        self.assertEqual(FAILED, result.code, result)
        self.expect_nothing_left()

    def stop_in_the_middle(self, image, words, number=signal.SIGINT):
        """Feeds an image until the create is under way, sends a signal, and ends the image."""
        process = self.start('region-create', 'new', '--extent-size', '10', '--import', '-',
                             '--format', 'jsonl', *words, stdin=subprocess.PIPE)
        process.stdin.write(image)
        process.stdin.flush()
        wait_until(lambda: (self.work / 'new/00/000/001').exists())
        process.send_signal(number)
        time.sleep(0.05)
        return self.finish(process)

    def test_a_stop_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            result = self.stop_in_the_middle(image_bytes(15), [], number)
            self.assertEqual(STOPPED, result.code, result)
            self.assertIs(False, self.check_records(result).summary['complete'])
            self.expect_nothing_left()

    def test_a_stop_during_the_last_extent_of_an_image_is_no_end_of_the_image(self):
        """Ctrl-C ends the program that writes the image too: the rest of the image is missing."""
        result = self.stop_in_the_middle(image_bytes(15), ['--extent-count', '2'])
        self.assertEqual(STOPPED, result.code, result)
        self.expect_nothing_left()

    def test_a_stop_does_not_wait_for_more_of_the_image(self):
        process = self.start('region-create', 'new', '--extent-size', '10', '--import', '-',
                             stdin=subprocess.PIPE)
        process.stdin.write(image_bytes(15))
        process.stdin.flush()
        wait_until(lambda: (self.work / 'new/00/000/001').exists())
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, 3)
        self.assertEqual(STOPPED, process.poll(), 'it still waits for the image')
        self.expect_nothing_left()

    def small_file_system(self, *options):
        mount = self.work / 'small'
        mount.mkdir()
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', ','.join(options), 'none', mount],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f'cannot mount: {done.stderr.decode().strip()}')
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        return mount

    @needs_root('mounts a small file system')
    def test_a_region_that_does_not_fit_is_refused_before_anything_is_made(self):
        mount = self.small_file_system('size=64k')
        result = self.expect(FAILED, 'region-create', mount / 'new', '--extent-count', '1000')
        self.assertIn('space', result.err)
        self.assertEqual([], os.listdir(mount))

    @needs_root('mounts a small file system')
    def test_a_full_file_system_leaves_nothing(self):
        mount = self.small_file_system('size=1m')
        for words, stdin in ((['--import', '-'], image_bytes(4000)),
                             (['--extent-format', 'sqlite', '--extent-count', '200'], None)):
            result = self.expect(FAILED, 'region-create', mount / 'new', *words, stdin=stdin)
            self.assertIn('pace', result.err)
            self.assertEqual([], os.listdir(mount))

    @needs_root('mounts a small file system')
    def test_a_file_system_without_inodes_leaves_nothing(self):
        mount = self.small_file_system('size=10m', 'nr_inodes=10')
        result = self.expect(FAILED, 'region-create', mount / 'new', '--extent-count', '30')
        self.assertIn('No space left on device', result.err)
        self.assertEqual([], os.listdir(mount))

    def test_a_parent_that_cannot_be_written_is_exit_3_and_named(self):
        options = self.as_ordinary_user()
        os.chmod(self.work, 0o555)
        result = self.expect(FAILED, 'region-create', 'new', **options)
        os.chmod(self.work, 0o755)
        self.assertIn('Permission denied', result.err)
        self.expect_nothing_left()
