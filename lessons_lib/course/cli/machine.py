"""`lessons doctor`: a look at this machine."""

import sys

import click


@click.command()
def doctor():
    """Look at this machine, and say what to do about each problem."""
    from lessons_lib.course.doctor import report

    broken = 0
    for line in report():
        broken += line.broken
        mark = "✗" if line.broken else "!" if line.advice else "✓"
        click.echo(f"{mark} {line.what:<11} {line.found}")
        if line.advice:
            click.echo(f"  {'':<11} → {line.advice}")
    sys.exit(broken > 0)
