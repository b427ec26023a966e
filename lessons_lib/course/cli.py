"""The `lessons` command: each subcommand reads its words, calls the course, prints a table."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]  # the repository
MIB = 2**20

# Imports stand inside the commands, so that `lessons --help` answers at once.


@click.group()
def main():
    """An interactive course on diffusion models."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot write ✓ writes ?


def notebooks(names: tuple[str, ...]) -> list[Path]:
    """The notebooks that the words on the command line mean: 3, 03, 03_name, a path; none is all.

    Raises click.BadParameter naming the word and what there is.
    """
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not names:
        return every
    found = []
    for name in names:
        stem = re.sub(r"^(\d)$", r"0\1", Path(name).name.removesuffix(".ipynb"))
        hits = [p for p in every if p.stem == stem or p.stem.split("_")[0] == stem]
        if not hits and Path(name).suffix == ".ipynb" and Path(name).exists():
            hits = [Path(name).resolve()]
        if not hits:
            known = ", ".join(p.stem for p in every) or "none"
            raise click.BadParameter(f"no notebook {name!r}; there are: {known}")
        found += hits
    return found


def executed(path: Path, label: str = "", **options):
    """Run a notebook behind a progress bar that goes away when it is done."""
    from tqdm import tqdm

    from lessons_lib.course.execute import run

    text = label or path.stem
    with tqdm(desc=text, unit="cell", leave=False, bar_format="{desc} {bar} {elapsed}") as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return run(path, progress=progress, **options)


@main.command()
@click.argument("notebook", required=False, default="00_start_here")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
def lab(notebook, no_browser):
    """Open the course in JupyterLab."""
    path = notebooks((notebook,))[0]
    if not path.is_relative_to(ROOT):
        raise click.BadParameter(f"{path} is outside the course's folder, {ROOT}")
    words = [sys.executable, "-m", "jupyterlab", *lab_options(path, no_browser)]
    # The kernel of this environment comes before one that was registered for the whole user.
    # Threads that sleep when they wait: on a busy machine spinning ones are three times slower.
    ours = {"JUPYTER_PREFER_ENV_PATH": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    child = subprocess.Popen(words, env=ours | os.environ)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            raise SystemExit(max(0, child.wait()))
        except KeyboardInterrupt:
            continue  # JupyterLab had the same Ctrl-C, and is stopping its kernels


def lab_options(path: Path, no_browser: bool = False) -> list[str]:
    """JupyterLab's options: this notebook first, few words, root only for root."""
    import zmq

    address = path.relative_to(ROOT).as_posix()
    options = [
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{address}",
        f"--LabApp.app_settings_dir={Path(__file__).with_name('lab')}",  # no news, no update check
        "--LabApp.log_level=ERROR",
        "--ServerApp.log_level=ERROR",  # the address is printed all the same
        "--ServerApp.answer_yes=True",  # Ctrl-C stops without asking
    ]
    screen = not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if zmq.has("curve"):
        options.append("--KernelManager.transport_encryption=auto")  # or each kernel warns
    if no_browser or not screen:
        options.append("--no-browser")
    if hasattr(os, "getuid") and os.getuid() == 0:
        options.append("--allow-root")
    return options


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
def run(names):
    """Run notebooks top to bottom, with no browser; pages go to build/html."""
    from lessons_lib.course.execute import to_html

    failed = []
    click.echo(f"{'notebook':<32} {'seconds':>8} {'peak MiB':>9}")
    for path in notebooks(names):
        result = executed(path)
        to_html(result.notebook, ROOT / "build" / "html" / f"{path.stem}.html")
        mark = "✗" if result.error else "✓"
        row = f"{path.stem:<32} {result.seconds:8.1f} {result.peak_bytes / MIB:9.0f}  {mark}"
        click.echo(row)
        if result.error:
            failed.append(f"{path.stem}: {result.error}")
    finish(failed)


@main.command("notebooks")
@click.argument("names", nargs=-1, metavar="[NN]...")
def rewrite(names):
    """Run notebooks and write their outputs back, the way they are committed."""
    from lessons_lib.course.execute import normalise, save

    failed = []
    for path in notebooks(names):
        result = executed(path)
        error = result.error
        if error is None:
            try:
                save(normalise(result.notebook), path)
            except ValueError as problem:
                error = str(problem)
        click.echo(f"{'✗' if error else '✓'} {path.stem} ({result.seconds:.1f} s)")
        if error:
            failed.append(f"{path.stem}, left as it was: {error}")
    finish(failed)


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
def check(names):
    """Check your answers: ✓ right, ✗ wrong and why, ○ not written yet."""
    from lessons_lib.course.editions import RIGHT, WRONG, results

    marks = []
    for path in notebooks(names):
        found = results(executed(path, keep_going=True).notebook)
        marks += [mark for _, mark, _ in found]
        if found:
            click.echo(path.stem)
        for name, mark, said in found:
            click.echo(f"  {mark} {name:<28} {said}")
    click.echo(f"{marks.count(RIGHT)} of {len(marks)} right")
    sys.exit(WRONG in marks)


@main.command()
@click.argument("name")
def train(name):
    """Train a model that the course ships again, from nothing; `all` trains every one."""
    from lessons_lib.course.recipes import RECIPES

    if name not in (*RECIPES, "all"):
        raise click.BadParameter(f"no recipe {name!r}; there are: {', '.join(RECIPES)}, all")
    for each in RECIPES if name == "all" else [name]:
        RECIPES[each](ROOT / "data" / "checkpoints", True)


@main.command()
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


@main.command()
@click.argument("names", nargs=-1, metavar="[SECTION]...")
@click.option("--write", is_flag=True, help="Write what was found into docs/benchmarks.md.")
def bench(names, write):
    """Measure our samplers beside diffusers', taking turns: step, loop, cuda, error, growth."""
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


@main.command()
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


def finish(failed: list[str]):
    """Name what failed, and leave with a status that says whether anything did."""
    for line in failed:
        click.echo(f"✗ {line}", err=True)
    sys.exit(bool(failed))
