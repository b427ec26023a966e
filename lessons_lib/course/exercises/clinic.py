"""Exercises of notebook 07, broken samplers: name the bug from its symptoms, then mend it.

Case n is the n-th of `course.clinic.BUGS`: six in each sitting. What the questions quote is what
`course.clinic.examine` measures.
"""

from unittest import mock

import torch

from lessons_lib import diffuse, levels, samplers
from lessons_lib.course import clinic
from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.course.exercises.ddim import LEAVES, bright, pair_of_levels, some_level
from lessons_lib.course.exercises.forward import long_betas, normal, strong_betas

HEALTHY = "What a healthy sampler shows"
GUESSES = "Look at single guesses first"
SITTINGS = ("The first sitting", "The second sitting")
PROOFS = "Confirm by a test"
REPAIR = "Repair it"
TREE = "Broken or under-trained?"


# --- name the bug ---------------------------------------------------------------------------------

WORDS = {
    "guess": "error of single guesses",
    "dark": "share of dark pixels",
    "saturated": "share of pixels beyond ±1.05",
    "recognised": "recognised as asked",
    "varied": "distance of two pictures of a digit, over that of real ones",
    "seed": "change with another seed",
    "dice": "change with other dice alone",
    "start": "correlation with the starting noise",
    "corner": "spread of the left edge",
    "unit": "spread on unit Gaussian data",
    "spread": "spread of all pixels",
}
NORMAL = {
    "guess": 0.29,
    "dark": 0.43,
    "saturated": 0.09,
    "recognised": 0.99,
    "varied": 0.89,
    "seed": 0.86,
    "dice": 0.0,
    "start": 0.26,
    "corner": 0.02,
    "unit": 1.0,
    "spread": 0.71,
}
SHOWN = {
    "loop_index": {"recognised": 0.10, "corner": 0.80, "guess": 0.29},
    "unit_range": {"dark": 0.0, "spread": 0.28, "recognised": 0.91},
    "one_start": {"varied": 0.0, "seed": 0.80, "recognised": 1.0},
    "condition_added": {"saturated": 0.99, "spread": 34.3, "recognised": 0.98},
    "last_noise": {"corner": 0.10, "dice": 1.0, "recognised": 1.0},
    "negative_eta": {"varied": 0.09, "seed": 0.08, "recognised": 1.0},
    "v_as_eps": {"guess": 0.71, "saturated": 0.85, "recognised": 0.68},
    "stops_short": {"corner": 0.10, "dice": 0.0, "recognised": 0.99},
    "linspace_stride": {"corner": 0.03, "unit": 1.01, "recognised": 0.99},
    "noise_twice": {"unit": 2.0, "dice": 1.24, "recognised": 0.84},
    "roles_swapped": {"recognised": 0.0, "saturated": 0.61, "guess": 0.70},
    "frozen_average": {"start": 1.0, "guess": 0.66, "recognised": 0.10},
}
LOOK = {
    "loop_index": "Nothing can be read; but is the *network* at fault, when its single guesses are "
    "as good as ever?",
    "unit_range": "The digits are there. What is missing is one end of the grey scale.",
    "one_start": "Each picture is fine by itself. What changes with the seed, and what does not?",
    "condition_added": "The right digit, much too loud. Which bug makes every guess several times "
    "too large?",
    "last_noise": "Shapes are right, so the walk was right until near its end. Do the speckles "
    "change with the dice?",
    "negative_eta": "Smooth, all alike, and not even the seed matters: where has the chance gone?",
    "v_as_eps": "The loss was fine and single guesses are not. Is the network wrong, or is it "
    "misread?",
    "stops_short": "There is grain. Which of the bugs that leave grain throw no dice?",
    "linspace_stride": "Your eye will not find this one. Which exact answer does it miss?",
    "noise_twice": "Right on average, too wide, and the dice matter: count the noise that goes in.",
    "roles_swapped": "These are good digits. Compare what was asked for with what came.",
    "frozen_average": "The loss falls, the pictures are the start. Who learns, and who draws?",
}
CLUE = {
    "loop_index": "nothing can be read, although the guesses are healthy when asked for one by one",
    "unit_range": "the digits can be read, and no pixel is dark",
    "one_start": "the pictures of a digit are identical, and sharp, and another seed changes them",
    "condition_added": "the digit is the right one, and nearly every pixel is beyond ±1.05",
    "last_noise": "there is grain on good digits, and it changes with the dice",
    "negative_eta": "the pictures of a digit are nearly identical, and another seed hardly changes "
    "them",
    "v_as_eps": "single guesses are bad, and pixels far outside, but two of three digits can be "
    "read",
    "stops_short": "there is grain on good digits, and no dice are thrown",
    "linspace_stride": "the digits are good, the ground is nearly clean, and only the exact test "
    "is missed",
    "noise_twice": "the dice matter, and unit Gaussian data comes out twice as wide",
    "roles_swapped": "not one digit is the one that was asked for",
    "frozen_average": "the pictures are the noise that the walk started from",
}


def _choices(sitting):
    """The six bugs of a sitting by their letters, in the order of the alphabet."""
    six = sorted((b for b in clinic.BUGS if b.sitting == sitting), key=lambda bug: bug.name)
    return dict(zip("abcdef", six, strict=True))


def _look_again(bug, other):
    """The section that tells a bug from another one of its sitting."""
    if bug.sitting == 2:
        return TREE
    return HEALTHY if (bug.ask is clinic.obey) == (other.ask is clinic.obey) else GUESSES


def _case(number, bug):
    """What is wrong with patient `number`?"""
    choices = _choices(bug.sitting)
    letter = next(k for k, each in choices.items() if each is bug)
    numbers = "; ".join(
        f"{WORDS[key]} = {value:g} ({NORMAL[key]:g})" for key, value in SHOWN[bug.id].items()
    )
    listed = "\n".join(f"- **{k}** {each.name}" for k, each in choices.items())
    return Value(
        id=f"clinic.diagnose_{number}",
        question=(
            f"Case {number}. You see: {bug.symptom}. Measured, DDIM in brackets: {numbers}. "
            "What is wrong?\n\n"
            f"{listed}\n\n`diagnose_{number}` is one letter, in quotes."
        ),
        section=SITTINGS[bug.sitting - 1],
        answer=letter,
        tested=(CLUE[bug.id], bug.name),
        hints=(
            "First the single guesses, without any walk: are they good? That parts the six in two.",
            LOOK[bug.id],
            f"The test that fails says: “{bug.confirm.__doc__}”",
        ),
        wrong=tuple(
            Wrong(
                each.id,
                k,
                f"With that bug you would see something else: {each.symptom}. Here {CLUE[bug.id]}.",
                _look_again(bug, each),
            )
            for k, each in choices.items()
            if each is not bug
        ),
    )


# --- 1: the loop ----------------------------------------------------------------------------------


def walk_back(net, step, x, entries, z):
    """Ask the network at each entry, and step to the next one; record no graph."""
    with torch.no_grad():
        for i in range(len(entries) - 1):
            n, m = entries[i], entries[i + 1]
            x = step(x, net(x, n), n, m, z[i])
    return x


def loop_probes(generator):
    """Weights of a stub network, noise, entries of a table with uneven gaps, fresh noise."""
    probes = []
    for i in range(12):
        steps = 2 + i % 4
        gaps = 2 + torch.randint(0, 9, (steps,), generator=generator)
        entries = [*gaps.flip(0).cumsum(0).flip(0).tolist(), 0]
        if i % 4 == 3:  # a table of a thousand
            entries = [25 * n for n in entries]
        w, x = bright(i) * normal(2, 3, 3, generator=generator)
        z = bright(i) * normal(steps, 3, 3, generator=generator)
        probes.append((w, x, entries, z))
    return probes


def with_stub_network(answer, probe):
    """Call the answer with a network and a step that depend on all they get.

    How many of the x that the network was shown have a graph, of its answers, and of the steps? Has
    the end? And does torch record afterwards, as it did before?
    """
    w, x, entries, z = probe
    w = w.clone().requires_grad_()
    graphs = [0, 0, 0]

    def net(x, n):
        eps = torch.tanh(x @ w / 3 + n / 20)
        graphs[0] += x.requires_grad
        graphs[1] += eps.requires_grad
        return eps

    def step(x, eps, n, m, z):
        x = 0.9 * x - (n - m) / 40 * eps + (m / 60) * z + 0.001 * n
        graphs[2] += x.requires_grad
        return x

    end = answer(net, step, x, entries, z)
    return [end, [*graphs, int(end.requires_grad), int(torch.is_grad_enabled())]]


def loop_by_pairs(net, step, x, entries, z):
    """Neighbours taken together."""
    with torch.set_grad_enabled(False):
        for n, m, fresh in zip(entries[:-1], entries[1:], z, strict=True):
            x = step(x, net(x, n), n, m, fresh)
    return x


@torch.no_grad()
def loop_by_recursion(net, step, x, entries, z):
    """The first step, then the rest of the walk."""
    if len(entries) == 1:
        return x
    n, m = entries[:2]
    return loop_by_recursion(net, step, step(x, net(x, n), n, m, z[0]), entries[1:], z[1:])


def _looped(
    told=lambda i, n, m, steps: n,
    to=lambda n, m: (n, m),
    noise=lambda z, i, eps: z[i],
    walk=lambda entries: entries,
):
    """A wrong loop: what the network is told, where the step goes, its noise, or the entries."""

    @torch.no_grad()
    def wrong(net, step, x, entries, z):
        entries = walk(entries)
        steps = len(entries) - 1
        for i in range(steps):
            n, m = entries[i], entries[i + 1]
            eps = net(x, told(i, n, m, steps))
            x = step(x, eps, *to(n, m), noise(z, i, eps))
        return x

    return wrong


def _recorded(net, step, x, entries, z):
    for i in range(len(entries) - 1):
        x = step(x, net(x, entries[i]), entries[i], entries[i + 1], z[i])
    return x


def _cut_at_the_end(net, step, x, entries, z):
    return _recorded(net, step, x, entries, z).detach()


def _cut_each_time(net, step, x, entries, z):
    for i in range(len(entries) - 1):
        x = step(x, net(x, entries[i]), entries[i], entries[i + 1], z[i]).detach()
    return x


def _last_step_unrecorded(net, step, x, entries, z):
    x = _recorded(net, step, x, entries[:-1], z)
    return walk_back(net, step, x, entries[-2:], z[-1:])


def _only_the_step_unrecorded(net, step, x, entries, z):
    for i in range(len(entries) - 1):
        eps = net(x, entries[i])
        with torch.no_grad():
            x = step(x, eps, entries[i], entries[i + 1], z[i])
    return x


def _switched_off(net, step, x, entries, z):
    torch.set_grad_enabled(False)
    return _recorded(net, step, x, entries, z)


@torch.no_grad()
def _asked_once(net, step, x, entries, z):
    eps = net(x, entries[0])
    for i in range(len(entries) - 1):
        x = step(x, eps, entries[i], entries[i + 1], z[i])
    return x


@torch.no_grad()
def _not_handed_on(net, step, x, entries, z):
    for i in range(len(entries) - 1):
        y = step(x, net(x, entries[i]), entries[i], entries[i + 1], z[i])
    return y


@torch.no_grad()
def _sees_the_start(net, step, x, entries, z):
    start = x
    for i in range(len(entries) - 1):
        x = step(x, net(start, entries[i]), entries[i], entries[i + 1], z[i])
    return x


WALK_BACK = Function(
    id="clinic.repair_1",
    question=(
        "The loop, mended. Write `walk_back(net, step, x, entries, z)`: `entries` are the entries "
        "of the table to visit, integers from the noisiest down to 0; at each entry n but the last "
        "ask `net(x, n)` for the noise, and go on to the next entry m by "
        "`step(x, eps, n, m, fresh)`, with `z[i]` as the fresh noise of step i = 0, 1, ... Return "
        "the last x. Record no graph."
    ),
    section=REPAIR,
    answer=walk_back,
    probes=loop_probes,
    run=with_stub_network,
    tested=("what the network is told at each step", "fresh noise each time", "no graph"),
    hints=(
        "Two numbers are at hand in the loop: a counter, and an entry of the table. Which one was "
        "the network trained with?",
        "`n, m = entries[i], entries[i + 1]`; the network hears n. All of it under "
        "`torch.no_grad()`.",
        "`x = step(x, net(x, n), n, m, ...)` inside the loop.",
    ),
    wrong=(
        Wrong(
            "loop index, upwards",
            _looped(told=lambda i, n, m, steps: i),
            "You told the network i, the counter. It takes 0, 1, 2 for nearly clean pictures and "
            "takes nearly nothing away; it wants the entry n.",
        ),
        Wrong(
            "loop index, downwards",
            _looped(told=lambda i, n, m, steps: steps - i),
            "You told the network how many steps are left. That is a counter too: steps of 20 "
            "entries make 50 a level of 1000, not of 50.",
            source="Stability-AI/stablediffusion, DDIMSampler.encode; its pull request 226",
        ),
        Wrong(
            "told where it goes",
            _looped(told=lambda i, n, m, steps: m),
            "You told the network m, where we go. x stands on n, and that is what it must hear.",
        ),
        Wrong(
            "time ascending",
            _looped(walk=lambda entries: entries[::-1]),
            "You walk from 0 upwards. Sampling starts in the noise: take the entries as they come.",
        ),
        Wrong(
            "the same noise each step",
            _looped(noise=lambda z, i, eps: z[0]),
            "You add z[0] at every step, as a generator re-seeded in the loop would. The same "
            "noise twice adds up to twice, not to √2 times.",
        ),
        Wrong(
            "noise from the end",
            _looped(noise=lambda z, i, eps: z[-1 - i]),
            "You take z from its end. It makes no worse pictures, but other ones: z[i] belongs to "
            "step i.",
        ),
        Wrong(
            "predicted noise as fresh noise",
            _looped(noise=lambda z, i, eps: eps),
            "You hand the predicted noise to the step as its fresh one. Fresh noise must not know "
            "what the network said.",
        ),
        Wrong(
            "noise drawn inside",
            _looped(noise=lambda z, i, eps: torch.randn_like(eps)),
            "You draw noise yourself, so nobody can repeat the walk. Use the z that is passed in.",
        ),
        Wrong(
            "one entry at a time",
            _looped(to=lambda n, m: (n, n - 1)),
            "You step to n − 1, the neighbour in the table, while the walk skips: the next entry "
            "is m.",
        ),
        Wrong(
            "step backwards",
            _looped(to=lambda n, m: (m, n)),
            "You handed m and n to the step in the wrong order: first where x stands, then where "
            "it goes.",
        ),
        Wrong(
            "stops one early",
            _looped(walk=lambda entries: entries[:-1]),
            "Your loop leaves out the last step, to entry 0, so the noise of the last entry stays "
            "on the picture.",
            SITTINGS[1],
        ),
        Wrong(
            "starts one late",
            _looped(walk=lambda entries: entries[1:]),
            "Your loop leaves out the first step: x is taken for less noisy than it is.",
        ),
        Wrong(
            "graph recorded",
            _recorded,
            "Every number is right, and every step is recorded for going backward: memory grows "
            "with the steps until there is none left. Put `with torch.no_grad():` around the loop.",
        ),
        Wrong(
            "graph cut at the end",
            _cut_at_the_end,
            "You cut the graph off when the walk is over. By then it has grown with every step, "
            "which is what takes the memory: let none be recorded, from the first step on.",
        ),
        Wrong(
            "last step unrecorded",
            _last_step_unrecorded,
            "Only the last step is under `no_grad`. The end looks clean, but the graph of all the "
            "steps before it was kept: the whole loop belongs under it.",
        ),
        Wrong(
            "graph cut after each step",
            _cut_each_time,
            "You cut the graph off after each step. It does not grow any more, but each step "
            "still keeps all that the network went through, for a backward that never comes.",
        ),
        Wrong(
            "only the step unrecorded",
            _only_the_step_unrecorded,
            "You step under `no_grad`, and ask the network outside of it. The network is where "
            "the memory goes: ask it under `no_grad` too.",
        ),
        Wrong(
            "recording switched off for good",
            _switched_off,
            "You switched recording off and never on again: the next training cell learns "
            "nothing. `with torch.no_grad():` switches it back on by itself.",
        ),
        Wrong(
            "asked once",
            _asked_once,
            "You asked the network once, before the loop. Its answer is for one place; after a "
            "step x is elsewhere.",
        ),
        Wrong(
            "x not handed on",
            _not_handed_on,
            "Every one of your steps starts from the first x: the result must become the x of the "
            "next step.",
        ),
        Wrong(
            "network sees the start",
            _sees_the_start,
            "Your network is shown the first x at every step; show it the x of now.",
        ),
    ),
    variants=(loop_by_pairs, loop_by_recursion),
    identities=(
        Identity(
            "no graph is recorded, and torch records again afterwards",
            lambda out, *probe: (out[1].double(), torch.tensor([0, 0, 0, 0, 1]).double()),
        ),
    ),
)


# --- 2: the range ---------------------------------------------------------------------------------


def clipped_guess(x, eps, t):
    """Guess the data from the noise, and cut the guess to the range of the data."""
    return ((x - t.sigma * eps) / t.alpha).clamp(-1, 1)


def guess_probes(generator):
    """Guesses that leave −1 ... 1 on both sides, on levels on the circle and off it."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x0, eps = normal(2, *shape, generator=generator)
        t = some_level(i, generator)
        x = diffuse.q_sample(1.3 * bright(i) * x0, t, eps) if i < 10 else x0
        probes.append((x, eps, t))
    for alpha, sigma, size in ((1.0, 20.0, 1.0), (0.5, 0.5, 30.0), (0.004, 1.0, 0.004)):
        t = levels.Level(*torch.tensor([0.5, alpha, sigma], dtype=torch.float64))
        x0, eps = normal(2, 4, 4, generator=generator)
        probes.append((diffuse.q_sample(x0, t, size * eps), size * eps, t))
    return probes


def guess_by_limits(x, eps, t):
    """The library's guess between two limits."""
    x0 = diffuse.x0_from_eps(x, eps, t)
    return torch.minimum(torch.maximum(x0, -torch.ones_like(x0)), torch.ones_like(x0))


def guess_by_cases(x, eps, t):
    """Where it is outside, its sign."""
    x0 = x / t.alpha - t.ratio * eps
    return torch.where(x0.abs() > 1, x0.sign(), x0)


def _cut(limit):
    """A wrong clip: limit(x0) of the right guess."""
    return lambda x, eps, t: limit(diffuse.x0_from_eps(x, eps, t))


CLIPPED_GUESS = Function(
    id="clinic.repair_2",
    question=(
        "The clip, mended. Write `clipped_guess(x, eps, t)`: the guess of the data that belongs to "
        "the noise `eps`, cut to −1 ... 1, where our data lives. `x` and `eps` have one shape; the "
        "level `t` has `.alpha` and `.sigma`, on the circle or off it."
    ),
    section=REPAIR,
    answer=clipped_guess,
    probes=guess_probes,
    tested=("guesses too bright and too dark", "levels on the circle and off it"),
    hints=(
        "First the guess as in 04, then the limits. Which limits has a picture whose black is −1?",
        "x̂0 = (x − σ ε̂)/α; `clamp` takes a lower and an upper limit.",
        "`((x - t.sigma * eps) / t.alpha).clamp(..., 1)`.",
    ),
    wrong=(
        Wrong(
            "unit range",
            _cut(lambda x0: x0.clamp(0, 1)),
            "You cut to 0 ... 1. Files and screens count like this; our data runs from −1, black, "
            "to 1, so half of the grey scale is gone.",
            SITTINGS[0],
        ),
        Wrong(
            "not cut",
            _cut(lambda x0: x0),
            "You did not cut at all. It would mend the bug as well, but here the cut is asked for.",
        ),
        Wrong(
            "only above",
            _cut(lambda x0: x0.clamp(max=1)),
            "You cut what is too bright and left what is too dark.",
        ),
        Wrong(
            "only below",
            _cut(lambda x0: x0.clamp(min=-1)),
            "You cut what is too dark and left what is too bright.",
        ),
        Wrong(
            "moved into the range",
            _cut(lambda x0: (x0 + 1) / 2),
            "You turned −1 ... 1 into 0 ... 1. That is for the screen, after the walk; inside the "
            "walk it shifts every guess.",
        ),
        Wrong(
            "moved, then cut",
            _cut(lambda x0: 2 * x0.clamp(0, 1) - 1),
            "You cut to 0 ... 1 and stretched what was left to −1 ... 1. A guess of 0.2 becomes "
            "−0.6: right guesses must not be changed.",
        ),
        Wrong(
            "squeezed",
            _cut(torch.tanh),
            "You squeezed with tanh. It changes every guess, also those that were inside.",
        ),
        Wrong(
            "divided by its largest",
            _cut(lambda x0: x0 / x0.abs().max().clamp(min=1)),
            "You divided by the largest value. That dims the whole batch for one wild pixel; a "
            "clip changes only what is outside.",
        ),
        Wrong(
            "x cut",
            lambda x, eps, t: diffuse.x0_from_eps(x.clamp(-1, 1), eps, t),
            "You cut x. It holds noise, and may be anywhere; only the *guess of the data* has a "
            "range.",
        ),
        Wrong(
            "eps cut",
            lambda x, eps, t: diffuse.x0_from_eps(x, eps.clamp(-1, 1), t),
            "You cut ε. A third of unit Gaussian noise lies outside ±1; the *guess of the data* "
            "has a range.",
        ),
        Wrong(
            "cut before the division",
            lambda x, eps, t: (x - t.sigma * eps).clamp(-1, 1) / t.alpha,
            "You cut α x̂0, the dimmed picture, and divided afterwards, so it can leave the range "
            "again.",
        ),
        Wrong(
            "not divided",
            lambda x, eps, t: (x - t.sigma * eps).clamp(-1, 1),
            "The division by α is missing: what you cut is the picture as dim as it is in x.",
        ),
        Wrong(
            "folded back",
            _cut(lambda x0: torch.where(x0.abs() > 1, torch.zeros_like(x0), x0)),
            "You set what is outside to 0. A pixel that is too bright should be bright, not grey.",
        ),
    ),
    variants=(guess_by_limits, guess_by_cases),
    identities=(
        Identity(
            "no guess is outside −1 ... 1", lambda out, x, eps, t: (out[0].clamp(-1, 1), out[0])
        ),
        Identity(
            "a guess inside the range stays as it is",
            lambda out, x, eps, t: (
                torch.where(out[0].abs() < 1, out[0], 0.0),
                torch.where(out[0].abs() < 1, diffuse.x0_from_eps(x, eps, t), 0.0),
            ),
        ),
    ),
)


# --- 5: the last noise ----------------------------------------------------------------------------


def quiet_at_the_end(x, x0, z, t, s):
    """DDPM's step with the large variance, and no noise on the way to the data."""
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    mean = (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2
    std = var.sqrt() if s.sigma > 0 else 0
    return mean + std * z


def quiet_probes(generator):
    """Short ways and long ones, every third one down to the data; on the circle and off it."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x, x0, z = bright(i) * normal(3, *shape, generator=generator)
        probes.append((x, x0, z, *pair_of_levels(i, generator)))
    return probes


def quiet_by_library(x, x0, z, t, s):
    """The library's own, whose dice are replaced by the z handed in."""
    with mock.patch.object(samplers, "noise_like", lambda x, generator: z):
        return samplers.ddpm(lambda x, t: x0, x, t, s, large=True).x


def quiet_by_parts(x, x0, z, t, s):
    """The two weights first, as old noise kept and fresh noise added."""
    keep = t.alpha / s.alpha * s.sigma**2 / t.sigma**2
    mean = keep * x + (s.alpha - keep * t.alpha) * x0
    return mean if s.sigma == 0 else mean + (t.sigma**2 - (t.alpha * s.ratio) ** 2) ** 0.5 * z


def _quiet(std=lambda var, t, s: var.sqrt() if s.sigma > 0 else 0, fresh=lambda z, x, x0, t: z):
    """A wrong step: the spread or the fresh noise is off, the mean is right."""

    def wrong(x, x0, z, t, s):
        var = samplers.reverse_var(t, s)
        return _mean(x, x0, var, t, s) + std(var, t, s) * fresh(z, x, x0, t)

    return wrong


def _mean(x, x0, var, t, s):
    return (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2


def _small(var, t, s):
    return var.sqrt() * s.sigma / t.sigma


QUIET_AT_THE_END = Function(
    id="clinic.repair_5",
    question=(
        "The last step, mended. Write `quiet_at_the_end(x, x0, z, t, s)`: DDPM's step from level "
        "`t` to the cleaner `s`, with `x0` the guess of the data and `z` fresh noise. The mean is "
        "that of Bayes' posterior, $(\\tfrac{\\alpha_t}{\\alpha_s}\\sigma_s^2 x + \\alpha_s\\,"
        "\\text{var}\\,\\hat x_0)/\\sigma_t^2$ with $\\text{var} = \\sigma_t^2 - "
        "(\\alpha_t/\\alpha_s)^2\\sigma_s^2$; the noise has the *large* variance, var. It must "
        "still be var everywhere but at the end. Levels may lie on the circle or off it."
    ),
    section=REPAIR,
    answer=quiet_at_the_end,
    probes=quiet_probes,
    tested=("the large variance on the way", "no noise at sigma = 0", "on the circle and off it"),
    hints=(
        "Which level says that the walk has arrived: the one it leaves, or the one it goes to?",
        "The spread is √var, and 0 where `s.sigma` is 0. Nothing else changes.",
        "`std = var.sqrt() if s.sigma > 0 else ...`.",
    ),
    wrong=(
        Wrong(
            "noise at the last step",
            _quiet(std=lambda var, t, s: var.sqrt()),
            "You add √var z at the last step too. On a walk that skips, that is all the noise of "
            "the level you come from, and it stays on the picture.",
            SITTINGS[0],
            source="diffusers, DDPMScheduler with variance_type='fixed_large' on a strided walk",
        ),
        Wrong(
            "small variance everywhere",
            _quiet(std=_small),
            "You took the small variance everywhere. It does end in silence, so the speckles are "
            "gone; but every other step has changed as well. Mend what is broken, and only that.",
        ),
        Wrong(
            "no noise at all",
            _quiet(std=lambda var, t, s: 0),
            "You threw all the noise out, not the last one alone. The walk then sinks to the mean, "
            "and all threes are alike.",
            SITTINGS[0],
        ),
        Wrong(
            "noise faded out",
            _quiet(std=lambda var, t, s: var.sqrt() * s.sigma),
            "You multiplied the spread by σ_s. It is 0 at the end, and too small everywhere else.",
        ),
        Wrong(
            "variance as std",
            _quiet(std=lambda var, t, s: var if s.sigma > 0 else 0),
            "You multiplied z by the variance. Noise is multiplied by its root.",
        ),
        Wrong(
            "variance from the circle",
            _quiet(
                std=lambda var, t, s: (
                    (1 - (t.alpha / s.alpha) ** 2).clamp(min=0).sqrt() if s.sigma > 0 else 0
                )
            ),
            "You used 1 − α_t²/α_s² for var, which is β. It holds on the circle only; levels off "
            "it need σ_t² − (α_t/α_s)² σ_s².",
        ),
        Wrong(
            "all the noise of the next level",
            _quiet(std=lambda var, t, s: s.sigma),
            "You added σ_s z. It is silent at the end, but the mean already holds old noise: both "
            "together are too much.",
            SITTINGS[1],
        ),
        Wrong(
            "silent one step early",
            _quiet(std=lambda var, t, s: var.sqrt() if s.sigma > 0.5 * t.sigma else 0),
            "You silence the noise where the level is low, or the step is long, not where the walk "
            "ends: the test is whether `s.sigma` is 0.",
        ),
        Wrong(
            "last step not taken",
            lambda x, x0, z, t, s: quiet_at_the_end(x, x0, z, t, s) if s.sigma > 0 else x,
            "At the end you return x as it is, so that no noise is added; but the noise of level t "
            "is still in it. The mean has to be taken: it is x0 there.",
            SITTINGS[1],
        ),
        Wrong(
            "the guess, always",
            lambda x, x0, z, t, s: x0 if s.sigma == 0 else x0 + s.sigma * z,
            "You jump to the guess and put fresh noise on it. That ends well, but forgets where x "
            "was: it is another sampler.",
        ),
        Wrong(
            "predicted noise as fresh noise",
            _quiet(fresh=lambda z, x, x0, t: diffuse.eps_from_x0(x, x0, t)),
            "You put the predicted noise in the place of z. Then nothing is random any more.",
        ),
        Wrong(
            "noise taken off",
            _quiet(fresh=lambda z, x, x0, t: -z),
            "You subtract the fresh noise. The law is the same, since noise has no sign; but with "
            "this z the step asks for plus.",
        ),
        Wrong(
            "clipped",
            lambda x, x0, z, t, s: quiet_at_the_end(x, x0, z, t, s).clamp(-1, 1),
            "You clip the result, which hides speckles on black and white and leaves them on grey. "
            "And on the way x *must* leave the range of the data.",
        ),
    ),
    variants=(quiet_by_library, quiet_by_parts),
    identities=(
        Identity(
            "at the step to sigma = 0 it is the guess, whatever z says",
            lambda out, x, x0, z, t, s: (out[0], x0) if s.sigma == 0 else None,
        ),
    ),
)


# --- 7: what the network predicts -----------------------------------------------------------------


def guess_from_v(x, v, t):
    """The data that x and its v point back to; right on every level."""
    return (t.alpha * x - t.sigma * v) / (t.alpha**2 + t.sigma**2)


def v_probes(generator):
    """x and v of any kind, on the circle and off it."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x, v = bright(i) * normal(2, *shape, generator=generator)
        probes.append((x, v, some_level(i, generator)))
    return probes


def guess_by_solving(x, v, t):
    """x and v are two lines with two unknowns, x0 and ε: solve them, entry by entry."""
    lines = torch.stack([torch.stack([t.alpha, t.sigma]), torch.stack([-t.sigma, t.alpha])])
    known = torch.stack([x.reshape(-1), v.reshape(-1)])
    return torch.linalg.solve(lines, known)[0].reshape(x.shape)


def _over(formula):
    """A wrong guess: formula(x, v, alpha, sigma)."""
    return lambda x, v, t: formula(x, v, t.alpha, t.sigma)


GUESS_FROM_V = Function(
    id="clinic.repair_7",
    question=(
        "The reading, mended. The network predicts $v = \\alpha\\,\\varepsilon - \\sigma\\,x_0$. "
        "Write `guess_from_v(x, v, t)`: the guess of the data, for a level `t` on the circle or "
        "off it: α² + σ² may be anything."
    ),
    section=REPAIR,
    answer=guess_from_v,
    probes=v_probes,
    tested=("levels on the circle and off it", "vectors and pictures"),
    hints=(
        "Two lines, x = α x0 + σ ε and v = α ε − σ x0, and two unknowns. Which of them must go?",
        "α x − σ v: there the ε cancel. How much of x0 is left?",
        "`(t.alpha * x - t.sigma * v) / (...)`; on the circle the last bracket is 1.",
    ),
    wrong=(
        Wrong(
            "read as eps",
            _over(lambda x, v, a, s: (x - s * v) / a),
            "You read v as if it were ε. That is the bug of this case: loud, noisy pictures from a "
            "network with a fine loss.",
            SITTINGS[1],
            source="InvokeAI, issue 7495: SDXL models that predict v, read as ε",
        ),
        Wrong(
            "read as x0",
            _over(lambda x, v, a, s: v),
            "You took v for the data. Networks that predict x0 exist; this one predicts v.",
            SITTINGS[1],
        ),
        Wrong(
            "sign",
            _over(lambda x, v, a, s: (s * v - a * x) / (a**2 + s**2)),
            "The sign is turned. In v the picture stands with a minus: take σ v *from* α x.",
        ),
        Wrong(
            "letters swapped",
            _over(lambda x, v, a, s: (s * x - a * v) / (a**2 + s**2)),
            "α and σ have changed places. Where there is no noise, σ = 0, the guess must be x.",
        ),
        Wrong(
            "plus",
            _over(lambda x, v, a, s: (a * x + s * v) / (a**2 + s**2)),
            "With a plus the ε add up; they should cancel: α x − σ v.",
        ),
        Wrong(
            "flow velocity",
            _over(lambda x, v, a, s: x - s * v),
            "You read v as the velocity of a straight path, ε − x0, on levels with α + σ = 1. v is "
            "α ε − σ x0.",
        ),
        Wrong(
            "flow velocity, scaled",
            _over(lambda x, v, a, s: (x - s * v) / (a + s)),
            "You read v as the velocity of a straight path, ε − x0. v is α ε − σ x0.",
        ),
        Wrong(
            "not divided",
            _over(lambda x, v, a, s: a * x - s * v),
            "That is right on the circle. Off it, α² + σ² of the picture is left: divide by it.",
        ),
        Wrong(
            "divided by the root",
            _over(lambda x, v, a, s: (a * x - s * v) / (a**2 + s**2).sqrt()),
            "You divided by √(α² + σ²). What is left of x0 is α² + σ², without a root.",
        ),
        Wrong(
            "divided by the sum",
            _over(lambda x, v, a, s: (a * x - s * v) / (a + s)),
            "You divided by α + σ. What is left of x0 is α² + σ².",
        ),
        Wrong(
            "divided by alpha",
            _over(lambda x, v, a, s: (a * x - s * v) / a),
            "You divided by α, as when ε is given. Here the picture is multiplied by α² + σ².",
        ),
        Wrong(
            "the noise",
            _over(lambda x, v, a, s: (s * x + a * v) / (a**2 + s**2)),
            "That is ε, the other unknown. Asked is the data.",
        ),
        Wrong(
            "squares",
            _over(lambda x, v, a, s: (a**2 * x - s**2 * v) / (a**2 + s**2)),
            "You squared α and σ above. Only the divisor has squares.",
        ),
    ),
    variants=(diffuse.x0_from_v, guess_by_solving),
    identities=(
        Identity(
            "with the noise that x then holds, v comes out again",
            lambda out, x, v, t: (diffuse.v(out[0], diffuse.eps_from_x0(x, out[0], t), t), v),
        ),
    ),
)


# --- 8: the end of the ladder ---------------------------------------------------------------------


def ladder(entries, alpha_bar):
    """The levels of a walk, noisiest first, and the data as the last of them."""
    kept = torch.cat([alpha_bar[entries], alpha_bar.new_ones(1)])
    return kept.sqrt(), (1 - kept).sqrt()


def ladder_probes(generator):
    """Entries from the noisiest down to some entry above 0, the last of them not always 1."""
    probes = []
    for i in range(14):
        T = int(torch.randint(8, 20, (), generator=generator))
        betas = long_betas if i % 5 == 4 else strong_betas
        T = 150 if i % 5 == 4 else T
        alpha_bar = levels.alpha_bar(betas(T, generator))
        count = 1 + i % 6
        entries = torch.randperm(T - 1, generator=generator)[:count] + 2
        probes.append((entries.sort(descending=True).values.tolist(), alpha_bar))
    return probes


def ladder_by_library(entries, alpha_bar):
    """The library's levels, one after the other."""
    steps = [levels.Level.from_alpha_bar(float(alpha_bar[n])) for n in [*entries, 0]]
    return torch.stack([t.alpha for t in steps]), torch.stack([t.sigma for t in steps])


def ladder_by_list(entries, alpha_bar):
    """In plain Python."""
    kept = [float(alpha_bar[n]) for n in entries] + [1.0]
    return torch.tensor([k**0.5 for k in kept]), torch.tensor([(1 - k) ** 0.5 for k in kept])


def _rungs(entries=lambda entries, alpha_bar: [*entries, 0], levels=None):
    """A wrong ladder: its entries, or what a level is made of, are off."""
    levels = levels or (lambda kept: (kept.sqrt(), (1 - kept).sqrt()))
    return lambda e, alpha_bar: levels(alpha_bar[entries(e, alpha_bar)])


def two_of_them(answer, probe):
    """Call the answer; two rows of one tensor are as good as two tensors."""
    found = answer(*probe)
    return tuple(found) if isinstance(found, torch.Tensor) and found.ndim > 1 else found


LADDER = Function(
    id="clinic.repair_8",
    question=(
        "The end, mended. Write `ladder(entries, alpha_bar)`: `entries` is a list of integers from "
        "the noisiest entry down to some entry above 0; `alpha_bar` is a tensor of T + 1 entries, "
        "and alpha_bar[0] = 1. Return `(alpha, sigma)`, two tensors with one level for each entry "
        "and a last one more: the data."
    ),
    section=REPAIR,
    answer=ladder,
    probes=ladder_probes,
    run=two_of_them,
    tested=("one level more than entries", "alpha = 1 and sigma = 0 at the end"),
    hints=(
        "How many levels has a walk of one step?",
        "α is √ᾱ and σ is √(1 − ᾱ); the data has ᾱ = 1, and in our table it has an entry.",
        "`kept = torch.cat([alpha_bar[entries], ...])`, then the two roots.",
    ),
    wrong=(
        Wrong(
            "no last level",
            _rungs(lambda e, a: e),
            "The data is missing: your walk stops on the last entry, with its noise still on.",
            SITTINGS[1],
        ),
        Wrong(
            "last entry twice",
            _rungs(lambda e, a: [*e, e[-1]]),
            "Your last step goes from the last entry to itself, and changes nothing. Its noise "
            "stays on the picture.",
            SITTINGS[1],
            source="diffusers, DDIMScheduler with set_alpha_to_one=False",
        ),
        Wrong(
            "ends at entry 1",
            _rungs(lambda e, a: [*e, 1]),
            "Your walk ends on entry 1, as codes do whose table begins there. Ours has the data as "
            "entry 0.",
            source="ControlNet's DDIM sampler, whose alphas_prev starts with alphacums[0]; see its "
            "pull request 587",
        ),
        Wrong(
            "no roots",
            _rungs(levels=lambda kept: (kept, 1 - kept)),
            "You took ᾱ and 1 − ᾱ as they are. They are powers; α and σ are their roots.",
        ),
        Wrong(
            "sigma is one minus alpha",
            _rungs(levels=lambda kept: (kept.sqrt(), 1 - kept.sqrt())),
            "You took 1 − α for σ. On the circle σ = √(1 − α²).",
        ),
        Wrong(
            "variance for sigma",
            _rungs(levels=lambda kept: (kept.sqrt(), 1 - kept)),
            "Your σ is the variance, 1 − ᾱ. Its root belongs there.",
        ),
        Wrong(
            "ascending",
            _rungs(lambda e, a: [0, *e[::-1]]),
            "Your ladder climbs from the data. A walk starts with the noisiest level.",
        ),
        Wrong(
            "counted from 0",
            _rungs(lambda e, a: [*(n - 1 for n in e), 0]),
            "You read entry n − 1. Our table has an entry for the data, so entry n belongs to n.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "starts one late",
            _rungs(lambda e, a: [*e[1:], 0, 0]),
            "You dropped the first level, so the walk takes pure noise for less than it is.",
        ),
        Wrong(
            "swapped",
            _rungs(levels=lambda kept: ((1 - kept).sqrt(), kept.sqrt())),
            "The two have changed places: α, the picture's share, first. At the end it is 1.",
        ),
        Wrong(
            "ends in noise",
            _rungs(lambda e, a: [*e, len(a) - 1]),
            "Your last level is the *noisiest*: an index −1 reads the end of the table. The data "
            "is entry 0.",
        ),
        Wrong(
            "starts with pure noise",
            lambda e, a: tuple(
                torch.cat([end, level])
                for end, level in zip(torch.eye(2).double()[[1, 0], 0:1], ladder(e, a), strict=True)
            ),
            "You put a level of pure noise in front. The first entry is where the walk starts.",
        ),
    ),
    variants=(ladder_by_library, ladder_by_list),
    identities=(
        Identity(
            "the last level is the data: alpha 1, sigma 0",
            lambda out, e, a: (torch.stack([out[0][-1], out[1][-1]]), torch.tensor([1.0, 0.0])),
        ),
    ),
)


# --- 9: the stride --------------------------------------------------------------------------------


def stride(x, eps, i, entries, alpha_bar):
    """DDIM from the i-th entry of the walk to the next one."""
    t, s = alpha_bar[entries[i]], alpha_bar[entries[i + 1]]
    x0 = (x - (1 - t).sqrt() * eps) / t.sqrt()
    return s.sqrt() * x0 + (1 - s).sqrt() * eps


def stride_probes(generator):
    """Uneven walks through tables of 24 ... 40 entries; first steps, last ones, and between."""
    probes = []
    for k in range(15):
        T = 24 + int(torch.randint(0, 17, (), generator=generator))
        alpha_bar = levels.alpha_bar(0.02 + 0.05 * torch.rand(T, generator=generator).double())
        steps = 3 + k % 3
        cuts = torch.randperm(T - 8, generator=generator)[: steps - 1] + 5
        entries = [T, *cuts.sort(descending=True).values.tolist(), 0]
        if k % 5 == 3:  # down from pure noise, all but 1e-9
            alpha_bar = levels.alpha_bar(long_betas(150, generator))
            entries = [150, *(3 * n for n in entries[1:])]
        x, eps = bright(k) * normal(2, *LEAVES[k % 4], generator=generator)
        probes.append((x, eps, k % steps, entries, alpha_bar))
    return probes


def stride_by_library(x, eps, i, entries, alpha_bar):
    """The library's step between the two levels."""
    t, s = (levels.Level.from_alpha_bar(float(alpha_bar[n])) for n in entries[i : i + 2])
    return samplers.ddim(lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s).x


def stride_by_ratio(x, eps, i, entries, alpha_bar):
    """Euler's rule on the bright picture."""
    t, s = alpha_bar[entries[i]], alpha_bar[entries[i + 1]]
    ratio = [(1 / a - 1).sqrt() for a in (t, s)]
    return s.sqrt() * (x / t.sqrt() + (ratio[1] - ratio[0]) * eps)


def _from_to(pick):
    """A wrong stride: pick(i, entries, T) gives the two entries of the table that are used."""

    def wrong(x, eps, i, entries, alpha_bar):
        n, m = pick(i, entries, len(alpha_bar) - 1)
        return stride(x, eps, 0, [n, max(m, 0)], alpha_bar)

    return wrong


STRIDE = Function(
    id="clinic.repair_9",
    question=(
        "The stride, mended. Write `stride(x, eps, i, entries, alpha_bar)`: x stands on "
        "`entries[i]`, `eps` is the network's guess there; return x on `entries[i + 1]`, by DDIM "
        "with η = 0. `entries` are integers from T down to 0 with gaps of any size; `alpha_bar` "
        "is a tensor of T + 1 entries, alpha_bar[0] = 1."
    ),
    section=REPAIR,
    answer=stride,
    probes=stride_probes,
    tested=("gaps of every size", "the first step, and the last one to the data"),
    hints=(
        "Where will the network be asked next? That is where this step has to end.",
        "Two levels: ᾱ of `entries[i]` and of `entries[i + 1]`. Then the two lines of 04.",
        "`t, s = alpha_bar[entries[i]], alpha_bar[...]`.",
    ),
    wrong=(
        Wrong(
            "even stride",
            _from_to(lambda i, e, T: (e[i], e[i] - T // (len(e) - 1))),
            "You walk T // steps entries, whatever the list says. The network is then asked at one "
            "set of levels, and the walk goes to another.",
            SITTINGS[1],
            source="diffusers, DDIMScheduler with timestep_spacing='linspace'",
        ),
        Wrong(
            "neighbour",
            _from_to(lambda i, e, T: (e[i], e[i] - 1)),
            "You step to the neighbour in the table, n − 1, and then jump over the rest.",
        ),
        Wrong(
            "stride of the first step",
            _from_to(lambda i, e, T: (e[i], e[i] - (e[0] - e[1]))),
            "You measured the stride once, at the start. These gaps differ: look up the next "
            "entry.",
        ),
        Wrong(
            "stride of the step before",
            _from_to(lambda i, e, T: (e[i], e[i] - (e[max(i - 1, 0)] - e[max(i, 1)]))),
            "You walk as far as the step before did. Look up the next entry instead.",
        ),
        Wrong(
            "index for entry",
            _from_to(lambda i, e, T: (i + 1, i)),
            "You used the place in the list, i, as an entry of the table.",
            SITTINGS[0],
        ),
        Wrong(
            "straight to the data",
            _from_to(lambda i, e, T: (e[i], 0)),
            "You went to the data in one step. That is the guess x̂0; the walk goes to the next "
            "entry.",
        ),
        Wrong(
            "goes nowhere",
            _from_to(lambda i, e, T: (e[i], e[i])),
            "You used the same level in both lines, so x stays where it was.",
        ),
        Wrong(
            "the other way",
            _from_to(lambda i, e, T: (e[i + 1], e[i])),
            "The two levels have changed places: you walk into the noise.",
        ),
        Wrong(
            "one place late",
            _from_to(lambda i, e, T: (e[i + 1], e[min(i + 2, len(e) - 1)])),
            "You read entries i + 1 and i + 2. x stands on entries[i].",
        ),
        Wrong(
            "one place early",
            _from_to(lambda i, e, T: (e[max(i - 1, 0)], e[i])),
            "You read entries i − 1 and i. x stands on entries[i] already.",
        ),
        Wrong(
            "counted from 0",
            _from_to(lambda i, e, T: (e[i] - 1, e[i + 1] - 1)),
            "You read one entry too low. Our table has an entry for the data, so entry n belongs "
            "to n.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "as if from the end of the table",
            _from_to(lambda i, e, T: (e[i], e[i + 1] if e[i + 1] else T)),
            "At the last step you land on the end of the table: an index −1 wraps round. The data "
            "is entry 0.",
        ),
        Wrong(
            "no roots",
            lambda x, eps, i, e, a: (
                a[e[i + 1]] * (x - (1 - a[e[i]]) * eps) / a[e[i]] + (1 - a[e[i + 1]]) * eps
            ),
            "The levels are right, the roots are missing: the table holds powers, the lines have "
            "amplitudes.",
        ),
    ),
    variants=(stride_by_library, stride_by_ratio),
    identities=(
        Identity(
            "the last step lands on the guess",
            lambda out, x, eps, i, e, a: (
                (out[0], (x - (1 - a[e[i]]).sqrt() * eps) / a[e[i]].sqrt())
                if e[i + 1] == 0
                else None
            ),
        ),
    ),
)


# --- 10: room for fresh noise ---------------------------------------------------------------------


def make_room(x0, eps, z, s, std):
    """Put noise of level s on the guess: fresh noise with this std, and old noise for the rest."""
    return s.alpha * x0 + (s.sigma**2 - std**2).sqrt() * eps + std * z


def room_probes(generator):
    """Shares of fresh noise from none to all, on the circle and off it."""
    shares = (0.0, 0.3, 0.6, 0.9, 1.0, 0.45, 0.8, 0.2, 0.7, 0.5, 0.95, 0.35, 0.15, 0.85)
    probes = []
    for i, share in enumerate(shares):
        s = some_level(i, generator)
        x0, eps, z = bright(i) * normal(3, *LEAVES[i % 4], generator=generator)
        probes.append((x0, eps, z, s, share * s.sigma))
    return probes


def room_by_angle(x0, eps, z, s, std):
    """Old and fresh noise as the two legs of a right triangle."""
    angle = torch.asin(std / s.sigma)
    return s.alpha * x0 + s.sigma * (torch.cos(angle) * eps + torch.sin(angle) * z)


def room_by_sample(x0, eps, z, s, std):
    """The library's line, with the mixed noise."""
    share = std / s.sigma
    return diffuse.q_sample(x0, s, (1 - share**2) ** 0.5 * eps + share * z)


def _room(kept=lambda s, std: (s.sigma**2 - std**2).sqrt(), fresh=lambda s, std: std):
    """A wrong step: how much old noise is kept, or how much fresh noise is added, is off."""
    return lambda x0, eps, z, s, std: s.alpha * x0 + kept(s, std) * eps + fresh(s, std) * z


MAKE_ROOM = Function(
    id="clinic.repair_10",
    question=(
        "The noise, counted once. Write `make_room(x0, eps, z, s, std)`: the guess `x0` on level "
        "`s`, with fresh noise `z` of standard deviation `std` (0 ... σ_s), and as much of the old "
        "noise `eps` as level s then still asks for."
    ),
    section=REPAIR,
    answer=make_room,
    probes=room_probes,
    tested=("no fresh noise, all of it, and between", "on the circle and off it"),
    hints=(
        "How much noise may lie on level s in all? And do standard deviations add, or variances?",
        "Independent noises add by their variances: what is kept has the variance σ_s² − std².",
        "`s.alpha * x0 + (...).sqrt() * eps + std * z`.",
    ),
    wrong=(
        Wrong(
            "old noise kept whole",
            _room(kept=lambda s, std: s.sigma),
            "You kept all of the old noise and added the fresh one: too wide, and wider with every "
            "step. What is added must be taken off elsewhere.",
            SITTINGS[1],
        ),
        Wrong(
            "spreads subtracted",
            _room(kept=lambda s, std: s.sigma - std),
            "You subtracted standard deviations. Variances are what adds up: √(σ_s² − std²). Yours "
            "is too narrow.",
        ),
        Wrong(
            "std as a share",
            _room(kept=lambda s, std: s.sigma * (1 - std**2).sqrt()),
            "You took std for a share of σ_s. It is the standard deviation itself: σ_s² − std² of "
            "the variance is left.",
        ),
        Wrong(
            "root forgotten",
            _room(kept=lambda s, std: s.sigma**2 - std**2),
            "σ_s² − std² is the variance of what is kept. Multiply the noise by its root.",
        ),
        Wrong(
            "std not squared",
            _room(kept=lambda s, std: (s.sigma**2 - std).abs().sqrt()),
            "Under the root you took std for a variance: square it.",
        ),
        Wrong(
            "old noise forgotten",
            _room(kept=lambda s, std: 0 * std),
            "You threw the old noise away. Then x has too little noise for level s, except where "
            "all of it is fresh.",
        ),
        Wrong(
            "fresh noise forgotten",
            _room(fresh=lambda s, std: 0 * std),
            "You made room for fresh noise and added none: too narrow. That is what a negative η "
            "does in one library.",
            SITTINGS[0],
            source="diffusers, DDIMScheduler.step, which adds noise only if eta > 0",
        ),
        Wrong(
            "as much old as fresh",
            _room(kept=lambda s, std: std),
            "You kept std of the old noise too. With std = 0, where nothing is fresh, all of it "
            "must be kept.",
            source="a committed course notebook, found and mended in review (CoursIA, pull "
            "request 16158)",
        ),
        Wrong(
            "variance of the fresh noise",
            _room(fresh=lambda s, std: std**2),
            "You multiplied z by std². It is called std because it multiplies as it is.",
        ),
        Wrong(
            "all of it fresh",
            _room(kept=lambda s, std: 0 * std, fresh=lambda s, std: s.sigma),
            "You re-noised with fresh noise alone. It has the right width, and forgets the noise "
            "that the network found.",
        ),
        Wrong(
            "noises swapped",
            _room(kept=lambda s, std: std, fresh=lambda s, std: (s.sigma**2 - std**2).sqrt()),
            "eps and z have changed places: the *fresh* one has std.",
        ),
        Wrong(
            "circle for sigma",
            _room(kept=lambda s, std: (1 - s.alpha**2 - std**2).abs().sqrt()),
            "You used 1 − α_s² for σ_s². That holds on the circle only.",
        ),
        Wrong(
            "guess not dimmed",
            lambda x0, eps, z, s, std: x0 + (s.sigma**2 - std**2).sqrt() * eps + std * z,
            "The noise is right. x0 must be dimmed: level s has α_s of it.",
        ),
        Wrong(
            "minus",
            _room(fresh=lambda s, std: -std),
            "You subtracted the fresh noise. The law would be the same, but with this z the step "
            "asks for plus.",
        ),
    ),
    variants=(room_by_angle, room_by_sample),
)


# --- 3, 4, 6, 11, 12: which line mends it? --------------------------------------------------------


def _mend(number, question, answer, tested, hints, wrong):
    """Which line mends case `number`? wrong holds (letter, hint), or (letter, hint, section)."""
    return Value(
        id=f"clinic.repair_{number}",
        question=f"{question}\n\n`repair_{number}` is one letter, in quotes.",
        section=REPAIR,
        answer=answer,
        tested=(tested,),
        hints=hints,
        wrong=tuple(Wrong(row[0], *row) for row in wrong),
    )


ONE_START = _mend(
    3,
    "All pictures of a batch start from one noise. Which line mends it, so that the same seed "
    "still gives the same pictures?\n\n"
    "- **a** `x = torch.randn(1, 1, 8, 8, generator=g).expand(n, 1, 8, 8)`\n"
    "- **b** `x = torch.randn(n, 1, 8, 8)`\n"
    "- **c** `x = torch.randn(n, 1, 8, 8, generator=g)`\n"
    "- **d** `x = torch.stack([torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0)) "
    "for _ in range(n)])`\n"
    "- **e** `x = torch.rand(n, 1, 8, 8, generator=g)`",
    "c",
    "as many draws as pictures, all from the one seeded generator",
    (
        "Two things are asked: every picture its own noise, and the same seed the same pictures.",
        "One generator, and a draw of the shape of the whole batch.",
        "Look for `randn` with n in its shape and `generator=g` at its end.",
    ),
    (
        (
            "a",
            "That is the bug: one noise is drawn, and `expand` shows it n times.",
            SITTINGS[0],
        ),
        (
            "b",
            "The pictures differ now, but nobody can repeat them: without a generator the noise "
            "comes from a global state that any other cell may change.",
        ),
        (
            "d",
            "The same bug with more work: each picture has its own generator, and all of them have "
            "the same seed.",
            SITTINGS[0],
        ),
        (
            "e",
            "`rand` is uniform on 0 ... 1: the mean is wrong and the spread is .29. The walk "
            "starts from *Gaussian* noise, `randn`.",
            HEALTHY,
        ),
    ),
)

CONDITION_ADDED = _mend(
    4,
    "Guidance makes posters: `x0 = u + w * c`, with the guess u without the label and c with it. "
    "Which line mends it, for every w?\n\n"
    "- **a** `x0 = (u + w * c).clamp(-1, 1)`\n"
    "- **b** `x0 = (u + w * c) / (1 + w)`\n"
    "- **c** `x0 = u + w * (c - u)`\n"
    "- **d** `x0 = c + w * (c - u)`\n"
    "- **e** `x0 = w * c`",
    "c",
    "w times the difference that the condition makes: w = 0 is u, w = 1 is c",
    (
        "Put in w = 1. What must come out? And what comes out where the condition changes nothing?",
        "Where c = u, guidance must do nothing; at w = 1 it must give c.",
        "Start at u, and go w times the way from u to c.",
    ),
    (
        (
            "a",
            "The posters stay posters: clipping hides how far the pixels are out, and leaves them "
            "black and white. It treats the symptom.",
        ),
        (
            "b",
            "A weighted mean is no longer too loud, and no longer guides: it stays between u and "
            "c, however large w is.",
        ),
        (
            "d",
            "That is the paper's own w, one less than ours: at w = 1 it gives 2c − u, not c.",
        ),
        (
            "e",
            "Without u the guess is still w times too large.",
            SITTINGS[0],
        ),
    ),
)

NEGATIVE_ETA = _mend(
    6,
    "`std = eta * ...`, and `if eta > 0:` adds the fresh noise; someone called it with eta = −1. "
    "Which repair leaves no wrong law behind, for any number?\n\n"
    "- **a** `if eta != 0:` add the noise\n"
    "- **b** `eta = abs(eta)`\n"
    "- **c** refuse every eta outside 0 ... 1 with a message that says what is allowed\n"
    "- **d** `eta = max(eta, 0)`\n"
    "- **e** `(s.sigma**2 - std**2).clamp(min=0)` under the root",
    "c",
    "an eta outside 0 ... 1 has no meaning: say so",
    (
        "Try each repair with eta = −1, and then with eta = 2.5.",
        "At eta = 2.5 the root is of a negative number. Which repair still gives a right law?",
        "None of the silent ones does: this number has no meaning, so the code should say so.",
    ),
    (
        (
            "a",
            "With −1 the law is right again, since noise has no sign. With 2.5 the root is still "
            "of a negative number, and the picture is NaN.",
        ),
        (
            "b",
            "−1 becomes 1, which nobody asked for, and 2.5 still gives NaN. Guessing what was "
            "meant hides the slip.",
        ),
        (
            "d",
            "−1 silently becomes DDIM, and 2.5 still gives NaN. The caller never learns of it.",
        ),
        (
            "e",
            "No NaN any more, and a wrong law instead: at eta = 2.5 more noise is added than the "
            "level has.",
        ),
    ),
)

ROLES_SWAPPED = _mend(
    11,
    "`both = denoise(torch.cat([x, x]), t, torch.cat([nothing, label]))`, then "
    "`c, u = both.chunk(2)` and `x0 = u + w * (c - u)`. Which repair is right?\n\n"
    "- **a** `x0 = c + w * (u - c)`\n"
    "- **b** `u, c = both.chunk(2)`\n"
    "- **c** a negative w\n"
    "- **d** `torch.cat([label, nothing])`, and `u, c = both.chunk(2)`\n"
    "- **e** a larger w, until the label is obeyed",
    "b",
    "the halves come out in the order in which they went in",
    (
        "The first half of the batch was asked without a label. What is the first half of the "
        "answer?",
        "`chunk` keeps the order: the first half is the unconditional guess.",
        "Only the two names on the left are in the wrong order.",
    ),
    (
        (
            "a",
            "It comes out right, since two swaps undo each other. But c still holds the "
            "unconditional guess, and the next reader will trust its name; mend the name.",
        ),
        (
            "c",
            "With the names swapped, w gives what 1 − w should. A negative w guides, by the wrong "
            "amount: at w = 0 you would still get the *conditional* guess.",
        ),
        (
            "d",
            "Two changes that undo each other: the label moves to the first half, and the first "
            "half is now called u. The bug is back.",
        ),
        (
            "e",
            "The walk goes *away* from the label; a larger w goes further away.",
            SITTINGS[1],
        ),
    ),
)

FROZEN_AVERAGE = _mend(
    12,
    "The loss falls, and the averaged weights draw noise. In the loop stand `loss.backward()`, "
    "`optimiser.step()`, `optimiser.zero_grad()`. Which line mends it?\n\n"
    "- **a** `average.load_state_dict(net.state_dict())`, after each step\n"
    "- **b** `ema_update(average, net, 0.999)`, once, after training\n"
    "- **c** `ema_update(average, net, 0.999)`, after each step\n"
    "- **d** `ema_update(net, average, 0.999)`, after each step\n"
    "- **e** `average = net`, before the loop",
    "c",
    "the average moves a little after every step of training",
    (
        "Who learns, and who draws? The line must connect the two, and still average.",
        "After every step the average moves by one thousandth of the way to the live weights.",
        "First the one that changes, then the one that it follows.",
    ),
    (
        (
            "a",
            "Now it draws digits: it is a copy of the live weights. But nothing is averaged, and "
            "the copy trembles as they do.",
        ),
        (
            "b",
            "One update moves the average by a thousandth: it still is 99.9 % what it was before "
            "training.",
        ),
        (
            "d",
            "The arguments are swapped: the network is pulled back to the untrained average, and "
            "hardly learns.",
        ),
        (
            "e",
            "One object with two names. It draws what the live weights draw, and nothing is "
            "averaged.",
        ),
    ),
)


# --- broken or under-trained ----------------------------------------------------------------------

FIRST_LOOK = Value(
    id="clinic.first_look",
    question=(
        "The pictures are bad and the loss is where the recipe says. What do you look at "
        "first?\n\n"
        "- **a** train twice as long: a lower loss means better pictures\n"
        "- **b** single guesses x̂0 of fogged real pictures, at a few levels\n"
        "- **c** more steps: more steps always help\n"
        "- **d** the Fréchet distance, with as many pictures as possible\n"
        "- **e** another seed\n\n`first_look` is one letter, in quotes."
    ),
    section=TREE,
    answer="b",
    tested=("single guesses part the network from the walk, with no walk in between",),
    hints=(
        "A sampler asks a network many times. Which look separates the two?",
        "If each single answer is good, the network is innocent, and the walk is not.",
        "Fog a real picture, ask once, and compare with what was there.",
    ),
    wrong=(
        Wrong(
            "lower loss",
            "a",
            "The loss says how well noise is guessed, all levels alike; it never sees the sampler. "
            "Training longer repairs no walk.",
        ),
        Wrong(
            "more steps",
            "c",
            "Steps shrink the error of a *right* sampler. Noise kept twice grows with the steps.",
        ),
        Wrong(
            "Frechet distance",
            "d",
            "It says *that* something is wrong, and you knew that. It does not say whether network "
            "or walk.",
        ),
        Wrong(
            "another seed",
            "e",
            "A good question, later on: it finds walks without chance. First part the "
            "network from the walk.",
        ),
    ),
)

PROVE_IT = Value(
    id="clinic.prove_it",
    question=(
        "You suspect the *sampler*, not the network. Which test proves it?\n\n"
        "- **a** the pictures look better with another sampler\n"
        "- **b** its output has the right shape and no NaN\n"
        "- **c** it walks an *exact* denoiser to an answer that is known in closed form, and "
        "misses\n"
        "- **d** its pictures equal the ones it drew last week\n"
        "- **e** two hundred pictures have a larger Fréchet distance than real ones\n\n"
        "`prove_it` is one letter, in quotes."
    ),
    section=PROOFS,
    answer="c",
    tested=("an exact denoiser leaves nobody to blame but the walk",),
    hints=(
        "As long as a trained network is in the loop, it may be the culprit.",
        "Put in a denoiser that is known exactly: one picture, or a Gaussian.",
        "Unit Gaussian data: DDIM's answer is x times a product of cosines.",
    ),
    wrong=(
        Wrong(
            "another sampler",
            "a",
            "It makes the suspicion stronger. But the network is asked at other places then, and "
            "may be better there.",
        ),
        Wrong(
            "shape",
            "b",
            "Every wrong formula of this clinic passes that test.",
        ),
        Wrong(
            "last week",
            "d",
            "It proves that nothing has changed, mistakes included.",
        ),
        Wrong(
            "Frechet distance",
            "e",
            "A healthy sampler is above the floor, too: the network is not perfect, and samples "
            "are few.",
            HEALTHY,
        ),
    ),
)

DIAGNOSES = tuple(_case(number, bug) for number, bug in enumerate(clinic.BUGS, 1))
REPAIRS = (
    WALK_BACK,
    CLIPPED_GUESS,
    ONE_START,
    CONDITION_ADDED,
    QUIET_AT_THE_END,
    NEGATIVE_ETA,
    GUESS_FROM_V,
    LADDER,
    STRIDE,
    MAKE_ROOM,
    ROLES_SWAPPED,
    FROZEN_AVERAGE,
)
PAIRS = zip(DIAGNOSES, REPAIRS, strict=True)
EXERCISES = [FIRST_LOOK, PROVE_IT, *(exercise for pair in PAIRS for exercise in pair)]
