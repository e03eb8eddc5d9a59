"""Samplers without a thermostat beside a model that has a temperature of its own."""

from __future__ import annotations

import dataclasses
import math

import pytest
from made_results import DEVICE, THERMOSTAT, asked
from ran import ran, table, texts

from qspin.errors import InputError
from qspin.registry import get_backend, get_study
from qspin.settings import given_settings
from qspin.studies.own_temperature.held import Compared, Held, judged
from qspin.studies.own_temperature.words import bottom_line, findings, held_table, matrix
from qspin.study import Tone

ANNEALER = {"name": "annealer", "topology": "none", "physics": "thermal", "betas": [0.25], "n_reads": 300}
GLASS = {"kind": "sherrington_kirkpatrick", "n_spins": 12, "seed": 2}


def test_a_slow_anneal_is_where_its_device_is_and_a_quench_is_nowhere(tmp_path):
    """Factor 0.25: at a device of temperature 0.25 that is beta = 1, at one of 0.5 it is 0.5."""
    slow = {**ANNEALER, "n_sweeps": 300}
    quench = {**ANNEALER, "n_sweeps": 2, "temperature": 0.05}
    conclusions, failures = ran(
        tmp_path,
        {
            "problems": {"glass": GLASS},
            "backends": {
                "exact": {"name": "exact", "betas": {"geometric": [0.2, 6.0, 12]}, "n_replicas": 400},
                "cold": {**slow, "temperature": 0.25},
                "warm": {**slow, "temperature": 0.5},
                "quenched": quench,
            },
            "studies": {"own_temperature": None},
        },
    )
    assert not failures
    conclusion = conclusions["own_temperature"]
    rows = {(row["backend"], row["at"]): row for row in table(conclusion, "held")}
    for label, beta in (("cold", 1.0), ("warm", 0.5)):
        there = rows[label, "its own temperature"]
        assert abs(there["beta"] - beta) < 4 * there["beta_error"]
        assert not there["is_other"]
        assert there["scale"] == 0.25
    assert not rows["cold", "that of the model"]["is_other"]
    assert rows["warm", "that of the model"]["is_other"]
    assert rows["quenched", "its own temperature"]["is_other"]
    cold, warm, quenched = texts(conclusion)
    assert "cold (annealer: betas 0.25, n_reads 300" in cold
    assert "temperature 0.25), programmed with 0.25 of the energy, sampled at beta = " in cold
    assert "the 1 of the model and not told apart from it" in cold
    assert "At beta = 1 it is not told apart from the model" in cold
    assert "standard errors away" in warm
    assert "At beta = 1 it is not the model (p = " in warm
    assert "There it is not equilibrium (p = " in quenched
    verdicts = {verdict.backend: verdict for verdict in conclusion.verdicts}
    assert verdicts["cold"].text.startswith("the model, beta = ")
    assert verdicts["warm"].text.startswith("equilibrium elsewhere, beta = 0.")
    assert verdicts["quenched"].tone is Tone.BAD
    assert conclusion.bottom_line["ensemble"].text.startswith("Of a model at beta = 1, cold is at beta = ")
    assert conclusion.sections[0].figures


SAME = Compared(
    beta=0.7, beta_error=0.01, p_value=0.4, wasserstein=1.5, overlap_distance=0.1, overlap_noise=0.05,
    correlation_error=0.2, correlation_noise=0.1, expected_missed=0.4, n_valleys=3, n_missed=1,
    telling="pairs of spins",
)  # fmt: skip
HELD = Held(
    "machine", "mc", "qpu", {}, "annealer", 0.05, 0.72, 0.01, SAME, SAME._replace(beta=1.0, p_value=0.002)
)


class TestWords:
    def told(self, **changed):
        (one,) = judged([HELD._replace(**changed)], 0.05)
        return findings([one], 1.0)[0].text

    def test_where_it_is_and_what_it_is_there(self):
        where, measured, there, own = self.told().split(". ")
        assert where == (
            "On machine, qpu (annealer), programmed with 0.05 of the energy, sampled at beta = 0.70(1) by "
            "its mean energy, 0.7 times the 1 of the model, 30 standard errors away"
        )
        assert measured == "By pseudo-likelihood beta_effective = 0.72(1)"
        distances = (
            "P(q) lies 0.1 from that of equilibrium (noise 0.05), energies 1.5 in the mean, correlations are "
            "off by 20% (noise 10%), and 1 of 3 valleys are missed (0.4 expected)"
        )
        assert there == f"There it is not told apart from equilibrium (p = 0.4): {distances}"
        assert own == f"At beta = 1 it is not the model (p = 0.004, told by pairs of spins): {distances}."

    def test_two_estimates_that_contradict_each_other(self):
        text = self.told(measured=1.0)
        assert "beta_effective = 1.00(1), 21 standard errors from that: its reads follow no Boltzmann" in text
        assert "pseudo-likelihood" not in self.told(measured=math.nan)

    def test_what_could_not_be_placed(self):
        nowhere = Compared(reason="the mean energy lies above those of the reference: extend its ladder")
        text = self.told(there=nowhere, own=nowhere)
        assert "has no temperature in the reference: the mean energy lies above" in text
        assert "At beta = 1 it could not be held against the model: the mean energy" in text
        held = judged([HELD._replace(there=nowhere, own=nowhere)], 0.05)
        assert matrix(held)[1].text == "not compared"
        assert "qpu could not be placed" in bottom_line(held, 1.0).text
        assert held_table(held, 0.05).shown()

    def test_many_rows_are_summed_up(self):
        held = judged([HELD._replace(place={"instance": k}) for k in range(20)], 0.05)
        first, second = findings(held, 1.0)[:2]
        assert first.text == (
            "qpu was held against equilibrium 20 times of 20: at the temperature that it had, it is not "
            "equilibrium in 0, and not told apart from the model itself in 20."
        )
        assert second.text.startswith("On machine, instance = 0, qpu")
        assert (first.weight, second.weight) == (2.0, 0.3)

    def test_a_reference_whose_replicas_disagree_is_no_judge(self):
        unsure = SAME._replace(is_sure=False, p_value=0.001)
        assert "which is doubtful, since replicas of the reference disagree" in self.told(there=unsure)
        held = judged([HELD._replace(there=unsure)], 0.05)
        assert [verdict.tone for verdict in matrix(held)][1] is Tone.OPEN


class TestPlan:
    def test_every_sampler_without_a_thermostat_is_held_against_the_first_with_one(self):
        lines = asked(["a", "b"], {"mc": THERMOSTAT, "qpu": DEVICE})
        plan = get_study("own_temperature", temperature=2.0).plan(lines)
        own = [(w.problem, w.backend, w.reference, w.label) for w in plan.wanted if w.measure == "compare"]
        assert own == [
            (problem, "qpu", "mc", label) for problem in "ab" for label in ("compare_there", "compare_own")
        ]
        assert {w.settings.get("beta") for w in plan.wanted if w.label == "compare_own"} == {0.5}

    @pytest.mark.parametrize(
        ("backends", "settings", "message"),
        [
            ({"mc": THERMOSTAT}, {}, "add one beside mc, such as an annealer"),
            ({"qpu": DEVICE}, {}, "add a backend with a thermostat, such as tempering"),
            ({"mc": THERMOSTAT, "qpu": DEVICE}, {"reference": "cm"}, "reference 'cm' is no backend"),
        ],
    )
    def test_what_is_refused(self, backends, settings, message):
        with pytest.raises(InputError, match=message):
            get_study("own_temperature", **settings).plan(asked(["a"], backends))


def test_settings_are_those_that_were_given():
    sampler = get_backend("annealer", physics="thermal", topology="none", n_reads=7)
    assert given_settings(sampler) == {"n_reads": 7, "topology": "none", "physics": "thermal"}
    assert given_settings(dataclasses.replace(sampler, n_reads=100, physics="path_integral")) == {
        "topology": "none"
    }
