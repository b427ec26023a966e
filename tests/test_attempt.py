"""The self-check engine: each outcome, its sentences, and that it disturbs nothing."""

import functools
import os
import random
import signal
import sys
import threading
import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch

from lessons_lib.course import say
from lessons_lib.course.checking import hints
from lessons_lib.course.checking.attempt import check, exercise, find, grade, probe
from lessons_lib.course.checking.hints import hint, new_numbers, reveal
from lessons_lib.course.checking.sandbox import STATE
from lessons_lib.course.say import OPEN, RIGHT, WRONG
from lessons_lib.diffuse import q_sample  # noqa: F401  what a notebook imports after a check

ID = "start.warm_up"


@pytest.fixture(autouse=True)
def lesson(monkeypatch):
    """A lesson with nothing set: rich where a notebook is, fresh seeds, no strictness."""
    monkeypatch.delenv("LESSONS_PLAIN", raising=False)
    monkeypatch.delenv("LESSONS_STRICT", raising=False)
    monkeypatch.setenv("LESSONS_PROGRESS", "off")
    hints._given.clear()
    hints._asked.clear()


def noisy(x0, alpha, sigma, eps):
    return alpha * x0 + sigma * eps


def message(answer, id=ID, seed=5):
    result = grade(id, answer, seed)
    assert result.symbol == WRONG
    return result.message


# --- the three outcomes ---------------------------------------------------------------------------


def passes(x0, alpha, sigma, eps):
    pass


def dots(x0, alpha, sigma, eps):
    """A docstring is no answer."""
    return ...


def none(x0, alpha, sigma, eps):
    return None


def raises(x0, alpha, sigma, eps):
    raise NotImplementedError("your turn")


def half_written(x0, alpha, sigma, eps):
    second = ...
    return alpha * x0 + second


def forgot_return(x0, alpha, sigma, eps):
    alpha * x0 + sigma * eps  # noqa: B018


@pytest.mark.parametrize(
    "answer", [..., None, passes, dots, none, raises, half_written, forgot_return]
)
def test_not_written_yet(answer):
    result = grade(ID, answer)
    assert result.symbol == OPEN and result.message.startswith("not written yet")


@pytest.mark.parametrize(
    "fails, said",
    [
        (lambda: torch.ones(2, 2).half().cholesky_solve(torch.ones(2, 2).half()), "for 'Half'"),
        (lambda: torch.empty(2, device="meta").to("cpu"), "Cannot copy out of meta"),
        (lambda: torch.nn.Module()(1), 'missing the required "forward"'),
    ],
)
def test_what_torch_cannot_do_is_not_called_unwritten(fails, said):
    """A NotImplementedError is a blank only where the student's own line raises it."""
    told = message(lambda x0, alpha, sigma, eps: fails())
    assert "NotImplementedError" in told and said in told


def test_a_helper_that_is_not_written_yet_is_a_blank():
    assert grade(ID, lambda x0, alpha, sigma, eps: raises(x0, alpha, sigma, eps)).symbol == OPEN


def test_right_says_what_was_tested():
    result = grade(ID, noisy)
    assert result == (RIGHT, result.message, None, find(ID).tested)
    probes = len(find(ID).probes(torch.Generator().manual_seed(5)))
    assert f"{probes} probes" in result.message and find(ID).tested[0] in result.message


def test_known_mistake_is_named_with_its_section():
    result = grade(ID, lambda x0, alpha, sigma, eps: sigma * x0 + alpha * eps)
    assert result.symbol == WRONG and result.hint_name == "swapped"
    assert "Read again: “Your first answer”" in result.message


def test_unknown_mistake_names_the_identity_the_probe_and_the_size():
    said = message(lambda x0, alpha, sigma, eps: alpha * x0 + sigma * eps + 0.5)
    probes = len(find(ID).probes(torch.Generator().manual_seed(5)))
    assert "this should hold" in said and f"off by 0.5 (probe 1 of {probes}, seed 5)" in said


def test_a_failed_probe_can_be_replayed():
    first, again = probe(ID, 1, seed=5), probe(ID, 1, seed=5)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], probe(ID, 1, seed=6)[0])


def test_probes_are_fresh_each_time():
    seen = []

    def remembers(x0, alpha, sigma, eps):
        seen.append(alpha)
        return alpha * x0 + sigma * eps

    grade(ID, remembers)
    first = seen.copy()
    grade(ID, remembers)
    assert first[0] != seen[len(first)]


def test_unknown_id_names_the_nearest():
    with pytest.raises(ValueError, match="'forward.qsample'.*forward.q_sample"):
        check("forward.qsample", noisy)


# --- what an answer may get wrong -----------------------------------------------------------------


def test_result_instead_of_function():
    assert "pass the function itself, `noisy`, not a Tensor" in message(torch.zeros(3))


def test_exception_quotes_the_line():
    def fails(x0, alpha, sigma, eps):
        return alpha * x0 + sigma * noise  # noqa: F821

    said = message(fails)
    assert "your line `return alpha * x0 + sigma * noise" in said and "NameError" in said


def test_wrong_number_of_arguments_shows_how_it_is_called():
    assert "called as `noisy(x0, alpha, sigma, eps)`" in message(lambda x0, alpha: x0)


def test_exit_is_only_a_hint():
    assert "SystemExit" in message(lambda *probe: sys.exit(1))


@pytest.mark.parametrize(
    "answer, said",
    [
        (lambda x0, alpha, sigma, eps: (alpha * x0 + sigma * eps)[None], "has shape (1, 4)"),
        (lambda x0, alpha, sigma, eps: (alpha * x0, sigma * eps), "has 2 parts, where 1"),
        (lambda x0, alpha, sigma, eps: "x", "the result is a str"),
        (lambda x0, alpha, sigma, eps: (alpha * x0 + sigma * eps).long(), "torch.int64"),
        (lambda x0, alpha, sigma, eps: alpha * x0 + sigma * eps / 0, "NaN or infinity"),
    ],
)
def test_wrong_kind_of_result(answer, said):
    assert said in message(answer)


def test_numpy_and_float32_results_are_fine():
    as_numpy = grade(ID, lambda x0, a, s, eps: a * x0.numpy() + s * eps.numpy())
    as_float = grade(ID, lambda x0, a, s, eps: a * x0.float() + s * eps.float())
    assert as_numpy.symbol == as_float.symbol == RIGHT


def test_hidden_state_is_found():
    calls = []

    def counts(x0, alpha, sigma, eps):
        calls.append(1)
        return alpha * x0 + sigma * eps + (len(calls) > 12)

    assert "two results" in message(counts)


def test_random_answers_are_found():
    assert "two results" in message(lambda x0, a, s, eps: a * x0 + s * eps * torch.rand(()))


def test_changed_input_is_found():
    def in_place(x0, alpha, sigma, eps):
        return x0.mul_(alpha).add_(sigma * eps)

    assert "changes its input" in message(in_place)


def test_works_in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(grade(ID, noisy).symbol))
    thread.start()
    thread.join()
    assert found == [RIGHT]


# --- not your own ---------------------------------------------------------------------------------


def q_sample_is_reference(x0, n, eps, alpha_bar):
    return q_sample(x0, n, eps)


def helper(x0, n, eps):
    return [q_sample(x, n, e) for x, e in zip(x0, eps, strict=True)]


def q_sample_by_helper(x0, n, eps, alpha_bar):
    return helper(x0, n, eps)


def q_sample_by_import(x0, n, eps, alpha_bar):
    from lessons_lib import diffuse

    return diffuse.q_sample(x0, n, eps)


@pytest.mark.parametrize(
    "answer",
    [
        q_sample,
        functools.partial(q_sample),
        q_sample_is_reference,
        q_sample_by_helper,
        q_sample_by_import,
        find("forward.q_sample").answer,
    ],
)
def test_borrowed_answers_are_refused(answer):
    assert "not your own" in message(answer, id="forward.q_sample")


def test_other_library_functions_are_tools():
    """The training step may use the library's q_sample: that is another exercise."""

    def training_step(net, optimiser, x0, n, eps, alpha_bar):
        return q_sample(x0, n, eps)

    assert "not your own" not in message(training_step, id="train.training_step")


# --- numbers and choices --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, symbol, said",
    [
        ((0.9, 0.436), RIGHT, "three decimals"),
        ([0.9, 0.43589], RIGHT, "three decimals"),
        (torch.tensor([0.9, 0.436], dtype=torch.float64), RIGHT, "three decimals"),
        ((0.9, ...), OPEN, "not written yet"),
        ((0.9, 0.435), WRONG, "almost"),
        ((0.9, 0.19), WRONG, "variance"),
        (0.9, WRONG, "2 values are asked, 1 given"),
        ((0.9, 0.7), WRONG, "value 2 of 2"),
        ((0.9, "b"), WRONG, "value 2 of 2"),
        (lambda: 3, WRONG, "the answer is a function, not a number"),
        ((float("nan"), 0.436), WRONG, "value 1 of 2"),
    ],
)
def test_number_answers(answer, symbol, said):
    result = grade("forward.two_steps", answer)
    assert result.symbol == symbol and said in result.message


@pytest.mark.parametrize(
    "answer, symbol, said",
    [("b", RIGHT, ""), (" B ", RIGHT, ""), ("", OPEN, ""), ("e", WRONG, "choose among 'a', 'b'")],
)
def test_choices(answer, symbol, said):
    result = grade("start.guess", answer)
    assert result.symbol == symbol and said in result.message


# --- nothing is disturbed -------------------------------------------------------------------------

DISTURB = {
    "gradients": lambda: torch.set_grad_enabled(False),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "deterministic mode": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "anomaly mode": lambda: torch.set_anomaly_enabled(True, False),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "torch's printing": lambda: torch.set_printoptions(precision=1),
    "numpy's printing": lambda: np.set_printoptions(precision=1),
    "numpy's errors": lambda: np.seterr(all="raise"),
    "environment": lambda: (os.environ.update(LESSONS="1"), os.environ.pop("PATH")),
    "working folder": lambda: os.chdir(os.sep),
    "recursion limit": lambda: sys.setrecursionlimit(5000),
    "printed output": lambda: setattr(sys, "stdout", None),
    "os.fork": lambda: setattr(os, "fork", print),
}
LEFT_OPEN = torch.inference_mode()  # kept here: one that is collected is closed
ALSO = {  # what is put back by a context of its own: (disturb, read)
    "python's generator": (lambda: random.seed(1), random.getstate),
    "numpy's generator": (lambda: np.random.seed(1), lambda: np.random.get_state()[1].tolist()),
    "torch's generator": (lambda: torch.manual_seed(1), lambda: torch.get_rng_state().tolist()),
    "inference mode": (
        lambda: LEFT_OPEN.__enter__(),
        torch.is_inference_mode_enabled,
    ),
    "warnings": (lambda: warnings.simplefilter("error"), lambda: list(warnings.filters)),
    "pictures": (
        lambda: matplotlib.rcParams.update({"lines.linewidth": 9}),
        lambda: dict(matplotlib.rcParams),
    ),
    "Ctrl-C": (
        lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGINT),
    ),
    "alarms": (
        lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGALRM),
    ),
}
CHANGES = {name: (DISTURB[name], STATE[name][0]) for name in STATE} | ALSO


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_answer_changes_is_put_back(name):
    disturb, read = CHANGES[name]
    changed = []

    def disturbs(x0, alpha, sigma, eps):
        found = noisy(x0, alpha, sigma, eps)
        disturb()
        changed.append(read() != before)
        return found

    before = read()
    grade(ID, disturbs)
    assert changed[0] and read() == before


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_lessons_device_stands_and_is_not_the_probes(device):
    torch.set_default_device(device)
    try:
        assert grade(ID, noisy, own=False).symbol == RIGHT
        assert torch.ones(1).device.type == torch.get_default_device().type == device
        grade(ID, lambda *probe: torch.set_default_device("meta"))
        assert torch.ones(1).device.type == torch.get_default_device().type == device
    finally:
        torch.set_default_device(None)
    assert torch.ones(1).device.type == "cpu"


def test_prints_look_the_same_after_a_check():
    def disturbs(x0, alpha, sigma, eps):
        torch.set_printoptions(precision=1), np.set_printoptions(precision=1)
        return noisy(x0, alpha, sigma, eps)

    prints = str(torch.tensor(1 / 3)), str(np.array(1 / 3))
    assert grade(ID, disturbs).symbol == RIGHT
    assert (str(torch.tensor(1 / 3)), str(np.array(1 / 3))) == prints


def test_a_check_changes_nothing_where_an_answer_changes_nothing(monkeypatch):
    """Putting back may cost an import of seconds: it happens only where something has changed."""

    def refuses(kept):
        raise AssertionError

    kept = {name: (read, refuses) for name, (read, _) in STATE.items() if name != "os.fork"}
    monkeypatch.setattr("lessons_lib.course.checking.sandbox.STATE", kept)
    fork = os.fork
    try:
        assert grade(ID, noisy).symbol == RIGHT
    finally:
        os.fork = fork


def test_works_without_gradients_and_with_another_default_dtype():
    step = find("train.training_step").variants[1]
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert grade("train.training_step", step, own=False).symbol == RIGHT
            assert not torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(torch.float32)


def test_prints_of_an_answer_appear_once(capsys):
    def talks(x0, alpha, sigma, eps):
        print("here")
        return noisy(x0, alpha, sigma, eps)

    grade(ID, talks)
    assert capsys.readouterr().out == "here\n"


# --- what is shown --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer, symbol", [(..., OPEN), (noisy, RIGHT), (lambda *p: 0, WRONG)])
def test_plain_line(monkeypatch, capsys, answer, symbol):
    monkeypatch.setenv("LESSONS_PLAIN", "1")
    for _ in range(2):
        assert check(ID, answer) is None
    first, second = capsys.readouterr().out.splitlines()  # one line each, the same each time
    assert first == second and first.startswith(f"{symbol} {ID}: ") and "<" not in first


def test_strict_raises_unless_right(monkeypatch, capsys):
    monkeypatch.setenv("LESSONS_STRICT", "1")
    check(ID, noisy)
    for answer in (..., lambda *probe: 0):
        with pytest.raises(AssertionError, match=ID):
            check(ID, answer)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_rich_in_a_notebook(monkeypatch):
    shown = []
    monkeypatch.setattr(say, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *data, **options: shown.append(data[0]))
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(user_ns={"In": [""]}))
    check(ID, noisy)
    check(ID, lambda x0, alpha, sigma, eps: x0 < eps)
    hint(ID)
    cards = [data for data in shown if isinstance(data, dict)]
    rich = [data["text/html"] for data in cards]
    assert "<b>✓ right</b>" in rich[0] and "<b>✗ not right yet</b>" in rich[1]
    assert "background" not in "".join(rich)  # the theme's own, light or dark
    assert "<code>hint(&quot;start.warm_up&quot;)</code>" in rich[1]
    assert "<b>? hint 1 of 3</b>" in rich[2]
    assert cards[0]["text/plain"].startswith("✓ start.warm_up")
    assert len(shown) == 4  # one row of buttons, under ✗ alone


def test_words_are_marked_up_and_code_is_left_alone():
    said = say.marked_up("`a * b` is *not* **the** same as `c * d` < 1")
    assert said == (
        "<code>a * b</code> is <em>not</em> <b>the</b> same as <code>c * d</code> &lt; 1"
    )


def test_hints_climb_and_stay_on_the_last(capsys):
    for _ in range(4):
        hint(ID)
    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ", 1)[1] for line in said] == [*find(ID).hints, find(ID).hints[2]]


def test_reveal_asks_first_and_shows_then(capsys):
    line = "return alpha * x0 + sigma * eps"
    reveal(ID)
    said = capsys.readouterr().out
    assert line not in said and f"reveal('{ID}')` again" in said
    reveal(ID)
    assert line in capsys.readouterr().out


def test_reveal_asks_nothing_where_outputs_are_committed(monkeypatch, capsys):
    monkeypatch.setenv("LESSONS_PLAIN", "1")
    reveal(ID)
    assert "return alpha * x0 + sigma * eps" in capsys.readouterr().out


def test_new_numbers_are_asked_and_checked(monkeypatch, capsys):
    id = "forward.two_steps"
    new_numbers(id, 7)
    said = capsys.readouterr().out
    assert said.startswith(f"# {id}#7: ") and f"check('{id}#7', your answer)" in said
    check(f"{id}#7", exercise(f"{id}#7").answer)
    check(f"{id}#7", find(id).answer)  # right for the lesson's numbers only
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"✓ {id}#7") and second.startswith(f"✗ {id}#7")
    hint(f"{id}#7")
    assert f"? {id}#7" in capsys.readouterr().out
    monkeypatch.setenv("LESSONS_PLAIN", "1")
    new_numbers(id), new_numbers(id)
    assert len(set(capsys.readouterr().out.splitlines())) == 1  # the same in committed outputs


def test_a_known_mistake_counts_with_new_numbers():
    drill = exercise("ddim.one_step_by_hand#7")
    slip = next(wrong for wrong in drill.wrong if wrong.name == "no division")
    assert grade("ddim.one_step_by_hand#7", slip.answer).hint_name == "no division"


@pytest.mark.parametrize(
    "id, said",
    [
        ("forward.two_step#7", "forward.two_steps"),
        ("start.warm_up#7", "has no new numbers"),
        ("forward.two_steps#x", "number: 'x' given"),
        ("forward.two_steps#0", "number: '0' given"),
    ],
)
def test_ids_without_new_numbers_are_refused(id, said):
    with pytest.raises(ValueError, match=said):
        check(id, 1)
