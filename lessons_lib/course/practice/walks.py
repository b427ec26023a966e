"""Walks by hand: a widget asks for one number at a time, names the mistake, and moves the point."""

import base64
import html
import math
from typing import NamedTuple

import ipywidgets
import torch

from lessons_lib import viz
from lessons_lib.course.practice.anew import written
from lessons_lib.levels import Level, cosine, grid
from lessons_lib.samplers import ddim, walk
from lessons_lib.widgets import Pictured

EXACT = 0.0006  # a value rounded to three decimals


class Question(NamedTuple):
    """A number to fill in: name, value, the slack of rounding, known mistakes, and two hints."""

    name: str
    value: float
    slack: float
    mistakes: list[tuple[float, str]]
    hints: tuple[str, str]


def judge(question: Question, text: str) -> tuple[float | None, str]:
    """The number if it is right (else None), and a sentence about it."""
    try:
        given = float(text.strip().replace("−", "-")) + 0.0
    except ValueError:
        return None, f"“{text}” is not a number; write it like 2.09"
    if not math.isfinite(given):
        return None, f"“{text}” is not a finite number"
    if abs(given - question.value) <= EXACT:
        return given, f"✓ {question.name} = {written(given)}"
    for value, hint in question.mistakes:
        if abs(given - value) <= EXACT:
            return None, f"✗ {written(given)}: {hint}"
    if abs(given - question.value) <= question.slack:
        return given, f"✓ {question.name} = {written(given)} (rounded on the way)"
    said = f"✗ {written(given)} is not {question.name}."
    return None, f"{said} Write the formula down first, then put in."


def put_in(number: float) -> str:
    """A number in a formula, to three decimals, in brackets where it has a minus."""
    text = written(round(number, 3))
    return f"({text})" if text.startswith("−") else text


class Asking(Pictured, ipywidgets.VBox):
    """A picture, a question, a box for the number, a hint, a way out, and what a tutor says.

    Subclasses give `draw(axes)`, `question()` (None when all is done), `accept(number)`, `done()`,
    and `fresh()`, the same task from its start. Where no kernel runs, the finished task is shown.
    """

    def __init__(self, alt: str, rows: int, cols: int, size, extra=()):
        self._open(alt, rows, cols, size)
        self._figure.get_layout_engine().set(w_pad=0.25)  # inches: later ticks may be longer
        self.entry = ipywidgets.Text(continuous_update=False, placeholder="a number, then Enter")
        self.button = ipywidgets.Button(description="Check")
        self.hint = ipywidgets.Button(description="Hint")
        self.skip = ipywidgets.Button(description="Show this number")
        for each in (self.button, self.hint, self.skip):
            each.layout.width = "auto"  # also with the sign that no kernel runs
        self._hinted = 0  # hints that were given for this number
        self.prompt, self.message = ipywidgets.HTML(), ipywidgets.HTML()
        self.entry.observe(self._entered, "value")
        self.button.on_click(lambda _: self._entered({"new": self.entry.value}))
        self.hint.on_click(lambda _: self._nudge())
        self.skip.on_click(lambda _: self._shown_one())
        line = ipywidgets.HBox([self.prompt, self.entry, self.button, self.hint, self.skip])
        line.layout.flex_flow = "row wrap"
        super().__init__([self.picture, line, self.message, *extra])
        self.refresh("")

    def _entered(self, change) -> None:
        question = self.question()
        if question is None or not change["new"].strip():
            return
        number, said = judge(question, change["new"])
        if number is not None:
            self._take(number)
        self.refresh(said)

    def _take(self, number: float) -> None:
        self.accept(number)
        self.entry.value, self._hinted = "", 0

    def _nudge(self) -> None:
        """The line first, then the line with its numbers."""
        if question := self.question():
            self._hinted = min(self._hinted + 1, 2)
            self._say(f"? {question.hints[self._hinted - 1]}")

    def _shown_one(self) -> None:
        """Fill in the number that is asked, and say where it comes from."""
        if question := self.question():
            number = round(question.value, 3) + 0.0
            self._take(number)
            self.refresh(f"= {question.name} = {question.hints[1]} = {written(number)}")

    def _say(self, said: str) -> None:
        self.message.value = f'<div role="status">{html.escape(said)}</div>'

    def refresh(self, said: str) -> None:
        """Draw the picture anew and ask for the next number."""
        question = self.question()
        ask = self.done() if question is None else f"Your number for <b>{question.name}</b>:"
        self.prompt.value = ask
        for each in (self.entry, self.button, self.hint, self.skip):
            each.disabled = question is None
        self._say(said)
        self._redraw(self.draw)

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        still = self.fresh()
        while (question := still.question()) is not None:
            still.accept(question.value)
        still.refresh("")
        bundle["image/png"] = base64.b64encode(still._png).decode()
        return bundle, metadata


class hand_walk(Asking):
    """DDIM by hand: fill in x0 and the next x, step by step, from x_T to the data.

    x is where the walk starts; alpha_bar the ladder, noisiest first; eps what the network answers
    on each rung, or a denoiser of one number (x (1, 1), t), which is then asked where *you* stand.
    Answers are taken as they are given, rounded to three decimals; the drift is shown at the end.
    "New numbers" makes another walk of the same length.

    Raises ValueError unless the ladder climbs from above 0 to at most 1, one rung more than eps.
    """

    def __init__(self, x=2.0, alpha_bar=(0.01, 0.30, 0.70, 1.0), eps=(1.8, 1.4, 0.5), seed=0):
        rungs = [float(a) for a in alpha_bar]
        if not all(0 < a < b <= 1 for a, b in zip(rungs, rungs[1:], strict=False)) or not rungs[1:]:
            raise ValueError(f"alpha_bar: {rungs} given; need 0 < first < ... < last <= 1")
        if not callable(eps) and len(eps) != len(rungs) - 1:
            raise ValueError(f"eps: {len(eps)} answers for {len(rungs) - 1} steps; need as many")
        self._generator = torch.Generator().manual_seed(seed)
        self._begin(x, rungs, eps)
        again = ipywidgets.Button(description="Start again")
        new = ipywidgets.Button(description="New numbers")
        again.on_click(lambda _: self._restart(self.xs[0], self._rungs, self._eps))
        new.on_click(lambda _: self._restart(*self._drawn()))
        steps = len(rungs) - 1
        alt = f"A walk by hand from x = {written(x)} in {steps} steps: the path and its table"
        super().__init__(alt, 1, 2, (9.0, 3.1), [ipywidgets.HBox([again, new])])

    def fresh(self) -> "hand_walk":
        return hand_walk(self.xs[0], self._rungs, self._eps)

    def _begin(self, x, rungs, eps) -> None:
        self._rungs, self._eps = rungs, eps
        self.levels = [Level.from_alpha_bar(a) for a in rungs]
        self.xs, self.guesses, self.answers = [float(x) + 0.0], [], []

    def _restart(self, x, rungs, eps) -> None:
        self._begin(x, rungs, eps)
        self._hinted = 0
        self.refresh("")

    def _drawn(self):
        """Another walk: a ladder, a start and answers with two decimals."""
        draw = lambda low, high: (
            low + (high - low) * float(torch.rand((), generator=self._generator))
        )
        steps = len(self._rungs) - 1
        rungs = [round((i + draw(0.2, 0.8)) / steps, 2) for i in range(steps)]
        rungs = [max(rungs[0], 0.02), *rungs[1:], 1.0]
        eps = self._eps if callable(self._eps) else [round(draw(-2, 2), 1) for _ in range(steps)]
        return round(draw(-2.5, 2.5), 1), rungs, eps

    def _network(self, i: int) -> float:
        """What the network says on rung i, where the reader stands."""
        if not callable(self._eps):
            return float(self._eps[i])
        x, t = self.xs[i], self.levels[i]
        x0 = float(self._eps(torch.tensor([[x]], dtype=torch.float64), t))
        return round((x - float(t.alpha) * x0) / float(t.sigma), 3)

    def question(self) -> Question | None:
        i = len(self.xs) - 1
        if i == len(self.levels) - 1:
            return None
        if len(self.answers) == i:
            self.answers.append(self._network(i))
        t, s = self.levels[i], self.levels[i + 1]
        a, b = float(t.alpha), float(t.sigma)
        p, q = float(s.alpha), float(s.sigma)
        x, eps = self.xs[i], self.answers[i]
        if len(self.guesses) == i:
            right = (x - b * eps) / a
            mistakes = [
                ((x - b * b * eps) / (a * a), "you used ᾱ and 1 − ᾱ; the line has their roots."),
                ((x - b * eps) / (a * a), "you divided by ᾱ; divide by α, its root."),
                (
                    (x - b * b * eps) / a,
                    "1 − ᾱ is the noise's variance; ε is multiplied by σ, its root.",
                ),
                (x - b * eps, "you took the noise off and forgot to divide by α."),
                ((x + b * eps) / a, "you added the noise; it has to come off."),
                (x / a - b * eps, "divide all of it by α, the noise too."),
                (x / a, "you left the noise on."),
                ((x - q * eps) / p, "these are α and σ of the level we go to; stand on t first."),
                ((x - eps) / a, "the noise is on with weight σ, not 1."),
            ]
            slack = EXACT + 0.0005 * (abs(eps) + abs(right)) / a  # roots rounded to three digits
            hints = (
                "x̂0 = (x − σ ε̂) / α, with α = √ᾱ and σ = √(1 − ᾱ) of the level you stand on.",
                f"({put_in(x)} − {put_in(b)} · {put_in(eps)}) / {put_in(a)}",
            )
            return Question(f"x̂0, step {i + 1}", right, slack, mistakes, hints)
        x0 = self.guesses[i]
        right = p * x0 + q * eps
        mistakes = [
            (
                a * x0 + b * eps,
                "that leads back to where you stand; use α and σ of the next level.",
            ),
            (a * x0 + q * eps, "you kept α of the level you came from."),
            (p * x0 + b * eps, "you kept σ of the level you came from."),
            (p * p * x0 + q * q * eps, "you used ᾱ and 1 − ᾱ; the line has their roots."),
            (p * x0, "you forgot to put the noise of the next level back on."),
            (x0 + q * eps, "the guess is multiplied by α of the next level."),
            (p * x0 - q * eps, "the noise goes back on with a plus."),
            (p * x0 + q, "σ multiplies ε̂; you put σ alone."),
            (p * x + q * eps, "put in x̂0, not the x you stand on."),
            (x0, "x̂0 is the guess; the next x still carries the noise of its level."),
        ]
        mistakes = [m for m in mistakes if abs(m[0] - right) > 2 * EXACT]
        slack = EXACT + 0.0005 * (abs(x0) + abs(eps))
        hints = (
            "next x = α x̂0 + σ ε̂, with α and σ of the level you go to, and the same ε̂.",
            f"{put_in(p)} · {put_in(x0)} + {put_in(q)} · {put_in(eps)}",
        )
        return Question(f"x, after step {i + 1}", right, slack, mistakes, hints)

    def accept(self, number: float) -> None:
        places = self.guesses if len(self.guesses) < len(self.xs) else self.xs
        places.append(number)

    def exact_end(self) -> float:
        """Where the walk ends if no digit is dropped."""
        x = self.xs[0]
        for i, (t, s) in enumerate(zip(self.levels, self.levels[1:], strict=False)):
            if callable(self._eps):
                point = torch.tensor([[x]], dtype=torch.float64)
                x = float(ddim(self._eps, point, t, s).x)
            else:
                eps = float(self._eps[i])
                x0 = (x - float(t.sigma) * eps) / float(t.alpha)
                x = float(s.alpha) * x0 + float(s.sigma) * eps
        return x

    def done(self) -> str:
        end, exact = self.xs[-1], self.exact_end()
        drift = abs(end - exact)
        kept = f"{round(exact, 5) + 0.0:.5f}"
        said = f"You arrived at <b>{written(end)}</b>; with every digit kept {kept}"
        return f"{said}: drift {drift:.5f}."

    def draw(self, axes) -> None:
        path, table = axes
        noise = [float(t.sigma) for t in self.levels]
        self._draw_true_path(path)
        path.plot(noise[: len(self.xs)], self.xs, "o-", color=viz.DATA, label="x, your walk")
        for i, x0 in enumerate(self.guesses):
            label = r"$\hat{x}_0$, the guess" if i == 0 else None
            path.plot([noise[i], 0], [self.xs[i], x0], ":", color=viz.NOISE, linewidth=1)
            path.plot([0], [x0], "D", color=viz.NOISE, markerfacecolor="none", label=label)
        low, high = path.dataLim.intervaly
        path.set(xlabel="σ, how much noise is on", ylabel="x", xlim=(1.05, -0.08))
        path.set_ylim(low - 0.3, high + 0.3)  # room, also for a single point
        path.legend(loc="best", fontsize=9)
        table.set_axis_off()
        cells = [[f"{self._rungs[i]:g} → {self._rungs[i + 1]:g}", self._shown(self.xs, i),
                  self._shown(self.answers, i), self._shown(self.guesses, i),
                  self._shown(self.xs, i + 1)] for i in range(len(self._rungs) - 1)]  # fmt: skip
        head = ["ᾱ", "x", r"$\hat{\varepsilon}$", r"$\hat{x}_0$", "next x"]
        drawn = table.table(cells, colLabels=head,
                            colWidths=[0.28, 0.18, 0.16, 0.18, 0.18],
                            loc="center", cellLoc="center")  # fmt: skip
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(11)
        drawn.scale(1.08, 1.7)

    def _draw_true_path(self, ax) -> None:
        """Where the network is exact, the path that endlessly many steps would take."""
        if not callable(self._eps):
            return
        time = [float(t.time) for t in self.levels]
        angle = lambda u: Level.from_alpha_bar(math.cos(u * math.pi / 2) ** 2)
        fine = [angle(u) for u in torch.linspace(time[0], 0, 200).tolist()]
        x = torch.tensor([[self.xs[0]]], dtype=torch.float64)
        steps = list(walk(ddim, self._eps, x, fine))
        ax.plot([float(t.sigma) for t in fine], [self.xs[0], *(float(s.x) for s in steps)],
                "-", color="0.75", label="the true path")  # fmt: skip

    @staticmethod
    def _shown(values, i: int) -> str:
        return written(round(values[i], 3)) if i < len(values) else "…"


class hand_blend(Asking):
    """Guidance by hand: ε = ε_u + w (ε_c − ε_u) at each of a few scales, and the arrow that moves.

    u and c are what the network says without and with the condition; w the scales to fill in. The
    picture draws them as arrows, second coordinate given by tilt; the slider moves w.
    """

    def __init__(self, u=0.6, c=1.0, w=(1.0, 5.0, 15.0), tilt=(0.15, 0.35)):
        self.u, self.c, self.scales, self._tilt, self.found = u, c, list(map(float, w)), tilt, []
        self.slider = ipywidgets.FloatSlider(
            value=3.0, min=-1, max=max(self.scales), step=0.5, description="w"
        )
        self.slider.observe(lambda _: self.refresh(""), "value")
        alt = f"Guidance as arrows: from the unconditional {u:g} through the conditional {c:g}"
        super().__init__(alt, 1, 2, (9.0, 3.1), [self.slider])

    def fresh(self) -> "hand_blend":
        return hand_blend(self.u, self.c, self.scales, self._tilt)

    def question(self) -> Question | None:
        if len(self.found) == len(self.scales):
            return None
        w, u, c = self.scales[len(self.found)], self.u, self.c
        right = u + w * (c - u)
        mistakes = [
            (u + (1 + w) * (c - u), "that is the paper's convention, 1 + w; ours starts at w = 0."),
            (c + w * (u - c), "you started from c; start from u and walk towards c."),
            (w * c + (w - 1) * u, "a sign: it is w·c − (w − 1)·u."),
            (w * c, "you scaled the conditional guess alone."),
            (u + w * c, "w multiplies the difference c − u, not c."),
            ((u + c) / 2, "that is the mean of the two."),
            (w * (c - u), "start from u, then add w times the difference."),
            (u, "that is w = 0."),
            (c, "that is w = 1."),
        ]
        mistakes = [m for m in mistakes if abs(m[0] - right) > 2 * EXACT]
        hints = (
            "ε̂ = ε_u + w (ε_c − ε_u): from the unconditional guess, w times the difference.",
            f"{put_in(u)} + {put_in(w)} · ({put_in(c)} − {put_in(u)})",
        )
        return Question(f"ε̂ at w = {w:g}", right, EXACT, mistakes, hints)

    def accept(self, number: float) -> None:
        self.slider.unobserve_all("value")
        self.slider.value = self.scales[len(self.found)]
        self.slider.observe(lambda _: self.refresh(""), "value")
        self.found.append(number)

    def done(self) -> str:
        return "All three. Move w and watch the arrow leave the two that it came from."

    def draw(self, axes) -> None:
        arrows, table = axes
        w = self.slider.value
        low, high = self._tilt
        tip = (self.u + w * (self.c - self.u), low + w * (high - low))
        for point, name, color, away, ha in (  # the two short arrows are named on their free side
            ((self.u, low), r"$\varepsilon_u$", viz.DATA, (8, -9), "left"),
            ((self.c, high), r"$\varepsilon_c$", viz.MODEL, (8, 1), "left"),
            (tip, rf"$\hat{{\varepsilon}}$ at w = {w:g}", viz.NOISE, (0, 12), "center"),
        ):
            shape = {"arrowstyle": "->", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0}
            arrows.annotate("", point, (0, 0), arrowprops=shape)
            arrows.annotate(name, point, away, textcoords="offset points", color=color,
                            va="center", ha=ha)  # fmt: skip
        arrows.plot([self.u, tip[0]], [low, tip[1]], ":", color="0.6", linewidth=1)
        ends = [self.u + end * (self.c - self.u) for end in (-1, max(self.scales))]
        tops = [low + end * (high - low) for end in (-1, max(self.scales))]
        arrows.set(  # the axes stand still, so that the arrow is seen to move
            xlabel=r"first coordinate of $\varepsilon$",
            ylabel="second coordinate",
            xlim=(min(-0.3, *ends) - 0.3, 1.15 * max(ends)),
            ylim=(min(-0.3, *tops) - 0.3, 1.25 * max(tops)),
        )
        table.set_axis_off()
        rows = [[f"{s:g}", f"{self.found[i]:g}" if i < len(self.found) else "…"]
                for i, s in enumerate(self.scales)]  # fmt: skip
        formula = r"$\hat{\varepsilon} = \varepsilon_u + w\,(\varepsilon_c - \varepsilon_u)$"
        given = [[r"$\varepsilon_u$", f"{self.u:g}"], [r"$\varepsilon_c$", f"{self.c:g}"]]
        drawn = table.table([*given, *rows],
                            colLabels=["w", formula], colWidths=[0.25, 0.65],
                            loc="center", cellLoc="center")  # fmt: skip
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(11)
        drawn.scale(1.0, 1.6)


def exact_walk(denoise, steps: int = 3) -> hand_walk:
    """The same walk where the network is exact: on the cosine schedule, from x = 1.2."""
    ladder = [float(t.alpha**2) for t in grid(cosine, steps, start=0.9)]
    return hand_walk(x=1.2, alpha_bar=[round(a, 2) for a in ladder], eps=denoise)
