"""A glass, a ferromagnet and a ferromagnet in disguise are told apart, and the rule by which that is done."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
import yaml
from conftest import ROOT
from made_results import MadeResults, asked
from ran import ran, table, texts

from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_study
from qspin.remarks import Remark
from qspin.studies.landscape.glass import Glass
from qspin.study import Axis, Tone

CONFIG = {
    "seed": 5,
    "problems": {
        "glass": {"kind": "sherrington_kirkpatrick", "n_spins": 64, "instances": 6},
        "ferromagnet": {"kind": "lattice_ferromagnet", "shape": [8, 8]},
        "mattis": {"kind": "mattis", "n_spins": 64, "seed": 1},
    },
    "backends": {
        "tempering": {
            "name": "tempering",
            "betas": {"temperatures": [0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8]},
            "n_replicas": 24,
            "n_burn_in": 500,
            "n_sweeps": 1_000,
            "n_draws": 8,
        },
    },
    "studies": {"landscape": {"temperatures": 2, "most": 120, "n_null": 19}},
}


@pytest.fixture(scope="module")
def conclusion(tmp_path_factory):
    found, failures = ran(tmp_path_factory.mktemp("glass"), CONFIG)
    assert not failures
    return found["landscape"]


class TestSampled:
    def test_the_three_are_told_apart(self, conclusion):
        verdicts = {verdict.problem: verdict for verdict in conclusion.verdicts}
        assert verdicts["glass"].text in [f"glassy in {k} of 6" for k in range(1, 7)]
        (family,) = table(conclusion, "instances")
        assert (family["verdict"], family["not"]) == ("glassy", 0)
        assert verdicts["ferromagnet"].text == verdicts["mattis"].text == "not glassy"
        assert all(verdict.tone is Tone.OPEN for verdict in verdicts.values())

    def test_the_bottom_line(self, conclusion):
        text = conclusion.bottom_line["glass"].text
        assert text.startswith("Glassy: glass (")
        assert text.endswith("not glassy: ferromagnet, mattis.")

    def test_every_sign_has_its_null(self, conclusion):
        rows = table(conclusion, "signs")
        assert len(rows) == (6 + 1 + 1) * 2
        for row in rows:
            for name in ("central_weight", "n_valleys", "edge_rigidity", "bulk_rigidity", "separation"):
                assert math.isfinite(row[name])
                assert row[f"{name}_deviation"] >= 0
            if row["problem"] == "mattis":
                assert row["n_valleys"] == row["n_valleys_null"] == 1

    def test_what_figures_show_is_kept(self, conclusion):
        (section,) = conclusion.sections
        assert [figure.name for figure in section.figures] == ["sizes", "maps", "triangles", "valleys"]
        assert conclusion.datasets["overlap_sizes"].sizes["landscape"] == 3
        lines = conclusion.datasets["landscape_nulls"]["theory_density"]
        assert np.isfinite(lines.values).all(axis=-1).tolist() == [True, False, False]  # of the glass alone
        for name in ("landscape_nulls", "find_states", "valleys"):
            assert conclusion.datasets[name]["problem"].values.tolist() == ["glass", "ferromagnet", "mattis"]

    def test_figures_can_be_drawn(self, conclusion):
        for figure in conclusion.sections[0].figures:
            assert draw(figure).svg


# -- the rule ------------------------------------------------------------------------------------


def signs(
    n_spins=64, temperatures=(0.5,), excess=0.0, error=0.001, null=0.0, valleys=1.0, states=0.0, triangles=0.0
):
    """Results of the measures, the same at every temperature unless lists are given."""
    n = len(temperatures)

    def row(value):
        return ("beta", np.broadcast_to(np.asarray(value, dtype=float), n).copy())

    places = {"beta": 1 / np.array(temperatures), "temperature": ("beta", np.array(temperatures))}
    central = np.asarray(excess) + null
    names = ("n_valleys_null", "edge_rigidity", "edge_rigidity_null", "bulk_rigidity", "bulk_rigidity_null")
    deviations = ("n_valleys_deviation", "edge_rigidity_deviation", "bulk_rigidity_deviation")
    nulls = {
        **{name: row(1.0) for name in (*names, *deviations)},
        "n_configurations": row(100),
        "central_weight": row(central),
        "central_weight_null": row(null),
        "central_weight_deviation": row(0.001),
        "central_excess": row(excess),
        "central_error": row(error),
        "n_valleys": row(valleys),
    }
    clusters = dict.fromkeys(("n_states", "participation", "separation"), row(2.0))
    clusters |= {"null_separation": row(0.1), "null_deviation": row(0.01), "is_significant": row(states)}
    three = {"effect": row(0.1), "p_value": row(0.05), "spread": row(3.0), "is_detected": row(triangles)}
    attrs = {"n_spins": n_spins}
    return {
        "landscape_nulls": xr.Dataset(nulls, places, attrs),
        "find_states": xr.Dataset(clusters, places, attrs),
        "ultrametricity": xr.Dataset(three, places, attrs),
        "valleys": xr.Dataset({"n_found": row(2)}, places, attrs),
    }


def concluded(*several, remarks=()):
    """Of one problem, or of instances of it."""
    axes = {"a": [Axis("instance", tuple(range(len(several))))]} if len(several) > 1 else {}
    found = {}
    for name in several[0]:
        values = [one[name] for one in several]
        found[name, "a", "x"] = values if len(values) > 1 else values[0]
    diagnostics = xr.Dataset(attrs={"remarks": json.dumps([remark.plain() for remark in remarks])})
    found["chain_diagnostics", "a", "x"] = [diagnostics] * len(several) if axes else diagnostics
    return get_study("landscape").conclude(MadeResults(asked(["a"], ["x"], axes), found))


class TestRule:
    @pytest.mark.parametrize(
        ("given", "verdict"),
        [
            ({"excess": 0.1, "states": 1}, Glass.GLASSY),
            ({"excess": 0.1, "triangles": 1}, Glass.GLASSY),
            ({"excess": 0.1}, Glass.OPEN),  # more small overlaps, and no structure
            ({"excess": 0.1, "states": 1, "error": 0.06}, Glass.OPEN),  # within two standard errors
            ({"excess": 0.015, "states": 1}, Glass.OPEN),  # too little
            ({}, Glass.NOT),  # one valley
            ({"valleys": 5.0}, Glass.OPEN),
            ({"valleys": 90.0, "null": 0.88}, Glass.NOT),  # a paramagnet
            ({"states": 1}, Glass.OPEN),
            ({"excess": math.nan}, Glass.OPEN),
        ],
    )
    def test_of_one_temperature(self, given, verdict):
        (row,) = table(concluded(signs(**given)), "signs")
        assert row["verdict"] == verdict

    def test_one_glassy_temperature_is_enough(self):
        conclusion = concluded(signs(temperatures=(0.9, 0.5), excess=[0.0, 0.1], states=[0.0, 1.0]))
        assert [row["temperature"] for row in table(conclusion, "signs")] == [0.9, 0.5]
        assert conclusion.verdicts[0].text == "glassy"
        assert "at T = 0.5, 10.0 % of overlaps lie near 0, more than the 0.0 %" in texts(conclusion)[0]

    def test_clusters_of_few_configurations_are_not_taken_for_noise(self):
        light, noise = signs(), signs()
        noise["find_states"]["separation"][:] = 0.13  # 0.1 with a deviation of 0.01 is that of noise
        told = "clusters lie further apart than those of noise, but no two of them hold 5%"
        assert told in texts(concluded(light))[0]
        assert "clusters are no further apart than those of noise" in texts(concluded(noise))[0]

    def test_one_open_temperature_leaves_it_open(self):
        conclusion = concluded(signs(temperatures=(0.9, 0.5), valleys=[5.0, 1.0]))
        assert (conclusion.verdicts[0].text, conclusion.verdicts[0].tone) == ("open", Tone.OPEN)

    def test_a_family_is_what_most_of_its_instances_are(self):
        glassy, other, undecided = signs(excess=0.1, states=1), signs(), signs(valleys=5.0)
        conclusion = concluded(glassy, glassy, glassy, other, undecided)
        (row,) = table(conclusion, "instances")
        assert [row[name] for name in ("glassy", "not", "open")] == [3, 1, 1]
        assert row["verdict"] == "glassy"
        assert row["excess"] == pytest.approx(0.06)
        assert concluded(glassy, other).verdicts[0].tone is Tone.OPEN

    def test_one_instance_does_not_decide_a_family(self):
        glassy, undecided = signs(excess=0.1, states=1), signs(valleys=5.0)
        (row,) = table(concluded(glassy, undecided, undecided), "instances")
        assert row["verdict"] == "open"

    def test_few_glassy_instances_do_where_the_mean_excess_is_one(self):
        glassy, undecided = signs(excess=0.1, states=1), signs(excess=0.08, valleys=5.0)
        (row,) = table(concluded(glassy, undecided, undecided, undecided), "instances")
        assert (row["glassy"], row["open"], row["verdict"]) == (1, 3, "glassy")

    def test_samples_that_are_not_in_equilibrium_leave_it_open(self):
        remark = Remark("r-hat-overlap", "chains disagree")
        conclusion = concluded(signs(excess=0.1, states=1), remarks=[remark])
        assert conclusion.verdicts[0].text == "open"
        assert "since the samples are doubtful: chains disagree" in texts(conclusion)[0]
        harmless = Remark("few-draws", "R-hat cannot be told")
        assert concluded(signs(excess=0.1, states=1), remarks=[harmless]).verdicts[0].text == "glassy"


class TestPlan:
    def test_all_measures_look_at_the_same_configurations(self):
        plan = get_study("landscape", temperatures=[0.5, 1.0], most=50).plan(asked(["a"], ["x"]))
        own = [wanted for wanted in plan.wanted if wanted.measure != "chain_diagnostics"]
        assert len(own) == 4
        assert {repr((w.settings["temperatures"], w.settings["most"])) for w in own} == {"((0.5, 1.0), 50)"}

    def test_nobody_keeps_configurations(self):
        averages = get_backend("tempering", betas=[0.5, 1.0], store="statistics")
        with pytest.raises(
            InputError, match="landscape needs configurations: x lacks configurations, not averages"
        ):
            get_study("landscape").plan(asked(["a"], {"x": averages}))

    @pytest.mark.parametrize("wrong", [{"temperatures": 0}, {"temperatures": []}, {"n_null": 1}, {"most": 0}])
    def test_settings_that_cannot_work(self, wrong):
        with pytest.raises(InputError):
            get_study("landscape", **wrong)


def test_the_config_is_of_a_glass_and_two_ferromagnets():
    data = yaml.safe_load((ROOT / "configs" / "landscape.yaml").read_text())
    kinds = {problem["kind"] for problem in data["problems"].values()}
    assert kinds == {"sherrington_kirkpatrick", "lattice_ferromagnet", "mattis"}
    assert set(data["studies"]) == {"landscape"}
