"""`lessons check` and `lessons progress`: what is right, and what a reader has done so far."""

import secrets
from collections import Counter
from pathlib import Path

import click

from lessons_lib.course.cli.running import BAR, finish
from lessons_lib.course.cli.which import course, names_of_notebooks, notebooks, whose


@click.command()
@names_of_notebooks
@click.option("--shipped", is_flag=True, help="Check the course's own files, not your copies.")
@click.option("--again", is_flag=True, help="What failed before comes first.")
@click.option("--strict", is_flag=True, help="For marking: leave with 1 unless all is right.")
@click.option("--seed", type=click.IntRange(0), help="Judge as the run that printed this seed.")
def check(names, shipped, again, strict, seed):
    """Check your answers: ✓ right, ✗ wrong and why, ○ not written yet, – not run and why.

    NN may be the path of any notebook. Its answers are put into the course's own notebook and
    judged one by one, each in a process of its own, on fresh numbers; only the cells that an
    answer needs are run. Leaves with 1 if an answer is wrong or could not be run.
    """
    from lessons_lib.course.notebooks.marking import NOT_RUN
    from lessons_lib.course.say import OPEN, RIGHT, WRONG

    seed = secrets.randbelow(10**6) if seed is None else seed
    all_rows, broken = [], []
    words = {RIGHT: "right", WRONG: "wrong", OPEN: "not written yet", NOT_RUN: "not run"}
    for path in notebooks(names, own=not shipped):
        try:
            which, rows = answers_of(path, seed, strict)
        except ValueError as problem:
            broken.append(str(problem))
            continue
        counts = Counter(mark for _, mark, _ in rows)
        said = ", ".join(f"{counts[mark]} {words[mark]}" for mark in words if counts[mark])
        click.echo(f"{which}, {whose(path)}: {said or 'no exercises'} (of {len(rows)})")
        all_rows += rows
        if not again:
            table(rows)
    if again:
        table(failed_first(all_rows))
    click.echo(f"The numbers were drawn with --seed {seed}.")
    marks = Counter(mark for _, mark, _ in all_rows)
    bad = marks[WRONG] + marks[NOT_RUN] + (strict and marks[OPEN] + (not all_rows))
    finish(broken, bad > 0)


def answers_of(path: Path, seed: int, strict: bool):
    """The name of the course's notebook that a file is, and how each of its exercises was judged.

    Raises ValueError for a file that is no notebook and, when it is strict, none of the course's.
    """
    from tqdm import tqdm

    from lessons_lib.course.notebooks.editions import marked
    from lessons_lib.course.notebooks.execute import load
    from lessons_lib.course.notebooks.handed_in import original
    from lessons_lib.course.notebooks.marking import mark

    submitted = load(path)
    of = original(path, submitted, course(), load)
    if of is None and strict:
        raise ValueError(f"{path} is none of the course's notebooks: no cell of theirs is in it")
    shipped = load(of) if of else submitted  # a notebook of one's own is its own measure
    rows = mark(shipped, submitted, seed)
    count = len(marked(shipped, "exercise"))
    bar = tqdm(rows, path.stem, count, leave=False, disable=None, bar_format=BAR)
    return (of or path).stem, list(bar)


def failed_first(rows):
    """Rows in the order of what to do again: not right by now, then once wrong, then the others."""
    from lessons_lib.course.practice.memory import history, state
    from lessons_lib.course.say import WRONG

    past = history()
    before = {name: state(past.get(name, [])) for name, _, _ in rows}
    return sorted(rows, key=lambda r: (before[r[0]].symbol != WRONG, not before[r[0]].failed))


def table(rows):
    """Print what was found, one exercise a line."""
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, mark, said in rows:
        click.echo(f"  {mark} {name:<{width}}  {said}")


@click.command()
@click.argument("notebook", required=False)
@click.option("--forget", is_flag=True, help="Delete what was kept, after asking.")
def progress(notebook, forget):
    """Show what you have solved: the map, or one notebook in detail."""
    from lessons_lib.course.practice.memory import forget as delete
    from lessons_lib.course.practice.memory import path, whereabouts
    from lessons_lib.course.practice.overview import progress as show

    if forget:
        click.confirm(f"Delete {path()}?", abort=True)
        try:
            click.echo("Deleted." if delete() else "There was nothing to delete.")
        except OSError as problem:
            raise click.ClickException(f"cannot delete it: {problem}") from problem
        return
    try:
        show(notebook)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem
    click.echo(f"\n{whereabouts()}")
