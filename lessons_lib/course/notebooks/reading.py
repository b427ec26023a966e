"""What a notebook says: its code cells, its sections, and the numbers in its prose and outputs."""

import ast
import re
from itertools import pairwise


def code_cells(nb):
    """(number from 1, cell) for each code cell."""
    return [(i, cell) for i, cell in enumerate(nb.cells, 1) if cell.cell_type == "code"]


def sections(nb):
    """(number of its first cell, cells) for each part of a notebook that starts with # or ##."""
    heads = [
        i
        for i, cell in enumerate(nb.cells)
        if cell.cell_type == "markdown" and re.search(r"^##? ", cell.source, re.M)
    ]
    edges = sorted({0, *heads, len(nb.cells)})
    return [(a + 1, nb.cells[a:b]) for a, b in pairwise(edges)]


def tree(source: str) -> ast.Module:
    """The syntax tree of a cell, its IPython lines (%, !) left out."""
    if source.startswith("%%"):
        return ast.Module(body=[], type_ignores=[])
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(re.sub(r"^\s*[%!].*", "", source, flags=re.M))


# A number that is a result: 0.93, .5, 12 %, 1.7e-4, 1.7 \times 10^{-4}.
DECIMAL = re.compile(
    r"(?<![\w.])(?P<digits>\d+(?:\.\d+)?|\.\d+)"
    r"(?:(?:e|\s*(?:\\times|\\cdot|×|·)\s*10\^)\{?(?P<power>[-+−]?\d+)\}?)?"
    r"(?P<percent>\s*\\?%)?(?![\w]|\.\d)"
)
ANY_NUMBER = re.compile(r"(?<![\w.])(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?(\s*\\?%)?", re.I)
SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# Numbers in these are no results: addresses, HTML tags, arXiv numbers, section numbers.
NOT_PROSE = re.compile(
    r"\]\([^)]*\)|<?https?://\S+|</?[a-zA-Z][^>]*>|arXiv[:\s]*\d+\.\d+|^#+\s*[\d.]+\s", re.M | re.I
)


def claims(markdown: str) -> list[tuple[str, float]]:
    """(as written, value) for each decimal number or percentage in a piece of prose."""
    text = NOT_PROSE.sub(" ", markdown)
    text = re.sub(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", lambda m: f"10^{{{m[1].translate(SUPERSCRIPT)}}}", text)
    result = []
    for match in DECIMAL.finditer(text):
        if "." not in match["digits"] and not match["percent"]:
            continue  # a whole number: a count, a year, an index
        power = int((match["power"] or "0").replace("−", "-"))
        value = float(match["digits"]) * 10.0**power
        result.append((match.group().strip(), value / 100 if match["percent"] else value))
    return result


def values(text: str) -> set[float]:
    """The numbers in code or in an output, percentages as fractions."""
    result = set()
    for match in ANY_NUMBER.finditer(text):
        value = float(re.sub(r"[\s\\%_]", "", match.group()))
        result.add(value / 100 if match[1] else value)
    return result
