"""Rectified flow: how straight the walks become, and what it gains and costs at every count."""

import copy
from itertools import product

import torch
from torch import Tensor

from lessons_lib import data, flow, learn, metrics, nets
from lessons_lib.course.instrument import AS_DRAWN, BARS, QUALITY, SEEDS, Digits, difference, error
from lessons_lib.course.measure.repeated import bar, over_seeds, rows
from lessons_lib.course.recipes.flows import straight, walked
from lessons_lib.course.recipes.record import first_weights
from lessons_lib.guards import seeded
from lessons_lib.levels import grid, rectified
from lessons_lib.samplers import ddim, sample

CALLS = (1, 2, 4, 8, 50)
NAMES = ("sampler", "calls")
WAYS = ("flow matching", "after one reflow", "paired noise")
PLANES = {  # (n, generator) -> points (n, 2)
    "moons": data.moons,
    "ring": lambda n, generator: data.ring().sample(n, generator),
}
KERNEL = 0.2  # the width of the second judge's kernel: a bump of the ring, a crescent's thickness


def reflow_plane(
    seeds=SEEDS, n=8000, calls=CALLS, steps=2000, size=128, kept=20000, progress=False
) -> dict:
    """Train a flow on two sets of the plane, once more on its own walks, and on paired noise.

    Each seed is another training. n walks each, against n points of the data.
    """
    cases = []
    for name, draw in PLANES.items():
        jobs = bar(list(seeds), progress)
        trained = {seed: three_flows(draw, seed, steps, size, kept) for seed in jobs}
        cases.append({"data": name, **_judged(trained, draw, seeds, n, calls)})
    about = {"preprocessing": AS_DRAWN, "reference": f"{n} points of the data"}
    about |= {"n": n, "seeds": list(seeds)}
    return {
        "what": "Walks of a flow on the plane by Euler's rule, evenly in time: as trained, after "
        "one reflow, and trained on noise that was paired with the data of its batch. sliced_w2: "
        "the distance to new data; kernel: a second judge, MMD². straightness: what a walk in 100 "
        f"steps is longer than its chord, in squares. {steps} steps of {size} points each, "
        f"{kept} pairs for the reflow.",
        "instruments": {
            "sliced_w2": {"features": "the points, on 100 lines", **about},
            "kernel": {"features": f"a Gaussian kernel of width {KERNEL}", **about},
        },
        "bars": BARS.replace(", not another training or", ", each with its own training, not"),
        "cases": cases,
    }


def _judged(trained, draw, seeds, n: int, calls) -> dict:
    """Rows of quality and of straightness for flows that were trained once a seed."""
    real = {seed: draw(n, seeded(1000 + seed)) for seed in seeds}
    kernel = metrics.gaussian_kernel(KERNEL)

    def judged(name: str, count: int, seed: int) -> dict:
        x = torch.randn(n, 2, generator=seeded(2000 + seed))
        x = sample(ddim, trained[seed][name], x, grid(rectified, count))
        return against(x, real[seed])

    def against(x: Tensor, y: Tensor) -> dict:
        few = slice(None, 2000)  # a kernel is as large as its square
        alike = metrics.kernel_distance(x[few], y[few], kernel)
        return {"sliced_w2": metrics.sliced_w2(x, y, seeded(0)), "kernel": alike}

    def bent(name: str, seed: int) -> dict:
        x = torch.randn(n, 2, generator=seeded(2000 + seed))
        return {"S": float(flow.straightness(trained[seed][name], x, grid(rectified, 100)))}

    found = over_seeds(product(WAYS, calls), seeds, judged)
    floor = [against(draw(n, seeded(3000 + seed)), real[seed]) for seed in seeds]
    curved = rows(over_seeds(((name,) for name in WAYS), seeds, bent), ("sampler",), ("S",))
    return {
        "rows": rows(found, ("sampler", "calls"), ("sliced_w2", "kernel")),
        "straightness": {row["sampler"]: row["S"] for row in curved},
        "floor": {key: error([each[key] for each in floor]) for key in floor[0]},
    }


def three_flows(draw, seed: int, steps: int, size: int, kept: int) -> dict[str, learn.NetDenoiser]:
    """A flow trained on draw(n, generator), the same after one reflow, and one on paired noise."""

    def fit(denoiser, batches, at: int, loss=flow.coupled_loss) -> learn.NetDenoiser:
        options = {"progress": False, "lr": 3e-3, "loss": loss}
        learn.fit(denoiser, batches, rectified, steps, seeded(10 * seed + at), **options)
        return denoiser

    def plain(step: int, generator) -> tuple[Tensor, None]:
        return draw(size, generator).float(), None

    def nearest(step: int, generator) -> tuple[Tensor, None]:
        x0 = draw(size, generator).float()
        eps = torch.randn(x0.shape, generator=generator)
        return torch.stack([x0, flow.paired(x0, eps)], dim=1), None

    def walks(step: int, generator) -> tuple[Tensor, None]:
        return pair[torch.randint(kept, (size,), generator=generator)], None

    with first_weights(seed):
        untrained = learn.NetDenoiser(nets.PlaneNet(), "flow")
    first = fit(copy.deepcopy(untrained), plain, 1, learn.NetDenoiser.loss)
    noise = torch.randn(kept, 2, generator=seeded(10 * seed + 2))
    pair = flow.pairs(first, noise, grid(rectified, 50))
    again = fit(copy.deepcopy(first).requires_grad_(True), walks, 3)
    apart = fit(untrained, nearest, 4)
    return dict(zip(WAYS, (first, again, apart), strict=True))


def reflow_digits(seeds=SEEDS, n=500, calls=(1, 2, 4, 8, 16, 50), splits=20, progress=False):
    """The network of the digits on the straight path, and its student after one reflow.

    n pictures per seed, the same start for both.
    """
    label, real = torch.arange(n) % 10, Digits.load(n, splits)
    both = {WAYS[0]: learn.load("digits"), WAYS[1]: learn.load("digits_reflow")}

    def drawn(name: str, count: int, seed: int) -> dict:
        return real.judged(walked(both[name], label, count, seed), label, seed)

    def bent(name: str, seed: int) -> dict:
        noise = torch.randn(n, 1, 8, 8, generator=seeded(seed))
        walk = straight(both[name], label), noise, grid(rectified, 100)
        return {"S": float(flow.straightness(*walk))}

    found = rows(over_seeds(product(both, calls), seeds, drawn, progress), NAMES, QUALITY)
    before, after = found[: len(calls)], found[len(calls) :]
    curved = rows(over_seeds(((name,) for name in both), seeds, bent), ("sampler",), ("S",))
    record = real.reference(seeds)
    return {
        "what": "The digit checkpoint on the straight path, and the checkpoint that was trained on "
        f"its walks, by Euler's rule, evenly in time, {n} pictures per seed. straightness: what a "
        "walk in 100 steps is longer than its chord, in squares.",
        "rows": found,
        "after minus before, seed by seed": [
            {"calls": count} | {key: difference(b[key], a[key]) for key in QUALITY}
            for count, a, b in zip(calls, before, after, strict=True)
        ],
        "straightness": {row["sampler"]: row["S"] for row in curved},
        **record,
    }
