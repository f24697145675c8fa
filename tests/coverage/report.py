#!/usr/bin/env python3
"""Says which lines and branches the tests went through, and names the others.

usage: report.py LLVM_COV_JSON UNCOVERED_LIST

The first is what "llvm-cov export" writes, the second tests/coverage/UNCOVERED.md, which gives a
reason for whatever no test reaches. Each of these is known by its text, and not by its line number:

  never run        the first of the lines that lie together
  never true       a condition; the head of a loop over a range that was always empty; a case
  never false      a condition; the head of a loop over a range that never came to its end
  never evaluated  a condition in a line that was run

Status 1 where the list lacks one of them, or names what was reached, or is not there any more. What
stands below a heading that begins with "Sometimes" may be reached or not.
"""

import collections
import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

FLOORS = ('format', 'extent', 'region', 'ops')

# Of the list: a reason is a section; in it are files, and below each what it lacks.
UNCERTAIN = re.compile(r'#+ Sometimes\b')
LISTED_FILE = re.compile(r'- `(libregion/\S+)`$')
LISTED_ITEM = re.compile(r'  - (never \w+): `(.+)`$')


class Item(NamedTuple):
    """Something that no test reaches, as the list names it."""
    file: str
    what: str
    text: str

    def __str__(self):
        return f'{self.what}: `{self.text}`'


class Count:
    """How many there are, and how many were reached."""

    def __init__(self):
        self.reached = self.total = 0

    def add(self, is_reached):
        self.reached += is_reached
        self.total += 1

    def __iadd__(self, other):
        self.reached += other.reached
        self.total += other.total
        return self

    def __str__(self):
        # Nothing is rounded up to all.
        percent = 1000 * self.reached // self.total / 10 if self.total else 100
        return f'{percent:5.1f} % of {self.total:5}'


class Source:
    def __init__(self, text):
        self.lines = text.splitlines()

    def line(self, number):
        return self.lines[number - 1].strip()

    def is_code(self, number):
        """Whether there is more in a line than brackets, a comment, or a broken invariant."""
        line = self.line(number)
        return re.search(r'\w', line) is not None and not line.startswith(('//', 'assertion_failed('))

    def between(self, first_line, first_column, last_line, last_column):
        """The text of a place, as one line."""
        lines = self.lines[first_line - 1:last_line]
        lines[-1] = lines[-1][:last_column - 1]
        lines[0] = lines[0][first_column - 1:]
        return ' '.join(line.strip() for line in lines)

    def condition(self, place):
        """The text of a condition; None of one that the compiler decides, and of a switch: that each
        of its values has a case is the compiler's to see."""
        text = self.between(*place)
        before = self.lines[place[0] - 1][:place[1] - 1]
        if text in ('true', 'false') or 'if constexpr (' in before or before.endswith('switch ('):
            return None
        # Of a loop over a range the place is its colon.
        return self.line(place[0]).removesuffix(' {') if text == ':' else text


def line_counts(segments):
    """{line: how often it was run}. A line is as many times run as the region in it that was run
    most: those that begin there, and the one that goes on from above or, after a comment, in the
    line's first column."""
    begun = collections.defaultdict(list)
    for line, *segment in segments:
        begun[line].append(segment)
    counts = {}
    above = None  # the count that goes on
    for line in range(min(begun, default=0), max(begun, default=-1) + 1):
        here = [count for column, count, has_count, is_entry, is_gap in begun[line]
                if has_count and not is_gap and (is_entry or column == 1)]
        if above is not None:
            here.append(above)
        if here:
            counts[line] = max(here)
        if begun[line]:
            _, count, has_count, *_ = begun[line][-1]
            above = count if has_count else None
    return counts


def branch_counts(branches):
    """{place: [times true, times false]}; the instances of a template are one."""
    counts = collections.defaultdict(lambda: [0, 0])
    for *place, times_true, times_false, _, _, _ in branches:
        taken = counts[tuple(place)]
        taken[0] += times_true
        taken[1] += times_false
    return dict(sorted(counts.items()))


class FileReport:
    """What of a file was reached, and what was not: (line number, item)."""

    def __init__(self, name, coverage, source):
        self.name, self.source = name, source
        self.lines, self.branches, self.missed = Count(), Count(), []
        run = {line: count > 0 for line, count in line_counts(coverage['segments']).items()
               if source.is_code(line)}
        self._count_lines(run)
        for place, taken in branch_counts(coverage['branches']).items():
            self._count_branch(place, taken, run.get(place[0], True))
        self.missed.sort()

    def _miss(self, line, what, text):
        self.missed.append((line, Item(self.name, what, text)))

    def _count_lines(self, run):
        is_before_run = True
        for line, is_run in sorted(run.items()):
            self.lines.add(is_run)
            if is_before_run and not is_run:
                self._miss(line, 'never run', self.source.line(line))
            is_before_run = is_run

    def _count_branch(self, place, taken, is_line_run):
        text = self.source.condition(place)
        if text is None:
            return
        for times in taken:
            self.branches.add(times > 0)
        if not is_line_run:
            return  # its line is named
        if not any(taken):
            self._miss(place[0], 'never evaluated', text)
        elif not all(taken):
            self._miss(place[0], 'never false' if taken[0] else 'never true', text)


def file_reports(export):
    for file in sorted(export['data'][0]['files'], key=lambda file: file['filename']):
        path = Path(os.path.relpath(file['filename']))
        if path.parts[0] == 'libregion' and path.parts[1] in FLOORS:
            yield FileReport(str(path), file, Source(path.read_text()))


class Listed(NamedTuple):
    line: int
    is_certain: bool  # never reached


def listed_items(text):
    """{item: Listed}. What stands in no section, or in one without a reason, does not count."""
    items, is_certain, has_reason, file = {}, True, False, None
    for number, line in enumerate(text.splitlines(), 1):
        of_file, of_item = LISTED_FILE.match(line), LISTED_ITEM.match(line)
        if line.startswith('#'):
            is_certain, has_reason, file = not UNCERTAIN.match(line), False, None
        elif of_file:
            file = of_file[1]
        elif of_item:
            if has_reason and file:
                items[Item(file, *of_item.groups())] = Listed(number, is_certain)
        elif line.startswith('  -'):
            print(f'{number}: not understood: {line}')
        elif line:
            has_reason = True
    return items


def print_counts(reports):
    of_floors = {floor: (Count(), Count()) for floor in FLOORS}
    print(f'{"":44} {"lines":^16}  {"branches":^16}')
    for report in reports:
        lines, branches = of_floors[report.name.split('/')[1]]
        lines += report.lines
        branches += report.branches
        print(f'{report.name:44} {report.lines}  {report.branches}')
    for floor, (lines, branches) in of_floors.items():
        print(f'{floor + "/":44} {lines}  {branches}')


def main(export_path, list_path):
    reports = list(file_reports(json.loads(Path(export_path).read_text())))
    listed = listed_items(Path(list_path).read_text())
    missed = set()
    unlisted_count = 0
    for report in reports:
        for line, item in report.missed:
            missed.add(item)
            is_listed = item in listed
            unlisted_count += not is_listed
            print(f'{report.name}:{line}: {"" if is_listed else "and not listed: "}{item}')
    stale = [(place.line, item) for item, place in listed.items()
             if place.is_certain and item not in missed]
    for line, item in stale:
        print(f'{list_path}:{line}: reached, or not there any more: {item.file}: {item}')
    print_counts(reports)
    print(f'{len(missed)} not reached, of which {unlisted_count} are missing in {list_path}; '
          f'{len(stale)} are listed there and reached')
    return 1 if unlisted_count or stale else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
