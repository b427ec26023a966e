"""The house itself: one truth for the dependencies, and the commands that the README names."""

import ast
import re
import subprocess
import sys
import tokenize
import tomllib
import types
import unicodedata
from pathlib import Path

import conftest
import pytest
import yaml

from lessons_lib.course.notebooks import execute, reading

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def plain(name: str) -> str:
    """A package's name the way every tool compares it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name).group()).lower()


PINNED = {plain(line) for line in CONSTRAINTS.splitlines() if "==" in line}


def test_environment_yml_says_nothing_that_pyproject_says():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert conda["name"] == "lessons" and conda["channels"] == ["conda-forge"]
    *words, pip = conda["dependencies"]
    assert [re.match(r"\w+", word).group() for word in words] == ["python", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e ."]}


def test_every_dependency_is_pinned_exactly():
    wanted = PROJECT["dependencies"] + sum(PROJECT["optional-dependencies"].values(), [])
    assert {plain(name) for name in wanted} <= PINNED
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+( *;.*)?", line)] == []
    assert "torch==2.13.0" in lines


def test_nothing_pulls_torchvision():
    assert not {"torchvision", "torchaudio"} & PINNED


def test_what_only_tests_need_is_not_imported_by_the_course():
    only = {"diffusers", "sklearn", "ot", "cosmic_ray"}
    only |= {"hypothesis", "pytest", "xdist", "nbval"}
    for file in (ROOT / "lessons_lib").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:from|import) (\w+)", text, re.M)
        assert not only & set(found), file


def bare_cdist(tree: ast.Module) -> list[int]:
    """The lines that call `cdist` without asking for its exact mode."""
    exact = ("compute_mode", "donot_use_mm_for_euclid_dist")
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    asked = lambda call: [(k.arg, getattr(k.value, "value", None)) for k in call.keywords]
    named = lambda call: ast.unparse(call.func).split(".")[-1] == "cdist"
    return [call.lineno for call in calls if named(call) and exact not in asked(call)]


def test_no_distance_is_left_to_the_processor():
    """By default cdist expands the square from 26 rows up: in float64, 2e-8 where 0 is right."""
    found = {}
    for file in [
        f for folder in ("lessons_lib", "tests", "data") for f in ROOT.glob(f"{folder}/**/*.py")
    ]:
        found[file] = bare_cdist(ast.parse(file.read_text(encoding="utf-8")))
    for file in ROOT.glob("notebooks/*.ipynb"):
        for cell in execute.load(file).cells:
            if cell.cell_type == "code":
                found[file, cell.id] = bare_cdist(reading.tree(cell.source))
    assert len(found) > 300 and not {where: lines for where, lines in found.items() if lines}
    assert bare_cdist(
        ast.parse("torch.cdist(a, b)\ncdist(a, b, compute_mode='use_mm_if_necessary')")
    )


@pytest.mark.parametrize(
    "target", "lab test test-more mutants run notebooks lint checkpoints clean".split()
)
def test_make_knows_its_targets(target):
    done = make("-n", target)
    assert done.returncode == 0, done.stderr


def test_what_computes_is_tested_as_on_two_other_processors():
    """Each on one, with threads of its own; and only what is there, and named, is left out."""
    said = make("-n", "test-more").stdout.replace("\\\n", " ")
    lines = [line for line in said.splitlines() if "ATEN" in line]
    words = r"(ATEN_CPU_CAPABILITY|OMP_NUM_THREADS|--part)=(\S+)"
    assert [[value for _, value in re.findall(words, line)] for line in lines] == [
        ["default", "1", "1/2"],
        ["avx2", "2", "2/2"],
    ]
    left_out = set(re.findall(r"--ignore=(\S+)", make("-n", "test-more").stdout))
    assert left_out and all((ROOT / name).is_file() for name in left_out)
    for name in "exact learn levels metrics nets recipes samplers shapes solvers wrap".split():
        assert f"tests/test_{name}.py" not in left_out


def test_the_parts_of_the_tests_are_all_of_them_and_none_twice():
    class Config:
        option, hook = "1/1", types.SimpleNamespace(pytest_deselected=lambda items: None)

        def getoption(self, name):
            return self.option

    def part(option):
        found, config = [types.SimpleNamespace(nodeid=f"test[{i}]") for i in range(1000)], Config()
        config.option = option
        conftest.pytest_collection_modifyitems(config, found)
        return [item.nodeid for item in found]

    both = part("1/2"), part("2/2")
    assert sorted(both[0] + both[1]) == sorted(part("1/1")) and len(part("1/1")) == 1000
    assert all(400 < len(each) < 600 for each in both)


def test_make_uses_an_active_conda_environment_but_not_its_base():
    assert "/opt/c/bin/python" in make("-n", "lab", CONDA_PREFIX="/opt/c").stdout
    named = {"CONDA_PREFIX": "/opt/c", "CONDA_DEFAULT_ENV": "base"}
    assert "/opt/c" not in make("-n", "lab", **named).stdout
    assert "/opt/c" not in make("-n", "lab", "PYTHON=python3", CONDA_PREFIX="/opt/c").stdout


def test_make_takes_torch_from_another_index_and_back():
    done = make("-n", "lab", "TORCH_INDEX=https://example.org/whl/cpu")
    assert "--index-url https://example.org/whl/cpu torch" in done.stdout
    done = make("-n", "lab", "TORCH_INDEX=default")
    assert "uninstall -q -y torch" in done.stdout and "--index-url" not in done.stdout


def test_make_says_which_python_it_needs(tmp_path):
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 || exit 1\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = make("lab", f"PYTHON={old}", folder=tmp_path)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr and "3.8.1" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_never_installs_into_the_systems_python(tmp_path):
    """A .venv that was interrupted while it was made may hold a link to the system's python."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    base = Path(sys.base_prefix) / "bin" / "python3"
    (tmp_path / ".venv" / "bin" / "python").symlink_to(base)
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\n[ "$2" = venv ] && echo asked for a new venv && exit 7\nexit 0\n')
    fake.chmod(0o755)
    done = make("lab", f"PYTHON={fake}", folder=tmp_path)
    assert done.returncode != 0 and "asked for a new venv" in done.stdout
    assert not (tmp_path / ".venv").exists()


def make(*words, folder=ROOT, **env):
    """Run make as from a shell of its own, not as a part of the make that runs the tests."""
    import os

    hidden = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHON")
    clean = {k: v for k, v in os.environ.items() if k not in (*hidden, "TORCH_INDEX")}
    return subprocess.run(
        ["make", *words], cwd=folder, env=clean | env, capture_output=True, text=True
    )


def test_comments_hold_no_hat_that_slips_in_monospace():
    """x0 and eps, where prose writes a hat over them: a combining accent slips to the side."""
    found = []
    for file in (ROOT / "lessons_lib").rglob("*.py"):
        with tokenize.open(file) as text:
            for token in tokenize.generate_tokens(text.readline):
                words = token.type == tokenize.COMMENT or token.string.startswith('"""')
                if words and any(map(unicodedata.combining, token.string)):
                    found.append(f"{file.name}:{token.start[0]}: {token.line.strip()}")
    assert found == []
