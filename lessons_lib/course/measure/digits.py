"""The digits: skipping steps, walking long and short, and turning guidance up."""

import time
from functools import partial

import torch
from torch import Tensor

from lessons_lib import learn, metrics
from lessons_lib.course.instrument import (
    AS_DRAWN,
    CLIPPED,
    QUALITY,
    SEEDS,
    Digits,
    difference,
    errors,
    prepared,
)
from lessons_lib.course.measure.seeds import bar, median
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddim, ddpm, sample
from lessons_lib.solvers import dpmpp_2m
from lessons_lib.wrap import cfg, counted, given

SAMPLERS = {
    "DDIM": ddim,
    "DDIM, η = .5": partial(ddim, eta=0.5),
    "DDPM": ddpm,
    "DDPM, large variance": partial(ddpm, large=True),
}
CLOCKS = ("seconds", "work")
W = (0.0, 1.0, 1.25, 1.5, 1.75, 2.0, 3.0, 5.0, 7.5, 15.0, 20.0)


def digits_walk(seeds=SEEDS, n=500, calls=(50, 1000), splits=20, progress=False) -> dict:
    """Draw the same digits with DDIM in few steps and DDPM in many: quality, evaluations, seconds.

    n pictures per seed; the two samplers take turns, so that a busy machine slows both.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Digits.load(n, splits)
    walks = {"DDIM": (ddim, calls[0]), "DDPM": (ddpm, calls[1])}
    found = {name: [] for name in walks}
    _draw(ddim, given(denoise, label), n, 2, 0)  # the first call of all is slow
    for seed, name in bar([(seed, name) for seed in seeds for name in walks], progress):
        step, steps = walks[name]
        asked = counted(given(denoise, label))
        start, work = time.perf_counter(), time.process_time()
        x = _draw(step, asked, n, steps, seed)
        spent = {"seconds": time.perf_counter() - start, "work": time.process_time() - work}
        found[name].append(
            real.judged(x, label, seed) | {"evaluations": asked.samples // n} | spent
        )
    rows = []
    for name, (_, steps) in walks.items():
        row = {"sampler": name, "steps": steps, "evaluations": found[name][0]["evaluations"]}
        row |= errors(found[name], *QUALITY)
        rows.append(row | {key: median([x[key] for x in found[name]]) for key in CLOCKS})
    pairs = list(zip(found["DDIM"], found["DDPM"], strict=True))
    less = {key: difference(*(row[key] for row in rows)) for key in QUALITY}
    ratio = {key: median([slow[key] / fast[key] for fast, slow in pairs]) for key in CLOCKS}
    return {
        "what": f"DDIM in {calls[0]} steps against DDPM in {calls[1]} on the digit checkpoint, "
        f"asked for every digit equally often, {n} pictures per seed. Seconds, for all the "
        "pictures of a seed, are of a machine shared with others; work is the part of them that "
        "the processor gave to us.",
        "rows": rows,
        "DDIM minus DDPM, seed by seed": less,
        "DDPM over DDIM, seed by seed": ratio,
        **real.reference(seeds),
    }


def strides_digits(
    seeds=SEEDS, n=500, calls=(5, 10, 20, 50, 100), splits=20, progress=False
) -> dict:
    """Let every sampler skip: the digits in few steps, by DDIM, by DDPM, and by what lies between.

    n pictures per seed, the same start for all.
    """
    label = torch.arange(n) % 10
    denoise, real = given(learn.load("digits"), label), Digits.load(n, splits)
    return {
        "what": "Every sampler with the steps cut down, evenly in time, on the digit checkpoint, "
        f"{n} pictures per seed.",
        "rows": _strides(SAMPLERS, denoise, label, real, seeds, calls, progress),
        **real.reference(seeds),
    }


def unasked_digits(
    seeds=SEEDS, n=500, calls=(5, 10, 20, 50, 100, 250), splits=20, progress=False
) -> dict:
    """Ask the network of the digits without a label, where it is weak, in few steps and in many.

    n pictures per seed, the same start for all.
    """
    samplers = {"DDIM": ddim, "2M": dpmpp_2m, "DDPM": ddpm}
    label, real = torch.arange(n) % 10, Digits.load(n, splits)
    return {
        "what": "The digit checkpoint asked without a label, evenly in time, "
        f"{n} pictures per seed. Recognised: as a label that it was not told, so one in ten.",
        "rows": _strides(samplers, learn.load("digits"), label, real, seeds, calls, progress),
        **real.reference(seeds),
    }


def _strides(samplers, denoise, label, real: Digits, seeds, calls, progress) -> list[dict]:
    """A row for every sampler and number of calls, with errors over its seeds."""
    jobs = [(name, steps, seed) for name in samplers for steps in calls for seed in seeds]
    found: dict = {}
    for name, steps, seed in bar(jobs, progress):
        x = _draw(samplers[name], denoise, len(label), steps, seed)
        found.setdefault((name, steps), []).append(real.judged(x, label, seed))
    return [
        {"sampler": name, "calls": steps} | errors(each, *QUALITY)
        for (name, steps), each in found.items()
    ]


def guidance_digits(seeds=SEEDS, n=500, calls=50, w=W, splits=20, progress=False) -> dict:
    """Turn guidance up, and count what is gained and what is lost, with DDIM on the digits.

    n pictures per seed, the same start for every w.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Digits.load(n, splits)
    ways = {
        "diversity": torch.clone,
        "diversity, clipped": partial(prepared, how=CLIPPED),
        "diversity, even contrast": even_contrast,
    }
    apart = metrics.within_class_distance
    varied = {key: apart(way(real.x0), real.label) for key, way in ways.items()}
    found: dict = {}
    for scale, seed in bar([(scale, seed) for scale in w for seed in seeds], progress):
        asked = counted(denoise)
        x = _draw(ddim, cfg(asked, label, scale), n, calls, seed)
        counts = {key: apart(way(x), label) / varied[key] for key, way in ways.items()}
        counts |= {"saturated": metrics.saturated(x), "far out": metrics.saturated(x, 2.0)}
        counts |= real.judged(x, label, seed) | {"evaluations": asked.samples // n}
        found.setdefault(scale, []).append(counts)
    keys = (*QUALITY, *ways, "saturated", "far out")
    record = real.reference(seeds)
    classes = {"reference": "real digits of the same class", "n": n, "seeds": list(seeds)}
    record["instruments"] |= {
        "diversity": {"features": "pixels", "preprocessing": AS_DRAWN, **classes},
        "diversity, clipped": {"features": "pixels", "preprocessing": CLIPPED} | classes,
        "diversity, even contrast": {"features": "pixels"}
        | {"preprocessing": "every picture brought to mean 0 and spread 1", **classes},
    }
    return {
        "what": f"Guidance w with DDIM in {calls} steps on the digit checkpoint, {n} pictures per "
        "seed. Diversity: mean distance of two pictures of the class asked for, over that of two "
        "real ones; with even contrast, since louder pictures lie further apart without being "
        "more varied. Saturated: share of pixels beyond ±1.05; far out: beyond ±2.",
        "rows": [
            {"w": scale, "evaluations": each[0]["evaluations"]} | errors(each, *keys)
            for scale, each in found.items()
        ],
        "within-class distance of real digits": varied,
        **record,
    }


def even_contrast(x: Tensor) -> Tensor:
    """Bring every picture of x (B, ...) to mean 0 and spread 1, so that only its form is left."""
    flat = x.flatten(1).double()
    flat = flat - flat.mean(1, keepdim=True)
    return (flat / flat.std(1, keepdim=True).clamp(min=1e-6)).reshape(x.shape)


def _draw(step, denoise, n: int, steps: int, seed: int) -> Tensor:
    """n digits, (n, 1, 8, 8), from the noise of this seed: the same start for every sampler."""
    generator = seeded(seed)
    noise = torch.randn(n, 1, 8, 8, generator=generator)
    return sample(step, denoise, noise, grid(cosine, steps), generator)
