"""The contract: the same records as one array, as lines, as CSV; and the numbers for Prometheus."""

import csv
import json
import re

from harness import DONE, FAILED, UUID, ToolTest, content, schema


class FormatContract(ToolTest):
    tool = None

    def target(self):
        return self.work / 'new' if self.tool.makes else self.make_damaged_region()

    def run_in(self, format_name, target, *options):
        dry_run = ['-n'] if self.tool.changes else []
        uuid = ['--uuid', UUID] if self.tool.makes else []
        return self.run_tool(self.tool.name, target, *dry_run, *uuid, '--format', format_name,
                             *options)

    def test_json_is_one_array_of_the_records(self):
        target = self.target()
        lines = self.check_records(self.run_in('jsonl', target))
        result = self.run_in('json', target)
        array = json.loads(result.stdout)
        self.assertEqual([record['type'] for record in lines],
                         [record['type'] for record in array], result)
        self.assertEqual(lines.findings, [record for record in array
                                          if record['type'] == 'finding'])
        self.assertEqual(result.code, array[-1]['exit_code'])
        for record in array:
            self.assertEqual([], schema.problems(record), record)

    def test_the_short_option_for_json(self):
        target = self.target()
        dry_run = ['-n'] if self.tool.changes else []
        result = self.run_tool(self.tool.name, target, *dry_run, '--json')
        self.assertEqual('meta', json.loads(result.stdout)[0]['type'])

    def test_csv_has_rows_of_one_type_and_the_rest_stands_on_standard_error(self):
        target = self.target()
        lines = self.check_records(self.run_in('jsonl', target))
        result = self.run_in('csv', target)
        frame = [json.loads(line) for line in result.err.splitlines() if line.startswith('{')]
        self.assertEqual('meta', frame[0]['type'], result)
        self.assertEqual('summary', frame[-1]['type'], result)
        self.assertEqual(result.code, frame[-1]['exit_code'], result)
        for record in frame:
            self.assertEqual([], schema.problems(record), record)
        reader = csv.DictReader(result.out.splitlines(), strict=True)
        self.assertEqual(['region', 'uuid'], reader.fieldnames[:2], 'the header')
        rows = list(reader)
        for row in rows:
            self.assertNotIn(None, row, 'more cells than columns')
            self.assertNotIn(None, row.values(), 'fewer cells than columns')
        if rows and 'severity' in rows[0]:
            self.assertEqual([finding['id'] for finding in lines.findings],
                             [row['id'] for row in rows])
        else:
            self.assertEqual(lines.findings, [record for record in frame
                                              if record['type'] == 'finding'])


class MetricsContract(ToolTest):
    tool = None
    SAMPLE = re.compile(r'region_tools_(\w+)\{tool="([\w-]+)"(?:,severity="(\w+)")?\} (\S+)$')

    def target(self):
        return self.work / 'new' if self.tool.makes else self.make_region()

    def test_the_numbers_of_the_run(self):
        path = self.work / 'metrics.prom'
        path.write_text('of an earlier run')
        summary = self.records(self.tool.name, self.target(), '--metrics', path, code=DONE).summary
        found = {}
        for line in path.read_text().splitlines():
            if line.startswith('#'):
                self.assertRegex(line, r'^# (HELP|TYPE) region_tools_\w+ ')
                continue
            name, tool, severity, value = self.SAMPLE.match(line).groups()
            self.assertEqual(self.tool.name, tool)
            found[name + (severity or '')] = float(value)
        self.assertEqual(0, found['exit_code'])
        self.assertEqual(1, found['complete'])
        self.assertEqual(summary['extents'], found['extents'])
        self.assertEqual(summary['findings']['error'], found['findingserror'])
        self.assertGreater(found['last_run_timestamp_seconds'], 1.7e9)
        self.assertEqual(['metrics.prom'], [entry.name for entry in self.work.glob('metrics*')])

    def test_numbers_that_cannot_be_written_are_a_failure(self):
        records = self.records(self.tool.name, self.target(), '--metrics', 'none/metrics.prom',
                               code=FAILED)
        self.assertIn('none/metrics.prom', records.of_type('error')[0]['message'])
        self.assertIs(False, records.summary['complete'])

    def test_a_directory_in_the_place_of_the_file_stays(self):
        (self.work / 'directory').mkdir()
        before = content(self.work / 'directory')
        self.expect(FAILED, self.tool.name, self.target(), '--metrics', 'directory')
        self.assertEqual(before, content(self.work / 'directory'))
        self.assertEqual([], list(self.work.glob('*.tmp')))
