"""The same steps with the arithmetic folded: for a sampler that runs all day, not for reading.

A step of DDIM or of 2M is a weighted sum of two or three tensors. Here the weights are worked out
as plain numbers first, and the sum is made in place. Equal to the readable steps up to rounding,
which a test holds them to. They want one level for all samples, and raise ValueError otherwise.
"""

import math

from torch import Tensor

from lessons_lib.guards import one_for_all
from lessons_lib.levels import Level
from lessons_lib.samplers import Step


def ddim(denoise, x, t, s, last=None, generator=None) -> Step:
    """`samplers.ddim` with eta = 0."""
    one_for_all("fast.ddim", t, s)
    x0 = denoise(x, t)
    keep = float(s.sigma) / float(t.sigma)
    new = float(s.alpha) - keep * float(t.alpha)
    return Step(_mixed(x, keep, x0, new), x0, t)


def dpmpp_2m(denoise, x, t, s, last=None, generator=None) -> Step:
    """`solvers.dpmpp_2m`."""
    one_for_all("fast.dpmpp_2m", t, s)
    x0 = denoise(x, t)
    keep = float(s.sigma) / float(t.sigma)
    new = float(s.alpha) - keep * float(t.alpha)
    if last is None or keep == 0:
        return Step(_mixed(x, keep, x0, new), x0, t)
    lam_s, lam_t, lam_last = _lam(s), _lam(t), _lam(last.t)
    carry = new * (lam_s - lam_t) / (2 * (lam_t - lam_last))
    return Step(_mixed(x, keep, x0, new + carry).add_(last.x0, alpha=-carry), x0, t)


def _mixed(x: Tensor, a: float, y: Tensor, b: float) -> Tensor:
    return (a * x).add_(y, alpha=b)


def _lam(t: Level) -> float:
    return math.log(float(t.alpha) / float(t.sigma)) if t.alpha > 0 else -math.inf
