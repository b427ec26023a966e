"""From a network to a denoiser: what it predicts, its loss, its training, its checkpoint."""

import copy
import json
import math
import signal
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from tqdm import tqdm

from lessons_lib import diffuse, files, nets
from lessons_lib.levels import Level, Schedule
from lessons_lib.samplers import noise_like
from lessons_lib.wrap import NO_LABEL

TO_X0 = {
    "x0": lambda x, output, t: output,
    "eps": diffuse.x0_from_eps,
    "v": diffuse.x0_from_v,
    "flow": diffuse.x0_from_flow,
}
TARGET = {
    "x0": lambda x0, eps, t: x0,
    "eps": lambda x0, eps, t: eps,
    "v": diffuse.v,
    "flow": lambda x0, eps, t: diffuse.flow(x0, eps),
}


class NetDenoiser(nn.Module):
    """A network that predicts eps, x0, v or a flow velocity, seen as a denoiser.

    Raises ValueError for an unknown `predicts`, and for an eps-network asked where alpha = 0.
    """

    def __init__(self, net: nn.Module, predicts: str = "v"):
        super().__init__()
        if predicts not in TARGET:
            raise ValueError(f"predicts: {predicts!r} given; allowed are {', '.join(TARGET)}")
        self.net, self.predicts = net, predicts

    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        """The network's guess of the clean data, shaped like x (B, ...)."""
        t = t.to(x)
        if self.predicts == "eps" and bool((t.alpha == 0).any()):
            raise ValueError("t: alpha is 0 there, where eps says nothing about the data")
        return TO_X0[self.predicts](x, self.net(x, t, c), t)

    def loss(self, x0: Tensor, t: Level, c: Tensor | None = None, generator=None) -> Tensor:
        """Fog the data, let the network predict, and take the mean squared error, a 0-dim tensor.

        x0 (B, ...) floating point, t one level or B of them. Ho et al. 2020, eq. 14.
        """
        if not x0.is_floating_point():
            raise ValueError(f"x0: dtype {x0.dtype} given; need floating point data in [-1, 1]")
        t = t.to(x0)
        eps = noise_like(x0, generator)
        output = self.net(diffuse.q_sample(x0, t, eps), t, c)
        if output.shape != x0.shape:
            raise ValueError(f"net: returned {tuple(output.shape)} for x {tuple(x0.shape)}")
        return nn.functional.mse_loss(output, TARGET[self.predicts](x0, eps, t))


# --- training -------------------------------------------------------------------------------------


class Progress(NamedTuple):
    """Where training stands: steps done, the loss of this step, and the averaged denoiser."""

    step: int
    loss: float
    denoiser: NetDenoiser


Batches = Callable[[int, torch.Generator], tuple[Tensor, Tensor | None]]


def batches(x0: Tensor, c: Tensor | None = None, size: int = 128) -> Batches:
    """Random batches of a data set that fits in memory: f(step, generator) -> (x0, c).

    Warns if the data does not look like [-1, 1].
    """
    low, high = float(x0.min()), float(x0.max())
    if low >= 0 or max(-low, high) > 3:
        warnings.warn(
            f"x0 runs from {low:.3g} to {high:.3g}; diffusion expects about -1 to 1", stacklevel=2
        )

    def draw(step: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        pick = torch.randint(len(x0), (size,), generator=generator).to(x0.device)
        return x0[pick], None if c is None else c[pick]

    return draw


def train(
    denoiser: NetDenoiser,
    batches: Batches,
    schedule: Schedule,
    steps: int,
    generator: torch.Generator,
    lr: float = 2e-3,
    ema: float = 0.999,
    drop: float = 0.12,
) -> Iterator[Progress]:
    """Train step by step, yielding Progress whose denoiser is the average of the weights so far.

    AdamW with 100 warm-up steps and cosine decay to 0; drop is the share of samples, each on its
    own, that lose their label, so that one network learns both guesses that guidance needs.

    Raises ValueError for steps, lr, ema or drop out of range.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps: {steps!r} given; allowed are the integers from 1 up")
    for name, value, top in (("lr", lr, math.inf), ("ema", ema, 1), ("drop", drop, 1)):
        if not 0 <= value < top or (name == "lr" and value == 0):
            raise ValueError(f"{name}: {value} given; allowed is 0 to below {top}")
    return _train(denoiser, batches, schedule, steps, generator, lr, ema, drop)


def _train(denoiser, batches, schedule, steps, generator, lr, ema, drop) -> Iterator[Progress]:
    average = copy.deepcopy(denoiser).eval().requires_grad_(False)
    optimiser = torch.optim.AdamW(denoiser.parameters(), lr=lr, betas=(0.9, 0.99), fused=True)
    warmed = lambda i: min(1, (i + 1) / 100) * (1 + math.cos(math.pi * i / steps)) / 2
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, warmed)
    denoiser.train()
    for step in range(1, steps + 1):
        x0, c = batches(step, generator)
        time = (torch.arange(len(x0)) + torch.rand(len(x0), generator=generator)) / len(x0)
        with torch.enable_grad():
            loss = denoiser.loss(x0, schedule(time), drop_labels(c, drop, generator), generator)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        optimiser.step()
        rate.step()
        ema_update(average, denoiser, min(ema, step / (step + 10)))  # short memory at the start
        if not math.isfinite(loss.item()):
            raise ValueError(f"loss: {loss.item()} at step {step}; lower lr, or look at the data")
        yield Progress(step, loss.item(), average)
    denoiser.eval()


def fit(denoiser, batches, schedule, steps, generator, progress=True, **options) -> Tensor:
    """Train to the end, leave the averaged weights in the denoiser, return the losses (steps,).

    Ctrl-C ends training after the step in hand and keeps that step's average. Options are
    `train`'s.
    """
    losses = []
    with _deferred_interrupt() as interrupted:
        quiet = {} if progress else {"disable": True}  # left out, TQDM_DISABLE decides
        bar = tqdm(total=steps, desc="train", leave=False, **quiet)
        for step, loss, average in train(denoiser, batches, schedule, steps, generator, **options):
            losses.append(loss)
            bar.update()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{sum(losses[-20:]) / 20:.3f}")
            if interrupted:
                print(f"stopped after step {step} of {steps}; the average of its weights is kept")
                break
        bar.close()
    denoiser.load_state_dict(average.state_dict())
    denoiser.eval()
    return torch.tensor(losses)


def drop_labels(c: Tensor | None, share: float, generator: torch.Generator) -> Tensor | None:
    """Take the label from this share of the samples, each on its own.

    Ho & Salimans 2022, algorithm 1; a sample without a label has −1.
    """
    if c is None:
        return None
    dropped = torch.rand(len(c), generator=generator).to(c.device) < share
    return torch.where(dropped, NO_LABEL, c)


@torch.no_grad()
def ema_update(average: nn.Module, live: nn.Module, d: float) -> None:
    """Move every averaged weight the share 1 - d towards the live one."""
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.copy_(d * slow + (1 - d) * fast)


@contextmanager
def _deferred_interrupt() -> Iterator[list]:
    """Collect Ctrl-C instead of raising it; only the main thread may, elsewhere nothing changes."""
    interrupted: list = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


# --- checkpoints ----------------------------------------------------------------------------------


def save(path: Path, module: nn.Module, about: dict) -> None:
    """Write a module's weights and what they are about (net, its arguments, predicts, recipe)."""
    weights = {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
    files.write(path, to_safetensors(weights, {"about": json.dumps(about)}))


def load(name: str, folder: Path = files.DATA) -> nn.Module:
    """The shipped checkpoint of that name, ready to be asked: a NetDenoiser, or the judge.

    Raises FileProblem if the file is missing, altered, or does not fit the network it names.
    """
    file = f"checkpoints/{name}.safetensors"
    path = files.verified(file, folder)
    try:
        with safe_open(path, "pt") as opened:
            about = json.loads(opened.metadata()["about"])
            weights = {key: opened.get_tensor(key) for key in opened.keys()}
        net = getattr(nets, about["net"])(**about["arguments"])
        module = NetDenoiser(net, about["predicts"]) if "predicts" in about else net
        module.load_state_dict(weights)
    except (SafetensorError, struct.error, KeyError, TypeError, AttributeError, RuntimeError) as e:
        raise files.FileProblem(
            f"{path}: expected a checkpoint of this version of the course; found {e}. "
            f"Make it again with `lessons train {name}`"
        ) from e
    return module.eval().requires_grad_(False)
