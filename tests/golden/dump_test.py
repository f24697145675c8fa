#!/usr/bin/env python3
"""region-dump against Crucible's own tables, layouts and contexts."""

import csv
import re

import golden_regions as golden

ROW = re.compile(r'\s*(\d+) (\d+-\d+) +(.*)')
MAXIMA = re.compile(r'Max gen: (\d+),  Max flush: (\d+)', re.M)
BLOCK = re.compile(r'^(\d+)((?: +[A-C]){3})((?: +[A-C]){3})( <---)?', re.M)
# What Crucible shows all the same, and these tools do not take for a region.
REFUSED = {'json-bad-read-version/region', 'json-blocksize-mismatch/region'}
# What Crucible's layout calls the parts, in our words.
PARTS = {
    'Block Data': 'block data',
    'Context Slot A': 'context slots A',
    'Context Slot B': 'context slots B',
    'Active Context Array': 'active-slot bits',
    'Metadata': 'metadata',
}


def rows_of(text, regions):
    """Each row of a table: extent, blocks, numbers, and whether it is marked."""
    rows = []
    for line in text.splitlines():
        match = ROW.match(line)
        if match:
            words = match[3].split()
            rows.append((match[1], match[2], words[:3 * regions], '<---' in words))
    return rows


def pattern_of(values):
    """Which of them are equal: [0, 0, 1] if the third is another one."""
    return [values.index(value) for value in values]


class DumpTest(golden.GoldenTest):

    def compare_with(self, answer, *arguments, regions):
        """Our table against Crucible's: the same rows, marks, maxima and exit status."""
        text = answer.read_text()
        run = golden.run('region-dump', *arguments)
        self.assertEqual(rows_of(text, regions), rows_of(run.stdout, regions))
        self.assertEqual(MAXIMA.findall(text), MAXIMA.findall(run.stdout))
        self.assertEqual(run.exit_code, int(re.search(r'^exit=(\d+)', text, re.M)[1]))

    def test_the_table_of_one_region_is_crucibles(self):
        compared = 0
        for name in golden.regions():
            answer = golden.expectations_of(name) / 'dump.txt'
            if name in REFUSED or not answer.exists() or 'Max gen' not in answer.read_text():
                continue
            with self.region(name) as region:
                if golden.crucibles_exit(answer) == 0:
                    self.compare_with(answer, region, regions=1)
                    compared += 1
        self.assertGreater(compared, 25)

    def test_the_comparison_of_replicas_is_crucibles(self):
        a, b, c = (self.copy(f'raw-dump3/region-{letter}') for letter in 'abc')
        for name, regions, options in (('aa', [a, a], []), ('ab', [a, b], []),
                                       ('abc', [a, b, c], []),
                                       ('abc-o', [a, b, c], ['--only-differences'])):
            with self.subTest(name):
                self.compare_with(golden.golden_path(f'raw-dump3/expect/dump-{name}.txt'),
                                  *options, *regions, regions=len(regions))

    def test_the_comparison_of_blocks_is_crucibles(self):
        regions = [self.copy(f'raw-dump3/region-{letter}') for letter in 'abc']
        differing = 0
        for extent in range(4):
            text = golden.golden_path(f'raw-dump3/expect/dump-abc-e{extent}.txt').read_text()
            expected = [(int(block), pattern_of(data.split()), pattern_of(contexts.split()),
                         bool(mark)) for block, data, contexts, mark in BLOCK.findall(text)]
            run = golden.run_for_records('region-dump', '--compare', '--no-fold', '-e', str(extent),
                                         *regions)
            found = []
            for record in run.records('comparison'):
                if record['what'] == 'blocks':
                    sides = record['replicas']
                    contexts = [[(slot['on_disk_hash'], slot['hash']) for slot in side['slots']
                                 if slot['slot'] == side['selected'] and slot['state'] == 'present']
                                for side in sides]
                    found.append((record['region_block'],
                                  pattern_of([side['data'] for side in sides]),
                                  pattern_of(contexts), not record['equal']))
            self.assertEqual(expected, found)
            differing += sum(row[3] for row in found)
        self.assertEqual(10, differing)

    def test_the_layout_is_crucibles(self):
        compared = 0
        for name in golden.regions():
            answer = golden.expectations_of(name) / 'extent-info.txt'
            found = re.findall(r'^(\w[\w ]*?) +0x(\w+) +(\d+) ',
                               answer.read_text() if answer.exists() else '', re.M)
            if name in REFUSED or not found:
                continue
            with self.region(name) as region:
                run = golden.run_for_records('region-dump', '--layout', region)
                self.assertEqual([(PARTS[part], int(offset, 16), int(size))
                                  for part, offset, size in found],
                                 [(part['part'], part['offset'], part['length'])
                                  for part in run.records('part')])
                compared += 1
        self.assertGreater(compared, 25)

    def test_the_selected_slots_are_the_contexts_that_crucible_reads(self):
        compared = 0
        for name in golden.regions():
            expectations = golden.expectations_of(name)
            contexts = expectations / 'contexts.csv'
            if not contexts.exists() or (expectations / 'contexts.err.txt').exists():
                continue
            with self.region(name) as region, contexts.open(newline='') as file:
                expected = [row for row in csv.DictReader(file)]
                run = golden.run_for_records('region-dump', '--slots', region)
                blocks = run.records('block')
                self.assertEqual(len(expected), len(blocks))
                for row, block in zip(expected, blocks):
                    compared += self.compare_block(row, block)
        self.assertGreater(compared, 1000)

    def compare_block(self, row, block):
        slots = [slot for slot in block['slots'] if slot['slot'] == block.get('selected')
                 and slot['state'] == 'present']
        hashes = {slot['hash'] for slot in slots} | {slot['on_disk_hash'] for slot in slots}
        self.assertEqual(row['data_xxh64'], block['data_hash'], row)
        if row['kind'] == 'empty':
            self.assertEqual([], slots, row)
            return 0
        self.assertEqual(1, len(slots), row)
        if row['kind'] == 'encrypted':
            self.assertEqual((row['nonce'], row['tag']), (slots[0]['nonce'], slots[0]['tag']))
        else:
            self.assertIn(row['hash'], hashes, row)
        return 1


if __name__ == '__main__':
    golden.main()
