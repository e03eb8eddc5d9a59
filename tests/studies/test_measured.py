"""The study of any measure: what it plans, refuses, draws and writes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from made_results import DEVICE, ONE_REPLICA, THERMOSTAT, MadeResults, asked
from ran import ran, table

from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_measure, get_source, get_study
from qspin.study import Axis


def test_a_setting_of_the_study_beside_the_name_of_a_measure():
    from qspin.experiment.config.studies import studies_of

    with pytest.raises(InputError, match="write {name: measured, measure: energy_curve, theory: ...}"):
        studies_of({"energy_curve": {"theory": "none"}})
    (chosen,) = studies_of(
        {"own": {"name": "measured", "measure": "energy_curve", "theory": "none"}}
    ).values()
    assert chosen.study.theory == "none"


class TestPlan:
    def test_the_measure_with_its_settings_on_every_cell(self):
        study = get_study("measured", measure="overlap_distribution", settings={"bins": 10})
        plan = study.plan(asked(["a", "b"], {"x": THERMOSTAT, "y": ONE_REPLICA}))
        own = [w for w in plan.wanted if w.measure == "overlap_distribution"]
        assert [(w.problem, w.backend) for w in own] == [("a", "x"), ("b", "x")]
        assert all(w.settings == {"bins": 10} for w in own)

    def test_which_need_which_backend(self):
        study = get_study("measured", measure="overlap_curve")
        with pytest.raises(InputError, match=r"overlap_curve needs .*y on a: two or more independent copies"):
            study.plan(asked(["a"], {"y": ONE_REPLICA}))

    def test_what_is_held_against_others_has_a_reference(self):
        study = get_study("measured", measure="compare")
        (wanted,) = study.plan(asked(["a"], {"y": DEVICE, "x": THERMOSTAT})).wanted
        assert (wanted.backend, wanted.reference) == ("y", "x")
        with pytest.raises(
            InputError, match="compare holds the samples of a backend against those of a refer"
        ):
            study.plan(asked(["a"], {"y": DEVICE}))

    def test_a_reference_that_is_not_there(self):
        study = get_study("measured", measure="compare", reference="z")
        with pytest.raises(InputError, match="there is none"):
            study.plan(asked(["a"], {"y": DEVICE, "x": THERMOSTAT}))

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"measure": "overlap_curv"}, "did you mean 'overlap_curve'"),
            ({"measure": "overlap_distribution", "settings": {"bin": 3}}, "no setting 'bin'"),
        ],
    )
    def test_what_is_no_measure_is_refused_when_it_is_given(self, given, message):
        with pytest.raises(InputError, match=message):
            get_study("measured", **given)


def concluded(measure, found, axes={}, **settings):  # noqa: B006
    results = MadeResults(asked(["a"], ["x"], axes), {("found", "a", "x"): found})
    return get_study("measured", measure=measure, settings=settings).conclude(results)


def test_curves_over_temperature_and_their_table():
    lines = asked(["a"], ["x"])
    problem = lines.problems["a"].outline
    samples = get_backend("exact", betas=[0.5, 1.0], n_replicas=20).sample(problem, seed=1)
    own = get_measure("energy_curve").measure(samples, problem)
    found = concluded("energy_curve", own)
    (section,) = found.sections
    assert section.anchor == "energy-curve"
    assert [figure.name for figure in section.figures] == ["energy", "heat_capacity"]
    for figure in section.figures:
        assert draw(figure).svg
    rows = table(found, "over_beta")
    assert [row["energy"] for row in rows] == own["energy"].values.tolist()
    assert [row["heat_capacity_low"] for row in rows] == own["heat_capacity_low"].values.tolist()
    assert [row["temperature"] for row in rows] == [2.0, 1.0]
    assert found.datasets["a-x"]["energy"].equals(own["energy"])


def test_what_lies_over_two_dimensions_is_drawn_at_the_coldest():
    own = xr.Dataset(
        {"density": (("beta", "q"), [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])},
        coords={"beta": [0.5, 2.0], "temperature": ("beta", [2.0, 0.5]), "q": [-1.0, 0.0, 1.0]},
    )
    found = concluded("overlap_distribution", own, bins=3)
    (figure,) = found.sections[0].figures
    assert "at the coldest temperature" in figure.caption

    from matplotlib.figure import Figure

    ax = Figure().subplots()
    figure.panels[0](ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 0, 1])


def test_numbers_run_along_an_axis():
    sizes = (8, 16, 32)
    own = [xr.Dataset({"rate": ((), 1 / n), "word": ((), "ok"), "rate_error": ((), 0.01)}) for n in sizes]
    found = concluded("record", own, {"a": [Axis("n_spins", sizes)]})
    (figure,) = found.sections[0].figures
    assert "against n_spins" in figure.caption
    assert draw(figure).svg
    assert [(row["n_spins"], row["rate"]) for row in table(found, "numbers")] == [(n, 1 / n) for n in sizes]
    assert [row["word"] for row in table(found, "numbers")] == ["ok"] * 3


def test_points_that_are_missing_are_told():
    own = [xr.Dataset({"rate": ((), 0.5)}), None]
    found = concluded("record", own, {"a": [Axis("n_spins", (8, 16))]})
    assert "points of a with x are missing" in found.sections[0].findings[0].text


def test_the_same_measure_twice_has_two_anchors():
    own = xr.Dataset({"rate": ((), 0.5)})
    anchors = {
        concluded("overlap_distribution", own, **given).sections[0].anchor
        for given in ({}, {"bins": 5}, {"bins": 10})
    }
    assert len(anchors) == 3


def test_measures_stand_in_configs_by_their_names(tmp_path):
    """By itself, or under a label of its own."""
    data = {
        "problems": {"a": {"kind": "sherrington_kirkpatrick", "n_spins": 8, "instances": 2}},
        "backends": {"x": {"name": "exact", "betas": [0.1, 0.3, 0.6], "n_replicas": 50}},
        "studies": {"free_energy_curve": {}, "wide": {"name": "overlap_distribution", "bins": 4}},
    }
    conclusions, failures = ran(tmp_path, data)
    assert not failures
    rows = table(conclusions["free_energy_curve"], "over_beta")
    assert {row["beta"] for row in rows} == {0.1, 0.3, 0.6}
    assert conclusions["wide"].datasets["a-x"].attrs["n_instances"] == 2
    assert conclusions["wide"].sections[0].notes == ["Settings of the measure: bins = 4."]


def test_a_source_is_asked_what_it_knows():
    """Patterns are known of a Hopfield network, and of nothing else here."""
    study = get_study("measured", measure="pattern_overlap_curve")
    problems = {
        "memory": get_source("hopfield", n_spins=8, n_patterns=1),
        "glass": get_source("sherrington_kirkpatrick", n_spins=8),
    }
    plan = study.plan(asked(problems, {"x": THERMOSTAT}))
    assert {w.problem for w in plan.wanted} == {"memory"}
