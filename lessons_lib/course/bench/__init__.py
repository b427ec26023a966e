"""`lessons bench`: ours and diffusers' in one process, taking turns; medians, as one page.

Each section is a function that gives the lines of a Markdown table. Times are of a machine that is
shared with others, so read the ratios: both sides are timed in alternation, and the ratio is the
median of the ratios of neighbouring runs. diffusers comes with `pip install -e '.[test]'`.
"""

import inspect
import re
from collections.abc import Callable

from lessons_lib.course.bench.growth import cost_growth
from lessons_lib.course.bench.loops import cuda_loop, step_overhead, whole_loop
from lessons_lib.course.bench.networks import equal_time, network_speed
from lessons_lib.course.bench.paths import likelihood_cost, reflow_cost
from lessons_lib.course.bench.timing import diffusers, machine
from lessons_lib.course.bench.truth import exact_error, orders

__all__ = ["SECTIONS", "diffusers", "merged", "section"]

SECTIONS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "step": ("What a step costs", step_overhead),
    "loop": ("The whole loop", whole_loop),
    "cuda": ("The whole loop on a GPU", cuda_loop),
    "order": ("How fast the error falls", orders),
    "error": ("How near the truth", exact_error),
    "network": ("What a network costs", network_speed),
    "equal": ("Quality at equal cost", equal_time),
    "growth": ("How the cost grows", cost_growth),
    "likelihood": ("What a likelihood costs", likelihood_cost),
    "reflow": ("What a reflow costs", reflow_cost),
}


def section(name: str) -> list[str]:
    """One section as Markdown: its title, what it measures, its table, and the machine."""
    title, measured = SECTIONS[name]
    about = " ".join(inspect.getdoc(measured).split())
    return [f"## {title}", "", about, "", *measured(), "", f"`lessons bench {name}`: {machine()}."]


def merged(page: str, lines: list[str]) -> str:
    """The page with this section in the place of the one of that title, or at its end."""
    text = "\n".join(lines).strip()
    parts = [part.strip() for part in re.split(r"(?m)^(?=## )", page)]
    kept = [text if part.splitlines()[:1] == lines[:1] else part for part in parts]
    return "\n\n".join(kept if text in kept else [*kept, text]) + "\n"
