"""The study of sizes: which problems belong together, where curves cross, and how they collapse."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from made_results import DEVICE, ONE_REPLICA, THERMOSTAT, MadeResults, asked
from ran import has_line, ran, table, texts

from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_source, get_study
from qspin.studies.finite_size.sizes import families_of, points_of
from qspin.study import Axis

T = np.array([2.0, 1.6, 1.3, 1.1, 0.9, 0.7, 0.5])


def glass(n_spins=8, **settings):
    return get_source("sherrington_kirkpatrick", n_spins=n_spins, **settings)


def lattice(length, **settings):
    return get_source("edwards_anderson", shape=[length] * 3, **settings)


class TestFamilies:
    def test_an_axis_of_sizes(self):
        lines = asked(
            {"a": glass(), "b": glass(12)}, ["x"], {"a": [Axis("n_spins", (8, 16)), Axis("instance", (0, 1))]}
        )
        (family,) = families_of(lines)
        assert (family.name, dict(family.problems), family.axis) == ("a", {"a": None}, "n_spins")

    def test_an_axis_that_changes_something_else(self):
        lines = asked({"a": glass()}, ["x"], {"a": [Axis("seed", (1, 2))]})
        assert families_of(lines) == []

    def test_an_axis_of_a_name_of_its_own(self):
        lines = asked({"a": glass()}, ["x"], {"a": [Axis("load", (8, 16))]})
        assert families_of(lines) == []
        (family,) = families_of(lines, "load")
        assert family.axis == "load"

    def test_problems_of_one_kind(self):
        lines = asked({"L2": lattice(2, seed=1), "L3": lattice(3, seed=9), "alone": glass()}, ["x"])
        (family,) = families_of(lines)
        assert dict(family.problems) == {"L2": [2, 2, 2], "L3": [3, 3, 3]}

    def test_other_models_do_not_belong(self):
        lines = asked({"a": lattice(2), "b": lattice(3, couplings="bimodal")}, ["x"])
        assert families_of(lines) == []

    def test_two_families_of_one_kind(self):
        problems = {"a": lattice(2), "b": lattice(3, couplings="bimodal"), "c": lattice(3)}
        problems["d"] = lattice(2, couplings="bimodal")
        lines = asked(problems, ["x"])
        assert [list(family.problems) for family in families_of(lines)] == [["a", "c"], ["b", "d"]]

    def test_sides_that_differ_are_told_by_the_number_of_spins(self):
        axes = {"a": [Axis("shape", ([2, 2, 2], [3, 3, 2]))]}
        lines = asked({"a": lattice(2)}, {"x": THERMOSTAT}, axes)
        (family,) = families_of(lines)
        found = {("overlap_curve", "a", "x"): [curve(8), curve(18)]}
        cells = MadeResults(lines, found).cells("overlap_curve")
        assert set(points_of(family, cells)["x", ""]) == {8, 18}


class TestPlan:
    sizes = {"a": [Axis("n_spins", (8, 16)), Axis("instance", (0, 1))]}

    def test_every_size_is_sampled_at_shared_temperatures(self):
        plan = get_study("finite_size").plan(
            asked({"a": glass()}, {"x": THERMOSTAT, "y": DEVICE}, self.sizes)
        )
        assert [(w.measure, w.problem, w.backend) for w in plan.wanted] == [("overlap_curve", "a", "x")]
        assert plan.shares_ladders

    def test_one_size_is_no_family(self):
        with pytest.raises(InputError, match="finite_size compares sizes, and there is one of each problem"):
            get_study("finite_size").plan(asked({"a": glass()}, {"x": THERMOSTAT}))

    def test_single_instances_of_a_disorder_are_no_sizes_of_one_model(self):
        sizes = {"a": [Axis("n_spins", (8, 16))]}
        with pytest.raises(
            InputError, match="averages over the disorder, .* give the problems instances: 20"
        ):
            get_study("finite_size").plan(asked({"a": glass()}, {"x": THERMOSTAT}, sizes))

    def test_a_model_without_disorder_needs_no_instances(self):
        square = get_source("lattice_ferromagnet", shape=[4, 4])
        sizes = {"a": [Axis("shape", ([4, 4], [6, 6]))]}
        assert get_study("finite_size").plan(asked({"a": square}, {"x": THERMOSTAT}, sizes)).wanted

    @pytest.mark.parametrize(
        ("sampler", "need"),
        [
            (DEVICE, "x has no samples at temperatures that it sets, no two or more"),
            (ONE_REPLICA, "independent copies"),
        ],
    )
    def test_which_need_which_backend(self, sampler, need):
        with pytest.raises(InputError, match=need):
            get_study("finite_size").plan(asked({"a": glass()}, {"x": sampler}, self.sizes))

    def test_correlation_lengths_are_asked_for(self):
        axes = {label: [Axis("instance", (0, 1))] for label in "ab"}
        lines = asked({"a": lattice(2), "b": lattice(3)}, {"x": THERMOSTAT}, axes)
        plan = get_study("finite_size", correlation_length=True).plan(lines)
        assert {w.measure for w in plan.wanted} == {"overlap_curve", "correlation_length"}


def binder(size, t_c=1.0, nu=1.0):
    """Of a transition: curves cross at T_c, and are one over (T - T_c) L^(1/nu)."""
    return 0.5 - 0.3 * np.tanh((T - t_c) * size ** (1 / nu) / 30)


def curve(size, seed=None, error=0.01):
    noise = 0 if seed is None else 0.02 * np.random.default_rng((size, seed)).normal(size=len(T))
    q2 = np.full(len(T), 0.25)
    g = binder(size) + noise
    return xr.Dataset(
        {
            "q2": ("beta", q2),
            "q4": ("beta", (3 - 2 * g) * q2**2),
            "binder": ("beta", g),
            "binder_error": ("beta", np.full(len(T), error)),
        },
        coords={"beta": 1 / T, "temperature": ("beta", T)},
        attrs={"n_spins": size},
    )


def concluded(sizes, n_instances=None, **settings):
    axes = [Axis("n_spins", sizes)] + ([Axis("instance", tuple(range(n_instances)))] if n_instances else [])
    lines = asked({"a": glass()}, {"x": THERMOSTAT}, {"a": axes})
    seeds = range(n_instances) if n_instances else [None]
    results = MadeResults(lines, {("overlap_curve", "a", "x"): [curve(n, k) for n in sizes for k in seeds]})
    return get_study("finite_size", **settings).conclude(results)


class TestCrossings:
    def test_of_instances(self):
        found = concluded((8, 16, 32), 20)
        rows = table(found, "crossings")
        assert [(row["small"], row["large"]) for row in rows] == [(8, 16), (16, 32), (8, 32)]
        for row in rows:
            assert abs(row["temperature"] - 1) < 4 * row["temperature_error"]
            assert row["share"] > 0.9
        assert texts(found)[0].startswith("With x, Binder ratios of a, sizes 8 and 16, cross at T = ")
        heaviest = max(found.sections[0].findings, key=lambda finding: finding.weight)
        assert "sizes 8 and 32" in heaviest.text

    def test_of_one_instance_each(self):
        """Of a pure system errors are those over replicas."""
        (row,) = table(concluded((8, 32)), "crossings")
        assert row["temperature"] == pytest.approx(1.0, abs=0.03)
        assert 0 < row["temperature_error"] < 0.2

    def test_what_is_drawn_is_kept(self):
        found = concluded((8, 16), 5)
        (figure,) = found.sections[0].figures
        assert draw(figure).svg
        kept = found.datasets["binder-a-x"]
        assert kept["binder"].dims == ("size", "temperature")
        assert kept["n_instances"].values.tolist() == [5, 5]
        mean = np.mean([curve(8, k)["q4"].values for k in range(5)], axis=0)
        np.testing.assert_allclose(kept["binder"].sel(size=8), (3 - mean / 0.25**2) / 2)

    def test_crossings_stand_beside_the_transition_that_theory_knows(self):
        """In words and columns, in standard errors of the crossing."""
        found = concluded((8, 16), 5)
        (row,) = table(found, "crossings")
        off = (row["temperature"] - 1) / row["temperature_error"]
        assert (row["theory_temperature"], row["deviation_temperature"]) == (1, pytest.approx(off))
        side = "below" if off > 0 else "above"
        (told,) = [text for text in texts(found) if "resampled averages" in text]
        assert told.endswith(f"; T_c = 1 by theory lies {abs(off):.1f} standard errors {side}.")
        assert sum(text.startswith("Theory has T_c = 1") for text in texts(found)) == 1
        without = concluded((8, 16), 5, theory="none")
        assert not any("by theory" in text or "Theory has" in text for text in texts(without))

    def test_the_bottom_line_is_the_widest_pair(self):
        told = concluded((8, 16, 32), 20).bottom_line["glass"]
        assert "(a, sizes 8 and 32)" in told.text

    def test_a_collapse(self):
        """The curves are made of T_c = 1 and nu = 1."""
        (row,) = table(concluded((8, 16, 32), 20, collapse=True), "collapse")
        assert abs(row["t_c"] - 1) < 4 * row["t_c_error"]
        assert abs(row["nu"] - 1) < 4 * row["nu_error"]

    def test_sizes_that_failed_are_told(self):
        lines = asked({"a": glass()}, {"x": THERMOSTAT}, {"a": [Axis("n_spins", (8, 16))]})
        results = MadeResults(lines, {("overlap_curve", "a", "x"): [curve(8), None]})
        (text,) = texts(get_study("finite_size").conclude(results))
        assert text == (
            "Binder ratios of a with x cannot be compared: sizes that could be measured: 8; two are needed."
        )


LADDER = {"temperatures": [1.9, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.7]}


def test_the_square_ferromagnet_crosses_at_its_transition(tmp_path):
    """T_c = 2 / ln(1 + sqrt 2) = 2.269, by sampling; small sizes lie within a few percent of it."""
    data = {
        "problems": {"square": {"kind": "lattice_ferromagnet", "sizes": {"shape": [[4, 4], [8, 8]]}}},
        "backends": {
            "x": {"name": "tempering", "betas": LADDER, "n_replicas": 16, "n_sweeps": 6_000, "n_draws": 600}
        },
        "studies": {"finite_size": {"correlation_length": True}},
    }
    conclusions, failures = ran(tmp_path, data)
    assert not failures
    rows = table(conclusions["finite_size"], "crossings")
    assert [row["quantity"] for row in rows] == ["Binder ratios", "correlation lengths over L"]
    for row in rows:
        assert (row["small"], row["large"]) == (4, 8)
        assert abs(row["temperature"] - 2.269) < 0.06 + 4 * row["temperature_error"]


def test_nobody_is_told_of_sizes_who_did_not_ask(tmp_path):
    """As one of the standard studies it is left out; asked for by name it says what it needs."""
    data = {
        "problems": {"a": {"kind": "mattis", "n_spins": 4}},
        "backends": {"x": {"name": "exact", "betas": [0.5, 1.0]}},
    }
    conclusions, _ = ran(tmp_path / "standard", data)
    assert "finite_size" not in conclusions
    with pytest.raises(InputError, match=r"studies\.finite_size: finite_size compares sizes"):
        ran(tmp_path / "asked", {**data, "studies": {"finite_size": {}}})


class TestTheory:
    """Parisi's Binder ratio beside curves made to order: 0 above T = 1, and one line for all sizes."""

    def test_the_line_is_kept_drawn_and_told(self):
        found = concluded((8, 16), 5)
        kept = found.datasets["binder-a-x"]
        line = kept["theory_binder"]
        assert line.dims == ("size", "temperature")
        np.testing.assert_allclose(line.values[:, T >= 1], 0, atol=1e-9)
        assert ((line.values[:, T < 1] > 0.3) & (line.values[:, T < 1] < 1)).all()
        np.testing.assert_allclose(line[0], line[1])
        off = (kept["binder"] - line) / kept["binder_error"]
        np.testing.assert_allclose(kept["deviation_binder"], off)
        (figure,) = found.sections[0].figures
        assert has_line(figure)
        told = [text for text in texts(found) if "off theory" in text]
        assert told[-1].startswith("binder of a, x, size 16 is more than 4 standard errors off theory")

    def test_none_where_none_is_asked_for_or_known(self):
        assert "theory_binder" not in concluded((8, 16), 5, theory="none").datasets["binder-a-x"]
        problems = {"L2": lattice(2), "L3": lattice(3)}
        axes = {label: [Axis("instance", (0, 1))] for label in problems}
        results = MadeResults(
            asked(problems, {"x": THERMOSTAT}, axes),
            {
                ("overlap_curve", label, "x"): [curve(n, 0), curve(n, 1)]
                for label, n in (("L2", 8), ("L3", 27))
            },
        )
        (kept,) = get_study("finite_size").conclude(results).datasets.values()
        assert "theory_binder" not in kept
        assert "binder" in kept

    def test_problems_of_one_kind_have_the_line_of_each(self):
        problems = {"small": glass(8), "large": glass(16)}
        axes = {label: [Axis("instance", (0, 1))] for label in problems}
        results = MadeResults(
            asked(problems, {"x": THERMOSTAT}, axes),
            {
                ("overlap_curve", label, "x"): [curve(n, 0), curve(n, 1)]
                for label, n in (("small", 8), ("large", 16))
            },
        )
        (kept,) = get_study("finite_size").conclude(results).datasets.values()
        assert kept["theory_binder"].sizes["size"] == 2
