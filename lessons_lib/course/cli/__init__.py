"""The `lessons` command: each subcommand reads its words, calls the course, prints a table.

Imports of what computes stand inside the commands, so that `lessons --help` answers at once.
"""

import sys

import click

from lessons_lib.course.cli import answers, lab, machine, makers, pages, running


@click.group()
def main():
    """An interactive course on diffusion models."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot write ✓ writes ?


for command in (
    *(lab.lab, lab.copy),
    *(answers.check, answers.progress),
    *(running.run, running.rewrite, running.solve),
    *(makers.train, makers.measure, makers.bench),
    *(pages.slides, pages.book),
    machine.doctor,
):
    main.add_command(command)
