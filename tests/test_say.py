"""How the course speaks in a notebook: what a card links to."""

import html
import re
import subprocess
import sys

from lessons_lib.course.say import Card, anchor, linked


def test_read_again_is_a_link_to_the_section():
    card = Card("✗", "a.f", "not right yet", "A sign. Read again: “Bayes' rule & more”.")
    (address, words) = re.search(
        r'Read again: <a href="#([^"]*)" [^>]*>([^<]*)</a>', card.html()
    ).groups()
    assert html.unescape(address) == "Bayes'-rule-&-more"
    assert html.unescape(words) == "Bayes' rule & more"
    assert "“Bayes' rule & more”" in card.text()  # plain text keeps the quotation


def test_only_what_is_to_be_read_again_is_a_link():
    assert linked("he said “no”, so read again “Schedules”") == (
        "he said “no”, so read again "
        '<a href="#Schedules" style="text-decoration:underline">Schedules</a>'
    )


def test_an_address_that_a_browser_would_encode_is_no_link():
    """JupyterLab looks for the encoded address, and headings have it as it is written."""
    assert anchor("Why √(1 − β), and not 1?") == "“Why √(1 − β), and not 1?”"
    assert anchor("ε and x0", "train.f") == "train.f"
    assert anchor("Six forums, five layers", "a.f").startswith(
        '<a href="#Six-forums,-five-layers" '
    )


PRINTED = """
import sys
from lessons_lib.course import check, hint, new_numbers, questions, reveal
check("forward.two_steps", (1, 2)), hint("forward.two_steps"), reveal("forward.two_steps")
new_numbers("forward.two_steps", 7), questions("01")
print({"ipywidgets", "matplotlib", "nbformat"} & set(sys.modules))
"""


def test_where_no_notebook_is_everything_is_said_and_no_widget_is_imported():
    done = subprocess.run([sys.executable, "-c", PRINTED], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines[:4]] == ["✗", "?", "=", "#"] and lines[-1] == "set()"
