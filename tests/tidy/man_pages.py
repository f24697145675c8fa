#!/usr/bin/env python3
"""Checks the man pages against the program: findings, options with their values, exit statuses,
members of records, sections, references, and their mdoc.

usage: man_pages.py SOURCE_ROOT TOOL...
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

wrong = []


def compare(page, what, documented, actual):
    """Complains where the page does not have exactly these, in this order."""
    missing = [item for item in actual if item not in documented]
    surplus = [item for item in documented if item not in actual]
    wrong.extend(f'{page}: {what} {item} has no entry' for item in missing)
    wrong.extend(f'{page}: there is no {what} {item}' for item in surplus)
    if not missing and not surplus and documented != actual:
        wrong.append(f'{page}: each {what} needs one entry, in the order of the program')


def section(text, title):
    """The lines between this .Sh and the next."""
    found = re.search(rf'^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)', text, re.M | re.S)
    return found[1] if found else ''


def option_sets(lines):
    """"-e, --extent LIST" for each line that begins with options."""
    found = [re.match(r'\s*(?:(-\w)\s*,\s*)?(--[\w-]+)(?: (\S+))?', line) for line in lines]
    return sorted((', '.join(filter(None, match.groups()[:2])) + f' {match[3] or ""}').rstrip()
                  for match in found if match)


def shown_options(tool):
    """The options in --help. Where a value is one of several words these stand for its name."""
    shown = subprocess.run([tool, '--help'], stdout=subprocess.PIPE, text=True, check=True).stdout
    if Path(tool).stem == 'region':
        return option_sets(shown.splitlines())  # the dispatcher has no table of options
    script = subprocess.run([tool, '--completion', 'fish'], stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    for name, words in re.findall(r" -l (\S+) -x -a '([\w ]+)'", script):
        value = words.replace(' ', '|')
        shown = re.sub(rf'^(.{{6}}--{name}) \S+', lambda match: f'{match[1]} {value}', shown,
                       flags=re.M)
    return option_sets(shown.splitlines())


def documented_options(page):
    """The same of the entries of a page: .It Fl e , Fl -extent Ar LIST"""
    entries = []
    for entry in re.findall(r'^\.It (Fl .*)$', section(page, 'OPTIONS'), re.M):
        options, *value = re.split(r' (?=(?:Ar|Cm) )', entry, maxsplit=1)
        options = re.sub(r' ?, ?', ', ', options.replace('Fl ', '-'))
        value = re.sub(r'\b(?:Ar|Cm|Ns)\b|\s', '', ''.join(value))
        entries.append(f'{options} {value}'.rstrip())
    return option_sets(entries)


def check_findings(root):
    table = (root / 'libregion/report/finding.cc').read_text()
    actual = [f'{name} ({severity})' for name, severity in
              re.findall(r'FindingInfo\{\s*\w+,\s*"(\w+)",\s*(\w+),', table)]
    page = section((root / 'man/region-tools.7').read_text(), 'FINDINGS')
    documented = [f'{name} ({severity})' for name, severity in
                  re.findall(r'^\.It Sy (\w+) Pq (\w+)$', page, re.M)]
    if not actual:
        wrong.append('libregion/report/finding.cc: no finding was recognized')
    compare('region-tools.7', 'finding', documented, actual)


def check_tool(root, tool):
    name = f'{Path(tool).stem}.8'
    if not (root / 'man' / name).exists():
        wrong.append(f'{name}: the page is missing')
        return
    page = (root / 'man' / name).read_text()
    compare(name, 'option', documented_options(page), shown_options(tool))
    check_statuses(root, name, r'^\.It (\d+)$')


def check_statuses(root, name, entry):
    header = (root / 'tools/common/exit_code.h').read_text()
    page = section((root / 'man' / name).read_text(), 'EXIT STATUS')
    compare(name, 'exit status', re.findall(entry, page, re.M),
            re.findall(r'^ *\w+ = (\d+),', header, re.M))


def members(schema, definition):
    """The members that the schema describes of a definition, those of objects in arrays too."""
    found = set(definition.get('properties', {}))
    parts = list(definition.get('allOf', []))
    for member in definition.get('properties', {}).values():
        parts += member.get('items', {}).get('oneOf', [])
    for part in parts:
        found |= members(schema, schema['$defs'][part['$ref'].removeprefix('#/$defs/')])
    return found


def check_records(root):
    """The schema of the records and their page have the same types and members."""
    page = (root / 'man/region-records.5').read_text()
    schema = json.loads((root / 'share/region-tools/records.schema.json').read_text())
    documented = re.findall(r'^\.Ss ([a-z_]+)$', page, re.M)
    definitions = {name: definition for name, definition in schema['$defs'].items()
                   if 'type' in definition.get('properties', {})}
    compare('region-records.5', 'type of record', sorted(documented), sorted(definitions))
    # What several have is on the page once.
    shared = members(schema, schema['$defs']['of_region']) | {'type'}
    totals = members(schema, schema['$defs']['totals'])
    for name, definition in definitions.items():
        text = re.search(rf'^\.Ss {name}\n(.*?)(?=^\.S[sh] |\Z)', page, re.M | re.S)
        entries = re.findall(r'^\.It Va ([\w , ]+) Pq', text[1] if text else '', re.M)
        listed = {member for entry in entries for member in entry.split(' , ')}
        described = members(schema, definition) - (totals if name == 'summary' else set())
        compare('region-records.5', f'member of {name}:', sorted(listed - shared),
                sorted(described - shared))


def check_sections(root):
    for path in sorted((root / 'man').glob('*.[0-9]')):
        page = path.read_text()
        titles = ['EXAMPLES', 'SEE ALSO']
        if path.suffix == '.8':
            titles = ['SYNOPSIS', 'OPTIONS', 'EXIT STATUS', *titles]
        wrong.extend(f'{path.name}: there is no section {title}' for title in titles
                     if not section(page, title).strip())
        for name, number in re.findall(r'^\.Xr (region-\w+) (\d)', page, re.M):
            if not (root / 'man' / f'{name}.{number}').exists():
                wrong.append(f'{path.name}: there is no page {name}({number})')


def check_files(root):
    installed = re.findall(r"'([\w-]+\.\d)'", (root / 'man/meson.build').read_text())
    pages = sorted(page.name for page in (root / 'man').glob('*.[0-9]'))
    compare('man/meson.build', 'page', sorted(installed), pages)
    if shutil.which('mandoc'):
        lint = subprocess.run(['mandoc', '-Tlint', '-Wwarning', *pages], cwd=root / 'man',
                              stdout=subprocess.PIPE, text=True, check=False)
        wrong.extend(lint.stdout.splitlines())


def main():
    root = Path(sys.argv[1])
    check_findings(root)
    check_statuses(root, 'region-tools.7', r'^\.It Sy (\d+) ')
    for tool in sys.argv[2:]:
        check_tool(root, tool)
    check_records(root)
    check_sections(root)
    check_files(root)
    for complaint in wrong:
        print(complaint)
    sys.exit(1 if wrong else 0)


main()
