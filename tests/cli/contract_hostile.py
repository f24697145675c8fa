"""The contract of every tool: a region may have been made to do harm. What leads out of it is
refused, nothing is waited for, and no file outside is ever opened for writing."""

import ctypes
import os
import shutil
import socket
import stat
import struct
import threading
import time

from harness import IS_ROOT, ToolTest, snapshot


class Watch:
    """Sees whether any of some files is opened for writing, even if nothing is written; or what
    else it is told to look for."""

    IN_CLOSE_WRITE = 0x8
    IN_OPEN = 0x20

    def __init__(self, paths, looked_for=IN_CLOSE_WRITE):
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.paths = {libc.inotify_add_watch(self.descriptor, os.fsencode(path),
                                             looked_for): path for path in paths}
        if self.descriptor < 0 or min(self.paths) < 0:
            raise OSError(ctypes.get_errno(), 'inotify')

    def events(self):
        names = set()
        try:
            while True:
                data = os.read(self.descriptor, 65536)
                at = 0
                while at < len(data):
                    watch, _, _, name_bytes = struct.unpack_from('iIII', data, at)
                    at += 16 + name_bytes
                    names.add(os.path.basename(self.paths[watch]))
        except BlockingIOError:
            return sorted(names)

    def close(self):
        os.close(self.descriptor)


class Outside:
    """What a region has no business with: files and directories that look like its own."""

    def __init__(self, place, region):
        self.place = place / 'outside'
        shutil.copytree(region, self.place)
        files = [path for path in self.place.rglob('*') if path.is_file()]
        self.watch = Watch(files)
        self.before = snapshot(self.place)

    def of(self, relative):
        return self.place / relative


def put_symbolic_link(path, outside):
    path.symlink_to(outside)


def put_hard_link(path, outside):
    os.link(outside, path)


def put_fifo(path, _):
    os.mkfifo(path)


def put_socket(path, _):
    with socket.socket(socket.AF_UNIX) as bound:
        directory = os.open(path.parent, os.O_RDONLY)  # the name of a socket must be short
        bound.bind(f'/proc/self/fd/{directory}/{path.name}')
        os.close(directory)


def put_device(path, _):
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero


def put_directory(path, _):
    path.mkdir()


PUTS = [put_symbolic_link, put_hard_link, put_fifo, put_socket, put_directory]
if IS_ROOT:
    PUTS.append(put_device)


class HostileTest(ToolTest):
    for_makers = False

    def make_pair(self):
        region = self.make_region('region', kind=self.tool.works_on)
        return region, Outside(self.work, region)

    def run_on(self, region):
        return self.run_tool(self.tool.name, region)

    def check_outside(self, outside, *told):
        self.assertEqual([], outside.watch.events(), told)
        self.assert_same_tree(outside.before, snapshot(outside.place))

    def test_files_that_are_something_else(self):
        names = ['00/000/001', 'region.json']
        if self.tool.works_on == 'sqlite':
            names.append('00/000/001.db')
        region, outside = self.make_pair()
        for name in names:
            for put in PUTS:
                with self.subTest(name=name, put=put.__name__):
                    copy = self.copy(region, 'hostile')
                    (copy / name).unlink()
                    put(copy / name, outside.of(name))
                    # A hard link changes the number of names of what is outside.
                    before = snapshot(outside.place)
                    result = self.run_on(copy)
                    self.assertNotEqual(0, result.code, result)
                    self.assertEqual([], outside.watch.events(), result)
                    self.assert_same_tree(before, snapshot(outside.place))
                    shutil.rmtree(copy)
        outside.watch.close()

    def test_directories_that_lead_out(self):
        region, outside = self.make_pair()
        for name in ('00', '00/000'):
            with self.subTest(name=name):
                copy = self.copy(region, 'hostile')
                shutil.rmtree(copy / name)
                (copy / name).symlink_to(outside.of(name))
                self.assertNotEqual(0, self.run_on(copy).code)
                self.check_outside(outside)
                shutil.rmtree(copy)
        outside.watch.close()

    def test_repairs_that_lead_out(self):
        """What is removed is the link, and never what it leads to."""
        region, outside = self.make_pair()
        (outside.place / '001').write_bytes(b'precious')
        outside.before = snapshot(outside.place)
        for ending in ('copy', 'completed', 'replace'):
            with self.subTest(ending=ending):
                copy = self.copy(region, 'hostile')
                (copy / f'00/000/001.{ending}').symlink_to(outside.place)
                self.run_on(copy)
                self.check_outside(outside)
                shutil.rmtree(copy)
                copy = self.copy(region, 'hostile')
                (copy / f'00/000/001.{ending}').mkdir()
                (copy / f'00/000/001.{ending}/001').symlink_to(outside.of('00/000/001'))
                self.run_on(copy)
                self.check_outside(outside)
                shutil.rmtree(copy)
        outside.watch.close()

    def test_counts_beyond_all_measure(self):
        """As many extents as there can be, of the largest size: no memory is taken for them."""
        self.require_start(limit_memory)
        region = self.make_region('region', kind=self.tool.works_on)
        definition = region / 'region.json'
        text = definition.read_text().replace('"extent_count": 6', '"extent_count": 4294967295')
        for changed in (text, text.replace('"value": 10', '"value": 18446744073709551615')):
            definition.write_text(changed)
            process = self.start(self.tool.name, '-q', region, preexec_fn=limit_memory)
            time.sleep(0.3)
            process.terminate()
            result = self.finish(process)
            self.assertNotIn('memory', result.err, result)

    def test_names_that_change_while_the_tool_runs(self):
        region, outside = self.make_pair()
        name = region / '00/000/001'
        kept = self.work / 'kept'
        shutil.copy(name, kept)
        stop = threading.Event()

        def swap():
            other = region / '00/000/swapped'
            while not stop.is_set():
                for put in (put_symbolic_link, put_hard_link, put_fifo,
                            lambda path, _: shutil.copy(kept, path)):
                    put(other, outside.of('00/000/001'))
                    os.replace(other, name)

        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                self.run_on(region)
        finally:
            stop.set()
            swapping.join()
        self.assertEqual([], outside.watch.events())
        self.assertEqual((outside.place / '00/000/001').read_bytes(), kept.read_bytes())
        outside.watch.close()


def limit_memory():
    import resource
    # Of threads' stacks and what is mapped as well; far from what the counts would take.
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
