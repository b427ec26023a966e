"""A training from start to end, watched: with a bar, a way to stop, and a file to go on from."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from tqdm import tqdm

from lessons_lib.learn.training import Progress, Training


def fit(
    denoiser,
    batches,
    schedule,
    steps,
    generator,
    progress: bool = True,
    keep: Path | None = None,
    preview: Callable[[Progress], None] | None = None,
    every: int = 500,
    **options,
) -> Tensor:
    """Train to the end, leave the averaged weights in the denoiser, return the losses (steps,).

    Ctrl-C ends training after the step in hand and keeps that step's average. Every so many steps,
    and at the end, preview is shown the Progress, and all is kept in the file keep; if that file
    is there at the start, training goes on from it, or refuses to: see `Training.resume`. Options
    are `Training`'s.
    """
    run = Training(denoiser, batches, schedule, steps, generator, **options)
    if keep is not None and keep.exists():
        run.resume(keep)
    keeper = None if keep is None else _Keeper(run, keep)
    watching = [each for each in (preview, keeper) if each is not None]
    with _deferred_interrupt() as interrupted, _bar(run, steps, progress) as move:
        for now in run:
            move()
            if now.step % every == 0 or now.step == steps or interrupted:
                for each in watching:
                    each(now)
            if interrupted:
                there = keeper.where if keeper else ""
                print(f"stopped after step {now.step} of {steps}, with the average so far{there}")
                break
    if run.pictures == 0 and preview is not None:  # it had ended before
        preview(run.now)
    denoiser.load_state_dict(run.average.state_dict())
    denoiser.eval()
    return torch.tensor(run.losses)


class _Keeper:
    """Keep a training in a file; a disk that is full or read-only must not end it."""

    def __init__(self, run: Training, path: Path):
        self.run, self.path, self.kept = run, path, True

    def __call__(self, now: Progress) -> None:
        try:
            self.run.save(self.path)
        except OSError as problem:
            if self.kept:  # said once, until a file could be written again
                print(
                    f"{self.path}: could not keep the training there ({problem}). It goes on, and "
                    "its weights stay in memory: save them elsewhere when it is done, with "
                    "learn.save"
                )
            self.kept = False
        else:
            self.kept = True

    @property
    def where(self) -> str:
        """Where the training waits, if it could be kept."""
        return f"; the training waits in {self.path}" if self.kept else ""


@contextmanager
def _bar(run: Training, steps: int, progress: bool) -> Iterator[Callable[[], None]]:
    """A bar to be moved after every step; after every 20th it tells loss and speed."""
    quiet = {} if progress else {"disable": True}  # left out, TQDM_DISABLE decides
    start = perf_counter()
    with tqdm(total=steps, initial=run.step, desc="train", leave=False, **quiet) as bar:

        def move() -> None:
            bar.update()
            if run.step % 20 == 0:
                speed, recent = run.pictures / (perf_counter() - start), run.losses[-20:]
                loss = f"{sum(recent) / len(recent):.3g}"
                bar.set_postfix({"loss": loss, "pictures/s": f"{speed:.0f}"})

        yield move


@contextmanager
def _deferred_interrupt() -> Iterator[list]:
    """Collect Ctrl-C instead of raising it; only the main thread may, elsewhere nothing changes."""
    interrupted: list = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
