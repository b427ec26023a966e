"""Our samplers equal a well-known library's, where the definitions agree (oracle F1).

Both ask the same network, the exact one of a small mixture, on the same table and with the same
noise. Where the two differ, docs/errata.md and its tests say who is right.
"""

import importlib

import pytest
import torch
from family import close, normal

from lessons_lib import samplers, solvers
from lessons_lib.diffuse import eps_from_x0, x0_from_eps
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import along, alpha_bar, from_betas, grid, level_at, linear_betas
from lessons_lib.samplers import Step, ddim, ddpm, sample

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # theirs, of numpy
schedulers = pytest.importorskip("diffusers.schedulers")

BETA = linear_betas(1000)
TABLE = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
TRAILING = TABLE | {"timestep_spacing": "trailing"}
MIXTURE = MixtureDenoiser([[-1.0, 0.5, 0.0], [1.0, 0.0, -0.5]], [0.2, 0.5])
UNIT = MixtureDenoiser([[0.0]], [1.0])
# Their DDPM still adds 1e-10 of noise at the last of a strided walk (its variance is clamped).
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}


def network(x, t, mixture=MIXTURE):
    return eps_from_x0(x, mixture(x, t), t)


def theirs(scheduler, x, steps, mixture=MIXTURE, stop=None):
    if x.dtype == torch.float64 and not hasattr(
        scheduler, "sigmas"
    ):  # theirs is float32: give ours
        scheduler.alphas_cumprod = alpha_bar(BETA)[1:]
        scheduler.one = torch.ones((), dtype=torch.float64)
    scheduler.set_timesteps(steps)
    for n in scheduler.timesteps[:stop]:
        eps = network(x, level_at(BETA, int(n) + 1), mixture)  # their table is 0-based
        x = scheduler.step(eps, n, x).prev_sample
    return x


def theirs_by_ratio(scheduler, x, steps):
    """The same for schedulers that walk on x / alpha, at the noise levels that they ask for."""
    scheduler.set_timesteps(steps)
    top = level_at(BETA, 1000)
    x = x / top.alpha
    for n in scheduler.timesteps:
        scheduler.scale_model_input(x, n)
        middle = hasattr(scheduler, "sigmas_interpol") and not scheduler.state_in_first_order
        ratios = scheduler.sigmas_interpol if middle else scheduler.sigmas
        t = along(top, ratios[scheduler.step_index].double())
        x = scheduler.step(network(t.alpha * x, t), n, x).prev_sample
    return x


def say(name, steps, dtype, apart):
    print(f"{name}, {steps} steps, {dtype}: largest deviation {apart:.2g}")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("steps", [10, 50, 1000])
@pytest.mark.parametrize("name", ["ddim", "ddpm", "ddpm large"])
def test_the_same_pictures_as_diffusers(name, steps, dtype, monkeypatch):
    x, noises = normal(16, 3).to(dtype), normal(steps, 16, 3, seed=1).to(dtype)
    options = TRAILING | {"clip_sample": False}
    if name == "ddim":
        step, scheduler = ddim, schedulers.DDIMScheduler(**options, set_alpha_to_one=True)
    else:
        step, kind = (ddpm, "fixed_small") if name == "ddpm" else (large, "fixed_large")
        scheduler = schedulers.DDPMScheduler(**options, variance_type=kind)
    for side in (samplers, importlib.import_module(type(scheduler).__module__)):
        draw = iter(noises)
        drawn = "noise_like" if side is samplers else "randn_tensor"
        monkeypatch.setattr(side, drawn, lambda *_, draw=draw, **__: next(draw))

    stop = -1 if name == "ddpm large" else None  # its last step is a test of its own, below
    ours = sample(step, MIXTURE, x, grid(from_betas(BETA), steps)[:stop])
    apart = float((ours - theirs(scheduler, x, steps, stop=stop)).abs().max())
    say(name, steps, dtype, apart)
    assert apart < TOLERANCE[dtype]


def large(*words, **more):
    return ddpm(*words, large=True, **more)


SOLVERS = {
    "heun": ("HeunDiscreteScheduler", theirs_by_ratio),
    "dpm_2": ("KDPM2DiscreteScheduler", theirs_by_ratio),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", theirs),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("steps", [10, 50, 1000])
@pytest.mark.parametrize("name", SOLVERS)
def test_the_same_pictures_by_solvers_of_second_order(name, steps, dtype):
    """Their tables of noise levels are float32, so float64 comes no closer than that."""
    scheduler, walked = SOLVERS[name]
    x = normal(16, 3).to(dtype)
    ours = sample(getattr(solvers, name), MIXTURE, x, grid(from_betas(BETA), steps))
    apart = (ours - walked(getattr(schedulers, scheduler)(**TRAILING), x, steps)).abs().max()
    say(name, steps, dtype, float(apart))
    assert apart < 2e-5


@pytest.mark.parametrize("memories", [1, 2, 3])
def test_plms_is_theirs_given_the_same_memories(memories):
    """Only the first step differs: they spend a second evaluation on it (Heun's), we do not."""
    scheduler = schedulers.PNDMScheduler(
        **TABLE, skip_prk_steps=True, set_alpha_to_one=True, timestep_spacing="trailing"
    )
    scheduler.alphas_cumprod = alpha_bar(BETA)[1:]
    scheduler.set_timesteps(50)
    x, eps, *past = normal(2 + memories, 8)
    scheduler.ets, scheduler.counter = past[::-1], 2 + memories  # oldest first
    their_x = scheduler.step(eps, 499, x).prev_sample
    t, s = level_at(BETA, 500), level_at(BETA, 480)
    last = Step(x, x, t, tuple(past))
    our_x = solvers.plms(lambda x, t: x0_from_eps(x, eps, t), x, t, s, last=last).x
    close(our_x, their_x, 1e-11)
