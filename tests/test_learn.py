"""From network to denoiser: predictions, loss, training, interrupts, checkpoints."""

import copy
import json
import os
import signal
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from family import seeded
from torch import nn

from lessons_lib import diffuse, files, learn, levels
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level, grid
from lessons_lib.nets import Attributes, DigitNet, UNet
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import given


class Oracle(nn.Module):
    """A network that answers exactly, in the words it is asked for: of N(0, c²) data."""

    def __init__(self, predicts, c=0.5):
        super().__init__()
        self.predicts, self.truth = predicts, MixtureDenoiser([[0.0, 0.0]], [c])

    def forward(self, x, t, c=None):
        x0 = self.truth(x, t)
        eps = diffuse.eps_from_x0(x, x0, t)
        return learn.TARGET[self.predicts](x0, eps, t)


class Line(nn.Module):
    """The smallest network: a straight line, heedless of level and label."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 2)

    def forward(self, x, t, c=None):
        return self.line(x)


def line(seed=0):
    torch.manual_seed(seed)
    return learn.NetDenoiser(Line(), "x0")


def toy_batches(size=16):
    return learn.batches(torch.randn(100, 2, generator=seeded(3)), size=size)


@pytest.mark.parametrize("predicts", learn.TARGET)
@pytest.mark.parametrize("schedule", [levels.cosine, levels.rectified, levels.edm])
def test_whatever_it_predicts_it_denoises(predicts, schedule):
    denoise = learn.NetDenoiser(Oracle(predicts), predicts)
    x = torch.randn(4, 2, dtype=torch.float64, generator=seeded())
    for t in (schedule(0.3), schedule(torch.tensor([0.1, 0.4, 0.6, 0.9]))):
        expected = denoise.net.truth(x, t)
        torch.testing.assert_close(denoise(x, t), expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("predicts", ["eps", "x0"])
def test_the_loss_of_the_exact_denoiser_is_the_floor(predicts):  # A5
    c, t = 0.5, Level.from_alpha_bar(0.6)
    a2, s2 = float(t.alpha**2), float(t.sigma**2)
    floor = {"eps": a2 * c**2, "x0": c**2 * s2}[predicts] / (a2 * c**2 + s2)
    x0 = c * torch.randn(50_000, 2, dtype=torch.float64, generator=seeded())
    denoise = learn.NetDenoiser(Oracle(predicts, c), predicts)
    loss = float(denoise.loss(x0, t, generator=seeded(1)))
    error = (
        floor * (2 / 100_000) ** 0.5
    )  # the squared error of a Gaussian has spread √2 times itself
    assert abs(loss - floor) < 4.5 * error


def test_an_eps_network_is_never_asked_where_eps_says_nothing():
    denoise = learn.NetDenoiser(Oracle("eps"), "eps")
    with pytest.raises(ValueError, match="t: alpha is 0 there"):
        sample(ddim, denoise, torch.zeros(1, 2), grid(levels.cosine, 3))


def test_bad_words_and_data_are_named():
    with pytest.raises(ValueError, match="predicts: 'noise' given; allowed are x0, eps, v, flow"):
        learn.NetDenoiser(Line(), "noise")
    with pytest.raises(ValueError, match="x0: dtype torch.uint8 given"):
        line().loss(torch.zeros(2, 2, dtype=torch.uint8), levels.cosine(0.4))
    with pytest.raises(ValueError, match=r"net: returned \(2, 2\) for x \(2, 1, 2\)"):
        shape = lambda x, t, c: x[:, 0]
        denoise = line()
        denoise.net.forward = shape
        denoise.loss(torch.zeros(2, 1, 2), levels.cosine(0.4))


@pytest.mark.parametrize(
    "option", [{"steps": 0}, {"steps": 2.5}, {"lr": 0.0}, {"ema": 1.0}, {"drop": -0.1}, {"drop": 1}]
)
def test_training_refuses_bad_settings_at_once(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name}: "):
        learn.train(
            line(), toy_batches(), levels.cosine, **{"steps": 3, "generator": seeded()} | option
        )


def test_training_finds_the_straight_line():
    """With x0 = a x the best a is E[x0 x_t] / E[x_t²]."""
    t = levels.cosine(0.5)
    data = torch.randn(20_000, 2, generator=seeded()) / 2
    denoise = line()
    at_t = lambda time: Level(*(torch.full((len(time),), float(field)) for field in t))
    losses = learn.fit(
        denoise, learn.batches(data, size=512), at_t, 600, seeded(1), progress=False, lr=0.02
    )
    var = float(t.alpha**2 / 4 + t.sigma**2)  # of x_t, for data of variance 1/4
    best = float(t.alpha) / 4 / var
    torch.testing.assert_close(denoise.net.line.weight, best * torch.eye(2), atol=0.02, rtol=0)
    assert losses.shape == (600,) and losses[-50:].mean() < losses[:50].mean()
    floor = float(t.sigma**2) / 4 / var
    assert float(losses[-50:].mean()) == pytest.approx(floor, abs=0.02)


def test_the_average_is_valid_at_every_yield_and_apart_from_the_live_weights():
    denoise = line()
    expected = copy.deepcopy(denoise)
    for step, _, average, _ in learn.train(
        denoise, toy_batches(), levels.cosine, 5, seeded(), lr=0.1, ema=0.9
    ):
        learn.ema_update(expected, denoise, min(0.9, step / (step + 10)))
        torch.testing.assert_close(average.net.line.weight, expected.net.line.weight)
        assert not torch.equal(average.net.line.weight, denoise.net.line.weight)


def test_the_same_seed_trains_the_same_network():
    ends = []
    for _ in range(2):
        denoise = line()
        learn.fit(denoise, toy_batches(), levels.cosine, 20, seeded(), progress=False)
        ends.append(denoise.net.line.weight)
    assert torch.equal(*ends)


def test_training_touches_no_global_generator():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    denoise = learn.NetDenoiser(Line(), "v")
    torch.set_rng_state(before)
    learn.fit(denoise, toy_batches(), levels.cosine, 3, seeded(), progress=False)
    assert torch.equal(before, torch.get_rng_state())


class Normed(Line):
    """A network with statistics that no gradient moves, and with luck of its own."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(2), nn.Dropout(0.5)

    def forward(self, x, t, c=None):
        return self.line(self.drop(self.norm(x)))


def test_the_average_carries_the_statistics_of_the_live_network():
    denoise = learn.NetDenoiser(Normed(), "x0")
    for step, _, average, _ in learn.train(denoise, toy_batches(), levels.cosine, 5, seeded()):
        assert int(average.net.norm.num_batches_tracked) == step
        for slow, fast in zip(average.buffers(), denoise.buffers(), strict=True):
            assert torch.equal(slow, fast) and slow.data_ptr() != fast.data_ptr()
    assert average.net.norm.running_var.sub(1).abs().min() > 0.01  # it has seen something
    learn.fit(denoise, toy_batches(), levels.cosine, 5, seeded(), progress=False)
    assert int(denoise.net.norm.num_batches_tracked) == 10


def test_dropout_follows_the_generator_of_the_training_and_no_other():
    ends = []
    for world in (1, 2):
        torch.manual_seed(0)
        denoise = learn.NetDenoiser(Normed(), "x0")
        torch.manual_seed(world)
        before = torch.get_rng_state()
        learn.fit(denoise, toy_batches(), levels.cosine, 20, seeded(), progress=False, lr=0.1)
        assert torch.equal(before, torch.get_rng_state())
        ends.append(denoise.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(*map(dict.values, ends), strict=True))


def test_ctrl_c_ends_after_the_step_in_hand_and_keeps_its_average(capsys):
    denoise, draw = line(), toy_batches()

    def interrupted(step, generator):
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(step, generator)

    before = signal.getsignal(signal.SIGINT)
    losses = learn.fit(denoise, interrupted, levels.cosine, 50, seeded(), progress=False)
    assert len(losses) == 7 and "stopped after step 7 of 50" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    other = line()
    for step, _, average, _ in learn.train(other, draw, levels.cosine, 50, seeded()):
        if step == 7:
            break
    assert torch.equal(denoise.net.line.weight, average.net.line.weight)


def test_a_loss_that_is_not_a_number_stops_training():
    draw = lambda step, g: (torch.full((4, 2), float("nan")), None)
    with pytest.raises(ValueError, match="loss: nan at step 1"):
        learn.fit(line(), draw, levels.cosine, 5, seeded(), progress=False)


def test_labels_are_dropped_one_by_one():
    c = torch.arange(10).repeat(1000)
    dropped = learn.drop_labels(c, 0.12, seeded()) == -1
    assert abs(float(dropped.float().mean()) - 0.12) < 4.5 * (0.12 * 0.88 / 10_000) ** 0.5
    assert 0 < dropped[:100].sum() < 100  # not one draw for the batch
    assert torch.equal(learn.drop_labels(c, 0.0, seeded()), c)
    assert learn.drop_labels(None, 0.5, seeded()) is None


def test_data_that_does_not_look_like_minus_one_to_one_is_warned_of():
    for data in (torch.rand(50, 2), 255 * torch.rand(50, 2)):
        with pytest.warns(UserWarning, match="diffusion expects about -1 to 1"):
            learn.batches(data)


# --- weights of the loss --------------------------------------------------------------------------


class Wrong(Oracle):
    """An oracle that guesses a tenth beside the truth, whatever the words."""

    def forward(self, x, t, c=None):
        x0 = self.truth(x, t) + 0.1
        return learn.TARGET[self.predicts](x0, diffuse.eps_from_x0(x, x0, t), t)


@pytest.mark.parametrize("gamma", [0.5, 5.0])
def test_min_snr_asks_the_same_of_x0_v_and_eps(gamma):
    x0 = torch.randn(64, 2, dtype=torch.float64, generator=seeded()) / 2
    t = levels.cosine(torch.linspace(0.01, 0.99, 64))
    losses = [
        learn.NetDenoiser(Wrong(p), p).loss(x0, t, None, seeded(1), learn.min_snr(gamma, p))
        for p in ("x0", "v", "eps")
    ]
    torch.testing.assert_close(losses[1:], [losses[0]] * 2)


def test_clipped_v_is_the_loss_of_v_until_it_is_clipped():
    x0 = torch.randn(64, 2, dtype=torch.float64, generator=seeded()) / 2
    t = levels.cosine(torch.linspace(0.01, 0.99, 64))
    of_v = learn.NetDenoiser(Wrong("v"), "v").loss(x0, t, None, seeded(1))
    denoise = learn.NetDenoiser(Wrong("x0"), "x0")
    of_x0 = lambda gamma: denoise.loss(x0, t, None, seeded(1), learn.clipped_v(gamma))
    torch.testing.assert_close(of_x0(1e12), of_v)
    assert of_x0(5.0) < of_v
    torch.testing.assert_close(of_x0(0.5), denoise.loss(x0, t, None, seeded(1)) / 2)
    with pytest.raises(ValueError, match="gamma: -1 given"):
        learn.clipped_v(-1)


def test_min_snr_is_the_snr_up_to_gamma_and_finite_at_both_ends():
    t = levels.cosine(torch.linspace(0.01, 0.99, 50))
    snr = (t.alpha / t.sigma) ** 2
    assert torch.equal(learn.min_snr(1e12)(t), snr)
    assert learn.min_snr(2.0)(t).max() == 2 and (learn.min_snr(2.0)(t) <= snr).all()
    ends = levels.rectified(torch.tensor([0.0, 1.0]))
    assert learn.min_snr(5.0)(ends).tolist() == [5, 0]
    assert learn.min_snr(5.0, "eps")(ends).tolist() == [0, 1]
    with pytest.raises(ValueError, match="gamma: 0 given"):
        learn.min_snr(0)
    with pytest.raises(ValueError, match="predicts: 'flow' given; allowed are x0, v, eps"):
        learn.min_snr(5.0, "flow")


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_weight_of_one_is_no_weight_and_of_two_is_two(factor):
    x0, t = torch.randn(8, 2), levels.cosine(torch.rand(8))
    weighted = line().loss(x0, t, None, seeded(), lambda t: torch.full_like(t.alpha, factor))
    torch.testing.assert_close(weighted, factor * line().loss(x0, t, None, seeded()))


# --- kept and resumed -----------------------------------------------------------------------------

OPTIONS = {"steps": 23, "lr": 0.05, "ema": 0.9, "progress": False}


def fitted(keep=None, draw=None, **options):
    denoise = line()
    losses = learn.fit(
        denoise,
        draw or toy_batches(),
        levels.cosine,
        generator=seeded(),
        keep=keep,
        every=5,
        **OPTIONS | options,
    )
    return denoise.net.line, losses


def failing(at, how):
    draw = toy_batches()

    def drawn(step, generator):
        if step == at:
            how()
        return draw(step, generator)

    return drawn


def test_a_training_that_was_killed_goes_on_bit_for_bit(tmp_path):
    def kill():
        raise SystemExit("killed")

    keep = tmp_path / "line.pt"
    for at in (8, 14, 22):  # three times, each time some steps after the last that was kept
        with pytest.raises(SystemExit):
            fitted(keep, failing(at, kill))
    resumed, losses = fitted(keep)
    whole, expected = fitted()
    assert torch.equal(resumed.weight, whole.weight) and torch.equal(resumed.bias, whole.bias)
    assert torch.equal(losses, expected) and len(losses) == OPTIONS["steps"]
    again, _ = fitted(keep, failing(1, kill))  # it is done: no step is taken
    assert torch.equal(again.weight, whole.weight)


def test_a_network_with_luck_of_its_own_goes_on_bit_for_bit(tmp_path):
    def run():
        torch.manual_seed(0)
        denoise = learn.NetDenoiser(Normed(), "x0")
        return learn.Training(denoise, toy_batches(), levels.cosine, 9, seeded(), lr=0.1)

    whole, part, rest = run(), run(), run()
    for now in part:
        if now.step == 4:
            break
    part.save(tmp_path / "kept.pt")
    rest.resume(tmp_path / "kept.pt")
    assert [now.step for now in whole][-1] == [now.step for now in rest][-1] == 9
    for name in ("denoiser", "average"):
        ends = (getattr(each, name).state_dict().values() for each in (whole, rest))
        assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))


def test_after_ctrl_c_it_goes_on_from_that_step(tmp_path, capsys):
    keep = tmp_path / "line.pt"
    _, losses = fitted(keep, failing(7, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert len(losses) == 7 and "stopped after step 7" in capsys.readouterr().out
    assert torch.equal(fitted(keep)[0].weight, fitted()[0].weight)


def test_it_does_not_go_on_from_another_training(tmp_path):
    keep = tmp_path / "line.pt"
    fitted(keep)
    with pytest.raises(ValueError, match=r"line.pt: kept from .*'lr': 0.05.* has .*'lr': 0.1"):
        fitted(keep, lr=0.1)
    wide = learn.NetDenoiser(Line(), "x0")
    wide.net.line = nn.Linear(2, 3)
    run = learn.Training(wide, toy_batches(), levels.cosine, 23, seeded(), lr=0.05, ema=0.9)
    with pytest.raises(
        ValueError, match=r"another network: net.line.weight is \(2, 2\) .*\(3, 2\)"
    ):
        run.resume(keep)


class Scaled(Line):
    """A network whose factor is in no state dict."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def forward(self, x, t, c=None):
        return self.factor * self.line(x)


def other_loss(denoiser, x0, t, c, generator, weight):
    return denoiser.loss(x0, t, c, generator, weight)


def training(net=None, predicts="x0", data=3, size=16, **options):
    torch.manual_seed(0)
    denoise = learn.NetDenoiser(Scaled() if net is None else net, predicts)
    x0 = torch.randn(100, 2, generator=seeded(data))
    drawn = learn.batches(x0.to(denoise.net.line.weight.dtype), size=size)
    settings = {"schedule": levels.cosine, "steps": 9, "generator": seeded(), "lr": 0.05}
    return learn.Training(denoise, drawn, **settings | options)


ANOTHER = {  # what another training differs in -> (what it is made of, what it must be told)
    "steps": ({"steps": 10}, "'steps': 9}; this one has {'steps': 10}"),
    "lr": ({"lr": 0.1}, "'lr': 0.05}; this one has {'lr': 0.1}"),
    "ema": ({"ema": 0.9}, "'ema': 0.999}; this one has {'ema': 0.9}"),
    "drop": ({"drop": 0.2}, "'drop': 0.12}; this one has {'drop': 0.2}"),
    "part": ({"part": 0.1}, "'part': 0.0}; this one has {'part': 0.1}"),
    "bf16": ({"bf16": True}, "'bf16': False}; this one has {'bf16': True}"),
    "target": ({"predicts": "v"}, "'predicts': 'x0'}; this one has {'predicts': 'v'}"),
    "schedule": ({"schedule": levels.rectified}, "'schedule': 'alpha 0.9"),
    "weight": ({"weight": learn.min_snr(5.0)}, "'weight': None}; this one has {'weight': '5 "),
    "loss": ({"loss": other_loss}, "'loss': 'NetDenoiser.loss'}; this one has {'loss': 'other_lo"),
    "seed": ({"generator": seeded(7)}, "'seed': 0}; this one has {'seed': 7}"),
    "net": ({"net": Line()}, "'net': 'Scaled'}; this one has {'net': 'Line'}"),
    "precision": ({"net": Scaled().double()}, "'dtype': 'torch.float32'}; .*float64"),
    "what the network computes": ({"net": Scaled(2.0)}, "at step 3 its average cost .* network"),
    "data": ({"data": 4}, "at step 3 its average cost .* and here it costs .*; the data"),
    "size of a batch": ({"size": 8}, "at step 3 its average cost .*; the data"),
}


@pytest.mark.parametrize("what", ANOTHER)
def test_a_training_never_goes_on_as_another_without_a_word(what, tmp_path):
    kept = training()
    for now in kept:
        if now.step == 3:
            break
    kept.save(tmp_path / "kept.pt")
    training().resume(tmp_path / "kept.pt")
    options, told = ANOTHER[what]
    other = training(**options)
    before = copy.deepcopy(other.denoiser.state_dict())
    with pytest.raises(ValueError, match=f"kept.pt: kept from .*{told}") as caught:
        other.resume(tmp_path / "kept.pt")
    assert not isinstance(caught.value, files.FileProblem)
    after = other.denoiser.state_dict()  # untouched, so that it may begin from nothing
    assert other.step == 0 and all(torch.equal(before[name], after[name]) for name in before)


def test_another_teacher_is_another_training(tmp_path):
    def run(mu):
        teacher = learn.NetDenoiser(Oracle("x0"), "x0")
        teacher.net.truth = MixtureDenoiser([[mu, 0.0]], [0.5])
        return training(loss=learn.two_steps_in_one(teacher, levels.cosine, 4))

    kept = run(0.0)
    next(iter(kept))
    kept.save(tmp_path / "kept.pt")
    run(0.0).resume(tmp_path / "kept.pt")
    with pytest.raises(ValueError, match="at step 1 its average cost .* or the loss differ"):
        run(0.5).resume(tmp_path / "kept.pt")


def test_what_cannot_be_kept_is_not_said_to_wait(tmp_path, capsys, monkeypatch):
    stop = lambda: os.kill(os.getpid(), signal.SIGINT)
    fitted(tmp_path / "line.pt", failing(7, stop))
    assert f"the training waits in {tmp_path / 'line.pt'}" in capsys.readouterr().out
    fitted(None, failing(7, stop))
    (tmp_path / "folder").write_text("a file where a folder should be")
    fitted(tmp_path / "folder" / "line.pt", failing(7, stop))
    said = capsys.readouterr().out
    assert said.count("stopped after step 7 of 23") == 2 and "waits" not in said


def test_a_full_disk_does_not_end_training_and_is_told_once(tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise OSError("no space left")

    with monkeypatch.context() as full:
        full.setattr(files, "write", refuse)
        weight = fitted(tmp_path / "line.pt")[0].weight
    said = capsys.readouterr().out
    assert said.count("no space left") == 1 and "stay in memory" in said
    assert torch.equal(weight, fitted()[0].weight) and not list(tmp_path.iterdir())


def test_the_preview_sees_the_average_now_and_then():
    seen = []
    fitted(preview=lambda now: seen.append((now.step, copy.deepcopy(now.denoiser))))
    assert [step for step, _ in seen] == [5, 10, 15, 20, 23]
    for step, _, average, _ in learn.train(
        line(), toy_batches(), levels.cosine, 23, seeded(), lr=0.05, ema=0.9
    ):
        if step == 10:
            assert torch.equal(average.net.line.weight, seen[1][1].net.line.weight)


def test_the_loss_by_level_is_the_exact_one_of_an_exact_denoiser():
    c, size = 0.5, 5000
    draw = lambda step, g: (c * torch.randn(size, 2, dtype=torch.float64, generator=g), None)
    denoise = learn.NetDenoiser(Oracle("x0", c), "x0")
    lam, loss = learn.loss_by_level(denoise, draw, levels.cosine, seeded(), levels=8, repeats=2)
    t = levels.cosine((torch.arange(8, dtype=torch.float64) + 0.5) / 8)
    torch.testing.assert_close(lam, torch.log(t.alpha / t.sigma))
    floor = c**2 * t.sigma**2 / (t.alpha**2 * c**2 + t.sigma**2)
    assert ((loss - floor).abs() < 4.5 * floor * (2 / (2 * 2 * size)) ** 0.5).all()


def test_a_sample_loses_all_its_attributes_at_once():
    c = torch.arange(1, 4).expand(1000, 3)
    dropped = learn.drop_labels(c, 0.3, seeded())
    gone = (dropped == -1).all(1)
    assert torch.equal(dropped[~gone], c[~gone]) and 200 < gone.sum() < 400


def test_some_samples_lose_each_attribute_at_even_odds():
    c = torch.arange(1, 4).expand(8000, 3)
    dropped = learn.drop_parts(c, 0.2, 0.4, seeded())
    gone = dropped == -1
    assert torch.equal(dropped[~gone], c[~gone])
    # A sample shows each pattern of k of 3 attributes with chance part / 8, and all of them gone,
    # and all of them there, with what is left besides.
    for pattern, count in zip(*gone.unique(dim=0, return_counts=True), strict=True):
        share = 0.05 + {0: 0.4, 3: 0.2}.get(int(pattern.sum()), 0)
        assert abs(int(count) / 8000 - share) < 4.5 * (share * (1 - share) / 8000) ** 0.5, pattern
    with pytest.raises(ValueError, match="part: 0.4 given; only attributes"):
        learn.drop_parts(c[:, 0], 0.2, 0.4, seeded())
    with pytest.raises(ValueError, match="part: 0.9 given; allowed is 0 to below 0.88"):
        fitted(part=0.9)


def test_seconds_add_up_over_interruptions(tmp_path):
    keep, seen = tmp_path / "line.pt", []
    stop = failing(7, lambda: os.kill(os.getpid(), signal.SIGINT))
    for draw in (stop, None, None):  # the third finds the training done, and is told so
        fitted(keep, draw, preview=lambda now: seen.append((now.step, now.seconds)))
    assert [step for step, _ in seen] == [5, 7, 10, 15, 20, 23, 23]
    seconds = [each for _, each in seen]
    assert 0 < seconds[0] and seconds == sorted(seconds) and seconds[-1] == seconds[-2]


def test_in_bfloat16_the_weights_stay_float32_and_near():
    denoise, rough = line(), line()
    for each, bf16 in ((denoise, False), (rough, True)):
        learn.fit(
            each, toy_batches(), levels.cosine, 30, seeded(), progress=False, lr=0.02, bf16=bf16
        )
    assert rough.net.line.weight.dtype == torch.float32
    assert not torch.equal(rough.net.line.weight, denoise.net.line.weight)
    torch.testing.assert_close(rough.net.line.weight, denoise.net.line.weight, atol=0.02, rtol=0)


# --- distilled ------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [levels.cosine, levels.rectified])
def test_one_step_with_the_students_guess_lands_where_two_steps_of_the_teacher_do(schedule):
    teacher = MixtureDenoiser([[1.0, 0.0], [-1.0, 0.5]], [0.2, 0.4])
    t, m, s = (schedule(time) for time in (0.75, 0.625, 0.5))
    x = torch.randn(6, 2, dtype=torch.float64, generator=seeded())
    x_s = ddim(teacher, ddim(teacher, x, t, m).x, m, s).x
    guess = learn.one_step_guess(x, x_s, t, s)
    torch.testing.assert_close(ddim(lambda x, t: guess, x, t, s).x, x_s)
    assert not torch.allclose(guess, teacher(x, t), atol=1e-3)  # it knows more than one look shows


class Table(nn.Module):
    """The perfect student: it looks up what the teacher's two steps come to."""

    def __init__(self, teacher, schedule, steps):
        super().__init__()
        self.teacher, self.schedule, self.steps = teacher, schedule, steps

    def forward(self, x, t, c=None):
        m, s = (self.schedule(t.time - back / self.steps).to(x) for back in (0.5, 1))
        ask = self.teacher if c is None else lambda x, t: self.teacher(x, t, c)
        x_s = ddim(ask, ddim(ask, x, t, m).x, m, s).x
        return learn.one_step_guess(x, x_s, t, s)


@pytest.mark.parametrize("c", [None, torch.tensor([0, 1, -1, 0])])
def test_the_perfect_student_has_no_loss_and_walks_as_the_teacher_does(c):
    teacher = MixtureDenoiser([[1.0, 0.0], [-1.0, 0.5]], [0.2, 0.4], label=torch.tensor([0, 1]))
    student = learn.NetDenoiser(Table(teacher, levels.cosine, 4), "x0")
    loss = learn.two_steps_in_one(teacher, levels.cosine, 4)
    x0 = torch.randn(4, 2, dtype=torch.float64, generator=seeded())
    t = levels.cosine(torch.tensor([0.1, 0.3, 0.5, 0.99]))
    assert float(loss(student, x0, t, c, seeded())) < 1e-20
    assert float(loss(teacher, x0, t, c, seeded())) > 1e-4
    noise = torch.randn(4, 2, dtype=torch.float64, generator=seeded())
    asked = [d if c is None else given(d, c) for d in (student, teacher)]
    few = sample(ddim, asked[0], noise, grid(levels.cosine, 4))
    torch.testing.assert_close(few, sample(ddim, asked[1], noise, grid(levels.cosine, 8)))


def test_a_student_needs_a_whole_number_of_steps():
    for steps in (0, 2.5, True):
        with pytest.raises(ValueError, match="steps: .* given"):
            learn.two_steps_in_one(Line(), levels.cosine, steps)


# --- checkpoints ----------------------------------------------------------------------------------

ABOUT = {"net": "DigitNet", "arguments": {"width": 16, "blocks": 1}, "predicts": "v"}


@pytest.fixture
def shipped(tmp_path):
    def ship(about=ABOUT):
        denoise = learn.NetDenoiser(DigitNet(width=16, blocks=1), "v")
        learn.save(tmp_path / "checkpoints/small.safetensors", denoise, about)
        facts = {"made_by": "lessons train small"}
        files.record("checkpoints/small.safetensors", facts, tmp_path)
        return denoise, tmp_path

    return ship


def test_a_checkpoint_comes_back(shipped):
    denoise, folder = shipped()
    back = learn.load("small", folder)
    x, t = torch.randn(3, 1, 8, 8), levels.cosine(0.4)
    assert torch.equal(back(x, t), denoise(x, t)) and not back.training
    assert not any(weight.requires_grad for weight in back.parameters())


@pytest.mark.parametrize(
    "about, which",
    [
        (ABOUT | {"net": "NoSuchNet"}, "NoSuchNet"),
        (
            ABOUT | {"arguments": {"width": 24, "blocks": 1}},
            r"net.time.0.weight is \(16, 64\) in the file, \(24, 64\) here.*and \d+ more",
        ),
        (ABOUT | {"arguments": {"width": 16, "blocks": 2}}, "net.blocks.1.film.weight is missing"),
        (ABOUT | {"arguments": {"depth": 3}}, "depth"),
        ({"net": "DigitNet"}, "arguments"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused(shipped, about, which):
    _, folder = shipped(about)
    with pytest.raises(files.FileProblem, match=f"{which}.*lessons train small"):
        learn.load("small", folder)


@pytest.mark.parametrize("called", ["condition", "attribute"])
def test_a_unet_comes_back_from_files_old_and_new(tmp_path, called):
    """The files of Part I call a U-Net's condition "attribute"; those written now do not."""
    told = partial(Attributes, (3, 2))
    denoise = learn.NetDenoiser(UNet(told, widths=(16, 16, 32)).requires_grad_(False), "v")
    torch.nn.init.normal_(denoise.net.leave.weight)
    weights = {k.replace("condition", called): v for k, v in denoise.state_dict().items()}
    assert f"net.{called}.weight" in weights
    about = {"net": "UNet", "arguments": {"values": [3, 2], "widths": [16, 16, 32]}}
    held = SimpleNamespace(state_dict=lambda: weights)
    learn.save(tmp_path / "checkpoints/u.safetensors", held, about | {"predicts": "v"})
    files.record("checkpoints/u.safetensors", {"made_by": "lessons train u"}, tmp_path)
    x, t, c = torch.randn(2, 3, 16, 16), levels.cosine(0.4), torch.tensor([[2, 0], [-1, 1]])
    assert torch.equal(learn.load("u", tmp_path)(x, t, c), denoise(x, t, c))


def test_one_flipped_byte_is_noticed(shipped):
    _, folder = shipped()
    path = folder / "checkpoints/small.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1  # in the weights: safetensors itself would load this
    path.write_bytes(content)
    with pytest.raises(files.FileProblem, match="altered bytes"):
        learn.load("small", folder)


@pytest.mark.parametrize("name", ["digits", "judge", "shapes", "shapes_few", "shapes_judge"])
def test_the_shipped_checkpoints_load_and_say_how_they_were_made(name):
    module = learn.load(name)
    record = json.loads((files.DATA / f"checkpoints/{name}.json").read_text(encoding="utf-8"))
    assert record["weights"] == sum(weight.numel() for weight in module.parameters())
    assert record["made by"] == f"lessons train {name}" and record["seconds"] > 0


def test_the_shipped_digits_are_recognised():
    label = torch.arange(100) % 10
    noise = torch.randn(100, 1, 8, 8, generator=seeded())
    drawn = sample(ddim, given(learn.load("digits"), label), noise, grid(levels.cosine, 20))
    assert (learn.load("judge")(drawn).argmax(1) == label).float().mean() > 0.9
