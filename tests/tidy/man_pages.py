#!/usr/bin/env python3
"""Checks the man pages against the program: findings, options, exit statuses, and their mdoc.

usage: man_pages.py SOURCE_ROOT TOOL...
"""

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
    """"-e, --extent" for each line that begins with options."""
    found = [re.match(r'\s*(?:(-\w)\s*,\s*)?(--[\w-]+)', line) for line in lines]
    return sorted(', '.join(filter(None, match.groups())) for match in found if match)


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
    entries = re.findall(r'^\.It (Fl .*)$', section(page, 'OPTIONS'), re.M)
    entries = [re.sub(r' ?, ?', ', ', entry.replace('Fl ', '-')) for entry in entries]
    shown = subprocess.run([tool, '--help'], stdout=subprocess.PIPE, text=True, check=True).stdout
    compare(name, 'option', option_sets(entries), option_sets(shown.splitlines()))
    check_statuses(root, name, r'^\.It (\d+)$')


def check_statuses(root, name, entry):
    header = (root / 'tools/common/exit_code.h').read_text()
    page = section((root / 'man' / name).read_text(), 'EXIT STATUS')
    compare(name, 'exit status', re.findall(entry, page, re.M),
            re.findall(r'^ *\w+ = (\d+),', header, re.M))


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
    check_files(root)
    for complaint in wrong:
        print(complaint)
    sys.exit(1 if wrong else 0)


main()
