#!/usr/bin/env python3
"""Plays the stories of region-recovery(7), each from a damaged region to the end: run.py PAGE TOOL...

What the page shows is what the tools print: each command of a story, with its output, stands there
word by word; only the line breaks are the page's own. With -p the transcripts are printed, to be put there.
"""

import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))
import harness  # noqa: E402
import stories  # noqa: E402


def main():
    arguments = sys.argv[1:]
    stories.prints = '-p' in arguments
    page, *paths = [word for word in arguments if word != '-p']
    stories.page = pathlib.Path(page).read_text()
    harness.programs.update({pathlib.Path(path).name: os.path.abspath(path) for path in paths})
    tests = unittest.TestLoader().loadTestsFromModule(stories)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


main()
