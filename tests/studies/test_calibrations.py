"""What a report tells of calibrations: shims, wrong readings and drift, as the record of samples says."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from matplotlib.figure import Figure

from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_measure, get_study
from qspin.study import INSTANCE, Axis

RNG = np.random.default_rng(0)
STD, SPREAD = [0.4, 0.2, 0.1], [0.04, 0.03, 0.02]


def shims(after=0.1, compared=8, **changes):
    own = {
        "n_rounds": 3, "n_reads": 500, "n_compared_couplings": compared, "n_orbits": 1,
        "magnetisation_std": STD, "magnetisation_std_error": [0.01] * 3, "magnetisation_noise": [0.05] * 3,
        "correlation_spread": SPREAD, "correlation_spread_error": [0.005] * 3,
        "correlation_noise": [0.015] * 3,
        "field_rms": [0.05, 0.07, 0.08], "field_largest": [0.1, 0.14, 0.15],
        "coupling_rms": [0.01, 0.015, 0.02], "coupling_largest": [0.02, 0.03, 0.04],
        "after": {
            "magnetisation_std": after, "magnetisation_std_error": after and 0.01,
            "magnetisation_noise": after and 0.03, "correlation_spread": 0.03,
            "correlation_spread_error": 0.005, "correlation_noise": 0.01,
        },
    }  # fmt: skip
    return own | changes


def trend(change, error, p_value):
    return {"change": change, "error": error, "p_value": p_value}


def rates(mean, n_reads=400):
    ways = ("p_down_given_up", "p_up_given_down")
    return {**{way: {"mean": mean, "error": 0.01, "largest": 2 * mean} for way in ways}, "n_reads": n_reads}


def record(**calibration):
    info = json.dumps({"calibration": calibration} if calibration else {})
    return xr.Dataset({"n_spins": ((), 8)}, attrs={"info": info})


def concluded(records, axes={}):  # noqa: B006
    cells = {("record", "a", backend): own for backend, own in records.items()}
    lines = asked(["a"], list(records), axes)
    return get_study("equilibrium").conclude(
        MadeResults(lines, cells, measures={"record": get_measure("record")})
    )


def section(found):
    return next((s for s in found.sections if s.anchor == "calibration"), None)


def table(found, name):
    return next(t for t in section(found).tables if t.name == name)


def texts(found):
    return [finding.text for finding in section(found).findings]


def test_where_nothing_was_learned_there_is_no_section():
    assert section(concluded({"x": record()})) is None
    nothing = {"where": "at scale 1", "magnetisation": None}
    assert section(concluded({"x": record(drift=[nothing])})) is None


def test_what_shims_did_is_told_with_its_errors():
    found = concluded({"x": record(shims=shims()), "y": record()})
    (row,) = table(found, "shims").rows
    assert (row["backend"], row["n_rounds"], row["n_reads"]) == ("x", 3, 500)
    assert (row["magnetisation_before"], row["magnetisation_before_error"]) == (0.4, 0.01)
    assert (row["magnetisation_after"], row["magnetisation_noise"]) == (0.1, 0.03)
    assert (row["field"], row["field_largest"], row["coupling"]) == (0.08, 0.15, 0.02)
    (text,) = texts(found)
    assert text == (
        "x on a, 3 rounds of shims: the rms magnetisation of the device fell, 0.40(1) before and 0.10(1) "
        "after (finite reads alone would show 0.03); the rms difference of correlations that should be equal "
        "did not change by more than its errors, 0.040(5) before and 0.030(5) after (finite reads alone "
        "would show 0.01)."
    )


def test_what_rose_is_said_to():
    text = texts(concluded({"x": record(shims=shims(after=0.6))}))[0]
    assert "the rms magnetisation of the device rose, 0.40(1) before and 0.60(1) after" in text


def test_with_fields_the_last_round_shows_what_is_left():
    (row,) = table(concluded({"x": record(shims=shims(after=None))}), "shims").rows
    assert (row["magnetisation_after"], row["magnetisation_noise"]) == (0.1, 0.05)


def test_couplers_that_were_not_compared_have_no_numbers():
    found = concluded({"x": record(shims=shims(compared=0))})
    assert "correlation_before" not in {column.key for column in table(found, "shims").columns}
    assert len(section(found).figures[0].panels) == 3
    assert "correlations" not in texts(found)[0]


def test_curves_of_the_figure_are_kept():
    found = concluded({"x": record(shims=shims())})
    (figure,) = section(found).figures
    assert draw(figure).svg
    curve = found.datasets["shims-1"]
    np.testing.assert_allclose(curve["magnetisation"], [*STD, 0.1])
    np.testing.assert_allclose(curve["field"], [0, 0.05, 0.07, 0.08])
    axes = Figure().subplots()
    figure.panels[0](axes)
    np.testing.assert_allclose(axes.lines[0].get_xydata(), np.stack([np.arange(4), [*STD, 0.1]], axis=1))


def test_instances_are_averaged_and_their_errors_fall():
    axes = {"a": [Axis(INSTANCE, (0, 1))]}
    both = [record(shims=shims(after=0.1)), record(shims=shims(after=0.2))]
    (row,) = table(concluded({"x": both}, axes), "shims").rows
    assert (row["n_instances"], row["magnetisation_after"]) == (2, pytest.approx(0.15))
    assert row["magnetisation_after_error"] == pytest.approx(0.01 / np.sqrt(2))


def test_wrong_readings_are_told():
    found = concluded({"x": record(readout={"placements": [rates(0.04), rates(0.02)]})})
    (row,) = table(found, "readout").rows
    assert (row["p_down_given_up"], row["p_down_given_up_largest"]) == (pytest.approx(0.03), 0.08)
    assert row["p_down_given_up_error"] == pytest.approx(0.01 / np.sqrt(2))
    assert texts(found) == [
        "Share of wrong readings: x on a 0.030(7) of up read as down, 0.030(7) of down read as up."
    ]


class TestDrift:
    def rows(self, *trends):
        return [{"where": f"at scale {k}", "energy per spin": own} for k, own in enumerate(trends, 1)]

    def test_what_is_chance_is_said_to_be(self):
        found = concluded({"x": record(drift=self.rows(trend(0.02, 0.01, 0.07), None))})
        (row,) = table(found, "drift").rows
        assert (row["where"], row["quantity"], row["p_value"]) == ("at scale 1", "energy per spin", 0.07)
        assert texts(found) == ["No drift: programmings scatter as much as they change (one trend)."]

    def test_what_is_more_than_chance_is_named(self):
        drift = self.rows(trend(0.02, 0.01, 0.07), trend(0.3, 0.01, 1e-9))
        assert texts(concluded({"x": record(drift=drift)})) == [
            "Devices drifted, by more than programmings scatter: energy per spin at scale 2 of x on a by "
            "0.30(1)."
        ]

    def test_instances_that_drift_one_way_tell_more_than_one_does(self):
        def together(*changes):
            records = [record(drift=self.rows(trend(c, 0.1, 0.01))) for c in changes]
            axes = {"a": [Axis(INSTANCE, tuple(range(len(changes))))]}
            (row,) = table(concluded({"x": records}, axes), "drift").rows
            return row["p_value"]

        assert together(0.3, 0.3) < 0.001
        assert together(0.3, -0.3) == pytest.approx(1.0)


def test_of_real_samples():
    """A ring on a simulated chip with planted faults."""
    lines = asked(["a"], ["x"])
    problem = lines.problems["a"].outline
    sampler = get_backend(
        "annealer", topology="none", physics="thermal", n_sweeps=50, temperature=1.0, h_noise=0.3,
        noise_seed=3, n_reads=400, n_gauges=4, n_shim=8, shim_reads=400, readout_mitigation=True,
        readout_error=0.03,
    )  # fmt: skip
    samples = sampler.sample(problem, seed=1)
    found = get_study("equilibrium").conclude(
        MadeResults(lines, {("record", "a", "x"): get_measure("record").measure(samples, problem)})
    )
    (row,) = table(found, "shims").rows
    assert row["magnetisation_after"] < 0.5 * row["magnetisation_before"]
    assert row["field_largest"] > 0.1
    assert {t.name for t in section(found).tables} == {"shims", "readout", "drift"}
    assert draw(section(found).figures[0]).svg
