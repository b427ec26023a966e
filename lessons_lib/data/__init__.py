"""Data: toy densities, digits, shapes, pictographs. Pictures live in [-1, 1]."""

from lessons_lib.data.emoji import Pictographs, augment, pictographs
from lessons_lib.data.scenes import (
    ATTRIBUTES,
    Maps,
    Scene,
    Shapes,
    choose,
    draw,
    held_out,
    maps,
    scene,
    shapes,
)
from lessons_lib.data.toys import digits, moons, ring, spiral
from lessons_lib.data.words import (
    CAPTION_LENGTH,
    CAPTION_STYLES,
    COUNTS,
    VOCABULARY,
    attributes_of,
    caption,
    captions,
    tokens,
)

__all__ = [
    "ATTRIBUTES",
    "CAPTION_LENGTH",
    "CAPTION_STYLES",
    "COUNTS",
    "Maps",
    "Pictographs",
    "Scene",
    "Shapes",
    "VOCABULARY",
    "attributes_of",
    "augment",
    "caption",
    "captions",
    "choose",
    "digits",
    "draw",
    "held_out",
    "maps",
    "moons",
    "pictographs",
    "ring",
    "scene",
    "shapes",
    "spiral",
    "tokens",
]
