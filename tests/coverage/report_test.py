#!/usr/bin/env python3
"""The report on coverage, of an export of llvm-cov that is made up."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from pathlib import Path

import report

SOURCE = '''\
int f(int a, int b) {
  if (a > 1 && b > 2) {
    // Never.
    ++a;

    ++b;
  }
  for (const int x : numbers) a += x;
  if constexpr (sizeof(a) == 4) return a;
  return b;
}
'''
# [line, column, count, has a count, begins a region, lies between regions]
SEGMENTS = [
    [1, 21, 5, True, True, False],
    [2, 7, 5, True, True, False],
    [2, 12, 5, True, False, False],
    [2, 16, 0, True, True, False],
    [2, 21, 5, True, False, False],
    [2, 22, 0, True, False, True],
    [2, 23, 0, True, True, False],
    [3, 1, 0, False, True, False],
    [4, 1, 0, True, False, False],
    [7, 4, 5, True, False, False],
    [11, 2, 0, False, False, False],
]
# [line, column, to line, to column, times true, times false, and what is of no interest]
BRANCHES = [
    [2, 7, 2, 12, 0, 3, 0, 0, 4],
    [2, 7, 2, 12, 0, 2, 0, 0, 4],
    [2, 16, 2, 21, 0, 0, 0, 0, 4],
    [8, 20, 8, 21, 0, 2, 0, 0, 4],
    [8, 20, 8, 21, 3, 0, 0, 0, 4],
    [9, 17, 9, 31, 0, 0, 0, 0, 4],
]
LISTED = '''\
# What no test reaches

## Numbers that large
Nobody has any.

- `libregion/ops/f.cc`
  - never true: `a > 1`
  - never evaluated: `b > 2`
  - never run: `++a;`
'''


class ReportTest(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.work = Path(work.name).resolve()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.work)
        files = []
        for name in ('libregion/ops/f.cc', 'libregion/io/f.cc', 'tests/f.cc'):
            path = self.work / name
            path.parent.mkdir(parents=True)
            path.write_text(SOURCE)
            # As seen from the build directory.
            files.append({'filename': f'{self.work}/build/coverage/../../{name}',
                          'segments': SEGMENTS, 'branches': BRANCHES})
        Path('export.json').write_text(json.dumps({'data': [{'files': files}]}))

    def report(self, listed):
        Path('listed.md').write_text(listed)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = report.main('export.json', 'listed.md')
        return status, out.getvalue()

    def test_lines_and_branches_are_counted_of_the_four_floors_alone(self):
        _, text = self.report(LISTED)
        # The lines 1, 2, 4, 6, 8, 9 and 10; what is true and what is false of three conditions.
        self.assertIn(f'{"ops/":44}  71.4 % of     7   50.0 % of     6\n', text)
        self.assertIn(f'{"extent/":44} 100.0 % of     0  100.0 % of     0\n', text)
        self.assertNotIn('io/', text)

    def test_what_was_not_reached_is_named_with_its_place(self):
        status, text = self.report(LISTED)
        self.assertEqual(0, status, text)
        self.assertEqual(['libregion/ops/f.cc:2: never evaluated: `b > 2`',
                          'libregion/ops/f.cc:2: never true: `a > 1`',
                          'libregion/ops/f.cc:4: never run: `++a;`'], text.splitlines()[:3])

    def test_what_the_list_lacks_fails(self):
        status, text = self.report(LISTED.replace('  - never run: `++a;`\n', ''))
        self.assertEqual(1, status)
        self.assertIn('libregion/ops/f.cc:4: and not listed: never run: `++a;`\n', text)
        self.assertIn('1 are missing in listed.md; 0 are', text)

    def test_a_reason_is_needed(self):
        status, text = self.report(LISTED.replace('Nobody has any.\n', ''))
        self.assertEqual(1, status)
        self.assertIn('3 are missing', text)

    def test_what_the_list_names_and_was_reached_fails(self):
        status, text = self.report(LISTED + '  - never false: `for (const int x : numbers) a += x;`\n')
        self.assertEqual(1, status)
        self.assertIn('listed.md:10: reached, or not there any more: libregion/ops/f.cc: never false: '
                      '`for (const int x : numbers) a += x;`\n', text)

    def test_what_is_reached_sometimes_may_be_reached_or_not(self):
        listed = LISTED.replace('Numbers that large', 'Sometimes: numbers that large')
        status, text = self.report(listed + '  - never true: `x > 9`\n')
        self.assertEqual(0, status, text)

    def test_the_instances_of_a_template_are_one(self):
        self.assertEqual({(8, 20, 8, 21): [3, 2]}, report.branch_counts(BRANCHES[3:5]))


if __name__ == '__main__':
    unittest.main()
