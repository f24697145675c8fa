"""Where benchmarks work, and the regions that they work on."""

import os
import random
import shutil
import tempfile

from launch import run, run_inside

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Places:
    """A directory in memory, for what is bound by the processor, and one on a disk, for what syncs.

    Nothing is removed before the end: removing many files just before others are made slows that
    down.
    """

    def __init__(self, build, memory, disk):
        self.tools = os.path.join(build, 'tools')
        self.helper_path = os.path.join(build, 'tests', 'bench', 'bench-helper')
        self.memory = tempfile.mkdtemp(prefix='region-bench.', dir=memory)
        self.disk = tempfile.mkdtemp(prefix='region-bench.', dir=disk)
        self.numbers = 0
        self.made = {}

    def remove(self):
        for directory in (self.memory, self.disk):
            shutil.rmtree(directory, ignore_errors=True)

    def tool(self, name, *arguments):
        """The command of a tool, without what is only for people."""
        return [os.path.join(self.tools, 'region-' + name), '-q', *map(str, arguments)]

    def helper(self, command, *words, **values):
        pairs = [f'{key.replace("_", "-")}={value}' for key, value in values.items()]
        return [self.helper_path, command, *words, *pairs]

    def fresh(self, place):
        """A path below that place that nothing is at yet."""
        self.numbers += 1
        return os.path.join(place, f'{self.numbers:04}')

    def once(self, key, make):
        """What `make` returns, made when it is first asked for."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    # ---- regions ---------------------------------------------------------------------------------

    def image(self, size_bytes):
        """A file in memory with bytes that do not repeat."""
        def make():
            path = self.fresh(self.memory)
            source = random.Random(1)
            with open(path, 'wb') as file:
                for offset in range(0, size_bytes, MIB):
                    file.write(source.randbytes(min(MIB, size_bytes - offset)))
            return path
        return self.once(('image', size_bytes), make)

    def written(self, place, size_bytes, block_size=4096, extent_blocks=4096):
        """A raw region with an image in it."""
        def make():
            path = self.fresh(place)
            run(self.tool('create', '--block-size', block_size, '--extent-size', extent_blocks,
                          '--extent-count', 1, '--import', self.image(size_bytes), path))
            return path
        return self.once(('written', place, size_bytes, block_size, extent_blocks), make)

    def empty(self, place, extents, extent_blocks, block_size=4096):
        """A raw region in which nothing was ever written."""
        def make():
            path = self.fresh(place)
            run(self.tool('create', '--block-size', block_size, '--extent-size', extent_blocks,
                          '--extent-count', extents, path))
            return path
        return self.once(('empty', place, extents, extent_blocks, block_size), make)

    def made_by_helper(self, command, path, **values):
        run(self.helper(command, path, **values))
        return path


def extent_files(region):
    """The data files of a region's extents."""
    return sorted(os.path.join(directory, name)
                  for directory, _, names in os.walk(region) if directory != region
                  for name in names if '.' not in name)


def forget_cached(region):
    """Sees to it that the files are read from the disk the next time."""
    for path in extent_files(region):
        with open(path, 'rb') as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


__all__ = ['Places', 'extent_files', 'forget_cached', 'run', 'run_inside', 'KIB', 'MIB', 'GIB']
