"""Machines from files, from problems, and what is drawn from them, against enumeration."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread, randomised  # noqa: F401

import qspin
from qspin import networks
from qspin.errors import CapacityError, InputError
from qspin.networks.boltzmann import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    RestrictedBoltzmannMachine,
    read_machine,
    reconstruct,
    sample,
)

MACHINES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "grbm"
STANDARD_ERRORS = 4.5
GRAPH = nx.Graph([("a", (0, 1)), ("a", 2), ((0, 1), 2), (2, "b"), ("b", "c"), ("c", "a")])


def machines(units):
    return {
        "restricted": randomised(RestrictedBoltzmannMachine(3, 2, units)),
        "hybrid": randomised(HybridBoltzmannMachine(3, 2, units)),
        "none hidden": randomised(BoltzmannMachine(GRAPH, [], units=units)),
        "hidden apart": randomised(BoltzmannMachine(GRAPH, [(0, 1), "c"], units=units)),
        "hidden together": randomised(BoltzmannMachine(GRAPH, ["b", "c"], units=units)),
    }


CASES = [(units, name) for units in ("spins", "bits") for name in machines("spins")]


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "name"), CASES)
def test_a_machine_comes_back_from_its_file(units, name, tmp_path):
    machine = machines(units)[name]
    torch.save(machine.state_dict(), tmp_path / "machine.pt")
    again = read_machine(tmp_path / "machine.pt")
    assert type(again) is type(machine)
    assert again.description() == machine.description()
    assert again.problem() == machine.problem()
    assert all(torch.equal(p, q) for p, q in zip(again.parameters(), machine.parameters(), strict=True))
    problem = networks.read_model(tmp_path / "machine.pt")
    assert problem == machine.problem()
    assert list(problem.known.groups["visible"]) == list(machine.problem().known.groups["visible"])


def test_precision_comes_back_too(tmp_path):
    machine = RestrictedBoltzmannMachine(3, 2, dtype=torch.float32)
    torch.save(machine.state_dict(), tmp_path / "machine.pt")
    assert read_machine(tmp_path / "machine.pt").like.dtype == torch.float32


def test_half_precision_comes_back_as_single(tmp_path):
    machine = randomised(RestrictedBoltzmannMachine(3, 2, dtype=torch.float32)).half()
    torch.save(machine.state_dict(), tmp_path / "machine.pt")
    again = read_machine(tmp_path / "machine.pt")
    assert again.like.dtype == torch.float32
    assert torch.equal(again.weights, machine.weights.float())


def changed(**tensors):
    state = RestrictedBoltzmannMachine(3, 2).state_dict()
    return {**state, **tensors}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0.weight": torch.ones(2, 3)}, "holds no Boltzmann machine but 0.weight"),
        (changed(weights=torch.ones(3, 3)), "do not fit the machine that it describes"),
        (changed(weights=torch.full((3, 2), torch.nan)), "are finite numbers, those of weights are not"),
        (changed(_extra_state=torch.ones(3, dtype=torch.uint8)), "no description of a machine"),
        (
            changed(
                _extra_state=torch.frombuffer(
                    bytearray(b'{"kind":"Other","units":"spins","labels":["a"],"n_visible":1,"edges":null}'),
                    dtype=torch.uint8,
                )
            ),
            "a machine of kind 'Other'",
        ),
        (
            changed(
                _extra_state=torch.frombuffer(
                    bytearray(b'{"kind":"Other","units":"spins","labels":["a"],"n_visible":2,"edges":null}'),
                    dtype=torch.uint8,
                )
            ),
            "2 of 1 units are visible",
        ),
    ],
)
def test_files_that_hold_no_machine(content, message, tmp_path):
    torch.save(content, tmp_path / "none.pt")
    with pytest.raises(InputError, match=message):
        read_machine(tmp_path / "none.pt")


def test_shuffles_of_a_machine_of_ours(tmp_path):
    machine = machines("bits")["hidden apart"]
    torch.save(machine.state_dict(), tmp_path / "machine.pt")
    problem, drawn = machine.problem(), networks.read_model(tmp_path / "machine.pt", shuffle=1)
    assert drawn != problem
    np.testing.assert_array_equal(np.sort(drawn.edges[2]), np.sort(problem.edges[2]))
    np.testing.assert_array_equal(np.sort(drawn.fields), np.sort(problem.fields))
    assert (list(drawn.labels), set(drawn.known.groups)) == (list(problem.labels), {"visible", "hidden"})
    with pytest.raises(InputError, match="can be shuffled, not drawn anew"):
        networks.read_model(tmp_path / "machine.pt", reinitialise=0)
    with pytest.raises(InputError, match="leave out biases"):
        networks.read_model(tmp_path / "machine.pt", biases=True)


def test_a_machine_of_the_plugin(tmp_path):
    """Visible units are columns in the order in which the file numbers them."""
    content = {
        "_linear": torch.tensor([0.5, -0.25, 0.125]),
        "_quadratic": torch.tensor([1.0, -0.5]),
        "_edge_idx_i": torch.tensor([1, 0]),
        "_edge_idx_j": torch.tensor([2, 1]),
        "_visible_idx": torch.tensor([2, 0]),
        "_hidden_idx": torch.tensor([1]),
    }
    torch.save(content, tmp_path / "grbm.pth")
    machine = read_machine(tmp_path / "grbm.pth")
    assert (machine.visible, machine.hidden) == ((2, 0), (1,))
    for s in itertools.product([-1, 1], repeat=3):
        by_hand = 0.5 * s[0] - 0.25 * s[1] + 0.125 * s[2] + s[1] * s[2] - 0.5 * s[0] * s[1]
        assert machine.energies([s[2], s[0], s[1]]).item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.skipif(not MACHINES.is_dir(), reason="no recorded machines (shared/data/grbm)")
def test_recorded_machines():
    file = min(MACHINES.glob("*.pth"), key=lambda path: path.stat().st_size)
    machine, problem = read_machine(file), networks.read_model(file)
    s = np.random.default_rng(0).choice([-1, 1], size=(20, problem.n_spins))
    place = {label: k for k, label in enumerate(problem.labels)}
    own = s[:, [place[label] for label in machine.labels]]
    np.testing.assert_allclose(machine.energies(own).detach(), problem.energies(s), rtol=0, atol=1e-9)


def test_problems_become_machines():
    problem = machines("spins")["hidden apart"].problem()
    machine = BoltzmannMachine.from_problem(problem)
    assert machine.problem() == problem
    assert BoltzmannMachine.from_problem(qspin.IsingProblem([[0, 1.0], [1.0, 0]])).n_hidden == 0
    with pytest.raises(InputError, match="no node of the graph"):
        BoltzmannMachine.from_problem(problem, ["z"])


# -- draws ----------------------------------------------------------------------------------------


def visible_probabilities(machine):
    """Values of visible units and their probabilities, by the free energy."""
    low = machine.units.low
    v = np.array(list(itertools.product([low, 1], repeat=machine.n_visible)))
    logs = -machine.free_energy(v).detach().numpy()
    weights = np.exp(logs - logs.max())
    return v, weights / weights.sum()


def check_means(rows, v, p):
    """Means and correlations within standard errors of independent draws."""
    rows = np.asarray(rows, dtype=float)
    places = list(itertools.combinations_with_replacement(range(v.shape[1]), 2))
    for features in (lambda x: x, lambda x: np.stack([x[:, i] * x[:, j] for i, j in places], axis=1)):
        expected, found = p @ features(v), features(rows)
        error = np.sqrt(np.maximum(p @ features(v) ** 2 - expected**2, 0) / len(rows)) + 1e-12
        assert np.abs((found.mean(0) - expected) / error).max() < STANDARD_ERRORS


def sweeps(sampler):
    return {"n_sweeps": 30} if sampler == "gibbs" else {}


@pytest.mark.parametrize("sampler", ["exact", "gibbs"])
@pytest.mark.parametrize(("units", "name"), CASES)
def test_draws_are_of_the_model(units, name, sampler):
    machine = machines(units)[name]
    rows = sample(machine, 4_000, sampler, seed=1, **sweeps(sampler))
    assert rows.shape == (4_000, machine.n_visible)
    check_means(rows, *visible_probabilities(machine))
    assert torch.equal(rows, sample(machine, 4_000, sampler, seed=1, **sweeps(sampler)))


@pytest.mark.parametrize("sampler", ["exact", "gibbs"])
@pytest.mark.parametrize(("units", "name"), CASES)
def test_the_rest_is_drawn_given_a_part(units, name, sampler):
    machine = machines(units)[name]
    held = machine.visible[1]
    rows = reconstruct(machine, {held: 1}, 4_000, sampler, seed=2, **sweeps(sampler))
    v, p = visible_probabilities(machine)
    p = np.where(v[:, 1] == 1, p, 0)
    check_means(rows, v, p / p.sum())
    assert (rows[:, 1] == 1).all()


def test_hidden_units_may_be_held():
    machine = machines("bits")["hidden apart"]
    rows = reconstruct(machine, {(0, 1): 0}, 4_000, "exact", seed=3)
    x = torch.tensor(list(itertools.product([0, 1], repeat=5)), dtype=torch.float64)
    place = list(machine.labels).index((0, 1))
    p = torch.where(x[:, place] == 0, torch.exp(-machine.energies(x)), 0).detach().numpy()
    check_means(rows, x[:, : machine.n_visible].numpy(), p / p.sum())


def test_a_backend_draws():
    machine = machines("spins")["restricted"]
    exact = qspin.get_backend("exact", betas=[0.5, 1.0], n_replicas=4_000)
    check_means(sample(machine, 4_000, exact, seed=4), *visible_probabilities(machine))
    with pytest.raises(InputError, match="gives 4000 samples at beta = 1, fewer than 4001"):
        sample(machine, 4_001, exact, seed=4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"sampler": "gibs"}, "did you mean 'gibbs'"),
        ({"sampler": 3}, "sampler is one of exact, gibbs, or a backend"),
        ({"n_sweeps": 10, "sampler": "exact"}, "n_sweeps is of sampler='gibbs'"),
        ({"n_sweeps": 0}, "n_sweeps must be at least 1"),
        ({"sampler": qspin.get_backend("exact", betas=[0.5])}, "the machine at beta = 1"),
    ],
)
def test_what_cannot_be_drawn(given, message):
    with pytest.raises(InputError, match=message):
        sample(**{"machine": machines("spins")["restricted"], "n": 3, "seed": 0, **given})


@pytest.mark.parametrize(
    ("clamp", "message"),
    [
        ({"v9": 1}, "v9"),
        ({"v0": 0}, "must be -1 or \\+1"),
        ({"v0": 1, "v1": 1, "v2": -1}, "nothing is left to reconstruct"),
        ([1], "takes a mapping"),
    ],
)
def test_what_cannot_be_held(clamp, message):
    with pytest.raises(InputError, match=message):
        reconstruct(machines("spins")["restricted"], clamp, seed=0)


@pytest.mark.parametrize("n", [10**12, 10**50, 10**5000], ids=["e12", "e50", "e5000"])
@pytest.mark.parametrize("sampler", ["gibbs", "exact"])
@pytest.mark.parametrize("kind", [RestrictedBoltzmannMachine, HybridBoltzmannMachine])
def test_rows_that_would_not_fit_in_memory(kind, sampler, n):
    machine = kind(3, 2)
    with pytest.raises(CapacityError, match="configurations of 5 units take .* take fewer chains or rows"):
        sample(machine, n, sampler, seed=0)
    with pytest.raises(CapacityError, match="configurations of . units take"):
        reconstruct(machine, {"v0": 1}, n, sampler, seed=0)
