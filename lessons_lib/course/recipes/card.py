"""The model card: what every shipped network is, was made of, can do and cannot, with pictures."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lessons_lib import data, files, learn
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddim, sample
from lessons_lib.viz import tiles
from lessons_lib.wrap import cfg

ABOUT = {
    "digits": "Draws 8×8 digits, asked for by label or not at all. 521,152 weights are far more "
    "than 1,797 pictures need; 03 looks for copies, and finds none. Measured: DDPM in 1000 steps, "
    "w = 1, 500 pictures for each of five seeds. Below: DDIM in 50 steps, w = 1.",
    "digits_dequantised": "The network of `digits`, trained in the same way, but every pixel lies "
    "anywhere in the cell of its grey level, and a fifth of the digits is held out: 09 asks it how "
    "likely a digit is, in bits for each pixel. Its pictures have the grain of its data. Below: "
    "DDIM in 50 steps, w = 1.",
    "digits_reflow": "The student of `digits`: it was taught on noise and on the digit to which "
    "`digits` walks from there in 50 steps. Its path is nearly straight, and one step is enough. "
    "Ask it for a label: without one it was never trained. Below: one step, the noise of `digits`.",
    "judge": "Reads 8×8 digits. Its features are the ruler of the Fréchet distance on digits. It "
    "has seen four fifths of the digits, so it flatters a model that copies them; and it names a "
    "digit in any picture, noise among them.",
    "second_judge": "Reads 8×8 digits, too, without a convolution, from another seed and another "
    "four fifths: a ranking of samplers that it does not confirm is not drawn.",
    "shapes_judge": "Reads shape, colour, size, place and background of one coloured shape, 32×32 "
    "pixels. It has never seen a picture without a shape, or with two, and still answers there.",
    "second_shapes_judge": "Reads the same five attributes by strides in the place of pooling, "
    "from another seed: the second opinion on captions.",
    "shapes": "Draws one coloured shape, 32×32 pixels, from a caption, part of one, or none. One "
    "combination of shape and colour in eight was held out of its training. Below: no caption, "
    "w = 1, w = 3, always the same noise, DDIM in 50 steps.",
    "shapes_few": "The student of `shapes`: it was taught to land in one step where its teacher "
    "lands in two, again and again, down to 4 steps. Below: 8 steps, then 4, w = 1, on the noise "
    "and the captions of `shapes`. Ask it on its own levels, `grid(cosine, 8)` or "
    "`grid(cosine, 4)`: it has hardly seen another.",
}


def write_card(folder: Path) -> Path:
    """Write README.md and the sheets of pictures beside the checkpoints that are in the folder."""
    parts = [HEAD]
    for name in ABOUT:
        if (record := folder / f"{name}.json").is_file():
            parts.append(_part(name, json.loads(record.read_text(encoding="utf-8"))))
            if name in SHEETS:
                files.write(folder / f"{name}.png", SHEETS[name](learn.load(name, folder.parent)))
                parts.append(f"![Pictures drawn by {name}]({name}.png)\n")
    files.write(folder / "README.md", "\n".join(parts).encode())
    return folder / "README.md"


HEAD = (
    "# The networks that the course ships\n\n"
    "`lessons train NAME` makes one of them again and writes this page; `make checkpoints` makes "
    "all. Beside each lies its record, `NAME.json`, which also holds the loss curve. On a machine "
    "with CUDA the same command trains there; every file here was made on the machine that its "
    "part names. All are under the MIT licence, in the safetensors format, which holds numbers and "
    "cannot run code; `../manifest.json` has their sha256.\n\n"
    "They are teaching material: small, made from open or drawn data, of no use outside the "
    "course.\n"
)


def _part(name: str, record: dict) -> str:
    recipe = ", ".join(f"{key} {value}" for key, value in record["recipe"].items())
    curve = next(values for key, values in record.items() if key.startswith("loss"))
    facts = {
        "weights": f"{record['weights']:,}",
        "recipe": recipe,
        "made by": f"`{record['made by']}`, {record['seconds']:.0f} s on {record['machine']}",
        "loss": f"{curve[0]:.3g} at first, {curve[-1]:.3g} at last",
    } | {key: f"{value:g}" for key, value in record["measured"].items()}
    lines = [f"| {key} | {value} |" for key, value in facts.items()]
    return "\n".join([f"## `{name}`\n", ABOUT[name] + "\n", "| | |", "|---|---|", *lines, ""])


def _digits(steps: int) -> Callable[..., bytes]:
    """A sheet of three of each digit, drawn in so many steps."""

    @torch.no_grad()
    def drawn(denoise) -> bytes:
        label = torch.arange(10).repeat(3)
        noise = torch.randn(30, 1, 8, 8, generator=seeded(5))
        x = sample(ddim, cfg(denoise, label, 1.0), noise, grid(cosine, steps))
        return tiles(x, 10, zoom=8)

    return drawn


def _shapes(*walks: tuple[int, float]) -> Callable[..., bytes]:
    """A sheet of two rows of pictures for each walk of so many steps at a guidance w."""

    @torch.no_grad()
    def drawn(denoise) -> bytes:
        generator = seeded(5)
        c = data.choose(20, generator)
        c[:, 0] = torch.arange(20) % len(data.ATTRIBUTES["shape"])  # every shape, in turn
        noise = torch.randn(20, 3, 32, 32, generator=generator)
        rows: list[Tensor] = [
            sample(ddim, cfg(denoise, c, w), noise, grid(cosine, steps)) for steps, w in walks
        ]
        return tiles(torch.cat(rows), 10, zoom=4)

    return drawn


SHEETS: dict[str, Callable[..., bytes]] = {
    "digits": _digits(50),
    "digits_dequantised": _digits(50),
    "digits_reflow": _digits(1),
    "shapes": _shapes((50, 0.0), (50, 1.0), (50, 3.0)),
    "shapes_few": _shapes((8, 1.0), (4, 1.0)),
}
