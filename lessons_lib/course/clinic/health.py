"""The tests of health: each gives (found, expected), equal for a healthy patient."""

import torch
from torch import Tensor

from lessons_lib.diffuse import q_sample
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import Level, cosine, grid
from lessons_lib.samplers import noise_like

LEVELS = grid(cosine, 10, start=0.98)  # noisiest first; alpha is above 0 on the first
SEEN_AT = Level.from_alpha_bar(0.5)  # where single guesses are looked at


def of_one_picture(picture):
    """The exact denoiser of a data set of one picture (1, ...): whatever it is asked."""
    exact = DatasetDenoiser(picture)
    return lambda x, t, c=None: exact(x, t)


def unit_gaussian(x, t, c=None):
    """The exact denoiser of unit Gaussian numbers."""
    return t.alpha * x / (t.alpha**2 + t.sigma**2)


def _black_and_fog():
    """One black picture (1, 1, 8, 8), and fog of it (3, 1, 8, 8) on the level SEEN_AT."""
    black = torch.full((1, 1, 8, 8), -0.9, dtype=torch.float64)
    return black, q_sample(black, SEEN_AT, _noise(3, 1, 8, 8))


def the_only_picture_is_guessed(ask, walk):
    """Where the data is one picture, every guess is that picture."""
    black, x = _black_and_fog()
    return ask(of_one_picture(black), torch.zeros(3))(x, SEEN_AT), black.expand_as(x)


def a_guess_is_bayes_mean(ask, walk):
    """Where the data is a unit Gaussian, the guess is alpha times x."""
    x = _noise(3, 4)
    return ask(unit_gaussian, torch.zeros(3))(x, SEEN_AT), SEEN_AT.alpha * x


def scale_one_obeys(ask, walk):
    """At w = 1 the guided guess is the conditional one."""
    two = MixtureDenoiser([[-1.0], [1.0]], [0.5, 0.5], label=[0, 1])
    x, c = _noise(4, 1), torch.tensor([0, 1, 0, 1])
    return ask(two, c, w=1.0)(x, SEEN_AT), two(x, SEEN_AT, c)


def asked_where_it_stands(ask, walk):
    """The network is told the level on which x stands, at each step."""
    told = []

    def spy(x, t):
        told.append(t.time)
        return unit_gaussian(x, t)

    walk(spy, _noise(3, 4), LEVELS, seeded())
    return torch.stack(told), torch.stack([t.time for t in LEVELS[:-1]])


def a_picture_ignores_its_neighbours(ask, walk):
    """A picture does not depend on what else is in the batch."""
    x = _noise(3, 4)
    return walk(unit_gaussian, x, LEVELS, seeded())[1:], walk(
        unit_gaussian, x[[1, 1, 2]], LEVELS, seeded()
    )[1:]


def the_last_step_ignores_the_dice(ask, walk):
    """At the step to sigma = 0 the result does not depend on the fresh noise."""
    x, last = _noise(3, 4), LEVELS[-2:]
    return walk(unit_gaussian, x, last, seeded(1)), walk(unit_gaussian, x, last, seeded(2))


def a_step_keeps_the_noise_of_its_level(ask, walk):
    """Old noise kept and fresh noise added have, together, the variance sigma_s²."""
    t, s = LEVELS[4], LEVELS[6]
    nothing = torch.zeros(3, 4, dtype=torch.float64)
    fresh = walk(lambda x, t: 0 * x, nothing, [t, s], seeded())
    kept = walk(lambda x, t: 0 * x, nothing + t.sigma, [t, s], seeded()) - fresh
    z = noise_like(nothing, seeded())
    return kept**2 + (fresh / z) ** 2, (s.sigma**2).expand(3, 4)


def the_walk_ends_on_the_only_picture(ask, walk):
    """Where the data is one picture, every walk ends on it."""
    black, x = _black_and_fog()
    return walk(of_one_picture(black), x, LEVELS, seeded()), black.expand_as(x)


def a_product_of_cosines(ask, walk):
    """For unit Gaussian data DDIM multiplies x by the cosines of the angles between its levels."""
    asked = []

    def spy(x, t):
        asked.append(torch.atan2(t.sigma, t.alpha))
        return unit_gaussian(x, t)

    x = _noise(3, 4)
    found = walk(spy, x, LEVELS, seeded())
    angle = torch.stack([*asked, torch.zeros_like(asked[0])])
    return found, x * torch.cos(angle.diff()).prod()


def _noise(*shape) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=seeded())
