"""Answers that try to stay, or to take the check with them: run by test_hostile.py, in a process
of its own that can be killed.

Each prints what the check made of it, and whether the next check works. `stop` is a reader who
presses stop in the middle of an answer that catches everything.
"""

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time

from lessons_lib.course.checking.attempt import grade

engine = sys.modules["lessons_lib.course.checking.attempt"]
LOOP = "loop that never ends"


def noisy(x0, alpha, sigma, eps):
    return alpha * x0 + sigma * eps


def catches_exception():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def catches_everything():
    while True:
        try:
            pass
        except BaseException:
            pass


def catches_everything_asleep():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def catches_in_nests():
    while True:
        try:
            try:
                with contextlib.suppress(BaseException):
                    time.sleep(0.001)
            except BaseException:
                time.sleep(0.001)
        except BaseException:
            pass


def goes_on_finally():
    while True:
        try:
            sum(range(1000))
        finally:
            continue  # noqa: B012


def comes_back_by_a_call():
    try:
        while True:
            pass
    except BaseException:
        return comes_back_by_a_call()


def returns_when_it_is_ended():
    try:
        while True:
            pass
    except BaseException:
        return 1.0


class Falsy(Exception):
    def __bool__(self):
        return False

    def __len__(self):
        return 0


class Speechless(Exception):
    def __repr__(self):
        raise ValueError

    __str__ = __repr__


class Endless(Exception):
    def __str__(self):
        while True:
            pass


class Odd:
    """Whatever is asked of it, it stops the one who asks."""

    def stop(self, *_):
        raise KeyboardInterrupt

    __repr__ = __str__ = __iter__ = __float__ = __len__ = __bool__ = __eq__ = __hash__ = stop


def raises(error):
    def answer():
        raise error

    return answer


def held(kind):
    if kind is dict:
        thing = {}
        thing["itself"] = thing
    else:
        thing = []
        thing.append((1.0, thing))
    return thing


def nested():
    yield nested()


def stops_the_clock():
    signal.alarm(0)
    return 1.0


def forks():
    if os.fork() == 0:
        while True:
            pass


# name -> (what it does, what is said to it)
FUNCTIONS = {
    "catches Exception": (catches_exception, LOOP),
    "catches BaseException": (catches_everything, LOOP),
    "catches BaseException asleep": (catches_everything_asleep, LOOP),
    "catches in nests": (catches_in_nests, LOOP),
    "goes on in finally": (goes_on_finally, LOOP),
    "comes back by a call": (comes_back_by_a_call, LOOP),
    "returns when it is ended": (returns_when_it_is_ended, LOOP),
    "waits for a lock": (lambda: threading.Event().wait(), LOOP),
    "waits for a queue": (lambda: queue.Queue().get(), LOOP),
    "sleeps": (lambda: time.sleep(1e6), LOOP),
    "stops the clock": (stops_the_clock, "result"),
    "StopIteration": (raises(StopIteration()), "stops with StopIteration"),
    "StopIteration of next": (lambda: next(iter(())), "stops with StopIteration"),
    "GeneratorExit": (raises(GeneratorExit()), "stops with GeneratorExit"),
    "KeyboardInterrupt": (raises(KeyboardInterrupt()), "stops with KeyboardInterrupt"),
    "SystemExit": (raises(SystemExit(0)), "stops with SystemExit"),
    "falsy": (raises(Falsy("no")), "stops with Falsy: no"),
    "speechless": (raises(Speechless()), "stops with Speechless"),
    "never done speaking": (raises(Endless()), LOOP),
    "a group": (raises(ExceptionGroup("two", [ValueError(), OSError()])), "ExceptionGroup: two"),
    "list in itself": (lambda: held(list), "contains itself"),
    "dict in itself": (lambda: held(dict), "contains itself"),
    "endless count": (itertools.count, "does it ever end"),
    "endless nest": (nested, "RecursionError"),
    "no bottom": (lambda: no_bottom(), "RecursionError"),
    "odd result": (Odd, "KeyboardInterrupt"),
    "fork": (forks, "an answer starts no processes"),
    "process": (
        lambda: multiprocessing.get_context("fork").Process(target=forks).start(),
        "an answer starts no processes",
    ),
    "closes its own output": (lambda: setattr(sys, "stdout", None), "not written"),
}
VALUES = {
    "value: list in itself": (lambda: held(list), "contains itself"),
    "value: dict in itself": (lambda: held(dict), "contains itself"),
    "value: endless count": (itertools.count, "does it ever end"),
    "value: endless nest": (nested, "RecursionError"),
    "value: odd": (Odd, "KeyboardInterrupt"),
    "value: generator that never yields": (lambda: (x for x in iter(int, 1) if x), LOOP),
}


def no_bottom():
    return no_bottom()


def told(name, result):
    following = grade("start.warm_up", noisy).symbol
    print(name, result.symbol, result.message, following, sep="\t", flush=True)


def main():
    for name, (act, said) in FUNCTIONS.items():
        engine.TIME_LIMIT = 0.3 if said == LOOP else 100
        told(name, grade("start.warm_up", lambda *probe, act=act: act()))
    for name, (make, said) in VALUES.items():
        engine.TIME_LIMIT = 0.3 if said == LOOP else 100
        for id in ("forward.two_steps", "start.guess"):
            told(f"{name} {id}", grade(id, make()))
    engine.TIME_LIMIT = 1000
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        grade("start.warm_up", lambda *probe: catches_everything())
    except KeyboardInterrupt:
        print("stop", "KeyboardInterrupt", grade("start.warm_up", noisy).symbol, sep="\t")
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, "end", sep="\t")


if __name__ == "__main__":
    main()
