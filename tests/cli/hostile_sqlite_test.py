"""Regions with SQLite extents that were made to do harm, and every way to read them: each says what
is wrong, goes on with the other extents, ends soon, takes no memory for what is only claimed, and
leaves everything as it was."""

import os
import shutil
import sqlite3
import struct
import time

from contract_hostile import PUTS, Outside, Watch, limit_memory
from harness import DONE, FINDINGS, ToolTest, snapshot
from tools import TOOLS

HOSTILE = '00/000/001'  # of the extents 0 to 2
PAGE_BYTES = 4096
SECONDS_MAX = 30  # for a run of a tool, under sanitizers

# Every tool that reads them, by what is to be done. NEW and OUT are to be made, GOOD is a replica.
# export ends where it finds the first damage; salvage takes from the other replica what it needs.
COMMANDS = {
    'verify': 'region-verify REGION',
    'verify replicas': 'region-verify --replicas REGION GOOD',
    'dump': 'region-dump --slots REGION',
    'compare': 'region-dump --compare REGION GOOD',
    'export': 'region-export -f -o OUT --report - REGION',
    'salvage': 'region-export -f --salvage -o OUT --report - REGION GOOD',
    'repair': 'region-repair --plan REGION',
    'migrate': 'region-migrate REGION',
    'migrate into': 'region-migrate REGION --into NEW',
}


# ---- databases ----------------------------------------------------------------------------------


def change(database, *statements):
    """As SQLite does it itself, without a log."""
    connection = sqlite3.connect(database, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    connection.close()


def put_view(database):
    change(database, 'ALTER TABLE block_context RENAME TO kept',
           'CREATE VIEW block_context AS SELECT * FROM kept')


def put_triggers(database):
    change(database, 'CREATE TRIGGER t AFTER UPDATE ON metadata BEGIN DELETE FROM block_context; END',
           'CREATE TRIGGER u BEFORE DELETE ON block_context BEGIN SELECT RAISE(FAIL, "no"); END')


def put_overflow_pages(database):
    change(database, 'UPDATE block_context SET nonce = zeroblob(100000), tag = zeroblob(16) '
                     'WHERE block = 3')


def put_virtual_table(database):
    """Whoever loads this schema with the module at hand opens the file."""
    outside = database.parents[3] / 'outside.csv'
    change(database, 'PRAGMA writable_schema = ON',
           "INSERT INTO sqlite_master VALUES ('table', 'leak', 'leak', 0, "
           f"'CREATE VIRTUAL TABLE leak USING csv(filename=\"{outside}\")')")


def put_cycle(database):
    """A page of the rows' tree that is its own child."""
    change(database, 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) '
                     'INSERT INTO block_context SELECT 0, i, NULL, NULL, i FROM n')
    content = bytearray(database.read_bytes())
    root = 3 * PAGE_BYTES
    assert content[root] == 2, 'page 4 is an interior one'
    cell, = struct.unpack_from('>H', content, root + 12 + 2)
    struct.pack_into('>I', content, root + cell, 4)
    database.write_bytes(content)


def put_journal(database):
    header = bytes.fromhex('d9d505f920a163d7') + struct.pack('>IIIII', 1, 7, 4, 512, PAGE_BYTES)
    page = struct.pack('>I', 1) + bytes(PAGE_BYTES + 4)
    database.with_name(database.name + '-journal').write_bytes(header.ljust(512, b'\0') + page)


def put_page_count(database):
    with open(database, 'r+b') as file:
        file.seek(28)
        file.write(struct.pack('>I', 0xFFFFFFFE))


def put_pages_without_end(database):
    put_page_count(database)
    os.truncate(database, 1 << 40)


def seen(region):
    """Names, times, sizes and bytes, but for those of files that are too large to be read."""
    files = {path: path.lstat() for path in region.rglob('*')}
    return {os.fsencode(path.relative_to(region)): (
        status.st_mtime_ns, status.st_size,
        path.read_bytes() if path.is_file() and status.st_size < 1 << 24 else None)
        for path, status in files.items()}


# What is found, but for what follows from it; nothing where it is read as if that were not there.
DATABASES = {
    put_view: 'sqlite_unknown_schema',
    put_triggers: None,
    put_overflow_pages: 'sqlite_bad_row',
    put_virtual_table: None,
    put_cycle: 'sqlite_corrupt',
    put_journal: 'sqlite_hot_journal',
    put_page_count: 'sqlite_corrupt',
    put_pages_without_end: 'sqlite_too_large',
}


class HostileSqliteTest(ToolTest):
    tool = TOOLS['region-verify']  # that stands for all

    def setUp(self):
        super().setUp()
        self.good = self.make_region('good', extents=3, image_blocks=25, kind='sqlite')

    def words(self, command, region):
        places = {'REGION': region, 'GOOD': self.good, 'OUT': self.work / 'out',
                  'NEW': self.work / 'new'}
        return [places.get(word, word) for word in COMMANDS[command].split()]

    def on_every_command(self, spoil, test, **details):
        """Calls test(command, region) with a region of its own for each, spoilt like that."""
        for command in COMMANDS:
            with self.subTest(command=command, **details):
                region = self.copy(self.good, 'region')
                spoil(region)
                begin = time.monotonic()
                try:
                    test(command, region)
                finally:
                    for made in (region, self.work / 'new'):
                        shutil.rmtree(made, ignore_errors=True)
                self.assertLess(time.monotonic() - begin, SECONDS_MAX)

    def check_kept(self, command, region, before):
        """Whatever else was migrated, the hostile extent stays; those who only read keep all."""
        def kept(files):
            base = os.fsencode(HOSTILE)
            return {name: files[name] for name in files if name.startswith(base)}
        if command == 'migrate':
            self.assert_same_tree(kept(before), kept(seen(region)))
        else:
            self.assert_same_tree(before, seen(region))

    def test_databases(self):
        self.require_start(limit_memory)
        for put, finding in DATABASES.items():
            def test(command, region):
                before = seen(region)
                records = self.records(*self.words(command, region), preexec_fn=limit_memory)
                found = {record['id'] for record in records.findings if record['extent'] == 1}
                others = [record for record in records.findings if record['extent'] != 1]
                self.assertEqual([], others)
                if finding is None or command == 'salvage':
                    self.assertEqual((DONE, set()), (records.summary['exit_code'], found))
                else:
                    self.assertEqual(FINDINGS, records.summary['exit_code'])
                    self.assertIn(finding, found)
                if command != 'compare':  # whose records are of what differs
                    seen_extents = {record['extent'] for record in records.of_type('extent')}
                    # Of an export that fails it is left open how far other threads have come.
                    if command == 'export' and finding:
                        seen_extents.add(2)
                    self.assertEqual({0, 1, 2}, seen_extents)
                if finding or command != 'migrate':
                    self.check_kept(command, region, before)

            self.on_every_command(lambda region: put(region / f'{HOSTILE}.db'), test,
                                  put=put.__name__)

    def test_no_schema_opens_a_file(self):
        outside = self.work / 'outside.csv'
        outside.write_text('1,2\n')
        watch = Watch([outside], Watch.IN_OPEN)
        self.on_every_command(lambda region: put_virtual_table(region / f'{HOSTILE}.db'),
                              lambda command, region: self.run_tool(*self.words(command, region)))
        self.assertEqual([], watch.events())
        watch.close()

    def test_files_that_are_something_else(self):
        outside = Outside(self.work, self.good)
        for name in (HOSTILE, f'{HOSTILE}.db', f'{HOSTILE}.db-wal'):
            for put in PUTS:
                def spoil(region):
                    (region / name).unlink(missing_ok=True)
                    put(region / name, outside.of(HOSTILE))

                def test(command, region):
                    # A hard link changes the number of names of what is outside.
                    before = snapshot(outside.place)
                    result = self.run_tool(*self.words(command, region))
                    if command != 'salvage':
                        self.assertNotEqual(DONE, result.code, result)
                    self.assertEqual([], outside.watch.events(), result)
                    self.assert_same_tree(before, snapshot(outside.place))

                self.on_every_command(spoil, test, name=name, put=put.__name__)
        outside.watch.close()

    def test_counts_beyond_all_measure(self):
        self.require_start(limit_memory)

        def spoil(region):
            definition = region / 'region.json'
            definition.write_text(definition.read_text().replace('"extent_count": 3',
                                                                 '"extent_count": 4294967295'))

        def test(command, region):
            process = self.start(*self.words(command, region), preexec_fn=limit_memory,
                                 stdout=open(os.devnull, 'wb'))
            time.sleep(0.1)
            process.terminate()
            self.assertNotIn('memory', self.finish(process).err)

        self.on_every_command(spoil, test)
