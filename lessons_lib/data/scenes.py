"""Shapes: captioned pictures whose every attribute is known, drawn at any size on any device."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lessons_lib.data.outlines import OUTLINES
from lessons_lib.guards import one_of, whole

COLOURS = {  # sRGB, 0 to 1; told apart by colour-blind eyes too: they differ in lightness
    "red": (0.82, 0.12, 0.16),
    "orange": (0.97, 0.51, 0.09),
    "yellow": (1.00, 0.86, 0.24),
    "green": (0.08, 0.63, 0.40),
    "cyan": (0.36, 0.82, 0.94),
    "blue": (0.14, 0.38, 0.91),
    "purple": (0.54, 0.20, 0.62),
    "pink": (0.97, 0.47, 0.69),
}
SIZES = {"small": 0.28, "medium": 0.365, "large": 0.48}  # the picture is 2 wide
PLACES = {
    "top left": (-1, 1),
    "top": (0, 1),
    "top right": (1, 1),
    "left": (-1, 0),
    "centre": (0, 0),
    "right": (1, 0),
    "bottom left": (-1, -1),
    "bottom": (0, -1),
    "bottom right": (1, -1),
}
BACKGROUNDS = {"light": (0.94, 0.93, 0.91), "dark": (0.13, 0.15, 0.20)}
ATTRIBUTES: dict[str, tuple[str, ...]] = {  # names and values, in the order of the columns
    "shape": tuple(OUTLINES),
    "colour": tuple(COLOURS),
    "size": tuple(SIZES),
    "place": tuple(PLACES),
    "background": tuple(BACKGROUNDS),
}
SPLITS = ("train", "held out", "all")


class Scene(NamedTuple):
    """What a picture is drawn from: n scenes of k objects, in a picture from -1 to 1 both ways."""

    shape: Tensor  # (n, k) long, a number in ATTRIBUTES["shape"]
    colour: Tensor  # (n, k, 3) sRGB, 0 to 1
    centre: Tensor  # (n, k, 2) to the right and up
    radius: Tensor  # (n, k)
    angle: Tensor  # (n, k) radians, to the left
    background: Tensor  # (n, 3) sRGB in the middle of the picture, 0 to 1
    slope: Tensor  # (n, 2) how much lighter it grows to the right and upwards

    def to(self, device: torch.device | str) -> "Scene":
        return Scene(*(part.to(device) for part in self))


class Shapes(NamedTuple):
    """Pictures (n, 3, size, size), their attributes (n, 5) or (n, 2, 5), their exact scenes."""

    pictures: Tensor
    attributes: Tensor
    scene: Scene


class Maps(NamedTuple):
    """Three pictures (n, 1, size, size) from 0 to 1 that can steer a model."""

    mask: Tensor  # how much of the pixel an object covers
    edges: Tensor  # 1 on the outlines, 0 beyond a pixel and a half
    depth: Tensor  # how far the objects bulge towards us out of the background at 0


def shapes(
    n: int,
    generator: torch.Generator,
    size: int = 32,
    objects: int = 1,
    split: str = "train",
    device: torch.device | str = "cpu",
) -> Shapes:
    """n pictures of coloured shapes in [-1, 1], with what they show and what they are drawn from.

    Attributes are long, their columns and values in the order of ATTRIBUTES; with two objects each
    has a row, and neither is large. The split "train" never shows the combinations of shape and
    colour that are `held_out`; "held out" shows only those; "all" shows both. The generator is a
    CPU one on every device: a seed chooses the same scenes everywhere.
    Raises ValueError for n below 0, a size below 1, another number of objects, another split.
    """
    size = whole("size", size)
    attributes = choose(n, generator, objects, split)
    drawn = scene(attributes, generator).to(device)
    return Shapes(draw(drawn, size), attributes.to(device), drawn)


def choose(n: int, generator: torch.Generator, objects: int = 1, split: str = "train") -> Tensor:
    """Attributes for n pictures, each combination of the split equally likely: (n, 5) long.

    Two objects, (n, 2, 5), are small or medium and lie in opposite places: they never touch.
    """
    n, objects = whole("n", n, 0), whole("objects", objects, 1, 2)
    one_of("split", split, SPLITS)
    every = torch.cartesian_prod(*(torch.arange(len(values)) for values in ATTRIBUTES.values()))
    if split != "all":
        every = every[held_out(every) == (split == "held out")]
    if objects == 1:
        return every[torch.randint(len(every), (n,), generator=generator)]
    large, centre = len(SIZES) - 1, len(PLACES) // 2
    every = every[(every[:, 2] != large) & (every[:, 3] != centre)]
    pairs = every[torch.randint(len(every), (n, 2), generator=generator)]
    pairs[:, 1, 3] = len(PLACES) - 1 - pairs[:, 0, 3]  # the opposite place
    pairs[:, 1, 4] = pairs[:, 0, 4]
    return pairs


def held_out(attributes: Tensor) -> Tensor:
    """Whether training never shows this shape in this colour: (..., 5) long to (...) bool.

    One colour is kept from each shape and one shape from each colour: one combination in eight.
    """
    return attributes[..., 1] == (3 * attributes[..., 0] + 1) % len(COLOURS)


def scene(attributes: Tensor, generator: torch.Generator) -> Scene:
    """What pictures with these attributes, (n, 5) or (n, k, 5), are drawn from, jitter and all.

    Raises ValueError for a value that does not exist, -1 (unknown) among them.
    """
    rows = (attributes if attributes.ndim == 3 else attributes[:, None]).cpu()
    for (name, values), column in zip(ATTRIBUTES.items(), rows.unbind(-1), strict=True):
        for number in column[(column < 0) | (column >= len(values))].tolist():
            raise ValueError(
                f"attributes: {name} {number} given; allowed is 0 to {len(values) - 1}"
            )
    shape, colour, size, place, background = rows.unbind(-1)
    n, k = shape.shape

    def jitter(amount: float, *shape: int) -> Tensor:
        return amount * (2 * torch.rand(*shape, generator=generator) - 1)

    radius = torch.tensor(list(SIZES.values()))[size] * (1 + jitter(0.05, n, k))
    reach = 0.93 - 1.25 * radius  # how far off the middle an object stays inside the picture
    centre = torch.tensor(list(PLACES.values()))[place] * reach[..., None] + jitter(0.05, n, k, 2)
    tint = torch.tensor(list(BACKGROUNDS.values()))[background[:, 0]]
    return Scene(
        shape=shape,
        colour=(torch.tensor(list(COLOURS.values()))[colour] + jitter(0.03, n, k, 3)).clamp(0, 1),
        centre=centre,
        radius=radius,
        angle=jitter(math.radians(15), n, k),
        background=(tint + jitter(0.02, n, 1) + jitter(0.02, n, 3)).clamp(0, 1),
        slope=jitter(0.04, n, 2),
    )


def draw(scene: Scene, size: int = 32) -> Tensor:
    """The pictures of scenes: (n, 3, size, size) in [-1, 1], on the scene's device.

    Raises ValueError for a size below 1.
    """
    size = whole("size", size)
    return torch.cat([_draw(few, size) for few in _chunks(scene, size)])


def maps(scene: Scene, size: int = 32) -> Maps:
    """The mask, edges and depth of scenes, from the very numbers that their pictures come from.

    Raises ValueError for a size below 1.
    """
    size = whole("size", size)
    chunks = [_maps(few, size) for few in _chunks(scene, size)]
    return Maps(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))


def _draw(scene: Scene, size: int) -> Tensor:
    x, y = _pixels(size, scene)
    right, up = scene.slope[..., None, None].unbind(1)
    picture = scene.background[..., None, None] + (right * x + up * y)[:, None]  # (n, 3, H, W)
    shadow = _coverage(_distance(scene, size, shift=(0.04, -0.06)), width=0.25)
    picture = picture * (1 - 0.22 * shadow).prod(1)[:, None]
    mask = _mask(scene, size)  # (n, k, H, W)
    across, along = scene.centre[..., None, None].unbind(2)
    light = (y - along - 0.5 * (x - across)) / scene.radius[..., None, None]  # from the top left
    for k in range(mask.shape[1]):
        fill = scene.colour[:, k, :, None, None] + 0.08 * light[:, k, None]
        picture = picture + mask[:, k, None] * (fill - picture)
    return picture.clamp(0, 1) * 2 - 1


def _maps(scene: Scene, size: int) -> Maps:
    distance = _distance(scene, size).amin(1, keepdim=True)  # to the nearest object
    edges = (1.5 - distance.abs() * size / 2).clamp(0, 1)
    depth = 1 - (1 + distance.clamp(-0.2, 0) / 0.2) ** 2
    return Maps(_mask(scene, size).sum(1, keepdim=True).clamp(max=1), edges, depth)


def _mask(scene: Scene, size: int) -> Tensor:
    """How much of each pixel each object covers: (n, k, size, size), the mean of four quarters."""
    return avg_pool2d(_coverage(_distance(scene, 2 * size), width=1 / size), 2)


def _coverage(distance: Tensor, width: float) -> Tensor:
    """1 inside, 0 outside, a ramp of this width across the outline."""
    return (0.5 - distance / width).clamp(0, 1)


def _distance(scene: Scene, size: int, shift: tuple[float, float] = (0, 0)) -> Tensor:
    """The signed distance from every pixel to every object's outline: (n, k, size, size)."""
    x, y = _pixels(size, scene)
    across, along = scene.centre[..., None, None].unbind(2)  # (n, k, 1, 1)
    radius, angle = scene.radius[..., None, None], scene.angle[..., None, None]
    x, y = x - across - shift[0], y - along - shift[1]
    cos, sin = angle.cos() / radius, angle.sin() / radius
    x, y = x * cos + y * sin, y * cos - x * sin  # as the shape sees it: upright, of size 1
    distance = torch.empty_like(x)
    for number, outline in enumerate(OUTLINES.values()):
        those = scene.shape == number
        distance[those] = outline(x[those], y[those])
    return distance * radius


def _pixels(size: int, scene: Scene) -> tuple[Tensor, Tensor]:
    """The middles of the pixels: x (1, size) to the right, y (size, 1) up."""
    like = scene.radius
    middle = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * 2 / size - 1
    return middle[None, :], -middle[:, None]


def _chunks(scene: Scene, size: int) -> list[Scene]:
    """A few scenes at a time, to stay in a processor's cache and in a device's memory."""
    pixels = 2**16 if scene.radius.device.type == "cpu" else 2**22
    few = max(1, pixels // size**2)
    return [Scene(*parts) for parts in zip(*(part.split(few) for part in scene), strict=True)]
