"""The bench measures what it says: turns are taken, and the errors are against the exact end."""

import math
import re
from functools import partial

import pytest
import torch
from click.testing import CliRunner

from lessons_lib.course import bench
from lessons_lib.course.bench import growth, loops, networks, paths, timing, truth
from lessons_lib.course.cli import main
from lessons_lib.course.recipes import digit_denoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine

pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # theirs, of numpy


def test_both_sides_take_turns_after_a_run_to_warm_up():
    order = []
    seconds = timing.take_turns({name: lambda n=name: order.append(n) for name in "ab"}, 3)
    assert "".join(order) == "ab" + "ababab"
    assert [len(seconds[name]) for name in "ab"] == [3, 3]


def test_a_ratio_is_of_neighbouring_runs():
    """A machine that slows down for both sides alike does not change it."""
    assert timing.ratio([1, 2, 10], [2, 4, 20]) == 0.5


@pytest.mark.parametrize("n", [6, 7, 9, 30, 41])
def test_an_interval_covers_the_median_and_is_the_tightest_that_does(n):
    """Counted with a coin: each value is as likely above the true median as below."""
    ranks = list(range(1, n + 1))
    middle, low, high = timing.interval(list(reversed(ranks)))
    assert middle == (n + 1) / 2 and low + high == n + 1
    missed = lambda k: 2 * sum(math.comb(n, i) for i in range(k)) / 2**n  # ends k and n + 1 - k
    assert missed(low) <= 0.05 < missed(low + 1)
    draws = torch.randn(4000, n, generator=seeded(n)).exp() / 7  # of median 1 / 7, and skewed
    ends = torch.tensor([timing.interval(row)[1:] for row in draws.tolist()])
    covered = ((ends[:, 0] <= 1 / 7) & (1 / 7 <= ends[:, 1])).float().mean()
    assert float(covered) == pytest.approx(1 - missed(low), abs=0.015)


def test_five_values_have_no_interval():
    with pytest.raises(ValueError, match="values: 5 given; need 6 or more"):
        timing.interval([1.0] * 5)


@pytest.mark.parametrize("w", [1, 3])
def test_the_bare_network_is_asked_what_the_loop_asks_it(w):
    """The limit is a limit: the same levels, the same conditions, pictures of the same shape."""
    told = {"net": [], "loop": []}

    def net(side, x, t, c):
        told[side].append((tuple(x.shape), float(t.time), c.tolist()))
        return 0 * x

    c, ladder, x = torch.tensor([3, 1, 4]), loops.grid(cosine, 4), torch.randn(3, 1, 8, 8)
    loops._bare(partial(net, "net"), ladder, c, w, x)
    ask = lambda x, t, c: net("loop", x, t, c)
    loops.sample(loops.ddim, loops.asking(ask, c, w), x, ladder)
    assert told["net"] == told["loop"] and len(told["net"]) == 4


def test_the_loop_is_held_against_the_bare_network():
    head, _, row = loops.over_the_limit(pairs=6, n=2, steps=2, ws=(1,))
    assert "95 % interval" in head
    _, _, net, loop, middle, interval, _ = row.split("|")
    low, high = map(float, interval.split(" to "))
    assert float(net) > 0 and float(loop) > 0 and low <= float(middle) <= high
    assert 0.5 < float(middle) < 5


def test_every_operation_of_a_convolution_is_counted_and_all_the_time_is_shared_out():
    """As torch counts them, on a network with convolutions of every kind and matrices besides."""
    three, one = torch.nn.Conv2d(40, 48, 3, padding=1), torch.nn.Conv2d(48, 3, 1)
    x = torch.zeros(2, 40, 8, 8)
    run = lambda: one(three(x)).flatten(0, 1).bmm(torch.zeros(6, 8, 4))
    found = networks.profiled(run)
    assert sum(share for share, _ in found.values()) == pytest.approx(1)
    done = {kind: each for kind, (_, each) in found.items() if each}
    assert done == {
        "convolutions, 3×3, on 8×8 places": networks.operations(lambda: three(x)),
        "convolutions, 1×1": networks.operations(lambda: one(three(x)))
        - networks.operations(lambda: three(x)),
    }
    assert sum(done.values()) == networks.operations(run) - 2 * (6 * 8) * 8 * 4


def test_where_the_work_is_the_time_is():
    x = torch.zeros(64, 64, 64)
    share = {kind: each for kind, (each, _) in networks.profiled(lambda: x.bmm(x)).items()}
    assert max(share, key=share.get) == "attention, linear layers"


def test_our_best_is_at_least_as_near_the_truth_as_theirs():
    row = truth.exact_error((10,), fine=200)[2]
    assert float(row.split("|")[-2]) <= 1


def test_the_table_of_orders_says_what_the_papers_say():
    rows = [line.split("|")[1:4] for line in truth.orders((20, 40))[2:]]
    found = {name.strip(): float(slope) for name, _, slope in rows}
    assert found.pop("DDIM") == pytest.approx(1, abs=0.15)
    assert all(slope > 1.7 for slope in found.values())


def test_the_whole_loop_ends_on_the_same_pictures():
    for name, w in (("ddim", 3), ("2M", 1)):
        apart = float(loops._loop_row(name, w, 8, 10, 1).split("|")[-2])
        assert apart < 1e-4


def test_the_peers_network_is_told_the_same_attributes():
    from lessons_lib import data, levels

    drawn, net = data.shapes(3, seeded(0)), networks.TheirNet().eval()
    t, unknown = levels.cosine(0.5), torch.full_like(drawn.attributes, -1)
    with torch.no_grad():
        blank, told = net(drawn.pictures, t), net(drawn.pictures, t, drawn.attributes)
        torch.testing.assert_close(net(drawn.pictures, t, unknown), blank)
    assert told.shape == drawn.pictures.shape and (told - blank).abs().flatten(1).sum(1).min() > 0


def test_a_budget_of_processor_time_ends_a_training():
    from lessons_lib import learn

    x0 = torch.randn(64, 1, 8, 8, generator=seeded(0)).clamp(-1, 1)
    run = partial(
        learn.train,
        digit_denoiser(),
        learn.batches(x0),
        cosine,
        generator=seeded(1),
    )
    done = networks._within(run, 0.2)
    assert done.step >= 26 and math.isfinite(done.loss)


def test_memory_does_not_grow_with_the_number_of_steps():
    short, long = growth._peak(2), growth._peak(60)
    pictures = 256 * 3 * 32 * 32 * 4 / 2**20  # MiB
    assert 100 < short < 1000  # torch and a few tensors
    assert long - short < 10 * pictures  # fifty more of each kept would be over 150


def test_a_likelihood_says_how_often_it_asks():
    _, _, walk, probe, exact = paths.likelihood_cost(repeats=1, n=2, steps=2)
    asked = [[part.strip() for part in line.split("|")][2:4] for line in (walk, probe, exact)]
    assert asked == [["50", "0"], ["8", "8"], ["8", "512"]]  # RK4 looks four times a step


def test_a_reflow_costs_its_pairs_and_its_training():
    *_, first, pairs, again, both = paths.reflow_cost(repeats=1, share=1000)
    took = [float(line.split("|")[2]) for line in (pairs, again, both)]
    assert took[0] + took[1] == pytest.approx(took[2], abs=0.02) and first.endswith("| 1.00 |")


def test_what_was_not_measured_says_so(monkeypatch):
    monkeypatch.setattr(loops.torch.cuda, "is_available", lambda: False)
    assert all("not measured yet" in line for line in loops.cuda_loop()[2:])


def test_a_section_of_the_page_is_replaced_and_the_others_stay():
    page = "# Page\n\nWords.\n\n## One\n\nold\n\n## Two\n\nkept\n"
    page = bench.merged(page, ["## One", "", "new"])
    assert page == "# Page\n\nWords.\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    assert bench.merged(page, ["## Three"]).endswith("kept\n\n## Three\n")


def test_an_unknown_section_is_named_with_those_there_are():
    said = CliRunner().invoke(main, ["bench", "speed"])
    assert said.exit_code == 2
    assert re.search("no section 'speed'; there are: step, loop, cuda, order, error", said.output)


def test_without_the_peer_the_bench_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(timing.importlib, "import_module", missing)
    said = CliRunner().invoke(main, ["bench", "step"])
    assert said.exit_code == 1 and "pip install -e '.[test]'" in said.output
