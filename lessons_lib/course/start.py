"""What the first cell of every notebook does: threads, device, one seeded generator; and `show`."""

import os
from pathlib import Path

import torch


def begin(seed: int = 0, threads: int = 1) -> tuple[torch.device, torch.Generator]:
    """Set the threads, and give the device to compute on and a seeded generator, on the CPU.

    The first networks of the course are so small that one thread is the fastest; OMP_NUM_THREADS
    overrules, and there are never more threads than cores that this process may use. Random numbers
    are drawn on the CPU everywhere, so that a GPU shows the same pictures.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(threads, usable_cores())))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return device, torch.Generator().manual_seed(seed)


def usable_cores() -> int:
    """How many cores this process may use: the machine's, its affinity's, its container's."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no container, or one without a limit ("max")
    return cores


def show(*values, digits: int = 3) -> None:
    """Print numbers, and tensors of numbers, to three significant digits; words as they are."""
    print(*(_text(value, digits) for value in values))


def _text(value, digits: int) -> str:
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if isinstance(value, bool | int | str):
        return str(value)
    if isinstance(value, float):
        return _number(value, digits)
    return "[" + " ".join(_text(each, digits) for each in value) + "]"


def _number(value: float, digits: int) -> str:
    """Significant digits, trailing zeros kept: .9408 is 0.941 and 3.29 is 3.29; never −0."""
    text = f"{value:#.{digits}g}".removesuffix(".")
    return text.removeprefix("-") if float(text) == 0 else text
