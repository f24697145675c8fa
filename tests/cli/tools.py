"""The tools that the contract is checked for, one line each."""

from typing import NamedTuple


class Tool(NamedTuple):
    name: str
    changes: bool = False  # a writer, with --dry-run
    makes: bool = False    # its argument is one region, which is not there yet


TOOLS = {
    tool.name: tool
    for tool in (
        Tool('region-create', changes=True, makes=True),
        Tool('region-defragment', changes=True),
        Tool('region-migrate', changes=True),
        Tool('region-verify'),
    )
}
