"""region: runs region-NAME for region NAME, and says which tools there are."""

import os
import shutil
import signal
import subprocess
from unittest import mock

import harness
from harness import DONE, FAILED, FINDINGS, NOT_A_REGION, USAGE, ToolTest, path_of


class DispatcherCase(ToolTest):

    def make_tool(self, directory, name, script='echo "$0" "$@"', mode=0o755):
        path = self.work / directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(mode)
        return path

    def environment(self, path='/usr/bin:/bin', exec_path=None):
        env = {'PATH': path}
        if exec_path is not None:
            env['REGION_EXEC_PATH'] = str(exec_path)
        return env

    def alone(self):
        """The dispatcher in a directory where no tool is."""
        (self.work / 'alone').mkdir(exist_ok=True)
        return shutil.copy(path_of('region'), self.work / 'alone/region')

    def run_alone(self, *arguments, **options):
        with mock.patch.dict(harness.programs, {'region': os.fspath(self.alone())}):
            return self.run_tool('region', *arguments, **options)


class RunningTest(DispatcherCase):

    def test_arguments_are_passed_on_and_the_exit_status_comes_back(self):
        region = self.make_region()
        result = self.expect(DONE, 'region', 'verify', region)
        self.assertIn('6 extents', result.out)
        self.expect(FINDINGS, 'region', 'verify', '-q', self.make_damaged_region())
        self.expect(NOT_A_REGION, 'region', 'verify', self.work)
        self.expect(USAGE, 'region', 'verify', '--bogus')

    def test_options_after_the_name_are_the_tools(self):
        for option in ('--help', '-h'):
            self.assertIn('usage: region-verify',
                          self.expect(DONE, 'region', 'verify', option).out)
        self.assertTrue(self.expect(DONE, 'region', 'verify', '-V').out.startswith('region-verify'))

    def test_any_exit_status_and_a_signal_come_back(self):
        for status in (0, 3, 5, 75):
            self.make_tool('bin', 'region-ends', f'exit {status}')
            result = self.run_alone('ends', env=self.environment(exec_path=self.work / 'bin'))
            self.assertEqual(status, result.code, result)
        self.make_tool('bin', 'region-killed', 'kill -TERM $$')
        process = self.start('region', 'killed', env=self.environment(exec_path=self.work / 'bin'))
        self.assertEqual(-signal.SIGTERM, process.wait(10))

    def test_signals_that_were_ignored_or_not_are_left_as_they_were(self):
        self.make_tool('bin', 'region-pipe', 'grep SigIgn /proc/self/status')
        plain = self.run_alone('pipe', env=self.environment(exec_path=self.work / 'bin'))
        mask = int(plain.out.split()[1], 16)
        self.assertEqual(0, mask >> (signal.SIGPIPE - 1) & 1)

    def test_words_arrive_as_they_were_given(self):
        self.make_tool('bin', 'region-words', 'for word in "$@"; do echo "<$word>"; done')
        result = self.run_alone('words', '', 'a b', '--', '-x', '*', b'\xff',
                                env=self.environment(exec_path=self.work / 'bin'))
        self.assertEqual(b'<>\n<a b>\n<-->\n<-x>\n<*>\n<\xff>\n', result.stdout)

    # ---- where tools are found ------------------------------------------------------------------

    def test_beside_itself_then_exec_path_then_path(self):
        for directory in ('alone', 'exec', 'path'):
            self.make_tool(directory, 'region-where', f'echo {directory}')
        env = self.environment(f'{self.work}/path:/usr/bin:/bin', self.work / 'exec')
        for directory in ('alone', 'exec', 'path'):
            self.assertEqual(f'{directory}\n', self.run_alone('where', env=env).out)
            (self.work / directory / 'region-where').unlink()
        self.assertEqual(USAGE, self.run_alone('where', env=env).code)

    def test_beside_the_program_that_a_symbolic_link_leads_to(self):
        self.make_tool('alone', 'region-where', 'echo alone')
        self.alone()
        os.symlink('alone/region', self.work / 'link')
        done = subprocess.run([self.work / 'link', 'where'], capture_output=True, check=False)
        self.assertEqual((0, b'alone\n'), (done.returncode, done.stdout))

    def test_what_cannot_be_run_is_passed_over(self):
        self.make_tool('exec', 'region-where', mode=0o644)
        (self.work / 'alone').mkdir()
        (self.work / 'alone/region-where').mkdir()
        self.make_tool('path', 'region-where', 'echo path')
        env = self.environment(f'{self.work}/path:/usr/bin:/bin', self.work / 'exec')
        self.assertEqual('path\n', self.run_alone('where', env=env).out)

    def test_nothing_is_run_from_where_one_happens_to_stand(self):
        self.make_tool('.', 'region-where', 'echo here')
        for path in ('', '.', ':/usr/bin', '/usr/bin::/bin'):
            result = self.run_alone('where', env=self.environment(path, '.'))
            self.assertEqual(USAGE, result.code, result)

    def test_a_name_is_no_path(self):
        self.make_tool('exec', 'region-x')
        env = self.environment(exec_path=self.work / 'exec')
        for name in ('../exec/region-x', '/x', 'x/../x', 'X', '', ' ', 'x y', '.', '-'):
            result = self.run_alone(name, env=env)
            self.assertEqual(USAGE, result.code, result)
            self.assertEqual('', result.out)


class UsageTest(DispatcherCase):

    def test_a_typo_gets_a_suggestion(self):
        for word, meant in (('verfy', 'verify'), ('evrify', 'verify'), ('verify-', 'verify'),
                            ('defrag', 'defragment'), ('migrat', 'migrate'), ('craete', 'create')):
            result = self.expect(USAGE, 'region', word)
            self.assertIn(f"'{word}' is none of the tools; did you mean '{meant}'?", result.err)
            self.assertIn("Try 'region --help'.", result.err)
            self.assertEqual('', result.out)

    def test_what_is_like_no_tool_gets_none(self):
        result = self.expect(USAGE, 'region', 'frobnicate')
        self.assertTrue(result.err.startswith("region: error: 'frobnicate' is none of the tools\n"))

    def test_a_name_cannot_drive_the_terminal(self):
        result = self.expect(USAGE, 'region', '\x1b[31mverify')
        self.assertNotIn(b'\x1b', result.stderr)

    def test_an_unknown_option_is_a_usage_error(self):
        for option in ('--bogus', '-Z', '--', '--hel'):
            result = self.expect(USAGE, 'region', option)
            self.assertTrue(result.err.startswith('region: error: '), result)
            self.assertIn(option, result.err)

    def test_a_known_tool_that_is_not_there_is_exit_3(self):
        result = self.run_alone('verify', env=self.environment('/nowhere'))
        self.assertEqual(FAILED, result.code, result)
        self.assertIn("'region-verify' was not found in any of ", result.err)
        self.assertIn(str(self.work / 'alone'), result.err)


class HelpTest(DispatcherCase):

    def test_help_lists_the_tools_with_a_line_each(self):
        texts = {self.expect(DONE, 'region', *words).out
                 for words in ([], ['--help'], ['-h'], ['help'])}
        self.assertEqual(1, len(texts))
        text, = texts
        for name in ('create', 'defragment', 'migrate', 'verify'):
            self.assertRegex(text, rf'(?m)^  {name} +\w')
        self.assertEqual([], [line for line in text.splitlines() if len(line) > 80])

    def test_tools_of_others_are_listed_too_and_known_ones_that_are_missing_are_marked(self):
        self.make_tool('exec', 'region-zebra')
        self.make_tool('exec', 'region-hidden', mode=0o644)
        text = self.run_alone('--help', env=self.environment('/nowhere', self.work / 'exec')).out
        self.assertRegex(text, r'(?m)^  zebra$')
        self.assertNotIn('hidden', text)
        self.assertRegex(text, r'(?m)^  verify .* \(not found\)$')

    def test_version(self):
        for option in ('--version', '-V'):
            self.assertRegex(self.expect(DONE, 'region', option).out, r'^region \d+\.\d+\.\d+')

    def test_help_and_version_on_a_full_device_exit_3(self):
        for option in ('--help', '--version'):
            with open('/dev/full', 'wb') as full:
                result = self.expect(FAILED, 'region', option, stdout=full)
            self.assertIn('No space left on device', result.err)

    def test_help_to_a_reader_that_has_gone_is_no_news(self):
        reading, writing = os.pipe()
        os.close(reading)
        result = self.expect(DONE, 'region', '--help', stdout=writing)
        os.close(writing)
        self.assertEqual('', result.err)

    # ---- region help NAME -----------------------------------------------------------------------

    def test_help_of_a_tool_is_its_manual_page(self):
        self.make_tool('bin', 'man', 'echo "man $@"')
        env = self.environment(f'{self.work}/bin')
        for name in ('verify', 'format', 'records', 'recovery', 'tools'):
            result = self.expect(DONE, 'region', 'help', name, env=env)
            self.assertEqual(f'man region-{name}\n', result.out)

    def test_where_there_is_no_man_it_is_the_tools_own_help(self):
        env = self.environment('/nowhere')
        self.assertIn('usage: region-verify',
                      self.expect(DONE, 'region', 'help', 'verify', env=env).out)
        result = self.expect(FAILED, 'region', 'help', 'format', env=env)
        self.assertIn("'man'", result.err)

    def test_help_of_what_is_no_tool_gets_a_suggestion(self):
        result = self.expect(USAGE, 'region', 'help', 'verfy')
        self.assertIn("did you mean 'verify'?", result.err)
        self.expect(USAGE, 'region', 'help', 'verify', 'create')
