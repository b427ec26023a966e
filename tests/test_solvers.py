"""The solvers of higher order, and Langevin: slopes, exactness, laws (C2, C3, D3, B4)."""

import math
from functools import cache, partial

import pytest
import torch
from family import (
    GRIDS,
    HIGH,
    LOW,
    ODE,
    ORDER,
    SCHEDULES,
    SilentNormal,
    close,
    fixed,
    noisy_part,
    normal,
    seeded,
)
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import diffuse, levels, solvers
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level, grid, lam_grid
from lessons_lib.samplers import Step, ddim, ddpm, reverse_var, sample, walk
from lessons_lib.solvers import (
    churned,
    dpm_2,
    dpmpp_2m,
    dpmpp_multistep,
    euler_maruyama,
    heun,
    langevin,
    plms,
    transfer,
)

NEAR = {1: 0.15, 2: 0.3}  # how near the measured slope must be to the order


def slope(steps, errors):
    """The slope of the straight line through log error against log steps, its sign turned."""
    x, y = (torch.tensor(v, dtype=torch.float64).log2() for v in (steps, errors))
    return -float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


@pytest.mark.parametrize("spacing", GRIDS)
@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
@pytest.mark.parametrize("name", ORDER)
def test_the_order_on_a_gaussian(name, schedule, spacing):  # C2
    m, c = 0.7, 0.5
    gaussian, x = MixtureDenoiser([[m]], [c]), torch.linspace(-2, 2, 5).double()[:, None]
    counts, errors = (20, 40, 80, 160), []
    for steps in counts:
        ladder = noisy_part(schedule, steps, spacing)
        t, s = ladder[0], ladder[-1]
        spread = [torch.sqrt(r.alpha**2 * c**2 + r.sigma**2) for r in (t, s)]
        exact = s.alpha * m + spread[1] / spread[0] * (t.sigma * x - t.alpha * m)
        ends = sample(ODE[name], gaussian, t.sigma * x, ladder)
        errors.append(float((ends - exact).abs().max()))
    found = slope(counts, errors)
    print(f"{name}, {schedule}, {spacing}: slope {found:.2f}, error at 160 steps {errors[-1]:.1e}")
    assert found == pytest.approx(ORDER[name], abs=NEAR[ORDER[name]])


BIMODAL = MixtureDenoiser([[-1.0], [1.2]], [0.35, 0.5], [0.4, 0.6])
STARTS = torch.linspace(-2, 2, 7, dtype=torch.float64)[:, None]


@cache
def reference():
    """x / alpha at ratio .05, by the classical Runge-Kutta rule: d(x / alpha) / d ratio = eps."""

    def eps(y, lam):
        t = Level(lam, torch.ones_like(lam), torch.exp(-lam))
        return -t.sigma * diffuse.eps_from_x0(y, BIMODAL(y, t), t)  # d ratio = -ratio d lam

    y, lams = HIGH * STARTS, torch.linspace(-math.log(HIGH), -math.log(LOW), 1001).double()
    for a, b in zip(lams, lams[1:], strict=False):
        h = b - a
        k1 = eps(y, a)
        k2 = eps(y + h / 2 * k1, a + h / 2)
        k3 = eps(y + h / 2 * k2, a + h / 2)
        k4 = eps(y + h * k3, b)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
@pytest.mark.parametrize("name", ORDER)
def test_the_order_on_two_bumps(name, schedule):  # C2, against a Runge-Kutta reference
    counts, errors = (40, 80, 160), []
    for steps in counts:
        ladder = noisy_part(schedule, steps)
        t, s = ladder[0], ladder[-1]
        ends = sample(ODE[name], BIMODAL, t.alpha * HIGH * STARTS, ladder)
        errors.append(float((ends / s.alpha - reference()).abs().max()))
    assert slope(counts, errors) == pytest.approx(
        ORDER[name], abs=0.15 if ORDER[name] == 1 else 0.35
    )


# --- exact on one step (C3): each rule uses its x0 or eps where its formula says ------------------


@over(st.floats(0.05, 0.9), st.floats(0.05, 0.9), st.floats(-1.5, 1.0), st.integers(0, 10**6))
def test_2m_uses_a_linear_guess_at_the_middle_in_lam(h, h_last, lam, seed):  # C3
    """Needed: with r upside down the slope stays 2, and evenly spaced grids cannot tell."""
    a, b = normal(2, 4, seed=seed)
    t = lambda lam: Level.from_alpha_bar(1 / (1 + math.exp(-2 * lam)))
    ladder = [t(lam - h_last), t(lam), t(lam + h)]
    denoise = lambda x, t: a + b * t.lam
    first, second = walk(dpmpp_2m, denoise, normal(4, seed=seed + 1), ladder)
    middle = a + b * (lam + h / 2)
    s = ladder[2]
    exact = s.sigma / ladder[1].sigma * first.x - s.alpha * math.expm1(-h) * middle
    close(second.x, exact, 1e-10)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_second_look_is_taken_where_the_formula_says(schedule):
    t, s = SCHEDULES[schedule](0.8), SCHEDULES[schedule](0.5)
    asked = []
    x, *eps = normal(3, 5)

    def denoise(x, t):
        asked.append((x, t))
        return diffuse.x0_from_eps(x, eps[len(asked) - 1], t)

    one = heun(denoise, x, t, s)
    close(asked[1][0], transfer(x, eps[0], t, s))
    assert asked[1][1] is s
    close(one.x / s.alpha, x / t.alpha + (s.ratio - t.ratio) * (eps[0] + eps[1]) / 2)

    asked.clear()
    two = dpm_2(denoise, x, t, s)
    x_m, middle = asked[1]
    close(middle.lam, (t.lam + s.lam) / 2)
    close(x_m / middle.alpha, x / t.alpha + (middle.ratio - t.ratio) * eps[0])
    close(two.x / s.alpha, x / t.alpha + (s.ratio - t.ratio) * eps[1])
    for step in (one, two):
        assert step.t is t
        close(step.x0, diffuse.x0_from_eps(x, eps[0], t))


def test_multistep_remembers_four_guesses_unless_told_otherwise():
    x, ladder = normal(5, 1), lam_grid(levels.cosine, 6, HIGH, LOW)
    four = sample(partial(dpmpp_multistep, order=4), BIMODAL, x, ladder)
    close(sample(dpmpp_multistep, BIMODAL, x, ladder), four, 0)


def test_plms_integrates_a_cubic_exactly_once_it_remembers_enough():
    """Adams-Bashforth with k memories is exact for polynomials of degree k - 1 in the clock."""
    ladder = lam_grid(levels.cosine, 7, HIGH, LOW)[:-1]
    x = normal(4)
    for degree in range(4):
        coefficients = normal(degree + 1, 4, seed=degree)
        eps = lambda i, p=coefficients: sum(a * i**k for k, a in enumerate(p))
        area = lambda i, p=coefficients: sum(
            a * ((i + 1) ** (k + 1) - i ** (k + 1)) / (k + 1) for k, a in enumerate(p)
        )
        answers = iter(range(7))
        denoise = lambda x, t, e=eps, a=answers: diffuse.x0_from_eps(x, e(next(a)), t)
        steps = list(walk(plms, denoise, x, ladder))
        for i in range(degree, 6):
            before = steps[i - 1].x if i else x
            close(steps[i].x, transfer(before, area(i), ladder[i], ladder[i + 1]), 1e-9)
        assert [len(step.past) for step in steps] == [1, 2, 3, 3, 3, 3]
        close(torch.stack(steps[4].past), torch.stack([eps(4), eps(3), eps(2)]), 1e-9)


@pytest.mark.parametrize("name", ODE)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_network_that_knows_the_noise_is_walked_without_error(name, schedule):
    """The guess of one data point never changes, so every rule lands on it, from any level."""
    x0, eps = normal(2, 6)
    ladder = grid(SCHEDULES[schedule], 6)
    x = diffuse.q_sample(x0, ladder[0], eps)
    for step in walk(ODE[name], fixed(x0), x, ladder):
        close(step.x0, x0)
    close(step.x, x0)


@pytest.mark.parametrize("name", ODE)
@pytest.mark.parametrize("schedule", ["cosine", "rectified"])
def test_from_pure_noise_the_first_step_is_ddims(name, schedule):
    t, s = SCHEDULES[schedule](1.0), SCHEDULES[schedule](0.7)
    assert t.alpha == 0
    toy, x = MixtureDenoiser([[-1.0], [1.0]], [0.2, 0.3]), normal(5, 1)
    close(ODE[name](toy, x, t, s).x, ddim(toy, x, t, s).x)
    near = (
        Level.from_alpha_bar(1e-18)
        if schedule == "cosine"
        else Level(t.time, t.time * 0 + 1e-9, t.sigma)
    )
    if name in ("dpmpp_2m", "plms"):  # what is remembered from pure noise is worth nothing
        later = walk(ODE[name], toy, x, [t, s, SCHEDULES[schedule](0.4)])
        almost = walk(ODE[name], toy, x, [near, s, SCHEDULES[schedule](0.4)])
        if name == "plms":
            for one, other in zip(later, almost, strict=True):
                close(one.x, other.x, 1e-6)
        else:  # 1 / infinity is reached only as slowly as a logarithm grows
            first, second = later
            close(second.x, ddim(toy, first.x, s, SCHEDULES[schedule](0.4)).x)


# --- the reverse SDE


def test_euler_maruyama_is_the_papers_step_between_neighbours():
    """x + ½ β x + β score + √β z, up to β²: the difference falls four times as β halves."""
    apart = []
    for b in (0.02, 0.01, 0.005):
        t, s = (levels.level_at(torch.full((9,), b).double(), n) for n in (9, 8))
        x, x0, z = normal(3, 6)
        paper = x + b / 2 * x + b * diffuse.score(x, x0, t) + math.sqrt(b) * z
        ours = (
            euler_maruyama(fixed(x0), x, t, s, generator=SilentNormal()).x
            + math.sqrt(reverse_var(t, s)) * z
        )
        apart.append(float((ours - paper).abs().max()))
    assert slope((1, 2, 4), apart) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
def test_euler_maruyamas_law_is_first_order(schedule):
    """Gaussian data: mean and variance of the walk are pushed exactly, with no samples at all."""
    m, c, counts, errors = 0.7, 0.5, (80, 160, 320), []
    gaussian = MixtureDenoiser([[m]], [c])
    for steps in counts:
        ladder = noisy_part(schedule, steps)
        mean, var = (f(ladder[0]) for f in (lambda r: r.alpha * m, _var(c)))
        for t, s in zip(ladder, ladder[1:], strict=False):
            at = lambda v, t=t, s=s: (
                euler_maruyama(
                    gaussian, torch.full((1, 1), v).double(), t, s, generator=SilentNormal()
                ).x
            )
            gain = at(1.0) - at(0.0)
            mean, var = at(0.0) + gain * mean, gain**2 * var + reverse_var(t, s)
        end = ladder[-1]
        errors.append([float(abs(mean - end.alpha * m)), float(abs(var - _var(c)(end)))])
    for error in zip(*errors, strict=True):
        exact = max(error) < 1e-12  # the mean, where alpha stays 1
        assert exact or slope(counts, error) == pytest.approx(1, abs=0.2)


def _var(c):
    return lambda r: r.alpha**2 * c**2 + r.sigma**2


def test_ddpm_is_euler_maruyama_only_as_the_step_shrinks():
    apart = []
    for b in (0.04, 0.02, 0.01):
        t, s = Level.from_alpha_bar(0.5), Level.from_alpha_bar(0.5 / (1 - b))
        x, x0 = normal(2, 6)
        one, other = (
            step(fixed(x0), x, t, s, generator=seeded(1)).x
            for step in (partial(ddpm, large=True), euler_maruyama)
        )
        apart.append(float((one - other).abs().max()))
    assert slope((1, 2, 4), apart) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_euler_maruyamas_last_step_is_two_terms_without_noise(schedule):
    """The score's x cancels the step's own: alpha x0 - log(alpha) x is left."""
    t, s = SCHEDULES[schedule](0.2), SCHEDULES[schedule](0.0)
    x, x0 = normal(2, 6)
    loud = euler_maruyama(fixed(x0), x, t, s, generator=seeded()).x
    close(loud, t.alpha * x0 - torch.log(t.alpha) * x)


def test_euler_maruyama_cannot_start_from_pure_noise():
    with pytest.raises(ValueError, match="t: alpha is 0 there; start euler_maruyama where"):
        sample(euler_maruyama, fixed(torch.zeros(1, 1)), torch.zeros(1, 1), grid(levels.cosine, 3))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_churning_moves_x_to_the_law_of_the_noisier_level(schedule):
    t = SCHEDULES[schedule](0.6)
    seen = []
    step = lambda denoise, x, t, s, last, generator: seen.append((x, t)) or Step(x, x, t)
    x, z = normal(7), normal(7, seed=5)
    churned(step, 0.4)(None, x, t, None, generator=seeded(5))
    moved, up = seen[0]
    close(up.ratio, 1.4 * t.ratio)
    close(moved / up.alpha, x / t.alpha + torch.sqrt(up.ratio**2 - t.ratio**2) * z, 1e-9)
    churned(step, 0.4, swell=1.5)(None, x, t, None, generator=seeded(5))
    wider = seen[1][0] / up.alpha
    close(wider, x / t.alpha + 1.5 * torch.sqrt(up.ratio**2 - t.ratio**2) * z, 1e-9)


@pytest.mark.parametrize(
    "low, high, churns", [(0.5, 2, True), (1, 1, True), (1.1, 2, False), (0, 0.9, False)]
)
def test_churning_happens_only_on_its_interval(low, high, churns):
    t, s = levels.Level.from_alpha_bar(0.5), levels.Level.from_alpha_bar(0.8)
    t = t._replace(sigma=t.alpha)  # a ratio of exactly 1
    x, x0 = normal(2, 5)
    step = churned(heun, 0.3, low, high)
    made, plain = step(fixed(x0), x, t, s, generator=seeded()), heun(fixed(x0), x, t, s)
    assert torch.equal(made.x, plain.x) != churns


def test_no_churn_is_no_change_and_no_draw():
    toy, x, ladder = MixtureDenoiser([[0.5]], [0.3]), normal(5, 1), grid(levels.cosine, 6)
    g = seeded()
    before = g.get_state()
    close(sample(churned(heun, 0.0), toy, x, ladder, g), sample(heun, toy, x, ladder), 0)
    assert torch.equal(g.get_state(), before)


@pytest.mark.parametrize("amount", [1e-17, 1e-16, 3e-16, 1e-12])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_hardly_any_churn_is_hardly_any_change(schedule, amount):
    """A difference of two equal variances may round below 0, and its root is NaN."""
    x, x0 = normal(2, 5)
    for time in (0.1, 0.37, 0.7, 0.93):
        t, s = SCHEDULES[schedule](time), SCHEDULES[schedule](time / 2)
        one, other = (
            step(fixed(x0), x, t, s, generator=seeded()).x for step in (churned(ddim, amount), ddim)
        )
        close(one, other, 1e-4)


@pytest.mark.parametrize("bad", [{"amount": -0.1}, {"amount": math.nan}, {"amount": float("inf")}])
def test_churn_wants_an_amount_from_0_up(bad):
    with pytest.raises(ValueError, match="amount: .* given; allowed is any number from 0 up"):
        churned(heun, **bad)


@pytest.mark.parametrize("bad", [{"low": 2.0, "high": 1.0}, {"swell": 0.0}, {"swell": math.inf}])
def test_churn_wants_a_sound_interval_and_swell(bad):
    with pytest.raises(ValueError, match="low, high, swell: .* need low <= high, swell > 0"):
        churned(heun, 0.1, **bad)


# --- Langevin (D3) --------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    loud = solvers.noise_like
    silent = lambda x, g: torch.zeros_like(x) if isinstance(g, SilentNormal) else loud(x, g)
    monkeypatch.setattr(solvers, "noise_like", silent)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("share", [0.01, 0.5, 1.5])
def test_langevin_rests_at_its_own_variance_not_the_datas(schedule, share):  # D3
    m, c, t = 0.3, 0.6, SCHEDULES[schedule](0.5)
    gaussian, var = MixtureDenoiser([[m]], [c]), float(_var(c)(t))
    h = share * var
    at = lambda v: langevin(gaussian, torch.full((1, 1), v).double(), t, h, SilentNormal())
    gain, rest = at(1.0) - at(0.0), at(0.0) / (1 - (at(1.0) - at(0.0)))
    z = normal(1, 1, seed=3)
    added = langevin(gaussian, torch.zeros(1, 1).double(), t, h, seeded(3)) - at(0.0)
    close(added, math.sqrt(2 * h) * z, 1e-12 * max(1, math.sqrt(h)))
    close(rest[0, 0], t.alpha * m, 1e-12 * max(1, float(t.sigma)))
    close(
        2 * h / (1 - gain[0, 0] ** 2) / (var / (1 - h / (2 * var))), torch.ones(()).double(), 1e-11
    )


def test_langevin_samples_have_that_variance():  # D3, by Monte Carlo
    c, n, t = 0.6, 40_000, levels.cosine(0.3)
    gaussian, var = MixtureDenoiser([[0.0]], [c]), float(_var(c)(t))
    h, g = 0.5 * var, seeded(1)
    x = torch.zeros(n, 1, dtype=torch.float64)
    for _ in range(40):
        x = langevin(gaussian, x, t, h, g)
    assert abs(float(x.var()) / (var / (1 - 0.25)) - 1) < 4.5 * math.sqrt(2 / n)


@pytest.mark.parametrize("h", [0, -0.1, math.nan, math.inf])
def test_langevin_wants_a_step_above_0(h):
    with pytest.raises(ValueError, match="h: .* given; allowed is any number above 0"):
        langevin(BIMODAL, normal(2, 1), levels.cosine(0.5), h)


def test_langevin_needs_noise_on_the_level():
    with pytest.raises(ValueError, match="t: sigma is 0 there"):
        langevin(BIMODAL, normal(2, 1), levels.cosine(0.0), 0.1)
