#!/usr/bin/env python3
"""File systems that get full, of bytes or of names, while a tool works: the same bytes as elsewhere,
or an exit status that is not 0 with a message that says so; with more space the next run finishes."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import trials
from workloads import WORKLOADS, harness

PAGE_BYTES = 4096
PLENTY = {'pages': 8192, 'names': 4096}


class SmallDisk:
    """A tmpfs with so much left."""

    def __init__(self, directory):
        self.directory = directory
        trials.mount('-t', 'tmpfs', '-o', self.options(PLENTY), 'small', directory)

    @staticmethod
    def options(limits):
        return f'size={limits["pages"] * PAGE_BYTES},nr_inodes={limits["names"]}'

    def leave(self, what, count):
        status = os.statvfs(self.directory)
        used = {'pages': status.f_blocks - status.f_bfree, 'names': status.f_files - status.f_ffree}
        limits = {**PLENTY, what: used[what] + count}
        trials.mount('-o', f'remount,{self.options(limits)}', self.directory)

    def leave_plenty(self):
        trials.mount('-o', f'remount,{self.options(PLENTY)}', self.directory)


@contextlib.contextmanager
def small_disk():
    parent = harness.choose_work_directory()
    with tempfile.TemporaryDirectory(prefix='full-disk-', dir=parent) as place:
        disk = SmallDisk(pathlib.Path(place))
        try:
            yield disk
        finally:
            trials.unmount(place)


def examine(subject, disk, what, count):
    """What is wrong with a run that has so much left, and whether it got to its end."""
    workload = subject.workload
    with subject.copy(disk.directory) as directory:
        disk.leave(what, count)
        try:
            ended = trials.run(workload.words(directory))
        finally:
            disk.leave_plenty()
        if ended.code == workload.code:
            return trials.difference(subject.expected, trials.content(directory)), True
        if ended.code not in (trials.FINDINGS, trials.FAILED):
            return str(ended), False
        if 'space' not in ended.text or str(directory) not in ended.text:
            return f'not said that there is no space, and where: {ended}', False
        return subject.not_finished(directory), False


def fill_up(workload, disk, share, tally):
    with trials.subject_of(workload) as subject:
        for what in PLENTY:
            count, is_done = 0, False
            while not (is_done or trials.stopped.is_set()) and count < PLENTY[what] // 4:
                problem, is_done = examine(subject, disk, what, count)
                tally.add(f'amounts of {what} left')
                if problem:
                    tally.problem(f'full {workload.name} {count} {what}', problem)
                count += max(1, round(1 / share))
    tally.workload_is_done(workload.name)


def main():
    options = trials.parse_arguments(__doc__)
    trials.require_root('full disks')
    tally = trials.Tally('full disk')
    try:
        with contextlib.ExitStack() as stack:
            disk = stack.enter_context(small_disk())
            if options.replay:
                _, name, count, what = options.replay.split()
                with trials.subject_of(WORKLOADS[name]) as subject:
                    problem, _ = examine(subject, disk, what, int(count))
                    if problem:
                        tally.problem(options.replay, problem)
                return tally.finish()
            chosen = trials.chosen_workloads(options, lambda workload: not workload.reads)
            trials.for_each(chosen, 1,
                            lambda workload: fill_up(workload, disk, options.share, tally))
    except subprocess.CalledProcessError as error:
        tally.skip('full disks', error)
    return tally.finish()


if __name__ == '__main__':
    sys.exit(main())
