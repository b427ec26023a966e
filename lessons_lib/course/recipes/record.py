"""What recipes share: first weights, the loop of a judge, a model shipped with its record."""

import json
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from lessons_lib import files, learn


@contextmanager
def first_weights(seed: int) -> Iterator[None]:
    """Layers made under `with` begin with the weights of this seed; other dice are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def fit_judge(
    judge: nn.Module, loss: Callable[[int], Tensor], steps: int, lr: float, rate, progress: bool
) -> Tensor:
    """Train a classifier with AdamW, leave it ready to be asked, return the losses (steps,).

    loss(step) is that of a new batch; the learning rate is lr · rate(step), step from 0.
    """
    optimiser = torch.optim.AdamW(judge.parameters(), lr=lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    losses = []
    for step in tqdm(range(steps), disable=not progress, desc="train", leave=False):
        now = loss(step)
        optimiser.zero_grad()
        now.backward()
        optimiser.step()
        schedule.step()
        losses.append(now.item())
    judge.eval().requires_grad_(False)
    return torch.tensor(losses)


def ship(
    folder: Path,
    name: str,
    module: nn.Module,
    about: dict,
    recipe: dict,
    seconds: float,
    history: Tensor,
    measured: dict,
    source: str,
    instruments: dict | None = None,
) -> None:
    """Write the checkpoint and its record, and enter both in the manifest.

    A folder that cannot be written to is named, and the files go where the reader says.
    """
    made_by = f"lessons train {name}"
    lines = {
        "made by": made_by,
        "recipe": recipe,
        "weights": sum(weight.numel() for weight in module.parameters()),
        "machine": _machine(),
        "seconds": round(seconds, 1),
        "measured": {key: float(f"{value:.3g}") for key, value in measured.items()},
        **({"instruments": instruments} if instruments else {}),
        **_curve(history),
    }
    text = json.dumps(lines, indent=2, ensure_ascii=False) + "\n"
    folder = _written(folder, name, module, about, text.encode())
    if (folder.parent / files.MANIFEST).is_file():
        for end in ("safetensors", "json"):
            shipped = (folder / f"{name}.{end}").relative_to(folder.parent).as_posix()
            facts = {"made_by": made_by, "licence": "MIT", "source": source}
            files.record(shipped, facts, folder.parent)
    print(
        f"{name}: {seconds:.0f} s of training; "
        + ", ".join(f"{k} {v:.3g}" for k, v in measured.items())
    )


def _written(folder: Path, name: str, module: nn.Module, about: dict, record: bytes) -> Path:
    """Write both files, if need be to another folder, which is asked for; return the folder."""
    while True:
        try:
            learn.save(folder / f"{name}.safetensors", module, about)
            files.write(folder / f"{name}.json", record)
            return folder
        except OSError as problem:
            print(f"{folder}: {name} could not be written there ({problem})")
        try:
            folder = Path(input("Which folder instead? "))
        except EOFError:  # nobody there to answer
            folder = Path(tempfile.mkdtemp(prefix="lessons-"))
            print(folder)


def _curve(history: Tensor) -> dict[str, list[float]]:
    """The losses, averaged over spans of equal length, about sixty of them at the most."""
    every = 50 * max(1, round(len(history) / 3000))
    curve = history[: len(history) // every * every].reshape(-1, every).mean(1)
    return {f"loss, mean of every {every} steps": [float(f"{x:.4g}") for x in curve.tolist()]}


def _machine() -> str:
    what = torch.cuda.get_device_name() if torch.cuda.is_available() else "a CPU"
    threads, torch_version = torch.get_num_threads(), torch.__version__
    return f"{what}, threads: {threads}, torch {torch_version}, Python {platform.python_version()}"
