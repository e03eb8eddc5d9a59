"""Verdicts on backends: which rows there are, what they say, and how many tests they are corrected for."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from ran import ran, table, texts

from qspin.analysis import cross_overlaps, holm, overlap_matrix
from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_study
from qspin.remarks import Remark
from qspin.studies.comparison.verdicts import Row, judged
from qspin.study import Axis, Tone

CONFIG = {
    "seed": 3,
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 16, "seed": 1}},
    "backends": {
        "tempering": {
            "name": "tempering",
            "betas": {"geometric": [0.1, 4.0, 12]},
            "n_replicas": 40,
            "n_sweeps": 2_000,
            "n_draws": 20,
        },
        "exact": {"name": "exact", "betas": [0.3, 0.9, 2.0], "n_replicas": 500},
        "annealer": {"name": "annealer", "topology": "none", "betas": [0.5, 1.0], "n_reads": 200},
        "qaoa": {"name": "qaoa", "depth": 1, "n_shots": 1_000},
        "single": {"name": "qaoa", "depth": 1, "n_shots": 1},
    },
    "studies": {"comparison": {}},
}


@pytest.fixture(scope="module")
def conclusion(tmp_path_factory):
    found, _ = ran(tmp_path_factory.mktemp("three"), CONFIG)
    return found["comparison"]


@pytest.fixture(scope="module")
def verdicts(conclusion):
    return table(conclusion, "verdicts")


class TestSampled:
    def test_every_other_backend_is_held_against_the_first_with_a_ladder(self, verdicts):
        assert {row["reference"] for row in verdicts} == {"tempering"}
        counts = {label: sum(row["backend"] == label for row in verdicts) for label in CONFIG["backends"]}
        assert counts == {"tempering": 0, "exact": 3, "annealer": 2, "qaoa": 1, "single": 1}

    def test_exact_samples_are_the_same_ensemble(self, verdicts):
        rows = [row for row in verdicts if row["backend"] == "exact"]
        assert max(row["p_value"] for row in rows) > 0.05
        assert min(row["p_value"] for row in rows) > 0.002
        assert [row["temperature"] for row in rows] == pytest.approx([1 / 0.3, 1 / 0.9, 0.5], rel=1e-4)

    def test_a_shallow_circuit_is_not(self, verdicts):
        (row,) = [row for row in verdicts if row["backend"] == "qaoa"]
        assert row["p_value"] <= 0.05
        assert row["temperature_error"] > 0
        assert "T = " in row["verdict"]

    def test_what_cannot_be_compared_says_why(self, verdicts, conclusion):
        (row,) = [row for row in verdicts if row["backend"] == "single"]
        assert math.isnan(row["p_value"])
        assert row["verdict"].startswith("not compared: no temperature to compare at")
        (verdict,) = [verdict for verdict in conclusion.verdicts if verdict.backend == "single"]
        assert (verdict.text, verdict.tone) == ("not compared", Tone.OPEN)

    def test_rows_are_corrected_together(self, verdicts):
        known = [row for row in verdicts if not math.isnan(row["p_value"])]
        assert [row["p_corrected"] for row in known] == pytest.approx(holm([row["p_value"] for row in known]))

    def test_one_sentence_a_pair_and_a_bottom_line(self, conclusion):
        assert len(texts(conclusion)) == 4
        answer = conclusion.bottom_line["ensemble"].text
        assert answer.startswith("Held against tempering: exact is not told apart (3 of 3 comparisons")
        assert "annealer" in answer

    def test_what_figures_show_is_kept(self, conclusion):
        (section,) = conclusion.sections
        assert {figure.name for figure in section.figures} >= {"cross_qaoa", "energy_distributions"}
        cross = conclusion.datasets["cross_overlaps"].to_dataframe()
        for name in ("first", "second", "cross"):
            assert cross.groupby("backend")[name].sum().to_numpy() == pytest.approx(1)
        assert set(conclusion.datasets["energy_distributions"]["backend"].values) == set(CONFIG["backends"])
        assert conclusion.datasets["overlap_matrices"].sizes["pair"] == 3

    def test_all_that_is_shown_has_a_file(self, conclusion):
        for section in conclusion.sections:
            for one in section.tables:
                assert all(len(line) == sum(c.is_shown for c in one.columns) for line in one.shown())
                assert {c.key for c in one.columns} <= set(one.rows[0])


class TestPlan:
    def test_one_backend_is_compared_with_nobody(self):
        assert not get_study("comparison").plan(asked(["a"], ["b"])).wanted

    def test_the_reference_can_be_chosen(self):
        plan = get_study("comparison", reference="c").plan(asked(["a"], ["b", "c"]))
        compared = [wanted for wanted in plan.wanted if wanted.measure == "compare"]
        assert [(wanted.backend, wanted.reference) for wanted in compared] == [("b", "c")]

    @pytest.mark.parametrize(
        ("reference", "backends", "message"),
        [
            ("d", {"b": None, "c": None}, "'d' is no backend of this config; there are: b, c"),
            ("c", {"b": None, "c": get_backend("qaoa", depth=1)}, "offers no thermostat"),
        ],
    )
    def test_a_reference_that_cannot_be_one(self, reference, backends, message):
        with pytest.raises(InputError, match=message):
            get_study("comparison", reference=reference).plan(asked(["a"], backends))

    def test_the_finest_p_value_can_reject_in_a_table_of_all_rows(self):
        """Of 2 problems x 10 instances x 2 backends x 3 temperatures."""
        axes = {name: [Axis("instance", tuple(range(10)))] for name in ("a", "b")}
        study = get_study("comparison")
        plan = study.plan(asked(["a", "b"], ["x", "y", "z"], axes))
        finest = {w.settings["finest"] for w in plan.wanted if w.measure == "compare"}
        assert len(finest) == 1
        assert finest.pop() * 120 <= study.level


def compared(p_values, temperatures, errors=None, reasons=None):
    """What the measure would give."""
    n = len(p_values)
    numbers = dict.fromkeys(
        ("correlation_error", "correlation_noise", "total_variation", "total_variation_noise", "wasserstein"),
        ("row", np.full(n, 0.1)),
    )
    errors = [0.0] * n if errors is None else errors
    beta = 1 / np.array(temperatures)
    return xr.Dataset(
        {
            **numbers,
            "p_value": ("row", p_values),
            "temperature": ("row", temperatures),
            "temperature_error": ("row", errors),
            "beta": ("row", beta),
            "beta_error": ("row", np.array(errors) * beta**2),
            "n_valleys": ("row", np.full(n, 5.0)),
            "n_missed": ("row", np.full(n, 1.0)),
            "expected_missed": ("row", np.full(n, 0.5)),
            "telling": ("row", ["correlations"] * n),
            "reason": ("row", reasons or [""] * n),
        },
        coords={"row": np.arange(n)},
    )


def made(found, problems=("a",), axes=None, beside=None):
    """The conclusion of results made to order."""
    results = MadeResults(
        asked(list(problems), ["ref", "b"], axes or {}),
        {("compare", problem, backend): value for (problem, backend), value in found.items()}
        | (beside or {}),
        references={"compare": "ref"},
    )
    return get_study("comparison").conclude(results)


class TestWords:
    def test_some_temperatures_differ(self):
        conclusion = made({("a", "b"): compared([1e-6, 0.4], [0.5, 2.0])})
        (text,) = texts(conclusion)
        assert text == (
            "On a, b and ref are not the same ensemble at T = 0.5 (p = 2e-06 at best, told by correlations) "
            "and are not told apart at T = 2 (p = 0.4 at least)."
        )
        assert [(v.backend, v.text, v.tone) for v in conclusion.verdicts] == [
            ("ref", "reference", Tone.OPEN),
            ("b", "not the same at 1 of 2 T", Tone.BAD),
        ]

    def test_a_fitted_temperature_has_its_error(self):
        conclusion = made({("a", "b"): compared([0.3], [1.234], [0.056])})
        assert conclusion.verdicts[1].text == "same, T = 1.23(6)"
        assert conclusion.verdicts[1].tone is Tone.GOOD
        assert conclusion.bottom_line["ensemble"].text == (
            "Held against ref: b is not told apart (1 of 1 comparison, T = 1.23(6))."
        )

    def test_instances_count_all_and_are_told_as_shares(self):
        axes = {"a": [Axis("instance", (0, 1, 2, 3))]}
        results = [compared([p, 0.9], [0.5, 1.0]) for p in (0.5, 0.2, 1e-7, 0.9)]
        conclusion = made({("a", "b"): results}, axes=axes)
        assert len(table(conclusion, "verdicts")) == 8
        (share,) = table(conclusion, "instances")
        assert (share["n_instances"], share["n_same"]) == (4, 3)
        assert share["lowest_p"] == pytest.approx(8e-7)
        assert conclusion.verdicts[1].text == "same in 3 of 4"
        (text,) = texts(conclusion)
        assert "not told apart in 3 of 4 instances" in text

    def test_axes_are_places_and_columns(self):
        axes = {"a": [Axis("n_spins", (8, 16))]}
        conclusion = made({("a", "b"): [compared([0.5], [1.0]), None]}, axes=axes)
        rows = table(conclusion, "verdicts")
        assert [row["n_spins"] for row in rows] == [8, None]
        assert "On a, n_spins = 8, b and ref" in texts(conclusion)[0]
        assert rows[1]["verdict"] == "not compared: 1 of 2 points could not be sampled or measured"

    def test_many_cells_are_summed_up_and_weigh_less(self):
        problems = [f"p{k}" for k in range(20)]
        found = {(p, "b"): compared([1e-9 if p == "p3" else 0.5], [1.0]) for p in problems}
        conclusion = made(found, problems=problems)
        (section,) = conclusion.sections
        first, *rest = section.findings
        assert first.text == (
            "b and ref were compared 20 times on 20 problems: not the same ensemble in 1 (p at most 0.05 "
            "after correction), not told apart in 19."
        )
        assert len(rest) == 20
        assert first.weight > 1 > max(finding.weight for finding in rest)
        heaviest = max(rest, key=lambda finding: finding.weight)
        assert "On p3," in heaviest.text

    def test_doubtful_samples_are_told_by_code(self):
        doubt = Remark("r-hat-energy", "chains disagree")
        other = Remark("few-draws", "R-hat and effective samples cannot be told")
        diagnostics = xr.Dataset(attrs={"remarks": json.dumps([doubt.plain(), other.plain()])})
        conclusion = made(
            {("a", "b"): compared([0.5], [1.0])}, beside={("chain_diagnostics", "a", "ref"): diagnostics}
        )
        (row,) = table(conclusion, "verdicts")
        assert row["verdict"].endswith("; ref warns: chains disagree")
        assert conclusion.verdicts[1].tone is Tone.OPEN

    def test_mean_overlaps_stand_beside_the_verdict(self):
        def curve(q):
            return xr.Dataset(
                {"q_abs": ("beta", q), "q_abs_error": ("beta", [0.01, 0.01])},
                coords={"beta": [0.5, 1.0], "temperature": ("beta", [2.0, 1.0])},
            )

        conclusion = made(
            {("a", "b"): compared([1e-6, 0.4], [2.0, 1.0])},
            beside={
                ("overlap_curve", "a", "b"): curve([0.3, 0.9]),
                ("overlap_curve", "a", "ref"): curve([0.3, 0.5]),
            },
        )
        (text,) = texts(conclusion)
        assert "Mean |q| differs by more than 4 standard errors at 1 of 2 temperatures, most at T = 1" in text


class TestFigures:
    def pairs(self, n):
        rng = np.random.default_rng(1)
        found = []
        for k in range(n):
            first, second = (rng.choice(np.array([-1, 1], np.int8), size=(20, 8 + 2 * (k % 2))) for _ in "ab")
            overlaps = cross_overlaps(first, second)
            matrix = overlap_matrix(np.concatenate([first, second]))
            order = ("configuration", np.arange(40))
            found.append(
                overlaps.assign(matrix=(("configuration", "other"), matrix), order=order, temperature=1.0)
            )
        return found

    def concluded(self, n):
        problems = [f"p{k}" for k in range(n)]
        found = {(p, "b"): compared([1e-9 if p == "p3" else 0.5], [1.0]) for p in problems}
        pairs = {("cross_overlaps", p, "b"): pair for p, pair in zip(problems, self.pairs(n), strict=True)}
        return made(found, problems=problems, beside=pairs)

    def test_few_pairs_have_panels_of_their_own(self):
        conclusion = self.concluded(6)
        (figure,) = conclusion.sections[0].figures
        assert (len(figure.panels), figure.is_folded) == (12, True)
        assert draw(figure).svg
        assert conclusion.datasets["overlap_matrices"].sizes["pair"] == 6

    def test_many_pairs_are_rows_of_one_figure_and_the_clearest_have_panels(self):
        conclusion = self.concluded(30)
        all_of_them, clearest = conclusion.sections[0].figures
        assert "a row for each of 30 pairs" in all_of_them.caption
        assert len(all_of_them.panels) == 3
        assert clearest.caption.startswith("p3, T = 1: ")
        assert draw(all_of_them).svg
        assert conclusion.datasets["overlap_matrices"].sizes["pair"] == 30

    def test_energies_of_many_problems_stand_in_one_panel(self):
        def energies(n_problems):
            curve = xr.Dataset({"cumulative": ("energy", [0.5, 1.0])}, {"energy": [-1.0, -0.9]})
            problems = [f"p{k}" for k in range(n_problems)]
            own = {("energy_distribution", p, b): curve for p in problems for b in ("ref", "b")}
            (section,) = made({}, problems=problems, beside=own).sections
            return section.figures

        assert [len(figure.panels) for figure in energies(14)] == [12, 2]
        (figure,) = energies(40)
        assert len(figure.panels) == 1
        assert draw(figure).svg


def test_holm_is_a_family_wise_error():
    """Of true hypotheses, one or more is rejected in 5 % of tables at most."""
    rng = np.random.default_rng(1)
    tables = rng.random((2_000, 30))
    wrong = np.mean([min(holm(p)) <= 0.05 for p in tables])
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)
    assert wrong >= 0.05 - 3 * math.sqrt(0.05 * 0.95 / 2_000)


def test_a_level_is_that_of_the_corrected_p_value():
    rows = [Row("a", "ref", "b", {}, "", temperature=1.0, p_value=p) for p in (0.02, 0.03, 0.5)]
    assert [row.is_other for row in judged(rows, 0.05)] == [False, False, False]
    assert [row.is_other for row in judged(rows, 0.07)] == [True, True, False]


def test_samples_that_stopped_at_an_energy_are_held_against_nothing(tmp_path):
    tempering = {"name": "tempering", "betas": [0.3, 0.6, 1.0], "n_replicas": 8, "n_sweeps": 100}
    backends = {"tempering": tempering, "easy": {**tempering, "target_energy": -8.0}}
    found, failures = ran(
        tmp_path,
        {
            "problems": {"glass": {"kind": "edwards_anderson", "shape": [3, 3], "seed": 1}},
            "backends": backends,
            "studies": {"comparison": {}, "overlaps": {}},
        },
    )
    assert not failures
    rows = [row for row in table(found["comparison"], "verdicts") if row["backend"] == "easy"]
    assert rows
    assert all("they follow no distribution" in row["verdict"] for row in rows)
    assert not any("differ" in text or "ensemble" in text for text in texts(found["comparison"]))
    assert not any("mean |q| of tempering and easy" in text for text in texts(found["overlaps"]))
    assert any("easy states no temperature" in text for text in texts(found["overlaps"]))
