"""What every measurement shares: seeds, errors over them, and a bar."""

import math
import statistics

from tqdm.auto import tqdm

from lessons_lib import files

SEEDS = (0, 1, 2, 3, 4)


def errors(found: list[dict], *keys: str) -> dict[str, dict[str, float]]:
    return {key: error([each[key] for each in found]) for key in keys}


def error(values: list[float]) -> dict[str, float]:
    """The mean over the seeds and its standard error, std / √seeds. Raises ValueError for one."""
    if len(values) < 2:
        raise ValueError(f"seeds: {len(values)} given; a standard error needs 2 or more")
    se = statistics.stdev(values) / math.sqrt(len(values))
    return {"value": statistics.fmean(values), "se": se}


def median(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def bar(jobs: list, progress: bool):
    return tqdm(jobs, disable=not progress, desc="measure", leave=False)


def checkpoint_hash(name: str) -> str:
    """Which weights were measured: the start of their sha256 in the manifest."""
    return files.manifest()[f"checkpoints/{name}.safetensors"]["sha256"][:12]
