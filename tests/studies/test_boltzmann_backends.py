"""The study of samplers of Boltzmann machines: what it calls equal, and what it leaves open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from made_results import DEVICE, MadeResults, asked
from scipy import stats

from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.problem import IsingProblem
from qspin.registry import get_study
from qspin.samples import SampleSet
from qspin.source import Preparation, Prepared, Source, settings
from qspin.study import INSTANCE, Axis, PreparedFor, Tone


@settings
class Trained(Source):
    """Needs a training, which no test makes."""

    def needs(self) -> dict[str, Any]:
        return {"training": Preparation()}

    def build(self, prepared: Any) -> IsingProblem:
        return IsingProblem(np.zeros((2, 2)))


def runs(problem, last, *, held_out=True, spent=None):
    for value in last:
        values = {"log_likelihood_train": [-5.0, value + 1], "log_likelihood_test": [-6.0, value]}
        if not held_out:
            values.pop("log_likelihood_test")
        coords = {"epoch": [0, 8], **{k: ("epoch", [0.0, v]) for k, v in (spent or {}).items()}}
        curves = xr.Dataset({k: ("epoch", v) for k, v in values.items()}, coords=coords)
        yield PreparedFor("training", Prepared({}, curves), (problem,))


def concluded(finals, held_out=True, spent=None, axes=None, **given):
    prepared = [
        run
        for problem, last in finals.items()
        for run in runs(problem, last, held_out=held_out, spent=(spent or {}).get(problem))
    ]
    cells = {
        ("record", problem, "x"): [xr.Dataset()]
        * math.prod(len(axis.values) for axis in (axes or {}).get(problem, ()))
        for problem in finals
    }
    made = MadeResults(asked(list(finals), ["x"], axes or {}), cells, prepared=prepared)
    return get_study("boltzmann_backends", **given).conclude(made)


SPREAD = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])


def test_what_is_equal_worse_better_and_open():
    found = concluded(
        {
            "exact": -3 + SPREAD,
            "same": -3.01 + SPREAD,
            "low": -4 + SPREAD,
            "high": -2 + SPREAD,
            "noisy": -3 + 20 * SPREAD,
        }
    )
    words = {own.problem: (own.text.partition(",")[0], own.tone) for own in found.verdicts}
    assert words == {
        "same": ("equal", Tone.GOOD),
        "low": ("worse", Tone.BAD),
        "high": ("better", Tone.GOOD),
        "noisy": ("undecided", Tone.OPEN),
    }
    (section,) = found.sections
    rows = {row["problem"]: row for row in section.tables[0].rows}
    assert rows["exact"]["judged"] == "reference"
    assert rows["same"]["difference"] == pytest.approx(-0.01)
    assert rows["same"]["difference_error"] == pytest.approx(np.sqrt(2) * SPREAD.std(ddof=1) / np.sqrt(5))
    assert rows["low"]["low"] < -1 < rows["low"]["high"]
    assert draw(section.figures[0]).svg
    np.testing.assert_allclose(found.datasets["likelihood-3"]["likelihood"], [-6, -4])
    assert "the log-likelihood of held-out data differs by -0.01(1) nat" in section.findings[0].text


def test_intervals_hold_all_at_once():
    """Samplers are equal, and none is called worse or better beyond the chance that is stated."""
    rng, wrong, n = np.random.default_rng(0), 0, 400
    for _ in range(n):
        finals = {name: rng.normal(-3, 0.5, size=4) for name in ("exact", "a", "b", "c")}
        verdicts = concluded(finals, margin=1e-9, confidence=0.9).verdicts
        wrong += any(own.tone is not Tone.OPEN for own in verdicts)
    assert wrong / n < 0.1 + 4 * np.sqrt(0.1 * 0.9 / n)


def test_the_same_seeds_are_compared_one_by_one():
    """What they share, such as which data are held out, is no error of the difference; with one training
    missing nobody knows which seeds are the same."""
    shared = np.array([-3.0, -4.0, -3.5, -2.5, -3.2])
    finals = {"exact": shared, "same": shared - 0.01 + SPREAD}
    axes = {label: [Axis(INSTANCE, tuple(range(5)))] for label in finals}
    for own, of_axes, tone in (
        (shared, axes, Tone.GOOD),
        (shared, None, Tone.OPEN),
        (shared[1:], axes, Tone.OPEN),
    ):
        found = concluded({**finals, "exact": own}, axes=of_axes)
        assert [verdict.tone for verdict in found.verdicts] == [tone]
    row = concluded(finals, axes=axes).sections[0].tables[0].rows[1]
    assert row["difference_error"] == pytest.approx(SPREAD.std(ddof=1) / np.sqrt(5))
    half = stats.t.ppf(0.995, 4) * row["difference_error"]
    assert (row["low"], row["high"]) == (pytest.approx(-0.01 - half), pytest.approx(-0.01 + half))


def test_without_held_out_data_what_was_learned_counts():
    (section,) = concluded({"a": [-3, -3.1], "b": [-3, -3.1]}, held_out=False).sections
    assert "the data that were learned" in section.findings[0].text


def test_one_seed_gives_no_error():
    found = concluded({"a": [-3.0], "b": [-3.0]})
    assert found.verdicts[0].tone is Tone.OPEN
    assert "two seeds of each would give an error" in found.sections[0].findings[0].text


# -- what was spent -------------------------------------------------------------------------------


def spent(samples, seconds, paid=0.0):
    return {"samples": samples, "seconds": seconds, "paid_seconds": paid}


def test_what_each_spent_is_told():
    budgets = {"exact": spent(0, 50.0), "pcd": spent(6_000, 5.0), "device": spent(6_000, 8.0, 2.5)}
    found = concluded(dict.fromkeys(budgets, -3 + SPREAD), spent=budgets)
    (section,) = found.sections
    rows = {row["problem"]: row for row in section.tables[1].rows}
    assert rows["device"] == {"problem": "device", "samples": 6_000, "seconds": 8.0, "paid_seconds": 2.5}
    assert section.tables[1].shown()[0] == ["exact", "0", "50", "0"]
    told = "A training took 6,000 samples (exact took none) and 5 (pcd) to 50 (exact) s."
    assert section.findings[-1].text == told
    assert not found.remarks, "the same samples are the same budget, and exact sums take none"
    assert len(section.figures[0].panels) == 2
    assert draw(section.figures[0]).svg
    np.testing.assert_allclose(found.datasets["likelihood-2"]["seconds"], [0, 5])


def test_neither_the_same_samples_nor_the_same_seconds():
    budgets = {
        "pcd": spent(6_000, 5.0),
        "as long": spent(600, 6.0),
        "as many": spent(6_000, 60.0),
        "less": spent(600, 1.0),
    }
    ((problem, backend, remark),) = concluded(dict.fromkeys(budgets, -3 + SPREAD), spent=budgets).remarks
    assert (problem, backend, remark.code) == ("less", "x", "unequal-budget")
    assert remark.text.startswith(
        "its training took 0.1 times the samples and 0.2 times the seconds of pcd's"
    )


def test_budgets_that_nobody_tells():
    (section,) = concluded({"a": -3 + SPREAD, "b": -3 + SPREAD}).sections
    assert section.tables[1].shown() == [["a", "–", "–", "–"], ["b", "–", "–", "–"]]
    assert len(section.findings) == len(section.figures[0].panels) == 1


# -- pictures -------------------------------------------------------------------------------------

MACHINE = IsingProblem(np.zeros((6, 6))).with_known(groups={"hidden": [0, 1], "visible": [2, 3, 4, 5]})


class WithSamples(MadeResults):
    """Of machines with two hidden spins before four visible ones; at beta = 1 all but the first draw have a
    pattern."""

    betas: Any = (0.5, 1.0)

    def samples(self, problem, backend, at=None):
        spins = np.ones((2, 3, 2, 6), np.int8)
        spins[1, :, 1, 2:] = [1, -1, -1, 1]
        spins[..., :2] = -1
        return SampleSet.from_spins(MACHINE, spins, betas=self.betas)

    def problem(self, label, at=None):
        return MACHINE


@pytest.mark.parametrize("betas", [(0.5, 1.0), (0.5, 0.9)])
def test_samples_of_the_models_stand_beside_the_data(betas):
    """Visible spins at beta = 1, draw by draw, as many as there are of data; none where no row is there."""
    data = np.arange(16).reshape(4, 2, 2) % 2
    prepared = [
        PreparedFor(run.title, Prepared({"images": data}, run.prepared.curves), run.problems)
        for problem in ("a", "b")
        for run in runs(problem, [-3.0, -3.1])
    ]
    cells = {("record", problem, "x"): xr.Dataset() for problem in "ab"}
    results = WithSamples(asked(["a", "b"], ["x"]), cells, prepared=prepared)
    results.betas = betas
    found = get_study("boltzmann_backends").conclude(results)
    kept = {v.attrs["title"]: v["images"].values for k, v in found.datasets.items() if k.startswith("images")}
    figures = found.sections[0].figures
    if 1.0 not in betas:
        assert not kept
        assert len(figures) == 1
        return
    assert list(kept) == ["data", "a", "b"]
    np.testing.assert_array_equal(kept["data"], data)
    ones, pattern = np.ones((2, 2)), np.eye(2)
    np.testing.assert_array_equal(kept["b"], [ones, ones, pattern, pattern])
    assert len(figures[1].panels) == 3
    assert draw(figures[1]).svg


# -- what is asked --------------------------------------------------------------------------------


def test_another_reference():
    found = concluded({"a": -3 + SPREAD, "b": -4 + SPREAD}, reference="b")
    assert [(own.problem, own.text.partition(",")[0]) for own in found.verdicts] == [("a", "better")]


@pytest.mark.parametrize(
    ("problems", "given", "message"),
    [
        ({"a": Trained(), "b": None}, {}, "expected two or more, got a"),
        ({"a": Trained(), "b": Trained()}, {"reference": "c"}, "reference 'c'"),
    ],
)
def test_what_cannot_be_compared(problems, given, message):
    with pytest.raises(InputError, match=message):
        get_study("boltzmann_backends", **given).plan(asked(problems, {"x": DEVICE}))
