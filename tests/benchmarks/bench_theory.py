"""Seconds that functions of theory take on one core: under one for a value, beside a curve of twenty; phase
diagrams under thirty. What is far from natural arguments, cold ladders in strong fields, takes longer."""

from __future__ import annotations

import time

import numpy as np
import pytest

import qspin
from qspin import theory

TEMPERATURES = np.linspace(0.1, 1.5, 20)


def glass(n_spins=200, field=1.0):
    couplings = qspin.instances.sherrington_kirkpatrick(n_spins, seed=1).toarray()
    return qspin.IsingProblem(couplings, np.full(n_spins, -field))


def betas(temperature):
    return np.sort(1 / np.atleast_1d(temperature))


VALUES = {
    "sk, 0 steps": lambda t: theory.sk(t, steps=0),
    "sk, 1 step": lambda t: theory.sk(t, steps=1),
    "sk, 10 steps": lambda t: theory.sk(t, steps=10),
    "sk, 10 steps in a field": lambda t: theory.sk(t, 0.2, steps=10),
    "parisi": theory.parisi,
    "p_spin_ising": theory.p_spin_ising,
    "random_energy": theory.random_energy,
    "square_lattice": theory.square_lattice,
    "hopfield": lambda t: theory.hopfield(0.05, t),
    "hopfield_capacity": theory.hopfield_capacity,
    "almeida_thouless": theory.almeida_thouless,
    "almeida_thouless_field": theory.almeida_thouless_field,
    "rbm_phases": lambda t: theory.rbm_phases(t, 1.0, 1.5),
    "teacher_student": theory.teacher_student,
    "perceptron_capacity, binary": lambda t: theory.perceptron_capacity(t, "binary"),
    "regular_glass": lambda t: theory.regular_glass(betas(t), 3),
    "cavity": lambda t: theory.cavity(betas(t), 3),
    "transverse_glass": lambda t: theory.transverse_glass(t, 0.5),
    "transverse_ring": lambda t: theory.transverse_ring(512, t),
    "ring_kinks": lambda t: theory.ring_kinks(64, "linear", 10 * t),
    "mean_field, 200 spins": lambda t: theory.mean_field(glass(), betas(t)),
    "tap, 200 spins": lambda t: theory.tap(glass(), betas(t)),
    "belief_propagation, 200 spins": lambda t: theory.belief_propagation(glass(), betas(t)),
}
DIAGRAMS = {
    "hopfield_phase_diagram": theory.hopfield_phase_diagram,
    "rbm_phase_diagram": theory.rbm_phase_diagram,
    "tap_solutions, 200 spins": lambda: theory.tap_solutions(glass(), 1.0),
    "tap_transition, 200 spins": lambda: theory.tap_transition(glass()),
}


def seconds(function, *arguments):
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started


@pytest.mark.parametrize("name", VALUES)
def test_one_value_takes_less_than_a_second(name, benchmark, remark):
    one = VALUES[name]
    cold = seconds(one, 0.5)
    warm = seconds(one, 0.5)
    curve = seconds(one, TEMPERATURES)
    benchmark.pedantic(one, args=(0.5,), rounds=1)
    remark(
        f"theory: {name}: {warm:.3f} s a value (bar 1), {cold:.3f} s at first, {curve:.2f} s a curve of 20"
    )
    assert warm < 1


@pytest.mark.parametrize("name", DIAGRAMS)
def test_diagrams_take_less_than_half_a_minute(name, benchmark, remark):
    taken = seconds(DIAGRAMS[name])
    benchmark.pedantic(lambda: None, rounds=1)
    remark(f"theory: {name}: {taken:.2f} s (bar 30)")
    assert taken < 30
