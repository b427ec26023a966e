"""Outlines: the exact signed distance to each shape, negative inside, so edges need no sampling.

Each function takes coordinates x (to the right) and y (up), in units of the shape's size, and
gives the distance in the same units. Mirror images have equal distances: each shape folds the
plane onto one piece of itself and measures there.
"""

import math

import torch
from torch import Tensor


def circle(x: Tensor, y: Tensor) -> Tensor:
    return torch.hypot(x, y) - 0.9


def ring(x: Tensor, y: Tensor) -> Tensor:
    return (torch.hypot(x, y) - 0.72).abs() - 0.21


def square(x: Tensor, y: Tensor) -> Tensor:
    half = 0.8
    x, y = x.abs() - half, y.abs() - half
    outside = torch.hypot(x.clamp(min=0), y.clamp(min=0))
    return outside + torch.maximum(x, y).clamp(max=0)


def triangle(x: Tensor, y: Tensor) -> Tensor:
    return _pointed(x, y, points=3, tip=1.2, waist=0.6)


def star(x: Tensor, y: Tensor) -> Tensor:
    return _pointed(x, y, points=5, tip=1.2, waist=0.55)


def cross(x: Tensor, y: Tensor) -> Tensor:
    arm, half = 1.0, 0.35
    x, y = x.abs(), y.abs()
    x, y = torch.maximum(x, y), torch.minimum(x, y)  # folded onto one eighth
    end = torch.hypot(x - arm, y - y.clamp(max=half))
    side = torch.hypot(x - x.clamp(half, arm), y - half)
    inside = (x < half) | ((x < arm) & (y < half))
    return _signed(torch.minimum(end, side), inside)


def heart(x: Tensor, y: Tensor) -> Tensor:
    """A square that stands on its corner, with half a disc on each upper side."""
    a = 0.58  # half a side, and the discs' radius
    x, y = x.abs(), y + 0.1
    u, v = (x + y) / math.sqrt(2), (x - y) / math.sqrt(2)  # the square is |u|, |v| <= a
    side = torch.hypot(u - u.clamp(-a, a), v - a)
    # the disc sits on the side u = a, its centre in the middle of it
    bow = torch.where(u > a, (torch.hypot(u - a, v) - a).abs(), torch.hypot(u - a, v + a))
    inside = ((u.abs() < a) & (v.abs() < a)) | (torch.hypot(u - a, v) < a)
    return _signed(torch.minimum(side, bow), inside)


def moon(x: Tensor, y: Tensor) -> Tensor:
    """A disc with a smaller disc bitten out of its right side."""
    outer, inner, between = 1.0, 0.8, 0.5
    x, y = x - 0.2, y.abs()
    horn_x = (outer**2 - inner**2 + between**2) / (2 * between)
    horn_y = math.sqrt(outer**2 - horn_x**2)
    horn = torch.hypot(x - horn_x, y - horn_y)
    from_outer, from_inner = torch.hypot(x, y), torch.hypot(x - between, y)
    # an arc is nearest along its own radius, unless that radius ends in the bite
    back = torch.where(y * horn_x > x * horn_y, (from_outer - outer).abs(), horn)
    bite = torch.where(
        y * (horn_x - between) > (x - between) * horn_y, (from_inner - inner).abs(), horn
    )
    inside = (from_outer < outer) & (from_inner > inner)
    return _signed(torch.minimum(back, bite), inside)


OUTLINES = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "heart": heart,
    "ring": ring,
    "cross": cross,
    "moon": moon,
}


def _pointed(x: Tensor, y: Tensor, points: int, tip: float, waist: float) -> Tensor:
    """A star with its first tip upwards; a regular polygon if waist = tip * cos(pi / points)."""
    wedge = math.pi / points
    angle = torch.atan2(x, y)
    angle = (angle - 2 * wedge * torch.round(angle / (2 * wedge))).abs()  # folded: 0 ... wedge
    radius = torch.hypot(x, y)
    along, across = radius * angle.cos() - tip, radius * angle.sin()  # seen from the tip
    edge_along, edge_across = waist * math.cos(wedge) - tip, waist * math.sin(wedge)
    length = math.hypot(edge_along, edge_across)
    on_edge = ((along * edge_along + across * edge_across) / length**2).clamp(0, 1)
    distance = torch.hypot(along - on_edge * edge_along, across - on_edge * edge_across)
    return _signed(distance, along * edge_across < across * edge_along)


def _signed(distance: Tensor, inside: Tensor) -> Tensor:
    return torch.where(inside, -distance, distance)
