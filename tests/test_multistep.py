"""The multistep solver of any order: exact for polynomials, and of its own order (C3, C4)."""

import math
from functools import partial

import pytest
import torch
from family import close, noisy_part, normal
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import levels
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level
from lessons_lib.samplers import Step, ddim, sample, walk
from lessons_lib.solvers import dpmpp_multistep

at_lam = lambda lam: Level.from_alpha_bar(1 / (1 + math.exp(-2 * lam)))


def integral(coefficients, t, s, n=401):
    """x_s / σ_s - x_t / σ_t = ∫ e^λ x̂0(λ) dλ, by Simpson's rule: Lu et al. 2022b, eq. 8."""
    lam = torch.linspace(float(t.lam), float(s.lam), n, dtype=torch.float64)
    weight = torch.ones(n, dtype=torch.float64)
    weight[1:-1:2], weight[2:-1:2] = 4, 2
    guess = sum(a * lam[:, None] ** i for i, a in enumerate(coefficients))  # (n, 3)
    return (weight * lam.exp()) @ guess * (lam[1] - lam[0]) / 3


@over(st.lists(st.floats(0.1, 0.9), min_size=4, max_size=4), st.floats(-2, 0.5), st.integers(0, 99))
def test_a_polynomial_guess_is_integrated_exactly(widths, lam, seed):  # C3, on uneven levels
    lams = [lam]
    for width in widths:
        lams.append(lams[-1] + width)
    ladder = [at_lam(each) for each in lams]
    for order in (1, 2, 3, 4):
        coefficients = normal(order, 3, seed=seed)
        guess = lambda x, t, c=coefficients: sum(a * t.lam**i for i, a in enumerate(c))
        steps = list(walk(partial(dpmpp_multistep, order=order), guess, normal(3, seed=9), ladder))
        t, s, before = ladder[3], ladder[4], steps[2].x
        exact = s.sigma * (before / t.sigma + integral(coefficients, t, s))
        close(steps[3].x, exact, 1e-8)


@pytest.mark.parametrize("schedule", ["cosine", "rectified", "ve"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_has_its_order_if_it_starts_from_exact_memories(order, schedule):  # C4
    m, c, errors, counts = 0.7, 0.5, [], (40, 80, 160)
    gaussian = MixtureDenoiser([[m]], [c])
    for steps in counts:
        ladder = noisy_part(schedule, steps)
        spread = [torch.sqrt(r.alpha**2 * c**2 + r.sigma**2) for r in ladder]
        exact = [
            r.alpha * m + w * torch.tensor([[-1.5], [0.8]], dtype=torch.float64)
            for r, w in zip(ladder, spread, strict=True)
        ]
        known = [(gaussian(exact[i], ladder[i]), ladder[i]) for i in range(order - 1)][::-1]
        last = Step(exact[order - 1], None, None, tuple(known))
        for t, s in zip(ladder[order - 1 :], ladder[order:], strict=False):
            last = dpmpp_multistep(gaussian, last.x, t, s, last=last, order=order)
        errors.append(float((last.x - exact[-1]).abs().max()))
    slopes = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    print(f"order {order}, {schedule}: slopes {slopes}, error {errors[-1]:.1e}")
    assert slopes[-1] == pytest.approx(order, abs=0.4)


def test_started_by_itself_the_first_step_keeps_it_at_second_order():  # C4
    gaussian, errors = MixtureDenoiser([[0.7]], [0.5]), []
    for steps in (160, 320):
        ladder = noisy_part("cosine", steps)
        t, s = ladder[0], ladder[-1]
        spread = [torch.sqrt(r.alpha**2 * 0.25 + r.sigma**2) for r in (t, s)]
        x = torch.tensor([[-1.5], [0.8]], dtype=torch.float64)
        exact = s.alpha * 0.7 + spread[1] / spread[0] * (x - t.alpha * 0.7)
        errors.append(float((sample(dpmpp_multistep, gaussian, x, ladder) - exact).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)


def test_order_1_is_ddim_and_the_memory_stays_short():
    toy, x = MixtureDenoiser([[-1.0], [1.2]], [0.35, 0.5]), normal(5, 1)
    ladder = levels.grid(levels.cosine, 12)
    close(sample(partial(dpmpp_multistep, order=1), toy, x, ladder), sample(ddim, toy, x, ladder))
    for order in (2, 3, 4):
        kept = [len(s.past) for s in walk(partial(dpmpp_multistep, order=order), toy, x, ladder)]
        assert kept == [0] + [min(i, order) for i in range(1, 11)] + [0]


@pytest.mark.parametrize("order", [0, 5, 1.5, None])
def test_the_order_is_one_of_four(order):
    with pytest.raises(ValueError, match="order: .* given; allowed are the integers 1 to 4"):
        dpmpp_multistep(None, None, None, None, order=order)
