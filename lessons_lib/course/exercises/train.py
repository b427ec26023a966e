"""Exercises of notebook 03: training a DDPM and walking back, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data.
"""

import math

import torch
from torch import nn

from lessons_lib import diffuse, learn, levels, nets, samplers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    normal,
    per_sample,
    some_table,
    strong_betas,
    table_level,
)

# --- time embedding -------------------------------------------------------------------------------


def time_embedding(angle, dim):
    """Spell a number as sines and cosines of growing frequency."""
    k = torch.arange(dim // 2, dtype=angle.dtype)
    frequency = 100 ** (k / (dim // 2 - 1))  # (dim / 2,), from 1 to 100
    phase = angle[:, None] * frequency  # (B, dim / 2)
    return torch.cat([phase.sin(), phase.cos()], dim=1)  # (B, dim)


def embedding_probes(generator):
    """Angles from 0 to a quarter turn; batches as long as dim and as dim/2 hide wrong shapes."""
    sizes = [(4, 8), (2, 4), (8, 8), (3, 6), (6, 6), (5, 12), (6, 12), (12, 12), (1, 8), (7, 16)]
    sizes += [(8, 16), (4, 10)]
    rand = [torch.rand(B, generator=generator, dtype=torch.float64) for B, _ in sizes]
    for i in (1, 5):  # both ends, where a limit on the angle shows
        rand[i][:2] = torch.tensor([0.0, 1.0])
    return [(r * math.pi / 2, dim) for r, (_, dim) in zip(rand, sizes, strict=True)]


def embedding_by_loop(angle, dim):
    """One number after the other, in plain Python."""
    speeds = [10 ** (2 * k / (dim / 2 - 1)) for k in range(dim // 2)]
    rows = [
        [math.sin(a * f) for f in speeds] + [math.cos(a * f) for f in speeds]
        for a in angle.tolist()
    ]
    return torch.tensor(rows, dtype=angle.dtype)


def _spelled(frequency, order=lambda sin, cos: torch.cat([sin, cos], dim=1)):
    """A wrong embedding: frequency(k, half) or the order of the two halves is off."""

    def wrong(angle, dim):
        k = torch.arange(dim // 2, dtype=angle.dtype)
        phase = angle[:, None] * frequency(k, dim // 2)
        return order(phase.sin(), phase.cos())

    return wrong


def _equal_ratios(k, half):
    return 100 ** (k / (half - 1))


def _elementwise(angle, dim):
    k = torch.arange(dim // 2, dtype=angle.dtype)
    phase = angle * _equal_ratios(k, dim // 2)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


in_code(
    "train.time_embedding",
    time_embedding,
    probes=embedding_probes,
    variants=(nets.time_embedding, embedding_by_loop),
    slips={
        "even spacing": _spelled(lambda k, half: 1 + 99 * k / (half - 1)),
        "last one missing": _spelled(lambda k, half: 100 ** (k / half)),
        "dim for half": _spelled(lambda k, half: 100 ** (k / (2 * half - 1))),
        "ten thousand": _spelled(lambda k, half: 10000 ** (k / (half - 1))),
        "slower and slower": _spelled(lambda k, half: 100 ** (-k / (half - 1))),
        "from fast to slow": _spelled(lambda k, half: 100 ** (1 - k / (half - 1))),
        "cosines first": _spelled(_equal_ratios, lambda sin, cos: torch.cat([cos, sin], dim=1)),
        "interleaved": _spelled(
            _equal_ratios, lambda sin, cos: torch.stack([sin, cos], dim=2).flatten(1)
        ),
        "sines only": _spelled(_equal_ratios, lambda sin, cos: sin),
        "stacked along the batch": _spelled(
            _equal_ratios, lambda sin, cos: torch.cat([sin, cos], dim=0)
        ),
        "no column": _elementwise,
        "full turns": _spelled(lambda k, half: 2 * math.pi * _equal_ratios(k, half)),
        "no frequencies": _spelled(lambda k, half: torch.ones_like(k)),
        "powers of two": _spelled(lambda k, half: 2.0**k),
    },
    theorems={
        "unit circle": lambda out, angle, dim: (
            out[0][:, : dim // 2] ** 2 + out[0][:, dim // 2 :] ** 2,
            torch.ones(len(angle), dim // 2),
        ),
        "first column": lambda out, angle, dim: (out[0][:, 0].double(), angle.sin()),
    },
    rtol=1e-3,
)


# --- one training step ----------------------------------------------------------------------------


def training_step(net, optimiser, x0, n, eps, alpha_bar):
    """Fog the pictures, ask the network which noise it was, and learn from the mistake."""
    a = alpha_bar[n].reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1)
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    loss = ((net(x_n, n) - eps) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


class SmallNet(nn.Module):
    """A stand-in network that shows what it was given: linear in x, moved by n, and by its mode."""

    def __init__(self, width, generator):
        super().__init__()
        self.weight = nn.Parameter(0.3 * normal(width, width, generator=generator))
        self.clock = nn.Parameter(normal(width, generator=generator))

    def forward(self, x, n):
        """Predict noise shaped like x from x (B, ...) and n (B,)."""
        mode = 1.0 if self.training else 0.8
        return mode * (x.flatten(1) @ self.weight + n[:, None] / 10 * self.clock).reshape(x.shape)


def training_probes(generator):
    """A fresh network and optimiser each, in train mode or eval; batches as large as a picture."""
    probes = []
    for i, shape in enumerate(
        ((4, 4), (4, 1, 4, 4), (3, 3), (2, 1, 2, 2), (5, 3), (3, 2, 2, 3), (4, 5)) * 2
    ):
        alpha_bar = some_table(i, generator)
        T = len(alpha_bar) - 1
        n = 1 + torch.randperm(T, generator=generator)[: shape[0]]
        n[:2] = torch.tensor([T, 1])
        x0, eps = (10 if i % 7 == 5 else 1) * normal(2, *shape, generator=generator)
        net = SmallNet(x0[0].numel(), generator).train(i % 3 != 2)
        probes.append((net, torch.optim.SGD(net.parameters(), lr=0.1), x0, n, eps, alpha_bar))
    return probes


def two_training_steps(answer, probe):
    """Train twice on one batch: losses, weights, and how often gradients came and were used.

    And does a loss keep its graph, and in which mode is the network left?
    """
    net, optimiser = probe[:2]
    backward, used = [], []
    net.weight.register_hook(lambda grad: backward.append(1))
    optimiser.register_step_post_hook(lambda *_: used.append(1))
    losses = [answer(*probe) for _ in range(2)]
    kept = sum(isinstance(x, torch.Tensor) and x.requires_grad for x in losses)
    losses = [x.item() if hasattr(x, "item") else x for x in losses]
    return losses, list(net.parameters()), [len(backward), len(used), kept, int(net.training)]


def step_by_library(net, optimiser, x0, n, eps, alpha_bar):
    """The library's fog and torch's loss; gradients are cleared at the end, which is as right."""
    x_n = diffuse.q_sample(x0, table_level(n, alpha_bar, x0), eps)
    loss = nn.functional.mse_loss(net(x_n, n), eps)
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def step_by_gradient(net, optimiser, x0, n, eps, alpha_bar):
    """Gradients asked for by name, the fog made sample by sample."""
    roots = [(math.sqrt(a), math.sqrt(1 - a)) for a in alpha_bar[n].tolist()]
    x_n = torch.stack([p * x + q * e for (p, q), x, e in zip(roots, x0, eps, strict=True)])
    loss = (net(x_n, n) - eps).pow(2).sum() / eps.numel()
    weights = list(net.parameters())
    for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = grad
    optimiser.step()
    return loss.item()


def _learn(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _mean_square(found, wanted):
    return ((found - wanted) ** 2).mean()


def _trained(
    fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * eps,
    target=lambda a, x0, eps, x_n: eps,
    clock=lambda n: n,
    loss=_mean_square,
    shape=per_sample,
    update=_learn,
    before=lambda net: None,
):
    """A wrong training step: one of its ingredients is off."""

    def wrong(net, optimiser, x0, n, eps, alpha_bar):
        before(net)
        a = shape(alpha_bar[n], x0)
        x_n = fog(a, x0, eps)
        return update(optimiser, loss(net(x_n, clock(n)), target(a, x0, eps, x_n)))

    return wrong


def _no_zero_grad(optimiser, loss):
    loss.backward()
    optimiser.step()
    return loss.item()


def _no_backward(optimiser, loss):
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def _no_step(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


def _zero_too_late(optimiser, loss):
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def _step_first(optimiser, loss):
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


@torch.no_grad()
def _no_graph(net, optimiser, x0, n, eps, alpha_bar):
    return training_step(net, optimiser, x0, n, eps, alpha_bar)


def _keeps_the_graph(optimiser, loss):
    _learn(optimiser, loss)
    return loss


def _clipped(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    return loss.item()


def _two_steps(optimiser, loss):
    _learn(optimiser, loss)
    optimiser.step()
    return loss.item()


def _two_backwards(optimiser, loss):
    optimiser.zero_grad()
    loss.backward(retain_graph=True)
    return _no_zero_grad(optimiser, loss)


def _own_optimiser(net, optimiser, x0, n, eps, alpha_bar):
    return training_step(net, torch.optim.Adam(net.parameters()), x0, n, eps, alpha_bar)


def _loss_after(net, optimiser, x0, n, eps, alpha_bar):
    training_step(net, optimiser, x0, n, eps, alpha_bar)
    with torch.no_grad():
        a = per_sample(alpha_bar[n], x0)
        return _mean_square(net(a.sqrt() * x0 + (1 - a).sqrt() * eps, n), eps).item()


in_code(
    "train.training_step",
    training_step,
    probes=training_probes,
    variants=(step_by_library, step_by_gradient),
    slips={
        "no zero_grad": _trained(update=_no_zero_grad),
        "no backward": _trained(update=_no_backward),
        "no step": _trained(update=_no_step),
        "zero too late": _trained(update=_zero_too_late),
        "step first": _trained(update=_step_first),
        "network sees x0": _trained(fog=lambda a, x0, eps: x0),
        "target x0": _trained(target=lambda a, x0, eps, x_n: x0),
        "target x_n": _trained(target=lambda a, x0, eps, x_n: x_n),
        "scaled noise": _trained(target=lambda a, x0, eps, x_n: (1 - a).sqrt() * eps),
        "sum": _trained(loss=lambda found, wanted: ((found - wanted) ** 2).sum()),
        "absolute error": _trained(loss=lambda found, wanted: (found - wanted).abs().mean()),
        "square of the mean": _trained(loss=lambda found, wanted: (found - wanted).mean() ** 2),
        "no roots": _trained(fog=lambda a, x0, eps: a * x0 + (1 - a) * eps),
        "signal without root": _trained(fog=lambda a, x0, eps: a * x0 + (1 - a).sqrt() * eps),
        "variance as std": _trained(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a) * eps),
        "x0 and noise swapped": _trained(
            fog=lambda a, x0, eps: (1 - a).sqrt() * x0 + a.sqrt() * eps
        ),
        "sees n = 0": _trained(clock=lambda n: 0 * n),
        "sees n - 1": _trained(clock=lambda n: n - 1),
        "broadcast along width": _trained(shape=lambda a, x0: a),
        "four axes": _trained(shape=lambda a, x0: a.reshape(-1, 1, 1, 1)),
        "fresh noise": _trained(
            fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)
        ),
        "eval mode": _trained(before=lambda net: net.eval()),
        "no graph": _no_graph,
        "train mode": _trained(before=lambda net: net.train()),
        "loss keeps its graph": _trained(update=_keeps_the_graph),
        "gradients clipped": _trained(update=_clipped),
        "steps twice": _trained(update=_two_steps),
        "backward twice": _trained(update=_two_backwards),
        "an optimiser of its own": _own_optimiser,
        "loss after the step": _loss_after,
    },
    theorems={
        "one step": lambda out, *probe: (out[-1].double()[:2], torch.tensor([2.0, 2.0])),
        "no graph": lambda out, *probe: (out[-1].double()[2], torch.tensor(0.0)),
        "same mode": lambda out, *probe: (
            out[-1].double()[3],
            torch.tensor(float(probe[0].training)),
        ),
    },
    run=two_training_steps,
    changes_inputs=True,
)


# --- EMA ------------------------------------------------------------------------------------------


def ema_update(average, live, d):
    """Keep d of every averaged weight and take 1 - d of the live one."""
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
            slow.copy_(d * slow + (1 - d) * fast)


def ema_probes(generator):
    """Two small networks of one shape, and a d well away from one half."""

    def net():
        layer = nn.utils.skip_init(nn.Linear, 3, 4, dtype=torch.float64)
        for weight in layer.parameters():
            weight.data = normal(*weight.shape, generator=generator)
        return layer

    ds = [*(0.6 + 0.39 * torch.rand(12, generator=generator)).tolist(), 0.99999, 0.25]
    return [(net(), net(), d) for d in ds]


def ema_run(answer, probe):
    """Average, change the live weights in place, look again, average again.

    The weights are held from the start, as an optimiser or another name for the network does.
    """
    average, live, d = probe
    held = {net: list(net.parameters()) for net in (average, live)}

    def weights(net):
        return [weight.detach().clone() for weight in (*held[net], *net.parameters())]

    if answer(average, live, d) is ...:
        raise NotImplementedError
    seen = [weights(average), weights(live)]
    with torch.no_grad():
        for weight in live.parameters():
            weight.add_(1.0)
    seen.append(weights(average))
    answer(average, live, d)
    return [*seen, weights(average), weights(live)]


@torch.no_grad()
def ema_by_library(average, live, d):
    """The library's own."""
    learn.ema_update(average, live, d)


def ema_by_state(average, live, d):
    """Through the state dicts, whose tensors are the weights themselves."""
    fast = live.state_dict()
    for name, slow in average.state_dict().items():
        slow.mul_(d).add_(fast[name], alpha=1 - d)


def ema_by_lerp(average, live, d):
    """Move a share 1 - d of the way, with torch's own function."""
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.data.lerp_(fast.data, 1 - d)


def _averaged(rule):
    """A wrong update: each slow weight becomes rule(slow, fast, d)."""

    @torch.no_grad()
    def wrong(average, live, d):
        for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
            slow.copy_(rule(slow, fast, d))

    return wrong


def _alias(average, live, d):
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.data = fast.data


def _only_names(average, live, d):
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow = d * slow + (1 - d) * fast


def _recorded(average, live, d):
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.mul_(d).add_((1 - d) * fast)


def _shrinks_live(average, live, d):
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        slow.data.mul_(d).add_(fast.data.mul_(1 - d))


def _first_only(average, live, d):
    slow, fast = next(average.parameters()), next(live.parameters())
    slow.data.mul_(d).add_((1 - d) * fast.data)


@torch.no_grad()
def _replaces(average, live, d):
    fast = dict(live.named_parameters())
    for name, slow in list(average.named_parameters()):
        setattr(average, name, nn.Parameter(d * slow + (1 - d) * fast[name]))


def _rounded_share(average, live, d):
    return ema_update(average, live, round(d, 2))


in_code(
    "train.ema_update",
    ema_update,
    probes=ema_probes,
    variants=(ema_by_library, ema_by_state, ema_by_lerp),
    slips={
        "wrong side": _averaged(lambda slow, fast, d: (1 - d) * slow + d * fast),
        "copies": _averaged(lambda slow, fast, d: fast),
        "frozen": _only_names,
        "forgets 1 - d": _averaged(lambda slow, fast, d: d * slow + fast),
        "only decays": _averaged(lambda slow, fast, d: d * slow),
        "half and half": _averaged(lambda slow, fast, d: (slow + fast) / 2),
        "aliases the live weights": _alias,
        "shrinks the live weights": _shrinks_live,
        "wrong network": lambda average, live, d: ema_update(live, average, d),
        "first weight only": _first_only,
        "recorded": _recorded,
        "replaces the weights": _replaces,
        "d rounded": _rounded_share,
    },
    run=ema_run,
    changes_inputs=True,
)


# --- the ancestral step ---------------------------------------------------------------------------


def ancestral_step(x, eps, n, alpha_bar, z):
    """Take away the noise that step n added, as far as we know it, and put a little back."""
    a, before = alpha_bar[n], alpha_bar[n - 1]
    beta = 1 - a / before
    mean = (x - beta / (1 - a).sqrt() * eps) / (1 - beta).sqrt()
    std = (beta * (1 - before) / (1 - a)).sqrt()  # 0 at n = 1: the last step adds nothing
    return mean + std * z


def ancestral_probes(generator):
    """First, second, last and random steps on strong tables, always with fresh noise to add."""
    probes = []
    for place in ("first", "second", "last", "any") * 4:
        T = int(torch.randint(4, 12, (), generator=generator))
        some = int(torch.randint(2, T + 1, (), generator=generator))
        n = {"first": 1, "second": 2, "last": T, "any": some}[place]
        x, eps, z = normal(3, 4, 3, generator=generator)
        probes.append((x, eps, n, levels.alpha_bar(strong_betas(T, generator)), z))
    weak, long = (some_table(i, generator) for i in (6, 4))
    for n, alpha_bar in ((1, weak), (2, weak), (len(long) - 1, long)):
        x, eps, z = 100 * normal(3, 4, 3, generator=generator)
        probes.append((x, eps, n, alpha_bar, z))
    return probes


def ancestral_by_library(x, eps, n, alpha_bar, z):
    """The library's step is affine in its noise: two known draws give its mean and its std."""
    t, s = table_level(n, alpha_bar, x), table_level(n - 1, alpha_bar, x)

    def draw(seed):
        return torch.Generator().manual_seed(seed)

    def step(seed):
        return samplers.ddpm(
            lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s, generator=draw(seed)
        ).x

    noise = [normal(*x.shape, generator=draw(seed)) for seed in (0, 1)]
    apart = noise[0] - noise[1]
    std = ((step(0) - step(1)) * apart).sum() / (apart**2).sum()
    return step(0) + std * (z - noise[0])


def ancestral_by_bayes(x, eps, n, alpha_bar, z):
    """Guess the picture, then the mean and variance of Bayes' posterior, in plain numbers."""
    a, before = float(alpha_bar[n]), float(alpha_bar[n - 1])
    kept = a / before
    x0 = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
    of_x0, of_x = math.sqrt(before) * (1 - kept) / (1 - a), math.sqrt(kept) * (1 - before) / (1 - a)
    return of_x0 * x0 + of_x * x + math.sqrt((1 - kept) * (1 - before) / (1 - a)) * z


def _small_std(beta, a, before, n):
    return (beta * (1 - before) / (1 - a)).sqrt()


def _usual_mean(x, eps, beta, a, before):
    return (x - beta / (1 - a).sqrt() * eps) / (1 - beta).sqrt()


def _stepped(mean=_usual_mean, std=_small_std, fresh=lambda z, eps: z):
    """A wrong ancestral step: its mean, its spread or its noise is off."""

    def wrong(x, eps, n, alpha_bar, z):
        a, before = alpha_bar[n], alpha_bar[n - 1]
        beta = 1 - a / before
        noise = std(beta, a, before, n) * fresh(z, eps)
        return mean(x, eps, beta, a, before) + noise

    return wrong


def _unless_last(std):
    """The spread std(beta, a, before), and nothing at n = 1."""
    return lambda beta, a, before, n: std(beta, a, before) if n > 1 else torch.tensor(0.0)


def _wrapped(x, eps, n, alpha_bar, z):
    table = alpha_bar[1:]  # one entry per step, as in codes without an entry for the data
    a, before, beta = table[n - 1], table[n - 2], 1 - alpha_bar[n] / alpha_bar[n - 1]
    return _usual_mean(x, eps, beta, a, before) + _small_std(beta, a, before, n) * z


def _guess(x, eps, a):
    return (x - (1 - a).sqrt() * eps) / a.sqrt()


def _bayes_mean(x, x0, beta, a, before):
    return (before.sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - before) * x) / (1 - a)


_LAST_NOISY = _stepped(
    std=lambda beta, a, before, n: _small_std(beta, a, before, n) if n > 1 else beta.sqrt()
)
_VARIANCE_AS_STD = _stepped(std=lambda *level: _small_std(*level) ** 2)
_LARGE = _stepped(std=_unless_last(lambda beta, a, before: beta.sqrt()))
_NO_ROOT_IN_MEAN = _stepped(
    mean=lambda x, eps, beta, a, before: (x - beta / (1 - a) * eps) / (1 - beta).sqrt()
)
_EPS_UNSCALED = _stepped(mean=lambda x, eps, beta, a, before: (x - eps) / (1 - beta).sqrt())
_ROOT_ALPHA_BAR = _stepped(
    mean=lambda x, eps, beta, a, before: (x - beta / (1 - a).sqrt() * eps) / a.sqrt()
)
_NOT_GROWN = _stepped(mean=lambda x, eps, beta, a, before: x - beta / (1 - a).sqrt() * eps)
_NO_NOISE = _stepped(fresh=lambda z, eps: 0 * z)
_UPSIDE_DOWN = _stepped(
    std=_unless_last(lambda beta, a, before: (beta * (1 - a) / (1 - before)).sqrt())
)


def _beta_of_all(x, eps, n, alpha_bar, z):
    a, before = alpha_bar[n], alpha_bar[n - 1]
    beta = 1 - a
    return _usual_mean(x, eps, beta, a, before) + _small_std(beta, a, before, n) * z


in_code(
    "train.ancestral_step",
    ancestral_step,
    probes=ancestral_probes,
    variants=(ancestral_by_library, ancestral_by_bayes),
    slips={
        "noise at the last step": _LAST_NOISY,
        "variance as std": _VARIANCE_AS_STD,
        "large variance": _LARGE,
        "large variance to the end": _stepped(std=lambda beta, a, before, n: beta.sqrt()),
        "wraps at the end": _wrapped,
        "no root in the mean": _NO_ROOT_IN_MEAN,
        "eps unscaled": _EPS_UNSCALED,
        "beta from alpha_bar": _beta_of_all,
        "divides by the root of alpha_bar": _ROOT_ALPHA_BAR,
        "root of beta in the mean": _stepped(
            mean=lambda x, eps, beta, a, before: (
                (x - beta.sqrt() / (1 - a).sqrt() * eps) / (1 - beta).sqrt()
            )
        ),
        "all the noise at once": _stepped(
            mean=lambda x, eps, beta, a, before: (x - (1 - a).sqrt() * eps) / (1 - beta).sqrt()
        ),
        "not brightened": _NOT_GROWN,
        "no fresh noise": _NO_NOISE,
        "noise of the level": _stepped(std=_unless_last(lambda beta, a, before: (1 - a).sqrt())),
        "small variance upside down": _UPSIDE_DOWN,
        "predicted noise as fresh noise": _stepped(fresh=lambda z, eps: eps),
        "posterior swapped": _stepped(
            mean=lambda x, eps, beta, a, before: _bayes_mean(_guess(x, eps, a), x, beta, a, before)
        ),
        "sign": _stepped(
            mean=lambda x, eps, beta, a, before: (
                (x + beta / (1 - a).sqrt() * eps) / (1 - beta).sqrt()
            )
        ),
        "clamped guess": _stepped(
            mean=lambda x, eps, beta, a, before: _bayes_mean(
                x, _guess(x, eps, a).clamp(-1, 1), beta, a, before
            )
        ),
    },
    theorems={
        "end": lambda out, x, eps, n, alpha_bar, z: (
            (out[0], _guess(x, eps, alpha_bar[1])) if n == 1 else None
        ),
        "no dice": lambda out, x, eps, n, alpha_bar, z: (
            out[0],
            ancestral_step(x, eps, n, alpha_bar, 0 * z)
            + z * _small_std(1 - alpha_bar[n] / alpha_bar[n - 1], *alpha_bar[[n, n - 1]], n),
        ),
    },
)


# --- one step by hand -----------------------------------------------------------------------------


def chain(dice):
    beta = tuple(sorted(dice.sample([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], 3)))
    draw = lambda: dice.choice((-1, 1)) * dice.randint(3, 18) / 10
    return {"beta": beta, "x": draw(), "eps": draw(), "z": draw()}


def by_hand(step, n=3):
    """Where a step, right or wrong, goes from entry n of a chain of a few betas."""
    number = lambda value: torch.tensor(value, dtype=torch.float64)

    def end(beta, x, eps, z):
        return float(step(number(x), number(eps), n, levels.alpha_bar(number(beta)), number(z)))

    return end


on_paper(
    "train.hand_step",
    by_hand(ancestral_step),
    given={"beta": (0.1, 0.2, 0.3), "x": 1.5, "eps": 0.8, "z": 0.5},
    digits=3,
    anew=chain,
    anew_slack=1.1,
    slips={
        "mean only": by_hand(_NO_NOISE),
        "variance as std": by_hand(_VARIANCE_AS_STD),
        "large variance": by_hand(_LARGE),
        "z unscaled": by_hand(_stepped(std=lambda *level: torch.tensor(1.0))),
        "no root in the mean": by_hand(_NO_ROOT_IN_MEAN),
        "eps unscaled": by_hand(_EPS_UNSCALED),
        "divides by the root of alpha_bar": by_hand(_ROOT_ALPHA_BAR),
        "not brightened": by_hand(_NOT_GROWN),
        "guess of x0": by_hand(lambda x, eps, n, alpha_bar, z: _guess(x, eps, alpha_bar[n])),
        "steps counted from the data": by_hand(ancestral_step, n=1),
        "the step before": by_hand(ancestral_step, n=2),
        "small variance upside down": by_hand(_UPSIDE_DOWN),
    },
)


# --- a walk that skips ----------------------------------------------------------------------------


def timesteps(T, steps):
    """Cut the way from T down to 0 into equal strides, each end rounded to a table entry."""
    return [round(T * (steps - i) / steps) for i in range(steps + 1)]


def timestep_probes(generator):
    """Odd numbers of steps, or divisors of T: no entry lies half way between two integers."""
    T = torch.randint(20, 200, (10,), generator=generator).tolist()
    steps = (2 * torch.randint(1, 8, (10,), generator=generator) + 1).tolist()
    return [(100, 100), (1000, 50), (7, 1), (100, 15), *zip(T, steps, strict=True)]


def timesteps_by_library(T, steps):
    """The library's grid of levels, read back as table entries."""
    grid = levels.grid(levels.from_betas(levels.linear_betas(T)), steps)
    return [round(float(level.time) * T) for level in grid]


def timesteps_by_torch(T, steps):
    """A straight line from T to 0, rounded."""
    return torch.linspace(T, 0, steps + 1, dtype=torch.float64).round().long()


in_code(
    "train.timesteps",
    timesteps,
    probes=timestep_probes,
    variants=(timesteps_by_library, timesteps_by_torch),
    slips={
        "never visits T": lambda T, steps: (
            [round(T * (steps - i) / steps) - 1 for i in range(steps)] + [0]
        ),
        "from T - 1": lambda T, steps: [
            round((T - 1) * (steps - i) / steps) for i in range(steps + 1)
        ],
        "leading": lambda T, steps: [T // steps * (steps - 1 - i) + 1 for i in range(steps)] + [0],
        "ascending": lambda T, steps: timesteps(T, steps)[::-1],
        "integer stride": lambda T, steps: [T - i * (T // steps) for i in range(steps)] + [0],
        "range": lambda T, steps: [*range(T, 0, -max(1, T // steps)), 0],
        "one too few": lambda T, steps: [
            round(T * (1 - i / max(1, steps - 1))) for i in range(steps)
        ],
        "ends before the data": lambda T, steps: timesteps(T, steps)[:-1],
        "ends at one": lambda T, steps: [*timesteps(T, steps)[:-1], 1],
        "cut off": lambda T, steps: [int(T * (1 - i / steps)) for i in range(steps + 1)],
        "rounded down": lambda T, steps: [T * (steps - i) // steps for i in range(steps + 1)],
        "not rounded": lambda T, steps: [T * (1 - i / steps) for i in range(steps + 1)],
    },
)


# --- which grid -----------------------------------------------------------------------------------
