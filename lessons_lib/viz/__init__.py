"""Plots: ax in, ax out. They draw what they are given and compute nothing.

`figure` opens a picture and shows it with its alt text; every other function draws into an ax:

    with figure("A digit fades into noise in eight frames") as ax:
        pictures(frames, ax)
"""

from lessons_lib.viz.clinic import chart, key
from lessons_lib.viz.fields import arrows, clouds, ground, outline, places, trails, vector_fields
from lessons_lib.viz.images import film, pictures, tiles
from lessons_lib.viz.look import COLOURS, DATA, GLOW, MODEL, NOISE, figure, new_figure, png, style
from lessons_lib.viz.plane import blends, law, points, quarter_circle
from lessons_lib.viz.plots import bars, curves, density, heat, hills, histogram, losses
from lessons_lib.viz.quality import frontier, measured, name_ends, scoreboard
from lessons_lib.viz.straight import roads, tracks
from lessons_lib.viz.walks import (
    hand_steps,
    ladders,
    paths,
    so_far,
    spread,
    strands,
    walkers,
)

__all__ = [
    "COLOURS",
    "DATA",
    "GLOW",
    "MODEL",
    "NOISE",
    "arrows",
    "bars",
    "blends",
    "chart",
    "clouds",
    "curves",
    "density",
    "figure",
    "film",
    "frontier",
    "ground",
    "hand_steps",
    "heat",
    "hills",
    "histogram",
    "key",
    "ladders",
    "law",
    "losses",
    "measured",
    "name_ends",
    "new_figure",
    "outline",
    "paths",
    "pictures",
    "places",
    "png",
    "points",
    "quarter_circle",
    "roads",
    "scoreboard",
    "so_far",
    "spread",
    "strands",
    "style",
    "tiles",
    "tracks",
    "trails",
    "vector_fields",
    "walkers",
]
