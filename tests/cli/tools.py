"""The tools that the contract is checked for, one line each."""

from typing import NamedTuple


class Tool(NamedTuple):
    name: str
    changes: bool = False  # a writer, with --dry-run
    makes: bool = False    # its argument is one region, which is not there yet
    shows: bool = False    # people get more than a line of a good region
    compares: bool = False  # several regions are replicas, and should be equal


TOOLS = {
    tool.name: tool
    for tool in (
        Tool('region-create', changes=True, makes=True),
        Tool('region-dump', shows=True, compares=True),
        Tool('region-migrate', changes=True),
        Tool('region-verify'),
    )
}
