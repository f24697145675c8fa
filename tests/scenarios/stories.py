"""The stories: three replicas of a volume, what becomes of them, and how they are mended."""

import os
import re
import shutil
import subprocess

from harness import DONE, FINDINGS, ToolTest, content, flip_byte, image_bytes, path_of

page = ''  # the text of region-recovery(7)
prints = False

SIZE = 16  # blocks of an extent, of 512 bytes
EXTENTS = 4
BITS = SIZE * (512 + 96)
METADATA = BITS + 2
UUIDS = {'r1': '00000000-0000-4000-8000-000000000001',
         'r2': '00000000-0000-4000-8000-000000000002',
         'r3': '00000000-0000-4000-8000-000000000003'}


def one_line(text):
    return ' '.join(text.split())


def literal_text():
    """All that the page shows literally."""
    blocks = re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed$', page, re.M | re.S)
    return '\n'.join(block.replace('\\e', '\\').replace('\\&', '') for block in blocks)


class Story(ToolTest):
    def setUp(self):
        super().setUp()
        self.image = image_bytes(50).ljust(SIZE * EXTENTS * 512, b'\0')
        (self.work / 'image').write_bytes(self.image)
        for name, uuid in UUIDS.items():
            self.expect(DONE, 'region-create', self.work / name, '--uuid', uuid, '--block-size',
                        '512', '--extent-size', SIZE, '--extent-count', EXTENTS, '--import',
                        self.work / 'image')
        os.unlink(self.work / 'image')

    def extent(self, replica, extent):
        return self.work / replica / f'00/000/{extent:03X}'

    def damage(self, replica, extent, block):
        flip_byte(self.extent(replica, extent), block * 512 + 99)

    def flip_bit(self, replica, extent, block):
        flip_byte(self.extent(replica, extent), BITS + block // 8, 1 << block % 8)

    def set_numbers(self, extent, flush_number, dirty, replicas=('r1', 'r2', 'r3')):
        for replica in replicas:
            with open(self.extent(replica, extent), 'r+b') as file:
                file.seek(METADATA)
                file.write(bytes([dirty]))
                file.seek(METADATA + 9)
                file.write(flush_number.to_bytes(8, 'little'))

    def give_earlier_contexts(self, extent):
        """Slot A of each block is present too, of a version that the block had before."""
        for replica in UUIDS:
            path = self.extent(replica, extent)
            content = bytearray(path.read_bytes())
            a, b = (SIZE * (512 + 48 * array) for array in (0, 1))
            slots = content[b:b + 48 * SIZE]
            content[a:a + 48 * SIZE] = slots[48:] + slots[:48]
            path.write_bytes(content)

    def play(self, command, code):
        """Runs it as it stands on the page, and looks whether its output stands there too."""
        tool, *arguments = command.split()
        result = subprocess.run([path_of(tool), *arguments], cwd=self.work, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                check=False)
        shown = f'$ {command}\n{result.stdout}'
        self.assertEqual(code, result.returncode, shown)
        if prints:
            print(shown)
            return
        self.assertIn(one_line(shown), one_line(literal_text()), f'not on the page:\n{shown}')

    def exported(self, *replicas, options=()):
        path = self.work / 'exported'
        self.expect(DONE, 'region-export', *options, *(self.work / name for name in replicas),
                    '-o', path, '--force')
        return path.read_bytes()

    def assert_mended(self, replica='r1'):
        self.expect(DONE, 'region-verify', self.work / replica)
        self.assertEqual(self.image, self.exported(replica))


class LostContext(Story):
    """missing context slot for block 5 in extent 2"""

    def test_story(self):
        self.give_earlier_contexts(2)
        self.set_numbers(2, 7, dirty=1)
        self.damage('r1', 2, 5)
        others = [content(self.work / name) for name in ('r2', 'r3')]
        self.play('region-verify r1', FINDINGS)
        self.play('region-repair r1 --plan', FINDINGS)
        self.play('region-repair r1 --plan --from r2 r3', FINDINGS)
        self.play('region-repair r1 --write --from r2 r3', DONE)
        self.play('region-verify r1', DONE)
        self.assert_mended()
        # The extent stays dirty: that Crucible reconciles it was due before.
        self.assertEqual(1, self.extent('r1', 2).read_bytes()[METADATA])
        self.assertEqual(others, [content(self.work / name) for name in ('r2', 'r3')])


class WrongBits(Story):
    """A selected slot that does not match: no replica is needed."""

    def test_story(self):
        for block in (3, 4, 9):
            self.flip_bit('r2', 1, block)
        before = content(self.work / 'r2')
        self.play('region-verify r2', FINDINGS)
        self.play('region-repair r2 --plan', FINDINGS)
        self.play('region-repair r2 --write', DONE)
        self.assert_mended('r2')
        after = content(self.work / 'r2')
        self.play('region-repair r2 --apply-undo r2.undo', DONE)
        self.assert_same_tree(before, content(self.work / 'r2'))
        self.expect(DONE, 'region-repair', self.work / 'r2', '--write')
        self.assert_same_tree(after, content(self.work / 'r2'))


class LostExtents(Story):
    """One file is gone, another was cut off, a third has lost its metadata."""

    def test_story(self):
        os.unlink(self.extent('r3', 0))
        os.truncate(self.extent('r3', 1), 5000)
        flip_byte(self.extent('r3', 2), METADATA, 7)
        self.play('region-repair r3 --plan --from r1 r2', FINDINGS)
        self.play('region-repair r3 --write --from r1 r2', DONE)
        self.assert_mended('r3')


class SqliteReplica(Story):
    """One replica still has SQLite extents: a block is damaged, a database is gone bad."""

    def test_story(self):
        shutil.rmtree(self.work / 'r1')
        (self.work / 'image').write_bytes(self.image)
        self.expect(DONE, 'region-create', self.work / 'r1', '--uuid', UUIDS['r1'], '--block-size',
                    '512', '--extent-size', SIZE, '--extent-count', EXTENTS, '--import',
                    self.work / 'image', '--extent-format', 'sqlite')
        os.unlink(self.work / 'image')
        self.damage('r1', 1, 6)
        os.truncate(self.work / 'r1/00/000/002.db', 700)
        before = content(self.work / 'r1')
        self.play('region-verify r1', FINDINGS)
        self.play('region-repair r1 --write --from r2 r3', DONE)
        self.assert_mended()
        self.assertTrue((self.work / 'r1/00/000/002.db').exists())
        after = content(self.work / 'r1')
        self.expect(DONE, 'region-repair', self.work / 'r1', '--apply-undo', self.work / 'r1.undo')
        self.assert_same_tree(before, content(self.work / 'r1'))
        self.expect(DONE, 'region-repair', self.work / 'r1', '--write', '--from', self.work / 'r2')
        self.assert_same_tree(after, content(self.work / 'r1'))


class OtherNumbers(Story):
    """The damaged replica is the newest: what the others have is older."""

    def test_story(self):
        self.set_numbers(1, 9, dirty=0, replicas=['r1'])
        self.damage('r1', 1, 6)
        before = content(self.work / 'r1')
        self.play('region-repair r1 --write --from r2 r3', FINDINGS)
        self.assert_same_tree(before, content(self.work / 'r1'))
        self.play('region-repair r1 --plan --from r2 r3 --mix', FINDINGS)
        self.expect(DONE, 'region-repair', self.work / 'r1', '--write', '--from',
                    self.work / 'r2', self.work / 'r3', '--mix')
        self.assert_mended()
        self.assertEqual(1, self.extent('r1', 1).read_bytes()[METADATA])


class NobodyHasIt(Story):
    """A block that all three have lost, among others that only one has."""

    def test_story(self):
        for replica in ('r1', 'r2', 'r3'):
            self.damage(replica, 0, 7)
        self.damage('r1', 0, 2)
        self.damage('r2', 0, 3)
        os.unlink(self.extent('r1', 1))
        os.truncate(self.extent('r2', 1), 100)
        self.play('region-export --salvage r1 r2 r3 -o disk.img', FINDINGS)
        salvaged = (self.work / 'disk.img').read_bytes()
        hole = slice(7 * 512, 8 * 512)
        self.assertEqual(bytes(512), salvaged[hole])
        self.assertEqual(self.image[:hole.start] + self.image[hole.stop:],
                         salvaged[:hole.start] + salvaged[hole.stop:])
        self.play('region-repair r1 --write --from r2 r3', FINDINGS)
        self.play('region-repair r1 --write --from r2 r3 --forget 7', DONE)
        self.expect(DONE, 'region-verify', self.work / 'r1')
        self.assertEqual(salvaged, self.exported('r1'))
        for replica in ('r2', 'r3'):
            self.expect(DONE, 'region-repair', self.work / replica, '--write', '--from',
                        self.work / 'r1', '--forget', '7')
            self.assertEqual(salvaged, self.exported(replica))


class OldSnapshot(Story):
    """Two replicas are gone; a snapshot of the third is older, and has what is missing."""

    def test_story(self):
        shutil.copytree(self.work / 'r1', self.work / 'snapshot')
        self.set_numbers(0, 4, dirty=0, replicas=['r1'])
        self.damage('r1', 0, 1)
        self.expect(DONE, 'region-repair', self.work / 'r1', '--write', '--from',
                    self.work / 'snapshot', '--mix')
        self.assert_mended()
