"""Samplers against exact oracles: no golden numbers (oracles B2-B4, C1, D1, D2, F2-F4)."""

import math
from functools import partial

import pytest
import torch
from family import (
    SCHEDULES,
    SDE,
    STEPS,
    SilentNormal,
    added_std,
    calls,
    close,
    fixed,
    seeded,
    starts,
)
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import diffuse, levels, samplers, solvers
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level, grid
from lessons_lib.samplers import (
    Step,
    cfg_plus_plus,
    ddim,
    ddim_inversion,
    ddpm,
    noise_like,
    reverse_var,
    sample,
    walk,
)
from lessons_lib.wrap import cfg, counted

PAIRS = [(0.9, 0.85), (0.9, 0.3), (0.5, 0.01), (0.05, 0.0), (1.0, 0.4), (1.0, 0.0)]


def two_levels(name, pair):
    return [SCHEDULES[name](time) for time in pair]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("pair", PAIRS)
def test_ddpm_draws_from_bayes_posterior(name, pair):  # B2
    """Precision-weighted product of q(x_s | x0) and q(x_t | x_s), worked out independently."""
    t, s = two_levels(name, pair)
    x, x0 = torch.randn(2, 5, dtype=torch.float64, generator=seeded())
    zero = ddpm(fixed(x0), x, t, s, generator=seeded(1)).x
    z = noise_like(x, seeded(1))
    if s.sigma == 0:  # D2: the last step listens to no noise at all
        close(zero, x0)
        assert torch.equal(zero, ddpm(fixed(x0), x, t, s, generator=seeded(2)).x)
        return
    scale = t.alpha / s.alpha
    between = t.sigma**2 - scale**2 * s.sigma**2
    precision = 1 / s.sigma**2 + scale**2 / between
    mean = (s.alpha * x0 / s.sigma**2 + scale * x / between) / precision
    close(zero, mean + z / precision.sqrt(), 1e-9)


def test_between_neighbours_the_reverse_variance_is_beta():
    beta = levels.linear_betas(50, 0.01, 0.25)
    for n in range(2, 51):
        t, s = levels.level_at(beta, n), levels.level_at(beta, n - 1)
        close(reverse_var(t, s), beta[n - 1])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("pair", PAIRS)
def test_ddim_with_eta_1_is_ddpm(name, pair):  # B3, strided and on every kind of level
    t, s = two_levels(name, pair)
    x, x0 = torch.randn(2, 5, dtype=torch.float64, generator=seeded())
    one = ddpm(fixed(x0), x, t, s, generator=seeded(1)).x
    other = ddim(fixed(x0), x, t, s, generator=seeded(1), eta=1.0).x
    close(one, other, 1e-9 if name == "ve" else 1e-11)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("pair", [(0.9, 0.85), (0.9, 0.3), (0.5, 0.01)])
def test_one_step_five_names(name, pair):  # B4, for any network output
    t, s = two_levels(name, pair)
    x, x0 = torch.randn(2, 5, dtype=torch.float64, generator=seeded())
    eps = diffuse.eps_from_x0(x, x0, t)
    ours = ddim(fixed(x0), x, t, s).x
    euler = s.alpha * (x / t.alpha + (s.ratio - t.ratio) * eps)
    tau_t, tau_s = t.sigma / (t.alpha + t.sigma), s.sigma / (s.alpha + s.sigma)
    flow = (s.alpha + s.sigma) * (x / (t.alpha + t.sigma) + (tau_s - tau_t) * (eps - x0))
    h = s.lam - t.lam
    solver = s.alpha / t.alpha * x - s.sigma * torch.expm1(h) * eps
    plus = s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * x0
    for other in (euler, flow, solver, plus):
        close(ours, other, 1e-9 if name == "ve" else 1e-11)


@over(
    st.sampled_from(["cosine", "linear betas", "rectified"]),
    st.floats(0.02, 0.98),
    st.floats(0.01, 0.95),
    st.integers(0, 10**6),
)
def test_the_identities_of_one_step_hold_anywhere(name, time, share, seed):  # B2, B3, B4
    t, s = two_levels(name, (time, time * share))
    x, x0, z = torch.randn(3, 4, dtype=torch.float64, generator=seeded(seed))
    between = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    precision = 1 / s.sigma**2 + (t.alpha / s.alpha) ** 2 / between
    mean = (s.alpha * x0 / s.sigma**2 + t.alpha / s.alpha * x / between) / precision
    for step in (ddpm, partial(ddim, eta=1.0)):
        quiet = step(fixed(x0), x, t, s, generator=SilentNormal()).x
        close(quiet, mean, 1e-9)
    loud = (
        ddpm(fixed(x0), x, t, s, generator=seeded(seed)).x
        - ddpm(fixed(x0), x, t, s, generator=SilentNormal()).x
    )
    close(loud, noise_like(x, seeded(seed)) / precision.sqrt(), 1e-9)
    h = s.lam - t.lam
    plus = s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * x0
    close(ddim(fixed(x0), x, t, s).x, plus)


def test_the_hand_walk():
    """Three steps by hand: .01 -> .30 -> .70 -> 1 from x = 2.0, the network says 1.8, 1.4, 0.5."""
    ladder = [Level.from_alpha_bar(a) for a in (0.01, 0.30, 0.70, 1.0)]
    answers = iter([1.8, 1.4, 0.5])
    denoise = lambda x, t: diffuse.x0_from_eps(x, next(answers), t)
    x = torch.tensor([2.0], dtype=torch.float64)
    steps = list(walk(ddim, denoise, x, ladder))
    close(
        torch.cat([step.x0 for step in steps]), torch.tensor([2.090, 2.701, 3.290]).double(), 5e-4
    )
    close(torch.cat([step.x for step in steps]), torch.tensor([2.651, 3.027, 3.290]).double(), 5e-4)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 50])
@pytest.mark.parametrize("name", ["cosine", "linear betas", "strong betas"])
def test_ddim_on_a_unit_gaussian_is_a_product_of_cosines(name, steps):  # C1
    """Stride, index and last-level mistakes all change this one line."""
    unit = MixtureDenoiser([[0.0]], [1.0])
    ladder = grid(SCHEDULES[name], steps)
    x = torch.tensor([[1.0], [-0.3]], dtype=torch.float64)
    angle = torch.stack([torch.atan2(t.sigma, t.alpha) for t in ladder])
    shrunk = torch.cos(angle[:-1] - angle[1:]).prod()
    close(sample(ddim, unit, x, ladder), x * shrunk, 1e-12)


@pytest.mark.parametrize("name", SDE)
@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
def test_the_law_of_the_chain(name, schedule):  # D1: Monte Carlo against the exact affine push
    m, c, n = 0.7, 0.4, 40_000
    gaussian, step = MixtureDenoiser([[m]], [c]), SDE[name]
    ladder = starts(name, grid(SCHEDULES[schedule], 8))
    start = ladder[0]
    mean, var = start.alpha * m, start.alpha**2 * c**2 + start.sigma**2
    for t, s in zip(ladder, ladder[1:], strict=False):
        zero, one = (torch.full((1, 1), v, dtype=torch.float64) for v in (0.0, 1.0))
        at0, at1 = (step(gaussian, x, t, s, generator=SilentNormal()).x.item() for x in (zero, one))
        gain = at1 - at0
        mean, var = at0 + gain * mean, gain**2 * var + _noise_var(name, gain, t, s)
    g = seeded(3)
    x = start.alpha * m + (start.alpha**2 * c**2 + start.sigma**2).sqrt() * torch.randn(
        n, 1, dtype=torch.float64, generator=g
    )
    ends = sample(step, gaussian, x, ladder, g)
    assert abs(float(ends.mean() - mean)) < 4.5 * math.sqrt(var / n)
    assert abs(float(ends.var() / var - 1)) < 4.5 * math.sqrt(2 / n)


def _noise_var(name, gain, t, s):
    """The variance that a step's own noise brings to its end."""
    if "churned" not in name:
        return added_std(name, t, s) ** 2
    if t.alpha == 0:
        return 0.0
    # Churned noise enters before the step: x is scaled, noise is added, and both are carried on.
    amount, swell = (0.3, 1.0) if name == "churned ddim" else (0.2, 1.003)
    ratio = float(t.ratio)
    scale = {True: 1.0, False: None}[float(t.alpha) == 1]
    if scale is None:  # by how much x shrinks so that the noisier level lies on the same curve
        size = math.hypot if abs(math.hypot(t.alpha, t.sigma) - 1) < 1e-9 else lambda a, b: a + b
        scale = 1 / size(float(t.alpha), (1 + amount) * float(t.sigma))
    fresh = scale * float(t.alpha) * ratio * math.sqrt((1 + amount) ** 2 - 1) * swell
    return (gain / scale * fresh) ** 2


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    loud = noise_like
    silent = lambda x, g: torch.zeros_like(x) if isinstance(g, SilentNormal) else loud(x, g)
    for module in (samplers, solvers):
        monkeypatch.setattr(module, "noise_like", silent)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_last_step_listens_to_no_noise(name, schedule):  # D2
    t, s = two_levels(schedule, (0.1, 0.0))
    x, x0 = torch.randn(2, 50, dtype=torch.float64, generator=seeded())
    one, other = (STEPS[name](fixed(x0), x, t, s, generator=seeded(i)).x for i in (1, 2))
    if "churned" in name:  # it adds its noise before the step, and the guess does not listen
        close(one, x0)
    else:
        assert torch.equal(one, other)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_finite_from_the_very_noise(name, schedule):
    """alpha = 0 at the start, sigma = 0 at the end: every sampler has its limit there."""
    toy = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3])
    for steps in (1, 2, 5):
        ladder = grid(SCHEDULES[schedule], steps)
        if len(starts(name, ladder)) < 2:
            continue
        ladder = starts(name, ladder)
        x = ladder[0].sigma * torch.randn(30, 2, dtype=torch.float64, generator=seeded())
        assert torch.isfinite(sample(STEPS[name], toy, x, ladder, seeded(1))).all()


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("schedule", ["cosine", "linear betas", "ve"])
def test_a_walk_asks_as_often_as_promised_and_never_where_there_is_no_noise(name, schedule):  # F3
    asked = []
    toy = MixtureDenoiser([[0.0]], [1.0])

    def denoise(x, t):
        asked.append(float(t.sigma))
        return toy(x, t)

    counting, ladder = counted(denoise), starts(name, grid(SCHEDULES[schedule], 13))
    sample(STEPS[name], counting, torch.zeros(4, 1), ladder, seeded())
    assert counting.calls == calls(name, ladder) and min(asked) > 0
    assert counting.samples == 4 * counting.calls


@pytest.mark.parametrize("name", STEPS)
def test_only_stochastic_steps_draw(name):
    g = seeded()
    before = g.get_state()
    ladder = grid(levels.cosine, 5)[1:]
    sample(STEPS[name], MixtureDenoiser([[0.0]], [1.0]), torch.zeros(2, 1), ladder, g)
    assert torch.equal(before, g.get_state()) == (name not in SDE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", STEPS)
def test_dtype_in_is_dtype_out(name, dtype):  # F2
    toy = MixtureDenoiser([[0.0, 1.0]], [1.0])
    x = torch.randn(3, 2, generator=seeded()).to(dtype)
    for step in walk(STEPS[name], toy, x, grid(levels.cosine, 5)[1:], seeded()):
        assert step.x.dtype == step.x0.dtype == dtype


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
def test_single_precision_follows_double(name, schedule, monkeypatch):
    toy = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3])
    ladder = grid(SCHEDULES[schedule], 20)[1:]
    noise = torch.randn(41, 50, 2, generator=seeded())
    ends = []
    for dtype in (torch.float32, torch.float64):
        draw = iter(noise[1:])
        for module in (samplers, solvers):
            monkeypatch.setattr(module, "noise_like", lambda x, g, d=draw: next(d).to(x))
        ends.append(sample(STEPS[name], toy, noise[0].to(dtype), ladder).double())
    close(*ends, 1e-3)


@pytest.mark.parametrize("name", STEPS)
def test_it_works_on_the_meta_device(name):
    x = torch.zeros(2, 3, device="meta")
    out = sample(STEPS[name], lambda x, t: 0.5 * x, x, grid(levels.cosine, 4)[1:])
    assert out.shape == (2, 3) and out.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", STEPS)
def test_cuda_gives_what_the_cpu_gives(name):  # F2
    toy = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3])
    x, ladder = torch.randn(20, 2, generator=seeded()), grid(levels.cosine, 20)[1:]
    here = sample(STEPS[name], toy, x, ladder, seeded(1))
    there = sample(STEPS[name], toy.cuda(), x.cuda(), ladder, seeded(1))
    close(there.cpu(), here, 1e-3)


def test_a_walk_keeps_no_gradients_and_leaves_the_callers_mode_alone():
    weight = torch.ones((), requires_grad=True)
    for step in walk(ddim, lambda x, t: weight * x, torch.zeros(1, 1), grid(levels.cosine, 3)):
        assert not step.x.requires_grad and torch.is_grad_enabled()


def test_a_step_is_given_the_one_before_it():
    seen = []

    def step(denoise, x, t, s, last=None, generator=None):
        seen.append(last)
        return Step(x, denoise(x, t), t)

    taken = list(walk(step, lambda x, t: x, torch.zeros(1, 1), grid(levels.cosine, 3)))
    assert seen[0] is None and seen[1] is taken[0] and seen[2] is taken[1]


# --- guards (F4): at once, and with the argument, the value and what is allowed ------------------

LADDER = grid(levels.cosine, 3)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"x": torch.zeros(2, 2, dtype=torch.uint8)}, "x: dtype torch.uint8 given; need floating"),
        ({"x": torch.tensor([[math.nan]])}, "x: holds NaN or Inf"),
        ({"x": torch.tensor([[math.inf]])}, "x: holds NaN or Inf"),
        ({"levels": LADDER[::-1]}, "levels: sigma/alpha must fall"),
        ({"levels": [LADDER[0], LADDER[0]]}, "levels: sigma/alpha must fall"),
        ({"levels": [LADDER[i] for i in (0, 2, 1, 3)]}, "levels: sigma/alpha must fall"),
        ({"levels": LADDER[:1]}, "levels: 1 given; need at least 2"),
    ],
)
def test_a_walk_is_refused_before_its_first_step(changed, message):
    arguments = {"x": torch.zeros(1, 1), "levels": LADDER} | changed
    with pytest.raises(ValueError, match=message):
        walk(ddim, lambda x, t: x, **arguments)  # no next(): the guard does not wait for it


def test_a_generator_on_a_foreign_device_is_refused():
    class Foreign:
        device = torch.device("cuda", 0)

    with pytest.raises(ValueError, match="generator: on cuda:0, x on cpu; need the same device"):
        walk(ddpm, lambda x, t: x, torch.zeros(1, 1), LADDER, Foreign())


@pytest.mark.parametrize("eta", [-1, -1e-9, 1.01, 2.5, math.nan])
def test_eta_stays_between_0_and_1(eta):
    with pytest.raises(ValueError, match=r"eta: .* given; allowed is 0 .* to 1"):
        sample(partial(ddim, eta=eta), lambda x, t: x, torch.zeros(1, 1), LADDER)


def test_a_walk_says_at_which_step_it_broke():
    calls = []

    def denoise(x, t):
        calls.append(1)
        return x * math.nan if len(calls) == 2 else x

    with pytest.raises(ValueError, match="x: NaN or Inf after step 2 of 3"):
        sample(ddim, denoise, torch.zeros(1, 1), LADDER)
    steps = list(walk(ddim, lambda x, t: x * math.nan, torch.zeros(1, 1), LADDER, check=False))
    assert len(steps) == 3


LARGE = [(torch.float16, 100), (torch.float32, 1e36), (torch.float64, 1e300)]


@pytest.mark.parametrize("dtype, value", [*LARGE, (torch.bfloat16, 1e36), (torch.float64, 1e306)])
def test_large_but_finite_is_no_breakage(dtype, value):
    """Half precision cannot hold the sum of its own numbers, nor single that of double."""
    x = torch.full((10, 100), value, dtype=dtype)
    assert (sample(ddim, fixed(x), x, LADDER) == x).all()


def test_an_answer_of_another_shape_is_refused():
    x = torch.zeros(8, 1, 8, 8)
    with pytest.raises(ValueError, match=r"denoise: returned \(8, 8\) .* need the same shape"):
        sample(ddim, lambda x, t: x[:, 0, 0], x, LADDER)


# --- guidance as a step, and the way back --------------------------------------------------------

TWO = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3], label=[0, 1])


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_cfg_plus_plus_guides_the_guess_and_keeps_the_unconditional_noise(lam):
    t, s = levels.cosine(0.7), levels.cosine(0.5)
    c, x = torch.tensor([1]), torch.randn(5, 2, dtype=torch.float64, generator=seeded())
    step = cfg_plus_plus(TWO, x, t, s, c=c, lam=lam)
    u, x0_c = TWO(x, t), TWO(x, t, c)
    close(step.x0, (1 - lam) * u + lam * x0_c)
    close(step.x - ddim(TWO, x, t, s).x, s.alpha * (step.x0 - u))
    ends = sample(partial(cfg_plus_plus, c=c, lam=lam), TWO, x, grid(levels.cosine, 20))
    assert torch.isfinite(ends).all()


def test_cfg_plus_plus_is_ddim_with_a_scale_that_changes_with_the_level():
    """w = lam α_s σ_t / (α_s σ_t − σ_s α_t): 1.18, 1.75, 1 on the hand walk at lam = 1."""
    ladder = [Level.from_alpha_bar(a) for a in (0.01, 0.30, 0.70, 1.0)]
    c, x = torch.tensor([1]), torch.randn(5, 2, dtype=torch.float64, generator=seeded())
    scales = []
    for t, s in zip(ladder, ladder[1:], strict=False):
        w = float(s.alpha * t.sigma / (s.alpha * t.sigma - s.sigma * t.alpha))
        scales.append(w)
        close(cfg_plus_plus(TWO, x, t, s, c=c, lam=1.0).x, ddim(cfg(TWO, c, w), x, t, s).x, 1e-10)
    assert [round(w, 2) for w in scales] == [1.18, 1.75, 1.0]


@pytest.mark.parametrize("c", [torch.tensor([1]), torch.zeros(1, 3), torch.zeros(5, 3)])
def test_cfg_plus_plus_gives_every_sample_its_condition(c):
    def denoise(x, t, label=None):
        assert label is None or label.shape == (5, *c.shape[1:])
        return x

    cfg_plus_plus(denoise, torch.zeros(5, 2), *LADDER[1:3], c=c, lam=0.5)


@pytest.mark.parametrize("lam", [-0.1, 1.1, math.nan])
def test_lam_stays_between_0_and_1(lam):
    with pytest.raises(ValueError, match="lam: .* given; allowed is 0"):
        cfg_plus_plus(TWO, torch.zeros(1, 2), *LADDER[:2], c=torch.tensor([1]), lam=lam)


def test_the_same_noise_there_and_back_is_no_step_at_all():  # E1
    eps = torch.randn(4, 2, dtype=torch.float64, generator=seeded())
    denoise = lambda x, t: diffuse.x0_from_eps(x, eps, t)
    ladder = grid(levels.cosine, 10, start=0.98)
    x = torch.randn(4, 2, dtype=torch.float64, generator=seeded(1))
    close(sample(ddim, denoise, ddim_inversion(denoise, x, ladder), ladder), x, 1e-13)


def test_naive_inversion_is_first_order_and_the_fixed_point_exact():  # E1
    toy = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.4, 0.5])
    x = toy.sample(8, seeded())

    def back_and_forth(steps, iterations):
        ladder = grid(levels.cosine, steps, start=0.98)
        noise = ddim_inversion(toy, x, ladder, iterations)
        return float((sample(ddim, toy, noise, ladder) - x).abs().max())

    errors = [back_and_forth(steps, 1) for steps in (80, 160, 320)]
    slopes = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert all(slope == pytest.approx(1, abs=0.2) for slope in slopes)
    assert back_and_forth(80, 60) < 1e-9


def test_inversion_keeps_no_gradients():
    weight = torch.ones((), requires_grad=True)
    ladder = grid(levels.cosine, 3, start=0.9)
    assert not ddim_inversion(lambda x, t: weight * x, torch.ones(1, 1), ladder).requires_grad


def test_inversion_asks_once_a_level_and_iteration():
    counting = counted(MixtureDenoiser([[0.0]], [1.0]))
    ddim_inversion(counting, torch.zeros(3, 1), grid(levels.cosine, 7, start=0.9), iterations=3)
    assert counting.calls == 21


def test_no_way_leads_back_from_pure_noise():
    with pytest.raises(ValueError, match="levels: the first has alpha = 0"):
        ddim_inversion(TWO, torch.zeros(1, 2), LADDER)


@pytest.mark.parametrize("iterations", [0, 1.5, True])
def test_inversion_wants_a_positive_number_of_looks(iterations):
    with pytest.raises(ValueError, match="iterations: .* allowed are the integers from 1"):
        ddim_inversion(TWO, torch.zeros(1, 2), LADDER, iterations)
