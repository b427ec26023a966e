"""A training: one step after another, resumable bit for bit."""

import copy
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lessons_lib import files
from lessons_lib.guards import need, whole
from lessons_lib.learn.checkpoints import differences
from lessons_lib.learn.denoiser import NetDenoiser, Weight
from lessons_lib.learn.feeding import Batches, drop_labels, drop_parts
from lessons_lib.levels import Schedule


class Progress(NamedTuple):
    """Where training stands: steps done, the loss of this step, and the averaged denoiser."""

    step: int
    loss: float
    denoiser: NetDenoiser
    seconds: float  # spent in training, before interruptions too


# What a file holds, from which a training goes on.
KEPT = set("kind live average optimiser generator losses seconds drawn price".split())


class Settings(NamedTuple):
    """What decides how a training goes, in numbers; each as `Training` explains it."""

    steps: int
    lr: float
    ema: float
    drop: float
    part: float
    bf16: bool


class Training:
    """A training in hand: everything that decides how it goes on, so that it can be kept.

    AdamW with 100 warm-up steps and cosine decay to 0, gradients clipped to length 1, stratified
    times; drop is the share of samples, each on its own, that lose their whole condition, so that
    one network learns both guesses that guidance needs; part is the share that loses some of its
    attributes, so that it also understands words that leave something open. bf16 computes in
    bfloat16 where the network allows it; the weights stay float32. loss is called like
    `NetDenoiser.loss`.

    Raises ValueError for steps, lr, ema, drop or part out of range.
    """

    def __init__(
        self,
        denoiser: NetDenoiser,
        batches: Batches,
        schedule: Schedule,
        steps: int,
        generator: torch.Generator,
        lr: float = 2e-3,
        ema: float = 0.999,
        drop: float = 0.12,
        part: float = 0.0,
        weight: Weight | None = None,
        bf16: bool = False,
        loss: Callable = NetDenoiser.loss,
    ):
        steps = whole("steps", steps)
        tops = (("lr", lr, math.inf), ("ema", ema, 1), ("drop", drop, 1), ("part", part, 1 - drop))
        for name, value, top in tops:
            fits = lambda v, top=top, name=name: 0 <= v < top and (name != "lr" or v > 0)
            need(name, value, allowed=f"allowed is 0 to below {top}", ok=fits)
        self.denoiser, self.batches, self.schedule = denoiser, batches, schedule
        self.generator, self.weight, self.loss = generator, weight, loss
        self.settings = Settings(steps, lr, ema, drop, part, bf16)
        self.average = copy.deepcopy(denoiser).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            denoiser.parameters(), lr=lr, betas=(0.9, 0.99), fused=True
        )
        self.losses: list[float] = []
        self.pictures, self.seconds = 0, 0.0
        self.drawn = generator.get_state()  # before the last batch, so that it can be drawn again

    @property
    def step(self) -> int:
        """How many steps are done."""
        return len(self.losses)

    def __iter__(self) -> Iterator[Progress]:
        self.denoiser.train()
        while self.step < self.settings.steps:
            start = perf_counter()
            self._step()
            self.seconds += perf_counter() - start
            yield self.now
        self.denoiser.eval()

    @property
    def now(self) -> Progress:
        """Where it stands after a step."""
        return Progress(self.step, self.losses[-1], self.average, self.seconds)

    def _step(self) -> None:
        done, generator, denoiser = self.step, self.generator, self.denoiser
        drop, part, bf16 = self.settings.drop, self.settings.part, self.settings.bf16
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.drawn = generator.get_state()
        x0, c = self.batches(done + 1, generator)
        time = (torch.arange(len(x0)) + torch.rand(len(x0), generator=generator)) / len(x0)
        dropped = drop_parts(c, drop, part, generator) if part else drop_labels(c, drop, generator)
        with _own_luck(generator.initial_seed() + done, x0.device), torch.enable_grad():
            with torch.autocast(x0.device.type, torch.bfloat16, enabled=bf16):
                loss = self.loss(denoiser, x0, self.schedule(time), dropped, generator, self.weight)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        self.optimiser.step()
        # A short memory at the start, where the weights are still far from any good.
        ema_update(self.average, denoiser, min(self.settings.ema, (done + 1) / (done + 1 + 10)))
        if not math.isfinite(loss.item()):
            raise ValueError(
                f"loss: {loss.item()} at step {done + 1}; lower lr, or look at the data"
            )
        self.losses.append(loss.item())
        self.pictures += len(x0)

    def _rate(self) -> float:
        """The learning rate of the next step: up in 100 steps, then down along a cosine."""
        plan, warm = self.settings, min(1, (self.step + 1) / 100)
        return plan.lr * (warm * (1 + math.cos(math.pi * self.step / plan.steps)) / 2)

    @property
    def kind(self) -> dict:
        """What two trainings must share, if one is to go on from the other: name -> value."""
        t = self.schedule(torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9], dtype=torch.float64))
        told = lambda values: " ".join(f"{value:.4g}" for value in values.tolist())
        return self.settings._asdict() | {
            "predicts": self.denoiser.predicts,
            "net": type(self.denoiser.net).__name__,
            "dtype": str(next(self.denoiser.parameters()).dtype),
            "schedule": f"alpha {told(t.alpha)}, sigma {told(t.sigma)}",
            "weight": self.weight and told(self.weight(t)),
            "loss": getattr(self.loss, "__qualname__", type(self.loss).__name__),
            "seed": self.generator.initial_seed(),
        }

    @torch.no_grad()
    def _price(self, average: NetDenoiser, step: int, drawn: Tensor) -> float | None:
        """What an average of the weights pays on the batch of a step; None before the first.

        It tells apart what has no name: data, and what a network or a loss computes. drawn is the
        state of the generator before that batch.
        """
        if step == 0:
            return None
        generator = torch.Generator(self.generator.device)
        generator.set_state(drawn)
        x0, c = self.batches(step, generator)
        t = self.schedule((torch.arange(len(x0)) + 0.5) / len(x0))
        with _own_luck(0, x0.device):
            return float(self.loss(average, x0, t, c, generator, self.weight))

    def save(self, path: Path) -> None:
        """Write all of it to a file, whole or not at all, so that `resume` can go on from here."""
        content = io.BytesIO()
        state = {
            "kind": self.kind,
            "live": self.denoiser.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "losses": self.losses,
            "seconds": self.seconds,
            "drawn": self.drawn,
            "price": self._price(self.average, self.step, self.drawn),
        }
        torch.save(state, content)
        files.write(path, content.getvalue())

    def resume(self, path: Path) -> None:
        """Go on from a file that `save` wrote, as if there had been no interruption.

        Raises FileProblem if the file is no such file, and ValueError, naming what differs, if it
        is of another training; batches must give again what they gave for a step and a generator.
        """
        repair = "Move it away to start anew, or keep this training elsewhere"
        with files.reading(path, "a training to resume", repair):
            state = torch.load(path, map_location="cpu", weights_only=True)
            if missing := KEPT - set(state if isinstance(state, dict) else ()):
                raise ValueError(f"a {type(state).__name__} without {', '.join(sorted(missing))}")
            names, step = state["kind"] | self.kind, len(state["losses"])
            wrong = [name for name in names if state["kind"].get(name) != self.kind.get(name)]
            other = differences(self.denoiser, state["live"])
        if wrong:
            there, here = ({n: kind.get(n) for n in wrong} for kind in (state["kind"], self.kind))
            raise ValueError(f"{path}: kept from a training with {there}; this one has {here}")
        if other:
            raise ValueError(f"{path}: kept from another network: {other}")
        average = copy.deepcopy(self.average)
        average.load_state_dict(state["average"])
        then, now = state["price"], self._price(average, step, state["drawn"])
        if step > 0 and not math.isclose(then, now, rel_tol=1e-3):
            raise ValueError(
                f"{path}: kept from another training: at step {step} its average cost {then:.4g}, "
                f"and here it costs {now:.4g}; the data, the network or the loss differ"
            )
        self.denoiser.load_state_dict(state["live"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.losses, self.seconds, self.drawn = state["losses"], state["seconds"], state["drawn"]


def train(denoiser, batches, schedule, steps, generator, **options) -> Iterator[Progress]:
    """Train step by step, yielding Progress whose denoiser is the average of the weights so far.

    Options and errors are `Training`'s.
    """
    return iter(Training(denoiser, batches, schedule, steps, generator, **options))


@torch.no_grad()
def ema_update(average: nn.Module, live: nn.Module, d: float) -> None:
    """Move every averaged weight the share 1 - d towards the live one; copy what is no weight."""
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.copy_(d * slow + (1 - d) * fast)
    for slow, fast in zip(average.buffers(), live.buffers(), strict=True):
        slow.copy_(fast)  # such as a batch norm's statistics, which are averages already


def has_bf16(device: torch.device | str = "cpu") -> bool:
    """Whether this processor computes in bfloat16 itself; where it does not, bf16 is slower."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def _own_luck(seed: int, device: torch.device) -> Iterator[None]:
    """What draws from torch's global generator, such as dropout, draws from this seed instead."""
    cuda = device.type == "cuda"
    luck = torch.cuda.default_generators[device.index] if cuda else torch.default_generator
    before = luck.get_state()
    luck.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        luck.set_state(before)
