"""Exercises of notebook 03: training a DDPM and walking back, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data.
"""

import math
from itertools import permutations

import torch
from torch import nn

from lessons_lib import diffuse, learn, levels, nets, samplers
from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.course.exercises.forward import normal, per_sample, strong_betas, table_level
from lessons_lib.course.exercises.reverse import some_table

CLOCK = "A clock for the network"
STEP = "One training step"
AVERAGE = "Average the weights"
BACK = "Walk back, step by step"
VARIANCE = "The reverse variance between any two levels"
JUDGE = "Undertrained or broken?"


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


TIME_EMBEDDING = Function(
    id="train.time_embedding",
    question=(
        "Write `time_embedding(angle, dim)`: `angle` is (B,), `dim` even and at least 4; the "
        "result is (B, dim). Frequencies $f_k = 100^{k/(d/2-1)}$ for k = 0 ... d/2 − 1 with "
        "d = dim; first all sines of angle·f, then all cosines."
    ),
    section=CLOCK,
    answer=time_embedding,
    probes=embedding_probes,
    rtol=1e-3,  # frequencies computed in float32 are as right as in float64
    tested=("sines first, then cosines", "frequencies from 1 to 100", "batches as long as dim"),
    hints=(
        "How many frequencies are there, what is the first, what is the last?",
        "A (B, 1) column of angles times a row of dim/2 frequencies gives all the phases.",
        "`phase = angle[:, None] * frequency`, then `torch.cat([phase.sin(), ...], dim=1)`.",
    ),
    wrong=(
        Wrong(
            "even spacing",
            _spelled(lambda k, half: 1 + 99 * k / (half - 1)),
            "Your frequencies grow by equal differences. Equal *ratios* spread them over coarse "
            "and fine: 100 to the power of a fraction.",
        ),
        Wrong(
            "last one missing",
            _spelled(lambda k, half: 100 ** (k / half)),
            "You divided k by dim/2, so 100 is never reached. From 0 to dim/2 − 1 the last k must "
            "give the fraction 1.",
        ),
        Wrong(
            "dim for half",
            _spelled(lambda k, half: 100 ** (k / (2 * half - 1))),
            "You divided by dim − 1. There are dim/2 frequencies, each used twice.",
        ),
        Wrong(
            "ten thousand",
            _spelled(lambda k, half: 10000 ** (k / (half - 1))),
            "You used 10000, from models of text. Our angle runs from 0 to 1.57: frequencies up "
            "to 100 tell a thousand levels apart.",
        ),
        Wrong(
            "slower and slower",
            _spelled(lambda k, half: 100 ** (-k / (half - 1))),
            "Your frequencies fall from 1 to 1/100, as in models of text, where positions go to "
            "the thousands. Our angle is small, so the frequencies must grow.",
        ),
        Wrong(
            "from fast to slow",
            _spelled(lambda k, half: 100 ** (1 - k / (half - 1))),
            "The right frequencies in reverse order. The network would not mind, but a checkpoint "
            "trained with the other order would.",
        ),
        Wrong(
            "cosines first",
            _spelled(_equal_ratios, lambda sin, cos: torch.cat([cos, sin], dim=1)),
            "Cosines came first. It is a matter of convention; here the sines do.",
        ),
        Wrong(
            "interleaved",
            _spelled(_equal_ratios, lambda sin, cos: torch.stack([sin, cos], dim=2).flatten(1)),
            "You interleaved sines and cosines. Some codes do; here all sines come first.",
        ),
        Wrong(
            "sines only",
            _spelled(_equal_ratios, lambda sin, cos: sin),
            "The cosines are missing: the result should have dim columns. A sine alone cannot "
            "tell an angle from its mirror image.",
        ),
        Wrong(
            "stacked along the batch",
            _spelled(_equal_ratios, lambda sin, cos: torch.cat([sin, cos], dim=0)),
            "You joined along the batch, (2B, dim/2). Join along the columns, dim=1.",
        ),
        Wrong(
            "no column",
            _elementwise,
            "You multiplied (B,) by (dim/2,) entry by entry. Make the angle a column, "
            "`angle[:, None]`, so that each meets every frequency.",
        ),
        Wrong(
            "full turns",
            _spelled(lambda k, half: 2 * math.pi * _equal_ratios(k, half)),
            "You multiplied by 2π as well. `angle` is in radians already.",
        ),
        Wrong(
            "no frequencies",
            _spelled(lambda k, half: torch.ones_like(k)),
            "All your frequencies are 1: every column says the same.",
        ),
        Wrong(
            "powers of two",
            _spelled(lambda k, half: 2.0**k),
            "You doubled the frequency each time. Asked are equal ratios that end at 100, "
            "whatever dim is.",
        ),
    ),
    variants=(nets.time_embedding, embedding_by_loop),
    identities=(
        Identity(
            "a sine and its cosine lie on the unit circle",
            lambda out, angle, dim: (
                out[0][:, : dim // 2] ** 2 + out[0][:, dim // 2 :] ** 2,
                torch.ones(len(angle), dim // 2),
            ),
        ),
        Identity(
            "the first column is the sine of the angle itself",
            lambda out, angle, dim: (out[0][:, 0].double(), angle.sin()),
        ),
    ),
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


TRAINING_STEP = Function(
    id="train.training_step",
    question=(
        "Write `training_step(net, optimiser, x0, n, eps, alpha_bar)`: fog `x0` (B, ...) with "
        "`eps` at step `n` (B,), let `net(x_n, n)` predict the noise, take the mean squared error "
        "over everything, update the weights once, and return the loss as a float. Leave the "
        "network's mode as it is."
    ),
    section=STEP,
    answer=training_step,
    probes=training_probes,
    run=two_training_steps,
    changes_inputs=True,
    tested=("two steps in a row: losses and weights", "what the network sees", "another n each"),
    hints=(
        "Four lines prepare the loss, three lines learn from it. Which three?",
        "x_n by the jump; the target is eps itself; then zero_grad, backward, step.",
        "`loss = ((net(x_n, n) - eps) ** 2).mean()`, with x_n from √ᾱ_n and √(1 − ᾱ_n).",
    ),
    wrong=(
        Wrong(
            "no zero_grad",
            _trained(update=_no_zero_grad),
            "You never clear the gradients. torch *adds* each backward to what is there, so the "
            "second step walks along the sum of both: call `optimiser.zero_grad()`.",
        ),
        Wrong(
            "no backward",
            _trained(update=_no_backward),
            "You step without `loss.backward()`: there is no gradient, so nothing is learned.",
        ),
        Wrong(
            "no step",
            _trained(update=_no_step),
            "You computed gradients but never used them: `optimiser.step()` changes the weights.",
        ),
        Wrong(
            "zero too late",
            _trained(update=_zero_too_late),
            "You cleared the gradients between `backward` and `step`, so the step finds none.",
        ),
        Wrong(
            "step first",
            _trained(update=_step_first),
            "You step before `backward`, along the gradient of the batch before.",
        ),
        Wrong(
            "network sees x0",
            _trained(fog=lambda a, x0, eps: x0),
            "The network was shown the clean picture. There is no noise in it to find: pass x_n.",
        ),
        Wrong(
            "target x0",
            _trained(target=lambda a, x0, eps, x_n: x0),
            "You compared with x0. That trains a network that predicts the picture; asked is one "
            "that predicts the noise.",
        ),
        Wrong(
            "target x_n",
            _trained(target=lambda a, x0, eps, x_n: x_n),
            "You compared with x_n, which the network was given: it only learns to repeat it.",
        ),
        Wrong(
            "scaled noise",
            _trained(target=lambda a, x0, eps, x_n: (1 - a).sqrt() * eps),
            "Your target is √(1 − ᾱ)·ε, the noise as it was put in. The target is ε itself, of "
            "spread 1 at every n, which is what makes it easy to learn.",
        ),
        Wrong(
            "sum",
            _trained(loss=lambda found, wanted: ((found - wanted) ** 2).sum()),
            "You took the sum. Then the gradient grows with batch and picture, and a learning rate "
            "that fits one fails on the other: take the mean.",
        ),
        Wrong(
            "absolute error",
            _trained(loss=lambda found, wanted: (found - wanted).abs().mean()),
            "You took absolute values. Their best answer is a median; squared error leads to the "
            "mean, which the samplers are built on.",
        ),
        Wrong(
            "square of the mean",
            _trained(loss=lambda found, wanted: (found - wanted).mean() ** 2),
            "You took the mean first and squared then, so errors of opposite sign cancel.",
        ),
        Wrong(
            "no roots",
            _trained(fog=lambda a, x0, eps: a * x0 + (1 - a) * eps),
            "Your fog uses ᾱ and 1 − ᾱ without roots. They are powers; x_n is built of amplitudes.",
        ),
        Wrong(
            "signal without root",
            _trained(fog=lambda a, x0, eps: a * x0 + (1 - a).sqrt() * eps),
            "In your fog x0 is multiplied by ᾱ, where its root belongs.",
        ),
        Wrong(
            "variance as std",
            _trained(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a) * eps),
            "In your fog ε is multiplied by the variance, 1 − ᾱ, where its root belongs.",
        ),
        Wrong(
            "x0 and noise swapped",
            _trained(fog=lambda a, x0, eps: (1 - a).sqrt() * x0 + a.sqrt() * eps),
            "In your fog the two factors have changed places.",
        ),
        Wrong(
            "sees n = 0",
            _trained(clock=lambda n: 0 * n),
            "The network was told n = 0 for everything. It needs the n of each sample to know how "
            "much noise to expect.",
            CLOCK,
        ),
        Wrong(
            "sees n - 1",
            _trained(clock=lambda n: n - 1),
            "You told the network n − 1. Codes that count from 0 do; ours counts from 1, and "
            "training and sampling must agree.",
            CLOCK,
            source="udlbook, chapter 18: training and sampling disagree on the index",
        ),
        Wrong(
            "broadcast along width",
            _trained(shape=lambda a, x0: a),
            "Your factors have shape (B,), and torch lined them up with the last axis. Reshape to "
            "(B, 1, ..., 1).",
        ),
        Wrong(
            "four axes",
            _trained(shape=lambda a, x0: a.reshape(-1, 1, 1, 1)),
            "You shaped the factors (B, 1, 1, 1). That fits pictures only, and x0 may have any "
            "number of axes after the first: reshape to `(-1, *[1] * (x0.ndim - 1))`.",
        ),
        Wrong(
            "fresh noise",
            _trained(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)),
            "You fogged with new noise but compare with eps: the network is asked for a noise that "
            "it never saw.",
        ),
        Wrong(
            "eval mode",
            _trained(before=lambda net: net.eval()),
            "You switched the network to eval mode. That is for sampling; in training, layers such "
            "as dropout must be on.",
        ),
        Wrong(
            "no graph",
            _no_graph,
            "You work under `no_grad`: torch keeps no record, so there is nothing to go backward "
            "through. That belongs to sampling.",
        ),
        Wrong(
            "train mode",
            _trained(before=lambda net: net.train()),
            "You switched the network to train mode. It is often right, but not asked: whoever "
            "calls this step has chosen the mode, and a frozen batch norm, say, must stay frozen.",
        ),
        Wrong(
            "loss keeps its graph",
            _trained(update=_keeps_the_graph),
            "All is right but what you return: a loss with its graph on it. Who collects a "
            "thousand of them to draw a curve keeps a thousand graphs in memory: `loss.item()`.",
        ),
        Wrong(
            "gradients clipped",
            _trained(update=_clipped),
            "You clipped the gradients. Many recipes do, and it can save a run; here the step was "
            "asked as it is.",
        ),
        Wrong(
            "steps twice",
            _trained(update=_two_steps),
            "You call `optimiser.step()` twice along one gradient. Each batch is used once.",
        ),
        Wrong(
            "backward twice",
            _trained(update=_two_backwards),
            "You call `loss.backward()` twice, and torch adds the gradients up: the step is twice "
            "as long as it should be.",
        ),
        Wrong(
            "an optimiser of its own",
            _own_optimiser,
            "You made a new optimiser inside. The one passed in remembers its learning rate and, "
            "if it is Adam, what it has seen so far; a new one forgets at every step.",
        ),
        Wrong(
            "loss after the step",
            _loss_after,
            "The weights are right. You computed the loss again after the step; asked is the one "
            "that the step learned from, and it costs nothing more.",
        ),
    ),
    variants=(step_by_library, step_by_gradient),
    identities=(
        Identity(
            "each call goes backward once and steps once",
            lambda out, *probe: (out[-1].double()[:2], torch.tensor([2.0, 2.0])),
        ),
        Identity(
            "the loss that comes back is a number without a graph",
            lambda out, *probe: (out[-1].double()[2], torch.tensor(0.0)),
        ),
        Identity(
            "the network is left in the mode it was in",
            lambda out, *probe: (out[-1].double()[3], torch.tensor(float(probe[0].training))),
        ),
    ),
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


EMA_UPDATE = Function(
    id="train.ema_update",
    question=(
        "Write `ema_update(average, live, d)`: two networks of one shape; every weight of "
        "`average` becomes d times itself plus (1 − d) times the live one, *in place*. `live` is "
        "not changed, nothing is returned."
    ),
    section=AVERAGE,
    answer=ema_update,
    probes=ema_probes,
    run=ema_run,
    changes_inputs=True,
    tested=(
        "every weight, in place: the same tensors",
        "the live network untouched",
        "no shared memory",
    ),
    hints=(
        "d is close to 1, such as .999: which network should hardly move?",
        "slow ← d·slow + (1 − d)·fast for every pair of weights, with no gradient recorded.",
        "Under `torch.no_grad()`: `slow.copy_(d * slow + ...)`.",
    ),
    wrong=(
        Wrong(
            "wrong side",
            _averaged(lambda slow, fast, d: (1 - d) * slow + d * fast),
            "You kept 1 − d and took d. With d = .999 the average would be the live network with "
            "a little delay: d is what is *kept*.",
        ),
        Wrong(
            "copies",
            _averaged(lambda slow, fast, d: fast),
            "You copied the live weights. An average remembers: keep d of what was there.",
        ),
        Wrong(
            "frozen",
            _only_names,
            "Nothing changed. `slow = ...` only gives a name to a new tensor; write into the "
            "weight, for example with `slow.copy_(...)`.",
        ),
        Wrong(
            "forgets 1 - d",
            _averaged(lambda slow, fast, d: d * slow + fast),
            "You added all of the live weight. The two shares must add up to one, or the weights "
            "grow without end.",
        ),
        Wrong(
            "only decays",
            _averaged(lambda slow, fast, d: d * slow),
            "You kept d of the average and took nothing in: it fades to zero.",
        ),
        Wrong(
            "half and half",
            _averaged(lambda slow, fast, d: (slow + fast) / 2),
            "You took the plain mean of the two; d was never used.",
        ),
        Wrong(
            "aliases the live weights",
            _alias,
            "Both networks now share their memory: the next training step changes the average too. "
            "Write numbers into the weights; do not exchange the tensors.",
        ),
        Wrong(
            "shrinks the live weights",
            _shrinks_live,
            "The average is right, but `mul_` has changed the live weights as well: the underscore "
            "means in place.",
        ),
        Wrong(
            "wrong network",
            lambda average, live, d: ema_update(live, average, d),
            "You wrote into `live`. Training goes on there; the average only watches.",
        ),
        Wrong(
            "first weight only",
            _first_only,
            "Only the first weight was averaged: go through all pairs of parameters.",
        ),
        Wrong(
            "recorded",
            _recorded,
            "torch refuses to change a weight in place while it records gradients. Averaging is "
            "not learning: do it under `torch.no_grad()`.",
        ),
        Wrong(
            "replaces the weights",
            _replaces,
            "You put new parameters in the place of the old ones. Whoever held the old ones (an "
            "optimiser, a second name, a compiled network) goes on with stale numbers: write into "
            "the tensor that is there, with `slow.copy_(...)`.",
        ),
        Wrong(
            "d rounded",
            _rounded_share,
            "You rounded d to two decimals. The difference between .99 and .999 is a memory of a "
            "hundred steps or of a thousand.",
        ),
    ),
    variants=(ema_by_library, ema_by_state, ema_by_lerp),
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


ANCESTRAL_STEP = Function(
    id="train.ancestral_step",
    question=(
        "Write `ancestral_step(x, eps, n, alpha_bar, z)`: from x_n to x_{n−1}. `eps` is the "
        "network's guess, `n` one integer 1 ... T for the whole batch, `alpha_bar` has T + 1 "
        "entries, `z` is fresh noise. Use the *small* variance "
        "$\\tilde\\beta_n = \\beta_n (1-\\bar\\alpha_{n-1})/(1-\\bar\\alpha_n)$ with "
        "$\\beta_n = 1 - \\bar\\alpha_n/\\bar\\alpha_{n-1}$; no clamping; no noise at n = 1."
    ),
    section=BACK,
    answer=ancestral_step,
    probes=ancestral_probes,
    tested=("n = 1, 2, T and between", "strong betas", "no noise at the last step"),
    hints=(
        "Two parts: a mean, made of x and eps, and a spread that multiplies z.",
        "mean = (x − β_n/√(1 − ᾱ_n) ε̂)/√(1 − β_n); the spread is √β̃_n, which is 0 at n = 1.",
        "`beta = 1 - alpha_bar[n] / alpha_bar[n - 1]`; `std = (beta * (1 - before) / ...).sqrt()`.",
    ),
    wrong=(
        Wrong(
            "noise at the last step",
            _LAST_NOISY,
            "At n = 1 you still add √β_1·z. The picture is finished there; the noise would stay "
            "on it for good.",
        ),
        Wrong(
            "variance as std",
            _VARIANCE_AS_STD,
            "You multiplied z by the variance β̃. Noise is multiplied by its root.",
        ),
        Wrong(
            "large variance",
            _LARGE,
            "You used β_n for the variance. That is the *large* choice, right for data that is "
            "pure noise; asked is the small one, β̃_n.",
            VARIANCE,
        ),
        Wrong(
            "large variance to the end",
            _stepped(std=lambda beta, a, before, n: beta.sqrt()),
            "You added √β_n·z at every step, even the last. Asked is the small variance, β̃_n, "
            "which is 0 at n = 1.",
            VARIANCE,
        ),
        Wrong(
            "wraps at the end",
            _wrapped,
            "At n = 1 your ᾱ_{n−1} is the *last* entry: an index −1 wraps round. The entry before "
            "the first step is alpha_bar[0] = 1, the data.",
        ),
        Wrong(
            "no root in the mean",
            _NO_ROOT_IN_MEAN,
            "In the mean you divided by 1 − ᾱ_n. ε̂ has spread 1, and was put in with √(1 − ᾱ_n): "
            "the root belongs there.",
        ),
        Wrong(
            "eps unscaled",
            _EPS_UNSCALED,
            "You took away all of ε̂. One step takes back only what one step added, "
            "β_n/√(1 − ᾱ_n) of it.",
        ),
        Wrong(
            "beta from alpha_bar",
            _beta_of_all,
            "You took 1 − ᾱ_n for β_n. That is the fog of all n steps; the fog of one is "
            "β_n = 1 − ᾱ_n/ᾱ_{n−1}.",
        ),
        Wrong(
            "divides by the root of alpha_bar",
            _ROOT_ALPHA_BAR,
            "You divided by √ᾱ_n, which undoes all n steps at once. One step dims by √(1 − β_n).",
        ),
        Wrong(
            "root of beta in the mean",
            _stepped(
                mean=lambda x, eps, beta, a, before: (
                    (x - beta.sqrt() / (1 - a).sqrt() * eps) / (1 - beta).sqrt()
                )
            ),
            "In the mean you used √β_n. The factor of ε̂ is β_n over √(1 − ᾱ_n): a root below, "
            "none above.",
        ),
        Wrong(
            "all the noise at once",
            _stepped(
                mean=lambda x, eps, beta, a, before: (x - (1 - a).sqrt() * eps) / (1 - beta).sqrt()
            ),
            "You took away √(1 − ᾱ_n)·ε̂, the noise of all n steps, but undid the dimming of one.",
        ),
        Wrong(
            "not brightened",
            _NOT_GROWN,
            "You took noise away but did not undo the dimming of this step: divide by √(1 − β_n).",
        ),
        Wrong(
            "no fresh noise",
            _NO_NOISE,
            "You never add noise. Then every walk sinks towards the mean of what is possible, and "
            "the samples are too alike.",
        ),
        Wrong(
            "noise of the level",
            _stepped(std=_unless_last(lambda beta, a, before: (1 - a).sqrt())),
            "You added √(1 − ᾱ_n)·z, all the noise of level n. Most of it is still in x: add only "
            "what a step back needs, √β̃_n.",
        ),
        Wrong(
            "small variance upside down",
            _UPSIDE_DOWN,
            "Your β̃ is upside down: 1 − ᾱ_{n−1}, the smaller one, goes on top.",
        ),
        Wrong(
            "predicted noise as fresh noise",
            _stepped(fresh=lambda z, eps: eps),
            "You put the predicted ε̂ back instead of fresh z. Then nothing is random any more. "
            "(DDIM puts ε̂ back, but with another factor.)",
        ),
        Wrong(
            "posterior swapped",
            _stepped(
                mean=lambda x, eps, beta, a, before: _bayes_mean(
                    _guess(x, eps, a), x, beta, a, before
                )
            ),
            "In Bayes' posterior the factors of x_n and of x̂0 have changed places. Close to the "
            "data x̂0 should count for most.",
        ),
        Wrong(
            "sign",
            _stepped(
                mean=lambda x, eps, beta, a, before: (
                    (x + beta / (1 - a).sqrt() * eps) / (1 - beta).sqrt()
                )
            ),
            "You added the predicted noise; a step back takes it away.",
        ),
        Wrong(
            "clamped guess",
            _stepped(
                mean=lambda x, eps, beta, a, before: _bayes_mean(
                    x, _guess(x, eps, a).clamp(-1, 1), beta, a, before
                )
            ),
            "You clamped the guess x̂0 to [−1, 1], which was not asked. Many samplers do; it can "
            "hide a wrong variance.",
            source="a published sampler, where a clamp hid a wrong variance",
        ),
    ),
    variants=(ancestral_by_library, ancestral_by_bayes),
    identities=(
        Identity(
            "at n = 1 the result does not depend on z: it is the guess of x0",
            lambda out, x, eps, n, alpha_bar, z: (
                (out[0], _guess(x, eps, alpha_bar[1])) if n == 1 else None
            ),
        ),
        Identity(
            "without its fresh noise the result is the posterior's mean",
            lambda out, x, eps, n, alpha_bar, z: (
                out[0],
                ancestral_step(x, eps, n, alpha_bar, 0 * z)
                + z * _small_std(1 - alpha_bar[n] / alpha_bar[n - 1], *alpha_bar[[n, n - 1]], n),
            ),
        ),
    ),
)


# --- one step by hand -----------------------------------------------------------------------------

_TOY = levels.alpha_bar(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
_SEEN = [torch.tensor(number, dtype=torch.float64) for number in (1.5, 0.8)]


def _by_hand(step):
    """x_2 of the toy chain, by any right or wrong step, to three decimals."""
    return round(float(step(*_SEEN, 3, _TOY, torch.tensor(0.5, dtype=torch.float64))), 3)


HAND_STEP = Value(
    id="train.hand_step",
    question=(
        "A chain of three steps, β = .1, .2, .3. You stand at x_3 = 1.5, the network says "
        "ε̂ = 0.8, the fresh noise is z = 0.5. Where is x_2, with the small variance? Three "
        "decimals; carry four on the way."
    ),
    section=BACK,
    answer=_by_hand(ancestral_step),
    tested=("x_2 to three decimals",),
    hints=(
        "You need ᾱ_3 and ᾱ_2 first: .504 and .72.",
        "mean = (1.5 − .3/√.496 · .8)/√.7, and the spread is √(.3 · .28/.496).",
        "The mean is 1.3855, the spread .4115: add half of the spread.",
    ),
    wrong=(
        Wrong(
            "mean only",
            _by_hand(_NO_NOISE),
            "That is the mean: the fresh noise, spread times z, is still to be added.",
        ),
        Wrong(
            "variance as std",
            _by_hand(_VARIANCE_AS_STD),
            "You multiplied z by the variance, .1694. Take its root first.",
        ),
        Wrong(
            "large variance",
            _by_hand(_LARGE),
            "You used the large variance, β_3 = .3; asked is the small one.",
            VARIANCE,
        ),
        Wrong(
            "z unscaled",
            _by_hand(_stepped(std=lambda *level: torch.tensor(1.0))),
            "You added z as it is; it is multiplied by the spread √β̃_3.",
        ),
        Wrong(
            "no root in the mean",
            _by_hand(_NO_ROOT_IN_MEAN),
            "In the mean you divided by 1 − ᾱ_3 = .496; its root, .704, belongs there.",
        ),
        Wrong(
            "eps unscaled",
            _by_hand(_EPS_UNSCALED),
            "You took away all of ε̂; one step takes .3/.704 of it.",
        ),
        Wrong(
            "divides by the root of alpha_bar",
            _by_hand(_ROOT_ALPHA_BAR),
            "You divided by √ᾱ_3 = .710, which undoes three steps; one step is √.7.",
        ),
        Wrong(
            "not brightened",
            _by_hand(_NOT_GROWN),
            "You did not divide by √.7: the dimming of this step is still there.",
        ),
        Wrong(
            "guess of x0",
            round(float(_guess(*_SEEN, _TOY[3])), 3),
            "That is x̂0, the guess of the data: three steps in one. Asked is x_2.",
        ),
        Wrong(
            "steps counted from the data",
            _by_hand(lambda x, eps, n, table, z: ancestral_step(x, eps, 1, table, z)),
            "You used β_1. The step from x_3 to x_2 undoes the *third* step of the fog.",
        ),
        Wrong(
            "the step before",
            _by_hand(lambda x, eps, n, table, z: ancestral_step(x, eps, 2, table, z)),
            "You used β_2, ᾱ_2 and ᾱ_1, as in the example. You stand at x_3: the step back undoes "
            "the *third* step of the fog, with β_3, ᾱ_3 and ᾱ_2.",
        ),
        Wrong(
            "small variance upside down",
            _by_hand(_UPSIDE_DOWN),
            "Your β̃_3 is upside down: 1 − ᾱ_2, the smaller one, goes on top.",
        ),
    ),
    tolerance=0.0005,
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


TIMESTEPS = Function(
    id="train.timesteps",
    question=(
        "Write `timesteps(T, steps)`: the table entries that a walk of `steps` steps visits, "
        "steps + 1 integers from T (noise) down to 0 (data), evenly spaced and rounded to the "
        "nearest integer."
    ),
    section=VARIANCE,
    answer=timesteps,
    probes=timestep_probes,
    tested=("from T down to 0", "steps + 1 entries", "strides that are no integers"),
    hints=(
        "How many entries has a walk of one step?",
        "Entry i is T·(steps − i)/steps, rounded.",
        "`[round(T * (steps - i) / steps) for i in range(...)]`.",
    ),
    wrong=(
        Wrong(
            "never visits T",
            lambda T, steps: [round(T * (steps - i) / steps) - 1 for i in range(steps)] + [0],
            "Your walk starts below T. It begins with pure noise, which is level T; a network told "
            "a lower one takes away too little.",
        ),
        Wrong(
            "from T - 1",
            lambda T, steps: [round((T - 1) * (steps - i) / steps) for i in range(steps + 1)],
            "Your walk begins at T − 1, as in tables that count from 0. Ours has T + 1 entries: 0 "
            "is the data, T the noise.",
        ),
        Wrong(
            "leading",
            lambda T, steps: [T // steps * (steps - 1 - i) + 1 for i in range(steps)] + [0],
            "You spaced from the data's end, so the walk starts a whole stride below T. Published "
            "configurations do this; brightness suffers.",
            source="diffusers, timestep_spacing='leading'; Lin et al. 2024, section 3.3",
        ),
        Wrong(
            "ascending",
            lambda T, steps: timesteps(T, steps)[::-1],
            "Your list climbs. Sampling walks from noise, T, down to the data, 0.",
        ),
        Wrong(
            "integer stride",
            lambda T, steps: [T - i * (T // steps) for i in range(steps)] + [0],
            "You used the integer stride T // steps. When it does not divide T, the last step is "
            "much longer than the others: round each entry instead.",
        ),
        Wrong(
            "range",
            lambda T, steps: [*range(T, 0, -max(1, T // steps)), 0],
            "You used a range with stride T // steps. When that does not divide T, it has more "
            "steps than were asked for.",
        ),
        Wrong(
            "one too few",
            lambda T, steps: [round(T * (1 - i / max(1, steps - 1))) for i in range(steps)],
            "You cut the way at `steps` points. A walk of that many *steps* has one more point.",
        ),
        Wrong(
            "ends before the data",
            lambda T, steps: timesteps(T, steps)[:-1],
            "The last entry, 0, is missing: the walk never reaches the data.",
        ),
        Wrong(
            "ends at one",
            lambda T, steps: [*timesteps(T, steps)[:-1], 1],
            "Your walk ends at 1, where a little noise is left. The data is entry 0.",
        ),
        Wrong(
            "cut off",
            lambda T, steps: [int(T * (1 - i / steps)) for i in range(steps + 1)],
            "You cut off with `int`. A float may lie a hair below its integer, so that 100 · .29 "
            "becomes 28: use `round`.",
        ),
        Wrong(
            "rounded down",
            lambda T, steps: [T * (steps - i) // steps for i in range(steps + 1)],
            "You rounded down (`//` or `int`). Asked is the *nearest* integer: 86.7 becomes 87.",
        ),
        Wrong(
            "not rounded",
            lambda T, steps: [T * (1 - i / steps) for i in range(steps + 1)],
            "Your entries are not integers, and a table has no entry 66.7: round them.",
        ),
    ),
    variants=(timesteps_by_library, timesteps_by_torch),
)


# --- which grid -----------------------------------------------------------------------------------

_GRIDS = ("undertrained", "broken", "fine")
_MIXED_UP = {
    ("undertrained", "fine", "broken"): (
        "A is right. In C strokes are whole and the ground is even; B has good shapes under an "
        "even grain, which is fresh noise that nothing took away."
    ),
    ("broken", "undertrained", "fine"): (
        "C is right. A has blobs and smudges instead of strokes, but no even grain: its sampler "
        "works, its network knows too little. B has clear shapes under grain: there the sampler is "
        "wrong."
    ),
    ("broken", "fine", "undertrained"): (
        "All three have moved by one. Ask of each: are the *shapes* wrong (network), or is there "
        "*grain* on good shapes (sampler)?"
    ),
    ("fine", "undertrained", "broken"): (
        "All three have moved by one. Look at the strokes first: in A they do not close to digits."
    ),
    ("fine", "broken", "undertrained"): (
        "B is right. A is smooth, but smooth is not fine: few of its blobs can be read. C can."
    ),
}

WHICH_GRID = Value(
    id="train.which_grid",
    question=(
        "Three grids of samples, A, B and C. One comes from a network that was trained too "
        "briefly, one from a broken sampler, one is fine. Give `which_grid` as a tuple for A, B, "
        'C of the words "undertrained", "broken" and "fine".'
    ),
    section=JUDGE,
    answer=_GRIDS,
    tested=("bad shapes point at the network, grain on good shapes at the sampler",),
    hints=(
        "Look at shapes and at grain apart.",
        "Too little training spoils the shapes; a wrong last step leaves noise on good shapes.",
        "Grain on good shapes: that one is broken. No digits at all, but no grain: undertrained.",
    ),
    wrong=tuple(
        Wrong(" ".join(order), order, _MIXED_UP[order])
        for order in permutations(_GRIDS)
        if order != _GRIDS
    ),
)

EXERCISES = [
    TIME_EMBEDDING,
    TRAINING_STEP,
    EMA_UPDATE,
    ANCESTRAL_STEP,
    HAND_STEP,
    TIMESTEPS,
    WHICH_GRID,
]
