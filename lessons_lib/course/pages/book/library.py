"""Pages of the library, read from its files: each public function, its line, and its lessons."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lessons_lib.course.pages.book.links import notebooks, place, prose
from lessons_lib.files import ROOT

WING = ROOT / "lessons_lib"
KINDS = (ast.FunctionDef, ast.ClassDef)


def rooms() -> list[str]:
    """The rooms of the diffusion wing, lowest first, as docs/architecture.md orders them."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return re.search(r"^lessons_lib: (.+)$", text, re.M)[1].split()


def modules(room: str) -> list[Path]:
    """The files of a room."""
    folder = WING / room
    return sorted(folder.glob("[!_]*.py")) if folder.is_dir() else [WING / f"{room}.py"]


def pages() -> dict[str, str]:
    """name -> text of each page: one for each room, and the page that leads to them."""
    made = {room: page(room) for room in rooms()}
    lead = (
        "# The library\n\n`lessons_lib` reads like the formulas: one file, one idea. Every public "
        "function is here, with its lines and with the lessons that use it. What stands lowest "
        "comes first.\n\n"
    )
    made["index"] = (
        lead
        + "\n".join(f"- [`{room}`]({room}.md): {prose(summary(about(room)))}" for room in made)
        + "\n\n```{toctree}\n:hidden:\n\n"
        + "\n".join(made)
        + "\n```\n"
    )
    return made


def about(room: str) -> str:
    """What a room says of itself."""
    file = WING / room / "__init__.py"
    return ast.get_docstring(parsed(file if file.is_file() else WING / f"{room}.py"))


def summary(text: str) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def page(room: str) -> str:
    """One room: what it says, then each of its public functions and classes."""
    files, text = modules(room), f"# {room}\n\n{body(about(room))}\n"
    alone = files == [WING / f"{room}.py"]
    for file in files:
        if not alone:
            text += f"\n## {file.stem}\n\n{body(ast.get_docstring(parsed(file)))}\n"
        for node in public(parsed(file).body):
            text += f"\n{entry(node, home(room, file, node.name), file)}\n"
    return text


def home(room: str, file: Path, name: str) -> str:
    """From where one imports a name: its package, if that exports it, else its module."""
    package = WING / room / "__init__.py"
    module = f"lessons_lib.{room}.{file.stem}" if package.is_file() else f"lessons_lib.{room}"
    given = package.is_file() and (module, name) in exported(package)
    return f"lessons_lib.{room}.{name}" if given else f"{module}.{name}"


@cache
def exported(package: Path) -> set[tuple[str, str]]:
    """(module, name) for what a package brings in from its modules."""
    nodes = [n for n in parsed(package).body if isinstance(n, ast.ImportFrom)]
    return {(node.module, alias.name) for node in nodes for alias in node.names}


@cache
def homes() -> dict[str, str]:
    """name -> from where one imports it, for each public name that the wing has only once."""
    found: dict[str, list[str]] = {}
    for room in rooms():
        for file in modules(room):
            for node in public(parsed(file).body):
                found.setdefault(node.name, []).append(home(room, file, node.name))
    return {name: where[0] for name, where in found.items() if len(where) == 1}


def meant(code: str) -> str:
    """The function or class that a piece of code names; "" for a word that may be a variable's."""
    name = re.fullmatch(r"(?:lessons_lib\.)?(?:\w+\.)?(\w+)(\(.*\))?", code)
    if not name or not (name[2] or "_" in name[1].strip("_") or name[1][0].isupper()):
        return ""
    return homes().get(name[1], "")


def public(body: list) -> Iterator[ast.AST]:
    """The functions and classes of a body that do not begin with an underscore."""
    yield from (n for n in body if isinstance(n, KINDS) and not n.name.startswith("_"))


# --- an entry -------------------------------------------------------------------------------------


def entry(node, name: str, file: Path) -> str:
    """A function or class as a directive: signature, docstring, lessons, source."""
    kind = "class" if isinstance(node, ast.ClassDef) else "function"
    inner = [member(each) for each in public(node.body)] if kind == "class" else []
    parts = [body(ast.get_docstring(node) or ""), lessons_of(node.name), *inner, source(node, file)]
    said = "\n\n".join(filter(None, parts))
    return f"::::::{{py:{kind}}} {name}{signature(node)}\n:no-index-entry:\n\n{said}\n::::::"


def member(node) -> str:
    """A method or property."""
    property = any(ast.unparse(d).endswith("property") for d in node.decorator_list)
    kind = "property" if property else "method"
    said = body(ast.get_docstring(node) or "")
    head = node.name if property else node.name + signature(node)
    return f":::::{{py:{kind}}} {head}\n:no-index-entry:\n\n{said}\n:::::"


class Plain(ast.NodeTransformer):
    """Takes the quotes off annotations that name what is defined below."""

    def visit_arg(self, node):
        node.annotation = unquoted(node.annotation)
        return node


def unquoted(node):
    """An annotation, without quotes around it."""
    return ast.Name(node.value) if isinstance(node, ast.Constant) and node.value else node


def signature(node) -> str:
    """What a function takes and gives back; of a class, what makes one."""
    if isinstance(node, ast.ClassDef):
        makers = [n for n in node.body if getattr(n, "name", "") == "__init__"]
        fields = [ast.unparse(n) for n in node.body if isinstance(n, ast.AnnAssign)]
        return taken(makers[0], method=True) if makers else f"({', '.join(fields)})"
    names = [arg.arg for arg in node.args.posonlyargs + node.args.args]
    back = f" -> {ast.unparse(unquoted(node.returns))}" if node.returns else ""
    return taken(node, method=names[:1] in (["self"], ["cls"])) + back


def taken(node, method: bool) -> str:
    """The arguments of a function, without self."""
    args = Plain().visit(ast.parse(ast.unparse(node)).body[0]).args
    args.args = args.args[method:]
    return f"({ast.unparse(args)})"


def source(node, file: Path) -> str:
    """The lines of a definition, folded, without the docstring, which stands above them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
    said = node.body[0] if ast.get_docstring(node) else None
    kept = lines[first : said.lineno - 1] + lines[said.end_lineno :] if said else lines[first:]
    kept = kept[: len(kept) - (len(lines) - node.end_lineno)]
    code = "\n".join(kept)
    where = file.relative_to(ROOT).as_posix()
    return (
        f"::::{{dropdown}} Source: {where}\n:class-container: hint\n\n```python\n{code}\n```\n::::"
    )


# --- docstrings -----------------------------------------------------------------------------------


def body(text: str) -> str:
    """A docstring as Markdown: paragraphs, and as they stand those that are set in columns."""
    return "\n\n".join(map(paragraph, re.split(r"\n{2,}", text)))


def paragraph(text: str) -> str:
    """One paragraph of a docstring."""
    if re.search(r"\S {2,}\S", text) or text.startswith(" "):
        return f"```text\n{text}\n```"
    return prose(text)


# --- lessons --------------------------------------------------------------------------------------


def lessons_of(name: str) -> str:
    """Which sections of which notebooks write a function out, and which use it first."""
    written, used = uses().get(name, ([], []))
    said = [f"Written out in {', '.join(written)}."] if written else []
    said += [f"Used in {', '.join(used)}."] if used else []
    return " ".join(said)


@cache
def uses() -> dict[str, tuple[list[str], list[str]]]:
    """name -> links to where the notebooks define it, and to where each first imports it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for path in notebooks():
        section = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                section = (re.findall(r"^##+ (.+)$", text, re.M) or [section])[-1]
                continue
            for name, defined in named(text):
                where = found.setdefault(name, ([], []))[not defined]
                link = place(path.name, path.name[:2], section if defined else "")
                if not any(each.startswith(link[:4]) for each in where):
                    where.append(link)
    return found


def named(code: str) -> Iterator[tuple[str, bool]]:
    """(name, whether it is defined there) for what a cell defines, and imports from the library."""
    for node in ast.parse(re.sub(r"^\s*[%!].*", "", code, flags=re.M)).body:
        if isinstance(node, KINDS):
            yield node.name, True
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lessons_lib"):
            yield from ((alias.name, False) for alias in node.names)
