"""The contract: where records go, what happens when they cannot go there, and progress."""

import json
import os
import signal
import time

from harness import DONE, FAILED, STOPPED, UUID, ToolTest, content, parse_records, schema


class OutputContract(ToolTest):
    tool = None

    def target(self, name='region'):
        return self.work / name if self.tool.makes else self.make_region(name)

    def test_output_goes_to_the_file_and_nothing_to_standard_output(self):
        for number, more in enumerate(([], ['--format', 'jsonl'])):
            path = self.target(f'region{number}')
            result = self.expect(DONE, self.tool.name, path, '-o', 'out', *more)
            self.assertEqual((b'', b''), (result.stdout, result.stderr))
            written = (self.work / 'out').read_bytes()
            if more:
                self.assertEqual(DONE, parse_records(written)[-1]['exit_code'])
            else:
                self.assertIn(b'\n' + os.fsencode(path) + b': ', b'\n' + written)

    def test_output_replaces_what_the_file_held(self):
        (self.work / 'out').write_bytes(b'x' * 100000)
        self.expect(DONE, self.tool.name, self.target(), '-o', 'out')
        self.assertNotIn(b'x' * 100, (self.work / 'out').read_bytes())

    def test_a_hyphen_is_standard_output(self):
        self.assertIn(b': ', self.expect(DONE, self.tool.name, self.target(), '-o', '-').stdout)
        self.assertFalse((self.work / '-').exists())

    def test_an_output_file_that_cannot_be_made_is_exit_3_before_anything_is_done(self):
        target = self.target()
        before = None if self.tool.makes else content(target)
        for path, reason in ((self.work / 'none/out', 'No such file'), (self.work, 'directory')):
            result = self.run_tool(self.tool.name, target, '-o', path)
            self.assertIn(reason, result.err)
            self.assertIn(str(path), result.err)
            self.assertEqual(FAILED, result.code, result)
        self.assertEqual(before, None if not target.exists() else content(target))

    def test_a_full_output_file_is_exit_3_with_one_message(self):
        for number, more in enumerate(([], ['-v'], ['--format', 'jsonl'])):
            result = self.expect(FAILED, self.tool.name, self.target(f'region{number}'), *more,
                                 '-o', '/dev/full')
            self.assertIn("'/dev/full': No space left on device", result.err)
            self.assertEqual(1, result.err.count('\n'), result)

    def test_a_full_standard_output_is_exit_3_with_one_message(self):
        for number, more in enumerate(([], ['-v'], ['--format', 'jsonl'])):
            with open('/dev/full', 'wb') as full:
                result = self.expect(FAILED, self.tool.name, self.target(f'region{number}'), *more,
                                     stdout=full)
            self.assertIn('No space left on device', result.err)
            self.assertEqual(1, result.err.count('\n'), result)

    def test_a_reader_that_has_gone_is_no_news(self):
        for number, more in enumerate(([], ['-v'], ['--format', 'jsonl'])):
            path = self.target(f'region{number}')
            reading, writing = os.pipe()
            os.close(reading)
            result = self.run_tool(self.tool.name, path, *more, stdout=writing)
            os.close(writing)
            self.assertEqual('', result.err)
            self.assertIn(result.code, (DONE, STOPPED), result)

    def test_help_to_a_reader_that_has_gone_is_no_news(self):
        reading, writing = os.pipe()
        os.close(reading)
        result = self.run_tool(self.tool.name, '--help', stdout=writing)
        os.close(writing)
        self.assertEqual('', result.err)

    def test_closed_standard_streams_never_become_files_of_the_region(self):
        """What is opened first gets the numbers 0 to 2, and must not get the messages too."""
        kind = self.tool.works_on
        regions = [self.work / 'open', self.work / 'closed']
        arguments = ['-j', '1', '-v', '--progress', 'always']
        if self.tool.makes:
            arguments += ['--uuid', UUID, '--extent-count', '900']
        else:
            for region in regions:
                self.make_region(region, extents=900, size=1, image_blocks=0, kind=kind)
        before = {} if self.tool.makes else content(regions[0])
        self.expect(DONE, self.tool.name, regions[0], *arguments)
        after = content(regions[0])

        def close_streams():
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until the tool has its handler
            os.closerange(0, 3)

        process = self.start(self.tool.name, regions[1], *arguments, preexec_fn=close_streams)
        while process.poll() is None:
            process.send_signal(signal.SIGUSR1)  # a line on standard error, at once
            time.sleep(0.001)
        strange = {name for name, value in content(regions[1]).items()
                   if value not in (before.get(name), after.get(name))}
        self.assertEqual(set(), strange)


class ProgressContract(ToolTest):
    """For tools that are given regions: these can be held up by not reading their records."""

    for_makers = False
    tool = None
    EXTENTS = 900

    def start_slow(self, *arguments, **options):
        kind = self.tool.works_on
        region = self.make_region('slow', extents=self.EXTENTS, size=1, image_blocks=0, kind=kind)
        return self.start_held(self.tool.name, region, '-j', '1', *arguments, **options)

    def test_sigusr1_prints_one_line_and_the_tool_goes_on(self):
        process = self.start_slow('--progress', 'never')
        process.send_signal(signal.SIGUSR1)
        result, records = self.read_rest(process)
        self.assertEqual(DONE, result.code, result)
        self.assertEqual(self.EXTENTS, records.summary['extents'])
        self.assertRegex(result.err, r'^\d+/900 extents  [\d.]+ \w+  [\d.]+ \w+/s(  ETA \w+)?\n$')

    def test_progress_always_draws_a_bar_and_takes_it_away_at_the_end(self):
        process = self.start_slow('--progress', 'always')
        time.sleep(0.3)
        result, _ = self.read_rest(process)
        self.assertRegex(result.err, r'\r\[[= ]{24}\] \d+/900 extents ')
        self.assertTrue(result.err.endswith('\r\x1b[K'), result.err)

    def test_progress_json_prints_objects_on_standard_error(self):
        process = self.start_slow('--progress', 'json')
        time.sleep(1.3)
        result, _ = self.read_rest(process)
        lines = [json.loads(line) for line in result.err.splitlines()]
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertEqual([], schema.problems(line, 'progress'), line)
            self.assertEqual(self.EXTENTS, line['extents_total'])
            self.assertLessEqual(line['extents'], line['extents_total'])
            self.assertLessEqual(line['bytes'], line['bytes_total'])
            self.assertGreater(line['seconds'], 0)

    def test_progress_json_has_rate_and_eta(self):
        process = self.start_slow('--progress', 'json')
        time.sleep(1.3)
        result, _ = self.read_rest(process)
        line = json.loads(result.err.splitlines()[0])
        self.assertTrue(any('rate' in name or 'per_second' in name for name in line), line)
        self.assertTrue(any('eta' in name for name in line), line)

    def test_progress_auto_and_never_draw_nothing_without_a_terminal(self):
        for choice in ('auto', 'never'):
            result = self.expect(DONE, self.tool.name, self.make_region(choice), '--progress',
                                 choice)
            self.assertEqual(b'', result.stderr)

    def test_a_reader_that_goes_away_in_the_middle_is_no_news(self):
        process = self.start_slow()
        process.records_pipe.close()
        result = self.finish(process)
        self.assertEqual('', result.err)
        self.assertIn(result.code, (DONE, STOPPED), result)
