"""The Rosetta table of notebook 10: each converter holds against the library or against a peer."""

import math

import pytest
import torch
from family import close, seeded

from lessons_lib import flow
from lessons_lib.course.notebooks.execute import load
from lessons_lib.data import ring
from lessons_lib.diffuse import score, v, x0_from_v
from lessons_lib.files import ROOT
from lessons_lib.levels import (
    Level,
    alpha_bar,
    at_ratio,
    cosine,
    grid,
    level_at,
    linear_betas,
    rectified,
    trailing_grid,
)
from lessons_lib.samplers import ddim, sample
from lessons_lib.solvers import langevin
from lessons_lib.wrap import cfg, given

VALUES = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
T = level_at(linear_betas(), 300)


@pytest.fixture(scope="module")
def rosetta():
    """name -> (theirs to ours, ours to theirs), as the notebook's own cell defines them."""
    cells = load(ROOT / "notebooks" / "10_flow_matching.ipynb").cells
    space = {}
    exec(next(cell.source for cell in cells if cell.id == "converters"), space)
    return space["ROSETTA"]


@pytest.fixture
def to_ours(rosetta):
    return lambda name, value: rosetta[name][0](value)


def test_every_row_goes_there_and_back(rosetta):
    for ours, theirs in rosetta.values():
        close(theirs(ours(VALUES)), VALUES, 1e-12)
        close(ours(theirs(VALUES)), VALUES, 1e-12)


def test_a_flow_papers_walk_is_ours(to_ours):
    """Euler's rule up their clock, with data minus noise, is DDIM down the straight path."""
    theirs = lambda x, time: to_ours("velocity of a flow paper", velocity(x, 1 - time))
    velocity = lambda x, time: flow.velocity(ring())(x, rectified(time))
    x = noise = torch.randn(5, 2, generator=seeded(), dtype=torch.float64)
    for time in torch.arange(10, dtype=torch.float64) / 10:
        x = x + 0.1 * theirs(x, time)
    close(x, sample(ddim, ring(), noise, grid(rectified, 10)), 1e-11)
    close(rectified(to_ours("time of a flow paper", VALUES)).alpha, VALUES, 1e-12)


def test_an_entry_counted_from_0_is_the_next_of_ours(to_ours):
    theirs = torch.cumprod(1 - linear_betas(), 0)
    for k in (0, 17, 999):
        t = level_at(linear_betas(), to_ours("entry counted from 0", k))
        close(t.alpha**2, theirs[k], 1e-12)


def test_the_three_alphas(to_ours):
    beta = linear_betas()
    close(to_ours("DDPM's alpha, one step", 1 - beta), beta, 1e-12)
    close(to_ours("DDIM paper's alpha", alpha_bar(beta)[300]), T.alpha, 1e-12)
    close(Level.from_alpha_bar(float(alpha_bar(beta)[300])).alpha, T.alpha, 1e-12)


def test_k_diffusions_sigma_is_noise_over_signal(to_ours):
    for sigma in (0.05, 1.0, 14.6):
        time = to_ours("k-diffusion's sigma, as a time", sigma)
        assert float(at_ratio(rectified, sigma).time) == pytest.approx(time, rel=1e-9)
        assert float(at_ratio(cosine, sigma).ratio) == pytest.approx(sigma, rel=1e-9)


def test_log_snr_is_twice_our_lam(to_ours):
    close(to_ours("log-SNR", torch.log(T.alpha**2 / T.sigma**2)), T.lam, 1e-12)


def test_ho_and_salimans_w(to_ours):
    """(1 + w) c − w u, their equation 6, is our guidance with the w of the table."""
    x, c, w = torch.randn(4, 2, generator=seeded(), dtype=torch.float64), torch.tensor(2), 1.7
    theirs = (1 + w) * given(ring(), c)(x, T) - w * ring()(x, T)
    close(cfg(ring(), c, to_ours("Ho & Salimans' w", w))(x, T), theirs, 1e-11)


def test_ncsns_step(to_ours):
    """x + step/2 · score + √step z, their equation 4."""
    x, step = torch.randn(4, 2, generator=seeded(), dtype=torch.float64), 0.02
    z = torch.randn(4, 2, generator=seeded(1), dtype=torch.float64)
    theirs = x + step / 2 * score(x, ring()(x, T), T) + math.sqrt(step) * z
    close(langevin(ring(), x, T, to_ours("NCSN's step", step), seeded(1)), theirs, 1e-11)


def test_the_shift_is_the_librarys(to_ours):
    close(to_ours("sigma before a shift by 3", VALUES), flow.shifted(3.0)(VALUES).sigma, 1e-12)


def test_score_and_v_give_the_data_back():
    x, x0 = torch.randn(2, 4, 2, generator=seeded(), dtype=torch.float64)
    for t in (T, rectified(0.3)):
        close((x + t.sigma**2 * score(x, x0, t)) / t.alpha, x0, 1e-10)
        eps = (x - t.alpha * x0) / t.sigma
        close(x0_from_v(x, v(x0, eps, t), t), x0, 1e-10)


def test_leading_starts_a_stride_lower_than_trailing():
    trailing = trailing_grid(linear_betas(), 5)
    leading = [*range(1000 - 1000 // 5 + 1, 0, -1000 // 5)]
    close(trailing[0].alpha, level_at(linear_betas(), 1000).alpha, 1e-12)
    assert leading[0] == 801 and len(leading) == 5


def test_a_peers_scheduler_shifts_once_and_then_again(to_ours):
    """diffusers, shift 3, 10 steps: the last σ is .0089, where one shift has .0030."""
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    once = float(theirs.sigmas[-1])
    theirs.set_timesteps(10)
    twice = float(theirs.sigmas[-2])  # then comes 0
    shift = lambda sigma: to_ours("sigma before a shift by 3", sigma)
    assert once == pytest.approx(shift(0.001), rel=1e-4) == pytest.approx(0.0030, abs=5e-5)
    assert twice == pytest.approx(shift(once), rel=1e-4) == pytest.approx(0.0089, abs=5e-5)
