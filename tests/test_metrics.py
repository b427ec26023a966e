"""Distances between sets of samples, against closed forms (oracle E4, first cases)."""

import math

import pytest
import torch

from lessons_lib.metrics import frechet, saturated, w2, within_class_distance


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


# --- w2 -------------------------------------------------------------------------------------------


def normal(n, seed=0):
    return torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_w2_of_a_translation_is_the_shift():
    a = normal(1000)
    mixed = (a + 3)[torch.randperm(1000, generator=torch.Generator().manual_seed(1))]
    assert w2(a, mixed) == pytest.approx(3, abs=1e-12)
    assert w2(a, a) == 0 and w2(a, mixed) == w2(mixed, a)


def test_w2_of_a_scaling_is_the_change_of_size():
    a = normal(1000)
    assert w2(a, 2.5 * a) == pytest.approx(1.5 * float(a.square().mean().sqrt()), abs=1e-12)


@pytest.mark.parametrize("mean, std", [(0, 1), (2, 1), (0, 3), (-1, 0.5)])
def test_w2_of_gaussians_against_a_quantile_function(mean, std):
    n = 200_000
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    exact = math.hypot(mean, std - 1)
    assert w2(torch.special.ndtri(middle), lambda u: mean + std * torch.special.ndtri(u)) == (
        pytest.approx(exact, abs=1e-4)
    )
    assert w2(normal(n), mean + std * normal(n, 1)) == pytest.approx(exact, abs=0.02)


def test_w2_of_two_sizes_is_that_of_the_repeated_samples():
    a, b = normal(6), normal(4, 1)
    assert w2(a, b) == pytest.approx(w2(a.repeat(2), b.repeat(3)), abs=1e-12)
    assert w2(torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.zeros(3)) == pytest.approx(0.5)  # √(1/4)


def test_w2_of_uniform_samples_against_their_law():
    """Evenly spread points meet their own law; a single point is the law's spread away."""
    assert w2((torch.arange(10) + 0.5) / 10, lambda u: u) == pytest.approx(0, abs=1e-7)
    assert w2(torch.zeros(1000), lambda u: u) == pytest.approx(1 / math.sqrt(3), abs=1e-6)


@pytest.mark.parametrize(
    "a, b, match",
    [
        (torch.zeros(3, 1), torch.zeros(3), r"a: shape \(3, 1\)"),
        (torch.zeros(3), torch.zeros(0), r"b: shape \(0,\)"),
        (torch.tensor([0.0, math.nan]), torch.zeros(2), "a: holds NaN"),
        (torch.zeros(2), torch.tensor([0.0, math.inf]), "b: holds NaN or Inf"),
    ],
)
def test_w2_names_what_is_wrong(a, b, match):
    with pytest.raises(ValueError, match=match):
        w2(a, b)


# --- within_class_distance ------------------------------------------------------------------------


def test_within_class_distance_by_hand():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    label = torch.tensor([7, 7, 2, 2, 2])
    assert within_class_distance(x, label) == pytest.approx((5 + 4 / 3) / 2)  # pairs 5; 1, 1, 2
    assert within_class_distance(x[:, None, :, None], label) == within_class_distance(x, label)


def test_within_class_distance_ignores_where_a_class_lies_and_follows_its_scale():
    x, label = normal(60).reshape(20, 3), torch.arange(20) % 4
    before = within_class_distance(x, label)
    assert within_class_distance(2 * x + 100 * label[:, None], label) == pytest.approx(2 * before)
    assert within_class_distance(label[:, None].float(), label) == 0


def test_within_class_distance_of_a_gaussian():
    """Two draws of N(0, 1) differ by N(0, 2): 2/√π on average."""
    distance = within_class_distance(normal(4000)[:, None], torch.zeros(4000))
    assert distance == pytest.approx(2 / math.sqrt(math.pi), abs=0.05)


@pytest.mark.parametrize(
    "x, label, match",
    [
        (torch.zeros(3, 2), torch.zeros(2), r"label: shape \(2,\) given; need \(3,\)"),
        (torch.zeros(3, 2), torch.tensor([0, 0, 1]), r"classes of \[2, 1\] pictures"),
        (torch.full((2, 2), math.nan), torch.zeros(2), "x: holds NaN"),
    ],
)
def test_within_class_distance_names_what_is_wrong(x, label, match):
    with pytest.raises(ValueError, match=match):
        within_class_distance(x, label)


# --- saturated ------------------------------------------------------------------------------------


def test_saturated_counts_what_left_the_range_at_either_end():
    x = torch.tensor([[-1.0, 1.0, 1.04, -1.06], [0.0, 3.0, -1.2, 0.5]])
    assert saturated(x) == 3 / 8 and saturated(x, 1.5) == 1 / 8 and saturated(x.clamp(-1, 1)) == 0


def test_saturated_of_a_gaussian_is_its_two_tails():
    assert saturated(normal(100_000), 1.0) == pytest.approx(math.erfc(math.sqrt(0.5)), abs=0.007)


@pytest.mark.parametrize(
    "x, edge, match",
    [
        (torch.zeros(0), 1.05, "0 pixels"),
        (torch.zeros(2), 0.0, "0.0 given"),
        (torch.zeros(2), math.nan, "nan given"),
        (torch.tensor([math.inf]), 1.0, "x: holds NaN or Inf"),
    ],
)
def test_saturated_names_what_is_wrong(x, edge, match):
    with pytest.raises(ValueError, match=match):
        saturated(x, edge)
