"""region-verify on a region that somebody uses, and somebody who comes while it is read."""

import os

from harness import DONE, FINDINGS, IN_USE, ToolTest, has_leases, image_bytes, locked


class LiveTest(ToolTest):
    def test_live_looks_at_extents_that_are_open(self):
        region = self.make_region()
        with open(region / '00/000/002', 'r+b'):
            self.expect(IN_USE, 'region-verify', region)
            records = self.records('region-verify', '--live', region, code=DONE)
        self.assertEqual('none', records.meta['in_use_check'])
        self.assertEqual(6, records.summary['extents'])

    def test_live_does_not_look_while_one_of_these_tools_changes_the_region(self):
        region = self.make_region()
        with locked(region):
            self.expect(IN_USE, 'region-verify', '--live', region)

    def test_live_still_finds_damage(self):
        region = self.make_damaged_region()
        with open(region / '00/000/000', 'r+b'):
            self.expect(FINDINGS, 'region-verify', '--live', region)


class ChangedWhileReadTest(ToolTest):
    """An extent with so many findings that the tool waits for a reader while it holds the extent.

    Somebody opens it just then: the lease is broken, and what was found no longer counts."""

    BLOCKS = 20000

    def setUp(self):
        super().setUp()
        if not has_leases(self.work):
            self.skipTest('the file system grants no leases')
        (self.work / 'image').write_bytes(image_bytes(self.BLOCKS))
        self.expect(DONE, 'region-create', 'region', '--extent-size', self.BLOCKS,
                    '--extent-count', '2', '--import', 'image')
        self.extent = self.work / 'region/00/000/000'
        with open(self.extent, 'r+b') as file:
            for block in range(0, self.BLOCKS, 2):
                file.seek(block * 512)
                file.write(b'damaged!')

    def verify_and_open(self, *arguments):
        process = self.start_held('region-verify', 'region', '-j', '1', *arguments)
        try:
            os.close(os.open(self.extent, os.O_RDWR | os.O_NONBLOCK))
            self.fail('the extent was not leased')
        except BlockingIOError:
            pass  # the lease is being broken
        return self.read_rest(process)

    def test_the_extent_is_reported_as_changed_and_the_run_exits_75(self):
        result, records = self.verify_and_open()
        self.assertEqual(IN_USE, result.code, result.err)
        self.assertIs(False, records.summary['complete'])
        changed = [finding for finding in records.findings
                   if finding['id'] == 'changed_while_read']
        self.assertEqual([(0, '00/000/000', 'warning')],
                         [(finding['extent'], finding['file'], finding['severity'])
                          for finding in changed])

    def test_what_was_found_after_it_was_opened_is_discarded(self):
        _, records = self.verify_and_open()
        last = records.findings[-1]
        self.assertEqual('changed_while_read', last['id'], last)

    def test_the_other_extents_are_verified(self):
        _, records = self.verify_and_open()
        self.assertEqual([0, 1], records.extents)

    def test_the_extent_is_free_again_afterwards(self):
        self.verify_and_open()
        os.close(os.open(self.extent, os.O_RDWR | os.O_NONBLOCK))
        self.expect(FINDINGS, 'region-verify', 'region')

    def test_with_live_nobody_has_to_wait(self):
        process = self.start_held('region-verify', 'region', '-j', '1', '--live')
        os.close(os.open(self.extent, os.O_RDWR | os.O_NONBLOCK))
        result, _ = self.read_rest(process)
        self.assertEqual(FINDINGS, result.code, result.err)
