"""What every measurement shares: each case once a seed, its row with errors, clocks, and a bar."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from tqdm.auto import tqdm

from lessons_lib.course.instrument import errors

Found = dict[tuple, list[dict]]  # case -> what was found there, once a seed


def over_seeds(cases: Iterable[tuple], seeds, one: Callable[..., dict], progress=False) -> Found:
    """What one(*case, seed) finds, for every case and seed: case -> a dict for each seed.

    The cases take turns, so that a busy machine slows all of them.
    """
    found: Found = {case: [] for case in cases}
    for seed, case in bar([(seed, case) for seed in seeds for case in found], progress):
        found[case].append(one(*case, seed))
    return found


def rows(found: Found, names: Sequence[str], keys: Iterable[str], same=()) -> list[dict]:
    """A row for every case: its names, what is the same for all seeds, and the keys with errors."""
    return [
        dict(zip(names, case, strict=True))
        | {key: each[0][key] for key in same}
        | errors(each, *keys)
        for case, each in found.items()
    ]


def median(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def bar(jobs: list, progress: bool):
    return tqdm(jobs, disable=not progress, desc="measure", leave=False)
