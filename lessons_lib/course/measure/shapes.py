"""The captioned shapes: guidance by words, and what it gains and loses."""

import torch
from torch import Tensor

from lessons_lib import data, learn, metrics
from lessons_lib.course.instrument import AS_DRAWN, SEEDS, Shapes
from lessons_lib.course.measure.repeated import over_seeds, rows
from lessons_lib.course.recipes import draw_captioned
from lessons_lib.guards import seeded
from lessons_lib.wrap import counted

SCALES = (0.0, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0)


def guidance_shapes(
    seeds=SEEDS[:3], captions=60, each=4, calls=20, w=SCALES, progress=False
) -> dict:
    """Turn guidance up on captioned shapes, and count what is gained and what is lost.

    Every caption is drawn `each` times with DDIM, from the same noise for every w.
    """
    denoise = learn.load("shapes")
    asked, pictures = _asked(captions, each)
    real = Shapes.load(asked)
    varied = metrics.within_class_distance(pictures, asked)

    def guided(scale: float, seed: int) -> dict:
        counting = counted(denoise)
        noise = torch.randn(len(asked), 3, 32, 32, generator=seeded(seed))
        x = draw_captioned(counting, asked, noise, calls, scale)
        return real.judged(x) | {
            "diversity": metrics.within_class_distance(x, asked) / varied,
            "saturated": metrics.saturated(x),
            "evaluations": counting.samples / len(x),
        }

    found = over_seeds(zip(w), seeds, guided, progress)
    keys = (*real.instruments(seeds), "diversity", "saturated")
    again = [data.draw(data.scene(asked, seeded(seed))) for seed in seeds]
    record = real.reference(again, seeds, ("shapes",))
    record["instruments"]["diversity"] = {
        "features": "pixels",
        "preprocessing": AS_DRAWN,
        "reference": "real pictures of the same caption",
        "n": len(asked),
        "seeds": list(seeds),
    }
    return {
        "what": f"Guidance w with DDIM in {calls} steps on the shapes checkpoint: {captions} "
        f"captions, {each} pictures of each. Right: the judge reads every attribute as asked. "
        "Diversity: mean distance of two pictures of one caption, over that of two real ones. "
        "Saturated: share of pixels beyond ±1.05.",
        "rows": rows(found, ("w",), keys, same=("evaluations",)),
        **record,
    }


def _asked(captions: int, each: int) -> tuple[Tensor, Tensor]:
    """Attributes (captions · each, 5), every caption `each` times, and real pictures of them."""
    generator = seeded(1000)
    asked = data.choose(captions, generator).repeat_interleave(each, dim=0)
    return asked, data.draw(data.scene(asked, generator))
