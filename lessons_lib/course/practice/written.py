"""The six questions of a lesson: write an answer, compare it with a model, and say how it went."""

from lessons_lib.course.practice.flash import folded
from lessons_lib.course.say import committed, plain
from lessons_lib.course.words import load


def load_questions(notebook: str) -> list[dict]:
    """The questions of one notebook ("04"): question, model answer, points that must be there.

    Raises ValueError, with the notebooks that have questions, if this one has none.
    """
    return load("questions", notebook)


def questions(notebook: str) -> None:
    """Ask a notebook's six questions, each with a box to write in; in a terminal print them.

    What is committed shows each with its answer behind a click, for a reader without a kernel.
    """
    rows = load_questions(notebook)
    asked = [f"{i}. {row['question']}" for i, row in enumerate(rows, 1)]
    if committed():
        answers = (row["answer"] for row in rows)
        folded(zip(asked, answers, strict=True), "\n".join(asked))
        return
    if plain():
        print("\n".join(asked))
        return
    from IPython.display import display

    from lessons_lib.course.practice.form import Form  # only a notebook needs ipywidgets

    display(Form(notebook, rows))
