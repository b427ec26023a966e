"""`lessons bench`: ours and diffusers' in one process, taking turns; medians, as one page.

Each section is a function that gives the lines of a Markdown table. Times are of a machine that is
shared with others, so read the ratios: both sides are timed in alternation, and the ratio is the
median of the ratios of neighbouring runs. diffusers comes with `pip install -e '.[test]'`.
"""

import importlib
import inspect
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from lessons_lib import fast, learn
from lessons_lib.diffuse import eps_from_x0
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import (
    along,
    cosine_betas,
    from_betas,
    grid,
    karras_grid,
    lam_grid,
    level_at,
    linear_betas,
)
from lessons_lib.samplers import ddim, ddpm, sample
from lessons_lib.solvers import dpm_2, dpmpp_2m, dpmpp_multistep, heun, plms
from lessons_lib.wrap import NO_LABEL, cfg, given

BETA = linear_betas(1000)
TABLE = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
TRAILING = TABLE | {"timestep_spacing": "trailing"}
PLAIN = {"ddim": ddim, "ddpm": ddpm, "2M": dpmpp_2m}
FAST = {"ddim": fast.ddim, "2M": fast.dpmpp_2m}


def diffusers():
    """The peer. Raises ImportError, saying how to install it."""
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise ImportError("the bench compares with diffusers: pip install -e '.[test]'") from error


def peer(name: str, **options):
    """One of diffusers' schedulers."""
    return getattr(diffusers(), name)(**options)


SCHEDULERS = {
    "ddim": partial(peer, "DDIMScheduler", **TRAILING, clip_sample=False),
    "ddpm": partial(peer, "DDPMScheduler", **TRAILING, clip_sample=False),
    "2M": partial(peer, "DPMSolverMultistepScheduler", **TRAILING),
}


def take_turns(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every side, `repeats` times each, in alternation and after one run to warm up."""
    for run in sides.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            _wait()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(a: list[float], b: list[float]) -> float:
    """How many times as long as b a took: the median over neighbouring runs."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


# --- a step without a network ---------------------------------------------------------------------


def step_overhead(repeats: int = 41, steps: int = 50) -> list[str]:
    """Microseconds that one step costs when the network costs nothing."""
    lines = [
        "| one step, no network | shape | diffusers, µs | ours, µs | ours / theirs | fast, µs "
        "| fast / theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    ladder = grid(from_betas(BETA), steps)
    for shape in ((64, 3, 32, 32), (1, 3, 32, 32)):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        answer = torch.zeros_like(x)
        for name in PLAIN:
            sides = {"theirs": partial(_their_steps, SCHEDULERS[name](), x, answer, steps)}
            for side, table in (("ours", PLAIN), ("fast", FAST)):
                if name in table:
                    denoise = lambda x, t, answer=answer: answer
                    sides[side] = partial(sample, table[name], denoise, x, ladder)
            seconds = take_turns(sides, repeats)
            us = {side: f"{statistics.median(v) / steps * 1e6:.0f}" for side, v in seconds.items()}
            share = {side: f"{ratio(v, seconds['theirs']):.2f}" for side, v in seconds.items()}
            lines.append(
                f"| {name} | {'×'.join(map(str, shape))} | {us['theirs']} | {us['ours']} "
                f"| {share['ours']} | {us.get('fast', '')} | {share.get('fast', '')} |"
            )
    return lines


def _their_steps(scheduler, x: Tensor, answer: Tensor, steps: int) -> Tensor:
    scheduler.set_timesteps(steps)
    for n in scheduler.timesteps:
        x = scheduler.step(answer, n, x).prev_sample
    return x


# --- the whole loop, with a network ---------------------------------------------------------------


def whole_loop(repeats: int = 15, n: int = 64, steps: int = 50) -> list[str]:
    """Milliseconds for 64 pictures in 50 steps with the digit checkpoint, on either side's loop."""
    head = [
        f"| {n} digits, {steps} steps | diffusers' loop, ms | ours, ms | ours / theirs | fast, ms "
        "| fast / theirs | furthest apart |",
        "|---|---|---|---|---|---|---|",
    ]
    cases = [(name, w) for name in ("ddim", "2M") for w in (1, 3)]
    return head + [_loop_row(name, w, n, steps, repeats) for name, w in cases]


def cuda_loop(repeats: int = 15, steps: int = 50) -> list[str]:
    """The same on a GPU, eager on both sides: one picture and 64, in float32 and bfloat16."""
    lines = [
        f"| digits, {steps} steps, CUDA | diffusers' loop, ms | ours, ms | ours / theirs "
        "| fast, ms | fast / theirs | furthest apart |",
        "|---|---|---|---|---|---|---|",
    ]
    for n in (1, 64):
        for dtype in (torch.float32, torch.bfloat16):
            if torch.cuda.is_available():
                lines.append(_loop_row("ddim", 3, n, steps, repeats, "cuda", dtype))
            else:
                what = f"ddim, w = 3, {n} picture(s), {str(dtype).removeprefix('torch.')}"
                lines.append(f"| {what} |" + " not measured yet |" * 6)
    return lines


def _loop_row(name, w, n, steps, repeats, device="cpu", dtype=torch.float32) -> str:
    beta = cosine_betas(1000)
    options = {"trained_betas": beta.numpy(), "prediction_type": "v_prediction"}
    options |= {"timestep_spacing": "trailing"} | ({"clip_sample": False} if name == "ddim" else {})
    kind = "DDIMScheduler" if name == "ddim" else "DPMSolverMultistepScheduler"
    denoise = learn.load("digits").to(device, dtype)
    label = (torch.arange(n) % 10).to(device)
    ladder = grid(from_betas(beta), steps)
    x = torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    asked = given(denoise, label) if w == 1 else cfg(denoise, label, w, batched=True)
    sides = {
        "theirs": partial(_their_loop, peer(kind, **options), denoise.net, ladder, label, w, x),
        "ours": partial(sample, PLAIN[name], asked, x, ladder),
        "fast": partial(sample, FAST[name], asked, x, ladder),
    }
    apart = max(float((sides[s]() - sides["theirs"]()).abs().max()) for s in ("ours", "fast"))
    seconds = take_turns(sides, repeats)
    ms = {side: f"{statistics.median(v) * 1e3:.1f}" for side, v in seconds.items()}
    share = {side: f"{ratio(v, seconds['theirs']):.2f}" for side, v in seconds.items()}
    what = f"{name}, {'no guidance' if w == 1 else f'w = {w}'}"
    if device == "cuda":
        what += f", {n} picture(s), {str(dtype).removeprefix('torch.')}"
    return (
        f"| {what} | {ms['theirs']} | {ms['ours']} | {share['ours']} | {ms['fast']} "
        f"| {share['fast']} | {apart:.0e} |"
    )


@torch.no_grad()
def _their_loop(scheduler, net, ladder, label, w, x) -> Tensor:
    """The loop of a diffusers pipeline: a doubled batch for guidance, then scheduler.step."""
    scheduler.set_timesteps(len(ladder) - 1)
    both = torch.cat([torch.full_like(label, NO_LABEL), label])
    for n, t in zip(scheduler.timesteps, ladder, strict=False):
        if w == 1:
            v = net(x, t, label)
        else:
            u, v_c = net(torch.cat([x, x]), t, both).chunk(2)
            v = u + w * (v_c - u)
        x = scheduler.step(v, n, x).prev_sample
    return x


# --- how far from the exact solution --------------------------------------------------------------

MIXTURE = MixtureDenoiser([[-1.5], [1.0]], [0.3, 0.5], [0.5, 0.5])
OURS = {
    "DDIM": (ddim, 1),
    "Heun": (heun, 2),
    "DPM-2": (dpm_2, 2),
    "2M": (dpmpp_2m, 1),
    "PLMS": (plms, 1),
    "multistep, order 3": (partial(dpmpp_multistep, order=3), 1),
    "multistep, order 4": (dpmpp_multistep, 1),
}
GRIDS = {"even in time": grid} | {
    f"{name}, down to {low}": partial(make, high=200.0, low=low)
    for name, make in (("log-SNR", lam_grid), ("Karras", karras_grid))
    for low in (0.002, 0.01, 0.03, 0.05, 0.1, 0.2)
}
THEIR_GRIDS = {
    "even in time": {"timestep_spacing": "trailing"},
    "linspace": {"timestep_spacing": "linspace"},
    "leading": {"timestep_spacing": "leading"},
    "Karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "Lu's log-SNR": {"use_lu_lambdas": True},
}
ON_X, ON_RATIO = False, True  # whether a scheduler walks on x, or on x / alpha
THEIRS = {  # name: scheduler, options, where it walks, evaluations a step
    "DDIM": ("DDIMScheduler", {"clip_sample": False}, ON_X, 1),
    "Euler": ("EulerDiscreteScheduler", {}, ON_RATIO, 1),
    "Heun": ("HeunDiscreteScheduler", {}, ON_RATIO, 2),
    "2M": ("DPMSolverMultistepScheduler", {}, ON_X, 1),
    "3M": ("DPMSolverMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "UniPC of order 2": ("UniPCMultistepScheduler", {}, ON_X, 1),
    "UniPC of order 3": ("UniPCMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "DEIS of order 3": ("DEISMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "LMS": ("LMSDiscreteScheduler", {}, ON_RATIO, 1),
}


def exact_error(budgets=(5, 10, 20, 50)) -> list[str]:
    """Root mean square distance from the true end of every path, by evaluations spent.

    Two bumps on a line and 200 starts that spread like the noise; every sampler with every grid
    that it has, and the best of each side at each budget.
    """
    lines = [
        "| evaluations | DDIM, even in time | our best | with | their best | with "
        "| our best / theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    schedule = from_betas(BETA)
    middle = (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    x = math.sqrt(2) * torch.erfinv(2 * middle - 1)[:, None]
    truth = sample(dpmpp_multistep, MIXTURE, x, lam_grid(schedule, 2000, 200.0, 1e-4))
    error = lambda end: float((end.double() - truth).square().mean().sqrt())
    for budget in budgets:
        ours, theirs = {}, {}
        for name, (step, calls) in OURS.items():
            for spacing, make in GRIDS.items():
                ladder = make(schedule, (budget + calls - 1) // calls)
                ours[f"{name}, {spacing}"] = error(sample(step, MIXTURE, x, ladder))
        for name, (kind, options, where, calls) in THEIRS.items():
            for spacing, more in THEIR_GRIDS.items():
                if has_options(kind, more):
                    scheduler = peer(kind, **TABLE, **options, **more)
                    end = _their_walk(scheduler, x, (budget + calls - 1) // calls, where)
                    theirs[f"{name}, {spacing}"] = error(end)
        mine, their = (min(each, key=each.get) for each in (ours, theirs))
        lines.append(
            f"| {budget} | {ours['DDIM, even in time']:.2g} | {ours[mine]:.2g} | {mine} "
            f"| {theirs[their]:.2g} | {their} | {ours[mine] / theirs[their]:.2f} |"
        )
    return lines


def has_options(kind: str, options: dict) -> bool:
    return set(options) <= set(inspect.signature(getattr(diffusers(), kind)).parameters)


def _their_walk(scheduler, x: Tensor, steps: int, on_ratio: bool) -> Tensor:
    """Walk one of their schedulers down the mixture, at the noise levels that it asks for."""
    scheduler.set_timesteps(steps)
    top = level_at(BETA, 1000)
    if on_ratio:
        x = x * float(scheduler.sigmas[0])
    for i, n in enumerate(scheduler.timesteps):
        if on_ratio:
            scheduler.scale_model_input(x, n)
            t = along(top, scheduler.sigmas[scheduler.step_index].double())
        elif hasattr(scheduler, "sigmas"):
            t = along(top, scheduler.sigmas[i].double())
        else:
            t = level_at(BETA, int(n) + 1)
        x_t = t.alpha * x if on_ratio else x
        x = scheduler.step(eps_from_x0(x_t, MIXTURE(x_t, t), t), n, x).prev_sample
    return x


# --- how the cost grows ---------------------------------------------------------------------------


def growth(repeats: int = 5) -> list[str]:
    """Milliseconds of DDIM on the digits by batch and by steps, and memory by steps."""
    denoise = learn.load("digits")
    lines = ["| pictures, 20 steps | ms | ms a picture |", "|---|---|---|"]

    def run(n: int, steps: int) -> Tensor:
        x = torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        return sample(ddim, given(denoise, torch.arange(n) % 10), x, grid(from_betas(BETA), steps))

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
    code = f"from lessons_lib.course import bench; print(bench._walked_peak({steps}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _walked_peak(steps: int) -> float:
    x = torch.zeros(256, 3, 32, 32)
    sample(dpmpp_multistep, lambda x, t: 0.5 * x, x, grid(from_betas(BETA), steps))
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


# --- the page -------------------------------------------------------------------------------------

SECTIONS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "step": ("What a step costs", step_overhead),
    "loop": ("The whole loop", whole_loop),
    "cuda": ("The whole loop on a GPU", cuda_loop),
    "error": ("How near the truth", exact_error),
    "growth": ("How the cost grows", growth),
}


def section(name: str) -> list[str]:
    """One section as Markdown: its title, what it measures, its table, and the machine."""
    title, measured = SECTIONS[name]
    about = " ".join(inspect.getdoc(measured).split())
    return [f"## {title}", "", about, "", *measured(), "", f"`lessons bench {name}`: {machine()}."]


def merged(page: str, lines: list[str]) -> str:
    """The page with this section in the place of the one of that title, or at its end."""
    text = "\n".join(lines).strip()
    parts = [part.strip() for part in re.split(r"(?m)^(?=## )", page)]
    kept = [text if part.splitlines()[:1] == lines[:1] else part for part in parts]
    return "\n\n".join(kept if text in kept else [*kept, text]) + "\n"


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
