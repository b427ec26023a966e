"""The recipes of the shipped checkpoints, everything seeded: `lessons train NAME` calls one.

Beside each checkpoint lies a .json that says how it was made: the recipe, its seconds, its loss
curve and what was measured on the result.
"""

from collections.abc import Callable

from lessons_lib.course.recipes.card import write_card
from lessons_lib.course.recipes.digits import (
    digit_denoiser,
    draw_digits,
    fit_digits,
    measure_digits,
    train_digits,
    train_judge,
    train_second_judge,
)
from lessons_lib.course.recipes.flows import train_digits_reflow
from lessons_lib.course.recipes.likelihood import (
    DEQUANTISED,
    WIDTH,
    bits,
    fit_dequantised,
    ladder,
    split,
    train_digits_dequantised,
)
from lessons_lib.course.recipes.shapes import (
    SHAPES,
    draw_captioned,
    fit_shapes,
    measure_shapes,
    shape_batches,
    shape_denoiser,
    train_second_shapes_judge,
    train_shapes,
    train_shapes_few,
    train_shapes_judge,
)

__all__ = [
    "DEQUANTISED",
    "RECIPES",
    "SHAPES",
    "WIDTH",
    "bits",
    "digit_denoiser",
    "draw_captioned",
    "draw_digits",
    "fit_dequantised",
    "fit_digits",
    "fit_shapes",
    "ladder",
    "measure_digits",
    "measure_shapes",
    "shape_batches",
    "shape_denoiser",
    "split",
    "write_card",
]

RECIPES: dict[str, Callable] = {  # a judge first: what comes after it is measured with it
    "judge": train_judge,
    "second_judge": train_second_judge,
    "digits": train_digits,
    "digits_dequantised": train_digits_dequantised,
    "digits_reflow": train_digits_reflow,
    "shapes_judge": train_shapes_judge,
    "second_shapes_judge": train_second_shapes_judge,
    "shapes": train_shapes,
    "shapes_few": train_shapes_few,
}
