"""Metrics against closed forms, loops and peers; their error bars against fresh samples (E4)."""

import math
import statistics
from functools import partial

import pytest
import torch
from family import seeded

from lessons_lib.metrics import (
    coarse,
    coverage,
    cubic_kernel,
    density,
    distance,
    error_bar,
    fidelity,
    floor,
    frechet,
    gaussian_kernel,
    kernel_distance,
    precision,
    recall,
    saturated,
    sliced_w2,
    w2,
    within_class_distance,
)


def normal(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=seeded(seed))


def mean_is(expected, found, bias=0.0):
    """The mean of independent estimates lies within 4.5 standard errors (and a known bias)."""
    error = statistics.stdev(found) / math.sqrt(len(found))
    assert abs(statistics.fmean(found) - expected) < 4.5 * error + bias


def exact_moments(n, mean, cov, seed=0):
    """n points whose sample mean and covariance are exactly these."""
    mean, cov = torch.as_tensor(mean).double(), torch.as_tensor(cov).double()
    raw = normal(n, len(mean), seed=seed)
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


def test_frechet_is_that_of_a_peer():
    ot = pytest.importorskip("ot.gaussian")
    a, b = normal(60, 7), 2 * normal(50, 7, seed=1) + 1
    moments = [each.numpy() for x in (a, b) for each in (x.mean(0), torch.cov(x.T))]
    peer = ot.bures_wasserstein_distance(moments[0], moments[2], moments[1], moments[3])
    assert frechet(a, b) == pytest.approx(float(peer) ** 2, rel=1e-10)


def test_a_translation_costs_its_square():
    a, shift = normal(50, 7), normal(7, seed=1)
    assert frechet(a, a + shift) == pytest.approx(float(shift @ shift), abs=1e-9)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_its_bias_is_known_exactly_in_one_dimension(n):
    """Means differ by 2/n in square; the spread of n draws is c on average, and 1 in square."""
    c = math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)
    found = [frechet(*normal(2, n, 1, seed=seed)) for seed in range(600)]
    mean_is(2 / n + 2 * (1 - c**2), found)


@pytest.mark.parametrize("d, n", [(2, 100), (8, 400)])
def test_its_bias_grows_with_the_square_of_the_dimension_over_n(d, n):
    found = [frechet(*normal(2, n, d, seed=seed)) for seed in range(300)]
    first_order = (2 * d + d * (d + 1) / 2) / n
    mean_is(first_order, found, bias=first_order * d / n)


PAIRED = frechet, kernel_distance, precision, recall, density, coverage
PAIRED = [*PAIRED, partial(sliced_w2, generator=seeded())]


@pytest.mark.parametrize("metric", PAIRED)
@pytest.mark.parametrize("a, b", [((3,), (3,)), ((3, 2), (3, 4)), ((1, 2), (3, 2))])
def test_bad_shapes_are_named(metric, a, b):
    shapes = f"{a}, {b}" if metric is not recall else f"{b}, {a}"  # its message: real, drawn
    with pytest.raises(ValueError) as caught:
        metric(torch.zeros(a), torch.zeros(b))
    assert f": shapes {shapes}; need (n >= 2, D) each" in str(caught.value)


@pytest.mark.parametrize("metric", PAIRED)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_named(metric, bad):
    with pytest.raises(ValueError, match="(a, b|drawn, real|real, drawn): holds NaN or Inf"):
        metric(normal(9, 2), torch.full((9, 2), bad))


# --- w2 -------------------------------------------------------------------------------------------


def test_w2_of_a_translation_is_the_shift():
    a = normal(1000)
    mixed = (a + 3)[torch.randperm(1000, generator=seeded(1))]
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
    assert w2(normal(n), mean + std * normal(n, seed=1)) == pytest.approx(exact, abs=0.02)


def test_w2_of_two_sizes_is_that_of_the_repeated_samples():
    a, b = normal(6), normal(4, seed=1)
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


@pytest.mark.parametrize("n, m", [(7, 7), (49, 49), (40, 25), (1, 6)])
def test_w2_is_that_of_a_peer(n, m):
    ot = pytest.importorskip("ot")
    a, b = normal(n), 2 * normal(m, seed=1) + 1
    peer = ot.emd2_1d(a.numpy(), b.numpy(), metric="sqeuclidean")
    assert w2(a, b) ** 2 == pytest.approx(peer, rel=1e-12)


# --- sliced_w2, and W2 in many dimensions ---------------------------------------------------------


def exact_w2(a, b):
    """Between equally many points: the best of all ways to pair them."""
    optimize = pytest.importorskip("scipy.optimize")
    cost = distance(a, b) ** 2
    return math.sqrt(float(cost[optimize.linear_sum_assignment(cost)].mean()))


def test_on_a_line_every_side_is_the_same():
    a, b = normal(30, 1), normal(20, 1, seed=1) + 1
    assert sliced_w2(a, b, seeded()) == pytest.approx(w2(a[:, 0], b[:, 0]), abs=1e-12)


@pytest.mark.parametrize("d", [2, 3, 10])
def test_a_translation_is_seen_foreshortened(d):
    """The mean of cos² over directions is 1/d, its variance 2 (d - 1) / d² (d + 2)."""
    a, shift, directions = normal(20, d), torch.full((d,), 3 / math.sqrt(d)), 3000
    error = math.sqrt(2 * (d - 1) / (d**2 * (d + 2)) / directions)
    found = sliced_w2(a, a + shift, seeded(1), directions) ** 2 / 9
    assert abs(found - 1 / d) < 4.5 * error
    assert exact_w2(a, a + shift) == pytest.approx(3)


def test_of_round_gaussians_it_is_shift_plus_spread():
    a, b = normal(4000, 4), 1.5 * normal(4000, 4, seed=1) + 1
    assert sliced_w2(a, b, seeded(), 400) == pytest.approx(math.sqrt(1 + 0.5**2), rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_slices_and_gaussians_never_cost_more_than_the_true_transport(seed):
    """Every plan also moves the shadows, d times more cheaply; and it moves both moments."""
    n, d = 60, 3
    a, b = normal(n, d, seed=seed), normal(n, d, seed=seed + 9) * torch.tensor([0.5, 1, 2]) + 1
    true = exact_w2(a, b)
    assert 0.5 * true < math.sqrt(d) * sliced_w2(a, b, seeded(), 2000) < 1.02 * true
    shift = float(((a - b).mean(0) ** 2).sum())
    gaussian = shift + (frechet(a, b) - shift) * (n - 1) / n  # covariances divided by n
    assert 0.5 * true**2 < gaussian <= true**2


@pytest.mark.parametrize("n, m", [(40, 40), (40, 25)])
def test_sliced_w2_is_that_of_a_peer(n, m):
    ot = pytest.importorskip("ot")
    a, b = normal(n, 5), normal(m, 5, seed=1) * 2
    side = torch.nn.functional.normalize(normal(50, 5, seed=3))
    peer = ot.sliced_wasserstein_distance(a.numpy(), b.numpy(), projections=side.T.numpy())
    assert sliced_w2(a, b, seeded(3), 50) == pytest.approx(float(peer), rel=1e-12)


def test_the_same_seed_looks_from_the_same_sides():
    a, b = normal(20, 3), normal(20, 3, seed=1) + torch.tensor([2.0, 0, 0])
    found = [sliced_w2(a, b, seeded(seed), 5) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_no_direction_is_refused():
    with pytest.raises(ValueError, match="directions: 0 given"):
        sliced_w2(normal(3, 2), normal(3, 2), seeded(), 0)


# --- kernel_distance ------------------------------------------------------------------------------


def test_a_gaussian_kernel_between_gaussians_has_a_closed_form():
    """E k(a, b) is a Gaussian of the shift, as wide as width² + both variances."""
    d, width, std, shift = 3, 1.5, 1.4, 0.6

    def alike(var, shift):
        total = width**2 + var
        return (width**2 / total) ** (d / 2) * math.exp(-d * shift**2 / (2 * total))

    exact = alike(2, 0) + alike(2 * std**2, 0) - 2 * alike(1 + std**2, shift)
    kernel = gaussian_kernel(width)
    draw = lambda seed: (normal(30, d, seed=seed), std * normal(20, d, seed=-1 - seed) + shift)
    mean_is(exact, [kernel_distance(*draw(seed), kernel) for seed in range(400)])


def test_the_cubic_kernel_compares_three_moments():
    """(ab + 1)³ = 1 + 3ab + 3a²b² + a³b³, so on a line 3 Δm1² + 3 Δm2² + Δm3²."""
    shift, std = 0.5, 1.2
    moments = shift, shift**2 + std**2 - 1, shift**3 + 3 * shift * std**2
    exact = 3 * moments[0] ** 2 + 3 * moments[1] ** 2 + moments[2] ** 2
    draw = lambda seed: (normal(40, 1, seed=seed), std * normal(30, 1, seed=-1 - seed) + shift)
    mean_is(exact, [kernel_distance(*draw(seed)) for seed in range(600)])


@pytest.mark.parametrize("kernel", [cubic_kernel, gaussian_kernel(2.0)])
@pytest.mark.parametrize("n", [3, 20])
def test_equal_laws_scatter_about_zero_at_any_n(kernel, n):
    found = [kernel_distance(*normal(2, n, 4, seed=seed), kernel) for seed in range(600)]
    mean_is(0, found)
    assert min(found) < 0 < max(found)


def test_kernel_distance_is_the_loop_over_pairs():
    a, b = normal(5, 3), normal(4, 3, seed=1)
    k = lambda x, y: (float(x @ y) / 3 + 1) ** 3
    within = [
        statistics.fmean(k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j)
        for s in (a, b)
    ]
    across = statistics.fmean(k(x, y) for x in a for y in b)
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * across, rel=1e-12)


def test_kernels_are_those_of_a_peer():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    a, b = normal(20, 5), normal(30, 5, seed=1)
    cubic = pairwise.polynomial_kernel(a, b, degree=3, coef0=1)
    torch.testing.assert_close(cubic_kernel(a, b).numpy(), cubic, rtol=1e-12, atol=1e-12)
    bell = pairwise.rbf_kernel(a, b, gamma=1 / (2 * 1.7**2))
    torch.testing.assert_close(gaussian_kernel(1.7)(a, b).numpy(), bell, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("width", [0, -1.0, math.nan, math.inf])
def test_a_kernel_without_width_is_refused(width):
    with pytest.raises(ValueError, match=f"width: {width} given"):
        gaussian_kernel(width)


# --- precision, recall, density, coverage ---------------------------------------------------------


def neighbours(drawn, real, k=3):
    return [metric(drawn, real, k) for metric in (precision, recall, density, coverage)]


def test_a_copy_of_the_data_has_all_and_crowds_it():
    """Every ball holds its k neighbours and its own centre: a density of (k + 1) / k."""
    real = normal(30, 4)
    assert neighbours(real[torch.randperm(30, generator=seeded())], real) == [1, 1, 4 / 3, 1]


def test_far_away_nothing_is_right_and_nothing_is_covered():
    assert neighbours(normal(30, 4) + 1000, normal(30, 4)) == [0, 0, 0, 0]


def test_all_equal_is_all_inside():
    assert neighbours(torch.ones(6, 2), torch.ones(9, 2)) == [1, 1, 3, 1]  # 9 balls each, of 3


def test_half_the_modes_dropped_is_half_the_recall():
    mode = normal(20, 2)
    real = torch.cat([mode, mode + 1000])
    assert neighbours(mode, real) == [1, 0.5, 4 / 3, 0.5]
    assert neighbours(real, mode) == [0.5, 1, 2 / 3, 1]


def test_one_real_outlier_spoils_precision_but_hardly_density():
    real = torch.cat([normal(40, 2), torch.tensor([[1000.0, 0]])])
    wrong = torch.tensor([[500.0, 0]]) + normal(10, 2, seed=1)
    assert precision(wrong, real, k=5) == 1 and density(wrong, real, k=5) == 1 / 5
    assert coverage(wrong, real, k=5) == 1 / 41


def test_two_drawn_outliers_fool_recall_but_not_coverage():
    wrong = torch.tensor([[-1000.0, 0], [1000.0, 0]])
    assert recall(wrong, normal(40, 2), k=1) == 1 and coverage(wrong, normal(40, 2), k=1) == 0


def test_recall_is_precision_with_the_roles_swapped():
    drawn, real = normal(30, 3), 2 * normal(50, 3, seed=1)
    assert recall(drawn, real) == precision(real, drawn) != precision(drawn, real)


@pytest.mark.parametrize("m, n, k", [(20, 30, 5), (30, 20, 1), (25, 25, 3)])
def test_drawn_from_the_same_law_density_and_coverage_are_known(m, n, k):
    """A point is as likely as any other to be near: ranks decide, whatever the law."""
    found = [
        [
            f(normal(m, 3, seed=seed).exp(), normal(n, 3, seed=-1 - seed).exp(), k)
            for seed in range(300)
        ]
        for f in (density, coverage)
    ]
    mean_is(1, found[0])
    mean_is(1 - math.comb(n - 1, k) / math.comb(m + n - 1, k), found[1])


def loops(drawn, real, k):
    """The four by the definitions, one point at a time."""
    far = lambda p, q: float((p - q).norm())

    def reach(s):
        away = [sorted(far(p, q) for j, q in enumerate(s) if j != i) for i, p in enumerate(s)]
        return [each[k - 1] for each in away]

    real_reach, drawn_reach = reach(real), reach(drawn)
    held = [[far(p, q) <= r for q, r in zip(real, real_reach, strict=True)] for p in drawn]
    found = [any(far(p, q) <= r for p, r in zip(drawn, drawn_reach, strict=True)) for q in real]
    return [
        sum(map(any, held)) / len(drawn),
        sum(found) / len(real),
        sum(map(sum, held)) / (k * len(drawn)),
        sum(map(any, zip(*held, strict=True))) / len(real),
    ]


def by_a_peer(drawn, real, k):
    """The four with scikit-learn's search for neighbours."""
    sklearn = pytest.importorskip("sklearn.neighbors")

    def inside(points, s):
        reach = sklearn.NearestNeighbors(n_neighbors=k).fit(s).kneighbors()[0][:, -1]
        search = sklearn.NearestNeighbors().fit(points)
        held = torch.zeros(len(points), len(s), dtype=torch.float64)
        for j, (centre, radius) in enumerate(zip(s, reach, strict=True)):
            (hit,) = search.radius_neighbors(centre[None], radius, return_distance=False)
            held[hit, j] = 1
        return held

    held = inside(drawn.numpy(), real.numpy())
    return [
        float(held.amax(1).mean()),
        float(inside(real.numpy(), drawn.numpy()).amax(1).mean()),
        float(held.sum(1).mean() / k),
        float(held.amax(0).mean()),
    ]


@pytest.mark.parametrize("other", [loops, by_a_peer])
@pytest.mark.parametrize("m, n, k", [(20, 30, 3), (30, 20, 5), (12, 12, 1)])
def test_neighbours_are_those_of_another_way(other, m, n, k):
    drawn, real = normal(m, 3) + 0.7, normal(n, 3, seed=1)
    assert neighbours(drawn, real, k) == pytest.approx(other(drawn, real, k), rel=1e-12)


@pytest.mark.parametrize("k", [0, 4])
def test_there_must_be_that_many_neighbours(k):
    few, many = normal(4, 2), normal(9, 2)
    for metric in (precision, density, coverage):
        with pytest.raises(ValueError, match=f"k: {k} given; allowed are the integers 1 to 3"):
            metric(many, few, k)
    with pytest.raises(ValueError, match=f"k: {k} given; allowed are the integers 1 to 3"):
        recall(few, many, k)


# --- coarse ---------------------------------------------------------------------------------------


def test_coarse_undoes_enlarging():
    small = normal(5, 3, 2, 4)
    big = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(coarse(big), small.flatten(1))


def test_coarse_averages_and_a_cell_of_one_is_the_picture():
    x = normal(5, 3, 8, 8)
    torch.testing.assert_close(coarse(x, 8), x.mean((2, 3)))
    torch.testing.assert_close(coarse(x, 1), x.flatten(1))
    assert coarse(x, 2).shape == (5, 48)


@pytest.mark.parametrize("shape, cell", [((2, 8, 8), 4), ((2, 1, 8, 6), 4), ((2, 1, 8, 8), 0)])
def test_coarse_names_what_is_wrong(shape, cell):
    with pytest.raises(ValueError, match=f"{cell} given; (need|allowed)"):
        coarse(torch.zeros(shape), cell)


# --- fidelity -------------------------------------------------------------------------------------

ASKED = torch.tensor([[0, 1, 2], [1, -1, 2], [2, 1, -1], [-1, -1, -1]])
SEEN = torch.tensor([[0, 1, 2], [1, 5, 0], [0, 1, 5], [-1, -1, -1]])


def test_fidelity_by_hand():
    """Right: 2 of 3, 2 of 2, 1 of 2; in all that was asked only the first of three pictures."""
    expected = torch.tensor([2 / 3, 1, 1 / 2, 1 / 3], dtype=torch.float64)
    torch.testing.assert_close(fidelity(SEEN, ASKED), expected)


def test_fidelity_takes_logits_for_what_they_say():
    n, classes = 50, (3, 5, 2)
    logits = [normal(n, k, seed=k) for k in classes]
    seen = torch.stack([each.argmax(1) for each in logits], 1)
    asked = torch.stack([torch.randint(k, (n,), generator=seeded(k)) for k in classes], 1)
    torch.testing.assert_close(fidelity(logits, asked), fidelity(seen, asked), rtol=0, atol=0)


def test_to_be_right_in_all_is_at_most_the_weakest_and_at_least_what_is_left():
    seen, asked = torch.randint(2, (2, 200, 3), generator=seeded())
    *each, whole = fidelity(torch.where(normal(200, 3) > -1, asked, seen), asked).tolist()
    assert 1 - sum(1 - share for share in each) <= whole <= min(each) and whole < 1
    assert fidelity(asked, asked).tolist() == [1, 1, 1, 1]


def test_what_was_never_asked_has_no_share():
    asked = torch.tensor([[0, -1], [1, -1]])
    found = fidelity(torch.tensor([[0, 3], [0, 3]]), asked)
    assert found[0] == 0.5 == found[2] and bool(found[1].isnan())


@pytest.mark.parametrize(
    "predicted, asked, match",
    [
        (torch.zeros(3, 2), torch.zeros(3, 1), r"shapes \(3, 2\), \(3, 1\); need \(n, A\) each"),
        (torch.zeros(3), torch.zeros(3), r"shapes \(3,\), \(3,\)"),
        (torch.zeros(3, 2), torch.full((3, 2), -1), "asked: nothing but -1 given"),
        (torch.zeros(0, 2), torch.zeros(0, 2), "asked: nothing but -1 given"),
    ],
)
def test_fidelity_names_what_is_wrong(predicted, asked, match):
    with pytest.raises(ValueError, match=match):
        fidelity(predicted, asked)


# --- within_class_distance ------------------------------------------------------------------------


def test_within_class_distance_by_hand():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    label = torch.tensor([7, 7, 2, 2, 2])
    assert within_class_distance(x, label) == pytest.approx((5 + 4 / 3) / 2)  # pairs 5; 1, 1, 2
    assert within_class_distance(x[:, None, :, None], label) == within_class_distance(x, label)


def test_within_class_distance_ignores_where_a_class_lies_and_follows_its_scale():
    x, label = normal(20, 3), torch.arange(20) % 4
    before = within_class_distance(x, label)
    assert within_class_distance(2 * x + 100 * label[:, None], label) == pytest.approx(2 * before)
    assert within_class_distance(label[:, None].float(), label) == 0


def test_within_class_distance_of_a_gaussian():
    """Two draws of N(0, 1) differ by N(0, 2): 2/√π on average."""
    distance = within_class_distance(normal(4000)[:, None], torch.zeros(4000))
    assert distance == pytest.approx(2 / math.sqrt(math.pi), abs=0.05)


def test_rows_of_attributes_are_classes():
    x, color, shape = normal(24, 3), torch.arange(24) % 2, torch.arange(24) % 3
    rows = within_class_distance(x, torch.stack([color, shape], 1))
    assert rows == pytest.approx(within_class_distance(x, 3 * color + shape), rel=1e-12)
    assert within_class_distance(x, color[:, None]) == within_class_distance(x, color)


@pytest.mark.parametrize(
    "x, label, match",
    [
        (torch.zeros(3, 2), torch.zeros(3, 1, 1), r"label: shape \(3, 1, 1\) given"),
        (torch.zeros(3, 2), torch.tensor([[0, 1], [0, 1], [0, 2]]), r"classes of \[2, 1\] pict"),
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
        (torch.zeros(0), 1.05, "x, edge: 0, 1.05 given"),
        (torch.zeros(2), 0.0, "0.0 given"),
        (torch.zeros(2), math.nan, "nan given"),
        (torch.tensor([math.inf]), 1.0, "x: holds NaN or Inf"),
    ],
)
def test_saturated_names_what_is_wrong(x, edge, match):
    with pytest.raises(ValueError, match=match):
        saturated(x, edge)


# --- error_bar ------------------------------------------------------------------------------------

mean = lambda x: float(x.mean())


def test_the_error_of_a_mean_of_two_is_exact():
    """There is one way to cut two rows: |x - y| / 2, which is s / √2."""
    value, error = error_bar(mean, torch.tensor([3.0, 7.0]), generator=seeded(), times=5)
    assert value == 5 and error == 2


@pytest.mark.parametrize("n", [10, 11, 200])
def test_the_error_of_a_mean_is_its_spread_over_root_n(n):
    """Over all cuts, half the difference is s²/n in square (n - 1 where one row is left out)."""
    x, times = normal(n), 4000
    _, error = error_bar(mean, x, generator=seeded(1), times=times)
    exact = float(x.var()) / (2 * (n // 2))
    assert error**2 == pytest.approx(exact, rel=4.5 * math.sqrt(2 / times))


def test_both_samples_stray_unless_the_metric_holds_one():
    a, b, times = normal(50), 2 * normal(30, seed=1), 4000
    rel = 4.5 * math.sqrt(2 / times)
    apart = lambda a, b: float(a.mean() - b.mean())
    both = error_bar(apart, a, b, generator=seeded(1), times=times)[1]
    assert both**2 == pytest.approx(float(a.var() / 50 + b.var() / 30), rel=rel)
    one = error_bar(lambda a: apart(a, b), a, generator=seeded(1), times=times)[1]
    assert one**2 == pytest.approx(float(a.var() / 50), rel=rel)


def test_the_rows_of_a_tuple_stay_together():
    x = torch.arange(20)
    torn = lambda x, y: float((x != y).double().mean())
    assert error_bar(torn, (x, x), generator=seeded(), times=20) == (0, 0)
    assert error_bar(torn, x, x.clone(), generator=seeded(), times=20)[1] > 0


def test_a_row_may_hold_all_pictures_of_a_caption():
    """Two pictures of each of 40 captions: no cut leaves a caption with one."""
    x, caption = normal(40, 2, 3), torch.arange(40)[:, None].expand(40, 2)
    varied = lambda x, c: within_class_distance(x.flatten(0, 1), c.flatten())
    value, error = error_bar(varied, (x, caption), generator=seeded(1), times=200)
    each = (x[:, 0] - x[:, 1]).norm(dim=1)
    assert value == pytest.approx(float(each.mean()))
    assert error == pytest.approx(float(each.std()) / math.sqrt(40), rel=4.5 / math.sqrt(2 * 200))


def test_every_number_of_a_tensor_has_its_own_error():
    n = 400
    right = torch.rand(n, 2, generator=seeded()) < torch.tensor([0.9, 0.5])
    asked = torch.zeros(n, 2).long()
    value, error = error_bar(fidelity, (1 - right.long(), asked), generator=seeded(1), times=200)
    binomial = (value * (1 - value) / n).sqrt()
    torch.testing.assert_close(error, binomial, rtol=4.5 / math.sqrt(2 * 200), atol=0)


METRICS = {
    "frechet": frechet,
    "kernel_distance": kernel_distance,
    "gaussian kernel": partial(kernel_distance, kernel=gaussian_kernel(2.0)),
    "sliced_w2": lambda a, b: sliced_w2(a, b, seeded(), 20),
    "w2": lambda a, b: w2(a[:, 0], b[:, 0]),
    "precision": precision,
    "recall": recall,
    "density": density,
    "coverage": coverage,
    "within": lambda a, b: within_class_distance(a, torch.arange(len(a)) % 4),
    "saturated": lambda a, b: saturated(a),
}


def error_over_spread(metric, draw):
    """The error bar of one experiment, over the true spread of experiments."""
    true = statistics.stdev(metric(*draw(seed)) for seed in range(150))
    bars = [
        error_bar(metric, *draw(seed), generator=seeded(seed), times=30)[1] for seed in range(10)
    ]
    return math.sqrt(statistics.fmean(bar**2 for bar in bars)) / true


@pytest.mark.parametrize("name", METRICS)
def test_the_error_is_the_spread_of_fresh_samples(name):
    """150 spreads and 10 bars are each known to about 6 to 10 %."""
    draw = lambda seed: (1.2 * normal(120, 4, seed=seed) + 0.6, normal(120, 4, seed=-1 - seed))
    assert 0.7 < error_over_spread(METRICS[name], draw) < 1.4


@pytest.mark.parametrize("name", METRICS)
def test_near_its_floor_an_error_is_rather_too_large(name):
    draw = lambda seed: (normal(120, 4, seed=seed), normal(120, 4, seed=-1 - seed))
    assert 0.75 < error_over_spread(METRICS[name], draw) < 2


def test_the_seed_decides_the_cuts():
    found = [error_bar(mean, normal(9), generator=seeded(seed), times=3)[1] for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "sample, times, match",
    [
        (torch.zeros(1), 5, r"samples: \[1\] rows given; need 2 or more"),
        ((torch.zeros(4), torch.zeros(3)), 5, r"samples: \[4, 3\] rows given"),
        (torch.zeros(4), 0, "times: 0 given"),
    ],
)
def test_error_bar_names_what_is_wrong(sample, times, match):
    with pytest.raises(ValueError, match=match):
        error_bar(lambda *x: 0.0, sample, generator=seeded(), times=times)


# --- floor ----------------------------------------------------------------------------------------


def test_the_two_parts_have_no_row_in_common():
    common = lambda a, b: len(set(a.tolist()) & set(b.tolist())) + abs(len(a) - 7) + abs(len(b) - 7)
    assert floor(common, torch.arange(15), 7, seeded()) == (0, 0)


def test_the_floor_is_the_median_and_spread_of_the_cuts():
    seen = []

    def first(a, b):
        seen.append(float(a[0]))
        return seen[-1]

    found = floor(first, normal(50), 20, seeded(), times=6)
    assert len(seen) == 6
    assert found == pytest.approx((statistics.median(seen), statistics.stdev(seen)))


def test_the_floor_of_the_frechet_distance_is_its_bias():
    real, d = normal(4000, 8), 8
    for n in (200, 800):
        value, spread = floor(frechet, real, n, seeded(1), times=30)
        assert value == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.15)
        assert 0 < spread < value


def test_what_comes_from_the_same_law_is_on_the_floor_and_what_does_not_is_above():
    real, n = normal(2000, 8), 400
    value, spread = floor(frechet, real, n, seeded(1))
    assert abs(frechet(normal(n, 8, seed=5), real[:n]) - value) < 4.5 * spread
    assert frechet(normal(n, 8, seed=5) * 1.2, real[:n]) > value + 9 * spread


@pytest.mark.parametrize(
    "n, times, said",
    [(0, 20, "n: 0 .* 1 to 5"), (6, 20, "n: 6 .* 1 to 5"), (5, 1, "times: 1 .* from 2 up")],
)
def test_floor_names_what_is_wrong(n, times, said):
    with pytest.raises(ValueError, match=said):
        floor(frechet, normal(11, 2), n, seeded(), times)
