"""Flow matching: velocities, curves, weights, couplings and straightness, against closed forms."""

import itertools
import math

import pytest
import torch
from family import close, seeded

from lessons_lib import flow, learn
from lessons_lib.data import moons, ring
from lessons_lib.diffuse import eps_from_x0, q_sample
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.learn import TARGET, NetDenoiser
from lessons_lib.levels import Level, cosine, edm, grid, rectified
from lessons_lib.samplers import ddim, sample, walk
from lessons_lib.solvers import heun
from lessons_lib.wrap import cfg, given

TIMES = torch.tensor([0.02, 0.2, 0.5, 0.8, 0.98], dtype=torch.float64)
LEVELS = [
    curve(time) for curve in (cosine, rectified, lambda t: edm(t, high=4.0)) for time in TIMES
]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def digits():
    """The shipped network, cast to float64: what is equal is then equal to 1e-11."""
    return learn.load("digits").double()


# --- the velocity ---------------------------------------------------------------------------------


@pytest.mark.parametrize("time", TIMES)
def test_the_velocity_is_the_mean_of_conditional_ones(time):
    """Averaged over the points that x may hide, each by its own likelihood, one at a time."""
    data, t, x = drawn(7, 2), rectified(time), drawn(5, 2, seed=1)
    for row, found in zip(x, flow.velocity(DatasetDenoiser(data))(x, t), strict=True):
        total, weight = torch.zeros(2, dtype=torch.float64), 0.0
        for x0 in data:
            eps = (row - (1 - time) * x0) / time
            likely = math.exp(-float((eps**2).sum()) / 2)
            total, weight = total + likely * (eps - x0), weight + likely
        close(found, total / weight, 1e-10)


@pytest.mark.parametrize("mix", [MixtureDenoiser([[-1.0], [1.2]], [0.35, 0.5], [0.4, 0.6]), ring()])
def test_the_velocity_carries_the_density(mix):
    """The continuity equation, ∂p/∂t + div(p u) = 0, on a grid of places and times, by autograd."""
    side, D = torch.linspace(-2, 2, 9, dtype=torch.float64), mix.mu.shape[1]
    x = torch.cartesian_prod(*[side] * D).reshape(-1, D)
    worst = max(float(imbalance(mix, x, time).abs().max()) for time in TIMES)
    print(f"continuity in {D}-D: {worst:.1e}")
    assert worst < 1e-10


def imbalance(mix, x, time):
    """∂p/∂t + div(p u) at every place (B, D): (B,)."""
    density = lambda x, time: mix.log_prob(x, rectified(time)).exp()
    flux = lambda x: density(x, time)[:, None] * flow.velocity(mix)(x, rectified(time))
    change = torch.func.jvp(lambda time: density(x, time), (time,), (torch.ones_like(time),))[1]
    jacobian = torch.func.vmap(torch.func.jacrev(lambda row: flux(row[None])[0]))(x)
    return change + jacobian.diagonal(dim1=1, dim2=2).sum(1)


def test_conditional_and_marginal_loss_differ_by_a_constant():
    """E|u - (eps - x0)|² - E|u - u*|² is the same for every u: on a grid of noise, no dice."""
    mix, t = DatasetDenoiser(torch.tensor([[-1.0], [0.5], [2.0]]).double()), rectified(0.6)
    node, share = gauss(60)
    x0, eps = mix.data.repeat_interleave(60, 0), node[:, None].repeat(3, 1)
    share = share.repeat(3) / 3
    x, best = q_sample(x0, t, eps), flow.velocity(mix)
    gaps = []
    for u in (torch.zeros_like, torch.sin, lambda x: 0.3 * x - 1, lambda x: best(x, t)):
        of = lambda target, u=u: (share * ((u(x) - target) ** 2).sum(1)).sum()
        gaps.append(of(eps - x0) - of(best(x, t)))
    assert max(gaps) - min(gaps) < 1e-10


def gauss(n):
    """Nodes and weights, (n,), whose weighted sum is the mean over N(0, 1)."""
    import numpy as np

    node, weight = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(n))
    return node, weight / weight.sum()


def test_guidance_is_the_same_in_velocities():
    mix, x, t = ring(), drawn(6, 2), rectified(0.4)
    u, c = flow.velocity(mix)(x, t), flow.velocity(given(mix, torch.tensor(3)))(x, t)
    close(flow.velocity(cfg(mix, torch.tensor(3), 4.0))(x, t), u + 4.0 * (c - u), 1e-11)


# --- one network on two curves --------------------------------------------------------------------


def test_one_euler_step_of_the_flow_is_one_ddim_step_of_the_shipped_network(digits):
    """Both ways: the v-network on the straight path, and the velocity back on the circle."""
    ask, x = given(digits, torch.arange(6)), drawn(6, 1, 8, 8)
    straight = flow.moved(ask, torch.hypot)
    worst = 0.0
    for t, s in itertools.pairwise(grid(rectified, 8)):
        size_t, size_s = torch.hypot(t.alpha, t.sigma), torch.hypot(s.alpha, s.sigma)
        on = lambda r, k: r._replace(alpha=r.alpha / k, sigma=r.sigma / k)
        u = flow.velocity(straight)(x, t)
        by_flow = x + (s.time - t.time) * u
        by_ddim = size_s * ddim(ask, x / size_t, on(t, size_t), on(s, size_s)).x
        back = flow.moved(straight, torch.add)  # the flow, asked on the circle
        again = back(x / size_t, on(t, size_t)) - ask(x / size_t, on(t, size_t))
        worst = max(worst, float((by_flow - by_ddim).abs().max()), float(again.abs().max()))
    print(f"flow and DDIM, there and back: {worst:.1e}")
    assert worst < 1e-11


@pytest.mark.parametrize("size", [torch.hypot, torch.add, lambda alpha, sigma: alpha])
def test_a_denoiser_that_knows_every_curve_is_not_changed_by_moving(size):
    for t in LEVELS:
        x = t.sigma * drawn(4, 2)
        close(flow.moved(ring(), size)(x, t), ring()(x, t), 1e-10)


def test_moving_takes_one_level_a_sample_and_both_ends():
    x, many = drawn(3, 1, 8, 8), rectified(torch.tensor([0.1, 0.6, 1.0]).double())
    asked = []
    spy = lambda x, t: asked.append((x, t)) or x
    flow.moved(spy, torch.hypot)(x, many)
    (y, t) = asked.pop()
    close(torch.hypot(t.alpha, t.sigma), torch.ones(3, 1, 1, 1).double(), 1e-12)
    k = torch.hypot(1 - many.time, many.time)
    close(y, x / k.reshape(3, 1, 1, 1), 1e-12)
    assert torch.equal(t.time.flatten(), many.time)
    for end in (0.0, 1.0):
        flow.moved(spy, torch.hypot)(x, rectified(end))
        assert torch.equal(asked.pop()[0], x)


# --- weights and clocks ---------------------------------------------------------------------------


@pytest.mark.parametrize("predicts", TARGET)
def test_each_loss_is_that_of_x0_times_a_weight_sample_by_sample(predicts):
    """What a network says of one guess x0, whatever it predicts, errs by the weight times it."""
    weight = flow.x0_weight(predicts)
    for t in LEVELS:
        x0, eps, guess = drawn(3, 5, 2)
        x = q_sample(x0, t, eps)
        said = TARGET[predicts](guess, eps_from_x0(x, guess, t), t)
        found = (said - TARGET[predicts](x0, eps, t)) ** 2
        expected = weight(t) * (guess - x0) ** 2
        assert float(((found - expected) / expected).abs().max()) < 1e-9
        close(found / (1 + expected), expected / (1 + expected), 1e-12)


def test_min_snr_and_the_weight_of_a_prediction_are_one_currency():
    """Hang et al.'s weight of an eps- or v-loss, in the currency of x0, is that of the x0-loss."""
    t = cosine(TIMES)
    for predicts in ("eps", "v"):
        both = learn.min_snr(5.0, predicts)(t) * flow.x0_weight(predicts)(t)
        close(both, learn.min_snr(5.0)(t), 1e-10)


def test_logit_normal_times_have_their_law():
    u = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    time = flow.logit_normal(rectified, 0.3, 1.4)(u).time
    close(torch.logit(time), 0.3 + 1.4 * torch.special.ndtri(u), 1e-9)
    assert flow.logit_normal(cosine)(torch.tensor(0.5)).time == 0.5
    ends = flow.logit_normal(rectified)(torch.tensor([0.0, 1.0]))
    assert ends.time.tolist() == [0, 1]


def test_logit_normal_times_are_sigmoids_of_standard_normals_unless_told():
    time = flow.logit_normal(rectified)(TIMES).time
    torch.testing.assert_close(torch.special.logit(time), torch.special.ndtri(TIMES))


def test_logit_normal_times_are_a_weight():
    """The mean of any loss over such times is its weighted mean over even times."""
    u = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    loss = lambda time: torch.exp(-3 * time) + time**2
    logit, m, s = torch.logit(u), -0.4, 0.8
    weight = torch.exp(-((logit - m) ** 2) / (2 * s**2)) / (
        s * math.sqrt(2 * math.pi) * u * (1 - u)
    )
    ours = loss(flow.logit_normal(rectified, m, s)(u).time).mean()
    close(ours, (weight * loss(u)).mean(), 1e-6)


def test_shifting_multiplies_noise_over_signal():
    for by in (0.5, 1.0, 3.0):
        close(flow.shifted(by)(TIMES).ratio, by * rectified(TIMES).ratio, 1e-11)
        assert [float(flow.shifted(by)(end).time) for end in (0.0, 1.0)] == [0, 1]
    twice = flow.shifted(3.0)(flow.shifted(3.0)(TIMES).time)
    close(twice.ratio, flow.shifted(9.0)(TIMES).ratio, 1e-10)


def test_a_shift_keeps_what_is_known_of_the_brightness():
    """On n × n pixels the mean of the noise has spread sigma/n: by = 2 on twice the side."""
    small, large = rectified(TIMES), flow.shifted(2.0)(TIMES)
    known = lambda t, side: 1 / (1 + (t.ratio / side) ** 2)  # r² of x's mean and the brightness
    close(known(small, 16), known(large, 32), 1e-12)


# --- couplings ------------------------------------------------------------------------------------


def test_paired_noise_lies_nearest_of_all_orders():
    x0, eps = drawn(2, 6, 3)
    cost = lambda eps: float(((x0 - eps) ** 2).sum())
    best = min(cost(eps[list(order)]) for order in itertools.permutations(range(6)))
    found = flow.paired(x0, eps)
    assert cost(found) == pytest.approx(best, rel=1e-12)
    assert torch.equal(found.sort(0).values, eps.sort(0).values)


def test_pairing_takes_pictures_and_keeps_labels_apart():
    x0, eps = drawn(2, 12, 1, 4, 4)
    c = torch.arange(12) % 3
    found = flow.paired_within(x0, eps, c)
    for label in range(3):
        mine = c == label
        assert torch.equal(found[mine], flow.paired(x0[mine], eps[mine]))


def test_pairing_is_the_transport_of_a_peer():
    ot = pytest.importorskip("ot")
    x0, eps = drawn(2, 40, 2)
    plan = ot.emd([], [], ot.dist(x0.numpy(), eps.numpy()))
    assert torch.equal(flow.paired(x0, eps), eps[torch.from_numpy(plan.argmax(1))])


def test_blind_pairing_tells_the_label_and_pairing_by_label_does_not():
    """Classes at ±2, their noise: mean √(2/π) in the limit, where blind; 0 within a label."""
    generator, found = seeded(0), {True: [], False: []}
    for _ in range(200):
        c = torch.rand(128, generator=generator) < 0.5
        x0 = torch.where(c, 2.0, -2.0)[:, None].double()
        eps = torch.randn(128, 1, generator=generator, dtype=torch.float64)
        for blind, each in found.items():
            noise = flow.paired(x0, eps) if blind else flow.paired_within(x0, eps, c)
            each.append(noise[c])
    blind, apart = (torch.cat(found[way]) for way in (True, False))
    assert abs(float(apart.mean())) < 4.5 / math.sqrt(len(apart))
    assert 0.75 < float(blind.mean()) < math.sqrt(2 / math.pi)


def test_the_coupled_loss_is_the_loss_with_noise_of_its_own():
    net = NetDenoiser(torch.nn.Linear(1, 1), "flow")
    net.net.forward = lambda x, t, c=None: 0.3 * x
    x0 = drawn(5, 2)
    pair = torch.stack([x0, torch.randn(x0.shape, generator=seeded(3), dtype=x0.dtype)], 1)
    for t in (rectified(0.3), rectified(torch.linspace(0.1, 0.9, 5))):
        weight = flow.x0_weight("flow")
        for each in (None, weight):
            ours = flow.coupled_loss(net, pair, t, weight=each)
            shaped = each and (lambda t, each=each: each(t).expand(5, 2))
            close(ours, net.loss(x0, t, generator=seeded(3), weight=shaped), 1e-12)


def test_a_network_of_another_shape_is_refused_by_the_coupled_loss_too():
    net = NetDenoiser(torch.nn.Linear(1, 1), "flow")
    net.net.forward = lambda x, t, c=None: x[:, :1]
    with pytest.raises(ValueError, match=r"net: returned \(5, 1\) for x \(5, 3\)"):
        flow.coupled_loss(net, drawn(5, 2, 3), rectified(0.3))


def test_pairs_hold_noise_and_where_it_walks():
    x, ladder = drawn(6, 2), grid(rectified, 10)
    pair = flow.pairs(ring(), x, ladder)
    assert pair.shape == (6, 2, 2) and torch.equal(pair[:, 1], x)
    assert torch.equal(pair[:, 0], sample(ddim, ring(), x, ladder))
    assert torch.equal(flow.pairs(ring(), x, ladder, heun)[:, 0], sample(heun, ring(), x, ladder))


def test_rectifying_keeps_the_marginals_and_never_costs_more():
    """Data and noise jointly Gaussian, any coupling: the flow of its mean velocity, by Heun."""
    half = torch.tensor([[1.2, 0.3], [-0.4, 0.7]], dtype=torch.float64)
    turned = torch.tensor([[-0.4, 0.5], [-0.6, -0.3]], dtype=torch.float64)  # cov(x0, eps)
    cov, one = half @ half.T + turned @ turned.T, torch.eye(2, dtype=torch.float64)

    def denoise(x, t):  # E[x0 | x_t]
        with_x = t.alpha * cov + t.sigma * turned
        var = t.alpha**2 * cov + t.sigma**2 * one + t.alpha * t.sigma * (turned + turned.T)
        return x @ torch.linalg.solve(var, with_x.T)

    end = sample(heun, denoise, one, grid(rectified, 2000))  # rows: where the unit vectors end
    close(end.T @ end, cov, 1e-5)
    cost = lambda with_eps: (cov.trace() + 2 - 2 * with_eps.trace()).item()
    assert cost(end.T) < cost(turned)


# --- how straight ---------------------------------------------------------------------------------


def test_straightness_of_a_gaussian_is_the_integral():
    """x_t = (1 - t) m + s(t) z with s² = (1 - t)² c² + t²: all is known of this walk."""
    m, c, n = 0.7, 0.3, 4000
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    gaussian = MixtureDenoiser([[m]], [c])
    found = flow.straightness(gaussian, z, grid(rectified, n))
    time = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    slope = (time - (1 - time) * c**2) / torch.sqrt((1 - time) ** 2 * c**2 + time**2)
    bent = ((slope - (1 - c)) ** 2).mean() * (z**2).mean()
    expected = bent / (((1 - c) * z - m) ** 2).mean()
    assert found == pytest.approx(float(expected), rel=2e-3)


def test_a_coupling_that_never_crosses_is_walked_straight_in_one_step():
    m, c = 0.7, 0.3
    noise = lambda x, t: (x - t.alpha * m) / (t.alpha * c + t.sigma)  # of x0 = m + c eps
    denoise = lambda x, t: m + c * noise(x, t)
    x = drawn(20, 1)
    assert float(flow.straightness(denoise, x, grid(rectified, 7))) < 1e-24
    for steps in (1, 2, 10):
        close(sample(ddim, denoise, x, grid(rectified, steps)), m + c * x, 1e-12)


@pytest.mark.parametrize(
    "ladder",
    [
        grid(cosine, 9),
        grid(rectified, 9, start=0.98),
        grid(rectified, 9, end=0.02),
        [rectified(torch.full((4,), time)) for time in (1.0, 0.5, 0.0)],
    ],
)
def test_straightness_is_of_a_whole_walk_down_the_straight_path(ladder):
    """On a part of the path even a straight walk would seem bent: its velocity is not its chord."""
    with pytest.raises(ValueError, match="levels"):
        flow.straightness(ring(), drawn(4, 2), ladder)


def test_straightness_has_no_scale_and_is_one_mean_over_another():
    x, ladder = drawn(50, 2), grid(rectified, 40)
    found = flow.straightness(ring(), x, ladder)
    stations = torch.stack([x, *(step.x for step in walk(ddim, ring(), x, ladder))])
    speed = (stations[:-1] - stations[1:]) * 40
    chord = stations[0] - stations[-1]
    energy = speed.square().sum(-1).mean() / chord.square().sum(-1).mean()
    close(found, energy - 1, 1e-12)  # what a bent path costs beyond its chord
    each = (speed - chord).square().sum(-1).mean(0) / chord.square().sum(-1)
    assert abs(float(each.mean() - found)) > 0.01


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: flow.x0_weight("score"),
        lambda: flow.logit_normal(rectified, std=0),
        lambda: flow.logit_normal(rectified, std=math.inf),
        lambda: flow.logit_normal(rectified, mean=math.nan),
        lambda: flow.logit_normal(rectified, mean="a"),
        lambda: flow.shifted(0),
        lambda: flow.shifted(math.inf),
        lambda: flow.paired(drawn(6, 2), drawn(5, 2)),
        lambda: flow.paired(drawn(6, 2), drawn(6, 1)),
        lambda: flow.logit_normal(rectified)(torch.tensor(1.2)),
    ],
)
def test_bad_arguments_are_named(wrong):
    with pytest.raises(ValueError, match="given; (allowed|need)"):
        wrong()


def test_pairing_moons_bends_less():
    """Not a theorem for finite batches, but what pairing is for: nearer noise, by a third."""
    x0, eps = moons(256, seeded(0)), drawn(256, 2)
    before, after = ((x0 - e).square().sum(1).mean() for e in (eps, flow.paired(x0, eps)))
    assert after < 0.67 * before
    assert isinstance(rectified(0.5), Level)
