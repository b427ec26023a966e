"""Networks: (x, t, c) in, a tensor like x out; `NetDenoiser` knows what that tensor means.

A network computes in the precision of its own weights, and answers in that of x.
"""

from lessons_lib.nets.digits import DigitNet
from lessons_lib.nets.judge import DigitJudge, SecondDigitJudge, SecondShapeJudge, ShapeJudge
from lessons_lib.nets.parts import (
    Attention,
    Attributes,
    GroupNorm,
    Words,
    attribute_rows,
    label_rows,
    level_angle,
    time_embedding,
)
from lessons_lib.nets.plane import PlaneNet
from lessons_lib.nets.unet import UNet

__all__ = [
    "Attention",
    "Attributes",
    "DigitJudge",
    "DigitNet",
    "GroupNorm",
    "PlaneNet",
    "SecondDigitJudge",
    "SecondShapeJudge",
    "ShapeJudge",
    "UNet",
    "Words",
    "attribute_rows",
    "label_rows",
    "level_angle",
    "time_embedding",
]
