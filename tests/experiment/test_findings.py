"""The words of the report against curves made to order."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from qspin.experiment.findings import findings
from qspin.experiment.remarks import trust
from qspin.experiment.verdicts import Verdict, judged

from qspin.analysis import at_matched_temperatures
from qspin.experiment.config import config_from_plain

T = np.array([4.0, 2.0, 1.0, 0.5])
MLP = {"kind": "mlp", "layers": [64, 10], "epochs": 3}


def curve(q, error=0.01, temperatures=T, warnings=()):
    beta = 1 / np.asarray(temperatures, float)
    q = np.asarray(q, float)
    return xr.Dataset(
        {"q_abs": ("beta", q), "q_abs_error": ("beta", np.full(q.shape, error))},
        coords={"beta": beta, "temperature": ("beta", 1 / beta)},
        attrs={"warnings": json.dumps(list(warnings))},
    )


def config(problems=("a", "b"), backends=("exact",)):
    return config_from_plain(
        {
            "schema": 1,
            "name": "x",
            "problems": problems
            if isinstance(problems, dict)
            else {p: {"kind": "mattis", "n_spins": 4} for p in problems},
            "backends": {b: {"name": "exact"} for b in backends},
        }
    )


def say(a, b):
    return findings(config(), {("a", "exact"): a, ("b", "exact"): b})


def test_equal_curves_are_said_to_agree():
    (text,) = say(curve([0.1, 0.2, 0.5, 0.8]), curve([0.11, 0.2, 0.5, 0.82]))
    assert "a and b agree within 4 standard errors at all 4 shared temperatures" in text
    assert "largest difference is 0.02(1)" in text


def test_differences_have_a_side_and_a_range():
    (text,) = say(curve([0.1, 0.2, 0.5, 0.9]), curve([0.3, 0.21, 0.2, 0.5]))
    assert "at 3 of 4 temperatures" in text
    assert "a lies above b at T = 0.5 to 1 and a lies below b at T = 4." in text
    assert "largest at T = 0.5, 0.90(1) against 0.50(1)" in text


def test_no_error_bar_no_claim():
    (text,) = say(curve([0.1] * 4, error=np.nan), curve([0.9] * 4))
    assert "cannot be told apart with certainty" in text


def test_only_shared_temperatures_are_compared():
    assert say(curve([1] * 4), curve([1], temperatures=[7.0])) == [
        "Nothing can be compared: no two curves share a temperature."
    ]


def smooth(temperatures, shift=1.0, error=0.004):
    """A curve that falls from 1 to 0 in ln T, halfway at T = `shift`."""
    t = np.asarray(temperatures, float)
    return curve(1 / (1 + (t / shift) ** 3), error=error, temperatures=t)


class TestLaddersOfTheirOwn:
    """Ladders as ``betas: auto`` finds them: they overlap, and share no temperature."""

    one, other = np.geomspace(0.3, 4, 20)[::-1], np.geomspace(0.4, 6, 17)[::-1]

    def test_interpolation_finds_no_difference_where_there_is_none(self):
        (text,) = say(smooth(self.one), smooth(self.other))
        assert "agree within 4 standard errors at all" in text
        assert "temperatures from T = 0.4 to 3" in text
        assert "one curve interpolated" in text

    def test_differences_are_found(self):
        (text,) = say(smooth(self.one, 1.0), smooth(self.other, 1.4))
        assert "differ by more than 4 standard errors" in text

    def test_scale_and_structure(self):
        problems = {"before": {**MLP, "epoch": 0}, "after": MLP, "control": {**MLP, "shuffle": True}}
        results = {
            ("before", "exact"): smooth(self.one, 0.6),
            ("after", "exact"): smooth(self.other, 2.0),
            ("control", "exact"): smooth(np.geomspace(0.35, 5, 23)[::-1], 1.2),
        }
        last = findings(config(problems), results)[-1]
        assert "where after and before differ most, control shows" in last
        assert "That part is the growth of the weights alone" in last

    def test_no_error_is_no_small_error(self):
        blind = smooth(self.other)
        blind["q_abs_error"][:] = np.nan
        (text,) = say(smooth(self.one), blind)
        assert "cannot be told apart with certainty" in text


@pytest.mark.parametrize(
    ("shuffled", "text"),
    [
        (
            [0.1, 0.12, 0.3, 0.8],
            "shows 28.6(2.1) % of that difference. That part is the growth of the weights alone",
        ),
        ([0.1, 0.2, 0.79, 0.9], "The growth of the weights explains it"),
        ([0.1, 0.12, 0.11, 0.8], "The growth of the weights does not explain it; their arrangement does"),
        ([0.1, 0.2, 0.97, 0.9], "works against the growth of their size"),
    ],
)
def test_scale_and_structure(shuffled, text):
    problems = {"before": {**MLP, "epoch": 0}, "after": MLP, "control": {**MLP, "shuffle": True}}
    results = {
        ("before", "exact"): curve([0.1, 0.1, 0.1, 0.4]),
        ("after", "exact"): curve([0.1, 0.2, 0.8, 0.9]),
        ("control", "exact"): curve(shuffled),
    }
    last = findings(config(problems), results)[-1]
    assert "at T = 1, where after and before differ most, control shows" in last
    assert text in last


def test_backends_are_compared_on_the_same_problem():
    results = {("a", "one"): curve([0.1] * 4), ("a", "two"): curve([0.3] * 4)}
    texts = findings(config(["a"], ["one", "two"]), results)
    assert len(texts) == 1
    assert texts[0].startswith("On a, mean |q| of one and two differ")


def test_warnings_name_their_task():
    assert trust({("a", "exact"): curve([1] * 4, warnings=["beware"])}) == ["a with exact: beware"]


def verdict(temperature, p_value, backend="two", **changes):
    row = Verdict(
        "a", "one", backend, "", temperature, 0.0, p_value, np.nan, "energy", *[np.nan] * 5, 0, 0, 0.0, ""
    )
    return row._replace(**changes)


class TestOneVerdict:
    results = {("a", "one"): curve([0.1, 0.2, 0.5, 0.8]), ("a", "two"): curve([0.11, 0.2, 0.5, 0.82])}

    def told(self, verdicts, results=None):
        return findings(config(["a"], ["one", "two"]), results or self.results, judged(verdicts))

    def test_a_rejected_ensemble_is_told_and_nothing_else(self):
        """Mean |q| agrees; the words of the page and the table are the same verdict."""
        (text,) = self.told([verdict(1.0, 0.002), verdict(4.0, 0.4)])
        assert text == (
            "On a, two and one are not the same ensemble at T = 1 (p = 0.004 at best, told by energy) and "
            "are not told apart at T = 4 (p = 0.4 at least). Mean |q| alone does not show it."
        )

    def test_what_is_not_rejected_does_not_agree_either_where_mean_overlap_differs(self):
        results = {**self.results, ("a", "two"): curve([0.2, 0.2, 0.5, 0.8])}
        (text,) = self.told([verdict(1.0, 0.7)], results)
        assert text.startswith(
            "On a, two and one are not told apart at T = 1 (p = 0.7 at least). Mean |q| differs"
        )
        assert "agree" not in text

    def test_what_was_not_compared_says_why(self):
        (text,) = self.told([verdict(np.nan, np.nan, verdict="not compared: too few reads")])
        assert text == "On a, two and one were not compared: too few reads."

    def test_p_values_are_corrected_for_all_rows(self):
        found = judged([verdict(1.0, 0.02), verdict(2.0, 0.03), verdict(3.0, 0.9)])
        assert [v.p_corrected for v in found] == pytest.approx([0.06, 0.06, 0.9])
        assert not any(v.is_other for v in found)
        assert [v.p_value for v in found] == [0.02, 0.03, 0.9]

    def test_many_are_counted(self):
        problems = [f"p{k}" for k in range(30)]
        rows = judged([verdict(1.0, 1e-6, problem=p) for p in problems])
        results = {(p, b): self.results["a", b] for p in problems for b in ("one", "two")}
        texts = findings(config(problems, ["one", "two"]), results, rows)
        assert "two and one were compared 30 times on 30 problems: not the same ensemble in 30" in " ".join(
            texts
        )
        assert len(texts) < 60
        assert any(text.startswith("420 more comparisons of one are not told one by one") for text in texts)


class TestOneTemperature:
    def placed(self, betas):
        found = device([0.21, 0.5], [1.87, 0.9])
        return at_matched_temperatures(found, betas, [0.03, 0.03], "tempering")

    def test_the_reference_says_where_samples_are(self):
        reached, *rest = say_device(self.placed([1 / 1.24, 1.0]), curve([0.1, 0.2, 0.5, 0.8]))
        assert "have the mean energy of tempering at T = 1.24(5) at coupling scale 1, 1.00(3) at" in reached
        assert "(Its pseudo-likelihood alone would say 1.9(1) at coupling scale 1" in reached
        assert "at T = 1.87" not in " ".join(rest)

    def test_where_it_cannot_there_is_a_reason(self):
        lost = self.placed([np.nan, np.nan]).assign_attrs(
            temperature_reasons=json.dumps(["too cold", "too cold"])
        )
        reached, *_ = say_device(lost, curve([0.1, 0.2, 0.5, 0.8]))
        assert "the effective temperature by pseudo-likelihood is 1.9(1)" in reached
        assert "It has no place on the ladder of tempering: too cold." in reached


class TestRemarks:
    def test_the_same_remark_on_many_tasks_is_one_line(self):
        results = {
            (f"p{k}", b): curve(
                [1] * 4, warnings=[f"the energy has fewer than 100 effective samples at {k} of 4"]
            )
            for k in range(12)
            for b in ("x", "y")
        }
        results["q", "x"] = curve([1] * 4, warnings=["R-hat of the energy exceeds 1.05", "beware"])
        lines = trust(results)
        assert lines[:2] == ["q with x: R-hat of the energy exceeds 1.05", "q with x: beware"]
        assert lines[2].startswith(
            "24 of 25 tasks (x on p0, p1, p2 and 9 more; y on p0, p1, p2 and 9 more): the energy"
        )
        assert len(lines) == 3

    def test_words_decide_not_the_first_letters(self):
        texts = ["the energies of the reads are too high", "the energies of the reads are too low"]
        results = {("a", "x"): curve([1] * 4, warnings=texts), ("b", "x"): curve([1] * 4, warnings=texts)}
        assert len(trust(results)) == 2


def device(q, temperatures, spread=0.1, error=0.02):
    """A curve of an annealer: no thermostat, temperatures measured."""
    temperatures = np.asarray(temperatures, float)
    n = len(temperatures)
    return xr.Dataset(
        {
            "q_abs": ("beta", np.asarray(q, float)),
            "q_abs_error": ("beta", np.full(n, error)),
            "energy": ("beta", np.full(n, -0.5)),
            "energy_error": ("beta", np.full(n, 0.01)),
            "coupling_scale": ("beta", np.arange(1.0, n + 1)),
            "beta_effective": ("beta", np.where(np.isinf(temperatures), -0.1, 1 / temperatures)),
            "beta_effective_error": ("beta", spread / temperatures**2),
        },
        coords={
            "beta": np.full(n, np.nan),
            "temperature": ("beta", np.where(np.isinf(temperatures), np.nan, temperatures)),
            "temperature_error": ("beta", np.full(n, spread)),
        },
        attrs={"warnings": "[]"},
    )


def say_device(annealed, reference):
    reference["energy"] = ("beta", [-0.1, -0.2, -0.6, -0.9])
    reference["energy_error"] = ("beta", np.full(4, 0.01))
    names = ("annealer", "tempering")
    return findings(config(("a",), names), {("a", "annealer"): annealed, ("a", "tempering"): reference})


def test_measured_temperatures_are_told_by_scale():
    reached, *_ = say_device(device([0.2] * 3, [2.0, np.nan, np.inf]), curve([0.1, 0.2, 0.5, 0.8]))
    assert reached == (
        "annealer has no thermostat. From its samples of a the effective temperature by pseudo-likelihood is "
        "2.0(1) at coupling scale 1, unknown at coupling scale 2, infinite within its error at coupling "
        "scale 3."
    )


def test_a_device_that_agrees_with_tempering():
    text = say_device(device([0.21, 0.5], [2.0, 1.0]), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert "at the 2 temperatures of annealer that tempering covers" in text
    assert "agrees with that of tempering within 4 standard errors" in text


def test_a_device_that_does_not():
    text = say_device(device([0.21, 0.1], [2.0, 1.0], spread=0.01), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert (
        "differs from that of tempering by more than 4 standard errors at 1: most at T = 1, 0.10(2)" in text
    )
    assert "against 0.50(1)" in text


def test_a_device_outside_the_ladder():
    text = say_device(device([0.2], [70.0]), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert text == "On a, annealer reached no known temperature that tempering covers."
