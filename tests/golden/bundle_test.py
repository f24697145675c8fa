#!/usr/bin/env python3
"""Regions made of bundles: what region-verify finds in them is what it finds in the original."""

import json
import subprocess
import tarfile

import golden_regions as golden

# region.json cannot be used: nothing can be bundled.
NOT_BUNDLED = {'json-bad-read-version/region', 'json-blocksize-mismatch/region',
               'json-missing/region', 'json-missing-field/region'}

# Of a database that can be read only the rows are carried. So these do not show, and that is told.
LOST = {'sqlite_hot_wal'}

# Of databases that cannot be read nothing is carried where the bundle is blinded; that is told too.
LOST_BLINDED = {
    # Zeros are no database either, but the empty tables were.
    'sqlite-empty-db/region-after': {'sqlite_unknown_schema': 'sqlite_not_a_database'},
}


def findings_of(path):
    """All that names a finding and its place: id, extent, file, blocks."""
    run = golden.run_for_records('region-verify', path)
    return [(golden.brief(finding), finding['file']) for finding in run.records('finding')]


def numbers_of(path):
    """What the extents are but for their blocks."""
    run = golden.run_for_records('region-verify', path)
    left_out = ('region', 'findings')
    return [{name: value for name, value in record.items() if name not in left_out}
            for record in run.records('extent')]


class BundleTest(golden.GoldenTest):

    def bundle(self, region, *options):
        """The bundle, and the records of what it does not carry."""
        path = self.directory / 'bundle.tar'
        run = golden.run_for_records('region-dump', '--bundle', path, '--force', *options, region)
        self.assertEqual((run.exit_code, run.stderr), (0, ''))
        return path, run.records('not_carried')

    def unbundle(self, bundle):
        made = self.directory / 'made'
        golden.shutil.rmtree(made, ignore_errors=True)
        run = golden.run('region-create', made, '--from-bundle', bundle)
        self.assertEqual((run.exit_code, run.stderr), (0, ''))
        return made

    def usable_regions(self):
        return [name for name in golden.regions() if name not in NOT_BUNDLED]

    def without_lost(self, findings):
        return [finding for finding in findings if finding[0].split()[0] not in LOST]

    def test_the_same_findings_show(self):
        for name in self.usable_regions():
            with self.region(name) as copy:
                before = golden.snapshot(copy)
                bundle, told = self.bundle(copy)
                self.assertEqual(golden.snapshot(copy), before)
                made = self.unbundle(bundle)
                expected = findings_of(copy)
                self.assertEqual(findings_of(made), self.without_lost(expected))
                self.assertEqual(numbers_of(made), numbers_of(copy))
                lost = len(expected) - len(self.without_lost(expected))
                self.assertEqual(len(told), lost, told)

    def test_the_same_findings_show_where_nonces_and_tags_are_blinded(self):
        for name in self.usable_regions():
            with self.region(name) as copy:
                bundle, told = self.bundle(copy, '--blind')
                found = findings_of(self.unbundle(bundle))
                expected = self.without_lost(findings_of(copy))
                changed = LOST_BLINDED.get(name, {})
                expected = [(changed.get(brief.split()[0], brief.split()[0])
                             + brief[len(brief.split()[0]):], file) for brief, file in expected]
                self.assertEqual(found, expected)
                if changed:
                    self.assertNotEqual(told, [])

    def test_no_data_is_in_a_bundle(self):
        """Of no block that is not zero, 16 bytes in a row."""
        for name in self.usable_regions():
            with self.region(name) as copy:
                definition = json.loads((copy / 'region.json').read_text())
                size = definition['block_size']
                data_bytes = size * definition['extent_size']['value']
                content = self.bundle(copy)[0].read_bytes()
                for path in copy.glob('[0-9A-F][0-9A-F]/???/???'):
                    if not path.is_file():
                        continue
                    data = path.read_bytes()[:data_bytes]
                    for at in range(0, len(data) - 16, size):
                        piece = data[at:at + 16]
                        if any(piece):
                            self.assertNotIn(piece, content, (path, at))

    def test_no_nonce_and_no_tag_is_in_a_blinded_bundle(self):
        for name in ('raw-encrypted-clean/region', 'sqlite-encrypted-clean/region'):
            with self.region(name) as copy:
                plain = self.bundle(copy)[0].read_bytes()
                blinded = self.bundle(copy, '--blind')[0].read_bytes()
                contexts = self.contexts_of(name)
                self.assertGreater(len(contexts), 10)
                for value in contexts:
                    self.assertIn(value, plain)
                    self.assertNotIn(value, blinded)

    @staticmethod
    def contexts_of(name):
        """Nonces and tags of all blocks, as Crucible gives them."""
        path = golden.expectations_of(name) / 'contexts.csv'
        lines = [line for line in path.read_text().splitlines() if not line.startswith('#')]
        names = lines[0].split(',')
        rows = [dict(zip(names, line.split(','))) for line in lines[1:]]
        return [bytes.fromhex(row[column]) for row in rows for column in ('nonce', 'tag')
                if row[column]]

    def test_any_tar_can_read_it(self):
        for name in self.usable_regions():
            with self.region(name) as copy:
                bundle, _ = self.bundle(copy)
                listed = subprocess.run(['tar', 'tf', bundle], check=True, capture_output=True,
                                        text=True).stdout.splitlines()
                with tarfile.open(bundle) as archive:
                    self.assertEqual(archive.getnames(), listed)
                    self.assertEqual(listed[:2], ['manifest.json', 'region.json'])
                    manifest = json.load(archive.extractfile('manifest.json'))
                    definition = json.load(archive.extractfile('region.json'))
                self.assertEqual(definition, json.loads((copy / 'region.json').read_text()))
                self.assertEqual(manifest['bundle'], 1)
                self.assertEqual(manifest['blinded'], [])

    def test_the_same_region_gives_the_same_bytes(self):
        copy = self.copy('raw-fragmented-clean/region')
        first = self.bundle(copy)[0].read_bytes()
        self.assertEqual(self.bundle(copy)[0].read_bytes(), first)

    def test_a_bundle_of_a_made_region_makes_the_same_region(self):
        for name in ('raw-dirty/region', 'raw-corrupt-data/region', 'raw-leftovers/region'):
            with self.region(name) as copy:
                made = self.unbundle(self.bundle(copy)[0])
                expected = golden.contents(made)
                again = made.rename(self.directory / 'first')
                self.assertEqual(golden.contents(self.unbundle(self.bundle(again)[0])), expected)
                golden.shutil.rmtree(again)

    def test_what_is_made_takes_little_space(self):
        copy = self.copy('raw-bs4096/region')
        made = self.unbundle(self.bundle(copy)[0])
        for path in made.glob('00/000/*'):
            self.assertEqual(path.stat().st_size, (copy / path.relative_to(made)).stat().st_size)
            self.assertLess(path.stat().st_blocks * 512, path.stat().st_size // 2)


if __name__ == '__main__':
    golden.main()
