"""Pairs that run in turn, and what the ratios of their runs say."""

import statistics
import sys


def median(values):
    return statistics.median(values)


def spread(values):
    """The middle half of the values: the quartiles around the median."""
    if len(values) < 2:
        return [values[0], values[0]]
    quartiles = statistics.quantiles(values, n=4, method='inclusive')
    return [quartiles[0], quartiles[2]]


class Side:
    """One of the two that are compared. `prepare` makes what `run` uses up, and is not measured."""

    def __init__(self, name, run, prepare=None):
        self.name = name
        self.run = run
        self.prepare = prepare or (lambda: None)

    def measure(self):
        self.prepare()
        return self.run()


class Pair:
    """What is measured: `ours` against `other`. The ratio is that of other to ours: above 1, ours
    is the faster one.

    `goal` is the ratio to be reached, where there is one. `unit_count` and `unit` say what a run
    is made of, for the rate.
    """

    def __init__(self, name, title, ours, other, goal=None, unit_count=1, unit='run'):
        self.name = name
        self.title = title
        self.ours = ours
        self.other = other
        self.goal = goal
        self.unit_count = unit_count
        self.unit = unit

    def run(self, runs):
        """Runs both in turn, each first as often as second, and returns the result as a dict."""
        ours, other = [], []
        for number in range(runs):
            order = [(self.ours, ours), (self.other, other)]
            for side, usages in order if number % 2 == 0 else reversed(order):
                usages.append(side.measure())
            print('.', end='', file=sys.stderr, flush=True)
        print('', file=sys.stderr)
        ratios = [b.seconds / a.seconds for a, b in zip(ours, other)]
        cpu_ratios = [b.cpu_seconds / max(a.cpu_seconds, 1e-6) for a, b in zip(ours, other)]
        return {
            'name': self.name, 'title': self.title, 'runs': runs,
            'ours': self._side(self.ours, ours), 'other': self._side(self.other, other),
            'ratio': {'median': median(ratios), 'quartiles': spread(ratios), 'all': ratios},
            'cpu_ratio': {'median': median(cpu_ratios), 'quartiles': spread(cpu_ratios)},
            'goal': self.goal, 'unit': self.unit, 'unit_count': self.unit_count,
        }

    @staticmethod
    def _side(side, usages):
        return {'name': side.name, 'seconds': median([usage.seconds for usage in usages]),
                'cpu_seconds': median([usage.cpu_seconds for usage in usages])}


class Table:
    """Figures that stand by themselves: measure() returns rows, each a list that fits `columns`."""

    def __init__(self, name, title, columns, measure):
        self.name = name
        self.title = title
        self.columns = columns
        self.measure = measure

    def run(self, runs):
        return {'name': self.name, 'title': self.title, 'columns': self.columns,
                'rows': self.measure(runs)}
