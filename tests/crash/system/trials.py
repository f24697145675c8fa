"""Runs of a workload that something happens to, and what has to hold afterwards."""

import argparse
import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import workloads
from workloads import WORKLOADS, harness, program

from harness import FAILED, FINDINGS, IN_USE, NOT_A_REGION, content  # noqa: E402

KILLED = 128 + 9
SKIPPED = 77  # as Meson has it
TIMEOUT = 60  # seconds, for one run of a tool

# Somebody wants to know by now what was covered: what is being tried is not counted any more.
stopped = threading.Event()


class Run:
    def __init__(self, code, text):
        self.code = code
        self.text = text

    def __str__(self):
        readable = re.sub(r'[^\x20-\x7e\n]+', '?', self.text.strip())  # an image may be among it
        return f'exit status {self.code}: {readable}'


class Call:
    """A line of the log of system-call-killer."""

    def __init__(self, line):
        number, fate, self.name, self.path = line.split(' ', 3)
        self.number = int(number)
        self.is_hit = fate == 'hit'

    def __str__(self):
        return f'{self.number}: {self.name} {self.path}'


def environment():
    # A leak checker cannot look at a process that is traced.
    asan = [os.environ.get('ASAN_OPTIONS', ''), 'detect_leaks=0']
    return {**os.environ, 'LC_ALL': 'C', 'ASAN_OPTIONS': ':'.join(filter(None, asan))}


def run(words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, env=environment())
    except subprocess.TimeoutExpired:
        return Run(None, f'did not end within {TIMEOUT} s')
    return Run(done.returncode, done.stdout.decode(errors='backslashreplace'))


def traced(words, below, *options):
    """A run under system-call-killer, and the calls that it made."""
    with tempfile.NamedTemporaryFile('r', prefix='calls-') as log:
        ended = run([program('system-call-killer'), '--below', below, '--log', log.name, *options,
                     '--', *words])
        return ended, [Call(line) for line in log.read().splitlines()]


def require_root(what):
    """Ends the process where it may not mount; else what it mounts is seen by nobody else. Another
    name space that has a mount as well would keep its file system alive after a power cut."""
    clone_newns = 0x00020000
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(clone_newns) != 0:
        print(f'skipped: {what}: needs root')
        sys.exit(SKIPPED)
    mount('--make-rprivate', '/')


def mount(*words):
    subprocess.run(['mount', *map(str, words)], check=True, capture_output=True)


def unmount(directory):
    """Whoever looks at all that is mounted keeps it busy for a moment."""
    for _ in range(50):
        ended = subprocess.run(['umount', directory], capture_output=True)
        if ended.returncode == 0:
            return
        time.sleep(0.1)
    ended.check_returncode()


def difference(expected, found):
    names = sorted(os.fsdecode(name) for name in expected.keys() | found.keys()
                   if expected.get(name) != found.get(name))
    return f'other bytes in {", ".join(names)}' if names else ''


class Subject:
    """A workload, prepared once, and what becomes of it undisturbed."""

    def __init__(self, workload, place):
        self.workload = workload
        self.place = place  # everything is below it; the same path every time
        self.pristine = place / 'pristine'
        self.pristine.mkdir()
        self.outcomes = {}  # of an undisturbed run, by what it found
        workload.prepare(self.pristine)
        with self.copy() as directory:
            ended = run(workload.words(directory))
            if ended.code != workload.code:
                raise RuntimeError(f'{workload.name}: undisturbed, {ended}')
            self.expected = harness.content(directory)
            again = run(workload.words(directory, again=True))
            refused = workload.makes and again.code == harness.FAILED
            if again.code != workload.code and not refused:
                raise RuntimeError(f'{workload.name}: the second time, {again}')
            self.check_unchanged(directory)

    def check_unchanged(self, directory):
        problem = difference(self.expected, harness.content(directory))
        if problem:
            raise RuntimeError(f'{self.workload.name}: the second time, {problem}')

    @contextlib.contextmanager
    def copy(self, place=None):
        directory = pathlib.Path(tempfile.mkdtemp(prefix='run-', dir=place or self.place))
        try:
            shutil.copytree(self.pristine, directory, symlinks=True, dirs_exist_ok=True)
            yield directory
        finally:
            # Where that fails, what the caller has to say of it is of more use.
            shutil.rmtree(directory, ignore_errors=True)

    def is_made(self, directory):
        made = self.workload.makes
        return made is not None and (directory / made / 'region.json').exists()

    def state_problem(self, directory):
        """What is wrong with what is there before anything mends it."""
        if self.workload.verifies is None:
            return ''
        verified = run([program('region-verify'), '-q', directory / self.workload.verifies])
        return '' if verified.code == 0 else f'region-verify: {verified}'

    def not_finished(self, directory):
        """What is wrong after an undisturbed run. Where a run before it was killed, a listing of its
        descriptors in /proc may hold a file of it for a moment, though the process is dead: tools
        wait for that by themselves (io/patience)."""
        if not self.is_made(directory):
            again = run(self.workload.words(directory, again=True))
            if again.code != self.workload.code:
                return f'the second run: {again}'
        return difference(self.expected, harness.content(directory))

    def not_finished_from_here(self, directory):
        """The same, found out once for all runs that leave the same bytes."""
        left = frozenset(harness.content(directory).items())
        if left not in self.outcomes:
            self.outcomes[left] = self.not_finished(directory)
        return self.outcomes[left]


@contextlib.contextmanager
def subject_of(workload, parent=None):
    parent = parent or harness.choose_work_directory()
    with tempfile.TemporaryDirectory(prefix=f'{workload.name}-', dir=parent) as place:
        yield Subject(workload, pathlib.Path(place).resolve())


def share_of(count, share, seed):
    """The numbers from 1 to count, or so many of them, the first and the last included."""
    if share >= 1 or count <= 2:
        return list(range(1, count + 1))
    wanted = max(2, round(count * share))
    inner = sorted({1 + (seed + number * (count - 1) // (wanted - 1)) % count
                    for number in range(wanted)})
    return sorted({1, count, *inner})


class Tally:
    """What was tried, and what was wrong."""

    def __init__(self, what):
        self.what = what
        self.counts = {}
        self.problems = []
        self.skipped = []
        self.begin = time.monotonic()

    def add(self, name, count=1):
        self.counts[name] = self.counts.get(name, 0) + count

    def workload_is_done(self, name):
        """For who waits for the end."""
        if stopped.is_set():
            return
        self.add('workloads')
        print(f'  {self}: after {name}', flush=True)

    def problem(self, line, text):
        if stopped.is_set():  # what is killed along with this process
            return
        self.problems.append(text)
        print(f'FAILED {line}\n  {text}\n  again: ./dev crash --replay "{line}"', flush=True)

    def skip(self, name, error):
        reason = getattr(error, 'stderr', None) or str(error).encode()
        self.skipped.append(name)
        print(f'skipped: {name}: {reason.decode(errors="backslashreplace").strip()}', flush=True)

    def finish(self):
        if self.skipped and not self.counts:
            return SKIPPED
        skipped = f', skipped: {", ".join(self.skipped)}' if self.skipped else ''
        ending = ' (stopped)' if stopped.is_set() else ''
        print(f'covered: {self}{skipped}{ending}; {time.monotonic() - self.begin:.0f} s', flush=True)
        return 1 if self.problems else 0

    def __str__(self):
        counted = [f'{count} {name}' for name, count in self.counts.items()]
        covered = ', '.join(counted or ['one once more'])
        return f'{self.what}: {covered}, {len(self.problems)} wrong'


def parse_arguments(description):
    """The options of every part. What is left over are the programs; they are made known."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--share', type=float, default=1, help='how much of all (default: 1)')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--only', help='one workload')
    parser.add_argument('--replay', help='a line that a failure printed')
    parser.add_argument('programs', nargs='+')
    options = parser.parse_args()
    harness.programs.update(
        {pathlib.Path(path).name: os.path.abspath(path) for path in options.programs})
    if 'system-call-killer' not in harness.programs:
        print('skipped: system-call-killer is not built for this kind of machine')
        sys.exit(SKIPPED)
    if options.only and options.only not in WORKLOADS:
        parser.error(f'no workload {options.only}')
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return options


def for_each(chosen, jobs, do):
    """Calls do(workload) for each, several at a time."""
    def unless_stopped(workload):
        try:
            if not stopped.is_set():
                do(workload)
        except Exception:
            if not stopped.is_set():  # else what it needs was stopped too
                raise

    with concurrent.futures.ThreadPoolExecutor(max(1, jobs)) as pool:
        for _ in pool.map(unless_stopped, chosen):
            pass


def chosen_workloads(options, fits=lambda workload: True):
    return [workload for workload in WORKLOADS.values()
            if fits(workload) and options.only in (None, workload.name)]


__all__ = ['Call', 'KILLED', 'SKIPPED', 'Subject', 'Tally', 'chosen_workloads', 'difference',
           'for_each', 'parse_arguments', 'run', 'share_of', 'stopped', 'subject_of', 'traced',
           'workloads']
