"""The digits: skipping steps, walking long and short, and turning guidance up."""

import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib import data, learn, metrics
from lessons_lib.course.measure.seeds import SEEDS, bar, checkpoint_hash, error, errors, median
from lessons_lib.levels import cosine, grid
from lessons_lib.nets import DigitJudge
from lessons_lib.samplers import ddim, ddpm, sample
from lessons_lib.wrap import cfg, counted, given

SAMPLERS = {
    "DDIM": ddim,
    "DDIM, η = .5": partial(ddim, eta=0.5),
    "DDPM": ddpm,
    "DDPM, large variance": partial(ddpm, large=True),
}
CLOCKS = ("seconds", "work")
W = (0.0, 1.0, 3.0, 5.0, 7.5, 15.0, 20.0)


def digits_walk(seeds=SEEDS, n=500, calls=(50, 1000), splits=20, progress=False) -> dict:
    """Draw the same digits with DDIM in few steps and DDPM in many: quality, evaluations, seconds.

    n pictures per seed; the two samplers take turns, so that a busy machine slows both.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Real.load(n, splits)
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
        row |= errors(found[name], "recognised", "frechet")
        rows.append(row | {key: median([x[key] for x in found[name]]) for key in CLOCKS})
    pairs = list(zip(found["DDIM"], found["DDPM"], strict=True))
    less = [{key: a[key] - b[key] for key in ("recognised", "frechet")} for a, b in pairs]
    ratio = {key: median([slow[key] / fast[key] for fast, slow in pairs]) for key in CLOCKS}
    return {
        "what": f"DDIM in {calls[0]} steps against DDPM in {calls[1]} on the digit checkpoint, "
        f"asked for every digit equally often, {n} pictures per seed. Seconds, for all the "
        "pictures of a seed, are of a machine shared with others; work is the part of them that "
        "the processor gave to us.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": rows,
        "DDIM minus DDPM, seed by seed": errors(less, "recognised", "frechet"),
        "DDPM over DDIM, seed by seed": ratio,
        **real.reference(seeds),
    }


def strides_digits(
    seeds=SEEDS, n=500, calls=(5, 10, 20, 50, 100), splits=20, progress=False
) -> dict:
    """Let every sampler skip: the digits in few steps, by DDIM, by DDPM, and by what lies between.

    n pictures per seed, the same start for all.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Real.load(n, splits)
    jobs = [(name, steps, seed) for name in SAMPLERS for steps in calls for seed in seeds]
    found: dict = {}
    for name, steps, seed in bar(jobs, progress):
        x = _draw(SAMPLERS[name], given(denoise, label), n, steps, seed)
        found.setdefault((name, steps), []).append(real.judged(x, label, seed))
    return {
        "what": "Every sampler with the steps cut down, evenly in time, on the digit checkpoint, "
        f"{n} pictures per seed.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": [
            {"sampler": name, "calls": steps} | errors(each, "recognised", "frechet")
            for (name, steps), each in found.items()
        ],
        **real.reference(seeds),
    }


def guidance_digits(seeds=SEEDS, n=500, calls=50, w=W, splits=20, progress=False) -> dict:
    """Turn guidance up, and count what is gained and what is lost, with DDIM on the digits.

    n pictures per seed, the same start for every w.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Real.load(n, splits)
    varied = [
        metrics.within_class_distance(f(real.x0), real.label) for f in (torch.clone, even_contrast)
    ]
    found: dict = {}
    for scale, seed in bar([(scale, seed) for scale in w for seed in seeds], progress):
        asked = counted(denoise)
        x = _draw(ddim, cfg(asked, label, scale), n, calls, seed)
        shown = x.clamp(-1, 1)
        counts = {
            "evaluations": asked.samples // n,
            "diversity": metrics.within_class_distance(shown, label) / varied[0],
            "diversity, even contrast": (
                metrics.within_class_distance(even_contrast(shown), label) / varied[1]
            ),
            "saturated": metrics.saturated(x),
            "far out": metrics.saturated(x, 2.0),
        }
        found.setdefault(scale, []).append(real.judged(x, label, seed) | counts)
    keys = "recognised", "diversity", "diversity, even contrast", "saturated", "far out", "frechet"
    return {
        "what": f"Guidance w with DDIM in {calls} steps on the digit checkpoint, {n} pictures per "
        "seed. Diversity: mean distance of two pictures of the class asked for, over that of two "
        "real ones; once as shown, once with every picture brought to the same mean and spread, "
        "since louder pictures lie further apart without being more varied. Saturated: share of "
        "pixels beyond ±1.05 before clipping; far out: beyond ±2.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": [
            {"w": scale, "evaluations": each[0]["evaluations"]} | errors(each, *keys)
            for scale, each in found.items()
        ],
        "within-class distance of real digits": {"as shown": varied[0], "even": varied[1]},
        **real.reference(seeds),
    }


def even_contrast(x: Tensor) -> Tensor:
    """Bring every picture of x (B, ...) to mean 0 and spread 1, so that only its form is left."""
    flat = x.flatten(1).double()
    flat = flat - flat.mean(1, keepdim=True)
    return (flat / flat.std(1, keepdim=True).clamp(min=1e-6)).reshape(x.shape)


class Real(NamedTuple):
    """The real digits and the judge: what drawn digits are held against."""

    x0: Tensor
    label: Tensor
    judge: DigitJudge
    features: Tensor
    n: int
    splits: int

    @classmethod
    def load(cls, n: int, splits: int) -> "Real":
        """Raises ValueError unless two parts of n real digits can be had without overlap."""
        x0, label = data.digits()
        if not 20 <= n <= len(x0) // 2:
            raise ValueError(f"n: {n} given; allowed is 20 to {len(x0) // 2}, half of the digits")
        judge = learn.load("judge")
        return cls(x0, label, judge, judge.features(x0), n, splits)

    def judged(self, x: Tensor, label: Tensor, seed: int) -> dict[str, float]:
        """How many the judge recognises as asked, and how far the lot is from real digits.

        x (n, 1, 8, 8) is clipped to [-1, 1] first: judged is what is shown.
        """
        shown = x.clamp(-1, 1)
        ours = self.judge.features(shown)
        distance = [metrics.frechet(ours, half) for half, _ in self._halves(seed)]
        recognised = (self.judge(shown).argmax(1) == label).double().mean()
        return {"recognised": float(recognised), "frechet": statistics.median(distance)}

    def reference(self, seeds: Sequence[int]) -> dict:
        """The same numbers for real digits: the floor that no model can be expected to beat."""
        floor = [
            statistics.median(metrics.frechet(a, b) for a, b in self._halves(seed))
            for seed in seeds
        ]
        right = (self.judge(self.x0).argmax(1) == self.label).double().mean()
        return {
            "checkpoints": {name: checkpoint_hash(name) for name in ("digits", "judge")},
            "how judged": f"Clipped to [-1, 1] first. Fréchet distance in the judge's features, "
            f"median over {self.splits} random parts of {self.n} real digits; the floor is one "
            "such part against another, disjoint.",
            "frechet, real against real": error(floor),
            "recognised, real digits": float(right),
        }

    def _halves(self, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Features of two disjoint parts of n real digits each, a new pair for every split."""
        generator = torch.Generator().manual_seed(seed)
        mixed = [
            torch.randperm(len(self.x0), generator=generator)[: 2 * self.n].chunk(2)
            for _ in range(self.splits)
        ]
        return [(self.features[a], self.features[b]) for a, b in mixed]


def _draw(step, denoise, n: int, steps: int, seed: int) -> Tensor:
    """n digits, (n, 1, 8, 8), from the noise of this seed: the same start for every sampler."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, 1, 8, 8, generator=generator)
    return sample(step, denoise, noise, grid(cosine, steps), generator)
