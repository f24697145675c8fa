#!/usr/bin/env python3
"""Tools that only look change nothing: no byte, no name, no mode, no time, in any golden region."""

import os

import golden_regions as golden

LOOKS = [
    ['region-verify'],
    ['region-verify', '--format', 'jsonl'],
    ['region-verify', '--live', '-v'],
    ['region-dump'],
    ['region-dump', '--slots'],
    ['region-dump', '--raw', '--format', 'jsonl'],
    ['region-dump', '--layout', '-e', '0'],
    ['region-dump', '--inventory', '-v'],
    ['region-export', '-o', '/dev/null', '--on-bad', 'keep'],
    ['region-defragment', '-n'],
    ['region-defragment', '--check'],
    ['region-migrate', '-n'],
    ['region-migrate', '-n', '--format', 'jsonl'],
    ['region-migrate', '-n', '--check', '--accept-damage', '--extend-short'],
]

def without_times(run):
    """Records without what differs from run to run."""
    return [{name: value for name, value in record.items() if name not in ('start', 'seconds')}
            for record in run.records()]


class UntouchedTest(golden.GoldenTest):

    def test_nothing_changes_in_a_region_that_could_be_changed(self):
        for name in golden.regions():
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                for tool, *options in LOOKS:
                    run = golden.run(tool, *options, copy)
                    self.assertIn(run.exit_code, (0, 1, 4), (tool, options, run.stderr))
                    self.assertEqual(golden.snapshot(copy), before, (tool, options))

    def test_a_region_on_a_read_only_mount_reads_the_same(self):
        privilege = self.require_privilege()
        for name in golden.regions():
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                for tool, options in [('region-verify', []), ('region-dump', []),
                                      ('region-dump', ['--slots']), ('region-migrate', ['-n']),
                                      ('region-defragment', ['-n']),
                                      ('region-export', ['-o', '/dev/null', '--report', '-'])]:
                    writable = golden.run_for_records(tool, *options, copy)
                    mounted = golden.run_for_records(tool, *options, copy,
                                                     wrapper=golden.read_only(privilege, copy))
                    self.assertEqual(without_times(mounted), without_times(writable))
                    self.assertEqual(mounted.exit_code, writable.exit_code)
                    self.assertEqual(mounted.stderr, '')
                self.assertEqual(golden.snapshot(copy), before)

    def test_a_region_that_may_not_be_written_to_reads_the_same(self):
        if os.geteuid() == 0:
            self.skip_loudly('root may write to anything')
        for name in golden.regions():
            with self.region(name) as copy:
                writable = golden.run_for_records('region-verify', copy)
                paths = [copy, *copy.rglob('*')]
                for path in paths:
                    path.chmod(path.stat().st_mode & ~0o222)
                before = golden.snapshot(copy)
                run = golden.run_for_records('region-verify', copy)
                self.assertEqual(golden.snapshot(copy), before)
                for path in paths:
                    path.chmod(path.stat().st_mode | 0o200)
                self.assertEqual(without_times(run), without_times(writable))


if __name__ == '__main__':
    golden.main()
