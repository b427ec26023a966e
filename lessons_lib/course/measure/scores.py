"""Scores: how near a small network comes to the exact one, on the data and off it; correctors."""

from functools import partial
from itertools import product

import torch
from torch import Tensor

from lessons_lib import learn, metrics
from lessons_lib.course.instrument import AS_DRAWN, BARS, SEEDS, error, errors
from lessons_lib.course.measure.laws import MIXTURE, mixture
from lessons_lib.course.measure.repeated import bar, over_seeds, rows
from lessons_lib.course.recipes.record import first_weights
from lessons_lib.diffuse import q_sample
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import at_ratio, edm, from_betas, grid, linear_betas
from lessons_lib.nets import PlaneNet
from lessons_lib.samplers import ddim, sample
from lessons_lib.score import annealed, corrected, relative_error
from lessons_lib.solvers import euler_maruyama, langevin
from lessons_lib.wrap import counted

HILLS = {"mean": [[1.0, 1.0], [-1.0, -1.0]], "std": [0.2, 0.2], "weight": [0.2, 0.8]}
FOG = partial(edm, low=0.03, high=2.0)  # what the network is trained on
NOISE = (2.0, 1.0, 0.5, 0.2, 0.1, 0.05)
PREDICTORS = {"DDIM": ddim, "Euler-Maruyama": euler_maruyama}


def hills() -> MixtureDenoiser:
    """Two far hills of the plane, one of them four times the other."""
    return MixtureDenoiser(HILLS["mean"], HILLS["std"], HILLS["weight"])


def scores_network(
    seeds=SEEDS, n=4000, steps=1500, walkers=1000, repeats=(1000, 100), progress=False
) -> dict:
    """Train the network of lesson 08 once a seed, and hold its score against the exact one.

    repeats: how many Langevin steps on one level, and on each of ten.
    """
    truth, found = hills(), []
    for seed in bar(list(seeds), progress):
        nets = {kind: trained(truth, seed, kind, steps) for kind in ("eps", "x0")}
        walked = {}
        for name, denoise in {"exact": truth, "network": nets["eps"]}.items():
            early, late = _one_level(denoise, seed, walkers, repeats[0])
            walked |= {f"{name}, one level, 10 steps": early, f"{name}, one level": late}
            walked[f"{name}, ten levels"] = _ten_levels(denoise, seed, walkers, repeats[1])
        found.append((_errors(truth, nets, seed, n), walked))
    told = {"features": "scores", "n": n, "seeds": list(seeds), "preprocessing": AS_DRAWN}
    near = {"reference": "the exact score, at points drawn on the level"}
    far = {"reference": "the exact score, at points drawn evenly from the square from -2 to 2"}
    return {
        "what": "The score of a small eps-network against the exact one of two hills on the plane: "
        "squared error as a share of the exact score's square, by noise level; and the share of "
        f"walkers that Langevin steps bring to the hill of .8, {repeats[0]} steps at sigma .05, or "
        f"{repeats[1]} on each of ten levels from 2 to .05.",
        "instruments": {
            "on the data": told | near,
            "off the data": told | far,
            "predicts x0": told | near | {"features": "scores of a network of plain x0 error"},
        },
        "bars": BARS + " Here every seed is another training.",
        "hills": HILLS,
        "rows": [
            {"sigma": sigma}
            | errors([each[i] for each, _ in found], "on the data", "off the data", "predicts x0")
            for i, sigma in enumerate(NOISE)
        ],
        "shares": errors([walked for _, walked in found], *found[0][1]),
    }


def _errors(truth: MixtureDenoiser, nets: dict, seed: int, n: int) -> list[dict]:
    """Relative errors of both networks, level by level."""
    found = []
    for t in (at_ratio(edm, sigma) for sigma in NOISE):
        g = seeded(1000 + seed)
        near = q_sample(truth.sample(n, g), t, torch.randn(n, 2, generator=g).double())
        far = 4 * torch.rand(n, 2, generator=g, dtype=torch.float64) - 2
        off = lambda kind, x, t=t: float(relative_error(nets[kind], truth, x, t))
        told = {"on the data": off("eps", near), "off the data": off("eps", far)}
        found.append(told | {"predicts x0": off("x0", near)})
    return found


def trained(truth: MixtureDenoiser, seed: int, predicts: str, steps: int) -> learn.NetDenoiser:
    """The network of lesson 08, trained on fresh points of a mixture."""
    with first_weights(seed):
        net = learn.NetDenoiser(PlaneNet(), predicts)
    fresh = lambda step, generator: (truth.sample(256, generator).float(), None)
    learn.fit(net, fresh, FOG, steps, seeded(seed), progress=False, lr=1e-2, ema=0.99)
    return net.requires_grad_(False)


def _start(seed: int, walkers: int) -> Tensor:
    return 2 * torch.randn(walkers, 2, generator=seeded(2000 + seed), dtype=torch.float64)


def _large_hill(x: Tensor) -> float:
    return float((x.sum(1) < 0).double().mean())


def _one_level(denoise, seed: int, walkers: int, repeats: int) -> tuple[float, float]:
    """The share on the large hill after ten steps, and after all."""
    x, t, g, shares = _start(seed, walkers), at_ratio(edm, 0.05), seeded(3000 + seed), []
    for _ in range(repeats):
        x = langevin(denoise, x, t, 0.005, g)
        shares.append(_large_hill(x))
    return shares[:10][-1], shares[-1]


def _ten_levels(denoise, seed: int, walkers: int, repeats: int) -> float:
    levels = [at_ratio(edm, 2 * 40 ** (-i / 9)) for i in range(10)]
    *_, x = annealed(denoise, _start(seed, walkers), levels, 0.2, repeats, seeded(3000 + seed))
    return _large_hill(x)


def corrector_mixture(
    seeds=SEEDS, n=20000, calls=(5, 9, 19, 39, 79), shares=(0.0, 0.05, 0.3), progress=False
) -> dict:
    """Spend evaluations on more steps, or on a Langevin step after each: which law is nearer?

    On an exact mixture under DDPM's table. Two judges: W2, and the largest gap between the two
    distribution functions.
    """
    mix, schedule = mixture(), from_betas(linear_betas())
    truth = metrics.quantile(mix, (torch.arange(n, dtype=torch.float64) + 0.5) / n)

    def walked(name: str, share: float, evaluations: int, seed: int) -> dict:
        step = corrected(PREDICTORS[name], share) if share else PREDICTORS[name]
        ladder = grid(schedule, (evaluations + 1) // 2 if share else evaluations)
        asked, generator = counted(mix), seeded(seed)
        x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
        x = sample(step, asked, x, ladder, generator)[:, 0]
        assert asked.samples == n * evaluations, (name, share, evaluations, asked.samples)
        return {"w2": metrics.w2(x, truth), "gap": _gap(x, mix)}

    found = over_seeds(product(PREDICTORS, shares, calls), seeds, walked, progress)
    floor = [mix.sample(n, seeded(100 + seed))[:, 0] for seed in seeds]
    told = {"features": "the samples", "preprocessing": AS_DRAWN, "n": n, "seeds": list(seeds)}
    told |= {"reference": "the exact mixture"}
    return {
        "what": "Predictor steps with and without a Langevin step of share · sigma² after each, "
        "evenly in time under DDPM's linear table, by network evaluations, on an exact mixture: "
        f"W2, and the largest gap between the distribution functions, {n} samples per seed.",
        "instruments": {"w2": told, "gap": told},
        "bars": BARS,
        "mixture": MIXTURE,
        "rows": rows(found, ("predictor", "share", "evaluations"), ("w2", "gap")),
        "floor": error([metrics.w2(x, truth) for x in floor]),
        "floor of the gap": error([_gap(x, mix) for x in floor]),
    }


def _gap(x: Tensor, mix: MixtureDenoiser) -> float:
    """The largest gap between the distribution function of samples (n,) and that of a mixture."""
    x = x.sort().values
    exact = metrics.share_left(mix, x)
    steps = torch.arange(len(x) + 1, dtype=torch.float64) / len(x)
    return max(float((exact - steps[:-1]).max()), float((steps[1:] - exact).max()))
