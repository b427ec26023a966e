"""What an answer holds, in whatever dress it comes: nested lists of tensors and words.

A number may come as an int, a float, a Fraction, a Decimal, a numpy scalar, a tensor; several of
them in a tuple, a list, an array, a map, a generator. All are read here, once and alike.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from numbers import Integral, Number, Real

import numpy as np
import torch

MOST = 10_000  # parts in one container: more are the work of a loop that does not end


class Unreadable(TypeError):
    """This is no number, no tensor and no word; the message says what it is."""


def opened(thing, holders=()):
    """An answer as a tensor, a word, a blank (None or ...), or a list of such, nested as it came.

    Numbers side by side are a vector. Tensors are copied, dense and on the CPU; a complex one that
    has no imaginary part is made real.
    Raises Unreadable for what holds no numbers, holds itself, or never ends.
    """
    if thing is None or thing is ...:
        return thing
    if isinstance(thing, str):
        return str(thing)
    if isinstance(thing, torch.Tensor):
        return _real(_dense(thing))
    if isinstance(thing, (np.ndarray, np.generic)):
        return _array(np.asarray(thing), holders)
    if isinstance(thing, (Number, Decimal)):
        return _real(_number(thing))
    kind = type(thing).__name__
    if not isinstance(thing, Iterable) or isinstance(thing, (bytes, bytearray, type)):
        raise Unreadable(f"a {kind}, not a number, a tensor or a word")
    if any(thing is holder for holder in holders):
        raise Unreadable(f"a {kind} that contains itself")
    if isinstance(thing, (set, frozenset)) and len(thing) > 1:
        raise Unreadable(f"a {kind}, which has no order: make it a tuple")
    inside = list(islice(thing.values() if isinstance(thing, Mapping) else thing, MOST + 1))
    if len(inside) > MOST:
        raise Unreadable(f"a {kind} of more than {MOST} parts; does it ever end?")
    if not inside and isinstance(thing, Iterator):
        raise Unreadable(f"a {kind} that is used up: make it a tuple")
    parts = [opened(part, (*holders, thing)) for part in inside]
    plain = all(isinstance(part, Number) and not isinstance(part, bool) for part in inside)
    return torch.stack(parts) if plain and parts else parts


def leaves(nested) -> list:
    """The tensors and words of an opened answer, one after the other."""
    if isinstance(nested, list):
        return [leaf for part in nested for leaf in leaves(part)]
    return [nested]


def fitted(nested, like: list[torch.Tensor] | None) -> list:
    """The leaves of an opened answer, in the dress of other leaves where the numbers fit.

    A list of numbers becomes the vector that was asked, a stacked tensor the tuple, a tensor of one
    element the number. Where the shapes say something else, they are left as they came.
    """
    flat = leaves(nested)
    if like is None or not all(isinstance(leaf, torch.Tensor) for leaf in flat):
        return flat
    whole, forms = _stacked(nested), []
    rows = [_stacked(part) for part in nested] if isinstance(nested, list) else []
    for parts in (flat, rows):  # the tuple, or the tuple with a tensor in it as a list of its rows
        if len(parts) == len(like) and all(part is not None for part in parts):
            pairs = zip(parts, like, strict=True)
            forms += [[x.reshape(()) if y.dim() == 0 and x.numel() == 1 else x for x, y in pairs]]
    if isinstance(nested, list) and flat and all(x.numel() == 1 for x in flat):
        forms += [[torch.stack([wide(x).reshape(()) for x in flat])]]
    if whole is not None and whole.dim():
        forms += [[whole] if len(like) == 1 else list(whole)]
    return next((form for form in forms if _shapes(form) == _shapes(like)), flat)


def _shapes(tensors) -> list:
    return [tensor.shape for tensor in tensors]


def _stacked(nested) -> torch.Tensor | None:
    """A regular nest of equal shapes as one tensor, and None for any other."""
    if not isinstance(nested, list):
        return nested
    parts = [_stacked(part) for part in nested]
    if not parts or any(p is None or p.shape != parts[0].shape for p in parts):
        return None
    return torch.stack([wide(part) for part in parts])


def wide(tensor) -> torch.Tensor:
    """The same numbers in double precision."""
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _dense(tensor) -> torch.Tensor:
    if tensor.is_meta:
        raise Unreadable("a tensor on the meta device, which has a shape and no numbers")
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    return (tensor if tensor.layout == torch.strided else tensor.to_dense()).cpu().clone()


def _array(array, holders):
    kind = array.dtype.kind
    if kind in "OU":
        return opened(array.tolist(), (*holders, array))
    if kind not in "biufc":
        raise Unreadable(f"an array of {array.dtype}, where numbers are asked")
    kinds = {"b": bool, "i": np.int64, "u": np.float64, "f": np.float64, "c": np.complex128}
    return _real(torch.from_numpy(array.astype(kinds[kind], order="C")))


def _number(thing) -> torch.Tensor:
    if isinstance(thing, Integral) and abs(thing) < 2**63:
        return torch.tensor(thing, device="cpu")
    if isinstance(thing, Real | Decimal):
        try:
            return torch.tensor(float(thing), dtype=torch.float64, device="cpu")
        except OverflowError:
            return torch.tensor(math.inf, dtype=torch.float64, device="cpu")
    return torch.tensor(complex(thing), dtype=torch.complex128, device="cpu")


def _real(tensor) -> torch.Tensor:
    return tensor.real.clone() if tensor.is_complex() and not tensor.imag.any() else tensor
