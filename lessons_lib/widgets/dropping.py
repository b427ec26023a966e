"""Particles that one drops into a field, and that Langevin steps then carry."""

from functools import cache

import torch
from ipywidgets import FloatSlider, IntSlider, SelectionSlider

from lessons_lib import viz
from lessons_lib.guards import seeded
from lessons_lib.score import annealed, score_of
from lessons_lib.widgets.exploring import explore

REACH, MOST, KIND = 2.0, 60, torch.float64


def drop(
    denoise, levels: dict, shown: str, alt: str, particles: int = 6, share: float = 0.05
) -> explore:
    """Choose a level, a place and a number of steps: particles dropped there walk by the score.

    levels: name -> Level, of which `shown` is seen first. Steps are share · σ². Sliders only, so
    that the keyboard reaches everything; the dice stay the same from move to move.
    """
    field, walk = cache(lambda level: _field(denoise, levels[level])), cache(_walk)

    def draw(ax, level, first, second, steps):
        arrows, p = field(level)
        viz.arrows(viz.places(REACH), arrows, ax, color="0.6")
        viz.outline(p, ax, REACH)
        place = (first, second, particles, share)
        viz.trails(walk(denoise, levels[level], *place)[: steps + 1], ax)
        ax.set_title(f"σ = {level}, after {steps} steps")

    side = {"min": -REACH, "max": REACH, "step": 0.1}
    return explore(
        draw,
        alt,
        size=(5.2, 5.0),
        level=SelectionSlider(options=list(levels), value=shown, description="noise σ"),
        first=FloatSlider(0.4, description="first coordinate", **side),
        second=FloatSlider(0.0, description="second coordinate", **side),
        steps=IntSlider(30, min=0, max=MOST, description="steps"),
    )


def _field(denoise, t):
    """The score at even places, and the density's outline there."""
    x = viz.places(REACH)
    return score_of(denoise)(x, t), denoise.log_prob(viz.places(REACH, 61), t).exp()


def _walk(denoise, t, first, second, particles, share):
    """(steps + 1, particles, 2): all begin in one place."""
    x = torch.tensor([[first, second]], dtype=KIND).repeat(particles, 1)
    return torch.stack([x, *annealed(denoise, x, [t] * MOST, share, 1, seeded(1))])
