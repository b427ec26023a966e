"""The first cell: threads, device, generator, and numbers to three digits."""

import html
import re

import pytest
import torch
from tqdm import tqdm

from lessons_lib.course import start
from lessons_lib.course.start import begin, show, show_table, usable_cores


def test_begin_gives_a_seeded_generator_on_the_cpu():
    device, g = begin(seed=4)
    assert device.type in ("cpu", "cuda") and g.device.type == "cpu"
    expected = torch.rand(3, generator=torch.Generator().manual_seed(4))
    assert torch.equal(torch.rand(3, generator=g), expected)


def test_a_bar_is_not_written_where_errors_are(monkeypatch, capsys):
    monkeypatch.setattr(tqdm, "__init__", tqdm.__init__)  # put back in the end
    monkeypatch.setattr(start, "in_notebook", lambda: True)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    begin()
    assert list(tqdm(range(3), desc="walk")) == [0, 1, 2]
    said = capsys.readouterr()
    assert "walk: 100%" in said.out and said.err == ""


def test_threads_are_never_more_than_the_cores(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        for asked, given in ((1, 1), (64, usable_cores()), (0, 1)):
            begin(threads=asked)
            assert torch.get_num_threads() == given
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        begin(threads=64)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_show_prints_three_significant_digits(capsys):
    show(0.9408, 3.29, 1.0, torch.tensor([[1.0, 2.5]]), 1e-5, 1729.3, 42, True, "ok", -0.0)
    assert (
        capsys.readouterr().out
        == "0.941 3.29 1.00 [[1.00 2.50]] 1.00e-05 1.73e+03 42 True ok 0.00\n"
    )
    show(0.97499, digits=2)
    assert capsys.readouterr().out == "0.97\n"


@pytest.mark.parametrize(
    "value, error, decimals, said",
    [
        (0.28412, 0.0018, None, "0.2841 ± 0.0018"),
        (0.28412, 0.0018, 3, "0.284 ± 0.002"),
        (12.04, 0.0996, None, "12.04 ± 0.10"),  # no digit that the error drowns
        (1234.4, 33.0, None, "1234 ± 33"),
        (2.0, 0.0, None, "2.00"),
        (2.0, 0.0, 1, "2.0 ± 0.0"),
    ],
)
def test_a_measurement_is_rounded_where_its_error_is(capsys, value, error, decimals, said):
    show_table(["x"], [[{"value": value, "half": error}]], decimals=decimals)
    assert capsys.readouterr().out.split("\n")[1].strip() == said


HEAD = ("sampler", "calls", "W₂ < 1")
ROWS = [("DDIM", 5, {"value": 0.284, "half": 0.018}), ("a & b", 1000, torch.tensor(0.5))]


def test_a_table_stands_in_columns(capsys):
    show_table(HEAD, iter(ROWS))
    assert capsys.readouterr().out.splitlines() == [
        "sampler  calls         W₂ < 1",
        "DDIM         5  0.284 ± 0.018",
        "a & b     1000          0.500",
    ]


def test_a_table_says_the_same_in_html_and_nothing_else(monkeypatch):
    """The rule for numbers in prose reads the HTML, too: a number in its style would be one."""
    monkeypatch.setattr(start, "in_notebook", lambda: True)
    said = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: said.append(bundle))
    show_table(HEAD, ROWS)
    text, rich = said[0]["text/plain"], said[0]["text/html"]
    cells = [html.unescape(c) for c in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", rich)]
    assert " ".join(cells).split() == text.split()
    assert not re.search(r"\d", "".join(re.findall(r"<[^>]*>", rich)))
    assert rich.count("text-align:left") == len(ROWS) + 1  # words: one column, its head too


def test_a_head_without_words_is_none(monkeypatch):
    monkeypatch.setattr(start, "in_notebook", lambda: True)
    said = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: said.append(bundle))
    show_table(("", "calls"), [("DDIM", 5)])
    assert re.findall(r"<(t[hd])\b", said[0]["text/html"]) == ["td", "th", "th", "td"]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="rows: .* has 2 cells, and must have 3"):
        show_table(HEAD, [*ROWS, ("DDPM", 5)])
