"""Walks by hand: DDIM step by step, and guidance arrow by arrow; each typical mistake is named."""

import math
from itertools import pairwise

import ipywidgets
import torch

from lessons_lib import viz
from lessons_lib.course.practice.anew import written
from lessons_lib.course.practice.asking import EXACT, Asking, Blank, apart, put_in, tabled
from lessons_lib.guards import seeded
from lessons_lib.levels import Level, cosine, grid
from lessons_lib.samplers import ddim, walk


def guess_asked(step: int, x: float, eps: float, t: Level, s: Level) -> Blank:
    """The first line of DDIM's step: x0 from where the reader stands."""
    a, b, p, q = map(float, (t.alpha, t.sigma, s.alpha, s.sigma))
    right = (x - b * eps) / a
    mistakes = [
        ((x - b * b * eps) / (a * a), "you used ᾱ and 1 − ᾱ; the line has their roots."),
        ((x - b * eps) / (a * a), "you divided by ᾱ; divide by α, its root."),
        ((x - b * b * eps) / a, "1 − ᾱ is the noise's variance; ε is multiplied by σ, its root."),
        (x - b * eps, "you took the noise off and forgot to divide by α."),
        ((x + b * eps) / a, "you added the noise; it has to come off."),
        (x / a - b * eps, "divide all of it by α, the noise too."),
        (x / a, "you left the noise on."),
        ((x - q * eps) / p, "these are α and σ of the level we go to; stand on t first."),
        ((x - eps) / a, "the noise is on with weight σ, not 1."),
    ]
    hints = (
        "x̂0 = (x − σ ε̂) / α, with α = √ᾱ and σ = √(1 − ᾱ) of the level you stand on.",
        f"({put_in(x)} − {put_in(b)} · {put_in(eps)}) / {put_in(a)}",
    )
    slack = EXACT + 0.0005 * (abs(eps) + abs(right)) / a  # roots rounded to three digits
    return Blank(f"x̂0, step {step}", right, slack, mistakes, hints)


def move_asked(step: int, x: float, x0: float, eps: float, t: Level, s: Level) -> Blank:
    """The second line of DDIM's step: the next x, with the noise of the next level."""
    a, b, p, q = map(float, (t.alpha, t.sigma, s.alpha, s.sigma))
    right = p * x0 + q * eps
    mistakes = [
        (a * x0 + b * eps, "that leads back to where you stand; use α and σ of the next level."),
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
    hints = (
        "next x = α x̂0 + σ ε̂, with α and σ of the level you go to, and the same ε̂.",
        f"{put_in(p)} · {put_in(x0)} + {put_in(q)} · {put_in(eps)}",
    )
    slack = EXACT + 0.0005 * (abs(x0) + abs(eps))
    return Blank(f"x, after step {step}", right, slack, apart(mistakes, right), hints)


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
        if not all(0 < a < b <= 1 for a, b in pairwise(rungs)) or not rungs[1:]:
            raise ValueError(f"alpha_bar: {rungs} given; need 0 < first < ... < last <= 1")
        if not callable(eps) and len(eps) != len(rungs) - 1:
            raise ValueError(f"eps: {len(eps)} answers for {len(rungs) - 1} steps; need as many")
        self._generator = seeded(seed)
        self._begin(x, rungs, eps)
        again = ipywidgets.Button(description="Start again")
        new = ipywidgets.Button(description="New numbers")
        again.on_click(lambda _: self._restart(self.xs[0], self._rungs, self._eps))
        new.on_click(lambda _: self._restart(*self._drawn()))
        steps = len(rungs) - 1
        alt = f"A walk by hand from x = {written(x)} in {steps} steps: the path and its table"
        super().__init__(alt, 1, 2, (9.0, 3.1), [ipywidgets.HBox([again, new])])

    def unfilled(self) -> "hand_walk":
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

    def _network(self, i: int, x: float) -> float:
        """What the network says on rung i, at x."""
        if not callable(self._eps):
            return float(self._eps[i])
        t = self.levels[i]
        x0 = float(self._eps(torch.tensor([[x]], dtype=torch.float64), t))
        return (x - float(t.alpha) * x0) / float(t.sigma)

    def blank(self) -> Blank | None:
        i = len(self.xs) - 1
        if i == len(self.levels) - 1:
            return None
        x, (t, s) = self.xs[i], self.levels[i : i + 2]
        if len(self.answers) == i:
            eps = self._network(i, x)
            self.answers.append(round(eps, 3) if callable(self._eps) else eps)
        eps = self.answers[i]
        if len(self.guesses) == i:
            return guess_asked(i + 1, x, eps, t, s)
        return move_asked(i + 1, x, self.guesses[i], eps, t, s)

    def accept(self, number: float) -> None:
        places = self.guesses if len(self.guesses) < len(self.xs) else self.xs
        places.append(number)

    def exact_end(self) -> float:
        """Where the walk ends if no digit is dropped."""
        x = self.xs[0]
        for i, (t, s) in enumerate(pairwise(self.levels)):
            eps = self._network(i, x)
            x0 = (x - float(t.sigma) * eps) / float(t.alpha)
            x = float(s.alpha) * x0 + float(s.sigma) * eps
        return x

    def done(self) -> str:
        end, exact = self.xs[-1], self.exact_end()
        kept = f"{round(exact, 5) + 0.0:.5f}"
        said = f"You arrived at <b>{written(end)}</b>; with every digit kept {kept}"
        return f"{said}: drift {abs(end - exact):.5f}."

    def draw(self, axes) -> None:
        path, table = axes
        noise = [float(t.sigma) for t in self.levels]
        if callable(self._eps):
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
        columns = (self.xs, self.answers, self.guesses, self.xs[1:])
        rows = [[f"{a:g} → {b:g}", *(self._shown(each, i) for each in columns)]
                for i, (a, b) in enumerate(pairwise(self._rungs))]  # fmt: skip
        head = ["ᾱ", "x", r"$\hat{\varepsilon}$", r"$\hat{x}_0$", "next x"]
        tabled(table, head, rows, [0.28, 0.18, 0.16, 0.18, 0.18], (1.08, 1.7))

    def _draw_true_path(self, ax) -> None:
        """The path that endlessly many steps would take, where the network is exact."""
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


def exact_walk(denoise, steps: int = 3) -> hand_walk:
    """The same walk where the network is exact: on the cosine schedule, from x = 1.2."""
    ladder = [float(t.alpha**2) for t in grid(cosine, steps, start=0.9)]
    return hand_walk(x=1.2, alpha_bar=[round(a, 2) for a in ladder], eps=denoise)


def blend_asked(u: float, c: float, w: float) -> Blank:
    """The line of guidance at one scale."""
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
    hints = (
        "ε̂ = ε_u + w (ε_c − ε_u): from the unconditional guess, w times the difference.",
        f"{put_in(u)} + {put_in(w)} · ({put_in(c)} − {put_in(u)})",
    )
    return Blank(f"ε̂ at w = {w:g}", right, EXACT, apart(mistakes, right), hints)


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

    def unfilled(self) -> "hand_blend":
        return hand_blend(self.u, self.c, self.scales, self._tilt)

    def blank(self) -> Blank | None:
        if len(self.found) == len(self.scales):
            return None
        return blend_asked(self.u, self.c, self.scales[len(self.found)])

    def accept(self, number: float) -> None:
        self.slider.unobserve_all("value")
        self.slider.value = self.scales[len(self.found)]
        self.slider.observe(lambda _: self.refresh(""), "value")
        self.found.append(number)

    def done(self) -> str:
        return "All three. Move w and watch the arrow leave the two that it came from."

    def draw(self, axes) -> None:
        arrows, table = axes
        w, (low, high) = self.slider.value, self._tilt
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
        formula = r"$\hat{\varepsilon} = \varepsilon_u + w\,(\varepsilon_c - \varepsilon_u)$"
        given = [[r"$\varepsilon_u$", f"{self.u:g}"], [r"$\varepsilon_c$", f"{self.c:g}"]]
        rows = [[f"{s:g}", f"{self.found[i]:g}" if i < len(self.found) else "…"]
                for i, s in enumerate(self.scales)]  # fmt: skip
        tabled(table, ["w", formula], [*given, *rows], [0.25, 0.65], (1.0, 1.6))
