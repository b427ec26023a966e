"""How far apart are two sets of samples? Numbers that are 0, or scatter about 0, for one law."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.exact import distance
from lessons_lib.guards import need, whole


def frechet(a: Tensor, b: Tensor) -> float:
    """The squared 2-Wasserstein distance of two Gaussians with the means and covariances of a, b.

    a (n, D), b (m, D): features of two sets of pictures. Its estimate is biased upwards, by about
    (2D + D(D + 1)/2) / n where all D features are independent with spread 1: read it beside `floor`
    at the same n. Heusel et al. 2017, eq. 6.

    Raises ValueError unless both are finite, 2-D with the same D, and of at least 2 rows.
    """
    a, b = check_pair("a, b", a, b)
    cov_a, cov_b = _cov(a), _cov(b)
    root = _root(cov_a)
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(shift + cov_a.trace() + cov_b.trace() - 2 * cross)


def w2(a: Tensor, b: Tensor | Callable[[Tensor], Tensor]) -> float:
    """How far sand must be carried, root mean square, to turn the heap a into the heap b.

    a (n,); b (m,), or the quantile function of a law, (k,) probabilities -> (k,) values. On a line
    the k-th smallest goes to the k-th smallest. Finite samples never reach 0: read it beside the
    distance of true samples at the same n. Peyré & Cuturi 2019, remark 2.30.

    Raises ValueError unless the samples are finite and 1-D.
    """
    for name, each in (("a", a), ("b", b)):
        if not callable(each):
            check_finite(name, each)
            if each.ndim != 1 or len(each) == 0:
                raise ValueError(f"{name}: shape {tuple(each.shape)} given; need (n,), n >= 1")
    if callable(b):
        middle = (torch.arange(len(a), dtype=torch.float64) + 0.5) / len(a)
        return float((a.double().sort().values - b(middle)).square().mean().sqrt())
    return float(_carry(a.double(), b.double()).sqrt())


def sliced_w2(a: Tensor, b: Tensor, generator: torch.Generator, directions: int = 100) -> float:
    """Project two clouds on a line, measure w2 there, and average it over many lines.

    a (n, D), b (m, D); the root of the mean of w2² over random unit directions, the same ones for
    the same seed. Over all directions it is at most W2 / √D, and just that for a shift. Finite
    samples never reach 0: read it beside `floor`. Bonneel et al. 2015.

    Raises ValueError unless both are finite, 2-D with the same D, of at least 2 rows, and
    directions is 1 or more.
    """
    a, b = check_pair("a, b", a, b)
    directions = whole("directions", directions)
    side = torch.randn(directions, a.shape[1], dtype=torch.float64, generator=generator)
    side = torch.nn.functional.normalize(side)
    return float(_carry(side @ a.T, side @ b.T).mean().sqrt())


def cubic_kernel(a: Tensor, b: Tensor) -> Tensor:
    """How alike two rows are: (a·b / D + 1)³, which sees means, covariances and third moments.

    a (n, D), b (m, D) -> (n, m). Features should be about 1 in size: far larger ones are cubed,
    and a few rows decide. Bińkowski et al. 2018.
    """
    return (a @ b.T / a.shape[1] + 1) ** 3


def gaussian_kernel(width: float) -> Callable[[Tensor, Tensor], Tensor]:
    """How alike two rows are: exp(-|a - b|² / 2 width²), 1 for equals, 0 beyond a few widths.

    A kernel, a (n, D), b (m, D) -> (n, m), sees every difference that is about a width in size.
    Raises ValueError unless width is finite and above 0.
    """
    line = "need a finite number above 0"
    need("width", width, allowed=line, ok=lambda width: 0 < width < math.inf)
    return lambda a, b: torch.exp(-(distance(a, b) ** 2) / (2 * width**2))


def kernel_distance(a: Tensor, b: Tensor, kernel=cubic_kernel) -> float:
    """How much more alike two rows of one set are than two of different sets: MMD², unbiased.

    a (n, D), b (m, D); kernel(a, b) -> (n, m); with the cubic one this is the KID. No row meets
    itself, so the mean over many samples is the truth at any n; equal laws scatter about 0, on
    both sides. Gretton et al. 2012, lemma 6.

    Raises ValueError unless both are finite, 2-D with the same D, and of at least 2 rows.
    """
    a, b = check_pair("a, b", a, b)
    return float(_alike(kernel(a, a)) + _alike(kernel(b, b)) - 2 * kernel(a, b).mean())


def check_pair(name: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """a, b in float64; ValueError unless finite, (n, D) and (m, D), with 2 rows or more."""
    if (
        a.ndim != 2
        or b.ndim != 2
        or a.shape[1] != b.shape[1]
        or min(len(a), len(b)) < 2
        or a.shape[1] == 0
    ):
        shapes = tuple(a.shape), tuple(b.shape)
        raise ValueError(f"{name}: shapes {shapes[0]}, {shapes[1]}; need (n >= 2, D) each, D >= 1")
    check_finite(name, a)
    check_finite(name, b)
    return a.double(), b.double()


def check_finite(name: str, x: Tensor) -> None:
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: holds NaN or Inf; need finite values")


def _cov(x: Tensor) -> Tensor:
    return torch.cov(x.T).reshape(x.shape[1], x.shape[1])  # a single column gives a 0-dim tensor


def _root(matrix: Tensor) -> Tensor:
    value, vector = torch.linalg.eigh(matrix)
    return vector * value.clamp(min=0).sqrt() @ vector.T


def _carry(a: Tensor, b: Tensor) -> Tensor:
    """w2² of a (..., n) and b (..., m) along the last axis, (...)."""
    a, b = a.sort().values, b.sort().values
    steps = [torch.arange(1, n + 1, dtype=torch.float64) / n for n in (a.shape[-1], b.shape[-1])]
    end = torch.cat(steps).sort().values  # where either quantile function jumps, (n + m,)
    width = end.diff(prepend=end.new_zeros(1))
    middle = end - width / 2
    return (width * (_quantile(a, middle) - _quantile(b, middle)) ** 2).sum(-1)


def _quantile(ordered: Tensor, u: Tensor) -> Tensor:
    n = ordered.shape[-1]
    return ordered[..., (u * n).long().clamp(max=n - 1)]


def _alike(kernel: Tensor) -> Tensor:
    """The mean of a square kernel matrix without its diagonal, where a row meets itself."""
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))
