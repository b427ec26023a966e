"""What a step costs without a network, and what the whole loop costs with one."""

import statistics
from functools import partial

import torch
from torch import Tensor

from lessons_lib import fast, learn
from lessons_lib.course.bench.timing import BETA, TABLE, peer, ratio, take_turns
from lessons_lib.levels import cosine_betas, from_betas, grid
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
