"""`lessons train`, `measure` and `bench`: make again what the course ships and claims."""

import click

from lessons_lib.files import ROOT


@click.command()
@click.argument("name")
def train(name):
    """Train a model that the course ships again, from nothing; `all` trains every one."""
    from lessons_lib.course.recipes import RECIPES, write_card

    if name not in (*RECIPES, "all"):
        raise click.BadParameter(f"no recipe {name!r}; there are: {', '.join(RECIPES)}, all")
    for each in RECIPES if name == "all" else [name]:
        RECIPES[each](ROOT / "data" / "checkpoints", True)
    try:
        click.echo(f"the model card: {write_card(ROOT / 'data' / 'checkpoints')}")
    except OSError as problem:  # the weights are safe: the recipe asked where to put them
        raise click.ClickException(f"the model card could not be written: {problem}") from problem


@click.command()
@click.argument("name")
def measure(name):
    """Measure again what a lesson claims, with its error bars; `all` measures everything."""
    from lessons_lib.course.measure import MEASURES, lines, write

    if name not in (*MEASURES, "all"):
        raise click.BadParameter(f"no measure {name!r}; there are: {', '.join(MEASURES)}, all")
    for each in MEASURES if name == "all" else [name]:
        found = write(each, ROOT / "data")
        click.echo(f"{each}: {found['what']}")
        for line in lines(found):
            click.echo(f"  {line}")


@click.command()
@click.argument("names", nargs=-1, metavar="[SECTION]...")
@click.option("--write", is_flag=True, help="Write what was found into docs/benchmarks.md.")
def bench(names, write):
    """Measure our samplers beside diffusers', taking turns; no SECTION is all of them."""
    from lessons_lib import files
    from lessons_lib.course.bench import SECTIONS, diffusers, merged, section
    from lessons_lib.course.start import begin

    for name in names:
        if name not in SECTIONS:
            raise click.BadParameter(f"no section {name!r}; there are: {', '.join(SECTIONS)}")
    try:
        diffusers()
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    begin()
    page = ROOT / "docs" / "benchmarks.md"
    for name in names or SECTIONS:
        lines = section(name)
        click.echo("\n".join(lines) + "\n")
        if write:
            files.write(page, merged(page.read_text(encoding="utf-8"), lines).encode())
