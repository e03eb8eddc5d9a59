"""Numbers in settings and configs are finite, wherever they stand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np
import pytest
from pydantic import Field

import qspin
from qspin.errors import InputError
from qspin.registry import backend_class, class_of, kinds, names
from qspin.settings import settings

BAD = [math.nan, math.inf, -math.inf, np.float64(math.inf), np.float32(math.nan), "inf", "nan"]

RAMP = str(Path(__file__).parent / "ramp.csv")  # of an annealer, in GHz

# settings that are nothing, a name or a number of nothing else by default, and what they need beside them
GIVEN: dict[str, list[dict[str, Any]]] = {
    "anneal_schedule": [{"anneal_schedule": [(0.0, 0.0), (5.0, 1.0)]}],
    "h_gain_schedule": [{"h_gain_schedule": [(0.0, 0.5), (20.0, 1.0)]}],
    "anneal_offsets": [{"anneal_offsets": {"a": 0.1}}],
    "angles": [
        {"angles": {"gamma": [0.1], "beta": [0.2]}},
        {"angles": {"gamma": [[0.1, 0.2]], "beta": [[0.2]]}},
    ],
    "warm_start": [{"warm_start": [0.5, -0.5]}, {"warm_start": {"a": 0.5}}],
    "noise": [{"noise": {"rzz": 0.01, "readout": [0.01, 0.02]}}],
    "schedule": [{"schedule": [(0.0, 1.0, 0.0), (1.0, 0.0, 1.0)], "ansatz": "quench"}],
    "betas": [{"betas": [0.5, 1.0]}, {"betas": {"linear": [0.5, 1.0, 3]}}],
    "qaoa annealing_time": [{"annealing_time": 0.25, "ansatz": "quench", "schedule": "linear"}],
    "noise_drift": [{"noise_drift": 0.25, "noise": {"rzz": 0.01}}],
    "sweeps_per_ns": [{"sweeps_per_ns": 0.25, "annealing_time": 20.0, "schedule": RAMP}],
    "temperature_mk": [{"temperature_mk": 12.0, "schedule": RAMP}],
    "tolerance": [{"tolerance": 0.01}],
    "cvar_fraction": [{"cvar_fraction": 0.5, "objective": "cvar", "angles": "optimise"}],
    "gibbs_eta": [{"gibbs_eta": 0.5, "objective": "gibbs", "angles": "optimise"}],
}


def holds_numbers(annotation: Any) -> bool:
    return annotation is float or any(holds_numbers(part) for part in get_args(annotation))


def numeric_settings() -> list[tuple[str, str]]:
    """(backend, setting) for every one that takes floats."""
    return [
        (name, setting)
        for name in qspin.available_backends()
        for setting, annotation in get_type_hints(backend_class(name), include_extras=True).items()
        if setting in {field.name for field in dataclasses.fields(backend_class(name))}
        and holds_numbers(annotation)
    ]


NEEDED = {"samples": {"path": __file__}}


def with_one_bad(value: Any, bad: Any) -> list[Any]:
    """The value again and again, with `bad` in place of one number after the other."""
    if isinstance(value, dict):
        return [value | {key: worse} for key, part in value.items() for worse in with_one_bad(part, bad)]
    if isinstance(value, list | tuple):
        return [
            [*value[:k], worse, *value[k + 1 :]]
            for k, part in enumerate(value)
            for worse in with_one_bad(part, bad)
        ]
    return [bad] if isinstance(value, float) else []


@pytest.mark.parametrize(("backend", "setting"), numeric_settings())
def test_every_number_of_every_backend_is_finite(backend, setting):
    cls = backend_class(backend)
    for example in GIVEN.get(f"{backend} {setting}", GIVEN.get(setting, [{setting: 0.25}])):
        example = NEEDED.get(backend, {}) | example
        cls(**example)
        for bad in BAD:
            worse = with_one_bad(example[setting], bad)
            assert worse
            for value in worse:
                with pytest.raises(InputError, match=setting):
                    cls(**example | {setting: value})


def test_short_forms_of_ladders_count_finitely():
    with pytest.raises(InputError, match="linear takes finite numbers"):
        qspin.get_backend("exact", betas={"linear": [0, 1, math.inf]})


def test_the_walk_finds_them():
    found = numeric_settings()
    assert {("annealer", "chain_strength"), ("qaoa", "angles"), ("exact", "betas")} <= set(found)
    assert len(found) > 25


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_fault_is_named(bad):
    with pytest.raises(InputError, match=f"annealer: chain_strength: should be a finite number; got {bad}"):
        qspin.get_backend("annealer", chain_strength=bad)
    with pytest.raises(InputError, match=f"qaoa: angles.gamma.0: should be a finite number; got {bad}"):
        qspin.get_backend("qaoa", angles={"gamma": [bad], "beta": [0.1]})


def test_infinity_may_be_meant():
    @settings
    class Patient:
        longest: Annotated[float, Field(gt=0, allow_inf_nan=True)] = 1.0

    assert Patient(longest=math.inf).longest == math.inf
    with pytest.raises(InputError, match="greater than 0"):
        Patient(longest=math.nan)


def test_infinitely_hot_is_beta_zero_and_other_infinities_are_none():
    assert qspin.get_backend("exact", betas={"temperatures": [math.inf, 2.0]}).betas == (0.0, 0.5)
    for bad in (math.nan, -math.inf, 0.0, -1.0):
        with pytest.raises(InputError, match=r"finite number|not negative"):
            qspin.get_backend("exact", betas={"temperatures": [2.0, bad]})


def numeric_settings_of_others() -> list[tuple[str, str, str]]:
    """(kind, name, setting) for every one of sources, measures, studies and executors that takes floats."""
    return [
        (kind, name, setting.name)
        for kind, own in kinds().items()
        if kind != "backends"
        for name in names(own)
        for setting in dataclasses.fields(class_of(own, name))
        if holds_numbers(get_type_hints(class_of(own, name), include_extras=True)[setting.name])
    ]


@pytest.mark.parametrize(("kind", "name", "setting"), numeric_settings_of_others())
def test_every_number_of_a_config_is_finite(kind, name, setting):
    cls = class_of(kinds()[kind], name)
    for bad in (math.nan, math.inf, -math.inf):
        for value in (bad, [bad], [[bad, bad]], {"a": bad}):
            with pytest.raises(InputError, match=rf"{setting}|is missing"):
                cls(**{setting: value})


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_what_no_file_can_be_called(name):
    with pytest.raises(InputError, match="angles_from: .*(no file can be called so|null byte)"):
        qspin.get_backend("qaoa", angles="transfer", angles_from=name)
