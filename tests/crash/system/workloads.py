"""What is disturbed: each tool that writes, on regions in every state that it can find them in.

A workload is prepared in a directory of its own; everything below it is compared afterwards. Its
commands name that directory as {}.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
from typing import Callable, NamedTuple, Optional

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / 'cli'))
import harness  # noqa: E402

UUID = harness.UUID
OTHER_UUID = '11111111-2222-4333-8444-555555555555'


class Workload(NamedTuple):
    name: str
    prepare: Callable  # of a directory that is empty
    command: str
    again: Optional[str] = None  # what finishes it, where that is another command
    makes: Optional[str] = None  # a new region: once it is there, it is whole
    verifies: Optional[str] = None  # a region that has no errors at any moment
    small: bool = False  # few calls: for what tries every error at each of them
    reads: bool = False  # and changes nothing
    code: int = 0  # its exit status, where nothing disturbs it

    def words(self, directory, again=False):
        text = self.again if again and self.again else self.command
        tool, *words = text.split()
        return [program(tool), *(word.replace('{}', str(directory)) for word in words)]


def program(name):
    return harness.programs[name]


def run(name, *words):
    subprocess.run([program(name), *map(str, words)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


# ---- regions ------------------------------------------------------------------------------------

def image(place, blocks, name='image', seed=11):
    (place / name).write_bytes(harness.image_bytes(blocks, seed))
    return place / name


def raw(place, name='region', extents=4, size=10, blocks=35, kind='raw', seed=11, uuid=UUID):
    """Blocks of 512 bytes, the first ones written."""
    source = image(place, blocks, 'source', seed)
    run('region-create', place / name, '--uuid', uuid, '--extent-size', size, '--extent-count',
        extents, '--import', source, '--extent-format', kind)
    source.unlink()
    return place / name


def sqlite(place, **options):
    return raw(place, kind='sqlite', **options)


def live(place, kind='plain', name='region'):
    """As a service leaves it that was killed: hot logs, a dirty extent."""
    run('make-live-region', place / name, kind)
    return place / name


def live_encrypted(place):
    return live(place, 'encrypted')


def scattered(place, extents=4, size=40):
    region = raw(place, extents=extents, size=size, blocks=extents * size)
    for extent in range(extents):
        harness.scatter_slots(region / f'00/000/{extent:03X}', size)
    return region


def files_of(region, extent):
    """The files of an extent of either format, by their suffix."""
    base = region / f'00/000/{extent:03X}'
    names = {suffix: base.with_name(base.name + suffix)
             for suffix in ('', '.db', '.db-wal', '.db-shm')}
    return {suffix: path for suffix, path in names.items() if path.exists()}


def put_repair(region, extent, ending, source, source_extent):
    """A repair of `extent` that stopped, with what another region has in `source_extent`."""
    directory = region / f'00/000/{extent:03X}.{ending}'
    directory.mkdir()
    for suffix, path in files_of(source, source_extent).items():
        shutil.copy(path, directory / f'{extent:03X}{suffix}')


def with_repair_leftovers(place):
    region = live(place)
    put_repair(region, 1, 'copy', region, 0)
    put_repair(region, 2, 'completed', region, 0)


def with_replacements(place):
    """Hot and clean databases that wait to replace clean and hot ones."""
    region = live(place)
    for extent, source_extent in ((0, 1), (1, 0), (3, 2)):
        put_repair(region, extent, 'replace', region, source_extent)


def with_replacement_of_missing(place):
    region = live(place)
    put_repair(region, 1, 'replace', region, 0)
    for path in files_of(region, 1).values():
        path.unlink()


def with_raw_replacements(place):
    region = raw(place)
    other = raw(place, 'other', seed=12)
    for extent in (1, 3):
        put_repair(region, extent, 'replace', other, extent)
    (region / '00/000/003').unlink()
    shutil.rmtree(other)


def with_partial_tails(place):
    """As migrations leave them that were stopped while they wrote."""
    region = live(place)
    noise = random.Random(5)
    for extent, extra_bytes in ((0, 500), (1, 6200), (2, 1)):
        with open(region / f'00/000/{extent:03X}', 'ab') as file:
            file.write(noise.randbytes(extra_bytes))


def with_stray_logs(place):
    region = raw(place)
    for extent in range(3):
        for suffix in ('.db-wal', '.db-shm'):
            (region / f'00/000/{extent:03X}{suffix}').write_bytes(b'stray')


def with_image(place):
    raw(place)
    image(place, 40, seed=12)


def with_small_image(place):
    raw(place)
    image(place, 13, seed=14)


def with_replacements_and_image(place):
    with_raw_replacements(place)
    image(place, 40, seed=13)


def misselected(place):
    """Wrong active-slot bits, a padding that is not zero, a log without its database."""
    region = raw(place)
    for extent in (0, 2):
        harness.flip_byte(region / f'00/000/00{extent}', 10 * (512 + 96), 0x15)
    harness.flip_byte(region / '00/000/001', 10 * (512 + 96) + 2 + 30)
    (region / '00/000/001.db-wal').write_bytes(b'log' * 400)


def with_replica(place):
    """Damaged blocks, an extent that is gone and one that was cut off; a replica that has all."""
    region = raw(place)
    shutil.copytree(region, place / 'replica')
    for block in (2, 3, 7):
        harness.flip_byte(region / '00/000/000', block * 512 + 9)
    (region / '00/000/001').unlink()
    os.truncate(region / '00/000/002', 700)


def with_two_sqlite(place):
    """Of which one has a block more."""
    sqlite(place, blocks=20, extents=2)
    sqlite(place, blocks=19, extents=2, name='replica')


def with_sqlite_replica(place):
    """Of databases with hot logs: damaged blocks, no database, no data file, half a data file."""
    region = live(place)
    shutil.copytree(region, place / 'replica')
    for block in (2, 3, 7):
        harness.flip_byte(region / '00/000/000', block * 512 + 9)
    (region / '00/000/001.db').write_bytes(b'no database')
    (region / '00/000/002').unlink()
    os.truncate(region / '00/000/003', 700)


def with_leftovers_of_create(place):
    """What a create leaves that is killed before the region is whole."""
    region = raw(place, 'new')
    (region / 'region.json').unlink()


def with_old_image(place):
    raw(place)
    (place / 'exported').write_bytes(b'old')


def nothing(place):
    image(place, 25)


CREATE = f'region-create {{}}/new --uuid {UUID} --extent-size 10 --extent-count 4'
INTO = f'region-migrate {{}}/region --into {{}}/new --uuid {OTHER_UUID}'


def maker(name, prepare, command, **options):
    return Workload(name, prepare, command, f'{command} --force', makes='new', **options)


def reader(name, prepare, command, **options):
    return Workload(name, prepare, command, reads=True, small=True, **options)


WORKLOADS = {
    workload.name: workload
    for workload in (
        maker('create-raw', nothing, f'{CREATE} -j2', small=True),
        maker('create-sqlite', nothing, f'{CREATE} -j2 --extent-format sqlite', small=True),
        maker('create-import', nothing, f'{CREATE} -j2 --import {{}}/image', small=True),
        maker('create-import-sqlite', nothing,
              f'{CREATE} --extent-format sqlite --import {{}}/image'),
        maker('create-many', nothing,
              f'region-create {{}}/new --uuid {UUID} --extent-size 1 --extent-count 40 -j2'),
        maker('create-force', with_leftovers_of_create, f'{CREATE} --force'),

        Workload('migrate-clean', sqlite, 'region-migrate -j2 {}/region', verifies='region',
                 small=True),
        Workload('migrate-check', sqlite, 'region-migrate -j2 --check {}/region',
                 verifies='region'),
        Workload('migrate-live', live, 'region-migrate -j2 {}/region', verifies='region'),
        Workload('migrate-encrypted', live_encrypted, 'region-migrate -j2 {}/region',
                 verifies='region'),
        Workload('migrate-leftovers', with_repair_leftovers, 'region-migrate -j2 {}/region',
                 verifies='region'),
        Workload('migrate-replacements', with_replacements, 'region-migrate -j2 {}/region'),
        Workload('migrate-missing', with_replacement_of_missing, 'region-migrate {}/region'),
        Workload('migrate-raw-replacements', with_raw_replacements, 'region-migrate {}/region',
                 small=True),
        Workload('migrate-partial-tails', with_partial_tails, 'region-migrate -j2 {}/region',
                 verifies='region'),
        Workload('migrate-stray-logs', with_stray_logs, 'region-migrate -j2 {}/region',
                 verifies='region'),
        Workload('migrate-many', lambda place: sqlite(place, extents=24, size=2, blocks=48),
                 'region-migrate -j2 {}/region', verifies='region'),

        maker('into-clean', sqlite, f'{INTO} -j2', verifies='region', small=True),
        maker('into-live', live, f'{INTO} -j2', verifies='region'),
        maker('into-replacements', with_replacements, f'{INTO} -j2'),

        Workload('defragment', scattered, 'region-defragment -j2 {}/region', verifies='region',
                 small=True),
        Workload('defragment-many', lambda place: scattered(place, 24, 9),
                 'region-defragment -j2 {}/region', verifies='region'),

        # While an extent is replaced its file may be torn: what it becomes is in its .replace.
        Workload('import', with_image, 'region-import -j2 {}/region {}/image', small=True),
        Workload('import-inside', with_small_image,
                 'region-import --at-bytes 5120 {}/region {}/image'),
        Workload('import-replacements', with_replacements_and_image,
                 'region-import -j2 {}/region {}/image'),

        Workload('repair', misselected, 'region-repair {}/region --write --no-undo -j2',
                 small=True),
        Workload('repair-from', with_replica,
                 'region-repair {}/region --write --no-undo -j2 --from {}/replica'),
        Workload('repair-sqlite', with_sqlite_replica,
                 'region-repair {}/region --write --no-undo -j2 --from {}/replica'),

        Workload('export', raw, 'region-export -o {}/exported {}/region',
                 'region-export -o {}/exported --force {}/region', verifies='region',
                 small=True),
        Workload('export-force', with_old_image,
                 'region-export -o {}/exported --force {}/region', verifies='region'),
        Workload('export-contexts', raw,
                 'region-export -o {}/exported --contexts {}/contexts --manifest {}/manifest '
                 '--force {}/region', verifies='region'),

        reader('verify-raw', raw, 'region-verify {}/region'),
        reader('verify-live', live, 'region-verify {}/region'),
        reader('dump', raw, 'region-dump {}/region'),
        reader('dump-slots', sqlite, 'region-dump --slots {}/region'),
        reader('compare', with_replica, 'region-dump --compare {}/region {}/replica', code=1),
        reader('compare-sqlite', with_two_sqlite,
               'region-dump --compare {}/region {}/replica', code=1),
        reader('verify-replicas', with_replica,
               'region-verify --replicas {}/region {}/replica', code=1),
        reader('salvage', with_replica, 'region-export --salvage -q {}/region {}/replica'),
        reader('export-to-stdout', raw, 'region-export {}/region'),
        reader('migrate-dry-run', sqlite, 'region-migrate -n {}/region', code=1),
        reader('defragment-dry-run', scattered, 'region-defragment -n {}/region', code=1),
        reader('repair-plan', with_replica, 'region-repair {}/region --plan --from {}/replica',
               code=1),
        reader('import-dry-run', with_image, 'region-import -n {}/region {}/image', code=1),
    )
}
