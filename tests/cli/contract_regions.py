"""The contract for tools that are given regions: which ones, what if one cannot be used, and that
reading changes nothing."""

import json
import os
import shutil
import subprocess

from harness import (DONE, FAILED, FINDINGS, IN_USE, NOBODY, NOT_A_REGION, ToolTest, USAGE, UUID,
                     content, limited, locked, needs_independent_extents, needs_root,
                     needs_several_regions, snapshot)


class RegionArgumentsContract(ToolTest):
    for_makers = False
    tool = None

    def regions_of(self, records):
        return [record['region'] for record in records.of_type('region_summary')]

    @needs_several_regions
    def test_several_regions_are_done_in_their_order(self):
        names = ['c', 'a', 'b']
        for name in names:
            self.make_region(name)
        self.assertEqual(names, self.regions_of(self.records(self.tool.name, *names, code=DONE)))

    @needs_several_regions
    def test_the_summary_adds_up_the_regions(self):
        regions = [self.make_region('a', extents=6), self.make_region('b', extents=9)]
        code = FINDINGS if self.tool.compares else DONE
        records = self.records(self.tool.name, *regions, code=code)
        self.assertEqual([6, 9], [record['extents'] for record in
                                  records.of_type('region_summary')])
        self.assertEqual(15, records.summary['extents'])

    def test_ways_to_write_a_path(self):
        self.make_region('region')
        os.symlink('region', self.work / 'link')
        os.rename(self.make_region('-n'), self.work / '-hyphen')
        for words in (['region/'], ['./region'], ['link'], [self.work / 'region//'],
                      ['region/../region'], ['--', '-hyphen']):
            self.expect(DONE, self.tool.name, *words)

    # ---- --regions-from -------------------------------------------------------------------------

    @needs_several_regions
    def test_regions_from_a_file_come_after_those_of_the_command_line(self):
        for name in ('a', 'b', 'c'):
            self.make_region(name)
        (self.work / 'list').write_text('c\n\nb')
        records = self.records(self.tool.name, '--regions-from', 'list', 'a', code=DONE)
        self.assertEqual(['a', 'c', 'b'], self.regions_of(records))

    @needs_several_regions
    def test_regions_from_standard_input(self):
        for name in ('a', 'name with spaces '):
            self.make_region(name)
        records = self.records(self.tool.name, '--regions-from', '-', code=DONE,
                               stdin=b'name with spaces \na\n')
        self.assertEqual(['name with spaces ', 'a'], self.regions_of(records))

    @needs_several_regions
    def test_regions_separated_by_nul_may_have_any_name(self):
        names = ['two\nlines', ' -n', 'a']
        for name in names:
            os.rename(self.make_region('temporary'), self.work / name)
        records = self.records(self.tool.name, '--regions-from', '-', '-0', code=DONE,
                               stdin=b'two\nlines\0 -n\0\0a')
        self.assertEqual(names, self.regions_of(records))

    @needs_several_regions
    def test_a_list_that_names_no_region_is_a_usage_error(self):
        for text in (b'', b'\n\n'):
            result = self.expect(USAGE, self.tool.name, '--regions-from', '-', stdin=text)
            self.assertIn('no region', result.err)

    @needs_several_regions
    def test_a_list_that_cannot_be_read_is_exit_3_and_named(self):
        for path in ('none', '.'):
            result = self.expect(FAILED, self.tool.name, '--regions-from', path)
            self.assertIn(f"'{path}'", result.err)

    @needs_several_regions
    def test_nothing_is_begun_where_the_list_cannot_be_read(self):
        self.make_region('a')
        result = self.run_tool(self.tool.name, 'a', '--regions-from', 'none')
        self.assertEqual((FAILED, b''), (result.code, result.stdout), result)

    # ---- regions that cannot be used ------------------------------------------------------------

    def expect_no_region(self, path, finding):
        """Exit 4, a message for people, a finding for programs."""
        result = self.expect(NOT_A_REGION, self.tool.name, path)
        self.assertIn(str(path), result.out + result.err)
        records = self.records(self.tool.name, path, code=NOT_A_REGION)
        self.assertEqual([finding], sorted({found['id'] for found in records.findings}))
        self.assertEqual({str(path)}, {found['region'] for found in records.findings})
        self.assertIs(False, records.summary['complete'])
        return records

    def test_an_empty_directory_is_exit_4_and_a_finding(self):
        (self.work / 'empty').mkdir()
        self.expect_no_region(self.work / 'empty', 'definition_missing')

    def test_a_path_with_nothing_there_is_exit_4(self):
        result = self.expect(NOT_A_REGION, self.tool.name, 'none')
        self.assertIn("'none'", result.err)

    def test_a_file_instead_of_a_directory_is_exit_4(self):
        (self.work / 'file').write_text('text')
        result = self.expect(NOT_A_REGION, self.tool.name, 'file')
        self.assertIn("'file'", result.err)

    def test_whatever_is_no_region_is_a_finding_too(self):
        (self.work / 'file').write_text('text')
        os.symlink('nowhere', self.work / 'dangling')
        for name in ('none', 'file', 'dangling', ''):
            records = self.records(self.tool.name, name, code=NOT_A_REGION)
            self.assertEqual([name], [finding['region'] for finding in records.findings])

    def test_a_damaged_region_json_is_exit_4_and_a_finding(self):
        region = self.make_region()
        file = region / 'region.json'
        good = file.read_text()
        damaged = {
            'empty': '', 'cut': good[:100], 'no object': '[]', 'twice': good + good,
            'negative': good.replace('"extent_count": 6', '"extent_count": -6'),
            'fraction': good.replace('"extent_count": 6', '"extent_count": 6.5'),
            'shift': good.replace('"shift": 9', '"shift": 12'),
            'version': good.replace('"database_read_version": 1', '"database_read_version": 2'),
            'uuid': good.replace(UUID, UUID[:-1]),
            'encrypted': good.replace('false', '"false"'),
            'member': good.replace('"encrypted"', '"other"'),
            'long': good + ' ' * 70000,
        }
        for what, text in damaged.items():
            self.assertNotEqual(good, text, what)
            file.write_text(text)
            before = snapshot(region)
            self.expect_no_region(region, 'definition_invalid')
            self.assertEqual(before, snapshot(region), what)

    def test_a_region_json_that_is_no_file_is_exit_4_and_a_finding(self):
        region = self.make_region()
        file = region / 'region.json'
        shutil.copy(file, self.work / 'elsewhere.json')
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink('../elsewhere.json', path),
                     lambda path: os.link(self.work / 'elsewhere.json', path)):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
            make(file)
            self.expect_no_region(region, 'definition_invalid')

    def test_the_finding_says_which_member_is_wrong(self):
        region = self.make_region()
        text = (region / 'region.json').read_text().replace('"extent_count": 6',
                                                            '"extent_count": "six"')
        (region / 'region.json').write_text(text)
        finding, = self.records(self.tool.name, region, code=NOT_A_REGION).findings
        self.assertIn('extent_count', finding['expected'])
        self.assertEqual('"six"', finding['found'])
        self.assertEqual('region.json', finding['file'])

    def test_a_member_that_is_not_known_is_accepted_and_kept(self):
        region = self.make_region()
        definition = json.loads((region / 'region.json').read_text())
        definition['colour'] = 'green'
        (region / 'region.json').write_text(json.dumps(definition))
        before = (region / 'region.json').read_bytes()
        self.expect(DONE, self.tool.name, region)
        self.assertEqual(before, (region / 'region.json').read_bytes())

    def test_a_region_of_no_extents_is_a_region(self):
        self.expect(DONE, 'region-create', 'none', '--extent-count', '0')
        records = self.records(self.tool.name, 'none', code=DONE)
        self.assertEqual(0, records.summary['extents'])
        self.assertEqual([], records.findings)

    # ---- one fails, the others are done ---------------------------------------------------------

    @needs_several_regions
    def test_a_failure_in_one_region_does_not_stop_the_others(self):
        (self.work / 'empty').mkdir()
        good = [self.make_region('first'), self.make_region('last')]
        words = [good[0], 'none', 'empty', self.make_damaged_region(), good[1]]
        records = self.records(self.tool.name, *words, code=NOT_A_REGION)
        self.assertEqual(list(map(str, good)), [region for region in self.regions_of(records)
                                                if region in map(str, good)])
        self.assertEqual(18, records.summary['extents'])
        self.assertIs(False, records.summary['complete'])

    @needs_several_regions
    def test_an_extent_that_one_region_lacks_does_not_stop_the_others(self):
        regions = [self.make_region('a', extents=3), self.make_region('b', extents=9)]
        records = self.records(self.tool.name, '-e', '7', *regions, code=USAGE)
        self.assertEqual([7], records.extents)

    @needs_several_regions
    def test_the_most_serious_exit_status_counts(self):
        good, damaged, used = self.make_region('a'), self.make_damaged_region(), self.make_region()
        cases = [([good, damaged], FINDINGS), ([damaged, good], FINDINGS),
                 ([damaged, used, good], IN_USE), (['none', used, damaged], NOT_A_REGION),
                 ([used, 'none'], NOT_A_REGION)]
        with locked(used):
            for words, code in cases:
                records = self.records(self.tool.name, *words, code=code)
                self.assertEqual(code == FINDINGS and not self.tool.changes,
                                 records.summary['complete'])

    # ---- permissions ----------------------------------------------------------------------------

    def unreadable(self, *parts):
        """A region of this user's, of which a part cannot be opened, and how to run the tool."""
        options = self.as_ordinary_user()
        region = self.make_region('unreadable')
        if options:
            for path in [region, *region.rglob('*')]:
                os.chown(path, NOBODY, NOBODY)
        for part in parts:
            os.chmod(region / part, 0)
        return region, options

    def test_an_unreadable_directory_is_exit_3_and_named(self):
        region, options = self.unreadable('.')
        result = self.expect(FAILED, self.tool.name, region, **options)
        self.assertIn(f"'{region}': Permission denied", result.err)

    def test_an_unreadable_region_json_is_exit_3_and_named(self):
        region, options = self.unreadable('region.json')
        result = self.expect(FAILED, self.tool.name, region, **options)
        self.assertIn("region.json': Permission denied", result.err)

    def test_an_unreadable_leaf_directory_is_exit_3_and_named(self):
        region, options = self.unreadable('00/000')
        records = self.records(self.tool.name, region, code=FAILED, **options)
        self.assertEqual([('not_accessible', '00/000')],
                         [(finding['id'], finding['file']) for finding in records.findings])
        self.assertIn('Permission denied', records.findings[0]['found'])

    @needs_independent_extents
    def test_an_unreadable_extent_is_exit_3_and_a_finding_and_the_others_are_done(self):
        region, options = self.unreadable('00/000/002')
        records = self.records(self.tool.name, region, code=FAILED, **options)
        self.assertEqual([('not_accessible', 2)], [(finding['id'], finding['extent'])
                                                   for finding in records.findings])
        self.assertIn('Permission denied', records.findings[0]['found'])
        self.assertEqual([0, 1, 2, 3, 4, 5], records.extents)
        self.assertIs(False, records.summary['complete'])

    def test_the_remedy_for_a_lack_of_permission_is_no_replica(self):
        region, options = self.unreadable('00/000/002')
        result = self.expect(FAILED, self.tool.name, region, **options)
        self.assertIn('Permission denied', result.out + result.err)
        self.assertNotIn('replica', result.out + result.err)

    @needs_several_regions
    def test_one_unreadable_region_does_not_stop_the_others(self):
        region, options = self.unreadable('.')
        good = self.make_region('good')
        if options:
            for path in [good, *good.rglob('*')]:
                os.chown(path, NOBODY, NOBODY)
        records = self.records(self.tool.name, region, 'none', good, code=FAILED, **options)
        self.assertEqual([str(good)], self.regions_of(records))


class LimitsContract(ToolTest):
    """What the system refuses is exit 3 or done without, and never a bug."""

    for_makers = False
    tool = None

    def run_limited(self, resource, value, *arguments):
        limit = limited(resource, value)
        self.require_start(limit)
        region = self.make_region('wide', extents=1200, size=1, image_blocks=0)
        # A sanitizer's own look for leaks would suffer from the limit.
        env = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        return self.run_tool(self.tool.name, region, *arguments, preexec_fn=limit, env=env)

    def test_threads_that_cannot_be_had(self):
        result = self.run_limited('RLIMIT_AS', 1 << 30, '-j', '1000')
        self.assertIn(result.code, (DONE, FAILED), result)

    def test_few_file_descriptors(self):
        for limit in (8, 12, 20):
            result = self.run_limited('RLIMIT_NOFILE', limit, '-j', '4')
            self.assertIn(result.code, (DONE, FAILED), result)
            if result.code == FAILED:
                self.assertIn('Too many open files', result.err + result.out)
            subprocess.run(['rm', '-r', self.work / 'wide'], check=True)


class ReadingContract(ToolTest):
    """verify and dry runs: no byte changes, no file appears or goes."""

    for_makers = False
    tool = None

    def reading_options(self):
        return ['-n'] if self.tool.changes else []

    def make_everything(self):
        """A region with one extent in each state that a writer would do something about."""
        region = self.make_live_region()
        leaf = region / '00/000'
        for part in ('copy', 'completed'):
            (leaf / f'000.{part}').mkdir()
            (leaf / f'000.{part}/000').write_bytes(b'x')
        shutil.copytree(leaf, self.work / 'files')
        (leaf / '003.replace').mkdir()
        for name in ('003', '003.db'):
            shutil.copy(self.work / 'files' / name, leaf / '003.replace' / name)
        (region / 'seed.db').write_bytes(b'')
        return region

    def test_reading_changes_nothing(self):
        for kind in self.tool.formats:
            region = self.make_damaged_region(kind, kind=kind)
            before = snapshot(region)
            self.expect(FINDINGS, self.tool.name, region, *self.reading_options())
            self.assert_same_tree(before, snapshot(region))

    def test_reading_changes_nothing_of_a_region_with_hot_logs_and_leftovers(self):
        region = self.make_everything()
        before = snapshot(region)
        self.run_tool(self.tool.name, region, *self.reading_options(), '-v')
        self.assert_same_tree(before, snapshot(region))

    @needs_root('mounts a file system read-only')
    def test_reading_works_on_a_read_only_mount(self):
        region = self.make_everything()
        writable = self.records(self.tool.name, region, *self.reading_options())
        mount = self.work / 'mount'
        mount.mkdir()
        for words in (['--bind', region, mount], ['-o', 'remount,ro,bind', mount]):
            done = subprocess.run(['mount', *words], capture_output=True, check=False)
            if done.returncode != 0:
                self.skipTest(f'cannot mount: {done.stderr.decode().strip()}')
            if words[0] == '--bind':
                self.addCleanup(subprocess.run, ['umount', mount], check=True)
        before = snapshot(mount)
        records = self.records(self.tool.name, mount, *self.reading_options(),
                               code=writable.summary['exit_code'])
        self.assertEqual([finding['id'] for finding in writable.findings],
                         [finding['id'] for finding in records.findings])
        self.assertEqual(before, snapshot(mount))

    @needs_root('gives a region to another user')
    def test_reading_works_without_owning_the_region(self):
        options = self.as_ordinary_user()
        region = self.make_region(image_blocks=40)
        before = content(region)
        records = self.records(self.tool.name, region, *self.reading_options(), code=DONE,
                               **options)
        self.assertEqual('processes', records.meta['in_use_check'])
        self.assertEqual(before, content(region))
