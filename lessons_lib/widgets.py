"""Sliders and buttons around drawing functions. Each leaves a picture where no kernel runs."""

import asyncio
import base64
import html
import io
import time
from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib as mpl
import torch
from PIL import Image
from torch import Tensor

from lessons_lib import viz
from lessons_lib.playground import MODELS, SAMPLERS, SPACINGS, STEPS, Model, draw


class Pictured:
    """What every widget of the course shares: one figure, redrawn in place, with its alt text.

    As the last line of a cell it leaves picture, alt text and widget in a single output. The figure
    is laid out once and its axes then stand still; fifty moves take no more memory than one.
    """

    def _open(self, alt: str, rows: int, cols: int, size) -> None:
        self._alt, self.picture = alt, ipywidgets.HTML()
        self._figure, self._axes = viz.new_figure(rows, cols, size)

    def _redraw(self, draw: Callable) -> None:
        with mpl.rc_context(viz.style()):
            for ax in self._figure.axes:
                ax.clear()  # inside, so that the axes keep the palette and its dashes
            draw(self._axes)
        self._png = viz.png(self._figure)
        self._figure.set_layout_engine("none")
        source = base64.b64encode(self._png).decode()
        alt = html.escape(self._alt, quote=True)
        shown = f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{source}">'
        self.picture.value = shown

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        bundle["image/png"] = base64.b64encode(self._png).decode()
        bundle["text/plain"] = f"{self._alt} (with a kernel, this picture answers you)"
        return bundle, {"image/png": {"alt": self._alt}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._alt!r})"


class explore(Pictured, ipywidgets.interactive):
    """Redraw one picture while a reader moves sliders: explore(draw, "what it shows", t=(0, 1)).

    draw(ax, **values) draws into an ax (an array of axes for rows, cols > 1) that is cleared
    between calls; keywords are ipywidgets' abbreviations or widgets.
    """

    def __init__(self, draw: Callable, alt: str, rows=1, cols=1, size=None, **controls):
        self._open(alt, rows, cols, size)
        moved = lambda **values: self._redraw(lambda axes: draw(axes, **values))
        super().__init__(moved, **controls)
        self.children = (*self.children[:-1], self.picture, self.out)
        for control in self.children[:-2]:
            control.style.description_width = "10em"
            control.layout.width = "32em"
        self.update()  # the first picture is there before the widget is shown


class playground(Pictured, ipywidgets.VBox):
    """Choose model, words, sampler, steps, spacing and scale; watch the guess; see what it cost.

    frontier, if given, maps a model's name to measured rows (sampler, spacing, evaluations and
    frechet); they stand beside the pictures, and a star shows where yours belong. The first walk is
    made at once, with this w, so that there is a picture where no kernel runs. Changing a control
    does nothing until Draw is pressed.
    """

    def __init__(
        self,
        models: Mapping[str, Callable[[], Model]] = MODELS,
        frontier: Mapping[str, list[dict]] | None = None,
        pictures: int = 16,
        w: float = 1.0,
    ):
        self._models, self._frontier, self._loaded = models, frontier or {}, {}
        self._glimpses, self._glimpse = iter(()), None
        cols = 2 if frontier else 1
        self._open("nothing drawn yet", 1, cols, (9.0, 4.2) if frontier else (5.0, 5.0))
        self._build(pictures, w)
        self.start()
        while self.advance():
            pass

    def _build(self, pictures: int, w: float) -> None:
        wide = {"style": {"description_width": "7em"}, "layout": {"width": "24em"}}
        first = next(iter(self._models))
        self.model = ipywidgets.Dropdown(options=list(self._models), description="model", **wide)
        self.words = ipywidgets.Text(self._model(first).words, description="words", **wide)
        self.words.layout.width = "60em"
        self.avoid = ipywidgets.Text("", description="but not", **wide)
        self.sampler = ipywidgets.Dropdown(options=list(SAMPLERS), description="sampler", **wide)
        self.sampler.value = "2M"
        self.spacing = ipywidgets.Dropdown(options=list(SPACINGS), description="spacing", **wide)
        self.steps = ipywidgets.SelectionSlider(
            options=STEPS, value=20, description="steps", **wide
        )
        self.w = ipywidgets.FloatSlider(w, min=0, max=20, step=0.5, description="w", **wide)
        self.seed = ipywidgets.BoundedIntText(0, min=0, max=10**6, description="seed", **wide)
        self.pictures = ipywidgets.Dropdown(
            options=sorted({4, 16, 64, pictures}), value=pictures, description="pictures", **wide
        )
        self.draw_button = ipywidgets.Button(description="Draw", button_style="primary")
        self.stop_button = ipywidgets.Button(description="Stop", disabled=True)
        self.bar = ipywidgets.IntProgress(description="", layout={"width": "16em"})
        self.status = ipywidgets.HTML()
        self.model.observe(self._changed_model, "value")
        self.draw_button.on_click(self._clicked)
        self.stop_button.on_click(lambda _: self.stop())
        pairs = (self.avoid, self.pictures), (self.sampler, self.spacing), (self.steps, self.w)
        rows = [ipywidgets.HBox(pair) for pair in pairs]
        choice = [self.model] if len(self._models) > 1 else []
        buttons = ipywidgets.HBox([self.draw_button, self.stop_button, self.bar])
        super().__init__(
            [*choice, self.words, *rows, self.seed, buttons, self.status, self.picture]
        )

    # --- the walk, a step at a time ---------------------------------------------------------------

    def start(self) -> bool:
        """Begin a walk as the controls say; False, with a sentence below the buttons, if it cannot.

        What the walk shows is remembered from now on, so that controls may change meanwhile.
        """
        self._asked = {
            name: getattr(self, name).value
            for name in ("words", "avoid", "sampler", "steps", "spacing", "w", "seed")
        }
        self._name = self.model.value
        try:
            model = self._model(self._name)
            self._glimpses = draw(model, **self._asked, n=self.pictures.value)
        except ValueError as problem:  # FileProblem is one
            self._say(str(problem))
            return False
        self._glimpse, self._shown = None, time.perf_counter()
        self.bar.max, self.bar.value = self._asked["steps"], 0
        self.draw_button.disabled, self.stop_button.disabled = True, False
        return True

    def advance(self) -> bool:
        """Take one step of the walk and show its guess; False when there is none left."""
        try:
            glimpse = next(self._glimpses, None)
        except ValueError as problem:  # the walk left the finite numbers
            self._finish()
            self._say(str(problem))
            return False
        if glimpse is None:
            self._finish()
            return False
        self._glimpse, self.bar.value = glimpse, glimpse.step
        if time.perf_counter() - self._shown > 0.2:  # a browser need not see more
            self._preview(glimpse.x0)
            self._say(self._cost())
            self._shown = time.perf_counter()
        return True

    def stop(self) -> None:
        """End the walk after the step that it is taking; what was guessed so far stays."""
        self._glimpses.close()

    def _clicked(self, _) -> None:
        if not self.start():
            return
        try:  # between two steps the kernel must hear of Stop
            self._task = asyncio.get_running_loop().create_task(self._walk())
        except RuntimeError:  # no kernel, no loop
            while self.advance():
                pass

    async def _walk(self) -> None:
        while self.advance():
            await asyncio.sleep(0.001)

    def _finish(self) -> None:
        self.draw_button.disabled, self.stop_button.disabled = False, True
        if self._glimpse is None:
            return
        asked, done = self._asked, self._glimpse.step == self._glimpse.steps
        stopped = "" if done else f", stopped after {self._glimpse.step}"
        scale = f", w = {asked['w']:g}" if asked["words"] or asked["avoid"] else ""
        self._alt = (
            f"{len(self._glimpse.x0)} pictures of {asked['words'] or 'anything'} by "
            f"{asked['sampler']} in {asked['steps']} steps {asked['spacing']}{scale}{stopped}"
        )
        self._redraw(self._draw)
        self._say(self._cost())

    # --- what is seen -----------------------------------------------------------------------------

    def here(self) -> tuple[int, float | None]:
        """Evaluations per picture, and the measured quality of that; None where nobody measured."""
        asked, evaluations = self._asked, self._glimpse.evaluations
        plain = asked["words"] and asked["w"] == 1 and not asked["avoid"]
        for row in self._frontier.get(self._name, []):
            same = (row["sampler"], row["spacing"]) == (asked["sampler"], asked["spacing"])
            if plain and same and 0.8 < row["evaluations"] / evaluations < 1.25:
                return evaluations, row["frechet"]["value"]
        return evaluations, None

    def _draw(self, axes) -> None:
        ax, *more = axes.flat if self._frontier else (axes,)
        x = self._glimpse.x0
        viz.pictures(x, ax, cols=_columns(len(x)))
        if more:
            rows = self._frontier.get(self._name, [])
            mine = [row for row in rows if row["spacing"] == self._asked["spacing"]]
            names = list(dict.fromkeys([*SAMPLERS, *(row["sampler"] for row in rows)]))
            title = f"measured at w = 1, {self._asked['spacing']}" if mine else "not measured"
            viz.frontier(mine, "frechet", more[0], names, "Fréchet distance", None, self.here())
            more[0].set_title(title)

    def _preview(self, x0: Tensor) -> None:
        """The guess as a small picture, which a browser enlarges: matplotlib would take longer."""
        height = self._figure.get_size_inches()[1] * self._figure.dpi
        alt = f"the guess after step {self._glimpse.step} of {self._glimpse.steps}"
        source = base64.b64encode(tiles(x0)).decode()
        self.picture.value = (
            f'<img alt="{alt}" src="data:image/png;base64,{source}" '
            f'style="height:{height:.0f}px;image-rendering:pixelated">'
        )

    def _cost(self) -> str:
        g = self._glimpse
        return (
            f"step {g.step} of {g.steps} · {g.evaluations} evaluations per picture · "
            f"{g.seconds:.2f} s for {len(g.x0)} pictures"
        )

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status">{html.escape(text)}</div>'

    def _model(self, name: str) -> Model:
        if name not in self._loaded:
            self._loaded[name] = self._models[name]()
        return self._loaded[name]

    def _changed_model(self, change) -> None:
        try:
            self.words.value, self.avoid.value = self._model(change["new"]).words, ""
        except ValueError as problem:
            self._say(str(problem))


def _columns(n: int) -> int:
    """A square, or nearly."""
    return max(1, round(n**0.5))


def tiles(x: Tensor, cols: int | None = None, zoom: int = 1) -> bytes:
    """Pictures (n, C, H, W) in [-1, 1], side by side, as PNG bytes; in a square if cols is None.

    Every pixel becomes zoom × zoom of them.
    """
    n, channels, height, width = x.shape
    cols = cols or _columns(n)
    x = torch.cat([x, x.new_ones(-n % cols, *x.shape[1:])])
    bright = ((x.clamp(-1, 1) + 1) * 127.5).round().byte()
    rows = bright.unflatten(0, (-1, cols))  # (rows, cols, C, H, W)
    canvas = rows.permute(0, 3, 1, 4, 2).reshape(-1, cols * width, channels)
    canvas = canvas.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1)
    with io.BytesIO() as file:
        Image.fromarray(canvas.squeeze(-1).numpy()).save(file, format="png", optimize=True)
        return file.getvalue()
