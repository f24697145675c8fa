#!/usr/bin/env python3
"""The library's read-write open and flush, against Crucible's of the golden regions."""

import golden_regions as golden

FLUSH_NUMBER = '1000'
GEN_NUMBER = '77'
ORDERINGS = ['posix', 'zfs']

# What the migration before the open is told, so that it does what Crucible does.
MIGRATED_WITH = {'sqlite-short-data/region': ['--extend-short']}

# Crucible opens this, and has nothing to flush; ours does not accept its region.json.
REFUSED_ON_PURPOSE = {'json-blocksize-mismatch/region': 'extent_size.shift: 9'}

# What Crucible cannot open either, and what ours says of it.
REFUSED = {
    'json-bad-read-version/region': 'expected database_read_version: 1, found 2',
    'json-missing/region': 'found nothing',
    'json-missing-field/region': 'expected encrypted',
    'raw-corrupt-data-dirty/region': 'missing context slot for block 5',
    'raw-corrupt-dirtybyte2/region': 'metadata: dirty: expected 1, found 2',
    'raw-corrupt-version-data/region': 'ext_version: expected 2, found 3',
    'raw-corrupt-version3/region': 'ext_version: expected 2, found 3',
    'raw-extended-1/region': 'wrong size',
    'raw-missing-extent/region': "001': the extent's file is missing",
    'raw-truncated-block/region': 'wrong size',
    'raw-truncated-data-only/region': 'wrong size',
    'sqlite-corrupt-db-header/region': "001.db': a SQLite extent",
    'sqlite-corrupt-db-header/region-after': "001.db': a SQLite extent",
    'sqlite-empty-db/region': "001.db': a SQLite extent",
    'sqlite-empty-db/region-after': "001.db': a SQLite extent",
    'sqlite-replace-onto-raw/region': 'expected raw files, found sqlite files',
    'sqlite-replace-onto-raw/region-after': 'wrong size',
}

# Of these Crucible changes an extent before it finds that it cannot open it: it makes a database of
# an empty file, and destroys what a replacement of the other format is for. Ours leaves it alone.
LEFT_ON_PURPOSE = {
    'sqlite-empty-db/region': '00/000/001',
    'sqlite-replace-onto-raw/region': '00/000/001',
}


def answer_of(name):
    return golden.expectations_of(name) / 'open-rw-flush.txt'


def as_crucible_leaves_it(name):
    return golden.read_sha256_list(
        golden.expectations_of(name) / 'open-rw-flush.region-afterwards.sha256')


def regions_with_an_answer():
    return [name for name in golden.regions() if answer_of(name).exists()]


def only(extent, content):
    return {path: found for path, found in content.items() if path.startswith(extent)}


def without(extent, content):
    return {path: found for path, found in content.items() if not path.startswith(extent)}


class FlushTest(golden.GoldenTest):

    def flush(self, name, ordering):
        """The region as the library leaves it, and the run."""
        copy = self.copy(name)
        if name.startswith('sqlite-'):
            golden.run('region-migrate', copy, *MIGRATED_WITH.get(name, []))
        done = golden.run('flush-region', copy, ordering, GEN_NUMBER, FLUSH_NUMBER)
        return golden.contents(copy), done

    def test_what_crucible_flushes_becomes_what_crucible_makes_of_it(self):
        compared = 0
        for name in regions_with_an_answer():
            if name in REFUSED or name in REFUSED_ON_PURPOSE:
                continue
            for ordering in ORDERINGS:
                with self.subTest(region=name, ordering=ordering):
                    found, done = self.flush(name, ordering)
                    self.assertEqual(done.stderr, '')
                    self.assertEqual(found, as_crucible_leaves_it(name))
                    compared += 1
        self.assertGreater(compared, 70)

    def test_what_crucible_cannot_open_is_refused_by_name_and_nothing_is_flushed(self):
        for name, reason in (REFUSED | REFUSED_ON_PURPOSE).items():
            with self.subTest(region=name):
                found, done = self.flush(name, 'posix')
                self.assertEqual(done.exit_code, 1)
                self.assertIn(reason, done.stderr)
                left = LEFT_ON_PURPOSE.get(name, '-')
                expected = as_crucible_leaves_it(name)
                self.assertEqual(without(left, found), without(left, expected))

    def test_what_is_left_on_purpose_is_left_whole(self):
        for name, extent in LEFT_ON_PURPOSE.items():
            with self.subTest(region=name):
                found, _ = self.flush(name, 'posix')
                before = golden.contents(golden.golden_path(name))
                self.assertEqual(only(extent, found), only(extent, before))

    def test_it_is_known_of_every_region_whether_crucible_opens_it(self):
        for name in regions_with_an_answer():
            self.assertEqual(name in REFUSED, golden.crucibles_exit(answer_of(name)) != 0, name)


if __name__ == '__main__':
    golden.main()
