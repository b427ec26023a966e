"""What the lessons claim, measured: every number with its error and the command that makes it.

`lessons measure strides-mixture` runs one function and ships what it found in
data/results/strides-mixture.json; a lesson reads it there with `result`. A number measured over
several seeds is {"value": mean, "se": standard error of that mean}, four digits of each.
"""

import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from lessons_lib import data, files, learn, metrics
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import cosine, from_betas, grid, linear_betas
from lessons_lib.nets import DigitJudge
from lessons_lib.samplers import ddim, ddpm, noise_like, sample
from lessons_lib.wrap import cfg, counted, given

SAMPLERS = {
    "DDIM": ddim,
    "DDIM, η = .5": partial(ddim, eta=0.5),
    "DDPM": ddpm,
    "DDPM, large variance": partial(ddpm, large=True),
}
SEEDS = (0, 1, 2, 3, 4)
CLOCKS = ("seconds", "work")
MIXTURE = {"mean": [-1.5, 1.0], "std": [0.3, 0.5], "weight": [0.5, 0.5]}
PAIRS = (((0.0, 1.0), (1.0, 1.0)), ((0.0, 1.0), (1.0, 0.5)))  # (mean, std) without, with condition
W = (0.0, 1.0, 3.0, 5.0, 7.5, 15.0, 20.0)


# --- the digits -----------------------------------------------------------------------------------


def digits_walk(seeds=SEEDS, n=500, calls=(50, 1000), splits=20, progress=False) -> dict:
    """Draw the same digits with DDIM in few steps and DDPM in many: quality, evaluations, seconds.

    n pictures per seed; the two samplers take turns, so that a busy machine slows both.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Real.load(n, splits)
    walks = {"DDIM": (ddim, calls[0]), "DDPM": (ddpm, calls[1])}
    found = {name: [] for name in walks}
    _draw(ddim, given(denoise, label), n, 2, 0)  # the first call of all is slow
    for seed, name in _bar([(seed, name) for seed in seeds for name in walks], progress):
        step, steps = walks[name]
        asked = counted(given(denoise, label))
        start, work = time.perf_counter(), time.process_time()
        x = _draw(step, asked, n, steps, seed)
        spent = {"seconds": time.perf_counter() - start, "work": time.process_time() - work}
        found[name].append(real.judged(x, label, seed) | {"evaluations": asked.calls} | spent)
    rows = []
    for name, (_, steps) in walks.items():
        row = {"sampler": name, "steps": steps, "evaluations": found[name][0]["evaluations"]}
        row |= _errors(found[name], "recognised", "frechet")
        rows.append(row | {key: _median([x[key] for x in found[name]]) for key in CLOCKS})
    pairs = list(zip(found["DDIM"], found["DDPM"], strict=True))
    less = [{key: a[key] - b[key] for key in ("recognised", "frechet")} for a, b in pairs]
    ratio = {key: _median([slow[key] / fast[key] for fast, slow in pairs]) for key in CLOCKS}
    return {
        "what": f"DDIM in {calls[0]} steps against DDPM in {calls[1]} on the digit checkpoint, "
        f"asked for every digit equally often, {n} pictures per seed. Seconds, for all the "
        "pictures of a seed, are of a machine shared with others; work is the part of them that "
        "the processor gave to us.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": rows,
        "DDIM minus DDPM, seed by seed": _errors(less, "recognised", "frechet"),
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
    for name, steps, seed in _bar(jobs, progress):
        x = _draw(SAMPLERS[name], given(denoise, label), n, steps, seed)
        found.setdefault((name, steps), []).append(real.judged(x, label, seed))
    return {
        "what": "Every sampler with the steps cut down, evenly in time, on the digit checkpoint, "
        f"{n} pictures per seed.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": [
            {"sampler": name, "calls": steps} | _errors(each, "recognised", "frechet")
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
    for scale, seed in _bar([(scale, seed) for scale in w for seed in seeds], progress):
        asked = counted(denoise)
        x = _draw(ddim, cfg(asked, label, scale), n, calls, seed)
        shown = x.clamp(-1, 1)
        counts = {
            "evaluations": asked.calls,
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
            {"w": scale, "evaluations": each[0]["evaluations"]} | _errors(each, *keys)
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
            "frechet, real against real": _error(floor),
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


def checkpoint_hash(name: str) -> str:
    """Which weights were measured: the start of their sha256 in the manifest."""
    return files.manifest()[f"checkpoints/{name}.safetensors"]["sha256"][:12]


def _draw(step, denoise, n: int, steps: int, seed: int) -> Tensor:
    """n digits, (n, 1, 8, 8), from the noise of this seed: the same start for every sampler."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, 1, 8, 8, generator=generator)
    return sample(step, denoise, noise, grid(cosine, steps), generator)


# --- one dimension, where the truth is known ------------------------------------------------------


def strides_mixture(
    seeds=SEEDS, n=20000, calls=(2, 5, 10, 20, 50, 100, 200), spacing=0.01, progress=False
) -> dict:
    """Let every sampler skip on a mixture of two Gaussians, and measure W2 to the exact law.

    n samples per seed carry an error of their own, the floor; "without sampling" is the same
    distance for the exact law of the chain, computed on a grid of that spacing.
    """
    mix = MixtureDenoiser([[m] for m in MIXTURE["mean"]], MIXTURE["std"], MIXTURE["weight"])
    exact = partial(quantile, mix)
    truth = exact((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    schedule, rows = from_betas(linear_betas()), []
    for name, steps in _bar([(name, steps) for name in SAMPLERS for steps in calls], progress):
        levels, step = grid(schedule, steps), SAMPLERS[name]
        found = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
            found.append(metrics.w2(sample(step, mix, x, levels, generator)[:, 0], truth))
        law = metrics.w2(law_of_chain(step, mix, levels, n, spacing), truth)
        row = {"sampler": name, "calls": steps, "w2": _error(found), "without sampling": law}
        rows.append(row)
    floor = []
    for seed in seeds:
        x = mix.sample(n, torch.Generator().manual_seed(seed))
        floor.append(metrics.w2(x[:, 0], truth))
    return {
        "what": "Every sampler with the steps cut down, evenly in time, on an exact mixture under "
        f"DDPM's linear table: W2 to the mixture, {n} samples per seed, and the same without "
        "sampling error. Below about the floor, read only the latter.",
        "seeds": list(seeds),
        "samples per seed": n,
        "mixture": MIXTURE,
        "rows": rows,
        "floor": _error(floor),
    }


def guided_law(calls=(10, 50, 1000), w=3.0, progress=False) -> dict:
    """Guide from one Gaussian towards another, and hold the law reached against the tilted one.

    Every step is affine, so mean and variance are pushed through it exactly: nothing is sampled.
    """
    cases = []
    for bare, with_c in PAIRS:
        (mu_u, std_u), (mu_c, std_c) = bare, with_c
        precision = (1 - w) / std_u**2 + w / std_c**2
        mean = ((1 - w) * mu_u / std_u**2 + w * mu_c / std_c**2) / precision
        cases.append(
            {
                "without condition": {"mean": mu_u, "variance": std_u**2},
                "with condition": {"mean": mu_c, "variance": std_c**2},
                "w": w,
                "tilted law": {"mean": mean, "variance": 1 / precision},
                "rows": [],
            }
        )
    jobs = [(i, name, steps) for i in range(len(PAIRS)) for name in SAMPLERS for steps in calls]
    for i, name, steps in _bar(jobs, progress):
        mean, var = guided_moments(SAMPLERS[name], *PAIRS[i], w, steps)
        row = {"sampler": name, "calls": steps, "mean": mean, "variance": var}
        cases[i]["rows"].append(row)
    return {
        "what": "Mean and variance that guidance reaches between two Gaussians, by exact push of "
        "both through every affine step in float64, beside the law p(x)^(1-w) p(x|c)^w.",
        "seeds": [],
        "error bars": "none: no random number is drawn; compare one grid with the next finer one",
        "cases": cases,
    }


def guided_moments(step, bare, with_c, w: float, steps: int) -> tuple[float, float]:
    """Mean and variance that guidance from N(bare) towards N(with_c) reaches in so many steps.

    bare and with_c are (mean, std); exact, because every step is affine in x.
    """
    u, c = (MixtureDenoiser([[mu]], [std]) for mu, std in (bare, with_c))
    guided = lambda x, t: u(x, t) + w * (c(x, t) - u(x, t))
    mean, var = 0.0, 1.0
    probe = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    levels = grid(cosine, steps)
    for t, s in zip(levels, levels[1:], strict=False):
        end, std = one_step(step, guided, probe, t, s)
        slope = float(end[1] - end[0])
        mean, var = float(end[0]) + slope * mean, slope**2 * var + std**2
    return mean, var


def quantile(mix: MixtureDenoiser, u: Tensor) -> Tensor:
    """Where a one-dimensional mixture has the share u of its mass to the left: (k,) in, (k,) out.

    By bisection of the distribution function, to 1e-12 of the range. Components need std > 0.
    """
    mu, std, weight = mix.mu[:, 0], mix.std, mix.log_weight.exp()
    low = torch.full_like(u, float((mu - 12 * std).min()))
    high = torch.full_like(u, float((mu + 12 * std).max()))
    for _ in range(45):
        middle = (low + high) / 2
        left = (weight * torch.special.ndtr((middle[:, None] - mu) / std)).sum(1) < u
        low, high = torch.where(left, middle, low), torch.where(left, high, middle)
    return (low + high) / 2


@torch.no_grad()
def law_of_chain(step, denoise, levels, n: int, spacing: float = 0.01, reach: float = 7.0):
    """n evenly likely points of the law that a sampler ends on, from N(0, 1), without sampling.

    The mass is kept on a grid from -reach to reach and carried by the Gaussian of every step;
    a step without noise moves the points themselves. Returns (n,), rising.
    """
    even = torch.arange(-reach, reach + spacing / 2, spacing, dtype=torch.float64)
    x, mass = even, torch.softmax(-(even**2) / 2, dim=0)
    for t, s in zip(levels, levels[1:], strict=False):
        mean, std = one_step(step, denoise, x[:, None], t, s)
        if std == 0:
            x = mean[:, 0]
        else:
            kernel = ((even[:, None] - mean[:, 0]) / std).square_().mul_(-0.5).exp_()  # (to, from)
            x, mass = even, kernel @ (mass / kernel.sum(0))
    x, order = x.sort()
    mass = mass[order]
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return _interpolate(u, mass.cumsum(0) - mass / 2, x)


def one_step(step, denoise, x: Tensor, t, s) -> tuple[Tensor, float]:
    """The law of one step from x: its mean, shaped like x, and the spread of the noise it adds.

    Read off from the sampler itself, which takes the step twice with known noise.
    """
    seeded = lambda seed: torch.Generator().manual_seed(seed)
    (x_a, z_a), (x_b, z_b) = (
        (step(denoise, x, t, s, generator=seeded(k)).x, noise_like(x, seeded(k))) for k in (0, 1)
    )
    std = float(((x_a - x_b) * (z_a - z_b)).sum() / (z_a - z_b).square().sum())
    return x_a - std * z_a, std


def _interpolate(u: Tensor, at: Tensor, value: Tensor) -> Tensor:
    """value (M,), given at rising places (M,), on straight lines in between: (n,)."""
    right = torch.searchsorted(at, u).clamp(1, len(at) - 1)
    left = right - 1
    width = (at[right] - at[left]).clamp(min=torch.finfo(at.dtype).tiny)
    share = ((u - at[left]) / width).clamp(0, 1)
    return value[left] + share * (value[right] - value[left])


# --- shipping -------------------------------------------------------------------------------------


MEASURES: dict[str, Callable[..., dict]] = {
    "digits-walk": digits_walk,
    "strides-mixture": strides_mixture,
    "strides-digits": strides_digits,
    "guidance-digits": guidance_digits,
    "guided-law": guided_law,
}


def write(name: str, folder=files.DATA, progress: bool = True, **options) -> dict:
    """Measure, ship data/results/NAME.json whole or not at all, and list it in the manifest."""
    _check_name(name)
    command = f"lessons measure {name}"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the steps are too small to share, and sums keep their order
    try:
        found = MEASURES[name](progress=progress, **options)
    finally:
        torch.set_num_threads(threads)
    machine = f"1 thread of a CPU, torch {torch.__version__}, Python {platform.python_version()}"
    found = {"what": found.pop("what"), "command": command, "machine": machine, **found}
    found = _rounded(found)
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files.write(folder / "results" / f"{name}.json", text.encode())
    facts = {"made_by": command, "licence": "MIT", "source": "measured here"}
    files.record(f"results/{name}.json", facts, folder)
    return found


def result(name: str, folder=files.DATA) -> dict:
    """What was measured under that name, from the shipped file, once its hash is right.

    Raises ValueError for an unknown name, FileProblem for a file that is missing or altered.
    """
    _check_name(name)
    return json.loads(files.verified(f"results/{name}.json", folder).read_text(encoding="utf-8"))


def lines(found: dict) -> list[str]:
    """A measurement as lines of a table, one per row, each number with its error."""
    rows = found.get("rows") or [
        {"case": i + 1} | row for i, case in enumerate(found["cases"]) for row in case["rows"]
    ]
    table = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    width = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(f"{word:<{w}}" for word, w in zip(row, width, strict=True)) for row in table]


def _text(value) -> str:
    if isinstance(value, dict) and "se" in value:
        return f"{value['value']:.4g} ± {value['se']:.2g}"
    return f"{value['median']:.3g}" if isinstance(value, dict) else f"{value}"


def _check_name(name: str) -> None:
    if name not in MEASURES:
        raise ValueError(f"name: {name!r} given; allowed are {', '.join(MEASURES)}")


def _errors(found: list[dict], *keys: str) -> dict[str, dict[str, float]]:
    return {key: _error([each[key] for each in found]) for key in keys}


def _error(values: list[float]) -> dict[str, float]:
    """The mean over the seeds and its standard error, std / √seeds. Raises ValueError for one."""
    if len(values) < 2:
        raise ValueError(f"seeds: {len(values)} given; a standard error needs 2 or more")
    se = statistics.stdev(values) / math.sqrt(len(values))
    return {"value": statistics.fmean(values), "se": se}


def _median(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def _rounded(value):
    """Every number at four significant digits, in lists and tables of any depth."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def _bar(jobs: list, progress: bool):
    return tqdm(jobs, disable=not progress, desc="measure", leave=False)
