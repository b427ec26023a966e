"""`lessons slides` and `lessons book`: the notebooks for the lecture hall, and for reading."""

import click

from lessons_lib.course.cli.running import finish
from lessons_lib.course.cli.which import ROOT, names_of_notebooks, notebooks

SLIDES = ROOT / "build" / "slides"


@click.command()
@names_of_notebooks
def slides(names):
    """Make a deck of slides for each notebook under build/slides, and the lecturer's beside it."""
    from lessons_lib.course.pages.slides import copy_assets, decks

    try:
        copy_assets(SLIDES / "assets")
    except FileNotFoundError as problem:
        raise click.ClickException(str(problem)) from problem
    failed = []
    for path in notebooks(names):
        room, lecturer = SLIDES / f"{path.stem}.html", SLIDES / f"{path.stem}.answers.html"
        try:
            for file, page in zip((room, lecturer), decks(path), strict=True):
                file.write_text(page, encoding="utf-8")
        except ValueError as problem:
            failed.append(f"{path.stem}: {problem}")
        else:
            click.echo(f"✓ {room}, and with answers {lecturer.name}")
    finish(failed)
