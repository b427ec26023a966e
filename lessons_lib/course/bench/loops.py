"""What a step costs without a network, and what the whole loop costs with one."""

import statistics
import time
from functools import partial

import torch
from torch import Tensor

from lessons_lib import data, fast, learn
from lessons_lib.course.bench.timing import (
    BETA,
    TABLE,
    interval,
    peer,
    ratio,
    ratios,
    take_turns,
)
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, cosine_betas, from_betas, grid
from lessons_lib.samplers import ddim, ddpm, sample
from lessons_lib.solvers import dpmpp_2m
from lessons_lib.wrap import NO_LABEL, cfg, given

TRAILING = TABLE | {"timestep_spacing": "trailing"}
PLAIN = {"ddim": ddim, "ddpm": ddpm, "2M": dpmpp_2m}
FAST = {"ddim": fast.ddim, "2M": fast.dpmpp_2m}
SCHEDULERS = {
    "ddim": partial(peer, "DDIMScheduler", **TRAILING, clip_sample=False),
    "ddpm": partial(peer, "DDPMScheduler", **TRAILING, clip_sample=False),
    "2M": partial(peer, "DPMSolverMultistepScheduler", **TRAILING),
}


def step_overhead(repeats: int = 41, steps: int = 50) -> list[str]:
    """Microseconds that one step costs when the network costs nothing."""
    lines = [
        "| one step, no network | shape | diffusers, µs | ours, µs | ours / theirs | fast, µs "
        "| fast / theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    ladder = grid(from_betas(BETA), steps)
    for shape in ((64, 3, 32, 32), (1, 3, 32, 32)):
        x = torch.randn(shape, generator=seeded(0))
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


COLUMNS = "| diffusers' loop, ms | ours, ms | ours / theirs | fast, ms | fast / theirs "
COLUMNS += "| network alone, ms | furthest apart |"


def whole_loop(repeats: int = 15, n: int = 64, steps: int = 50, pairs: int = 30) -> list[str]:
    """Milliseconds for a walk with a network, on either side's loop, and for the network alone.

    First the digits. Then the limit: how much longer our loop takes on the shapes than the bare
    network's own calls take, on as many noises, the conditions and the doubled batch of guidance
    laid ready, in processor time; the median of 30 pairs of neighbouring runs, and its 95 %
    interval.
    """
    head = [f"| {n} digits, {steps} steps {COLUMNS}", "|---" * 8 + "|"]
    cases = [(name, w) for name in ("ddim", "2M") for w in (1, 3)]
    digits = [_loop_row(name, w, n, steps, repeats) for name, w in cases]
    return [*head, *digits, "", *over_the_limit(pairs)]


def over_the_limit(pairs: int = 30, n: int = 16, steps: int = 20, ws=(1, 3)) -> list[str]:
    """What our loop costs beyond the bare network's calls: captioned shapes, DDIM."""
    lines = [
        f"| {n} shapes, {steps} steps | network alone, ms | the loop, ms | loop / network "
        "| 95 % interval |",
        "|---|---|---|---|---|",
    ]
    denoise, generator = learn.load("shapes"), seeded(0)
    c, ladder = data.choose(n, generator), grid(cosine, steps)
    x = torch.randn(n, 3, 32, 32, generator=generator)
    for w in ws:
        asked = asking(denoise, c, w)
        sides = {
            "net": partial(_bare, denoise.net, ladder, c, w, x),
            "loop": partial(sample, ddim, asked, x, ladder),
        }
        seconds = take_turns(sides, pairs, time.process_time)
        ms = {side: f"{statistics.median(v) * 1e3:.0f}" for side, v in seconds.items()}
        middle, low, high = interval(ratios(seconds["loop"], seconds["net"]))
        cells = _guided(w), ms["net"], ms["loop"], f"{middle:.3f}", f"{low:.3f} to {high:.3f}"
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def asking(denoise, c, w):
    """Ask for c, plainly or guided, with one call of the network a step."""
    return given(denoise, c) if w == 1 else cfg(denoise, c, w, batched=True)


def _guided(w: float) -> str:
    return "no guidance" if w == 1 else f"w = {w}"


@torch.no_grad()
def _bare(net, ladder, c, w, x) -> None:
    """The calls of the network that a walk cannot do without, and nothing else."""
    if w != 1:
        x, c = torch.cat([x, x]), torch.cat([torch.full_like(c, NO_LABEL), c])
    for t in ladder[:-1]:
        net(x, t, c)


def cuda_loop(repeats: int = 15, steps: int = 50) -> list[str]:
    """The same on a GPU, eager on both sides: one picture and 64, in float32 and bfloat16."""
    lines = [f"| digits, {steps} steps, CUDA {COLUMNS}", "|---" * 8 + "|"]
    for n in (1, 64):
        for dtype in (torch.float32, torch.bfloat16):
            if torch.cuda.is_available():
                lines.append(_loop_row("ddim", 3, n, steps, repeats, "cuda", dtype))
            else:
                what = f"ddim, w = 3, {n} picture(s), {str(dtype).removeprefix('torch.')}"
                lines.append(f"| {what} |" + " not measured yet |" * 7)
    return lines


def _loop_row(name, w, n, steps, repeats, device="cpu", dtype=torch.float32) -> str:
    beta = cosine_betas(1000)
    options = {"trained_betas": beta.numpy(), "prediction_type": "v_prediction"}
    options |= {"timestep_spacing": "trailing"} | ({"clip_sample": False} if name == "ddim" else {})
    kind = "DDIMScheduler" if name == "ddim" else "DPMSolverMultistepScheduler"
    denoise = learn.load("digits").to(device, dtype)
    label = (torch.arange(n) % 10).to(device)
    ladder = grid(from_betas(beta), steps)
    x = torch.randn(n, 1, 8, 8, generator=seeded(0)).to(device, dtype)
    asked = asking(denoise, label, w)
    sides = {
        "theirs": partial(_their_loop, peer(kind, **options), denoise.net, ladder, label, w, x),
        "ours": partial(sample, PLAIN[name], asked, x, ladder),
        "fast": partial(sample, FAST[name], asked, x, ladder),
        "net": partial(_bare, denoise.net, ladder, label, w, x),
    }
    apart = max(float((sides[s]() - sides["theirs"]()).abs().max()) for s in ("ours", "fast"))
    seconds = take_turns(sides, repeats)
    ms = {side: f"{statistics.median(v) * 1e3:.1f}" for side, v in seconds.items()}
    share = {side: f"{ratio(v, seconds['theirs']):.2f}" for side, v in seconds.items()}
    what = f"{name}, {_guided(w)}"
    if device == "cuda":
        what += f", {n} picture(s), {str(dtype).removeprefix('torch.')}"
    return (
        f"| {what} | {ms['theirs']} | {ms['ours']} | {share['ours']} | {ms['fast']} "
        f"| {share['fast']} | {ms['net']} | {apart:.0e} |"
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
