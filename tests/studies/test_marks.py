"""Temperatures that theory knows: of which kinds, beside which curves, and how they are told."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from ran import texts

from qspin import plot, theory
from qspin.errors import InputError
from qspin.networks import critical_temperature, twin_from_weights
from qspin.networks.inspection import marks as of_networks
from qspin.plot.canvas import draw
from qspin.registry import get_source, get_study
from qspin.source import Mark, Source, settings
from qspin.studies.lines import mark_beside, marked, marks_at, marks_in
from qspin.study import Axis


def marks_of(kind, **settings):
    """Of a kind whose couplings are not asked for."""

    def refused():
        raise AssertionError("the problem was built")

    return {mark.symbol: mark for mark in get_source(kind, **settings).marks(refused)}


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "given", "temperature"),
        [
            ("sherrington_kirkpatrick", {"n_spins": 9}, 1.0),
            ("mattis", {"n_spins": 9}, 1.0),
            ("lattice_ferromagnet", {"shape": [8, 8]}, 2.269185),
            ("lattice_ferromagnet", {"shape": [8, 9], "periodic": False}, 2.269185),
            ("lattice_ferromagnet", {"shape": [4, 4, 4]}, 4.511523),
            ("maxcut_regular", {"n_spins": 10, "degree": 3}, 1.134593),
            ("edwards_anderson", {"shape": [4, 4, 4], "couplings": "bimodal"}, 1.1019),
            ("edwards_anderson", {"shape": [4, 4, 4]}, 0.951),
        ],
    )
    def test_one_transition(self, kind, given, temperature):
        (mark,) = marks_of(kind, **given).values()
        assert mark.symbol == "T_c"
        assert mark.temperature == pytest.approx(temperature, abs=1e-6)
        assert mark.error >= 0

    @pytest.mark.parametrize(
        ("kind", "given"),
        [
            ("lattice_ferromagnet", {"shape": [20]}),
            ("lattice_ferromagnet", {"shape": [2, 20]}),
            ("edwards_anderson", {"shape": [8, 8]}),
            ("edwards_anderson", {"shape": [4, 4, 4], "couplings": "seven_bit"}),
            ("maxcut_regular", {"n_spins": 8, "degree": 2}),
            ("hopfield", {"n_spins": 8, "n_patterns": 0}),
            ("wishart", {"n_spins": 8, "alpha": 0.5}),
            ("sherrington_kirkpatrick", {"n_spins": 9, "clamp": {"0": 1}}),
        ],
    )
    def test_none_is_known(self, kind, given):
        assert marks_of(kind, **given) == {}

    def test_a_memory_has_three_below_its_capacity(self):
        found = marks_of("hopfield", n_spins=100, n_patterns=5)
        lines = theory.hopfield_phase_diagram([0.05])
        names = {"T_g": "spin_glass", "T_M": "retrieval", "T_c": "ground_state"}
        for symbol, name in names.items():
            assert found[symbol].temperature == pytest.approx(float(lines[name][0]))
        assert marks_of("hopfield", n_spins=10, n_patterns=5).keys() == {"T_g"}

    def test_a_source_with_nothing_clamped_has_those_of_the_whole(self):
        assert marks_of("mattis", n_spins=9, clamp={}) == marks_of("mattis", n_spins=9)


class TestNetworks:
    def problem(self, biases=0.0, n=40):
        rng = np.random.default_rng(1)
        weights = [rng.normal(size=(n, n)) / np.sqrt(n) for _ in range(2)]
        return twin_from_weights(weights, [np.full(n, biases)] * 2, scale="none")

    @pytest.mark.parametrize("kind", ["mlp", "model", "trained", "network"])
    def test_all_kinds_of_twins_have_them(self, kind):
        pytest.importorskip("torch")
        from qspin.registry import SOURCE, class_of

        assert class_of(SOURCE, kind).names_theory()

    def test_by_tap_of_the_very_couplings(self):
        problem = self.problem()
        (mark,) = of_networks.critical_marks(None, lambda: problem)
        assert mark.temperature == pytest.approx(float(theory.tap_transition(problem).critical_temperature))
        assert "by TAP" in mark.told
        (with_fields,) = of_networks.critical_marks(None, lambda: self.problem(biases=0.5))
        assert with_fields.temperature == pytest.approx(mark.temperature)
        assert "fields left out" in with_fields.told

    def test_by_the_formula_where_there_are_many(self, monkeypatch):
        monkeypatch.setattr(of_networks, "_MOST_COUPLINGS", 100)
        (mark,) = of_networks.critical_marks(None, self.problem)
        assert mark.temperature == pytest.approx(critical_temperature([40] * 3, [1 / 40] * 2), rel=0.05)
        assert "drawn at random" in mark.told

    def test_none_without_couplings(self):
        assert of_networks.critical_marks(None, get_source("mattis", n_spins=1).outline) == []


@settings
class Coupled(Source):
    """Its mark is its largest coupling times N: it depends on the problem."""

    n_spins: int = 4
    seed: int = 0

    def build(self, prepared):
        return get_source("sherrington_kirkpatrick", n_spins=self.n_spins, seed=self.seed).build({})

    def marks(self, problem):
        return [Mark("T_c", float(np.abs(problem().edges.couplings).max()), "that of its couplings")]


@settings
class Unreachable(Coupled):
    """Its formulas do not reach."""

    def marks(self, problem):
        raise InputError("too far")


class Built(MadeResults):
    """Problems by instance."""

    def problem(self, label, at={}):  # noqa: B006
        return Coupled(seed=at.get("instance", 0)).build({})


def largest(seed):
    return float(np.abs(Coupled(seed=seed).build({}).edges.couplings).max())


class TestPlaces:
    def test_marks_of_couplings_are_means_over_instances(self):
        axes = {"a": [Axis("instance", tuple(range(12)))]}
        (mark,) = marks_at(Built(asked({"a": Coupled()}, ["x"], axes), {}), "a", {})
        values = [largest(seed) for seed in range(8)]
        assert mark.temperature == pytest.approx(np.mean(values))
        assert mark.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(8))
        assert mark.told.endswith("mean of 8 of 12 instances")

    def test_an_instance_on_its_own_has_its_own(self):
        axes = {"a": [Axis("instance", tuple(range(12)))]}
        (mark,) = marks_at(Built(asked({"a": Coupled()}, ["x"], axes), {}), "a", {"instance": 7})
        assert (mark.temperature, mark.error) == (largest(7), 0.0)

    def test_none_where_formulas_do_not_reach(self):
        assert marks_at(Built(asked({"a": Unreachable()}, ["x"]), {}), "a", {}) == []

    def test_they_follow_the_axes_of_a_sweep(self):
        axes = {"a": [Axis("degree", (3, 4))]}
        results = MadeResults(
            asked({"a": get_source("maxcut_regular", n_spins=10, degree=3)}, ["x"], axes), {}
        )
        for degree in (3, 4):
            (mark,) = marks_at(results, "a", {"degree": degree})
            assert mark.temperature == pytest.approx(theory.cavity_transition(degree).glass_temperature)

    def test_they_come_back_from_a_result(self):
        marks = [Mark("T_c", 1.0, "exact"), Mark("T_g", 2.0, "measured", 0.1)]
        measured = curve([0.5, 1.0])
        assert marks_in(marked(measured, marks)) == marks
        assert marked(measured, []) is measured
        assert marks_in(measured) == []

    def test_the_nearest_one_is_told_of_a_temperature(self):
        marks = [Mark("T_c", 1.0, "exact"), Mark("T_g", 2.0, "measured", 0.03)]
        nearest, off = mark_beside(marks, 1.9, 0.04)
        assert nearest.symbol == "T_g"
        assert off == pytest.approx(-2)
        assert mark_beside(marks, 1.9, 0.0) is None
        assert mark_beside(marks, np.nan, 0.1) is None
        assert mark_beside([], 1.9, 0.1) is None


def curve(temperatures):
    t = np.array(temperatures, dtype=float)
    own = {"energy": ("beta", -1 / t), "energy_error": ("beta", np.full(len(t), 0.01))}
    return xr.Dataset(own, coords={"beta": 1 / t, "temperature": ("beta", t)})


def energies(problems, **given):
    results = {("found", label, "x"): curve([0.5, 1.0, 2.0]) for label in problems}
    study = get_study("measured", measure="energy_curve", **given)
    return study.conclude(MadeResults(asked(problems, ["x"]), results))


class TestReports:
    problems = {
        "glass": get_source("sherrington_kirkpatrick", n_spins=8),
        "memory": get_source("hopfield", n_spins=100, n_patterns=5),
    }

    def test_they_are_kept_drawn_and_told(self):
        found = energies(self.problems)
        assert found.datasets["glass-x"].theory_mark.values.tolist() == [1.0]
        assert found.datasets["memory-x"].mark.values.tolist() == ["T_g", "T_M", "T_c"]
        (told,) = [text for text in texts(found) if text.startswith("Theory has T_c = 1 of")]
        assert told == (
            "Theory has T_c = 1 of glass: the transition to a glass of infinitely many spins (Sherrington, "
            "Kirkpatrick 1975)."
        )
        assert draw(found.sections[0].figures[0]).svg
        assert not any("mark" in column.key for table in found.sections[0].tables for column in table.columns)

    def test_several_values_of_one_mark_are_one_sentence(self):
        problems = {k: get_source("maxcut_regular", n_spins=20, degree=d) for k, d in (("a", 3), ("b", 4))}
        (told,) = [text for text in texts(energies(problems)) if "Theory has" in text]
        assert told.startswith("Theory has T_c = 1.13459 of a, 1.51865 of b: the transition")

    def test_what_all_points_of_a_sweep_have_is_told_once(self):
        axes = {"a": [Axis("n_spins", (20, 40))], "b": [Axis("degree", (3, 4))]}
        problems = {k: get_source("maxcut_regular", n_spins=20, degree=3) for k in "ab"}
        cells = {("found", k, "x"): [curve([0.5, 2.0])] * 2 for k in problems}
        study = get_study("measured", measure="energy_curve")
        found = study.conclude(MadeResults(asked(problems, ["x"], axes), cells))
        (told,) = [text for text in texts(found) if "Theory has" in text]
        assert told.startswith("Theory has T_c = 1.13459 of a, b · degree = 3, 1.51865 of b · degree = 4:")

    def test_none_where_none_is_asked_for(self):
        found = energies(self.problems, theory="none")
        assert "theory_mark" not in found.datasets["glass-x"]
        assert not any("Theory has" in text for text in texts(found))


class TestFigure:
    def drawn(self, curves):
        ax = plt.figure().subplots()
        plot.theory_marks(curves, "theory_mark", plot.quantity(curves, "energy", ax))
        lines = {line.get_label(): line for line in ax.lines if "theory" in str(line.get_label())}
        return ax, lines

    def test_what_all_have_is_grey_and_has_its_value(self):
        own = marked(curve([0.5, 2.0]), [Mark("T_c", 1.0, "exact")])
        _, lines = self.drawn({"a": own, "b": own})
        (line,) = lines.items()
        assert line[0] == "$T_c$ = 1 by theory"
        assert line[1].get_color() == "0.35"

    def test_each_has_its_own_colour(self):
        curves = {
            name: marked(curve([0.5, 2.0]), [Mark("T_c", t, "exact", 0.1)])
            for name, t in (("a", 0.7), ("b", 1.2))
        }
        ax, lines = self.drawn(curves)
        assert list(lines) == ["$T_c$ of each by theory"]
        upright = [line for line in ax.lines if len(set(line.get_xdata())) == 1]
        assert [line.get_xdata()[0] for line in upright] == [0.7, 1.2]
        assert len({line.get_color() for line in upright}) == 2

    def test_far_from_the_curves_there_is_none(self):
        ax, lines = self.drawn({"a": marked(curve([0.5, 2.0]), [Mark("T_c", 4.0, "exact")])})
        assert not lines
        assert ax.get_xlim()[1] < 3
