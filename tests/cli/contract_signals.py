"""The contract for tools that are given regions: stopping on request, and running again.

The tools are held up by records that nobody reads, so a signal always comes in the middle."""

import contextlib
import signal
import subprocess
import time

from harness import (DONE, STOPPED, ToolTest, content, needs_several_regions)


class SignalContract(ToolTest):
    for_makers = False
    tool = None
    EXTENTS = 900

    def make_large_region(self, name='large'):
        kind = self.tool.works_on
        return self.make_region(name, extents=self.EXTENTS, size=1, image_blocks=30, kind=kind)

    def finished_content(self):
        """What the region holds after a run that nobody disturbed."""
        if 'finished' not in vars(type(self)):
            region = self.make_large_region('undisturbed')
            self.expect(DONE, self.tool.name, region)
            type(self).finished = content(region)
        return self.finished

    def check_that_another_run_finishes(self, region):
        records = self.records(self.tool.name, region, code=DONE)
        self.assertEqual(list(range(self.EXTENTS)), records.extents)
        self.assertIs(True, records.summary['complete'])
        self.assert_same_tree(self.finished_content(), content(region))

    def test_a_signal_stops_at_an_extent_and_another_run_finishes(self):
        for number, jobs in ((signal.SIGINT, 1), (signal.SIGTERM, 4)):
            region = self.make_large_region(f'large-{jobs}')
            process = self.start_held(self.tool.name, region, '-j', jobs)
            process.send_signal(number)
            result, records = self.read_rest(process)
            self.assertEqual(STOPPED, result.code, result)
            self.assertIs(False, records.summary['complete'])
            self.assertEqual(list(range(len(records.extents))), records.extents)
            self.assertTrue(0 < len(records.extents) < self.EXTENTS, len(records.extents))
            self.assertEqual(len(records.extents), records.summary['extents'])
            self.assertEqual('', result.err)
            self.check_that_another_run_finishes(region)

    def test_people_are_told_that_it_was_stopped(self):
        region = self.make_large_region()
        process = self.start_held(self.tool.name, region, '-j', '1', '-v', format='human')
        process.send_signal(signal.SIGINT)
        text = process.first_byte + process.records_pipe.read()
        result = self.finish(process)
        self.assertEqual(STOPPED, result.code, result)
        self.assertIn(b'stopped', text.splitlines()[-1] + result.stderr)

    @needs_several_regions
    def test_regions_after_a_signal_are_not_begun(self):
        regions = [self.make_large_region('first'), self.make_large_region('second')]
        untouched = content(regions[1])
        process = self.start_held(self.tool.name, *regions)
        process.send_signal(signal.SIGTERM)
        result, records = self.read_rest(process)
        self.assertEqual(STOPPED, result.code, result)
        # Replicas are looked at side by side: the signal comes to all of them.
        begun = regions if self.tool.compares else regions[:1]
        self.assertEqual(set(map(str, begun)),
                         {record['region'] for record in records[1:-1] if 'region' in record})
        self.assertEqual(untouched, content(regions[1]))

    def test_a_second_signal_ends_the_tool_at_once_and_another_run_finishes(self):
        region = self.make_large_region()
        process = self.start_held(self.tool.name, region)
        for _ in range(1000):  # signals that come too close together count as one
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
            if process.poll() is not None:
                break
        self.assertEqual(-signal.SIGINT, process.poll())
        self.check_that_another_run_finishes(region)

    def test_a_killed_tool_leaves_what_another_run_finishes(self):
        region = self.make_large_region()
        process = self.start_held(self.tool.name, region)
        process.kill()
        process.wait()
        self.check_that_another_run_finishes(region)

    @needs_several_regions
    def test_a_tool_that_waits_for_the_list_of_regions_can_be_stopped(self):
        process = self.start(self.tool.name, '--regions-from', '-', stdin=subprocess.PIPE)
        self.wait_for_handlers(process)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        self.assertIn(process.poll(), (STOPPED, -signal.SIGINT), 'it still waits for the list')
