"""The tools that the contract is checked for, one line each."""

from typing import NamedTuple


class Tool(NamedTuple):
    name: str
    changes: bool = False  # a writer, with --dry-run
    makes: bool = False    # its argument is one region, which is not there yet
    image: bool = False    # its arguments are one region and an image to put into it
    asks: bool = False     # its argument is one region; it is to be told whether to write
    product: bool = False  # its argument is one region; --output is for what it makes of it
    works_on: str = 'raw'  # a region that it has something to do with: the kind for make_region
    formats: tuple = ('raw', 'sqlite')  # of the extents that it looks into
    shows: bool = False    # people get more than a line of a good region
    compares: bool = False  # several regions are replicas, and should be equal

    @property
    def takes_one(self):
        return self.image or self.asks or self.product


TOOLS = {
    tool.name: tool
    for tool in (
        Tool('region-create', changes=True, makes=True),
        Tool('region-defragment', changes=True, works_on='scattered', formats=('raw',)),
        Tool('region-dump', shows=True, compares=True),
        Tool('region-export', product=True),
        Tool('region-import', changes=True, image=True, works_on='other', formats=('raw',)),
        Tool('region-migrate', changes=True, works_on='sqlite'),
        Tool('region-repair', changes=True, asks=True, works_on='misselected'),
        Tool('region-verify'),
    )
}
