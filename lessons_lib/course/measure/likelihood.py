"""How likely is x? The ODE's answer on a mixture, where it is known, and on the digits, in bits."""

import math
from functools import partial
from itertools import product

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.course.instrument import AS_DRAWN, BARS, SEEDS, checkpoint_hash, error, errors
from lessons_lib.course.measure.repeated import over_seeds, rows
from lessons_lib.course.recipes import DEQUANTISED, WIDTH, bits, fit_dequantised, ladder, split
from lessons_lib.course.recipes.likelihood import signs
from lessons_lib.diffuse import q_sample
from lessons_lib.guards import seeded
from lessons_lib.levels import Level, along
from lessons_lib.sde import bits_per_dim, log_prob
from lessons_lib.wrap import given

NETS = ("digits", "digits_dequantised")
GREYS = torch.linspace(-1, 1, 17, dtype=torch.float64)


# --- a mixture, whose density is known ------------------------------------------------------------


def likelihood_mixture(
    seeds=SEEDS,
    n=200,
    low=0.001,
    rules=(
        *(("Euler", steps) for steps in (50, 100, 200)),
        *(("Heun", steps) for steps in (50, 100, 200)),
        *(("RK4", steps) for steps in (12, 25, 50, 100)),
    ),
    progress=False,
) -> dict:
    """Ask the ODE for log densities of a ring of bumps, and hold them against the closed form."""
    ring = data.ring()
    points = {seed: ring.sample(n, seeded(seed)) for seed in seeds}
    down = lambda steps: ladder(steps, low, 200.0)
    truth = lambda x: ring.log_prob(x, down(1)[-1])

    def asked(rule: str, steps: int, seed: int) -> dict:
        x = points[seed]
        found, twice = (log_prob(ring, x, down(k * steps), rule=rule) for k in (1, 2))
        rms = lambda gap: float(gap.square().mean().sqrt())
        return {"rms": rms(found - truth(x)), "rms, step-doubling": rms(found - twice)}

    def probed(kind: str, seed: int) -> dict:
        v = torch.randn(1, n, 2, generator=seeded(seed + 100), dtype=torch.float64)
        v = v.sign() if kind == "signs" else v
        off = log_prob(ring, points[seed], down(50), v) - truth(points[seed])
        return {"mean": float(off.mean()), "sd": float(off.std())}

    keys = ("rms", "rms, step-doubling")
    told = {"features": "log density, nats", "preprocessing": AS_DRAWN}
    told |= {"reference": "the closed form", "n": n, "seeds": list(seeds)}
    probes = over_seeds(product(("signs", "normal")), seeds, probed, progress)
    return {
        "what": f"log p by the probability-flow ODE from sigma/alpha = {low} to 200, even in its "
        f"logarithm, variance preserved, against the closed form: a ring of 8 bumps, {n} points "
        "per seed, nats. Step-doubling: against the same rule with twice the steps. One probe: "
        "RK4 in 50 steps with one probe for the divergence, exact minus found.",
        "instruments": dict.fromkeys((*keys, "mean", "sd"), told),
        "bars": BARS,
        "rows": rows(over_seeds(rules, seeds, asked, progress), ("rule", "steps"), keys),
        "one probe": rows(probes, ("probe",), ("mean", "sd")),
    }


# --- digits, in bits ------------------------------------------------------------------------------


def likelihood_digits(seeds=SEEDS, n=144, held_out=72, steps=25, looks=64, progress=False) -> dict:
    """What a digit costs in bits for each pixel: by the ODE, by bounds, and by simpler models.

    Each seed has pictures, dequantisation and probes of its own.
    """
    (x0, label), (out, kept) = data.digits(), split()
    nets = {name: learn.load(name) for name in NETS}
    part = lambda of, size, seed: of[size * seed : size * (seed + 1)]
    sets = {
        "learned from": lambda seed: part(kept, n, seed),
        "held out": lambda seed: part(out, held_out, seed),
    }

    def asked(net, which, how, low, told, seed) -> dict:
        chosen = sets[which](seed)
        denoise = given(nets[net], label[chosen]) if told else nets[net]
        return {"bits": float(HOW[how](denoise, x0[chosen], seed, steps, low, looks).mean())}

    ends = [(net, which, "ODE", low, False) for net, which, low in product(NETS, sets, LOWS)]
    rules = [("digits", "learned from", how, 0.001, False) for how in ("Heun", "Heun, fine")]
    bounds = [
        (net, which, how, low, False)
        for net, which, how, low in product(NETS, sets, ("ODE, bound", "ELBO"), BOUNDS)
    ]
    labelled = [
        (net, which, how, 0.05, True)
        for net, which, how in product(NETS, sets, ("ODE, bound", "ELBO"))
    ]
    labelled += [(net, which, "ODE", 0.01, True) for net, which in product(NETS, sets)]
    cases = [*ends, *rules, *bounds, *labelled]
    found = over_seeds(cases, seeds, asked, progress)
    noise = [_random(nets["digits_dequantised"], seed, held_out, steps) for seed in seeds]
    told = {"features": "pixels", "preprocessing": "as `how` says, 17 grey levels"}
    told |= {"reference": "none: bits for each pixel", "n": {"learned from": n}}
    told["n"]["held out"] = held_out
    return {
        "what": "Bits for each pixel of the digits. ODE: dequantised evenly, log p by the ODE "
        f"({steps} steps of RK4, one probe) from sigma/alpha = low up. Heun: the same by Heun with "
        f"{steps} steps, fine: {4 * steps}. Bounds of undequantised digits: noise of level low is "
        "laid on, a decoder that knows the 17 levels takes it off; the density there by the ODE, "
        "or by the ELBO, the weighted loss. told: whether the label was given (it costs log2(10) "
        "/ 64 = .0519 bits more).",
        "instruments": {"bits": told | {"seeds": list(seeds)}},
        "bars": BARS,
        "checkpoints": {name: checkpoint_hash(name) for name in NETS},
        "rows": rows(found, ("net", "which", "how", "low", "told"), ("bits",)),
        "random pictures": error(noise),
        "by level": _by_level(nets["digits"], x0, seeds, n, progress),
        **_pixels(x0.double().flatten(1), out, kept),
    }


LOWS, BOUNDS = (0.03, 0.01, 0.001), (0.02, 0.03, 0.05, 0.08)


def _by_ode(denoise, x, seed, steps, low, looks, rule="RK4", times=1) -> Tensor:
    return bits(denoise, x, seed, times * steps, low, rule)


def _laid_on(x: Tensor, low: float, generator) -> tuple[Tensor, Tensor]:
    """Digits x on the level with this sigma/alpha, over alpha; and log P(x | that) - log q: (B,).

    The decoder weighs the 17 levels by their Gaussians alone; q is the noise that was laid on.
    """
    eps = torch.randn(x.shape, generator=generator).double()
    y = x.double() + low * eps
    levels = -((y[..., None] - GREYS) ** 2) / (2 * low**2)
    right = -(eps**2) / 2 - levels.logsumexp(-1)
    log_q = -(eps**2) / 2 - math.log(low * math.sqrt(math.tau))
    return y, (right - log_q).flatten(1).sum(1)


def _bound(denoise, x, seed, steps, low, looks) -> Tensor:
    """-log P(x) <= -log p(y) - log P(x | y) + log q(y | x), with p by the ODE."""
    generator, down = seeded(seed), ladder(steps, low)
    y, decoded = _laid_on(x, low, generator)
    t, v = down[-1], signs(x, 1, generator)
    log_p = log_prob(denoise, (t.alpha * y).to(x), down, v) + 64 * torch.log(t.alpha)
    return -(log_p + decoded) / (64 * math.log(2))


def _elbo(denoise, x, seed, steps, low, looks, high=80.0) -> Tensor:
    """The bound of 02 with endlessly many steps: its KLs are ∫ |x - x0|² / ratio² d log ratio."""
    generator = seeded(seed)
    y, decoded = _laid_on(x, low, generator)
    log_q = lambda eps: -(eps**2) / 2 - math.log(low * math.sqrt(math.tau))
    eps = (y - x) / low
    coded = -(decoded + log_q(eps).flatten(1).sum(1))  # the decoder alone
    prior = 0.5 * (x.double() ** 2 / (1 + high**2)).flatten(1).sum(1)
    prior += 32 * (high**2 / (1 + high**2) - 1 - math.log(high**2 / (1 + high**2)))
    width = math.log(high / low) / looks
    total = torch.zeros(len(x), dtype=torch.float64)
    for i in range(looks):
        u = (
            math.log(low)
            + (i + torch.rand(len(x), generator=generator, dtype=torch.float64)) * width
        )
        t = along(Level.from_alpha_bar(0.5), u.exp()).to(x)
        noise = torch.randn(x.shape, generator=generator).to(x)
        missed = (denoise(q_sample(x, t, noise), t) - x).double().flatten(1)
        total += missed.square().sum(1) / torch.exp(2 * u) * width
    return (coded + prior + total) / (64 * math.log(2))


HOW = {
    "ODE": _by_ode,
    "Heun": partial(_by_ode, rule="Heun"),
    "Heun, fine": partial(_by_ode, rule="Heun", times=4),
    "ODE, bound": _bound,
    "ELBO": _elbo,
}


def _random(denoise, seed: int, n: int, steps: int) -> float:
    """Bits of pictures whose every pixel is a grey level drawn by lot."""
    x = GREYS[torch.randint(17, (n, 1, 8, 8), generator=seeded(seed))].float()
    return float(bits(denoise, x, seed, steps, 0.01).mean())


def _by_level(denoise, x0: Tensor, seeds, n: int, progress: bool, high=80.0, many=24) -> list[dict]:
    """Where the ELBO's bits go: what each level costs, per unit of log(sigma/alpha), in bits.

    The network beside independent pixels, whose denoiser is exact: an average of 17 grey levels.
    """
    flat = x0.double().flatten(1)
    share = torch.log((flat[..., None] == GREYS).double().mean(0) + 1e-4)  # (64, 17)

    def asked(ratio: float, seed: int) -> dict:
        x, generator = flat[n * seed : n * (seed + 1)], seeded(seed)
        y = x + ratio * torch.randn(x.shape, generator=generator).double()
        weight = (share - (y[..., None] - GREYS) ** 2 / (2 * ratio**2)).softmax(-1)
        t = along(Level.from_alpha_bar(0.5), ratio)
        guess = denoise((t.alpha * y).reshape(-1, 1, 8, 8).float(), t).double().flatten(1)
        cost = lambda guess: float((guess - x).square().mean() / ratio**2 / math.log(2))
        return {"network": cost(guess), "independent pixels": cost(weight @ GREYS)}

    ratios = torch.logspace(math.log10(BOUNDS[0]), math.log10(high), many, dtype=torch.float64)
    found = over_seeds(zip(ratios.tolist()), seeds, asked, progress)
    return rows(found, ("ratio",), ("network", "independent pixels"))


# --- models without a network ---------------------------------------------------------------------


def _pixels(x: Tensor, out: Tensor, kept: Tensor) -> dict:
    """Bits of models in which every pixel is drawn by itself, from a histogram of 17 levels.

    Smooth: every level is a bell, the best width for all, in the place of a box.
    """
    one_hot = (x[..., None] == GREYS).double()  # (N, 64, 17)
    counts = one_hot[kept].sum(0)
    share = (counts + 0.1) / (counts + 0.1).sum(1, keepdim=True)
    cost = -(one_hot * torch.log2(share)).sum((1, 2)) / 64
    own = counts / counts.sum(1, keepdim=True)
    found = {
        "independent pixels, counted on": float(-torch.xlogy(own, own).sum() / math.log(2) / 64),
        "independent pixels, learned from": float(cost[kept].mean()),
        "independent pixels, held out": float(cost[out].mean()),
        "independent pixels, smooth, held out": min(
            _smooth(x[out], share, width) for width in torch.linspace(0.02, 0.07, 11)
        ),
        "pixels that are always black": int((counts[:, 0] == counts.sum(1)).sum()),
        "17 levels at even odds": math.log2(17),
    }
    return found


def _smooth(x: Tensor, share: Tensor, std: Tensor, times: int = 8) -> float:
    """Bits of dequantised pictures x when a level is a bell of this spread."""
    generator, total = seeded(0), 0.0
    for _ in range(times):
        u = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        y = x + WIDTH * (u - 0.5)
        bell = torch.distributions.Normal(GREYS, std.double()).log_prob(y[..., None])
        log_p = (torch.log(share) + bell).logsumexp(-1).sum(1)
        total += float(bits_per_dim(log_p, 64, WIDTH).mean()) / times
    return total


# --- was it learned from? -------------------------------------------------------------------------


def likelihood_members(
    seeds=SEEDS, n=288, steps=25, probes=4, training=DEQUANTISED["steps"], progress=False
) -> dict:
    """Can bits tell which digits a network has learned from? Alone, and beside a second network.

    The second is trained by the same recipe from another seed, on another four fifths. AUC: how
    often a digit learned from has fewer bits than one held out; .5 is a coin.
    """
    x0 = data.digits()[0]
    one, other = learn.load("digits_dequantised"), fit_dequantised(1, progress, training)[0]
    (out, kept), (out_1, kept_1) = split(), split(1)
    both = lambda a, b: a[torch.isin(a, b)]
    mine, theirs = both(kept, out_1)[:n], both(out, kept_1)[:n]  # each seen by one of the two

    def told(seed: int) -> dict:
        cost = lambda net, which: bits(net, x0[which], seed, steps, 0.01, probes=probes)
        seen, unseen = cost(one, mine), cost(one, theirs)
        ratio = seen - cost(other, mine), unseen - cost(other, theirs)
        return {
            "learned from": float(seen.mean()),
            "held out": float(unseen.mean()),
            "AUC, bits": auc(seen, unseen),
            "AUC, bits less the other network's": auc(*ratio),
        }

    found = [told(seed) for seed in seeds]
    how = {"features": "bits for each pixel", "preprocessing": "dequantised, uniform"}
    how |= {"reference": "the digits' other part", "n": len(mine), "seeds": list(seeds)}
    return {
        "what": "Bits of digits that the shipped network learned from and a second one has not "
        f"seen, and the other way round: {len(mine)} and {len(theirs)}; each seed dequantises and "
        "probes anew, the pictures stay. AUC: how often one learned from has fewer bits than one "
        "held out.",
        "instruments": dict.fromkeys(found[0], how),
        "bars": BARS,
        "checkpoints": {"digits_dequantised": checkpoint_hash("digits_dequantised")},
        "rows": [{"pictures": len(mine) + len(theirs)} | errors(found, *found[0])],
    }


def auc(low: Tensor, high: Tensor) -> float:
    """How often a number of the first set is below one of the second; ties count half."""
    gap = high[None] - low[:, None]
    return float(((gap > 0).double() + 0.5 * (gap == 0).double()).mean())
