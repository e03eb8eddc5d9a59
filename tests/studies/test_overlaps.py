"""The study of overlaps: its words against curves made to order, its plan, its tables and figures."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from made_results import DEVICE, ONE_REPLICA, THERMOSTAT, MadeResults, asked
from ran import has_line

from qspin.errors import InputError
from qspin.plot.canvas import draw
from qspin.registry import get_source, get_study
from qspin.study import Axis, BackendLine, ProblemLine

T = np.array([4.0, 2.0, 1.0, 0.5])


def curve(q, error=0.01, temperatures=T):
    beta = 1 / np.asarray(temperatures, float)
    q = np.asarray(q, float)
    return xr.Dataset(
        {"q_abs": ("beta", q), "q_abs_error": ("beta", np.full(q.shape, error))},
        coords={"beta": beta, "temperature": ("beta", 1 / beta)},
        attrs={"n_spins": 16},
    )


def energies(curve):
    """Of the same temperatures, and whatever the curve says of them."""
    energy = xr.Dataset({"energy": ("beta", [-0.1, -0.2, -0.6, -0.9][: curve.sizes["beta"]])})
    others = curve.drop_vars([name for name in curve.data_vars if name.startswith("q_")])
    return energy.assign(energy_error=("beta", [0.01] * curve.sizes["beta"])).merge(others)


def concluded(curves, axes={}, **settings):  # noqa: B006
    """From (problem, backend) -> mean |q|."""
    problems, backends = ([*dict.fromkeys(key[k] for key in curves)] for k in (0, 1))
    found = {("overlap_curve", *key): own for key, own in curves.items()}
    found |= {
        ("energy_curve", *key): [energies(d) for d in own] if isinstance(own, list) else energies(own)
        for key, own in curves.items()
    }
    results = MadeResults(asked(problems, backends, axes), found)
    return get_study("overlaps", **{"theory": "none", **settings}).conclude(results)


def texts(curves, axes={}):  # noqa: B006
    (section,) = concluded(curves, axes).sections
    return [finding.text for finding in section.findings]


def say(a, b):
    return texts({("a", "exact"): a, ("b", "exact"): b})


class TestProblems:
    def test_equal_curves_are_said_to_agree(self):
        (text,) = say(curve([0.1, 0.2, 0.5, 0.8]), curve([0.11, 0.2, 0.5, 0.82]))
        assert "a and b agree within 4 standard errors at all 4 shared temperatures" in text
        assert "largest difference is 0.02(1)" in text

    def test_differences_have_a_side_and_a_range(self):
        (text,) = say(curve([0.1, 0.2, 0.5, 0.9]), curve([0.3, 0.21, 0.2, 0.5]))
        assert "at 3 of 4 temperatures" in text
        assert "a lies above b at T = 0.5 to 1 and a lies below b at T = 4." in text
        assert "largest at T = 0.5, 0.90(1) against 0.50(1)" in text

    def test_no_error_bar_no_claim(self):
        (text,) = say(curve([0.1] * 4, error=np.nan), curve([0.9] * 4))
        assert "cannot be told apart with certainty" in text

    def test_only_shared_temperatures_are_compared(self):
        assert say(curve([1] * 4), curve([1], temperatures=[7.0])) == [
            "Nothing can be compared: no two curves share a temperature."
        ]

    def test_ladders_of_their_own_are_interpolated(self):
        def smooth(temperatures, shift=1.0):
            t = np.asarray(temperatures, float)
            return curve(1 / (1 + (t / shift) ** 3), error=0.004, temperatures=t)

        one, other = np.geomspace(0.3, 4, 4)[::-1], np.geomspace(0.31, 3.9, 4)[::-1]
        (text,) = say(smooth(one), smooth(other))
        assert "temperatures from T = " in text
        assert "one curve interpolated" in text
        (text,) = say(smooth(one, 1.0), smooth(other, 2.5))
        assert "differ by more than 4 standard errors" in text

    def test_many_are_one_sentence_and_the_heaviest(self):
        """All of them are in the table."""
        curves = {(f"p{k}", "x"): curve([0.1, 0.2, 0.3 + 0.1 * (k == 7), 0.8]) for k in range(12)}
        (section,) = concluded(curves).sections
        first, *others = section.findings
        assert first.text.startswith(
            "With x, mean |q| differs by more than 4 standard errors in 11 of 66 comparisons, most between "
        )
        assert "p7" in first.text
        assert first.text.endswith("0.30(1) against 0.40(1) and agrees within them in 55.")
        assert len(others) == 6
        assert all(other.weight < first.weight / 2 for other in others)
        (pairs,) = [table for table in section.tables if table.name == "pairs"]
        assert len(pairs.rows) == 66
        assert sum(row["n_differing"] > 0 for row in pairs.rows) == 11

    def test_points_of_an_axis_are_held_against_each_other_and_against_the_same_of_other_problems(self):
        axes = {"a": [Axis("n", (8, 16))], "b": [Axis("n", (8, 16))]}
        found = {("a", "x"): [curve([0.1] * 4), curve([0.5] * 4)], ("b", "x"): [curve([0.9] * 4)] * 2}
        told = texts(found, axes)
        assert len(told) == 4
        assert sum("a · n = 8 and b · n = 8" in text for text in told) == 1
        assert not any("a · n = 8 and b · n = 16" in text for text in told)


class TestBackends:
    def test_backends_are_compared_on_the_same_problem(self):
        (text,) = texts({("a", "one"): curve([0.1] * 4), ("a", "two"): curve([0.3] * 4)})
        assert text.startswith("On a, mean |q| of one and two differ")

    def test_many_problems_are_counted(self):
        found = {
            (f"p{k}", b): curve([0.1, 0.2, 0.3, 0.8 + 0.1 * (b == "two")])
            for k in range(8)
            for b in ("one", "two")
        }
        told = texts(found)
        assert told[0] == (
            "Mean |q| of one and two differs by more than 4 standard errors in 8 of 8 comparisons, most on "
            "p0 at T = 0.5, 0.80(1) against 0.90(1)."
        )

    def test_a_backend_without_any_temperature(self):
        unknown = curve([0.3], temperatures=[np.nan])
        assert any(
            text.startswith("two states no temperature") and "mean |q| is 0.30(1) for a" in text
            for text in texts({("a", "one"): curve([0.1] * 4), ("a", "two"): unknown})
        )


def device(q, temperatures, spread=0.1, error=0.02):
    """A curve of an annealer: no thermostat, temperatures measured."""
    temperatures = np.asarray(temperatures, float)
    n = len(temperatures)
    return xr.Dataset(
        {
            "q_abs": ("beta", np.asarray(q, float)),
            "q_abs_error": ("beta", np.full(n, error)),
            "coupling_scale": ("beta", np.arange(1.0, n + 1)),
            "beta_effective": ("beta", np.where(np.isinf(temperatures), -0.1, 1 / temperatures)),
            "beta_effective_error": ("beta", spread / temperatures**2),
        },
        coords={
            "beta": np.full(n, np.nan),
            "temperature": ("beta", np.where(np.isinf(temperatures), np.nan, temperatures)),
            "temperature_error": ("beta", np.full(n, spread)),
        },
    )


def fit(betas, errors, reasons=None):
    n = len(betas)
    return xr.Dataset(
        {
            "beta_matched": ("beta", betas),
            "beta_matched_error": ("beta", errors),
            "reason": ("beta", reasons or [""] * n),
        },
        coords={"beta": np.full(n, np.nan)},
    )


def say_device(annealed, matched=None):
    curves = {"annealer": annealed, "tempering": curve([0.1, 0.2, 0.5, 0.8])}
    found = {("overlap_curve", "a", b): d for b, d in curves.items()}
    found |= {("energy_curve", "a", b): energies(d) for b, d in curves.items()}
    if matched is not None:
        found["effective_temperature", "a", "annealer"] = matched
    results = MadeResults(
        asked(["a"], ["annealer", "tempering"]), found, references={"effective_temperature": "tempering"}
    )
    (section,) = get_study("overlaps").conclude(results).sections
    return [finding.text for finding in section.findings]


class TestDevices:
    def test_measured_temperatures_are_told_by_scale(self):
        told = say_device(device([0.2] * 3, [2.0, np.nan, np.inf]))
        assert (
            "annealer has no thermostat. From its samples of a the effective temperature by "
            "pseudo-likelihood is 2.0(1) at coupling scale 1, unknown at coupling scale 2, infinite within "
            "its error at coupling scale 3."
        ) in told

    def test_a_device_that_agrees_with_tempering(self):
        text = " ".join(say_device(device([0.21, 0.5], [2.0, 1.0])))
        assert "at the 2 temperatures of annealer that tempering covers" in text
        assert "agrees with that of tempering within 4 standard errors" in text

    def test_a_device_that_does_not(self):
        text = " ".join(say_device(device([0.21, 0.1], [2.0, 1.0], spread=0.01)))
        assert (
            "differs from that of tempering by more than 4 standard errors at 1: most at T = 1, 0.10(2)"
            in text
        )
        assert "against 0.50(1)" in text

    def test_a_device_outside_the_ladder(self):
        assert "On a, annealer reached no known temperature that tempering covers." in say_device(
            device([0.2], [70.0])
        )

    def test_the_reference_says_where_samples_are(self):
        found = device([0.21, 0.5], [1.87, 0.9])
        told = say_device(found, fit([1 / 1.24, 1.0], [0.03, 0.03]))
        (reached,) = [text for text in told if "have the mean energy" in text]
        assert "have the mean energy of tempering at T = 1.24(5) at coupling scale 1, 1.00(3) at" in reached
        assert "(Its pseudo-likelihood alone would say 1.9(1) at coupling scale 1" in reached
        assert not any("at T = 1.87" in text for text in told)

    def test_where_it_cannot_there_is_a_reason(self):
        lost = fit([np.nan, np.nan], [np.nan, np.nan], ["too cold", "too cold"])
        told = say_device(device([0.21, 0.5], [1.87, 0.9]), lost)
        (reached,) = [text for text in told if "pseudo-likelihood" in text]
        assert "the effective temperature by pseudo-likelihood is 1.9(1)" in reached
        assert "It has no place on the ladder of tempering: too cold." in reached

    def test_many_problems_are_one_sentence(self):
        problems = [f"p{k}" for k in range(9)]
        found = {}
        for k, p in enumerate(problems):
            for b, d in (
                ("annealer", device([0.2], [1.0 + k / 10])),
                ("tempering", curve([0.1, 0.2, 0.5, 0.8])),
            ):
                found["overlap_curve", p, b] = d
                found["energy_curve", p, b] = energies(d)
            found["effective_temperature", p, "annealer"] = fit([1 / (1 + k / 10)], [0.03])
        results = MadeResults(
            asked(problems, ["annealer", "tempering"]),
            found,
            references={"effective_temperature": "tempering"},
        )
        (section,) = get_study("overlaps").conclude(results).sections
        heavy = [finding.text for finding in section.findings if finding.weight > 0.3]
        assert (
            "annealer has no thermostat. Its samples of 9 problems have the mean energies of tempering at "
            "T = 1 to 1.8, and are put there."
        ) in heavy
        assert sum("differs by more" in text or "differs" in text for text in heavy) <= 3


class TestPlan:
    def wanted(self, settings=None, **samplers):
        lines = asked({"a": get_source("mattis", n_spins=4)}, samplers)
        return get_study("overlaps", **(settings or {})).plan(lines).wanted

    def test_every_cell_has_its_curves(self):
        assert {wanted.measure for wanted in self.wanted(x=THERMOSTAT)} == {
            "overlap_curve", "overlap_distribution", "link_overlap_curve", "energy_curve", "record",
        }  # fmt: skip

    def test_links_can_be_left_out(self):
        measures = {wanted.measure for wanted in self.wanted({"links": False}, x=THERMOSTAT)}
        assert "link_overlap_curve" not in measures

    def test_one_replica_has_energies_alone(self):
        assert {wanted.measure for wanted in self.wanted(x=ONE_REPLICA)} == {"energy_curve", "record"}

    def test_devices_are_fitted_to_the_reference(self):
        (fitted,) = [wanted for wanted in self.wanted(device=DEVICE, x=THERMOSTAT) if wanted.reference]
        assert (fitted.measure, fitted.backend, fitted.reference) == ("effective_temperature", "device", "x")

    def test_devices_alone_are_fitted_to_nothing(self):
        assert not any(wanted.reference for wanted in self.wanted(device=DEVICE))

    @pytest.mark.parametrize("wrong", [[], [0.0], [1.0] * 7])
    def test_temperatures_are_a_few(self, wrong):
        with pytest.raises(InputError, match="temperatures"):
            get_study("overlaps", temperatures=wrong)


class TestPage:
    def distribution(self, own):
        shape = (own.sizes["beta"], 3)
        return xr.Dataset(
            {
                "density": (("beta", "q"), np.full(shape, 0.5)),
                "density_error": (("beta", "q"), np.full(shape, 0.01)),
                "width": ("q", np.full(3, 2 / 3)),
            },
            coords={"beta": own["beta"], "temperature": own["temperature"], "q": [-0.8, 0.0, 0.8]},
        )

    def section(self, problems, backends, **settings):
        found = {}
        for p in problems:
            for b in backends:
                own = curve([0.1, 0.2, 0.5, 0.8])
                found["overlap_curve", p, b] = own
                found["energy_curve", p, b] = energies(own)
                found["overlap_distribution", p, b] = self.distribution(own)
        conclusion = get_study("overlaps", **settings).conclude(MadeResults(asked(problems, backends), found))
        return conclusion.sections[0], conclusion

    def test_figures_of_one_backend_are_drawn(self):
        section, _ = self.section(["a", "b"], ["x"])
        assert [figure.name for figure in section.figures] == [
            "mean_overlap",
            "overlap_distribution",
            "energy",
        ]
        for figure in section.figures:
            assert draw(figure).svg.startswith(b"<?xml")
        assert "T = 0.5, T = 1, T = 4" in section.figures[1].caption

    def test_p_of_q_stands_where_it_is_asked_for(self):
        section, _ = self.section(["a"], ["x"], temperatures=[2.2, 0.4])
        assert "P(q), at T = 2, T = 0.5." in section.figures[1].caption

    def test_many_problems_are_panels_and_none_is_left_out(self):
        problems = [f"p{k}" for k in range(12)]
        section, _ = self.section(problems, ["x", "y", "z"])
        (mean,) = [figure for figure in section.figures if figure.name == "mean_overlap"]
        assert len(mean.panels) == 12
        assert not mean.is_folded
        distributions = [f for f in section.figures if f.name.startswith("overlap_distribution")]
        assert [figure.is_folded for figure in distributions] == [False, True, True]
        assert draw(mean).svg

    def test_the_table_tells_where_curves_begin_and_end(self):
        section, _ = self.section(["a"], ["x"])
        table = section.tables[0]
        (row,) = table.rows
        assert row["half"] == pytest.approx(1.0)
        assert (row["coldest"], row["q_abs"], row["energy"]) == (0.5, 0.8, -0.9)
        shown = dict(
            zip([c.heading or c.key for c in table.columns if c.is_shown], table.shown()[0], strict=True)
        )
        assert shown["mean |q| there"] == "0.80(1)"

    def test_what_is_shown_is_kept(self):
        _, conclusion = self.section(["a"], ["x", "y"])
        assert set(conclusion.datasets) == {"a-x", "a-y"}
        assert {"q_abs", "density", "energy"} <= set(conclusion.datasets["a-x"].data_vars)

    def test_the_bottom_line_does_not_say_too_much(self):
        _, conclusion = self.section(["a"], ["x"])
        told = conclusion.bottom_line["glass"]
        assert told.text.startswith("On cooling, mean |q| rises through 1/2 at T = 1.00(2) (a)")
        assert told.weight < 0.5

    def test_settings_that_differ_are_told(self):
        problems = {
            "a": get_source("mattis", n_spins=4, seed=1),
            "b": get_source("mattis", n_spins=4, seed=2),
        }
        lines = asked(problems, ["x"])
        assert isinstance(lines.problems["a"], ProblemLine)
        assert isinstance(lines.backends["x"], BackendLine)
        found = {("overlap_curve", p, "x"): curve([0.1] * 4) for p in problems}
        section = get_study("overlaps").conclude(MadeResults(lines, found)).sections[0]
        assert "a, b differ in seed (1, 2)." in section.notes


class TestTheory:
    def found(self, **settings):
        """Of a Mattis model, whose overlaps are m^2 and energies -m^2 / 2, m = tanh(m / T)."""
        return concluded({("a", "x"): curve([0.1, 0.2, 0.5, 0.9])}, theory="auto", **settings)

    def test_curves_have_lines_and_distances(self):
        kept = self.found().datasets["a-x"]
        m = np.sqrt(kept["theory_q_abs"].values)
        np.testing.assert_allclose(m, np.tanh(m / T), atol=1e-9)
        np.testing.assert_allclose(kept["theory_energy"], -(m**2) / 2)
        # a size lies above a line of 0 in every finite system: that is no distance
        expected = np.where(m > 0, (kept["q_abs"] - m**2) / 0.01, np.nan)
        np.testing.assert_allclose(kept["deviation_q_abs"], expected)

    def test_they_are_told_drawn_and_in_the_table(self):
        (section,) = self.found().sections
        off = [finding.text for finding in section.findings if "off theory" in finding.text]
        (text,) = off
        assert text.startswith("energy of a is more than 4 standard errors off theory")
        for figure in section.figures:
            if figure.name in ("mean_overlap", "energy"):
                assert has_line(figure)
        row = section.tables[0].rows[0]
        assert row["theory_q_abs"] == pytest.approx(0.9167, abs=1e-3)
        assert row["deviation_q_abs"] == pytest.approx((0.9 - row["theory_q_abs"]) / 0.01)

    def test_none_where_none_is_asked_for(self):
        (section,) = concluded({("a", "x"): curve([0.1, 0.2, 0.5, 0.9])}).sections
        assert not any("theory" in finding.text for finding in section.findings)
        assert "theory_q_abs" not in section.tables[0].rows[0]
