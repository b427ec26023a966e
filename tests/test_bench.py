"""The bench measures what it says: turns are taken, and the errors are against the exact end."""

import re

import pytest
from click.testing import CliRunner

from lessons_lib.course import bench
from lessons_lib.course.bench import growth, loops, timing, truth
from lessons_lib.course.cli import main

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


def test_our_best_is_at_least_as_near_the_truth_as_theirs():
    row = truth.exact_error((10,))[2]
    assert float(row.split("|")[-2]) <= 1


def test_the_whole_loop_ends_on_the_same_pictures():
    for name, w in (("ddim", 3), ("2M", 1)):
        apart = float(loops._loop_row(name, w, 8, 10, 1).split("|")[-2])
        assert apart < 1e-4


def test_memory_does_not_grow_with_the_number_of_steps():
    short, long = growth._peak(2), growth._peak(60)
    pictures = 256 * 3 * 32 * 32 * 4 / 2**20  # MiB
    assert long - short < 10 * pictures  # fifty more of each kept would be over 150


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
    assert re.search("no section 'speed'; there are: step, loop, cuda, error, growth", said.output)


def test_without_the_peer_the_bench_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(timing.importlib, "import_module", missing)
    said = CliRunner().invoke(main, ["bench", "step"])
    assert said.exit_code == 1 and "pip install -e '.[test]'" in said.output
