#!/usr/bin/env python3
"""Says which lines and branches the tests went through, and names the others.

usage: report.py GCOVR_JSON UNCOVERED_LIST

The list, tests/coverage/UNCOVERED.md, gives for each line that no test runs the reason why. Below a
file's heading each is an item: its text between backquotes, then the reason. Status 1 where a line
is missing in the list, or stands in it although it is run.
"""

import collections
import json
import re
import sys
from pathlib import Path

HEADING = re.compile(r'## (libregion/\S+)')
ITEM = re.compile(r'- `(.+?)`: \S')


class Count:
    """How many there are, and how many were reached."""

    def __init__(self):
        self.reached = self.total = 0

    def add(self, is_reached):
        self.reached += is_reached
        self.total += 1

    def __str__(self):
        percent = 100 * self.reached / self.total if self.total else 100
        return f'{percent:5.1f} % ({self.reached} of {self.total})'


def listed_lines(text):
    """{file: the texts of lines}, of the list."""
    listed, file = collections.defaultdict(set), None
    for line in text.splitlines():
        heading, item = HEADING.match(line), ITEM.match(line)
        if heading:
            file = heading[1]
        elif item:
            listed[file].add(item[1])
    return listed


def code_lines(file):
    """Each line that has code, once: a template's instances are one."""
    merged = {}
    for line in file['lines']:
        if line.get('gcovr/noncode'):
            continue
        count, branches = merged.get(line['line_number'], (0, []))
        taken = [branch['count'] > 0 for branch in line['branches']]
        if len(branches) == len(taken):
            taken = [a or b for a, b in zip(taken, branches)]
        merged[line['line_number']] = (count + line['count'], taken)
    return sorted(merged.items())


def main(report_path, list_path):
    files = json.loads(Path(report_path).read_text())['files']
    listed = listed_lines(Path(list_path).read_text())
    lines = collections.defaultdict(Count)
    branches = collections.defaultdict(Count)
    wrong = 0
    for file in sorted(files, key=lambda file: file['file']):
        name = file['file']
        floor = name.split('/')[1]
        source = Path(name).read_text().splitlines()
        not_run = set()
        for number, (count, taken) in code_lines(file):
            text = source[number - 1].strip()
            lines[floor].add(count > 0)
            for is_taken in taken:
                branches[floor].add(is_taken)
            if count == 0:
                not_run.add(text)
                if text not in listed[name]:
                    print(f'{name}:{number}: not run: {text}')
                    wrong += 1
            elif not all(taken):
                print(f'{name}:{number}: {taken.count(False)} of {len(taken)} branches not taken: '
                      f'{text}')
        for text in sorted(listed[name] - not_run):
            print(f'{name}: listed, but it is run, or is not there any more: {text}')
            wrong += 1
    for floor in lines:
        print(f'{floor + "/":8} lines {lines[floor]}, branches {branches[floor]}')
    print(f'{wrong} lines to run, or to name in {list_path}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
