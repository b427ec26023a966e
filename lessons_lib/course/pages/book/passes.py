"""What Sphinx does to every page of the book: terms lead to the glossary, tables lose empty heads."""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from lessons_lib.course.pages.book.glossary import first_terms

# No term is linked in these: code, formulas, headings, links, and what is folded or printed.
CLOSED = (
    *(nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.comment),
    *(nodes.title, nodes.rubric, nodes.caption, nodes.term, nodes.reference, nodes.target),
    *(addnodes.pending_xref, addnodes.download_reference, addnodes.desc_signature),
    *(addnodes.toctree, addnodes.glossary),
)


class Terms(SphinxTransform):
    """The first mention of each term on a page leads to the glossary."""

    default_priority = 800

    def apply(self, **_):
        known: set[str] = set()
        for text in list(self.document.findall(nodes.Text)):
            if open(text):
                link(text, first_terms(text.astext(), known))


def open(text: nodes.Text) -> bool:
    """Whether a term may be linked here."""
    node = text.parent
    while node is not None:
        folded = node.get("design_component") == "dropdown" or "cell_output" in node.get(
            "classes", []
        )
        if isinstance(node, CLOSED) or folded:
            return False
        node = node.parent
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


class Heads(SphinxTransform):
    """A table whose head says nothing has none."""

    default_priority = 800

    def apply(self, **_):
        for head in list(self.document.findall(nodes.thead)):
            if not head.astext().strip():
                head.parent.remove(head)


def setup(app):
    """Enter both into Sphinx."""
    app.add_transform(Terms)
    app.add_transform(Heads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
