"""The contract: options, --help and --version, usage errors."""

import os
import re

from harness import DONE, FAILED, USAGE, ToolTest

OPTION_LINE = re.compile(r'^  (?:(-\w), |    )(--[\w-]+)(?: (\S+))?')


class CommandLineContract(ToolTest):
    tool = None  # set by run.py

    def help_options(self):
        """The options in --help: (short or None, long, name of the value or None)."""
        text = self.expect(DONE, self.tool.name, '--help').out
        found = [OPTION_LINE.match(line) for line in text.splitlines()]
        return [match.groups() for match in found if match]

    def options_with_value(self, *value_names):
        return [long for _, long, value in self.help_options() if value in value_names]

    def expect_usage_error(self, *arguments, about, **options):
        """Refused before anything is done, with a message that names what is wrong."""
        result = self.expect(USAGE, self.tool.name, *arguments, **options)
        self.assertEqual(b'', result.stdout, result)
        self.assertIn(about, result.err, result)
        self.assertTrue(result.err.startswith(f'{self.tool.name}: error: '), result)
        return result

    # ---- --help, --version ----------------------------------------------------------------------

    def test_help_goes_to_standard_output_and_exits_0(self):
        for option in ('--help', '-h'):
            result = self.expect(DONE, self.tool.name, option)
            self.assertEqual('', result.err)
            self.assertIn(self.tool.name, result.out)

    def test_help_needs_no_argument_and_wins_over_others(self):
        self.expect(DONE, self.tool.name, '--help', '-q', 'no/such/region')

    def test_help_fits_a_screen(self):
        lines = self.expect(DONE, self.tool.name, '--help').out.splitlines()
        self.assertLessEqual(len(lines), 50)
        self.assertEqual([], [line for line in lines if len(line) > 80])

    def test_help_has_examples(self):
        lines = self.expect(DONE, self.tool.name, '--help').out.splitlines()
        examples = [line for line in lines if line.startswith(f'  {self.tool.name} ')]
        self.assertGreaterEqual(len(examples), 1, lines)

    def test_help_aligns_its_descriptions(self):
        lines = self.expect(DONE, self.tool.name, '--help').out.splitlines()
        columns = {re.match(r'  .{4}--\S+(?: \S+)? +', line).end()
                   for line in lines if OPTION_LINE.match(line)}
        self.assertEqual(1, len(columns), '\n'.join(lines))

    def test_help_names_the_options_that_every_tool_has(self):
        expected = {'--format', '--output', '--jobs', '--quiet', '--verbose', '--progress',
                    '--color', '--lock-wait', '--help', '--version'}
        if self.tool.changes:
            expected.add('--dry-run')
        if not self.tool.makes and not self.tool.image:
            expected.add('--extent')
        if not self.tool.makes and not self.tool.image and not self.tool.product:
            expected.add('--regions-from')
        self.assertLessEqual(expected, {long for _, long, _ in self.help_options()})

    def test_short_options_are_those_of_the_contract(self):
        contract = {'--extent': '-e', '--jobs': '-j', '--dry-run': '-n', '--quiet': '-q',
                    '--verbose': '-v', '--output': '-o', '--force': '-f', '--help': '-h',
                    '--version': '-V', '--blocks': '-b'}
        for short, long, _ in self.help_options():
            self.assertEqual(contract.get(long, short), short, long)

    def test_version_names_tool_formats_and_libraries(self):
        for option in ('--version', '-V'):
            result = self.expect(DONE, self.tool.name, option)
            self.assertEqual('', result.err)
            self.assertRegex(result.out, rf'^{self.tool.name} \d+\.\d+\.\d+')
            for word in ('raw', 'SQLite', 'xxHash', 'CLI11'):
                self.assertIn(word, result.out)

    def test_help_and_version_on_a_full_device_exit_3(self):
        for option in ('--help', '--version'):
            with open('/dev/full', 'wb') as full:
                result = self.expect(FAILED, self.tool.name, option, stdout=full)
            self.assertEqual(f"{self.tool.name}: error: write 'standard output': "
                             'No space left on device\n', result.err, option)

    # ---- usage errors ---------------------------------------------------------------------------

    def test_an_unknown_option_is_named(self):
        for option in ('--bogus', '-Z', '--verbos', '--json=1', '--quiet=yes'):
            result = self.expect_usage_error(option, 'somewhere', about=option.partition('=')[0])
            self.assertIn(f'{self.tool.name} --help', result.err)

    def test_no_region_at_all_is_a_usage_error(self):
        self.expect_usage_error(about='DIR' if self.tool.makes or self.tool.image else 'region')

    def test_an_empty_name_is_no_region(self):
        result = self.run_tool(self.tool.name, '')
        self.assertIn(result.code, (USAGE, 4), result)
        self.assertNotEqual('', result.err)

    def test_an_option_without_its_value_is_named(self):
        for _, long, value in self.help_options():
            if value is not None:
                self.expect_usage_error('somewhere', long, about=long)

    def test_an_option_without_its_value_is_explained_in_words_of_help(self):
        words = ('TEXT', 'required')  # of the parser's
        result = self.expect_usage_error('somewhere', '--jobs', about='--jobs')
        self.assertEqual([], [word for word in words if word in result.err], result)

    def test_numbers_that_are_none_are_usage_errors_that_name_the_option(self):
        accepted = []
        for option in self.options_with_value('N', 'SECONDS', 'BLOCKS', 'BYTES'):
            for value in ('', 'x', '-1', '1.5', '0x10', ' 1', '1 ', '99999999999999999999999'):
                words = [f'{option}={value}'] if value.startswith('-') else [option, value]
                result = self.run_tool(self.tool.name, *words, 'somewhere')
                is_refused = result.code == USAGE and option in result.err and not result.stdout
                if not is_refused:
                    accepted.append(str(result))
        self.assertEqual([], accepted)

    def test_numbers_of_threads_out_of_range_are_usage_errors(self):
        for value in ('0', '4000000000', '18446744073709551615'):
            self.expect_usage_error('--jobs', value, 'somewhere', about='--jobs')

    def test_words_that_are_not_among_the_choices_are_usage_errors_that_name_the_option(self):
        choices = {long for _, long, value in self.help_options()
                   if value in ('WHEN', 'FORMAT') or (value and '|' in value)}
        self.assertLessEqual({'--format', '--progress', '--color'}, choices)
        for option in sorted(choices):
            for word in ('bogus', ''):
                self.expect_usage_error(f'{option}={word}', 'somewhere', about=option)

    def test_two_hyphens_end_the_options(self):
        result = self.run_tool(self.tool.name, '--', '--no-such-option')
        self.assertEqual(DONE if self.tool.makes else 4, result.code, result)

    def test_a_usage_error_makes_no_output_file_in_vain(self):
        self.expect(USAGE, self.tool.name, '--bogus', '-o', 'out', 'somewhere')
        self.assertFalse((self.work / 'out').exists())

    def test_what_is_on_the_command_line_cannot_drive_the_terminal(self):
        hostile = '\x1b]0;title\x07\x9b31m'
        for arguments in ([f'--{hostile}'], ['-j', hostile, 'x'], ['--format', hostile, 'x'],
                          ['-o', f'{hostile}/x', 'x'], [os.fsencode(hostile) + b'\xff\x9b/x']):
            result = self.run_tool(self.tool.name, *arguments)
            self.assertNotEqual('', result.err)
            for byte in (b'\x1b', b'\x07', b'\xc2\x9b', b'\x9b'):
                self.assertNotIn(byte, result.stdout + result.stderr, result)


class ExtentListContract(ToolTest):
    for_makers = False
    tool = None

    def setUp(self):
        super().setUp()
        if '--extent' not in self.run_tool(self.tool.name, '--help').out:
            self.skipTest('the tool takes no list of extents')

    def test_a_bad_extent_list_is_a_usage_error(self):
        region = self.make_region()
        for value in ('x-y', '5-3', ',', '1,', '1-', '-e', '99999999999', '1..2', ' 1'):
            self.expect(USAGE, self.tool.name, f'--extent={value}', region)

    def test_the_message_about_a_bad_extent_list_names_the_option(self):
        region = self.make_region()
        for value in ('x-y', '5-3', '6'):
            result = self.expect(USAGE, self.tool.name, f'--extent={value}', region)
            self.assertIn('--extent', result.err)

    def test_a_bad_extent_list_is_refused_before_any_record(self):
        result = self.expect(USAGE, self.tool.name, '-e', 'x-y', self.make_region(), '-v')
        self.assertEqual(b'', result.stdout)

    def test_an_extent_that_the_region_does_not_have_is_a_usage_error(self):
        region = self.make_region(extents=6)
        for value in ('6', '0x6', '00/000/006', '0-6'):
            with self.subTest(list=value):
                result = self.expect(USAGE, self.tool.name, '-e', value, region)
                self.assertIn('the region has 6 extents', result.err)

    def test_an_empty_extent_list_does_not_mean_all_extents(self):
        self.expect(USAGE, self.tool.name, '-e', '', self.make_region())

    def test_extents_are_named_in_all_the_ways_of_the_contract(self):
        region = self.make_region(extents=20)
        for value, expected in (('7', [7]), ('010', [10]), ('0x10', [16]), ('00A', [10]),
                                ('00/000/012', [18]), ('5-7', [5, 6, 7]), ('00A-00/000/00C',
                                [10, 11, 12]), ('0xA-0xB,2', [2, 10, 11]),
                                ('3,1,3,2-4', [1, 2, 3, 4])):
            with self.subTest(list=value):
                found = self.records(self.tool.name, '-e', value, region, code=DONE).extents
                self.assertEqual(expected, found)
