"""How far apart are two sets of samples, how varied is one, and how much of it is off the scale?"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def frechet(a: Tensor, b: Tensor) -> float:
    """The squared 2-Wasserstein distance of two Gaussians with the means and covariances of a, b.

    a (n, D), b (m, D): features of two sets of pictures. Its estimate is biased upwards by small
    n: read it beside real against real at the same n. Heusel et al. 2017, eq. 6.

    Raises ValueError unless both are 2-D with the same D and at least 2 rows.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"a, b: shapes {tuple(a.shape)}, {tuple(b.shape)}; need (n >= 2, D) each")
    a, b = a.double(), b.double()
    root = _root(_cov(a))
    cross = torch.linalg.eigvalsh(root @ _cov(b) @ root).clamp(min=0).sqrt().sum()
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(shift + _cov(a).trace() + _cov(b).trace() - 2 * cross)


def w2(a: Tensor, b: Tensor | Callable[[Tensor], Tensor]) -> float:
    """How far sand must be carried, root mean square, to turn the heap a into the heap b.

    a (n,); b (m,), or the quantile function of a law, (k,) probabilities -> (k,) values. On a line
    the k-th smallest goes to the k-th smallest. Finite samples never reach 0: read it beside the
    distance of true samples at the same n. Peyré & Cuturi 2019, remark 2.30.

    Raises ValueError unless the samples are finite and 1-D.
    """
    for name, each in (("a", a), ("b", b)):
        if not callable(each):
            _check_finite(name, each)
            if each.ndim != 1 or len(each) == 0:
                raise ValueError(f"{name}: shape {tuple(each.shape)} given; need (n,), n >= 1")
    a = a.double().sort().values
    if callable(b):
        middle = (torch.arange(len(a), dtype=torch.float64) + 0.5) / len(a)
        return float((a - b(middle)).square().mean().sqrt())
    b = b.double().sort().values
    steps = [torch.arange(1, len(each) + 1, dtype=torch.float64) / len(each) for each in (a, b)]
    end = torch.cat(steps).sort().values  # where either quantile function jumps, (n + m,)
    width = end.diff(prepend=end.new_zeros(1))
    middle = end - width / 2
    gap = a[_rank(middle, a)] - b[_rank(middle, b)]
    return float((width * gap**2).sum().sqrt())


def within_class_distance(x: Tensor, label: Tensor) -> float:
    """How unlike each other two pictures of the same class are: their mean distance in pixels.

    x (B, ...), label (B,): the mean L2 distance of every pair of a class, then of the classes.
    Divide by the real data's: 1 is as varied as real, 0 is one picture per class.

    Raises ValueError unless x is finite, there is one label per picture, and two of each class.
    """
    _check_finite("x", x)
    if label.shape != x.shape[:1]:
        raise ValueError(f"label: shape {tuple(label.shape)} given; need ({len(x)},), one each")
    classes, count = label.unique(return_counts=True)
    if len(x) == 0 or int(count.min()) < 2:
        raise ValueError(f"label: classes of {count.tolist()} pictures given; need 2 or more each")
    flat = x.flatten(1).double()
    mean = [torch.nn.functional.pdist(flat[label == each]).mean() for each in classes]
    return float(torch.stack(mean).mean())


def saturated(x: Tensor, edge: float = 1.05) -> float:
    """The share of pixels that left [-edge, edge], and would be cut off when the picture is shown.

    Data fills [-1, 1] and sits at both ends, so an edge of 1 would count what is only rounding.

    Raises ValueError unless x is finite and not empty, and edge is above 0.
    """
    _check_finite("x", x)
    if x.numel() == 0 or not 0 < edge < math.inf:
        raise ValueError(f"x, edge: {x.numel()} pixels, {edge} given; need 1 or more, and edge > 0")
    return float((x.abs() > edge).double().mean())


def _check_finite(name: str, x: Tensor) -> None:
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: holds NaN or Inf; need finite values")


def _rank(u: Tensor, sample: Tensor) -> Tensor:
    return (u * len(sample)).long().clamp(max=len(sample) - 1)


def _cov(x: Tensor) -> Tensor:
    return torch.cov(x.T).reshape(x.shape[1], x.shape[1])  # a single column gives a 0-dim tensor


def _root(matrix: Tensor) -> Tensor:
    value, vector = torch.linalg.eigh(matrix)
    return vector * value.clamp(min=0).sqrt() @ vector.T
