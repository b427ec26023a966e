"""The recipes of the shapes: the judge, the denoiser, and its student for few steps."""

import copy
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lessons_lib import data, learn, metrics, nets
from lessons_lib.course.recipes.record import first_weights, fit_judge, ship
from lessons_lib.course.start import begin
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import cfg

VALUES = list(data.COUNTS)
SOURCE = "trained here on lessons_lib.data.shapes"


class Recipe(NamedTuple):
    """All that decides how a model of the shapes comes out: net, loss, budget, seed.

    The data are drawn anew for every step, from the split "train": no picture comes twice.
    """

    steps: int
    batch: int
    lr: float
    seed: int = 0
    net: str = "UNet"
    ema: float = 0.999
    drop: float = 0.12  # share of pictures without their caption; guidance leans on what they teach
    part: float = 0.12  # share whose caption leaves each attribute out at even odds
    predicts: str = "x0"
    gamma: float = 5.0  # an error of x0 counts min(SNR + 1, gamma)


SCHEDULE = cosine
SHAPES = Recipe(steps=34000, batch=32, lr=2e-3)
HALVINGS = (16, 8, 4)  # steps of each student, who is the next one's teacher
STUDENT = Recipe(steps=500, batch=32, lr=1e-3, ema=0.99)  # of each; its seed is one higher
JUDGE = {"steps": 1500, "batch": 96, "lr": 4e-3, "seed": 0, "noise on the input": 0.05}
SECOND_JUDGE = JUDGE | {"steps": 4000, "lr": 2e-3, "seed": 7}


def shape_denoiser(recipe: Recipe = SHAPES) -> learn.NetDenoiser:
    """The untrained network of the shapes, always with the same first weights."""
    with first_weights(recipe.seed):
        net = getattr(nets, recipe.net)(partial(nets.Attributes, VALUES))
        return learn.NetDenoiser(net, recipe.predicts)


def shape_batches(
    size: int, device: torch.device | str = "cpu", split: str = "train"
) -> learn.Batches:
    """Batches of shapes and their attributes, none of which ever comes again."""

    def draw(step: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = data.shapes(size, generator, split=split, device=device)
        return drawn.pictures, drawn.attributes

    return draw


def fit_shapes(denoiser, recipe: Recipe = SHAPES, device="cpu", **options) -> Tensor:
    """Train on the shapes as a recipe says: returns the losses (steps,)."""
    return learn.fit(
        denoiser.to(device),
        shape_batches(recipe.batch, device),
        SCHEDULE,
        recipe.steps,
        seeded(recipe.seed + 1),
        lr=recipe.lr,
        ema=recipe.ema,
        drop=recipe.drop,
        part=recipe.part,
        weight=learn.clipped_v(recipe.gamma),
        bf16=learn.has_bf16(device),
        **options,
    )


def train_shapes(folder: Path, progress: bool = True) -> None:
    """Train the denoiser of the shapes, measure it with the judge, write checkpoint and record."""
    device, _ = begin(threads=1)
    denoiser, stages = shape_denoiser(), Stages()
    keep = _kept(folder, "shapes")
    if stages.stopped(fit_shapes, denoiser, SHAPES, device, progress=progress, keep=keep):
        return
    measured = measure_shapes(denoiser.cpu(), steps=50)
    _ship(folder, "shapes", denoiser, SHAPES, stages, measured, device)


def train_shapes_few(folder: Path, progress: bool = True) -> None:
    """Halve the steps of the shapes' denoiser again and again, each student the next one's teacher.

    Salimans & Ho 2022, algorithm 2.
    """
    device, _ = begin(threads=1)
    student, stages = learn.load("shapes", folder.parent).requires_grad_(True), Stages()
    for number, steps in enumerate(HALVINGS):
        teacher = copy.deepcopy(student).to(device).requires_grad_(False)
        options = {"progress": progress, "keep": _kept(folder, f"shapes_few_{steps}")}
        options["loss"] = learn.two_steps_in_one(teacher, SCHEDULE, steps)
        recipe = STUDENT._replace(seed=STUDENT.seed + number)
        if stages.stopped(fit_shapes, student, recipe, device, **options):
            return
    student.cpu()
    measured = measure_shapes(student, 8, ws=(0.0, 1.0)) | measure_shapes(student, 4, ws=(0.0, 1.0))
    _ship(folder, "shapes_few", student, STUDENT, stages, measured, device, students=HALVINGS)


class Stages:
    """Several trainings, one after another: their losses, their seconds, interrupted or not."""

    def __init__(self):
        self.seconds, self.losses, self.kept = 0.0, [], []

    def stopped(self, fit, denoiser, recipe: Recipe, *arguments, keep: Path, **options) -> bool:
        """Train once more; True if that was interrupted."""
        seen = []  # preview sees the end, even of a training that had ended before
        options |= {"keep": keep, "preview": seen.append}
        self.losses.append(fit(denoiser, recipe, *arguments, **options))
        self.kept.append(keep)
        self.seconds += seen[-1].seconds
        if unfinished := len(self.losses[-1]) < recipe.steps:
            print("nothing is shipped")
        return unfinished


@torch.no_grad()
def measure_shapes(denoiser, steps: int, n: int = 500, ws=(0.0, 1.0, 3.0)) -> dict[str, float]:
    """Draw n captioned shapes with DDIM for each guidance w, and hold them against real ones.

    Fréchet distances are of the means of 4×4 blocks, beside the floor: real against real, n each.
    "Held out" are captions whose shape was never seen in that colour.
    """
    generator = seeded(2)
    real = metrics.coarse(data.shapes(4 * n, generator).pictures)
    noise = torch.randn(n, 3, 32, 32, generator=generator)
    asked, new = (data.choose(n, generator, split=split) for split in ("train", "held out"))
    found = {
        "pictures": n,
        "frechet of blocks, real": metrics.floor(metrics.frechet, real, n, generator)[0],
    }
    judge = learn.load("shapes_judge")
    share = lambda drawn, captions: float(metrics.fidelity(judge.read(drawn), captions)[-1])
    for w in ws:
        where = f"{steps} steps, w = {w:g}"
        drawn = draw_captioned(denoiser, asked, noise, steps, w)
        found[f"frechet of blocks, {where}"] = metrics.frechet(metrics.coarse(drawn), real[:n])
        if w > 0:  # at 0 nobody asked for anything
            found[f"captions right, {where}"] = share(drawn, asked)
            drawn = draw_captioned(denoiser, new, noise, steps, w)
            found[f"held-out captions right, {where}"] = share(drawn, new)
    return found


def draw_captioned(denoiser, asked: Tensor, noise: Tensor, steps: int, w: float) -> Tensor:
    """What DDIM draws of each row of attributes from its own noise, a hundred at a time."""
    parts = zip(noise.split(100), asked.split(100), strict=True)
    return torch.cat([sample(ddim, cfg(denoiser, c, w), x, grid(cosine, steps)) for x, c in parts])


def train_shapes_judge(folder: Path, progress: bool = True) -> None:
    """Train the classifier that reads the attributes of a shape, and measure it on fresh ones."""
    _train_judge("shapes_judge", nets.ShapeJudge, JUDGE, folder, progress)


def train_second_shapes_judge(folder: Path, progress: bool = True) -> None:
    """Train another one, of another architecture, from another seed."""
    _train_judge("second_shapes_judge", nets.SecondShapeJudge, SECOND_JUDGE, folder, progress)


def _train_judge(name: str, net, recipe: dict, folder: Path, progress: bool) -> None:
    device, _ = begin(threads=1)
    with first_weights(recipe["seed"]):
        judge = net(VALUES)
    start = time.perf_counter()
    history = _fit_judge(judge.to(device), recipe, device, progress)
    seconds = time.perf_counter() - start
    judge.cpu()
    drawn = data.shapes(20_000, seeded(3), split="all")
    seen = torch.cat([judge.read(x) for x in drawn.pictures.split(1000)])
    right = metrics.fidelity(seen, drawn.attributes)
    measured = {"pictures": len(seen)}
    measured |= {f"{k} wrong": 1 - float(r) for k, r in zip(data.ATTRIBUTES, right, strict=False)}
    about = {"net": net.__name__, "arguments": {"values": VALUES}}
    ship(folder, name, judge, about, recipe, seconds, history, measured, SOURCE)


def _fit_judge(judge: nets.ShapeJudge, recipe: dict, device, progress: bool) -> Tensor:
    steps, noise = recipe["steps"], recipe["noise on the input"]
    batches, generator = shape_batches(recipe["batch"], device, "all"), seeded(recipe["seed"] + 1)

    def loss(step: int) -> Tensor:
        x, asked = batches(step, generator)
        x = x + noise * torch.randn(x.shape, generator=generator).to(device)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=learn.has_bf16(device)):
            logits = judge(x)
        each = zip(logits, asked.T, strict=True)
        return sum(nn.functional.cross_entropy(ours.float(), true) for ours, true in each)

    warmed = lambda i: min(1, (i + 1) / 100) * (1 - i / steps)
    return fit_judge(judge, loss, steps, recipe["lr"], warmed, progress)


def _kept(folder: Path, name: str) -> Path:
    """Where a training that was interrupted waits for the next `lessons train`."""
    return folder.parent.parent / "build" / "train" / f"{name}.pt"


def _ship(folder, name, denoiser, recipe: Recipe, stages: Stages, measured, device, **more) -> None:
    about = {"net": recipe.net, "arguments": {"values": VALUES}, "predicts": recipe.predicts}
    lines = recipe._asdict() | {
        "schedule": SCHEDULE.__name__,
        "bf16": learn.has_bf16(device),
        **more,
    }
    history = torch.cat(stages.losses)
    ship(folder, name, denoiser, about, lines, stages.seconds, history, measured, SOURCE)
    for waiting in stages.kept:
        waiting.unlink(missing_ok=True)  # or the next training would find itself done
