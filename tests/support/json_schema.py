"""Checks values against a JSON Schema: the part of draft 2020-12 that the schema of the records
uses. A keyword that is not known here is an error, so that none is there in vain.

The check is stricter than the schema: members that the schema does not describe are refused, as if
every object had "unevaluatedProperties": false.
"""

import json
import re
from pathlib import Path

RECORDS = Path(__file__).resolve().parents[2] / 'share/region-tools/records.schema.json'

ANNOTATIONS = {'$schema', '$defs', 'title', 'description'}
TYPES = {
    'object': lambda value: isinstance(value, dict),
    'array': lambda value: isinstance(value, list),
    'string': lambda value: isinstance(value, str),
    'boolean': lambda value: isinstance(value, bool),
    'integer': lambda value: isinstance(value, int) and not isinstance(value, bool),
    'number': lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def same(left, right):
    """As JSON has it: true is not 1."""
    return type(left) is type(right) and left == right


class Schema:
    def __init__(self, path=RECORDS):
        self.root = json.loads(path.read_text())
        self.patterns = {}

    def problems(self, value, definition=None):
        """What is wrong with a value, each as "place: what"; of one of $defs, or the whole."""
        schema = self.root if definition is None else self.root['$defs'][definition]
        return self._check_closed(schema, value, '')

    def _check_closed(self, schema, value, place):
        problems, described = self._check(schema, value, place)
        if isinstance(value, dict):
            problems += [f'{place}/{name}: is not described' for name in value
                         if name not in described]
        return problems

    def _check(self, schema, value, place):
        """The problems, and the names of the members that the schema describes."""
        problems, described = [], set()
        for keyword, wanted in schema.items():
            if keyword in ANNOTATIONS:
                continue
            method = getattr(self, '_' + keyword.replace('$', ''), None)
            if method is None:
                raise ValueError(f'the schema has a keyword that is not known: {keyword}')
            found = method(wanted, value, place)
            if isinstance(found, tuple):
                problems += found[0]
                described |= found[1]
            elif found:
                problems.append(f'{place or "/"}: {found}')
        return problems, described

    def _target(self, schema):
        while '$ref' in schema:
            schema = self.root['$defs'][schema['$ref'].removeprefix('#/$defs/')]
        return schema

    # ---- schemas within schemas -----------------------------------------------------------------

    def _ref(self, wanted, value, place):
        return self._check(self._target({'$ref': wanted}), value, place)

    def _allOf(self, wanted, value, place):
        problems, described = [], set()
        for schema in wanted:
            more_problems, more_described = self._check(schema, value, place)
            problems += more_problems
            described |= more_described
        return problems, described

    def _oneOf(self, wanted, value, place):
        """Those come into question whose constants are there: their problems are worth reading."""
        candidates = [self._check(schema, value, place) for schema in wanted
                      if self._has_constants(self._target(schema), value)]
        matching = [candidate for candidate in candidates if not candidate[0]]
        if len(matching) == 1:
            return matching[0]
        if len(candidates) == 1:
            return candidates[0]
        return [f'{place or "/"}: matches {len(matching)} of {len(wanted)}: {value!r}'], set()

    @staticmethod
    def _has_constants(schema, value):
        constants = {name: member['const'] for name, member in schema.get('properties', {}).items()
                     if 'const' in member}
        return isinstance(value, dict) and all(
            name in value and same(constant, value[name]) for name, constant in constants.items())

    def _not(self, wanted, value, place):
        return None if self._check(wanted, value, place)[0] else f'matches {wanted}'

    def _properties(self, wanted, value, place):
        if not isinstance(value, dict):
            return [], set()
        problems = []
        for name in wanted.keys() & value.keys():
            problems += self._check_closed(wanted[name], value[name], f'{place}/{name}')
        return problems, set(wanted)

    def _items(self, wanted, value, place):
        problems = []
        for index, item in enumerate(value if isinstance(value, list) else []):
            problems += self._check_closed(wanted, item, f'{place}/{index}')
        return problems, set()

    # ---- assertions: None, or what is wrong -----------------------------------------------------

    def _type(self, wanted, value, _):
        return None if TYPES[wanted](value) else f'expected {wanted}, found {value!r}'

    def _const(self, wanted, value, _):
        return None if same(wanted, value) else f'expected {wanted!r}, found {value!r}'

    def _enum(self, wanted, value, _):
        is_there = any(same(one, value) for one in wanted)
        return None if is_there else f'expected one of {wanted}, found {value!r}'

    def _required(self, wanted, value, _):
        missing = [name for name in wanted if isinstance(value, dict) and name not in value]
        return f'without {missing}' if missing else None

    def _dependentRequired(self, wanted, value, _):
        missing = [(name, other) for name, others in wanted.items() for other in others
                   if isinstance(value, dict) and name in value and other not in value]
        return '; '.join(f'{name} without {other}' for name, other in missing) or None

    def _pattern(self, wanted, value, _):
        if wanted not in self.patterns:
            # Python's $ would let a newline at the end pass.
            self.patterns[wanted] = re.compile(re.sub(r'\$$', r'\\Z', wanted))
        matches = not isinstance(value, str) or self.patterns[wanted].search(value)
        return None if matches else f'expected {wanted}, found {value!r}'

    def _minLength(self, wanted, value, _):
        return f'is {value!r}' if isinstance(value, str) and len(value) < wanted else None

    def _minimum(self, wanted, value, _):
        return f'{value} < {wanted}' if TYPES['number'](value) and value < wanted else None

    def _maximum(self, wanted, value, _):
        return f'{value} > {wanted}' if TYPES['number'](value) and value > wanted else None
