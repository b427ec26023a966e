"""Our samplers equal a well-known library's, where the definitions agree (oracle F1).

Both ask the same network, the exact one of a small mixture, on the same table and with the same
noise. In float64 (their table is float32, so it is given ours) what is left is rounding.
"""

import importlib

import pytest
import torch

from lessons_lib import samplers
from lessons_lib.diffuse import eps_from_x0, x0_from_eps
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import alpha_bar, from_betas, grid, level_at, linear_betas
from lessons_lib.samplers import ddim, ddpm, sample

schedulers = pytest.importorskip("diffusers.schedulers")

BETA = linear_betas(1000)
TABLE = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
OPTIONS = TABLE | {"timestep_spacing": "trailing", "clip_sample": False}
MIXTURE = MixtureDenoiser([[-1.0, 0.5, 0.0], [1.0, 0.0, -0.5]], [0.2, 0.5])
# Their DDPM still adds 1e-10 of noise at the last of a strided walk (its variance is clamped).
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}


def network(x, t):
    return eps_from_x0(x, MIXTURE(x, t), t)


def theirs(scheduler, x, steps):
    if x.dtype == torch.float64:
        scheduler.alphas_cumprod = alpha_bar(BETA)[1:]
        scheduler.one = torch.ones((), dtype=torch.float64)
    scheduler.set_timesteps(steps)
    for n in scheduler.timesteps:
        eps = network(x, level_at(BETA, int(n) + 1))  # their table is 0-based
        x = scheduler.step(eps, n, x).prev_sample
    return x


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("steps", [10, 50, 1000])
@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_the_same_pictures_as_diffusers(name, steps, dtype, monkeypatch):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(16, 3, generator=g).to(dtype)
    noises = torch.randn(steps, 16, 3, generator=g).to(dtype)
    if name == "ddim":
        step, scheduler = ddim, schedulers.DDIMScheduler(**OPTIONS, set_alpha_to_one=True)
    else:
        step = ddpm
        scheduler = schedulers.DDPMScheduler(**OPTIONS, variance_type="fixed_small")
    for side in (samplers, importlib.import_module(type(scheduler).__module__)):
        draw = iter(noises)
        drawn = "noise_like" if side is samplers else "randn_tensor"
        monkeypatch.setattr(side, drawn, lambda *_, draw=draw, **__: next(draw))

    def denoise(x, t):
        return x0_from_eps(x, network(x, t), t)

    ours = sample(step, denoise, x, grid(from_betas(BETA), steps))
    apart = float((ours - theirs(scheduler, x, steps)).abs().max())
    print(f"{name}, {steps} steps, {dtype}: largest deviation {apart:.2g}")
    assert apart < TOLERANCE[dtype]
