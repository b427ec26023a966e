"""Code and words of an exercise are joined by name; what is missing is named with its place."""

import re
from pathlib import Path

import pytest
import torch

from lessons_lib import files
from lessons_lib.course.checking.grading import grade_function, grade_value
from lessons_lib.course.exercises import bank
from lessons_lib.course.exercises.probes import normal, some_level
from lessons_lib.course.say import RIGHT, WRONG
from lessons_lib.course.words import load

WORDS = """toy.double:
  section: "Twice"
  tested: ["some numbers"]
  hints: ["Once more.", "Add it to itself.", "`return 2 * ...`"]
  theorems:
    "half": "half of it is x"
  slips:
    "square": "You squared."
    "same": {say: "That is x.", section: "Once", source: "a book"}

toy.sum:
  section: "Sums"
  tested: ["a sum"]
  hints: ["Add.", "Add both.", "2 + 3."]
  anew: {ask: "What is {a} + {b}?", line: "a + b"}
  slips:
    "product": {say: "That is 2 · 3.", anew: "That is the product."}
    "carried": "One too many."

toy.choice:
  section: "Words"
  tested: ["a word"]
  hints: ["Look.", "Look again.", "The first."]
  answer: "a"
  slips:
    "other": {is: "b", say: "That is the other one."}
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """course(words, code) -> id -> exercise, of these words and of what code declares."""
    bank.bank()  # the course's own code declares itself when it is imported
    monkeypatch.setattr(files, "DATA", tmp_path)
    (tmp_path / "exercises").mkdir()

    def course(words=WORDS, code=lambda: (double(), total())):
        monkeypatch.setattr(bank, "declared", {})
        code()
        (tmp_path / "exercises" / "08.yaml").write_text(words, encoding="utf-8")
        return bank.bank.__wrapped__()

    return course


def double(slips=("square", "same"), theorems=("half",)):
    rules = {"square": lambda x: x * x, "same": lambda x: x, "none": lambda x: 0 * x}
    bank.in_code(
        "toy.double",
        lambda x: 2 * x,
        probes=lambda generator: [(torch.rand(3, generator=generator),)],
        variants=(),
        slips={name: rules[name] for name in slips},
        theorems={name: lambda out, x: (out[0] / 2, x) for name in theorems},
    )


def total():
    bank.on_paper(
        "toy.sum",
        lambda a, b: a + b,
        given={"a": 2, "b": 3},
        digits=1,
        anew=lambda dice: {"a": dice.randint(1, 9), "b": dice.randint(1, 9)},
        slips={"product": lambda a, b: a * b, "carried": 6},
    )


def test_code_and_words_are_joined_in_the_order_of_the_words(course):
    made = course()
    assert list(made) == ["toy.double", "toy.sum", "toy.choice"]
    square, same = made["toy.double"].wrong
    assert (square.name, square.hint, square.section) == ("square", "You squared.", None)
    assert same[2:] == ("That is x.", "Once", "a book") and same.answer(3) == 3
    assert made["toy.double"].theorems[0].sentence == "half of it is x"
    assert made["toy.choice"].answer == "a" and made["toy.choice"].wrong[0].answer == "b"


def test_a_calculation_is_declared_once_for_the_lessons_numbers_and_new_ones(course):
    total = course()["toy.sum"]
    assert total.answer == 5 and [slip.answer for slip in total.wrong] == [6, 6]
    assert total.tolerance == pytest.approx(0.05)
    ((name, rule, said),) = total.anew.slips  # a value belongs to the lesson's numbers only
    assert (name, rule(4, 5), said) == ("product", 20, "That is the product.")


LINE = r"data/exercises/08\.yaml, line {}"
CODE = r"test_bank\.py, line \d+"


@pytest.mark.parametrize(
    "old, new, said",
    [
        (
            '"square": ',
            '"cube": ',
            LINE.format(1) + r".* no words for slips \['square'\] of .*" + CODE,
        ),
        ('    "carried": "One too many."\n', "", LINE.format(11) + r".*\['carried'\]"),
        ('"half": "', '"third": "', r"no words for theorems \['half'\]"),
        ('"square": ', '"cube": "No."\n    "square": ', CODE + r".* no code for slips \['cube'\]"),
        ('"carried": "One', '"product": "One', LINE.format(18) + r": 'product' is there twice"),
        ("toy.choice:", "toy.sum:", LINE.format(20) + ": 'toy.sum' is there twice"),
        ('"square": ', "1: ", LINE.format(8) + ": '1' is no text; quote it"),
        ("toy.sum:", "toy.adds:", LINE.format(11) + ": toy.adds has neither code nor an `answer`"),
        ('{is: "b", say', "{say", LINE.format(25) + r".* slips without `is`: \['other'\]"),
        ('{is: "b", say: "That is the other one."}', '"This is a sentence."', r"`is`: \['other'\]"),
        ('  tested: ["a sum"]\n', "", LINE.format(11) + r".* without \['tested'\]"),
        ('  tested: ["a sum"]\n', '  tested: ["a"]\n  asks: "?"\n', r"knows no part \['asks'\]"),
        ('  anew: {ask: "What is {a} + {b}?", line: "a + b"}\n', "", r"without \['anew'\]"),
        ('section: "Once"', 'sectoin: "Once"', LINE.format(9) + r": 'same' needs `say`; allowed"),
        ('say: "That is x."', 'says: "That is x."', LINE.format(9) + ": 'same' needs `say`"),
        (
            ', section: "Once"',
            ', anew: "Once"',
            r"'same' needs `say`; allowed .*'section', 'source'",
        ),
        (WORDS[WORDS.index("toy.choice") :], "", None),
        (WORDS[: WORDS.index("toy.sum")], "", CODE + ".* no words for toy.double"),
    ],
)
def test_what_is_missing_or_there_twice_is_named_with_its_place(course, old, new, said):
    assert old in WORDS
    if said is None:
        assert len(course(WORDS.replace(old, new))) == 2
        return
    with pytest.raises(ValueError, match=re.compile(said, re.S)):
        course(WORDS.replace(old, new, 1))


def test_an_id_is_declared_once(course):
    with pytest.raises(ValueError, match=CODE + ": 'toy.double' is there already, in .*" + CODE):
        course(code=lambda: (double(), double()))


def test_an_id_has_its_words_in_one_file(course, tmp_path):
    (tmp_path / "exercises" / "09.yaml").write_text(WORDS, encoding="utf-8")
    with pytest.raises(ValueError, match="09.yaml, line 1: toy.double is in another file already"):
        course()


def test_words_of_another_shape_are_a_file_problem(course):
    with pytest.raises(files.FileProblem, match="expected a mapping.*found something else.*a list"):
        course("- 1\n")


def test_the_guide_to_a_new_exercise_works_as_it_stands(course):
    """Its Python and its YAML make two exercises, and each slip meets its own hint."""
    text = (files.ROOT / "docs" / "exercises.md").read_text(encoding="utf-8")
    code, words = (re.findall(rf"```{kind}\n(.*?)```", text, re.S) for kind in ("python", "yaml"))
    assert code and all(len(block.splitlines()) <= 22 for block in code + words)
    probes = lambda generator: [
        (normal(3, generator=generator), some_level(i, generator)) for i in range(16)
    ]
    names = {"in_code": bank.in_code, "on_paper": bank.on_paper, "noise_on_levels": probes}
    made = course("\n".join(words), lambda: exec("\n".join(code), names))
    grades = {bank.InCode: lambda *two: grade_function(*two, 0), bank.OnPaper: grade_value}
    assert {type(exercise) for exercise in made.values()} == set(grades)
    for exercise in made.values():
        grade = grades[type(exercise)]
        assert grade(exercise, exercise.answer).symbol == RIGHT
        for slip in exercise.wrong:
            assert grade(exercise, slip.answer)[::2] == (WRONG, slip.name)


def test_every_word_of_the_course_is_read():
    """And a module's exercises stand in one notebook."""
    notebook = {}
    for path in sorted((files.DATA / "exercises").glob("*.yaml")):
        for id, words in load("exercises", path.stem, dict).items():
            assert isinstance(id, str) and words.where
            assert notebook.setdefault(id.split(".")[0], path.stem) == path.stem, id


def test_code_stands_in_the_module_that_its_id_names():
    """A notebook imports the course's own answer from there."""
    bank.bank()
    for id, code in bank.declared.items():
        assert Path(code.where.partition(", line ")[0]).stem == id.partition(".")[0], (id, code)
