"""Every way to turn the line round leads back (oracle B5), on every kind of level."""

import pytest
import torch
from family import close, seeded
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import diffuse, levels
from lessons_lib.levels import Level

SCHEDULES = {
    "vp": levels.cosine,
    "rectified": levels.rectified,
    "ve": levels.edm,
    "table": levels.from_betas(levels.linear_betas()),
}


@over(st.sampled_from(sorted(SCHEDULES)), st.floats(0.02, 0.98), st.integers(0, 10**6))
def test_every_round_trip(name, time, seed):
    g = seeded(seed)
    x0, eps = torch.randn(2, 3, 4, dtype=torch.float64, generator=g)
    t = SCHEDULES[name](time)
    x = diffuse.q_sample(x0, t, eps)
    tolerance = 1e-11 * max(1, float(t.ratio))
    close(diffuse.x0_from_eps(x, eps, t), x0, tolerance)
    close(diffuse.eps_from_x0(x, x0, t), eps, 1e-11 * max(1, float(1 / t.ratio)))
    close(diffuse.x0_from_v(x, diffuse.v(x0, eps, t), t), x0)
    close(diffuse.eps_from_v(x, diffuse.v(x0, eps, t), t), eps)
    close(diffuse.x0_from_flow(x, diffuse.flow(x0, eps), t), x0)
    close(diffuse.score(x, x0, t) * t.sigma, -eps, 1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_in_float32_the_ratio_conditions_x0(name):
    g = seeded(0)
    x0, eps = torch.randn(2, 100, generator=g)
    for time in (0.01, 0.3, 0.7, 0.99):
        t = SCHEDULES[name](time)
        back = diffuse.x0_from_eps(diffuse.q_sample(x0, t, eps), eps, t)
        close(back, x0, 1e-5 * max(1, float(t.ratio)))


def test_the_hand_numbers():
    t = Level.from_alpha_bar(0.01)
    assert float(diffuse.x0_from_eps(2.0, 1.8, t)) == pytest.approx(2.090, abs=5e-4)
    t = Level.from_alpha_bar(0.64)
    assert float(diffuse.q_sample(0.70, t, 0.50)) == pytest.approx(0.86)
    assert float(diffuse.x0_from_eps(0.86, 0.45, t)) == pytest.approx(0.7375)


def test_levels_one_per_sample():
    x0, eps = torch.randn(2, 8, 1, 8, 8)  # batch = height = width
    t = levels.cosine(torch.linspace(0.1, 0.9, 8))
    all_at_once = diffuse.q_sample(x0, t.to(x0), eps)
    for i in range(8):
        alone = diffuse.q_sample(x0[i], levels.cosine(t.time[i]), eps[i])
        close(all_at_once[i], alone, 1e-6)
