"""region-dump --bundle and region-create --from-bundle: a region without data, with the findings of
the one bundled."""

import csv
import io
import json
import os
import subprocess
import tarfile

from harness import (DONE, FAILED, FINDINGS, IN_USE, NOT_A_REGION, STOPPED, USAGE, ToolTest, content,
                     flip_byte, limited)


class BundleTest(ToolTest):

    def bundle(self, region, name='region.tar'):
        path = self.work / name
        self.records('region-dump', '--bundle', path, '--force', region, code=DONE)
        return path

    def damaged_bundle(self):
        """Of a region with two findings, and these."""
        region = self.make_region(f'original-{len(os.listdir(self.work))}')
        flip_byte(region / '00/000/001', 512 * 3)
        os.truncate(region / '00/000/004', 100)
        findings = self.records('region-verify', region, code=FINDINGS).findings
        return self.bundle(region), [self.place(finding) for finding in findings]

    def place(self, finding):
        return finding['id'], finding['extent'], finding.get('first_block'), finding.get('offset')

    def create(self, bundle, *arguments, code=DONE, **options):
        return self.records('region-create', self.work / 'new', '--from-bundle', bundle,
                            *arguments, code=code, **options)

    def refuse(self, bundle, *arguments, **options):
        """Nothing is left of a bundle that is refused; returns what is said."""
        result = self.expect(FAILED, 'region-create', self.work / 'new', '--from-bundle', bundle,
                             *arguments, **options)
        self.assertFalse((self.work / 'new').exists())
        return result.err

    # ---- what is made ---------------------------------------------------------------------------

    def test_the_findings_are_those_of_the_region_that_was_bundled(self):
        bundle, expected = self.damaged_bundle()
        self.assertEqual(['no_matching_slot', 'wrong_size'], [place[0] for place in expected])
        records = self.create(bundle)
        self.assertEqual(6, records.summary['extents'])
        found = self.records('region-verify', self.work / 'new', code=FINDINGS).findings
        self.assertEqual(expected, [self.place(finding) for finding in found])

    def test_the_size_is_that_of_all_files(self):
        records = self.create(self.damaged_bundle()[0])
        sizes = [path.stat().st_size for path in (self.work / 'new').rglob('*') if path.is_file()]
        self.assertEqual(sum(sizes), records.summary['apparent_bytes'])

    def test_a_bundle_from_standard_input_makes_the_same_region(self):
        bundle, _ = self.damaged_bundle()
        self.create(bundle)
        expected = content(self.work / 'new')
        (self.work / 'new').rename(self.work / 'first')
        self.create('-', stdin=bundle.read_bytes())
        self.assert_same_tree(expected, content(self.work / 'new'))

    def test_a_dry_run_makes_nothing_and_says_what_region_it_is(self):
        bundle, _ = self.damaged_bundle()
        records = self.create(bundle, '-n', code=FINDINGS)
        self.assertFalse((self.work / 'new').exists())
        self.assertIs(True, records.of_type('region_summary')[0]['would_change'])
        self.assertEqual(6, records.summary['extents'])

    def test_force_clears_what_an_interrupted_create_left(self):
        bundle, _ = self.damaged_bundle()
        self.create(bundle)
        expected = content(self.work / 'new')
        (self.work / 'new/region.json').rename(self.work / 'new/region.json.incomplete')
        (self.work / 'new/stray').write_text('x')
        result = self.expect(FAILED, 'region-create', self.work / 'new', '--from-bundle', bundle)
        self.assertIn('--force', result.err)
        self.create(bundle, '--force')
        self.assert_same_tree(expected, content(self.work / 'new'))

    # ---- what is refused ------------------------------------------------------------------------

    def test_options_that_say_what_region_to_make_are_usage_errors(self):
        bundle, _ = self.damaged_bundle()
        for words in (['--block-size', '4K'], ['--size', '1M'], ['--encrypted'],
                      ['--import', bundle], ['--extent-format', 'raw'], ['--extent-count', '3'],
                      ['--uuid', '02b5a561-2d09-4a9b-8ac0-34d2ef61e592']):
            with self.subTest(words=words):
                self.expect(USAGE, 'region-create', self.work / 'new', '--from-bundle', bundle,
                            *words)
        self.expect(USAGE, 'region-create', self.work / 'new', '--from-bundle', '')
        self.assertFalse((self.work / 'new').exists())

    def test_a_bundle_that_is_missing_or_none_is_named(self):
        self.assertIn("open 'missing'", self.refuse('missing'))
        self.assertIn("at 0: end of the bundle", self.refuse('/dev/null'))
        other = self.work / 'other'
        other.write_bytes(b'x' * 10000)
        self.assertIn(f"bundle '{other}' at 148: checksum: expected ", self.refuse(other))

    def repacked(self, change):
        """The bundle with its members as `change` makes them: a list of headers and contents."""
        with tarfile.open(self.damaged_bundle()[0]) as archive:
            members = [(info, archive.extractfile(info).read()) for info in archive]
        path = self.work / 'changed.tar'
        with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as archive:
            for info, data in change(members):
                archive.addfile(info, io.BytesIO(data))
        return path

    def test_what_another_tar_repacks_is_taken_if_it_is_the_same(self):
        self.create(self.repacked(lambda members: members))

    def test_links_devices_and_names_that_lead_out_are_refused(self):
        def with_member(name, kind=tarfile.REGTYPE, link=''):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            return lambda members: [*members[:2], (info, b''), *members[2:]]

        for name in ('../escaped', '/tmp/escaped', '00/000/../../../escaped', 'readme'):
            with self.subTest(name=name):
                self.assertIn(f"expected the name of a bundle's member, found '{name}'",
                              self.refuse(self.repacked(with_member(name))))
        for kind in (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
                     tarfile.CHRTYPE):
            with self.subTest(kind=kind):
                self.assertIn('type: expected', self.refuse(
                    self.repacked(with_member('listing', kind))))

    def test_names_twice_are_refused(self):
        self.assertIn("expected a member that comes after 'listing'", self.refuse(
            self.repacked(lambda members: [*members[:3], *members[2:]])))

    # ---- what goes wrong ------------------------------------------------------------------------

    def test_a_write_that_fails_leaves_nothing(self):
        bundle, _ = self.damaged_bundle()
        err = self.refuse(bundle, preexec_fn=limited('RLIMIT_FSIZE', 1000))
        self.assertIn('File too large', err)

    def test_a_stop_while_it_waits_for_the_bundle_leaves_nothing(self):
        bundle, _ = self.damaged_bundle()
        process = self.start('region-create', self.work / 'new', '--from-bundle', '-',
                             stdin=subprocess.PIPE)
        process.stdin.write(bundle.read_bytes()[:5000])
        process.stdin.flush()
        self.wait_for_handlers(process)
        process.terminate()
        process.wait()
        self.assertEqual(STOPPED, process.returncode)
        self.assertFalse((self.work / 'new').exists())


class DumpTest(ToolTest):

    def setUp(self):
        super().setUp()
        self.region = self.make_region()
        self.target = self.work / 'out'
        self.target.mkdir()
        self.path = self.target / 'region.tar'

    def dump(self, *arguments, code=DONE, **options):
        return self.records('region-dump', '--bundle', self.path, *arguments, code=code, **options)

    def test_the_file_is_a_bundle_and_the_region_as_it_was(self):
        before = content(self.region)
        records = self.dump(self.region)
        self.assert_same_tree(before, content(self.region))
        self.assertEqual(['region.tar'], os.listdir(self.target))
        self.assertEqual(self.path.stat().st_size, records.summary['bundle_bytes'])
        self.assertEqual((6, 60, 60 * 512, 0), tuple(
            records.summary[name] for name in ('extents', 'blocks', 'bytes', 'not_carried')))
        with tarfile.open(self.path) as archive:
            manifest = json.load(archive.extractfile('manifest.json'))
        version = self.expect(DONE, 'region-dump', '--version').out.split()[1]
        self.assertEqual(('region-dump', version), (manifest['tool'], manifest['tool_version']))

    def test_people_are_told_the_size_and_what_is_not_carried(self):
        os.link(self.region / '00/000/003', self.region / 'odd\x1bname')
        out = self.expect(DONE, 'region-dump', '--bundle', self.path, self.region).out
        self.assertIn('not carried: 00/000/003: a file with several names\n', out)
        self.assertIn('not carried: odd\\x1bname: a file with several names\n', out)
        self.assertRegex(out, r'6 extents bundled, [0-9.]+ \w+, 2 files not carried')

    def test_what_is_not_carried_is_a_record_or_a_row(self):
        os.link(self.region / '00/000/003', self.region / 'other')
        log = self.region / '00/000/004.db'
        log.write_bytes(b'no database')
        records = self.dump('--blind', self.region)
        expected = {('00/000/003', None), ('00/000/004.db', 4), ('other', None)}
        found = records.of_type('not_carried')
        self.assertEqual(expected, {(each['file'], each.get('extent')) for each in found})
        self.assertEqual(3, records.summary['not_carried'])
        result = self.expect(DONE, 'region-dump', '--bundle', self.path, '--blind', '--force',
                             '--format', 'csv', self.region)
        rows = list(csv.DictReader(result.out.splitlines(), strict=True))
        self.assertEqual({(file, str(extent or '')) for file, extent in expected},
                         {(row['file'], row['extent']) for row in rows})
        self.assertTrue(all(row['reason'] for row in rows))

    def test_a_file_that_is_there_is_replaced_with_force_only(self):
        self.path.write_text('precious')
        err = self.expect(FAILED, 'region-dump', '--bundle', self.path, self.region).err
        self.assertIn('--force', err)
        self.assertEqual('precious', self.path.read_text())
        self.dump('-f', self.region)
        self.assertTrue(tarfile.is_tarfile(self.path))
        self.assertEqual(['region.tar'], os.listdir(self.target))

    def test_nothing_is_left_where_it_cannot_be_written(self):
        self.dump(self.region, code=FAILED, preexec_fn=limited('RLIMIT_FSIZE', 3000))
        self.assertEqual([], os.listdir(self.target))

    def test_nothing_is_left_where_the_region_is_in_use(self):
        with open(self.region / '00/000/003', 'r+b'):
            self.dump(self.region, code=IN_USE)
            self.assertEqual([], os.listdir(self.target))
            self.dump('--live', self.region)
        self.assertTrue(tarfile.is_tarfile(self.path))

    def test_what_is_no_region_has_no_bundle(self):
        (self.region / 'region.json').write_text('{}')
        self.dump(self.region, code=NOT_A_REGION)
        self.dump(self.work / 'missing', code=NOT_A_REGION)
        self.assertEqual([], os.listdir(self.target))

    def test_a_bundle_is_of_one_whole_region_and_nowhere_in_it(self):
        other = self.copy(self.region, 'other')
        before = content(self.region)
        for words in (['-e', '1'], ['-b', '3'], ['--shard', '1/2'], ['--slots'], ['--raw'],
                      ['--layout'], ['--inventory'], ['--only-differences'], [other],
                      ['--regions-from', '/dev/null']):
            with self.subTest(words=words):
                self.expect(USAGE, 'region-dump', '--bundle', self.path, *words, self.region)
        for path in ('', '-', self.region / 'b.tar', self.region / '00/000/b.tar',
                     self.work / 'out/../' / self.region.name / 'b.tar'):
            with self.subTest(path=path):
                self.expect(USAGE, 'region-dump', '--bundle', path, self.region)
        self.expect(USAGE, 'region-dump', '--blind', self.region)
        self.expect(USAGE, 'region-dump', '--force', self.region)
        self.assertEqual([], os.listdir(self.target))
        self.assert_same_tree(before, content(self.region))
