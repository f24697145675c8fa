"""region-export: what goes where, and what is refused."""

import csv
import json
import os
import signal
import stat
import subprocess
import threading

from harness import (DONE, FAILED, FINDINGS, IN_USE, STOPPED, USAGE, ToolTest, flip_byte,
                     has_leases, image_bytes, needs_root, snapshot)

EXTENTS, SIZE, WRITTEN = 6, 10, 45  # of make_region
IMAGE = image_bytes(WRITTEN) + bytes((EXTENTS * SIZE - WRITTEN) * 512)


class ExportTest(ToolTest):

    def export(self, region, *arguments, code=DONE, **options):
        """Runs it; returns the image."""
        self.expect(code, 'region-export', region, '-o', 'out', *arguments, **options)
        path = self.work / 'out'
        return path.read_bytes() if path.exists() else None

    def names(self):
        return sorted(path.name for path in self.work.iterdir())

    # ---- the image ------------------------------------------------------------------------------

    def test_the_image_is_the_same_in_a_file_and_in_a_pipe(self):
        for kind in ('raw', 'sqlite'):
            region = self.make_region(kind, kind=kind)
            before = snapshot(region)
            self.assertEqual(IMAGE, self.export(region, '-f'))
            result = self.expect(DONE, 'region-export', region)
            self.assertEqual(IMAGE, result.stdout)
            self.assertIn('6 extents, 30.0 KiB exported', result.err)
            self.assertEqual(before, snapshot(region))

    def test_parts_in_blocks_and_in_bytes(self):
        region = self.make_region()
        for words, first, end in ((['--skip', 3], 3 * 512, None), (['--count', 7], 0, 7 * 512),
                                  (['--skip', 9, '--count', 2], 9 * 512, 11 * 512),
                                  (['--offset', 1000, '--length', 1], 1000, 1001),
                                  (['--offset', '5K', '--length', '2KiB'], 5120, 7168),
                                  (['--skip', 10, '--length', 513], 5120, 5633),
                                  (['--skip', 60], 30720, None), (['--count', 0], 0, 0)):
            self.assertEqual(IMAGE[first:end], self.export(region, '-f', *words), words)
            result = self.expect(DONE, 'region-export', region, *words)
            self.assertEqual(IMAGE[first:end], result.stdout, words)

    def test_extents_by_name_one_after_the_other(self):
        region = self.make_region()
        extents = [IMAGE[number * 5120:(number + 1) * 5120] for number in range(EXTENTS)]
        self.assertEqual(extents[1] + extents[4], self.export(region, '-e', '4,001'))
        self.assertEqual(extents[4][:100], self.export(region, '-f', '-e', '1,4', '--skip', 10,
                                                       '--length', 100))

    def test_parts_that_are_not_there_are_usage_errors(self):
        region = self.make_region()
        for words in (['--skip', 61], ['--count', 61], ['--skip', 60, '--count', 1],
                      ['--offset', 30721], ['--length', '1T'], ['--skip', 2 ** 63],
                      ['-e', '1', '--skip', 11], ['--skip', 1, '--offset', 1],
                      ['--count', 1, '--length', 1], ['--offset', '1X'], ['-o', '']):
            self.expect(USAGE, 'region-export', region, '-o', 'out', *words)
        self.assertEqual(['region'], self.names())

    def test_a_damaged_block_stops_it_or_is_kept_or_zeroed(self):
        region = self.make_region()
        flip_byte(region / '00/000/002', 3 * 512 + 5)
        at = 23 * 512
        damaged = bytearray(IMAGE)
        damaged[at + 5] ^= 0xFF
        result = self.expect(FINDINGS, 'region-export', region, '-o', 'out')
        self.assertIn('extent 2 (00/000/002) block 3', result.err)
        self.assertIn('there is no image', result.err)
        self.assertEqual(['region'], self.names())
        self.assertEqual(damaged, self.export(region, '--on-bad', 'keep', code=FINDINGS))
        damaged[at:at + 512] = bytes(512)
        self.assertEqual(damaged, self.export(region, '-f', '--on-bad', 'zero', code=FINDINGS))
        self.assertEqual(IMAGE[24 * 512:], self.export(region, '-f', '--skip', 24))

    # ---- where it goes --------------------------------------------------------------------------

    def test_a_file_that_is_there_is_replaced_only_with_force(self):
        region = self.make_region()
        (self.work / 'out').write_text('precious')
        os.chmod(self.work / 'out', 0o640)
        result = self.expect(FAILED, 'region-export', region, '-o', 'out')
        self.assertIn("'out' exists", result.err)
        self.assertEqual('precious', (self.work / 'out').read_text())
        self.assertEqual(IMAGE, self.export(region, '--force'))
        self.assertEqual(0o640, stat.S_IMODE((self.work / 'out').stat().st_mode))

    def test_nothing_is_written_into_the_region(self):
        region = self.make_region()
        os.symlink('region/region.json', self.work / 'link')
        os.symlink('region/00', self.work / 'inside')
        before = snapshot(region)
        for path in ('region/out', 'region/00/000/out', 'region/00/000/001', 'link', 'inside/x',
                     'region/../region/out'):
            for words in (['-o', path], ['-o', 'out', '--contexts', path],
                          ['-o', 'out', '--manifest', path]):
                self.expect(USAGE, 'region-export', region, '-f', *words)
        for name in ('region.json', '00/000/001'):
            with open(region / name, 'ab') as target:
                result = self.expect(USAGE, 'region-export', region, stdout=target)
            self.assertIn('over the region', result.err)
        self.assertEqual({name: value[:4] for name, value in before.items()},
                         {name: value[:4] for name, value in snapshot(region).items()})

    def test_an_image_is_not_for_a_terminal(self):
        region = self.make_region()
        controller, terminal = os.openpty()
        result = self.expect(USAGE, 'region-export', region, stdout=terminal)
        os.close(terminal)
        os.close(controller)
        self.assertIn('terminal', result.err)

    def test_records_and_image_cannot_share_standard_output(self):
        self.expect(USAGE, 'region-export', self.make_region(), '--report', '-')

    def test_a_full_device_is_exit_3(self):
        region = self.make_region()
        result = self.expect(FAILED, 'region-export', region, '-o', '/dev/full')
        self.assertIn("write '/dev/full' at 0: No space left on device", result.err)
        with open('/dev/full', 'wb') as full:
            result = self.expect(FAILED, 'region-export', region, stdout=full)
        self.assertIn('No space left on device', result.err)

    def test_a_reader_that_has_gone_ends_it_without_an_error(self):
        region = self.make_region(extents=900)
        process = self.start('region-export', region)
        process.stdout.read(10)
        process.stdout.close()
        process.stdout = None
        result = self.finish(process)
        self.assertEqual(STOPPED, result.code, result)
        self.assertNotIn('error:', result.err)

    @needs_root('loop devices')
    def test_a_block_device_gets_its_zeros_too(self):
        region = self.make_region()
        backing = self.work / 'backing'
        backing.write_bytes(b'\xff' * 65536)
        attached = subprocess.run(['losetup', '-f', '--show', backing], capture_output=True,
                                  text=True, check=False)
        if attached.returncode != 0:
            self.skipTest('no loop device')
        device = attached.stdout.strip()
        self.addCleanup(subprocess.run, ['losetup', '-d', device], check=True)
        self.expect(DONE, 'region-export', region, '-o', device)
        written = open(device, 'rb').read()
        self.assertEqual(IMAGE + b'\xff' * (65536 - len(IMAGE)), written)
        large = self.make_region('large', extents=20)
        result = self.expect(FAILED, 'region-export', large, '-o', device)
        self.assertIn('no room for the image', result.err)
        self.assertEqual(written, open(device, 'rb').read())
        held = os.open(device, os.O_RDONLY | os.O_EXCL)
        self.expect(IN_USE, 'region-export', region, '-o', device)
        os.close(held)

    # ---- in the middle --------------------------------------------------------------------------

    def test_a_signal_leaves_nothing(self):
        region = self.make_region(extents=900, size=1, image_blocks=0)
        os.mkfifo(self.work / 'report')
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start('region-export', region, '-o', 'out', '-j', '1', '--report',
                                 'report', '--format', 'jsonl', '--contexts', 'contexts',
                                 '--manifest', 'manifest')
            reader = open(self.work / 'report', 'rb')
            reader.read(1)
            process.send_signal(number)
            threading.Thread(target=reader.read).start()
            self.assertEqual(STOPPED, self.finish(process).code)
            self.assertEqual(['region', 'report'], self.names())

    def test_a_killed_run_leaves_what_the_next_one_removes(self):
        region = self.make_region()
        (self.work / '.out.partial').write_text('left behind')
        self.assertEqual(IMAGE, self.export(region))
        self.assertEqual(['out', 'region'], self.names())

    def test_an_extent_open_for_writing_is_in_use(self):
        region = self.make_region()
        if not has_leases(self.work):
            self.skipTest('no leases here')
        with open(region / '00/000/003', 'r+b'):
            self.assertIsNone(self.export(region, code=IN_USE))
            self.assertEqual(['region'], self.names())

    # ---- beside it ------------------------------------------------------------------------------

    def test_contexts_as_csv_and_as_json_lines(self):
        region = self.make_region()
        self.export(region, '--contexts', 'contexts.csv')
        self.export(region, '-f', '--contexts', 'contexts.jsonl')
        with open(self.work / 'contexts.csv', newline='') as file:
            rows = list(csv.DictReader(file))
        lines = [json.loads(line) for line in (self.work / 'contexts.jsonl').open()]
        self.assertEqual(WRITTEN, len(rows))
        as_text = [{name: '' if value is None else str(value) for name, value in line.items()}
                   for line in lines]
        self.assertEqual(rows, as_text)
        self.assertEqual(list(range(WRITTEN)), [line['region_block'] for line in lines])
        self.assertEqual([number * 512 for number in range(WRITTEN)],
                         [line['image_offset'] for line in lines])

    def test_a_manifest_is_one_json_object(self):
        region = self.make_region()
        self.export(region, '--manifest', 'manifest')
        manifest = json.loads((self.work / 'manifest').read_text())
        self.assertEqual(list(range(EXTENTS)), [each['extent'] for each in manifest['extents']])
        self.assertEqual(len(IMAGE), manifest['length'])
        self.assertEqual(512, manifest['block_size'])
        # The last extent was never written, and the one before it only in its first half.
        hashes = [each['xxh64'] for each in manifest['extents']]
        self.assertEqual(EXTENTS, len(set(hashes)), hashes)
        self.assertEqual([5120] * EXTENTS, [each['bytes'] for each in manifest['extents']])

    def test_the_map_is_json_and_covers_the_image(self):
        region = self.make_region(extents=64, size=16)
        for words in ([], ['--no-check'], ['--skip', 100]):
            result = self.expect(DONE, 'region-export', region, '--map', *words)
            at = 0
            for stretch in json.loads(result.out):
                self.assertEqual((at, at), (stretch['start'], stretch['offset']))
                self.assertIs(True, stretch['present'])
                self.assertIsNot(stretch['zero'], stretch['data'])
                self.assertEqual((0, False), (stretch['depth'], stretch['compressed']))
                at += stretch['length']
            self.assertEqual((64 * 16 - (100 if '--skip' in words else 0)) * 512, at)
        self.expect(USAGE, 'region-export', region, '--map', '--manifest', 'manifest')
