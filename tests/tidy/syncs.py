#!/usr/bin/env python3
"""Every place of the library that makes something durable is known here, with the test that leaves
the syncs of a file out, one after the other, and says without which of them a crash does damage. A
sync more or less fails, until somebody has seen to that test. Prints the list."""

import re
import sys
from pathlib import Path

CALL = re.compile(r'(?:->|\.|(?<![\w:>.]))sync(?:_files|_file_system)?\(')
COMMENT = re.compile(r'\s*//')
DECLARATION = re.compile(r'\b(?:void|bool) (?:\w+::)?sync\w*\(')

EXTENTS = 'crash/sync_mutation.cc'
SERVICE = 'crash/service_states_test.cc'
CREATE_AND_MIGRATE = 'unit/ops/crash_test.cc'
IMPORT = 'unit/ops/import_crash_test.cc'
REPAIR = 'unit/ops/repair_crash_test.cc'
EXPORT = 'unit/ops/export_crash_test.cc'
HOLES = 'unit/ops/unsynced_holes_test.cc'

# How many calls in a file, and where they are left out.
LEFT_OUT = {
    'extent/raw_extent_flush.cc': (2, EXTENTS),
    'extent/raw_extent_writer.cc': (6, EXTENTS),
    'region/region_writer.cc': (3, SERVICE),
    'region/region_opening.cc': (3, 'unit/region/region_opening_crash_test.cc'),
    'ops/defragment.cc': (1, 'unit/ops/defragment_crash_test.cc'),
    'ops/migrate.cc': (4, CREATE_AND_MIGRATE),
    'region/staging.cc': (6, CREATE_AND_MIGRATE),
    'region/new_region.cc': (1, CREATE_AND_MIGRATE),
    'region/region_in_making.cc': (7, CREATE_AND_MIGRATE),
    'io/durable.cc': (4, CREATE_AND_MIGRATE),
    'io/staged_file.cc': (2, EXPORT),
    'io/image_target.cc': (1, EXPORT),
    'ops/export.cc': (2, EXPORT),
    'ops/export_records.cc': (2, EXPORT),
    'ops/salvage.cc': (1, 'unit/ops/salvage_test.cc'),
    'ops/bundle_file.cc': (1, 'unit/ops/bundle_file_test.cc'),
    'ops/import.cc': (1, IMPORT),
    'ops/import_batch.cc': (4, IMPORT),
    'region/extent_copy.cc': (3, IMPORT),
    'ops/image_map.cc': (1, EXPORT),
    'ops/repair.cc': (3, REPAIR),
    'ops/repair_extent.cc': (2, REPAIR),
    'ops/repair_replace.cc': (1, REPAIR),
    'ops/undo.cc': (6, REPAIR),
    'ops/undo_log.cc': (5, REPAIR),
    # These make nothing durable: they make holes true.
    'region/region_use.cc': (1, HOLES),
    'region/synced_files.cc': (2, HOLES),
}


def calls_in(path):
    return sum(len(CALL.findall(DECLARATION.sub('', line)))
               for line in path.read_text().splitlines() if not COMMENT.match(line))


def main():
    root = Path(__file__).resolve().parents[2]
    known = {name: count for name, (count, _) in LEFT_OUT.items()}
    # What the calls of the system are behind; a file that is only read refuses them.
    behind = {'io/posix_file_system.cc', 'io/system_extras.cc', 'io/failed_sync.cc',
              'region/lone_extent.cc'}
    wrong = 0
    for path in sorted((root / 'libregion').glob('**/*.cc')):
        name = path.relative_to(root / 'libregion').as_posix()
        found = 0 if name in behind else calls_in(path)
        if found != known.pop(name, 0):
            print(f'libregion/{name}: {found} syncs, not what {Path(__file__).name} knows: '
                  'leave each of them out in a test of crashes')
            wrong += 1
    for name in known:
        print(f'libregion/{name} is gone')
        wrong += 1
    for name, (count, test) in LEFT_OUT.items():
        if not (root / 'tests' / test).exists():
            print(f'tests/{test} is gone')
            wrong += 1
        print(f'{count} syncs of libregion/{name}: left out by tests/{test}')
    sys.exit(1 if wrong else 0)


main()
