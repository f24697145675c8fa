"""What the tests of the tools share: running a tool, reading its records, making regions."""

import base64
import contextlib
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import json_schema  # noqa: E402

# Exit statuses of the contract. 70 is a bug, so no test expects it.
DONE, FINDINGS, USAGE, FAILED, NOT_A_REGION, STOPPED, IN_USE = 0, 1, 2, 3, 4, 5, 75
DOCUMENTED = {DONE, FINDINGS, USAGE, FAILED, NOT_A_REGION, STOPPED, IN_USE}

UUID = '02b5a561-2d09-4a9b-8ac0-34d2ef61e592'
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
TIMEOUT = 60  # seconds, for one run of a tool

programs = {}  # name: path, filled by run.py
schema = json_schema.Schema()  # of the records


def choose_work_directory():
    """In memory where that is possible: a busy disk makes syncs slow."""
    memory = '/dev/shm'
    if 'TMPDIR' in os.environ or not os.access(memory, os.W_OK):
        return None
    return memory if shutil.disk_usage(memory).free > 512 << 20 else None


def path_of(program):
    if program not in programs:
        raise unittest.SkipTest(f'{program} is not built')
    return programs[program]


class Result:
    """What a run of a tool left behind."""

    def __init__(self, command, code, stdout, stderr):
        self.command = command
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def out(self):
        return self.stdout.decode(errors='backslashreplace')

    @property
    def err(self):
        return self.stderr.decode(errors='backslashreplace')

    def __str__(self):
        words = ' '.join(repr(os.fsdecode(word)) for word in self.command)
        return f'{words}\nexit status {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}---'


def parse_records(text):
    """The records of JSON lines. Everything that is not strict JSON is a ValueError."""
    def refuse_duplicates(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError(f'a name twice in {names}')
        return dict(pairs)

    def refuse_constant(name):
        raise ValueError(f'{name} is not JSON')

    lines = text.decode('utf-8', errors='strict').split('\n')
    if lines.pop() != '':
        raise ValueError('the last line has no end')
    return [json.loads(line, object_pairs_hook=refuse_duplicates, parse_constant=refuse_constant)
            for line in lines]


class Records(list):
    """The records of a run, in order."""

    @property
    def meta(self):
        return self[0]

    @property
    def summary(self):
        return self[-1]

    def of_type(self, name):
        return [record for record in self if record['type'] == name]

    @property
    def findings(self):
        return self.of_type('finding')

    @property
    def extents(self):
        return [record['extent'] for record in self.of_type('extent')]


class ToolTest(unittest.TestCase):
    """A test with a directory of its own, in which every run is looked at for signs of a bug."""

    maxDiff = 4000
    image_blocks = 45  # that make_region has written, or an import is to write
    for_makers = True  # of a contract: holds for tools whose region is not there yet as well

    def setUp(self):
        umask = os.umask(0o022)
        self.addCleanup(os.umask, umask)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix='cli-', dir=choose_work_directory()))
        self.addCleanup(remove_tree, self.work)
        self.work.chmod(0o755)  # other users shall get as far as a region

    # ---- running a tool -------------------------------------------------------------------------

    def command(self, tool, *arguments):
        contract = getattr(self, 'tool', None)
        if contract is not None and contract.product and contract.name == tool:
            arguments = self.with_product(arguments)
        if contract is not None and contract.image and contract.name == tool:
            arguments = self.with_image(arguments)
        if contract is not None and contract.asks and contract.name == tool:
            arguments = self.with_write(arguments)
        return [os.fsencode(path_of(tool)), *map(os.fsencode, map(as_argument, arguments))]

    def with_product(self, arguments):
        """The contract is about records: where their file is not named they go to standard output,
        and what the tool makes goes to a file, whole."""
        place = self.work / 'products'
        place.mkdir(exist_ok=True)
        place.chmod(0o777)
        named = ['--report' if word in ('-o', '--output') and number + 1 < len(arguments) else word
                 for number, word in enumerate(arguments)]
        report = [] if '--report' in named else ['--report', '-']
        on_bad = [] if '--on-bad' in named else ['--on-bad', 'keep']
        return [*on_bad, '--output', place / str(len(os.listdir(place))), '--force',
                *report, *named]

    def with_write(self, arguments):
        """Unless it is only to look, the tool is told to write."""
        looks = {'-n', '--dry-run', '--plan', '--write', '--apply-undo', '--help', '-h',
                 '--version', '-V', '--completion'}
        return arguments if looks.intersection(arguments) else ['--write', *arguments]

    def with_image(self, arguments):
        """The contract is about regions: the image is what make_region put into them, and zeros up
        to their end. Into one of the kind 'other' it is still to be put."""
        sizes = [size_of_region(os.path.join(self.work, os.fsdecode(as_argument(word))))
                 for word in arguments]
        size_bytes = next((size for size in sizes if size is not None), 512)
        image = self.work / 'image-to-import'
        image.write_bytes(image_bytes(self.image_blocks)[:size_bytes].ljust(size_bytes, b'\0'))
        if not arguments or arguments[-1] in self.options_with_values(self.tool.name):
            return arguments  # it would be taken for the value
        return ['--skip-zeros', *arguments, image]

    def options_with_values(self, tool):
        text = subprocess.run([path_of(tool), '--help'], check=True, capture_output=True).stdout
        return re.findall(r'^  (?:-\w,|   ) (--[\w-]+) [A-Z]', text.decode(), re.M)

    def start(self, tool, *arguments, env=(), **options):
        """A running tool, with pipes unless told otherwise."""
        for stream in ('stdin', 'stdout', 'stderr'):
            options.setdefault(stream, subprocess.DEVNULL if stream == 'stdin' else subprocess.PIPE)
        environment = {**os.environ, 'TERM': 'xterm', 'LC_ALL': 'C', **dict(env)}
        if 'NO_COLOR' not in dict(env):
            environment.pop('NO_COLOR', None)
        process = subprocess.Popen(self.command(tool, *arguments), env=environment, cwd=self.work,
                                   **options)
        self.addCleanup(end_process, process)
        return process

    def finish(self, process, stdin=None):
        """Waits for the tool to end; what it wrote that was not read yet is the result."""
        try:
            stdout, stderr = process.communicate(stdin, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            result = Result(process.args, None, stdout or b'', stderr or b'')
            self.fail(f'the tool did not end within {TIMEOUT} s\n{result}')
        return self.check_result(Result(process.args, process.returncode, stdout or b'',
                                        stderr or b''))

    def check_result(self, result):
        self.assertIn(result.code, DOCUMENTED, result)
        for sign in ('terminate called', 'Sanitizer', 'runtime error', 'bug: '):
            self.assertNotIn(sign, result.err, result)
        return result

    def run_tool(self, tool, *arguments, stdin=None, **options):
        if stdin is not None:
            options['stdin'] = subprocess.PIPE
        return self.finish(self.start(tool, *arguments, **options), stdin)

    def as_ordinary_user(self):
        """Options for a run without root's privileges."""
        if not IS_ROOT:
            return {}
        options = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        try:
            self.run_tool('region-verify', '--version', **options)
        except PermissionError:
            self.skipTest('the tools lie where another user cannot run them')
        return options

    def require_start(self, limit):
        """Skips the test where the tool does not even start within a limit: sanitizers take more."""
        try:
            self.expect(DONE, self.tool.name, '--version', preexec_fn=limit)
        except AssertionError as error:
            self.skipTest(f'the tool does not even start within this limit: {error}')

    def expect(self, code, tool, *arguments, **options):
        result = self.run_tool(tool, *arguments, **options)
        self.assertEqual(code, result.code, result)
        return result

    def records(self, tool, *arguments, code=None, **options):
        """Runs the tool with --format jsonl and checks what holds for the records of every run."""
        result = self.run_tool(tool, *arguments, '--format', 'jsonl', **options)
        if code is not None:
            self.assertEqual(code, result.code, result)
        return self.check_records(result)

    def check_records(self, result, stdout=None):
        try:
            records = Records(parse_records(result.stdout if stdout is None else stdout))
        except ValueError as error:
            self.fail(f'{error}\n{result}')
        types = [record.get('type') for record in records]
        self.assertEqual(['meta'], types[:1], result)
        self.assertEqual(['summary'], types[-1:], result)
        self.assertEqual(1, types.count('meta'), result)
        self.assertEqual(1, types.count('summary'), result)
        self.assertEqual(result.code, records.summary['exit_code'], result)
        counted = {severity: 0 for severity in ('error', 'warning', 'note')}
        for finding in records.findings:
            counted[finding['severity']] += 1
        self.assertEqual(counted, records.summary['findings'], result)
        for record in records:
            self.assertEqual([], schema.problems(record), record)
        return records

    def assert_same_tree(self, expected, found):
        """Compares what snapshot or content gave; says only what differs."""
        names = sorted(expected.keys() | found.keys())
        self.assertEqual({}, {name: (expected.get(name), found.get(name)) for name in names
                              if expected.get(name) != found.get(name)})

    def wait_for_handlers(self, process):
        """Until the tool has handlers for signals: before that they would end it."""
        deadline = time.monotonic() + TIMEOUT
        caught = 0
        while not caught >> (signal.SIGINT - 1) & 1:
            self.assertLess(time.monotonic(), deadline, 'no handler for SIGINT')
            time.sleep(0.005)
            status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
            found = [line.split()[1] for line in status.splitlines() if line.startswith('SigCgt:')]
            caught = int(found[0], 16) if found else 0
            if os.path.basename(os.readlink(f'/proc/{process.pid}/exe')).startswith('python'):
                caught = 0  # the tool has yet to take this process over

    # ---- a tool that is held up -----------------------------------------------------------------

    def start_held(self, tool, *arguments, format='jsonl', **options):
        """A tool that soon waits for someone to read its records; see read_rest."""
        reading, writing = os.pipe()
        fcntl.fcntl(writing, getattr(fcntl, 'F_SETPIPE_SZ', 1031), 4096)
        process = self.start(tool, *arguments, '--format', format, stdout=writing, **options)
        os.close(writing)
        process.records_pipe = os.fdopen(reading, 'rb')
        self.addCleanup(process.records_pipe.close)
        process.first_byte = process.records_pipe.read(1)
        return process

    def read_rest(self, process):
        """Reads what a held-up tool has to say, and waits for its end."""
        stdout = process.first_byte + process.records_pipe.read()
        result = self.finish(process)
        result.stdout = stdout
        return result, self.check_records(result)

    # ---- regions --------------------------------------------------------------------------------

    def make_region(self, name='region', extents=6, size=10, image_blocks=45, kind='raw'):
        """A region of blocks of 512 bytes, the first ones written. The same bytes every time.

        kind: 'raw', 'sqlite', or 'scattered', a raw one whose active slots are in both arrays,
        or 'misselected', a raw one with wrong active-slot bits,
        or 'other', a raw one that the image of an import has not been put into."""
        self.image_blocks = extents * size if kind == 'other' else image_blocks
        image = self.work / 'image'
        image.write_bytes(image_bytes(image_blocks))
        self.expect(DONE, 'region-create', self.work / name, '--uuid', UUID, '--extent-size', size,
                    '--extent-count', extents, '--import', image, '--extent-format',
                    'sqlite' if kind == 'sqlite' else 'raw')
        image.unlink()
        if kind == 'scattered':
            for extent in range(extents):
                scatter_slots(self.work / name / f'00/000/{extent:03X}', size)
        if kind == 'misselected':
            for extent in range(extents):
                flip_byte(self.work / name / f'00/000/{extent:03X}', size * (512 + 96), 1)
        return self.work / name

    def make_live_region(self, name='live', kind='plain'):
        """A SQLite region as a killed service leaves it: hot logs, a dirty extent."""
        subprocess.run([path_of('make-live-region'), self.work / name, kind], check=True)
        return self.work / name

    def make_damaged_region(self, name='damaged', kind='raw'):
        """A region with one extent that is too short: an error to every tool."""
        region = self.make_region(name, kind=kind)
        os.truncate(region / '00/000/002', 512 * 3)
        return region

    def copy(self, region, name):
        shutil.copytree(region, self.work / name, symlinks=True)
        return self.work / name


def scatter_slots(path, size):
    """Every other block's context moves into the other slot. Blocks are of 512 bytes."""
    content = bytearray(path.read_bytes())
    bits = size * (512 + 96)
    for block in range(1, size, 2):
        a, b = (size * 512 + 48 * (size * array + block) for array in (0, 1))
        content[a:a + 48], content[b:b + 48] = content[b:b + 48], content[a:a + 48]
        content[bits + block // 8] ^= 1 << block % 8
    path.write_bytes(content)


def as_argument(value):
    return value if isinstance(value, (str, bytes, os.PathLike)) else str(value)


def size_of_region(path):
    """In bytes; None where there is no region with a definition that makes sense."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if os.path.isfile(f'{path}/region.json'):
            definition = json.loads(pathlib.Path(path, 'region.json').read_text())
            blocks = int(definition['extent_count']) * int(definition['extent_size']['value'])
            return blocks * 512 if 0 <= blocks < 10000 else None
    return None


def image_bytes(blocks, seed=11):
    return random.Random(seed).randbytes(blocks * 512)


def end_process(process):
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def remove_tree(path):
    """Removes directories that tests made unreadable too."""
    for directory, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            os.chmod(directory, 0o755)
        for entry in os.scandir(directory):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o755)
    shutil.rmtree(path, ignore_errors=True)


def snapshot(path, times=True):
    """Names, kinds, modes, owners and bytes of everything below a directory; also mtimes."""
    found = {}
    for directory, directories, files in os.walk(os.fsencode(path)):
        for name in [b'.', *directories, *files]:
            full = os.path.join(directory, name)
            status = os.lstat(full)
            content = ''
            if stat.S_ISREG(status.st_mode):
                with open(full, 'rb') as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(full, os.fsencode(path))] = (
                oct(status.st_mode), status.st_uid, status.st_gid, content,
                status.st_mtime_ns if times else None)
    return found


def content(path):
    """Names and bytes below a directory."""
    return {name: (mode, digest) for name, (mode, _, _, digest, _) in snapshot(path).items()}


def flip_byte(path, offset, bits=0xFF):
    with open(path, 'r+b') as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ bits]))


def base64_path(path):
    return base64.b64encode(os.fsencode(path)).decode()


@contextlib.contextmanager
def locked(directory, operation=fcntl.LOCK_EX):
    """This process holds the lock that the tools take on a region's directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, operation)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def leased(path):
    """This process holds a lease on a file, and does not give it up when somebody asks for it."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(path, os.O_RDWR)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def has_leases(directory):
    """Whether the file system there grants leases to this user."""
    path = os.path.join(directory, 'lease-probe')
    with open(path, 'wb'):
        pass
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
        os.unlink(path)


def limited(resource_name, value):
    """To be run in a new process before the tool: it may not use more than that of something."""
    import resource
    which = getattr(resource, resource_name)

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
        resource.setrlimit(which, (value, resource.getrlimit(which)[1]))
    return limit


def needs_several_regions(test):
    """Of a contract: for tools that are given one region or many."""
    @functools.wraps(test)
    def run(self):
        if self.tool.takes_one:
            self.skipTest('takes one region')
        test(self)
    return run


def needs_independent_extents(test):
    """Of a contract: for tools that do to each extent what it needs, whatever the others are, and
    not to those that an image reaches, all or none."""
    @functools.wraps(test)
    def run(self):
        if self.tool.image:
            self.skipTest('an image decides which extents, and where one is refused none is changed')
        test(self)
    return run


def needs_root(reason):
    return unittest.skipUnless(IS_ROOT, f'needs root: {reason}')


def python_name():
    """The name of this process as others see it."""
    return pathlib.Path('/proc/self/comm').read_text().strip() if sys.platform == 'linux' else ''
