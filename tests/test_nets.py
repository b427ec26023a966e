"""Networks: shapes, levels, labels, precisions."""

import copy
from functools import partial

import pytest
import torch
from family import seeded

from lessons_lib import data, levels, nets
from lessons_lib.exact import DatasetDenoiser, MixtureDenoiser
from lessons_lib.learn import NetDenoiser, drop_labels
from lessons_lib.nets import (
    Attention,
    Attributes,
    DigitJudge,
    DigitNet,
    GroupNorm,
    ShapeJudge,
    UNet,
    Words,
    level_angle,
    time_embedding,
)
from lessons_lib.wrap import cfg


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = DigitNet(width=32, blocks=2)
    torch.nn.init.normal_(made.leave.weight)  # it starts at zero, where nothing could be seen
    return made


def test_the_embedding_spells_the_angle():
    angle = torch.rand(5, dtype=torch.float64)
    emb = time_embedding(angle, 8)
    assert emb.shape == (5, 8) and emb.dtype == torch.float64
    for k, frequency in enumerate([1, 100 ** (1 / 3), 100 ** (2 / 3), 100]):
        torch.testing.assert_close(emb[:, k], torch.sin(frequency * angle), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            emb[:, 4 + k], torch.cos(frequency * angle), rtol=1e-5, atol=1e-5
        )


def test_the_level_is_an_angle_that_stays_bounded():
    x = torch.zeros(3, 1, 8, 8)
    assert torch.equal(level_angle(x, levels.cosine(0.0)), torch.zeros(3))
    assert level_angle(x, levels.cosine(1.0)).allclose(torch.full((3,), torch.pi / 2))
    each = levels.cosine(torch.tensor([0.1, 0.5, 0.9])).to(x)
    assert (level_angle(x, each).diff() > 0).all()


@pytest.mark.parametrize("t", [levels.cosine(0.4), levels.cosine(torch.rand(5))])
def test_shape_in_is_shape_out(net, t):
    x = torch.randn(5, 1, 8, 8)
    assert net(x, t.to(x)).shape == x.shape
    assert net(x, t.to(x), torch.arange(5)).shape == x.shape


def test_one_level_or_that_level_for_each_is_the_same(net):
    x = torch.randn(5, 1, 8, 8)
    each = levels.cosine(torch.full((5,), 0.4)).to(x)
    torch.testing.assert_close(net(x, levels.cosine(0.4)), net(x, each))


def test_it_hears_the_level_and_the_label(net):
    x = torch.randn(5, 1, 8, 8)
    t, s = levels.cosine(0.4), levels.cosine(0.7)
    assert not torch.allclose(net(x, t), net(x, s))
    nothing = torch.full((5,), -1)
    assert torch.equal(net(x, t), net(x, t, nothing))
    assert not torch.allclose(net(x, t), net(x, t, torch.zeros(5, dtype=torch.long)))


@pytest.mark.parametrize("c", [torch.tensor([10]), torch.tensor([-2]), torch.tensor([0.5])])
def test_labels_it_does_not_know_are_refused(net, c):
    with pytest.raises(ValueError, match=r"c: .* allowed are -1 \(no label\) to 9"):
        net(torch.zeros(1, 1, 8, 8), levels.cosine(0.4), c)


def test_the_judge():
    judge = DigitJudge()
    assert judge(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    assert judge.features(torch.zeros(3, 1, 8, 8)).shape == (3, 64)


# --- the network of the plane ---------------------------------------------------------------------


@pytest.fixture
def plane():
    torch.manual_seed(0)
    made = nets.PlaneNet(width=16, layers=2, classes=3)
    torch.nn.init.normal_(made.leave.weight)
    return made.requires_grad_(False)


def test_it_hears_place_level_and_label_of_each_point_alone(plane):
    x, c = torch.randn(4, 2), torch.arange(4) - 1
    t = levels.edm(torch.tensor([0.2, 0.4, 0.6, 0.8])).to(x)
    out = plane(x, t, c)
    assert out.shape == (4, 2) and torch.equal(plane(x, t), plane(x, t, torch.full((4,), -1)))
    elsewhere = levels.edm(torch.tensor([0.3, 0.4, 0.6, 0.8])).to(x)
    moved, renamed = x.clone(), c.clone()
    moved[0], renamed[0] = moved[0] + 0.1, 2
    for found in (plane(moved, t, c), plane(x, elsewhere, c), plane(x, t, renamed)):
        assert not torch.allclose(found[0], out[0])
        torch.testing.assert_close(found[1:], out[1:])


def test_the_plane_enlarged_with_its_level_looks_the_same(plane):
    x, t = torch.randn(4, 2), levels.cosine(0.4)
    louder = levels.Level(t.time, 2 * t.alpha, 2 * t.sigma)
    torch.testing.assert_close(plane(2 * x, louder), plane(x, t))
    torch.testing.assert_close(
        plane(2 * x, levels.Level(t.time, 2 * t.alpha, 2 * t.sigma)), plane(x, t)
    )


def test_the_plane_has_two_numbers_a_point_and_known_labels(plane):
    for shape in ((3,), (3, 3), (3, 1, 2)):
        with pytest.raises(ValueError, match=r"x: shape .* given; need \(B, 2\)"):
            plane(torch.zeros(shape), levels.cosine(0.4))
    with pytest.raises(ValueError, match=r"c: \[3\] given; allowed are -1 \(no label\) to 2"):
        plane(torch.zeros(1, 2), levels.cosine(0.4), torch.tensor([3]))


# --- the U-Net ------------------------------------------------------------------------------------

VALUES = (8, 3, 2)


@pytest.fixture
def unet():
    """A small one, with weights where it starts with zeros, so that everything can be seen."""
    torch.manual_seed(0)
    made = UNet(partial(Attributes, VALUES), widths=(16, 16, 32))
    for weight in made.parameters():
        if bool((weight == 0).all()):
            torch.nn.init.normal_(weight, std=0.1)
    return made.requires_grad_(False)


def attributes(n, seed=1):
    generator = seeded(seed)
    return torch.stack([torch.randint(v, (n,), generator=generator) for v in VALUES], dim=1)


@pytest.mark.parametrize("size", [(32, 32), (16, 40)])
@pytest.mark.parametrize("t", [levels.cosine(0.4), levels.edm(torch.rand(5))])
def test_any_picture_in_is_that_shape_out(unet, size, t):
    x = torch.randn(5, 3, *size)
    assert unet(x, t.to(x), attributes(5)).shape == x.shape
    assert unet(x, t.to(x)).is_contiguous()


def test_one_level_for_all_or_for_each_is_the_same_unet(unet):
    x = torch.randn(5, 3, 16, 16)
    for schedule in (levels.cosine, levels.edm):
        each = schedule(torch.full((5,), 0.4)).to(x)
        torch.testing.assert_close(unet(x, schedule(0.4)), unet(x, each), atol=1e-5, rtol=1e-4)


def test_it_hears_the_level_and_each_attribute_and_each_sample_alone(unet):
    x, t, c = torch.randn(4, 3, 16, 16), levels.cosine(0.4), attributes(4)
    out = unet(x, t, c)
    assert not torch.allclose(out, unet(x, levels.cosine(0.6), c))
    for k, values in enumerate(VALUES):
        for value in (-1, (int(c[0, k]) + 1) % values):
            other = c.clone()
            other[0, k] = value
            found = unet(x, t, other)
            assert not torch.allclose(found[0], out[0], atol=1e-4)
            torch.testing.assert_close(found[1:], out[1:], atol=1e-5, rtol=1e-4)


def test_no_attributes_is_all_of_them_not_given(unet):
    x, t = torch.randn(4, 3, 16, 16), levels.cosine(0.4)
    assert torch.equal(unet(x, t), unet(x, t, torch.full((4, 3), -1)))


def test_a_level_that_only_enlarges_shows_the_network_the_same(unet):
    """x / |(alpha, sigma)| and the angle are all it sees: twice both coefficients is twice x."""
    x, t = torch.randn(2, 3, 16, 16), levels.cosine(0.4)
    louder = levels.Level(t.time, 2 * t.alpha, 2 * t.sigma)
    torch.testing.assert_close(unet(2 * x, louder), unet(x, t), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "c, which",
    [
        (torch.tensor([[0, 3, 0]]), r"c: \[3\] given for attribute 1; .* -1 \(not given\) to 2"),
        (torch.tensor([[-2, 0, 0]]), r"c: \[-2\] given for attribute 0; .* to 7"),
        (torch.zeros(1, 3), r"c: torch.float32 \(1, 3\) given; need integers \(1, 3\)"),
        (torch.tensor([0]), r"c: torch.int64 \(1,\) given; need integers \(1, 3\)"),
    ],
)
def test_attributes_it_does_not_know_are_refused(unet, c, which):
    with pytest.raises(ValueError, match=which):
        unet(torch.zeros(1, 3, 16, 16), levels.cosine(0.4), c)


# The same network that hears words in the place of attributes.


@pytest.fixture
def reader():
    torch.manual_seed(0)
    made = UNet(partial(Words, len(data.VOCABULARY)), widths=(16, 16, 32))
    for weight in made.parameters():
        if bool((weight == 0).all()):
            torch.nn.init.normal_(weight, std=0.1)
    return made.requires_grad_(False)


def test_it_hears_every_word_of_a_caption_and_no_empty_place(reader):
    x, t = torch.randn(1, 3, 16, 16), levels.cosine(0.4)
    said = data.tokens(["a large red star in the centre, dark background"])
    out = reader(x, t, said)
    for k in said[0].nonzero().flatten():
        without = said.clone()
        without[0, k] = 0
        assert not torch.allclose(reader(x, t, without), out, atol=1e-5)
    close = {"atol": 1e-5, "rtol": 1e-4}
    torch.testing.assert_close(reader(x, t, said[:, said[0] > 0]), out, **close)
    torch.testing.assert_close(reader(x, t, said.flip(1)), out, **close)


def test_no_words_are_no_tokens_however_that_is_said(reader):
    x, t = torch.randn(2, 3, 16, 16), levels.cosine(0.4)
    for c in (torch.zeros(2, 32).long(), torch.full((2, 32), -1)):
        torch.testing.assert_close(reader(x, t, c), reader(x, t))


def test_words_guide_as_attributes_do(reader):
    """Dropped, guided and batched: what wraps a denoiser knows nothing of what a condition is."""
    said = data.tokens(["a red star", "a small blue moon at the top"])
    assert (drop_labels(said, 1.0, torch.Generator()) == -1).all()
    denoise = NetDenoiser(reader, "x0")
    x, t = torch.randn(2, 3, 16, 16), levels.cosine(0.4)
    one, both = (cfg(denoise, said, 3.0, batched=each)(x, t) for each in (False, True))
    torch.testing.assert_close(one, both, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "c, which",
    [
        (torch.tensor([[999]]), r"c: \[999\] given; allowed are -1 and 0 \(no word\) to"),
        (torch.tensor([[-2]]), r"c: \[-2\] given"),
        (torch.zeros(1, 3), r"c: torch.float32 \(1, 3\) given; need integers \(1, L\)"),
        (torch.tensor([3]), r"need integers \(1, L\)"),
    ],
)
def test_words_it_does_not_know_are_refused(reader, c, which):
    with pytest.raises(ValueError, match=which):
        reader(torch.zeros(1, 3, 16, 16), levels.cosine(0.4), c)


def test_a_network_hears_whatever_its_condition_reads():
    """A condition that answers nothing is no condition: what is asked for enters there alone."""

    class Deaf(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.width = width

        def forward(self, c, x):
            return torch.zeros(len(x), self.width)

    torch.manual_seed(0)
    net, x, t = UNet(Deaf, widths=(16, 16, 32)), torch.randn(2, 3, 16, 16), levels.cosine(0.4)
    torch.nn.init.normal_(net.leave.weight, std=0.1)
    assert torch.equal(net(x, t, "a red star"), net(x, t)) and net(x, t).std() > 0
    with pytest.raises(ValueError, match=r"condition: \(8, 3, 2\) given; need a function"):
        UNet(VALUES)


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (1, 3, 12, 16), (3, 16, 16)])
def test_pictures_it_cannot_cut_are_refused(unet, shape):
    with pytest.raises(ValueError, match="x: shape .* multiples of 8"):
        unet(torch.zeros(shape), levels.cosine(0.4))


def test_the_seams_of_the_patches_do_not_show(unet):
    """A pattern that repeats from patch to patch changes its sign on patches moved by a pixel."""

    def pattern(x):
        a, b, c, d = (x[..., i::2, j::2] for i in (0, 1) for j in (0, 1))
        return torch.stack([a - b + c - d, a + b - c - d, a - b - c + d]).mean(dim=(-2, -1)) / 4

    smooth = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64).contiguous()
    drawn = unet(smooth, levels.cosine(0.4))
    seam = (pattern(drawn[..., 16:48, 16:48]) - pattern(drawn[..., 17:49, 17:49])) / 2
    assert seam.abs().max() < 0.01 * drawn.std()  # a pixel shuffle as it starts: 0.06 to 0.10


def test_attention_is_the_librarys():
    torch.manual_seed(0)
    look, h = Attention(16, heads=2), torch.randn(3, 16, 4, 6)
    torch.nn.init.normal_(look.tell.weight)
    q, k, v = look.ask(look.norm(h)).flatten(2).unflatten(1, (3, 2, 8)).transpose(3, 4).unbind(1)
    seen = torch.nn.functional.scaled_dot_product_attention(q, k, v)  # (3, 2, 24, 8)
    expected = h + look.tell(seen.transpose(2, 3).reshape(h.shape))
    torch.testing.assert_close(look(h), expected, atol=1e-5, rtol=1e-4)


def test_the_norm_is_float32_at_least():
    h = (100 + torch.randn(2, 32, 4, 4)).bfloat16()
    norm = GroupNorm(32)
    assert torch.equal(norm(h), norm(h.float())) and norm(h).dtype == torch.float32
    assert norm(h.double()).dtype == torch.float64


def test_the_judge_of_shapes():
    judge, x = ShapeJudge(VALUES).eval(), torch.randn(3, 3, 32, 32)
    logits = judge(x)
    assert [each.shape for each in logits] == [(3, v) for v in VALUES]
    assert judge.features(x).shape == (3, 128)
    read = judge.read(x)
    assert read.shape == (3, 3) and read.dtype == torch.long
    for k, each in enumerate(logits):
        assert torch.equal(each.gather(1, read[:, [k]])[:, 0], each.max(1).values)


# --- precisions -----------------------------------------------------------------------------------

PRECISIONS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
WIDTHS, TOLD = {"widths": (16, 16, 32)}, partial(Attributes, VALUES)
SMALL = {  # name -> (what makes one, the shape of what it is asked about)
    "DigitNet": (lambda: DigitNet(32, 2), (4, 1, 8, 8)),
    "DigitJudge": (DigitJudge, (4, 1, 8, 8)),
    "SecondDigitJudge": (nets.SecondDigitJudge, (4, 1, 8, 8)),
    "PlaneNet": (lambda: nets.PlaneNet(16, 2), (4, 2)),
    "UNet": (lambda: UNet(TOLD, **WIDTHS), (4, 3, 16, 16)),
    "UNet, words": (lambda: UNet(partial(Words, 9), **WIDTHS), (4, 3, 16, 16)),
    "ShapeJudge": (lambda: ShapeJudge(VALUES), (4, 3, 32, 32)),
    "SecondShapeJudge": (lambda: nets.SecondShapeJudge(VALUES), (4, 3, 32, 32)),
    "NetDenoiser": (lambda: NetDenoiser(DigitNet(32, 2), "v"), (4, 1, 8, 8)),
    "NetDenoiser, eps": (lambda: NetDenoiser(UNet(TOLD, **WIDTHS), "eps"), (4, 3, 16, 16)),
    "MixtureDenoiser": (lambda: MixtureDenoiser(torch.randn(3, 2), [0.3, 0.5, 0.4]), (4, 2)),
    "DatasetDenoiser": (lambda: DatasetDenoiser(torch.randn(9, 1, 4, 4)), (4, 1, 4, 4)),
}
HALF_WAY = levels.cosine(0.4)
EACH = levels.cosine(torch.tensor([0.2, 0.4, 0.6, 0.8]))


def small(name, dtype):
    """One of them in that precision, and an x in float64; weights that start at zero are drawn."""
    make, shape = SMALL[name]
    torch.manual_seed(0)
    module = make().eval().requires_grad_(False)
    for weight in module.parameters():
        if bool((weight == 0).all()):
            torch.nn.init.normal_(weight, std=0.1)
    return copy.deepcopy(module).to(dtype), torch.randn(shape, dtype=torch.float64)


def answers(module, x, t):
    """All that it says about x, (B, ...) each."""
    if isinstance(module, DigitJudge | ShapeJudge):
        said = module(x)
        return [*(said if isinstance(said, tuple) else (said,)), module.features(x)]
    return [module(x, t), *([module.log_prob(x, t)] if hasattr(module, "log_prob") else [])]


def test_every_kind_of_network_that_is_shipped_is_tried_in_every_precision():
    shipped = {name for name in vars(nets) if name.endswith(("Net", "Judge"))}
    assert shipped == {name.split(",")[0] for name in SMALL if "Denoiser" not in name}


@pytest.mark.parametrize("of_x", PRECISIONS, ids=str)
@pytest.mark.parametrize("own", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_it_computes_in_its_own_precision_and_answers_in_that_of_x(name, own, of_x):
    module, x = small(name, own)
    exact, _ = small(name, torch.float64)
    rough = max(torch.finfo(own).eps, torch.finfo(of_x).eps)
    for t in (HALF_WAY, EACH):
        found = answers(module, x.to(of_x), t)
        for ours, true in zip(found, answers(exact, x, t), strict=True):
            assert ours.dtype == of_x
            assert (ours.double() - true).abs().max() <= 32 * rough * true.abs().max()


@pytest.mark.parametrize("name", SMALL)
def test_in_float64_nothing_is_rounded_on_the_way(name):
    """A step of 1e-7 in x and in the level goes half as far as one of 2e-7: 1e-3 is ample.

    Were anything rounded to float32, by 6e-8, either step would be off by half of itself.
    """
    module, x = small(name, torch.float64)
    walked = (answers(module, x + k * 1e-7, levels.cosine(0.4 + k * 1e-7)) for k in range(3))
    for start, near, far in zip(*walked, strict=True):
        longest = float((near - start).abs().max())
        assert longest > 1e-9
        torch.testing.assert_close((far - start) / 2, near - start, rtol=0, atol=1e-3 * longest)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["DigitNet", "UNet", "UNet, words"])
def test_the_level_is_spelled_before_it_is_rounded(name, dtype):
    """An angle in half precision, times 100, would be wrong by up to a tenth."""
    module, x = small(name, dtype)
    seen = []
    module.time.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    module(x, EACH)
    exact = time_embedding(level_angle(x, EACH), 64)
    assert seen[0].dtype == dtype
    assert (seen[0].double() - exact).abs().max() < 2e-5 + torch.finfo(dtype).eps / 2


@pytest.mark.parametrize("name", [name for name in SMALL if "Denoiser" not in name])
def test_whole_numbers_are_no_pictures(name):
    module, x = small(name, torch.float32)
    for each in (module, getattr(module, "features", module)):
        with pytest.raises(ValueError, match="x: dtype torch.int64 given; need floating point"):
            each(x.long(), HALF_WAY) if "Net" in name else each(x.long())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_far_out_in_the_noise_half_precision_has_an_exact_answer(dtype):
    """At sigma = 300 the squares overflow float16, and the answer is the mean of the data."""
    t = levels.Level(*(torch.tensor(value, dtype=torch.float64) for value in (1.0, 1.0, 300.0)))
    for name in ("MixtureDenoiser", "DatasetDenoiser"):
        module, x = small(name, dtype)
        exact, _ = small(name, torch.float64)
        far = (300 * x).to(dtype)
        for ours, true in zip(
            answers(module, far, t), answers(exact, far.double(), t), strict=True
        ):
            assert (ours.double() - true).abs().max() <= 8 * torch.finfo(dtype).eps * (
                1 + true.abs().max()
            )
