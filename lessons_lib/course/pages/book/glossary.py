"""The glossary: its page, and how its terms are found in a text."""

import re
from functools import cache

import yaml

from lessons_lib.course.pages.book.links import escaped, notebooks, place, prose
from lessons_lib.course.practice.lessons import lesson, lessons
from lessons_lib.files import ROOT

FILE = ROOT / "docs" / "glossary.yaml"
LETTER = r"\w\u0300-\u036f"  # a letter, or an accent that stands over one
ACCENTED = "".join(rf"(?<!\\{a})(?<!\\{a} )" for a in ("bar", "hat", "tilde"))


@cache
def entries() -> list[dict]:
    """Every symbol and term of art, in the order in which a reader meets them."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def pattern(written: str) -> re.Pattern:
    """Finds a symbol as it is written: whole, and not when another letter or accent joins it."""
    latex = written.startswith("\\")
    before = rf"(?<![{LETTER}\\])" if written[0].isalnum() else ""
    after = "(?![a-zA-Z])" if latex else rf"(?![{LETTER}])"
    word = re.fullmatch(r"[a-zé][\w -]{2,}", written)
    last = written[-1].isalnum()
    found = before + ACCENTED + re.escape(written) + (after if last else "")
    return re.compile(found, re.I if word else 0)


@cache
def in_prose() -> list[tuple[str, re.Pattern]]:
    """(symbol, what finds it) for what is written in words; a formula is never looked into."""
    plain = lambda written: not re.search(r"[\\$`]|^[a-z]$", written)
    return [
        (entry["symbol"], pattern(written))
        for entry in entries()
        for written in entry["written"]
        if plain(written)
    ]


def first_terms(text: str, known: set[str]) -> list[tuple[int, int, str]]:
    """(from, to, symbol) for each term in a text that is not known yet, once; adds it to known.

    Where two begin at one place the longer is meant: "guidance scale", not "guidance". What stands
    in “quotes” is another's word, or the name of a section.
    """
    text = re.sub("“[^”]*”", lambda quote: " " * len(quote[0]), text)
    wanted = [(symbol, finds) for symbol, finds in in_prose() if symbol not in known]
    hits = [(m.start(), -m.end(), symbol) for symbol, finds in wanted for m in finds.finditer(text)]
    found, end = [], 0
    for start, back, symbol in sorted(hits):
        if start >= end and symbol not in known:
            known.add(symbol)
            found.append((start, -back, symbol))
            end = -back
    return found


def page() -> str:
    """The glossary as a page of the book: a section for each notebook that explains something."""
    text = "# Glossary\n\nEvery symbol and term of art, in the order in which you meet them.\n"
    for each in lessons():
        told = [entry for entry in entries() if entry["first"]["notebook"] == each.number]
        if told:
            text += f"\n## {each.number} {each.title}\n\n::::{{glossary}}\n"
            text += "\n".join(map(told_of, told)) + "\n::::\n"
    return text


def told_of(entry: dict) -> str:
    """One entry: what it means, how it is said, what others call it, and where it is explained."""
    where = f"Explained in {section(**entry['first'])}"
    if "deeper" in entry:
        where += f"; before that, in a part that goes deeper, in {section(**entry['deeper'])}"
    aloud = f"*Say:* {escaped(entry['reads'])}." if entry["reads"] != entry["symbol"] else ""
    others = f"*Elsewhere:* {prose(entry['others'])}" if entry["others"] else ""
    said = filter(None, [prose(entry["means"]), f"{aloud} {others}".strip(), f"{where}."])
    return "\n".join([escaped(entry["symbol"]), *[f"  {each}\n" for each in said]])


def section(notebook: str, section: str) -> str:
    """A link to a section of a notebook, by its number."""
    (name,) = (path.name for path in notebooks() if path.name.startswith(notebook))
    return place(name, f"{notebook} {lesson(notebook).title}", section)
