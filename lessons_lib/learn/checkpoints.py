"""Trained weights in a file, and back."""

import json
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from lessons_lib import files, nets
from lessons_lib.learn.denoiser import NetDenoiser


def save(path: Path, module: nn.Module, about: dict) -> None:
    """Write a module's weights and what they are about (net, its arguments, predicts, recipe)."""
    row_by_row = torch.contiguous_format
    weights = {
        name: value.detach().cpu().clone(memory_format=row_by_row)
        for name, value in module.state_dict().items()
    }
    files.write(path, to_safetensors(weights, {"about": json.dumps(about)}))


def load(name: str, folder: Path = files.DATA) -> nn.Module:
    """The shipped checkpoint of that name, ready to be asked: a NetDenoiser, or a judge.

    Raises FileProblem if the file is missing, altered, or does not fit the network it names.
    """
    what = "a checkpoint of this version of the course"
    with files.shipped(f"checkpoints/{name}.safetensors", what, folder) as path:
        with safe_open(path, "pt") as opened:
            about = json.loads(opened.metadata()["about"])
            weights = {_now(key): opened.get_tensor(key) for key in opened.keys()}
        make = _unet if about["net"] == "UNet" else getattr(nets, about["net"])
        net = make(**about["arguments"])
        module = NetDenoiser(net, about["predicts"]) if "predicts" in about else net
        if wrong := differences(module, weights):
            raise ValueError(f"a {about['net']} that differs: {wrong}")
        module.load_state_dict(weights)
    return module.eval().requires_grad_(False)


def _unet(values: list[int], **others) -> nn.Module:
    """A U-Net of attributes, made from what a file can hold: numbers."""
    return nets.UNet(partial(nets.Attributes, values), **others)


def _now(key: str) -> str:
    """How a weight is called now: in older files a U-Net's condition was always "attribute"."""
    return key.replace("net.attribute.", "net.condition.")


def differences(module: nn.Module, weights: dict[str, Tensor]) -> str:
    """Where weights from a file do not fit a module: the first three by name; "" if nowhere."""
    ours = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in weights.items()}
    found = [
        f"{name} is {theirs.get(name, 'missing')} in the file, {ours.get(name, 'unknown')} here"
        for name in ours | theirs
        if ours.get(name) != theirs.get(name)
    ]
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more
