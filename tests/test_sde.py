"""The SDE: its schedules, its way back with any noise, and the density that the ODE carries."""

import itertools
import math

import pytest
import torch
from family import seeded

from lessons_lib import data, learn, levels, sde, solvers
from lessons_lib.diffuse import eps_from_x0
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level, along, grid, rectified
from lessons_lib.samplers import reverse_var, sample
from lessons_lib.solvers import euler_maruyama
from lessons_lib.wrap import counted

CLOCKS = {"vp": sde.vp, "sub_vp": sde.sub_vp, "ve": sde.ve}
ALL = CLOCKS | {"cosine": levels.cosine, "rectified": rectified}
TIMES = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
BUMPS = MixtureDenoiser([[-1.5], [1.0]], [0.3, 0.5], [0.4, 0.6])


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def ladder(steps, low=0.001, high=200.0, on=1.0):
    """Levels evenly spaced in log-SNR without the data: on the circle, or with alpha 1."""
    ratio = torch.logspace(math.log10(high), math.log10(low), steps + 1, dtype=torch.float64)
    t = Level.from_alpha_bar(0.5) if on == "circle" else levels.edm(1.0)
    return [along(t, each) for each in ratio]


# --- schedules and their coefficients -------------------------------------------------------------


def beta(time, low=0.1, high=20.0):
    return low + time * (high - low)


def test_every_clock_starts_at_the_data_and_only_gets_noisier():
    for clock in CLOCKS.values():
        t = clock(torch.linspace(0, 1, 101))
        assert (float(t.alpha[0]), float(t.sigma[0])) == (1, 0)
        assert bool((t.ratio.diff() > 0).all())
    assert float(sde.ve(1.0).sigma) == pytest.approx(50, rel=1e-7)


def test_vp_keeps_the_variance_and_sub_vp_stays_below_it():
    a, b = sde.vp(TIMES), sde.sub_vp(TIMES)
    assert (a.alpha**2 + a.sigma**2 - 1).abs().max() < 1e-12
    assert torch.equal(a.alpha, b.alpha) and bool((b.sigma < a.sigma).all())
    assert (b.sigma - a.sigma**2).abs().max() < 1e-15
    # Song et al. 2021, eq. 33: the exponent of the mean
    shown = -0.25 * TIMES**2 * (20 - 0.1) - 0.5 * TIMES * 0.1
    assert (torch.log(a.alpha) - shown).abs().max() < 1e-12


PAPERS = {  # f and g² as the papers print them
    "vp": lambda t: (-beta(t) / 2, beta(t)),
    "sub_vp": lambda t: (-beta(t) / 2, beta(t) * (1 - torch.exp(-2 * (0.1 * t + 19.9 * t**2 / 2)))),
    "ve": lambda t: (0 * t, 2 * math.log(5000) * (0.01 * 5000**t) ** 2),
    "rectified": lambda t: (-1 / (1 - t), 2 * t / (1 - t)),
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_coefficients_are_those_of_the_papers(name):
    f, g2 = sde.coefficients(ALL[name], TIMES)
    drift, diffusion = PAPERS[name](TIMES)
    assert (f - drift).abs().max() < 1e-9 * max(1, drift.abs().max())
    assert (g2 / diffusion - 1).abs().max() < 1e-9


@pytest.mark.parametrize("name", ALL)
def test_the_moments_of_the_sde_are_the_level(name):
    """dm/dt = f m and dV/dt = 2 f V + g², by central differences of alpha and sigma²."""
    h, time = 1e-5, TIMES
    f, g2 = sde.coefficients(ALL[name], time)
    ahead, behind, t = (ALL[name](time + d) for d in (h, -h, 0))
    slope = lambda value: (value(ahead) - value(behind)) / (2 * h)
    drift = slope(lambda t: t.alpha) - f * t.alpha
    growth = slope(lambda t: t.sigma**2) - (2 * f * t.sigma**2 + g2)
    assert drift.abs().max() < 1e-6
    assert (growth / g2).abs().max() < 1e-6


@pytest.mark.parametrize("name", CLOCKS)
def test_a_walk_of_many_small_steps_has_the_moments_of_the_level(name):
    """Exactly those of its own steps; and those of the level, as the steps shrink."""
    n, steps, x0 = 4000, 200, torch.full((4000, 1), 1.5, dtype=torch.float64)
    t, mean, var = CLOCKS[name](0.5), 1.5, 0.0
    for x in sde.simulate(CLOCKS[name], x0, steps, seeded(1), end=0.5):
        pass
    dt = 0.5 / steps
    for i in range(steps):
        f, g2 = (float(each) for each in sde.coefficients(CLOCKS[name], (i + 0.5) * dt))
        mean, var = mean * (1 + f * dt), var * (1 + f * dt) ** 2 + g2 * dt
    assert abs(float(x.mean()) - mean) < 4.5 * math.sqrt(var / n)
    assert abs(float(x.var()) / var - 1) < 4.5 * math.sqrt(2 / n)
    assert mean == pytest.approx(1.5 * float(t.alpha), rel=0.01)
    assert var == pytest.approx(float(t.sigma) ** 2, rel=0.01)


def test_coefficients_are_asked_between_the_ends():
    for clock, time in ((sde.vp, 0.0), (rectified, 1.0)):
        with pytest.raises(ValueError, match="time: .* given; there sigma or alpha is 0"):
            sde.coefficients(clock, time)
    with pytest.raises(ValueError, match="low, high"):
        sde.vp(0.5, low=3, high=2)
    with pytest.raises(ValueError, match="low, high"):
        sde.ve(0.5, low=0)
    with pytest.raises(ValueError, match="end"):
        next(sde.simulate(sde.vp, normal(2, 1), 3, end=0))
    with pytest.raises(ValueError, match="steps"):
        next(sde.simulate(sde.vp, normal(2, 1), 0))


# --- the way back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_the_ode_moves_the_density_as_the_fog_does(name):
    """The continuity equation dp/dt = -d(v p)/dx on a grid, central differences."""
    time, h = torch.tensor(0.4, dtype=torch.float64), 1e-4
    x = torch.linspace(-4, 4, 81, dtype=torch.float64)[:, None]
    p = lambda x, time: BUMPS.log_prob(x, ALL[name](time)).exp()
    flux = lambda x: sde.reverse_drift(BUMPS, ALL[name], x, time, noise=0)[:, 0] * p(x, time)
    left = (p(x, time + h) - p(x, time - h)) / (2 * h)
    right = -(flux(x + h) - flux(x - h)) / (2 * h)
    assert (left - right).abs().max() < 1e-5 * max(1, float(left.abs().max()))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("noise", [0, 0.5, 1, 2])
def test_with_any_noise_the_way_back_has_the_same_law(name, noise):
    """Gaussian data: V falls by 2 a V - noise² g² on the way back, as it rose by 2 f V + g²."""
    c = 0.6
    one = MixtureDenoiser([[0.0]], [c])
    for time in (0.2, 0.5, 0.8):
        f, g2 = sde.coefficients(ALL[name], time)
        t = ALL[name](time)
        var = t.alpha**2 * c**2 + t.sigma**2
        a = sde.reverse_drift(one, ALL[name], torch.ones(1, 1).double(), time, noise).squeeze()
        back = 2 * a * var - noise**2 * g2
        assert float(back - (2 * f * var + g2)) == pytest.approx(0, abs=1e-9 * float(g2 + 1))


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 1.5])
def test_three_roads_reach_the_same_law(noise):
    """A mixture, by sampling: mean, variance and the share of each bump, within 4.5 SE."""
    n, top = 5000, sde.vp(1.0)
    x = top.alpha * BUMPS.sample(n, seeded(3)) + top.sigma * normal(n, 1, seed=4)
    end = sample(sde.tempered(noise), BUMPS, x, grid(sde.vp, 500), seeded(5))[:, 0]
    share, mean = (end < -0.2).double(), 0.4 * -1.5 + 0.6 * 1.0
    real = BUMPS.sample(400_000, seeded(6))[:, 0]
    assert abs(float(end.mean()) - mean) < 4.5 * float(end.std()) / math.sqrt(n)
    p = float((real < -0.2).double().mean())
    assert abs(float(share.mean()) - p) < 4.5 * math.sqrt(p * (1 - p) / n) + 0.003
    assert float(end.var() / real.var()) == pytest.approx(1, abs=0.07)


@pytest.mark.parametrize("name", ALL)
def test_with_its_own_noise_the_step_is_euler_maruyama(name):
    x, levels = normal(5, 1), grid(ALL[name], 6, start=0.9)
    for t, s in itertools.pairwise(levels):
        one = sde.tempered(1.0)(BUMPS, x, t, s, generator=seeded(2))
        assert torch.equal(one.x, euler_maruyama(BUMPS, x, t, s, generator=seeded(2)).x)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_step_is_the_drift_times_the_time(noise):
    """Between neighbours, up to second order in the step."""
    x, h = normal(5, 1), 1e-4
    t, s = sde.vp(0.5 + h), sde.vp(0.5 - h)
    plain = sde.tempered(noise)(BUMPS, x, t, s, generator=Silent())
    drift = x - 2 * h * sde.reverse_drift(BUMPS, sde.vp, x, 0.5, noise)
    assert (plain.x - drift).abs().max() < 1e-5
    assert (plain.x - x).abs().max() > 1e-4


class Silent(torch.Generator):
    """A generator whose noise is not looked at: with it a step is its mean."""


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    draw = solvers.noise_like
    hush = lambda x, g: torch.zeros_like(x) if isinstance(g, Silent) else draw(x, g)
    monkeypatch.setattr(solvers, "noise_like", hush)


def test_the_ode_draws_nothing_and_refuses_what_makes_no_sense():
    x, (t, s) = normal(5, 1), (sde.vp(0.5), sde.vp(0.4))
    generator = seeded(1)
    before = generator.get_state()
    sde.tempered(0)(BUMPS, x, t, s, generator=generator)
    assert torch.equal(before, generator.get_state())
    for noise in (-1, math.nan, math.inf, "1"):
        with pytest.raises(ValueError, match="noise"):
            sde.tempered(noise)
    with pytest.raises(ValueError, match="alpha is 0"):
        sde.tempered(1)(BUMPS, x, rectified(1.0), s)


# --- the divergence -------------------------------------------------------------------------------


def tangled(x):
    """A field that mixes the coordinates of each sample, and no two samples."""
    return torch.sin(x) * x.roll(1, dims=1) + x**2


def jacobian(field, x):
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda r: field(r[None])[0], row) for row in x]
    )


def test_the_divergence_is_the_trace():
    x = normal(4, 4)
    trace = jacobian(tangled, x).diagonal(dim1=1, dim2=2).sum(1)
    assert (sde.divergence(tangled, x) - trace).abs().max() < 1e-12
    assert torch.equal(sde.divergence(torch.ones_like, x), torch.zeros(4).double())
    assert torch.equal(sde.divergence(lambda x: 3 * x, x), torch.full((4,), 12.0).double())


def test_what_is_the_same_everywhere_diverges_nowhere():
    """A field that does not look at x, with weights that could learn and without."""
    x, w = normal(5, 3), torch.ones(3, dtype=torch.float64, requires_grad=True)
    for field in (lambda x: w.expand_as(x), lambda x: torch.ones_like(x)):
        assert torch.equal(sde.divergence(field, x), torch.zeros(5, dtype=torch.float64))


@pytest.mark.parametrize("noise", [0.5, 1.5, 2.0])
def test_the_drift_of_a_tempered_step_grows_with_the_square_of_its_noise(noise):
    """Without its own shake, a step is the ODE's and n² times what the SDE's adds to that."""
    x, t, s = normal(50, 1), sde.vp(0.6), sde.vp(0.5)
    stepped = lambda n: sde.tempered(n)(BUMPS, x, t, s, generator=seeded(3)).x
    shake = torch.sqrt(reverse_var(t, s)) * normal(50, 1, seed=3)
    ode, both = stepped(0.0), stepped(1.0) - shake
    torch.testing.assert_close(stepped(noise) - noise * shake, ode + noise**2 * (both - ode))


def test_the_divergence_of_pictures_and_of_the_exact_denoiser():
    x, t = normal(3, 2), levels.cosine(0.4)
    ring = data.ring()
    field = lambda x: ring(x, t)
    trace = jacobian(field, x).diagonal(dim1=1, dim2=2).sum(1)
    assert (sde.divergence(field, x) - trace).abs().max() < 1e-12
    x = normal(3, 1, 2, 2)
    flat = lambda x: tangled(x.flatten(1)).reshape(x.shape)
    assert torch.allclose(sde.divergence(flat, x), sde.divergence(tangled, x.flatten(1)))


def signs(dims, batch):
    """Every vector of signs, as probes: (2^D, batch, D)."""
    every = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=dims)), dtype=torch.float64)
    return every[:, None].expand(-1, batch, -1)


def test_hutchinson_over_all_signs_is_the_divergence_and_its_variance_is_the_formulas():
    """2 Σ_{i≠j} S_ij², S the symmetric part: the diagonal costs a sign nothing."""
    x = normal(3, 4)
    v = signs(4, 3)
    each = torch.stack([sde.hutchinson(tangled, x, probe[None]) for probe in v])
    trace, J = sde.divergence(tangled, x), jacobian(tangled, x)
    assert (sde.hutchinson(tangled, x, v) - trace).abs().max() < 1e-12
    S = (J + J.mT) / 2
    square = (S**2).sum((1, 2)), (S.diagonal(dim1=1, dim2=2) ** 2).sum(1)
    assert (each.var(0, correction=0) - 2 * (square[0] - square[1])).abs().max() < 1e-12


def test_normal_probes_pay_for_the_diagonal_too():
    x, K = normal(1, 3), 200_000
    J = jacobian(tangled, x)[0]
    S = (J + J.mT) / 2
    v = normal(K, 1, 3, seed=3)
    each = torch.einsum("kbi,ij,kbj->k", v, J, v)
    assert float(each.var()) == pytest.approx(float(2 * (S**2).sum()), rel=0.05)
    assert torch.allclose(sde.hutchinson(tangled, x, v[:500]), each[:500].mean(), rtol=1e-10)


def test_a_field_or_a_probe_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="field: returned"):
        sde.divergence(lambda x: x[:, :1], normal(2, 3))
    with pytest.raises(ValueError, match="v: shape"):
        sde.hutchinson(tangled, normal(2, 3), normal(2, 3))
    with pytest.raises(ValueError, match="v: shape .* need \\(K, 2, 3\\) with K > 0"):
        sde.hutchinson(tangled, normal(2, 3), normal(0, 2, 3))
    for x in (normal(3), normal(0, 3), torch.ones(2, 3, dtype=torch.int64)):
        with pytest.raises(ValueError, match="x: shape"):
            sde.divergence(tangled, x)


def test_eulers_rule_in_time_is_not_the_step_without_noise():
    """Where VP's drift and score nearly cancel: one bell of spread 1, on which nothing moves."""
    bell, x = MixtureDenoiser([[0.0]], [1.0]), normal(5, 1)
    t, s = sde.vp(1.0), sde.vp(0.9)
    assert sde.reverse_drift(bell, sde.vp, x, 1.0, 0.0).abs().max() < 1e-9
    moved = sde.tempered(0.0)(bell, x, t, s).x / x
    L = float(torch.log(s.alpha / t.alpha))
    assert torch.allclose(moved, torch.full_like(x, 1 + L + math.expm1(-2 * L) / 2))
    assert float(moved[0]) > 1.4


# --- how likely is x? -----------------------------------------------------------------------------

RING = data.ring()
POINTS = RING.sample(100, seeded(1))


def missed(steps, rule="RK4", on=1.0, high=200.0):
    down = ladder(steps, high=high, on=on)
    x = down[-1].alpha * POINTS
    return sde.log_prob(RING, x, down, rule=rule) - RING.log_prob(x, down[-1])


@pytest.mark.parametrize(
    "rule, steps, within", [("RK4", 50, 1e-3), ("RK4", 100, 2e-4), ("Heun", 200, 2e-2)]
)
def test_the_ode_finds_the_density_of_a_mixture(rule, steps, within):
    assert float(missed(steps, rule).square().mean().sqrt()) < within


def test_twice_the_steps_find_the_same():
    """Without the truth: what a step-doubling check says is what the truth says."""
    half, whole = missed(50), missed(100)
    assert float((half - whole).square().mean().sqrt()) < 1e-3
    assert float(whole.square().mean().sqrt()) < 0.2 * float(half.square().mean().sqrt())


def test_the_rules_have_their_orders():
    """On one bell, whose density is known for the N(0, 1) that it becomes."""
    one = MixtureDenoiser([[0.5, -0.2]], [0.7])
    x = normal(20, 2)
    fine = sde.log_prob(one, x, ladder(160, low=0.05, high=10.0))
    missed = lambda n, rule: sde.log_prob(one, x, ladder(n, low=0.05, high=10.0), rule=rule) - fine
    for rule, order, n in (("Euler", 1, 20), ("Heun", 2, 20), ("RK4", 4, 10)):
        off = [float(missed(n * times, rule).abs().max()) for times in (1, 4)]
        slope = math.log(off[0] / off[1]) / math.log(4)
        assert slope == pytest.approx(order, abs=0.3), rule


def test_a_bell_of_spread_one_has_its_density():
    """Then the prior at the noisy end is exact, and only the rule errs."""
    one = MixtureDenoiser([[0.0, 0.0, 0.0]], [1.0])
    x, down = normal(7, 3), ladder(100, low=0.01, high=10.0, on="circle")
    exact = -(x**2).sum(1) / 2 - 1.5 * math.log(2 * math.pi)
    assert (sde.log_prob(one, x, down) - exact).abs().max() < 1e-5


def test_the_curve_does_not_matter_only_the_ratio_does():
    a, b = missed(50), missed(50, on="circle")
    assert (a - b).abs().max() < 1e-9


def test_a_density_integrates_to_one():
    x = torch.linspace(-5, 5, 801, dtype=torch.float64)[:, None]
    p = sde.log_prob(BUMPS, x, ladder(60, low=0.05)).exp()
    assert float(p.sum() * (x[1] - x[0])) == pytest.approx(1, abs=1e-3)


def test_with_all_probes_hutchinson_is_exact_and_with_one_it_is_right_on_average():
    down = ladder(50)
    exact = sde.log_prob(RING, POINTS, down)
    all_signs = sde.log_prob(RING, POINTS, down, signs(2, 100))
    assert (all_signs - exact).abs().max() < 1e-9
    v = normal(1, 100, 2, seed=4).sign()
    off = sde.log_prob(RING, POINTS, down, v) - exact
    assert abs(float(off.mean())) < 4.5 * float(off.std()) / 10 and float(off.std()) > 0.1


@pytest.mark.parametrize("rule, looks", [("Euler", 1), ("Heun", 2), ("RK4", 4)])
def test_a_step_costs_the_looks_that_were_promised(rule, looks):
    asked = counted(RING)
    sde.log_prob(asked, POINTS[:3], ladder(7), rule=rule)
    assert asked.calls == 7 * looks


def test_the_network_of_the_digits_is_asked_in_float32_and_answers_picture_by_picture():
    net, x = learn.load("digits"), data.digits()[0][:4]
    down = ladder(3, low=0.05, high=20.0, on="circle")
    together = sde.log_prob(net, x, down)
    alone = torch.cat([sde.log_prob(net, row[None], down) for row in x])
    assert together.dtype == torch.float64 and together.shape == (4,)
    assert torch.allclose(together, alone, rtol=1e-4)
    moved = x.clone()
    moved[1] += 0.5
    assert torch.allclose(sde.log_prob(net, moved, down)[[0, 2, 3]], together[[0, 2, 3]], rtol=1e-5)


def test_what_has_no_density_is_refused():
    down = ladder(4)
    with pytest.raises(ValueError, match="levels: sigma/alpha from .* need a first one"):
        sde.log_prob(RING, POINTS, [*down, levels.edm(0.0)])
    with pytest.raises(ValueError, match="levels: sigma/alpha from .* need a first one"):
        sde.log_prob(RING, POINTS, [levels.cosine(1.0), levels.cosine(0.5)])
    with pytest.raises(ValueError, match="noisiest first"):
        sde.log_prob(RING, POINTS, down[::-1])
    with pytest.raises(ValueError, match="rule"):
        sde.log_prob(RING, POINTS, down, rule="RK5")
    with pytest.raises(ValueError, match="v: shape"):
        sde.log_prob(RING, POINTS, down, normal(100, 2))
    with pytest.raises(ValueError, match="alpha² \\+ sigma² = 1"):
        sde.log_prob(RING, POINTS, [sde.sub_vp(0.9), sde.sub_vp(0.5)])


# --- pictures of whole numbers --------------------------------------------------------------------


def test_dequantised_pictures_fill_their_cells_evenly():
    x = torch.zeros(50_000, dtype=torch.float64)
    y = sde.dequantised(x, 0.25, seeded())
    assert float(y.min()) >= -0.125 and float(y.max()) < 0.125
    assert float(y.var()) == pytest.approx(0.25**2 / 12, rel=0.03)
    assert torch.equal(y, sde.dequantised(x, 0.25, seeded()))


def test_seventeen_grey_levels_that_are_all_alike_cost_log2_of_17():
    """The density of a pixel that is uniform over 17 cells of width 1/8."""
    log_p = torch.tensor([64 * math.log(1 / (17 / 8))], dtype=torch.float64)
    assert float(sde.bits_per_dim(log_p, 64, 1 / 8)) == pytest.approx(math.log2(17), abs=1e-12)


def test_bits_do_not_depend_on_the_unit_of_the_pictures():
    """Pictures ten times as bright: a cell ten times as wide, a density 10^D times as thin."""
    log_p, D = normal(5), 64
    far = sde.bits_per_dim(log_p - D * math.log(10), D, 10 / 8)
    assert torch.allclose(far, sde.bits_per_dim(log_p, D, 1 / 8), atol=1e-12)


def test_widths_and_dimensions_must_be_positive():
    for width in (0, -1, math.nan):
        with pytest.raises(ValueError, match="width"):
            sde.dequantised(normal(2), width, seeded())
        with pytest.raises(ValueError, match="width"):
            sde.bits_per_dim(normal(2), 64, width)
    with pytest.raises(ValueError, match="dims"):
        sde.bits_per_dim(normal(2), 0, 1 / 8)


def test_five_names_of_one_step_on_the_shipped_network():
    """DDIM, Euler in sigma/alpha, Euler of flow matching, DPM-Solver-1, DPM-Solver++-1."""
    net = learn.load("digits").double()
    x, down = normal(4, 1, 8, 8), grid(sde.vp, 12, start=0.999)
    for t, s in itertools.pairwise(down[:-1]):
        x0 = net(x, t)
        eps = eps_from_x0(x, x0, t)
        h, size = s.lam - t.lam, [each.alpha + each.sigma for each in (t, s)]
        tau = s.sigma / size[1] - t.sigma / size[0]
        names = (
            s.alpha * x0 + s.sigma * eps,
            s.alpha * (x / t.alpha + (s.ratio - t.ratio) * eps),
            size[1] * (x / size[0] + tau * (eps - x0)),
            s.alpha / t.alpha * x - s.sigma * torch.expm1(h) * eps,
            s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * x0,
        )
        for other in names[1:]:
            assert (other - names[0]).abs().max() < 1e-11
        x = names[0]
