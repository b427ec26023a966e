"""How sure is a number, and which number would perfection get?"""

import torch
from torch import Tensor

from lessons_lib.guards import need, whole


def error_bar(
    metric, *samples, generator: torch.Generator, times: int = 100
) -> tuple[float, float] | tuple[Tensor, Tensor]:
    """A metric of these samples, and how far it would stray had they been drawn anew.

    metric(*samples) -> a number, or a tensor of them; the answer is (value, standard error), alike.
    A row is what was drawn independently. A tuple of tensors keeps its rows together:
    error_bar(within_class_distance, (x, label), generator=g). Real data are a draw too, so every
    sample given is cut; one that the metric holds itself, as a lambda can, counts as fixed.

    Cut the rows in two at random: two experiments, each of half the size and twice the variance.
    Their difference has four times the variance, so *half the difference strays as far as the
    whole*. The error is its root mean square over `times` cuts. A bias that n decides cancels.
    For a distance nearly at its floor it is up to about 1.5 times too large. The bootstrap, which
    draws rows with replacement, will not do: a row drawn twice is its own nearest neighbour.

    Raises ValueError unless there are 2 rows or more, as many in each tensor of a tuple, and
    times is 1 or more.
    """
    need("samples", *samples, allowed="need one set of samples or more", ok=lambda *s: len(s) > 0)
    parts = [each if isinstance(each, tuple) else (each,) for each in samples]
    for part in parts:
        rows = [len(column) for column in part]
        if min(rows) < 2 or len(set(rows)) > 1:
            raise ValueError(f"samples: {rows} rows given; need 2 or more, the same in a tuple")
    times = whole("times", times)

    def ask(rows: list[Tensor]) -> Tensor:
        chosen = [column[row] for part, row in zip(parts, rows, strict=True) for column in part]
        return torch.as_tensor(metric(*chosen), dtype=torch.float64)

    gaps = []
    for _ in range(times):
        mixed = [torch.randperm(len(part[0]), generator=generator) for part in parts]
        first = [row[: len(row) // 2] for row in mixed]
        second = [row[(len(row) + 1) // 2 :] for row in mixed]
        gaps.append((ask(first) - ask(second)) / 2)
    error = torch.stack(gaps).square().mean(0).sqrt()
    value = metric(*(column for part in parts for column in part))
    return value, error if isinstance(value, Tensor) else float(error)


def floor(
    metric, real: Tensor, n: int, generator: torch.Generator, times: int = 20
) -> tuple[float, float]:
    """What a metric says of real against real, n rows each: no model can be asked for more.

    metric(a, b) -> a number; real (N, ...). The median over `times` random pairs of parts without
    a common row, and the standard deviation of one pair. Hold metric(drawn, real) against it, with
    n rows each: both have the same bias.

    Raises ValueError unless real holds two parts of n rows, and times is 2 or more.
    """
    n, times = whole("n", n, 1, len(real) // 2), whole("times", times, 2)
    found = []
    for _ in range(times):
        mixed = torch.randperm(len(real), generator=generator)
        found.append(metric(real[mixed[:n]], real[mixed[n : 2 * n]]))
    found = torch.tensor(found, dtype=torch.float64)
    return float(found.quantile(0.5)), float(found.std())
