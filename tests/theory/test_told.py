"""What every result of theory tells of itself, and remarks that several of them have."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from qspin import theory
from qspin.registry import get_source
from qspin.remarks import Level, remarks_of
from qspin.theory._results import beta_curve, listed, replica_symmetry_broken, unsettled

GLASS = get_source("sherrington_kirkpatrick", n_spins=12).build({})

COLD = {
    "hopfield": lambda: theory.hopfield(0.3, 0.8),
    "one step": lambda: theory.sk(0.5, steps=1),
    "random graph": lambda: theory.cavity(2.0, n_messages=100, n_sweeps=120),
    "regular graph": lambda: theory.regular_glass(2.0),
    "machine": lambda: theory.rbm_phases(0.5, 1.0, 0.0),
    "diagram of machines": lambda: theory.rbm_phase_diagram([0.5], [0.0]),
    "perceptron": lambda: theory.perceptron_capacity(-0.5),
}
"""Values of an ansatz beyond its stability."""

OTHERS = {
    "transitions of graphs": lambda: theory.cavity_transition(3),
    "transitions of machines": lambda: theory.rbm_transitions(1.0, 0.5),
    "transitions of memories": lambda: theory.hopfield_transitions(0.3),
    "square lattice": lambda: theory.square_lattice(2.0),
    "transverse glass": lambda: theory.transverse_glass(0.5, 0.5),
    "its transition": lambda: theory.transverse_glass_transition(0.9),
    "mean field": lambda: theory.mean_field(GLASS, 0.5),
    "tap": lambda: theory.tap(GLASS, 0.5),
    "solutions of tap": lambda: theory.tap_solutions(GLASS, 0.5, n_starts=2),
    "belief propagation": lambda: theory.belief_propagation(GLASS, 0.5),
    "transition by tap": lambda: theory.tap_transition(GLASS),
    "hidden order": lambda: theory.hidden_order(GLASS, 0.5),
}


@functools.cache
def result(name):
    return (COLD | OTHERS)[name]()


@pytest.mark.parametrize("name", [*COLD, *OTHERS])
def test_source_range_and_error_are_told(name):
    found = result(name)
    for key in ("source", "valid", "error"):
        assert isinstance(found.attrs[key], str)
        assert found.attrs[key]
    remarks_of(found.attrs)


@pytest.mark.parametrize("name", COLD)
def test_one_code_tells_of_an_ansatz_beyond_its_stability(name):
    remarks = [r for r in remarks_of(result(name).attrs) if r.code == "replica-symmetry-broken"]
    assert remarks
    assert all(remark.level is Level.CAUTION and "is unstable" in remark.text for remark in remarks)


def test_what_follows_is_told_where_there_is_something():
    bare = replica_symmetry_broken("below T = 1", "solution of one step")
    assert bare.text.startswith("below T = 1 the solution of one step is unstable")
    assert ";" not in bare.text
    assert replica_symmetry_broken("here", "ansatz", "take more").text.endswith("; take more")


def test_iterations_that_come_to_no_rest_have_one_code():
    found = unsettled("T", [0.1, 0.2], [1e-3, 1e-2], 500, "take more steps")
    assert (found.code, found.level) == ("no-convergence", Level.SERIOUS)
    assert found.text == (
        "no fixed point within 500 steps at T = 0.1, 0.2: residuals of up to 0.01 are left; take more steps"
    )


def test_of_many_values_the_first_are_listed():
    assert listed("T", 0.5) == "T = 0.5"
    assert listed("T", np.arange(7.0), most=2) == "T = 0, 1 and 5 more"


def test_inverse_temperatures_stay_as_they_were_given():
    betas = np.array([0.1, 0.3, 0.7])
    assert beta_curve(betas, {"q": betas}).beta.values.tolist() == betas.tolist()
