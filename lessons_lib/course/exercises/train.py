"""Exercises of notebook 03: training a DDPM and walking back, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data.
"""

import math
from functools import partial
from unittest import mock

import torch
from torch import nn

from lessons_lib import diffuse, learn, levels, nets, samplers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    noise,
    normal,
    per_sample,
    signal,
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
    turns = [torch.rand(B, generator=generator, dtype=torch.float64) for B, _ in sizes]
    for i in (1, 5):  # both ends, where a limit on the angle shows
        turns[i][:2] = torch.tensor([0.0, 1.0])
    return [(turn * math.pi / 2, dim) for turn, (_, dim) in zip(turns, sizes, strict=True)]


def embedding_by_loop(angle, dim):
    """One number after the other, in plain Python."""
    speeds = [10 ** (2 * k / (dim / 2 - 1)) for k in range(dim // 2)]
    rows = [
        [math.sin(a * f) for f in speeds] + [math.cos(a * f) for f in speeds]
        for a in angle.tolist()
    ]
    return torch.tensor(rows, dtype=angle.dtype)


ratios = lambda k, half: 100 ** (k / (half - 1))  # from 1 to 100
joined = lambda *halves: torch.cat(halves, dim=-1)


def spelled(angle, dim, frequency=ratios, meet=lambda a, f: a[:, None] * f, order=joined):
    """The embedding in parts, for slips with one part wrong."""
    k = torch.arange(dim // 2, dtype=angle.dtype)
    phase = meet(angle, frequency(k, dim // 2))
    return order(phase.sin(), phase.cos())


in_code(
    "train.time_embedding",
    time_embedding,
    probes=embedding_probes,
    variants=(nets.time_embedding, embedding_by_loop, spelled),
    slips={
        "even spacing": partial(spelled, frequency=lambda k, half: 1 + 99 * k / (half - 1)),
        "last one missing": partial(spelled, frequency=lambda k, half: 100 ** (k / half)),
        "dim for half": partial(spelled, frequency=lambda k, half: 100 ** (k / (2 * half - 1))),
        "ten thousand": partial(spelled, frequency=lambda k, half: 10000 ** (k / (half - 1))),
        "slower and slower": partial(spelled, frequency=lambda k, half: 1 / ratios(k, half)),
        "from fast to slow": partial(spelled, frequency=lambda k, half: ratios(k, half).flip(0)),
        "full turns": partial(spelled, frequency=lambda k, half: 2 * math.pi * ratios(k, half)),
        "no frequencies": partial(spelled, frequency=lambda k, half: torch.ones_like(k)),
        "powers of two": partial(spelled, frequency=lambda k, half: 2.0**k),
        "cosines first": partial(spelled, order=lambda sin, cos: joined(cos, sin)),
        "interleaved": partial(spelled, order=lambda *both: torch.stack(both, dim=2).flatten(1)),
        "sines only": partial(spelled, order=lambda sin, cos: sin),
        "stacked along the batch": partial(spelled, order=lambda *both: torch.cat(both)),
        "no column": partial(spelled, meet=lambda a, f: a * f),
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
    shapes = ((4, 4), (4, 1, 4, 4), (3, 3), (2, 1, 2, 2), (5, 3), (3, 2, 2, 3), (4, 5))
    probes = []
    for i, shape in enumerate(shapes * 2):
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


def trained(
    net, optimiser, x0, n, eps, alpha_bar,
    shape=per_sample,
    signal=signal,
    noise=noise,
    dice=lambda eps: eps,
    clock=lambda n: n,
    target=lambda a, x0, eps, x_n: eps,
    error=lambda gap: (gap**2).mean(),
    moves="zero backward step",
    give=lambda loss: loss.item(),
):  # fmt: skip
    """The training step in parts, for slips with one part wrong."""
    a = shape(alpha_bar[n], x0)
    x_n = signal(a) * x0 + noise(a) * dice(eps)
    loss = error(net(x_n, clock(n)) - target(a, x0, eps, x_n))
    make = {
        "zero": optimiser.zero_grad,
        "backward": partial(loss.backward, retain_graph=True),  # some go backward twice
        "clip": lambda: nn.utils.clip_grad_norm_(net.parameters(), 1.0),
        "step": optimiser.step,
    }
    for move in moves.split():
        make[move]()
    return give(loss)


def loss_after(*probe):
    training_step(*probe)
    return trained(*probe, moves="")


def own_optimiser(net, optimiser, *rest):
    return training_step(net, torch.optim.Adam(net.parameters()), *rest)


in_code(
    "train.training_step",
    training_step,
    probes=training_probes,
    variants=(step_by_library, step_by_gradient, trained),
    slips={
        "no zero_grad": partial(trained, moves="backward step"),
        "no backward": partial(trained, moves="zero step"),
        "no step": partial(trained, moves="zero backward"),
        "zero too late": partial(trained, moves="backward zero step"),
        "step first": partial(trained, moves="step zero backward"),
        "steps twice": partial(trained, moves="zero backward step step"),
        "backward twice": partial(trained, moves="zero backward backward step"),
        "gradients clipped": partial(trained, moves="zero backward clip step"),
        "network sees x0": partial(trained, signal=lambda a: 1, noise=lambda a: 0),
        "no roots": partial(trained, signal=lambda a: a, noise=lambda a: 1 - a),
        "signal without root": partial(trained, signal=lambda a: a),
        "variance as std": partial(trained, noise=lambda a: 1 - a),
        "x0 and noise swapped": partial(trained, signal=noise, noise=signal),
        "fresh noise": partial(trained, dice=torch.randn_like),
        "broadcast along width": partial(trained, shape=lambda a, x0: a),
        "four axes": partial(trained, shape=lambda a, x0: a.reshape(-1, 1, 1, 1)),
        "sees n = 0": partial(trained, clock=lambda n: 0 * n),
        "sees n - 1": partial(trained, clock=lambda n: n - 1),
        "target x0": partial(trained, target=lambda a, x0, eps, x_n: x0),
        "target x_n": partial(trained, target=lambda a, x0, eps, x_n: x_n),
        "scaled noise": partial(trained, target=lambda a, x0, eps, x_n: noise(a) * eps),
        "sum": partial(trained, error=lambda gap: (gap**2).sum()),
        "absolute error": partial(trained, error=lambda gap: gap.abs().mean()),
        "square of the mean": partial(trained, error=lambda gap: gap.mean() ** 2),
        "loss keeps its graph": partial(trained, give=lambda loss: loss),
        "loss after the step": loss_after,
        "no graph": torch.no_grad()(training_step),
        "eval mode": lambda net, *rest: training_step(net.eval(), *rest),
        "train mode": lambda net, *rest: training_step(net.train(), *rest),
        "an optimiser of its own": own_optimiser,
    },
    theorems={
        "one step": lambda out, *probe: (out[-1].double()[:2], torch.tensor([2.0, 2.0])),
        "no graph": lambda out, *probe: (out[-1].double()[2], 0.0),
        "same mode": lambda out, net, *rest: (out[-1].double()[3], float(net.training)),
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


mixed = lambda slow, fast, d: d * slow + (1 - d) * fast


@torch.no_grad()
def averaged(average, live, d, write=lambda slow, fast, d: slow.copy_(mixed(slow, fast, d))):
    """The average, for slips that do something else to each pair of weights."""
    for slow, fast in zip(average.parameters(), live.parameters(), strict=True):
        write(slow, fast, d)


WRITTEN = {  # what somebody does to a slow weight, who means to average it
    "wrong side": lambda slow, fast, d: slow.copy_(mixed(fast, slow, d)),
    "copies": lambda slow, fast, d: slow.copy_(fast),
    "frozen": mixed,  # and nothing is written
    "forgets 1 - d": lambda slow, fast, d: slow.copy_(d * slow + fast),
    "only decays": lambda slow, fast, d: slow.mul_(d),
    "half and half": lambda slow, fast, d: slow.copy_((slow + fast) / 2),
    "aliases the live weights": lambda slow, fast, d: setattr(slow, "data", fast.data),
    "shrinks the live weights": lambda slow, fast, d: slow.mul_(d).add_(fast.mul_(1 - d)),
    "recorded": torch.enable_grad()(lambda slow, fast, d: slow.mul_(d).add_((1 - d) * fast)),
}


@torch.no_grad()
def first_only(average, live, d):
    slow, fast = next(average.parameters()), next(live.parameters())
    slow.copy_(mixed(slow, fast, d))


@torch.no_grad()
def replaced(average, live, d):
    fast = dict(live.named_parameters())
    for name, slow in list(average.named_parameters()):
        setattr(average, name, nn.Parameter(mixed(slow, fast[name], d)))


in_code(
    "train.ema_update",
    ema_update,
    probes=ema_probes,
    variants=(ema_by_library, ema_by_state, ema_by_lerp, averaged),
    slips={name: partial(averaged, write=write) for name, write in WRITTEN.items()}
    | {
        "wrong network": lambda average, live, d: ema_update(live, average, d),
        "first weight only": first_only,
        "replaces the weights": replaced,
        "d rounded": lambda average, live, d: ema_update(average, live, round(d, 2)),
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
    """The library's step, with a denoiser that believes in this eps, and dice that show z."""
    t, s = table_level(n, alpha_bar, x), table_level(n - 1, alpha_bar, x)
    with mock.patch.object(torch, "randn", lambda *shape, **kind: z):
        return samplers.ddpm(lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s).x


def by_bayes(x, eps, n, alpha_bar, z, mean=lambda x0, x, p, q: p * x0 + q * x):
    """Guess the picture, then the mean and variance of Bayes' posterior, in plain numbers."""
    a, before = float(alpha_bar[n]), float(alpha_bar[n - 1])
    kept = a / before
    x0 = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
    p, q = math.sqrt(before) * (1 - kept) / (1 - a), math.sqrt(kept) * (1 - before) / (1 - a)
    return mean(x0, x, p, q) + math.sqrt((1 - kept) * (1 - before) / (1 - a)) * z


small = lambda beta, a, before: (beta * (1 - before) / (1 - a)).sqrt()
large = lambda beta, a, before: beta.sqrt()
upside_down = lambda beta, a, before: small(beta, before, a)


def stepped(
    x, eps, n, alpha_bar, z,
    lost=lambda a, before: 1 - a / before,
    take=lambda beta, a: beta / noise(a),
    dim=lambda beta, a: (1 - beta).sqrt(),
    std=small,
    last=lambda beta: 0.0,
):  # fmt: skip
    """The step in parts, for slips with one part wrong; `last` is the spread at n = 1."""
    a, before = alpha_bar[n], alpha_bar[n - 1]
    beta = lost(a, before)
    spread = std(beta, a, before) if n > 1 else last(beta)
    return (x - take(beta, a) * eps) / dim(beta, a) + spread * z


def guessed(x, eps, n, alpha_bar, z):
    return diffuse.x0_from_eps(x, eps, table_level(n, alpha_bar, x))


def wrapped(x, eps, n, alpha_bar, z):
    """Without an entry for the data, the index at n = 1 is −1: the last entry of the table."""
    beta, before = 1 - alpha_bar[n] / alpha_bar[n - 1], alpha_bar[1:][n - 2]
    return stepped(x, eps, n, alpha_bar, 0 * z) + small(beta, alpha_bar[n], before) * z


STEPS = {  # slips that people make with tensors and with numbers
    "variance as std": partial(stepped, std=lambda *level: small(*level) ** 2),
    "large variance": partial(stepped, std=large),
    "small variance upside down": partial(stepped, std=upside_down),
    "no root in the mean": partial(stepped, take=lambda beta, a: beta / (1 - a)),
    "eps unscaled": partial(stepped, take=lambda beta, a: 1),
    "divides by the root of alpha_bar": partial(stepped, dim=lambda beta, a: signal(a)),
    "not brightened": partial(stepped, dim=lambda beta, a: 1),
}

in_code(
    "train.ancestral_step",
    ancestral_step,
    probes=ancestral_probes,
    variants=(ancestral_by_library, by_bayes, stepped),
    slips=STEPS
    | {
        "large variance to the end": partial(stepped, std=large, last=torch.sqrt),
        "noise at the last step": partial(stepped, last=torch.sqrt),
        "wraps at the end": wrapped,
        "noise of the level": partial(stepped, std=lambda beta, a, before: noise(a)),
        "no fresh noise": lambda x, eps, n, table, z: stepped(x, eps, n, table, 0 * z),
        "predicted noise as fresh noise": lambda x, eps, n, table, z: stepped(
            x, eps, n, table, eps
        ),
        "beta from alpha_bar": partial(stepped, lost=lambda a, before: 1 - a),
        "root of beta in the mean": partial(stepped, take=lambda beta, a: (beta / (1 - a)).sqrt()),
        "all the noise at once": partial(stepped, take=lambda beta, a: noise(a)),
        "sign": partial(stepped, take=lambda beta, a: -beta / noise(a)),
        "posterior swapped": partial(by_bayes, mean=lambda x0, x, p, q: p * x + q * x0),
        "clamped guess": partial(by_bayes, mean=lambda x0, x, p, q: p * x0.clamp(-1, 1) + q * x),
    },
    theorems={
        "end": lambda out, x, eps, n, alpha_bar, z: (
            (out[0], guessed(x, eps, n, alpha_bar, z)) if n == 1 else None
        ),
        "no dice": lambda out, x, eps, n, alpha_bar, z: (
            out[0],
            ancestral_step(x, eps, n, alpha_bar, 0 * z)
            + z * small(1 - alpha_bar[n] / alpha_bar[n - 1], *alpha_bar[[n, n - 1]]),
        ),
    },
)


# --- one step by hand -----------------------------------------------------------------------------


def chain(dice):
    beta = tuple(sorted(dice.sample([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], 3)))
    draw = lambda: dice.choice((-1, 1)) * dice.randint(3, 18) / 10
    return {"beta": beta, "x": draw(), "eps": draw(), "z": draw()}


def end(beta, x, eps, z, step=ancestral_step, n=3):
    """Where a step, right or wrong, goes from entry n of a chain of a few betas."""
    beta, x, eps, z = (torch.tensor(each, dtype=torch.float64) for each in (beta, x, eps, z))
    return step(x, eps, n, levels.alpha_bar(beta), z)


on_paper(
    "train.hand_step",
    end,
    given={"beta": (0.1, 0.2, 0.3), "x": 1.5, "eps": 0.8, "z": 0.5},
    digits=3,
    anew=chain,
    anew_slack=1.1,
    slips={name: partial(end, step=step) for name, step in STEPS.items()}
    | {
        "mean only": lambda beta, x, eps, z: end(beta, x, eps, 0),
        "z unscaled": lambda beta, x, eps, z: end(beta, x, eps, 0) + z,
        "guess of x0": partial(end, step=guessed),
        "steps counted from the data": partial(end, n=1),
        "the step before": partial(end, n=2),
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
        "never visits T": lambda T, steps: [*(n - 1 for n in timesteps(T, steps)[:-1]), 0],
        "from T - 1": lambda T, steps: timesteps(T - 1, steps),
        "leading": lambda T, steps: [T // steps * (steps - 1 - i) + 1 for i in range(steps)] + [0],
        "ascending": lambda T, steps: timesteps(T, steps)[::-1],
        "integer stride": lambda T, steps: [T - i * (T // steps) for i in range(steps)] + [0],
        "range": lambda T, steps: [*range(T, 0, -max(1, T // steps)), 0],
        "one too few": lambda T, steps: timesteps(T, steps - 1) if steps > 1 else [T],
        "ends before the data": lambda T, steps: timesteps(T, steps)[:-1],
        "ends at one": lambda T, steps: [*timesteps(T, steps)[:-1], 1],
        "cut off": lambda T, steps: [int(T * (1 - i / steps)) for i in range(steps + 1)],
        "rounded down": lambda T, steps: [T * (steps - i) // steps for i in range(steps + 1)],
        "not rounded": lambda T, steps: [T * (1 - i / steps) for i in range(steps + 1)],
    },
)
