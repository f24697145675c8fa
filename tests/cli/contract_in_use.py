"""The contract for tools that are given regions: is a region in use, by these tools or others?"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

from harness import (DONE, IN_USE, NOBODY, STOPPED, ToolTest, has_leases, leased, locked,
                     needs_independent_extents, needs_root, needs_several_regions, python_name,
                     snapshot)


class LockContract(ToolTest):
    """Between these tools: a lock on the region's directory, shared for readers."""

    tool = None

    def target(self):
        if not self.tool.makes:
            return self.make_region(image_blocks=40)
        (self.work / 'new').mkdir()
        return self.work / 'new'

    def test_a_region_that_another_tool_changes_is_in_use(self):
        region = self.target()
        before = snapshot(region)
        with locked(region):
            result = self.expect(IN_USE, self.tool.name, region)
        self.assertIn(f"'{region}' is in use", result.err)
        self.assertEqual(before, snapshot(region))

    def test_the_message_names_the_process(self):
        region = self.target()
        with locked(region):
            result = self.expect(IN_USE, self.tool.name, region)
        self.assertIn(f'{python_name()} (process {os.getpid()})', result.err)

    def test_a_shared_lock_keeps_writers_away_and_lets_readers_in(self):
        region = self.target()
        with locked(region, fcntl.LOCK_SH):
            self.expect(IN_USE if self.tool.changes else DONE, self.tool.name, region)
            if self.tool.changes and not self.tool.makes:
                self.expect(DONE, self.tool.name, '-n', region)

    def test_lock_wait_waits_until_the_region_is_free(self):
        region = self.target()
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(region))
            process = self.start(self.tool.name, region, '--lock-wait', '50')
            time.sleep(0.4)
            self.assertIsNone(process.poll(), 'it did not wait')
            stack.close()
            self.assertEqual(DONE, self.finish(process).code)

    def test_lock_wait_gives_up_when_the_time_is_over(self):
        region = self.target()
        start = time.monotonic()
        with locked(region):
            self.expect(IN_USE, self.tool.name, region, '--lock-wait', '1')
        self.assertGreaterEqual(time.monotonic() - start, 1)
        self.assertLess(time.monotonic() - start, 20)

    def test_lock_wait_takes_very_large_numbers(self):
        region = self.target()
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(region))
            process = self.start(self.tool.name, region, '--lock-wait', '18446744073709551615')
            time.sleep(0.3)
            stack.close()
            result = self.finish(process)
        self.assertEqual(DONE, result.code, result)

    def test_a_tool_that_waits_can_be_stopped(self):
        region = self.target()
        with locked(region):
            process = self.start(self.tool.name, region, '--lock-wait', '4')
            self.wait_for_handlers(process)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            result = self.finish(process)
        self.assertEqual(STOPPED, result.code, result)
        self.assertLess(time.monotonic() - start, 3)

    def test_the_summary_says_75_too(self):
        region = self.target()
        with locked(region):
            records = self.records(self.tool.name, region, code=IN_USE)
        self.assertIs(False, records.summary['complete'])


class OpenFilesContract(ToolTest):
    """Against everybody else: a lease on each file, or a look at what all processes have open."""

    for_makers = False
    tool = None
    EXTENTS = 6

    def setUp(self):
        super().setUp()
        if not has_leases(self.work):
            self.skipTest('the file system grants no leases')

    def make_busy_region(self):
        """One that the tool has something to do with."""
        return self.make_region(kind=self.tool.works_on, extents=self.EXTENTS)

    def test_meta_says_that_leases_were_asked_for(self):
        records = self.records(self.tool.name, self.make_busy_region(), code=DONE)
        self.assertEqual('lease', records.meta['in_use_check'])

    def test_an_extent_open_for_writing_is_in_use_by_a_process_that_is_named(self):
        region = self.make_busy_region()
        before = snapshot(region)
        for extent in ('000', '005'):
            with open(region / '00/000' / extent, 'r+b'):
                result = self.expect(IN_USE, self.tool.name, region)
            self.assertIn(f"00/000/{extent}' is in use by {python_name()} (process {os.getpid()})",
                          result.err)
            self.assert_same_tree(before, snapshot(region))

    def test_an_extent_open_for_reading_keeps_writers_away_before_the_first_change(self):
        region = self.make_busy_region()
        before = snapshot(region)
        with open(region / '00/000/005', 'rb'):
            self.expect(IN_USE if self.tool.changes else DONE, self.tool.name, region)
        if self.tool.changes:
            self.assert_same_tree(before, snapshot(region))

    def test_an_extent_open_for_reading_is_no_matter_to_readers(self):
        region = self.make_busy_region()
        options = ['-n'] if self.tool.changes else []
        with open(region / '00/000/005', 'rb'):
            self.assertNotEqual(IN_USE, self.run_tool(self.tool.name, region, *options).code)

    def test_an_extent_mapped_for_writing_is_in_use(self):
        code = ('import mmap,sys\nf = open(sys.argv[1], "r+b")\nm = mmap.mmap(f.fileno(), 0)\n'
                'f.close()\nprint("ready", flush=True)\nsys.stdin.read()')
        region = self.make_busy_region()
        with subprocess.Popen([sys.executable, '-c', code, region / '00/000/003'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            self.expect(IN_USE, self.tool.name, region)
            holder.stdin.close()

    def test_an_extent_that_somebody_has_a_lease_on_is_in_use(self):
        region = self.make_busy_region()
        before = snapshot(region)
        with leased(region / '00/000/003'):
            result = self.expect(IN_USE, self.tool.name, region)
        self.assertIn("00/000/003': in use: somebody else has a lease on it", result.err)
        self.assert_same_tree(before, snapshot(region))

    def test_lock_wait_waits_for_a_lease_as_for_a_lock(self):
        region = self.make_busy_region()
        with contextlib.ExitStack() as stack:
            stack.enter_context(leased(region / '00/000/003'))
            process = self.start(self.tool.name, region, '--lock-wait', '50')
            time.sleep(0.4)
            self.assertIsNone(process.poll(), 'it did not wait')
            stack.close()
            self.assertEqual(DONE, self.finish(process).code)

    @needs_independent_extents
    def test_a_database_open_for_writing_is_in_use(self):
        region = self.make_region(kind='sqlite')
        before = snapshot(region)
        with open(region / '00/000/003.db', 'r+b'):
            self.expect(IN_USE, self.tool.name, region)
        self.assert_same_tree(before, snapshot(region))

    @needs_independent_extents
    def test_files_that_the_run_does_not_look_at_may_be_open(self):
        region = self.make_busy_region()
        with open(region / '00/000/005', 'r+b'):
            self.expect(DONE, self.tool.name, '-e', '0-4', region)

    def test_lock_wait_waits_for_a_file_to_be_closed(self):
        region = self.make_busy_region()
        with open(region / '00/000/002', 'r+b') as file:
            process = self.start(self.tool.name, region, '--lock-wait', '50')
            time.sleep(0.4)
            self.assertIsNone(process.poll(), 'it did not wait')
            file.close()
            self.assertEqual(DONE, self.finish(process).code)

    def test_a_tool_that_waits_for_a_file_can_be_stopped(self):
        region = self.make_busy_region()
        with open(region / '00/000/002', 'r+b'):
            process = self.start(self.tool.name, region, '--lock-wait', '4')
            self.wait_for_handlers(process)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            result = self.finish(process)
        self.assertEqual(STOPPED, result.code, result)
        self.assertLess(time.monotonic() - start, 3)

    @needs_several_regions
    def test_one_region_in_use_does_not_stop_the_others(self):
        used, free = self.make_busy_region(), self.make_region('free')
        with open(used / '00/000/002', 'r+b'):
            records = self.records(self.tool.name, used, free, code=IN_USE)
        self.assertIn(str(free), [record['region'] for record in
                                  records.of_type('region_summary')])

    def test_the_name_of_a_process_cannot_drive_the_terminal(self):
        region = self.make_busy_region()
        code = ('import sys\nopen("/proc/self/comm", "wb").write(b"\\x1b[31m\\x9bx")\n'
                'f = open(sys.argv[1], "r+b")\nprint("ready", flush=True)\nsys.stdin.read()')
        with subprocess.Popen([sys.executable, '-c', code, region / '00/000/003'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            result = self.expect(IN_USE, self.tool.name, region)
            holder.stdin.close()
        self.assertNotIn(b'\x1b', result.stderr)
        self.assertNotIn(b'\x9b', result.stderr)

    def test_an_open_during_the_run_only_waits_for_it(self):
        """The lease is given up, so that whoever opens an extent comes in within moments."""
        region = self.make_region('large', extents=300, size=1, image_blocks=0,
                                  kind=self.tool.works_on)
        process = self.start_held(self.tool.name, region, '-j', '1')
        opened = []

        def open_one():
            with open(region / '00/000/12B', 'r+b'):
                opened.append(time.monotonic())

        opener = threading.Thread(target=open_one)
        opener.start()
        self.read_rest(process)
        opener.join(20)
        self.assertEqual(1, len(opened))

    @needs_root('gives a region to another user')
    def test_where_leases_cannot_be_had_open_files_are_looked_for(self):
        region = self.make_region(image_blocks=40)
        options = self.as_ordinary_user()
        directories = [region, region / '00', region / '00/000']
        code = ('import sys\nf = open(sys.argv[1], "rb")\nprint("ready", flush=True)\n'
                'sys.stdin.read()')
        dry_run = ['-n'] if self.tool.changes else []
        for directory in directories:
            os.chmod(directory, 0o755)
        with subprocess.Popen(['/usr/bin/env', 'python3', '-c', code, region / '00/000/003'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, **options) as holder:
            if holder.stdout.readline() != b'ready\n':
                self.skipTest('another user cannot run python3')
            result = self.expect(IN_USE, self.tool.name, region, *dry_run, **options)
            holder.stdin.close()
        self.assertIn(f'(process {holder.pid})', result.err)
        records = self.records(self.tool.name, region, *dry_run, code=DONE, **options)
        self.assertEqual('processes', records.meta['in_use_check'])
        self.assertNotEqual(NOBODY, os.stat(region).st_uid)
