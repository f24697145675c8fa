#!/usr/bin/env python3
"""Power cuts: file systems on loop devices are shut down before a system call of a tool, and mounted
again. What is left has no errors, and running the tool again gives the same bytes as an undisturbed
run; what a tool has said that it did is there."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import trials
from workloads import WORKLOADS, harness

FS_IOC_SHUTDOWN = 0x8004587D
AT_ONCE = struct.pack('I', 2)
# How a file system is made, and of what size: XFS takes none that is smaller.
FILE_SYSTEMS = {
    'ext4': (['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0'], 48 << 20),
    'xfs': (['mkfs.xfs', '-q'], 304 << 20),
}
END = 0  # the number of the cut after the tool has ended


class Disk:
    """A file system that power cuts can be tried on."""

    def __init__(self, kind, place):
        self.image = place / f'{kind}.image'
        self.mount_point = place / kind
        self.mount_point.mkdir()
        make, size_bytes = FILE_SYSTEMS[kind]
        with open(self.image, 'wb') as file:
            file.truncate(size_bytes)
        subprocess.run([*make, self.image], check=True, capture_output=True)
        self.mount()

    def mount(self):
        trials.mount('-o', 'loop', self.image, self.mount_point)

    def mount_again(self):
        trials.unmount(self.mount_point)
        self.mount()

    def cut(self):
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, AT_ONCE)
        finally:
            os.close(descriptor)

    def sync(self):
        subprocess.run(['sync', '-f', self.mount_point], check=True)


@contextlib.contextmanager
def disk_of(kind):
    """Raises OSError or CalledProcessError where there can be none."""
    place = pathlib.Path(tempfile.mkdtemp(prefix='power-cut-', dir=harness.choose_work_directory()))
    disk = None
    try:
        disk = Disk(kind, place)
        yield disk
    finally:
        if disk is not None:
            trials.unmount(disk.mount_point)
        shutil.rmtree(place)


def examine(subject, disk, number, flushes_log):
    """What is wrong after a power cut before this call, or after the end."""
    workload = subject.workload
    with subject.copy(disk.mount_point) as directory:
        disk.sync()
        words = workload.words(directory)
        if number == END:
            ended = trials.run(words)
            disk.cut()
        else:
            how = ['--flush-log'] if flushes_log else []
            ended, _ = trials.traced(words, directory, '--at', str(number), '--cut',
                                     str(disk.mount_point), *how)
        disk.mount_again()
        expected_code = workload.code if number == END else trials.KILLED
        if ended.code != expected_code:
            return str(ended)
        if number == END:
            return trials.difference(subject.expected, trials.content(directory))
        return subject.state_problem(directory) or subject.not_finished(directory)


def cut_everywhere(workload, kind, disk, share, tally):
    with trials.subject_of(workload) as subject:
        with subject.copy(disk.mount_point) as directory:
            _, calls = trials.traced(workload.words(directory), directory)
        numbers = trials.share_of(len(calls), share, len(workload.name))
        for number in [END, *numbers]:
            if trials.stopped.is_set():
                return
            # Both kinds of cut, in turn.
            flushes_log = number % 2 == 1
            tally.add(f'cuts on {kind}')
            problem = examine(subject, disk, number, flushes_log)
            if problem:
                how = 'flush-log' if flushes_log else 'at-once'
                tally.problem(f'cut {workload.name} {number} {kind} {how}', problem)
    tally.workload_is_done(f'{workload.name} on {kind}')


def main():
    options = trials.parse_arguments(__doc__)
    trials.require_root('power cuts')
    tally = trials.Tally('power cuts')
    if options.replay:
        _, name, number, kind, how = options.replay.split()
        with disk_of(kind) as disk, trials.subject_of(WORKLOADS[name]) as subject:
            problem = examine(subject, disk, int(number), how == 'flush-log')
            if problem:
                tally.problem(options.replay, problem)
        return tally.finish()
    chosen = trials.chosen_workloads(options, lambda workload: not workload.reads)

    def on_file_system(kind):
        with contextlib.ExitStack() as stack:
            try:
                disk = stack.enter_context(disk_of(kind))
            except (OSError, subprocess.CalledProcessError) as error:
                tally.skip(f'power cuts on {kind}', error)
                return
            for workload in chosen:
                if trials.stopped.is_set():
                    break
                cut_everywhere(workload, kind, disk, options.share, tally)

    trials.for_each(FILE_SYSTEMS, options.jobs, on_file_system)
    return tally.finish()


if __name__ == '__main__':
    sys.exit(main())
