"""The instrument: how drawn pictures are held against real ones, in one place for every lesson.

A quality figure belongs to its instrument: whose features, what is done to a picture before they
are taken, which reference, how many pictures, which seeds. `RULERS` names the first two, a record
all of them. Nothing is done to a picture unless the name says "clipped": a clip looks harmless and
turns rankings (lesson 04).
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lessons_lib import data, files, learn, metrics
from lessons_lib.guards import seeded

SEEDS = (0, 1, 2, 3, 4)
AS_DRAWN, CLIPPED = "as drawn", "clipped to [-1, 1]"
PREPARED = {"": AS_DRAWN, ", clipped": CLIPPED}  # how a figure's name ends, and what was done
SECOND = {  # the judges, and how they are called in a figure's name
    "judge": "",
    "second_judge": ", second judge",
    "shapes_judge": "",
    "second_shapes_judge": ", second judge",
}
RULERS = {  # the name of a distance: whose features, and what is done to the pictures before
    f"frechet{name}{end}": (whose, how)
    for end, how in PREPARED.items()
    for name, whose in {"": "judge", ", second judge": "second_judge", ", pixels": "pixels"}.items()
}
QUALITY = ("recognised", "recognised, second judge", *RULERS)
# Student's factor for the middle 95 %, by the number of seeds: 1.96 is for endlessly many.
STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306}
BARS = (
    "half: half of the 95 % interval for the mean over the seeds, by Student's factor. It covers "
    "other seeds (noise, and the parts of the real data), not another training or another judge."
)


def error(values: Sequence[float]) -> dict:
    """A number measured once a seed: its mean, half of the mean's 95 % interval, and each value.

    Raises ValueError unless there are 2 to 9 seeds.
    """
    if len(values) not in STUDENT:
        raise ValueError(f"seeds: {len(values)} given; allowed are 2 to {max(STUDENT)}")
    half = STUDENT[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    return {"value": statistics.fmean(values), "half": half, "each": list(values)}


def errors(found: list[dict], *keys: str) -> dict[str, dict]:
    """The error of each of these keys, of which found has a number for every seed."""
    return {key: error([each[key] for each in found]) for key in keys}


def difference(a: dict, b: dict) -> dict:
    """a minus b, seed by seed: what both owe to the same noise and the same real data cancels.

    a, b: two numbers as `error` gives them. Raises ValueError unless they have the same seeds.
    """
    return error([x - y for x, y in zip(a["each"], b["each"], strict=True)])


def prepared(x: Tensor, how: str) -> Tensor:
    """What a judge gets to see of pictures x: the pictures as they are, unless they are clipped."""
    return {AS_DRAWN: x, CLIPPED: x.clamp(-1, 1)}[how]


class Digits(NamedTuple):
    """Real digits and what looks at them: the instrument of every figure on digits."""

    x0: Tensor
    label: Tensor
    judges: dict[str, nn.Module]
    features: dict[str, Tensor]  # of the real digits, by judge
    n: int
    splits: int

    @classmethod
    def load(cls, n: int = 500, splits: int = 20) -> "Digits":
        """Raises ValueError unless two parts of n real digits can be had without overlap."""
        x0, label = data.digits()
        if not 20 <= n <= len(x0) // 2:
            raise ValueError(f"n: {n} given; allowed is 20 to {len(x0) // 2}, half of the digits")
        judges = {name: learn.load(name) for name in ("judge", "second_judge")}
        seen = {name: judge.features(x0) for name, judge in judges.items()}
        return cls(x0, label, judges, seen | {"pixels": x0.flatten(1)}, n, splits)

    def judged(self, x: Tensor, label: Tensor, seed: int) -> dict[str, float]:
        """How many are recognised as asked, by each judge, and how far all are from real digits.

        x (n, 1, 8, 8) as drawn, label (n,) what was asked for; seed chooses the real ones.
        """
        halves, found = self._halves(seed), {}
        for name, (whose, how) in RULERS.items():
            ours = self._features(whose, prepared(x, how))
            parts = [metrics.frechet(ours, self.features[whose][half]) for half, _ in halves]
            found[name] = statistics.median(parts)
        for name, judge in self.judges.items():
            right = (judge(x).argmax(1) == label).double().mean()
            found["recognised" + SECOND[name]] = float(right)
        return found

    def reference(self, seeds: Sequence[int]) -> dict:
        """The same for real digits, the floor that no model can be asked to beat; and a record."""
        floor = lambda whose, seed: metrics.floor(
            metrics.frechet, self.features[whose], self.n, seeded(seed), self.splits
        )[0]
        right = {
            f"recognised{SECOND[name]}, real digits": float(
                (judge(self.x0).argmax(1) == self.label).double().mean()
            )
            for name, judge in self.judges.items()
        }
        return {
            "instruments": instruments(self.n, self.splits, seeds),
            "bars": BARS,
            "checkpoints": {name: checkpoint_hash(name) for name in ("digits", *self.judges)},
            **{
                f"{name}, real against real": error([floor(whose, seed) for seed in seeds])
                for name, (whose, _) in RULERS.items()
                if "clipped" not in name  # real digits lie in [-1, 1]
            },
            **right,
        }

    def _features(self, whose: str, x: Tensor) -> Tensor:
        return x.flatten(1) if whose == "pixels" else self.judges[whose].features(x)

    def _halves(self, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Two disjoint parts of n real digits each, as rows, a new pair for every split."""
        generator = seeded(seed)
        return [
            torch.randperm(len(self.x0), generator=generator)[: 2 * self.n].chunk(2)
            for _ in range(self.splits)
        ]


class Shapes(NamedTuple):
    """Captions, and real pictures of them or none: the instrument of every figure on shapes."""

    asked: Tensor  # (n, A) attributes, −1 where nothing is said
    judges: dict[str, nn.Module]
    real: Tensor | None  # features of real pictures: the mean colours of their 4×4 blocks

    @classmethod
    def load(cls, asked: Tensor, real: Tensor | None = None) -> "Shapes":
        """real: pictures (N, 3, 32, 32) of the same captions; without them there is no distance."""
        judges = {name: learn.load(name) for name in ("shapes_judge", "second_shapes_judge")}
        return cls(asked, judges, None if real is None else metrics.coarse(real))

    def judged(self, x: Tensor) -> dict[str, float]:
        """How many are drawn as asked, by each judge, and how far the lot is from real pictures.

        x (n, 3, 32, 32) as drawn, one for each row of `asked`.
        """
        found = {}
        shape = list(data.ATTRIBUTES).index("shape")
        for end, how in PREPARED.items():
            seen = prepared(x, how)
            for name, judge in self.judges.items():
                right = metrics.fidelity(judge.read(seen), self.asked)
                found[f"right{SECOND[name]}{end}"] = float(right[-1])
                found[f"shape right{SECOND[name]}{end}"] = float(right[shape])
            if self.real is not None:
                found[f"frechet{end}"] = metrics.frechet(metrics.coarse(seen), self.real)
        return found

    def instruments(self, seeds: Sequence[int]) -> dict[str, dict]:
        """Every figure by its name: features, preprocessing, reference, number and seeds."""
        about, found = {"n": len(self.asked), "seeds": list(seeds)}, {}
        said = int((self.asked != -1).sum(1).max())
        for end, how in PREPARED.items():
            for name in self.judges:
                told = {"features": name, "preprocessing": how}
                told |= {"reference": f"the caption asked for, {said} attributes", **about}
                found[f"right{SECOND[name]}{end}"] = told
                found[f"shape right{SECOND[name]}{end}"] = told
            if self.real is not None:
                blocks = {"features": "mean colours of 4×4 blocks", "preprocessing": how}
                held = f"{len(self.real)} real pictures of the same captions"
                found[f"frechet{end}"] = blocks | {"reference": held, **about}
        return found

    def reference(self, again: list[Tensor], seeds: Sequence[int], nets: tuple[str, ...]) -> dict:
        """The same for new real pictures of the captions, one batch a seed; and a record."""
        found = [self.judged(x) for x in again]
        plain = [key for key in found[0] if "clipped" not in key]  # real pictures are in [-1, 1]
        return {
            "instruments": self.instruments(seeds),
            "bars": BARS,
            "checkpoints": {name: checkpoint_hash(name) for name in (*nets, *self.judges)},
            **{
                f"{key}, {'real against real' if key == 'frechet' else 'real pictures'}": floor
                for key, floor in errors(found, *plain).items()
            },
        }


def instruments(n: int, splits: int, seeds: Sequence[int]) -> dict[str, dict]:
    """Every figure on digits by its name: features, preprocessing, reference, number and seeds."""
    about = {"n": n, "seeds": list(seeds)}
    part = f"{n} real digits, the median over {splits} random parts; the floor is one such part "
    part += "against another, disjoint"
    found = {
        "recognised" + SECOND[name]: {"features": name, "preprocessing": AS_DRAWN}
        | {"reference": "the digit asked for", **about}
        for name in ("judge", "second_judge")
    }
    return found | {
        name: {"features": whose, "preprocessing": how, "reference": part, **about}
        for name, (whose, how) in RULERS.items()
    }


def checkpoint_hash(name: str) -> str:
    """Which weights were measured: the start of their sha256 in the manifest."""
    return files.manifest()[f"checkpoints/{name}.safetensors"]["sha256"][:12]
