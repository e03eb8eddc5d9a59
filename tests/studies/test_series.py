"""Cells become labelled series: axes are labels, instances averages."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked

from qspin.errors import InputError
from qspin.measure import Measure
from qspin.studies.series import by_backend, by_problem, panels, series_of, told
from qspin.study import Axis

T = np.array([2.0, 1.0])


def curve(q, beta=1 / T):
    beta = np.asarray(beta, float)
    return xr.Dataset(
        {"q_abs": ("beta", np.broadcast_to(q, 2).astype(float)), "q_abs_error": ("beta", [0.1, 0.1])},
        coords={"beta": beta, "temperature": ("beta", 1 / beta)},
    )


def test_one_backend_needs_no_name():
    results = MadeResults(asked(["a", "b"], ["x"]), {("q", p, "x"): curve(0.5) for p in "ab"})
    assert [s.label for s in series_of(results, ["q"])] == ["a", "b"]


def test_axes_are_labels_and_instances_are_averaged():
    axes = {"a": [Axis("n_spins", (8, 16)), Axis("instance", (0, 1))], "y": [Axis("depth", (1,))]}
    found = {
        ("q", "a", "x"): [curve(q) for q in (0.1, 0.3, 0.5, 0.7)],
        ("q", "a", "y"): [curve(q) for q in (0.1, 0.3, 0.5, 0.7)],
    }
    own = series_of(MadeResults(asked(["a"], ["x", "y"], axes), found), ["q"])
    assert [s.label for s in own] == [
        "a · x · n_spins = 8", "a · x · n_spins = 16", "a · y · n_spins = 8", "a · y · n_spins = 16",
    ]  # fmt: skip
    assert own[0].results["q"]["q_abs"].values == pytest.approx([0.2, 0.2])
    assert [float(d["q_abs"][0]) for d in own[1].instances["q"]] == [0.5, 0.7]
    assert own[0].n_instances == 2


def test_instances_with_nothing_in_common_stay_single():
    class NoAverage(Measure):
        def average(self, results):
            raise InputError("no temperature in common")

    axes = {"a": [Axis("instance", (0, 1))]}
    results = MadeResults(
        asked(["a"], ["x"], axes),
        {("q", "a", "x"): [curve(0.1), curve(0.3, [3, 4])]},
        measures={"q": NoAverage()},
    )
    assert [s.label for s in series_of(results, ["q"])] == ["a · instance = 0", "a · instance = 1"]


def test_measures_of_one_point_are_one_series():
    found = {("q", "a", "x"): curve(0.5), ("facts", "a", "x"): xr.Dataset({"n_spins": 4})}
    (own,) = series_of(MadeResults(asked(["a"], ["x"]), found), ["q", "facts"])
    assert set(own.results) == {"q", "facts"}
    assert own.curve("q_abs") is own.results["q"]
    assert own.curve("nothing") is None


def test_devices_stand_at_the_temperatures_of_the_reference():
    fit = xr.Dataset(
        {
            "beta_matched": ("beta", [0.5, np.nan]),
            "beta_matched_error": ("beta", [0.05, np.nan]),
            "reason": ("beta", ["", "too cold"]),
        },
        coords={"beta": [np.nan, np.nan]},
    )
    found = {
        ("q", "a", "x"): curve(0.5),
        ("q", "a", "device"): curve(0.4, [np.nan] * 2),
        ("effective_temperature", "a", "device"): fit,
    }
    results = MadeResults(asked(["a"], ["x", "device"]), found, references={"effective_temperature": "x"})
    reference, device = series_of(results, ["q"])
    assert "temperature_of" not in reference.results["q"].attrs
    own = device.results["q"]
    assert own["temperature"].values[0] == 2
    assert own["temperature_error"].values[0] == pytest.approx(0.2)
    assert own.attrs["temperature_of"] == "x"
    assert json.loads(own.attrs["temperature_reasons"]) == ["", "too cold"]


class TestPanels:
    def own(self, problems, backends):
        found = {("q", p, b): curve(0.5) for p in problems for b in backends}
        return series_of(MadeResults(asked(problems, backends), found), ["q"])

    def test_few_of_one_backend_stand_together(self):
        (panel,) = panels(self.own(["a", "b"], ["x"]))
        assert list(panel.curves("q")) == ["a", "b"]

    def test_else_a_panel_is_a_problem_and_the_colour_a_backend(self):
        found = panels(self.own(["a", "b"], ["x", "y"]))
        assert [panel.title for panel in found] == ["a", "b"]
        assert [list(panel.series) for panel in found] == [["x", "y"]] * 2
        assert found[0].styles == found[1].styles
        assert found[0].styles["x"]["color"] != found[0].styles["y"]["color"]

    def test_nothing_is_left_out(self):
        own = self.own([f"p{k}" for k in range(30)], ["x"])
        assert sum(len(panel.series) for panel in panels(own)) == 30
        assert [panel.title for panel in by_backend(own)] == ["x"]
        assert len(by_problem(own)) == 30


def test_values_of_axes_are_words():
    assert [told(v) for v in (0.1 + 0.2, (4, 4), 16, "zephyr")] == ["0.3", "4 × 4", "16", "zephyr"]
