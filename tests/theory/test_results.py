"""What all results of theory have in common: they say where they come from, and take the place of measured
curves."""

from __future__ import annotations

import inspect
import time

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import theory
from qspin.errors import InputError
from qspin.remarks import remarks_of

GLASS = qspin.instances.sherrington_kirkpatrick(20, seed=1)
PATTERNS = np.random.default_rng(1).choice([-1, 1], size=(5, 21))

CASES = {
    "almeida_thouless": {"field": [0.1, 0.5]},
    "almeida_thouless_field": {"temperature": [0.5, 0.9]},
    "belief_propagation": {"problem": GLASS, "beta": [0.3, 0.5]},
    "cavity": {"beta": [0.3, 1.5], "n_messages": 200, "n_sweeps": 120},
    "cavity_transition": {},
    "decimated_perceptron": {"patterns": PATTERNS, "seed": 1},
    "dense_memory": {"n_spins": 100, "degree": 3, "n_patterns": [10, 500]},
    "hidden_order": {"problem": GLASS, "beta": [0.3, 0.5]},
    "hopfield": {"load": 0.05, "temperature": [0.3, 0.5]},
    "hopfield_capacity": {"temperature": [0.0, 0.5]},
    "hopfield_phase_diagram": {"load": [0.15]},
    "hopfield_transitions": {"load": 0.15},
    "kibble_zurek_kinks": {"schedule": "linear", "annealing_time_ns": [5.0, 20.0]},
    "landau_zener": {"gap": 1.0, "speed": [1.0, 5.0]},
    "largest_eigenvalue": {"n_rows": 40, "n_columns": 30, "eigenvalue": 3.5},
    "linear_double_descent": {"features_per_sample": [0.5, 2.0]},
    "log_sum_exp_memory": {"threshold": [0.5, 1.0]},
    "marchenko_pastur": {"ratio": 0.5},
    "mean_field": {"problem": GLASS, "beta": [0.3, 0.5]},
    "p_spin_ising": {"temperature": [0.3, 1.0]},
    "p_spin_ising_transitions": {},
    "p_spin_spherical": {},
    "parisi": {"temperature": [0.5, 1.5], "steps": 2},
    "perceptron_capacity": {"margin": [0.0, 1.0]},
    "pseudo_inverse_memory": {"load": [0.2, 0.5]},
    "random_energy": {"temperature": [0.3, 1.0]},
    "random_feature_double_descent": {"features_per_sample": [0.5, 2.0], "inputs_per_sample": 0.5},
    "rbm_phase_diagram": {"temperature": [1.5], "planted": [0.5, 2.5]},
    "rbm_phases": {"temperature": [0.5, 1.6], "random": 1.0, "planted": 1.5},
    "rbm_transitions": {"random": 1.0, "planted": 1.5},
    "regular_glass": {"beta": [0.3, 0.5]},
    "ring_kinks": {"n": 8, "schedule": "linear", "annealing_time_ns": [1.0, 2.0]},
    "ring_quench": {"n": 8, "schedule": "linear", "points": [(0, 0), (1.0, 1)]},
    "sk": {"temperature": [0.5, 1.5], "steps": 1},
    "sk_energy": {"temperature": [0.5, 1.5]},
    "spiked_eigenvalue": {"strength": [0.5, 2.0], "ratio": 0.25},
    "square_lattice": {"temperature": [2.0, 3.0]},
    "symmetric_perceptron_capacity": {"kappa": [1.0, 2.0]},
    "tap": {"problem": GLASS, "beta": [0.3, 0.5]},
    "tap_solutions": {"problem": GLASS, "beta": 0.5, "n_starts": 4},
    "tap_transition": {"problem": GLASS},
    "teacher_student": {"load": [0.5, 1.4]},
    "tracy_widom": {"x": [-1.0, 0.5]},
    "transverse_glass": {"transverse_field": [0.5, 1.0], "temperature": 0.5},
    "transverse_glass_transition": {"temperature": [0.3, 0.5]},
    "transverse_ring": {"n": 8, "transverse_field": [0.5, 1.0]},
}
"""Arguments of every function that gives a dataset."""
NUMBERS = {"effective_rank"}
"""Of an array, as NumPy's functions are."""


def test_nothing_is_left_out():
    assert set(CASES) | NUMBERS == set(theory.__all__)


@pytest.mark.parametrize("name", CASES)
def test_results_are_told_and_shaped_as_measured_curves(name):
    """source, valid and error as text; temperatures, where there is a dimension of beta, are 1 / beta."""
    started = time.process_time()
    found = getattr(theory, name)(**CASES[name])
    assert time.process_time() - started < 10
    assert isinstance(found, xr.Dataset)
    for key in ("source", "valid", "error"):
        assert isinstance(found.attrs.get(key), str), f"{name} has no {key}"
        assert found.attrs[key]
    remarks_of(found.attrs)
    if "beta" in found.dims:
        np.testing.assert_allclose(found.temperature, 1 / found.beta)
        assert found.temperature.dims == ("beta",)
    for variable in found.data_vars.values():
        assert variable.dtype.kind in "biufU", variable.name


VALUES = ("temperature", "beta", "field", "load", "margin", "kappa", "threshold", "strength", "n_patterns",
          "transverse_field", "annealing_time_ns", "speed", "features_per_sample", "ratio", "critical_energy",
          "random", "planted", "inputs_per_sample", "gap")  # fmt: skip


@pytest.mark.parametrize("wrong", [np.nan, np.inf, "warm", [], [[0.5]], None, [0.5, np.nan], 1j], ids=repr)
def test_what_is_no_number_is_refused_everywhere(wrong):
    """By one line, whatever argument it is given for."""
    for name, arguments in CASES.items():
        function = getattr(theory, name)
        for value in inspect.signature(function).parameters.values():
            if value.name not in VALUES or (wrong is None and value.default is None):
                continue
            with pytest.raises(InputError) as refused:
                function(**{**arguments, value.name: wrong})
            assert "\n" not in str(refused.value), (name, value.name)
