"""The shapes are exact, their attributes true, their captions readable back."""

import math

import pytest
import torch
from family import seeded
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from lessons_lib import data, metrics
from lessons_lib.data.outlines import OUTLINES
from lessons_lib.data.scenes import BACKGROUNDS, COLOURS, PLACES

EVERY = torch.cartesian_prod(*(torch.arange(len(values)) for values in data.ATTRIBUTES.values()))


def every_shape(size):
    """One scene for each shape, large enough to count its pixels, in the middle, in float64."""
    n = len(OUTLINES)
    return data.Scene(
        shape=torch.arange(n)[:, None],
        colour=torch.full((n, 1, 3), 0.5, dtype=torch.float64),
        centre=torch.zeros(n, 1, 2, dtype=torch.float64),
        radius=torch.full((n, 1), size, dtype=torch.float64),
        angle=torch.zeros(n, 1, dtype=torch.float64),
        background=torch.ones(n, 3, dtype=torch.float64),
        slope=torch.zeros(n, 2, dtype=torch.float64),
    )


def test_a_seed_chooses_the_pictures():
    one, same, other = (data.shapes(9, seeded(number)) for number in (1, 1, 2))
    assert torch.equal(one.pictures, same.pictures)
    assert torch.equal(one.attributes, same.attributes)
    assert not torch.equal(one.attributes, other.attributes)
    assert torch.equal(data.draw(one.scene), one.pictures)
    before = torch.random.get_rng_state()
    data.shapes(3, seeded())
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_seed_chooses_the_same_pictures_on_every_device():
    for objects in (1, 2):
        here = data.shapes(600, seeded(), objects=objects)
        there = data.shapes(600, seeded(), objects=objects, device="cuda")
        assert all(part.is_cuda for part in (there.pictures, there.attributes, *there.scene))
        assert_close(there.pictures.cpu(), here.pictures, atol=1e-4, rtol=0)
        assert torch.equal(there.attributes.cpu(), here.attributes)
        for one, other in zip(data.maps(there.scene), data.maps(here.scene), strict=True):
            assert_close(one.cpu(), other, atol=1e-4, rtol=0)


@pytest.mark.parametrize("objects", [1, 2])
def test_shapes_types_and_ranges(objects):
    for n, size in ((0, 32), (1, 1), (300, 20)):
        x0, attributes, scene = data.shapes(n, seeded(), size=size, objects=objects)
        assert x0.shape == (n, 3, size, size) and x0.dtype == torch.float32
        assert attributes.shape == ((n, 5) if objects == 1 else (n, 2, 5))
        assert attributes.dtype == torch.long and scene.shape.shape == (n, objects)
        maps = data.maps(scene, size)
        for one in maps:
            assert one.shape == (n, 1, size, size)
            assert not n or (0 <= one.min() and one.max() <= 1)
        assert not n or (-1 <= x0.min() and x0.max() <= 1)


def test_area_of_the_masks():
    a, tip, waist = 0.58, 1.2, 0.55
    outer, inner, between = 1.0, 0.8, 0.5  # the moon is a disc less the lens that two discs share
    to_outer = (between**2 + outer**2 - inner**2) / (2 * between)
    to_inner = between - to_outer
    lens = sum(
        r**2 * math.acos(d / r) - d * math.sqrt(r**2 - d**2)
        for r, d in ((outer, to_outer), (inner, to_inner))
    )
    areas = {
        "circle": math.pi * 0.9**2,
        "square": 1.6**2,
        "triangle": 3 * math.sqrt(3) / 4 * 1.2**2,
        "star": 5 * tip * waist * math.sin(math.pi / 5),
        "heart": (4 + math.pi) * a**2,
        "ring": math.pi * (0.93**2 - 0.51**2),
        "cross": 2 * 2 * 0.7 - 0.7**2,
        "moon": math.pi * outer**2 - lens,
    }
    expected = torch.tensor([areas[name] for name in OUTLINES], dtype=torch.float64)
    for size, radius, tolerance in ((32, 0.25, 0.02), (32, 0.48, 0.01), (256, 0.5, 0.001)):
        mask = data.maps(every_shape(radius), size).mask
        assert_close(
            mask.sum((1, 2, 3)) * (2 / size / radius) ** 2, expected, rtol=tolerance, atol=0
        )


@pytest.mark.parametrize("name", OUTLINES)
def test_outlines_are_distances(name):
    """To the nearest point on the other side of the outline, found by search."""
    side = torch.linspace(-1.6, 1.6, 201, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    inside = OUTLINES[name](grid[:, 0], grid[:, 1]) < 0
    point = 3 * torch.rand(400, 2, generator=seeded(), dtype=torch.float64) - 1.5
    distance = OUTLINES[name](point[:, 0], point[:, 1])
    assert (distance < 0).any() and (distance > 0).any()
    for points, others in ((distance > 0, inside), (distance < 0, ~inside)):
        gap = metrics.distance(point[points], grid[others]).amin(1)
        assert ((gap - distance[points].abs()).abs() < 0.032).all()  # two cells of the grid


def test_a_quarter_turn_of_the_scene_turns_its_maps():
    scene = data.shapes(60, seeded(), objects=2).scene
    x, y = scene.centre.unbind(-1)
    turned = scene._replace(centre=torch.stack([-y, x], -1), angle=scene.angle + math.pi / 2)
    for one, other in zip(data.maps(turned, 32), data.maps(scene, 32), strict=True):
        assert_close(one, other.rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_one_scene_at_every_size():
    scene = data.shapes(200, seeded()).scene
    small, large = data.draw(scene, 32), avg_pool2d(data.draw(scene, 64), 2)
    assert (small - large).abs().mean() < 0.001
    assert (small - large).abs().max() < 0.2  # in the sharpest corners
    small, large = data.maps(scene, 32).mask, avg_pool2d(data.maps(scene, 64).mask, 2)
    assert (small - large).abs().max() < 0.13


def test_the_mask_is_where_the_colour_is():
    scene = data.shapes(100, seeded(), objects=2).scene
    one, other = (data.draw(scene._replace(colour=0 * scene.colour + c)) for c in (0.4, 0.6))
    mask = data.maps(scene).mask
    assert_close(other - one, 2 * 0.2 * mask.expand_as(one), atol=1e-5, rtol=0)


def test_edges_lie_on_the_outline_and_depth_inside():
    mask, edges, depth = data.maps(data.shapes(100, seeded()).scene)
    assert (edges[(mask > 0.01) & (mask < 0.99)] > 0.4).all()
    around = avg_pool2d(mask, 5, stride=1, padding=2, count_include_pad=False)
    assert (edges[(around == 0) | (around == 1)] == 0).all()
    assert (depth[mask == 0] == 0).all() and (depth[mask == 1] > 0).all()
    assert (depth.flatten(1).amax(1) > 0.2).all()


def test_the_picture_shows_its_attributes():
    x0, attributes, scene = data.shapes(2000, seeded(), split="all")
    named = dict(zip(data.ATTRIBUTES, attributes.unbind(1), strict=True))
    x0, mask = x0 / 2 + 0.5, data.maps(scene).mask
    inside = (mask > 0.99).float()
    colour = (x0 * inside).sum((2, 3)) / inside.sum((2, 3))
    nearest = metrics.distance(colour, torch.tensor(list(COLOURS.values()))).argmin(1)
    assert torch.equal(nearest, named["colour"])
    corners = x0[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].median(2).values
    nearest = metrics.distance(corners, torch.tensor(list(BACKGROUNDS.values()))).argmin(1)
    assert torch.equal(nearest, named["background"])
    middle = (torch.arange(32) + 0.5) / 16 - 1
    x, y = ((mask[:, 0] * m).sum((1, 2)) for m in (middle, -middle[:, None]))
    centre = torch.stack([x, y], 1) / mask.sum((1, 2, 3))[:, None]
    places = torch.tensor(list(PLACES.values()))[named["place"]]
    assert torch.equal((centre / 0.3).round().clamp(-1, 1).long(), places)


def test_sizes_do_not_overlap():
    _, attributes, scene = data.shapes(3000, seeded())
    small, medium, large = (scene.radius[attributes[:, 2] == size] for size in range(3))
    assert small.max() * 1.15 < medium.min() and medium.max() * 1.15 < large.min()


def test_two_objects_never_touch():
    scene = data.shapes(1500, seeded(), objects=2).scene
    first, second = (
        data.Scene(*(part[:, [k]] for part in scene[:5]), scene.background, scene.slope)
        for k in (0, 1)
    )
    depth, one, other = (data.maps(s, 24).depth for s in (scene, first, second))
    assert_close(depth, one + other)
    assert (one * other == 0).all()


def test_objects_are_seen_whole():
    for objects in (1, 2):
        scene = data.shapes(200, seeded(), objects=objects).scene
        smaller = scene._replace(
            centre=scene.centre / 2, radius=scene.radius / 2
        )  # the same, with nothing beyond the frame
        area, quarter = (data.maps(s, 64).mask.sum((1, 2, 3)) for s in (scene, smaller))
        assert_close(area, 4 * quarter, rtol=0.03, atol=0)


def test_held_out_combinations_are_one_in_eight_and_leave_no_value_out():
    held_out = data.held_out(EVERY)
    assert held_out.float().mean() == 1 / 8
    assert (
        set(EVERY[held_out][:, 0].tolist()) == set(EVERY[held_out][:, 1].tolist()) == set(range(8))
    )
    for objects in (1, 2):
        train, kept, both = (
            data.choose(3000, seeded(), objects, split) for split in ("train", "held out", "all")
        )
        assert not data.held_out(train).any() and data.held_out(kept).all()
        assert data.held_out(both).any() and not data.held_out(both).all()
        for column in (0, 1):
            assert len(train[..., column].unique()) == len(kept[..., column].unique()) == 8
    assert len(data.choose(60_000, seeded()).unique(dim=0)) == len(EVERY) * 7 // 8


def test_bad_requests_for_shapes_are_named():
    for said, request in (
        ("n: -1", {"n": -1}),
        ("size: 0 given", {"n": 1, "size": 0}),
        ("objects: 3", {"n": 1, "objects": 3}),
        ("split: 'test'.*held out", {"n": 1, "split": "test"}),
    ):
        with pytest.raises(ValueError, match=said):
            data.shapes(generator=seeded(), **request)
    scene = data.shapes(1, seeded()).scene
    for draw in (data.draw, data.maps):
        with pytest.raises(ValueError, match="size: 0 given"):
            draw(scene, 0)
    for row, said in (
        ([0, -1, 0, 0, 0], "attributes: colour -1"),
        ([0, 0, 3, 0, 0], "attributes: size 3"),
    ):
        with pytest.raises(ValueError, match=said):
            data.scene(torch.tensor([row]), seeded())


def test_every_caption_in_every_style_reads_back():
    for style in range(len(data.CAPTION_STYLES)):
        said = [data.caption(row, style) for row in EVERY]
        assert torch.equal(torch.stack([data.attributes_of(caption) for caption in said]), EVERY)
    rows = data.choose(200, seeded(), objects=2, split="all")
    for style in range(len(data.CAPTION_STYLES)):
        for row in rows:
            assert torch.equal(data.attributes_of(data.caption(row, style)), row)


def test_unknown_attributes_go_unsaid_and_read_back():
    rows = EVERY[::7].clone()
    rows[torch.rand(rows.shape, generator=seeded()) < 0.5] = -1
    for style in range(len(data.CAPTION_STYLES)):
        for row in rows:
            caption = data.caption(row, style)
            assert torch.equal(data.attributes_of(caption), row), caption
            assert ",," not in caption and "  " not in caption and "{" not in caption


def test_captions_are_plain_english():
    row, styles = torch.tensor([3, 0, 0, 0, 1]), len(data.CAPTION_STYLES)
    assert data.caption(row) == "a small red star at the top left on a dark background"
    assert data.caption(torch.tensor([0, 1, -1, 4, -1])) == "an orange circle in the centre"
    assert len({data.caption(row, style) for style in range(styles)}) == styles
    said = data.captions(row.expand(50, 5), seeded())
    assert said == data.captions(row.expand(50, 5), seeded()) and len(set(said)) == styles
    read = data.attributes_of("There is a big, violet CRESCENT at the top.")
    assert read.tolist() == [7, 6, 2, 1, -1]


def test_bad_captions_are_named():
    for caption, said in (
        ("a grey star", "'grey' is unknown; near it: green"),
        ("a red blue star", "two values of colour: red and blue"),
        ("a star at the left right", "two values of place: left and right"),
        ("a star on a light background and a moon on a dark background", "two values of backgr"),
        ("a star and a moon and a ring", "3 objects"),
    ):
        with pytest.raises(ValueError, match=said):
            data.attributes_of(caption)
    with pytest.raises(ValueError, match="'grey'.*known"):
        data.tokens(["a grey star"])
    with pytest.raises(ValueError, match="33 words; at most 32"):
        data.tokens(["star " * 33])
    with pytest.raises(ValueError, match="style: 6 given; allowed are the integers 0 to 5"):
        data.caption(EVERY[0], 6)


def test_tokens_are_the_words():
    rows = data.choose(300, seeded(), objects=2)
    said = data.captions(rows, seeded()) + [""]
    numbers = data.tokens(said)
    assert numbers.shape == (301, data.CAPTION_LENGTH) and numbers.dtype == torch.long
    assert 0 <= numbers.min() and numbers.max() < len(data.VOCABULARY)
    assert len(set(data.VOCABULARY)) == len(data.VOCABULARY)
    for row, caption in zip(numbers.tolist(), said, strict=True):
        words = [data.VOCABULARY[token] for token in row if token]
        assert words == caption.replace(",", "").replace(";", "").split()
    assert data.tokens([]).shape == (0, data.CAPTION_LENGTH)
