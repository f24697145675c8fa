"""The contract for tools that are given regions: a share of the work, a part of a region, a limited
rate."""

import shutil
import time

from harness import DONE, USAGE, ToolTest, content


class ShardContract(ToolTest):
    for_makers = False
    tool = None

    def setUp(self):
        super().setUp()
        if '--shard' not in self.run_tool(self.tool.name, '--help').out:
            self.skipTest('there is nothing to share out')

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

    def test_a_writer_takes_whole_regions(self):
        if not self.tool.changes:
            self.skipTest('a reader shares out extents')
        region = self.make_region(extents=30, size=1, image_blocks=3)
        counts = [len(self.records(self.tool.name, region, '--shard', f'{share}/2').extents)
                  for share in (1, 2)]
        self.assertEqual([0, 30], sorted(counts))

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
        self.assertIn('block 60 was named, but the region has 60 blocks', result.err)


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
