"""What every measurement shares: clocks over the seeds, and a bar."""

import statistics

from tqdm.auto import tqdm


def median(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def bar(jobs: list, progress: bool):
    return tqdm(jobs, disable=not progress, desc="measure", leave=False)
