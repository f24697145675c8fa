#!/usr/bin/env python3
"""Runs one suite of the tests of the tools: run.py SUITE PROGRAM... [-k PATTERN]

SUITE is create, migrate ... (the module of that name and "_test"), or contract-TOOL, the contract
that every tool keeps. The programs are what was built: the tools, and what makes regions.
"""

import importlib
import os
import pathlib
import sys
import unittest

import harness
from tools import TOOLS

CONTRACT = ['contract_command_line', 'contract_records', 'contract_formats', 'contract_output',
            'contract_regions', 'contract_shares', 'contract_in_use', 'contract_signals',
            'contract_completion', 'contract_hostile']
ALL_SKIPPED = 77  # as Meson has it


def test_classes(module_name):
    module = importlib.import_module(module_name)
    return [value for value in vars(module).values()
            if isinstance(value, type) and value.__module__ == module_name
            and issubclass(value, harness.ToolTest)]


def load(suite):
    """The test classes of a suite; those of the contract made for one tool."""
    if not suite.startswith('contract-'):
        return test_classes(f'{suite}_test')
    tool = TOOLS.get(suite.partition('-')[2])
    if tool is None:
        sys.exit(f'{suite}: add the tool to tests/cli/tools.py, it is one line')
    made = []
    for base in (base for name in CONTRACT for base in test_classes(name)):
        if tool.makes and not base.for_makers:
            continue
        made.append(type(base.__name__, (base,), {'tool': tool}))
    return made


def main():
    arguments = sys.argv[1:]
    patterns = None
    if '-k' in arguments:
        at = arguments.index('-k')
        patterns = [f'*{arguments[at + 1]}*']
        del arguments[at:at + 2]
    suite, *paths = arguments
    harness.programs.update({pathlib.Path(path).name: os.path.abspath(path) for path in paths})

    loader = unittest.TestLoader()
    loader.testNamePatterns = patterns
    tests = unittest.TestSuite(loader.loadTestsFromTestCase(made) for made in load(suite))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    if result.testsRun == 0 and not patterns:
        sys.exit(f'{suite}: no tests')
    if result.wasSuccessful() and len(result.skipped) == result.testsRun:
        sys.exit(ALL_SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)


main()
