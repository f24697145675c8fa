"""The contract: what a tool says, for programs and for people."""

import os
import pty
import re
import socket

from harness import (DONE, FAILED, FINDINGS, NOT_A_REGION, ToolTest, UUID, base64_path,
                     needs_independent_extents, needs_several_regions)

ESCAPES = (b'\x1b', b'\x07', b'\x9b')


def without_times(records):
    varying = {'start', 'seconds', 'host'}
    return [{name: value for name, value in record.items() if name not in varying}
            for record in records]


class FrameContract(ToolTest):
    """meta first, summary last, whatever happens; check_records looks at each run of all tests."""

    tool = None

    def target(self):
        return self.work / 'new' if self.tool.makes else self.make_region()

    def test_meta_says_who_speaks(self):
        meta = self.records(self.tool.name, self.target(), code=DONE).meta
        version = self.run_tool(self.tool.name, '--version').out.split()[1]
        self.assertEqual(f'{self.tool.name}/1', meta['schema'])
        self.assertEqual(self.tool.name, meta['tool'])
        self.assertEqual(version, meta['version'])
        self.assertEqual(socket.gethostname(), meta['host'])
        self.assertRegex(meta['start'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        self.assertIn(meta['in_use_check'], ('lease', 'processes', 'none'))

    def test_summary_says_how_it_went(self):
        summary = self.records(self.tool.name, self.target(), code=DONE).summary
        self.assertIs(True, summary['complete'])
        self.assertIsInstance(summary['seconds'], float)
        self.assertGreaterEqual(summary['seconds'], 0)
        self.assertIsInstance(summary['extents'], int)

    def test_summary_counts_the_bytes_read_or_written(self):
        summary = self.records(self.tool.name, self.target(), code=DONE).summary
        self.assertIsInstance(summary.get('bytes'), int)

    def test_every_record_of_a_region_names_the_region_and_its_uuid(self):
        target = self.target()
        options = ['--uuid', UUID] if self.tool.makes else []
        records = self.records(self.tool.name, target, *options, code=DONE)
        inner = records[1:-1]
        self.assertGreater(len(inner), 0)
        for record in inner:
            self.assertEqual(str(target), record.get('region'), record)
            self.assertEqual(UUID, record.get('uuid'), record)

    def test_nothing_but_records_goes_to_standard_output(self):
        result = self.expect(DONE, self.tool.name, self.target(), '-v', '--format', 'jsonl')
        self.check_records(result)
        self.assertEqual('', result.err)

    def test_quiet_and_verbose_leave_the_records_alone(self):
        target = self.target()
        dry_run = ['-n'] if self.tool.changes else []
        uuid = ['--uuid', UUID] if self.tool.makes else []
        plain, quiet, verbose = (
            without_times(self.records(self.tool.name, target, *dry_run, *uuid, *more))
            for more in ([], ['-q'], ['-v']))
        self.assertEqual(plain, quiet)
        self.assertEqual(plain, verbose)

    def test_meta_and_summary_are_there_after_a_failure_too(self):
        path = self.work / 'no/parent' if self.tool.makes else self.work / 'none'
        records = self.records(self.tool.name, path, code=FAILED if self.tool.makes
                               else NOT_A_REGION)
        self.assertIs(False, records.summary['complete'])

    def test_a_path_that_is_not_utf8_comes_with_its_bytes(self):
        path = os.fsencode(self.work) + b'/not-\xff-utf8'
        try:
            if not self.tool.makes:
                os.rename(self.make_region(), path)
        except OSError as error:
            self.skipTest(f'the file system takes no such name: {error}')
        records = self.records(self.tool.name, path, code=DONE)
        regions = [record for record in records if 'region' in record]
        self.assertGreater(len(regions), 0)
        for record in regions:
            self.assertEqual(f'{self.work}/not-\ufffd-utf8', record['region'])
            self.assertEqual(base64_path(path), record['region_b64'])

    def test_a_path_that_is_utf8_comes_as_it_is(self):
        path = self.work / 'Größe "α"\\'
        if not self.tool.makes:
            os.rename(self.make_region(), path)
        for record in self.records(self.tool.name, path, code=DONE)[1:-1]:
            self.assertEqual(str(path), record['region'])
            self.assertNotIn('region_b64', record)

    def test_a_dry_run_is_marked_in_its_records(self):
        if not self.tool.changes:
            return
        path = self.work / 'new' if self.tool.makes else self.make_region(kind=self.tool.works_on)
        records = self.records(self.tool.name, path, '-n', code=FINDINGS)
        self.assertTrue(any(record.get('would_change') for record in records), records)
        self.assertFalse(any('changed' in record for record in records), records)


class HumanTextContract(ToolTest):
    tool = None

    def target(self):
        return self.work / 'new' if self.tool.makes else self.make_region()

    def test_a_good_run_says_so_in_one_line(self):
        target = self.target()
        result = self.expect(DONE, self.tool.name, target)
        self.assertEqual('', result.err)
        if not self.tool.shows:
            self.assertEqual(1, result.out.count('\n'), result)
        self.assertTrue(result.out.splitlines()[-1].startswith(f'{target}: '), result)

    def test_quiet_says_nothing_of_a_good_run(self):
        result = self.expect(DONE, self.tool.name, '-q', self.target())
        self.assertEqual((b'', b''), (result.stdout, result.stderr))

    def test_what_people_read_has_no_names_of_members_in_it(self):
        more = ['-n'] if self.tool.changes else []
        path = self.work / 'new' if self.tool.makes else self.make_region(kind=self.tool.works_on)
        out = self.run_tool(self.tool.name, path, *more, '-v').out.replace(str(self.work), '')
        self.assertEqual([], re.findall(r'\b[a-z]+_[a-z_]+\b', out), out)

    def test_errors_go_to_standard_error_after_the_name_of_the_tool(self):
        path = self.work / 'no/parent' if self.tool.makes else self.work / 'none'
        result = self.run_tool(self.tool.name, path)
        self.assertEqual(b'', result.stdout, result)
        self.assertTrue(result.err.startswith(f'{self.tool.name}: error: '), result)
        self.assertIn(str(path.parent if self.tool.makes else path), result.err)

    def test_a_colour_is_never_where_nobody_asked_for_it(self):
        result = self.expect(DONE, self.tool.name, self.target(), '-v')
        self.assertNotIn(b'\x1b', result.stdout + result.stderr)


class FindingsContract(ToolTest):
    """For tools that are given regions."""

    for_makers = False
    tool = None

    def run_on_terminal(self, *arguments, env=()):
        """What the tool writes to a terminal that is its standard output."""
        leader, follower = pty.openpty()
        process = self.start(self.tool.name, *arguments, stdout=follower, env=env)
        os.close(follower)
        written = b''
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # EIO: nobody has the other side open any more
                break
            if not chunk:
                break
            written += chunk
        os.close(leader)
        self.assertEqual(FINDINGS, self.finish(process).code)
        return written

    def test_a_finding_says_what_where_and_what_to_do(self):
        for kind in self.tool.formats:
            region = self.make_damaged_region(kind, kind=kind)
            records = self.records(self.tool.name, region, code=FINDINGS)
            self.assertGreater(len(records.findings), 0)
            for finding in records.findings:
                self.assertRegex(finding['id'], r'^[a-z_]+$')
                self.assertIn(finding['severity'], ('error', 'warning', 'note'))
                self.assertGreater(len(finding['message']), 10)
                self.assertGreater(len(finding['remedy']), 10)
                self.assertEqual(2, finding['extent'])
                self.assertEqual('00/000/002', finding['file'])
                self.assertEqual(512 * 3, finding['offset'])
                self.assertGreater(finding['length'], 0)
                self.assertIn('1536 bytes', finding['found'])
                self.assertRegex(finding['expected'], r'\d+ bytes')

    @needs_independent_extents
    def test_records_come_in_the_order_of_the_extents_for_any_number_of_threads(self):
        region = self.make_region('many', extents=300, size=1, image_blocks=300)
        for extent in range(0, 300, 7):
            os.truncate(region / f'00/000/{extent:03X}', 100)
        options = ['-n'] if self.tool.changes else []
        expected = None
        for jobs in (1, 2, 8):
            records = self.records(self.tool.name, region, '-j', jobs, *options, code=FINDINGS)
            self.assertEqual(list(range(300)), records.extents)
            self.assertEqual(list(range(0, 300, 7)),
                             [finding['extent'] for finding in records.findings])
            expected = expected or without_times(records)
            self.assertEqual(expected, without_times(records), f'-j {jobs}')

    def test_people_get_the_same_text_for_any_number_of_threads(self):
        region = self.make_damaged_region()
        options = ['-n'] if self.tool.changes else []
        texts = {self.run_tool(self.tool.name, region, '-v', '-j', jobs, *options).out
                 for jobs in (1, 3, 8)}
        self.assertEqual(1, len(texts))

    @needs_several_regions
    def test_the_summary_of_a_region_counts_its_own_findings(self):
        good, bad = self.make_region(), self.make_damaged_region()
        records = self.records(self.tool.name, good, bad, good, code=FINDINGS)
        self.assertEqual([0, 1, 0], [record['findings']['error']
                                     for record in records.of_type('region_summary')])

    def test_verbose_tells_of_every_extent(self):
        region = self.make_region(extents=6)
        normal = self.expect(DONE, self.tool.name, region).out
        verbose = self.expect(DONE, self.tool.name, region, '-v').out
        for extent in range(6):
            self.assertNotIn(f'extent {extent} (00/000/00{extent})', normal)
            self.assertIn(f'extent {extent} (00/000/00{extent})', verbose)

    def test_quiet_keeps_the_errors(self):
        result = self.expect(FINDINGS, self.tool.name, '-q', self.make_damaged_region())
        self.assertIn('extent 2 (00/000/002)', result.out)
        self.assertEqual('', result.err)

    def test_people_are_told_the_remedy(self):
        region = self.make_damaged_region()
        remedy = self.records(self.tool.name, region).findings[0]['remedy']
        self.assertIn(remedy, self.run_tool(self.tool.name, region).out)

    # ---- colour ---------------------------------------------------------------------------------

    def test_color_always_never_and_auto_in_a_pipe(self):
        region = self.make_damaged_region()
        for choice, expected in (('always', True), ('never', False), ('auto', False)):
            result = self.expect(FINDINGS, self.tool.name, region, '--color', choice)
            self.assertEqual(expected, b'\x1b[' in result.stdout, choice)
            self.assertNotIn(b'\x1b', result.stderr)

    def test_color_always_outweighs_the_environment(self):
        result = self.run_tool(self.tool.name, self.make_damaged_region(), '--color', 'always',
                               env={'NO_COLOR': '1', 'TERM': 'dumb'})
        self.assertIn(b'\x1b[', result.stdout)

    def test_color_auto_on_a_terminal_heeds_no_color_and_dumb_terminals(self):
        region = self.make_damaged_region()
        for env, expected in (({}, True), ({'NO_COLOR': '1'}, False), ({'NO_COLOR': ''}, True),
                              ({'TERM': 'dumb'}, False)):
            written = self.run_on_terminal(region, env=env)
            self.assertEqual(expected, b'\x1b[' in written, env)
        self.assertNotIn(b'\x1b[', self.run_on_terminal(region, '--color', 'never'))

    def test_every_colour_is_taken_back_on_its_line(self):
        out = self.run_tool(self.tool.name, self.make_damaged_region(), '--color', 'always').out
        for line in out.splitlines():
            self.assertEqual(line.count('\x1b[') % 2, 0, line)
            self.assertEqual('\x1b[0m' in line, '\x1b[' in line, line)

    def test_records_have_no_colour(self):
        result = self.run_tool(self.tool.name, self.make_damaged_region(), '--color', 'always',
                               '--format', 'jsonl')
        self.assertNotIn(b'\x1b', result.stdout)

    # ---- hostile names --------------------------------------------------------------------------

    def test_names_in_a_region_cannot_drive_the_terminal(self):
        region = os.fsencode(self.make_region('hostile'))
        for name in (b'/\x1b[31mred\x07\x9b1m', b'/00/000/\x1b]0;title\x07', b'/00/\xc2\x9b2J',
                     b'/two\nlines'):
            with open(region + name, 'wb'):
                pass
        hostile = os.fsencode(self.work) + b'/\x1b[2J\xc2\x9b\xff'
        os.rename(region, hostile)
        for options in ([], ['-v'], ['-n', '-v'] if self.tool.changes else ['--strict']):
            result = self.run_tool(self.tool.name, hostile, *options)
            text = (result.stdout + result.stderr).replace(b'\xc2\x9b', b'\x9b')
            for escape in ESCAPES:
                self.assertNotIn(escape, text, result)
            self.assertNotIn('\nlines', result.out)

    def test_names_in_a_region_cannot_break_the_records(self):
        region = os.fsencode(self.make_region('hostile'))
        name = b'"}\n{\x1b\x00'.replace(b'\x00', b'\xfe')
        with open(region + b'/00/000/' + name, 'wb'):
            pass
        records = self.records(self.tool.name, region, code=DONE)
        for finding in records.findings:
            self.assertEqual('stray_file', finding['id'])
            self.assertEqual(base64_path(b'00/000/' + name), finding['file_b64'])
            self.assertEqual('00/000/"}\n{\x1b\ufffd', finding['file'])

    def test_a_hostile_region_definition_cannot_drive_the_terminal(self):
        region = self.make_region()
        text = (region / 'region.json').read_text()
        for old, new in (('"uuid"', '"\\u001b[31m": 1, "uuid"'), (UUID, '\\u001b[2J\\u009b'),
                         ('"block_size": 512', '"block_size": "\x7f\x9b\\u0007"')):
            (region / 'region.json').write_text(text.replace(old, new))
            result = self.run_tool(self.tool.name, region, '-v')
            for character in ('\x1b', '\x07', '\x9b', '\x7f'):
                self.assertNotIn(character, result.out + result.err, result)
