"""Denoisers known in closed form, in float32 at least: the truth that all else is judged by."""

import math

import torch
from torch import Tensor, nn

from lessons_lib.guards import NO_LABEL, condition, numbers, whole, wide
from lessons_lib.levels import Level


class MixtureDenoiser(nn.Module):
    """The exact denoiser of a mixture of K round Gaussians in D dimensions.

    mu (K, D), std (K,) >= 0, weight (K,) > 0 (made to sum to 1), label (K,) integers or None.
    Raises ValueError for shapes that do not fit and values out of range.
    """

    def __init__(self, mu, std, weight=None, label=None):
        super().__init__()
        mu, std = (numbers("mu, std", value, dtype=torch.float64) for value in (mu, std))
        weight = [1.0] * len(mu) if weight is None else weight
        weight = numbers("weight", weight, dtype=torch.float64)
        if mu.ndim != 2 or len(mu) == 0 or std.shape != (len(mu),) or weight.shape != (len(mu),):
            shapes = tuple(mu.shape), tuple(std.shape), tuple(weight.shape)
            raise ValueError(f"mu, std, weight: shapes {shapes} given; need (K, D), (K,), (K,)")
        finite = all(bool(each.isfinite().all()) for each in (mu, std, weight))
        if not finite or bool((weight <= 0).any()) or bool((std < 0).any()):
            raise ValueError(
                f"weight, std: {weight.tolist()}, {std.tolist()}; need > 0 and >= 0, and finite mu"
            )
        label = label if label is None else numbers("label", label)
        if label is not None and len(label) != len(mu):
            raise ValueError(f"label: {len(label)} given for {len(mu)} components; need as many")
        self.register_buffer("mu", mu)
        self.register_buffer("std", std)
        self.register_buffer("log_weight", torch.log(weight / weight.sum()))
        self.register_buffer("label", label)

    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        """E[x0 | x_t = x], (B, D): every component's own guess, weighed by its share of x."""
        dtype, x = x.dtype, wide(x)
        offset, var = self._offset(x, t), self._var(x, t)
        gain = t.to(x).alpha * self.std.to(x) ** 2 / var
        guess = self.mu.to(x) + gain[..., None] * offset  # (B, K, D)
        share = self._log_joint(offset, var, c).softmax(dim=1)  # (B, K)
        return (share[..., None] * guess).sum(dim=1).to(dtype)

    def log_prob(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        """log p_t(x), (B,): the density of the data in the fog of level t."""
        dtype, x = x.dtype, wide(x)
        log_joint = self._log_joint(self._offset(x, t), self._var(x, t), c)
        return (log_joint.logsumexp(1) - self._log_weight(x, c).logsumexp(1)).to(dtype)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n points of the data, (n, D), float64."""
        n = whole("n", n)
        k = torch.multinomial(self.log_weight.exp(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.mu.shape[1], generator=generator, dtype=torch.float64)
        return self.mu[k] + self.std[k, None] * noise

    def _offset(self, x: Tensor, t: Level) -> Tensor:
        if x.shape[1:] != self.mu.shape[1:]:
            shapes = tuple(x.shape), self.mu.shape[1]
            raise ValueError(f"x: shape {shapes[0]} given; need (B, {shapes[1]})")
        x = x[:, None]  # (B, 1, D)
        return x - t.to(x).alpha * self.mu.to(x)  # (B, K, D)

    def _var(self, x: Tensor, t: Level) -> Tensor:
        t = t.to(x)
        return t.alpha**2 * self.std.to(x) ** 2 + t.sigma**2  # (K,) or (B, K)

    def _log_joint(self, offset: Tensor, var: Tensor, c: Tensor | None) -> Tensor:
        dim = offset.shape[-1]
        log_normal = -(offset**2).sum(-1) / (2 * var) - dim / 2 * torch.log(2 * math.pi * var)
        return self._log_weight(offset, c) + log_normal  # (B, K)

    def _log_weight(self, x: Tensor, c: Tensor | None) -> Tensor:
        log_weight = self.log_weight.to(x).expand(len(x), -1)
        if c is None:
            return log_weight
        if self.label is None:
            raise ValueError("c: a condition was given, but this mixture has no labels")
        c = condition(c, x).reshape(-1, 1)
        allowed = (self.label == c) | (c == NO_LABEL)
        if not bool(allowed.any(dim=1).all()):
            raise ValueError(
                f"c: {c.flatten().tolist()} given; allowed are {sorted(set(self.label.tolist()))}"
            )
        return log_weight.masked_fill(~allowed, -math.inf)


class DatasetDenoiser(nn.Module):
    """The exact denoiser of a finite data set: an average of all that the fog could hide.

    data (N, ...); x (B, ...) with the same trailing shape.
    """

    def __init__(self, data: Tensor):
        super().__init__()
        data = numbers("data", data)
        if data.ndim < 2 or len(data) == 0:
            raise ValueError(f"data: shape {tuple(data.shape)} given; need (N, ...), N >= 1")
        self.register_buffer("data", data)

    def forward(self, x: Tensor, t: Level) -> Tensor:
        """softmax_i(-|x - alpha x_i|² / 2 sigma²) · X, shaped like x."""
        if bool((t.sigma == 0).any()):
            raise ValueError("t: sigma is 0 there, where x is the data itself; ask where sigma > 0")
        flat = wide(x).flatten(1)
        data = self.data.to(flat).flatten(1)
        if flat.shape[1] != data.shape[1]:
            shapes = tuple(x.shape[1:]), tuple(self.data.shape[1:])
            raise ValueError(f"x: samples of shape {shapes[0]} given; the data's are {shapes[1]}")
        t = t.to(flat)
        if t.alpha.ndim == 0:
            gap = distance(flat, t.alpha * data)
        else:  # every sample sees the data at its own level
            gap = distance(flat[:, None], t.alpha[..., None] * data)[:, 0]
        share = torch.softmax(-(gap**2) / (2 * t.sigma**2), dim=1)  # (B, N)
        return (share @ data).reshape(x.shape).to(x.dtype)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """|a - b|, (n, m), without the expanded square: up to 20 % wrong for near rows in float32."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
