"""Starting a program and saying what it took: seconds, processor seconds, memory, descriptors."""

import os
import subprocess
import time


class Usage:
    """What one run took."""

    def __init__(self, seconds, cpu_seconds, memory_bytes=0, descriptors=0, said=None):
        self.seconds = seconds
        self.cpu_seconds = cpu_seconds
        self.memory_bytes = memory_bytes
        self.descriptors = descriptors
        self.said = said or {}


class Failed(Exception):
    """A program ended with a status that was not expected."""


def run(command, expect=(0,), cwd=None):
    """Runs a program to its end. Standard output is thrown away, errors are shown if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, cwd=cwd)
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expect:
        raise Failed(f'{" ".join(command)}: status {process.returncode}\n{errors.decode()}')
    return Usage(seconds, used.ru_utime + used.ru_stime)


def run_inside(command):
    """Runs bench-helper, which says itself how many seconds its work took, and what memory."""
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if process.returncode != 0:
        raise Failed(f'{" ".join(command)}: {process.stderr}')
    said = dict(word.split('=') for word in process.stdout.split())
    seconds = float(said.pop('seconds'))
    return Usage(seconds, seconds, said=said)


def watch(command, expect=(0,)):
    """Runs a program, looking again and again at the memory and the descriptors it has.

    The memory is the kernel's own high-water mark, which only grows: what is missed is what is
    added between the last look and the end.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    memory_bytes = descriptors = 0
    start = time.perf_counter()
    while process.poll() is None:
        try:
            with open(f'/proc/{process.pid}/status') as status:
                for line in status:
                    if line.startswith('VmHWM:'):
                        memory_bytes = max(memory_bytes, int(line.split()[1]) * 1024)
            descriptors = max(descriptors, len(os.listdir(f'/proc/{process.pid}/fd')))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
        time.sleep(0.001)
    if process.returncode not in expect:
        raise Failed(f'{" ".join(command)}: status {process.returncode}')
    seconds = time.perf_counter() - start
    return Usage(seconds, 0, memory_bytes, descriptors)
