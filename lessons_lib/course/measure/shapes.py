"""The captioned shapes: guidance by words, and what it gains and loses."""

import torch
from torch import Tensor

from lessons_lib import data, learn, metrics
from lessons_lib.course.measure.seeds import SEEDS, bar, checkpoint_hash, error, errors
from lessons_lib.course.recipes import draw_captioned
from lessons_lib.wrap import counted

SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0)
CELL = 8  # Fréchet distances are of the means of 8×8 blocks: colour and spread, place by place


def guidance_shapes(
    seeds=SEEDS[:3], captions=60, each=4, calls=20, w=SCALES, progress=False
) -> dict:
    """Turn guidance up on captioned shapes, and count what is gained and what is lost.

    Every caption is drawn `each` times with DDIM, from the same noise for every w.
    """
    judge, denoise = learn.load("shapes_judge"), learn.load("shapes")
    asked, real = _asked(captions, each)
    varied = metrics.within_class_distance(real, asked)
    found: dict = {}
    for scale, seed in bar([(scale, seed) for scale in w for seed in seeds], progress):
        counting = counted(denoise)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(asked), 3, 32, 32, generator=generator)
        x = draw_captioned(counting, asked, noise, calls, scale)
        right = metrics.fidelity(judge.read(x.clamp(-1, 1)), asked)
        row = {f"{name} right": float(r) for name, r in zip(data.ATTRIBUTES, right, strict=False)}
        row |= {
            "captions right": float(right[-1]),
            "diversity": metrics.within_class_distance(x.clamp(-1, 1), asked) / varied,
            "saturated": metrics.saturated(x),
            "frechet": _distance(x, real),
            "evaluations": counting.samples / len(x),
        }
        found.setdefault(scale, []).append(row)
    keys = [key for key in row if key != "evaluations"]
    return {
        "what": f"Guidance w with DDIM in {calls} steps on the shapes checkpoint: {captions} "
        f"captions, {each} pictures of each. Captions right: the judge reads every attribute as "
        "asked. Diversity: mean distance of two pictures of one caption, over that of two real "
        "ones. Saturated: share of pixels beyond ±1.05 before clipping. Fréchet distance of the "
        f"means of {CELL}×{CELL} blocks to real pictures of the same captions.",
        "seeds": list(seeds),
        "pictures per seed": captions * each,
        "rows": [
            {"w": scale, "evaluations": rows[0]["evaluations"]} | errors(rows, *keys)
            for scale, rows in found.items()
        ],
        **_reference(judge, seeds, captions, each),
    }


def _asked(captions: int, each: int) -> tuple[Tensor, Tensor]:
    """Attributes (captions · each, 5), every caption `each` times, and real pictures of them."""
    generator = torch.Generator().manual_seed(1000)
    asked = data.choose(captions, generator).repeat_interleave(each, dim=0)
    return asked, data.draw(data.scene(asked, generator))


def _distance(x: Tensor, real: Tensor) -> float:
    return metrics.frechet(metrics.coarse(x.clamp(-1, 1), CELL), metrics.coarse(real, CELL))


def _reference(judge, seeds, captions: int, each: int) -> dict:
    """The same numbers for real pictures: new draws of the same captions."""
    asked, real = _asked(captions, each)
    floor, right = [], []
    for seed in seeds:
        again = data.draw(data.scene(asked, torch.Generator().manual_seed(seed)))
        floor.append(_distance(again, real))
        right.append(float(metrics.fidelity(judge.read(again), asked)[-1]))
    names = ("shapes", "shapes_judge")
    return {
        "checkpoints": {name: checkpoint_hash(name) for name in names},
        "frechet, real against real": error(floor),
        "captions right, real pictures": error(right),
    }
