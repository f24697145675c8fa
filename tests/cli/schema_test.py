"""The JSON Schema of the records: what it says of itself, and that it finds mistakes.

That the tools keep to it, the harness looks at in every run of all other tests.
"""

import copy
import json

from harness import DONE, FINDINGS, ToolTest, schema
from json_schema import RECORDS, Schema

HASH = '0123456789abcdef'
OF_REGION = {'region': 'r', 'uuid': '02b5a561-2d09-4a9b-8ac0-34d2ef61e592'}
PRESENT = {'slot': 'A', 'state': 'present', 'hash': HASH, 'nonce': HASH[:12] * 2, 'tag': HASH * 2,
           'on_disk_hash': HASH, 'flush_id': 3, 'matches': True}
BLOCK = {'type': 'block', **OF_REGION, 'extent': 0, 'file': '00/000/000', 'block': 1,
         'region_block': 1, 'selected': 'A', 'data_hash': HASH, 'data_zero': False,
         'slots': [PRESENT, {'slot': 'B', 'state': 'empty'}]}


class SchemaTest(ToolTest):
    def damaged_records(self):
        """Records of all types that region-verify prints."""
        records = self.records('region-verify', self.make_damaged_region(), self.work / 'none')
        self.assertEqual({'meta', 'region', 'extent', 'finding', 'region_summary', 'error',
                          'summary'}, {record['type'] for record in records})
        return records

    def damaged_block(self, change):
        block = copy.deepcopy(BLOCK)
        change(block)
        return schema.problems(block)

    def assert_refused(self, record):
        self.assertNotEqual([], schema.problems(record), record)

    def test_every_type_of_record_is_part_of_the_whole(self):
        root = json.loads(RECORDS.read_text())
        types = {name for name, definition in root['$defs'].items()
                 if 'const' in definition.get('properties', {}).get('type', {})}
        listed = {entry['$ref'].removeprefix('#/$defs/') for entry in root['oneOf']}
        self.assertEqual(types - {'progress'}, listed)  # which is not in the stream
        for name in types:
            self.assertEqual(name, root['$defs'][name]['properties']['type']['const'])

    def test_every_definition_is_used(self):
        text = RECORDS.read_text()
        unused = [name for name in json.loads(text)['$defs']
                  if f'"#/$defs/{name}"' not in text and name != 'progress']
        self.assertEqual([], unused)

    def test_a_keyword_that_is_not_checked_is_an_error(self):
        path = self.work / 'schema.json'
        path.write_text('{"maxLength": 3}')
        with self.assertRaises(ValueError):
            Schema(path).problems('abcd')

    def test_records_without_a_required_member_are_refused(self):
        root = json.loads(RECORDS.read_text())
        for record in self.damaged_records():
            required = root['$defs'][record['type']]['required']
            self.assertIn('type', required)
            for name in required:
                self.assert_refused({key: record[key] for key in record if key != name})

    def test_members_and_types_that_are_not_described_are_refused(self):
        for record in self.damaged_records():
            self.assert_refused({**record, 'bogus': 1})
            self.assert_refused({**record, 'type': 'bogus'})
            if 'findings' in record and isinstance(record['findings'], dict):
                self.assert_refused({**record, 'findings': {**record['findings'], 'fatal': 0}})

    def test_members_of_another_type_are_refused(self):
        for record in self.damaged_records():
            for name, value in record.items():
                others = [None, [], -1, {} if name != 'findings' else 'x',
                          1 if isinstance(value, bool) else True]
                if isinstance(value, str):
                    others += ['']
                elif not isinstance(value, float):
                    others += ['1', 1.5]
                for other in others:
                    if (name, other) != ('region', ''):  # an empty name was given
                        self.assert_refused({**record, name: other})

    def test_values_out_of_range_are_refused(self):
        for record in self.damaged_records():
            for name, value in record.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    self.assert_refused({**record, name: 1 << 64})

    def test_members_that_go_together_are_not_there_alone(self):
        findings = [record for record in self.damaged_records() if 'offset' in record]
        self.assertNotEqual([], findings)
        for finding in findings:
            self.assert_refused({key: finding[key] for key in finding if key != 'length'})
            self.assert_refused({key: finding[key] for key in finding if key != 'offset'})

    def test_what_was_changed_would_not_be(self):
        region = self.make_region(kind='sqlite')
        for code, arguments in ((FINDINGS, ['-n']), (DONE, [])):
            records = self.records('region-migrate', region, *arguments, code=code)
            extent = records.of_type('extent')[0]
            self.assert_refused({**extent, 'changed': True, 'would_change': True})
            self.assert_refused({**extent, 'action': 'vanished'})

    def test_a_block_with_its_slots_is_checked_to_the_digit(self):
        self.assertEqual([], schema.problems(BLOCK))
        for change in (lambda block: block.update(data_hash='123'),
                       lambda block: block.update(data_hash=HASH.upper()),
                       lambda block: block.update(data_hash=HASH + '\n'),
                       lambda block: block.update(selected='C'),
                       lambda block: block.update(slots={}),
                       lambda block: block['slots'][0].pop('tag'),
                       lambda block: block['slots'][0].update(state='empty'),
                       lambda block: block['slots'][0].update(matches=1),
                       lambda block: block['slots'][0].update(bogus=1),
                       lambda block: block['slots'][1].update(hash=HASH),
                       lambda block: block['slots'][1].update(slot='row 01'),
                       lambda block: block['slots'][1].update(state='bad'),
                       lambda block: block['slots'].append('C')):
            self.assertNotEqual([], self.damaged_block(change))

    def test_the_problem_is_named_with_its_place(self):
        self.assertEqual(['/slots/0/flush_id: expected integer, found \'3\''],
                         self.damaged_block(lambda block: block['slots'][0].update(flush_id='3')))
