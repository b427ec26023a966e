"""What the clinic says, from data/clinic/07.yaml."""

from lessons_lib.course.words import load

WORDS = load("clinic", "07", dict)
