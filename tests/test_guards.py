"""Odd arguments, for every public function: taken as meant, or refused by name before the deep."""

import ast
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from family import close, normal, seeded

from lessons_lib import data, guards, learn, metrics, nets
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.levels import (
    Level,
    along,
    at_ratio,
    cosine,
    edm,
    from_betas,
    grid,
    karras_grid,
    lam_grid,
    level_at,
    linear_betas,
    trailing_grid,
)
from lessons_lib.samplers import cfg_plus_plus, ddim, ddim_inversion, ddpm, noise_like, sample, walk
from lessons_lib.solvers import churned, dpmpp_multistep, heun, langevin
from lessons_lib.widgets import drawing, models
from lessons_lib.wrap import (
    autoguide,
    cfg,
    classifier_guidance,
    clip,
    dynamic_threshold,
    given,
    interval,
    negative,
    rescale,
)

ROOT = Path(__file__).resolve().parents[1]
D = MixtureDenoiser([[-1.0, 0.0], [1.0, 0.5]], [0.2, 0.3], label=[0, 1])
X, T, LADDER, DIGITS = normal(4, 2), cosine(0.5), grid(cosine, 3), normal(2, 1, 8, 8).float()
DIGIT_NET = learn.NetDenoiser(nets.DigitNet(width=8, blocks=1))
TOLD = partial(nets.Attributes, (2, 3))
SHAPE_NET, WORD_NET = (nets.UNet(c, (16, 16, 16)) for c in (TOLD, partial(nets.Words, 9)))
PICTURES = normal(6, 3, 8, 8).float()
INTEGERS = "allowed are the integers from 1 up"
NUMBER = "given; need a number, or a tensor of them"
MODEL = models.Model(DIGIT_NET, (1, 8, 8), models.digits_in, models.labels_of, "1")


def drawn(**changed):
    return list(drawing.draw(MODEL, **({"words": "1", "steps": 2, "n": 2} | changed)))


REFUSED = {  # a call, and what it says
    "c": (lambda: cfg(D, 3, 2.0)(X, T), r"c: \[3, 3, 3, 3\] given; allowed are \[0, 1\]"),
    "c list": (lambda: given(D, [1, 2, 3])(X, T), "c: 3 conditions for 4 samples"),
    "c none": (lambda: given(D, None)(X, T), f"c: None {NUMBER}"),
    "c word": (lambda: cfg(D, "star", 2.0)(X, T), f"c: 'star' {NUMBER}"),
    "w few": (lambda: cfg(D, 1, torch.ones(3))(X, T), "w: 3 given for 4 samples"),
    "w word": (lambda: cfg(D, 1, "3"), f"w: '3' {NUMBER}"),
    "w auto": (lambda: autoguide(D, D, "3"), f"w: '3' {NUMBER}"),
    "w none": (lambda: negative(D, 1, 0, None), f"w: None {NUMBER}"),
    "w table": (lambda: rescale(D, 1, torch.ones(2, 2)), "w: .* one per sample, \\(B,\\)"),
    "w nan": (lambda: cfg(D, 1, [1.0, math.nan]), "w: .* allowed is any finite number"),
    "phi": (lambda: rescale(D, 1, 2.0, phi=None), "phi: None given; allowed is 0"),
    "low": (lambda: interval(D, D, "a", 2), "low, high: 'a', 2 given"),
    "clip": (lambda: clip(D, None, 1), "low, high: None, 1 given"),
    "share": (lambda: dynamic_threshold(D, "a"), "share: 'a' given; allowed is above 0"),
    "scale": (lambda: classifier_guidance(D, None, "a"), f"scale: 'a' {NUMBER}"),
    "schedule": (lambda: grid("cosine", 5), "schedule: 'cosine' given; need a function"),
    "schedule 2": (lambda: lam_grid(None, 5), "schedule: None given; need a function"),
    "start": (lambda: grid(cosine, 5, None), "start, end: None, 0.0 given"),
    "high": (lambda: lam_grid(cosine, 4, "a"), "high, low: 'a', 0.002 given"),
    "rho": (lambda: karras_grid(cosine, 4, rho=None), "rho: None given"),
    "ratio 0": (lambda: at_ratio(cosine, 0), "ratio: 0 given; allowed is any number above 0"),
    "ratio nan": (lambda: at_ratio(cosine, math.nan), "ratio: nan given"),
    "along": (lambda: along(T, "a"), f"ratio: 'a' {NUMBER}"),
    "along many": (lambda: along(cosine([0.2, 0.3]), 1.0), "t: 2 levels given; along needs one"),
    "n bool": (lambda: level_at(linear_betas(), True), "n: True given; allowed are the integers"),
    "n none": (lambda: level_at(linear_betas(), None), f"n: None {NUMBER}"),
    "beta": (lambda: from_betas(None), f"beta: None {NUMBER}"),
    "beta 0-dim": (lambda: from_betas(0.1), r"beta: shape \(\) given; need a 1-D table"),
    "time": (lambda: cosine("a"), f"time: 'a' {NUMBER}"),
    "time complex": (lambda: cosine(1j), f"time: 1j {NUMBER}"),
    "alpha_bar": (lambda: Level.from_alpha_bar("a"), f"alpha_bar: 'a' {NUMBER}"),
    "edm": (lambda: edm(0.5, low=-1), "low, high, rho: -1, 80.0, 7.0 given"),
    "x array": (lambda: walk(ddim, D, np.zeros((2, 2)), LADDER), "x: dtype ndarray given"),
    "x list": (lambda: walk(ddim, D, [[0.0]], LADDER), "x: dtype list given"),
    "levels one": (lambda: walk(ddim, D, X, T), "levels: 3 given; need at least 2"),
    "levels none": (lambda: walk(ddim, D, X, None), "levels: 0 given; need at least 2"),
    "step": (lambda: walk(None, D, X, LADDER), "step: None given; need a function, such as ddim"),
    "denoise": (lambda: sample(ddim, None, X, LADDER), "denoise: None given; need a function"),
    "answer": (lambda: sample(ddim, lambda x, t: None, X, LADDER), "denoise: returned NoneType"),
    "generator": (lambda: walk(ddpm, D, X, LADDER, 0), "generator: 0 given; need a torch.Gen"),
    "generators": (lambda: walk(ddpm, D, X, LADDER, [seeded()]), "generator: 1 given for 4 sam"),
    "generator none": (lambda: noise_like(X, [None] * 4), "generator: None given; need a torch"),
    "eta": (lambda: sample(partial(ddim, eta="a"), D, X, LADDER), "eta: 'a' given; allowed is 0"),
    "lam": (lambda: cfg_plus_plus(D, X, *LADDER[:2], c=1, lam=None), "lam: None given"),
    "iterations": (lambda: ddim_inversion(D, X, LADDER, None), f"iterations: None .* {INTEGERS}"),
    "h": (lambda: langevin(D, X, T, "a"), f"h: 'a' {NUMBER}"),
    "amount": (lambda: churned(heun, None), "amount: None given"),
    "order": (lambda: dpmpp_multistep(D, X, *LADDER[:2], order="2"), "order: '2' given; allowed"),
    "mu": (lambda: MixtureDenoiser("a", 1), f"mu, std: 'a' {NUMBER}"),
    "mu none": (lambda: MixtureDenoiser([], []), r"mu, std, weight: shapes .* need \(K, D\)"),
    "mu nan": (lambda: MixtureDenoiser([[math.nan]], [1.0]), "need > 0 and >= 0, and finite"),
    "weight": (lambda: MixtureDenoiser([[0.0]], [1.0], [math.nan]), "weight, std: .nan., .1.0."),
    "label": (lambda: MixtureDenoiser([[0.0]], [1.0], label="a"), f"label: 'a' {NUMBER}"),
    "x narrow": (lambda: D(X[:, :1], T), r"x: shape \(4, 1\) given; need \(B, 2\)"),
    "n": (lambda: D.sample(0), f"n: 0 given; {INTEGERS}"),
    "data": (lambda: DatasetDenoiser(X[:0]), r"data: shape \(0, 2\) given; need \(N, ...\)"),
    "no fog": (lambda: DatasetDenoiser(X)(X, cosine(0.0)), "t: sigma is 0 there"),
    "batches c": (lambda: learn.batches(PICTURES, X[:, 0]), r"x0, c: shapes .*, \(4,\); need"),
    "batches x0": (lambda: learn.batches(PICTURES[:0]), r"x0, c: shapes \(0, 3, 8, 8\), None"),
    "batches none": (lambda: learn.batches(None), f"x0: None {NUMBER}"),
    "size": (lambda: learn.batches(PICTURES, size=0), f"size: 0 given; {INTEGERS}"),
    "size 2.5": (lambda: learn.batches(PICTURES, size=2.5), f"size: 2.5 given; {INTEGERS}"),
    "lr": (lambda: learn.Training(None, None, cosine, 5, None, lr="a"), "lr: 'a' given; allowed"),
    "ema": (lambda: learn.Training(None, None, cosine, 5, None, ema=None), "ema: None given"),
    "levels": (lambda: learn.loss_by_level(None, None, cosine, None, levels=0), "levels: 0 given"),
    "repeats": (lambda: learn.loss_by_level(None, None, cosine, None, 1, 0), "repeats: 0 given"),
    "gamma": (lambda: learn.min_snr("a"), "gamma: 'a' given; allowed is any number above 0"),
    "net": (lambda: learn.NetDenoiser(None), "net: None given; need a function"),
    "loss": (lambda: DIGIT_NET.loss(DIGITS[:0], T), "x0: shape .0, 1, 8, 8. given; need 1 sam"),
    "loss dice": (lambda: DIGIT_NET.loss(DIGITS, T, None, [seeded()]), "generator: 1 given for 2"),
    "one step": (lambda: learn.one_step_guess(X, X, T, T), "t, s: the same level given"),
    "few labels": (lambda: DIGIT_NET(DIGITS, T, [1, 2, 3]), "c: 3 conditions for 2 samples"),
    "few levels": (lambda: SHAPE_NET(PICTURES, cosine([0.1, 0.2])), "t: 2 levels for 6 samples"),
    "attributes": (lambda: SHAPE_NET(PICTURES, T, 3), r"c: torch.int64 \(\) given; need integers"),
    "tokens": (lambda: WORD_NET(PICTURES, T, [1]), r"c: torch.int64 \(1,\) given; need integers"),
    "no pixels": (lambda: SHAPE_NET(PICTURES[:, :, :0], T), "x: shape .* need .B, 3, H, W."),
    "values": (lambda: nets.Attributes(3, 8), "values: 3 given; need how many each attribute has"),
    "no values": (lambda: nets.Attributes((), 8), r"values: \(\) given; need how many each"),
    "words": (lambda: nets.Words(0, 8), f"words: 0 given; {INTEGERS}"),
    "condition": (
        lambda: nets.UNet((2, 3)),
        r"condition: \(2, 3\) given; need a function, such as",
    ),
    "widths": (lambda: nets.UNet(TOLD, (10, 20, 30)), "widths: .* need three multiples of 16"),
    "width": (lambda: nets.DigitNet(width=0), f"width: 0 given; {INTEGERS}"),
    "dim": (lambda: nets.time_embedding(X[:, 0], 7), "dim: 7 given; need an even number from 4"),
    "dim 2": (lambda: nets.time_embedding(X[:, 0], 2), "dim: 2 given; need an even number"),
    "ring": (lambda: data.ring(2.5), f"k: 2.5 given; {INTEGERS}"),
    "moons": (lambda: data.moons(-1, None), "n: -1 given; allowed are the integers from 0 up"),
    "spiral": (lambda: data.spiral(2.5, None), "n: 2.5 given; allowed are the integers from 0"),
    "shapes": (lambda: data.shapes(2.5, None), "n: 2.5 given; allowed are the integers from 0"),
    "pixels": (lambda: data.shapes(2, None, size=0), f"size: 0 given; {INTEGERS}"),
    "objects": (lambda: data.shapes(2, None, objects=3), "objects: 3 given; allowed are the int"),
    "style": (lambda: data.caption([0] * 5, 2.5), "style: 2.5 given; allowed are the integers 0"),
    "row": (lambda: data.caption([0] * 3), r"attributes: .* need \(5,\) or \(k, 5\)"),
    "row 99": (lambda: data.caption([99] * 5), r"attributes: .* -1 to below \(8, 8, 3, 9, 2\)"),
    "caption": (lambda: data.attributes_of(3), "caption: 3 given; need words"),
    "captions": (lambda: data.tokens("a red star"), "captions: 'a red star' given; need a list"),
    "shift": (lambda: data.augment(PICTURES, None, shift=1.5), "shift: 1.5 given; allowed are"),
    "no features": (lambda: metrics.frechet(X[:, :0], X[:, :0]), "D. each, D >= 1"),
    "directions": (lambda: metrics.sliced_w2(X, X, None, 2.5), f"directions: 2.5 .*{INTEGERS}"),
    "kernel": (lambda: metrics.gaussian_kernel("a"), "width: 'a' given; need a finite number"),
    "times": (lambda: metrics.error_bar(len, X, generator=None, times=2.5), "times: 2.5 given"),
    "samples": (lambda: metrics.error_bar(len, generator=None), "need one set of samples or more"),
    "floor": (lambda: metrics.floor(None, X, True, None), "n: True given; allowed are the integ"),
    "k": (lambda: metrics.precision(X, X, 1.5), "k: 1.5 given; allowed are the integers 1 to 3"),
    "k bool": (lambda: metrics.density(X, X, k=True), "k: True given; allowed are the integers"),
    "logits": (lambda: metrics.fidelity([], torch.zeros(2, 2)), "predicted, asked: shapes .2, 0."),
    "edge": (lambda: metrics.saturated(PICTURES, "a"), "x, edge: .* 'a' given; need 1 pixel"),
    "cell": (lambda: metrics.coarse(PICTURES, 2.5), f"cell: 2.5 given; {INTEGERS}"),
    "pictures": (lambda: drawn(n=0), f"n: 0 given; {INTEGERS}"),
    "seed": (lambda: drawn(seed=None), "seed: None given; allowed are the integers"),
    "predicts": (lambda: learn.NetDenoiser(D, ["v"]), "predicts: .'v'. given; allowed are x0, eps"),
    "split": (
        lambda: data.shapes(1, None, split=[]),
        r"split: \[\] given; allowed are train, held",
    ),
    "sampler": (lambda: drawn(sampler=["DDIM"]), "sampler: .'DDIM'. given; allowed are DDIM, DDPM"),
    "play w": (lambda: drawn(w=None), f"w: None {NUMBER}"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_argument_is_refused_by_name_before_it_gets_deep(name):
    call, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        call()


TEN = [np.int64(10), np.uint8(10), torch.tensor(10)]
TAKEN = {  # the same call with a plain int, and with an integer of another type
    "grid": lambda n: grid(cosine, n)[1].alpha,
    "trailing_grid": lambda n: trailing_grid(linear_betas(), n)[1].alpha,
    "lam_grid": lambda n: lam_grid(cosine, n)[1].alpha,
    "karras_grid": lambda n: karras_grid(cosine, n)[1].alpha,
    "level_at": lambda n: level_at(linear_betas(), n).alpha,
    "inversion": lambda n: ddim_inversion(D, X, grid(cosine, 3, 0.9), n),
    "batches": lambda n: learn.batches(PICTURES, size=n)(1, seeded())[0],
    "mixture": lambda n: D.sample(n, seeded()),
    "ring": lambda n: data.ring(n).mu,
    "moons": lambda n: data.moons(n, seeded()),
    "shapes": lambda n: data.shapes(n, seeded(), size=n).pictures,
    "sliced_w2": lambda n: torch.tensor(metrics.sliced_w2(X, X + 1, seeded(), n)),
}


@pytest.mark.parametrize("ten", TEN, ids=lambda ten: type(ten).__name__)
@pytest.mark.parametrize("name", TAKEN)
def test_any_integer_will_do(name, ten):
    close(TAKEN[name](ten), TAKEN[name](10), 0)


@pytest.mark.parametrize("value", [True, np.bool_(True), 3.0, np.float64(3), "3", None, 0, -1])
def test_a_whole_number_is_none_of_these(value):
    with pytest.raises(ValueError, match=f"steps: .* given; {INTEGERS}"):
        guards.whole("steps", value)


# --- empty batches, and batches that are too large for torch.quantile -----------------------------


def test_an_empty_batch_comes_out_empty():
    nothing = torch.zeros(0, 2, dtype=torch.long)
    none = {
        "u-net": (SHAPE_NET(PICTURES[:0], T, nothing), PICTURES[:0]),
        "words": (WORD_NET(PICTURES[:0], T, nothing), PICTURES[:0]),
        "digits": (DIGIT_NET(DIGITS[:0], T), DIGITS[:0]),
        "threshold": (dynamic_threshold(lambda x, t: x)(PICTURES[:0], T), PICTURES[:0]),
        "mixture": (D(X[:0], T, 1), X[:0]),
        "data set": (DatasetDenoiser(X)(X[:0], T), X[:0]),
        "cfg": (cfg(D, 1, 3.0, batched=True)(X[:0], T), X[:0]),
        "rescale": (rescale(D, 1, 3.0)(X[:0], T), X[:0]),
        "walk": (sample(ddpm, D, X[:0], LADDER, seeded()), X[:0]),
        "walk, dice": (sample(ddpm, D, X[:0], LADDER, []), X[:0]),
    }
    for name, (out, like) in none.items():
        assert out.shape == like.shape and out.dtype == like.dtype, name


def test_a_caption_without_words_says_nothing():
    close(WORD_NET(PICTURES, T, torch.zeros(6, 0, dtype=torch.long)), WORD_NET(PICTURES, T), 0)


@pytest.mark.parametrize("share", [0.3, 0.995, 1.0])
def test_the_threshold_is_the_quantile(share):
    x0 = 3 * normal(5, 1, 7, 3)
    size = torch.quantile(x0.abs().flatten(1), share, dim=1).clamp(min=1)[:, None, None, None]
    found = dynamic_threshold(lambda x, t: x0, share)(x0, T)
    close(found, x0.clamp(-size, size) / size, 1e-12)


def test_the_threshold_takes_more_than_16_million_values():
    x0 = torch.arange(2**24 + 1, dtype=torch.float32)[None] / 2**23  # 0 to 2
    assert float(dynamic_threshold(lambda x, t: x0, 0.75)(x0, T).max()) == 1
    close(dynamic_threshold(lambda x, t: x0, 0.75)(x0, T)[0, 2**22], torch.tensor(1 / 3), 1e-6)


# --- a scale for each sample ----------------------------------------------------------------------


@pytest.mark.parametrize("batched", [False, True])
def test_each_sample_may_have_its_own_scale(batched):
    w = torch.tensor([0.0, 1.0, 3.0, -2.0])
    each = cfg(D, 1, w, batched)(X, T)
    for i, scale in enumerate(w.tolist()):
        close(each[i : i + 1], cfg(D, 1, scale)(X[i : i + 1], T))
        close(negative(D, 1, 0, w)(X, T)[i], negative(D, 1, 0, scale)(X, T)[i])
        close(rescale(D, 1, w)(X, T)[i], rescale(D, 1, scale)(X, T)[i])
        log_prob = lambda x, t: D.log_prob(x, t, torch.tensor(1))
        one, other = (classifier_guidance(D, log_prob, s)(X, T)[i] for s in (w, scale))
        close(one, other)


def test_a_scale_in_a_tensor_keeps_its_shortcuts():
    asked = []
    denoise = lambda x, t, c=None: asked.append(c) or x
    for w in (0, torch.tensor(0.0), np.float32(0), torch.tensor([1.0]), 1):
        asked.clear()
        cfg(denoise, 1, w)(X, T)
        assert len(asked) == 1 and (asked[0] is None) == (float(w) == 0)
    close(cfg(D, 1, 0.1)(X, T), D(X, T) + 0.1 * (D(X, T, 1) - D(X, T)), 1e-15)  # not float32's .1


@pytest.mark.parametrize("c", [1, [1], np.int64(1), torch.tensor(1), [1, 1, 1, 1]])
def test_a_condition_in_any_dress_is_the_condition(c):
    plain = torch.ones(4, dtype=torch.long)
    close(cfg(D, c, 2.5)(X, T), cfg(D, plain, 2.5)(X, T), 0)
    close(given(D, c)(X, T), D(X, T, plain), 0)
    step = cfg_plus_plus(D, X, *LADDER[1:3], c=c, lam=0.4).x
    close(step, cfg_plus_plus(D, X, *LADDER[1:3], c=plain, lam=0.4).x, 0)


# --- boundary values ------------------------------------------------------------------------------


def test_a_guess_without_spread_is_not_divided_by_it():
    """One pixel, or a flat picture: guidance stays plain, and nothing is NaN."""
    for shape in ((4,), (4, 1), (4, 1, 1, 1), (4, 1, 8, 8)):
        u, c = torch.zeros(shape), torch.ones(shape)
        denoise = lambda x, t, label=None, u=u, c=c: u if label is None else c
        close(rescale(denoise, 1, 3.0)(u, T), 3 * c, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_finite_is_what_it_says_even_where_the_sum_overflows(dtype):
    x = torch.full((3, 1000), torch.finfo(dtype).max, dtype=dtype)
    assert guards.finite(x) and guards.finite(-x) and guards.finite(x[:0])
    for odd in (math.nan, math.inf, -math.inf):
        for large in (x, 0 * x):
            broken = large.clone()
            broken[1, 7] = odd
            assert not guards.finite(broken)
    assert not guards.finite(torch.tensor([math.inf, -math.inf], dtype=dtype))
    assert guards.finite(torch.empty(2, dtype=dtype, device="meta"))


def test_an_interval_is_chosen_for_each_sample():
    t = cosine(torch.tensor([0.1, 0.4, 0.5, 0.9]))
    asked = []
    guide = lambda x, t: asked.append("in") or x + 1
    both = interval(guide, lambda x, t: x - 1, 0.5, 2.0)
    inside = (t.ratio >= 0.5) & (t.ratio <= 2.0)
    assert inside.tolist() == [False, True, True, False]
    close(both(X, t), X + torch.where(inside, 1.0, -1.0)[:, None])
    both(X, cosine(torch.full((4,), 0.1)))
    assert len(asked) == 1  # nobody is inside: only the other is asked


def test_a_picture_keeps_its_dice_when_more_are_drawn():
    """Picture k of the playground depends on the seed and on k, not on how many there are."""
    for sampler in ("DDIM", "DDPM"):
        few, many = (drawn(n=n, sampler=sampler)[-1].x0 for n in (2, 5))
        close(many[:2], few, 1e-5)
        assert not torch.allclose(many[0], many[1]) and len(many) == 5
    assert not torch.allclose(drawn(seed=1)[-1].x0[0], drawn(seed=0)[-1].x0[1])  # not shifted


def test_the_teaching_core_is_short_and_stands_on_what_it_may():
    """Its 800 lines are read by students; the library never imports the course."""
    core = ("levels", "diffuse", "samplers", "wrap", "exact")
    lines = {name: (ROOT / f"lessons_lib/{name}.py").read_text().count("\n") for name in core}
    assert sum(lines.values()) <= 800, lines
    order = "files guards levels diffuse samplers solvers fast wrap exact".split()
    wing = [f for f in (ROOT / "lessons_lib").rglob("*.py") if "course" not in f.parts]
    assert len(wing) > 40
    for file in wing:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        froms = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        used = {name.split(".")[1] for name in froms if name.startswith("lessons_lib.")}
        assert "course" not in used, file.name
        if file.parent.name == "lessons_lib" and file.stem in order:
            assert used <= set(order[: order.index(file.stem)]), file.name
