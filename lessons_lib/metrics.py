"""How far apart are two sets of samples?"""

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


def _cov(x: Tensor) -> Tensor:
    return torch.cov(x.T).reshape(x.shape[1], x.shape[1])  # a single column gives a 0-dim tensor


def _root(matrix: Tensor) -> Tensor:
    value, vector = torch.linalg.eigh(matrix)
    return vector * value.clamp(min=0).sqrt() @ vector.T
