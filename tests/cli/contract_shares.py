"""The contract for tools that are given regions: a share of the work, a part of a region, a limited
rate, and where the records may go."""

import os
import shutil
import time

from harness import DONE, USAGE, ToolTest, content, needs_several_regions


class ShardContract(ToolTest):
    for_makers = False
    tool = None

    @needs_several_regions
    def test_the_shares_cover_everything_once(self):
        regions = [self.make_region(f'region-{i}', extents=30, size=1, image_blocks=3)
                   for i in range(4)]
        for i, region in enumerate(regions):
            definition = region / 'region.json'
            definition.write_text(definition.read_text().replace('e592', f'e59{i}'))
        done = []
        for share in (1, 2, 3):
            records = self.records(self.tool.name, *regions, '--shard', f'{share}/3', code=DONE)
            done += [(record['region'], record['extent']) for record in records.of_type('extent')]
        everything = [(str(region), extent) for region in regions for extent in range(30)]
        self.assertEqual(everything, sorted(done))

    @needs_several_regions
    def test_a_writer_takes_whole_regions(self):
        if not self.tool.changes:
            self.skipTest('a reader shares out extents')
        region = self.make_region(extents=30, size=1, image_blocks=3)
        counts = [len(self.records(self.tool.name, region, '--shard', f'{share}/2').extents)
                  for share in (1, 2)]
        self.assertEqual([0, 30], sorted(counts))

    @needs_several_regions
    def test_what_is_no_share_is_refused(self):
        region = self.make_region()
        for text in ('0/2', '3/2', '1', '1/', '/2', '1/0', '-1/2', 'a/b', '1/2/3', ''):
            result = self.expect(USAGE, self.tool.name, region, '--shard', text)
            self.assertIn('--shard: expected K/N', result.err)


class BlocksContract(ToolTest):
    for_makers = False
    tool = None

    def setUp(self):
        super().setUp()
        if '--blocks' not in self.run_tool(self.tool.name, '--help').out:
            self.skipTest('the tool does not look at single blocks')

    def test_blocks_count_over_the_region(self):
        region = self.make_region(extents=6, size=10)
        records = self.records(self.tool.name, region, '-b', '8-11,0x20', code=DONE)
        self.assertEqual([0, 1, 3], records.extents)

    def test_blocks_count_within_the_one_extent_that_is_named(self):
        region = self.make_region(extents=6, size=10)
        records = self.records(self.tool.name, region, '-e', '2', '-b', '9', code=DONE)
        self.assertEqual([2], records.extents)
        result = self.expect(USAGE, self.tool.name, region, '-e', '2', '-b', '10')
        self.assertIn('the extent has 10 blocks', result.err)

    def test_help_says_which(self):
        self.assertRegex(self.run_tool(self.tool.name, '--help').out,
                         r'--blocks LIST .*of the region, or of -e')

    def test_blocks_that_are_not_there_are_a_usage_error(self):
        region = self.make_region(extents=6, size=10)
        result = self.expect(USAGE, self.tool.name, region, '-b', '60')
        self.assertIn(f"'{region}': --blocks: block 60 was named, but the region has 60 blocks",
                      result.err)


class RateContract(ToolTest):
    for_makers = False
    tool = None

    def test_a_limited_rate_takes_its_time_and_changes_nothing_else(self):
        region = self.make_region('limited', extents=4, size=200, image_blocks=700)
        plain = self.work / 'plain'
        shutil.copytree(region, plain)
        self.expect(DONE, self.tool.name, plain)
        start = time.monotonic()
        records = self.records(self.tool.name, region, '--max-rate', '100K', code=DONE)
        seconds = time.monotonic() - start
        if records.summary['bytes'] > 300 << 10:
            self.assertGreater(seconds, 1)
        self.assert_same_tree(content(plain), content(region))

    def test_no_rate_at_all_is_refused(self):
        region = self.make_region()
        for text in ('0', '', 'x', '-1'):
            self.expect(USAGE, self.tool.name, region, '--max-rate', text)


class OutputsOutsideContract(ToolTest):
    """What a tool says never overwrites a region: not on purpose, not by a slip of the pen."""

    for_makers = False
    tool = None

    def test_records_and_numbers_do_not_go_into_a_region(self):
        region = self.make_region()
        os.symlink(region / '00', self.work / 'link')
        before = content(region)
        extent = region / '00/000/000'
        for path in (extent, region / 'new', self.work / 'link/000/001', region / '00/../region.json'):
            for option in ('--output', '--metrics'):
                result = self.expect(USAGE, self.tool.name, region, option, path)
                self.assertIn('is in the directory of the region', result.err)
                self.assertEqual(before, content(region))

    @needs_several_regions
    def test_nor_where_the_region_is_named_in_a_list(self):
        region = self.make_region()
        before = content(region)
        self.expect(USAGE, self.tool.name, '--regions-from', '-', '--output', region / 'region.json',
                    '--format', 'jsonl', stdin=os.fsencode(region))
        self.assertEqual(before, content(region))

    def test_an_output_is_emptied_even_if_there_is_nothing_to_say(self):
        region = self.make_region()
        (self.work / 'out').write_text('of an earlier run\n')
        self.expect(DONE, self.tool.name, region, '-q', '--output', self.work / 'out')
        self.assertEqual('', (self.work / 'out').read_text())
