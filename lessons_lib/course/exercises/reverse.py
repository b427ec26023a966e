"""Exercises of notebook 02, the reverse process and the loss, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data. The neighbour of n on the way back is n - 1.
"""

import math

import torch

from lessons_lib import diffuse, exact, levels, samplers
from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.course.exercises.forward import (
    SHAPES,
    long_betas,
    normal,
    per_sample,
    strong_betas,
    table_level,
)

PRODUCT = "Two Gaussians, multiplied"
KL = "How far apart are two Gaussians?"
BAYES = "One step back, if you knew the data"
LOSS = "The simple loss"
BY_HAND = "One training step by hand"
BELIEF = "What the network believes"
AVERAGE = "What x̂0 is: an average"
FORUMS = "Six forums, five layers"


# --- the product of two Gaussians, by hand --------------------------------------------------------

GAUSS_PRODUCT = Value(
    id="reverse.gauss_product",
    question=(
        "Multiply two densities, N(0, 1) and N(2, 0.5²), and make the area 1 again: a Gaussian. "
        "Give `gauss_product = (mean, variance)`."
    ),
    section=PRODUCT,
    answer=(1.6, 0.2),
    tested=("the mean and the variance of the product",),
    hints=(
        "Both say where x lies. Which of the two is surer, and should the mean lie closer to it?",
        "Precisions, 1/variance, add: 1 + 4. The mean weighs the two means by their precisions.",
        "variance = 1/5; mean = (1 · 0 + 4 · 2)/5.",
    ),
    wrong=(
        Wrong(
            "std for variance",
            (4 / 3, 1 / 3),
            "You took .5 for the variance. It is tempting, since .5 is the number you see; but "
            "N(2, .5²) has variance .25, so its precision is 4.",
        ),
        Wrong(
            "sum of two numbers",
            (2.0, 1.25),
            "You added means and variances. That is the law of a *sum* of two random numbers; "
            "here two densities about the *same* number are multiplied, and it gets narrower.",
        ),
        Wrong(
            "averages",
            (1.0, 0.625),
            "You averaged both means and both variances. Two witnesses together are surer than "
            "either, and the surer one counts for more.",
        ),
        Wrong(
            "plain mean",
            (1.0, 0.2),
            "The variance is right. For the mean you went half way; weigh the means by their "
            "precisions, 1 and 4.",
        ),
        Wrong(
            "weights swapped",
            (0.4, 0.2),
            "You weighed each mean by the *other* one's precision. The narrow one, at 2, is surer "
            "and pulls more.",
        ),
        Wrong(
            "precision returned",
            (1.6, 5.0),
            "The mean is right. 5 is the precision; the variance is one over it.",
        ),
        Wrong(
            "std returned",
            (1.6, 0.2**0.5),
            "The mean is right. .447 is the standard deviation; asked is the variance, its square.",
        ),
        Wrong(
            "everything multiplied",
            (0.0, 0.25),
            "You multiplied the means and the variances. The *densities* are multiplied: their "
            "exponents add, and with them the precisions.",
        ),
        Wrong(
            "not divided",
            (8.0, 0.2),
            "8 is precision times mean, added up. Divide it by the whole precision, 5.",
        ),
    ),
    tolerance=0.005,
)


# --- KL of two Gaussians --------------------------------------------------------------------------


def kl(mean_1, var_1, mean_2, var_2):
    """What it costs, in nats, to believe Gaussian 2 where Gaussian 1 is true."""
    return ((var_1 + (mean_1 - mean_2) ** 2) / var_2 - 1 + (var_2 / var_1).log()) / 2


def kl_probes(generator):
    """Variances on both sides of 1, and apart; among them equal means, equal variances, twins.

    Beside the twins stands a pair that is none: where all must be 0, no rounding is allowed for.

    KL does not depend on the unit of length: two probes are tiny, and one is huge.
    """
    probes = []
    for shape in ((5,), (2, 3), (4, 4), (1,)) * 3:
        mean_1, mean_2 = normal(2, *shape, generator=generator)
        var_1, var_2 = 0.2 + 2.5 * torch.rand(2, *shape, generator=generator, dtype=torch.float64)
        probes.append((mean_1, var_1, mean_2, var_2))
    (mean_1, var_1, mean_2, var_2), *_ = probes
    same = [(mean_1, var_1, mean_1, var_2), (mean_1, var_1, mean_2, var_1)]
    units = [(u * m, u**2 * v, u * n, u**2 * w)
             for u, (m, v, n, w) in zip((1e-5, 1e-3, 300), probes, strict=False)]  # fmt: skip
    twins = (mean_1, var_1, mean_1, torch.cat([var_1[:-1], 2 * var_1[-1:]]))
    return [*probes, *same, twins, *units]


def kl_by_torch(mean_1, var_1, mean_2, var_2):
    """torch's own, which asks for standard deviations."""
    normals = (
        torch.distributions.Normal(m, v.sqrt()) for m, v in ((mean_1, var_1), (mean_2, var_2))
    )
    return torch.distributions.kl_divergence(*normals)


def kl_by_sum(mean_1, var_1, mean_2, var_2):
    """The definition: the mean of log p_1 - log p_2 under p_1, as a fine sum."""
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    x = mean_1[..., None] + var_1[..., None].sqrt() * z

    def log_p(mean, var):
        return -((x - mean[..., None]) ** 2) / (2 * var[..., None]) - var[..., None].log() / 2

    share = torch.softmax(-(z**2) / 2, dim=0)
    return (share * (log_p(mean_1, var_1) - log_p(mean_2, var_2))).sum(-1)


def _kl(formula):
    """A wrong KL: formula(d, a, b), with d the difference of means and a, b the variances."""
    return lambda mean_1, var_1, mean_2, var_2: formula(mean_1 - mean_2, var_1, var_2)


KL_GAUSSIANS = Function(
    id="reverse.kl",
    question=(
        "Write `kl(mean_1, var_1, mean_2, var_2)`: the Kullback-Leibler divergence "
        "$\\mathrm{KL}(\\mathcal N_1 \\| \\mathcal N_2)$ of one-dimensional Gaussians, in nats, "
        "entry by entry. The arguments are tensors of one shape; `var` is a *variance*, above 0."
    ),
    section=KL,
    answer=kl,
    probes=kl_probes,
    tested=("means and variances apart", "equal means, equal variances", "0 for twins", "any unit"),
    hints=(
        "It must be 0 when both are the same. Three parts: the means, the ratio of the variances, "
        "and its logarithm.",
        "½ [ (v_1 + (m_1 − m_2)²)/v_2 − 1 + log(v_2/v_1) ].",
        "`((var_1 + (mean_1 - mean_2) ** 2) / var_2 - 1 + ...) / 2`.",
    ),
    wrong=(
        Wrong(
            "arguments swapped",
            lambda m1, v1, m2, v2: kl(m2, v2, m1, v1),
            "You computed KL(2‖1). KL has a direction: the first Gaussian is the true one, the "
            "mean is taken under it, and its variance stands on top.",
        ),
        Wrong(
            "var taken for a std",
            lambda m1, v1, m2, v2: kl(m1, v1**2, m2, v2**2),
            "You squared the variances, as the formula in most books does with σ. Here var is σ² "
            "already.",
        ),
        Wrong(
            "roots of the variances",
            lambda m1, v1, m2, v2: kl(m1, v1.sqrt(), m2, v2.sqrt()),
            "You put standard deviations where variances belong: no roots in this formula.",
        ),
        Wrong(
            "no minus one",
            _kl(lambda d, a, b: ((a + d**2) / b + (b / a).log()) / 2),
            "The −1 is missing. Put in two equal Gaussians: it should cost nothing, and yours "
            "costs ½.",
        ),
        Wrong(
            "sign of the logarithm",
            _kl(lambda d, a, b: ((a + d**2) / b - 1 + (a / b).log()) / 2),
            "Your logarithm has the wrong sign: log(v_2/v_1). Equal means and unequal variances "
            "would cost less than nothing.",
        ),
        Wrong(
            "no half",
            _kl(lambda d, a, b: (a + d**2) / b - 1 + (b / a).log()),
            "The ½ in front is missing. It comes from the exponent of the Gaussian.",
        ),
        Wrong(
            "bits",
            lambda *probe: kl(*probe) / math.log(2),
            "You divided by ln 2: these are bits. Asked are nats, the natural logarithm as it is.",
        ),
        Wrong(
            "times ln 2",
            lambda *probe: kl(*probe) * math.log(2),
            "You multiplied by ln 2. That turns bits into nats, but the natural logarithm gives "
            "nats at once.",
        ),
        Wrong(
            "log10",
            _kl(lambda d, a, b: ((a + d**2) / b - 1 + (b / a).log10()) / 2),
            "You took the logarithm to base 10; `torch.log` is the natural one.",
        ),
        Wrong(
            "log2 in one place",
            _kl(lambda d, a, b: ((a + d**2) / b - 1 + (b / a).log2()) / 2),
            "You took `log2` and left the rest in nats: a mixture of two units.",
        ),
        Wrong(
            "log of stds under the half",
            _kl(lambda d, a, b: ((a + d**2) / b - 1 + (b / a).sqrt().log()) / 2),
            "You halved the logarithm twice: log(σ_2/σ_1) is ½ log(v_2/v_1) already. Under a "
            "common ½ the logarithm of the *variances* belongs.",
        ),
        Wrong(
            "no logarithm",
            _kl(lambda d, a, b: ((a + d**2) / b - 1) / 2),
            "The logarithm is missing: log(v_2/v_1), which comes from the two normalising factors.",
        ),
        Wrong(
            "means forgotten",
            _kl(lambda d, a, b: (a / b - 1 + (b / a).log()) / 2),
            "You compared the spreads only; the distance of the means is missing.",
        ),
        Wrong(
            "means only",
            _kl(lambda d, a, b: d**2 / b / 2),
            "That holds only when both variances are equal, as on the way to the simple loss. Here "
            "they are not.",
        ),
        Wrong(
            "difference not squared",
            _kl(lambda d, a, b: ((a + d.abs()) / b - 1 + (b / a).log()) / 2),
            "The difference of the means has to be squared.",
        ),
        Wrong(
            "mean term over the first variance",
            _kl(lambda d, a, b: (a / b + d**2 / a - 1 + (b / a).log()) / 2),
            "You divided the distance of the means by v_1. It is the *believed* Gaussian, the "
            "second, that says how surprising a distance is.",
        ),
        Wrong(
            "mean term over the std",
            _kl(lambda d, a, b: (a / b + d**2 / b.sqrt() - 1 + (b / a).log()) / 2),
            "You divided the squared distance of the means by a standard deviation; a square "
            "belongs below a square, the variance v_2.",
        ),
        Wrong(
            "mean term not divided",
            _kl(lambda d, a, b: (a / b + d**2 - 1 + (b / a).log()) / 2),
            "You did not divide the squared distance of the means: a bracket is missing, both v_1 "
            "and the distance stand above v_2.",
        ),
        Wrong(
            "first variance not divided",
            _kl(lambda d, a, b: (a + d**2 / b - 1 + (b / a).log()) / 2),
            "You divided only the squared distance of the means: a bracket is missing, v_1 stands "
            "above v_2 too.",
        ),
        Wrong(
            "logarithm outside the half",
            _kl(lambda d, a, b: ((a + d**2) / b - 1) / 2 + (b / a).log()),
            "Your logarithm escaped the ½. Outside it log(σ_2/σ_1) would be right, of standard "
            "deviations; the logarithm of variances is halved too.",
        ),
        Wrong(
            "ratio upside down",
            _kl(lambda d, a, b: ((b + d**2) / a - 1 + (b / a).log()) / 2),
            "The fraction is upside down, though the logarithm is right: v_1, the truth, stands "
            "above v_2, the belief.",
        ),
        Wrong(
            "cross entropy",
            _kl(lambda d, a, b: ((a + d**2) / b + (2 * math.pi * b).log()) / 2),
            "That is the cross entropy, −E log p_2. KL takes the entropy of the first Gaussian "
            "away from it, so that believing the truth costs nothing.",
        ),
        Wrong(
            "both ways",
            lambda m1, v1, m2, v2: (kl(m1, v1, m2, v2) + kl(m2, v2, m1, v1)) / 2,
            "You averaged both directions. That is another, symmetric measure; KL(1‖2) has one.",
        ),
        Wrong(
            "summed up",
            lambda *probe: kl(*probe).sum(),
            "Every entry is right, but you added them up. Asked is one number per entry.",
        ),
        Wrong(
            "a little added to the variances",
            lambda m1, v1, m2, v2: kl(m1, v1 + 1e-8, m2, v2 + 1e-8),
            "You added a little to the variances, to be safe from a division by 0. They are above "
            "0 by promise, and KL must not depend on the unit: tiny variances change it.",
        ),
        Wrong(
            "variances kept from 0",
            lambda m1, v1, m2, v2: kl(m1, v1.clamp(min=1e-6), m2, v2.clamp(min=1e-6)),
            "You set a floor under the variances. They are above 0 by promise, and a variance of "
            "1e-10 is as good as any: KL does not depend on the unit.",
        ),
    ),
    variants=(kl_by_torch, kl_by_sum),
    identities=(
        Identity(
            "it is 0 for two equal Gaussians",
            lambda out, m1, v1, m2, v2: (torch.where((m1 == m2) & (v1 == v2), out[0], 0.0), 0 * m1),
        ),
        Identity(
            "with equal variances it is the squared distance of the means over twice the variance",
            lambda out, m1, v1, m2, v2: (
                (out[0], (m1 - m2) ** 2 / (2 * v1)) if torch.equal(v1, v2) else None
            ),
        ),
        Identity("it is never below 0", lambda out, *probe: (out[0].clamp(min=0), out[0])),
    ),
)


# --- the posterior --------------------------------------------------------------------------------


def some_table(i, generator):
    """ᾱ of a short strong table; at times of one that is long, ends at once or begins weakly."""
    if i % 14 == 11:
        return levels.alpha_bar(levels.cosine_betas(20))
    if i % 7 == 4:
        return levels.alpha_bar(long_betas(150, generator))
    if i % 7 == 6:
        return levels.alpha_bar(levels.linear_betas(100, first=1e-6))
    T = int(torch.randint(5, 12, (), generator=generator))
    return levels.alpha_bar(strong_betas(T, generator))


def posterior_mean(x_n, x0, n, alpha_bar):
    """Where we probably were one step before, if the data is known."""
    shape = (-1, *[1] * (x_n.ndim - 1))
    a, before = alpha_bar[n].reshape(shape), alpha_bar[n - 1].reshape(shape)  # (B, 1, ..., 1)
    keep = a / before  # 1 - beta_n
    return (before.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - before) * x_n) / (1 - a)


def posterior_probes(generator):
    """Pictures and vectors, another n for each sample: 1, T and 2 always among them."""
    probes = []
    for i, shape in enumerate(SHAPES * 2):
        alpha_bar = some_table(i, generator)
        T = len(alpha_bar) - 1
        must = torch.tensor([1, T, 2])[: shape[0]]
        n = torch.cat([must, torch.randint(1, T + 1, (shape[0] - len(must),), generator=generator)])
        x_n, x0 = (100 if i % 7 == 5 else 1) * normal(2, *shape, generator=generator)
        if i % 6 == 0:  # no noise at all, where the answer is known without any formula
            x_n = per_sample(alpha_bar[n].sqrt(), x0) * x0
        probes.append((x_n, x0, n, alpha_bar))
    return probes


def mean_by_library(x_n, x0, n, alpha_bar):
    """The library's stochastic step, sample by sample, with its fresh noise averaged away.

    The step is affine in its noise: with two draws known, it can be taken off.
    """
    rows = []
    for x, data, k in zip(x_n, x0, n, strict=True):
        t, s = table_level(k, alpha_bar, x), table_level(k - 1, alpha_bar, x)
        draw = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
        noise = [normal(*x.shape, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
        step = [samplers.ddpm(lambda x, t, data=data: data, x, t, s, generator=g).x for g in draw]
        apart = noise[0] - noise[1]
        std = ((step[0] - step[1]) * apart).sum() / (apart**2).sum()
        rows.append(step[0] - std * noise[0])
    return torch.stack(rows)


def mean_by_witnesses(x_n, x0, n, alpha_bar):
    """Two witnesses, each weighed by its precision: x0 from the front, x_n from behind."""
    a, before = per_sample(alpha_bar[n], x_n), per_sample(alpha_bar[n - 1], x_n)
    keep = a / before
    front, behind = before.sqrt() * x0, x_n / keep.sqrt()
    var_front, var_behind = 1 - before, (1 - keep) / keep
    return (front * var_behind + behind * var_front) / (var_front + var_behind)


def _mean(formula, shape=per_sample, pick=lambda alpha_bar, n: (alpha_bar[n], alpha_bar[n - 1])):
    """A wrong posterior mean: formula(x_n, x0, a, before, keep), the entries picked per sample."""

    def wrong(x_n, x0, n, alpha_bar):
        a, before = (shape(entry, x_n) for entry in pick(alpha_bar, n))
        return formula(x_n, x0, a, before, a / before)

    return wrong


def _bayes(x, x0, a, b, keep):
    return (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)


def _wrap_mean(x, x0, n, alpha_bar):
    table = alpha_bar[1:]  # one entry per step, as in codes without an entry for the data
    a, b, keep = table[n - 1], table[n - 2], alpha_bar[n] / alpha_bar[n - 1]
    return _bayes(x, x0, *(per_sample(entry, x) for entry in (a, b, keep)))


POSTERIOR_MEAN = Function(
    id="reverse.posterior_mean",
    question=(
        "Write `posterior_mean(x_n, x0, n, alpha_bar)`: the mean of "
        "$q(x_{n-1} \\mid x_n, x_0)$. `x_n` and `x0` have one shape, (B, C, H, W) or (B, D); `n` "
        "holds one integer 1 ... T *per sample*, (B,); `alpha_bar` has T + 1 entries, the first is "
        "1. At n = 1 the result is x0. β_n is $1 - \\bar\\alpha_n/\\bar\\alpha_{n-1}$."
    ),
    section=BAYES,
    answer=posterior_mean,
    probes=posterior_probes,
    tested=("another n for each sample, with 1, 2 and T", "pictures and vectors", "strong betas"),
    hints=(
        "Two witnesses tell where x_{n−1} was: the data in front, x_n behind. Close to the data, "
        "which one knows best?",
        "(√ᾱ_{n−1} β_n x0 + √(1 − β_n) (1 − ᾱ_{n−1}) x_n) / (1 − ᾱ_n).",
        "`keep = a / before`, then `(before.sqrt() * (1 - keep) * x0 + ... * x_n) / (1 - a)`, with "
        "a and before per sample, (B, 1, ..., 1).",
    ),
    wrong=(
        Wrong(
            "swapped",
            _mean(lambda x, x0, a, b, keep: _bayes(x0, x, a, b, keep)),
            "The factors of x_n and x0 have changed places; they look alike. Test with n = 1: the "
            "result must be x0.",
        ),
        Wrong(
            "no roots",
            _mean(lambda x, x0, a, b, keep: (b * (1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)),
            "Both roots are missing. ᾱ and 1 − β are shares of power; what multiplies a picture is "
            "an amplitude.",
        ),
        Wrong(
            "alpha bar for alpha throughout",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b * (1 - a - keep**2 * (1 - b)) * x0 + keep * (1 - b) * x) / (1 - a)
                )
            ),
            "You put ᾱ where the boxed formula has α, also in var. α_t is the root, √ᾱ_n, and α_s "
            "is √ᾱ_{n−1}.",
        ),
        Wrong(
            "variances squared",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) ** 2 * x) / (1 - a) ** 2
                )
            ),
            "You squared 1 − ᾱ. It is σ² already; σ would be its root.",
        ),
        Wrong(
            "no root at x0",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
                )
            ),
            "x_n is right. x0 is multiplied by ᾱ_{n−1}; its root belongs there: √ᾱ_{n−1} x0 is "
            "where the data alone would put x_{n−1}.",
        ),
        Wrong(
            "no root at x_n",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)
                )
            ),
            "x0 is right. x_n is multiplied by 1 − β_n; its root belongs there, since one step "
            "dims by √(1 − β_n).",
        ),
        Wrong(
            "alpha_bar of n at x0",
            _mean(
                lambda x, x0, a, b, keep: (
                    (a.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
                )
            ),
            "You used √ᾱ_n for x0. We ask where the data puts x_{n−1}, one step earlier: √ᾱ_{n−1}.",
        ),
        Wrong(
            "alpha_bar for alpha",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - keep) * x0 + a.sqrt() * (1 - b) * x) / (1 - a)
                )
            ),
            "You used √ᾱ_n for x_n, where the paper has √α_n without a bar. Easily misread: α_n is "
            "1 − β_n, the dimming of one step.",
        ),
        Wrong(
            "all the noise for beta",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - a) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
                )
            ),
            "You used 1 − ᾱ_n for β_n at x0. 1 − ᾱ_n is the noise of all n steps, β_n that of "
            "the last one.",
        ),
        Wrong(
            "noise of n at x_n",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - a) * x) / (1 - a)
                )
            ),
            "x_n has 1 − ᾱ_n, where 1 − ᾱ_{n−1} belongs. With yours, x_n still counts at n = 1, "
            "where the data is known.",
        ),
        Wrong(
            "not divided",
            _mean(lambda x, x0, a, b, keep: b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x),
            "The division by 1 − ᾱ_n is missing. At n = 1 yours is β_1·x0, not x0.",
        ),
        Wrong(
            "divided by the root",
            _mean(
                lambda x, x0, a, b, keep: (
                    (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a).sqrt()
                )
            ),
            "You divided by √(1 − ᾱ_n). What stands above are variances, and so must be what "
            "stands below: 1 − ᾱ_n.",
        ),
        Wrong(
            "weights that add to one",
            _mean(lambda x, x0, a, b, keep: ((1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)),
            "You mixed x0 and x_n as they are. Both are seen through a dimming: the witnesses for "
            "x_{n−1} are √ᾱ_{n−1} x0 and x_n/√(1 − β_n).",
            PRODUCT,
        ),
        Wrong(
            "x0 alone",
            _mean(lambda x, x0, a, b, keep: b.sqrt() * x0),
            "That is the mean of q(x_{n−1} | x0), before x_n was seen. x_n knows something too.",
            PRODUCT,
        ),
        Wrong(
            "x_n alone",
            _mean(lambda x, x0, a, b, keep: x / keep.sqrt()),
            "You only undid the dimming of one step. That is what x_n says alone; the data knows "
            "something too.",
            PRODUCT,
        ),
        Wrong(
            "wraps at the end",
            _wrap_mean,
            "At n = 1 your ᾱ_{n−1} is the *last* entry: an index −1 wraps round. In our table the "
            "entry before the first step is alpha_bar[0] = 1, the data.",
        ),
        Wrong(
            "off by one",
            _mean(_bayes, pick=lambda alpha_bar, n: (alpha_bar[n - 1], alpha_bar[n - 2])),
            "You read the entries n − 1 and n − 2. Our table has an entry for the data, so entry n "
            "belongs to step n.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "broadcast along width",
            _mean(_bayes, shape=lambda a, x: a),
            "Your factors have shape (B,), and torch lined them up with the last axis. Reshape to "
            "(B, 1, ..., 1).",
        ),
        Wrong(
            "images only",
            _mean(_bayes, shape=lambda a, x: a[:, None, None, None]),
            "Three extra axes fit pictures only; for vectors, (B, D), let their number follow "
            "x_n.ndim.",
        ),
        Wrong(
            "one n for all",
            _mean(
                _bayes,
                pick=lambda alpha_bar, n: (
                    alpha_bar[n[:1]].expand(len(n)),
                    alpha_bar[n[:1] - 1].expand(len(n)),
                ),
            ),
            "You used the first n for the whole batch; each sample has its own.",
        ),
    ),
    variants=(mean_by_library, mean_by_witnesses),
    identities=(
        Identity(
            "at n = 1 it is x0, whatever x_1 says",
            lambda out, x_n, x0, n, alpha_bar: (out[0][n == 1], x0[n == 1]),
        ),
        Identity(
            "if x_n is the dimmed data, without noise, so is the result: √ᾱ_{n−1} x0",
            lambda out, x_n, x0, n, alpha_bar: (
                (out[0], per_sample(alpha_bar[n - 1].sqrt(), x0) * x0)
                if torch.allclose(x_n, per_sample(alpha_bar[n].sqrt(), x0) * x0)
                else None
            ),
        ),
    ),
)


def posterior_var(n, alpha_bar):
    """How unsure we are about x_{n-1}, even if the data is known."""
    a, before = alpha_bar[n], alpha_bar[n - 1]
    return (1 - a / before) * (1 - before) / (1 - a)


def var_probes(generator):
    """Several n at once, with 1, 2 and T; from short tables to long ones."""
    probes = []
    for T in (4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 30, 40):
        some = torch.randint(1, T + 1, (3,), generator=generator)
        n = torch.cat([torch.tensor([2, T, 1]), some])
        probes.append((n, levels.alpha_bar(strong_betas(T, generator))))
    for i in (4, 6, 11):
        alpha_bar = some_table(i, generator)
        probes.append((torch.tensor([2, len(alpha_bar) - 1, 1]), alpha_bar))
    weak = levels.alpha_bar(levels.linear_betas(4, first=1e-7, last=1e-6))
    return [*probes, (torch.tensor([2, 4, 1, 3]), weak)]


def var_by_library(n, alpha_bar):
    """The library's variance between two levels, shrunk by what the level before leaves open."""
    flat = torch.empty(len(n), dtype=torch.float64)
    t, s = table_level(n, alpha_bar, flat), table_level(n - 1, alpha_bar, flat)
    return samplers.reverse_var(t, s) * s.sigma**2 / t.sigma**2


def var_by_precision(n, alpha_bar):
    """Precisions add: one from the front, one from behind, in plain numbers."""
    table, found = alpha_bar.tolist(), []
    for k in n.tolist():
        keep = table[k] / table[k - 1]
        found.append(1 / (1 / (1 - table[k - 1]) + keep / (1 - keep)) if k > 1 else 0.0)
    return torch.tensor(found, dtype=torch.float64)


def _var(formula, pick=lambda alpha_bar, n: (alpha_bar[n], alpha_bar[n - 1])):
    """A wrong posterior variance: formula(a, before, beta)."""

    def wrong(n, alpha_bar):
        a, before = pick(alpha_bar, n)
        return formula(a, before, 1 - a / before)

    return wrong


def _wrap_var(n, alpha_bar):
    table = alpha_bar[1:]
    beta = 1 - alpha_bar[n] / alpha_bar[n - 1]
    return beta * (1 - table[n - 2]) / (1 - table[n - 1])


POSTERIOR_VAR = Function(
    id="reverse.posterior_var",
    question=(
        "Write `posterior_var(n, alpha_bar)`: the variance of $q(x_{n-1} \\mid x_n, x_0)$, called "
        "$\\tilde\\beta_n$. `n` holds integers 1 ... T, shape (B,), and so does the result have "
        "shape (B,); `alpha_bar` has T + 1 entries, the first is 1. At n = 1 it is 0."
    ),
    section=BAYES,
    answer=posterior_var,
    probes=var_probes,
    tested=("n = 1, 2, T and between", "strong betas", "0 at n = 1"),
    hints=(
        "Two witnesses, two precisions: they add. Which of them is perfectly sure at n = 1?",
        "β̃_n = β_n (1 − ᾱ_{n−1})/(1 − ᾱ_n).",
        "`(1 - a / before) * (1 - before) / ...`, with a for n, before for n - 1.",
    ),
    wrong=(
        Wrong(
            "beta",
            _var(lambda a, b, beta: beta),
            "That is β_n, the noise that step n added. Knowing x0 as well makes us surer: "
            "multiply by (1 − ᾱ_{n−1})/(1 − ᾱ_n).",
        ),
        Wrong(
            "std",
            _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).sqrt()),
            "You took the root. That is the standard deviation; the variance is asked.",
        ),
        Wrong(
            "upside down",
            _var(lambda a, b, beta: beta * (1 - a) / (1 - b)),
            "The fraction is upside down: 1 − ᾱ_{n−1}, the smaller one, goes on top. Yours is "
            "above β_n, and infinite at n = 1.",
        ),
        Wrong(
            "wraps at the end",
            _wrap_var,
            "At n = 1 your ᾱ_{n−1} is the *last* entry: an index −1 wraps round. The entry before "
            "the first step is alpha_bar[0] = 1, the data.",
        ),
        Wrong(
            "off by one",
            _var(
                lambda a, b, beta: beta * (1 - b) / (1 - a),
                lambda alpha_bar, n: (alpha_bar[n - 1], alpha_bar[n - 2]),
            ),
            "You read the entries n − 1 and n − 2. Our table has an entry for the data, so entry n "
            "belongs to step n.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "not divided",
            _var(lambda a, b, beta: beta * (1 - b)),
            "The division by 1 − ᾱ_n is missing.",
        ),
        Wrong(
            "variances squared",
            _var(lambda a, b, beta: beta * (1 - b) ** 2 / (1 - a) ** 2),
            "You squared 1 − ᾱ, above and below. It is σ² already; σ would be its root.",
        ),
        Wrong(
            "beta forgotten",
            _var(lambda a, b, beta: (1 - b) / (1 - a)),
            "That is the factor by which β_n shrinks; β_n itself is missing.",
        ),
        Wrong(
            "front only",
            _var(lambda a, b, beta: 1 - b),
            "That is the variance of q(x_{n−1} | x0), before x_n was seen; seeing x_n narrows it. "
            "(If you wrote 1 − ᾱ_n for β_n, it cancelled: β_n is 1 − ᾱ_n/ᾱ_{n−1}.)",
            PRODUCT,
        ),
        Wrong(
            "noise of n",
            _var(lambda a, b, beta: 1 - a),
            "That is the variance of q(x_n | x0): all the noise of the way to n.",
        ),
        Wrong(
            "variances added",
            _var(lambda a, b, beta: beta + 1 - b),
            "You added the two variances. Two witnesses about one number make it *surer*: "
            "precisions add, not variances.",
            PRODUCT,
        ),
        Wrong(
            "dimming forgotten",
            _var(lambda a, b, beta: 1 / (1 / beta + 1 / (1 - b))),
            "You added precisions, which is right, but took 1/β_n for that of x_n. x_n is "
            "√(1 − β_n) x_{n−1} plus noise; about x_{n−1} its precision is (1 − β_n)/β_n.",
            PRODUCT,
        ),
        Wrong(
            "precision",
            _var(lambda a, b, beta: (1 - a) / (beta * (1 - b))),
            "That is one over the variance, the precision.",
        ),
        Wrong(
            "difference",
            _var(lambda a, b, beta: (b - a) * (1 - b) / (1 - a)),
            "You used ᾱ_{n−1} − ᾱ_n for β_n. β is the share lost of what was *left*: divide by "
            "ᾱ_{n−1}.",
        ),
        Wrong(
            "data for noise",
            _var(lambda a, b, beta: beta * b / a),
            "You used ᾱ_{n−1}/ᾱ_n, the shares of the data. What counts is the noise, "
            "(1 − ᾱ_{n−1})/(1 − ᾱ_n).",
        ),
        Wrong(
            "logarithm",
            _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).log()),
            "You returned the logarithm, as codes do that clip it at n = 1. Asked is the variance "
            "itself, and it may be 0.",
        ),
        Wrong(
            "kept from 0",
            _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).clamp(min=1e-5)),
            "You set a floor under the variance, as codes do that take its logarithm. At n = 1 it "
            "is exactly 0, and at the start of a fine table it is tiny.",
        ),
        Wrong(
            "a little added below",
            _var(lambda a, b, beta: beta * (1 - b) / (1 - a + 1e-5)),
            "You added a little to 1 − ᾱ_n, to be safe from a division by 0. It is above 0 from "
            "n = 1 on; at the start of a fine table yours is far too small.",
        ),
    ),
    variants=(var_by_library, var_by_precision),
    identities=(
        Identity(
            "at n = 1 it is 0",
            lambda out, n, alpha_bar: (out[0][n == 1], torch.zeros(int((n == 1).sum()))),
        ),
        Identity(
            "it is never above β_n",
            lambda out, n, alpha_bar: (
                torch.minimum(out[0].double(), 1 - alpha_bar[n] / alpha_bar[n - 1]),
                out[0],
            ),
        ),
    ),
)


# --- the simple loss ------------------------------------------------------------------------------


def simple_loss(net, x0, n, eps, alpha_bar):
    """Fog the data, ask which noise it was, and measure how wrong the answer is."""
    a = alpha_bar[n].reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1)
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return ((net(x_n, n) - eps) ** 2).mean()


def loss_probes(generator):
    """The weights of a small stub network, then what the loss gets; another n for each sample."""
    probes = []
    for i, (x0, _, n, alpha_bar) in enumerate(posterior_probes(generator)):
        width = x0[0].numel()
        weight = 0.5 * normal(width, width, generator=generator) / width**0.5
        clock, eps = normal(width, generator=generator), normal(*x0.shape, generator=generator)
        probes.append((weight, clock, x0, n, (100 if i % 7 == 5 else 1) * eps, alpha_bar))
    return probes


def with_stub(answer, probe):
    """Call the answer with a stub network that shows what it was given; the loss and its slope."""
    weight, clock, x0, n, eps, alpha_bar = probe
    learned = weight.clone().requires_grad_()

    def net(x, n):
        return (x.flatten(1) @ learned + n[:, None] / 10 * clock).reshape(x.shape)

    loss = answer(net, x0, n, eps, alpha_bar)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return [loss, torch.zeros_like(weight)]
    return [loss, torch.autograd.grad(loss.sum(), learned)[0]]


def loss_by_library(net, x0, n, eps, alpha_bar):
    """The library's fog and torch's mean squared error."""
    x_n = diffuse.q_sample(x0, table_level(n, alpha_bar, x0), eps)
    return torch.nn.functional.mse_loss(net(x_n, n), eps)


def loss_by_sample(net, x0, n, eps, alpha_bar):
    """One sample after the other; samples have one size, so the mean of means is the mean."""
    costs = []
    for x, k, e in zip(x0, n, eps, strict=True):
        a = float(alpha_bar[k])
        found = net((math.sqrt(a) * x + math.sqrt(1 - a) * e)[None], k[None])[0]
        costs.append((found - e).pow(2).sum() / e.numel())
    return sum(costs) / len(costs)


def _loss(
    fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * eps,
    target=lambda a, x0, eps, x_n: eps,
    clock=lambda n: n,
    cost=lambda found, wanted: ((found - wanted) ** 2).mean(),
    shape=per_sample,
    pick=lambda alpha_bar, n: alpha_bar[n],
):
    """A wrong loss: one of its ingredients is off."""

    def wrong(net, x0, n, eps, alpha_bar):
        a = shape(pick(alpha_bar, n), x0)
        x_n = fog(a, x0, eps)
        return cost(net(x_n, clock(n)), target(a, x0, eps, x_n))

    return wrong


def _weighted(net, x0, n, eps, alpha_bar):
    a, before = (per_sample(alpha_bar[k], x0) for k in (n, n - 1))
    beta = 1 - a / before
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    weight = beta / (2 * (1 - beta) * (1 - a))  # with beta for the variance of the step back
    return (weight * (net(x_n, n) - eps) ** 2).mean()


def _in_data(net, x0, n, eps, alpha_bar):
    a = per_sample(alpha_bar[n], x0)
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (((x_n - (1 - a).sqrt() * net(x_n, n)) / a.sqrt() - x0) ** 2).mean()


SIMPLE_LOSS = Function(
    id="reverse.simple_loss",
    question=(
        "Write `simple_loss(net, x0, n, eps, alpha_bar)`: fog `x0`, (B, C, H, W) or (B, D), with "
        "the noise `eps` at step `n`, (B,), one n *per sample*; `net(x_n, n)` answers with its "
        "guess of the noise, shaped like x_n. Return the *mean* squared error over everything, all "
        "n weighted alike, as a 0-dim tensor that `backward` can start from. `alpha_bar` has "
        "T + 1 entries."
    ),
    section=LOSS,
    answer=simple_loss,
    probes=loss_probes,
    run=with_stub,
    tested=("what the network sees", "the loss and its gradient", "another n for each sample"),
    hints=(
        "Three lines: make x_n, ask the network, compare. Compare with what?",
        "x_n = √ᾱ_n x0 + √(1 − ᾱ_n) ε; the network sees x_n and n; the target is ε itself.",
        "`return ((net(x_n, n) - ...) ** 2).mean()`.",
    ),
    wrong=(
        Wrong(
            "target x0",
            _loss(target=lambda a, x0, eps, x_n: x0),
            "You compared with x0. That trains a network that predicts the picture, which is "
            "another, equally possible one; asked is one that predicts the noise.",
        ),
        Wrong(
            "target x_n",
            _loss(target=lambda a, x0, eps, x_n: x_n),
            "You compared with x_n, which the network was given: it only learns to repeat it.",
        ),
        Wrong(
            "scaled noise",
            _loss(target=lambda a, x0, eps, x_n: (1 - a).sqrt() * eps),
            "Your target is √(1 − ᾱ_n)·ε, the noise as it went in. The target is ε itself: it has "
            "spread 1 at every n.",
        ),
        Wrong(
            "target minus eps",
            _loss(target=lambda a, x0, eps, x_n: -eps),
            "You added ε to the answer instead of taking it away: compare by a difference.",
        ),
        Wrong(
            "network sees x0",
            _loss(fog=lambda a, x0, eps: x0),
            "The network was shown the clean picture. There is no noise in it to find: pass x_n.",
        ),
        Wrong(
            "network sees the noise",
            _loss(fog=lambda a, x0, eps: eps),
            "The network was shown ε, the answer itself. It has to find ε in x_n.",
        ),
        Wrong(
            "sees n = 0",
            _loss(clock=lambda n: 0 * n),
            "The network was told n = 0 for everything. It needs the n of each sample to know how "
            "much noise to expect.",
        ),
        Wrong(
            "sees n - 1",
            _loss(clock=lambda n: n - 1),
            "You told the network n − 1. Codes that count from 0 do; ours counts from 1.",
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "sum",
            _loss(cost=lambda found, wanted: ((found - wanted) ** 2).sum()),
            "You took the sum. It grows with the batch and the picture, so that a learning rate "
            "fits one size only: take the mean.",
        ),
        Wrong(
            "absolute error",
            _loss(cost=lambda found, wanted: (found - wanted).abs().mean()),
            "You took absolute values. Robust, but their best answer is a median; the derivation "
            "gives squares, whose best answer is the mean.",
        ),
        Wrong(
            "square of the mean",
            _loss(cost=lambda found, wanted: (found - wanted).mean() ** 2),
            "You took the mean first and squared then, so errors of opposite sign cancel.",
        ),
        Wrong(
            "root",
            _loss(cost=lambda found, wanted: ((found - wanted) ** 2).mean().sqrt()),
            "You took the root of the mean. It reads well as a number, but the loss is the mean "
            "squared error itself.",
        ),
        Wrong(
            "half",
            _loss(cost=lambda found, wanted: ((found - wanted) ** 2).mean() / 2),
            "You kept a factor ½. The KL has one; the simple loss drops every factor.",
        ),
        Wrong(
            "one per sample",
            _loss(cost=lambda found, wanted: ((found - wanted) ** 2).flatten(1).mean(1)),
            "You returned one cost per sample, (B,). `backward` wants one number: the mean over "
            "everything.",
        ),
        Wrong(
            "sum over the pixels",
            _loss(cost=lambda found, wanted: ((found - wanted) ** 2).flatten(1).sum(1).mean()),
            "You added up the pixels and averaged over the batch, as the norm in the paper reads. "
            "It is the same loss times the number of pixels; asked is the mean over everything.",
        ),
        Wrong(
            "weights kept",
            _weighted,
            "You kept the weight β_n/(2(1 − β_n)(1 − ᾱ_n)) that the KL asks for. The *simple* loss "
            "drops it: all n count alike.",
        ),
        Wrong(
            "error of the picture",
            _in_data,
            "You compared guessed and true pictures. That is the same error times (1 − ᾱ_n)/ᾱ_n, "
            "which blows up in the fog; compare the noises.",
        ),
        Wrong(
            "no gradient",
            lambda net, x0, n, eps, alpha_bar: simple_loss(net, x0, n, eps, alpha_bar).item(),
            "The number is right, but there is nothing for `backward` to start from: `.item()`, "
            "`.detach()` and `no_grad` cut the loss off from the network.",
        ),
        Wrong(
            "no roots",
            _loss(fog=lambda a, x0, eps: a * x0 + (1 - a) * eps),
            "Your fog uses ᾱ and 1 − ᾱ without roots. They are powers; x_n is built of amplitudes.",
        ),
        Wrong(
            "signal without root",
            _loss(fog=lambda a, x0, eps: a * x0 + (1 - a).sqrt() * eps),
            "In your fog x0 is multiplied by ᾱ, where its root belongs.",
        ),
        Wrong(
            "variance as std",
            _loss(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a) * eps),
            "In your fog ε is multiplied by the variance, 1 − ᾱ, where its root belongs.",
        ),
        Wrong(
            "swapped",
            _loss(fog=lambda a, x0, eps: (1 - a).sqrt() * x0 + a.sqrt() * eps),
            "In your fog the two factors have changed places.",
        ),
        Wrong(
            "x0 unscaled",
            _loss(fog=lambda a, x0, eps: x0 + (1 - a).sqrt() * eps),
            "In your fog the picture is not dimmed: √ᾱ_n belongs in front of x0.",
        ),
        Wrong(
            "fresh noise",
            _loss(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)),
            "You fogged with new noise but compare with eps: the network is asked for a noise that "
            "it never saw.",
        ),
        Wrong(
            "off by one",
            _loss(pick=lambda alpha_bar, n: alpha_bar[n - 1]),
            "Your fog reads entry n − 1. Our table has an entry for the data, so entry n belongs "
            "to step n.",
        ),
        Wrong(
            "broadcast along width",
            _loss(shape=lambda a, x0: a),
            "Your factors have shape (B,), and torch lined them up with the last axis. Reshape to "
            "(B, 1, ..., 1).",
        ),
        Wrong(
            "images only",
            _loss(shape=lambda a, x0: a[:, None, None, None]),
            "Three extra axes fit pictures only; for vectors, (B, D), let their number follow "
            "x0.ndim.",
        ),
        Wrong(
            "one n for all",
            _loss(pick=lambda alpha_bar, n: alpha_bar[n[:1]].expand(len(n))),
            "Your fog uses the first n for the whole batch; each sample has its own.",
        ),
    ),
    variants=(loss_by_library, loss_by_sample),
    identities=(
        Identity(
            "the loss is one number",
            lambda out, *probe: (torch.tensor(out[0].numel()), torch.tensor(1)),
        ),
    ),
)


# --- one training step by hand --------------------------------------------------------------------


def _costs(target):
    """The squared errors of the three answers .4, .3 and -.3."""
    return tuple(round((guess - target) ** 2, 4) for guess in (0.4, 0.3, -0.3))


_A5 = 0.9**5
_X5 = round(math.sqrt(_A5) * 2 + math.sqrt(1 - _A5) * 0.3, 3)

TRAINING_STEP_BY_HAND = Value(
    id="reverse.training_step_by_hand",
    question=(
        "One number, x0 = 2; the table has β = .1 throughout; n = 5; the noise is ε = .3. Where is "
        "x_5? Then the network answers ε̂ = .4, or .3, or −.3: what does each cost? Give "
        "`training_step_by_hand = (x_5, cost, cost, cost)`, three decimals."
    ),
    section=BY_HAND,
    answer=(_X5, *_costs(0.3)),
    tested=("x_5 and three squared errors",),
    hints=(
        "ᾱ_5 is .9 five times multiplied. Then one jump, and three differences.",
        "ᾱ_5 = .5905: signal √.5905 = .7684, noise √.4095 = .6399. A cost is (ε̂ − ε)².",
        "x_5 = .7684 · 2 + .6399 · .3; the costs: (.4 − .3)², (.3 − .3)², (−.3 − .3)².",
    ),
    wrong=(
        Wrong(
            "no roots",
            (_A5 * 2 + (1 - _A5) * 0.3, *_costs(0.3)),
            "The costs are right. For x_5 you used ᾱ and 1 − ᾱ, shares of power; a number is "
            "multiplied by their roots.",
        ),
        Wrong(
            "variance as std",
            (math.sqrt(_A5) * 2 + (1 - _A5) * 0.3, *_costs(0.3)),
            "The costs are right. In x_5 the noise is multiplied by its variance, .4095; the root "
            "of it, .6399, belongs there.",
        ),
        Wrong(
            "one step only",
            (math.sqrt(0.9) * 2 + math.sqrt(0.1) * 0.3, *_costs(0.3)),
            "The costs are right. Your x_5 is x_1: one step of β = .1, not five.",
        ),
        Wrong(
            "four steps",
            (math.sqrt(0.9**4) * 2 + math.sqrt(1 - 0.9**4) * 0.3, *_costs(0.3)),
            "The costs are right. You took ᾱ_4, as in a table that counts from 0; ours has an "
            "entry for the data.",
        ),
        Wrong(
            "losses added",
            (math.sqrt(0.5) * 2 + math.sqrt(0.5) * 0.3, *_costs(0.3)),
            "The costs are right. For ᾱ_5 you took 1 − 5 · .1; each step takes its share of what "
            "is *left*: .9⁵.",
        ),
        Wrong(
            "x0 not dimmed",
            (2 + math.sqrt(1 - _A5) * 0.3, *_costs(0.3)),
            "The costs are right. In x_5 the 2 must be dimmed by √ᾱ_5 = .7684.",
        ),
        Wrong(
            "errors not squared",
            (_X5, 0.1, 0.0, 0.6),
            "x_5 is right. Your costs are plain distances; the loss squares them.",
        ),
        Wrong(
            "signed errors",
            (_X5, 0.1, 0.0, -0.6),
            "x_5 is right. Your costs are differences with a sign; squares are never negative.",
        ),
        Wrong(
            "half",
            (_X5, 0.005, 0.0, 0.18),
            "x_5 is right. You kept the ½ of the KL; the simple loss drops it.",
        ),
        Wrong(
            "sign ignored",
            (_X5, 0.01, 0.0, 0.0),
            "x_5 is right. The answer −.3 has the right size and the wrong sign: it is off by .6, "
            "and that costs .36.",
        ),
        Wrong(
            "compared with the noise that went in",
            (_X5, *_costs(math.sqrt(1 - _A5) * 0.3)),
            "x_5 is right. You compared with √(1 − ᾱ)·ε = .192, the noise as it went in; the "
            "target is ε itself.",
        ),
        Wrong(
            "compared with x0",
            (_X5, *_costs(2.0)),
            "x_5 is right. You compared the answers with x0; the network guesses the noise, .3.",
        ),
    ),
    tolerance=0.0011,  # with roots rounded to three digits, x_5 is 1.728
)

BELIEF_BY_HAND = Value(
    id="reverse.belief_by_hand",
    question=(
        "x0 = .70, ᾱ = .64, ε = .50. Where is x? The network answers ε̂ = .45: what does that cost, "
        "and which x̂0 does it believe in? Give `belief_by_hand = (x, cost, x̂0)`, four decimals."
    ),
    section=BELIEF,
    answer=(0.86, 0.0025, 0.7375),
    tested=("x, the cost, and the x̂0 behind the answer",),
    hints=(
        "√.64 and √.36 come out even. Whoever names the noise names the picture too.",
        "x = .8 · .70 + .6 · .50; the cost is (ε̂ − ε)²; x̂0 = (x − .6 ε̂)/.8.",
        "x̂0 = (.86 − .27)/.8.",
    ),
    wrong=(
        Wrong(
            "no roots",
            (0.628, 0.0025, round((0.628 - 0.36 * 0.45) / 0.64, 4)),
            "You used .64 and .36 as they are. They are shares of power; the line has their "
            "roots, .8 and .6.",
        ),
        Wrong(
            "not divided",
            (0.86, 0.0025, 0.59),
            "x and the cost are right. x̂0 is still dim: divide .59 by √ᾱ = .8.",
        ),
        Wrong(
            "divided by the power",
            (0.86, 0.0025, round(0.59 / 0.64, 4)),
            "x and the cost are right. For x̂0 you divided by ᾱ = .64; divide by its root, .8.",
        ),
        Wrong(
            "true noise taken off",
            (0.86, 0.0025, 0.7),
            "x and the cost are right. For x̂0 you took off the *true* noise, so x0 came back. The "
            "network does not know it: take off its own answer, .45.",
        ),
        Wrong(
            "noise added",
            (0.86, 0.0025, round(1.13 / 0.8, 4)),
            "x and the cost are right. For x̂0 you added the noise a second time; it comes off.",
        ),
        Wrong(
            "variance as std",
            (0.86, 0.0025, round((0.86 - 0.36 * 0.45) / 0.8, 4)),
            "x and the cost are right. For x̂0 you took off .36 · ε̂; the noise went in with .6.",
        ),
        Wrong(
            "noise unscaled",
            (0.86, 0.0025, round((0.86 - 0.45) / 0.8, 4)),
            "x and the cost are right. For x̂0 you took off all of ε̂; only .6 of it is in x.",
        ),
        Wrong(
            "error not squared",
            (0.86, 0.05, 0.7375),
            "x and x̂0 are right. .05 is the error; the cost is its square.",
        ),
        Wrong(
            "error of the picture",
            (0.86, round(0.0375**2, 4), 0.7375),
            "x and x̂0 are right. You squared the error of the picture, .0375; the simple loss "
            "compares noises.",
        ),
        Wrong(
            "half",
            (0.86, 0.00125, 0.7375),
            "x and x̂0 are right. You kept the ½ of the KL; the simple loss drops it.",
        ),
        Wrong(
            "x0 not dimmed",
            (1.0, 0.0025, round((1.0 - 0.27) / 0.8, 4)),
            "You did not dim x0: x = √ᾱ · .70 + √(1 − ᾱ) · .50.",
        ),
    ),
    tolerance=0.00005,
)


# --- the ideal denoiser ---------------------------------------------------------------------------


def ideal_denoiser(x, data, alpha, sigma):
    """The average of all data that this fog could hide, each counted as likely as it is."""
    distance2 = ((x[:, None] - alpha * data) ** 2).sum(dim=-1)  # (B, N)
    share = torch.softmax(-distance2 / (2 * sigma**2), dim=1)  # (B, N), rows add up to 1
    return share @ data  # (B, D)


# Batch, number of data points and dimensions coincide in some, so that a wrong axis still fits.
SETS = ((4, 4, 4), (3, 5, 2), (5, 3, 2), (2, 6, 3), (6, 6, 2), (1, 4, 3), (4, 1, 4))


def ideal_probes(generator):
    """Random data and queries in middle fog; alpha and sigma not on the circle.

    Then thin fog, thick fog, and queries so far out that every point is unlikely.
    """
    probes = []
    for i, (B, N, D) in enumerate(SETS * 3):
        data = normal(N, D, generator=generator)
        alpha, sigma = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        alpha, sigma = 0.35 + 0.4 * alpha, 0.4 + 0.35 * sigma
        near = data[torch.randint(N, (B,), generator=generator)]
        noise = normal(B, D, generator=generator)
        if i >= 2 * len(SETS):
            case = i % 3
            alpha *= (1.0, 0.01, 3.0)[case]
            sigma *= (0.005, 20.0, 1.0)[case]
            noise *= (0.5, 0.5, 5.0)[case]
        if i % len(SETS) == 5:  # other units of length
            data, near, sigma = (u * (0.001 if i == 12 else 30) for u in (data, near, sigma))
        probes.append((alpha * near + sigma * noise, data, alpha, sigma))
    return probes


def ideal_by_library(x, data, alpha, sigma):
    """The library's own, on a level made of the two numbers."""
    t = levels.Level(*(torch.tensor(f, dtype=torch.float64) for f in (0.5, alpha, sigma)))
    return exact.DatasetDenoiser(data)(x, t)


def ideal_by_bayes(x, data, alpha, sigma):
    """Bayes' rule spelled out: a Gaussian density for each point, divided by their sum."""
    rows = []
    for query in x:
        like = [math.exp(-float((query - alpha * p).pow(2).sum()) / 2 / sigma**2) for p in data]
        rows.append(sum(w * p for w, p in zip(like, data, strict=True)) / sum(like))
    return torch.stack(rows)


def _ideal(
    logit=lambda d2, sigma: -d2 / (2 * sigma**2),
    gap=lambda x, data, alpha, sigma: x[:, None] - alpha * data,
    size=lambda gap: (gap**2).sum(-1),
    share=lambda logit: logit.softmax(1),
    out=lambda share, data, alpha: share @ data,
):
    """A wrong ideal denoiser: one of its ingredients is off."""

    def wrong(x, data, alpha, sigma):
        d2 = size(gap(x, data, alpha, sigma))
        return out(share(logit(d2, sigma)), data, alpha)

    return wrong


def _per_coordinate(x, data, alpha, sigma):
    logit = -((x[:, None] - alpha * data) ** 2) / (2 * sigma**2)
    return (logit.softmax(1) * data).sum(1)


IDEAL_DENOISER = Function(
    id="reverse.ideal_denoiser",
    question=(
        "The data is a finite set, `data` (N, D), each row equally likely. Write "
        "`ideal_denoiser(x, data, alpha, sigma)`: for each row of `x` (B, D) the mean of x0 given "
        "$x = \\alpha x_0 + \\sigma\\varepsilon$, (B, D). `alpha` and `sigma` are plain numbers, "
        "not necessarily on the circle."
    ),
    section=AVERAGE,
    answer=ideal_denoiser,
    probes=ideal_probes,
    tested=("B, N and D equal and apart", "alpha and sigma of every size", "thin and thick fog"),
    hints=(
        "Which of the points could be behind this x, and how likely is each of them?",
        "Point i is as likely as exp(−‖x − α x_i‖²/2σ²), divided by the sum over all points.",
        "`share = torch.softmax(-distance2 / (2 * sigma**2), dim=1)`, (B, N); then `share @ ...`.",
    ),
    wrong=(
        Wrong(
            "missing two",
            _ideal(logit=lambda d2, sigma: -d2 / sigma**2),
            "You divided by σ²; the exponent of a Gaussian has 2σ². Without the 2 you are surer "
            "than you may be.",
        ),
        Wrong(
            "sigma not squared",
            _ideal(logit=lambda d2, sigma: -d2 / (2 * sigma)),
            "You divided by 2σ. A squared distance is measured in variances: 2σ².",
        ),
        Wrong(
            "no temperature",
            _ideal(logit=lambda d2, sigma: -d2),
            "You never divided by 2σ². How far is far depends on how thick the fog is.",
        ),
        Wrong(
            "half, no sigma",
            _ideal(logit=lambda d2, sigma: -d2 / 2),
            "You have the 2 but not the σ²: how far is far depends on how thick the fog is.",
        ),
        Wrong(
            "multiplied by sigma squared",
            _ideal(logit=lambda d2, sigma: -d2 / 2 * sigma**2),
            "You divided by 2, then *multiplied* by σ²: `/ 2 * sigma**2` needs a bracket, "
            "`/ (2 * sigma**2)`.",
        ),
        Wrong(
            "against the data, not the dimmed data",
            _ideal(gap=lambda x, data, alpha, sigma: x[:, None] - data),
            "You measured how far x is from x_i. The fog dims too: x lies around α x_i.",
        ),
        Wrong(
            "brightened, noise forgotten",
            _ideal(gap=lambda x, data, alpha, sigma: x[:, None] / alpha - data),
            "You divided x by α, which is allowed, but then the noise grows too: its spread is "
            "σ/α, not σ.",
        ),
        Wrong(
            "sigma for alpha",
            _ideal(gap=lambda x, data, alpha, sigma: x[:, None] - sigma * data),
            "You dimmed the data by σ; the data's factor is α.",
        ),
        Wrong(
            "nearest neighbour",
            _ideal(share=lambda logit: (logit == logit.amax(1, keepdim=True)).to(logit)),
            "You took the nearest point. It is the most likely one, but not sure: the smallest "
            "squared error is at the *mean* of all, each weighed by its probability.",
        ),
        Wrong(
            "plain mean",
            _ideal(share=lambda logit: torch.ones_like(logit) / logit.shape[1]),
            "You averaged all data alike. That is right in complete fog only; here x says which "
            "points are likely.",
        ),
        Wrong(
            "softmax over the queries",
            _ideal(share=lambda logit: logit.softmax(0)),
            "Your softmax runs over the queries. For each query the shares of all *points* must "
            "add up to one: dim=1.",
        ),
        Wrong(
            "not normalised",
            _ideal(share=lambda logit: logit.exp()),
            "Your shares do not add up to one: divide by their sum, or use softmax.",
        ),
        Wrong(
            "distance not squared",
            _ideal(size=lambda gap: (gap**2).sum(-1).sqrt()),
            "You used the distance; a Gaussian has its square.",
        ),
        Wrong(
            "mean over coordinates",
            _ideal(size=lambda gap: (gap**2).mean(-1)),
            "You averaged the squares over the coordinates. Each coordinate is a witness of its "
            "own, and their exponents *add*: sum.",
        ),
        Wrong(
            "absolute values",
            _ideal(size=lambda gap: gap.abs().sum(-1)),
            "You added absolute values; a Gaussian has squares.",
        ),
        Wrong(
            "one vote per coordinate",
            _per_coordinate,
            "You weighed each coordinate on its own, so one picture gives its left half and "
            "another its right. Data points come whole: add up the squares first.",
        ),
        Wrong(
            "dimmed answer",
            _ideal(out=lambda share, data, alpha: alpha * (share @ data)),
            "You returned the mean of α x_i. The shares are right, but asked is the mean of the "
            "data itself.",
        ),
        Wrong(
            "sign",
            _ideal(logit=lambda d2, sigma: d2 / (2 * sigma**2)),
            "The minus is missing: you prefer the points that are farthest away.",
        ),
        Wrong(
            "attention",
            lambda x, data, alpha, sigma: ((x @ (alpha * data).T) / sigma**2).softmax(1) @ data,
            "You compared by inner products, as attention does. Expanding the square also gives "
            "−‖α x_i‖²/2σ², which differs from point to point.",
        ),
        Wrong(
            "weighted twice",
            _ideal(logit=lambda d2, sigma: -d2 / (4 * sigma**2)),
            "You divided by 4σ². The exponent of a Gaussian has 2σ²; with 4 you look through "
            "more fog than there is.",
        ),
        Wrong(
            "a little added to the sum",
            _ideal(share=lambda logit: logit.exp() / (logit.exp().sum(1, keepdim=True) + 1e-8)),
            "You added a little to the sum of the shares, to be safe from a division by 0. Where "
            "x lies far from all points it is larger than the sum, and the mean shrinks to 0. "
            "softmax needs no such help.",
        ),
        Wrong(
            "a little added to the variance",
            _ideal(logit=lambda d2, sigma: -d2 / (2 * sigma**2 + 1e-4)),
            "You added a little to 2σ², to be safe from a division by 0. σ is above 0, and in "
            "thin fog the little is no longer little.",
        ),
    ),
    variants=(ideal_by_library, ideal_by_bayes),
    identities=(
        Identity(
            "it lies within the data, coordinate by coordinate",
            lambda out, x, data, alpha, sigma: (
                torch.minimum(torch.maximum(out[0].double(), data.amin(0)), data.amax(0)),
                out[0],
            ),
        ),
        Identity(
            "if there is only one data point, it is that point",
            lambda out, x, data, alpha, sigma: (
                (out[0], data.expand(len(x), -1)) if len(data) == 1 else None
            ),
        ),
    ),
)


# --- responsibility -------------------------------------------------------------------------------

SIX = (
    '"use" (use-case appropriateness), "provenance" (provenance and watermarking), "sector" '
    "(sector-specific deployment: journalism, politics, legal evidence, medical imaging), "
    '"rights" (training-data IP and licensing), "likeness" (likeness and consent), "injection" '
    "(prompt-injection content)"
)

CLAIM_A = Value(
    id="reverse.claim_a",
    question=(
        "“Of 10 000 pictures generated from captions of the training set, 40 are near copies of a "
        "training illustration whose licence forbids copying.” To which of the six forums does "
        f"this claim belong? `claim_a` is one of {SIX}."
    ),
    section=FORUMS,
    answer="rights",
    tested=("training-data IP and licensing; the count is empirical, what follows from it is not",),
    hints=(
        "Name the specific category first: what is it that may have been wronged here?",
        "No person is shown, nobody is deceived about the origin: it is about what was copied.",
        "The licence of a *training* picture decides: one forum has that in its name.",
    ),
    wrong=(
        Wrong(
            "use-case appropriateness",
            "use",
            "You chose the forum that asks whether a picture should be generated for this purpose "
            "at all. It fits almost everything, which is the temptation; take the most specific. "
            "Here no purpose is named, but a licence is.",
        ),
        Wrong(
            "provenance",
            "provenance",
            "You chose provenance: can a viewer tell where a *generated* picture comes from? The "
            "word “copy” tempts. This claim asks what the model took from its training data.",
        ),
        Wrong(
            "sector",
            "sector",
            "You chose a sector, but none is named: no newsroom, court, campaign or clinic.",
        ),
        Wrong(
            "likeness",
            "likeness",
            "You chose likeness. That is about *persons* and their consent; this claim is about an "
            "illustration and its licence.",
        ),
        Wrong(
            "prompt injection",
            "injection",
            "You chose prompt injection. The captions are ordinary ones of the training set; "
            "nobody smuggles in an instruction.",
        ),
    ),
)

CLAIM_B = Value(
    id="reverse.claim_b",
    question=(
        "“A newspaper should not illustrate a report on a flood with generated photographs, even "
        "where each of them is labelled as generated.” To which of the six forums does this claim "
        f"belong? `claim_b` is one of {SIX}."
    ),
    section=FORUMS,
    answer="sector",
    tested=("sector-specific deployment, journalism: a value claim that no measurement settles",),
    hints=(
        "Who is told not to do something, and by the rules of which trade?",
        "The label is there already, so the question is not whether readers can know the origin.",
        "Journalism has duties of its own: one forum lists it.",
    ),
    wrong=(
        Wrong(
            "provenance",
            "provenance",
            "You chose provenance, the usual one for a generated photograph. But the claim grants "
            "the label and still objects: it is about what a newspaper owes its readers.",
        ),
        Wrong(
            "use-case appropriateness",
            "use",
            "You chose the general forum. It is not absurd, since a use is judged; but the first "
            "layer asks for the *specific* category, and the reason here is the duty of one trade.",
        ),
        Wrong(
            "training data",
            "rights",
            "You chose training data. Nothing is said of what the model learned from, nor of a "
            "licence.",
        ),
        Wrong(
            "likeness",
            "likeness",
            "You chose likeness. No recognisable person and no consent is spoken of.",
        ),
        Wrong(
            "prompt injection",
            "injection",
            "You chose prompt injection. Nobody steers the model against its user here.",
        ),
    ),
)

EXERCISES = [
    GAUSS_PRODUCT,
    KL_GAUSSIANS,
    POSTERIOR_MEAN,
    POSTERIOR_VAR,
    SIMPLE_LOSS,
    TRAINING_STEP_BY_HAND,
    BELIEF_BY_HAND,
    IDEAL_DENOISER,
    CLAIM_A,
    CLAIM_B,
]
