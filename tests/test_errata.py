"""docs/errata.md: each row has a test of its name, which computes both sides and every decimal."""

import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from family import close, fixed, normal, seeded

from lessons_lib import data, flow, learn, metrics, score, sde
from lessons_lib.course import measure
from lessons_lib.course.instrument import difference
from lessons_lib.course.measure.laws import guided_moments, mixture
from lessons_lib.course.notebooks.reading import DECIMAL, claims
from lessons_lib.diffuse import q_sample
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.levels import (
    Level,
    alpha_bar,
    at_ratio,
    cosine,
    edm,
    from_betas,
    grid,
    level_at,
    linear_betas,
    rectified,
    scaled_linear_betas,
)
from lessons_lib.samplers import ddim, ddim_inversion, ddpm, reverse_var, sample
from lessons_lib.solvers import langevin
from lessons_lib.wrap import cfg

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "errata.md").read_text(encoding="utf-8")
TABLE = [[part.strip() for part in line.strip("|").split("|")] for line in TEXT.splitlines()]
TABLE = [row for row in TABLE if len(row) > 2 and set("".join(row)) - set("-") and row[0] != "Row"]
LINEAR, SCALED = linear_betas(), scaled_linear_betas()
UNIT = MixtureDenoiser([[0.0]], [1.0])
ROWS = {}


def row(name):
    """This function computes the decimals of the row of that name, in their order."""

    def keep(function):
        assert name not in ROWS
        ROWS[name] = function
        return function

    return keep


def test_every_row_has_its_test_and_every_test_its_row():
    assert [row[0] for row in TABLE] == list(ROWS)


def test_every_row_is_whole():
    assert len(TABLE) > 20 and all(all(row) and len(row) in (3, 4) for row in TABLE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # diffusers', of numpy
@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_is_computed(name):
    (found,) = (row for row in TABLE if row[0] == name)
    said, known = claims(" | ".join(found[1:3])), ROWS[name]()
    assert len(said) == len(known), said
    for (token, value), number in zip(said, known, strict=True):
        off = abs(value - float(number))
        assert off <= half_a_digit(token, value) * (1 + 1e-9), (token, number)


def half_a_digit(token, value) -> float:
    """Half of what the last printed digit stands for."""
    digits = DECIMAL.match(token)["digits"]
    return 0.5 * 10.0 ** -len(digits.partition(".")[2]) * value / float(digits)


def test_digits_that_are_printed_are_held_to_their_last_place():
    assert half_a_digit(".0064", 0.0064) == pytest.approx(0.00005)
    assert half_a_digit("5.3e-8", 5.3e-8) == pytest.approx(0.05e-8)
    assert half_a_digit("10 %", 0.1) == pytest.approx(0.005)


@pytest.mark.parametrize("name, shown", [(row[0], row[3]) for row in TABLE if len(row) == 4])
def test_what_a_row_points_to_is_there(name, shown):
    for path in re.findall(r"`(tests/[^`]+)`", shown):
        assert (ROOT / path).exists()
    for measured in re.findall(r"`lessons measure ([^`]+)`", shown):
        assert measured in measure.MEASURES
    for notebook in re.findall(r"\b\d\d\b", shown):
        assert list((ROOT / "notebooks").glob(f"{notebook}_*.ipynb"))


# --- often written, and right ---------------------------------------------------------------------


@row("five steps")
def five_steps():
    beta, x0, eps = 0.1, 2.0, 0.3
    x, factor, var = x0, 1.0, 0.0  # step by step; the noises are one of variance var
    for _ in range(5):
        x, factor, var = (1 - beta) ** 0.5 * x, (1 - beta) ** 0.5 * factor, (1 - beta) * var + beta
    assert factor**2 + var == pytest.approx(1)
    return [beta, factor**2, factor, var**0.5, eps, x + var**0.5 * eps]


@row("power")
def power():
    ab = (1 - torch.tensor([0.02, 0.04, 0.06, 0.08, 0.10], dtype=torch.float64)).prod()
    x0 = normal(100_000)
    kept = q_sample(x0, Level.from_alpha_bar(ab), torch.zeros_like(x0))
    close((kept**2).mean() / (x0**2).mean(), ab)
    return [ab, kept.std() / x0.std()]


@row("the end")
def the_end():
    left = [alpha_bar(beta)[-1].sqrt() for beta in (LINEAR, SCALED)]
    noise = normal(500, 64, 64).mean((1, 2)).std()
    assert float(noise) * 64 == pytest.approx(1, abs=0.15)  # so 1/64 is the spread of the mean
    return [*left, *(64 * amplitude for amplitude in left)]


@row("two variances")
def two_variances():
    t, s = level_at(LINEAR, 2), level_at(LINEAR, 1)
    forward, posterior = reverse_var(t, s), bayes(t, s)
    close(forward, LINEAR[1])
    for large, var in ((True, forward), (False, posterior)):  # what each sampler adds
        close(added(ddpm, t, s, large=large), var)
    close(posterior / forward, s.sigma**2 / t.sigma**2)
    return [posterior / forward]


@row("off the circle")
def off_the_circle():
    t, s = rectified(0.5), rectified(0.2)
    said = lambda t, s: 1 - (t.alpha / s.alpha) ** 2
    x_s = q_sample(1.0, s, normal(400_000, seed=3))
    x_t = t.alpha / s.alpha * x_s + reverse_var(t, s).sqrt() * normal(400_000, seed=4)
    close(x_t.mean(), t.alpha, 4e-3)  # the noise of reverse_var leads to level t
    close(x_t.var(), t.sigma**2, 4e-3)
    close(reverse_var(cosine(0.5), cosine(0.2)), said(cosine(0.5), cosine(0.2)))
    return [s.time, t.time, said(t, s), reverse_var(t, s), bayes(t, s)]


@row("the last step")
def the_last_step():
    end, ladder = from_betas(LINEAR)(0.0), grid(from_betas(LINEAR), 10)
    for t in (level_at(LINEAR, 1), ladder[-2]):
        assert added(ddpm, t, end) == added(ddpm, t, end, large=True) == 0
    return [reverse_var(t, end).sqrt() for t in (level_at(LINEAR, 1), ladder[-2])]


@row("non-Markovian")
def non_markovian():
    """For a known point both land on the law of level s at any stride; neither always wins."""
    known = fixed(torch.tensor([[0.7]], dtype=torch.float64))
    for high, low in ((1.0, 0.9), (0.9, 0.2), (1.0, 0.01)):
        t, s = cosine(high), cosine(low)
        for step in (ddim, ddpm):
            stretch, shift = affine(step, known, t, s)
            close(shift + stretch * t.alpha * 0.7, s.alpha * 0.7)
            close(stretch**2 * t.sigma**2 + added(step, t, s, known), s.sigma**2)
    assert by_law("DDIM", 10) > by_law("DDPM, large variance", 10)
    assert by_law("DDIM", 50) < by_law("DDPM, large variance", 50)
    return []


@row("skipping")
def skipping():
    """Rests on two records: when one is measured anew, this row is written anew."""
    assert by_law("DDPM, large variance", 10) < by_law("DDIM", 10)
    return [lead("DDPM, large variance", 5, ruler) for ruler in AS_DRAWN]


@row("the clip")
def the_clip():
    judges = AS_DRAWN[:2]
    return [
        lead("DDPM, large variance", 5, judges[0]),
        *(-lead("DDPM, large variance", 5, f"{judge}, clipped") for judge in judges),
    ]


AS_DRAWN = ("frechet", "frechet, second judge", "frechet, pixels")


def lead(sampler, calls, ruler) -> float:
    """How much nearer than DDIM a sampler comes to real digits; more than its interval."""
    found = {r["sampler"]: r[ruler] for r in records("strides-digits") if r["calls"] == calls}
    gap = difference(found["DDIM"], found[sampler])
    assert abs(gap["value"]) > gap["half"]
    return gap["value"]


@row("the last long step")
def the_last_long_step():
    """The same sampler on two ladders; exact, since every step is affine in Gaussian data."""
    spread, end = 0.5, from_betas(LINEAR)(0.0)
    denoise = MixtureDenoiser([[0.0]], [spread])

    def walked(ladder):
        var = 1.0
        for t, s in pairwise(ladder):
            stretch, _ = affine(ddpm, denoise, t, s, large=True)
            var = stretch**2 * var + added(ddpm, t, s, denoise, large=True)
        return var**0.5

    released = [level_at(LINEAR, n) for n in range(901, 0, -100)]
    noise = added(ddpm, *released[-2:], denoise, large=True) ** 0.5
    return [noise, spread, walked([*released, end]), walked(grid(from_betas(LINEAR), 10))]


@row("the last level")
def the_last_level():
    """Stopped at entry 1, a walk to x0 = 0.3 ends at alpha x0 + sigma ε, ε as at its start."""
    left = []
    for beta in (LINEAR, SCALED):
        ladder = [level_at(beta, n) for n in (1000, 500, 100, 1)]
        eps, x0 = normal(50, 1), torch.full((50, 1), 0.3, dtype=torch.float64)
        x = q_sample(x0, ladder[0], eps)
        short = sample(ddim, fixed(x0), x, ladder)
        close(short, q_sample(x0, ladder[-1], eps))
        close(sample(ddim, fixed(x0), x, [*ladder, from_betas(beta)(0.0)]), x0)
        left.append(((short - ladder[-1].alpha * x0) / eps).mean())
    return left


@row("inversion")
def inversion():
    mix, start = mixture(), 0.98
    x0 = mix.sample(500, seeded())

    def off(steps, looks=1):
        levels = grid(cosine, steps, start=start)
        back = sample(ddim, mix, ddim_inversion(mix, x0, levels, looks), levels)
        return (back - x0).square().mean().sqrt()

    with pytest.raises(ValueError, match="alpha = 0"):
        ddim_inversion(mix, x0, grid(cosine, 20))
    return [start, off(20) / off(40), off(160) / off(320), off(20, 40), off(10, 40)]


@row("two conventions")
def two_conventions():
    u, c = torch.tensor(0.80).double(), torch.tensor(0.60).double()
    ours = cfg(lambda x, t, label=None: u if label is None else c, torch.tensor(1), 3.0)
    theirs = (1 + 2.0) * c - 2.0 * u
    close(ours(torch.zeros(1), cosine(0.5)), theirs)
    return [u, c, theirs]


@row("the guided law")
def the_guided_law():
    def tilted(spread, w):  # the product of the densities, on a grid
        x = torch.linspace(-12, 15, 40_001, dtype=torch.float64)
        log_p = -(1 - w) * x**2 / 2 - w * (x - 1) ** 2 / (2 * spread**2)
        p = log_p.softmax(0)
        return [(x * p).sum(), (x**2 * p).sum() - (x * p).sum() ** 2]

    def walked(spread, w):
        return guided_moments(ddim, (0.0, 1.0), (1.0, spread), w, 1000)

    for one, other in zip(tilted(1.0, 3), walked(1.0, 3), strict=True):
        assert float(one) == pytest.approx(other, abs=1e-2)
    x = torch.linspace(-9, 9, 999, dtype=torch.float64)  # can p(c) p(x | c) stay below p(x)?
    ratio = lambda spread: torch.exp(x**2 / 2 - (x - 1) ** 2 / (2 * spread**2)) / spread
    assert ratio(1.0).argmax() == len(x) - 1  # one spread: no, it grows and grows
    assert 3 < ratio(0.5).max() < 4  # half the spread: yes, for a class of up to a quarter
    return [*tilted(0.5, 3), *walked(0.5, 3)]


@row("diversity")
def diversity():
    real, name = data.digits()
    books = [DatasetDenoiser(real[name == k].double()) for k in range(10)]
    library, order = DatasetDenoiser(real.double()), torch.arange(10).repeat_interleave(20)

    def exact(x, t, c=None):
        if c is None:
            return library(x, t)
        return torch.cat([book(x[c == k], t) for k, book in enumerate(books)])

    apart, noise, levels = metrics.within_class_distance, normal(200, 1, 8, 8), grid(cosine, 20)
    walked = {w: sample(ddim, cfg(exact, order, w), noise, levels) for w in (1.0, 3.0, 15.0)}
    flat = real.flatten(1).double()
    spread = torch.cov(flat.T, correction=0)
    parts = [flat[name == k] for k in range(10)]
    within = sum(len(part) / len(flat) * torch.cov(part.T, correction=0) for part in parts)
    assert torch.linalg.eigvalsh(spread - within).min() > -1e-10  # the law of total variance
    network = {r["w"]: r for r in records("guidance-digits")}
    keys = "diversity, even contrast", "saturated"
    drawn = [network[w][key]["value"] for key in keys for w in walked]
    return [*(apart(x, order) / apart(real, name) for x in walked.values()), *drawn]


@row("dropped labels")
def dropped_labels():
    lot = learn.drop_labels(torch.arange(100_000) % 10, 0.1, seeded())
    kept = Counter(learn.drop_labels(torch.zeros(8, dtype=torch.long), 0.5, seeded(3)).tolist())
    assert kept[0] and kept[-1]  # each sample on its own: one batch has both
    assert float((lot < 0).double().mean()) == pytest.approx(0.1, abs=0.005)
    assert (
        0.10 <= learn.train.__kwdefaults__["drop"] <= 0.15 if learn.train.__kwdefaults__ else True
    )
    return [0.10, 0.15]


@row("a bare distance")
def a_bare_distance():
    def between(n):  # two samples of one law
        pairs = [normal(2, n, 8, seed=seed) for seed in range(20)]
        return sum(metrics.frechet(a, b) for a, b in pairs) / len(pairs)

    assert between(100) / between(400) == pytest.approx(4, rel=0.15)
    return []


@row("two letters")
def two_letters():
    h = 0.1
    rest = lambda climb, shake: shake / (1 - (1 - climb) ** 2)  # v = (1 - climb)² v + shake
    ends = [rest(h, 2 * h), rest(h / 2, h), rest(h / 2, 2 * h), rest(h, h)]
    step = lambda x: langevin(UNIT, torch.full((1, 1), x).double(), rectified(0.5), h, seeded())
    var = float(rectified(0.5).alpha ** 2 + rectified(0.5).sigma ** 2)
    close(
        step(1.0) - step(0.0), torch.full((1, 1), 1 - h / var).double(), 1e-7
    )  # the library's climb
    return [h, *ends]


@row("a finite step")
def a_finite_step():
    h, v = 0.5, 0.0
    for _ in range(200):
        v = (1 - h) ** 2 * v + 2 * h
    assert v == pytest.approx(1 / (1 - h / 2))
    return [v, h]


@row("one level")
def one_level():
    hills = MixtureDenoiser([[1.0, 1.0], [-1.0, -1.0]], [0.2, 0.2], [0.2, 0.8])
    left = lambda x: (x.sum(1) < 0).double().mean()
    x = start = 2 * torch.randn(1000, 2, generator=seeded(2000), dtype=torch.float64)
    thin, dice, shares = at_ratio(edm, 0.05), seeded(3000), []
    for n in range(1, 1001):
        x = langevin(hills, x, thin, 0.2 * thin.sigma**2, dice)
        shares += [left(x)] * (n in (10, 1000))
    levels = [at_ratio(edm, 2 * 40 ** (-i / 9)) for i in range(10)]
    *_, end = score.annealed(hills, start, levels, 0.2, 100, seeded(3000))
    return [*shares, left(end)]


@row("a good denoiser")
def a_good_denoiser():
    (thin,) = (row for row in records("scores-network") if row["sigma"] == 0.05)
    return [thin["predicts x0"]["value"], thin["sigma"], thin["on the data"]["value"]]


@row("the half")
def the_half():
    """Of unit Gaussian data, at every level N(0, 1): the ODE stands still, its double shrinks."""
    time, x = torch.linspace(1, 0, 2001).double(), torch.ones(1, 1).double()
    still = x
    for t, s in pairwise(time[:-1]):
        x = x - (t - s) * sde.reverse_drift(UNIT, sde.vp, x, t, noise=1.0)
        still = still - (t - s) * sde.reverse_drift(UNIT, sde.vp, still, t, noise=0.0)
    close(still, torch.ones(1, 1).double(), 1e-9)
    left = sde.vp(1.0).alpha
    assert float(x) == pytest.approx(float(left), rel=0.05)
    return [left]


@row("neighbours")
def neighbours():
    x, s, z = torch.randn(3, 8, 2, generator=seeded(10)).double()
    other = s.clone()
    other[7] *= 30

    def step(s, length):  # theirs, with the ratio r = .2
        h = (0.2 * length(z) / length(s)) ** 2
        return x + h * s + torch.sqrt(2 * h) * z

    batch, own = (lambda a: a.norm(dim=1).mean()), (lambda a: a.norm(dim=1, keepdim=True))
    moved = [(step(s, length) - step(other, length))[0].abs().max() for length in (batch, own)]
    assert moved[0] > 0.01 and moved[1] == 0
    return []


@row("bits")
def bits():
    log_p = torch.tensor([64 * math.log(8 / 17)])
    whole = sde.bits_per_dim(log_p, 64, 1 / 8)
    close(whole, torch.tensor([math.log2(17)]), 1e-5)
    return [whole, -log_p / 64 / math.log(2)]


@row("a solver's sign")
def a_solvers_sign():
    asked = {"net": "digits", "which": "learned from", "low": 0.001, "told": False}
    found = {
        row["how"]: row for row in records("likelihood-digits") if asked.items() <= row.items()
    }
    return [found[how]["bits"]["value"] for how in ("Heun", "ODE")]


@row("straight paths")
def straight_paths():
    moons = measure.result("reflow-plane")["cases"][0]["straightness"]
    return [moons[way]["value"] for way in ("flow matching", "after one reflow")]


@row("blind pairing")
def blind_pairing():
    def skew(size, batches):
        sign = torch.where(torch.rand(batches, size, generator=seeded(1)) < 0.5, -1.0, 1.0)
        x0, eps = sign * 2, torch.randn(batches, size, generator=seeded(2))
        order = x0.argsort(dim=1)  # on a line the nearest pairing keeps the order
        mine = torch.empty_like(eps).scatter_(1, order, eps.sort(dim=1).values)
        blind = flow.paired(x0[0, :, None], eps[0, :, None])[:, 0]
        close(blind[sign[0] > 0].mean(), mine[0][sign[0] > 0].mean(), 1e-6)
        return mine[sign > 0].mean()

    return [skew(16, 40_000), skew(128, 5_000), math.sqrt(2 / math.pi)]


# --- in a library that we test against ------------------------------------------------------------

TABLE_OF_DDPM = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
TRAILING = TABLE_OF_DDPM | {"timestep_spacing": "trailing"}


def theirs(name, steps, **options):
    """A scheduler of diffusers, in double precision, ready for so many steps."""
    schedulers = pytest.importorskip("diffusers.schedulers")
    made = getattr(schedulers, name)(**options)
    if options.get("beta_schedule") != "scaled_linear":
        made.alphas_cumprod, made.one = alpha_bar(LINEAR)[1:], torch.ones(()).double()
    made.set_timesteps(steps)
    return made


def noise_of_the_last_step(kind) -> torch.Tensor:
    """The spread that it adds at the last of ten steps, by taking it with two dice."""
    options = TRAILING | {"clip_sample": False, "variance_type": kind}
    scheduler = theirs("DDPMScheduler", 10, **options)
    x, n = normal(2000, 1), scheduler.timesteps[-1]
    eps = level_at(LINEAR, int(n) + 1).sigma * x  # the exact answer for unit data
    ends = [scheduler.step(eps, n, x, generator=seeded(i)).prev_sample for i in (1, 2)]
    dice = [normal(2000, 1, seed=i) for i in (1, 2)]
    return ((ends[0] - ends[1]) / (dice[0] - dice[1])).median()


@row("large variance")
def large_variance():
    found = noise_of_the_last_step("fixed_large")
    t = grid(from_betas(LINEAR), 10)[-2]
    close(found, t.sigma, 1e-6)
    assert added(ddpm, t, from_betas(LINEAR)(0.0), large=True) == 0
    one = theirs("DDPMScheduler", 1000, **TRAILING, clip_sample=False, variance_type="fixed_large")
    assert int(one.timesteps[-1]) == 0  # a full walk stands there, and skips the noise
    return [found]


@row("small variance")
def small_variance():
    scheduler = theirs("DDPMScheduler", 10, **TRAILING, variance_type="fixed_small")
    clamped = scheduler._get_variance(int(scheduler.timesteps[-1]))
    found = noise_of_the_last_step("fixed_small")
    assert float(found) == pytest.approx(float(clamped) ** 0.5, rel=1e-3)
    return [clamped, found]


@row("linspace")
def linspace():
    """DDIM on unit data is a product of cosines (oracle C1), and theirs is another number."""
    found = {}
    for steps in (10, 20, 50):
        options = {"timestep_spacing": "linspace", "clip_sample": False, "set_alpha_to_one": True}
        scheduler = theirs("DDIMScheduler", steps, **TABLE_OF_DDPM, **options)
        x = torch.ones(1, 1, dtype=torch.float64)
        ladder = [level_at(LINEAR, int(n) + 1) for n in scheduler.timesteps]
        for n, t in zip(scheduler.timesteps, ladder, strict=True):
            x = scheduler.step(t.sigma * x, n, x).prev_sample
        angle = torch.stack([torch.atan2(t.sigma, t.alpha) for t in ladder] + [0 * ladder[0].alpha])
        exact = torch.cos(angle[:-1] - angle[1:]).prod()
        close(sample(ddim, UNIT, torch.ones(1, 1).double(), [*ladder, cosine(0.0)])[0, 0], exact)
        assert float((x - exact).abs()) > 0.06 / steps
        found[steps] = x, exact
    return found[10]


@row("set_alpha_to_one")
def set_alpha_to_one():
    """Its last step, for two answers of the network, is affine: that names the level it ends on."""
    options = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    options |= {"clip_sample": False, "set_alpha_to_one": False}
    first, x = level_at(SCALED, 1), torch.full((1, 1), 0.7, dtype=torch.float64)
    for offset in (0, 1):
        scheduler = theirs("DDIMScheduler", 50, **options, steps_offset=offset)
        n = scheduler.timesteps[-1]
        t = level_at(SCALED, int(n) + 1)
        assert int(n) == offset  # entry 1 or 2 of ours
        for eps in (torch.zeros_like(x), torch.ones_like(x)):
            x0 = (x - t.sigma * eps) / t.alpha
            end = scheduler.step(eps, n, x).prev_sample
            close(end, q_sample(x0, first, eps), 1e-5)
            assert (offset == 0) == torch.allclose(end, x, atol=1e-6)
            close(ddim(fixed(x0), x, t, from_betas(SCALED)(0.0)).x, x0)
    return [first.alpha**2, first.sigma]


@row("eta")
def eta():
    bounds = []
    for steps in (1000, 20):
        scheduler = theirs("DDIMScheduler", steps, **TRAILING, clip_sample=False)
        ladder = [level_at(LINEAR, int(n) + 1) for n in scheduler.timesteps]
        bound = min(t.sigma / reverse_var(t, s).sqrt() for t, s in pairwise(ladder))
        for eta, finite in ((0.999 * bound, True), (1.001 * bound, False)):
            x, dice = normal(20, 1), seeded()
            for n, t in zip(scheduler.timesteps, ladder, strict=True):
                x = scheduler.step(t.sigma * x, n, x, eta=float(eta), generator=dice).prev_sample
            assert bool(x.isfinite().all()) == finite
            with pytest.raises(ValueError, match="eta: 1"):
                ddim(UNIT, x, *ladder[:2], eta=float(eta))
        (n, *_), (t, s, *_), x = scheduler.timesteps, ladder, normal(20, 1)
        room = (s.sigma**2 - bayes(t, s)).sqrt()  # η = −1: the dice's variance is missing
        found = scheduler.step(t.sigma * x, n, x, eta=-1.0).prev_sample
        close(found, (s.alpha * t.alpha + room * t.sigma) * x)
        bounds.append(bound)
    return bounds


@row("PLMS")
def plms():
    scheduler = theirs("PNDMScheduler", 10, **TABLE_OF_DDPM, skip_prk_steps=True)
    assert len(scheduler.timesteps) == 11 and len(set(scheduler.timesteps.tolist())) == 10
    return []  # equal, given the same memories: tests/test_peers.py


# --- what the rows share --------------------------------------------------------------------------


def bayes(t, s):
    """The variance of q(x_s given x_t, x0): precisions add, from the data and from x_t."""
    return 1 / (1 / s.sigma**2 + (t.alpha / s.alpha) ** 2 / reverse_var(t, s))


def affine(step, denoise, t, s, **options):
    """x_s = stretch · x + shift, on average: read off from the step itself at two places."""
    places = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    low, high = (both(step, denoise, x, t, s, **options)[0] for x in places)
    return (high - low)[0, 0], low[0, 0]


def added(step, t, s, denoise=UNIT, **options):
    """The variance of the noise that a step adds."""
    return both(step, denoise, torch.zeros(1, 1).double(), t, s, **options)[1] ** 2


def both(step, denoise, x, t, s, **options):
    """Mean and spread of a step from x, from two steps with known dice."""
    (a, z), (b, y) = (
        (step(denoise, x, t, s, generator=seeded(i), **options).x, normal(*x.shape, seed=i))
        for i in (1, 2)
    )
    std = (a - b).sum() / (z - y).sum()
    return a - std * z, std


def records(name):
    return measure.result(name)["rows"]


def by_law(sampler, calls) -> float:
    """W2 to the mixture of the law itself, without sampling, from the record."""
    (found,) = (
        r["without sampling"]
        for r in records("strides-mixture")
        if (r["sampler"], r["calls"]) == (sampler, calls)
    )
    return found


@row("shift")
def shift():
    schedulers = pytest.importorskip("diffusers.schedulers")
    made = schedulers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    made.set_timesteps(10)
    once = flow.shifted(3.0)(0.001).sigma
    twice = flow.shifted(3.0)(once).sigma
    assert float(made.sigmas[-2]) == pytest.approx(float(twice), rel=1e-3)
    return [twice, once]
