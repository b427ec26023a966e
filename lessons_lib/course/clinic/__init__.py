"""Twelve broken samplers: what each does to the pictures, the test that proves it, the repair.

A patient is two functions, `ask` and `walk`. `obey` and `straight` are the healthy pair; every bug
has one that is healthy and one that is broken.
"""

from lessons_lib.course.clinic.bugs import BUGS, Bug, draw, find
from lessons_lib.course.clinic.examine import MEANS, TREE, Question, diagnose, examine, pictures
from lessons_lib.course.clinic.patients import guide, obey, straight, with_dice

__all__ = [
    "BUGS",
    "MEANS",
    "TREE",
    "Bug",
    "Question",
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
