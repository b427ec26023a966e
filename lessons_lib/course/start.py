"""What the first cell of every notebook does: threads, device, one seeded generator.

And how a notebook says numbers: `show` in a line, `show_table` in a table.
"""

import html
import os
import re
import sys
from functools import partialmethod
from pathlib import Path

import torch
from tqdm import tqdm

from lessons_lib.course.say import in_notebook
from lessons_lib.guards import seeded


def begin(seed: int = 0, threads: int = 1) -> tuple[torch.device, torch.Generator]:
    """Set the threads, and give the device to compute on and a seeded generator, on the CPU.

    The first networks of the course are so small that one thread is the fastest; OMP_NUM_THREADS
    overrules, and there are never more threads than cores that this process may use. Random numbers
    are drawn on the CPU everywhere, so that a GPU shows the same pictures.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(threads, usable_cores())))
    if in_notebook():  # where whatever is written to stderr is red, and a bar is no error
        tqdm.__init__ = partialmethod(tqdm.__init__, file=sys.stdout)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return device, seeded(seed)


def usable_cores() -> int:
    """How many cores this process may use: the machine's, its affinity's, its container's."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no container, or one without a limit ("max")
    return cores


def show(*values, digits: int = 3) -> None:
    """Print numbers, and tensors of numbers, to three significant digits; words as they are."""
    print(*(_text(value, digits) for value in values))


def show_table(head, rows, digits: int = 3, decimals: int | None = None) -> None:
    """Show rows of numbers and words under a head, numbers to three significant digits.

    head: names (k,); rows: k cells each, of any kind that `show` takes, or a measurement {"value",
    "half"} with so many decimals (if left out, as many as give its error two digits). A column of
    words stands left, one of numbers right. Raises ValueError for a row of another length.
    """
    rows = [list(row) for row in rows]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"rows: {row} has {len(row)} cells, and must have {len(head)}")
    lines = [list(head), *([_cell(cell, digits, decimals) for cell in row] for row in rows)]
    number = re.compile(r"-?\d[\d.]*(e[+-]\d+)?( ± .*)?")
    words = [not all(map(number.fullmatch, column)) for column in zip(*lines[1:], strict=True)]
    text, rich = _plain_table(lines, words), _html_table(lines, words)
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/plain": text, "text/html": rich}, raw=True)


def _plain_table(lines, words) -> str:
    """Columns as wide as their widest cell, two blanks apart."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    pad = lambda cell, i: cell.ljust(widths[i]) if words[i] else cell.rjust(widths[i])
    return "\n".join("  ".join(map(pad, line, range(len(line)))).rstrip() for line in lines)


def _html_table(lines, words) -> str:
    """The same for eyes and for screen readers: the head names columns, the first cell a row.

    A head without words is none: a screen reader would announce it, and say nothing.
    """
    sides = ["left" if each else "right" for each in words]

    def row(cells, *kinds) -> str:
        kinds = [kind if cell else "td" for kind, cell in zip(kinds, cells, strict=True)]
        filled = zip(kinds, sides, cells, strict=True)
        tagged = [f'<{k} style="text-align:{s}">{html.escape(c)}</{k[:2]}>' for k, s, c in filled]
        return f"<tr>{''.join(tagged)}</tr>"

    more = len(words) - 1
    head = row(lines[0], 'th scope="col"', *['th scope="col"'] * more)
    body = "".join(row(line, 'th scope="row"', *["td"] * more) for line in lines[1:])
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _text(value, digits: int) -> str:
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if isinstance(value, bool | int | str):
        return str(value)
    if isinstance(value, float):
        return _number(value, digits)
    return "[" + " ".join(_text(each, digits) for each in value) + "]"


def _cell(cell, digits: int, decimals: int | None) -> str:
    """What stands in one cell of a table."""
    if not isinstance(cell, dict):
        return _text(cell, digits)
    value, error = cell["value"], cell["half"]
    if decimals is None:
        if not error:
            return _number(value, digits)
        power = int(f"{error:.1e}".split("e")[1])  # of its first digit, once it is rounded
        decimals = max(0, 1 - power)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def _number(value: float, digits: int) -> str:
    """Significant digits, trailing zeros kept: .9408 is 0.941 and 3.29 is 3.29; never −0."""
    text = f"{value:#.{digits}g}".removesuffix(".")
    return text.removeprefix("-") if float(text) == 0 else text
