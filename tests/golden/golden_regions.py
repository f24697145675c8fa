"""What the tests over the golden regions share.

The regions were made by Crucible itself and come with what Crucible says of them. They are not part
of this project: REGION_GOLDEN_DIR names the directory they are in. Nothing here writes to it; tools
are run on copies.

A region is named by its case and its directory: 'raw-dirty/region', 'sqlite-clean/region-after'.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / 'support'))
import json_schema  # noqa: E402

SKIPPED = 77

_golden = os.environ.get('REGION_GOLDEN_DIR')
_tools = {}
_schema = json_schema.Schema()


def main():
    """Runs the calling script's tests. Its arguments: the tools, then those of unittest."""
    if not _golden:
        print('skipped: REGION_GOLDEN_DIR does not name the golden regions', file=sys.stderr)
        sys.exit(SKIPPED)
    while len(sys.argv) > 1 and os.sep in sys.argv[1]:
        tool = Path(sys.argv.pop(1)).resolve()
        _tools[tool.name] = tool
    unittest.main()


def golden_path(name):
    return Path(_golden, name)


def regions():
    directories = (path for path in Path(_golden).glob('*/region*') if path.is_dir())
    return sorted(path.relative_to(_golden).as_posix() for path in directories)


def expectations_of(name):
    """The directory of Crucible's word on a region, which is not always there."""
    case, directory = name.split('/')
    return golden_path(case) / directory.replace('region', 'expect', 1)


def copy_region(name, target):
    """A copy that can be written to, with the times of the original."""
    shutil.copytree(golden_path(name), target, symlinks=True)
    for path in [target, *target.rglob('*')]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return target


# The golden region raw-clean-seq: 512 B x 32 x 8.
BLOCK_SIZE = 512
EXTENT_SIZE = 32
SLOT_BYTES = 48
BITS_BYTES = EXTENT_SIZE // 8


def with_slots_in_array_a(raw_extent):
    """An extent of raw-clean-seq, all contexts in array B, as it is with all of them in array A."""
    data_end = EXTENT_SIZE * BLOCK_SIZE
    a_end = data_end + EXTENT_SIZE * SLOT_BYTES
    b_end = a_end + EXTENT_SIZE * SLOT_BYTES
    data, metadata = raw_extent[:data_end], raw_extent[b_end + BITS_BYTES:]
    array_a, array_b = raw_extent[data_end:a_end], raw_extent[a_end:b_end]
    assert not any(array_a)
    return data + array_b + array_a + bytes(BITS_BYTES) + metadata


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(root):
    """Every file's hash by its name; directories end with a slash and have none."""
    return {
        path.relative_to(root).as_posix() + ('/' if path.is_dir() else ''):
            None if path.is_dir() else sha256(path) for path in root.rglob('*')}


def snapshot(root):
    """All that a reading tool must leave alone: names, bytes, modes, times; of directories too."""
    state = {}
    for path in [root, *root.rglob('*')]:
        status = path.lstat()
        content = sha256(path) if stat.S_ISREG(status.st_mode) else None
        state[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return state


def read_sha256_list(path):
    """As contents() would say it: the directories are those that the files are in."""
    files = dict(reversed(line.split('  ', 1)) for line in path.read_text().splitlines())
    parents = {f'{parent}/': None for name in files for parent in Path(name).parents
               if str(parent) != '.'}
    return files | parents


def crucibles_exit(answer):
    """The exit status in one of Crucible's answers, verify.txt for instance."""
    first_line = answer.read_text().splitlines()[0]
    return int(first_line.removeprefix('exit='))


class Run:
    """What came of running a tool."""

    def __init__(self, process):
        self.exit_code = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr

    def records(self, record_type=None):
        every = [json.loads(line) for line in self.stdout.splitlines()]
        return [record for record in every if record_type in (None, record['type'])]

    def findings(self):
        return [brief(finding) for finding in self.records('finding')]

    def errors(self):
        return [record for record in self.records('finding') if record['severity'] == 'error']


def brief(finding):
    """'no_matching_slot 1:5-7' is of extent 1, blocks 5 to 7."""
    text = finding['id']
    if 'extent' in finding:
        text += f' {finding["extent"]}'
    if 'first_block' in finding:
        text += f':{finding["first_block"]}'
        if finding['last_block'] != finding['first_block']:
            text += f'-{finding["last_block"]}'
    return text


def run(tool, *arguments, wrapper=(), stdin=None):
    command = [*wrapper, _tools[tool], *arguments]
    with open(stdin or os.devnull, 'rb') as source:
        return Run(subprocess.run(command, stdin=source, capture_output=True, text=True,
                                  timeout=120, check=False))


def run_for_records(tool, *arguments, **options):
    """As run, with records that keep to their schema."""
    done = run(tool, '--format', 'jsonl', *arguments, **options)
    for record in done.records():
        problems = _schema.problems(record)
        if problems:
            raise AssertionError(f'{problems} in {record}')
    return done


# Runs "$@" with the directory $0 mounted read-only, in a name space that ends with it.
MOUNT_AND_RUN = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

# What may mount: root, or anyone who may be root of a name space.
PRIVILEGES = [['unshare', '--mount'], ['unshare', '--mount', '--user', '--map-root-user']]


def read_only(privilege, directory):
    """The words before a command that sees the directory mounted read-only."""
    return [*privilege, 'sh', '-c', MOUNT_AND_RUN, str(directory)]


def find_privilege(directory):
    """None where nothing can be mounted."""
    for privilege in PRIVILEGES:
        wrapper = read_only(privilege, directory)
        can_run = subprocess.run([*wrapper, 'true'], capture_output=True, check=False)
        can_write = subprocess.run([*wrapper, 'touch', directory / 'probe'], capture_output=True,
                                   check=False)
        if can_run.returncode == 0 and can_write.returncode != 0:
            return privilege
    return None


class GoldenTest(unittest.TestCase):
    """Tests with a directory of their own, which is gone after each."""

    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='region-golden-')
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def copy(self, name):
        """A copy of a golden region, replacing an earlier one."""
        target = self.directory / name.replace('/', '-')
        shutil.rmtree(target, ignore_errors=True)
        return copy_region(name, target)

    def clear(self, name):
        """Removes what a test has made, if it has."""
        shutil.rmtree(self.directory / name, ignore_errors=True)

    def require_privilege(self):
        privilege = find_privilege(self.directory) if shutil.which('unshare') else None
        if privilege is None:
            self.skip_loudly('nothing can be mounted here')
        return privilege

    def skip_loudly(self, reason):
        print(f'skipped: {self.id()}: {reason}', file=sys.stderr)
        raise unittest.SkipTest(reason)

    @contextlib.contextmanager
    def region(self, name):
        """A test within the test: of this region, with a copy of it."""
        with self.subTest(region=name):
            yield self.copy(name)
