"""Pictures side by side: into an ax, on film, or as a file of their own."""

import io

import torch
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor

from lessons_lib.viz.look import GLOW


def pictures(x: Tensor, ax: Axes, cols: int | None = None, labels=None, title: str = "") -> Axes:
    """Tile pictures (N, C, H, W) in [-1, 1], pixel by pixel; labels go below each.

    Grey ones glow as on film: one look for digits everywhere.
    """
    x = _light(x.detach().cpu().float())
    if x.shape[1] == 1:
        x = torch.from_numpy(GLOW(x[:, 0].numpy())[..., :3]).float().permute(0, 3, 1, 2)
    n, _, height, width = x.shape
    cols = cols or min(n, 10)
    gap = max(1, width // 16)
    # A quarter of a picture's height is left for the labels.
    line = height + (height // 4 + gap if labels is not None else gap)
    ax.imshow(_sheet(x, cols, gap, line).numpy(), interpolation="nearest")
    for i, label in enumerate(labels if labels is not None else []):
        place = i % cols * (width + gap) + width / 2 - 0.5, i // cols * line + height
        ax.text(*place, str(label), ha="center", va="top", fontsize=10)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def film(x: Tensor, ax: Axes, names=(), below=(), holes: bool = True, smooth=True) -> Axes:
    """Strips of pictures (rows, N, C, H, W) in [-1, 1] on film; grey ones glow, colours stay.

    names go left of each strip, below under each column; smooth enlarges pixels without edges.
    """
    rows, cols, channels, height, width = x.shape
    mode, k = "bicubic" if smooth else "nearest", 8 if channels == 1 else 4
    big = torch.nn.functional.interpolate(x.detach().cpu().float().flatten(0, 1), None, k, mode)
    big = _light(big)
    if channels == 1:
        big = torch.from_numpy(GLOW(big[:, 0].numpy(), bytes=True)[..., :3])
    else:
        big = (big * 63).round().mul(255 / 63).byte().permute(0, 2, 3, 1)
    unit = width * k // 8
    gap, edge = unit * 3 // 4, 2 * unit if holes else unit // 2
    tall = height * k + 2 * edge
    line = height * k + (2 * edge + unit if holes else edge)
    shape = line * (rows - 1) + tall, cols * (width * k + gap) + gap, 3
    canvas = torch.full(shape, 255, dtype=torch.uint8)
    for i, frame in enumerate(big):
        top, left = i // cols * line, gap + i % cols * (width * k + gap)
        if i % cols == 0:
            canvas[top : top + tall] = torch.tensor(GLOW(0, bytes=True)[:3])
        canvas[top + edge : top + tall - edge, left : left + width * k] = frame
    hole_tops = (unit // 2, tall - unit * 3 // 2)
    for top in [a + b for a in range(0, rows * line, line) for b in hole_tops]:
        for left in range(unit // 2, canvas.shape[1] - unit if holes else 0, 2 * unit):
            canvas[top : top + unit, left : left + unit] = 255
    ax.imshow(canvas, interpolation="nearest")
    for i, name in enumerate(names):
        ax.text(-2 * unit, i * line + tall / 2, name, ha="right", va="center")
    for i, label in enumerate(below):
        place = gap + (i + 0.5) * width * k + i * gap, canvas.shape[0] + unit
        ax.text(*place, str(label), ha="center", va="top")
    ax.set_axis_off()
    return ax


def tiles(x: Tensor, cols: int | None = None, zoom: int = 1) -> bytes:
    """Pictures (n, C, H, W) in [-1, 1], side by side, as PNG bytes; in a square if cols is None.

    Every pixel becomes zoom × zoom of them.
    """
    bright = ((x.clamp(-1, 1) + 1) * 127.5).round().byte()
    canvas = _sheet(bright, cols or square(len(x)), blank=255)
    canvas = canvas.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1)
    with io.BytesIO() as file:
        Image.fromarray(canvas.squeeze(-1).numpy()).save(file, format="png", optimize=True)
        return file.getvalue()


def square(n: int) -> int:
    """How many columns let n pictures fill a square, or nearly."""
    return max(1, round(n**0.5))


def _sheet(x: Tensor, cols: int, gap: int = 0, line: int | None = None, blank: int = 1) -> Tensor:
    """Pictures (n, C, H, W) in rows on a page (..., ..., C); a line is a row and what is below."""
    n, channels, height, width = x.shape
    line = line or height
    page = x.new_full((-(-n // cols) * line, cols * (width + gap) - gap, channels), blank)
    for i, picture in enumerate(x):
        top, left = i // cols * line, i % cols * (width + gap)
        page[top : top + height, left : left + width] = picture.permute(1, 2, 0)
    return page


def _light(x: Tensor) -> Tensor:
    """From [-1, 1], and what lies beyond, to 0 (dark) ... 1 (bright)."""
    return (x.clamp(-1, 1) + 1) / 2
