"""The measured claims: every shipped file is whole and says what it promises, and can be remade."""

import json
import math

import pytest
import torch
from click.testing import CliRunner
from family import seeded

from lessons_lib import files, metrics
from lessons_lib.course import cli, measure
from lessons_lib.course.instrument import QUALITY, difference
from lessons_lib.course.measure.guidance import NEAR
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import cosine, from_betas, grid, linear_betas
from lessons_lib.samplers import ddim, ddpm

SMALL = {
    "digits-walk": {"seeds": (0, 1), "n": 30, "calls": (2, 4), "splits": 2},
    "strides-digits": {"seeds": (0, 1), "n": 30, "calls": (2,), "splits": 2},
    "unasked-digits": {"seeds": (0, 1), "n": 30, "calls": (2,), "splits": 2},
    "guidance-digits": {"seeds": (0, 1), "n": 30, "calls": 2, "w": (0.0, 1.0, 3.0), "splits": 2},
    "autoguidance-digits": {"seeds": (0, 1), "n": 30, "calls": 2, "short": 2, "splits": 2}
    | {"scales": {"strong alone": (1.0,), "from the weak model": (2.0,)}},
    "strides-mixture": {"seeds": (0, 1), "n": 100, "calls": (2, 3), "spacing": 0.1},
    "guided-law": {"calls": (2, 3)},
    "guidance-shapes": {"seeds": (0, 1), "captions": 5, "each": 2, "calls": 2, "w": (0.0, 3.0)},
    "frontier-digits": {"seeds": (0, 1), "n": 30, "calls": (1, 3), "most": 2, "splits": 2},
    "frontier-shapes": {"seeds": (0, 1), "n": 8, "calls": (1, 3), "most": 2},
    "frontier-mixture": {"calls": (1, 2, 5), "n": 20, "fine": 200},
    "reflow-plane": {"seeds": (0, 1), "n": 50, "calls": (1, 2), "steps": 3, "size": 8, "kept": 20},
    "reflow-digits": {"seeds": (0, 1), "n": 30, "calls": (1, 2), "splits": 2},
    "scores-network": {"seeds": (0, 1), "n": 30, "steps": 3, "walkers": 9, "repeats": (2, 2)},
    "corrector-mixture": {"seeds": (0, 1), "n": 100, "calls": (3, 5)},
    "likelihood-mixture": {"seeds": (0, 1), "n": 4, "rules": (("Heun", 2), ("RK4", 2))},
    "likelihood-digits": {"seeds": (0, 1), "n": 3, "held_out": 2, "steps": 1, "looks": 2},
    "likelihood-members": {"seeds": (0, 1), "n": 3, "steps": 1, "probes": 1, "training": 2},
}
SHAPES = {f"{right}{judge}{clip}" for right in ("right", "shape right")
          for judge in ("", ", second judge") for clip in ("", ", clipped")}  # fmt: skip
ERRORS = {  # what each row gives with its interval
    "digits-walk": set(QUALITY),
    "strides-digits": set(QUALITY),
    "unasked-digits": set(QUALITY),
    "guidance-digits": {*QUALITY, "saturated", "far out"}
    | {"diversity", "diversity, clipped", "diversity, even contrast"},
    "autoguidance-digits": {*QUALITY, *NEAR, "saturated"},
    "strides-mixture": {"w2"},
    "reflow-digits": set(QUALITY),
    "frontier-digits": set(QUALITY),
    "frontier-shapes": SHAPES | {"frechet", "frechet, clipped"},
    "guidance-shapes": SHAPES | {"diversity", "saturated"},
    "scores-network": {"on the data", "off the data", "predicts x0"},
    "corrector-mixture": {"w2", "gap"},
    "likelihood-mixture": {"rms", "rms, step-doubling"},
    "likelihood-digits": {"bits"},
    "likelihood-members": {"learned from", "held out"}
    | {"AUC, bits", "AUC, bits less the other network's"},
}
ROWS = {"digits-walk": 2, "strides-digits": 20, "guidance-digits": 11, "strides-mixture": 28}
ROWS |= {"autoguidance-digits": 10}
ROWS |= {"unasked-digits": 18, "frontier-digits": 78, "frontier-shapes": 71, "guidance-shapes": 13}
ROWS |= {"reflow-digits": 12}
ROWS |= {"scores-network": 6, "corrector-mixture": 30}
ROWS |= {"likelihood-mixture": 10, "likelihood-digits": 58, "likelihood-members": 1}
WITHOUT_FLOOR = ("guidance-shapes", "scores-network")  # errors, in units of their own
WITHOUT_FLOOR += ("likelihood-mixture", "likelihood-digits", "likelihood-members")


def rows(name, **wanted):
    """The shipped rows of that name in which every wanted key has the wanted value."""
    found = measure.result(name)["rows"]
    return [row for row in found if all(row[k] == value for k, value in wanted.items())]


# --- what is shipped ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", measure.MEASURES)
def test_what_is_shipped_is_whole_and_says_how_it_was_made(name):
    found = measure.result(name)
    assert found["command"] == f"lessons measure {name}"
    assert found["what"].endswith(".") and "torch" in found["machine"]
    entry = files.manifest()[f"results/{name}.json"]
    assert entry["made_by"] == found["command"] and entry["licence"] and entry["source"]
    assert "202" not in json.dumps(found["machine"]), "a date makes every run another file"


@pytest.mark.parametrize("name", ERRORS)
def test_every_number_that_was_sampled_has_its_interval_over_the_seeds(name):
    found = measure.result(name)
    (seeds,) = {len(each["seeds"]) for each in found["instruments"].values()}
    assert seeds >= (3 if "shapes" in name else 5) and len(found["rows"]) == ROWS[name]
    for row in found["rows"]:
        assert {k for k, v in row.items() if isinstance(v, dict) and "half" in v} == ERRORS[name]
        for key in ERRORS[name]:
            assert math.isfinite(row[key]["value"]) and row[key]["half"] >= 0
    floors = [v for k, v in found.items() if "real against real" in k or k == "floor"]
    assert all(floor["value"] > 0 and floor["half"] > 0 for floor in floors)
    assert floors or name in WITHOUT_FLOOR


def test_log_densities_by_the_ode_are_those_of_the_closed_form():
    """What 09 says of its three rules, and of the check that needs no truth."""
    off = {(r["rule"], r["steps"]): r["rms"]["value"] for r in rows("likelihood-mixture")}
    assert off["RK4", 50] < 1e-3 and off["RK4", 100] < 2e-4
    assert 5e-3 < off["Heun", 200] < 2e-2 and off["Euler", 200] > 0.3
    for row in rows("likelihood-mixture", rule="RK4")[1:]:
        assert row["rms, step-doubling"]["value"] == pytest.approx(row["rms"]["value"], rel=0.4)
    signs, normal = measure.result("likelihood-mixture")["one probe"]
    assert abs(signs["mean"]["value"]) < signs["mean"]["half"] < normal["mean"]["half"]


def test_a_density_of_boxes_is_learned_from_boxes():
    """09: the figure must not depend on where the walk begins, and Heun flatters."""
    found = lambda **wanted: rows("likelihood-digits", told=False, **wanted)[0]["bits"]
    ends = {
        net: [
            found(net=net, which="learned from", how="ODE", low=low)["value"]
            for low in (0.03, 0.01, 0.001)
        ]
        for net in ("digits", "digits_dequantised")
    }
    boxes = ends["digits_dequantised"]
    assert max(boxes) - min(boxes) < 0.05 < 0.2 < max(ends["digits"]) - min(ends["digits"])
    heun = found(net="digits", how="Heun", low=0.001)["value"]
    assert heun < found(net="digits", how="Heun, fine", low=0.001)["value"] < ends["digits"][2]
    held = found(net="digits_dequantised", which="held out", how="ODE", low=0.001)
    assert held["value"] - held["half"] > boxes[2]


def test_single_pixels_win_at_the_finest_levels_and_lose_at_the_others():
    found = measure.result("likelihood-digits")
    assert (
        found["independent pixels, held out"] < 2.5 < found["independent pixels, smooth, held out"]
    )
    for row in found["by level"]:
        network, pixels = row["network"], row["independent pixels"]
        gap = network["value"] - pixels["value"]
        if row["ratio"] < 0.15:
            assert gap > network["half"] + pixels["half"]
        if 0.2 < row["ratio"] < 1.5:
            assert gap < -network["half"]


def test_bits_alone_hardly_tell_what_was_learned_from():
    (row,) = rows("likelihood-members")
    beside = row["AUC, bits less the other network's"]
    assert 0.5 < row["AUC, bits"]["value"] < 0.65 < beside["value"] - beside["half"]


def test_the_walk_counts_its_evaluations_and_its_seconds():
    fast, slow = rows("digits-walk")
    assert (fast["sampler"], fast["evaluations"], slow["evaluations"]) == ("DDIM", 50, 1000)
    ratio = measure.result("digits-walk")["DDPM over DDIM, seed by seed"]
    for clock in measure.CLOCKS:
        for row in (fast, slow):
            assert 0 < row[clock]["low"] <= row[clock]["median"] <= row[clock]["high"]
        assert 10 < ratio[clock]["median"] < 40  # twenty times the evaluations, on a busy machine


def test_a_budget_of_evaluations_is_spent_to_the_last_one():
    """Heun's steps cost two evaluations, but for the last and for one that starts at alpha = 0."""
    wanted = {1, 2, 5, 10, 20, 50, 100, 250, 1000}
    assert {row["evaluations"] for row in rows("frontier-digits", sampler="DDPM")} == wanted
    assert {row["evaluations"] for row in rows("frontier-mixture", sampler="DDIM")} == wanted
    for row in rows("frontier-digits"):
        assert row["evaluations"] in wanted, row
    for row in rows("frontier-mixture"):
        assert {row["evaluations"], row["evaluations"] + (row["sampler"] == "Heun")} & wanted, row


def test_with_few_looks_the_student_and_the_spacing_decide_on_the_shapes():
    """What 06 says below its big picture."""
    (at,) = (lambda name, n, spacing="even in time": rows(
        "frontier-shapes", sampler=name, spacing=spacing, evaluations=n)[0],)  # fmt: skip
    found = rows("frontier-shapes")
    cheap = [row for row in found if row["evaluations"] < 5 and row["sampler"] != "student"]
    assert at("student", 2)["frechet"]["value"] < min(row["frechet"]["value"] for row in cheap)
    gain = difference(at("2M", 5)["frechet"], at("2M", 5, "even in log-SNR")["frechet"])
    assert gain["value"] > gain["half"]
    for key in ("right", "right, second judge"):
        gain = difference(at("DDPM", 10)[key], at("DDIM", 10)[key])
        assert gain["value"] > gain["half"]


def test_no_sampler_that_follows_the_path_ends_far_from_it():
    for row in rows("frontier-mixture"):
        if row["evaluations"] > 240:
            assert row["error"] < 0.01, row


EXACT = {"strides-mixture", "likelihood-mixture", "corrector-mixture"}  # no checkpoint is asked
EXACT |= {"scores-network"}  # its networks are trained as it measures


@pytest.mark.parametrize("name", sorted({*ERRORS} - EXACT))
def test_the_weights_measured_are_the_weights_shipped(name):
    for weights, hashed in measure.result(name)["checkpoints"].items():
        assert hashed == measure.checkpoint_hash(weights), f"run `lessons measure {name}` again"


def test_guidance_costs_two_evaluations_except_at_nought_and_one():
    for name, once in (("guidance-digits", 50), ("guidance-shapes", 20)):
        for row in rows(name):
            assert row["evaluations"] == once * (1 if row["w"] in (0, 1) else 2)


def test_guidance_by_words_rises_falls_and_saturates():
    """What the textbook says, on captions: best about 2, ever less varied up to there."""
    found = {row["w"]: row for row in rows("guidance-shapes")}
    for judge in ("right", "right, second judge"):
        right = {w: row[judge]["value"] for w, row in found.items()}
        assert 1 < max(right, key=right.get) < 3 and right[20] < 0.2 and right[0] < 0.05
    varied = [found[w]["diversity"]["value"] for w in (1, 1.5, 2)]
    assert varied == sorted(varied, reverse=True) and varied[0] < 1
    share = [row["saturated"]["value"] for row in found.values()]
    assert share == sorted(share)


def test_without_a_condition_a_digit_in_ten_is_the_one_asked_for():
    (row,) = rows("guidance-digits", w=0)
    assert row["recognised"]["value"] == pytest.approx(0.1, abs=0.03)


def test_guidance_saturates_and_a_strong_one_is_recognised_less():
    found = rows("guidance-digits")[1:]
    for key in ("saturated", "far out"):
        share = [row[key]["value"] for row in found]
        assert share == sorted(share) and share[-1] > 5 * share[0]
    for key in ("recognised", "recognised, second judge"):
        best = max(row[key]["value"] for row in found)
        assert found[-1][key]["value"] < best - 0.1
    assert found[-1]["frechet"]["value"] > 5 * found[0]["frechet"]["value"]


def test_diversity_grows_with_guidance_here_whatever_the_textbook_says():
    """The lesson says so and why; should a new checkpoint behave, the lesson must change."""
    for key in ("diversity", "diversity, clipped", "diversity, even contrast"):
        plain, strong = (rows("guidance-digits", w=w)[0][key] for w in (1, 7.5))
        gain = difference(strong, plain)
        assert gain["value"] > 5 * gain["half"]


def test_even_contrast_leaves_the_form_alone():
    x = torch.randn(6, 1, 8, 8, generator=seeded(0), dtype=torch.float64)
    even = measure.even_contrast(x)
    torch.testing.assert_close(even.flatten(1).mean(1), torch.zeros(6).double())
    torch.testing.assert_close(even.flatten(1).std(1), torch.ones(6).double())
    torch.testing.assert_close(measure.even_contrast(3 * x - 0.4), even)
    assert torch.isfinite(measure.even_contrast(torch.ones(2, 1, 8, 8))).all()


def test_two_measures_agree_where_they_measure_the_same_thing():
    """DDIM in 50 steps, asked as plainly, from the same noise: one number, measured thrice."""
    walk, strides = rows("digits-walk", sampler="DDIM")[0], rows("strides-digits", calls=50)[0]
    plain = rows("guidance-digits", w=1)[0]
    for key in QUALITY:
        assert walk[key]["value"] == pytest.approx(strides[key]["value"], rel=2e-3)
        assert walk[key]["value"] == pytest.approx(plain[key]["value"], rel=2e-3)


def test_more_calls_bring_every_sampler_nearer_to_the_mixture():
    for name in measure.SAMPLERS:
        exact = [row["without sampling"] for row in rows("strides-mixture", sampler=name)]
        assert exact == sorted(exact, reverse=True)


def test_samples_and_the_law_they_come_from_tell_the_same():
    """n samples add their own error, about the floor, to the distance of the law itself."""
    floor = measure.result("strides-mixture")["floor"]["value"]
    for row in rows("strides-mixture"):
        law, found = row["without sampling"], row["w2"]
        assert found["value"] == pytest.approx(law, abs=1.5 * floor + 1.5 * found["half"])


# --- the guided law: oracle B7 --------------------------------------------------------------------


def test_the_tilted_laws_are_those_of_the_closed_form():
    equal, unequal = measure.result("guided-law")["cases"]
    assert equal["tilted law"] == {"mean": 3.0, "variance": 1.0}
    assert unequal["tilted law"] == {"mean": 1.2, "variance": 0.1}


def test_equal_spreads_reach_the_tilted_law_whatever_the_sampler():
    for row in measure.result("guided-law")["cases"][0]["rows"]:
        assert row["mean"] == pytest.approx(3, abs=1e-2)
        if row["calls"] == 1000:
            assert row["variance"] == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(
    "name, mean, var", [("DDIM", 1.5, 0.016), ("DDPM", 1.31, 0.066), ("DDIM, η = .5", 1.42, 0.038)]
)
def test_unequal_spreads_miss_it_and_each_sampler_in_its_own_way(name, mean, var):
    case = measure.result("guided-law")["cases"][1]
    (row,) = (row for row in case["rows"] if (row["sampler"], row["calls"]) == (name, 1000))
    assert row["mean"] == pytest.approx(mean, abs=5e-3)
    assert row["variance"] == pytest.approx(var, abs=1e-3)


def test_the_guided_ode_in_closed_form():
    """The limit of DDIM on a fine grid: dx/dθ = alpha eps − sigma x0 on the circle of angle θ.

    The guess guided from N(0, 1) to N(1, c²) is x0 = w (1 + g (x − alpha)) + (1 − w) alpha x, with
    g = alpha c² / (alpha² c² + sigma²); mean and log variance then go by Runge-Kutta.
    """
    c, w = 0.5, 3.0

    def slope(theta, state):
        a, b, one = math.cos(theta), math.sin(theta), a_gain(theta)
        # x0 = k x + j with
        k, j = w * one + (1 - w) * a, w * (1 - one * a)
        # dx/dtheta = (x - a x0) / b * a - b x0 = x a / b - x0 / b
        pull, push = (a - k) / b, -j / b
        mean, log_var = state
        return pull * mean + push, 2 * pull

    def a_gain(theta):
        a, b = math.cos(theta), math.sin(theta)
        return a * c**2 / (a**2 * c**2 + b**2)

    state, steps, end = (0.0, 0.0), 4000, 1e-4
    h = (end - math.pi / 2) / steps
    for i in range(steps):
        theta = math.pi / 2 + i * h
        one = slope(theta, state)
        two = slope(theta + h / 2, tuple(s + h / 2 * d for s, d in zip(state, one, strict=True)))
        three = slope(theta + h / 2, tuple(s + h / 2 * d for s, d in zip(state, two, strict=True)))
        four = slope(theta + h, tuple(s + h * d for s, d in zip(state, three, strict=True)))
        state = tuple(
            s + h / 6 * (p + 2 * q + 2 * r + z)
            for s, p, q, r, z in zip(state, one, two, three, four, strict=True)
        )
    mean, var = measure.guided_moments(ddim, (0.0, 1.0), (1.0, c), w, 1000)
    assert mean == pytest.approx(state[0], abs=2e-3)
    assert var == pytest.approx(math.exp(state[1]), abs=5e-4)


def test_the_push_of_moments_is_first_order():
    miss = [
        abs(measure.guided_moments(ddim, (0.0, 1.0), (1.0, 1.0), 3.0, n)[1] - 1) for n in (50, 200)
    ]
    assert math.log(miss[0] / miss[1]) / math.log(4) == pytest.approx(1, abs=0.15)


# --- the instruments of one dimension -------------------------------------------------------------


def test_a_step_read_off_has_the_mean_and_the_spread_of_the_posterior():
    t, s = cosine(0.7), cosine(0.4)
    toy, x = MixtureDenoiser([[1.0]], [0.5]), torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    mean = (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * toy(x, t)) / t.sigma**2
    found, std = metrics.law_of_step(ddpm, toy, x, t, s)
    torch.testing.assert_close(found, mean, rtol=0, atol=1e-12)
    assert std == pytest.approx(float((var * s.sigma**2 / t.sigma**2).sqrt()), abs=1e-12)
    found, std = metrics.law_of_step(ddim, toy, x, t, s)
    assert std == 0
    torch.testing.assert_close(found, ddim(toy, x, t, s).x, rtol=0, atol=0)


def test_the_quantile_undoes_the_distribution_function():
    mix = MixtureDenoiser([[-1.0], [2.0]], [0.3, 0.1], [1.0, 3.0])
    u = torch.linspace(0.001, 0.999, 50, dtype=torch.float64)
    x = metrics.quantile(mix, u)
    below = 0.25 * torch.special.ndtr((x + 1) / 0.3) + 0.75 * torch.special.ndtr((x - 2) / 0.1)
    torch.testing.assert_close(below, u, rtol=0, atol=1e-10)
    one = metrics.quantile(MixtureDenoiser([[1.0]], [2.0]), u)
    torch.testing.assert_close(one, 1 + 2 * torch.special.ndtri(u), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", measure.SAMPLERS)
def test_the_law_of_the_chain_is_the_affine_push_on_gaussian_data(name):
    """Oracle D1: on Gaussian data mean and variance are known without the grid."""
    step, n = measure.SAMPLERS[name], 20000
    mean, var = measure.guided_moments(step, (0.0, 1.0), (0.5, 0.6), 1.0, 20)
    points = metrics.law_of_chain(step, MixtureDenoiser([[0.5]], [0.6]), grid(cosine, 20), n, 0.02)
    assert float(points.mean()) == pytest.approx(mean, abs=1e-4)
    assert float(points.var()) == pytest.approx(var, rel=2e-3)
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    normal = mean + math.sqrt(var) * torch.special.ndtri(middle)
    assert metrics.w2(points, normal) < 2e-3


@pytest.mark.parametrize("name", ["DDIM, η = .5", "DDPM, large variance"])
def test_a_finer_grid_tells_the_same(name):
    step, mix = measure.SAMPLERS[name], MixtureDenoiser([[-1.5], [1.0]], [0.3, 0.5])
    levels = grid(from_betas(linear_betas()), 20)
    coarse, fine = (metrics.law_of_chain(step, mix, levels, 5000, h) for h in (0.02, 0.01))
    assert metrics.w2(coarse, fine) < 1e-3


# --- made again -----------------------------------------------------------------------------------


def timeless(value):
    """The same without what a clock said."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in measure.CLOCKS}
    return [timeless(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", measure.MEASURES)
def test_a_small_one_runs_writes_and_comes_out_the_same_twice(name, tmp_path):
    threads = torch.get_num_threads()
    one = measure.write(name, tmp_path, progress=False, **SMALL[name])
    assert measure.result(name, tmp_path) == one and torch.get_num_threads() == threads
    torch.set_num_threads(1)  # as write does: two threads sum in another order
    two = measure.MEASURES[name](**SMALL[name])
    torch.set_num_threads(threads)
    again = measure._rounded(timeless(two))
    assert {k: v for k, v in timeless(one).items() if k in again} == again
    assert files.verify_all(tmp_path) == [(f"results/{name}.json", None)]
    shipped, small = measure.result(name), list(one)
    assert list(shipped) == small, "the shipped file is of another version of its measure"
    table = measure.lines(one)
    barred = name in ERRORS or name == "reflow-plane"  # which has its rows in cases
    assert len({len(line) for line in table}) == 1 and ("±" in table[1]) == barred


def test_other_seeds_give_other_numbers():
    tell = lambda *seeds: measure.strides_mixture(seeds, 100, (2,), 0.1)["rows"][0]["w2"]["value"]
    assert tell(0, 1) != tell(2, 3)


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ValueError, match="name: 'cats' given; allowed are digits-walk, "):
        measure.result("cats")
    with pytest.raises(ValueError, match="name: 'cats' given"):
        measure.write("cats")
    with pytest.raises(ValueError, match="n: 899 given; allowed is 20 to 898"):
        measure.digits_walk(n=899)
    with pytest.raises(ValueError, match="seeds: 1 given; allowed are 2 to 9"):
        measure.strides_mixture((0,), 100, (2,), 0.1)


def test_an_altered_result_is_refused_with_its_repair(tmp_path):
    measure.write("guided-law", tmp_path, progress=False, **SMALL["guided-law"])
    path = tmp_path / "results" / "guided-law.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
    with pytest.raises(files.FileProblem, match="lessons measure guided-law"):
        measure.result("guided-law", tmp_path)


def test_the_command_writes_prints_a_table_and_names_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(cli.makers, "ROOT", tmp_path)
    small = lambda progress: measure.strides_mixture(**SMALL["strides-mixture"])
    monkeypatch.setattr(measure, "MEASURES", {"strides-mixture": small})
    for word in ("strides-mixture", "all"):
        done = CliRunner().invoke(cli.main, ["measure", word])
        assert done.exit_code == 0, done.output
        assert "DDPM, large variance" in done.output and "±" in done.output
    assert (tmp_path / "data" / "results" / "strides-mixture.json").is_file()
    done = CliRunner().invoke(cli.main, ["measure", "cats"])
    assert done.exit_code == 2 and "'cats'" in done.output and "strides-mixture, all" in done.output
