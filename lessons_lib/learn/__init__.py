"""From a network to a denoiser: what it predicts, its loss, its training, its checkpoint."""

from lessons_lib.learn.checkpoints import load, save
from lessons_lib.learn.denoiser import (
    TARGET,
    TO_X0,
    NetDenoiser,
    clipped_v,
    loss_by_level,
    min_snr,
)
from lessons_lib.learn.distill import one_step_guess, two_steps_in_one
from lessons_lib.learn.feeding import Batches, batches, drop_labels, drop_parts
from lessons_lib.learn.fitting import fit
from lessons_lib.learn.training import Progress, Training, ema_update, has_bf16, train

__all__ = [
    "Batches",
    "NetDenoiser",
    "Progress",
    "TARGET",
    "TO_X0",
    "Training",
    "batches",
    "clipped_v",
    "drop_labels",
    "drop_parts",
    "ema_update",
    "fit",
    "has_bf16",
    "load",
    "loss_by_level",
    "min_snr",
    "one_step_guess",
    "save",
    "train",
    "two_steps_in_one",
]
