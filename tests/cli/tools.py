"""The tools that the contract is checked for, one line each."""

from typing import NamedTuple


class Tool(NamedTuple):
    name: str
    changes: bool = False  # a writer, with --dry-run
    makes: bool = False    # its argument is one region, which is not there yet
    image: bool = False    # its arguments are one region and an image to put into it

    @property
    def takes_several_regions(self):
        return not self.makes and not self.image

    @property
    def kinds(self):
        """The formats of extents that it takes."""
        return ('raw',) if self.image else ('raw', 'sqlite')

    @property
    def busy_kind(self):
        """The format of the extents that it has something to do with."""
        return 'sqlite' if self.changes and not self.image else 'raw'


TOOLS = {
    tool.name: tool
    for tool in (
        Tool('region-create', changes=True, makes=True),
        Tool('region-import', changes=True, image=True),
        Tool('region-migrate', changes=True),
        Tool('region-verify'),
    )
}
