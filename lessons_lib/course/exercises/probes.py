"""What the probes of several exercises share: noise, shapes, tables of betas, levels."""

import torch

from lessons_lib import levels
from lessons_lib.levels import Level


def strong_betas(T, generator):
    """Random betas up to .25: with the usual small ones, root and no root look alike."""
    return 0.01 + 0.24 * torch.rand(T, generator=generator, dtype=torch.float64)


def long_betas(T, generator):
    """A long strong table: ᾱ ends near 1e-9, where a floor set "to be safe" shows."""
    return 0.1 + 0.05 * torch.rand(T, generator=generator, dtype=torch.float64)


def normal(*shape, generator):
    """Float64 noise, so that two right answers cannot round apart."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def repeated(times):
    """Probes that are alike: (i, generator) -> a probe becomes generator -> so many of them."""
    return lambda one: lambda generator: [one(i, generator) for i in range(times)]


def signal(a):
    """The amplitude of x0 in the fog, where a is ᾱ."""
    return a.sqrt()


def noise(a):
    """The amplitude of ε in the fog, where a is ᾱ."""
    return (1 - a).sqrt()


def per_sample(a, x):
    """One number per sample, shaped to multiply x: (B,) to (B, 1, ..., 1)."""
    return a.reshape(-1, *[1] * (x.ndim - 1))


def some_table(i, generator):
    """ᾱ of a short strong table; at times of one that is long, ends at once or begins weakly."""
    if i % 14 == 11:
        return levels.alpha_bar(levels.cosine_betas(20))
    if i % 7 == 4:
        return levels.alpha_bar(long_betas(150, generator))
    if i % 7 == 6:
        return levels.alpha_bar(levels.linear_betas(100, first=1e-6))
    T = int(torch.randint(5, 12, (), generator=generator))
    return levels.alpha_bar(strong_betas(T, generator))


def betas_of(alpha_bar):
    """The T betas behind a table of alpha_bar."""
    return 1 - alpha_bar[1:] / alpha_bar[:-1]


def table_level(n, alpha_bar, x):
    """Entry n of the table as a level of the library, shaped to fit x."""
    a = alpha_bar[n]
    return levels.Level(torch.as_tensor(n) / (len(alpha_bar) - 1), a.sqrt(), (1 - a).sqrt()).to(x)


# Shapes where batch, channels, height and width coincide hide broadcasting along the wrong axis.
SHAPES = ((4, 1, 4, 4), (3, 3, 3, 3), (4, 4), (5, 2, 3, 4), (2, 7), (4, 4, 4, 4), (6, 1, 2, 6))


def batch_probes(generator):
    """Pictures and vectors with another n for each sample: 1, T, 0 and 2 always among them.

    Two tables are long, and two batches are a hundred times as bright, so that no limit hides.
    """
    probes = []
    for i, shape in enumerate(SHAPES * 2):
        T = 150 if i % 7 == 4 else int(torch.randint(5, 12, (), generator=generator))
        betas = long_betas if i % 7 == 4 else strong_betas
        alpha_bar = levels.alpha_bar(betas(T, generator))
        must = torch.tensor([1, T, 0, 2])[: shape[0]]
        some = torch.randint(1, T + 1, (shape[0] - len(must),), generator=generator)
        x0, eps = (100 if i % 7 == 5 else 1) * normal(2, *shape, generator=generator)
        probes.append((x0, torch.cat([must, some]), eps, alpha_bar))
    return probes


LEAVES = ((4, 4), (3, 3, 3, 3), (2, 7), (5, 1, 2, 4))


def on_circle(generator, low=0.05, high=0.9):
    """A random level that keeps the variance: alpha² + sigma² = 1."""
    share = torch.rand((), generator=generator, dtype=torch.float64)
    return Level.from_alpha_bar(low + (high - low) * share)


def off_circle(generator, low=0.3, high=0.9):
    """A random level of a schedule that does not keep the variance: a straight line, or growing."""
    share = torch.rand((), generator=generator, dtype=torch.float64)
    time = low + (high - low) * share
    if torch.rand((), generator=generator) < 0.5:
        return levels.rectified(time)
    return levels.edm(time, high=4.0)


# Close to noise and close to data, where a floor or a limit set "to be safe" shows; the even ones
# are on the circle.
ENDS = (
    Level.from_alpha_bar(1e-7),
    levels.rectified(0.9995),
    Level.from_alpha_bar(1 - 1e-6),
    levels.edm(0.002 / 80),
    Level.from_alpha_bar(0.9999),
    levels.edm(1.0),
)


def some_level(i, generator):
    """A level on the circle for even i, off it for odd i; from i = 10 on, close to an end."""
    if i >= 10:
        return ENDS[(i - 10) % len(ENDS)]
    return (off_circle if i % 2 else on_circle)(generator)


def bright(i):
    """Every tenth probe is a hundred times as bright: a limit on its values shows."""
    return 100 if i % 10 == 8 else 1


def pair_of_levels(i, generator, circle=False):
    """From t to s: a short way, a long one, and, every third time, all the way to the data.

    From i = 10 on a few ways begin or end close to noise or to the data.
    """
    close = {10: (1e-7, 1e-5), 13: (1e-5, 0.6), 14: (0.6, 1 - 1e-6)}  # ᾱ from, ᾱ to
    close |= {11: (1 - 1e-5, 1 - 1e-7), 12: (1 - 1e-5, 1.0)}
    if i in close:
        return tuple(map(Level.from_alpha_bar, close[i]))
    if i % 2 == 0 or circle:
        t = on_circle(generator, 0.05, 0.4)
        s = Level.from_alpha_bar(1.0) if i % 3 == 0 else on_circle(generator, 0.5, 0.95)
    else:
        schedule = levels.rectified if i % 4 == 1 else lambda time: levels.edm(time, high=4.0)
        t = schedule(0.6 + 0.35 * torch.rand((), generator=generator, dtype=torch.float64))
        s = schedule(0.0 if i % 3 == 0 else 0.2 + 0.35 * float(torch.rand((), generator=generator)))
    return t, s


def on_levels(generator, many=2):
    """So many tensors of any kind and a level, on the circle or off it, or close to an end."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        given = bright(i) * normal(many, *shape, generator=generator)
        probes.append((*given, some_level(i, generator)))
    return probes


def between_levels(generator, many=2):
    """So many tensors of any kind, and two levels: ways short and long, or down to the data."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        given = bright(i) * normal(many, *shape, generator=generator)
        probes.append((*given, *pair_of_levels(i, generator)))
    return probes
