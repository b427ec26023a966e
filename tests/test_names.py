"""Which names a cell sets and reads: an answer is given the cells it needs, and no others."""

import pytest

from lessons_lib.course.notebooks.names import feeding, rebound


def test_feeding_keeps_what_defines_the_names_and_nothing_else():
    cells = [
        "import torch",
        "table = [1]",
        "def helper(x):\n    return late",
        "def helper(x):\n    return table[0] * x",
        "net = train(steps=100000)",
        "def other(x):\n    return helper(net)",
        "this is no Python",
    ]
    assert feeding(cells, {"helper", "x"}) == [cells[1], cells[3]]
    assert feeding(cells, {"torch"}) == cells[:1]
    assert feeding(cells, set()) == []


@pytest.mark.parametrize(
    "change",
    [
        "helper = other",
        "helper.k = 3",
        "helper.table[2].append(3)",
        "helper += 1",
        "helper[0] += 1",
        "helper[0] = 1",
        "for helper in range(3): pass",
        "with open('f') as helper: pass",
        "(a, helper) = 1, 2",
        "import x.y as helper",
        "if (helper := 3): pass",
        "class helper: pass",
        "%%time\nhelper = 1",
        "%matplotlib inline\nhelper = 1",
    ],
)
def test_feeding_keeps_whatever_may_change_a_name(change):
    assert feeding([change, "print(0)"], {"helper"}) == [change]


@pytest.mark.parametrize("other", ["print(helper)", "def g(helper): return helper", "helpers = 1"])
def test_feeding_drops_what_only_reads(other):
    assert feeding([other], {"helper"}) == []


def test_what_is_wanted_stays_with_what_it_needs():
    cells = ["a = 1", "b = train()", "c = a", "plot(b)", "show(c)"]
    assert feeding(cells, set(), ["show(c)"]) == ["a = 1", "c = a", "show(c)"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    y = 1", {"f"}),
        ("class c: pass", {"c"}),
        ("import a.b, c as d", {"a", "d"}),
        ("from a import b as c", {"c"}),
        ("x = y, (z, *w) = 1, (2, 3)", {"x", "y", "z", "w"}),
        ("x: int = 1", {"x"}),
        ("x: int", set()),
        ("x += 1", set()),
        ("x[0] = y.z = 1", set()),
        ("if x:\n    y = 1", set()),
        ("%%time\nx = 1", {"x"}),
    ],
)
def test_rebound_names_are_those_that_are_set_whatever_was_before(source, names):
    assert rebound(source) == names
