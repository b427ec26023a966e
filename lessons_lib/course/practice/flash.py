"""Flash cards: a question to answer aloud, and its answer behind a click."""

from lessons_lib.course.say import marked_up
from lessons_lib.course.words import load


def load_cards(notebook: str) -> list[dict[str, str]]:
    """The cards of one notebook: question, answer, and the id of the cell they belong to."""
    return load("cards", notebook)


def cards(notebook: str) -> None:
    """Show a notebook's flash cards; they open without a kernel too."""
    rows = load_cards(notebook)
    folded([(row["question"], row["answer"]) for row in rows], f"{len(rows)} flash cards")


def folded(pairs, words: str) -> None:
    """Show (question, answer) pairs, each answer behind a click; words where there is no HTML."""
    from IPython.display import display

    rich = "".join(
        f"<details><summary>{marked_up(question)}</summary>"
        f"<p style='margin:.3em 1.2em'>{marked_up(answer)}</p></details>"
        for question, answer in pairs
    )
    display({"text/html": rich, "text/plain": words}, raw=True)
