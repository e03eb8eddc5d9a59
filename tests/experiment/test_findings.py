"""The words of the report against curves made to order."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from qspin.experiment.config import config_from_plain
from qspin.experiment.findings import compare_curves, findings, half_temperature, trust

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
    comparison = compare_curves(curve([1, 2, 3, 4]), curve([5, 6], temperatures=[1.0, 0.25]))
    assert comparison.temperature.tolist() == [1.0]
    assert comparison.difference.tolist() == [-2.0]
    assert compare_curves(curve([1] * 4), curve([1], temperatures=[7.0])) is None
    assert say(curve([1] * 4), curve([1], temperatures=[7.0])) == [
        "Nothing can be compared: no two curves share a temperature."
    ]


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


def test_half_temperature():
    temperature, error = half_temperature(curve([0.1, 0.25, 0.75, 0.9]))
    assert temperature == pytest.approx(np.sqrt(2))
    assert error == pytest.approx(np.sqrt(2) * 0.01 / np.sqrt(2) / (0.5 / np.log(2)))
    assert half_temperature(curve([0.6] * 4)) is None


def test_warnings_name_their_task():
    assert trust({("a", "exact"): curve([1] * 4, warnings=["beware"])}) == ["a with exact: beware"]


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
    assert "annealer has no thermostat. From its samples of a the effective temperature is" in reached
    assert "2.0(1) at 1, unknown at 2, infinite within its error at 3." in reached


def test_a_device_that_agrees_with_tempering():
    text = say_device(device([0.21, 0.5], [2.0, 1.0]), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert "at the 2 effective temperatures of annealer that tempering covers" in text
    assert "agrees with that of tempering within 4 standard errors" in text


def test_a_device_that_does_not():
    text = say_device(device([0.21, 0.1], [2.0, 1.0], spread=0.01), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert (
        "differs from that of tempering by more than 4 standard errors at 1: most at T = 1, 0.10(2)" in text
    )
    assert "against 0.50(1)" in text
    assert "Its mean energy there is that of tempering at T = 1.18(" in text


def test_a_device_outside_the_ladder():
    text = say_device(device([0.2], [70.0]), curve([0.1, 0.2, 0.5, 0.8]))[-1]
    assert text == "On a, annealer reached no known temperature that tempering covers."
