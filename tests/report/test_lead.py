"""What was asked, in a line: which settings differ."""

from __future__ import annotations

from qspin.report.lead import axis_text, described, differences
from qspin.study import Axis


def hopfield(**settings):
    return {"kind": "hopfield", "n_spins": 100, **settings}


def test_settings_that_differ_are_named_and_others_are_not():
    lines = {
        "a": hopfield(load=0.1, seed=1),
        "b": hopfield(load=0.2, seed=1),
        "glass": {"kind": "glass", "seed": 4},
    }
    assert described(lines, "kind") == "2 hopfield (load 0.1, 0.2); glass"
    assert differences(lines, "kind") == {"a": "load 0.1", "b": "load 0.2", "glass": ""}


def test_a_setting_that_one_alone_has_differs():
    lines = {"a": hopfield(), "b": hopfield(cut=True)}
    assert described(lines, "kind") == "2 hopfield (cut default, yes)"
    assert differences(lines, "kind") == {"a": "", "b": "cut yes"}


def test_settings_within_settings():
    lines = {
        "a": hopfield(training={"epochs": 5, "rate": 1}),
        "b": hopfield(training={"epochs": 50, "rate": 1}),
    }
    assert described(lines, "kind") == "2 hopfield (training.epochs 5, 50)"


def test_many_values_settings_and_kinds_are_shortened():
    lines = {f"p{k}": {"kind": "mlp", "a": k, "b": k, "c": k, "d": k} for k in range(30)}
    assert (
        described(lines, "kind")
        == "30 mlp (a 0, 1, 2, … 29 (30); b 0, 1, 2, … 29 (30); c 0, 1, 2, … 29 (30); …)"
    )
    kinds = {f"k{k}": {"kind": f"k{k}"} for k in range(9)}
    assert described(kinds, "kind") == "k0; k1; k2; k3; k4; k5; and 3 more kinds"


def test_the_same_twice():
    assert described({"a": hopfield(), "b": hopfield()}, "kind") == "2 hopfield"


def test_axes():
    assert axis_text(Axis("n_spins", (16, 32))) == "n_spins 16, 32"
    assert axis_text(Axis("load", tuple(k / 10 for k in range(1, 9)))) == "load: 8 values from 0.1 to 0.8"
