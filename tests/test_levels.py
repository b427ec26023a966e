"""Noise levels: tables, schedules, grids (oracle B1, and the traps at the ends)."""

import math

import pytest
import torch
from family import close, seeded, zero_terminal
from hypothesis import given as over
from hypothesis import strategies as st

from lessons_lib import levels
from lessons_lib.levels import Level, from_betas, grid, level_at

VP = {
    "linear betas": from_betas(levels.linear_betas()),
    "scaled-linear betas": from_betas(levels.scaled_linear_betas()),
    "cosine betas": from_betas(levels.cosine_betas()),
    "zero-terminal betas": from_betas(zero_terminal(levels.scaled_linear_betas())),
    "cosine": levels.cosine,
}
ALL = VP | {"rectified": levels.rectified, "edm": levels.edm}


def test_the_closed_form_is_many_small_steps():  # B1
    beta = torch.rand(40, dtype=torch.float64, generator=seeded(0)) * 0.25
    mean, var = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for n, b in enumerate(beta, start=1):
        mean, var = mean * (1 - b).sqrt(), var * (1 - b) + b
        t = level_at(beta, n)
        close(t.alpha, mean)
        close(t.sigma**2, var)
        close(levels.alpha_bar(beta)[n], mean**2)


def test_the_syllabus_numbers():
    by_hand = levels.alpha_bar(torch.tensor([0.02, 0.04, 0.06, 0.08, 0.10], dtype=torch.float64))
    expected = torch.tensor([1, 0.98, 0.9408, 0.884352, 0.81360384, 0.732243456])
    close(by_hand, expected.double(), 1e-7)
    t = level_at(torch.full((10,), 0.1, dtype=torch.float64), torch.tensor([1, 5, 10]))
    close(t.alpha.round(decimals=3), torch.tensor([0.949, 0.768, 0.590], dtype=torch.float64))
    close(t.sigma.round(decimals=3), torch.tensor([0.316, 0.640, 0.807], dtype=torch.float64))


@pytest.mark.parametrize("name", VP)
def test_variance_is_preserved(name):
    for t in grid(VP[name], 37):
        close(t.alpha**2 + t.sigma**2, torch.ones_like(t.alpha))


@pytest.mark.parametrize("name", ALL)
def test_time_zero_is_the_data_and_noise_only_grows(name):
    ladder = grid(ALL[name], 101)
    assert ladder[-1].sigma == 0 and ladder[-1].alpha == 1
    ratio = torch.stack([t.ratio for t in ladder])
    assert (ratio[1:] < ratio[:-1]).all()
    assert all(t.alpha.dtype == torch.float64 and t.alpha.ndim == 0 for t in ladder)


def test_nothing_is_left_at_the_noisy_end_of_cosine_and_rectified():
    assert levels.cosine(1.0).alpha == 0 and levels.rectified(1.0).alpha == 0
    assert levels.edm(1.0).sigma == pytest.approx(80)


def test_the_ends_of_common_tables():
    assert from_betas(levels.linear_betas())(1.0).alpha == pytest.approx(0.00635, abs=5e-6)
    assert from_betas(levels.scaled_linear_betas())(1.0).alpha == pytest.approx(0.0683, abs=5e-5)


def test_the_table_is_exact_at_its_entries_and_log_linear_between():
    beta = levels.linear_betas(10, 0.01, 0.3)
    log_ab = levels.alpha_bar(beta).log()
    between = from_betas(beta)(torch.tensor([0.25, 0.95]))
    close(2 * between.alpha.log(), torch.stack([log_ab[2:4].mean(), log_ab[9:11].mean()]), 1e-7)
    for n in range(1, 11):
        close(2 * level_at(beta, n).alpha.log(), log_ab[n])


def test_a_table_may_end_in_nothing():
    """Lin et al. 2024: a last beta of 1. Time 1 is pure noise, and the way there is defined."""
    beta = zero_terminal(levels.scaled_linear_betas(50))
    schedule, end, before = from_betas(beta), level_at(beta, 50), level_at(beta, 49)
    assert beta[-1] == 1 and end.alpha == 0 and end.sigma == 1 and before.alpha > 0
    assert end.ratio == math.inf and end.lam == -math.inf
    time = torch.tensor([0.98, 0.985, 0.995, 1.0], dtype=torch.float64)  # entries 49 to 50
    share = torch.tensor([0.0, 0.25, 0.75, 1.0], dtype=torch.float64)
    close(schedule(time).alpha ** 2, (1 - share) * before.alpha**2)
    cut = from_betas(beta[:-1])  # all else is as without the last entry
    for n in (0.0, 7.3, 20.5, 48.9, 49.0):
        close(schedule(n / 50).alpha, cut(n / 49).alpha)
    ratio = torch.stack([t.ratio for t in grid(schedule, 777)])
    assert (ratio[1:] < ratio[:-1]).all() and not ratio.isnan().any()
    assert levels.trailing_grid(beta, 7)[0].alpha == 0
    one = from_betas([1.0])
    assert one(1.0).alpha == 0 and one(0.0).sigma == 0 and one(0.19).alpha == pytest.approx(0.9)


def test_a_table_of_one_beta_is_one_step():
    t = level_at(torch.tensor([0.36]), 1)
    assert float(t.alpha) == pytest.approx(0.8) and float(t.sigma) == pytest.approx(0.6)


def test_the_clean_end_keeps_its_digits():
    # A float32 cumprod is wrong by 1.7e-4 in 1 - alpha_bar here.
    t = level_at(levels.linear_betas(), 1)
    assert float(t.sigma**2) == pytest.approx(1e-4, rel=1e-12)


def test_cosine_betas_follow_the_cosine_until_the_clip():
    beta = levels.cosine_betas(1000)
    table = from_betas(beta)
    time = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    close(table(time).alpha, levels.cosine(time).alpha, 1e-5)
    assert beta[-1] == 0.999 and len(beta) == 1000


@over(st.floats(0, 1))
def test_from_alpha_bar_and_back(alpha_bar):
    t = Level.from_alpha_bar(alpha_bar)
    assert float(t.alpha**2) == pytest.approx(alpha_bar, abs=1e-15)
    close(t.alpha**2 + t.sigma**2, torch.ones_like(t.alpha))
    assert 0 <= t.time <= 1


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_time_of_from_alpha_bar_is_the_share_of_the_quarter_circle(share):
    alpha_bar = math.cos(share * math.pi / 2) ** 2
    assert float(Level.from_alpha_bar(alpha_bar).time) == pytest.approx(share)


def test_lam_is_half_the_log_snr():
    t = Level.from_alpha_bar(0.8)
    assert float(t.lam) == pytest.approx(0.5 * math.log(0.8 / 0.2))
    assert levels.cosine(1.0).lam == -math.inf


@pytest.mark.parametrize("name", ALL)
def test_the_data_has_a_log_snr_of_plus_infinity(name):
    assert ALL[name](0.0).lam == math.inf  # a sigma of minus zero would make it NaN


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_level_multiplies_without_promoting(dtype):
    x = torch.ones(3, 1, 8, 8, dtype=dtype)
    one = levels.cosine(0.3)
    each = levels.cosine(torch.tensor([0.1, 0.2, 0.3]))
    assert (one.to(x).alpha * x).dtype == dtype
    assert (each.to(x).alpha * x).dtype == dtype
    close((each.to(x).alpha * x)[:, 0, 0, 0].double(), each.alpha, 1e-3)


def test_a_level_per_sample_never_broadcasts_along_the_width():
    x = torch.ones(8, 1, 8, 8)  # batch = height = width
    t = levels.cosine(torch.linspace(0.1, 0.8, 8)).to(x)
    assert t.alpha.shape == (8, 1, 1, 1)
    assert t.to(x).alpha.shape == (8, 1, 1, 1)  # twice is once
    with pytest.raises(ValueError, match=r"t: 3 levels for 8 samples"):
        levels.cosine(torch.rand(3)).to(x)


@pytest.mark.parametrize("steps", [0, -1, 2.0, "5", True, None])
def test_grid_wants_a_positive_whole_number_of_steps(steps):
    with pytest.raises(ValueError, match=r"steps: .* given; allowed are the integers from 1"):
        grid(levels.cosine, steps)


@pytest.mark.parametrize("start, end", [(0.5, 0.5), (0.2, 0.9), (1.1, 0), (1, -0.1)])
def test_grid_wants_to_go_down(start, end):
    with pytest.raises(ValueError, match="need 1 >= start > end >= 0"):
        grid(levels.cosine, 5, start, end)


@pytest.mark.parametrize("n", [0, -1, 1001, 0.5])
def test_the_table_refuses_steps_it_does_not_have(n):
    with pytest.raises(ValueError, match=r"n: .* allowed are the integers 1 to 1000"):
        level_at(levels.linear_betas(), n)


def test_bad_tables_and_times_are_refused():
    for bad in (1.2, 0.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="allowed is 0 < beta < 1, and 1 for the last"):
            from_betas(torch.tensor([0.1, bad]))
    for bad in (1.0, 1.2, 0.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="allowed is 0 < beta < 1"):
            from_betas(torch.tensor([bad, 0.1]))
    for table in (torch.ones(2, 2) / 2, torch.ones(0)):
        with pytest.raises(ValueError, match="need a 1-D table"):
            from_betas(table)
    with pytest.raises(ValueError, match="allowed is 0 .data. to 1 .noise."):
        levels.cosine(1.2)
    with pytest.raises(ValueError, match="alpha_bar: 1.5 given; allowed is 0 to 1"):
        Level.from_alpha_bar(1.5)
    with pytest.raises(ValueError, match="time"):
        levels.rectified(float("nan"))


# --- grids by noise level -------------------------------------------------------------------------

REACH = {name: float(ALL[name](1.0).ratio.clamp(max=80)) for name in ALL}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [2, 3, 20])
def test_lam_grid_falls_evenly_in_log_snr_and_ends_at_the_data(name, steps):
    ladder = levels.lam_grid(ALL[name], steps)
    assert len(ladder) == steps + 1 and ladder[-1].sigma == 0 and ladder[-1].alpha == 1
    lam = torch.stack([t.lam for t in ladder[:-1]])
    assert float(ladder[0].ratio) == pytest.approx(REACH[name])
    width = math.log(REACH[name] / 0.002) / (steps - 1)
    close(lam.diff(), torch.full((steps - 1,), width, dtype=torch.float64), 1e-6)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("rho", [0.5, 1.0, 5.0])
def test_karras_grid_is_the_papers_formula(name, rho):
    N, high, low = 9, 40.0, 0.01
    ladder = levels.karras_grid(ALL[name], N, high, low, rho)
    assert len(ladder) == N + 1 and ladder[-1].sigma == 0
    high = min(high, REACH[name])
    for i, t in enumerate(ladder[:-1]):
        by_hand = (high ** (1 / rho) + i / (N - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho
        assert float(t.ratio) == pytest.approx(by_hand, rel=1e-6)


def test_karras_grid_left_alone_is_the_edm_schedule_evenly_in_time():
    ladder, time = levels.karras_grid(levels.edm, 12), torch.linspace(1, 0, 12).double()
    for t, own in zip(ladder[:-2], time, strict=False):
        close(t.sigma, levels.edm(own).sigma, 1e-6)
    close(ladder[-2].sigma, torch.tensor(0.002).double(), 1e-9)  # where the schedule jumps to 0


@pytest.mark.parametrize("make", [levels.lam_grid, levels.karras_grid])
def test_one_step_by_ratio_goes_from_the_noisiest_level_to_the_data(make):
    first, last = make(levels.cosine, 1, 30.0, 0.01)
    assert float(first.ratio) == pytest.approx(30) and last.sigma == 0
    assert float(make(VP["scaled-linear betas"], 1)[0].time) == pytest.approx(1)


@over(st.sampled_from(sorted(ALL)), st.floats(0.0025, 14))
def test_a_level_is_found_by_its_ratio_on_its_own_schedule(name, ratio):
    t = levels.at_ratio(ALL[name], ratio)
    assert float(t.ratio) == pytest.approx(ratio, rel=1e-9)
    again = ALL[name](t.time)
    assert again.alpha == t.alpha and again.sigma == t.sigma


EVENLY = {"even in time": lambda t: t.time, "even in log-SNR": lambda t: t.lam}
EVENLY["Karras"] = lambda t: t.ratio ** (1 / 7)


@pytest.mark.parametrize("name", levels.SPACINGS)
def test_a_spacing_is_even_in_the_clock_it_is_named_after(name):
    """Those by ratio run from 40 to 0.05, and then to the data; the one in time from end to end."""
    ladder = levels.SPACINGS[name](9)
    assert len(ladder) == 10 and ladder[-1].sigma == levels.cosine(0.0).sigma
    ladder = ladder if name == "even in time" else ladder[:-1]
    step = torch.stack([EVENLY[name](t) for t in ladder]).diff()
    close(step, step.mean().expand_as(step), 1e-6)
    ends = [float(t.ratio) for t in (ladder[0], ladder[-1])]
    assert ends == pytest.approx([math.inf, 0] if name == "even in time" else [40, 0.05])


def test_trailing_grid_asks_whole_entries_of_the_table():
    beta = levels.linear_betas(10, 0.01, 0.3)
    ladder = levels.trailing_grid(beta, 4)
    assert [round(float(t.time) * 10, 9) for t in ladder] == [10, 8, 5, 2, 0]  # 7.5, 2.5: to even
    for t, n in zip(ladder, (10, 8, 5, 2), strict=False):
        assert t.alpha == level_at(beta, n).alpha
    even = levels.trailing_grid(beta, 5)
    for t, u in zip(even, grid(from_betas(beta), 5), strict=True):
        close(t.alpha, u.alpha)


@pytest.mark.parametrize("steps", [0, -1, 2.0, True, None])
@pytest.mark.parametrize("make", [levels.lam_grid, levels.karras_grid, levels.trailing_grid])
def test_every_grid_wants_a_positive_whole_number_of_steps(make, steps):
    schedule = levels.linear_betas() if make is levels.trailing_grid else levels.cosine
    with pytest.raises(ValueError, match=r"steps: .* given; allowed are the integers (from )?1"):
        make(schedule, steps)


@pytest.mark.parametrize(
    "high, low", [(1, 2), (1, 1), (1, 0), (1, -1), (math.inf, 1), (math.nan, 1), (200, 170)]
)
def test_grids_by_ratio_want_to_go_down_within_the_schedule(high, low):
    with pytest.raises(ValueError, match=r"high, low: .* need high > low > 0 as sigma/alpha"):
        levels.lam_grid(VP["linear betas"], 5, high, low)


def test_bad_grids_are_named():
    with pytest.raises(ValueError, match="steps: 11 given; allowed are the integers 1 to 10"):
        levels.trailing_grid(levels.linear_betas(10), 11)
    for rho in (0, -1, float("inf"), math.nan):
        with pytest.raises(ValueError, match="rho: .* given; allowed is any number above 0"):
            levels.karras_grid(levels.cosine, 5, rho=rho)
    with pytest.raises(ValueError, match="ratio: 0.001 given; near it the schedule has 0.002"):
        levels.at_ratio(levels.edm, 0.001)
    with pytest.raises(ValueError, match="ratio: 200 given; near it the schedule has 157"):
        levels.at_ratio(VP["linear betas"], 200)


# --- levels along a curve -------------------------------------------------------------------------


@over(st.sampled_from(sorted(ALL)), st.floats(0.02, 0.98), st.floats(0.01, 14))
def test_a_level_along_the_curve_is_the_schedules_own(name, time, ratio):
    ratio = torch.tensor(ratio, dtype=torch.float64)
    found, own = levels.along(ALL[name](time), ratio), levels.at_ratio(ALL[name], ratio)
    close(found.alpha, own.alpha, 1e-9)
    close(found.sigma / found.alpha, ratio)
    assert found.time.isnan()


def test_a_level_on_no_known_curve_is_refused():
    odd = Level(*torch.tensor([0.5, 0.7, 0.6], dtype=torch.float64))
    with pytest.raises(ValueError, match=r"t: alpha 0.7, sigma 0.6 given; need alpha² \+ sigma²"):
        levels.along(odd, odd.ratio)
