#!/usr/bin/env python3
"""Checks the project's includes: written from its root, and never of a floor above one's own."""

import re
import sys
from pathlib import Path

# From the lowest to the highest: what stands in a folder may include what is here or before it.
FLOORS = [
    'libregion/base', 'libregion/format', 'libregion/report', 'libregion/io', 'libregion/extent',
    'libregion/region', 'libregion/ops', 'tools', 'tests',
]
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"|<(?=libregion/))([^">]+)')


def floor_of(path):
    return next((i for i, name in enumerate(FLOORS) if path.startswith(name + '/')), None)


def complaint(path, included):
    own, other = floor_of(path), floor_of(included)
    if own is None:
        return 'this file stands on no floor of libregion'
    if other is None:
        return f'"{included}" is not written from the project\'s root'
    if other > own:
        return f'{FLOORS[own]} may not include {FLOORS[other]}, which is above it: "{included}"'
    return None


def main():
    root = Path(__file__).resolve().parents[2]
    wrong = 0
    for file in sorted(f for top in ('libregion', 'tools', 'tests') for f in root.glob(f'{top}/**/*')):
        if file.suffix not in ('.h', '.cc'):
            continue
        path = file.relative_to(root).as_posix()
        for number, line in enumerate(file.read_text().splitlines(), 1):
            include = INCLUDE.match(line)
            message = include and complaint(path, include[1])
            if message:
                print(f'{path}:{number}: {message}')
                wrong += 1
    sys.exit(1 if wrong else 0)


main()
