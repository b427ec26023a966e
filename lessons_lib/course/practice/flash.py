"""Flash cards: a question to answer aloud, and its answer behind a click."""

import yaml

from lessons_lib.course.say import marked_up
from lessons_lib.files import DATA, reading


def load(kind: str, notebook: str) -> list[dict]:
    """What data/kind holds for one notebook ("01").

    Raises ValueError, with the notebooks that have some, if this one has none; FileProblem for a
    file that is no list.
    """
    path = DATA / kind / f"{notebook}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise ValueError(f"notebook: {notebook!r} has no {kind}; there are {kind} for {known}")
    with reading(path, "a list, YAML", f"Repair it with `git restore data/{kind}/{path.name}`"):
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(rows, list):
            raise ValueError(f"a {type(rows).__name__}")
        return rows


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
