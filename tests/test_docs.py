"""The pages around the notebooks: links, plans, marks, and a glossary that is never overtaken."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from lessons_lib.course.cli import main
from lessons_lib.course.exercises.bank import all_exercises
from lessons_lib.course.notebooks.execute import load, printed, tags
from lessons_lib.course.notebooks.reading import claims, values
from lessons_lib.course.pages.book.glossary import pattern
from lessons_lib.course.practice.written import load_questions

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PARTS = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.glob("part_*"))
NOTEBOOKS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))}
GLOSSARY = yaml.safe_load((DOCS / "glossary.yaml").read_text(encoding="utf-8"))
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [*DOCS.rglob("*.md")]}
PAGES["README.md"] = ROOT / "README.md"
TEACHING = "docs/teaching.md"
OURS = [name for name in PAGES if name.startswith("docs/part_")] + [TEACHING]


def words(name) -> str:
    """A page's text without its fenced code."""
    return re.sub(r"```.*?```", "", PAGES[name].read_text(encoding="utf-8"), flags=re.S)


def rows(name, title="") -> list[list[str]]:
    """The table rows of a page, or of its `## title` alone, each a list of its columns."""
    text = words(name)
    if title:
        text = re.split(rf"^## {re.escape(title)}.*\n", text, flags=re.M)[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[column.strip() for column in row] for row in found if set("".join(row)) - set("-: ")]


def number(text) -> int:
    """The whole number of a table's column, bold or not; 0 if it is empty."""
    return int(text.strip("* ") or 0)


class Piece(NamedTuple):
    """A stretch of a notebook's text, from one heading to the next or to the end of its cell."""

    section: str  # the heading it stands under; "" before the first
    chapter: str  # the same, of the last `##` heading
    deeper: bool
    text: str

    @property
    def part(self) -> str:
        """What a plan calls it: its chapter, or its section if only that goes deeper."""
        return self.section if self.section.startswith("Go deeper") else self.chapter


def pieces(notebook) -> tuple[list[Piece], dict[str, str]]:
    """A notebook's text in reading order, without fenced code; exercise -> its part."""
    found, exercises, section, chapter = [], {}, "", ""
    for cell in load(NOTEBOOKS[notebook]).cells:
        for tag in tags(cell):
            if tag.startswith("exercise:"):
                exercises[tag[9:]] = found[-1].part
        if cell.cell_type != "markdown":
            continue
        text = re.sub(r"```.*?```", "", cell.source, flags=re.S)
        for part in filter(str.strip, re.split(r"^(?=#{2,3} )", text, flags=re.M)):
            if head := re.match(r"(##+) (.*)", part):
                section = head[2].strip()
                chapter = section if head[1] == "##" else chapter
            deeper = "deeper" in tags(cell) or chapter.startswith("Go deeper")
            found.append(Piece(section, chapter, deeper, part))
    return found, exercises


READ = {notebook: pieces(notebook) for notebook in NOTEBOOKS}
TEXT = {notebook: text for notebook, (text, _) in READ.items()}
EXERCISES = {notebook: exercises for notebook, (_, exercises) in READ.items()}


def heading(notebook, name) -> str | None:
    """The heading that is meant by a name, with or without its "Go deeper"; None if none is."""
    wanted = name.strip().rstrip(".").casefold()
    for piece in TEXT[notebook]:
        known = piece.section.casefold()
        if known and wanted in (known, known.removeprefix("go deeper: ")):
            return piece.section
    return None


def core(notebook) -> list[str]:
    """The `##` headings of the core path, in order, up to the six questions."""
    found = dict.fromkeys(p.chapter for p in TEXT[notebook] if p.chapter and not p.deeper)
    chapters = list(found)
    return chapters[: chapters.index("Six questions") + 1]


def minutes(notebook) -> tuple[int, int]:
    """(core, all) minutes at a notebook's head; of one that is only planned, the README's."""
    if notebook in NOTEBOOKS:
        time = re.search(r"\| \*\*Time\*\* \|(.*)", "".join(p.text for p in TEXT[notebook]))
        return tuple(int(found) for found in re.findall(r"\d+", time[1]))
    return next((int(r[2]), int(r[3])) for r in rows("README.md") if r[0] == notebook)


OF_PART = {p: [row[0] for row in rows(f"{p}/README.md", "The walk")[1:-1]] for p in PARTS}


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_resolves(name):
    targets = re.findall(r"\]\(([^)\s]+)\)", words(name))
    ours = [t.split("#")[0] for t in targets if not re.match(r"https?:|#", t)]
    assert [t for t in ours if not (PAGES[name].parent / t).exists()] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_a_notebook_says_of_others_is_there(notebook):
    """Links, the number a link's text gives, "lesson 04", and sections named by "see"."""
    known = {row[0] for row in rows("README.md")}
    for piece in TEXT[notebook]:
        for label, target in re.findall(r"\[([^\]]+)\]\(((?!http)[^)#\s]+)", piece.text):
            assert (ROOT / "notebooks" / target).exists(), target
            assert re.findall(r"\b\d\d\b", label)[:1] in ([], [target[:2]]), label
        assert set(re.findall(r"\b[Ll]esson (\d\d)|\b[Nn]otebook (\d\d)", piece.text)) <= {
            pair for k in known for pair in ((k, ""), ("", k))
        }
        named = re.findall(r"(?:\b[Ss]ee|in mind for) \*([^*]+)\*", piece.text)
        named += re.findall(r"\*(Go deeper: [^*]+)\*", piece.text)
        assert [n for n in named if not heading(notebook, n)] == []


@pytest.mark.parametrize("name", OURS)
def test_every_section_that_a_page_names_exists(name):
    missing = []
    for line in words(name).splitlines():
        if line.startswith("|"):  # every quotation is a section, of some notebook of the row
            for quoted in re.findall(r"“([^”]+)”", line):
                there = [n for n in re.findall(r"\b\d\d\b", line) if n in NOTEBOOKS]
                missing += [quoted] * (not any(heading(n, quoted) for n in there))
        for n, chain in re.findall(r"\b(\d\d)(?:\]\([^)]*\))?, ((?:“[^”]+”(?:, )?)+)", line):
            missing += [q for q in re.findall(r"“([^”]+)”", chain) if not heading(n, q)]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_a_page_names_exists(name):
    assert set(re.findall(r"`lessons ([a-z]+)", words(name))) <= set(main.commands)


@pytest.mark.parametrize("name", OURS)
def test_every_exercise_and_cell_that_a_page_names_exists(name):
    known = {exercise.id for exercise in all_exercises()}
    modules = "|".join({each.split(".")[0] for each in known})
    assert set(re.findall(rf"`((?:{modules})\.\w+)`", words(name))) <= known
    cells = {cell.id for path in NOTEBOOKS.values() for cell in load(path).cells}
    assert set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", words(name))) <= cells


# --- the plan -------------------------------------------------------------------------------------


def quoted(text) -> list[str]:
    """The names between curly quotation marks."""
    return re.findall(r"“([^”]+)”", text)


def ids(text) -> list[str]:
    """The exercises between backticks."""
    return re.findall(r"`(\w+\.\w+)`", text)


def sitting(row) -> list[int]:
    """The numbers of a sitting's first and last chapter; the same twice, if it is one "alone"."""
    chapters, names = core(row[1][:2]), quoted(row[1])
    assert len(names) == (1 if row[1].endswith(" alone") else 2)
    return [chapters.index(heading(row[1][:2], name)) for name in (names[0], names[-1])]


WEEKS = {
    part: [
        rows(f"{part}/plan.md", title)[1:]
        for title in re.findall(r"^## (Week \d+)", words(f"{part}/plan.md"), re.M)
    ]
    for part in PARTS
}
SITTINGS = {part: [row for week in weeks for row in week[:-1]] for part, weeks in WEEKS.items()}
EACH = [(part, notebook) for part, notebooks in OF_PART.items() for notebook in notebooks]


def test_the_parts_follow_each_other_and_hold_every_notebook_that_is_here():
    assert [notebook for _, notebook in EACH] == list(NOTEBOOKS)[: len(EACH)]
    assert all(WEEKS.values())


@pytest.mark.parametrize(("part", "notebook"), EACH)
def test_the_sittings_of_a_notebook_take_the_minutes_at_its_head(part, notebook):
    found = [number(row[2]) for row in SITTINGS[part] if row[1].startswith(notebook)]
    assert sum(found) == minutes(notebook)[0]


@pytest.mark.parametrize(("part", "notebook"), EACH)
def test_the_sittings_go_through_a_notebook_without_a_gap_and_name_its_exercises(part, notebook):
    chapters, at = core(notebook), 0
    for row in [row for row in SITTINGS[part] if row[1].startswith(notebook)]:
        first, last = sitting(row)
        assert first == at <= last
        at = last + 1
        inside = [e for e, c in EXERCISES[notebook].items() if c in chapters[first:at]]
        assert sorted(ids(row[3])) == sorted(inside)
    assert at == len(chapters)


@pytest.mark.parametrize("part", PARTS)
def test_the_weeks_add_up(part):
    for week in WEEKS[part]:
        *days, total = week
        read, recall = (sum(number(row[i]) for row in days) for i in (2, 5))
        assert (number(total[2]), number(total[5])) == (read, recall)
        assert f": {read + recall} minutes" in total[1]


def recalled(row) -> tuple[list[str], list[str]]:
    """The recall prompts of a sitting, and the decks of cards."""
    return tuple(re.findall(r"\d+", each) for each in row[4].partition("cards")[::2])


@pytest.mark.parametrize("part", PARTS)
def test_recall_and_cards_are_five_minutes_each_and_come_after_their_notebook(part):
    prompts, seen, ended = [], [], {}
    for at, row in enumerate(SITTINGS[part]):
        asked, decks = recalled(row)
        assert number(row[5]) == 5 * len(asked + decks)
        prompts += asked
        seen += [(deck, at) for deck in decks]
        ended[row[1][:2]] = at
    assert prompts == [str(k) for k in range(1, 16)]
    earlier = [n for other in PARTS[: PARTS.index(part)] for n in OF_PART[other]]
    assert all(deck in earlier or at > ended[deck] for deck, at in seen)


@pytest.mark.parametrize("part", PARTS)
def test_a_recall_prompt_asks_for_what_was_read(part):
    """Prompt k comes on its day: its sections must be behind the reader, that day's reading too."""
    prompts = re.split(r"^\*\*(\d+)\.\*\*", words(f"{part}/recall.md"), flags=re.M)[1:]
    prompts = dict(zip(prompts[::2], prompts[1::2], strict=True))
    assert list(prompts) == [str(k) for k in range(1, 16)]
    earlier = [n for other in PARTS[: PARTS.index(part)] for n in OF_PART[other]]
    read = [(n, piece.section) for n in earlier for piece in TEXT[n]]
    for row in SITTINGS[part]:
        if row[1][:2] in NOTEBOOKS and quoted(row[1]):
            n, chapters = row[1][:2], core(row[1][:2])
            first, last = sitting(row)
            behind = [p.section for p in TEXT[n] if p.chapter in chapters[first : last + 1]]
            read += [(n, section) for section in behind]
        for k in recalled(row)[0]:
            assert prompts[k].count("<details>") == prompts[k].count("</details>") == 1
            refs = re.findall(r"^(\d\d), (“.*”)$", prompts[k], re.M)
            assert len(refs) == 1
            asked = [(refs[0][0], heading(refs[0][0], name)) for name in quoted(refs[0][1])]
            assert set(asked) <= set(read)


@pytest.mark.parametrize(("part", "notebook"), EACH)
def test_what_is_deeper_is_listed_with_its_minutes(part, notebook):
    table = {row[0]: row for row in rows(f"{part}/plan.md", "If you have more time")[1:]}
    row, deeper = table[notebook], dict.fromkeys(p.part for p in TEXT[notebook] if p.deeper)
    assert quoted(row[1]) == list(deeper)
    assert number(row[2]) == minutes(notebook)[1] - minutes(notebook)[0]
    assert ids(row[3]) == [e for e, c in EXERCISES[notebook].items() if c in deeper]


@pytest.mark.parametrize("part", PARTS)
def test_the_map_of_a_part_is_the_readme_s_and_the_notebooks(part):
    found = rows(f"{part}/README.md", "The walk")[1:]
    readme = {row[0]: row for row in rows("README.md")}
    for row in found[:-1]:
        pair = number(row[3]), number(row[4])
        assert pair == minutes(row[0]) == (number(readme[row[0]][2]), number(readme[row[0]][3]))
    for i in (3, 4):
        assert number(found[-1][i]) == sum(number(row[i]) for row in found[:-1])


@pytest.mark.parametrize("part", PARTS)
def test_the_questions_of_the_revision_page_are_the_notebooks(part):
    parts = re.split(r"^### \[(\d\d).*\n", words(f"{part}/revision.md"), flags=re.M)[1:]
    asked = {n: re.findall(r"^\d\. (.*)", said, re.M) for n, said in pairwise(parts) if n in TEXT}
    theirs = {n: [row["question"] for row in load_questions(n)] for n in asked}
    assert asked == theirs and {len(each) for each in asked.values()} == {6}
    assert list(asked) == OF_PART[part]


# --- the assignment -------------------------------------------------------------------------------

ASSIGNMENT = "docs/part_one/assignment.md"


def test_the_marks_add_up_to_a_hundred():
    *marks, together = [number(row[-1]) for row in rows(ASSIGNMENT, "Marks")[1:]]
    assert sum(marks) == together == 100


def test_the_minutes_of_the_assignment_are_those_of_the_plan():
    said = re.search(r"About (\d+) minutes \(our estimate\): (.*?)\.", words(ASSIGNMENT))
    parts = [int(found) for found in re.findall(r"\d+", said[2])]
    part = ASSIGNMENT.rpartition("/")[0]
    planned = [number(row[2]) for row in SITTINGS[part] if row[1].startswith("assignment")]
    assert int(said[1]) == sum(parts) == sum(planned) and parts == planned


def test_the_calls_to_start_from_run(tmp_path, monkeypatch, capsys):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGES[ASSIGNMENT].read_text(), re.S))
    small = code.replace("n, steps = 200, 50", "n, steps = 20, 3")
    assert small != code
    monkeypatch.chdir(tmp_path)
    exec(compile(small, ASSIGNMENT, "exec"), {})
    said = capsys.readouterr().out
    assert "6 evaluations" in said  # three guided steps, two questions each
    assert all(name in said for name in ("recognised", "saturated", "Fréchet", "coverage"))
    assert (tmp_path / "review.png").read_bytes().startswith(b"\x89PNG")


# --- teaching -------------------------------------------------------------------------------------


PATHS = ["50 minutes", "One day", "Three weeks"]
PATHS += ["Part II: 50 minutes", "Part II: one day", "Part II: three weeks"]


@pytest.mark.parametrize("title", [title for title in PATHS if "weeks" not in title])
def test_the_minutes_of_a_path_add_up(title):
    *path, together = rows(TEACHING, title)[1:]
    total = 50 if "50" in title else 400
    assert sum(number(row[0]) for row in path) == number(together[0]) == total
    breaks = sum(number(row[0]) for row in path if row[1] in ("break", "lunch"))
    about = words(TEACHING).split(f"## {title}")[1].split("|")[0]
    assert not breaks or f"{total} minutes, {breaks} of them breaks" in about


@pytest.mark.parametrize("title", PATHS)
def test_the_room_does_exercises_of_the_notebook_on_show(title):
    for row in rows(TEACHING, title):
        known = {e for n in re.findall(r"\b\d\d\b", " ".join(row)) for e in EXERCISES.get(n, ())}
        assert "50 minutes" in title or set(ids(" ".join(row))) <= known
        assert set(ids(" ".join(row))) <= {e for each in EXERCISES.values() for e in each}


@pytest.mark.parametrize("row", rows(TEACHING, "On the board")[1:], ids=lambda row: row[0])
def test_the_numbers_on_the_board_are_the_notebook_s(row):
    notebook, section = row[1][:2], heading(row[1][:2], quoted(row[1])[0])
    cells = {cell.id: cell for cell in load(NOTEBOOKS[notebook]).cells}
    named = [cells[name] for name in re.findall(r"`([\w-]+)`", row[4])]
    texts = [cell.source for cell in named] + [printed(o) for c in named for o in c.outputs]
    chapter = next(p.chapter for p in TEXT[notebook] if p.section == section)
    texts += [p.text for p in TEXT[notebook] if p.chapter == chapter]
    known = {value for text in texts for value in values(text)}
    assert [c for c, value in claims(f"{row[2]} {row[3]}") if value not in known] == []


@pytest.mark.parametrize("row", rows(TEACHING, "What students get wrong")[1:])
def test_a_mistake_that_is_told_is_in_the_bank(row):
    exercise = next(e for e in all_exercises() if [e.id] == ids(row[0]))
    assert row[1].strip("*") in [wrong.name for wrong in exercise.wrong]


# Numbers that the pages work out for themselves, and the working.
WORKED = {
    "1.1": 0.8 * (1 - 0.8 * 0.5) / 0.6 + 0.6 * 0.5,  # recall 10
    "1.9": 0.3 + 4 * (0.7 - 0.3),  # recall 11
    ".779": round(math.exp(-0.25), 3),  # Part II, recall 7
    ".393": round(1 - math.exp(-0.5), 3),
    ".11": round((0.5 * 0.5 / 20) ** 0.5, 2),  # the assignment's standard error
}


@pytest.mark.parametrize("name", OURS)
def test_every_number_of_a_page_is_a_notebook_s_or_worked_out_here(name):
    known = set()
    for path in NOTEBOOKS.values():
        for cell in load(path).cells:
            known |= values(cell.source)
            known |= {value for o in cell.get("outputs", []) for value in values(printed(o))}
    for token, value in claims(words(name)):
        assert value in known or value == pytest.approx(WORKED[token]), token


def test_the_recall_prompts_reckon_right():
    text = words("docs/part_one/recall.md")
    signal, noise = (1 - 0.2) ** 0.5, 0.2**0.5
    assert signal**2 == pytest.approx(0.8) and signal**2 * noise**2 + noise**2 == pytest.approx(
        0.36
    )
    assert "$x_2 = 0.8\\,x_0 + 0.6\\,\\varepsilon$" in text
    assert f"= {WORKED['1.1']:.3g}." in text and f"= {WORKED['1.9']:.3g}." in text
    var = 0.70 - 0.30 / 0.70 * 0.30
    assert f"{var:.3f}"[1:] in text and f"{var * 0.30 / 0.70:.3f}"[1:] in text


# --- the glossary ---------------------------------------------------------------------------------

# A notebook's head announces what comes, the map names titles, references quote them.
ANNOUNCES = {"", "The map of the course", "References", "References, and on"}

# The few places where a symbol comes before its explanation: (symbol, notebook, section).
KNOWN_EARLY = {
    # The ten questions ask for what a reader brings along; each points to its refresher.
    ("E[x]", "02", "Expectation: questions 6 to 8"),
    # "you meet it below as EDM": below is the next chapter.
    ("EDM", "01", "Why √(1 − β), and not 1?"),
    # The paper's name, in a table of papers' letters.
    ("DDIM", "01", "Rosetta: four new rows"),
    # Another v: the variance of a bell.
    ("v", "01", "Go deeper: do two bells make a bell?"),
    # A question that the lesson asks and answers later.
    ("Markovian", "04", "How far off is a step?"),
    # A measured pair of numbers; a bracket says what they are, 03 builds the instrument.
    ("Fréchet distance", "02", "What dropping the weights changes"),
    # Rosetta gives a paper's letter where the letter beside it is read: the corrector's comes then.
    ("corrector", "08", "Two letters for one step"),
    ("SDE", "08", "Two letters for one step"),
}


def place(notebook, section) -> tuple[str, int]:
    """Where a section begins, so that places can be compared."""
    return notebook, next(i for i, p in enumerate(TEXT[notebook]) if p.section == section)


def early(entry) -> dict[tuple, list[str]]:
    """Where a symbol comes before the place that explains it: (symbol, notebook, section).

    A sentence that gives the notebook's number, as "guidance, in 05", points ahead; that is fine.
    What only a deeper part explains, the core path may not use at all.
    """
    first = entry["first"]
    starts = [place(**first), place(**entry.get("deeper", first))]
    only_deeper = TEXT[first["notebook"]][starts[0][1]].deeper
    found = {}
    for notebook, text in TEXT.items():
        for i, piece in enumerate(text):
            begin = min(starts) if piece.deeper else ("99", 0) if only_deeper else starts[0]
            if (notebook, i) >= begin or piece.section in ANNOUNCES:
                continue
            plain = re.sub(r"\]\([^)]*\)", "]", piece.text)
            for sentence in re.split(r"(?<=[.!?])\s+|\n", plain):
                if re.search(rf"\b{first['notebook']}\b", sentence):
                    continue
                if any(pattern(written).search(sentence) for written in entry["written"]):
                    where = entry["symbol"], notebook, piece.section
                    found.setdefault(where, []).append(sentence.strip())
    return found


@pytest.mark.parametrize(
    "written, there, not_there",
    [
        (r"\alpha_t", r"so $\alpha_t^2$", r"so $\bar\alpha_t$"),
        ("ε", "the noise ε is", "the guess ε̂ is"),
        (r"\varepsilon", r"$\sigma\,\varepsilon_n$", r"$\hat\varepsilon$"),
        ("x_t", "$q(x_t|x_0)$", "max_t"),
        ("score", "**Score** is", "the scored"),
        ("KL", "a KL of", "KLM"),
    ],
)
def test_a_symbol_is_found_and_not_taken_for_another(written, there, not_there):
    assert pattern(written).search(there) and not pattern(written).search(not_there)


@pytest.mark.parametrize("entry", GLOSSARY, ids=lambda entry: entry["symbol"])
def test_an_entry_of_the_glossary_is_whole(entry):
    assert {"symbol", "reads", "means", "first", "others", "written"} <= set(entry)
    assert set(entry) <= {"symbol", "reads", "means", "first", "deeper", "others", "written"}
    assert entry["means"].endswith(".") and entry["reads"]
    for where in [entry["first"], entry.get("deeper", entry["first"])]:
        sections = [piece.section for piece in TEXT[where["notebook"]]]
        assert where["section"] in sections
    text = "".join(p.text for p in TEXT[entry["first"]["notebook"]])
    assert [w for w in entry["written"] if pattern(w).search(text)] or not entry["written"]


def test_the_glossary_is_in_the_order_of_the_course_and_names_nothing_twice():
    notebooks = [entry["first"]["notebook"] for entry in GLOSSARY]
    assert notebooks == sorted(notebooks)
    names = [entry["symbol"] for entry in GLOSSARY]
    assert len(names) == len(set(names))


def test_no_symbol_comes_before_its_explanation():
    found = {}
    for entry in GLOSSARY:
        found |= early(entry)
    unknown = {where: said for where, said in found.items() if where not in KNOWN_EARLY}
    assert unknown == {}
    assert KNOWN_EARLY - set(found) == set(), "repaired: take it out of KNOWN_EARLY"


def test_the_search_notices_a_symbol_that_comes_early():
    late = {"symbol": "fog", "first": {"notebook": "05", "section": "Negative prompts"}}
    assert ("fog", "01", "One step into the fog") in early(late | {"written": ["fog"]})


# --- one meaning ----------------------------------------------------------------------------------


def lines():
    """Every line that a reader may meet: pages, cards, code, and the cells of notebooks."""
    suffixes = (".md", ".yaml", ".py")
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*"), *(ROOT / "data").rglob("*")]:
        if path.suffix in suffixes:
            yield from path.read_text(encoding="utf-8").splitlines()
    for path in (ROOT / "lessons_lib").rglob("*.py"):
        yield from path.read_text(encoding="utf-8").splitlines()
    for path in NOTEBOOKS.values():
        for cell in load(path).cells:
            yield from cell.source.splitlines()


# An evaluation is the network run on one picture. A batch is a call, and halves no evaluation.
CALLS = r"\b(?!guidance\b)\w+\.calls\b"
CALLED = re.compile(rf"{CALLS}.*evaluat|evaluat.*{CALLS}|evaluations, or \d+ of a doubled")


@pytest.mark.parametrize(
    "slip",
    [
        'print(asked.calls, "evaluations for each picture")',
        'row = {"evaluations": asked.calls}',
        "50 steps are 100 evaluations, or 50 of a doubled batch",
    ],
)
def test_a_call_that_is_taken_for_an_evaluation_is_found(slip):
    assert CALLED.search(slip)


def test_an_evaluation_is_the_network_run_on_one_picture():
    (entry,) = (entry for entry in GLOSSARY if entry["symbol"] == "evaluation")
    assert "run once on one picture" in entry["means"]
    assert [line for line in lines() if CALLED.search(line)] == []
