"""A model among draws of its controls: what is called a difference, and what so many draws show."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr
from made_results import THERMOSTAT, MadeResults, asked
from ran import ran, table, texts
from scipy import stats

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.registry import get_measure, get_source, get_study
from qspin.remarks import Level, Remark, stored
from qspin.samples import SampleSet
from qspin.studies.inspection.draws import Against, Densities, rank_p_value, student_p_value
from qspin.studies.inspection.states import STATISTICS, Beside, state_findings, states_table
from qspin.studies.inspection.words import density_sentence, told_p, told_student
from qspin.studies.landscape.glass import Glass, Place, Row
from qspin.study import Axis

T = np.array([0.5, 1.0, 2.0, 4.0])
TWIN = {"dataset": "digits_small", "layers": [12, 5, 3], "epochs": 2, "learning_rate": 0.01}


def against(own, draws, error=0.01, sure=None):
    draws = np.asarray(draws, float)
    return Against(
        "shuffled", "null", "x", T, np.asarray(own, float), np.full(4, error), draws,
        np.full(draws.shape, error), np.ones(4, bool) if sure is None else np.asarray(sure),
    )  # fmt: skip


PATTERNS = np.random.default_rng(9).choice([-1, 1], size=(2, 40)).astype(np.int8)


def landscape_of(spins, **settings):
    """What the measures of states and triangles find of configurations, and the landscape that they are."""
    problem = IsingProblem.from_edges(spins.shape[1], [0], [1], [0.1], np.full(spins.shape[1], 1e-3))
    samples = SampleSet.from_spins(problem, spins[None, :, None], betas=[1.0])
    found = {
        name: get_measure(name, temperatures=[1.0], n_null=99).measure(samples, problem)
        for name in ("landscape_nulls", *STATISTICS)
    }
    row = Row(1.0, {}, Glass.OPEN)
    return Place("machine", "x", {}, (row,), found, settings.get("doubts", ()), Glass.OPEN)


class TestStates:
    """Configurations around two patterns, and those of free spins."""

    rng = np.random.default_rng(10)
    flips = rng.choice([1, -1], p=[0.9, 0.1], size=(90, 40)).astype(np.int8)
    two = flips * PATTERNS[np.repeat([0, 1], [60, 30])]

    def test_two_states_with_their_weights_and_the_least_p(self):
        texts = [one.text for one in state_findings([landscape_of(self.two)], [])]
        assert (
            "States at T = 1: 90 independent configurations fall into 2 states of weights 0.67(5), 0.33(5)"
            in (texts[0])
        )
        assert "further apart than clusters of noise" in texts[0]
        assert "(p = 0.01, the least that 99 sets can show)" in texts[0]
        assert texts[1].startswith("Triangles at T = 1: the two smaller ones of three overlaps differ by")

    def test_two_states_are_ultrametric_whatever_they_are(self):
        flips = np.random.default_rng(12).choice([1, -1], p=[0.97, 0.03], size=(90, 40)).astype(np.int8)
        two = flips * PATTERNS[np.repeat([0, 1], [60, 30])]
        _, triangles = (one.text for one in state_findings([landscape_of(two)], []))
        assert "they are ultrametric, but triangles of two states are in any case, and no third" in triangles
        third = np.random.default_rng(11).choice([-1, 1], size=40)
        three = flips * np.stack([*PATTERNS, third])[np.repeat([0, 1, 2], 30)].astype(np.int8)
        _, triangles = (one.text for one in state_findings([landscape_of(three)], []))
        assert triangles.endswith("times as wide as there: they are ultrametric.")

    def test_a_second_state_of_few_configurations_is_not_taken_for_noise(self):
        few = self.flips * PATTERNS[np.repeat([0, 1], [87, 3])]
        states = state_findings([landscape_of(few)], [])[0].text
        assert "further apart than clusters of noise, but no two of them hold 5%: overlaps" in states

    def test_states_that_are_mirror_images_are_told(self):
        mirrored = self.flips * np.stack([PATTERNS[0], -PATTERNS[0]])[np.repeat([0, 1], [60, 30])]
        states = state_findings([landscape_of(mirrored)], [])[0].text
        overlap = float(mirrored[:60].mean(axis=0) @ mirrored[60:].mean(axis=0)) / 40
        assert f"the two heaviest are mirror images of each other, of overlap {overlap:.3f}," in states
        assert "mirror images" not in state_findings([landscape_of(self.two)], [])[0].text

    def test_free_spins_have_neither(self):
        free = self.rng.choice([-1, 1], size=(90, 40)).astype(np.int8)
        states, triangles = (one.text for one in state_findings([landscape_of(free)], []))
        assert "no further apart than those of noise" in states
        assert "they do not count as ultrametric" in triangles
        for text in (states, triangles):
            assert "the least that" not in text

    def test_what_cannot_be_told_and_what_is_doubtful(self):
        same = np.ones((5, 40), dtype=np.int8)
        _, triangles = (one.text for one in state_findings([landscape_of(same)], []))
        assert "Triangles at T = 1 cannot be told: all overlaps are equal" in triangles
        (states, _) = state_findings([landscape_of(self.two, doubts=("R-hat is 2",))], [])
        assert states.text.endswith("Samples are doubtful: R-hat is 2.")

    def test_beside_a_control(self):
        draws = np.array([0.1, 0.12, 0.11, 0.09])
        one = Beside("x", "mixed", "null", 1.0, "effect", "ultrametric effect", 0.5, draws, True, 0.0004)
        text = state_findings([], [one])[0].text
        assert text == (
            "States and triangles at T = 1 beside 4 shuffles: ultrametric effect 0.5 against 0.105 with a "
            "standard deviation of 0.013 (Student p < 0.001)."
        )
        text = state_findings([], [one._replace(is_sure=False)])[0].text
        assert "are without a verdict: replicas of the model" in text
        assert [row["mean"] for row in states_table([one]).rows] == [pytest.approx(0.105)]


class TestTests:
    def test_student_is_exact_for_normal_draws(self):
        """One more draw of the same distribution has uniform p-values, for three and for ten draws."""
        rng = np.random.default_rng(0)
        for n in (3, 10):
            draws, own = rng.normal(size=(n, 2000)), rng.normal(size=2000)
            p = student_p_value(own, np.zeros(2000), draws)
            assert stats.kstest(p, "uniform").pvalue > 1e-3

    def test_ranks_take_nothing_for_granted(self):
        """Of eleven curves of one distribution, however skewed and correlated, one in eleven is farthest."""
        rng = np.random.default_rng(1)
        curves = np.cumsum(rng.exponential(size=(600, 11, 4)), axis=-1)
        p = np.array([against(own[0], own[1:], error=1e-6).rank_p for own in curves])
        assert abs((p < 0.1).mean() - 1 / 11) < 4 * np.sqrt(1 / 11 * 10 / 11 / 600)
        assert p.min() == pytest.approx(1 / 11)
        assert rank_p_value(np.array([3.0, 1.0, 3.0, 5.0])) == 0.75

    def test_a_model_like_its_draws_differs_in_one_of_twenty_runs(self):
        """At any of its temperatures, corrected for their number."""
        rng = np.random.default_rng(2)
        curves = 0.5 + 0.05 * rng.normal(size=(1000, 11, 4))
        found = [against(own[0], own[1:]).differs.any() for own in curves]
        assert np.mean(found) - 0.05 < 4 * np.sqrt(0.05 * 0.95 / 1000)

    def test_draws_that_agree_by_saturation_say_no_more_than_the_error(self):
        one = against([0.98, 0.5, 0.5, 0.5], np.tile([1.0, 0.5, 0.5, 0.5], (10, 1)), error=0.02)
        assert not one.differs.any()

    def test_where_replicas_disagree_nothing_counts(self):
        rng = np.random.default_rng(3)
        draws = 0.3 + 0.01 * rng.normal(size=(10, 4))
        one = against([0.9, 0.9, 0.3, 0.3], draws, sure=[False, True, True, True])
        assert one.differs.tolist() == [False, True, False, False]
        assert one.farthest == 1
        assert against([0.9] * 4, draws, sure=[False] * 4).farthest is None

    def test_distributions_by_rank_and_width(self):
        q = np.linspace(-1, 1, 41)
        width = np.full(41, 0.05)
        densities = [stats.norm.pdf(q, 0, s) for s in (0.1, 0.3, 0.31, 0.29, 0.305, 0.295)]
        one = Densities("shuffled", 1.0, q, width, densities[0], 0.01 * q, np.array(densities[1:]))
        assert one.rank_p == pytest.approx(1 / 6)
        own, draws, p = one.moments()["width"]
        assert own == pytest.approx(0.1, rel=1e-3)
        assert (len(draws), p < 1e-3, list(one.moments())) == (5, True, ["width"])
        assert "by the rank of its distance from the others p = 0.17" in density_sentence("net", one)
        doubtful = dataclasses.replace(one, is_sure=False)
        assert "is without a verdict: replicas" in density_sentence("net", doubtful)

    def test_p_values_for_people(self):
        assert [told_p(p) for p in (0.0312, 3.2e-7, 0.0)] == ["p = 0.031", "p = 3e-07", "p < 1e-12"]
        assert [told_student(p) for p in (0.0312, 3e-7)] == ["Student p = 0.031", "Student p < 0.001"]


def made(q_model, q_draws, *, remarks=(), r_hat=1.0, landscape=None, **settings):
    """Sections of a study of a trained twin beside draws of its shuffles, replicas of it being as far apart
    as `r_hat` tells at T = 0.5, and its landscape as it is given."""
    model = get_source("mlp", **TWIN)
    lines = asked(
        {"net": model, "mixed": model.controls()["null"]},
        {"x": THERMOSTAT},
        {"mixed": [Axis("instance", tuple(range(len(q_draws))))]},
    )

    def curve(q):
        values = {"q_abs": ("beta", np.asarray(q, float)), "q_abs_error": ("beta", np.full(4, 0.01))}
        return xr.Dataset(values, coords={"beta": 1 / T, "temperature": ("beta", T)})

    chains = xr.Dataset(
        {name: ("beta", np.array([r_hat, 1.0, 1.0, 1.0])) for name in ("r_hat", "r_hat_overlap")},
        coords={"beta": 1 / T},
        attrs={"remarks": stored(remarks)},
    )
    found = {
        ("overlap_curve", "net", "x"): None if q_model is None else curve(q_model),
        ("overlap_curve", "mixed", "x"): [None if q is None else curve(q) for q in q_draws],
        ("chain_diagnostics", "net", "x"): chains,
        **{(name, "net", "x"): result for name, result in (landscape or {}).items()},
    }
    results = MadeResults(lines, found)
    glass = get_source("edwards_anderson", shape=[3, 3], seed=1).build({})
    results.problem = lambda label, at={}: glass
    return get_study("inspection", **settings).conclude(results)


class TestSentences:
    draws = 0.3 + 0.02 * np.random.default_rng(4).normal(size=(10, 4))

    def test_a_model_unlike_its_shuffles(self):
        conclusion = made([0.31, 0.29, 0.9, 0.3], self.draws)
        (text,) = [t for t in texts(conclusion) if t.startswith("Mean |q| of net")]
        assert "differs from that of its 10 shuffles at 1 of 4 temperatures, above them at T = 2;" in text
        assert "lies farthest from the others, p = 0.091, the least that 10 draws can show" in text
        assert [(v.problem, v.text) for v in conclusion.verdicts] == [("net", "unlike shuffles")]
        rows = table(conclusion, "curves")
        assert [row["n_below"] for row in rows][2] == 10
        assert conclusion.datasets["mixed-x"].sizes == {"temperature": 4, "draw": 10}

    def test_a_model_like_its_shuffles(self):
        conclusion = made([0.31, 0.29, 0.33, 0.3], self.draws)
        (text,) = [t for t in texts(conclusion) if t.startswith("Mean |q| of net")]
        assert "cannot be told from that of its 10 shuffles at any of 4 temperatures" in text
        assert conclusion.verdicts[0].text == "like shuffles"
        assert "no less than 1/11 = 0.091" in conclusion.sections[0].notes[0]

    def test_no_verdict_where_replicas_disagree(self):
        remark = Remark("r-hat-overlap", "replicas disagree", Level.SERIOUS)
        conclusion = made([0.9, 0.29, 0.33, 0.3], self.draws, remarks=[remark], r_hat=1.5)
        (text,) = [t for t in texts(conclusion) if t.startswith("Mean |q| of net")]
        assert "at any of 3 temperatures; 1 more are left out, where replicas disagree" in text


@pytest.mark.parametrize(("temperature", "is_doubtful"), [(1.0, False), (0.5, True)])
def test_replicas_that_disagree_elsewhere_are_no_doubt_on_the_temperature_of_the_model(
    temperature, is_doubtful
):
    remark = Remark("r-hat-overlap", "replicas disagree", Level.SERIOUS)
    conclusion = made(
        [0.31, 0.29, 0.33, 0.3], TestSentences.draws, remarks=[remark], r_hat=1.5, temperature=temperature,
        landscape=landscape_of(TestStates.two).found,
    )  # fmt: skip
    told = [text for text in texts(conclusion) if text.startswith(("States at", "Triangles at"))]
    assert len(told) == 2
    assert all(("Samples are doubtful" in text) is is_doubtful for text in told)


def test_a_run_that_drifts_is_no_glass_in_the_bottom_line():
    """The run as a whole is in doubt, though replicas agree at the temperature of the model."""
    drift = Remark("energy-drift", "not in equilibrium: mean energies differ", Level.SERIOUS)
    for remarks in ([drift], []):
        conclusion = made(
            [0.31, 0.29, 0.33, 0.3], TestSentences.draws, remarks=remarks, temperature=1.0,
            landscape=landscape_of(TestStates.two).found,
        )  # fmt: skip
        told = " ".join(texts(conclusion))
        assert ("since the samples are doubtful: not in equilibrium" in told) is bool(remarks)
        assert not remarks or conclusion.bottom_line["glass"].text == "Open: net."


def test_of_a_part_of_a_run_what_is_there_is_told():
    """Draws that lack are no draws, and without the model there is nothing to say."""
    draws = [*TestSentences.draws[:9], None]
    (text,) = [t for t in texts(made([0.31, 0.29, 0.9, 0.3], draws)) if t.startswith("Mean |q| of net")]
    assert "its 9 shuffles" in text
    assert not made(None, draws).sections


def test_a_model_without_controls_is_refused():
    lines = asked({"net": get_source("mlp", **TWIN)}, {"x": THERMOSTAT})
    with pytest.raises(InputError, match="no problem has them beside it: add the same problem with shuffle"):
        get_study("inspection").plan(lines)
    with pytest.raises(InputError, match="no problem 'nett'"):
        get_study("inspection", problem="nett").plan(lines)


def test_a_machine_of_its_own_temperature(tmp_path):
    """Sampled exactly: its numbers, its curve, its P(q) and its landscape at beta = 1."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(6)
    i, j = np.triu_indices(8, 1)
    torch.save(
        {
            "_linear": torch.tensor(rng.uniform(-0.05, 0.05, 8)),
            "_quadratic": torch.tensor(rng.uniform(-5, 5, 28)),
            "_edge_idx_i": torch.tensor(i),
            "_edge_idx_j": torch.tensor(j),
        },
        tmp_path / "machine.pth",
    )
    model = {"kind": "model", "path": str(tmp_path / "machine.pth")}
    conclusions, failures = ran(
        tmp_path,
        {
            "problems": {
                "model": model,
                "shuffled": {**model, "shuffle": 0, "instances": 4},
                "anew": {**model, "reinitialise": 0, "instances": 4},
            },
            "backends": {"exact": {"name": "exact", "betas": [0.05, 0.2, 1.0], "n_replicas": 60}},
            "studies": {"inspection": {"temperature": 1.0, "initial": {"couplings": 5.0, "fields": 0.05}}},
        },
    )
    assert not failures
    conclusion = conclusions["inspection"]
    told = " ".join(texts(conclusion))
    assert "model has 8 spins, 28 couplings" in told
    assert "The 28 couplings cannot be told from those of a uniform initialisation" in told
    assert "P(q) of model at T = 1 beside 4 draws of shuffled: mean" in told
    own = "At its own temperature, T = 1: on model with exact, whether the landscape is glassy stays open"
    assert own in told
    assert "States at T = 1: 60 independent configurations fall into" in told
    assert "Triangles at T = 1: the two smaller ones of three overlaps differ by" in told
    assert "States and triangles at T = 1 beside 4 shuffles: effective number of states" in told
    assert "beside 4 re-initialisations: effective number" in told
    rows = table(conclusion, "states")
    assert [(row["control"], row["n_draws"]) for row in rows] == [("shuffled", 4)] * 4 + [("anew", 4)] * 4
    assert {"maps", "triangles"} <= {figure.name for figure in conclusion.sections[0].figures}
    assert set(conclusion.bottom_line) == {"glass"}
    assert json.loads(json.dumps(table(conclusion, "temperatures")))[0]["by"] == "formula"
