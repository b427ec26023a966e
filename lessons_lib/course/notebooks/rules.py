"""What every committed notebook must satisfy, each rule a function that lists what breaks it."""

import ast
import base64
import statistics
import unicodedata
from itertools import pairwise
from pathlib import Path

from lessons_lib.course.notebooks.execute import (
    ROOT,
    WIDGET_VIEW,
    dumps,
    load,
    normalise,
    printed,
    tags,
)
from lessons_lib.course.notebooks.reading import claims, code_cells, sections, tree, values
from lessons_lib.course.practice.lessons import title

TAUGHT = ("levels", "diffuse", "samplers", "wrap", "exact", "nets", "learn", "score", "sde", "flow")
SLIDES = ("slide", "subslide", "fragment", "notes", "skip", "-")
# A call of these leaves an output.
SPEAKS = ("print", "show", "show_table", "check", "explore", "display")
NOTEBOOK_BYTES, PNG_BYTES, NOISE_BYTES = 2_000_000, 100_000, 250_000


def problems(path) -> list[str]:
    """Everything that is wrong with a committed notebook, one sentence each; empty when fine."""
    path = Path(path)
    nb = load(path)
    size = path.stat().st_size
    found = [f"{size:,} bytes, at most {NOTEBOOK_BYTES:,}"] if size > NOTEBOOK_BYTES else []
    for rule in RULES:
        found += rule(nb)
    found += ends_lead_on(nb, path)
    try:
        if dumps(normalise(nb)).encode() != path.read_bytes():
            found.append("not normalised: run `make notebooks`")
    except ValueError as error:
        found.append(str(error))
    return [f"{path.name}: {line}" for line in found]


def speaks(cell) -> bool:
    """Whether a cell must leave an output: it checks an exercise, prints, shows or explores."""
    if any(tag.startswith("check:") for tag in tags(cell)):
        return True
    calls = [s.value for s in tree(cell.source).body if isinstance(s, ast.Expr)]
    names = [ast.unparse(c.func) for c in calls if isinstance(c, ast.Call)]
    return any(name in (*SPEAKS, "plt.show") for name in names)


def outputs_are_whole(nb) -> list[str]:
    """Outputs are there, in order, and hold no error, no stderr and no widget view."""
    found, cells = [], code_cells(nb)
    if cells and not any(cell.outputs for _, cell in cells):
        found.append("stripped: no code cell has an output, so comparing them proves nothing")
    counts = [cell.execution_count for _, cell in cells if cell.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"execution counts are {counts}, not 1, 2, 3, ...: run it top to bottom")
    for i, cell in cells:
        if speaks(cell) and not cell.outputs:
            found.append(f"cell {i} prints or shows something, and has no output")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {i} ends in an error: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {i} writes to stderr: {output.text[:80]!r}")
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"cell {i} holds a widget view, which reads 'model not found'")
    return found


def cells_say_what_they_are(nb) -> list[str]:
    """Every cell has an id of its own and says what it is on a slide."""
    found, seen = [], set()
    for i, cell in enumerate(nb.cells, 1):
        if not cell.get("id"):
            found.append(f"cell {i} has no id")
        elif cell.id in seen:
            found.append(f"cell {i} has the id {cell.id!r} of an earlier cell")
        seen.add(cell.get("id"))
        slide = cell.get("metadata", {}).get("slideshow", {}).get("slide_type")
        if slide not in SLIDES:
            found.append(f"cell {i} has slide_type {slide!r}, not one of {', '.join(SLIDES)}")
    return found


def first_code_is_folded(nb) -> list[str]:
    """The first code cell, which only imports, is folded."""
    for i, cell in code_cells(nb)[:1]:
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            return [f"cell {i}, the first with code, is not folded (jupyter: source_hidden)"]
    return []


def code_has_no_slipping_hats(nb) -> list[str]:
    """Code holds no accent that stands over the letter before it: such a hat slips in monospace."""
    return [
        f"cell {i} has {before + accent!r} in its code, where the hat slips: write x0 or eps"
        for i, cell in code_cells(nb)
        for before, accent in pairwise(cell.source)
        if unicodedata.combining(accent)
    ]


def ends_lead_on(nb, path) -> list[str]:
    """The first and the last cell lead to the notebook before, the map and the one after."""
    line = way(path)
    ends = {"first": nb.cells[0].source, "last": nb.cells[-1].source}
    wrong = [where for where, said in ends.items() if line and said != line]
    return [f"the {where} cell must read: {line}" for where in wrong]


def way(path) -> str:
    """Links to the notebook before, the map of the course, and the notebook after; "" if alone."""
    files = sorted(path.parent.glob("[0-9][0-9]_*.ipynb"))
    if len(files) < 2:
        return ""
    at = [file.name for file in files].index(path.name)
    named = lambda file: f"{file.name[:2]} {title(file)}"
    before = [f"[← {named(file)}]({file.name})" for file in files[:at][-1:]]
    after = [f"[{named(file)} →]({file.name})" for file in files[at + 1 :][:1]]
    home = "" if at == 0 else files[0].name
    return " · ".join([*before, f"[map of the course]({home}#The-map-of-the-course)", *after])


def pictures_are_small_and_described(nb) -> list[str]:
    """Every figure is small, and says in words what it shows."""
    found = []
    for i, cell in code_cells(nb):
        limit = NOISE_BYTES if "noise" in tags(cell) else PNG_BYTES
        for output in cell.outputs:
            png = output.get("data", {}).get("image/png")
            if png is None:
                continue
            size = len(base64.b64decode(png))
            if size > limit:
                found.append(f"cell {i} holds a PNG of {size:,} bytes, at most {limit:,}")
            about = output.get("metadata", {}).get("image/png", {})
            if not str(about.get("alt", "")).strip():
                found.append(f"cell {i} shows a figure without alt text")
    return found


def code_is_short(nb) -> list[str]:
    """Code cells are short: half have 6 lines or fewer, 90 % under 20, none over 40."""
    sizes = [(len(cell.source.splitlines()), i) for i, cell in code_cells(nb) if cell.source]
    if not sizes:
        return []
    lines = [size for size, _ in sizes]
    found = [f"cell {i} has {size} lines, at most 40" for size, i in sizes if size > 40]
    if statistics.median(lines) > 6:
        found.append(f"the median code cell has {statistics.median(lines):g} lines, at most 6")
    if sum(size < 20 for size in lines) < 0.9 * len(lines):
        found.append("more than a tenth of the code cells have 20 lines or more")
    return found


def numbers_are_printed_nearby(nb) -> list[str]:
    """Every decimal number or percentage in the prose is printed, or written in code, nearby.

    Nearby is the same section, from one `##` heading to the next; a cell tagged `given` is exempt.
    """
    found = []
    for first, section in sections(nb):
        texts = [c.source for c in section if c.cell_type == "code"]
        texts += [printed(o) for c in section for o in c.get("outputs", [])]
        known = {value for text in texts for value in values(text)}
        for i, cell in enumerate(section, first):
            if cell.cell_type != "markdown" or "given" in tags(cell):
                continue
            for token, value in claims(cell.source):
                if not any(abs(value - other) <= 1e-9 * max(1e-9, value) for other in known):
                    found.append(
                        f"cell {i} says {token!r}, which no cell of its section prints or sets "
                        "(print it, or tag the cell `given`)"
                    )
    return found


class Bare(ast.NodeTransformer):
    """Takes docstrings and annotations off a syntax tree; comments are not in it anyway."""

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.visit_ClassDef(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node):
        node.annotation = None
        return node


def definitions(module: ast.Module) -> dict[str, str]:
    """name -> bare syntax tree, for each public function or class at the top of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [n for n in module.body if isinstance(n, kinds) and not n.name.startswith("_")]
    return {node.name: ast.dump(Bare().visit(node)) for node in nodes}


def library() -> dict[str, tuple[str, str]]:
    """name -> (module, bare syntax tree), for each public function that lessons may show."""
    result = {}
    for module in TAUGHT:
        home = ROOT / "lessons_lib"
        for file in [home / f"{module}.py", *sorted((home / module).glob("*.py"))]:
            if file.exists():
                shapes = definitions(ast.parse(file.read_text(encoding="utf-8")))
                result |= {name: (module, shape) for name, shape in shapes.items()}
    return result


def functions_are_the_librarys(nb) -> list[str]:
    """A function that bears a library function's name has the library's lines."""
    found, theirs = [], library()
    for i, cell in code_cells(nb):
        if any(tag.startswith("exercise:") for tag in tags(cell)):
            continue
        for name, shape in definitions(tree(cell.source)).items():
            module, other = theirs.get(name, (None, shape))
            if shape != other:
                found.append(f"cell {i} defines {name}, and not as lessons_lib.{module} does")
    return found


RULES = (
    outputs_are_whole,
    cells_say_what_they_are,
    first_code_is_folded,
    code_has_no_slipping_hats,
    pictures_are_small_and_described,
    code_is_short,
    numbers_are_printed_nearby,
    functions_are_the_librarys,
)
