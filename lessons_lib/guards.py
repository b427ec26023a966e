"""What a function may be given, in one place: a bad argument ends in an error that names it.

Each raises a ValueError with the argument's name, the value, and what is allowed.
"""

import math
import operator
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

NO_LABEL = -1  # the condition of a sample without one


def need(name: str, *values, allowed: str, ok: Callable[..., bool]) -> None:
    """Refuse values for which ok(*values) is not true, or cannot be said."""
    try:
        fine = bool(ok(*values))
    except (TypeError, ValueError, RuntimeError, AttributeError, OverflowError):
        fine = False
    if not fine:
        said = " ".join(", ".join(map(repr, values)).split())  # a tensor's lines as one
        raise ValueError(f"{name}: {said} given; {allowed}")


def whole(name: str, value, low: int = 1, high: int | None = None) -> int:
    """A whole number of any integer type, NumPy's too, as an int; never True or False."""
    allowed = f"the integers from {low} up" if high is None else f"the integers {low} to {high}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    top = math.inf if high is None else high
    need(name, value, allowed=f"allowed are {allowed}", ok=lambda _: low <= number <= top)
    return number


def positive(name: str, value) -> None:
    """Refuse what is not a finite number above 0."""
    need(name, value, allowed="allowed is any number above 0", ok=lambda v: 0 < v < math.inf)


def one_of(name: str, value, known: Iterable[str]) -> None:
    """Refuse what is not among the names that are known."""
    need(name, value, allowed=f"allowed are {', '.join(known)}", ok=lambda value: value in known)


def function(name: str, value, example: str) -> None:
    """Refuse what cannot be called."""
    need(name, value, allowed=f"need a function, such as {example}", ok=callable)


def numbers(name: str, value, **like) -> Tensor:
    """A number, or a nested list of them, as a tensor (of this dtype, on this device)."""
    try:
        return torch.as_tensor(value, **like)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"{name}: {value!r} given; need a number, or a tensor of them") from None


def dice(generator, x: Tensor) -> None:
    """Refuse a generator, or a list of one per sample, that cannot draw noise for x (B, ...)."""
    if generator is None:
        return
    many = isinstance(generator, Sequence)
    if many and len(generator) != len(x):
        raise ValueError(
            f"generator: {len(generator)} given for {len(x)} samples; need 1 or as many"
        )
    for g in generator if many else [generator]:
        if not hasattr(g, "device"):
            raise ValueError(f"generator: {g!r} given; need a torch.Generator, or one per sample")
        if g.device.type not in ("cpu", x.device.type):
            raise ValueError(
                f"generator: on {g.device}, x on {x.device}; need the same device, or the CPU"
            )


def seeded(seed: int = 0) -> torch.Generator:
    """A generator of one's own, on the CPU, which draws the same whenever the seed is the same."""
    return torch.Generator().manual_seed(whole("seed", seed, -(2**63), 2**63 - 1))


def start(x: Tensor, levels, generator) -> list:
    """The levels of a walk, shaped to fit x, once x, levels and generator fit each other."""
    kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise ValueError(f"x: dtype {kind} given; need floating point noise, such as float32")
    if not finite(x):
        raise ValueError("x: holds NaN or Inf; need finite noise")
    dice(generator, x)
    levels = list(levels) if isinstance(levels, Iterable) else []
    if len(levels) < 2 or not all(hasattr(t, "alpha") for t in levels):
        raise ValueError(f"levels: {len(levels)} given; need at least 2, noisiest first")
    if x.itemsize < 4 and any(t.alpha.ndim for t in levels):
        raise ValueError(f"x: {kind} given, too coarse for one level per sample; need float32")
    fields = [*(t.alpha for t in levels), *(t.sigma for t in levels)]
    alpha, sigma = torch.stack(torch.broadcast_tensors(*fields)).chunk(2)  # fast: one division
    ratio = sigma / alpha
    if not bool((ratio[1:] < ratio[:-1]).all()):
        raise ValueError(
            "levels: sigma/alpha must fall from each level to the next, noisiest first"
        )
    return [t.to(x) for t in levels]


def finite(x: Tensor) -> bool:
    """Whether x holds neither NaN nor Inf, as far as one can look (not on the meta device).

    By their sum, which is cheap; only where that is not finite, number by number.
    """
    if x.device.type == "meta":
        return True
    total = x.sum(dtype=torch.float32 if x.itemsize < 4 else None)
    return math.isfinite(total) or bool(torch.isfinite(x).all())


def moment(time) -> Tensor:
    """A time, or a tensor of them, as float64 on the CPU."""
    return unit("time", time, "0 (data) to 1 (noise)")


def unit(name: str, value, allowed: str = "0 to 1") -> Tensor:
    """A number from 0 to 1, or a tensor of them, as float64 on the CPU."""
    value = numbers(name, value, dtype=torch.float64, device="cpu")
    if not bool(((value >= 0) & (value <= 1)).all()):
        raise ValueError(f"{name}: {value.tolist()} given; allowed is {allowed}")
    return value


def answer(x0, x: Tensor) -> Tensor:
    """What a denoiser said of x, refused where it would broadcast silently."""
    if not isinstance(x0, Tensor) or x0.shape != x.shape or x0.device != x.device:
        said = f"{tuple(x0.shape)} on {x0.device}" if isinstance(x0, Tensor) else type(x0).__name__
        raise ValueError(
            f"denoise: returned {said} for x {tuple(x.shape)} on {x.device}; "
            "need the same shape and device"
        )
    return x0


def condition(c, x: Tensor) -> Tensor:
    """One condition per sample of x, from one for all or one each; a number or a list will do."""
    c = c if isinstance(c, Tensor) else numbers("c", c, device=x.device)
    if c.device != x.device:
        raise ValueError(f"c: on {c.device}, x on {x.device}; need the same device")
    c = c[None] if c.ndim == 0 else c
    if len(c) not in (1, len(x)):
        raise ValueError(f"c: {len(c)} conditions for {len(x)} samples; need 1 or as many")
    return c.expand(len(x), *c.shape[1:])


def one_for_all(who: str, *levels) -> None:
    """Refuse one level per sample where a step decides by the level how to go on."""
    for level in levels:
        if level.alpha.ndim:
            raise ValueError(f"t: {len(level.alpha)} levels given; {who} needs one for all samples")


def strength(name: str, w) -> float | Tensor:
    """A finite factor for all samples, as a float, or one for each, (B,)."""
    each = numbers(name, w, dtype=torch.float64)
    need(
        name,
        w,
        allowed="allowed is any finite number, or one per sample, (B,)",
        ok=lambda w: each.ndim < 2 and each.isfinite().all(),
    )
    return float(each) if each.numel() == 1 else each


def fit(name: str, w: float | Tensor, x: Tensor) -> float | Tensor:
    """What `strength` gave, ready to multiply x (B, ...)."""
    if not isinstance(w, Tensor):
        return w
    if len(w) != len(x):
        raise ValueError(f"{name}: {len(w)} given for {len(x)} samples; need 1 or as many")
    return per_sample(w.to(x), x)


def wide(x: Tensor) -> Tensor:
    """x in float32 at least: halves cannot hold a squared distance at sigma = 80, or a variance."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def per_sample(value: Tensor, x: Tensor) -> Tensor:
    """One value per sample, (B,) or (B, 1, ..., 1), shaped to multiply x (B, ...)."""
    return value.reshape(len(x), *[1] * (x.ndim - 1))
