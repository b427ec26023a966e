"""`lessons run`, `notebooks` and `solve`: notebooks run top to bottom, with no browser."""

import sys
from pathlib import Path

import click

from lessons_lib.course.cli.which import ROOT, made, names_of_notebooks, notebooks

MIB = 2**20
BAR = "{desc} {bar} {elapsed}"


@click.command()
@names_of_notebooks
def run(names):
    """Run notebooks top to bottom, with no browser; pages go to build/html."""
    from lessons_lib.course.pages.assets import copy_assets
    from lessons_lib.course.pages.page import to_html

    failed, scripts = [], ROOT / "build" / "html" / "assets"
    try:
        copy_assets(scripts, "mathjax")
    except FileNotFoundError as problem:
        scripts = None
        click.echo(f"Formulas stay in the pages as they are written. {problem}")
    click.echo(f"{'notebook':<32} {'seconds':>8} {'peak MiB':>9}")
    for path in notebooks(names):
        try:
            result = executed(path)
        except ValueError as problem:
            failed.append(str(problem))
            continue
        to_html(result.notebook, made("html", path).with_suffix(".html"), scripts)
        mark = "✗" if result.error else "✓"
        row = f"{path.stem:<32} {result.seconds:8.1f} {result.peak_bytes / MIB:9.0f}  {mark}"
        click.echo(row)
        if result.error:
            failed.append(f"{path.stem}: {result.error}")
    finish(failed)


@click.command("notebooks")
@names_of_notebooks
def rewrite(names):
    """Run notebooks and write their outputs back, the way they are committed."""
    from lessons_lib.course.notebooks.execute import normalise, save

    failed = []
    for path in notebooks(names):
        try:
            result = executed(path)
            if result.error:
                raise ValueError(result.error)
            save(normalise(result.notebook), path)
        except ValueError as problem:
            failed.append(f"{path.stem}, left as it was: {problem}")
        else:
            click.echo(f"✓ {path.stem} ({result.seconds:.1f} s)")
    finish(failed)


@click.command()
@names_of_notebooks
def solve(names):
    """Make the lecturer's edition under build/lecturer: all answers, and every check passed."""
    from lessons_lib.course.notebooks.editions import STRICT, lecturers
    from lessons_lib.course.notebooks.execute import load, normalise, save
    from lessons_lib.course.practice.written import load_questions

    failed = []
    for path in notebooks(names):
        try:
            questions = load_questions(path.name[:2])
        except ValueError:
            questions = ()  # a notebook of one's own
        try:
            result = executed(path, env=STRICT, notebook=lecturers(load(path), questions))
            if result.error:
                raise ValueError(result.error)
            save(normalise(result.notebook), made("lecturer", path))
        except ValueError as problem:
            failed.append(f"{path.stem}: {problem}")
        else:
            click.echo(f"✓ {made('lecturer', path)} ({result.seconds:.0f} s)")
    finish(failed)


def executed(path: Path, label: str = "", **options):
    """Run a notebook behind a progress bar that goes away when it is done."""
    from tqdm import tqdm

    from lessons_lib.course.notebooks.execute import run

    text = label or path.stem
    with tqdm(desc=text, leave=False, bar_format=BAR) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return run(path, progress=progress, **options)


def finish(failed: list[str], bad: bool = False):
    """Name what failed, and leave with a status that says whether anything did, or is bad."""
    for line in failed:
        click.echo(f"✗ {line}", err=True)
    sys.exit(bool(failed) or bad)
