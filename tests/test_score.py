"""Score matching, four ways; a denoiser as a score; annealing and correcting by Langevin."""

import math
from itertools import pairwise

import pytest
import torch
from family import SCHEDULES, SilentNormal, close, normal, seeded

from lessons_lib import diffuse, levels, solvers
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level, at_ratio, cosine, edm, grid
from lessons_lib.samplers import ddim, ddpm, sample, walk
from lessons_lib.score import (
    annealed,
    corrected,
    denoising,
    explicit,
    implicit,
    relative_error,
    score_of,
    sliced,
)
from lessons_lib.solvers import dpmpp_2m, langevin
from lessons_lib.wrap import counted

HILLS = MixtureDenoiser([[1.0, 1.0], [-1.0, -0.4]], [0.2, 0.5], [0.2, 0.8])
LEVELS = [schedule(0.45) for schedule in SCHEDULES.values()]
ONE = Level(*(torch.tensor(value, dtype=torch.float64) for value in (1.0, 1.0, 1.0)))


def line(a):
    """The score of N(0, 1/a)."""
    return lambda x: -a * x


def exact(value):
    return torch.tensor(value, dtype=torch.float64)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


# --- a denoiser is a score ------------------------------------------------------------------------


@pytest.mark.parametrize("t", [*LEVELS, cosine(torch.tensor([0.1, 0.4, 0.7, 0.9]))])
def test_a_denoiser_is_the_slope_of_the_log_density(t):  # A1
    x = normal(4, 2).requires_grad_()
    (slope,) = torch.autograd.grad(HILLS.log_prob(x, t).sum(), x)
    close(score_of(HILLS)(x, t), slope, 1e-9)


def test_the_constant_that_normalises_a_density_has_no_slope():
    x, t = normal(9, 2).requires_grad_(), cosine(0.4)
    for factor in (1.0, 1e-9, 1e9):
        energy = -HILLS.log_prob(x, t) - math.log(factor)
        (slope,) = torch.autograd.grad(-energy.sum(), x)
        close(score_of(HILLS)(x, t), slope, 1e-9)


def test_relative_error_is_a_share_of_the_truth():
    t = cosine(0.4)
    x = diffuse.q_sample(HILLS.sample(50, seeded()), t, normal(50, 2))
    assert relative_error(HILLS, HILLS, x, t) == 0
    nowhere = lambda x, t: x / t.alpha  # a guess that leaves no noise: score 0
    close(relative_error(nowhere, HILLS, x, t), torch.ones(()).double(), 1e-12)
    shifted = lambda x, t: x / t.alpha + 1.3 * (HILLS(x, t) - x / t.alpha)
    close(relative_error(shifted, HILLS, x, t), exact(0.09), 1e-12)


def test_relative_error_is_the_same_in_halves_and_asks_for_noise():
    """Squares of thin fog's scores add up to more than a half can hold."""
    t = at_ratio(edm, 0.05)
    x = diffuse.q_sample(HILLS.sample(2000, seeded()), t, normal(2000, 2))
    off = lambda x, t: 0.9 * HILLS(x, t)
    close(relative_error(off, HILLS, x.half(), t).double(), relative_error(off, HILLS, x, t), 0.05)
    with pytest.raises(ValueError, match="t: sigma is 0 there"):
        relative_error(off, HILLS, x, edm(0.0))


# --- four losses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.0, 0.5, 0.8, 1.0, 1.5])
def test_on_two_points_with_the_moments_of_n01_the_tables_are_exact(a):
    """±1 has mean 0 and variance 1, and a linear score asks for no more."""
    x = column(-1, 1)
    close(explicit(line(a), line(1), x), exact((1 - a) ** 2 / 2), 1e-12)
    close(implicit(line(a), x).detach(), exact(a**2 / 2 - a), 1e-12)
    four = torch.cartesian_prod(x[:, 0], x[:, 0])
    by_noise = denoising(line(a), four[:, :1], ONE, four[:, 1:])
    close(by_noise, exact((a**2 + (1 - a) ** 2) / 2), 1e-12)
    on_the_fog = explicit(line(a), line(0.5), math.sqrt(2) * x)
    close(by_noise - on_the_fog, exact(0.25), 1e-12)


def test_the_score_of_three_points_is_least_at_one_over_their_variance():
    loss = {a: float(implicit(line(a), column(-1, 0, 1)).detach()) for a in (0, 0.5, 1, 1.5, 2)}
    for a, value in loss.items():
        assert abs(value - (a**2 / 3 - a)) < 1e-12
    assert min(loss, key=loss.get) == 1.5


def fields():
    """Three scores that have nothing in common but their shape."""
    wave = lambda x: torch.stack([torch.sin(x[:, 1]) - x[:, 0], 0.3 * x[:, 0] * x[:, 1]], dim=1)
    return [wave, lambda x: -x * x.square().sum(1, keepdim=True) / 3, lambda x: -1.1 * x]


def test_slices_along_the_axes_are_the_whole():
    """v = √D e_i, for each i: their mean is Hyvärinen's loss, sample by sample."""
    x = normal(7, 2)
    v = math.sqrt(2) * torch.eye(2).double().repeat(7, 1)
    for s in fields():
        close(sliced(s, x.repeat_interleave(2, 0), v), implicit(s, x), 1e-12)


def mean_and_error(each):
    return float(each.mean()), float(each.std() / len(each) ** 0.5)


def test_they_differ_by_constants():
    """Explicit minus implicit is ½E|∇log p|², and denoising minus explicit what noise costs."""
    n, t = 40_000, edm(0.35)
    x0, eps = HILLS.sample(n, seeded(1)), normal(n, 2, seed=2)
    x, truth = diffuse.q_sample(x0, t, eps), lambda x: score_of(HILLS)(x, t)
    one = lambda loss, *rows: torch.stack([loss(*(r[i : i + 400] for r in rows)).detach()
                                           for i in range(0, n, 400)])  # fmt: skip
    sign = torch.where(normal(n, 2, seed=3) > 0, 1.0, -1.0).double()
    floor = one(lambda x: (truth(x) ** 2).sum(1).mean() / 2, x)
    noise = one(lambda x, eps: ((eps / t.sigma) ** 2).sum(1).mean() / 2, x, eps) - floor
    for s in fields():
        full = one(lambda x, s=s: explicit(s, truth, x), x)
        halved = one(lambda x, s=s: implicit(s, x), x)
        along = one(lambda x, v, s=s: sliced(s, x, v), x, sign)
        by_noise = one(lambda x0, eps, s=s: denoising(s, x0, t, eps), x0, eps)
        for gap in (full - halved - floor, along - halved, by_noise - full - noise):
            mean, se = mean_and_error(gap)
            assert abs(mean) < 4.5 * se, (mean, se)


def test_all_of_them_can_be_trained():
    a = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    x, v, s = column(-1, 1), column(1, -1), lambda x: -a * x
    for loss in (
        explicit(s, line(1), x),
        implicit(s, x),
        sliced(s, x, v),
    ):
        (slope,) = torch.autograd.grad(loss, a)
        close(slope, a.detach() - 1, 1e-12)  # of (1 − a)²/2
    (slope,) = torch.autograd.grad(denoising(s, x.repeat(2, 1), ONE, x.repeat_interleave(2, 0)), a)
    close(slope, 2 * a.detach() - 1, 1e-12)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.0])
def test_the_best_score_is_that_of_the_fog_not_of_the_data(sigma):
    """Of N(0, 1) with noise σ on it: least at a = 1 / (1 + σ²)."""
    t = at_ratio(edm, sigma)
    a = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    four = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 2)
    loss = lambda a: denoising(lambda x: -a * x, four[:, :1], t, four[:, 1:])
    (first,) = torch.autograd.grad(loss(a), a, create_graph=True)
    (second,) = torch.autograd.grad(first, a)
    close(-first.detach() / second, 1 / (1 + t.sigma**2), 1e-9)  # Newton's step on a parabola


# --- annealing ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    loud = solvers.noise_like
    silent = lambda x, g: torch.zeros_like(x) if isinstance(g, SilentNormal) else loud(x, g)
    monkeypatch.setattr(solvers, "noise_like", silent)


LADDER = [at_ratio(edm, ratio) for ratio in (3.0, 1.0, 0.3)]


def test_annealing_is_langevin_with_steps_of_the_levels_variance():
    c, share, repeats = 0.6, 0.1, 4
    gaussian = MixtureDenoiser([[0.0]], [c])
    x = torch.ones(1, 1, dtype=torch.float64)
    ends = list(annealed(gaussian, x, LADDER, share, repeats, SilentNormal()))
    gain = 1.0
    for t, end in zip(LADDER, ends, strict=True):
        gain *= (1 - share * float(t.sigma**2 / (c**2 + t.sigma**2))) ** repeats
        close(end, gain * x, 1e-12)


def test_annealed_gaussians_have_the_variance_that_is_pushed_through():
    c, share, repeats, n = 0.6, 0.2, 5, 20_000
    gaussian, g = MixtureDenoiser([[0.0]], [c]), seeded(4)
    var = 9.0
    for t in LADDER:
        h, v = share * float(t.sigma**2), c**2 + float(t.sigma**2)
        for _ in range(repeats):
            var = (1 - h / v) ** 2 * var + 2 * h
    x = 3 * torch.randn(n, 1, generator=g, dtype=torch.float64)
    *_, end = annealed(gaussian, x, LADDER, share, repeats, g)
    assert abs(float(end.var()) / var - 1) < 4.5 * math.sqrt(2 / n)


def test_annealing_asks_repeats_times_a_level_and_goes_down_once():
    asked = counted(HILLS)
    seen = []
    listening = lambda x, t: seen.append(float(t.sigma)) or asked(x, t)
    ends = list(annealed(listening, normal(3, 2), LADDER, 0.1, 2, seeded()))
    assert len(ends) == 3 and asked.calls == 6 and not ends[-1].requires_grad
    assert seen == [float(t.sigma) for t in LADDER for _ in range(2)]


@pytest.mark.parametrize("share", [0, -1.0, math.nan, "a"])
def test_a_share_is_above_0(share):
    for make in (lambda: corrected(ddim, share), lambda: annealed(HILLS, None, [], share, 1)):
        with pytest.raises(ValueError, match="share: .* given; allowed is any number above 0"):
            make()


@pytest.mark.parametrize("repeats", [0, 1.5])
def test_repeats_are_whole(repeats):
    for make in (
        lambda: corrected(ddim, 0.1, repeats),
        lambda: annealed(HILLS, None, [], 0.1, repeats),
    ):
        with pytest.raises(ValueError, match="repeats: .* given; allowed are the integers from 1"):
            make()


def test_no_annealing_on_the_data_itself():
    """It is said at once, by the name that the reader wrote, before anybody has walked."""
    with pytest.raises(ValueError, match="levels: sigma is 0 there"):
        annealed(HILLS, normal(2, 2), [*LADDER, edm(0.0)], 0.1, 1)


def test_annealing_takes_one_level_per_sample():
    """Two samples of two numbers: a level that broadcasts the wrong way would go unseen."""
    x = normal(2, 2)
    ladder = [Level(*map(torch.stack, zip(*two, strict=True))) for two in pairwise(LADDER)]
    *_, both = annealed(HILLS, x, ladder, 0.1, 2, [seeded(1), seeded(2)])
    for i, own in enumerate((LADDER[:-1], LADDER[1:])):
        *_, alone = annealed(HILLS, x[i : i + 1], own, 0.1, 2, [seeded(1 + i)])
        close(both[i : i + 1], alone, 1e-12)


# --- correcting -----------------------------------------------------------------------------------


def test_corrected_is_the_step_then_langevin_on_the_level_it_leads_to():
    t, s = cosine(0.7), cosine(0.5)
    for repeats in (1, 3):
        found = corrected(ddpm, 0.05, repeats)(HILLS, normal(4, 2), t, s, generator=seeded(2))
        g = seeded(2)
        step = ddpm(HILLS, normal(4, 2), t, s, generator=g)
        x = step.x
        for _ in range(repeats):
            x = langevin(HILLS, x, s, 0.05 * float(s.sigma**2), g)
        assert torch.equal(found.x, x) and torch.equal(found.x0, step.x0) and found.t == t


def test_the_last_step_to_the_data_is_not_corrected():
    t, s = cosine(0.1), cosine(0.0)
    asked = counted(HILLS)
    found = corrected(ddim, 0.3)(asked, normal(4, 2), t, s)
    assert torch.equal(found.x, ddim(HILLS, normal(4, 2), t, s).x) and asked.calls == 1


def test_some_on_the_data_and_others_not_are_refused():
    t, s = cosine(torch.tensor([0.5, 0.4])), cosine(torch.tensor([0.3, 0.0]))
    x = normal(2, 2)
    with pytest.raises(ValueError, match="s: sigma is 0 there"):
        corrected(ddim, 0.1)(HILLS, x, t.to(x), s.to(x))


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_corrected_walk_costs_repeats_more_a_step_but_for_the_last(repeats):
    asked = counted(HILLS)
    sample(corrected(dpmpp_2m, 0.05, repeats), asked, normal(5, 2), grid(cosine, 6), seeded())
    assert asked.calls == 6 + 5 * repeats


def test_no_picture_moves_another():
    """Each has dice of its own: what happens to the second leaves the first as it is."""
    x = normal(2, 2)
    for other in (x[1], 100 * x[1]):
        pair = torch.stack([x[0], other])
        dice = [seeded(1), seeded(2)]
        end = sample(corrected(ddpm, 0.1, 2), HILLS, pair, grid(cosine, 5), dice)
        alone = sample(corrected(ddpm, 0.1, 2), HILLS, x[:1], grid(cosine, 5), [seeded(1)])
        close(end[:1], alone, 1e-12)


def test_one_level_per_sample_is_that_level_for_each():
    x = normal(3, 2)
    step = corrected(ddim, 0.1)
    for dtype in (torch.float64, torch.float32):
        each = [Level(*(f.expand(3) for f in t)) for t in grid(cosine, 4)]
        one = sample(step, HILLS, x.to(dtype), grid(cosine, 4), seeded(1))
        many = sample(step, HILLS, x.to(dtype), each, seeded(1))
        assert many.dtype == dtype
        close(one, many, 1e-4 if dtype == torch.float32 else 1e-12)


def test_the_right_law_stays_right_but_for_langevins_own_bias():
    """On Gaussian data: one corrector step moves the variance of the level by (h/v)² v."""
    c, share, s = 0.6, 0.2, cosine(0.5)
    gaussian, v = MixtureDenoiser([[0.0]], [c]), float(s.alpha**2 * c**2 + s.sigma**2)
    still = corrected(ddim, share)
    x = torch.ones(1, 1, dtype=torch.float64)
    h, base = share * float(s.sigma**2), ddim(gaussian, x, cosine(0.7), s).x
    gain = still(gaussian, x, cosine(0.7), s, generator=SilentNormal()).x / base
    close(gain**2 * v + 2 * h, exact([[v + h**2 / v]]), 1e-12)


def test_it_walks_as_any_sampler_does():
    steps = list(walk(corrected(dpmpp_2m, 0.05), HILLS, normal(5, 2), grid(cosine, 6), seeded()))
    assert len(steps) == 6 and all(step.x.isfinite().all() for step in steps)


# --- where the hills part -------------------------------------------------------------------------


@pytest.mark.parametrize("world", [levels.cosine, levels.edm, levels.rectified])
def test_two_bumps_part_where_the_slope_of_the_score_at_the_middle_is_0(world):
    """α²μ² = α²c² + σ², so σ/α = √(μ² − c²), in every world."""
    mu, c = 1.0, 0.2
    bumps = MixtureDenoiser([[mu], [-mu]], [c, c])

    def slope(t):
        x = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        return float(torch.autograd.grad(score_of(bumps)(x, t).sum(), x)[0])

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(world(middle)) > 0 else (low, middle)
    close(world(low).ratio, exact(math.sqrt(mu**2 - c**2)), 1e-9)
    parts = at_ratio(world, math.sqrt(mu**2 - c**2))
    close(parts.alpha**2 * mu**2, parts.alpha**2 * c**2 + parts.sigma**2, 1e-9)
