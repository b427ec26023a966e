"""Exercises of 00, a first line of code and a guess; and ten questions on what you bring.

The questions stand where the answer is needed: 1 to 3 in 00, 4 to 8 in 02, 9 and 10 in 03.
"""

import torch

from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.diffuse import q_sample
from lessons_lib.levels import Level

FIRST = "Your first answer"
GUESS = "Guess before you look"
GAUSSIANS = "Refresher: Gaussians"
BAYES = "Refresher: Bayes' rule"
EXPECTATION = "Refresher: Expectation"
AUTOGRAD = "Refresher: Autograd"


# --- warm-up --------------------------------------------------------------------------------------


def noisy(x0, alpha, sigma, eps):
    """Keep alpha of the picture and add sigma of the noise."""
    return alpha * x0 + sigma * eps


def noisy_probes(generator):
    """Pictures and vectors; alpha and sigma unequal, and not on the circle alpha² + sigma² = 1.

    Then thin fog, deep fog, and the picture itself.
    """
    shapes = [(4,), (3, 3), (2, 1, 8, 8), (5, 2)] * 3
    probes = []
    for shape in shapes:
        x0, eps = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        alpha, sigma = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        probes.append((x0, 0.1 + 0.4 * alpha, 0.55 + 0.4 * sigma, eps))
    x0, eps = probes[-1][0], probes[-1][-1]
    ends = [(x0, 1.0, 0.0005, eps), (x0, 0.0005, 80.0, eps), (100 * x0, 1.0, 0.0, eps)]
    return [*probes, *ends, (x0, 0.5, 0.3, 100 * eps)]


def noisy_by_library(x0, alpha, sigma, eps):
    """The library's own line, with alpha and sigma as a level."""
    return q_sample(x0, Level(*(torch.tensor(f).double() for f in (0.5, alpha, sigma))), eps)


def noisy_by_torch(x0, alpha, sigma, eps):
    """The same sum, from torch's own operations."""
    return torch.add(torch.mul(x0, alpha), eps, alpha=sigma)


WARM_UP = Function(
    id="start.warm_up",
    question=(
        "Write `noisy(x0, alpha, sigma, eps)`: alpha times the picture `x0` plus sigma times the "
        "noise `eps`. `x0` and `eps` are tensors of one shape, `alpha` and `sigma` plain numbers."
    ),
    section=FIRST,
    answer=noisy,
    probes=noisy_probes,
    tested=("vectors and pictures", "alpha and sigma of every size"),
    hints=(
        "Two products and one sum: which number belongs to the picture, which to the noise?",
        "The formula is x = α·x0 + σ·ε; Python writes a product with `*`.",
        "`return alpha * x0 + ...`: the second half is built like the first.",
    ),
    wrong=(
        Wrong(
            "swapped",
            lambda x0, alpha, sigma, eps: sigma * x0 + alpha * eps,
            "You gave sigma to the picture and alpha to the noise. Easy to mix up, two letters in "
            "a row: alpha says how much of the data stays, sigma how much noise comes on top.",
        ),
        Wrong(
            "roots",
            lambda x0, alpha, sigma, eps: alpha**0.5 * x0 + sigma**0.5 * eps,
            "You took square roots. Papers do, because they write ᾱ, a power; our alpha and sigma "
            "are amplitudes already and multiply as they are.",
        ),
        Wrong(
            "squares",
            lambda x0, alpha, sigma, eps: alpha**2 * x0 + sigma**2 * eps,
            "You squared alpha and sigma. Squares belong to variances; a sample is multiplied by "
            "the amplitude itself.",
        ),
        Wrong(
            "sigma without eps",
            lambda x0, alpha, sigma, eps: alpha * x0 + sigma,
            "You added the number sigma and left eps out. That makes every pixel brighter by the "
            "same amount; noise differs from pixel to pixel, and eps carries it.",
        ),
        Wrong(
            "no noise",
            lambda x0, alpha, sigma, eps: alpha * x0,
            "You only dimmed the picture. The other half of the line, sigma times eps, is missing.",
        ),
        Wrong(
            "picture not dimmed",
            lambda x0, alpha, sigma, eps: x0 + sigma * eps,
            "You added noise to the full picture. It seems natural, but here the picture is dimmed "
            "by alpha too, so that noise can take over.",
        ),
        Wrong(
            "noise not scaled",
            lambda x0, alpha, sigma, eps: alpha * x0 + eps,
            "You added all of eps. It has spread 1 always; sigma says how much of it to use.",
        ),
        Wrong(
            "nothing scaled",
            lambda x0, alpha, sigma, eps: x0 + eps,
            "You added picture and noise as they are: alpha and sigma are never used.",
        ),
        Wrong(
            "minus",
            lambda x0, alpha, sigma, eps: alpha * x0 - sigma * eps,
            "You subtracted the noise. It looks the same in a picture, since noise has no sign of "
            "its own, but later the network must learn which eps was *added*.",
        ),
        Wrong(
            "sum scaled",
            lambda x0, alpha, sigma, eps: alpha * (x0 + sigma * eps),
            "Your alpha multiplies the noise as well: a bracket closes too late.",
        ),
        Wrong(
            "sigma from alpha",
            lambda x0, alpha, sigma, eps: alpha * x0 + (1 - alpha**2) ** 0.5 * eps,
            "You computed sigma from alpha as √(1 − α²). That is right on one family of schedules, "
            "not on all: use the sigma that is passed in.",
        ),
        Wrong(
            "one minus alpha",
            lambda x0, alpha, sigma, eps: alpha * x0 + (1 - alpha) * eps,
            "You used 1 − alpha for sigma, as in a cross-fade. The two need not add up to one: use "
            "the sigma that is passed in.",
        ),
        Wrong(
            "fresh noise",
            lambda x0, alpha, sigma, eps: alpha * x0 + sigma * torch.randn_like(x0),
            "You drew new noise inside. Then nobody knows which noise was added, and a network "
            "could not be told: use the eps that is passed in.",
        ),
    ),
    variants=(noisy_by_library, noisy_by_torch),
    identities=(
        Identity(
            "what is not alpha·x0 in the result is sigma·eps",
            lambda out, x0, alpha, sigma, eps: (out[0] - alpha * x0, sigma * eps),
        ),
    ),
)


# --- a guess, and the ten questions ---------------------------------------------------------------

GUESS_LEFT = Value(
    id="start.guess",
    question=(
        "A digit is dimmed to alpha = 0.1 and gets sigma = 0.995 of noise: to the eye, pure fog. "
        "How much of the digit is left in the numbers?\n\n"
        "- **a** nothing at all\n- **b** a tenth of its amplitude, a hundredth of its power\n"
        "- **c** a tenth of its power\n- **d** everything: noise is only added, nothing is lost"
    ),
    section=GUESS,
    answer="b",
    tested=("alpha multiplies the amplitude, and power goes with its square",),
    hints=(
        "What number multiplies the digit?",
        "0.1 · x0 is in the sum, whatever is added to it. Power is amplitude squared.",
        "0.1 squared is 0.01: which line says both?",
    ),
    wrong=(
        Wrong(
            "a",
            "a",
            "You trusted your eye. It sees nothing, but 0.1·x0 is still in the sum, and averaging "
            "many such pictures of the same digit brings it back.",
        ),
        Wrong(
            "c",
            "c",
            "You took alpha for a share of the power. It multiplies the amplitude; the power goes "
            "with its square, 0.01.",
        ),
        Wrong(
            "d",
            "d",
            "Noise was added, true, but the digit was dimmed too, to a tenth; and one picture "
            "alone cannot tell digit from noise.",
        ),
    ),
)


def _question(number, question, section, answer, because, hints, wrong, tolerance=0.05):
    """One diagnostic question; its wrong answers are (name, value, hint)."""
    return Value(
        id=f"start.q{number}",
        question=question,
        section=section,
        answer=answer,
        tested=(because,),
        hints=hints,
        wrong=tuple(Wrong(*row) for row in wrong),
        tolerance=0.0 if isinstance(answer, str) else tolerance,
    )


DIAGNOSTIC = (
    _question(
        1,
        "$x$ is Gaussian with mean 3 and standard deviation 2. What is $2x + 1$?\n\n"
        "- **a** Gaussian, mean 7, standard deviation 2\n"
        "- **b** Gaussian, mean 6, standard deviation 4\n"
        "- **c** Gaussian, mean 7, standard deviation 4\n"
        "- **d** Gaussian, mean 7, standard deviation 8",
        GAUSSIANS,
        "c",
        "scaling acts on mean and spread, shifting on the mean only",
        (
            "A Gaussian stays a Gaussian when it is scaled and shifted. What happens to its mean?",
            "Scaling by 2 doubles the mean and the standard deviation; adding 1 moves the mean.",
            "Mean 2·3 + 1, standard deviation 2·2.",
        ),
        (
            ("a", "a", "You kept the spread. Scaling by 2 stretches the bell as well."),
            ("b", "b", "You forgot the shift: adding 1 moves the mean from 6 to 7."),
            ("d", "d", "You scaled by 4. The variance does; the standard deviation by 2 only."),
        ),
    ),
    _question(
        2,
        "Two independent Gaussians, mean 0, standard deviations 3 and 4. "
        "What is the standard deviation of their sum?",
        GAUSSIANS,
        5,
        "variances add, so spreads add like the sides of a right triangle",
        (
            "Which add up: standard deviations or variances?",
            "Independent variances add: 9 + 16.",
            "The standard deviation is the root of 25.",
        ),
        (
            ("7", 7, "You added standard deviations. Noises partly cancel; their variances add."),
            ("25", 25, "25 is the variance; the question asks for its root."),
            ("12", 12, "You multiplied. Variances of independent numbers add."),
            ("3.5", 3.5, "You took the average. A sum of two noises is wider than either."),
        ),
    ),
    _question(
        3,
        "$z$ and $z'$ are independent, each with mean 0 and variance 1. "
        "What is the variance of $0.6\\,z + 0.8\\,z'$?",
        GAUSSIANS,
        1,
        "0.36 + 0.64 = 1: why noise levels sit on a circle",
        (
            "A factor in front acts on the variance by its square.",
            "0.6² + 0.8²: why can the two be added?",
            "0.36 + 0.64.",
        ),
        (
            ("1.4", 1.4, "You added the factors. Variance takes their squares."),
            ("1.96", 1.96, "You added first and squared then: right if z and z' were the same."),
            ("2", 2, "You added the variances and left the factors out."),
            ("0.28", 0.28, "You subtracted. Variances of independent numbers always add."),
        ),
        tolerance=0.005,
    ),
    _question(
        4,
        "1 % of pictures are broken. A test flags 90 % of the broken ones and 10 % of the good "
        "ones. A picture is flagged: with what probability is it broken? (per cent, one decimal)",
        BAYES,
        8.3,
        "of 1000 pictures 108 are flagged, and 9 of those are broken",
        (
            "Imagine 1000 pictures. How many are flagged, and how many of those are broken?",
            "10 are broken, 9 of them flagged; 990 are good, 99 of them flagged.",
            "9 out of 9 + 99.",
        ),
        (
            ("90", 90, "That is the chance of a flag given a break. Bayes' rule turns it round."),
            ("1", 1, "That is the prior: you have not used the flag yet."),
            ("9.1", 9.1, "That is 9 to 99, the odds. Divide by all that are flagged, 108."),
            ("0.083", 0.083, "Right as a share; the question asks for per cent."),
            ("0.9", 0.9, "You multiplied prior and likelihood; now divide by all flagged."),
        ),
        tolerance=0.04,
    ),
    _question(
        5,
        "Before looking, $x$ is Gaussian, mean 0, variance 1. You see $y = x + $ noise of variance "
        "1, and $y = 2$. What is the mean of $x$ now?",
        BAYES,
        1,
        "prior and observation are equally sure, so the mean is half way",
        (
            "Two sources speak about x: the prior says 0, the observation says 2.",
            "Weigh each by its certainty, one over its variance.",
            "Both variances are 1: equal weights for 0 and 2.",
        ),
        (
            ("2", 2, "You believed the observation alone. The prior pulls towards 0."),
            ("0", 0, "You kept the prior. Seeing 2 moves the mean."),
            ("0.5", 0.5, "That is the variance after seeing y; the question asks for the mean."),
            ("4", 4, "You moved away from the prior, beyond y. The mean lies between the two."),
        ),
    ),
    _question(
        6,
        "$x$ has mean 3 and standard deviation 2. What is $\\mathbb{E}[x^2]$?",
        EXPECTATION,
        13,
        "the mean of a square is the square of the mean plus the variance",
        (
            "It is more than 9: why?",
            "Variance = E[x²] − (E[x])².",
            "9 plus the variance, 2².",
        ),
        (
            ("9", 9, "You squared the mean. The mean of the squares is larger, by the variance."),
            ("4", 4, "That is the variance alone, the mean square around the mean."),
            ("5", 5, "You subtracted the variance; it is added."),
            ("11", 11, "You added the standard deviation; the variance is its square."),
            ("25", 25, "You squared mean plus spread: the spread goes both ways."),
        ),
    ),
    _question(
        7,
        "Four pictures show the numbers 0, 0, 0 and 10. One number must stand for all, with the "
        "smallest mean squared error. Which?",
        EXPECTATION,
        2.5,
        "the squared error is smallest at the mean, even if no picture looks like it",
        (
            "Try 0 and 5 by hand: which has the smaller mean squared error? Can you do better?",
            "Set the slope of the mean of (x − m)² to zero.",
            "The slope is zero where m is the mean of the four numbers.",
        ),
        (
            ("0", 0, "That is the most frequent one. It minimises absolute error, not squared."),
            ("5", 5, "Half way between the extremes minimises the *largest* error."),
            ("10", 10, "That serves one of four. Try its squared error: 75 on average."),
            ("3.3", 10 / 3, "You divided by three. There are four numbers."),
        ),
    ),
    _question(
        8,
        "You average 100 independent numbers of standard deviation 1. "
        "What is the standard deviation of the average? (one decimal)",
        EXPECTATION,
        0.1,
        "the error of an average falls like one over the root of the count",
        (
            "The variance of the sum is 100. What does dividing by 100 do to it?",
            "The variance of the average is 100 / 100².",
            "The root of 0.01.",
        ),
        (
            ("0.01", 0.01, "That is the variance of the average; the question asks for its root."),
            ("1", 1, "One number has that spread; averaging makes it smaller."),
            ("10", 10, "That is the spread of the sum; an average is divided by 100."),
            ("100", 100, "That is the variance of the sum."),
        ),
        tolerance=0.005,
    ),
    _question(
        9,
        "```python\nx = torch.tensor(3.0, requires_grad=True)\n(x**2).backward()\n"
        "(x**2).backward()\n```\nWhat is `x.grad`?",
        AUTOGRAD,
        12,
        "gradients add up until they are set to zero",
        (
            "What is the slope of x² at 3?",
            "Does the second `backward` replace the first gradient, or add to it?",
            "6, and 6 more.",
        ),
        (
            ("6", 6, "One backward gives 6; the second *adds* 6. Training must zero gradients."),
            ("36", 36, "You multiplied the two slopes: gradients are added."),
            ("9", 9, "That is the value of x², not its slope."),
            ("18", 18, "You used x² · 2: the slope of x² is 2x, which is 6."),
        ),
    ),
    _question(
        10,
        "What does `with torch.no_grad():` do?\n\n"
        "- **a** it sets all gradients to zero\n"
        "- **b** it records no graph: less memory, and nothing to go backward through\n"
        "- **c** it switches dropout off\n"
        "- **d** it freezes the weights for good",
        AUTOGRAD,
        "b",
        "no graph is recorded inside the block",
        (
            "It concerns what torch remembers while it computes.",
            "To go backward, torch keeps the way it came. Sampling never goes backward.",
            "Which line speaks of recording?",
        ),
        (
            ("a", "a", "Setting gradients to zero is `optimiser.zero_grad()`."),
            ("c", "c", "Dropout is switched by `net.eval()`; people often need both."),
            ("d", "d", "Weights are frozen by `requires_grad_(False)`; this lasts for a block."),
        ),
    ),
)

EXERCISES = [WARM_UP, GUESS_LEFT, *DIAGNOSTIC]
