"""DDIM's two lines, and every way to get one of them wrong: for tensors and for a pencil."""

from functools import partial
from types import SimpleNamespace

power = lambda level: SimpleNamespace(alpha=level.alpha**2, sigma=level.sigma**2)
root = lambda level: SimpleNamespace(alpha=level.alpha**0.5, sigma=abs(1 - level.alpha) ** 0.5)
rough = lambda level: SimpleNamespace(alpha=round(level.alpha, 2), sigma=round(level.sigma, 2))


def guess(x, eps, t):
    return (x - t.sigma * eps) / t.alpha


def renoise(x0, eps, t, s, x):
    return s.alpha * x0 + s.sigma * eps


def posterior_mean(x0, eps, t, s, x):
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    return (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2


def both(x, eps, t, s, guess=guess, renoise=renoise, read=lambda level: level):
    """(x0, x_s): the guess, and where the step ends."""
    t, s = read(t), read(s)
    x0 = guess(x, eps, t)
    return x0, renoise(x0, eps, t, s, x)


SLIPS = {  # name by hand -> both lines, but one part is wrong
    "no division": partial(both, guess=lambda x, eps, t: x - t.sigma * eps),
    "divided by the power": partial(both, guess=lambda x, eps, t: (x - t.sigma * eps) / t.alpha**2),
    "noise added": partial(both, guess=lambda x, eps, t: (x + t.sigma * eps) / t.alpha),
    "only x divided": partial(both, guess=lambda x, eps, t: x / t.alpha - t.sigma * eps),
    "only the noise divided": partial(both, guess=lambda x, eps, t: x - t.sigma * eps / t.alpha),
    "noise unscaled": partial(both, guess=lambda x, eps, t: (x - eps) / t.alpha),
    "variance taken off": partial(both, guess=lambda x, eps, t: (x - t.sigma**2 * eps) / t.alpha),
    "alpha of the old level": partial(
        both, renoise=lambda x0, eps, t, s, x: t.alpha * x0 + s.sigma * eps
    ),
    "sigma of the old level": partial(
        both, renoise=lambda x0, eps, t, s, x: s.alpha * x0 + t.sigma * eps
    ),
    "noise forgotten": partial(both, renoise=lambda x0, eps, t, s, x: s.alpha * x0),
    "stops at the guess": partial(both, renoise=lambda x0, eps, t, s, x: x0),
    "from x, not from the guess": partial(
        both, renoise=lambda x0, eps, t, s, x: s.alpha * x + s.sigma * eps
    ),
    "guess not dimmed": partial(both, renoise=lambda x0, eps, t, s, x: x0 + s.sigma * eps),
    "minus in the second line": partial(
        both, renoise=lambda x0, eps, t, s, x: s.alpha * x0 - s.sigma * eps
    ),
    "variance put on": partial(
        both, renoise=lambda x0, eps, t, s, x: s.alpha * x0 + s.sigma**2 * eps
    ),
    "mean of DDPM's step": partial(both, renoise=posterior_mean),
    "powers for amplitudes": partial(both, read=power),
    "roots to two decimals": partial(both, read=rough),
}
