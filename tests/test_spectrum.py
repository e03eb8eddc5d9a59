"""Enumeration of all configurations, against brute force and closed formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qspin
from qspin import IsingProblem
from qspin.errors import CapacityError
from qspin.spectrum import all_energies, enumerate_problem, ground_states, transformed


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_energies_are_numbered_by_bits(n):
    rng = np.random.default_rng(n)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    problem = IsingProblem(upper + upper.T, rng.normal(size=n), offset=3.0)
    spectrum = enumerate_problem(problem)
    spins = np.array(list(itertools.product([-1, 1], repeat=n)), dtype=np.int8).reshape(2**n, n)[:, ::-1]
    np.testing.assert_array_equal(spectrum.configurations(np.arange(2**n)), spins)
    np.testing.assert_array_equal(spectrum.numbers(spins), np.arange(2**n))
    np.testing.assert_allclose(spectrum.energies, problem.energies(spins), atol=1e-13)
    np.testing.assert_array_equal(all_energies(problem.toarray(), problem.fields), spectrum.centred)


def test_energies_of_whole_couplings_are_whole():
    problem = qspin.instances.edwards_anderson((4, 4), couplings="bimodal", seed=3)
    assert set(enumerate_problem(problem).energies) <= set(range(-32, 33))


def test_ground_states():
    triangle = IsingProblem(np.ones((3, 3)) - np.eye(3), offset=2.0)
    energy, states = ground_states(triangle)
    assert energy == 1.0
    assert {tuple(s) for s in states} == set(itertools.product([-1, 1], repeat=3)) - {(1, 1, 1), (-1,) * 3}
    assert ground_states(triangle, most=2)[1].tolist() == states[:2].tolist()
    with pytest.raises(CapacityError, match="3 spins would need"):
        ground_states(triangle, max_spins=2)


def test_ground_states_of_an_instance_that_knows_them():
    problem = qspin.instances.wishart(12, 0.9, seed=4)
    energy, states = ground_states(problem)
    assert energy == pytest.approx(problem.known.ground_energy)
    assert {tuple(s) for s in states} == {tuple(s) for s in problem.known.ground_states}


def test_the_transform_of_one_configuration_is_its_products_of_spins():
    spins = np.array([1, -1, 1])
    weights = np.zeros(8)
    weights[(spins > 0) @ (1 << np.arange(3))] = 1.0
    products = [np.prod(spins[[k for k in range(3) if a >> k & 1]]) for a in range(8)]
    signs = [(-1) ** bin(a).count("1") for a in range(8)]
    assert transformed(weights).tolist() == [p * s for p, s in zip(products, signs, strict=True)]
