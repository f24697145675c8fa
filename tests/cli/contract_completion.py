"""The contract: completion of the command line by shells, made by the tool of its own options."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

from harness import DONE, FAILED, USAGE, ToolTest

HELP_LINE = re.compile(r'^  (?:(-\w), |    )(--[\w-]+)(?: (\S+))?')
FISH_LINE = re.compile(r"^complete -c \S+(?: -s (\w))? -l (\S+)(?: -x -a '([^']*)')?", re.M)

# Calls the function as Bash does; what it asks of Bash itself is printed after "compopt".
CALL_FUNCTION = r'''
compopt() { echo "compopt $*"; }
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
function=$(complete -p "$1")
function=${function#*-F }
"${function%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
'''


def needs(shell):
    return unittest.skipUnless(shutil.which(shell), f'no {shell}')


class CompletionContract(ToolTest):
    tool = None

    def script(self, shell):
        path = self.work / f'{self.tool.name}.{shell}'
        path.write_bytes(self.expect(DONE, self.tool.name, '--completion', shell).stdout)
        return path

    def offered(self, *words):
        """What Bash is told of the last of these words."""
        done = subprocess.run(['bash', '--norc', '-c', CALL_FUNCTION, 'bash', self.script('bash'),
                               self.tool.name, *words], capture_output=True, text=True, check=False,
                              cwd=self.work)
        self.assertEqual('', done.stderr)
        return done.stdout.splitlines()

    def help_options(self):
        text = self.expect(DONE, self.tool.name, '--help').out
        return [match.groups() for match in map(HELP_LINE.match, text.splitlines()) if match]

    def choices(self):
        """Long name and words of each option that is one of several words."""
        return {f'--{long}': words.split() for _, long, words in
                FISH_LINE.findall(self.script('fish').read_text()) if words and '(' not in words}

    def test_it_needs_no_region_and_says_nothing_else(self):
        for shell in ('bash', 'zsh', 'fish'):
            result = self.expect(DONE, self.tool.name, f'--completion={shell}')
            self.assertEqual('', result.err)
            self.assertIn(self.tool.name, result.out)

    def test_other_shells_are_usage_errors(self):
        for shell in ('csh', '', 'bash zsh'):
            result = self.expect(USAGE, self.tool.name, '--completion', shell)
            self.assertIn('--completion: expected bash, zsh, fish', result.err)
            self.assertEqual('', result.out)
        self.assertIn('--completion', self.expect(USAGE, self.tool.name, '--completion').err)

    def test_a_full_device_is_exit_3(self):
        with open('/dev/full', 'wb') as full:
            self.expect(FAILED, self.tool.name, '--completion', 'bash', stdout=full)

    # ---- bash -----------------------------------------------------------------------------------

    @needs('bash')
    def test_all_options_of_help_are_offered_and_no_others(self):
        expected = {name for *names, _ in self.help_options() for name in names if name}
        self.assertEqual(sorted(expected), sorted(self.offered('-')))

    @needs('bash')
    def test_what_is_there_of_an_option_is_completed(self):
        self.assertEqual(['--help'], self.offered('--hel'))
        self.assertEqual([], self.offered('--bogus'))

    @needs('bash')
    def test_choices_are_offered(self):
        choices = self.choices()
        self.assertLessEqual({'--format', '--progress', '--color'}, set(choices))
        for option, words in choices.items():
            self.assertEqual(words, self.offered(option, ''))
            self.assertEqual(words[-1:], self.offered(option, words[-1]))
            self.assertEqual(words, self.offered(option, '='))
            self.assertEqual(words[-1:], self.offered('-q', option, '=', words[-1]))
            self.assertEqual([], self.offered(option, 'bogus'))

    def test_all_choices_are_accepted(self):
        for option, words in self.choices().items():
            for word in words:
                result = self.expect(USAGE, self.tool.name, option, word, '--jobs', 0, 'somewhere')
                self.assertIn('--jobs', result.err)

    @needs('bash')
    def test_values_are_completed_by_their_kind(self):
        kinds = {'FILE': ['compopt -o default'], 'DIR': ['compopt -o dirnames'], 'N': [],
                 'SECONDS': [], 'BYTES': [], 'LIST': []}
        for short, long, value in self.help_options():
            if value in kinds:
                for name in filter(None, (short, long)):
                    self.assertEqual(kinds[value], self.offered(name, ''), name)
        self.assertEqual(['compopt -o default'], self.offered('--output', '=', 'x'))

    @needs('bash')
    def test_arguments_are_completed_as_paths(self):
        expected = self.offered('')
        self.assertIn(expected, (['compopt -o dirnames'], ['compopt -o default']))
        for words in (('-q', ''), ('-j', '4', 'x'), ('--format', '=', 'jsonl', 'x'), ('--', '-x'),
                      ('--', '--format', '')):
            self.assertEqual(expected, self.offered(*words), words)

    @needs('bash')
    def test_it_works_in_a_terminal(self):
        """Bash itself, with keys pressed: options, choices, then a directory with a space."""
        (self.work / 'some region').mkdir()
        terminal, side = pty.openpty()
        environment = {**os.environ, 'TERM': 'dumb', 'PS1': '$ ', 'HISTFILE': '',
                       'INPUTRC': '/none'}
        process = subprocess.Popen(['bash', '--norc', '--noprofile', '-i'], stdin=side, stdout=side,
                                   stderr=side, cwd=self.work, env=environment,
                                   start_new_session=True)
        os.close(side)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(os.close, terminal)
        keys = f'source {self.script("bash")}\n{self.tool.name}() {{ printf "<%s>" "$@"; echo; }}\n'
        keys += f'{self.tool.name} --versi\t--col\tnev\t--progress=js\tsome\t\nexit\n'
        os.write(terminal, keys.encode())
        self.assertIn('<--version><--color><never><--progress=json><some region/>',
                      self.read_until(terminal, b'region/>'))

    def read_until(self, terminal, sign, seconds=20):
        text = b''
        deadline = time.monotonic() + seconds
        while sign not in text and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    text += os.read(terminal, 4096)
                except OSError:  # nobody is at the other side any more
                    break
        return text.decode(errors='backslashreplace')

    # ---- zsh, fish ------------------------------------------------------------------------------

    def assert_shell_accepts(self, shell, *options):
        done = subprocess.run([shell, *options, self.script(shell)], capture_output=True, text=True,
                              check=False)
        self.assertEqual((0, '', ''), (done.returncode, done.stdout, done.stderr))

    def test_zsh_knows_all_options(self):
        text = self.script('zsh').read_text()
        self.assertTrue(text.startswith(f'#compdef {self.tool.name}\n'))
        for short, long, value in self.help_options():
            spec = long + ('=' if value else '')
            self.assertIn(f"'({short} {long})'{{" if short else f"'{spec}[", text)

    def test_fish_knows_all_options(self):
        expected = [((short or '')[1:], long[2:]) for short, long, _ in self.help_options()]
        found = FISH_LINE.findall(self.script('fish').read_text())
        self.assertEqual(expected, [(short, long) for short, long, _ in found])

    @needs('bash')
    def test_bash_accepts_its_script(self):
        self.assert_shell_accepts('bash', '-n')

    @needs('zsh')
    def test_zsh_accepts_its_script(self):
        self.assert_shell_accepts('zsh', '-n')

    @needs('fish')
    def test_fish_accepts_its_script(self):
        self.assert_shell_accepts('fish', '--no-execute')

    @needs('fish')
    def test_fish_offers_choices(self):
        command = f'source {self.script("fish")}; complete -C "{self.tool.name} --color "'
        done = subprocess.run(['fish', '--no-config', '-c', command], capture_output=True,
                              text=True, check=False, cwd=self.work)
        offered = [line.partition('\t')[0] for line in done.stdout.splitlines()]
        self.assertEqual(['always', 'auto', 'never'], sorted(offered), done.stderr)
