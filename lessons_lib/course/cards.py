"""Flash cards: a question to answer aloud, and its answer behind a click."""

import html

import yaml

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
    from IPython.display import display

    rows = load_cards(notebook)
    folded = "".join(
        f"<details><summary>{html.escape(card['question'])}</summary>"
        f"<p style='margin:.3em 1.2em'>{html.escape(card['answer'])}</p></details>"
        for card in rows
    )
    display({"text/html": folded, "text/plain": f"{len(rows)} flash cards"}, raw=True)
