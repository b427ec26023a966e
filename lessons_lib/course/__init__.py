"""What makes the library a course: the start of a notebook, its self-checks, its flash cards."""

from lessons_lib.course.cards import cards
from lessons_lib.course.check import check, hint, reveal
from lessons_lib.course.start import begin, show

__all__ = ["begin", "cards", "check", "hint", "reveal", "show"]
