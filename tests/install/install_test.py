#!/usr/bin/env python3
"""What "meson install" makes, tried from where it was put.

usage: install_test.py BUILD_ROOT SOURCE_ROOT COMPILER [ARGUMENT...]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ALL_SKIPPED = 77  # as Meson has it

build_root = source_root = None
compiler = []


def setUpModule():
    """Installs once for all tests, into a directory that stands for the root."""
    if shutil.which('meson') is None:
        raise unittest.SkipTest('no meson to install with')
    directory = tempfile.TemporaryDirectory(prefix='region-install-')
    unittest.addModuleCleanup(directory.cleanup)
    Installed.root = Path(directory.name).resolve()
    run('meson', 'install', '-C', build_root, '--no-rebuild', '--quiet', '--destdir',
        Installed.root)
    options = json.loads((build_root / 'meson-info/intro-buildoptions.json').read_text())
    values = {option['name']: option['value'] for option in options}
    Installed.configured_prefix = values['prefix']
    Installed.prefix = Installed.root / values['prefix'].lstrip('/')
    for name in ('bindir', 'datadir', 'includedir', 'libdir', 'mandir'):
        setattr(Installed, name, Installed.prefix / values[name])


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f'{command}: exit status {done.returncode}\n'
                             f'{done.stdout}{done.stderr}')
    return done.stdout


def readme_example():
    """The program in README.md."""
    return re.search(r'^```cpp\n(.*?)^```$', (source_root / 'README.md').read_text(),
                     re.M | re.S)[1]


class Installed(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='region-installed-')
        self.addCleanup(directory.cleanup)
        self.work = Path(directory.name)

    def make_region(self):
        run(self.bindir / 'region-create', self.work / 'region', '--extent-count', 3)
        return self.work / 'region'


class FilesTest(Installed):
    def test_each_tool_has_its_page_and_completions(self):
        tools = sorted(path.name for path in self.bindir.iterdir())
        self.assertIn('region-verify', tools)
        for tool in tools:
            for path in (self.mandir / f'man8/{tool}.8',
                         self.datadir / f'bash-completion/completions/{tool}',
                         self.datadir / f'zsh/site-functions/_{tool}',
                         self.datadir / f'fish/vendor_completions.d/{tool}.fish'):
                self.assertGreater(path.stat().st_size, 0, path)

    def test_help_shows_the_pages_that_are_installed_beside_the_tools(self):
        man = self.work / 'bin/man'
        man.parent.mkdir()
        man.write_text('#!/bin/sh\necho "$@"\n')
        man.chmod(0o755)
        for page in ('man8/region-verify.8', 'man7/region-recovery.7', 'man5/region-format.5'):
            name = re.sub(r'.*region-(.*)\..', r'\1', page)
            shown = run(self.bindir / 'region', 'help', name, env={'PATH': f'{man.parent}:/bin'})
            self.assertEqual((self.mandir / page).resolve(), Path(shown.strip()).resolve())

    def test_the_tools_run_from_where_they_are(self):
        region = self.make_region()
        self.assertIn('3 extents', run(self.bindir / 'region-verify', region, env={}))

    def test_the_schema_of_the_records_is_there(self):
        schema = json.loads((self.datadir / 'region-tools/records.schema.json').read_text())
        self.assertIn('summary', schema['$defs'])

    def test_of_the_source_tree_exactly_the_headers_are_installed(self):
        expected = {path.relative_to(source_root) for path in source_root.glob('libregion/**/*.h')}
        top = self.includedir / 'region'
        self.assertEqual(expected, {path.relative_to(top) for path in top.rglob('*')
                                    if path.is_file()})

    def test_headers_include_each_other_and_the_standard_library_only(self):
        foreign = [f'{path.name}: {line}' for path in self.includedir.rglob('*.h')
                   for line in path.read_text().splitlines() if line.startswith('#include')
                   and not re.match(r'#include (<\w+>|"libregion/[\w/]+\.h")$', line)]
        self.assertEqual([], foreign)

    def test_nothing_names_the_place_it_was_built_at(self):
        """Debugging information does, and stays in the programs and the library."""
        named = [path for path in self.prefix.rglob('*')
                 if path.is_file() and path.parent != self.bindir and path.suffix != '.a'
                 and os.fsencode(build_root) in path.read_bytes()]
        self.assertEqual([], named)


# Calls the completion of `region` as Bash does.
CALL_BASH = r'''
source "$1/region"
shift
compopt() { echo "compopt $*"; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_region
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
'''


class CompletionTest(Installed):
    """Of `region`, which hands over to the tools' own. Those are the contract tests' matter."""

    def commands(self):
        return [path.name.removeprefix('region-') for path in self.bindir.glob('region-*')]

    def offered_by_bash(self, *words):
        return run('bash', '--norc', '-c', CALL_BASH, 'bash',
                   self.datadir / 'bash-completion/completions', 'region', *words).splitlines()

    def offered_by_fish(self, line):
        directory = self.datadir / 'fish/vendor_completions.d'
        script = (f'set fish_complete_path {directory}; set -p PATH {self.bindir};'
                  f'source {directory}/region.fish; complete -C "{line}"')
        offered = run('fish', '--no-config', '-c', script, cwd=self.work).splitlines()
        return sorted(entry.partition('\t')[0] for entry in offered)

    def require(self, shell):
        if shutil.which(shell) is None:
            self.skipTest(f'no {shell}')

    def test_bash_offers_the_tools_then_their_options(self):
        self.require('bash')
        self.assertEqual(sorted([*self.commands(), 'help', '--help', '--version']),
                         sorted(self.offered_by_bash('')))
        self.assertEqual(['verify'], self.offered_by_bash('veri'))
        self.assertEqual(['--strict'], self.offered_by_bash('verify', '--str'))
        self.assertEqual(['never'], self.offered_by_bash('create', '-n', '--color', '=', 'n'))
        self.assertEqual(['compopt -o dirnames'], self.offered_by_bash('migrate', ''))
        self.assertEqual(sorted(self.commands()), sorted(self.offered_by_bash('help', '')))
        self.assertEqual([], self.offered_by_bash('help', 'create', ''))
        self.assertEqual([], self.offered_by_bash('bogus', ''))

    def test_fish_offers_the_tools_then_their_options(self):
        self.require('fish')
        self.assertEqual(sorted([*self.commands(), 'help']), self.offered_by_fish('region '))
        self.assertEqual(['--strict'], self.offered_by_fish('region verify --str'))
        self.assertEqual(['never'], self.offered_by_fish('region verify -q --color n'))
        self.assertEqual(sorted(self.commands()), self.offered_by_fish('region help '))
        self.assertEqual([], self.offered_by_fish('region bogus '))

    def test_zsh_accepts_every_script(self):
        self.require('zsh')
        scripts = list((self.datadir / 'zsh/site-functions').iterdir())
        self.assertIn('_region', [script.name for script in scripts])
        for script in scripts:
            run('zsh', '-n', script)


class LibraryTest(Installed):
    def setUp(self):
        super().setUp()
        if shutil.which('pkg-config') is None:
            self.skipTest('no pkg-config')
        if shutil.which(compiler[0]) is None:
            self.skipTest(f'no {compiler[0]}')

    def pkg_config(self, *arguments):
        """Asks for libregion as if it had been configured for the place it was put."""
        description = (self.libdir / 'pkgconfig/libregion.pc').read_text()
        (self.work / 'libregion.pc').write_text(
            description.replace(f'prefix={self.configured_prefix}', f'prefix={self.prefix}', 1))
        paths = [str(self.work), *filter(None, [os.environ.get('PKG_CONFIG_PATH')])]
        return run('pkg-config', *arguments, 'libregion',
                   env={**os.environ, 'PKG_CONFIG_PATH': ':'.join(paths)}).split()

    def compile(self, text):
        source = self.work / 'program.cc'
        source.write_text(text)
        run(*compiler, '-std=c++20', '-Wall', '-Wextra', '-Werror', source, '-o',
            self.work / 'program', *self.pkg_config('--cflags', '--libs'), cwd=self.work)
        return self.work / 'program'

    def test_the_program_in_the_readme_builds_and_runs(self):
        program = self.compile(readme_example())
        region = self.make_region()
        self.assertEqual('extent 0: 00/000/000\nextent 1: 00/000/001\nextent 2: 00/000/002\n',
                         run(program, region))
        os.truncate(region / '00/000/001', 512)
        self.assertIn('wrong_size\nextent 1: ', run(program, region))
        none = subprocess.run([program, self.work / 'none'], capture_output=True, text=True,
                              check=False)
        self.assertEqual((3, ''), (none.returncode, none.stdout))
        self.assertIn('none', none.stderr)

    def test_every_header_compiles(self):
        top = self.includedir / 'region'
        names = sorted(path.relative_to(top) for path in top.rglob('*.h'))
        for order in (names, names[::-1]):
            source = self.work / 'all.cc'
            source.write_text(''.join(f'#include "{name}"\n' for name in order))
            run(*compiler, '-std=c++20', '-fsyntax-only', source, *self.pkg_config('--cflags'))


def main():
    global build_root, source_root
    build_root, source_root = map(Path, sys.argv[1:3])
    compiler.extend(sys.argv[3:])
    result = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped and result.testsRun == 0:
        sys.exit(ALL_SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == '__main__':
    main()
