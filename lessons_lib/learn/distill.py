"""A student that walks in few steps where its teacher needs many."""

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.diffuse import q_sample
from lessons_lib.guards import whole
from lessons_lib.learn.denoiser import NetDenoiser, Weight, squared_error
from lessons_lib.levels import Level, Schedule
from lessons_lib.samplers import ddim, noise_like
from lessons_lib.wrap import given


def two_steps_in_one(teacher: NetDenoiser, schedule: Schedule, steps: int) -> Callable:
    """A loss for `Training`: land in one DDIM step where the teacher lands after two.

    steps is how many the student will take, on the even grid of the schedule; the teacher walks
    twice as many. Salimans & Ho 2022, algorithm 2.

    Raises ValueError unless steps is a positive integer.
    """
    steps = whole("steps", steps)

    def loss(student, x0, t, c=None, generator=None, weight: Weight | None = None) -> Tensor:
        n = (t.time * steps).ceil().clamp(min=1)  # the student stands on one of its own levels
        t, m, s = (
            schedule(time).to(x0) for time in (n / steps, (n - 0.5) / steps, (n - 1) / steps)
        )
        x = q_sample(x0, t, noise_like(x0, generator))
        with torch.no_grad():
            denoise = teacher if c is None else given(teacher, c)
            x_s = ddim(denoise, ddim(denoise, x, t, m).x, m, s).x
        return squared_error(student(x, t, c), one_step_guess(x, x_s, t, s), t, weight)

    return loss


def one_step_guess(x: Tensor, x_s: Tensor, t: Level, s: Level) -> Tensor:
    """The guess of the data that takes DDIM from x on level t straight to x_s on level s.

    Salimans & Ho 2022, appendix G. Raises ValueError where both levels are one.
    """
    keep = s.sigma / t.sigma
    new = s.alpha - keep * t.alpha
    if bool((new == 0).any()):
        raise ValueError("t, s: the same level given; need a cleaner s")
    return (x_s - keep * x) / new
