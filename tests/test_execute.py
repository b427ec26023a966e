"""Running, normalising and judging notebooks; each bad notebook here must be caught."""

import base64
import copy
import json
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import cell

from lessons_lib.course.notebooks.execute import (
    LANGUAGE,
    WIDGET_VIEW,
    dumps,
    load,
    normalise,
    run,
    save,
)
from lessons_lib.course.notebooks.reading import claims, tree, values
from lessons_lib.course.notebooks.rules import definitions, problems, way

PNG = base64.b64encode(b"\x89PNG tiny").decode()


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(metadata=None, **data):
    data = {key.replace("__", "/"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def folded(made):
    made["metadata"]["jupyter"] = {"source_hidden": True}
    return made


def good_cells():
    alt = {"image/png": {"alt": "a tiny picture"}}
    return [
        cell("markdown", "# Small\n\nThe value 0.25 and 12 % are found."),
        folded(cell("code", "print(0.25)", outputs=[stream("0.25\n")])),
        cell("code", "rate = 0.12"),
        cell("code", "plt.show()", outputs=[display(alt, image__png=PNG)]),
    ]


@pytest.fixture
def judge(write):
    """judge(cells) -> the problems of a notebook with these cells, normalised as far as may be."""

    def judge(cells, tidy=True):
        path = write(cells)
        if tidy:
            save(normalise(load(path)), path)
        return "\n".join(problems(path))

    return judge


# ---- running


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Two runs of one notebook that prints, warns, sleeps a little and ends in a value."""
    source = [
        "import sys, os; print(sys.executable)",
        "print(os.getcwd()); print('to stderr', file=sys.stderr); print(os.environ['COLOUR'])",
        "block = bytearray(80_000_000); import time; time.sleep(0.3); len(block)",
        "print(os.environ['LESSONS_PLAIN'])",
    ]
    cells = [cell("code", text, id=f"c{i}") for i, text in enumerate(source)]
    nb = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    path = tmp_path_factory.mktemp("run") / "small.ipynb"
    save(nb, path)
    # A kernel that the user registered for another environment, under the usual name.
    kernels = tmp_path_factory.mktemp("jupyter")
    foreign = kernels / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/no/such/python"], "display_name": "another", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(kernels))
        seen = []
        first = run(path, env={"COLOUR": "green"}, progress=lambda i, n: seen.append((i, n)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    return path, first


def test_run_uses_this_python_the_notebooks_folder_and_the_environment(executed):
    path, result = executed
    assert result.error is None
    text = [c.outputs[0].text for c in result.notebook.cells if c.outputs[0].get("text")]
    assert text[0].strip() == sys.executable  # not the foreign python3
    assert text[1].split() == [str(path.parent), "green"] or "to stderr" in text[1]
    assert text[-1] == "1\n"


def test_run_measures_time_and_memory_and_leaves_the_file_alone(executed):
    path, result = executed
    assert 0.3 < result.seconds < 60
    assert 100e6 < result.peak_bytes < 2e9  # 80 MB on top of a kernel
    assert not any(c.outputs for c in load(path).cells)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("keep_going", [False, True])
def test_an_error_is_named_and_keep_going_runs_on(write, keep_going):
    path = write([cell("code", "1 / 0"), cell("code", "print('after')")])
    result = run(path, keep_going=keep_going)
    last = result.notebook.cells[1].outputs
    if keep_going:
        assert result.error is None and last[0].text == "after\n"
    else:
        assert result.error == "cell 1 (small-0): ZeroDivisionError: division by zero"
        assert not last


def test_a_cell_that_never_ends_is_an_error(write):
    result = run(write([cell("code", "while True: pass")]), timeout=1)
    assert "cell 1" in result.error and "Timeout" in result.error


def test_a_dead_kernel_is_an_error(write):
    result = run(write([cell("code", "import os; os._exit(1)")]))
    assert "cell 1" in result.error and "DeadKernel" in result.error


def test_what_is_no_notebook_is_named(tmp_path):
    path = tmp_path / "broken.ipynb"
    cells = ("", '"x"', '["x"]', "[1]", "[{}]", '[{"cell_type": "code", "source": 3}]')
    texts = ["", "{", "[]", "3", '{"nbformat": 3}', '{"nbformat": 4}', "[" * 100_000]
    for text in (*texts, *(f'{{"nbformat": 4, "cells": {each}}}' for each in cells)):
        path.write_text(text)
        with pytest.raises(ValueError, match="broken.ipynb is not a Jupyter notebook"):
            load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="broken.ipynb is not a Jupyter notebook"):
        load(path)
    for gone in (tmp_path / "absent.ipynb", tmp_path):
        with pytest.raises(ValueError, match=f"{gone} cannot be read: "):
            load(gone)


def test_save_is_whole_or_not_at_all(write, monkeypatch):
    path = write(good_cells())
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        save(load(path), path)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


# ---- normalising


def test_normalise_takes_out_what_differs_and_keeps_the_rest():
    bundle = display(text__plain="a slider", image__png=PNG)
    bundle["data"][WIDGET_VIEW] = {"model_id": "0f3a"}
    only_view = display()
    only_view["data"][WIDGET_VIEW] = {"model_id": "0f3b"}
    value = {"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}}
    messy = cell(
        "code",
        "1",
        "slow",
        id="a",
        execution_count=41,
        outputs=[
            stream("a\n"),
            stream("warning", "stderr"),
            stream("b\n"),
            bundle,
            only_view,
            value | {"execution_count": 41},
        ],
    )
    messy["metadata"] |= {"execution": {"iopub.status.busy": "now"}, "scrolled": True}
    cells = [cell("code", "  ", id="empty"), messy, copy.deepcopy(messy)]
    metadata = {"widgets": {"state": {}}, "language_info": {"version": "3.11.7"}, "title": "kept"}
    nb = nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    )
    tidy = normalise(nb)
    nbformat.validate(tidy)
    assert set(tidy.metadata) == {"title", "kernelspec", "language_info"}
    assert tidy.metadata.language_info == LANGUAGE  # and no version
    assert [c.execution_count for c in tidy.cells] == [None, 1, 2]
    assert [c.id for c in tidy.cells] == ["empty", "a", "a-2"]
    assert set(tidy.cells[1].metadata) == {"tags", "slideshow"}
    kinds = [o.get("text") or sorted(o.data) for o in tidy.cells[1].outputs]
    assert kinds == ["a\nb\n", ["image/png", "text/plain"], ["text/plain"]]
    assert tidy.cells[1].outputs[-1].execution_count == 1
    assert dumps(normalise(tidy)) == dumps(tidy)  # idempotent
    assert nb.cells[1].metadata.scrolled  # the original is untouched


@pytest.mark.parametrize(
    "text",
    [
        "saved to /home/ada/x.png",
        "File '/usr/lib/python3.11/a.py'",
        "<a href='file:///tmp/x'>",
        r"C:\Users\ada\x",
        "<function f at 0x7f3a5c0b1d00>",
        sys.prefix,
    ],
)
def test_normalise_refuses_paths_and_addresses(text):
    cells = [cell("code", "print(1)", id="a", outputs=[stream(text)])]
    nb = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    with pytest.raises(ValueError, match=r"cell 1 \(a\) prints"):
        normalise(nb)


@pytest.mark.parametrize("text", ["alpha/tmp = 2", "x/root-mean", "1/2", "~/x", "colour 0x00ff00"])
def test_normalise_lets_ordinary_text_pass(text):
    cells = [cell("code", "print(1)", id="a", outputs=[stream(text)])]
    normalise(
        nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )


def test_two_runs_give_the_same_bytes(write):
    source = [
        "import sys; print('a'); print('x', file=sys.stderr); print('b')",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "import ipywidgets\nipywidgets.IntSlider()",
        "{'set': {'one', 'two', 'three'}}",
    ]
    path = write([cell("code", text) for text in source])
    first, second = (dumps(normalise(run(path).notebook)) for _ in range(2))
    assert first == second and "image/png" in first and WIDGET_VIEW not in first


def test_a_normalised_notebook_becomes_a_script_and_it_runs(write):
    path = write([cell("markdown", "# Small"), cell("code", "print(1 + 1)")])
    save(normalise(load(path)), path)
    words = [sys.executable, "-m", "nbconvert", "--to", "script", str(path)]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    script = path.with_suffix(".py")  # and not .txt
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout == "2\n"


def test_what_was_not_reached_shows_no_old_output(write):
    old = [stream("an old result\n")]
    path = write([cell("code", "1 / 0"), cell("code", "print(2)", outputs=old)])
    assert [len(c.outputs) for c in run(path).notebook.cells] == [1, 0]
    path = write(
        [cell("code", "import os; os._exit(0)", outputs=old), cell("code", "", outputs=old)]
    )
    done = run(path)
    assert "DeadKernelError" in done.error and not any(c.outputs for c in done.notebook.cells)


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for a process the POSIX way")
def test_a_loop_that_nothing_interrupts_is_ended_with_its_kernel(write):
    endless = (
        "while True:\n    try:\n        time.sleep(9)\n    except BaseException:\n        pass"
    )
    first = "import os, time, signal; print(os.getpid(), flush=True)\n"
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    path = write([cell("code", first + deaf + endless), cell("code", "print(2)")])
    done = run(path, timeout=3)
    assert "cell 1 (small-0): CellTimeoutError" in done.error and done.seconds < 60
    pid = int(done.notebook.cells[0].outputs[0].text)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ---- judging: the good notebook passes, and each bad one is caught


def test_a_good_notebook_has_no_problems(judge):
    assert judge(good_cells()) == ""


def spoiled(change):
    cells = good_cells()
    change(cells)
    return cells


ERROR = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": []}
BIG = base64.b64encode(bytes(100_001)).decode()


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (lambda c: [each.update(outputs=[]) for each in c[1:]], "stripped"),
        (lambda c: c[1].update(outputs=[]), "cell 2 prints or shows something, and has no output"),
        (lambda c: c[1].update(outputs=[ERROR]), "cell 2 ends in an error: NameError"),
        (lambda c: c[0]["metadata"].pop("slideshow"), "cell 1 has slide_type None"),
        (lambda c: c[1]["metadata"].pop("jupyter"), "cell 2, the first with code, is not folded"),
        (lambda c: c[2].update(source="x = 0.12  # x̂"), "cell 3 has 'x̂' in its code"),
        (lambda c: c[3]["outputs"][0].update(metadata={}), "cell 4 shows a figure without alt"),
        (lambda c: c[3]["outputs"][0]["data"].update({"image/png": BIG}), "PNG of 100,001 bytes"),
        (lambda c: c[0].update(source="# Small\n\nIt is 0.26."), "cell 1 says '0.26'"),
        (lambda c: c[0].update(source="# Small\n\nIt is 13 %."), "cell 1 says '13 %'"),
        (lambda c: c.insert(1, cell("markdown", "## Next\n")), "cell 1 says '0.25'"),
        (lambda c: c[2].update(source="x = 0.12\n" * 41), "cell 3 has 41 lines"),
        (lambda c: c[2].update(source="x = 0.12\n" * 20), "a tenth of the code cells"),
        (lambda c: [e.update(source="x = .12\n" * 7) for e in c[1:]], "median code cell has 7"),
        (lambda c: c[2].update(outputs=[stream("x" * 2_000_001)]), "at most 2,000,000"),
        (
            lambda c: c[2].update(source="def q_sample(x0, t, eps):\n    return x0"),
            "cell 3 defines q_sample, and not as lessons_lib.diffuse does",
        ),
    ],
)
def test_each_bad_notebook_is_caught(judge, change, caught):
    assert caught in judge(spoiled(change))


def widget_view(cells):
    cells[3]["outputs"][0]["data"][WIDGET_VIEW] = {"model_id": "0f3a"}


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (widget_view, "cell 4 holds a widget view"),
        (lambda c: c[1]["outputs"].append(stream("x", "stderr")), "cell 2 writes to stderr"),
        (lambda c: c[1].update(execution_count=7), "execution counts are [7"),
        (lambda c: c[1].update(id="small-0"), "cell 2 has the id 'small-0' of an earlier cell"),
        (lambda c: c[1].update(id=""), "cell 2 has no id"),
        (lambda c: c[1]["metadata"].update(execution={}), "not normalised"),
        (lambda c: c[1].update(outputs=[stream("/home/ada")]), "prints '/home/ada'"),
    ],
)
def test_each_untidy_notebook_is_caught(judge, change, caught):
    assert caught in judge(spoiled(change), tidy=False)


def test_tags_exempt_what_is_given_noise_or_an_exercise(judge):
    cells = good_cells()
    cells[0] = cell("markdown", "# Small\n\nIt is 0.26.", "given")
    cells[2] = cell("code", "def q_sample(x0, t, eps):\n    ...", "exercise:x.q_sample")
    alt = {"image/png": {"alt": "noise"}}
    cells[3] = cell("code", "plt.show()", "noise", outputs=[display(alt, image__png=BIG)])
    assert judge(cells) == ""


def test_a_notebook_leads_to_its_neighbours_and_the_map(write):
    """Whatever notebooks there are: the next one is covered when its file is there."""
    home, last = (write([cell("markdown", f"# {n} Word")], f"{n}_w.ipynb") for n in ("00", "09"))
    assert way(home) == "[map of the course](#The-map-of-the-course) · [09 Word →](09_w.ipynb)"
    back = "[← 00 Word](00_w.ipynb) · [map of the course](00_w.ipynb#The-map-of-the-course)"
    assert way(last) == back
    write([cell("markdown", "# 05 Word")], "05_w.ipynb")
    assert "[← 05 Word](05_w.ipynb)" in way(last) and "[05 Word →](05_w.ipynb)" in way(home)
    framed = [cell("markdown", way(last)), *good_cells()]
    path = write(framed, "09_w.ipynb")
    assert [line for line in problems(path) if "must read" in line] == [
        f"09_w.ipynb: the last cell must read: {way(path)}"
    ]


def test_a_check_without_output_is_caught(judge):
    cells = [*good_cells(), cell("code", "grade = 1", "check:x.f")]
    assert "cell 5 prints or shows" in judge(cells)


def test_the_same_lines_with_other_words_around_them_are_the_same():
    ours = "def f(x: int, /) -> int:\n    '''Say.'''\n    return x + 1  # why"
    theirs = "def f(x, /):\n    return x + 1"
    assert definitions(tree(ours)) == definitions(tree(theirs))
    assert definitions(tree(ours)) != definitions(tree(theirs.replace("+ 1", "+ 2")))
    assert definitions(tree("%matplotlib inline\n" + theirs)) == definitions(tree(theirs))


@pytest.mark.parametrize(
    ("prose", "value"),
    [
        ("0.93", 0.93),
        (".5", 0.5),
        ("$\\beta = 0.02$", 0.02),
        ("12 %", 0.12),
        (r"$97\%$", 0.97),
        ("1.7e-4", 1.7e-4),
        (r"$1.7 \times 10^{-4}$", 1.7e-4),
        ("1.7 · 10⁻⁴", 1.7e-4),
    ],
)
def test_numbers_are_read_as_a_reader_reads_them(prose, value):
    assert [v for _, v in claims(f"so {prose}, then")] == pytest.approx([value])
    assert any(v == pytest.approx(value) for v in values(f"= {value}\n"))


@pytest.mark.parametrize(
    "prose",
    ["three of 10 in 2020", "[x](https://a.b/2006.11)", "arXiv:2006.11239", "## 1.2 Noise", "x.2d"],
)
def test_what_is_no_result_is_not_asked_for(prose):
    assert claims(prose) == []


def test_nbval_catches_a_wrong_output_and_an_error_and_passes_the_right_one(write, tmp_path):
    expected = [("print(1 + 1)", "2\n"), ("print(1 + 1)", "3\n"), ("1 / 0", "")]
    write(
        [
            cell("code", source, execution_count=i, outputs=[stream(text)] if text else [])
            for i, (source, text) in enumerate(expected, 1)
        ]
    )
    words = ["-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "--color=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-c", os.devnull, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert "Cell 1" in done.stdout and "ZeroDivisionError" in done.stdout
