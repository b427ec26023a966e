"""Run a student's function so that it can neither disturb the notebook nor go on for ever."""

import contextlib
import os
import random
import signal
import sys
import threading
import time
import warnings
from itertools import cycle

import numpy as np
import torch


class TooLong(BaseException):
    """The time limit is over; a BaseException, so that no `except Exception` swallows it."""


class Stopped(TooLong):
    """The reader has pressed stop (Ctrl-C); what an answer raises itself is never this."""


# --- what an answer may change --------------------------------------------------------------------

AUTOCAST = ("cpu", "cuda")


def _refill(mapping, content) -> None:
    mapping.clear()
    mapping.update(content)


# What an answer may change: (read, put back), for what is put back where it has changed.
STATE = {
    "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "default device": (
        torch.get_default_device,
        lambda kept: torch.set_default_device(None if kept.type == "cpu" else kept),
    ),
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "matmul precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "deterministic mode": (
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        lambda kept: torch.use_deterministic_algorithms(kept[0], warn_only=kept[1]),
    ),
    "anomaly mode": (
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda kept: torch.set_anomaly_enabled(*kept),
    ),
    "autocast": (
        lambda: [(torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in AUTOCAST],
        lambda kept: [
            (torch.set_autocast_enabled(device, on), torch.set_autocast_dtype(device, dtype))
            for device, (on, dtype) in zip(AUTOCAST, kept, strict=True)
        ],
    ),
    "torch's printing": (
        lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
        lambda kept: _refill(vars(torch._tensor_str.PRINT_OPTS), kept),
    ),
    "numpy's printing": (np.get_printoptions, lambda kept: np.set_printoptions(**kept)),
    "numpy's errors": (np.geterr, lambda kept: np.seterr(**kept)),
    "environment": (os.environ.copy, lambda kept: _refill(os.environ, kept)),
    "working folder": (os.getcwd, os.chdir),
    "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "printed output": (lambda: sys.stdout, lambda kept: setattr(sys, "stdout", kept)),
    "os.fork": (lambda: getattr(os, "fork", None), lambda kept: setattr(os, "fork", kept)),
}

# The same for the generators, which are put back always.
GENERATORS = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
    (
        lambda: torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        torch.cuda.set_rng_state_all,
    ),
)


@contextlib.contextmanager
def isolated():
    """Put back whatever an answer may change, and keep it from making a second kernel by a fork.

    Probes live on the CPU, wherever the lesson works, and outside inference mode.
    """
    with contextlib.ExitStack() as stack:
        for read, put_back in GENERATORS:
            stack.callback(put_back, read())
        for read, put_back in STATE.values():
            stack.callback(_mended, read, put_back, read())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(torch.inference_mode(False))
        if drawing := sys.modules.get("matplotlib"):
            stack.enter_context(drawing.rc_context())
        if torch.get_default_device().type != "cpu":  # the context slows every operation
            stack.enter_context(torch.device("cpu"))
        if hasattr(os, "fork"):
            os.fork = _no_fork
        yield


def _mended(read, put_back, kept) -> None:
    if read() != kept:
        put_back(kept)


def _no_fork():
    raise PermissionError("an answer starts no processes")


# --- how long it may take -------------------------------------------------------------------------


def limited(seconds: float, act):
    """act(), ended by TooLong after so many seconds, and by Stopped when the reader presses stop.

    Where a busy machine gave the answer less than half of that time, it has up to five times as
    long: nobody is wrong because others compute.

    An answer may catch what ends it. So it comes again and again, after 1 to 512 µs, until it has
    left: every loop jumps back outside its own `try`, and there nothing can catch it. A single
    call into C that never returns cannot be ended. Without alarms (Windows, other threads) nothing
    ends.
    """
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        return act()
    here, pauses = sys._getframe(), cycle([2.0**i * 1e-6 for i in range(10)])
    why, armed = None, False
    computed, began = time.thread_time(), time.monotonic()

    def ring(number, frame):
        nonlocal why
        early = time.monotonic() - began < 5 * seconds
        if number == signal.SIGINT:
            why = why or Stopped
        elif not why and early and time.thread_time() - computed < seconds / 2:
            if armed:
                signal.setitimer(signal.ITIMER_REAL, seconds / 10)
            return
        why = why or TooLong
        if armed and frame is not here:  # what stands below, which tidies up, is not interrupted
            signal.setitimer(signal.ITIMER_REAL, next(pauses))
            raise why

    alarms = [n for n in (signal.SIGINT, signal.SIGALRM)
              if n == signal.SIGALRM or callable(signal.getsignal(n))]  # fmt: skip
    before = {number: signal.signal(number, ring) for number in alarms}
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        armed = True
        return act()
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        if why:  # also where an answer has caught it
            raise why from None
