"""The instrument: one way to judge, named in every record, and rankings that two judges share."""

import json
import math

import pytest
import torch
from family import seeded
from scipy import stats

from lessons_lib import data, files, metrics
from lessons_lib.course import measure
from lessons_lib.course.instrument import (
    QUALITY,
    RULERS,
    STUDENT,
    Digits,
    Shapes,
    difference,
    error,
    prepared,
)

FIELDS = {"features", "preprocessing", "reference", "n", "seeds"}
SAMPLED = [name for name in measure.MEASURES if "instruments" in measure.result(name)]


def figures(name):
    """(key, figure) for every number of a record that was measured over seeds."""
    found = measure.result(name)
    for row in found.get("rows") or [row for case in found["cases"] for row in case["rows"]]:
        yield from ((k, v) for k, v in row.items() if isinstance(v, dict) and "half" in v)


@pytest.mark.parametrize("seeds", STUDENT)
def test_the_factor_is_students(seeds):
    assert STUDENT[seeds] == pytest.approx(stats.t.ppf(0.975, seeds - 1), rel=5e-4)


def test_the_interval_covers_what_it_says():
    """Of ten thousand means of five draws, 95 % have the truth within their interval."""
    draws = torch.randn(10_000, 5, generator=seeded(0)).double()
    found = [error(row) for row in draws.tolist()]
    share = sum(abs(each["value"]) <= each["half"] for each in found) / len(found)
    assert share == pytest.approx(0.95, abs=4.5 * math.sqrt(0.95 * 0.05 / 10_000))


def test_a_difference_is_taken_seed_by_seed():
    noise = [1.0, 5.0, -3.0, 0.5, 2.0]
    gap = difference(error([x + 0.25 for x in noise]), error(noise))
    assert gap["value"] == pytest.approx(0.25) and gap["half"] == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError):
        difference(error(noise), error(noise[:3]))


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 10])
def test_too_few_and_too_many_seeds_are_refused(values):
    with pytest.raises(ValueError, match=f"seeds: {len(values)} given; allowed are 2 to 9"):
        error(values)


def test_nothing_is_done_to_a_picture_unless_the_name_says_so():
    x = torch.tensor([-3.0, 0.2, 1.01])
    assert prepared(x, "as drawn") is x
    for name, (_, how) in RULERS.items():
        assert torch.equal(prepared(x, how), x) == ("clipped" not in name)


@pytest.fixture(scope="module")
def digits():
    return Digits.load(500, 2)


def test_a_clip_does_nothing_to_real_digits_and_moves_grainy_ones_away(digits):
    """Why no judge looks through a clip: it turns grain, which goes both ways, into a shift."""
    pick = torch.randperm(len(digits.x0), generator=seeded(2))[:500]
    real, label = digits.x0[pick], digits.label[pick]
    found = digits.judged(real, label, seed=0)
    grainy = real + 0.15 * torch.randn(real.shape, generator=seeded(1))
    moved = digits.judged(grainy, label, seed=0)
    for name in ("frechet", "frechet, second judge", "frechet, pixels"):
        assert found[name] == found[f"{name}, clipped"]
        if name != "frechet, pixels":  # plain pixels see both, and are not fooled
            assert moved[f"{name}, clipped"] > moved[name] + 1
    ground = grainy[real == -1]
    assert float(ground.mean() + 1) == pytest.approx(0, abs=0.02)
    assert float(ground.clamp(-1, 1).mean() + 1) == pytest.approx(
        0.15 / math.sqrt(2 * math.pi), abs=0.01
    )


def test_the_two_judges_are_two(digits):
    """Another architecture, other first weights, another fifth held out; each knows its digits."""
    for pair in (("judge", "second_judge"), ("shapes_judge", "second_shapes_judge")):
        records = [
            json.loads(files.verified(f"checkpoints/{name}.json").read_text()) for name in pair
        ]
        assert records[0]["recipe"]["seed"] != records[1]["recipe"]["seed"]
        assert records[0]["weights"] != records[1]["weights"]
    for judge in digits.judges.values():
        right = (judge(digits.x0).argmax(1) == digits.label).double().mean()
        assert right > 0.98


@pytest.mark.parametrize("name", SAMPLED)
def test_every_figure_names_its_instrument(name):
    found = measure.result(name)
    named = found["instruments"]
    unnamed = {key for key, _ in figures(name)} - set(named) - {"saturated", "far out"}
    assert not unnamed, f"{name} has figures without an instrument: {unnamed}"
    for key, instrument in named.items():
        assert set(instrument) == FIELDS, key
        assert instrument["preprocessing"], key
    for key, figure in figures(name):
        if key in named:
            assert len(figure["each"]) == len(named[key]["seeds"])
        again = error(figure["each"])
        assert figure["value"] == pytest.approx(again["value"], rel=1e-3, abs=1e-9)
        assert figure["half"] == pytest.approx(again["half"], rel=0.05, abs=2e-3 * again["value"])


def test_one_name_is_one_instrument():
    """Where two records (two lessons) speak of one model by one name, they measured alike."""
    seen: dict = {}
    shipped = json.loads(files.verified("checkpoints/digits.json").read_text(encoding="utf-8"))
    records = {"checkpoints/digits": {**shipped, "checkpoints": {"digits": None}}}
    records |= {name: measure.result(name) for name in SAMPLED}
    for name, record in records.items():
        model = next(iter(record.get("checkpoints", {"none": 0})))
        for key, instrument in record["instruments"].items():
            how = {field: instrument[field] for field in ("features", "preprocessing")}
            if model == "digits":
                how = instrument  # number, reference and seeds, too
            first, before = seen.setdefault((model, key), (name, how))
            assert how == before, f"{key} of {model}: {name} and {first} measured differently"


def test_the_shipped_digits_are_quoted_as_the_frontier_measured_them():
    record = json.loads(files.verified("checkpoints/digits.json").read_text(encoding="utf-8"))
    (row,) = (
        row
        for row in measure.result("frontier-digits")["rows"]
        if (row["sampler"], row["evaluations"]) == ("DDPM", 1000)
    )
    for key in QUALITY:
        assert record["measured"][key] == pytest.approx(row[key]["value"], rel=6e-3)


def test_captions_are_read_by_both_judges_as_drawn_and_clipped():
    generator = seeded(0)
    asked = data.choose(12, generator)
    real = data.draw(data.scene(asked, generator))
    shapes = Shapes.load(asked, real)
    found = shapes.judged(real)
    assert set(found) == set(shapes.instruments((0, 1)))
    assert all(found[key] == 1 for key in found if "right" in key)
    assert found["frechet"] == pytest.approx(0, abs=1e-3) and "frechet" in found
    assert "frechet" not in Shapes.load(asked).judged(real)
    loud = shapes.judged(4 * real)
    assert loud["frechet"] > loud["frechet, clipped"]
    assert metrics.saturated(4 * real) > 0.1


# --- what the lessons conclude, by every instrument that was not clipped --------------------------

AS_DRAWN = ("frechet", "frechet, second judge", "frechet, pixels")


def row_of(name, **wanted):
    (row,) = (
        row
        for row in measure.result(name)["rows"]
        if all(row[key] == value for key, value in wanted.items())
    )
    return row


def leads(name, ahead, behind, keys=AS_DRAWN):
    """Whether the one is nearer to real digits than the other, for sure, by each of these keys."""
    gaps = [difference(row_of(name, **behind)[k], row_of(name, **ahead)[k]) for k in keys]
    return [gap["value"] > gap["half"] for gap in gaps]


def walk(sampler, evaluations, spacing="even in time"):
    return {"sampler": sampler, "evaluations": evaluations, "spacing": spacing}


@pytest.mark.parametrize("name", ["2M", "PLMS", "Heun", "multistep"])
def test_better_solvers_lead_at_ten_looks(name):
    """What 06 says below its picture of the digits."""
    assert all(leads("frontier-digits", walk(name, 10), walk("DDIM", 10)))


def test_the_large_variance_leads_at_five_calls_and_a_clip_turns_that():
    """What 04 says of the digits, and of the line in front of the judge."""
    large, plain = ({"sampler": s, "calls": 5} for s in ("DDPM, large variance", "DDIM"))
    assert all(leads("strides-digits", large, plain))
    cut = [f"{key}, clipped" for key in AS_DRAWN[:2]]  # the judges fall for it, pixels do not
    assert all(leads("strides-digits", plain, large, cut))


@pytest.mark.parametrize("calls", [5, 10, 20, 50, 100])
def test_ddim_and_ddpm_are_not_ranked(calls):
    """04 draws no ranking between them on the digits: no two of the instruments agree for sure."""
    ddim, ddpm = ({"sampler": s, "calls": calls} for s in ("DDIM", "DDPM"))
    assert sum(leads("strides-digits", ddim, ddpm)) < 2
    assert sum(leads("strides-digits", ddpm, ddim)) < 2


def test_two_looks_of_plms_are_a_bargain_and_no_miracle():
    two = walk("PLMS", 2)
    assert all(leads("frontier-digits", two, walk("DDIM", 2)))
    assert all(leads("frontier-digits", walk("DDPM", 1000), two))
    for key in ("frechet, clipped", "frechet, second judge, clipped"):  # there it was one
        few, many = (row_of("frontier-digits", **w)[key] for w in (two, walk("DDPM", 1000)))
        assert few["value"] < many["value"]


def test_spacings_win_and_lose_as_06_says():
    log = "even in log-SNR"
    assert all(leads("frontier-digits", walk("2M", 5, log), walk("2M", 5)))
    for name, looks in (("DDIM", 10), ("DDPM", 20)):
        assert all(leads("frontier-digits", walk(name, looks), walk(name, looks, log)))


def test_without_a_label_no_number_of_steps_reaches_the_floor():
    """06: what is left is the network's own error, for every sampler and by every instrument."""
    found = measure.result("unasked-digits")
    for row in found["rows"]:
        for key in AS_DRAWN:
            floor = found[f"{key}, real against real"]
            assert row[key]["value"] - row[key]["half"] > floor["value"] + floor["half"]
    halfway, end = (row_of("unasked-digits", sampler="2M", calls=n) for n in (50, 250))
    for key in AS_DRAWN:
        assert end[key]["value"] > 0.98 * halfway[key]["value"]


def test_a_small_guidance_is_best_and_the_clip_decides_which():
    """05: as drawn 1 or 1.25, clipped 1.25 or 1.5; and from 2 on all four columns climb."""
    rows = {row["w"]: row for row in measure.result("guidance-digits")["rows"]}
    keys = ("frechet", "frechet, second judge")
    for key in (*keys, *(f"{key}, clipped" for key in keys)):
        best = min(rows, key=lambda w: rows[w][key]["value"])
        assert best in ((1.25, 1.5) if "clipped" in key else (1, 1.25))
        rising = [rows[w][key]["value"] for w in sorted(rows) if w >= 1.75]
        assert rising == sorted(rising)
