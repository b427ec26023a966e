"""What every public sampler owes to geometry and to Gaussian data, with exact answers.

Each property holds for each sampler, or stands in a list of those that it does not hold for.
"""

import inspect
import math
from functools import partial

import numpy as np
import pytest
import torch
from family import STEPS, close, normal, seeded

from lessons_lib import fast, levels, samplers, score, solvers
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level
from lessons_lib.samplers import Step, cfg_plus_plus, ddim, ddim_inversion, ddpm, noise_like, sample
from lessons_lib.score import corrected
from lessons_lib.solvers import ADAMS_BASHFORTH, dpmpp_multistep, langevin


def shaken(denoise, x, t, s, last=None, generator=None):
    """Langevin's step on a level, then DDIM's to the next."""
    h = 0.2 * float(t.sigma**2) if t.sigma.ndim == 0 else 0.01
    return ddim(denoise, langevin(denoise, x, t, h, generator), t, s)


FAMILY = STEPS | {
    "multistep 2": partial(dpmpp_multistep, order=2),
    "multistep 3": partial(dpmpp_multistep, order=3),
    "cfg++": partial(cfg_plus_plus, c=torch.tensor([1]), lam=0.6),
    "langevin": shaken,
    "corrected ddim": corrected(ddim, 0.2),
    "fast ddim": fast.ddim,
    "fast dpmpp_2m": fast.dpmpp_2m,
}
DRAW = ("ddpm", "ddpm large", "ddim eta", "euler", "churned", "langevin", "corrected")
STOCHASTIC = [name for name in FAMILY if name.startswith(DRAW)]
ONE_LEVEL = ("heun", "dpm_2", "dpmpp_multistep", "multistep", "churned", "fast")  # for all samples
OF_THE_SCALE = ("ddpm large", "euler_maruyama")  # other samplers where the picture is not dimmed

ALPHA = {  # three worlds with the same noise over signal r
    "vp": lambda r: 1 / torch.sqrt(1 + r**2),
    "rectified": lambda r: 1 / (1 + r),
    "ve": torch.ones_like,
}


def ladder(world, high=20.0, low=0.05, steps=7):
    """Levels that fall in r, unevenly, and then the data."""
    bend = torch.linspace(0, 1, steps, dtype=torch.float64) ** 1.2
    r = torch.cat([high * (low / high) ** bend, torch.zeros(1, dtype=torch.float64)])
    alpha = ALPHA[world](r)
    return [
        Level(torch.full_like(a, math.nan), a, a * each) for a, each in zip(alpha, r, strict=True)
    ]


def play(monkeypatch, noise):
    """Let every draw take the next of these noises, in the dtype of x."""
    draws = iter(noise)
    for module in (samplers, solvers):
        monkeypatch.setattr(module, "noise_like", lambda x, generator: next(draws).to(x))


def test_no_public_sampler_is_forgotten():
    """Whatever takes (denoise, x, t, ...) or makes such a step is in the family."""
    known = {"churned", "shaken", "langevin", "ddim_inversion", "annealed"}
    for step in FAMILY.values():
        known.add(getattr(step, "func", step).__name__)
    for module in (samplers, solvers, score, fast):
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__:
                first = list(inspect.signature(thing).parameters)[:2]
                if first == ["denoise", "x"] and not name.startswith("_"):
                    assert name in known, f"{module.__name__}.{name} is in no test of properties"


# --- Gaussian data: the whole walk is an affine map, known in closed form -------------------------

M, C, M1, C1 = 0.7, 0.5, -0.4, 0.3  # all data, and the part with the label 1


def gaussian(x, t, label=None):
    m, c = (M, C) if label is None else (M1, C1)
    return m + t.alpha * c**2 / (t.alpha**2 * c**2 + t.sigma**2) * (x - t.alpha * m)


def closed_form(name, path):
    """Where a walk ends, as the numbers before (1, x_T / alpha_T, z_1, z_2, ...): the papers.

    Written for y = x / alpha and r = sigma / alpha, in which dy / dr is the noise.
    """
    one, y = np.eye(40)[:2]
    fresh = iter(np.eye(40)[2:])
    r = [float(t.ratio) for t in path]
    a = [float(t.alpha) for t in path]
    guess = lambda y, r, m=M, c=C: m * one + c**2 / (c**2 + r**2) * (y - m * one)
    noise = lambda y, r: (y - guess(y, r)) / r
    past = []  # (r, guess, noise), newest first
    for i in range(len(path) - 1):
        t, s = r[i], r[i + 1]
        if name == "langevin":
            y = y - 0.2 * t**2 / (C**2 + t**2) * (y - M * one) + math.sqrt(0.4) * t * next(fresh)
        if "churned" in name:
            grow, swell = (0.3, 1.0) if name == "churned ddim" else (0.2, 1.003)
            up = (1 + grow) * t
            y, t = y + swell * math.sqrt(up**2 - t**2) * next(fresh), up
        x0, eps = guess(y, t), noise(y, t)
        past = [(t, x0, eps), *past][:4]
        ddim_end = x0 + s * eps
        back = math.sqrt(t**2 - s**2) * s / t  # the spread of Bayes' posterior
        if name in ("ddim", "fast ddim", "churned ddim", "langevin", "corrected ddim"):
            y = ddim_end
            if name == "corrected ddim" and s > 0:
                y = (
                    y
                    - 0.2 * s**2 / (C**2 + s**2) * (y - M * one)
                    + math.sqrt(0.4) * s * next(fresh)
                )
        elif name == "cfg++":
            y = x0 + 0.6 * (guess(y, t, M1, C1) - x0) + s * eps
        elif name.startswith(("ddpm", "ddim eta")):
            eta = 0.4 if name == "ddim eta .4" else 1.0
            std = eta * back
            y = x0 + math.sqrt(max(s**2 - std**2, 0)) * eps
            if name == "ddpm large":
                std = a[i] / a[i + 1] * math.sqrt(t**2 - s**2) * (s > 0)
            y = y + std * next(fresh)
        elif name == "euler_maruyama":
            var = a[i] ** 2 * (t**2 - s**2)
            drift = -math.log(a[i] / a[i + 1]) * y - (t**2 - s**2) / (C**2 + t**2) * (y - M * one)
            y = a[i] / a[i + 1] * (y + drift) + math.sqrt(var) / a[i + 1] * (s > 0) * next(fresh)
        elif s == 0 and name != "plms":  # every method ends with DDIM's step
            y = ddim_end
        elif name in ("heun", "churned heun"):
            y = y + (s - t) * (eps + noise(ddim_end, s)) / 2
        elif name == "dpm_2":
            middle = math.sqrt(t * s)
            y = y + (s - t) * noise(y + (middle - t) * eps, middle)
        elif name in ("dpmpp_2m", "fast dpmpp_2m"):
            ahead = x0
            if i:
                ahead = x0 + (x0 - past[1][1]) * math.log(t / s) / (2 * math.log(past[1][0] / t))
            y = s / t * y + (1 - s / t) * ahead
        elif "multistep" in name:
            known = past[: {"multistep 2": 2, "multistep 3": 3}.get(name, 4)]
            node, weight = np.polynomial.legendre.leggauss(30)
            lam = math.log(1 / t) + (node + 1) / 2 * math.log(t / s)
            integral = 0
            for j, (r_j, x0_j, _) in enumerate(known):  # Lagrange, in lam = -log r
                others = [-math.log(r_k) for k, (r_k, *_) in enumerate(known) if k != j]
                basis = np.prod([(lam - o) / (-math.log(r_j) - o) for o in others], axis=0)
                integral = integral + (weight * np.exp(lam) * basis).sum() * x0_j
            y = s * (y / t + math.log(t / s) / 2 * integral)
        elif name == "plms":
            weights = {1: (1,), **ADAMS_BASHFORTH}[len(past)]
            y = y + (s - t) * sum(w * e for w, (*_, e) in zip(weights, past, strict=True))
        else:
            raise AssertionError(name)
    return y


@pytest.mark.parametrize("world", ALPHA)
@pytest.mark.parametrize("name", FAMILY)
def test_mean_and_variance_are_pushed_as_the_papers_say(name, world, monkeypatch):
    """Row 0 starts at 0 and row 1 at 1; the others are each struck by one of the noises alone."""
    path = ladder(world)
    x = torch.zeros(40, 1, dtype=torch.float64)
    x[1] = path[0].alpha
    play(monkeypatch, torch.eye(40, dtype=torch.float64)[2:, :, None])
    end = sample(FAMILY[name], gaussian, x, path)[:, 0].numpy()
    found = np.concatenate([end[:1], end[1:] - end[0]])
    np.testing.assert_allclose(found, closed_form(name, path), rtol=1e-9, atol=1e-9)
    draws = np.count_nonzero(found[2:])
    assert (draws > 0) == (name in STOCHASTIC)


def law(found, t):
    """Mean and variance of the data at the end of a walk that starts from the law of level t."""
    y_mean, y_var = M, C**2 + float(t.ratio) ** 2
    return found[0] + found[1] * y_mean, found[1] ** 2 * y_var + (found[2:] ** 2).sum()


def test_many_small_steps_end_on_the_data():
    """The closed forms themselves are no invention: all but cfg++ reach N(M, C²)."""
    for name in FAMILY:
        if name != "cfg++":
            path = ladder("vp", low=0.002, steps=38)
            mean, var = law(closed_form(name, path), path[0])
            assert mean == pytest.approx(M, abs=0.03) and var == pytest.approx(C**2, rel=0.4), name


def test_the_large_variance_is_another_sampler_in_another_world():
    """N(0, 1) in ten steps: exact where variance is preserved, 1.80 where alpha stays 1.

    The small one is .62 of the spread in both: what it adds does not depend on the scale.
    """
    found = {}
    for world in ALPHA:
        r = torch.stack([t.ratio for t in levels.karras_grid(levels.edm, 10)])
        path = [Level(each, ALPHA[world](each), each * ALPHA[world](each)) for each in r]
        for large in (False, True):
            var = float(path[0].alpha ** 2 + path[0].sigma ** 2)
            for t, s in zip(path, path[1:], strict=False):
                unit = lambda x, t: t.alpha / (t.alpha**2 + t.sigma**2) * x
                at = [
                    ddpm(unit, x * torch.ones(1, 1).double(), t, s, None, seeded(), large).x
                    for x in (0, 1)
                ]
                z = noise_like(torch.ones(1, 1).double(), seeded())
                var = float((at[1] - at[0]) ** 2 * var + (at[0] / z) ** 2)
            found[world, large] = math.sqrt(var)
    assert found["vp", True] == pytest.approx(1, abs=1e-3)  # 80 is not quite pure noise
    assert found["ve", True] == pytest.approx(1.80, abs=5e-3)
    assert found["rectified", True] == pytest.approx(1, abs=0.01)
    for world in ALPHA:
        assert found[world, False] == pytest.approx(0.621, abs=1e-3)


def test_where_the_large_variance_is_right():
    """The law of total variance: for N(0, 1) on the circle; for data without end at alpha = 1."""
    for world, c in (("vp", 1.0), ("ve", 1e6)):
        for t, s in zip(ladder(world), ladder(world)[1:-1], strict=False):
            var = samplers.reverse_var(t, s)
            doubt = t.sigma**2 * c**2 / (t.alpha**2 * c**2 + t.sigma**2)  # of x0, given x_t
            total = var * s.sigma**2 / t.sigma**2 + (s.alpha * var / t.sigma**2) ** 2 * doubt
            close(total, var, 1e-9)


# --- geometry -------------------------------------------------------------------------------------

TOY = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.4, 0.5], label=[0, 1])
TURN = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)


def walked(name, denoise, x, path, noise, monkeypatch):
    play(monkeypatch, noise)
    return sample(FAMILY[name], denoise, x, path)


@pytest.mark.parametrize("world", ALPHA)
@pytest.mark.parametrize("name", FAMILY)
def test_data_that_is_moved_is_drawn_moved(name, world, monkeypatch):
    """Only Euler-Maruyama, which shrinks x by 1 - log instead of by alpha, feels where 0 is."""
    path, x, noise, by = ladder(world), normal(30, 2), normal(9, 30, 2, seed=1), 5.0
    moved = lambda x, t, *c: TOY(x - t.alpha * by, t, *c) + by
    one = walked(name, TOY, x, path, noise, monkeypatch)
    other = walked(name, moved, x + path[0].alpha * by, path, noise, monkeypatch)
    if name == "euler_maruyama" and world != "ve":
        assert float((other - one - by).abs().max()) > 1e-3
    else:
        close(other, one + by, 1e-9)


@pytest.mark.parametrize("name", FAMILY)
def test_data_that_is_turned_is_drawn_turned(name, monkeypatch):
    path, x, noise = ladder("vp"), normal(30, 2), normal(9, 30, 2, seed=1)
    turned = lambda x, t, *c: TOY(x @ TURN, t, *c) @ TURN.T
    one = walked(name, TOY, x, path, noise, monkeypatch)
    other = walked(name, turned, x @ TURN.T, path, noise @ TURN.T, monkeypatch)
    close(other, one @ TURN.T, 1e-9)


@pytest.mark.parametrize("name", FAMILY)
def test_the_clock_and_the_scale_do_not_matter(name, monkeypatch):
    """The same r and the same x / alpha: the same end in all three worlds, or a known exception."""
    y, noise, ends = 20 * normal(30, 2), normal(9, 30, 2, seed=1), {}
    for world in ALPHA:
        path = ladder(world)
        ends[world] = walked(name, TOY, path[0].alpha * y, path, noise, monkeypatch)
    for world in ("rectified", "ve"):
        same = float((ends[world] - ends["vp"]).abs().max())
        assert same > 1e-3 if name in OF_THE_SCALE else same < 1e-9


def test_the_large_variance_differs_by_the_dimming_alone():
    """In the data's units it adds (alpha_t / alpha_s)² of what it adds where alpha stays 1."""
    for i in range(5):
        (a, b), (c, d) = (ladder(world)[i : i + 2] for world in ("vp", "ve"))
        dimmed, plain = samplers.reverse_var(a, b) / b.alpha**2, samplers.reverse_var(c, d)
        close(dimmed, (a.alpha / b.alpha) ** 2 * plain)


def test_inversion_moves_turns_and_changes_its_clock_too():
    """At its fixed point: the naive one asks about x where x / alpha would be the same picture."""
    x, by = normal(20, 2), 5.0
    path = {world: ladder(world, high=5.0, steps=30) for world in ALPHA}
    up = lambda denoise, x, world: ddim_inversion(denoise, x, path[world], iterations=60)
    ups = {world: up(TOY, x, world) for world in ALPHA}
    for world in ALPHA:
        t = path[world][0]
        close(ups[world] / t.alpha, ups["vp"] / path["vp"][0].alpha, 1e-8)
        moved = lambda x, t: TOY(x - t.alpha * by, t) + by
        close(up(moved, x + by, world), ups[world] + t.alpha * by, 1e-8)
    turned = lambda x, t: TOY(x @ TURN, t) @ TURN.T
    close(up(turned, x @ TURN.T, "vp"), ups["vp"] @ TURN.T, 1e-8)


# --- samples are strangers to each other ----------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY)
def test_the_order_of_the_samples_does_not_matter(name):
    path, order = ladder("vp"), torch.randperm(12, generator=seeded(4))
    dice = lambda rows: [seeded(100 + int(i)) for i in rows]
    x = noise_like(torch.empty(12, 2, dtype=torch.float64), dice(range(12)))
    one = sample(FAMILY[name], TOY, x, path, dice(range(12)))
    close(sample(FAMILY[name], TOY, x[order], path, dice(order)), one[order])


@pytest.mark.parametrize("name", FAMILY)
def test_a_sample_with_dice_of_its_own_does_not_see_the_batch(name):
    """Sample i is the same alone, in a batch of 3 and in a batch of 20."""
    path = ladder("vp")

    def draw(rows):
        dice = [seeded(100 + i) for i in rows]
        x = noise_like(torch.empty(len(rows), 2, dtype=torch.float64), dice)
        return sample(FAMILY[name], TOY, x, path, dice)

    many = draw(range(20))
    close(draw(range(3)), many[:3])
    close(draw([7]), many[7:8])
    if name in STOCHASTIC:  # one generator for all is no such thing
        one = sample(FAMILY[name], TOY, torch.zeros(20, 2).double(), path, seeded(1))
        few = sample(FAMILY[name], TOY, torch.zeros(3, 2).double(), path, seeded(1))
        assert not torch.allclose(one[:3], few)


def test_one_generator_in_a_list_draws_as_it_does_alone():
    x = torch.empty(1, 3, 5)
    close(noise_like(x, [seeded(5)])[0], noise_like(x[0], seeded(5)), 0)


@pytest.mark.parametrize("world", ALPHA)
@pytest.mark.parametrize("name", FAMILY)
def test_each_sample_may_walk_down_levels_of_its_own(name, world):
    """As a batch or one by one; a step that decides by the level how to go on says so by name."""
    paths = [ladder(world, high, low) for high, low in ((20, 0.05), (5, 0.2), (2, 0.01), (1, 0.3))]
    batched = [
        Level(*map(torch.stack, zip(*each, strict=True))) for each in zip(*paths, strict=True)
    ]
    x, dice = normal(4, 2), lambda: [seeded(i) for i in range(4)]
    if name.startswith(ONE_LEVEL):
        with pytest.raises(ValueError, match="t: 4 levels given; .* needs one for all samples"):
            sample(FAMILY[name], TOY, x, batched, dice())
        return
    together = sample(FAMILY[name], TOY, x, batched, dice())
    if name == "langevin":  # its h is one for all; here .01
        return
    for i, path in enumerate(paths):
        alone = sample(FAMILY[name], TOY, x[i : i + 1], path, dice()[i : i + 1])
        close(together[i : i + 1], alone, 1e-9)


@pytest.mark.parametrize("name", ["ddpm", "ddpm large", "ddim", "dpmpp_2m", "euler_maruyama"])
def test_some_samples_may_arrive_before_the_others(name):
    """A step of a batch of which one sample lands on the data, and one does not."""
    t, (near, end) = ladder("vp")[3], (ladder("vp")[i] for i in (5, -1))
    u = ladder("vp")[1]
    two = lambda a, b: Level(*(torch.stack(pair)[:, None] for pair in zip(a, b, strict=True)))
    x, before, g = normal(2, 2), Step(normal(2, 2), normal(2, 2, seed=8), two(u, u)), seeded
    step, dice = FAMILY[name], lambda: [g(1), g(2)]
    both = step(TOY, x, two(t, t), two(near, end), last=before, generator=dice()).x
    for i, s in enumerate((near, end)):
        last = Step(before.x[i : i + 1], before.x0[i : i + 1], u)
        alone = step(TOY, x[i : i + 1], t, s, last=last, generator=dice()[i : i + 1]).x
        close(both[i : i + 1], alone)


# --- half precision -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("world", ALPHA)
@pytest.mark.parametrize("name", FAMILY)
def test_half_precision_from_the_noisiest_level_follows_double(name, world, dtype, monkeypatch):
    """sigma = 80: a coefficient that meets x before it is divided leaves float16 at 65504."""
    path, noise = ladder(world, high=80.0, low=0.01, steps=12), normal(40, 50, 2).to(dtype)
    x = (path[0].sigma * noise[-1].double()).to(dtype)
    ends = [walked(name, TOY, x.to(d), path, noise, monkeypatch) for d in (dtype, torch.float64)]
    assert ends[0].dtype == dtype and ends[0].isfinite().all()
    close(ends[0].double(), ends[1], 30 * torch.finfo(dtype).eps)


def test_levels_of_their_own_ask_for_single_precision():
    batched = [Level(*(torch.stack([f, f]) for f in t)) for t in ladder("vp")]
    with pytest.raises(
        ValueError, match="x: torch.float16 given, too coarse for one level per sam"
    ):
        sample(ddim, TOY, normal(2, 2).half(), batched)
