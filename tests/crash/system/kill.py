#!/usr/bin/env python3
"""kill -9 before every system call that changes something, in every tool that writes: what is left
has no errors, and running the tool again gives the same bytes as an undisturbed run."""

import sys

import trials
from workloads import WORKLOADS


def examine(subject, number):
    """Whether the run was killed before this call, and what is wrong then."""
    with subject.copy() as directory:
        ended, calls = trials.traced(subject.workload.words(directory), directory, '--at',
                                     str(number), '--kill')
        is_killed = any(call.is_hit for call in calls)
        if ended.code != (trials.KILLED if is_killed else subject.workload.code):
            return is_killed, str(ended)
        problem = subject.state_problem(directory) or subject.not_finished(directory)
        return is_killed, problem and f'killed before {calls[-1]}: {problem}'


def kill_everywhere(workload, share, tally):
    with trials.subject_of(workload) as subject:
        with subject.copy() as directory:
            ended, calls = trials.traced(workload.words(directory), directory)
        if ended.code != workload.code or bool(calls) == workload.reads:
            tally.problem(f'kill {workload.name} 0', f'{len(calls)} calls change something: {ended}')
            return
        if workload.reads:
            tally.add('tools that only read, without such a call')
            return
        # Where threads race there may be a call more: it goes on until a run is not killed.
        numbers = trials.share_of(len(calls), share, len(workload.name))
        last_number = numbers[-1]
        while numbers and not trials.stopped.is_set():
            number = numbers.pop(0)
            is_killed, problem = examine(subject, number)
            tally.add('points', int(is_killed))
            if problem:
                tally.problem(f'kill {workload.name} {number}', problem)
            if not numbers and is_killed and share >= 1 and number >= last_number:
                numbers.append(number + 1)
    tally.workload_is_done(workload.name)


def main():
    options = trials.parse_arguments(__doc__)
    tally = trials.Tally('kill -9')
    if options.replay:
        _, name, number = options.replay.split()
        with trials.subject_of(WORKLOADS[name]) as subject:
            _, problem = examine(subject, int(number))
            if problem:
                tally.problem(options.replay, problem)
        return tally.finish()
    trials.for_each(trials.chosen_workloads(options), options.jobs,
                    lambda workload: kill_everywhere(workload, options.share, tally))
    return tally.finish()


if __name__ == '__main__':
    sys.exit(main())
