"""region-create: what it makes. The layout of a region is spelled out from its description."""

import json
import os
import stat
import subprocess
import threading
import uuid

from harness import (DONE, FINDINGS, USAGE, UUID, ToolTest, content, image_bytes)

DEFINITION = '''{
  "block_size": 1024,
  "extent_size": {
    "value": 7,
    "shift": 10
  },
  "extent_count": 3,
  "uuid": "02b5a561-2d09-4a9b-8ac0-34d2ef61e592",
  "encrypted": true,
  "database_read_version": 1,
  "database_write_version": 1
}
'''


class CreateTest(ToolTest):
    def create(self, *arguments, code=DONE, **options):
        return self.records('region-create', 'new', *arguments, code=code, **options)

    def definition(self, name='new'):
        return json.loads((self.work / name / 'region.json').read_text())

    def total_bytes(self, name='new'):
        return sum(path.stat().st_size for path in (self.work / name).rglob('*') if path.is_file())

    # ---- what is made ---------------------------------------------------------------------------

    def test_the_definition_is_what_the_options_say(self):
        self.create('--block-size', '1K', '--extent-size', '7', '--extent-count', '3', '--uuid',
                    UUID.upper(), '--encrypted')
        self.assertEqual(DEFINITION, (self.work / 'new/region.json').read_text())

    def test_an_empty_raw_extent_is_zeros_but_for_its_version(self):
        self.create('--block-size', '1K', '--extent-size', '7', '--extent-count', '3')
        self.assertEqual(['000', '001', '002'], sorted(os.listdir(self.work / 'new/00/000')))
        for number in range(3):
            extent = (self.work / f'new/00/000/{number:03X}').read_bytes()
            self.assertEqual(7 * 1024 + 2 * 48 * 7 + 1 + 32, len(extent))
            version_offset = len(extent) - 32 + 17
            self.assertEqual({version_offset}, {i for i, byte in enumerate(extent) if byte})
            self.assertEqual(2, extent[version_offset])

    def test_extents_beyond_4096_go_into_the_next_directory(self):
        self.create('--extent-size', '1', '--extent-count', '4098')
        self.assertEqual(4096, len(os.listdir(self.work / 'new/00/000')))
        self.assertEqual(['000', '001'], sorted(os.listdir(self.work / 'new/00/001')))

    def test_defaults_are_those_of_help(self):
        self.create()
        definition = self.definition()
        self.assertEqual((512, 100, 15, False), (
            definition['block_size'], definition['extent_size']['value'],
            definition['extent_count'], definition['encrypted']))

    def test_each_region_gets_a_uuid_of_its_own(self):
        made = set()
        for name in ('a', 'b'):
            self.expect(DONE, 'region-create', name)
            parsed = uuid.UUID(self.definition(name)['uuid'])
            self.assertEqual((4, uuid.RFC_4122), (parsed.version, parsed.variant))
            made.add(parsed)
        self.assertEqual(2, len(made))

    def test_the_uuid_that_was_made_is_told(self):
        out = self.expect(DONE, 'region-create', 'new').out
        self.assertIn(self.definition()['uuid'], out)

    def test_the_records_tell_the_uuid_that_was_made(self):
        records = self.create()
        self.assertIn(self.definition()['uuid'], json.dumps(records))

    def test_a_region_of_no_extents(self):
        for option in ('--extent-count', '--size'):
            self.create(option, '0')
            self.assertEqual(['region.json'], os.listdir(self.work / 'new'))
            self.expect(DONE, 'region-verify', 'new')
            (self.work / 'new/region.json').unlink()

    def test_every_format_and_kind_verifies(self):
        for kind in ('raw', 'sqlite'):
            for more in ([], ['--encrypted'], ['--block-size', '32K', '--extent-size', '1']):
                name = f'{kind}{"".join(more)}'
                self.expect(DONE, 'region-create', name, '--extent-format', kind, *more)
                self.expect(DONE, 'region-verify', '--strict', name)

    def test_an_empty_directory_that_is_there_is_used(self):
        (self.work / 'new').mkdir(mode=0o750)
        self.create()
        self.expect(DONE, 'region-verify', 'new')
        self.assertEqual(0o750, stat.S_IMODE((self.work / 'new').stat().st_mode))

    def test_paths_with_slashes_at_the_end(self):
        for path in ('a/', './b//', str(self.work / 'c/')):
            self.expect(DONE, 'region-create', path)
            self.expect(DONE, 'region-verify', path)

    # ---- sizes ----------------------------------------------------------------------------------

    def test_block_sizes_from_512_to_32_kib_in_any_unit(self):
        for text, expected in (('512', 512), ('512B', 512), ('1k', 1024), ('2K', 2048),
                               ('4KiB', 4096), ('8kib', 8192), ('16384', 16384), ('32K', 32768)):
            self.expect(DONE, 'region-create', text, '--block-size', text, '--extent-size', '2',
                        '--extent-count', '2')
            self.assertEqual(expected, self.definition(text)['block_size'])

    def test_other_block_sizes_are_usage_errors_and_nothing_is_made(self):
        for text in ('0', '1', '256', '511', '513', '1536', '1.5K', '64K', '65536', '4KB', '4096 ',
                     '-512', '18446744073709551615', '16E', ''):
            words = [f'--block-size={text}'] if text.startswith('-') else ['--block-size', text]
            result = self.expect(USAGE, 'region-create', 'new', *words)
            self.assertEqual(b'', result.stdout)
            self.assertFalse((self.work / 'new').exists(), text)

    def test_messages_about_sizes_name_the_option(self):
        unnamed = []
        for option, value in (('--block-size', '513'), ('--extent-size', '0'),
                              ('--extent-size', '100000000'), ('--extent-bytes', '0'),
                              ('--extent-bytes', '1G'), ('--extent-bytes', '1000'),
                              ('--extent-count', '4294967296'), ('--size', '16000P'),
                              ('--size', '4Q'), ('--uuid', 'x')):
            result = self.expect(USAGE, 'region-create', 'new', option, value)
            if option not in result.err:
                unnamed.append((option, value, result.err))
        self.assertEqual([], unnamed)

    def test_an_empty_value_is_not_the_default(self):
        for option in ('--size', '--extent-bytes', '--uuid', '--import'):
            result = self.run_tool('region-create', 'new', option, '')
            self.assertEqual(USAGE, result.code, result)

    def test_the_size_of_an_extent_in_bytes(self):
        self.create('--block-size', '4K', '--extent-bytes', '64K')
        self.assertEqual(16, self.definition()['extent_size']['value'])

    def test_a_size_in_bytes_is_rounded_up_to_extents(self):
        for text, expected in (('1', 1), ('10K', 2), ('10241', 3), ('1M', 205), ('1048576', 205)):
            self.expect(DONE, 'region-create', text, '--extent-size', '10', '--size', text)
            self.assertEqual(expected, self.definition(text)['extent_count'])

    def test_two_ways_to_say_the_same_exclude_each_other(self):
        for words in (['--size', '1M', '--extent-count', '2'],
                      ['--extent-bytes', '5K', '--extent-size', '10']):
            result = self.expect(USAGE, 'region-create', 'new', *words)
            self.assertIn(words[0], result.err)
            self.assertIn(words[2], result.err)

    def test_an_extent_size_whose_metadata_straddles_two_sectors_is_warned_of(self):
        """Of 133 blocks: at 133 * (512 + 96) + 17 = 80881, which is byte 497 of a sector."""
        result = self.expect(DONE, 'region-create', 'new', '--extent-size', '133')
        self.assertIn('warning', result.err)
        self.assertEqual('', self.expect(DONE, 'region-create', 'other', '--extent-size',
                                         '132').err)

    def test_quiet_leaves_the_warning_out(self):
        result = self.expect(DONE, 'region-create', 'new', '--extent-size', '133', '-q')
        self.assertEqual(b'', result.stdout + result.stderr)

    # ---- a dry run ------------------------------------------------------------------------------

    def test_a_dry_run_makes_nothing_and_exits_1(self):
        self.create('-n', code=FINDINGS)
        self.assertFalse((self.work / 'new').exists())

    def test_a_dry_run_tells_the_exact_size_of_all_files(self):
        for kind in ('raw', 'sqlite'):
            for more in ([], ['--block-size', '4K', '--extent-size', '133'], ['--encrypted'],
                         ['--extent-count', '0'], ['--size', '3M']):
                name = f'{kind}{"".join(more)}'
                words = [name, '--extent-format', kind, *more]
                planned = self.records('region-create', *words, '-n').summary
                made = self.records('region-create', *words).summary
                self.assertEqual(self.total_bytes(name), planned['apparent_bytes'], name)
                self.assertEqual(self.total_bytes(name), made['apparent_bytes'], name)

    def test_a_dry_run_tells_the_exact_size_with_an_image_too(self):
        (self.work / 'image').write_bytes(image_bytes(3000))
        for kind in ('raw', 'sqlite'):
            words = [kind, '--extent-format', kind, '--import', 'image', '--extent-size', '200']
            planned = self.records('region-create', *words, '-n').summary
            made = self.records('region-create', *words).summary
            self.assertEqual(self.total_bytes(kind), made['apparent_bytes'], kind)
            self.assertEqual(self.total_bytes(kind), planned['apparent_bytes'], kind)

    # ---- images ---------------------------------------------------------------------------------

    def data_of(self, name, extent_bytes):
        """The blocks of a region, one after the other."""
        files = sorted((self.work / name / '00/000').glob('???'))
        return b''.join(path.read_bytes()[:extent_bytes] for path in files)

    def test_an_image_fills_the_region_from_its_first_block(self):
        image = image_bytes(45)[:-100]  # the last block is not full
        (self.work / 'image').write_bytes(image)
        for kind in ('raw', 'sqlite'):
            self.expect(DONE, 'region-create', kind, '--extent-format', kind, '--extent-size',
                        '10', '--extent-count', '6', '--import', 'image')
            data = self.data_of(kind, 5120)
            self.assertEqual(image + bytes(60 * 512 - len(image)), data)
            records = self.records('region-verify', kind, code=DONE)
            self.assertEqual(45, records.summary['written'])

    def test_an_image_from_a_pipe_makes_the_same_region(self):
        image = image_bytes(45)[:-100]
        (self.work / 'image').write_bytes(image)
        words = ['--uuid', UUID, '--extent-size', '10', '--extent-count', '6', '--import']
        self.expect(DONE, 'region-create', 'file', *words, 'image')
        self.expect(DONE, 'region-create', 'pipe', *words, '-', stdin=image)
        os.mkfifo(self.work / 'fifo')
        writer = threading.Thread(target=lambda: (self.work / 'fifo').write_bytes(image))
        writer.start()
        self.expect(DONE, 'region-create', 'named-pipe', *words, 'fifo')
        writer.join()
        expected = content(self.work / 'file')
        self.assert_same_tree(expected, content(self.work / 'pipe'))
        self.assert_same_tree(expected, content(self.work / 'named-pipe'))

    def test_an_image_that_comes_in_small_pieces_makes_the_same_region(self):
        words = ['--uuid', UUID, '--extent-size', '10', '--import', '-']
        image = image_bytes(20)
        self.expect(DONE, 'region-create', 'whole', *words, stdin=image)
        process = self.start('region-create', 'pieces', *words, stdin=subprocess.PIPE)
        for at in range(0, len(image), 777):
            process.stdin.write(image[at:at + 777])
            process.stdin.flush()
        self.assertEqual(DONE, self.finish(process).code)
        self.assert_same_tree(content(self.work / 'whole'), content(self.work / 'pieces'))

    def test_an_image_extends_the_region(self):
        for blocks, expected in ((20, 2), (21, 3), (45, 5), (0, 2)):
            image = image_bytes(blocks)
            (self.work / 'image').write_bytes(image)
            for source, stdin in (('image', None), ('-', image)):
                name = f'{source}{blocks}'
                records = self.records('region-create', f'./{name}', '--extent-size', '10',
                                       '--extent-count', '2', '--import', source, stdin=stdin,
                                       code=DONE)
                self.assertEqual(expected, self.definition(name)['extent_count'])
                self.assertEqual(expected, records.summary['extents'])
                self.assertEqual(blocks * 512, records.summary['imported_bytes'])
                self.assertEqual(blocks, records.summary['written'])

    def test_skip_zeros_leaves_blocks_of_zeros_unwritten(self):
        image = bytearray(image_bytes(20))
        image[512 * 3:512 * 8] = bytes(512 * 5)
        image[512 * 19:] = bytes(512)
        (self.work / 'image').write_bytes(image)
        for words, expected in (([], 20), (['--skip-zeros'], 14)):
            name = f'new{len(words)}'
            records = self.records('region-create', name, '--extent-size', '10', '--import',
                                   'image', *words, code=DONE)
            self.assertEqual(expected, records.summary['written'])
            self.assertEqual(expected, self.records('region-verify', name,
                                                    code=DONE).summary['written'])
            self.assertEqual(bytes(image), self.data_of(name, 5120)[:len(image)])

    def test_the_result_does_not_depend_on_the_number_of_threads(self):
        (self.work / 'image').write_bytes(image_bytes(100))
        trees = []
        for jobs in (1, 8):
            self.expect(DONE, 'region-create', f'j{jobs}', '--uuid', UUID, '--extent-size', '3',
                        '--import', 'image', '--extent-count', '60', '-j', jobs)
            trees.append(content(self.work / f'j{jobs}'))
        self.assert_same_tree(*trees)

    # ---- owner and mode -------------------------------------------------------------------------

    def modes(self, name):
        found = {'directories': set(), 'files': set()}
        for path in [self.work / name, *(self.work / name).rglob('*')]:
            kind = 'directories' if path.is_dir() else 'files'
            found[kind].add(oct(stat.S_IMODE(path.stat().st_mode)))
        return found

    def test_directories_are_0755_and_files_0644_under_the_umask(self):
        for umask, directories, files in ((0o022, '0o755', '0o644'), (0o077, '0o700', '0o600'),
                                          (0o027, '0o750', '0o640')):
            name = f'umask{umask:o}'
            os.umask(umask)
            self.expect(DONE, 'region-create', name, '--extent-format', 'sqlite')
            self.assertEqual({'directories': {directories}, 'files': {files}}, self.modes(name))

    def test_a_generous_umask_does_not_make_the_region_writable_for_others(self):
        for umask in (0o002, 0o000):
            name = f'umask{umask:o}'
            os.umask(umask)
            self.expect(DONE, 'region-create', name)
            self.assertEqual({'directories': {'0o755'}, 'files': {'0o644'}}, self.modes(name))
