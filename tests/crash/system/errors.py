#!/usr/bin/env python3
"""An error at every system call that a tool makes below a region's directory, once and for ever:
the same bytes, or an exit status that is not 0 with a message that names file and call, and what
the next run finishes."""

import errno
import os
import sys
from typing import NamedTuple

import trials
from workloads import WORKLOADS

KINDS = ('EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'EMFILE', 'ENOMEM', 'EACCES', 'EROFS', 'short', 'zero')

# An interrupted call is made again. None is interrupted for ever, but there may be many signals.
MANY_INTERRUPTS = 200

# How messages call what the system calls otherwise.
WORDS = {
    'openat': ('open', 'create'),
    'openat2': ('open',),
    'unlinkat': ('unlink', 'rmdir'),
    'mkdirat': ('mkdir',),
    'renameat': ('rename',),
    'fstat': ('stat', 'fdopendir'),
    'fstatat': ('stat', 'fdopendir'),
    'fcntl': ('lease', 'fdopendir', 'changed_while_read'),
    'linkat': ('create',),
    'getdents64': ('readdir',),
    'fstatfs': ('statvfs',),
    'read': ('read',),
}


def injection(kind, times):
    what = [f'--{kind}'] if kind in ('short', 'zero') else ['--error', str(getattr(errno, kind))]
    count = 1 if times == 'once' else MANY_INTERRUPTS if kind == 'EINTR' else 0
    return [*what, '--times', str(count)]


def is_named(ended, call, directory, kind):
    """Whether the message, or a finding, names the file and the call."""
    path = call.path
    # A file that was made without a name is known to the system by none: its directory has to do.
    if os.path.basename(path).startswith('#'):
        path = os.path.dirname(path)
    relative = os.path.relpath(path, directory).partition('/')[2]  # below the region
    names_file = path in ended.text or (
        relative and (f'({relative})' in ended.text or f' {relative}: ' in ended.text))
    words = WORDS.get(call.name, (call.name,))
    # A file that ends too early has not failed to be read.
    return names_file and (kind == 'zero' or any(word in ended.text for word in words))


class Trial(NamedTuple):
    problem: str  # empty where there is none
    is_met_again: bool  # whether a call of the same name follows, which fails too if all do


def words_of(subject, directory):
    """With one thread, so that a call has the same number in every run."""
    words = subject.workload.words(directory)
    return [*(word for word in words if word != '-j2'), '-j1']


def examine(subject, number, kind, times):
    """A run in which this call fails; None where there is no such call, or where it can't fail so."""
    with subject.copy() as directory:
        ended, calls = trials.traced(words_of(subject, directory), directory, '--calls', 'all',
                                     '--at', str(number), *injection(kind, times))
        hits = [call for call in calls if call.is_hit]
        # Nothing to be read from an input is its end.
        if not hits or (kind == 'zero' and hits[0].name == 'read'):
            return None
        problem = problem_of(subject, directory, ended, hits, kind)
        return Trial(problem and f'{hits[0]} fails: {ended}: {problem}',
                     any(call.name == hits[0].name for call in calls[number:]))


def problem_of(subject, directory, ended, hits, kind):
    if ended.code == subject.workload.code:
        return trials.difference(subject.expected, trials.content(directory))
    # Who cannot be asked whether the region is in use, or says no, may be right.
    in_use = {trials.IN_USE} if hits[0].name in ('fcntl', 'flock') else set()
    if ended.code not in {trials.FINDINGS, trials.FAILED, trials.NOT_A_REGION} | in_use:
        return 'no such exit status is documented for it'
    if ended.code != trials.IN_USE and not any(is_named(ended, call, directory, kind)
                                               for call in hits):
        return 'file or call is not named'
    return subject.not_finished_from_here(directory)


def fail_everywhere(workload, share, tally):
    with trials.subject_of(workload) as subject:
        with subject.copy() as directory:
            _, calls = trials.traced(words_of(subject, directory), directory, '--calls', 'all')
        cases = [(number, kind) for number in range(1, len(calls) + 1) for kind in KINDS]
        for index in trials.share_of(len(cases), share, len(workload.name)):
            if trials.stopped.is_set():
                return
            fail_at(subject, *cases[index - 1], tally)
        tally.add('calls', len(calls))
    tally.workload_is_done(workload.name)


def fail_at(subject, number, kind, tally):
    """One call, or all of its name from there on. Where none of them is made after the first has
    failed, that is the same run, and is not done twice."""
    for times in ('once', 'for-ever'):
        trial = examine(subject, number, kind, times)
        if trial is None:
            return
        tally.add(f'errors {times}')
        if trial.problem:
            tally.problem(f'error {subject.workload.name} {number} {kind} {times}', trial.problem)
        if times == 'once' and not trial.is_met_again:
            tally.add('errors that no further call meets')
            return


def main():
    options = trials.parse_arguments(__doc__)
    tally = trials.Tally('errors')
    if options.replay:
        _, name, number, *fault = options.replay.split()
        with trials.subject_of(WORKLOADS[name]) as subject:
            trial = examine(subject, int(number), *fault)
            if trial and trial.problem:
                tally.problem(options.replay, trial.problem)
        return tally.finish()
    chosen = trials.chosen_workloads(options, lambda workload: workload.small)
    trials.for_each(chosen, options.jobs,
                    lambda workload: fail_everywhere(workload, options.share, tally))
    return tally.finish()


if __name__ == '__main__':
    sys.exit(main())
