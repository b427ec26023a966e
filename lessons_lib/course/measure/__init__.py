"""What the lessons claim, measured: every number with its error and the command that makes it.

`lessons measure strides-mixture` runs one function and ships what it found in
data/results/strides-mixture.json; a lesson reads it there with `result`. A number measured over
several seeds is {"value": mean, "half": half of its 95 % interval, "each": the value of every
seed}, four digits of each; "instruments" says how each figure was taken.
"""

import json
import platform
from collections.abc import Callable

import torch

from lessons_lib import files
from lessons_lib.course.instrument import checkpoint_hash, difference
from lessons_lib.course.measure.digits import (
    CLOCKS,
    SAMPLERS,
    digits_walk,
    even_contrast,
    guidance_digits,
    strides_digits,
    unasked_digits,
)
from lessons_lib.course.measure.flows import reflow_digits, reflow_plane
from lessons_lib.course.measure.frontier import (
    frontier_digits,
    frontier_mixture,
    frontier_shapes,
)
from lessons_lib.course.measure.guidance import autoguidance_digits
from lessons_lib.course.measure.laws import (
    guided_law,
    guided_moments,
    strides_mixture,
)
from lessons_lib.course.measure.likelihood import (
    likelihood_digits,
    likelihood_members,
    likelihood_mixture,
)
from lessons_lib.course.measure.scores import corrector_mixture, scores_network
from lessons_lib.course.measure.shapes import guidance_shapes

__all__ = [
    "CLOCKS",
    "MEASURES",
    "SAMPLERS",
    "checkpoint_hash",
    "difference",
    "even_contrast",
    "guided_moments",
    "lines",
    "result",
    "write",
]

MEASURES: dict[str, Callable[..., dict]] = {
    "digits-walk": digits_walk,
    "strides-mixture": strides_mixture,
    "strides-digits": strides_digits,
    "unasked-digits": unasked_digits,
    "guidance-digits": guidance_digits,
    "autoguidance-digits": autoguidance_digits,
    "guided-law": guided_law,
    "guidance-shapes": guidance_shapes,
    "frontier-digits": frontier_digits,
    "frontier-shapes": frontier_shapes,
    "frontier-mixture": frontier_mixture,
    "likelihood-mixture": likelihood_mixture,
    "likelihood-digits": likelihood_digits,
    "likelihood-members": likelihood_members,
    "reflow-plane": reflow_plane,
    "reflow-digits": reflow_digits,
    "scores-network": scores_network,
    "corrector-mixture": corrector_mixture,
}


def write(name: str, folder=files.DATA, progress: bool = True, **options) -> dict:
    """Measure, ship data/results/NAME.json whole or not at all, and list it in the manifest."""
    _check_name(name)
    command = f"lessons measure {name}"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the steps are too small to share, and sums keep their order
    try:
        found = MEASURES[name](progress=progress, **options)
    finally:
        torch.set_num_threads(threads)
    machine = f"1 thread of a CPU, torch {torch.__version__}, Python {platform.python_version()}"
    found = {"what": found.pop("what"), "command": command, "machine": machine, **found}
    found = _rounded(found)
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files.write(folder / "results" / f"{name}.json", text.encode())
    facts = {"made_by": command, "licence": "MIT", "source": "measured here"}
    files.record(f"results/{name}.json", facts, folder)
    return found


def result(name: str, folder=files.DATA) -> dict:
    """What was measured under that name, from the shipped file, once its hash is right.

    Raises ValueError for an unknown name, FileProblem for a file that is missing or altered.
    """
    _check_name(name)
    with files.shipped(f"results/{name}.json", "what was measured, JSON", folder) as path:
        return json.loads(path.read_text(encoding="utf-8"))


def lines(found: dict) -> list[str]:
    """A measurement as lines of a table, one per row, each number with its error."""
    rows = found.get("rows") or [
        {"case": i + 1} | row for i, case in enumerate(found["cases"]) for row in case["rows"]
    ]
    table = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    width = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(f"{word:<{w}}" for word, w in zip(row, width, strict=True)) for row in table]


def _text(value) -> str:
    if isinstance(value, dict) and "half" in value:
        return f"{value['value']:.4g} ± {value['half']:.2g}"
    return f"{value['median']:.3g}" if isinstance(value, dict) else f"{value}"


def _check_name(name: str) -> None:
    if name not in MEASURES:
        raise ValueError(f"name: {name!r} given; allowed are {', '.join(MEASURES)}")


def _rounded(value):
    """Every number at four significant digits, in lists and tables of any depth."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
