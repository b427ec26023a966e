"""What a network predicts, turned into a guess of the data; and what its guess costs it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lessons_lib import diffuse
from lessons_lib.guards import function, need, one_of, whole
from lessons_lib.learn.feeding import Batches
from lessons_lib.levels import Level, Schedule
from lessons_lib.samplers import Dice, noise_like

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

Weight = Callable[[Level], Tensor]  # how much the loss on a level counts, shaped like t.alpha


class NetDenoiser(nn.Module):
    """A network that predicts eps, x0, v or a flow velocity, seen as a denoiser.

    Raises ValueError for an unknown `predicts`, and for an eps-network asked where alpha = 0.
    """

    def __init__(self, net: nn.Module, predicts: str = "v"):
        super().__init__()
        one_of("predicts", predicts, TARGET)
        function("net", net, "a UNet")
        self.net, self.predicts = net, predicts

    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        """The network's guess of the clean data, shaped like x (B, ...)."""
        t = t.to(x)
        if self.predicts == "eps" and bool((t.alpha == 0).any()):
            raise ValueError("t: alpha is 0 there, where eps says nothing about the data")
        return TO_X0[self.predicts](x, self.net(x, t, c), t)

    def loss(
        self,
        x0: Tensor,
        t: Level,
        c: Tensor | None = None,
        generator: Dice = None,
        weight: Weight | None = None,
    ) -> Tensor:
        """Fog the data, let the network predict, and take the mean squared error, a 0-dim tensor.

        x0 (B, ...) floating point, t one level or B of them; weight says how much a level counts
        (None: all the same); generator: one for all, or a list of one a sample. Ho et al. 2020,
        eq. 14.
        """
        if not x0.is_floating_point():
            raise ValueError(f"x0: dtype {x0.dtype} given; need floating point data in [-1, 1]")
        if x0.numel() == 0:
            raise ValueError(f"x0: shape {tuple(x0.shape)} given; need 1 sample or more")
        t = t.to(x0)
        eps = noise_like(x0, generator)
        output = self.net(diffuse.q_sample(x0, t, eps), t, c)
        return squared_error(output, TARGET[self.predicts](x0, eps, t), t, weight)


def squared_error(output: Tensor, target: Tensor, t: Level, weight: Weight | None) -> Tensor:
    """The mean squared error of (B, ...) tensors, each sample weighted by its level: 0-dim.

    Raises ValueError where the output would be broadcast.
    """
    if output.shape != target.shape:
        raise ValueError(f"net: returned {tuple(output.shape)} for x {tuple(target.shape)}")
    if weight is None:
        return nn.functional.mse_loss(output, target)
    return (weight(t) * nn.functional.mse_loss(output, target, reduction="none")).mean()


@torch.no_grad()
def loss_by_level(
    denoiser: NetDenoiser,
    batches: Batches,
    schedule: Schedule,
    generator: torch.Generator,
    levels: int = 20,
    repeats: int = 4,
) -> tuple[Tensor, Tensor]:
    """Where between data and noise the loss sits: lam (levels,), and the loss there (levels,).

    Times lie in the middle of equal parts; each loss is the mean of repeats batches. lam is
    log(alpha / sigma), large where the data is clean.

    Raises ValueError unless levels and repeats are 1 or more.
    """
    levels, repeats = whole("levels", levels), whole("repeats", repeats)
    times = (torch.arange(levels, dtype=torch.float64) + 0.5) / levels
    loss = []
    for t in map(schedule, times):
        drawn = (batches(i + 1, generator) for i in range(repeats))
        loss.append(torch.stack([denoiser.loss(x0, t, c, generator) for x0, c in drawn]).mean())
    return schedule(times).lam, torch.stack(loss)


def min_snr(gamma: float = 5.0, predicts: str = "x0") -> Weight:
    """Let no level count more than a signal-to-noise ratio of gamma would: a weight of the loss.

    The weight of the squared error of x0 is min(SNR, gamma); of v and of eps, what is the same
    demand in their units. Hang et al. 2023, section 3.4.

    Raises ValueError unless gamma is above 0 and predicts is x0, v or eps.
    """
    _check_gamma(gamma)
    weights = {
        "x0": lambda snr: snr.clamp(max=gamma),
        "v": lambda snr: snr.clamp(max=gamma) / (snr + 1),
        "eps": lambda snr: (gamma / snr).clamp(max=1),
    }
    one_of("predicts", predicts, weights)
    return lambda t: weights[predicts]((t.alpha / t.sigma) ** 2)


def clipped_v(gamma: float = 5.0) -> Weight:
    """Make the squared error of x0 count as the error of v does, but at most gamma times.

    The weight min(SNR + 1, gamma): noisy levels, where the picture is decided, keep the weight 1,
    and clean ones do not drown them. Where alpha² + sigma² = 1 the loss of v is that of x0 times
    SNR + 1 (Salimans & Ho 2022, section 4).

    Raises ValueError unless gamma is above 0.
    """
    _check_gamma(gamma)
    return lambda t: ((t.alpha / t.sigma) ** 2 + 1).clamp(max=gamma)


def _check_gamma(gamma: float) -> None:
    need("gamma", gamma, allowed="allowed is any number above 0", ok=lambda gamma: gamma > 0)
