"""What makes the library a course: how a notebook starts, its checks, cards and questions."""

from lessons_lib.course import say
from lessons_lib.course.checking.attempt import check
from lessons_lib.course.checking.hints import hint, new_numbers, reveal
from lessons_lib.course.practice.flash import cards
from lessons_lib.course.practice.overview import again, progress, tally
from lessons_lib.course.practice.written import questions
from lessons_lib.course.start import begin, show, show_table

__all__ = [
    "again",
    "begin",
    "cards",
    "check",
    "hint",
    "new_numbers",
    "progress",
    "questions",
    "reveal",
    "show",
    "show_table",
    "tally",
]


def _with_buttons(said: say.Card, offers: say.Offers) -> None:
    from lessons_lib.course.checking.buttons import show_with_buttons  # a notebook needs ipywidgets

    show_with_buttons(said, offers)


say.below = _with_buttons
