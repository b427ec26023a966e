"""Diffusion models by hand: real samplers that read like the formulas."""

from lessons_lib.diffuse import q_sample, x0_from_eps
from lessons_lib.levels import Level, cosine, from_betas, grid, level_at
from lessons_lib.samplers import ddim, ddpm, sample, walk
from lessons_lib.wrap import cfg, counted, given

__all__ = [
    "Level", "cfg", "cosine", "counted", "ddim", "ddpm", "from_betas", "given", "grid", "level_at",
    "q_sample", "sample", "walk", "x0_from_eps",
]  # fmt: skip
