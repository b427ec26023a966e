"""Words: captions in plain English made from attributes, read back into them, and as tokens."""

import difflib
import re

import torch
from torch import Tensor

from lessons_lib.data.scenes import ATTRIBUTES
from lessons_lib.guards import need, numbers, whole

CAPTION_STYLES = (  # what is said of each object, and of them all on their background
    ("a {size} {colour} {shape} {at}", "{objects} on a {background} background"),
    ("a {size} {colour} {shape} {at}", "on a {background} background, {objects}"),
    ("{size} {colour} {shape}, {place}", "{objects}, {background} background"),
    ("{at} a {size} {colour} {shape}", "{objects}; the background is {background}"),
    ("a {colour} {shape}, {size}, {at}", "{objects}, with a {background} background"),
    ("a {size} {colour} {shape} {at}", "there is {objects} in a {background} picture"),
)
OTHER_WORDS = {  # the last style says the same with other words
    "circle": "disc",
    "cross": "plus",
    "moon": "crescent",
    "cyan": "turquoise",
    "purple": "violet",
    "small": "little",
    "large": "big",
    "centre": "middle",
    "light": "pale",
}
CAPTION_LENGTH = 32  # tokens of every caption
FILLERS = "a an the shape is there on in at with and background picture".split()
VOCABULARY = (  # a word's place is its token; token 0 is no word
    "",
    *dict.fromkeys(" ".join(" ".join(values) for values in ATTRIBUTES.values()).split()),
    *OTHER_WORDS.values(),
    *FILLERS,
)
COUNTS = tuple(len(values) for values in ATTRIBUTES.values())  # values of each attribute
_TOKEN = {word: token for token, word in enumerate(VOCABULARY)}
_PLAIN = {other: word for word, other in OTHER_WORDS.items()}


def caption(attributes: Tensor, style: int = 0) -> str:
    """One picture's attributes, (5,) or (2, 5), as a phrase; what is unknown (-1) goes unsaid.

    Raises ValueError for a style that does not exist, there are len(CAPTION_STYLES), and for
    attributes of another shape or without a name.
    """
    style = whole("style", style, 0, len(CAPTION_STYLES) - 1)
    each, together = CAPTION_STYLES[style]
    listed = numbers("attributes", attributes).tolist()
    listed = listed if listed and isinstance(listed[0], list) else [listed]
    line = f"need (5,) or (k, 5), integers from -1 to below {COUNTS}"
    need("attributes", attributes, allowed=line, ok=lambda _: all(map(_known, listed)))
    rows = [_named(row, style) for row in listed]
    phrase = " and ".join(each.format(**row) for row in rows)
    if rows[0]["background"]:
        phrase = together.format(objects=phrase, background=rows[0]["background"])
    phrase = re.sub(r"\s+", " ", phrase)
    phrase = re.sub(r"( ?,)+", ",", phrase)  # where an unknown word was left out
    return re.sub(r"\ba (?=[aeiou])", "an ", phrase).strip(" ,")


def captions(attributes: Tensor, generator: torch.Generator) -> list[str]:
    """A caption for each of n pictures, (n, 5) or (n, 2, 5), each in a style drawn at random."""
    styles = torch.randint(len(CAPTION_STYLES), (len(attributes),), generator=generator).tolist()
    return [caption(row, style) for row, style in zip(attributes, styles, strict=True)]


def attributes_of(caption: str) -> Tensor:
    """The attributes that a caption names: (5,) long, or (2, 5) of two objects; -1 is unsaid.

    Raises ValueError for a word that is not in the VOCABULARY, for two values of one attribute,
    and for more than two objects.
    """
    pieces = [_attributes_of(piece, caption) for piece in _split(_words(caption), "and")]
    rows = torch.tensor(pieces)
    background = _only({row[-1] for row in pieces} - {-1}, "background", caption)
    rows[:, -1] = background
    objects = rows[(rows[:, :-1] >= 0).any(1)]
    if len(objects) > 2:
        raise ValueError(f"caption {caption!r}: it names {len(objects)} objects; at most 2 fit")
    if len(objects) == 2:
        return objects
    return objects[0] if len(objects) else rows[0]


def tokens(captions: list[str]) -> Tensor:
    """The words of captions as numbers: (n, 32) long, their places in VOCABULARY, 0 at the end.

    Raises ValueError for a word that is not in the VOCABULARY and for a caption that is too long.
    """
    several = lambda captions: not isinstance(captions, str)
    need("captions", captions, allowed="need a list of captions", ok=several)
    table = torch.zeros(len(captions), CAPTION_LENGTH, dtype=torch.long)
    for row, caption in zip(table, captions, strict=True):
        words = _words(caption)
        if len(words) > CAPTION_LENGTH:
            raise ValueError(
                f"caption {caption!r}: {len(words)} words; at most {CAPTION_LENGTH} fit"
            )
        row[: len(words)] = torch.tensor([_TOKEN[word] for word in words])
    return table


def _known(row: list[int]) -> bool:
    pairs = zip(row, COUNTS, strict=True)
    return all(isinstance(n, int) and -1 <= n < count for n, count in pairs)


def _named(row: list[int], style: int) -> dict[str, str]:
    """The words for one object's attributes, an empty one for each that is unknown."""
    pairs = zip(ATTRIBUTES.items(), row, strict=True)
    named = {name: values[number] if number >= 0 else "" for (name, values), number in pairs}
    if style == len(CAPTION_STYLES) - 1:
        named = {name: OTHER_WORDS.get(word, word) for name, word in named.items()}
    named["shape"] = named["shape"] or "shape"
    preposition = {"left": "on", "right": "on", "centre": "in", "middle": "in"}
    place = named["place"]
    named["at"] = f"{preposition.get(place, 'at')} the {place}" if place else ""
    return named


def _words(caption: str) -> list[str]:
    need("caption", caption, allowed="need words", ok=lambda caption: isinstance(caption, str))
    words = re.findall(r"[^\s,;:.!?]+", caption.lower())
    for word in words:
        if word not in _TOKEN:
            near = difflib.get_close_matches(word, VOCABULARY[1:])
            things = f"shapes are {_listed('shape')}; colours {_listed('colour')}"
            known = f"near it: {', '.join(near)}" if near else things
            raise ValueError(f"caption {caption!r}: the word {word!r} is unknown; {known}")
    return words


def _listed(attribute: str) -> str:
    return ", ".join(ATTRIBUTES[attribute])


def _split(words: list[str], at: str) -> list[list[str]]:
    pieces = [[]]
    for word in words:
        if word == at:
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def _attributes_of(words: list[str], caption: str) -> list[int]:
    words = [_PLAIN.get(word, word) for word in words]
    row = []
    for name, values in ATTRIBUTES.items():
        if name == "place":  # said in up to two words, and "top centre" is the top
            said = {word for word in words if word in ("top", "bottom")}
            across = {word for word in words if word in ("left", "right")}
            down = _only({values.index(word) for word in said}, name, caption)
            side = _only({values.index(word) for word in across}, name, caption)
            place = " ".join(values[number] for number in (down, side) if number >= 0)
            place = place or ("centre" if "centre" in words else "")
            row.append(values.index(place) if place else -1)
        else:
            row.append(_only({values.index(w) for w in words if w in values}, name, caption))
    return row


def _only(numbers: set[int], name: str, caption: str) -> int:
    """The one number in a set, -1 if there is none."""
    if len(numbers) > 1:
        said = " and ".join(ATTRIBUTES[name][number] for number in sorted(numbers))
        raise ValueError(f"caption {caption!r}: two values of {name}: {said}")
    return numbers.pop() if numbers else -1
