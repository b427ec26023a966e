"""What Sphinx does to every page of the book: terms lead to the glossary, words can be found."""

import re

from docutils import nodes
from sphinx import addnodes, search
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

from lessons_lib.course.pages.book.glossary import first_terms
from lessons_lib.course.pages.book.library import meant

# Nothing becomes a link in these: code, formulas, headings, and what is a link already.
CLOSED = (
    *(nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.comment),
    *(nodes.title, nodes.rubric, nodes.caption, nodes.term, nodes.reference, nodes.target),
    *(addnodes.pending_xref, addnodes.download_reference, addnodes.desc_signature),
    *(addnodes.toctree, addnodes.glossary),
)

WORDY = 150  # letters in a cell, which in a column as narrow as a word would be a page long


class Terms(SphinxTransform):
    """The first mention of each term on a page leads to the glossary."""

    default_priority = 800

    def apply(self, **_):
        known: set[str] = set()
        for text in list(self.document.findall(nodes.Text)):
            if may_link(text):
                link(text, first_terms(text.astext(), known))


def may_link(node: nodes.Node) -> bool:
    """Whether this may be a link: in the text itself, by us."""
    while (node := node.parent) is not None:
        named = isinstance(node, nodes.section) and node[0].astext().startswith("References")
        later = node.get("design_component") == "dropdown" or "cell_output" in node["classes"]
        if isinstance(node, CLOSED) or named or later:
            return False
    return True


def link(text: nodes.Text, terms: list[tuple[int, int, str]]) -> None:
    """Put links to the glossary into a text."""
    if not terms:
        return
    said, made, at = text.astext(), [], 0
    for start, end, symbol in terms:
        words = nodes.inline("", said[start:end], classes=["xref", "std", "std-term"])
        made += [
            nodes.Text(said[at:start]),
            addnodes.pending_xref(
                "", words, refdomain="std", reftype="term", reftarget=symbol, refwarn=True
            ),
        ]
        at = end
    text.parent.replace(text, [*made, nodes.Text(said[at:])])


class Code(SphinxTransform):
    """The first mention of each function of the library on a page leads to its lines."""

    default_priority = 800

    def apply(self, **_):
        known = {""}
        for code in list(self.document.findall(nodes.literal)):
            name = meant(code.astext()) if may_link(code) else ""
            if name not in known:
                known.add(name)
                about = {"refdomain": "py", "reftype": "obj", "reftarget": name, "refwarn": True}
                code.replace_self(addnodes.pending_xref("", code.deepcopy(), **about))


class Tables(SphinxTransform):
    """A table whose head says nothing has none; one of long sentences keeps them readable."""

    default_priority = 800

    def apply(self, **_):
        for head in list(self.document.findall(nodes.thead)):
            if not head.astext().strip():
                head.parent.remove(head)
        for table in self.document.findall(nodes.table):
            if max(len(cell.astext()) for cell in table.findall(nodes.entry)) > WORDY:
                table["classes"].append("wordy")


def no_empty_heads(app, name, template, context, tree) -> None:
    """A head of one column that says nothing is a cell like others."""
    body = context.get("body", "")
    context["body"] = re.sub(r'<th class="head[^"]*"><p></p></th>', "<td></td>", body)


class Letters(SearchEnglish):
    """English, in which an accent belongs to the letter below it: a hat splits no word."""

    _word_re = re.compile(r"[\w\u0300-\u036f]+")
    js_splitter_code = (
        "var splitQuery = (query) => query"
        ".split(/[^\\p{Letter}\\p{Mark}\\p{Number}_]+/gu).filter((term) => term);"
    )


def setup(app):
    """Enter all of it into Sphinx."""
    search.languages["en"] = Letters
    app.connect("html-page-context", no_empty_heads)
    for each in (Terms, Code, Tables):
        app.add_transform(each)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
