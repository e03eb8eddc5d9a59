"""Perceptrons as Ising problems against enumeration of all weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qspin
from qspin import networks
from qspin.errors import InputError
from qspin.networks.perceptrons import _bits


def all_spins(n):
    return np.array(list(itertools.product([-1, 1], repeat=n)), dtype=np.int8)


def lowest_over_slack(problem, weights):
    """Lowest energy over the slack bits of each configuration of the weights: bits of a pattern are coupled
    to weights and to each other alone, so that each pattern is minimised for itself."""
    n, couplings, fields = weights.shape[1], problem.toarray(), problem.fields
    slack = problem.known.groups["slack"] if "slack" in problem.known.groups else np.empty(0, int)
    base = problem.offset + weights @ fields[:n]
    base = base + 0.5 * ((weights @ couplings[:n, :n]) * weights).sum(axis=1)
    blocks = blocks_of(couplings, slack)
    for block in blocks:
        own = all_spins(len(block))
        pair = 0.5 * ((own @ couplings[np.ix_(block, block)]) * own).sum(axis=1) + own @ fields[block]
        with_weights = weights @ couplings[:n, block] @ own.T.astype(float)
        base = base + (with_weights + pair).min(axis=1)
    return base


def blocks_of(couplings, slack):
    """Bits that are coupled to each other."""
    blocks, left = [], set(slack.tolist())
    while left:
        block = [min(left)]
        for k in block:
            block += [j for j in sorted(left) if couplings[k, j] != 0 and j not in block]
        left -= set(block)
        blocks.append(sorted(block))
    return blocks


@pytest.mark.parametrize("most", [0, 1, 2, 3, 6, 10, 12, 100])
def test_slack_bits_count_to_exactly_the_most(most):
    bits = _bits(most)
    sums = {
        int(sum(b for b, on in zip(bits, c, strict=True) if on))
        for c in itertools.product([0, 1], repeat=len(bits))
    }
    assert sums == set(range(most + 1))


@pytest.mark.parametrize(("n", "load"), [(15, 0.3), (15, 0.5), (15, 0.7), (15, 0.9), (15, 1.2)])
def test_solutions_are_ground_states_and_nothing_else_is(n, load):
    """By enumeration of all weights."""
    xi = np.random.default_rng(round(10 * load)).choice([-1, 1], size=(round(load * n), n))
    problem = networks.perceptron_problem(xi)
    n_solutions = n_ground = 0
    for chunk in np.array_split(np.arange(2**n), max(1, 2**n // 2**16)):
        weights = (1 - 2 * ((chunk[:, None] >> np.arange(n)) & 1)).astype(np.int8)
        lowest = lowest_over_slack(problem, weights)
        assert (lowest > -1e-9).all()
        n_ground += int((lowest < 1e-9).sum())
        n_solutions += int((weights @ xi.T > 0).all(axis=1).sum())
    assert n_ground == n_solutions


def test_each_solution_is_one_ground_state():
    """The slack of a solution is fixed up to ways to write a number, of which there is one for powers of
    two."""
    rng = np.random.default_rng(3)
    xi = rng.choice([-1, 1], size=(2, 7))
    problem = networks.perceptron_problem(xi)
    spins = all_spins(problem.n_spins)
    ground = spins[np.abs(problem.energies(spins)) < 1e-9]
    found = {tuple(s[:7]) for s in ground}
    assert found == {tuple(w) for w in all_spins(7) if (xi @ w > 0).all()}
    assert len(ground) == len(found)  # 3 = 1 + 2


@pytest.mark.parametrize("kappa", [0.5, 1.0, 1.7])
def test_symmetric_perceptrons(kappa):
    xi = np.random.default_rng(1).choice([-1, 1], size=(3, 12))
    xi[1:, :4] = xi[0, :4] * [[1, 1, -1, -1], [1, -1, 1, -1]]  # each pair agrees at an even number of spins
    xi[1:, 4:] = xi[0, 4:]
    weights = all_spins(12)
    lowest = lowest_over_slack(networks.symmetric_problem(xi, kappa), weights)
    solved = (np.abs(weights @ xi.T) <= kappa * np.sqrt(12)).all(axis=1)
    assert 0 < solved.sum() < len(weights)
    np.testing.assert_array_equal(np.abs(lowest) < 1e-9, solved)


def test_hebbs_form_is_the_quadratic_loss():
    xi = np.random.default_rng(2).choice([-1, 1], size=(4, 9))
    weights = all_spins(9)
    expected = ((weights @ xi.T - 3.0) ** 2).sum(axis=1) / 18
    np.testing.assert_allclose(
        networks.perceptron_problem(xi, form="hebb").energies(weights), expected, atol=1e-12
    )


def test_a_teacher_is_a_solution_and_backends_find_one():
    problem = networks.binary_perceptron(11, 0.7, teacher=True, seed=4)
    tempering = qspin.get_backend("tempering", betas=[0.2, 0.4, 0.8, 1.6, 3.2], n_replicas=4, n_sweeps=2_000)
    best = tempering.sample(problem, seed=1).best
    assert best.energy == pytest.approx(problem.known.ground_energy, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.perceptron_problem([[1, -1]]), "odd number of weights; got 2"),
        (lambda: networks.perceptron_problem([1, -1, 1]), r"shape \(P, N\)"),
        (lambda: networks.perceptron_problem([[1, 0, 1]]), r"-1 or \+1"),
        (lambda: networks.symmetric_problem([[1, -1, 1]], 0.1), "lies below every"),
        (lambda: networks.binary_perceptron(5, 0.01, seed=0), "at least 1 pattern"),
    ],
)
def test_perceptrons_that_cannot_be(call, message):
    with pytest.raises(InputError, match=message):
        call()
