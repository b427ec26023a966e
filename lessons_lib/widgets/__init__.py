"""Sliders and buttons around drawing functions. Each leaves a picture where no kernel runs."""

from lessons_lib.widgets.dropping import drop
from lessons_lib.widgets.exploring import explore
from lessons_lib.widgets.models import captions_of, shape_model
from lessons_lib.widgets.pictured import Pictured
from lessons_lib.widgets.playing import playground

__all__ = ["Pictured", "captions_of", "drop", "explore", "playground", "shape_model"]
