"""The playground: words, a seed and buttons around `draw`."""

import asyncio
import base64
import html
import textwrap
import time
from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib as mpl
from torch import Tensor

from lessons_lib import viz
from lessons_lib.levels import SPACINGS
from lessons_lib.solvers import SAMPLERS
from lessons_lib.viz.images import square, tiles
from lessons_lib.widgets.drawing import STEPS, draw
from lessons_lib.widgets.exploring import value_of
from lessons_lib.widgets.models import MODELS, Model
from lessons_lib.widgets.pictured import Pictured


class playground(Pictured, ipywidgets.VBox):
    """Write words, choose a seed, press Draw (or Enter); watch the guess, and see what it cost.

    models maps names to what makes a Model. frontier, if given, maps a model's name to measured
    rows (sampler, spacing, evaluations and frechet); they are plotted below the pictures, and a
    star shows where yours belong. Each caption gets equally many pictures, at least so many
    pictures in all. The first walk is made at once, with this w, so that there is a picture where
    no kernel runs. Everything but words and seed is folded under More.
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
        self._open("nothing drawn yet", 1, 1, (6.4, 3.8))
        self._build(pictures, w)
        self.start()
        while self.advance():
            pass

    def _build(self, pictures: int, w: float) -> None:
        def look(width: str, words: str = "6em") -> dict:
            layout = {"width": width, "max_width": "98%"}
            return {"style": {"description_width": words}, "layout": layout}

        first, choose = next(iter(self._models)), ipywidgets.Dropdown
        names, counts = list(self._models), sorted({4, 16, 64, pictures})
        self.model = choose(options=names, description="model", **look("22em"))
        hint = "nothing: whatever the model likes"
        self.words = ipywidgets.Text(
            self._model(first).words, description="words", placeholder=hint, **look("64em")
        )
        self.seed = ipywidgets.BoundedIntText(
            0, min=0, max=10**6, description="seed", **look("14em")
        )
        self.draw_button = ipywidgets.Button(description="Draw", button_style="primary")
        self.stop_button = ipywidgets.Button(description="Stop", disabled=True)
        self.unfold = ipywidgets.ToggleButton(description="More", tooltip="sampler, steps and more")
        self.bar = ipywidgets.IntProgress(layout={"width": "9em"})
        self.status = ipywidgets.HTML()

        self.avoid = ipywidgets.Text("", description="but not", **look("22em"))
        self.pictures = choose(
            options=counts, value=pictures, description="pictures", **look("22em")
        )
        self.sampler = choose(
            options=list(SAMPLERS), value="2M", description="sampler", **look("22em")
        )
        self.spacing = choose(options=list(SPACINGS), description="spacing", **look("22em"))
        self.steps = ipywidgets.SelectionSlider(
            options=STEPS, value=20, description="steps", **look("22em")
        )
        self.w = ipywidgets.FloatSlider(
            w, min=0, max=20, step=0.5, description="guidance w", **look("22em")
        )
        # Not an Accordion: its heads cannot be reached by keyboard.
        more = (self.avoid, self.pictures, self.sampler, self.spacing, self.steps, self.w)
        self.more = _row(*more)
        self._fold()

        self.unfold.observe(self._fold, "value")
        self.model.observe(self._changed_model, "value")
        for entry in (self.words, self.avoid):
            entry.on_msg(lambda _, said, __: said.get("event") == "submit" and self._clicked())
        self.draw_button.on_click(self._clicked)
        self.stop_button.on_click(lambda _: self.stop())
        self.gallery = ipywidgets.HTML()
        self.seen = ipywidgets.VBox([self.gallery, *([self.picture] if self._frontier else [])])
        choice = [self.model] if len(self._models) > 1 else []
        line = _row(self.seed, self.draw_button, self.stop_button, self.unfold, self.bar)
        super().__init__([*choice, self.words, line, self.more, self.status, self.seen])

    def _fold(self, *_) -> None:
        self.more.layout.display = "flex" if self.unfold.value else "none"

    # --- the walk, a step at a time ---------------------------------------------------------------

    def start(self) -> bool:
        """Begin a walk as the controls say; False, with a sentence below the buttons, if it cannot.

        What the walk shows is remembered from now on, so that controls may change meanwhile.
        """
        asked = {
            name: value_of(getattr(self, name))
            for name in ("words", "avoid", "sampler", "steps", "spacing", "w", "seed")
        }
        try:
            model = self._model(self.model.value)
            names = model.split(asked["words"]) or ["anything"]
            n = -(-self.pictures.value // len(names)) * len(names)
            self._glimpses = draw(model, **asked, n=n)
        except ValueError as problem:  # FileProblem is one
            self.seen.layout.visibility = "hidden"  # old pictures are no answer to these words
            self._say(str(problem))
            return False
        self._asked, self._name, self._names = asked, self.model.value, names
        self._glimpse, self._shown = None, time.perf_counter()
        self.bar.max, self.bar.value = asked["steps"], 0
        self.draw_button.disabled, self.stop_button.disabled = True, False
        self.bar.layout.visibility = "visible"
        self._say("")
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
            self._show()
            self._shown = time.perf_counter()
        return True

    def stop(self) -> None:
        """End the walk after the step that it is taking; what was guessed so far stays."""
        self._glimpses.close()

    def _clicked(self, *_) -> None:
        if self.draw_button.disabled or not self.start():
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
        self.bar.layout.visibility = "hidden"  # a full bar looks like one more button
        if self._glimpse is None:
            return
        asked, done = self._asked, self._glimpse.step == self._glimpse.steps
        stopped = "" if done else f", stopped after {self._glimpse.step}"
        scale = f", w = {asked['w']:g}" if asked["words"] or asked["avoid"] else ""
        self._alt = (
            f"{len(self._glimpse.x0)} pictures of {asked['words'] or 'anything'} by "
            f"{asked['sampler']} in {asked['steps']} steps {asked['spacing']}{scale}{stopped}"
        )
        self._show()
        if self._frontier:
            self._redraw(self._draw_measured)
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

    def _show(self) -> None:
        self.gallery.value = gallery(self._glimpse.x0, self._names)
        self.seen.layout.visibility = "visible"

    def _draw_measured(self, ax) -> None:
        rows = self._frontier.get(self._name, [])
        mine = [row for row in rows if row["spacing"] == self._asked["spacing"]]
        names = list(dict.fromkeys([*SAMPLERS, *(row["sampler"] for row in rows)]))
        viz.frontier(mine, "frechet", ax, names, "Fréchet distance", None, self.here())
        ax.set_title(f"measured at w = 1, {self._asked['spacing']}" if mine else "not measured")

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and a still of it for where no kernel runs: captions below each picture."""
        n, k = len(self._glimpse.x0), len(self._names)
        cols = k * max(1, round(n**0.5 / k))
        wide = (4.5 if self._frontier else 9.0) / cols  # inches, a picture
        labels = [textwrap.fill(name, int(12 * wide) + 1) for name in self._names] * (n // k)
        size = 9.0, max(1.3 * wide * -(-n // cols), 3.8 if self._frontier else 0)
        figure, axes = viz.new_figure(1, 2 if self._frontier else 1, size)
        with mpl.rc_context(viz.style()):
            if self._frontier:
                self._draw_measured(axes[1])
            viz.pictures(self._glimpse.x0, figure.axes[0], cols, labels)
        self._png = viz.png(figure)
        return super()._repr_mimebundle_(**kwargs)

    def _cost(self) -> str:
        g, n = self._glimpse, len(self._glimpse.x0)
        each = n // len(self._names)
        how_many = f"{_many(n, 'picture')}, {each} of each" if n > each > 1 else _many(n, "picture")
        return (
            f"{how_many}, after {_many(g.step, 'step')}: {_many(g.evaluations, 'evaluation')} of "
            f"the network for each, {g.seconds:.2f} s for all."
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


def _row(*widgets) -> ipywidgets.HBox:
    """Widgets side by side, or below each other where a window is narrow."""
    return ipywidgets.HBox(widgets, layout={"flex_flow": "row wrap", "align_items": "center"})


def _many(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' * (n != 1)}"


def gallery(x: Tensor, names: list[str]) -> str:
    """Pictures (n, C, H, W) as HTML, a group for each name, which stands below; taken in turn."""
    cols = square(len(x) // len(names))
    width = min(max(880 // len(names) - 12, 64), 340)  # pixels, a group
    groups = []
    for i, name in enumerate(map(html.escape, names)):
        shown = "".join(
            f'<img alt="{name}" style="width:100%;image-rendering:pixelated" '
            f'src="data:image/png;base64,{base64.b64encode(tiles(picture[None])).decode()}">'
            for picture in x[i :: len(names)]
        )
        groups.append(
            f'<figure style="margin:0;width:{width}px;max-width:100%">'
            f'<div style="display:grid;grid-template-columns:repeat({cols},1fr);gap:2px">{shown}'
            '</div><figcaption style="text-align:center;font-size:0.9em;line-height:1.3">'
            f"{name}</figcaption></figure>"
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(groups)}</div>'
