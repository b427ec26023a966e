"""Which names a cell sets and reads, and so which cells another one needs."""

import ast
import contextlib
import re
import symtable

from lessons_lib.course.notebooks.reading import tree

NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)


def feeding(sources: list[str], names: set[str], wanted=()) -> list[str]:
    """Those of some cells on which these names hang, and the wanted ones. No training, no pictures.

    Going back from the last one, a cell stays if it is wanted, or if it sets, or may change, a name
    that is read below it; one that is no Python does not.
    """
    kept = []
    for source in reversed(sources):
        with contextlib.suppress(*NO_PYTHON):
            sets, read = names_of(source)
            if source in wanted or sets & names:
                kept.insert(0, source)
                names = (names - rebound(source)) | read
    return kept


def bound(source: str, imports: bool = True) -> set[str]:
    """The names that a cell surely sets; none where it is no Python."""
    with contextlib.suppress(*NO_PYTHON):
        return rebound(source, imports)
    return set()


def reads(source: str) -> set[str]:
    """The names that a cell reads; none where it is no Python."""
    with contextlib.suppress(*NO_PYTHON):
        return names_of(source)[1]
    return set()


def rebound(source: str, imports: bool = True) -> set[str]:
    """The names that a cell sets whatever was before: by def, class, import or plain assignment."""
    found = set()
    for line in tree(re.sub(r"^%%.*\n?", "", source)).body:
        if isinstance(line, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(line.name)
        elif isinstance(line, ast.Import | ast.ImportFrom) and imports:
            found |= {(alias.asname or alias.name).split(".")[0] for alias in line.names}
        elif isinstance(line, ast.Assign | ast.AnnAssign) and line.value:
            targets = line.targets if isinstance(line, ast.Assign) else [line.target]
            stored = (n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
            found |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    return found


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell sets or may change in place, and those that it reads."""
    module = tree(re.sub(r"^%%.*\n?", "", source))  # %%time and its like
    table = symtable.symtable(ast.unparse(module), "<cell>", "exec")
    sets = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    reads = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    inner = table.get_children()
    while inner:
        scope = inner.pop()
        reads |= {s.get_name() for s in scope.get_symbols() if s.is_global() and s.is_referenced()}
        inner += scope.get_children()
    for node in ast.walk(module):  # xs.append(x), table[3] = x, net.weight = x, x += 1
        match node:
            case ast.Expr(value=ast.Call(func=func)):
                changed = [func]
            case ast.Assign(targets=targets):
                changed = targets
            case ast.AugAssign(target=target):
                changed = [target]
            case _:
                changed = []
        sets |= {whole.id for part in changed if isinstance(whole := owner(part), ast.Name)}
    return sets, reads


def owner(part: ast.expr) -> ast.expr | None:
    """What xs.append, table[3] or net.head.weight is a part of; None for what is no part."""
    whole = None
    while isinstance(part, ast.Attribute | ast.Subscript):
        whole = part = part.value
    return whole
