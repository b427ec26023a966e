"""What of the drawn is false, and what of the real is missing? Counted by nearest neighbours.

Every point of a set has a ball that reaches to its k-th nearest neighbour in that set. All balls
together stand for the region where such points are found.
"""

from torch import Tensor

from lessons_lib.exact import distance
from lessons_lib.guards import whole
from lessons_lib.metrics.distances import check_pair


def precision(drawn: Tensor, real: Tensor, k: int = 3) -> float:
    """The share of what was drawn that lies in a ball of real data: how little is false.

    drawn (m, D), real (n, D). Kynkäänniemi et al. 2019, eq. 2.
    Raises ValueError unless both are finite, 2-D with the same D, and 1 <= k < n.
    """
    return float(_inside(drawn, real, k).any(1).double().mean())


def recall(drawn: Tensor, real: Tensor, k: int = 3) -> float:
    """The share of real data that lies in a ball of what was drawn: how little is left out.

    drawn (m, D), real (n, D). Kynkäänniemi et al. 2019, eq. 2.
    Raises ValueError unless both are finite, 2-D with the same D, and 1 <= k < m.
    """
    return float(_inside(real, drawn, k, "real, drawn").any(1).double().mean())


def density(drawn: Tensor, real: Tensor, k: int = 5) -> float:
    """The number of real balls that a drawn point lies in, divided by k, on average.

    drawn (m, D), real (n, D). Drawn from the same law it is 1 on average; it passes 1 where the
    drawn crowd in the thick of the data. The huge ball of one real outlier spoils precision, but
    counts here as one of k. Naeem et al. 2020.
    Raises ValueError unless both are finite, 2-D with the same D, and 1 <= k < n.
    """
    return float(_inside(drawn, real, k).double().sum(1).mean() / k)


def coverage(drawn: Tensor, real: Tensor, k: int = 5) -> float:
    """The share of real balls that hold a drawn point: recall, without the balls of outliers drawn.

    drawn (m, D), real (n, D). Drawn from the same law it is 1 - C(n-1, k) / C(m+n-1, k) on
    average, about 1 - 2^-k for m = n. Naeem et al. 2020.
    Raises ValueError unless both are finite, 2-D with the same D, and 1 <= k < n.
    """
    return float(_inside(drawn, real, k).any(0).double().mean())


def _inside(points: Tensor, centres: Tensor, k: int, name: str = "drawn, real") -> Tensor:
    """Does a point lie in the ball of a centre? points (m, D), centres (n, D) -> (m, n)."""
    points, centres = check_pair(name, points, centres)
    k = whole("k", k, 1, len(centres) - 1)
    radius = distance(centres, centres).kthvalue(k + 1).values  # the first is itself, at 0
    return distance(points, centres) <= radius
