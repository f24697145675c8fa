"""Results as text, as a page, and as a plot."""

import json
import os
import platform
from xml.sax.saxutils import escape


def verdict(result):
    median = result['ratio']['median']
    if result['goal'] is not None:
        return f'goal {result["goal"]:g}: {"reached" if median >= result["goal"] else "missed"}'
    return ''


def duration(seconds):
    return f'{seconds:.3f} s' if seconds >= 0.1 else f'{seconds * 1000:.3f} ms'


def ratio_text(ratio):
    low, high = ratio['quartiles']
    return f'{ratio["median"]:.2f} ({low:.2f} to {high:.2f})'


def rate_text(result):
    rate = result['unit_count'] / result['ours']['seconds']
    return f'{rate:,.0f} {result["unit"]}/s'


def text_of(result):
    """One result, for a terminal."""
    if 'rows' in result:
        lines = [f'{result["name"]}: {result["title"]}']
        cells = [result['columns'], *[[str(cell) for cell in row] for row in result['rows']]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(result['columns']))]
        for row in cells:
            lines.append('  ' + '  '.join(cell.ljust(width) for cell, width in zip(row, widths)))
        return '\n'.join(line.rstrip() for line in lines)
    return '\n'.join(filter(None, [
        f'{result["name"]}: {result["title"]}',
        f'  {result["ours"]["name"]}: {duration(result["ours"]["seconds"])} ({rate_text(result)});'
        f' {result["other"]["name"]}: {duration(result["other"]["seconds"])}',
        f'  ratio {ratio_text(result["ratio"])}, of processor time '
        f'{ratio_text(result["cpu_ratio"])}',
        '  ' + verdict(result) if verdict(result) else '']))


# ---- the page ------------------------------------------------------------------------------------

def machine(build):
    """What it was measured on, and how it was compiled."""
    model = ''
    try:
        with open('/proc/cpuinfo') as info:
            model = next((line.split(':')[1].strip() for line in info
                          if line.startswith('model name')), '')
    except OSError:
        pass
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json')) as options:
        optimization = next(option['value'] for option in json.load(options)
                            if option['name'] == 'optimization')
    return {'system': f'{platform.system()} {platform.release()}', 'processor': model,
            'processors': os.cpu_count(), 'load': round(os.getloadavg()[0], 1),
            'optimization': optimization}


def machine_text(found):
    text = (f'{found["processors"]} processors ({found["processor"] or "unknown"}), '
            f'{found["system"]}, load {found["load"]} at the start, '
            f'compiled with -O{found["optimization"]}')
    if found['load'] > found['processors'] / 2:
        text += ('. **The machine was busy with other work: times are too long, and their ratios '
                 'uncertain; trust those of processor time**')
    return text + '.'


HOW = '''# How fast it is

Written by `./dev bench --report`, which runs all of this again. How it is measured:

- `./dev bench` compiles as distributions do (`-O2`), in a build directory of its own.
- Regions are made for the purpose. What the processor decides runs on regions in memory
  (`/dev/shm`), what syncs or reads from the disk on a disk. What is made is removed only at the
  end: removing many files slows down making others.
- Two that are compared run in turn, {runs} times, each first as often as second. A ratio is that of
  two neighbouring runs: how many times as long the other one takes. Given are the median and, in
  parentheses, the middle half.
- "The bare calls" are the system calls of the operation and nothing else (`tests/bench/floors.cc`).
- A run includes the start of its program; the rows of a database are read within one process.
'''


def page_of(results):
    """RESULTS.md."""
    pairs = [result for result in results['results'] if 'rows' not in result]
    tables = [result for result in results['results'] if 'rows' in result]
    lines = [HOW.format(runs=results['runs']),
             f'Measured on {machine_text(results["machine"])}', '', '![Ratios](results.svg)', '', '## Against a floor, or against itself', '',
             '| | ours | | the other | | ratio | of processor time | |',
             '|---|---|---|---|---|---|---|---|']
    for result in pairs:
        lines.append(' | '.join([
            '| ' + result['title'], f'`{result["ours"]["name"]}`',
            f'{duration(result["ours"]["seconds"])}, {rate_text(result)}',
            f'`{result["other"]["name"]}`', duration(result['other']['seconds']),
            ratio_text(result['ratio']), ratio_text(result['cpu_ratio']),
            verdict(result) + ' |']))
    for table in tables:
        lines += ['', f'## {table["title"][0].upper()}{table["title"][1:]}', '',
                  '| ' + ' | '.join(table['columns']) + ' |',
                  '|' + '---|' * len(table['columns'])]
        lines += ['| ' + ' | '.join(str(cell) for cell in row) + ' |' for row in table['rows']]
    return '\n'.join(lines) + '\n'


# ---- the plot ------------------------------------------------------------------------------------

ROW, LEFT, WIDTH, TOP = 22, 360, 420, 40
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def position(ratio, low, high):
    """On a scale of logarithms."""
    from math import log
    clamped = min(max(ratio, low), high)
    return LEFT + WIDTH * (log(clamped) - log(low)) / (log(high) - log(low))


def plot_of(results):
    """An SVG: for each pair a line over the middle half of its ratios, and a dot at the median."""
    pairs = [result for result in results['results'] if 'rows' not in result]
    ratios = [value for result in pairs for value in result['ratio']['quartiles']] or [1]
    low = max((tick for tick in TICKS if tick <= min(*ratios, 1)), default=TICKS[0])
    high = min((tick for tick in TICKS if tick >= max(*ratios, 2)), default=TICKS[-1])
    height = TOP + ROW * (len(pairs) + 1)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{LEFT}" y="14">how many times as long the other one takes</text>']
    for tick in TICKS:
        if not low <= tick <= high:
            continue
        x = position(tick, low, high)
        color = '#666' if tick == 1 else '#ddd'
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - ROW}" '
                     f'stroke="{color}"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP - 6}" text-anchor="middle">{tick:g}</text>')
    for number, result in enumerate(pairs):
        y = TOP + ROW * number + ROW / 2
        start, end = (position(value, low, high) for value in result['ratio']['quartiles'])
        middle = position(result['ratio']['median'], low, high)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">'
                     f'{escape(result["title"])}</text>')
        parts.append(f'<line x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" stroke="#4a7" '
                     'stroke-width="4"/>')
        parts.append(f'<circle cx="{middle:.1f}" cy="{y}" r="4" fill="#164"/>')
        if result['goal'] is not None:
            x = position(result['goal'], low, high)
            parts.append(f'<line x1="{x:.1f}" y1="{y - 8}" x2="{x:.1f}" y2="{y + 8}" stroke="#c40" '
                         'stroke-width="2"/>')
    parts.append('</svg>')
    return '\n'.join(parts) + '\n'
