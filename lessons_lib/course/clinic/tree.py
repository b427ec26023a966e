"""The decision tree: is a patient broken, and how, or is its network under-trained?"""

from typing import NamedTuple

from lessons_lib.course.clinic.words import WORDS


class Fork(NamedTuple):
    """Is a statistic above a limit? Then go on with one answer, else with the other.

    An answer is another fork, or a leaf: the id of a bug, "undertrained" or "healthy".
    """

    ask: str
    statistic: str
    limit: float
    above: "Fork | str"
    below: "Fork | str"


def _grown(said: dict | str) -> Fork | str:
    if isinstance(said, str):
        return said
    return Fork(**said | {side: _grown(said[side]) for side in ("above", "below")})


TREE = _grown(WORDS["tree"])


def diagnose(found: dict[str, float], tree: Fork | str = TREE) -> str:
    """Walk down the tree with what `examine` found, to the leaf."""
    while isinstance(tree, Fork):
        tree = tree.above if found[tree.statistic] > tree.limit else tree.below
    return tree
