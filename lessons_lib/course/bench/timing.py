"""What every section needs: turns, ratios, the peer, and the machine in a line."""

import importlib
import math
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch

from lessons_lib.levels import linear_betas

# The table that both sides walk down: ours, and in diffusers' words.
BETA = linear_betas(1000)
TABLE = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}


def diffusers():
    """The peer. Raises ImportError, saying how to install it."""
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise ImportError("the bench compares with diffusers: pip install -e '.[test]'") from error


def peer(name: str, **options):
    """One of diffusers' schedulers."""
    return getattr(diffusers(), name)(**options)


def take_turns(
    sides: dict[str, Callable[[], object]], repeats: int, clock=time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of every side, `repeats` times each, in alternation and after one run to warm up.

    clock: time.process_time counts only what the processor gave to us.
    """
    for run in sides.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            start = clock()
            run()
            _wait()
            seconds[name].append(clock() - start)
    return seconds


def ratios(a: list[float], b: list[float]) -> list[float]:
    """How many times as long as b a took, for every pair of neighbouring runs."""
    return [x / y for x, y in zip(a, b, strict=True)]


def ratio(a: list[float], b: list[float]) -> float:
    """How many times as long as b a took: the median over neighbouring runs."""
    return statistics.median(ratios(a, b))


def interval(values: list[float]) -> tuple[float, float, float]:
    """The median, and an interval that covers the true one at least 95 times in 100.

    Whatever the law of the values: as many of n lie below their median as tosses of a coin fall
    heads, so the k-th from either end bounds it, k as large as the coin allows.
    Raises ValueError for fewer than 6 values, whose extremes do not cover it.
    """
    n, k = len(values), 0
    while 2 * sum(math.comb(n, i) for i in range(k + 1)) <= 0.05 * 2**n:
        k += 1  # k values or fewer on one side are as rare as that
    if k == 0:
        raise ValueError(f"values: {n} given; need 6 or more for an interval of 95 %")
    low, *_, high = sorted(values)[k - 1 : n - k + 1]
    return statistics.median(values), low, high


def machine() -> str:
    """One line on what was measured on."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":")[1].strip() for line in file if "model name" in line), name)
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{name}, {os.cpu_count()} cores{load}{gpu}, torch {torch.__version__}, threads: "
        f"{torch.get_num_threads()}, diffusers {diffusers().__version__}"
    )


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
