"""How time grows with the batch and the steps, and memory with the steps."""

import statistics
import subprocess
import sys
from functools import partial

import torch
from torch import Tensor

from lessons_lib import learn
from lessons_lib.course.bench.timing import take_turns
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddim, sample
from lessons_lib.solvers import dpmpp_multistep
from lessons_lib.wrap import given


def cost_growth(repeats: int = 5) -> list[str]:
    """Milliseconds of DDIM on the digits by batch and by steps, and memory by steps."""
    denoise = learn.load("digits")
    lines = ["| pictures, 20 steps | ms | ms a picture |", "|---|---|---|"]

    def run(n: int, steps: int) -> Tensor:
        x = torch.randn(n, 1, 8, 8, generator=seeded(0))
        return sample(ddim, given(denoise, torch.arange(n) % 10), x, grid(cosine, steps))

    for n in (1, 4, 16, 64, 256, 1024):
        ms = statistics.median(take_turns({"": partial(run, n, 20)}, repeats)[""]) * 1e3
        lines.append(f"| {n} | {ms:.1f} | {ms / n:.3f} |")
    lines += ["", "| steps, 64 pictures | ms | ms a step | peak MiB of the process |"]
    lines += ["|---|---|---|---|"]
    for steps in (1, 10, 100, 1000):
        ms = statistics.median(take_turns({"": partial(run, 64, steps)}, repeats)[""]) * 1e3
        lines.append(f"| {steps} | {ms:.1f} | {ms / steps:.2f} | {_peak(steps):.0f} |")
    return lines


def _peak(steps: int) -> float:
    """Peak MiB of a process of its own that walks 256 pictures of 3×32×32 this many steps."""
    code = f"from lessons_lib.course.bench import growth; print(growth._walked_peak({steps}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _walked_peak(steps: int) -> float:
    x = torch.zeros(256, 3, 32, 32)
    sample(dpmpp_multistep, lambda x, t: 0.5 * x, x, grid(cosine, steps))
    try:  # the peak that getrusage tells on Linux is the parent's, where that is larger
        with open("/proc/self/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) / 2**10 for line in file if "VmHWM" in line)
    except OSError:
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
