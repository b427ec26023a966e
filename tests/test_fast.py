"""The folded steps are the readable ones, to rounding."""

import pytest
import torch
from family import SCHEDULES, close, normal
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import fast, samplers, solvers
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import grid, lam_grid
from lessons_lib.samplers import Step, sample, walk

PAIRS = {"ddim": (fast.ddim, samplers.ddim), "dpmpp_2m": (fast.dpmpp_2m, solvers.dpmpp_2m)}
TOY = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3])


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_the_same_walk(name, schedule, dtype, tolerance):
    for ladder in (grid(SCHEDULES[schedule], 20), lam_grid(SCHEDULES[schedule], 7)):
        x = normal(50, 2).to(dtype) * ladder[0].sigma
        ours, readable = (sample(step, TOY, x, ladder) for step in PAIRS[name])
        assert ours.dtype == dtype
        close(ours, readable, tolerance)


@over(
    st.sampled_from(sorted(SCHEDULES)),
    *[st.floats(0.01, 0.99)] * 3,
    st.integers(0, 10**6),
)
def test_any_step_from_any_level(schedule, a, b, c, seed):
    times = sorted({a, b, c}, reverse=True)
    if len(times) < 3 or min(x - y for x, y in zip(times, times[1:], strict=False)) < 1e-3:
        return
    u, t, s = (SCHEDULES[schedule](time) for time in times)
    x, x0, before = normal(3, 4, seed=seed)
    for pair in PAIRS.values():
        for last in (None, Step(x, before, u)):
            ours, readable = (step(lambda x, t: x0, x, t, s, last=last) for step in pair)
            scale = float(readable.x.abs().max())
            close(ours.x / scale, readable.x / scale, 1e-11)


def test_nothing_that_was_given_is_changed():
    x, x0, before = normal(3, 4)
    u, t, s = (SCHEDULES["cosine"](time) for time in (0.9, 0.6, 0.3))
    kept = [v.clone() for v in (x, x0, before)]
    for step, _ in PAIRS.values():
        step(lambda x, t: x0, x, t, s, last=Step(x, before, u))
    for now, then in zip((x, x0, before), kept, strict=True):
        assert torch.equal(now, then)


def test_the_weights_are_finite_at_both_ends():
    for step, _ in PAIRS.values():
        for end in walk(step, TOY, normal(4, 2), grid(SCHEDULES["rectified"], 3)):
            assert torch.isfinite(end.x).all()
    for time in (0.2, 0.6, 1.0):  # minus infinity at the last
        t = SCHEDULES["cosine"](time)
        assert fast._lam(t) == pytest.approx(float(t.lam), rel=1e-12)
