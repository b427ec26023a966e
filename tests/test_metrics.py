"""Distances between sets of samples, against closed forms (oracle E4, first cases)."""

import pytest
import torch

from lessons_lib.metrics import frechet


def exact_moments(n, mean, cov, seed=0):
    """n points whose sample mean and covariance are exactly these."""
    mean, cov = torch.as_tensor(mean).double(), torch.as_tensor(cov).double()
    raw = torch.randn(
        n, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    raw = raw - raw.mean(0)
    white = raw @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(raw.T).reshape(cov.shape))).T
    return mean + white @ torch.linalg.cholesky(cov).T


@pytest.mark.parametrize(
    "mean, std, expected", [(0, 1, 0), (1, 1, 1), (1, 1.5, 1.25), (2, 1, 4), (0, 2, 1), (2, 2, 5)]
)
def test_one_dimension_is_shift_plus_spread(mean, std, expected):
    a, b = exact_moments(200, [0], [[1]]), exact_moments(200, [mean], [[std**2]], seed=1)
    assert frechet(a, b) == pytest.approx(expected, abs=1e-9)


def test_covariances_that_commute():
    a = exact_moments(300, [0, 0], [[1, 0], [0, 4]])
    b = exact_moments(300, [0, 3], [[9, 0], [0, 1]], seed=1)
    assert frechet(a, b) == pytest.approx(9 + (3 - 1) ** 2 + (2 - 1) ** 2, abs=1e-9)


def test_it_is_symmetric_and_zero_only_for_equals():
    cov = torch.tensor([[2.0, 0.7], [0.7, 1.0]])
    a, b = exact_moments(100, [0, 0], cov), exact_moments(100, [0, 0], torch.eye(2), seed=1)
    assert frechet(a, b) == pytest.approx(frechet(b, a), abs=1e-9) and frechet(a, b) > 0.1
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_small_samples_inflate_it():
    draw = lambda n, seed: torch.randn(n, 20, generator=torch.Generator().manual_seed(seed))
    assert frechet(draw(50, 0), draw(50, 1)) > 3 * frechet(draw(1000, 0), draw(1000, 1))


@pytest.mark.parametrize("a, b", [((3,), (3,)), ((3, 2), (3, 4)), ((1, 2), (3, 2))])
def test_bad_shapes_are_named(a, b):
    with pytest.raises(ValueError, match="a, b: shapes"):
        frechet(torch.zeros(a), torch.zeros(b))
