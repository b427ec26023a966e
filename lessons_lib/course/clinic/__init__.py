"""Twelve broken samplers: what each does to the pictures, the test that proves it, the repair.

A patient is two functions, `ask` and `walk`. `obey` and `straight` are the healthy pair; every bug
has one that is healthy and one that is broken.
"""

from lessons_lib.course.clinic.bugs import BUGS, Bug, draw, find
from lessons_lib.course.clinic.measurements import MEANS, examine, pictures
from lessons_lib.course.clinic.patients import guide, obey, straight, with_dice
from lessons_lib.course.clinic.tree import TREE, Fork, diagnose

__all__ = [
    "BUGS",
    "MEANS",
    "TREE",
    "Bug",
    "Fork",
    "diagnose",
    "draw",
    "examine",
    "find",
    "guide",
    "obey",
    "pictures",
    "straight",
    "with_dice",
]
