"""Conditions, guidance and counting (oracle B6, B7 and their guards)."""

import math

import pytest
import torch
from family import close, seeded

from lessons_lib import diffuse, levels
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import grid
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import (
    autoguide,
    cfg,
    classifier_guidance,
    clip,
    counted,
    dynamic_threshold,
    given,
    interval,
    negative,
    rescale,
)

T = levels.cosine(0.5)
TWO = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3], label=[0, 1])


def points(n=6):
    return torch.randn(n, 2, dtype=torch.float64, generator=seeded(0))


def test_w_0_ignores_and_w_1_obeys():  # B6
    x, c = points(), torch.tensor([0, 1, 0, 1, 1, 0])
    close(cfg(TWO, c, 0)(x, T), TWO(x, T))
    close(cfg(TWO, c, 1)(x, T), TWO(x, T, c))
    close(given(TWO, c)(x, T), TWO(x, T, c))


def test_guidance_is_affine_in_w_and_the_same_in_eps():
    x, c = points(), torch.tensor([1])
    at = {w: cfg(TWO, c, w)(x, T) for w in (0, 1, -2.0, 3.5)}
    for w in (-2.0, 3.5):
        close(at[w], at[0] + w * (at[1] - at[0]))
        eps = {k: diffuse.eps_from_x0(x, x0, T) for k, x0 in at.items()}
        close(eps[w], eps[0] + w * (eps[1] - eps[0]))


def test_at_a_fixed_level_it_is_the_score_of_the_tilted_density():
    x, c, w = points().requires_grad_(), torch.tensor([1]), 3.0
    log_p = (1 - w) * TWO.log_prob(x, T) + w * TWO.log_prob(x, T, c)
    (score,) = torch.autograd.grad(log_p.sum(), x)
    close(diffuse.score(x, cfg(TWO, c, w)(x, T), T), score, 1e-9)


def test_with_equal_spreads_the_guided_walk_ends_on_the_tilted_law():  # B7
    """N(0, 1) and N(1, 1) at w = 3: every noise x_T ends at x_T + 3, so the law is N(3, 1)."""
    u, c = MixtureDenoiser([[0.0]], [1.0]), MixtureDenoiser([[1.0]], [1.0])
    both = lambda x, t, label=None: u(x, t) if label is None else c(x, t)
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    error = []
    for steps in (100, 200):
        end = sample(ddim, cfg(both, torch.tensor([0]), 3.0), x, grid(levels.cosine, steps))
        error.append(float((end - (x + 3)).abs().max()))
    assert error[1] < 0.04 and error[0] / error[1] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("t", [T, levels.cosine(torch.linspace(0.2, 0.8, 6))])
@pytest.mark.parametrize(
    "c", [torch.tensor(1), torch.tensor([1]), torch.tensor([0, 1, 0, 1, 1, 0])]
)
def test_one_doubled_batch_is_two_calls(c, t):
    x = points()
    one, two = counted(TWO), counted(TWO)
    close(cfg(one, c, 4.0, batched=True)(x, t), cfg(two, c, 4.0)(x, t))
    assert (one.calls, one.samples) == (1, 12) and (two.calls, two.samples) == (2, 12)


def test_how_often_the_network_is_asked():
    for w, calls in ((0, 1), (1, 1), (2.0, 2), (-1.0, 2)):
        counting = counted(TWO)
        cfg(counting, torch.tensor([1]), w)(points(), T)
        assert counting.calls == calls


@pytest.mark.parametrize("w", [math.nan, math.inf, -math.inf])
def test_w_is_a_number(w):
    with pytest.raises(ValueError, match="w: .* given; allowed is any finite number"):
        cfg(TWO, torch.tensor([1]), w)


@pytest.mark.parametrize("wrap", [given, lambda d, c: cfg(d, c, 3.0)])
def test_conditions_are_one_or_as_many(wrap):
    with pytest.raises(ValueError, match="c: 3 conditions for 6 samples; need 1 or as many"):
        wrap(TWO, torch.tensor([0, 1, 1]))(points(), T)


def test_a_condition_on_a_foreign_device_is_refused():
    with pytest.raises(ValueError, match="c: on meta, x on cpu; need the same device"):
        given(TWO, torch.zeros(1, dtype=torch.long, device="meta"))(points(), T)


def test_the_negative_condition_takes_the_place_of_nothing():
    x, c, avoid = points(), torch.tensor([1]), torch.tensor([0])
    away, towards = TWO(x, T, avoid), TWO(x, T, c)
    for w in (0.0, 1.0, 3.0):
        close(negative(TWO, c, avoid, w)(x, T), away + w * (towards - away))
    close(negative(TWO, c, torch.tensor([-1]), 4.0)(x, T), cfg(TWO, c, 4.0)(x, T))


def test_autoguidance_walks_from_the_weak_model_through_the_strong_one():
    x, strong, weak = points(), given(TWO, torch.tensor([1])), lambda x, t: 2 * x + t.sigma
    for w in (0.0, 1.0, 3.0):
        close(autoguide(strong, weak, w)(x, T), weak(x, T) + w * (strong(x, T) - weak(x, T)))
    close(autoguide(strong, TWO, 4.0)(x, T), cfg(TWO, torch.tensor([1]), 4.0)(x, T))
    each = torch.linspace(0, 3, len(x))
    close(autoguide(strong, weak, each)(x, T)[2], autoguide(strong, weak, float(each[2]))(x, T)[2])


def test_autoguidance_of_bells_blends_the_logarithms_of_their_variances():
    """DDIM ends at V_weak^(1-w) V_strong^w: the guess is linear in x, so the whole walk is."""
    strong, weak = (MixtureDenoiser([[0.0]], [v**0.5]) for v in (0.6, 1.2))
    one, levels_ = torch.ones(1, 1).double(), levels.grid(levels.cosine, 500)
    for w in (0.0, 1.0, 2.0, 3.0):
        end = sample(ddim, autoguide(strong, weak, w), one, levels_)
        close(end**2, torch.full_like(end, 1.2 ** (1 - w) * 0.6**w), 1e-2)


def test_rescale_gives_the_conditional_spread_back():
    c = torch.tensor([1])
    mu = torch.randn(2, 9, generator=seeded(1))
    wide = MixtureDenoiser(mu, [0.3, 0.2], label=[0, 1])
    x = torch.randn(6, 9, dtype=torch.float64, generator=seeded(2))
    full, plain = rescale(wide, c, 7.0, phi=1.0)(x, T), cfg(wide, c, 7.0)(x, T)
    close(full.std(dim=1), wide(x, T, c).std(dim=1))
    close(rescale(wide, c, 7.0, phi=0.0)(x, T), plain)
    close(rescale(wide, c, 7.0, phi=0.3)(x, T), 0.3 * full + 0.7 * plain)
    close(rescale(wide, c, 7.0)(x, T), 0.7 * full + 0.3 * plain)  # the paper's advice


def test_interval_guides_only_inside():
    inside, outside = lambda x, t: x + 1, lambda x, t: x - 1
    both = interval(inside, outside, 0.5, 2.0)
    for a2, shift in ((0.05, -1), (0.5, 1), (0.95, -1)):
        close(both(points(), levels.Level.from_alpha_bar(a2)), points() + shift)
    even = T._replace(sigma=T.alpha)  # a ratio of exactly 1
    for low, high, shift in ((0, 1, 1), (1, 2, 1), (0, 0.9, -1), (1.1, 2, -1)):
        close(interval(inside, outside, low, high)(points(), even), points() + shift)


def test_clip_and_what_the_sampler_makes_of_it():
    far = lambda x, t: 5 * torch.ones_like(x)
    close(clip(far)(points(), T), torch.ones_like(points()))
    close(clip(lambda x, t: -far(x, t))(points(), T), -torch.ones_like(points()))
    step = ddim(clip(far), points(), T, levels.cosine(0.3))
    eps = (points() - T.alpha) / T.sigma  # derived again from the clipped guess
    s = levels.cosine(0.3)
    close(step.x, s.alpha + s.sigma * eps)


def test_dynamic_threshold_is_quiet_inside_and_shrinks_outside():
    inside = torch.rand(4, 1, 8, 8, dtype=torch.float64) * 2 - 1
    close(dynamic_threshold(lambda x, t: inside)(inside, T), inside)
    bright = 3 * inside / inside.abs().amax((1, 2, 3), keepdim=True)
    out = dynamic_threshold(lambda x, t: bright, share=1.0)(bright, T)
    close(out, bright / 3, 1e-6)
    some = dynamic_threshold(lambda x, t: bright, share=0.9)(bright, T)
    at_the_edge = (some.abs() > 1 - 1e-6).flatten(1).float().mean(1)
    assert (some.abs() <= 1).all() and ((at_the_edge > 0.08) & (at_the_edge < 0.13)).all()


def test_classifier_guidance_with_the_exact_classifier_is_the_conditional_score():
    c = torch.tensor([1])
    log_classifier = lambda x, t: TWO.log_prob(x, t, c) - TWO.log_prob(x, t)
    with torch.no_grad():  # a sampler asks without grad; guidance turns it on for itself
        close(classifier_guidance(TWO, log_classifier, 1.0)(points(), T), TWO(points(), T, c), 1e-9)
        close(
            classifier_guidance(TWO, log_classifier, 2.5)(points(), T),
            cfg(TWO, c, 2.5)(points(), T),
            1e-9,
        )
    with pytest.raises(ValueError, match="t: alpha is 0 there"):
        classifier_guidance(TWO, log_classifier, 1.0)(points(), levels.cosine(1.0))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: negative(TWO, T, T, math.nan), "w: nan given"),
        (lambda: autoguide(TWO, TWO, math.nan), "w: nan given"),
        (lambda: rescale(TWO, T, math.inf), "w: inf given"),
        (lambda: rescale(TWO, T, 3.0, phi=1.5), "phi: 1.5 given; allowed is 0"),
        (lambda: interval(TWO, TWO, 2.0, 1.0), "low, high: 2.0, 1.0 given"),
        (lambda: interval(TWO, TWO, 1.0, 1.0), "low, high: 1.0, 1.0 given"),
        (lambda: interval(TWO, TWO, -1.0, 1.0), "low, high: -1.0, 1.0 given"),
        (lambda: clip(TWO, 1.0, -1.0), "low, high: 1.0, -1.0 given; need low < high"),
        (lambda: dynamic_threshold(TWO, 0.0), "share: 0.0 given; allowed is above 0 to 1"),
        (lambda: classifier_guidance(TWO, None, math.nan), "scale: nan given"),
    ],
)
def test_settings_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
