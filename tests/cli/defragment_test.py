"""region-defragment beyond the contract: what people read, --check, and being killed."""

import time

from harness import DONE, FINDINGS, IN_USE, ToolTest, content, snapshot


class DefragmentTest(ToolTest):

    def make_scattered(self, name='region', **options):
        return self.make_region(name, kind='scattered', **options)

    def test_people_are_told_what_was_done(self):
        region = self.make_scattered(image_blocks=60)
        result = self.expect(DONE, 'region-defragment', region)
        self.assertEqual(f'{region}: 6 extents: 6 defragmented (30 blocks moved)\n', result.out)
        result = self.expect(DONE, 'region-defragment', region)
        self.assertEqual(f'{region}: 6 extents: nothing to do\n', result.out)
        self.expect(DONE, 'region-verify', '--strict', region)

    def test_check_tells_how_scattered_each_extent_is(self):
        region = self.make_scattered(image_blocks=20, extents=2)
        self.expect(DONE, 'region-defragment', '-e', '1', region)
        before = snapshot(region)
        result = self.expect(DONE, 'region-defragment', '--check', region)
        self.assertEqual(
            f'{region}: extent 0 (00/000/000): A: 5 blocks in 5 runs, B: 5 blocks in 5 runs; '
            '9 extra system calls to read it\n'
            f'{region}: 2 extents: would be: 1 defragmented (5 blocks moved); '
            'to read all takes 9 system calls more than needed\n', result.out)
        records = self.records('region-defragment', '--check', region, code=DONE)
        figures = [{name: record[name] for name in record if name not in ('region', 'uuid', 'file')}
                   for record in records.of_type('fragmentation')]
        self.assertEqual(
            {'type': 'fragmentation', 'extent': 0, 'a_blocks': 5, 'a_runs': 5, 'b_blocks': 5,
             'b_runs': 5, 'minor_array': 'B', 'minor_blocks': 5, 'extra_system_calls': 9},
            figures[0])
        self.assertEqual((1, 0), (figures[1]['extent'], figures[1]['extra_system_calls']))
        self.assertEqual(9, records.summary['extra_system_calls'])
        self.assertEqual(before, snapshot(region))

    def test_check_with_a_dry_run_exits_with_1_where_there_is_something_to_do(self):
        region = self.make_scattered()
        self.expect(FINDINGS, 'region-defragment', '--check', '-n', region)
        self.expect(DONE, 'region-defragment', region)
        self.expect(DONE, 'region-defragment', '--check', '-n', region)

    def test_a_dirty_extent_is_left_alone_and_that_is_no_failure(self):
        region = self.make_scattered(image_blocks=60)
        with open(region / '00/000/001', 'r+b') as file:
            file.seek(10 * (512 + 96) + 2)
            file.write(b'\1')
        before = content(region)
        records = self.records('region-defragment', region, code=DONE)
        self.assertEqual(['defragmented', 'left'] + ['defragmented'] * 4,
                         [record['action'] for record in records.of_type('extent')])
        finding, = records.findings
        self.assertEqual(('dirty_extent', 'note', 1),
                         (finding['id'], finding['severity'], finding['extent']))
        self.assertIs(False, records.summary['complete'])
        self.assertEqual(before[b'00/000/001'], content(region)[b'00/000/001'])

    def test_check_may_look_while_somebody_reads_and_a_run_may_not(self):
        region = self.make_scattered()
        with open(region / '00/000/003', 'rb'):
            self.expect(DONE, 'region-defragment', '--check', region)
            self.expect(IN_USE, 'region-defragment', region)

    def test_killed_at_any_moment_another_run_finishes(self):
        original = self.make_scattered('original', extents=40, size=100, image_blocks=4000)
        done = self.copy(original, 'done')
        self.expect(DONE, 'region-defragment', done)
        expected = content(done)
        for number in range(12):
            region = self.copy(original, f'killed-{number}')
            process = self.start('region-defragment', region, '-j', '2')
            time.sleep(number * 0.0007)
            process.kill()
            process.wait()
            self.expect(DONE, 'region-verify', '--strict', region)
            self.expect(DONE, 'region-defragment', region)
            self.assert_same_tree(expected, content(region))
