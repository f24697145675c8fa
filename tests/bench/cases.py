"""The benchmarks: what is held against what."""

import os
import shlex
import shutil

from launch import Usage, watch
from measure import Pair, Side, Table, median
from places import GIB, KIB, MIB, extent_files, forget_cached, run, run_inside


METADATA_BYTES = 32


class Sizes:
    """How much is measured. The small ones only try whether everything still works."""

    def __init__(self, small):
        self.data = 8 * MIB if small else GIB
        self.extents = 20 if small else 4900
        self.empty_extents = 20 if small else 1000
        self.migrated = 17 if small else 100
        self.hashed = 1 if small else 4
        self.blocks = 256 if small else 16384
        self.created = [(str(n), n * MIB) for n in (64, 128)] if small else [
            ('750 GiB', 750 * GIB), ('1 TiB', 1024 * GIB)]
        self.many_extents = 100 if small else 100000
        self.random_writes = 200 if small else 4000
        self.large_writes = 4 if small else 64
        self.rows = 300 if small else 16384


# ---- reading -------------------------------------------------------------------------------------

def cat_of(region):
    return lambda: run(['sh', '-c', 'cat "$@" >/dev/null', 'cat', *extent_files(region())])


def reading_warm(places, sizes):
    """From a disk's file system, all of it in memory: what a page cache of large pages makes of it.
    """
    def region():
        return places.written(places.disk, sizes.data)

    def verify(jobs):
        # Whatever was forgotten is in memory again before it is measured.
        return Side(f'region-verify -j {jobs}',
                    lambda: run(places.tool('verify', '-j', jobs, region())), cat_of(region))

    in_mib = {'unit_count': sizes.data // MIB, 'unit': 'MiB'}
    return [
        Pair('verify-cat', 'verify, warm, against cat', verify(1),
             Side('cat >/dev/null', cat_of(region), cat_of(region)), goal=1.2, **in_mib),
        Pair('verify-threads', 'verify, warm: two threads against one', verify(2), verify(1),
             goal=1.5, **in_mib),
    ]


def reading(places, sizes, against):
    """Pairs that read a region in memory: the processor decides."""
    def region(size=sizes.data):
        return places.written(places.memory, size)

    def tool(name, *arguments, size=sizes.data):
        return lambda: run(places.tool(name, *arguments, region(size)))

    mib = sizes.data // MIB
    verify = Side('region-verify -j 1', tool('verify', '-j', 1))
    pairs = [
        Pair('verify-cat-tmpfs', 'verify on tmpfs, whose pages are small, against cat', verify,
             Side('cat >/dev/null', cat_of(region)), unit_count=mib, unit='MiB'),
        Pair('verify-dirty', 'verify: a dirty region against a clean one',
             Side('dirty', lambda: run(places.tool('verify', '-j', 1, dirty(places, sizes)))),
             verify, unit_count=mib, unit='MiB'),
        Pair('verify-growth', 'verify: ten times as much data', verify,
             Side('a tenth of it', tool('verify', '-j', 1, size=sizes.data // 10 // 4096 * 4096)),
             goal=0.09, unit_count=mib, unit='MiB'),
        Pair('export-cp', 'export, dense, unchecked, against cp',
             Side('region-export --no-check',
                  lambda: export(places, region(), '--no-check')),
             Side('cp --sparse=auto', lambda: copy(places, region())), unit_count=mib, unit='MiB'),
        Pair('export-checked', 'export, dense: unchecked against checked',
             Side('--no-check', lambda: export(places, region(), '--no-check')),
             Side('checked', lambda: export(places, region())), unit_count=mib, unit='MiB'),
    ]
    if shutil.which('xxhsum'):
        pairs.append(Pair('verify-xxhsum', 'verify, warm, against xxhsum', verify,
                          Side('xxhsum -H1', lambda: run(['xxhsum', '-H1', '-q',
                                                          *extent_files(region())])),
                          unit_count=mib, unit='MiB'))
    if against:
        words = shlex.split(against)
        pairs.append(Pair('verify-against', f'verify, warm, against {words[0]}', verify,
                          Side(words[0], lambda: run([word.replace('{region}', region())
                                                      for word in words])),
                          unit_count=mib, unit='MiB'))
    return pairs


def dirty(places, sizes):
    """A region as a service leaves it that is stopped before it flushes."""
    def make():
        path = places.fresh(places.memory)
        shutil.copytree(places.written(places.memory, sizes.data), path)
        for name in extent_files(path):
            with open(name, 'r+b') as file:
                file.seek(-METADATA_BYTES, os.SEEK_END)
                file.write(b'\1')
        return path
    return places.once('dirty', make)


def export(places, region, *options):
    path = places.fresh(places.memory)
    usage = run(places.tool('export', *options, '-o', path, region))
    os.unlink(path)
    return usage


def copy(places, region, sparse='auto'):
    path = places.fresh(places.memory)
    usage = run(['cp', '-r', f'--sparse={sparse}', region, path])
    shutil.rmtree(path)
    return usage


def reading_cold(places, sizes):
    """From the disk, with nothing of it in memory."""
    def region():
        return places.written(places.disk, sizes.data)

    def forget():
        forget_cached(region())

    verify = Side('region-verify', lambda: run(places.tool('verify', region())), forget)
    in_mib = {'unit_count': sizes.data // MIB, 'unit': 'MiB'}
    return [
        Pair('verify-cold', 'verify, cold, against cat', verify,
             Side('cat >/dev/null', cat_of(region), forget), goal=2, **in_mib),
        Pair('verify-cold-floor', 'verify, cold, against the disk: 8 reads at once, past the cache',
             verify, Side('pread, O_DIRECT', lambda: run(places.helper('floor-read', region())),
                          forget), **in_mib),
    ]


def reading_sparse(places, sizes):
    """Extents of 64 MiB that hold nothing, beside programs that know of no holes."""
    count = max(1, sizes.data * 3 // (64 * MIB))

    def region():
        return places.empty(places.memory, count, 16384)

    mib = count * 64
    return [
        Pair('verify-sparse', 'verify of extents that hold nothing, against cat',
             Side('region-verify -j 1', lambda: run(places.tool('verify', '-j', 1, region()))),
             Side('cat >/dev/null', cat_of(region)), unit_count=mib, unit='MiB'),
        Pair('export-sparse', 'export of extents that hold nothing, against cp without holes',
             Side('region-export -j 1', lambda: export(places, region(), '-j', 1)),
             Side('cp --sparse=never', lambda: copy(places, region(), 'never')),
             unit_count=mib, unit='MiB'),
    ]


def comparing(places, sizes):
    """Replicas, block by block."""
    size = sizes.data // 16

    def replicas():
        region = places.written(places.memory, size)
        return [region, *(places.once(f'replica {i}', lambda: replica_of(region)) for i in (1, 2))]

    def replica_of(region):
        path = places.fresh(places.memory)
        shutil.copytree(region, path)
        return path

    def compare():
        return run(places.tool('dump', '--compare', '-j', 1, *replicas()[:2]), expect=(0, 1))

    def cmp():
        return run(['cmp', *(extent_files(region)[0] for region in replicas()[:2])])

    def plan():
        target, donor, _ = replicas()
        return run(places.tool('repair', '--plan', '-j', 1, '--from', donor, target))

    def salvage():
        *earlier, last = replicas()
        return export(places, last, '--salvage', '-j', 1, *earlier)

    def slots():
        return run(places.tool('dump', '--slots', '--format', 'jsonl', '-o', '/dev/null', '-j', 1,
                               replicas()[0]))

    verify = Side('region-verify -j 1', lambda: run(places.tool('verify', '-j', 1, replicas()[0])))
    in_mib = {'unit_count': size // MIB, 'unit': 'MiB'}
    return [Pair('compare-cmp', 'comparison of an extent of two replicas, against cmp',
                 Side('region-dump --compare -j 1', compare), Side('cmp', cmp), **in_mib),
            Pair('repair-plan', 'the plan of a repair, against a verify',
                 Side('region-repair --plan -j 1', plan), verify, **in_mib),
            Pair('salvage-export', 'a salvage from three replicas, against an export of one',
                 Side('region-export --salvage -j 1', salvage),
                 Side('region-export -j 1', lambda: export(places, replicas()[0], '-j', 1)),
                 **in_mib),
            Pair('slots-verify', 'the slots of every block, against a verify',
                 Side('region-dump --slots -j 1', slots), verify,
                 unit_count=size // (4 * KIB), unit='blocks')]


def reading_empty(places, sizes):
    """Extents that hold nothing cost what their number costs, whatever their size."""
    def region(blocks):
        return places.empty(places.memory, sizes.empty_extents, blocks)

    def on(name, options, blocks):
        return lambda: run(places.tool(name, *options, region(blocks)))

    small, large = sizes.blocks // 16, sizes.blocks // 16 * 10
    # A device would be given every zero.
    image = places.fresh(places.memory)
    pairs = []
    for name, options in (('verify', ()), ('dump', ()), ('export', ('-f', '-o', image))):
        pairs.append(Pair(
            f'{name}-empty', f'{name} of extents that hold nothing: ten times as large',
            Side(f'{large} blocks', on(name, options, large)),
            Side(f'{small} blocks', on(name, options, small)),
            goal=0.8, unit_count=sizes.empty_extents, unit='extents'))
    return pairs


def dumping(places, sizes):
    def region():
        return places.empty(places.memory, sizes.extents, 64)

    def dump(jobs):
        return Side(f'region-dump -j {jobs}',
                    lambda: run(places.tool('dump', '-j', jobs, region())))

    bare_calls = Side('openat, fstat, pread, close',
                      lambda: run(places.helper('floor-dump', region(), extents=sizes.extents)))
    in_extents = {'unit_count': sizes.extents, 'unit': 'extents'}
    return [
        Pair('dump-floor', 'dump of metadata against the bare calls', dump(1), bare_calls,
             **in_extents),
        Pair('dump-floor-threads', 'dump of metadata, two threads, against the bare calls', dump(2),
             bare_calls, **in_extents),
        Pair('dump-threads', 'dump of metadata: two threads against one', dump(2), dump(1),
             **in_extents),
    ]


def rows(places, sizes):
    pairs = []
    for encrypted in (0, 1):
        def side(reader, encrypted=encrypted):
            return lambda: run_inside(places.helper('rows', count=sizes.rows, encrypted=encrypted,
                                                    reader=reader))
        kind = 'encrypted' if encrypted else 'plain'
        pairs.append(Pair(f'rows-{kind}', f'the {kind} rows of an extent, against SQLite',
                          Side('walk', side('walk')), Side('SQLite', side('sqlite')), goal=5,
                          unit_count=sizes.rows, unit='rows'))
    return pairs


# ---- changing ------------------------------------------------------------------------------------

def changing(places, sizes):
    """Pairs that sync, on a disk: each side in a fresh directory."""
    state = {}

    def create(jobs):
        return lambda: run(places.tool('create', '-j', jobs, '--block-size', 4096,
                                       '--extent-size', 64, '--extent-count', sizes.extents,
                                       places.fresh(places.disk)))

    def make(command, extents=sizes.migrated, **values):
        def prepare():
            state[command] = places.made_by_helper(command, places.fresh(places.disk),
                                                   extents=extents, blocks=sizes.blocks, **values)
            os.sync()
        return prepare

    def on(command, *tool):
        return lambda: run(places.tool(*tool, state[command]))

    def floor(command, name):
        return lambda: run(places.helper(name, state[command], extents=sizes.migrated,
                                         blocks=sizes.blocks))

    dense = make('make-sqlite', encrypted=1)
    scattered = make('make-scattered')
    migrate = Side('region-migrate -j 1', on('make-sqlite', 'migrate', '-j', 1), dense)
    defragment = Side('region-defragment -j 1', on('make-scattered', 'defragment', '-j', 1),
                      scattered)
    create_one = Side('region-create -j 1', create(1))
    tenth = sizes.migrated // 10
    in_extents = {'unit_count': sizes.migrated, 'unit': 'extents'}
    return [
        Pair('create-floor', 'create against the bare calls', create_one,
             Side('openat, ftruncate, pwrite, close; syncfs', lambda: run(places.helper(
                 'floor-create', places.fresh(places.disk), extents=sizes.extents, blocks=64))),
             unit_count=sizes.extents, unit='extents'),
        Pair('create-threads', 'create: two threads against one', Side('-j 2', create(2)),
             create_one, unit_count=sizes.extents, unit='extents'),
        Pair('migrate-floor', 'migrate, dense, encrypted, against the bare calls', migrate,
             Side('read, write, syncfs, unlink', floor('make-sqlite', 'floor-migrate'), dense),
             **in_extents),
        Pair('migrate-threads', 'migrate, dense: two threads against one',
             Side('-j 2', on('make-sqlite', 'migrate', '-j', 2), dense), migrate, **in_extents),
        Pair('migrate-growth', 'migrate, dense: ten times as many extents', migrate,
             Side('a tenth of them', on('make-sqlite', 'migrate', '-j', 1),
                  make('make-sqlite', extents=tenth, encrypted=1)), goal=0.08, **in_extents),
        Pair('defragment-floor', 'defragment against the bare calls', defragment,
             Side('read, write, syncfs', floor('make-scattered', 'floor-defragment'), scattered),
             **in_extents),
        Pair('defragment-threads', 'defragment: two threads against one',
             Side('-j 2', on('make-scattered', 'defragment', '-j', 2), scattered), defragment,
             **in_extents),
        Pair('defragment-growth', 'defragment: ten times as many extents', defragment,
             Side('a tenth of them', on('make-scattered', 'defragment', '-j', 1),
                  make('make-scattered', extents=tenth)), goal=0.08, **in_extents),
    ]


def hashing(places, sizes):
    """Migrations that hash data, in memory: against verify, which reads and hashes as much."""
    state = {}

    def prepare():
        if 'region' in state:
            shutil.rmtree(state['region'])
        state['region'] = places.made_by_helper('make-sqlite', places.fresh(places.memory),
                                                extents=sizes.hashed, blocks=sizes.blocks, dirty=1)

    def tool(name, *options):
        return run(places.tool(name, '-j', 1, *options, state['region']))

    def verify_and_migrate():
        verified, migrated = tool('verify'), tool('migrate')
        return Usage(verified.seconds + migrated.seconds,
                     verified.cpu_seconds + migrated.cpu_seconds)

    in_mib = {'unit_count': sizes.hashed * sizes.blocks // 256, 'unit': 'MiB'}
    return [
        Pair('migrate-dirty', 'migrate, dirty and dense, against verify',
             Side('region-migrate', lambda: tool('migrate'), prepare),
             Side('region-verify', lambda: tool('verify'), prepare), **in_mib),
        Pair('migrate-check', 'migrate, checked, against verify and then migrate',
             Side('--check', lambda: tool('migrate', '--check'), prepare),
             Side('verify; migrate', verify_and_migrate, prepare), goal=1, **in_mib),
    ]


def importing(places, sizes):
    size = sizes.data // 2
    state = {}

    def create(jobs):
        return lambda: run(places.tool(
            'create', '-j', jobs, '--block-size', 4096, '--extent-size', 4096, '--extent-count', 1,
            '--import', places.image(size), places.fresh(places.disk)))

    def make_empty():
        state['region'] = places.fresh(places.disk)
        run(places.tool('create', '--block-size', 4096, '--extent-size', 4096, '--extent-count',
                        max(1, size // (16 * MIB)), state['region']))

    def cp():
        return run(['sh', '-c', 'cp "$1" "$2" && sync "$2"', 'cp', places.image(size),
                    places.fresh(places.disk)])

    create_one = Side('region-create --import -j 1', create(1))
    copied = Side('cp; sync', cp)
    in_mib = {'unit_count': size // MIB, 'unit': 'MiB'}
    return [Pair('import-cp', 'create with an import, against cp and sync', create_one, copied,
                 **in_mib),
            Pair('import-threads', 'create with an import: two threads against one',
                 Side('-j 2', create(2)), create_one, **in_mib),
            Pair('import-region', 'import into a region, against cp and sync',
                 Side('region-import',
                      lambda: run(places.tool('import', state['region'], places.image(size))),
                      make_empty), copied, **in_mib)]


# ---- tables --------------------------------------------------------------------------------------

def write_table(places, sizes):
    """A service's writes to a region of 4 KiB blocks; each backend in turn."""
    workloads = [('random 4 KiB, flush every 100', 4 * KIB, sizes.random_writes, 1, 100),
                 ('sequential 1 MiB, flush every 16', MIB, sizes.large_writes, 0, 16),
                 ('sequential 4 MiB, flush every 16', 4 * MIB, sizes.large_writes, 0, 16)]

    backends = ('zfs', 'posix', 'sqlite')

    def measure(runs):
        lines = []
        for title, size, count, at_random, flush_every in workloads:
            usages = {backend: [] for backend in backends}
            for _ in range(min(runs, 3)):
                for backend in backends:
                    usages[backend].append(run_inside(places.helper(
                        'writes', places.fresh(places.disk), backend=backend, bytes=size,
                        count=count, random=at_random, flush_every=flush_every)))
            rates = {backend: count / median([usage.seconds for usage in found])
                     for backend, found in usages.items()}
            for backend in backends:
                said = usages[backend][0].said
                lines.append([title, backend, round(rates[backend], 1),
                              round(rates[backend] / rates['sqlite'], 2),
                              round(int(said['memory-start']) / MIB, 1),
                              round(int(said['memory-end']) / MIB, 1)])
        return lines

    return Table('writes', 'a service\'s writes: the raw backend in both orderings, the SQLite one',
                 ['writes', 'backend', 'per second', 'against SQLite', 'MiB when open',
                  'MiB at the end'], measure)


def create_table(places, sizes):
    def measure(_):
        lines = []
        for name, size in sizes.created:
            for blocks in (4096, 8192, 16384, 32768):
                if size < blocks * 4 * KIB:
                    continue
                extents = size // (blocks * 4 * KIB)
                usage = run(places.tool('create', '--block-size', 4096, '--extent-size', blocks,
                                        '--extent-count', extents, places.fresh(places.disk)))
                lines.append([name, blocks, extents, round(usage.seconds, 3),
                              round(usage.cpu_seconds, 3)])
        return lines

    return Table('create-sizes', 'creation of a region, durable, on a disk',
                 ['region', 'blocks per extent', 'extents', 'seconds', 'processor seconds'],
                 measure)


def migrate_table(places, sizes):
    """Per extent of 16,384 blocks of 4 KiB: without a row, with all of them, and checked."""
    def measure(runs):
        lines = []
        for title, row_count in (('sparse', 0), ('dense', sizes.blocks)):
            seconds = []
            for _ in range(min(runs, 3)):
                region = places.made_by_helper('make-sqlite', places.fresh(places.disk),
                                               extents=sizes.migrated, blocks=sizes.blocks,
                                               rows=row_count)
                os.sync()
                seconds.append(run(places.tool('migrate', region)).seconds)
            lines.append([title, sizes.migrated, row_count, round(median(seconds), 3),
                          round(median(seconds) / sizes.migrated * 1000, 3)])
        return lines

    return Table('migrate-sizes', 'migration of a region, durable, on a disk',
                 ['region', 'extents', 'rows per extent', 'seconds', 'milliseconds per extent'],
                 measure)


def memory_table(places, sizes):
    """High-water marks: many extents that hold nothing, and one as large as an extent can be."""
    def measure(_):
        many = places.empty(places.memory, sizes.many_extents, 64)
        blocks = 512 * MIB // 512 if sizes.data >= GIB else 8192
        large = places.written(places.memory, blocks * 512, 512, blocks)
        dense = places.made_by_helper('make-sqlite', places.fresh(places.disk), encrypted=1,
                                      extents=sizes.migrated, blocks=sizes.blocks)
        lines = []
        for title, command in (
                (f'verify, {sizes.many_extents} extents', ('verify', '-j', 2, many)),
                (f'dump, {sizes.many_extents} extents', ('dump', '-j', 2, many)),
                (f'defragment, {sizes.many_extents} extents', ('defragment', '-j', 2, many)),
                (f'migrate, {sizes.many_extents} extents', ('migrate', '-j', 2, many)),
                (f'migrate, {sizes.migrated} extents of {sizes.blocks} rows',
                 ('migrate', '-j', 2, dense)),
                (f'verify, one extent of {blocks} blocks', ('verify', '-j', 2, large)),
                (f'export, one extent of {blocks} blocks',
                 ('export', '-f', '-o', '/dev/null', large)),
                (f'defragment, one extent of {blocks} blocks', ('defragment', '-j', 2, large))):
            usage = watch(places.tool(*command))
            lines.append([title, round(usage.memory_bytes / MIB, 1), usage.descriptors,
                          round(usage.seconds, 2)])
        return lines

    return Table('memory', 'memory and descriptors at most, with two threads',
                 ['run', 'MiB', 'descriptors', 'seconds'], measure)


def all_cases(places, sizes, against):
    return [*rows(places, sizes), *reading_warm(places, sizes), *reading(places, sizes, against),
            *reading_empty(places, sizes), *reading_sparse(places, sizes),
            *comparing(places, sizes), *dumping(places, sizes), *changing(places, sizes),
            *hashing(places, sizes), *importing(places, sizes), *reading_cold(places, sizes),
            write_table(places, sizes), migrate_table(places, sizes), create_table(places, sizes),
            memory_table(places, sizes)]
