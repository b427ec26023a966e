"""Imports point one way, in the order of docs/architecture.md, and never in a circle."""

import ast
import re
import textwrap
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((ROOT / "lessons_lib").rglob("*.py"))
}
SOURCES = {name: file.read_text(encoding="utf-8") for name, file in MODULES.items()}
PACKAGES = {name for name, file in MODULES.items() if file.name == "__init__.py"}
WINGS = ("lessons_lib", "lessons_lib.course")


class Import(NamedTuple):
    """One module imports another, at this line; str says so in words."""

    by: str
    of: str
    line: int

    def __str__(self):
        return f"{MODULES[self.by].relative_to(ROOT)}:{self.line} imports {self.of}"


def imports(name: str, source: str) -> list[Import]:
    """What a module imports of this library: at its top, inside functions, or by import_module."""
    found = []
    here = name if name in PACKAGES else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = here.split(".")[: len(here.split(".")) + 1 - node.level] if node.level else []
            home = ".".join([*up, *filter(None, [node.module])])
            inside = [f"{home}.{alias.name}" for alias in node.names]
            wanted = [each if each in MODULES else home for each in inside]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            wanted = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        else:
            continue
        for each in dict.fromkeys(wanted):
            if each.split(".")[0] == "lessons_lib":
                assert each in MODULES, f"{Import(name, each, node.lineno)}, which is not there"
                found.append(Import(name, each, node.lineno))
    return found


IMPORTS = [each for name, source in SOURCES.items() for each in imports(name, source)]


def room(module: str) -> str:
    """The room of a module: its package or its own file, straight below its wing."""
    wing = WINGS[module == WINGS[1] or module.startswith(f"{WINGS[1]}.")]
    inside = module.removeprefix(wing).strip(".")
    return f"{wing}.{inside.split('.')[0]}" if inside else wing


def order() -> list[str]:
    """Every room, lowest first: the diffusion wing, its `__init__`, the course wing, its own."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```order\n(.*?)```", text, re.S)
    rows = [line.split(":") for line in block.strip().splitlines()]
    assert [wing.strip() for wing, _ in rows] == list(WINGS)
    return [n for wing, names in zip(WINGS, (r[1] for r in rows), strict=True)
            for n in (*(f"{wing}.{each}" for each in names.split()), wing)]  # fmt: skip


def test_every_room_has_one_place_in_the_order():
    """And what has a place is there."""
    assert sorted(order()) == sorted({room(name) for name in MODULES})


def test_imports_point_to_what_is_lower():
    """So the diffusion wing never imports the course wing, and nothing what is built on it."""
    place = {name: i for i, name in enumerate(order())}
    wrong = [str(each) for each in IMPORTS if place[room(each.of)] > place[room(each.by)]]
    assert wrong == []


def circle(imports: list[Import]) -> list[str]:
    """The imports of one circle; empty if there is none."""
    graph: dict[str, set] = {}
    for each in imports:
        graph.setdefault(each.by, set()).add(each.of)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        steps = {(each.by, each.of): each for each in imports}
        names = error.args[1][::-1]  # each is imported by the one before it
        return [str(steps[pair]) for pair in zip(names, names[1:], strict=False)]
    return []


def test_no_module_imports_itself_through_others():
    assert circle(IMPORTS) == []


def test_the_house_tells_a_wrong_import_with_its_file_and_line():
    source = "def f():\n    from lessons_lib.course import doctor\n    from ..learn import fit\n"
    say = "lessons_lib.course.say"
    assert [tuple(each) for each in imports(say, source)] == [
        (say, "lessons_lib.course.doctor", 2),
        (say, "lessons_lib.learn", 3),
    ]
    back = Import("lessons_lib.course.doctor", say, 7)
    assert set(circle([imports(say, source)[0], back])) == {
        "lessons_lib/course/say.py:2 imports lessons_lib.course.doctor",
        "lessons_lib/course/doctor.py:7 imports lessons_lib.course.say",
    }
    dynamic = imports(say, 'x = import_module("lessons_lib.viz")')
    assert dynamic and dynamic[0].of == "lessons_lib.viz"


def test_a_file_is_one_idea_of_at_most_800_lines():
    sizes = {name: source.count("\n") for name, source in SOURCES.items()}
    long = [f"{name} has {n} lines: split it" for name, n in sizes.items() if n > 800]
    assert long == []
    vague = re.compile(r"\b(utils?|helpers?|common|misc)\b")
    assert [name for name in MODULES if vague.search(name)] == []  # say what is in it


def exported(package: str) -> set[str]:
    """The names that a package's `__init__` defines or brings in, other than its modules."""
    found = set()
    for node in ast.parse(SOURCES[package]).body:
        if isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            found |= {name for name in names if f"{node.module}.{name}" not in MODULES}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def test_no_module_bears_a_name_that_its_package_or_the_course_exports():
    """`from a import b` then gives the function, `import a.b` the module: one name, two things."""
    hidden = {f"{package}.{name}" for package in PACKAGES for name in exported(package)}
    assert sorted(hidden & set(MODULES)) == []
    ours = [name for name in MODULES if name.startswith(f"{WINGS[1]}.")]
    assert [n for n in ours if n.rpartition(".")[2] in exported(WINGS[1])] == []


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_room_is_drawn_and_every_room_drawn_is_there():
    (block,) = re.findall(r"```rooms\n(.*?)```", ARCHITECTURE, re.S)
    drawn, above = set(), {}
    for indent, name in re.findall(r"^( *)(\S+)", block, re.M):
        depth = len(indent) // 2
        above[depth] = (above[depth - 1] / name) if depth else ROOT / name
        assert above[depth].exists(), f"docs/architecture.md draws {name}, which is not there"
        drawn.add(above[depth])
    wings = [MODULES[wing].parent for wing in WINGS]
    assert set(wings) <= drawn
    there = {f for wing in wings for f in wing.iterdir() if f.suffix == ".py" or f.is_dir()}
    there -= {f for f in there if f.name.startswith("__")}
    assert sorted(there - drawn) == []


def test_every_path_of_the_architecture_is_there():
    """NN stands for the number of a notebook."""
    text = re.sub(r"```.*?```", "", ARCHITECTURE, flags=re.S)
    named = {path for path in re.findall(r"`([\w./]+)`", text) if "/" in path}
    pattern = lambda path: path.replace("NN_name", "NN_*").replace("NN", "[0-9][0-9]")
    assert len(named) > 20 and [p for p in named if not list(ROOT.glob(pattern(p)))] == []


def test_where_a_new_thing_goes_is_said_for_each_in_ten_lines():
    part = ARCHITECTURE.split("## Where a new thing goes")[1].split("\n## ")[0]
    places = dict(re.findall(r"^\*\*An? (\w+)\.\*\* (.*)$", part, re.M))
    assert list(places) == "sampler network exercise widget checkpoint notebook".split()
    assert [kind for kind, said in places.items() if len(textwrap.wrap(said, 100)) > 10] == []
