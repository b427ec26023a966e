"""Every plot draws into the ax it is given, and every figure says what it shows."""

import inspect
import itertools

import numpy as np
import pytest
import torch

from lessons_lib import viz
from lessons_lib.guards import seeded


def shown(monkeypatch):
    import IPython.display

    out = []
    monkeypatch.setattr(
        IPython.display, "display", lambda bundle, **more: out.append((bundle, more))
    )
    return out


def test_a_figure_carries_its_alt_text(monkeypatch):
    out = shown(monkeypatch)
    with viz.figure("two dots", cols=2) as axes:
        assert len(axes) == 2
    ((bundle, more),) = out
    assert bundle["text/plain"] == "two dots" and "image/png" in bundle
    assert more["metadata"]["image/png"]["alt"] == "two dots"


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt: empty"), viz.figure(" "):
        pass


def test_the_same_figure_is_the_same_bytes():
    def draw():
        figure, ax = viz.new_figure()
        viz.curves([0, 1, 2], {"a": [0, 1, 4], "b": [4, 1, 0]}, ax, "x", "y")
        return viz.png(figure)

    assert draw() == draw()


def test_every_plot_takes_an_ax_and_gives_it_back():
    plots = [
        f
        for f in vars(viz).values()
        if inspect.isfunction(f) and "ax" in inspect.signature(f).parameters
    ]
    assert len(plots) >= 8
    for plot in plots:
        assert inspect.signature(plot).return_annotation.__name__ == "Axes", plot.__name__


def test_pictures_are_tiled_in_order():
    x = torch.linspace(-1, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 8, 8)
    _, ax = viz.new_figure()
    viz.pictures(x, ax, cols=3)
    canvas = ax.images[0].get_array()
    centres = [canvas[4 + 9 * row, 4 + 9 * col] for row in (0, 1) for col in (0, 1, 2)]
    glow = [viz.GLOW(each)[:3] for each in (0, 0.2, 0.4, 0.6, 0.8, 1.0)]  # digits look as on film
    np.testing.assert_allclose(np.asarray(centres), glow, atol=1e-6)
    viz.pictures(torch.zeros(2, 3, 8, 8), ax, labels=["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]


def rows_of(*qualities):
    return [
        {"sampler": "a", "evaluations": 10**i, "q": q, "r": {"value": q, "half": q / 10}}
        for i, q in enumerate(qualities)
    ]


@pytest.mark.parametrize("key", ["q", "r"])
def test_the_frontier_draws_what_was_measured_and_keeps_a_sampler_s_colour(key):
    _, ax = viz.new_figure()
    viz.frontier(rows_of(3.0, 2.0, 1.0), key, ax, ["b", "a"])
    (line,) = [line for line in ax.lines if line.get_marker() == "s"]
    assert list(line.get_xdata()) == [1, 10, 100] and list(line.get_ydata()) == [3, 2, 1]
    assert line.get_color() == viz.COLOURS[1]  # b has the first, measured or not
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_the_frontier_marks_yours_only_where_it_is_known():
    for here, stars in (((10, 2.0), 1), ((10, None), 0)):
        _, ax = viz.new_figure()
        viz.frontier(rows_of(3.0, 2.0), "q", ax, ["a"], here=here)
        assert len([line for line in ax.lines if line.get_marker() == "*"]) == stars


def test_ladders_stand_below_each_other_noisiest_left():
    _, ax = viz.new_figure()
    viz.ladders({"a": torch.tensor([8.0, 4.0]), "b": torch.tensor([2.0])}, ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[0, 0], [-1]] and ax.xaxis_inverted()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]


def test_the_frontier_names_what_is_spoken_of_and_leaves_the_rest_grey():
    _, ax = viz.new_figure()
    rows = rows_of(3.0, 2.0) + [row | {"sampler": "b"} for row in rows_of(5.0, 4.0)]
    viz.frontier(rows, "q", ax, ["a", "b"], best=([1], [3.0]), floor=0.5, spoken=["b"])
    assert [t.get_text() for t in ax.texts] == ["real against real", "b"]
    grey = [line for line in ax.lines if line.get_color() == "0.8"]
    assert [list(line.get_ydata()) for line in grey] == [[3.0, 2.0]]
    (ring,) = [line for line in ax.lines if line.get_markersize() > 10]
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([1], [3.0])


def test_names_stand_apart_in_the_order_of_their_lines_and_not_below_the_picture():
    _, ax = viz.new_figure()
    heights = [0.10, 0.5, 0.11, 0.12, 0.9, 0.5]
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ends = [(1, y, f"{i}", "black") for i, y in enumerate(heights)]
    viz.name_ends(ends, ax, gap=0.1)
    places = [text.get_position()[1] for text in ax.texts]
    assert places == sorted(places) and places[0] >= 0
    assert [heights[int(text.get_text())] for text in ax.texts] == sorted(heights)
    assert all(b - a > 0.0999 for a, b in itertools.pairwise(places))
    assert places[-1] == pytest.approx(0.9, abs=0.05)  # nothing near it: it stays


def test_measured_and_frontier_draw_a_sampler_alike_and_leave_out_what_was_not_measured():
    rows = [row | {"calls": row["evaluations"]} for row in rows_of(3.0, 2.0, 1.0)]
    (_, left), (_, right) = viz.new_figure(), viz.new_figure()
    viz.measured(rows[::-1], "r", left, "quality", ["b", "a"])
    viz.frontier(rows, "r", right, ["b", "a"])
    looks = [
        [(*line.get_xydata().flatten(), line.get_color(), line.get_marker()) for line in ax.lines]
        for ax in (left, right)
    ]
    assert looks[0][0] == looks[1][0] and looks[0][0][-2:] == (viz.COLOURS[1], "s")
    assert [text.get_text() for ax in (left, right) for text in ax.texts] == ["a", "a"]


# --- fields ---------------------------------------------------------------------------------------


def test_places_run_row_by_row_from_below():
    x = viz.places(2.0, 3)
    assert x[:4].tolist() == [[-2, -2], [0, -2], [2, -2], [-2, 0]] and x.dtype == torch.float64


def test_an_arrow_keeps_its_direction_and_levels_off():
    """A thousand times as long a score must not hide all the others."""
    x = viz.places(1.0, 3)
    v = torch.tensor([[1.0, 2.0]]).double().repeat(9, 1)
    v[0] *= 1000
    _, ax = viz.new_figure()
    viz.arrows(x, v, ax)
    (drawn,) = ax.collections
    u = np.stack([drawn.U, drawn.V], axis=1)
    np.testing.assert_allclose(u[:, 1], 2 * u[:, 0])
    size = np.hypot(*u.T)
    np.testing.assert_allclose(size[1:], 0.5, atol=1e-3)
    assert 0.99 < size[0] < 1


def test_a_field_of_nothing_can_be_drawn():
    _, ax = viz.new_figure()
    viz.arrows(viz.places(1.0, 3), torch.zeros(9, 2).double(), ax)
    assert np.isfinite(ax.collections[0].U).all()


def test_the_ground_lies_where_its_places_are():
    """Every value in the middle of its cell, the first one at the lower left."""
    _, ax = viz.new_figure()
    viz.ground(torch.arange(9.0), ax, 1.0)
    (image,) = ax.images
    assert image.get_extent() == [-1.5, 1.5, -1.5, 1.5] and image.origin == "lower"
    assert image.get_array()[0, 0] == 0 and image.get_array()[0, 2] == 2


def test_trails_begin_in_one_ring_and_end_in_dots():
    _, ax = viz.new_figure()
    walks = torch.randn(5, 3, 2).double()
    walks[0] = 0.5
    viz.trails(walks, ax)
    *lines, ring, dots = ax.lines
    assert len(lines) == 3 and ring.get_xydata().tolist() == [[0.5, 0.5]]
    np.testing.assert_allclose(dots.get_xydata(), walks[-1])


def test_clouds_and_fields_have_an_ax_each_with_its_name():
    _, axes = viz.new_figure(cols=2)
    viz.clouds({"a": torch.zeros(4, 2), "b": torch.ones(4, 2)}, axes, 2.0)
    assert [ax.get_title() for ax in axes] == ["a", "b"] and axes[0].get_xlim() == (-2, 2)
    _, axes = viz.new_figure(cols=2)
    viz.vector_fields(viz.places(1.0, 3), {"c": torch.ones(9, 2), "d": torch.ones(9, 2)}, axes)
    assert [ax.get_title() for ax in axes] == ["c", "d"]


def test_roads_run_over_a_density_and_tracks_end_where_they_end():
    (_, left), (_, right) = viz.new_figure(), viz.new_figure()
    time, x = torch.linspace(0, 1, 5), torch.linspace(-2, 2, 7)
    viz.roads(time, x, torch.rand(7, 5, generator=seeded()), torch.zeros(5, 3), left)
    assert len(left.lines) == 3 and left.get_xlim() == (0, 1) and left.get_ylim() == (-2, 2)
    stations = torch.rand(4, 6, 2, generator=seeded())
    viz.tracks(stations, right)
    crosses, dots = right.lines[-2:]
    assert torch.equal(torch.as_tensor(crosses.get_xdata()), stations[0, :, 0])
    assert torch.equal(torch.as_tensor(dots.get_ydata()), stations[-1, :, 1])


def test_two_kinds_of_walks_lie_over_the_density_that_they_share():
    time, x = torch.linspace(0, 1, 5), torch.linspace(-1, 1, 7)
    calm, shaken = torch.zeros(5, 2), torch.ones(5, 3)
    _, ax = viz.new_figure()
    viz.strands(time, x, torch.rand(7, 5), calm, shaken, ax)
    assert len(ax.lines) == 5 and len(ax.images) == 1
    white = [line for line in ax.lines if line.get_color() == "white"]
    assert [line.get_ydata().tolist() for line in white] == [[0.0] * 5] * 2


def test_a_walk_is_coloured_as_far_as_it_has_come():
    at, x = torch.linspace(0, 1, 6), torch.arange(12.0).reshape(6, 2)
    _, ax = viz.new_figure()
    viz.so_far(at, x, 3, ax)
    faint, gone, dots = ax.lines[:2], ax.lines[2:4], ax.lines[4]
    assert [len(line.get_xdata()) for line in (*faint, *gone)] == [6, 6, 4, 4]
    assert dots.get_ydata().tolist() == [6.0, 7.0]
