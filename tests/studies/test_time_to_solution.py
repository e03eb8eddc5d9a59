"""Times to solution: every cell has one or a bound, lengths are chosen, and what counts as a success."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
import yaml
from conftest import ROOT
from made_results import MadeResults, asked
from ran import ran, table, texts

import qspin
from qspin.errors import InputError
from qspin.registry import get_measure, get_study
from qspin.study import Axis

CONFIG = {
    "seed": 2,
    "problems": {"sk": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [4, 6, 8]}, "instances": 3}},
    "backends": {
        "tempering": {
            "name": "tempering",
            "betas": [0.5, 2.0],
            "n_replicas": 30,
            "n_burn_in": 0,
            "n_draws": 1,
            "lengths": {"n_sweeps": [1, 4, 16]},
        },
        "hot": {"name": "exact", "betas": [0.0], "n_replicas": 2},
    },
    "studies": {"time_to_solution": {}},
}


@pytest.fixture(scope="module")
def conclusion(tmp_path_factory):
    found, failures = ran(tmp_path_factory.mktemp("sk"), CONFIG)
    assert not failures
    return found["time_to_solution"]


class TestSampled:
    def test_every_cell_has_a_time_or_a_bound(self, conclusion):
        rows = table(conclusion, "results")
        assert len(rows) == 3 * 3 * (3 + 1)
        for row in rows:
            assert row["reference_is_exact"]
            assert row["best_energy"] >= row["reference_energy"] - 1e-9
            assert row["residual_energy"] >= -1e-12
            assert row["approximation_ratio"] <= 1 + 1e-12
            assert (row["tts"] is None) == (row["successes"] == 0)
            assert row["tts_low"] > 0
            assert row["sample"] > 0
            assert math.isfinite(row["seconds_a_run"])
        assert {row["backend"] for row in rows} == {"tempering", "hot"}
        assert any("time to solution grows as" in text for text in texts(conclusion))

    def test_lengths_are_chosen_and_edges_are_told(self, conclusion):
        summaries = table(conclusion, "summary")
        assert sorted((s["n_spins"], s["backend"]) for s in summaries) == sorted(
            (n, b) for n in (4, 6, 8) for b in ("tempering", "hot")
        )
        at_edge = 0
        for summary in summaries:
            if summary["backend"] == "tempering":
                assert summary["length"] in (1, 4, 16)
                assert summary["is_inside"] == (summary["length"] == 4)
                assert summary["low"] <= summary["median"] <= summary["high"]
            at_edge += not summary["is_inside"]
            if summary["n_bounds"] > summary["n_instances"] / 2:
                assert math.isinf(summary["median"])
        codes = [remark.code for _, _, remark in conclusion.remarks]
        assert codes.count("length-at-edge") == at_edge
        assert "no-success" in codes

    def test_figures_and_profile(self, conclusion):
        (section,) = conclusion.sections
        assert [figure.name for figure in section.figures] == ["tts_sk", "performance_profile"]
        assert conclusion.datasets["performance_profile"].sizes["solver"] == 2

    def test_verdicts_and_bottom_line(self, conclusion):
        assert {v.backend: v.text.split()[0] for v in conclusion.verdicts} == {
            "tempering": "reached",
            "hot": "reached",
        }
        assert "proven on 9 of 9 problems" in conclusion.bottom_line["energy"].text


# -- made to order -------------------------------------------------------------------------------


def runs(energies, *, n_spins=8, seconds=1.0, offset=0.0, tolerance=1e-12, clock="sample"):
    """What the measure of lowest energies would give."""
    return xr.Dataset(
        {"energy": ("run", np.asarray(energies, dtype=float))},
        coords={"run": np.arange(len(energies))},
        attrs={
            "n_spins": n_spins,
            "offset": offset,
            "tolerance": tolerance,
            "seconds": f'{{"{clock}": {seconds}, "wall": {2 * seconds}}}',
        },
    )


def ground(value, proof="enumerated"):
    return xr.Dataset({"ground_energy": ((), value)}, attrs={"proof": proof})


def concluded(found, grounds=None, axes=None, problems=("a",), backends=("x",), **settings):
    results = MadeResults(
        asked(list(problems), list(backends), axes or {}),
        {("lowest_energies", *key): value for key, value in found.items()}
        | {("ground_energy", *key): value for key, value in (grounds or {}).items()},
    )
    return get_study("time_to_solution", **settings).conclude(results)


HALF = [-2.0, -1.0]  # of two runs one succeeds
TTS_OF_HALF = math.log(0.01) / math.log(0.5)


class TestRunsThatStop:
    """target_energy: sweeps tell when each run succeeded."""

    SWEEPS = (10.0, 10.0, 1_000.0, 1_000.0) * 5
    ENERGIES = (-2.0, -2.0, -1.0, -1.0) * 5

    def row(self, target, aim=-2.0):
        found = runs(self.ENERGIES).assign(sweeps=("run", np.array(self.SWEEPS)))
        conclusion = concluded({("a", "x"): found.assign_attrs(target=target)}, {("a", "x"): ground(aim)})
        (row,) = table(conclusion, "results")
        return row

    def test_short_runs_repeated(self):
        row = self.row(target=-2.0)
        assert row["successes"] == 10
        sweep = 1.0 / np.mean(self.SWEEPS)
        assert row["seconds_a_run"] < 1_000 / 32 * sweep
        assert row["tts"] == pytest.approx(TTS_OF_HALF * row["seconds_a_run"])

    @pytest.mark.parametrize("proof", ["known", ""])
    def test_an_energy_above_the_aim_tells_nothing_of_it(self, proof):
        found = runs(self.ENERGIES, offset=10.0).assign(sweeps=("run", np.array(self.SWEEPS)))
        found = found.assign_attrs(target=-1.5)
        conclusion = concluded({("a", "x"): found}, {("a", "x"): ground(-2.0 if proof else math.nan, proof)})
        (row,) = table(conclusion, "results")
        assert row["successes"] == 10
        assert row["tts"] is row["tts_low"] is row["seconds_a_run"] is None
        (remark,) = [own for *_, own in conclusion.remarks if own.code == "stopped-above-target"]
        assert remark.level == "caution"
        assert remark.text == (
            "runs stop at the energy 8.5 (target_energy), above 8, which success is held against: they tell "
            "no time to it. Give the energy where they stop as studies.time_to_solution.target of a"
        )
        what = "the ground energy" if proof else "the lowest energy that is known"
        told = texts(conclusion)
        assert f"x stops above {what} (target_energy), so that no time to it is told." in told
        assert not any("x reached" in text for text in told)
        assert conclusion.verdicts[0].text == "stops above it"
        assert "x no time" in conclusion.bottom_line["energy"].text
        assert "no-success" not in {own.code for *_, own in conclusion.remarks}

    def test_the_energy_beside_it_is_held_against(self):
        found = runs([-2.0, -1.0], offset=10.0).assign(sweeps=("run", np.array([10.0, 20.0])))
        found = found.assign_attrs(target=-1.0)
        conclusion = concluded({("a", "x"): found}, {("a", "x"): ground(-2.0)}, target={"a": 9.0})
        (row,) = table(conclusion, "results")
        assert row["successes"] == 2
        assert row["tts"] > 0
        assert "stopped-above-target" not in {own.code for *_, own in conclusion.remarks}


class TestTargets:
    def test_what_is_known_is_held_against(self):
        conclusion = concluded({("a", "x"): runs(HALF)}, {("a", "x"): ground(-2.0, "known")})
        (row,) = table(conclusion, "results")
        assert (row["reference"], row["reference_energy"], row["successes"]) == ("known", -2.0, 1)
        assert row["tts"] == pytest.approx(TTS_OF_HALF)
        assert row["residual_energy"] == pytest.approx(0.5 / 8)
        assert row["approximation_ratio"] == pytest.approx(0.75)
        assert not conclusion.faults

    def test_else_the_lowest_of_all_backends(self):
        found = {("a", "x"): runs(HALF), ("a", "y"): runs([-3.0, -1.0])}
        unknown = {key: ground(math.nan, "") for key in found}
        conclusion = concluded(found, unknown, backends=["x", "y"])
        rows = table(conclusion, "results")
        assert [(row["reference"], row["reference_energy"]) for row in rows] == [("found", -3.0)] * 2
        assert [row["successes"] for row in rows] == [0, 1]
        assert {remark.code for _, _, remark in conclusion.remarks} == {"not-proven", "no-success"}

    def test_the_lowest_alone_if_that_is_asked_for(self):
        conclusion = concluded({("a", "x"): runs(HALF)}, {("a", "x"): ground(-5.0)}, target="lowest")
        (row,) = table(conclusion, "results")
        assert (row["reference"], row["reference_energy"]) == ("found", -2.0)

    def test_an_energy_that_is_given(self):
        conclusion = concluded({("a", "x"): runs(HALF, offset=10.0)}, target={"a": 9.0})
        (row,) = table(conclusion, "results")
        assert (row["reference"], row["reference_energy"], row["successes"]) == ("given", 9.0, 2)

    def test_a_gap_makes_it_easier(self):
        energies = [-2.0, -1.9, -1.5, -1.0]
        counts = [
            table(concluded({("a", "x"): runs(energies)}, gap=gap), "results")[0]["successes"]
            for gap in (0.0, 0.06, 0.25, 0.5)
        ]
        assert counts == [1, 2, 3, 4]

    def test_an_energy_below_the_ground_energy_is_a_fault(self):
        conclusion = concluded({("a", "x"): runs(HALF)}, {("a", "x"): ground(-1.5)})
        (fault,) = conclusion.faults
        assert "found energy -2, below the ground energy -1.5 (enumerated)" in fault


class TestTimes:
    def test_the_probability_that_is_asked_for(self):
        (row,) = table(concluded({("a", "x"): runs(HALF)}, probability=0.75), "results")
        assert row["tts"] == pytest.approx(2.0)

    def test_by_another_clock(self):
        (row,) = table(concluded({("a", "x"): runs(HALF)}, clock="wall"), "results")
        assert row["tts"] == pytest.approx(2 * TTS_OF_HALF)

    def test_a_clock_that_was_not_running(self):
        conclusion = concluded({("a", "x"): runs(HALF)}, clock="device")
        (row,) = table(conclusion, "results")
        assert row["tts"] is None
        assert row["seconds_a_run"] is None
        ((_, _, remark),) = [one for one in conclusion.remarks if one[2].code == "no-clock"]
        assert "the clock device was not running (sample, wall was)" in remark.text

    def test_one_instance_has_the_interval_of_its_successes(self):
        found = {("a", "x"): [runs(HALF, n_spins=8), runs(HALF, n_spins=16)]}
        conclusion = concluded(found, axes={"a": [Axis("n_spins", (8, 16))]})
        for row, summary in zip(table(conclusion, "results"), table(conclusion, "summary"), strict=True):
            assert (summary["low"], summary["high"]) == (row["tts_low"], row["tts_high"])

    def test_medians_over_instances_count_failures_as_slowest(self):
        axes = {"a": [Axis("instance", tuple(range(5)))]}
        results = [runs([-1.0, 0.0], seconds=s) for s in (1.0, 3.0, 2.0)] + [runs([0.0, 0.5])] * 2
        grounds = {("a", "x"): [ground(-1.0)] * 5}
        (summary,) = table(concluded({("a", "x"): results}, grounds, axes), "summary")
        assert (summary["n_instances"], summary["n_bounds"]) == (5, 2)
        assert summary["median"] == pytest.approx(3 * TTS_OF_HALF)

    def test_the_best_length_of_a_known_law(self):
        """p = 1 - exp(-length / 4) at length seconds a run: 0.99 is reached at once from length 18 on."""
        lengths = (1, 4, 16, 64)
        results = []
        for length in lengths:
            n = 1000
            reached = round(n * (1 - math.exp(-length / 4)))
            results.append(runs([-1.0] * reached + [0.0] * (n - reached), seconds=float(length)))
        axes = {"x": [Axis("n_sweeps", lengths)]}
        (summary,) = table(
            concluded({("a", "x"): results}, {("a", "x"): [ground(-1.0)] * 4}, axes), "summary"
        )
        expected = {
            length: length * max(1.0, math.log(0.01) / (-length / 4)) for length in lengths
        }  # 18.4 up to length 16
        assert summary["length"] in (1, 4, 16)
        assert summary["median"] == pytest.approx(expected[summary["length"]], rel=0.05)

    def test_growth_with_size_is_found(self):
        """Of times that double with every two spins."""
        sizes = (8, 10, 12, 14)
        results = [runs(HALF, n_spins=n, seconds=2.0 ** (n / 2)) for n in sizes]
        conclusion = concluded({("a", "x"): results}, axes={"a": [Axis("n_spins", sizes)]})
        fit = next(row for row in table(conclusion, "scaling") if row["law"] == "exponential")
        assert fit["exponent"] == pytest.approx(math.log(2) / 2)
        assert "the exponential law leaves less" in texts(conclusion)[0]

    def test_rivals_are_told_apart_by_their_intervals(self):
        many = [-1.0] * 50 + [0.0] * 50
        found = {
            ("a", "x"): runs(many),
            ("a", "y"): runs(many, seconds=10.0),
            ("a", "z"): runs(many, seconds=1.01),
        }
        conclusion = concluded(found, backends=["x", "y", "z"])
        assert "a, 8 spins: x is not told apart from z" in texts(conclusion)[0]
        del found["a", "z"]
        assert "x is 10 times faster than y" in texts(concluded(found, backends=["x", "y"]))[0]

    def test_axes_along_which_the_size_stays_are_lines_of_their_own(self):
        axes = {"a": [Axis("field", (0.0, 1.0)), Axis("n_spins", (8, 16, 32))]}
        results = [runs(HALF, n_spins=n, seconds=n * s) for s in (1, 2) for n in (8, 16, 32)]
        conclusion = concluded({("a", "x"): results}, axes=axes)
        assert {row["problem"] for row in table(conclusion, "scaling")} == {"a, field = 0", "a, field = 1"}

    def test_only_common_instances_enter_the_profile(self):
        axes = {"a": [Axis("instance", (0, 1, 2))]}
        found = {("a", "x"): [runs(HALF)] * 3, ("a", "y"): [runs(HALF, seconds=2.0), None, runs(HALF)]}
        profile = concluded(found, axes=axes, backends=["x", "y"]).datasets["performance_profile"]
        assert profile["share"].sel(solver="y").values.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_no_offset_and_no_unit_changes_a_count(gap):
    """Levels 2^-20 apart are 0 apart once an offset of 2^40 was added: all runs would succeed."""
    glass = qspin.instances.sherrington_kirkpatrick(8, seed=3)

    def counted(scale, offset):
        problem = qspin.IsingProblem(glass.couplings * scale, glass.fields * scale, offset)
        samples = qspin.get_backend("exact", betas=[0.4 / scale], n_replicas=200).sample(problem, seed=1)
        lowest, known = (
            get_measure(name).measure(samples, problem) for name in ("lowest_energies", "ground_energy")
        )
        conclusion = concluded({("a", "x"): lowest}, {("a", "x"): known}, gap=gap)
        assert not conclusion.faults
        (row,) = table(conclusion, "results")
        return row["successes"], row["residual_energy"] / scale

    successes, residual = counted(1.0, 0.0)
    assert 0 < successes < 200
    for scale, offset in [(1.0, 2.0**40), (2.0**-20, 2.0**40), (2.0**-40, 0.0), (2.0**40, 0.0)]:
        assert counted(scale, offset) == (successes, pytest.approx(residual))


class TestPlan:
    def test_code_is_compiled_where_sizes_or_lengths_are_swept(self):
        study = get_study("time_to_solution")
        assert not study.plan(asked(["a"], ["x"])).is_timed
        assert not study.plan(asked(["a"], ["x"], {"a": [Axis("instance", (0, 1))]})).is_timed
        assert study.plan(asked(["a"], ["x"], {"x": [Axis("n_sweeps", (1, 2))]})).is_timed
        assert get_study("time_to_solution", is_warmed_up=True).plan(asked(["a"], ["x"])).is_timed

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"length": "n_sweps"}, "'n_sweps' is no axis of a backend: did you mean 'n_sweeps'"),
            ({"target": {"b": 1.0}}, "target 'b' is no problem of this config"),
        ],
    )
    def test_what_is_not_there(self, settings, message):
        with pytest.raises(InputError, match=message):
            get_study("time_to_solution", **settings).plan(
                asked(["a"], ["x"], {"x": [Axis("n_sweeps", (1, 2))]})
            )

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"probability": 1.0}, "less than 1"),
            ({"gap": -0.1}, "greater than or equal to 0"),
            ({"clock": "cpu"}, "'sample', 'device' or 'wall'"),
            ({"lenght": "a"}, "did you mean 'length'"),
        ],
    )
    def test_settings_that_cannot_work(self, settings, message):
        with pytest.raises(InputError, match=message):
            get_study("time_to_solution", **settings)


@pytest.mark.parametrize("kind", ["mattis", "file"])
def test_what_is_known_of_a_problem_goes_all_the_way(kind, tmp_path):
    """24 spins are too many to enumerate; also a file keeps the ground energy that was planted."""
    planted = qspin.instances.mattis(24, seed=4)
    qspin.write_problem(planted, tmp_path / "mine.npz")
    own = {
        "mattis": {"n_spins": 24, "seed": 4},
        "file": {"path": str(tmp_path / "mine.npz")},
    }
    config = {
        "problems": {"own": {"kind": kind, **own[kind]}},
        "backends": {
            "tempering": {"name": "tempering", "betas": [0.5, 2.0], "n_replicas": 10, "n_sweeps": 200}
        },
        "studies": {"time_to_solution": {}},
    }
    found, failures = ran(tmp_path / "run", config)
    assert not failures
    (row,) = table(found["time_to_solution"], "results")
    assert (row["problem"], row["reference"]) == ("own", "known")
    assert row["reference_energy"] == pytest.approx(planted.known.ground_energy)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "bench").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_smallest_form_of_every_config_runs(path, tmp_path):
    data = yaml.safe_load(path.read_text())
    for problem in data["problems"].values():
        problem["instances"] = 1
        problem["sizes"] = {name: values[:1] for name, values in problem["sizes"].items()}
    for backend in data["backends"].values():
        if "lengths" in backend:
            backend["lengths"] = {name: values[:2] for name, values in backend["lengths"].items()}
    found, failures = ran(tmp_path, data)
    assert not failures
    (conclusion,) = found.values()
    assert table(conclusion, "results")
