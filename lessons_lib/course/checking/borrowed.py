"""Whose function an answer is: still the stub, one's own, or the library's."""

import contextlib
import dis
import functools
import inspect
from types import FunctionType, ModuleType


def is_stub(answer) -> bool:
    """Whether a function does nothing but pass, or return `...` or None."""
    if not isinstance(answer, FunctionType):
        return False
    idle = {"RESUME", "NOP", "POP_TOP", "RETURN_VALUE", "RETURN_CONST", "LOAD_CONST"}
    steps = list(dis.get_instructions(answer))
    constants = [s.argval for s in steps if s.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(s.opname in idle for s in steps) and all(c in (None, ...) for c in constants)


def is_borrowed(answer, reference) -> bool:
    """Whether an answer is, imports or calls the reference or the library's function of its name.

    Honest mistakes, such as a check run again after the library's import, are caught; nobody who
    tries hard to cheat is.
    """
    while isinstance(answer, functools.partial):
        answer = answer.func
    answer = getattr(inspect.unwrap(answer), "__func__", answer)
    seen = set()

    def search(thing) -> bool:
        module = str(getattr(thing, "__module__", ""))
        name = getattr(thing, "__name__", "")
        if getattr(thing, "__code__", None) is reference.__code__:
            return True
        if module.startswith("lessons_lib.") and name == reference.__name__:
            return True
        # Only the student's own functions are read further: the answer, and helpers beside it.
        home = getattr(thing, "__globals__", None)
        if home is None or home is not getattr(answer, "__globals__", None) or thing in seen:
            return False
        seen.add(thing)
        return any(
            imports_lessons(code) or any(search(used) for used in uses(thing, code))
            for code in nested(thing.__code__)
        )

    return search(answer)


def nested(code):
    """A code object and every code object inside it: lambdas, comprehensions, inner functions."""
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_consts"):
            yield from nested(constant)


def imports_lessons(code) -> bool:
    """Whether a code object imports from this library."""
    return any(
        step.opname == "IMPORT_NAME" and str(step.argval).startswith("lessons_lib")
        for step in dis.get_instructions(code)
    )


def uses(function, code):
    """The callables that a code object can reach: globals, attributes of our modules, closures."""
    there = function.__globals__
    things = [there[name] for name in code.co_names if name in there]
    ours = [m for m in things if isinstance(m, ModuleType) and m.__name__.startswith("lessons_lib")]
    things += [getattr(m, name) for m in ours for name in code.co_names if hasattr(m, name)]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a cell that is still empty
            things.append(cell.cell_contents)
    things += function.__defaults__ or ()
    return [each for each in things if callable(each) and not isinstance(each, type)]
