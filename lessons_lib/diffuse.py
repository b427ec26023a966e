"""One line, turned every useful way: ``x_t = alpha_t * x0 + sigma_t * eps``.

Every function takes tensors of one shape, (B, ...), and a level t that fits them (`Level.to`).
"""

from torch import Tensor

from lessons_lib.levels import Level


def q_sample(x0: Tensor, t: Level, eps: Tensor) -> Tensor:
    """Walk from data into the fog in one jump (Ho et al. 2020, eq. 4)."""
    return t.alpha * x0 + t.sigma * eps


def x0_from_eps(x: Tensor, eps: Tensor, t: Level) -> Tensor:
    """If this is the noise, that was the data."""
    return (x - t.sigma * eps) / t.alpha


def eps_from_x0(x: Tensor, x0: Tensor, t: Level) -> Tensor:
    """If this was the data, that is the noise."""
    return (x - t.alpha * x0) / t.sigma


def v(x0: Tensor, eps: Tensor, t: Level) -> Tensor:
    """The velocity on the circle from data to noise (Salimans & Ho 2022, section 4)."""
    return t.alpha * eps - t.sigma * x0


def x0_from_v(x: Tensor, v: Tensor, t: Level) -> Tensor:
    """The data that x and its v point back to; right on every level, not on the circle alone."""
    return (t.alpha * x - t.sigma * v) / (t.alpha**2 + t.sigma**2)


def eps_from_v(x: Tensor, v: Tensor, t: Level) -> Tensor:
    """The noise that x and its v point to; right on every level."""
    return (t.sigma * x + t.alpha * v) / (t.alpha**2 + t.sigma**2)


def flow(x0: Tensor, eps: Tensor) -> Tensor:
    """The velocity of the straight path from data to noise (Lipman et al. 2023)."""
    return eps - x0


def x0_from_flow(x: Tensor, u: Tensor, t: Level) -> Tensor:
    """The data that x and its straight-path velocity u point back to."""
    return (x - t.sigma * u) / (t.alpha + t.sigma)


def score(x: Tensor, x0: Tensor, t: Level) -> Tensor:
    """Uphill in log density, if x0 is the mean of the data: -eps / sigma (Vincent 2011)."""
    return (t.alpha * x0 - x) / t.sigma**2
