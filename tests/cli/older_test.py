"""Regions of 2022 and early 2023: read by every tool that reads, changed by none."""

import json
import sqlite3

from harness import (DONE, FINDINGS, NOT_A_REGION, ToolTest, content, flip_byte, snapshot)

S4 = '''CREATE TABLE block_context (block INTEGER, hash BLOB NOT NULL, nonce BLOB, tag BLOB,
        on_disk_hash BLOB NOT NULL, PRIMARY KEY (block, hash, nonce, tag, on_disk_hash))'''
S5 = '''CREATE UNIQUE INDEX unencrypted ON block_context (block, hash, on_disk_hash)
        WHERE nonce IS NULL AND tag IS NULL'''
S3 = '''CREATE TABLE encryption_context (counter INTEGER, block INTEGER, nonce BLOB NOT NULL,
            tag BLOB NOT NULL, PRIMARY KEY (block, counter));
        CREATE TABLE integrity_hashes (counter INTEGER, block INTEGER, hash BLOB NOT NULL,
            PRIMARY KEY (block, counter))'''


def little_endian(number):
    return (number & (2**64 - 1)).to_bytes(8, 'little')


def make_older(path, generation):
    """The database of a SQLite extent of today with the tables of that generation."""
    database = sqlite3.connect(path)
    rows = database.execute('SELECT block, hash, on_disk_hash FROM block_context').fetchall()
    database.execute('DROP TABLE block_context')
    database.executescript({'S3': S3, 'S4': S4, 'S5': f'{S4};{S5}'}[generation])
    for block, hash_, on_disk_hash in rows:
        if generation == 'S3':
            database.execute('INSERT INTO integrity_hashes VALUES (0, ?, ?)',
                             (block, little_endian(hash_)))
        else:
            database.execute('INSERT INTO block_context VALUES (?, ?, NULL, NULL, ?)',
                             (block, little_endian(hash_), little_endian(on_disk_hash)))
    database.commit()
    database.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    for suffix in ('-wal', '-shm'):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def remove_members(region, *names):
    definition = json.loads((region / 'region.json').read_text())
    for name in names:
        del definition[name]
    (region / 'region.json').write_text(json.dumps(definition, indent=2) + '\n')


class OlderTest(ToolTest):

    def make_older_region(self, name='older', generation='S4', without_encrypted=False):
        region = self.make_region(name, kind='sqlite')
        for extent in range(6):
            make_older(region / f'00/000/{extent:03X}.db', generation)
        remove_members(region, 'database_read_version', 'database_write_version',
                       *(['encrypted'] if without_encrypted else []))
        return region

    def test_what_reads_reads_it(self):
        today = self.make_region('today', kind='sqlite')
        self.expect(DONE, 'region-export', today, '-o', self.work / 'today.img')
        for generation in ('S3', 'S4', 'S5'):
            region = self.make_older_region(generation, generation, generation == 'S3')
            before = snapshot(region)
            verified = self.records('region-verify', region, code=DONE)
            self.assertEqual({'definition_older', 'sqlite_older_generation'},
                             {finding['id'] for finding in verified.findings})
            self.assertEqual({'warning'}, {finding['severity'] for finding in verified.findings})
            self.assertEqual({True}, {generation in finding['found']
                                      for finding in verified.findings[1:]})
            self.assertEqual(45, verified.summary['written'])
            self.expect(FINDINGS, 'region-verify', '--strict', region)
            blocks = [self.records('region-dump', '--slots', each, code=DONE).of_type('block')
                      for each in (today, region)]
            for block in blocks[0] + blocks[1]:
                del block['region'], block['uuid']
            self.assertEqual(blocks[0], blocks[1])
            self.expect(DONE, 'region-dump', region)
            self.expect(DONE, 'region-export', '-f', region, '-o', self.work / 'older.img')
            self.assertEqual((self.work / 'today.img').read_bytes(),
                             (self.work / 'older.img').read_bytes())
            self.assert_same_tree(before, snapshot(region))

    def test_damage_is_found(self):
        for generation in ('S3', 'S4'):
            region = self.make_older_region(generation, generation)
            flip_byte(region / '00/000/002', 512)
            verified = self.records('region-verify', region, code=FINDINGS)
            errors = [finding for finding in verified.findings if finding['severity'] == 'error']
            self.assertEqual([('sqlite_no_matching_row', 2, 1)],
                             [(finding['id'], finding['extent'], finding['first_block'])
                              for finding in errors])

    def test_into_makes_a_raw_region_of_it(self):
        today = self.make_region('today', kind='sqlite')
        self.expect(DONE, 'region-migrate', today)
        for generation in ('S3', 'S4', 'S5'):
            region = self.make_older_region(generation, generation, generation == 'S3')
            before = snapshot(region)
            new = self.work / f'new-{generation}'
            self.expect(DONE, 'region-migrate', region, '--into', new)
            self.assert_same_tree(before, snapshot(region))
            self.assert_same_tree(content(today), content(new))
            self.expect(DONE, 'region-verify', '--strict', new)

    def test_nothing_changes_it_in_place(self):
        region = self.make_older_region()
        image = self.work / 'image'
        image.write_bytes(bytes(512))
        before = snapshot(region)
        for words in (['region-migrate'], ['region-migrate', '-n'], ['region-defragment'],
                      ['region-import', region, image], ['region-import', '-n', region, image]):
            with self.subTest(words):
                arguments = words[1:] if region in words else [*words[1:], region]
                result = self.run_tool(words[0], *arguments)
                self.assertEqual(NOT_A_REGION, result.code, result)
                self.assertIn('[older_in_place]', result.out)
                self.assertIn('region-migrate --into', result.out)
        self.assert_same_tree(before, snapshot(region))

    def test_one_older_database_in_a_region_of_today_stays_as_it_is(self):
        region = self.make_region(kind='sqlite')
        make_older(region / '00/000/003.db', 'S4')
        before = snapshot(region / '00/000')
        records = self.records('region-migrate', region, code=FINDINGS)
        self.assertEqual([('older_in_place', 3)], [(finding['id'], finding['extent'])
                                                   for finding in records.findings
                                                   if finding['severity'] == 'error'])
        self.assertEqual(['migrated'] * 3 + ['left'] + ['migrated'] * 2,
                         [record['action'] for record in records.of_type('extent')])
        after = snapshot(region / '00/000')
        for name in (b'003', b'003.db'):
            self.assertEqual(before[name], after[name])
