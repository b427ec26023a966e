"""The walks by hand: right numbers move on, each typical mistake is named."""

import html
import re

import pytest

from lessons_lib import viz
from lessons_lib.course.practice.anew import written
from lessons_lib.course.practice.asking import Blank, judge, put_in
from lessons_lib.course.practice.walks import exact_walk, hand_blend, hand_walk
from lessons_lib.exact import MixtureDenoiser

TWO_POINTS = MixtureDenoiser([[-1.0], [1.0]], [0.3, 0.3])


def enter(widget, number):
    widget.entry.value = str(number)
    return html.unescape(widget.message.value)


def test_the_syllabus_walk_and_its_drift():
    widget = hand_walk()
    for number in (2.090, 2.651, 2.701, 3.027, 3.290, 3.290):
        assert "✓" in enter(widget, number), number
    assert widget.blank() is None and widget.entry.disabled
    assert widget.exact_end() == pytest.approx(3.2904, abs=1e-4)
    assert "drift 0.0004" in widget.prompt.value


@pytest.mark.parametrize(
    "number, hint",
    [
        ("0.209", "forgot to divide"),
        ("20.902", "divided by ᾱ"),
        ("37.91", "added the noise"),
        ("20", "left the noise on"),
        ("2.18", "1 − ᾱ is the noise's variance"),
        ("2", "weight σ, not 1"),
        ("x", "is not a number"),
        ("nan", "not a finite number"),
        ("7.77", "is not x̂0"),
    ],
)
def test_a_wrong_guess_is_named_and_nothing_moves(number, hint):
    widget = hand_walk()
    assert hint in enter(widget, number)
    assert widget.guesses == [] and widget.xs == [2.0]


@pytest.mark.parametrize(
    "number, hint",
    [
        ("1.145", "forgot to put the noise"),
        ("2.936", "kept σ of the level"),
        ("1.715", "kept α of the level"),
        ("2.0", "leads back to where you stand"),
        ("2.09", "x̂0 is the guess"),
        ("1.887", "used ᾱ and 1 − ᾱ"),
    ],
)
def test_a_wrong_step_is_named(number, hint):
    widget = hand_walk()
    enter(widget, "2.09")
    assert hint in enter(widget, number)
    assert widget.xs == [2.0]


def test_a_decimal_comma_is_explained_and_enter_twice_counts_once():
    widget = hand_walk()
    assert "write it like 2.09" in enter(widget, "2,09")
    enter(widget, "2.09")
    widget.button.click()  # the box is empty now
    assert widget.guesses == [2.09]


@pytest.fixture
def undrawn(monkeypatch):
    """Many walks, no pictures: drawing takes nearly all the time."""
    monkeypatch.setattr(viz, "png", lambda figure: b"")
    for walk in (hand_walk, hand_blend):
        monkeypatch.setattr(walk, "draw", lambda self, axes: None)


def test_new_numbers_and_start_again(undrawn):
    widget = hand_walk()
    again, new = widget.children[-1].children
    seen = set()
    for _ in range(5):
        new.click()
        seen.add((widget.xs[0], *widget._rungs))
        while (blank := widget.blank()) is not None:  # every walk can be walked to its end
            right = f"{blank.value:.3f}"
            assert "✓" in enter(widget, right)
        assert widget._rungs[-1] == 1.0
    assert len(seen) == 5
    again.click()
    assert widget.guesses == [] and len(widget.xs) == 1


def test_no_number_is_minus_zero(undrawn):
    """A start of −0 stood there once: of what is shown, nothing rounds to a minus and a zero."""
    shown = [put_in(-0.0), put_in(-1e-4), hand_walk(x=-0.0)._shown([-1e-4], 0)]
    shown.append(hand_walk(x=-0.0)._alt.split()[7])
    assert shown == ["0", "0", "0", "0"]
    assert judge(Blank("x", 0.0, 0.0, [], ("", "")), "-0")[1] == "✓ x = 0"
    widget = hand_walk(seed=1)
    for _ in range(200):
        x, rungs, eps = widget._drawn()
        widget._begin(x, rungs, eps)
        assert "−0" not in {widget._shown(widget.xs, 0), *map(written, eps)}


@pytest.mark.parametrize("make", [hand_walk, hand_blend])
def test_a_hint_tells_the_line_then_its_numbers_and_nothing_moves(undrawn, make):
    widget = make()
    blank = widget.blank()
    for hint in (*blank.hints, blank.hints[1]):
        widget.hint.click()
        assert hint in html.unescape(widget.message.value)
    assert widget.blank() == blank
    enter(widget, f"{blank.value:.3f}")
    widget.hint.click()  # of the next number, from the first hint on
    assert widget.blank().hints[0] in html.unescape(widget.message.value)


@pytest.mark.parametrize("make", [hand_walk, hand_blend])
def test_every_number_can_be_shown_and_the_line_with_its_numbers_gives_it(undrawn, make):
    widget = make()
    while (blank := widget.blank()) is not None:
        line = re.sub("[−·]", lambda sign: {"−": "-", "·": "*"}[sign[0]], blank.hints[1])
        assert eval(line) == pytest.approx(blank.value, abs=blank.slack)
        widget.skip.click()
        assert blank.hints[1] in html.unescape(widget.message.value)
    assert widget.skip.disabled and widget.hint.disabled
    assert "arrived" in widget.prompt.value or "All three" in widget.prompt.value


def test_right_answers_are_never_called_mistakes(undrawn):
    widget = hand_walk(seed=5)
    new = widget.children[-1].children[1]
    for _ in range(20):
        new.click()
        while (blank := widget.blank()) is not None:
            for value, _ in blank.mistakes:
                if abs(value - blank.value) > blank.slack + 0.001:
                    assert judge(blank, f"{value:.3f}")[0] is None
            number, said = judge(blank, f"{blank.value:.3f}")
            assert "✓" in said
            widget.accept(number)


def test_the_exact_walk_asks_the_mixture_where_you_stand():
    widget = exact_walk(TWO_POINTS)
    while (blank := widget.blank()) is not None:
        assert "✓" in enter(widget, f"{blank.value:.3f}")
    assert widget.xs[-1] == pytest.approx(widget.exact_end(), abs=0.02)


def test_the_blend():
    widget = hand_blend()
    assert "✓" in enter(widget, 1.0)
    assert "1 + w" in enter(widget, 3.0)
    assert "scaled the conditional" in enter(widget, 5.0)
    assert "✓" in enter(widget, 2.6) and "✓" in enter(widget, 6.6)
    assert widget.blank() is None
    before = widget.picture.value
    widget.slider.value = 3.0
    assert widget.picture.value != before


@pytest.mark.parametrize("make", [hand_walk, hand_blend])
def test_one_bundle_reads_well_with_no_kernel(make):
    bundle, metadata = make()._repr_mimebundle_()
    assert "image/png" in bundle and metadata["image/png"]["alt"] in bundle["text/plain"]
    assert repr(make()).startswith(make.__name__)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"alpha_bar": (0.5, 0.3, 1.0), "eps": (1, 1)}, "alpha_bar: .* need 0 < first"),
        ({"alpha_bar": (0.0, 1.0), "eps": (1,)}, "alpha_bar"),
        ({"eps": (1.0,)}, "eps: 1 answers for 3 steps"),
    ],
)
def test_a_ladder_that_cannot_be_walked_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        hand_walk(**options)
