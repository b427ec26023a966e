"""Distances between two sets of samples, what each lacks, and how sure such a number is."""

from lessons_lib.exact import distance
from lessons_lib.metrics.distances import (
    cubic_kernel,
    frechet,
    gaussian_kernel,
    kernel_distance,
    sliced_w2,
    w2,
)
from lessons_lib.metrics.errors import error_bar, floor
from lessons_lib.metrics.laws import law_of_chain, law_of_step, quantile, share_left
from lessons_lib.metrics.neighbours import coverage, density, precision, recall
from lessons_lib.metrics.pictures import coarse, fidelity, saturated, within_class_distance

__all__ = [
    "coarse",
    "coverage",
    "cubic_kernel",
    "density",
    "distance",
    "error_bar",
    "fidelity",
    "floor",
    "frechet",
    "gaussian_kernel",
    "kernel_distance",
    "law_of_chain",
    "law_of_step",
    "precision",
    "quantile",
    "recall",
    "saturated",
    "share_left",
    "sliced_w2",
    "w2",
    "within_class_distance",
]
