"""The closed-form denoisers are what they say (oracles A1 to A4)."""

import math

import pytest
import torch
from family import seeded

from lessons_lib import diffuse, levels
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.levels import Level, grid
from lessons_lib.metrics import distance
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import NO_LABEL

LEVELS = [schedule(time) for schedule in (levels.cosine, levels.rectified, levels.edm)
          for time in (0.05, 0.4, 0.8)]  # fmt: skip
LABEL = torch.tensor([0, 1, 1])


def mixture():
    mu = torch.tensor([[-1.0, 0.5], [2.0, 0.0], [0.3, -1.2]])
    return MixtureDenoiser(mu, [0.3, 0.6, 0.05], [1.0, 2.0, 0.5], LABEL)


def close(a, b, tolerance):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("c", [None, torch.tensor([0, 1, 1, -1, 1])])
def test_the_score_of_the_density_is_the_denoisers(t, c):  # A1
    g = seeded(0)
    x = (2 * torch.randn(5, 2, dtype=torch.float64, generator=g)).requires_grad_()
    (score,) = torch.autograd.grad(mixture().log_prob(x, t, c).sum(), x)
    close(diffuse.score(x, mixture()(x, t, c), t), score, 1e-6)


@pytest.mark.parametrize("t", LEVELS)
def test_tweedie_is_bayes_mean(t):  # A2, by brute force over a fine grid of x0
    one = MixtureDenoiser(torch.tensor([[-1.0], [0.7]]), [0.2, 0.4], [0.3, 0.7])
    x0 = torch.linspace(-4, 5, 20001, dtype=torch.float64)
    prior = sum(
        w * torch.exp(-((x0 - m) ** 2) / (2 * s**2)) / s
        for w, m, s in ((0.3, -1.0, 0.2), (0.7, 0.7, 0.4))
    )
    for x in (-1.0, 0.1, 1.4):
        joint = prior * torch.exp(-((x - t.alpha * x0) ** 2) / (2 * t.sigma**2))
        mean = (joint * x0).sum() / joint.sum()
        close(one(torch.tensor([[x]], dtype=torch.float64), t)[0, 0], mean, 1e-8)


def test_the_density_is_normalised():
    one = MixtureDenoiser(torch.tensor([[-1.0], [0.7]]), [0.2, 0.4], [3.0, 7.0], [0, 1])
    x = torch.linspace(-9, 9, 40001, dtype=torch.float64)[:, None]
    for c in (None, torch.tensor([1])):
        p = one.log_prob(x, levels.cosine(0.4), c).exp()
        assert float(p.sum() * 18 / 40000) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("t", LEVELS)
def test_a_finite_data_set_is_a_mixture_of_points(t):  # A3
    g = seeded(1)
    data = torch.randn(7, 3, dtype=torch.float64, generator=g)
    x = torch.randn(5, 3, dtype=torch.float64, generator=g)
    points = MixtureDenoiser(data, torch.zeros(7))
    close(DatasetDenoiser(data)(x, t), points(x, t), 1e-12)
    square = torch.stack([((x - t.alpha * point) ** 2).sum(1) for point in data])
    share = torch.exp(-(square - square.min(0).values) / (2 * t.sigma**2))
    close(DatasetDenoiser(data)(x, t), (share / share.sum(0)).T @ data, 1e-12)


def test_it_only_remembers():  # A4
    g = seeded(2)
    data = torch.rand(6, 2, dtype=torch.float64, generator=g) * 4 - 2
    x = torch.randn(40, 2, dtype=torch.float64, generator=g)
    ends = sample(ddim, DatasetDenoiser(data), x, grid(levels.cosine, 1000))
    assert distance(ends, data).min(dim=1).values.max() < 1e-9


def test_near_the_data_float32_keeps_its_digits():
    # The expanded square |a|² - 2ab + |b|² is up to 20 % wrong here.
    g = seeded(3)
    data = torch.rand(20, 1, 28, 28, generator=g, dtype=torch.float64)
    t = Level.from_alpha_bar(1 - 1e-6)
    x = diffuse.q_sample(data, t, torch.randn(data.shape, generator=g, dtype=torch.float64))
    near = data + 1e-3 * torch.randn(data.shape, generator=g, dtype=torch.float64) / 28
    pair = torch.cat([data, near])
    exact, single = DatasetDenoiser(pair)(x, t), DatasetDenoiser(pair.float())(x.float(), t)
    close(single.double(), exact, 1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_dtype_in_is_dtype_out(dtype):
    x = torch.randn(4, 2).to(dtype)
    for t in (levels.cosine(0.4), levels.cosine(torch.rand(4) * 0.9 + 0.05)):
        assert mixture()(x, t).dtype == dtype
        assert DatasetDenoiser(torch.randn(5, 2, dtype=torch.float64))(x, t).dtype == dtype


@pytest.mark.parametrize("make", [mixture, lambda: DatasetDenoiser(torch.randn(5, 2).double())])
def test_one_level_per_sample_is_each_on_its_own(make):
    g = seeded(4)
    x, denoise = torch.randn(3, 2, dtype=torch.float64, generator=g), make()
    t = levels.cosine(torch.tensor([0.1, 0.5, 0.9]))
    alone = [denoise(x[i : i + 1], levels.cosine(t.time[i])) for i in range(3)]
    close(denoise(x, t), torch.cat(alone), 1e-12)


def test_no_label_is_the_unconditional_guess():
    x, t = torch.randn(4, 2, dtype=torch.float64), levels.cosine(0.5)
    close(mixture()(x, t, torch.full((4,), NO_LABEL)), mixture()(x, t), 1e-12)
    only = MixtureDenoiser([[-1.0, 0.5]], [0.3])
    close(mixture()(x, t, torch.zeros(4, dtype=torch.long)), only(x, t), 1e-12)


def test_weights_are_made_to_sum_to_1():
    share = mixture().log_weight.exp()
    close(share, torch.tensor([2, 4, 1], dtype=torch.float64) / 7, 1e-12)


def test_samples_follow_the_mixture():
    x = mixture().sample(20_000, seeded(5))
    weight, mu = torch.tensor([2, 4, 1]) / 7, mixture().mu
    mean = (weight[:, None] * mu).sum(0)
    spread = x.std(0) / math.sqrt(len(x))
    assert ((x.mean(0) - mean).abs() < 4.5 * spread).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="mu, std, weight: shapes"):
        MixtureDenoiser(torch.zeros(3, 2), torch.ones(2))
    with pytest.raises(ValueError, match="mu, std, weight: shapes"):
        MixtureDenoiser(torch.zeros(3, 2), torch.ones(3), [1.0, 2.0])
    for std, weight in (([-1.0], [1.0]), ([1.0], [0.0]), ([1.0], [-1.0])):
        with pytest.raises(ValueError, match="weight, std: .* need > 0 and >= 0"):
            MixtureDenoiser(torch.zeros(1, 2), std, weight)
    with pytest.raises(ValueError, match="label: 1 given for 3 components"):
        MixtureDenoiser(torch.zeros(3, 2), torch.ones(3), label=[0])
    with pytest.raises(ValueError, match=r"c: \[7\] given; allowed are \[0, 1\]"):
        mixture()(torch.zeros(1, 2), levels.cosine(0.5), torch.tensor([7]))
    with pytest.raises(ValueError, match="this mixture has no labels"):
        MixtureDenoiser([[0.0]], [1.0])(torch.zeros(1, 1), levels.cosine(0.5), torch.tensor([0]))
    for width in (1, 5):
        message = rf"x: samples of shape \({width},\) given; the data's are \(2,\)"
        with pytest.raises(ValueError, match=message):
            DatasetDenoiser(torch.zeros(3, 2))(torch.zeros(1, width), levels.cosine(0.5))
