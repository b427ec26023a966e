"""What a lesson shows under a name of its own is what the library does."""

import ast
from pathlib import Path

import torch

from lessons_lib import diffuse, levels, samplers
from lessons_lib.course.exercises.ddim import ddim_step
from lessons_lib.course.notebooks.execute import load
from lessons_lib.levels import Level

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SCHEDULES = (levels.cosine, levels.rectified, levels.edm, levels.from_betas(levels.linear_betas()))
LADDER = [Level.from_alpha_bar(a) for a in (0.01, 0.30, 0.70, 1.0)]


def shown(notebook, name, space):
    """The function of that name as a lesson defines it, in a name space of our choice."""
    for cell in load(NOTEBOOKS / notebook).cells:
        if cell.cell_type == "code" and f"def {name}(" in cell.source:
            tree = ast.parse(cell.source)
            tree.body = [n for n in tree.body if getattr(n, "name", None) == name]
            exec(compile(tree, notebook, "exec"), space)
            return space[name]
    raise AssertionError(f"{notebook} shows no {name}")


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_three_lines_of_ddim_are_the_librarys_at_eta_0():
    space = {"eps_from_x0": diffuse.eps_from_x0, "Step": samplers.Step}
    by_hand = shown("04_ddim_by_hand.ipynb", "ddim_by_hand", space)
    denoise = lambda x, t: torch.tanh(x + t.sigma)  # any network
    for schedule in SCHEDULES:
        grid = [level for level in levels.grid(schedule, 7) if level.alpha > 0]
        ours, theirs = (
            list(samplers.walk(step, denoise, noise(5, 2, 3), grid))
            for step in (by_hand, samplers.ddim)
        )
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_the_step_that_a_student_writes_is_the_librarys_at_eta_0():
    for i, (t, s) in enumerate(zip(LADDER, LADDER[1:], strict=False)):
        x, eps = noise(2, 4, 3, seed=i)
        theirs = samplers.ddim(lambda x, t, eps=eps: diffuse.x0_from_eps(x, eps, t), x, t, s).x
        torch.testing.assert_close(ddim_step(x, eps, t, s), theirs, rtol=1e-12, atol=1e-12)


def test_the_hand_walk_has_the_numbers_of_the_lesson():
    x, walked = torch.tensor(2.0, dtype=torch.float64), []
    for eps, t, s in zip((1.8, 1.4, 0.5), LADDER, LADDER[1:], strict=False):
        guess = diffuse.x0_from_eps(x, eps, t)
        x = ddim_step(x, eps, t, s)
        walked.append((round(float(guess), 3), round(float(x), 3)))
    assert walked == [(2.090, 2.651), (2.701, 3.027), (3.290, 3.290)]
