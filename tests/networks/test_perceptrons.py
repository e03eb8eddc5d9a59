"""Perceptrons and committees as Ising problems against enumeration of all weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qspin
from qspin import networks
from qspin.errors import InputError
from qspin.networks.perceptrons.conditions import bits_to, n_bits


def all_spins(n):
    return np.array(list(itertools.product([-1, 1], repeat=n)), dtype=np.int8)


def lowest_over_slack(problem, weights):
    """Lowest energy over all other spins of each configuration of the weights: those of a pattern are coupled
    to weights and to each other alone, so that each pattern is minimised for itself."""
    n, couplings, fields = weights.shape[1], problem.toarray(), problem.fields
    base = problem.offset + weights @ fields[:n]
    base = base + 0.5 * ((weights @ couplings[:n, :n]) * weights).sum(axis=1)
    blocks = blocks_of(couplings, np.arange(n, problem.n_spins))
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
    bits = bits_to(most)
    assert len(bits) == n_bits(most)
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
    assert problem.known.ground_states.shape == (1, problem.n_spins)


@pytest.mark.parametrize("n", [3, 11, 13, 21])
def test_what_a_teacher_knows_is_a_state_of_energy_zero(n):
    """Whatever numbers its slack bits are to write."""
    problem = networks.binary_perceptron(n, 2.0, teacher=True, seed=n)
    np.testing.assert_allclose(problem.energies(problem.known.ground_states), 0, atol=1e-9)


def says(weights, xi, architecture):
    """Of a committee with weights (..., K, n), a loop over its units."""
    n_hidden, n = weights.shape[-2:]
    votes = 0
    for k in range(n_hidden):
        own = xi if architecture == "full" else xi[:, k * n : (k + 1) * n]
        votes = votes + np.sign(weights[..., k, :] @ own.T)
    return np.sign(votes)


COMMITTEES = [("tree", 3, 9, 4), ("tree", 3, 15, 2), ("tree", 5, 5, 3), ("full", 3, 5, 2), ("full", 1, 9, 5)]


@pytest.mark.parametrize(("architecture", "n_hidden", "n_inputs", "n_patterns"), COMMITTEES)
def test_committees_have_their_solutions_as_ground_states(architecture, n_hidden, n_inputs, n_patterns):
    """By enumeration of weights, all where they are few, the other spins of each pattern minimised."""
    xi = np.random.default_rng(n_inputs).choice([-1, 1], size=(n_patterns, n_inputs))
    problem = networks.committee_problem(xi, n_hidden, architecture=architecture)
    weights = all_spins(len(problem.known.groups["weights"]))
    weights = weights if len(weights) <= 2**9 else weights[::11]
    lowest = lowest_over_slack(problem, weights)
    solved = (says(weights.reshape(len(weights), n_hidden, -1), xi, architecture) > 0).all(axis=1)
    assert 0 < solved.sum() < len(weights)
    np.testing.assert_array_equal(np.abs(lowest) < 1e-9, solved)


def test_hidden_spins_of_a_ground_state_are_what_its_units_say():
    xi = np.array([[1, 1, -1, 1, -1, -1, 1, 1, 1]])
    problem = networks.committee_problem(xi, 3)
    spins = all_spins(problem.n_spins)
    ground = spins[np.abs(problem.energies(spins)) < 1e-9]
    groups = problem.known.groups
    said = np.sign((ground[:, groups["weights"]] * xi).reshape(-1, 3, 3).sum(axis=2))
    np.testing.assert_array_equal(ground[:, groups["hidden"]], said)
    assert len(np.unique(ground[:, groups["weights"]], axis=0)) == len(ground) == 2**9 / 2


@pytest.mark.parametrize(("architecture", "n_inputs"), [("tree", 9), ("full", 5)])
def test_teachers_of_committees_are_known_and_found(architecture, n_inputs):
    problem = networks.committee_machine(n_inputs, 3, 0.4, architecture, seed=5)
    known = problem.known
    np.testing.assert_allclose(problem.energies(known.ground_states), 0, atol=1e-9)
    tempering = qspin.get_backend(
        "tempering", betas=[0.1, 0.2, 0.4, 0.8, 1.6, 3.2], n_replicas=4, n_sweeps=4_000
    )
    assert tempering.sample(problem, seed=1).best.energy == pytest.approx(0, abs=1e-9)


def test_a_committee_without_teacher_has_random_labels():
    problem = networks.committee_machine(9, 3, 0.5, teacher=False, seed=5)
    assert problem.known.ground_energy is None
    assert problem != networks.committee_machine(9, 3, 0.5, seed=5)


def test_the_last_layer_of_a_network_learns_as_a_perceptron():
    """Against the network itself: its layers, drawn again, one after the other."""
    problem = networks.binary_network([11, 7, 9, 1], 0.5, teacher=False, seed=2)
    rng = np.random.default_rng(2)
    signals = rng.choice([-1, 1], size=(4, 11))
    for before, after in ((11, 7), (7, 9)):
        signals = np.sign(signals @ rng.choice([-1, 1], size=(before, after)))
    labels = rng.choice([-1, 1], size=4)
    weights = all_spins(9)
    solved = (np.sign(weights @ signals.T) == labels).all(axis=1)
    assert 0 < solved.sum() < len(weights)
    np.testing.assert_array_equal(np.abs(lowest_over_slack(problem, weights)) < 1e-9, solved)


def test_learning_both_layers_is_learning_a_committee():
    """A weight of the second layer can be taken into the first: 2^K networks for each committee."""
    assert networks.binary_network([5, 3, 1], 0.5, "all", seed=4) == networks.committee_machine(
        5, 3, 0.5, "full", seed=4
    )
    xi = np.random.default_rng(1).choice([-1, 1], size=(7, 5))
    first = all_spins(15).reshape(-1, 3, 5)
    hidden = np.sign(first @ xi.T)
    of_networks = sum(int((np.sign(a @ hidden) > 0).all(axis=1).sum()) for a in all_spins(3))
    assert of_networks == 8 * int((says(first, xi, "full") > 0).all(axis=1).sum()) > 0


def test_teachers_of_networks_are_known():
    for learned in ("last", "all"):
        problem = networks.binary_network([7, 5, 1], 1.0, learned, seed=3)
        np.testing.assert_allclose(problem.energies(problem.known.ground_states), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.perceptron_problem([[1, -1]]), "odd number of weights; got 2"),
        (lambda: networks.perceptron_problem([1, -1, 1]), r"shape \(P, N\)"),
        (lambda: networks.perceptron_problem([[1, 0, 1]]), r"-1 or \+1"),
        (lambda: networks.symmetric_problem([[1, -1, 1]], 0.1), "lies below every"),
        (lambda: networks.binary_perceptron(5, 0.01, seed=0), "at least 1 pattern"),
        (lambda: networks.binary_perceptron(6, 1.0, teacher=True, seed=0), "odd number of weights; got 6"),
        (lambda: networks.binary_perceptron(10**6 + 1, 1.0, seed=0), "GiB of this machine"),
        (lambda: networks.perceptron_problem([[1, 1, -1]], solution=[-1, -1, 1]), "leaves 1 of 1"),
        (lambda: networks.perceptron_problem([[1, 1, -1]], solution=[1, -1]), r"shape \(\.\.\., 3\)"),
        (lambda: networks.committee_problem([[1, -1, 1]], 2), "odd number of hidden units, n_hidden; got 2"),
        (lambda: networks.committee_problem([[1, -1, 1]], 0), "n_hidden must be at least 1; got 0"),
        (lambda: networks.committee_problem([[1] * 8], 3), "1/3 of its inputs, an odd number of them; got 8"),
        (lambda: networks.committee_problem([[1] * 12], 3), "an odd number of them; got 12 inputs for 3"),
        (lambda: networks.committee_problem([[1] * 6], 3, architecture="full"), "takes its inputs, an odd"),
        (lambda: networks.committee_problem([[1] * 3], 3, architecture="net"), "'tree' or 'full'; got 'net'"),
        (lambda: networks.committee_problem(np.empty((0, 9)), 3), "at least one of each"),
        (lambda: networks.committee_problem([[1] * 9], 3, solution=[[1] * 3]), r"weights \(3, 3\), a row"),
        (lambda: networks.committee_problem([[1] * 9], 3, solution=-np.ones((3, 3))), "leaves 1 of 1"),
        (lambda: networks.committee_machine(9, 3, 0.01, seed=0), "at least 1 pattern; got 0.01 x 9"),
        (lambda: networks.committee_machine(10**5 - 1, 3, 1.0, seed=0), "GiB of this machine"),
        (lambda: networks.binary_network([9, 4, 1], 1.0, seed=0), r"odd sizes.* got \[9, 4, 1\]"),
        (lambda: networks.binary_network([9, 3, 3], 1.0, seed=0), "one output last"),
        (lambda: networks.binary_network(9, 1.0, seed=0), "at least two odd sizes"),
        (lambda: networks.binary_network("9-5-1", 1.0, seed=0), "layers must be real numbers"),
        (lambda: networks.binary_network([9, 5, 3, 1], 1.0, "all", seed=0), "where there are at most two"),
        (lambda: networks.binary_network([9, 5, 1], 1.0, "first", seed=0), "'last' or 'all'; got 'first'"),
    ],
)
def test_perceptrons_that_cannot_be(call, message):
    with pytest.raises(InputError, match=message):
        call()
