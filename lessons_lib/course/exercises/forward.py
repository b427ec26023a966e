"""Exercises of notebook 01, the forward process, in the paper's language of tables.

Integers n = 1 ... T count the steps; `beta` has T entries and beta[n-1] belongs to step n;
`alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1 is the data.
"""

import math

import torch

from lessons_lib import diffuse, levels
from lessons_lib.course.exercises import Function, Identity, Value, Wrong

ONE_STEP = "One step into the fog"
JUMP = "One jump instead of n steps"
POWER = "Power and amplitude"
SCHEDULES = "Schedules"
BACK = "Back to the clean picture"


# --- what probes and wrong answers share ----------------------------------------------------------


def strong_betas(T, generator):
    """Random betas up to .25: with the usual small ones, root and no root look alike."""
    return 0.01 + 0.24 * torch.rand(T, generator=generator, dtype=torch.float64)


def long_betas(T, generator):
    """A long strong table: ᾱ ends near 1e-9, where a floor set "to be safe" shows."""
    return 0.1 + 0.05 * torch.rand(T, generator=generator, dtype=torch.float64)


def normal(*shape, generator):
    """Float64 noise, so that two right answers cannot round apart."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def per_sample(a, x):
    """One number per sample, shaped to multiply x: (B,) to (B, 1, ..., 1)."""
    return a.reshape(-1, *[1] * (x.ndim - 1))


def betas_of(alpha_bar):
    """The T betas behind a table of alpha_bar."""
    return 1 - alpha_bar[1:] / alpha_bar[:-1]


def table_level(n, alpha_bar, x):
    """Entry n of the table as a level of the library, shaped to fit x."""
    a = alpha_bar[n]
    return levels.Level(torch.as_tensor(n) / (len(alpha_bar) - 1), a.sqrt(), (1 - a).sqrt()).to(x)


# Shapes where batch, channels, height and width coincide hide broadcasting along the wrong axis.
SHAPES = ((4, 1, 4, 4), (3, 3, 3, 3), (4, 4), (5, 2, 3, 4), (2, 7), (4, 4, 4, 4), (6, 1, 2, 6))


def batch_probes(generator):
    """Pictures and vectors with another n for each sample: 1, T, 0 and 2 always among them.

    Two tables are long, and two batches are a hundred times as bright, so that no limit hides.
    """
    probes = []
    for i, shape in enumerate(SHAPES * 2):
        T = 150 if i % 7 == 4 else int(torch.randint(5, 12, (), generator=generator))
        betas = long_betas if i % 7 == 4 else strong_betas
        alpha_bar = levels.alpha_bar(betas(T, generator))
        must = torch.tensor([1, T, 0, 2])[: shape[0]]
        some = torch.randint(1, T + 1, (shape[0] - len(must),), generator=generator)
        x0, eps = (100 if i % 7 == 5 else 1) * normal(2, *shape, generator=generator)
        probes.append((x0, torch.cat([must, some]), eps, alpha_bar))
    return probes


# --- by hand --------------------------------------------------------------------------------------

TWO_STEPS = Value(
    id="forward.two_steps",
    question=(
        "Two steps with β = 0.1 each take x0 to $x_2 = a\\,x_0 + b\\,\\varepsilon$. "
        "Give `two_steps = (a, b)`, rounded to three decimals."
    ),
    section=ONE_STEP,
    answer=(0.9, 0.436),
    tested=("the coefficients of x0 and of ε, to three decimals",),
    hints=(
        "Write x_1, then put it into x_2. What happens to the factor in front of x0?",
        "x0 is multiplied by √.9 twice. The two noises are independent: their variances add.",
        "a = √.9 · √.9; b is the root of .9 · .1 + .1.",
    ),
    wrong=(
        Wrong(
            "no root",
            (0.81, 0.19),
            "You multiplied (1 − β) as it is. That is the share of the *power*; a picture is "
            "multiplied by its root.",
        ),
        Wrong(
            "variance for spread",
            (0.9, 0.19),
            "Your b is the variance of the noise. ε is multiplied by the standard deviation, its "
            "root.",
        ),
        Wrong(
            "signal without root",
            (0.81, 0.436),
            "Your b is right. For a you used (1 − β)², but each step multiplies by √(1 − β).",
        ),
        Wrong(
            "one step only",
            (0.949, 0.316),
            "These are the coefficients after one step: put x_1 into the line for x_2.",
        ),
        Wrong(
            "noises added",
            (0.9, 0.616),
            "You added the two spreads, .300 + .316, as if both noises were the same. They are "
            "independent: variances add.",
        ),
        Wrong(
            "noise not shrunk",
            (0.9, 0.447),
            "You added .1 and .1. The first noise is shrunk by the second step, like the picture: "
            ".9 · .1 + .1.",
        ),
        Wrong(
            "beta for noise",
            (0.9, 0.1),
            "You took β for the noise of the whole way. It is the variance that one step adds.",
        ),
        Wrong(
            "adds to one",
            (0.9, 0.1**0.5),
            "You took √β of one step for the noise. Two steps have brought more: .9 · .1 + .1.",
        ),
        Wrong(
            "swapped",
            (0.436, 0.9),
            "The right numbers in the wrong places: a belongs to x0.",
        ),
    ),
    tolerance=0.0005,
)


def _rounded(values, digits=4):
    return tuple(round(float(v), digits) for v in values)


_FIVE = torch.tensor([0.02, 0.04, 0.06, 0.08, 0.10], dtype=torch.float64)

ALPHA_BARS = Value(
    id="forward.alpha_bars",
    question=(
        "β = .02, .04, .06, .08, .10. Give the five values $\\bar\\alpha_1 \\ldots \\bar\\alpha_5$ "
        "as a tuple `alpha_bars`, to four decimals."
    ),
    section=JUMP,
    answer=_rounded(levels.alpha_bar(_FIVE)[1:]),
    tested=("five values of ᾱ, to four decimals",),
    hints=(
        "What does one step leave of the signal's power?",
        "A share 1 − β is left each time; shares of shares multiply.",
        ".98, then .98 · .96, then that times .94, …",
    ),
    wrong=(
        Wrong(
            "no product",
            _rounded(1 - _FIVE),
            "These are 1 − β, what each step keeps of what it gets. ᾱ is what is left since the "
            "start: multiply them up.",
        ),
        Wrong(
            "sum",
            _rounded(1 - _FIVE.cumsum(0)),
            "You subtracted the βs one after the other. Each step takes its share of what is "
            "*left*, so the factors 1 − β multiply.",
        ),
        Wrong(
            "roots",
            _rounded((1 - _FIVE).cumprod(0).sqrt()),
            "These are √ᾱ, the amplitudes. ᾱ itself is the share of power: no root.",
            POWER,
        ),
        Wrong(
            "product of betas",
            _rounded(_FIVE.cumprod(0)),
            "You multiplied the βs. β is what is lost; multiply what is kept, 1 − β.",
        ),
        Wrong(
            "noise",
            _rounded(1 - (1 - _FIVE).cumprod(0)),
            "These are 1 − ᾱ, the noise's share of the power.",
            POWER,
        ),
        Wrong(
            "starts at one",
            (1.0, *_rounded((1 - _FIVE).cumprod(0)[:-1])),
            "You began with ᾱ_0 = 1. The question asks for n = 1 to 5: one entry further.",
        ),
        Wrong(
            "exponential",
            _rounded((-_FIVE.cumsum(0)).exp()),
            "You used exp(−Σβ). It is close while β is small, but the steps are finite: multiply "
            "1 − β.",
        ),
        Wrong(
            "squared",
            _rounded((1 - _FIVE).cumprod(0) ** 2),
            "You squared ᾱ. It is a power already: the product of 1 − β, as it is.",
            POWER,
        ),
    ),
    tolerance=0.00005,
)


# --- alpha_bar ------------------------------------------------------------------------------------


def alpha_bar(beta):
    """What is left of the data's power after n steps, for n = 0 ... T."""
    return torch.cat([torch.ones_like(beta[:1]), torch.cumprod(1 - beta, dim=0)])  # (T + 1,)


def alpha_bar_probes(generator):
    """Strong random tables of many lengths, one entry long, constant and very long ones too."""
    tables = [strong_betas(T, generator) for T in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20)]
    tables += [torch.full((7,), 0.2).double(), torch.tensor([0.3, 0.995, 0.2]).double()]
    tables += [levels.linear_betas()]
    return [(beta,) for beta in (*tables, long_betas(150, generator))]


def table_or_its_end(answer, probe):
    """Call the answer; of a long table take the last entry alone: beside a 1 it would not count."""
    table = answer(*probe)
    return table if len(probe[0]) < 100 else list(table)[-1]


def alpha_bar_by_loop(beta):
    """One entry after the other, in plain Python."""
    left = [1.0]
    for b in beta.tolist():
        left.append(left[-1] * (1 - b))
    return torch.tensor(left, dtype=beta.dtype)


def alpha_bar_by_logs(beta):
    """A product as the exponential of a sum of logarithms."""
    return torch.nn.functional.pad((1 - beta).log().cumsum(0), (1, 0)).exp()


def _after_one(later):
    """Put the entry for the data, 1, before the others."""
    return lambda beta: torch.cat([torch.ones_like(beta[:1]), later(beta)])


ALPHA_BAR = Function(
    id="forward.alpha_bar",
    question=(
        "Write `alpha_bar(beta)`: `beta` is a 1-D table of T values, `beta[n-1]` for step n; the "
        "result has T + 1 entries, entry n for n = 0 ... T, and entry 0 is 1, the data."
    ),
    section=JUMP,
    answer=alpha_bar,
    probes=alpha_bar_probes,
    run=table_or_its_end,
    tested=(
        "T + 1 entries, the first is 1",
        "strong, constant and one-step tables",
        "the end of long ones",
    ),
    hints=(
        "What share of the power does step n keep of what it was given?",
        "The product of (1 − β) up to n; before the first step nothing is lost.",
        "`torch.cumprod(1 - beta, dim=0)`, with a 1 put in front by `torch.cat`.",
    ),
    wrong=(
        Wrong(
            "cumprod of beta",
            _after_one(lambda beta: beta.cumprod(0)),
            "You multiplied the βs. β is the share that is *lost*; multiply what is kept, 1 − β.",
        ),
        Wrong(
            "one minus cumsum",
            _after_one(lambda beta: 1 - beta.cumsum(0)),
            "You added up the losses. Each step takes its share of what is left, not of the start; "
            "your table would even turn negative.",
        ),
        Wrong(
            "one minus cumprod of kept",
            lambda beta: 1 - alpha_bar(beta),
            "That is 1 − ᾱ, the noise's share. The data's share is the product itself.",
            POWER,
        ),
        Wrong(
            "one minus cumprod of kept, after a one",
            _after_one(lambda beta: 1 - (1 - beta).cumprod(0)),
            "From entry 1 on you have 1 − ᾱ, the noise's share; the data's share is the product.",
            POWER,
        ),
        Wrong(
            "first entry missing",
            lambda beta: (1 - beta).cumprod(0),
            "The product is right, but entry 0 is missing: alpha_bar[n] should belong to n, with "
            "alpha_bar[0] = 1 for the data. Many codes leave it out, and pay with `n - 1` later.",
        ),
        Wrong(
            "last entry dropped",
            lambda beta: alpha_bar(beta)[:-1],
            "The last entry, alpha_bar[T], is missing: T steps have T + 1 ends.",
        ),
        Wrong(
            "roots",
            _after_one(lambda beta: (1 - beta).sqrt().cumprod(0)),
            "You multiplied √(1 − β), which gives √ᾱ, the amplitude. ᾱ is the power: no root.",
            POWER,
        ),
        Wrong(
            "exponential",
            _after_one(lambda beta: (-beta.cumsum(0)).exp()),
            "You used exp(−Σβ): the limit of many tiny steps. These steps are finite, and a strong "
            "β shows the difference.",
        ),
        Wrong(
            "not cumulative",
            _after_one(lambda beta: 1 - beta),
            "You kept 1 − β of each step alone. ᾱ_n is what is left since the start: the product "
            "of all of them.",
        ),
        Wrong(
            "from the end",
            lambda beta: alpha_bar(beta.flip(0)),
            "You multiplied from the last step backwards. Fog grows from the first step on.",
        ),
        Wrong(
            "noise first",
            lambda beta: alpha_bar(beta).flip(0),
            "Your table is upside down: entry 0 is the data and entry T the noise.",
        ),
        Wrong(
            "squares",
            _after_one(lambda beta: ((1 - beta) ** 2).cumprod(0)),
            "You squared 1 − β. It is a share of power already.",
            POWER,
        ),
        Wrong(
            "never below 1e-5",
            lambda beta: alpha_bar(beta).clamp(min=1e-5),
            "You set a floor of 1e-5. At the end of a long table less than that is left, and each "
            "step must still take its share; with a floor, 1 − ᾱ_n/ᾱ_{n−1} becomes 0 there.",
        ),
        Wrong(
            "each factor kept from 0",
            _after_one(lambda beta: (1 - beta + 1e-5).cumprod(0)),
            "You added 1e-5 to every factor. It looks harmless, but a long product multiplies the "
            "slip; 1 − β is never 0, so nothing has to be made safe.",
        ),
    ),
    variants=(levels.alpha_bar, alpha_bar_by_loop, alpha_bar_by_logs),
    identities=(
        Identity(
            "entry 0 is 1, the data",
            lambda out, beta: (out[0][0], 1.0) if out[0].ndim else None,
        ),
        Identity(
            "each entry is the one before, times 1 − β",
            lambda out, beta: (out[0][1:], out[0][:-1] * (1 - beta)) if out[0].ndim else None,
        ),
    ),
)


# --- q_sample -------------------------------------------------------------------------------------


def q_sample(x0, n, eps, alpha_bar):
    """Jump to step n at once: shrink the picture, add the noise, each by its own amount."""
    a = alpha_bar[n].reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1): one number per sample
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def q_sample_by_library(x0, n, eps, alpha_bar):
    """The library's own line, on the level that entry n describes."""
    return diffuse.q_sample(x0, table_level(n, alpha_bar, x0), eps)


def q_sample_by_sample(x0, n, eps, alpha_bar):
    """One sample after the other, with plain numbers."""
    rows = []
    for x, k, e in zip(x0, n.tolist(), eps, strict=True):
        power = float(alpha_bar[k])
        rows.append(math.sqrt(power) * x + math.sqrt(1 - power) * e)
    return torch.stack(rows)


def _blend(signal, noise, pick=lambda alpha_bar, n: alpha_bar[n]):
    """A wrong q_sample: signal(a)·x0 + noise(a)·eps, with a = pick(alpha_bar, n) per sample."""

    def wrong(x0, n, eps, alpha_bar):
        a = per_sample(pick(alpha_bar, n), x0)
        return signal(a) * x0 + noise(a) * eps

    return wrong


def _root(a):
    return a.sqrt()


def _rest(a):
    return (1 - a).sqrt()


def _along_width(x0, n, eps, alpha_bar):
    return alpha_bar[n].sqrt() * x0 + (1 - alpha_bar[n]).sqrt() * eps


def _for_vectors_only(x0, n, eps, alpha_bar):
    a = alpha_bar[n][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def _for_images_only(x0, n, eps, alpha_bar):
    a = alpha_bar[n][:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


Q_SAMPLE = Function(
    id="forward.q_sample",
    question=(
        "Write `q_sample(x0, n, eps, alpha_bar)`: the noisy batch x_n. `x0` and `eps` have one "
        "shape, (B, C, H, W) or (B, D); `n` holds one integer 0 ... T *per sample*, (B,), and 0 "
        "means the data itself; `alpha_bar` has T + 1 entries, the first is 1."
    ),
    section=JUMP,
    answer=q_sample,
    probes=batch_probes,
    tested=("another n for each sample, with 0, 1 and T", "pictures and vectors", "strong betas"),
    hints=(
        "Which two factors does the jump have, and which of them belongs to which tensor?",
        "√ᾱ_n for x0 and √(1 − ᾱ_n) for ε; one pair of factors per sample.",
        "`a = alpha_bar[n]`, reshaped to (B, 1, ..., 1); then `a.sqrt() * x0 + ...`.",
    ),
    wrong=(
        Wrong(
            "no roots",
            _blend(lambda a: a, lambda a: 1 - a),
            "You used ᾱ and 1 − ᾱ without roots. They are shares of power; a picture is multiplied "
            "by an amplitude, √ᾱ.",
            POWER,
        ),
        Wrong(
            "signal without root",
            _blend(lambda a: a, _rest),
            "The noise is right. x0 is multiplied by ᾱ, a share of power; its amplitude is √ᾱ.",
            POWER,
        ),
        Wrong(
            "variance as std",
            _blend(_root, lambda a: 1 - a),
            "You multiplied ε by 1 − ᾱ, the variance. ε is multiplied by a standard deviation: "
            "√(1 − ᾱ).",
            POWER,
        ),
        Wrong(
            "one minus root",
            _blend(_root, lambda a: 1 - a.sqrt()),
            "You used 1 − √ᾱ for the noise, as in a cross-fade. Powers add up to one, not "
            "amplitudes: √(1 − ᾱ).",
            POWER,
        ),
        Wrong(
            "beta for alpha_bar",
            _blend(_root, _rest, lambda alpha_bar, n: betas_of(alpha_bar)[n - 1]),
            "You used β_n for ᾱ_n: what step n alone takes away, where the jump needs what is left "
            "after all n steps.",
        ),
        Wrong(
            "one step's keep",
            _blend(_root, _rest, lambda alpha_bar, n: 1 - betas_of(alpha_bar)[n - 1]),
            "You used 1 − β_n for ᾱ_n. That is *one* step, from x_{n−1}; the jump starts at x0.",
        ),
        Wrong(
            "off by one",
            _blend(_root, _rest, lambda alpha_bar, n: alpha_bar[n - 1]),
            "You read entry n − 1. In codes whose table has no entry for the data that is right; "
            "ours has one, so entry n belongs to step n (and −1 would wrap to the noisiest).",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "broadcast along width",
            _along_width,
            "Your factors have shape (B,). Torch lines up the *last* axes, so each column of the "
            "picture got another n; it runs without error when B = W. Reshape to (B, 1, ..., 1).",
        ),
        Wrong(
            "images only",
            _for_images_only,
            "Your factors have three extra axes, always. A batch of vectors, (B, D), becomes "
            "(B, 1, B, D): let the number of axes follow x0.ndim.",
        ),
        Wrong(
            "vectors only",
            _for_vectors_only,
            "Your factors have one extra axis, (B, 1): right for vectors. In a picture torch lines "
            "them up with the *rows*: let the number of axes follow x0.ndim.",
        ),
        Wrong(
            "swapped",
            _blend(_rest, _root),
            "x0 and ε have changed places: at n = 0 you return pure noise.",
        ),
        Wrong(
            "one n for all",
            lambda x0, n, eps, alpha_bar: q_sample(x0, n[:1].expand(len(n)), eps, alpha_bar),
            "You used the first n for the whole batch. Training draws another n for each sample.",
        ),
        Wrong(
            "schedule twice",
            _blend(_root, _rest, lambda alpha_bar, n: alpha_bar.cumprod(0)[n]),
            "You took a cumulative product of alpha_bar, which is one already.",
        ),
        Wrong(
            "x0 unscaled",
            _blend(torch.ones_like, _rest),
            "You left x0 as it is and only added noise. Some models do (variance exploding); here "
            "the picture is dimmed by √ᾱ, so that the total power stays one.",
            ONE_STEP,
        ),
        Wrong(
            "variance exploding",
            _blend(torch.ones_like, lambda a: ((1 - a) / a).sqrt()),
            "You divided everything by √ᾱ: x0 stays and the noise grows, as in models called "
            "variance exploding. Here the picture is dimmed.",
            ONE_STEP,
        ),
        Wrong(
            "fresh noise",
            lambda x0, n, eps, alpha_bar: q_sample(x0, n, torch.randn_like(x0), alpha_bar),
            "You drew new noise inside. The loss compares the network's answer with eps, so it "
            "must be the eps that went in.",
        ),
        Wrong(
            "minus",
            _blend(_root, lambda a: -_rest(a)),
            "You subtracted the noise. The pictures look alike, but the network would have to "
            "answer −ε.",
        ),
        Wrong(
            "clamped",
            lambda x0, n, eps, alpha_bar: q_sample(x0, n, eps, alpha_bar).clamp(-1, 1),
            "You clamped the result to [−1, 1]. Noise goes beyond, and must: clamped noise is not "
            "Gaussian any more.",
        ),
    ),
    variants=(q_sample_by_library, q_sample_by_sample),
    identities=(
        Identity(
            "at n = 0 the picture comes back unchanged",
            lambda out, x0, n, eps, alpha_bar: (out[0][n == 0], x0[n == 0]),
        ),
        Identity(
            "what is not √ᾱ_n·x0 in the result is √(1 − ᾱ_n)·ε",
            lambda out, x0, n, eps, alpha_bar: (
                out[0] - per_sample(alpha_bar[n].sqrt(), x0) * x0,
                per_sample((1 - alpha_bar[n]).sqrt(), x0) * eps,
            ),
        ),
    ),
)


# --- cosine betas ---------------------------------------------------------------------------------


def cosine_betas(T):
    """Betas that make alpha_bar fall like a squared cosine, none of them above .999."""
    n = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((n / T + 0.008) / 1.008 * math.pi / 2) ** 2  # (T + 1,)
    return (1 - f[1:] / f[:-1]).clamp(max=0.999)  # (T,)


def cosine_probes(generator):
    """Table lengths: short ones, the usual 1000, and one whose first betas are below 1e-5."""
    lengths = torch.randperm(39, generator=generator)[:12] + 2
    return [(T,) for T in (1, *lengths.tolist(), 1000, 8000)]


def half_a_long_table(answer, probe):
    """Call the answer; of a long table take the first half, where float32 is as right as float64.

    The last entry stays: it is the limit.
    """
    (T,) = probe
    table = answer(T)
    if T < 100:
        return table
    entries = torch.tensor([float(beta) for beta in table], dtype=torch.float64)
    return torch.cat([entries[: T // 2], entries[-1:]])


def cosine_by_loop(T):
    """One beta after the other, in plain Python."""

    def power(n):
        return math.cos((n / T + 0.008) / 1.008 * math.pi / 2) ** 2

    return torch.tensor([min(1 - power(n + 1) / power(n), 0.999) for n in range(T)]).double()


def cosine_by_half_angle(T):
    """cos² written as (1 + cos of the double angle) / 2."""
    angle = math.pi * (torch.linspace(0, 1, T + 1).double() + 0.008) / 1.008
    alpha_bar = (1 + torch.cos(angle)) / 2
    return torch.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], torch.tensor(0.999))


def _cosine(
    s=0.008, top=0.999, bottom=None, quarter=math.pi / 2, power=2.0, scale=None, wave=torch.cos
):
    """A wrong cosine table: one of its ingredients is off."""

    def wrong(T):
        time = torch.arange(T + 1, dtype=torch.float64) / T
        f = wave((time + s) / (scale or 1 + s) * quarter).abs() ** power
        return (1 - f[1:] / f[:-1]).clamp(bottom, top)

    return wrong


def _cosine_alpha_bar(T):
    return levels.alpha_bar(cosine_betas(T))


COSINE_BETAS = Function(
    id="forward.cosine_betas",
    question=(
        "Write `cosine_betas(T)`, a table of T betas: with $f(n) = \\cos^2\\left(\\frac{n/T + s}"
        "{1 + s}\\cdot\\frac{\\pi}{2}\\right)$ and s = 0.008, $\\bar\\alpha_n = f(n)/f(0)$ and "
        "$\\beta_n = 1 - \\bar\\alpha_n / \\bar\\alpha_{n-1}$, at most 0.999."
    ),
    section=SCHEDULES,
    answer=cosine_betas,
    probes=cosine_probes,
    run=half_a_long_table,
    tested=("T betas for fifteen lengths up to 8000", "the offset", "the limit of 0.999"),
    hints=(
        "First a table of f at n = 0 ... T; then one beta from each pair of neighbours.",
        "f(0) cancels in the ratio. T + 1 values of f give T betas; limit them with `clamp`.",
        "`(1 - f[1:] / f[:-1]).clamp(max=0.999)`.",
    ),
    wrong=(
        Wrong(
            "no limit",
            _cosine(top=math.inf),
            "You left out the limit of 0.999. The last beta is 1, which leaves nothing of the data "
            "and divides by zero on the way back.",
        ),
        Wrong(
            "cosine not squared",
            _cosine(power=1.0),
            "You forgot the square: the cosine is the amplitude √ᾱ, its square the power ᾱ.",
        ),
        Wrong(
            "alpha_bar for beta, T entries",
            lambda T: _cosine_alpha_bar(T)[1:],
            "You returned ᾱ. The table of betas says what each step takes: 1 − ᾱ_n / ᾱ_{n−1}.",
        ),
        Wrong(
            "alpha_bar for beta, T + 1 entries",
            _cosine_alpha_bar,
            "You returned ᾱ with its T + 1 entries; asked are T betas, 1 − ᾱ_n / ᾱ_{n−1}.",
        ),
        Wrong(
            "unclipped alpha_bar for beta",
            lambda T: levels.cosine(torch.linspace(0, 1, T + 1).double()).alpha[1:] ** 2,
            "You returned f(n)/f(0), which is ᾱ. One more line: betas are 1 − ᾱ_n / ᾱ_{n−1}.",
        ),
        Wrong(
            "no offset",
            _cosine(s=0.0),
            "You left out s. Without it the first betas are almost zero, and the network cannot "
            "see noise that small.",
        ),
        Wrong(
            "offset not divided out",
            _cosine(scale=1.0),
            "You added s but did not divide by 1 + s, so the angle runs beyond a quarter turn.",
        ),
        Wrong(
            "half turn",
            _cosine(quarter=math.pi),
            "You used π for π/2: the cosine reaches zero in the middle and comes back.",
        ),
        Wrong(
            "sine",
            _cosine(wave=torch.sin),
            "You used the sine: it *grows* from 0, but the data should fade from 1.",
        ),
        Wrong(
            "kept, not lost",
            lambda T: 1 - _cosine(top=math.inf)(T).clamp(max=0.999),
            "You returned 1 − β, what each step keeps.",
        ),
        Wrong(
            "difference",
            lambda T: -torch.diff(levels.cosine(torch.linspace(0, 1, T + 1).double()).alpha ** 2),
            "You subtracted neighbours. β is the share lost of what was *left*: divide by ᾱ_{n−1}.",
        ),
        Wrong(
            "ratio upside down",
            lambda T: (1 / (1 - _cosine(top=math.inf)(T)) - 1).clamp(max=0.999),
            "Your ratio is upside down: ᾱ_n, the later and smaller one, goes on top.",
        ),
        Wrong(
            "noise first",
            lambda T: cosine_betas(T).flip(0),
            "Your table runs backwards: the small betas belong to the first steps.",
        ),
        Wrong(
            "limit of 0.02",
            lambda T: cosine_betas(T).clamp(max=0.02),
            "You limited β to 0.02, the end of the linear table. The cosine table goes up to .999.",
        ),
        Wrong(
            "limited from below",
            _cosine(bottom=1e-4),
            "You also limited β from below, at 1e-4, as some codes do for the linear table. The "
            "first betas of a long cosine table are smaller: 4e-5 for T = 1000.",
        ),
        Wrong(
            "limited from below at 1e-3",
            _cosine(bottom=1e-3),
            "You limited β on both sides, .001 and .999. The limit is on one side only: the first "
            "steps of a long table take less than that.",
        ),
    ),
    variants=(levels.cosine_betas, cosine_by_loop, cosine_by_half_angle),
    identities=(
        Identity("no beta is above 0.999", lambda out, T: (out[0].clamp(max=0.999), out[0])),
        Identity(
            "the product of 1 − β follows the squared cosine (all but the last entry)",
            lambda out, T: (
                (1 - out[0].double()).cumprod(0)[:-1],
                levels.cosine(torch.arange(T + 1).double() / T).alpha[1 : len(out[0])] ** 2,
            ),
        ),
    ),
)


# --- x0 from eps ----------------------------------------------------------------------------------


def x0_from_eps(x_n, eps, n, alpha_bar):
    """If this was the noise, that was the picture."""
    a = alpha_bar[n].reshape(-1, *[1] * (x_n.ndim - 1))  # (B, 1, ..., 1)
    return (x_n - (1 - a).sqrt() * eps) / a.sqrt()


def back_probes(generator):
    """As for q_sample; x_n is any tensor, so that no answer can lean on where it came from."""
    return [(x, eps, n, alpha_bar) for x, n, eps, alpha_bar in batch_probes(generator)]


def x0_by_library(x_n, eps, n, alpha_bar):
    """The library's own line, on the level that entry n describes."""
    return diffuse.x0_from_eps(x_n, eps, table_level(n, alpha_bar, x_n))


def x0_as_published(x_n, eps, n, alpha_bar):
    """As many codes write it: √(1/ᾱ) x − √(1/ᾱ − 1) ε, sample by sample."""
    rows = []
    for x, e, k in zip(x_n, eps, n.tolist(), strict=True):
        over = 1 / float(alpha_bar[k])
        rows.append(math.sqrt(over) * x - math.sqrt(over - 1) * e)
    return torch.stack(rows)


def _unblend(formula, pick=lambda alpha_bar, n: alpha_bar[n]):
    """A wrong x0_from_eps: formula(x, eps, a), with a = pick(alpha_bar, n) per sample."""
    return lambda x_n, eps, n, alpha_bar: formula(x_n, eps, per_sample(pick(alpha_bar, n), x_n))


def _back(x, eps, a):
    return (x - (1 - a).sqrt() * eps) / a.sqrt()


X0_FROM_EPS = Function(
    id="forward.x0_from_eps",
    question=(
        "Turn the line round. Write `x0_from_eps(x_n, eps, n, alpha_bar)`: the picture that must "
        "have been there, if `eps` was the noise. Shapes and table as in `q_sample`, one n per "
        "sample; no clamping."
    ),
    section=BACK,
    answer=x0_from_eps,
    probes=back_probes,
    tested=("another n for each sample, with 0, 1 and T", "pictures and vectors", "no clamping"),
    hints=(
        "x_n = √ᾱ_n x0 + √(1 − ᾱ_n) ε has one unknown.",
        "First take the noise away, then undo the dimming.",
        "`(x_n - (1 - a).sqrt() * eps) / ...`, with a per sample, (B, 1, ..., 1).",
    ),
    wrong=(
        Wrong(
            "no division",
            _unblend(lambda x, eps, a: x - (1 - a).sqrt() * eps),
            "You took the noise away but left the picture dim: divide by √ᾱ_n.",
        ),
        Wrong(
            "division by alpha_bar",
            _unblend(lambda x, eps, a: (x - (1 - a).sqrt() * eps) / a),
            "You divided by ᾱ, the power. The picture was dimmed by √ᾱ.",
            POWER,
        ),
        Wrong(
            "sign",
            _unblend(lambda x, eps, a: (x + (1 - a).sqrt() * eps) / a.sqrt()),
            "You added the noise a second time; it has to be taken away.",
        ),
        Wrong(
            "only x divided",
            _unblend(lambda x, eps, a: x / a.sqrt() - (1 - a).sqrt() * eps),
            "Only x_n is divided. The division undoes the dimming of the whole difference: a "
            "bracket is missing.",
        ),
        Wrong(
            "only eps divided",
            _unblend(lambda x, eps, a: x - (1 - a).sqrt() * eps / a.sqrt()),
            "Only the noise is divided. The whole difference is dim: a bracket is missing.",
        ),
        Wrong(
            "one step's keep",
            _unblend(_back, lambda alpha_bar, n: 1 - betas_of(alpha_bar)[n - 1]),
            "You used 1 − β_n for ᾱ_n. That undoes one step; the picture lies n steps back.",
        ),
        Wrong(
            "clamped",
            lambda *probe: x0_from_eps(*probe).clamp(-1, 1),
            "You clamped to [−1, 1], which was not asked. Samplers sometimes do; here it would "
            "hide how wild a guess can be.",
            source="a published sampler, where a clamp hid a wrong variance",
        ),
        Wrong(
            "variance as std",
            _unblend(lambda x, eps, a: (x - (1 - a) * eps) / a.sqrt()),
            "You took away (1 − ᾱ)·ε. The noise went in with its standard deviation, √(1 − ᾱ).",
            POWER,
        ),
        Wrong(
            "no roots",
            _unblend(lambda x, eps, a: (x - (1 - a) * eps) / a),
            "Both roots are missing: ᾱ and 1 − ᾱ are powers, the line has amplitudes.",
            POWER,
        ),
        Wrong(
            "eps unscaled",
            _unblend(lambda x, eps, a: (x - eps) / a.sqrt()),
            "You took away all of ε. Only √(1 − ᾱ_n) of it was put in.",
        ),
        Wrong(
            "multiplied",
            _unblend(lambda x, eps, a: (x - (1 - a).sqrt() * eps) * a.sqrt()),
            "You dimmed once more instead of undoing it: divide by √ᾱ_n.",
        ),
        Wrong(
            "roles swapped",
            _unblend(lambda x, eps, a: (x - a.sqrt() * eps) / (1 - a).sqrt()),
            "The two factors have changed places. That line finds the noise from the picture; "
            "asked is the picture from the noise.",
        ),
        Wrong(
            "off by one",
            _unblend(_back, lambda alpha_bar, n: alpha_bar[n - 1]),
            "You read entry n − 1. Our table has an entry for the data, so entry n belongs to n.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "broadcast along width",
            lambda x_n, eps, n, alpha_bar: _back(x_n, eps, alpha_bar[n]),
            "Your factors have shape (B,), and torch lined them up with the last axis. Reshape to "
            "(B, 1, ..., 1).",
        ),
        Wrong(
            "images only",
            lambda x_n, eps, n, alpha_bar: _back(x_n, eps, alpha_bar[n][:, None, None, None]),
            "Three extra axes fit pictures only; for vectors, (B, D), let their number follow "
            "x_n.ndim.",
        ),
        Wrong(
            "one n for all",
            _unblend(_back, lambda alpha_bar, n: alpha_bar[n[:1].expand(len(n))]),
            "You used the first n for the whole batch; each sample has its own.",
        ),
        Wrong(
            "forward again",
            lambda x_n, eps, n, alpha_bar: q_sample(x_n, n, eps, alpha_bar),
            "You went deeper into the fog: this is q_sample. Solve its line for x0.",
        ),
    ),
    variants=(x0_by_library, x0_as_published),
    identities=(
        Identity(
            "putting the noise back gives x_n again",
            lambda out, x_n, eps, n, alpha_bar: (q_sample(out[0], n, eps, alpha_bar), x_n),
        ),
    ),
)


# --- which n hides the digit ----------------------------------------------------------------------


def _first(condition, start=0):
    """The first index where a condition holds, counted from start."""
    return int(condition.nonzero()[0]) + start


_BETA = levels.linear_betas()
_TABLE = levels.alpha_bar(_BETA)

HIDDEN = Value(
    id="forward.hidden",
    question=(
        "The linear table: T = 1000 betas from 1e-4 to 0.02. At which n does the digit drown: the "
        "first n where its amplitude √ᾱ_n is *below* the noise's, √(1 − ᾱ_n)? `hidden` is an "
        "integer, n counted from 1."
    ),
    section=SCHEDULES,
    answer=_first(_TABLE < 0.5),
    tested=("the first n with more noise than signal",),
    hints=(
        "Guess first: before or after the middle, 500? Then let the table answer.",
        "√ᾱ < √(1 − ᾱ) is the same as ᾱ < ½.",
        "The first index of `alpha_bar(beta) < 0.5`; with T + 1 entries the index *is* n.",
    ),
    wrong=(
        Wrong(
            "amplitude below a half",
            _first(_TABLE < 0.25),
            "You looked for √ᾱ < ½. Amplitudes are equal at .707 each, since their *squares* add "
            "up to one.",
            POWER,
        ),
        Wrong(
            "one early",
            _first(_TABLE < 0.5) - 1,
            "One too few: either you counted from 0, or you took the last n with more signal.",
        ),
        Wrong(
            "one late",
            _first(_TABLE < 0.5) + 1,
            "One too many: entry 0 of the table is the data, so the index is n already.",
        ),
        Wrong(
            "half of beta",
            _first(_BETA >= 0.01, start=1),
            "You looked where β passes half of its range. β is what one step takes; by then very "
            "little of the digit is left.",
        ),
        Wrong(
            "middle",
            500,
            "You took the middle. Losses multiply up: most steps of this table are in deep fog.",
        ),
        Wrong(
            "end",
            1000,
            "At the end next to nothing is left (√ᾱ is .006). Noise takes over much earlier.",
        ),
        Wrong(
            "one per cent",
            _first(_TABLE < 0.01),
            "You looked for ᾱ below one per cent, where the eye sees nothing. Asked is the first n "
            "with more noise than signal.",
        ),
        Wrong(
            "sum of betas",
            _first(_BETA.cumsum(0) > 0.5, start=1),
            "You added up β until a half was gone. Shares of what is left multiply: use ᾱ.",
            JUMP,
        ),
    ),
    tolerance=0.4,
)

EXERCISES = [TWO_STEPS, ALPHA_BARS, ALPHA_BAR, Q_SAMPLE, COSINE_BETAS, X0_FROM_EPS, HIDDEN]
