"""Guidance without a label to point at: the digits, walked away from a model that learned less."""

import torch

from lessons_lib import learn, metrics
from lessons_lib.course.instrument import AS_DRAWN, QUALITY, SEEDS, Digits
from lessons_lib.course.measure.repeated import over_seeds, rows
from lessons_lib.course.recipes import digit_denoiser, draw_digits, fit_digits
from lessons_lib.samplers import ddim
from lessons_lib.wrap import autoguide, cfg, given

SHORT = 160  # training steps of the weak model, as in lesson 05
SCALES = {
    "weak alone": (1.0,),
    "strong alone": (1.0,),
    "from no label": (1.25, 1.5, 2.0, 3.0),
    "from the weak model": (1.25, 1.5, 2.0, 3.0),
}

NEAR = {  # the name of a count of neighbours: what is counted, and in whose features
    f"{name}{end}": (count, whose)
    for whose, end in {"pixels": "", "judge": ", judge", "second_judge": ", second judge"}.items()
    for name, count in {"precision": metrics.precision, "coverage": metrics.coverage}.items()
}


def autoguidance_digits(
    seeds=SEEDS, n=500, calls=50, short=SHORT, scales=SCALES, splits=20, progress=False
) -> dict:
    """Guide the digits from no label, and from a model of the same labels that trained too briefly.

    n pictures per seed, the same start for all.
    """
    label, real = torch.arange(n) % 10, Digits.load(n, splits)
    strong, weak = learn.load("digits"), briefly_trained(short)
    eyes = {"pixels": lambda x: x.flatten(1)}
    eyes |= {name: judge.features for name, judge in real.judges.items()}
    ways = {
        "weak alone": lambda w: given(weak, label),
        "strong alone": lambda w: given(strong, label),
        "from no label": lambda w: cfg(strong, label, w),
        "from the weak model": lambda w: autoguide(given(strong, label), given(weak, label), w),
    }

    def guided(way: str, w: float, seed: int) -> dict:
        x = draw_digits(ddim, ways[way](w), n, calls, seed)
        sets = {whose: (see(x), real.features[whose]) for whose, see in eyes.items()}
        found = {key: count(*sets[whose]) for key, (count, whose) in NEAR.items()}
        return found | {"saturated": metrics.saturated(x)} | real.judged(x, label, seed)

    cases = [(way, w) for way, each in scales.items() for w in each]
    found = over_seeds(cases, seeds, guided, progress)
    record = real.reference(seeds)
    as_drawn = {"preprocessing": AS_DRAWN, "reference": "all real digits"}
    record["instruments"] |= {
        key: {"features": whose, **as_drawn, "n": n, "seeds": list(seeds)}
        for key, (_, whose) in NEAR.items()
    }
    return {
        "what": f"Guidance w with DDIM in {calls} steps on the digit checkpoint, {n} pictures per "
        f"seed: away from no label, or away from a model of the same labels that stopped after "
        f"{short} steps. Precision: share of the drawn within the 3rd nearest neighbour of a real "
        "digit. Coverage: share of real digits with a drawing within their 5th. Saturated: share "
        "of pixels beyond ±1.05.",
        "rows": rows(found, ("way", "w"), (*NEAR, "saturated", *QUALITY)),
        **record,
    }


def briefly_trained(steps: int) -> learn.NetDenoiser:
    """A network of the digits that stopped after so few steps: weak in the ways of the strong."""
    net = digit_denoiser()
    fit_digits(net, steps, progress=False)
    return net.requires_grad_(False)
