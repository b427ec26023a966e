"""A written answer: set beside the model answer, rated, kept, and shown the next time."""

from lessons_lib.course.practice.form import Form, compared
from lessons_lib.course.practice.memory import history
from lessons_lib.course.practice.written import load_questions


def test_a_written_answer_is_compared_rated_and_kept(reader):
    form = Form("04", load_questions("04"))
    question = form.children[0]
    question.answer.value = "off, then on again"
    assert load_questions("04")[0]["answer"] not in str(question.below.children)
    question.compare.click()
    model, line = question.below.children
    assert load_questions("04")[0]["must"][0] in model.value
    line.children[2].click()
    (event,) = history()["04.question.1"]
    assert (event.outcome, event.note) == ("nearly", "off, then on again")
    later = Form("04", load_questions("04")).children[0]
    assert "last time: nearly" in later.children[0].value
    assert "off, then on again" not in later.children[0].value
    later.compare.click()
    assert "Last time you wrote: off, then on again" in later.below.children[0].value


def test_what_was_written_is_shown_as_text():
    row = {"question": "q", "answer": "the *mean*", "must": ["a & b"]}
    said = compared(row, "<b>mine</b>")
    assert "the <em>mean</em>" in said and "<li>a &amp; b</li>" in said
    assert "Last time you wrote: &lt;b&gt;mine&lt;/b&gt;" in said
    assert "Last time" not in compared(row, None)
