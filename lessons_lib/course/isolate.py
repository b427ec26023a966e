"""Run a student's function so that it can neither disturb the notebook nor hide what it is."""

import contextlib
import dis
import functools
import inspect
import random
import signal
import threading
from types import FunctionType, ModuleType

import numpy as np
import torch


class TooLong(BaseException):
    """The time limit is over; a BaseException, so that no `except Exception` swallows it."""


@contextlib.contextmanager
def isolated():
    """Put back whatever an answer may change: generators, grad mode, dtype, print options."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    prints, numpy_prints = dict(vars(torch._tensor_str.PRINT_OPTS)), np.get_printoptions()
    try:
        # Probes live on the CPU, wherever the lesson works; the context slows every operation.
        on_cpu = torch.get_default_device().type == "cpu"
        with contextlib.nullcontext() if on_cpu else torch.device("cpu"):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        vars(torch._tensor_str.PRINT_OPTS).update(prints)
        np.set_printoptions(**numpy_prints)


@contextlib.contextmanager
def time_limit(seconds: float):
    """Raise TooLong after so many seconds, where the system has alarms (not on Windows)."""
    main = threading.current_thread() is threading.main_thread()
    if not (hasattr(signal, "SIGALRM") and main):
        yield
        return

    def ring(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
    """The callables that a code object names: globals, attributes of our modules, closures."""
    names = [function.__globals__[n] for n in code.co_names if n in function.__globals__]
    ours = [m for m in names if isinstance(m, ModuleType) and m.__name__.startswith("lessons_lib")]
    names += [getattr(m, n) for m in ours for n in code.co_names if hasattr(m, n)]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a cell that is still empty
            names.append(cell.cell_contents)
    names += list(function.__defaults__ or ())
    return [thing for thing in names if callable(thing) and not isinstance(thing, type)]
