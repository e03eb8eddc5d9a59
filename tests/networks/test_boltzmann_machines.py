"""Boltzmann machines: energies, free energies and problems against sums that are written out."""

from __future__ import annotations

import hashlib
import itertools
import math

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
    reconstruct,
    sample,
)
from qspin.networks.boltzmann.machines import generator_of, parameters_digest

GRAPH = nx.Graph([(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 0), (4, 5), (5, 1)])
CPU = torch.device("cpu")


def values(units, n):
    low = -1 if units == "spins" else 0
    return np.array(list(itertools.product([low, 1], repeat=n)))


def machines(units):
    return {
        "restricted": randomised(RestrictedBoltzmannMachine(4, 3, units), scale=0.8),
        "wide": randomised(RestrictedBoltzmannMachine(3, 5, units), scale=0.8),
        "none hidden": randomised(BoltzmannMachine(GRAPH, [], units=units), scale=0.8),
        "hidden apart": randomised(BoltzmannMachine(GRAPH, [0, 3], units=units), scale=0.8),
        "hidden together": randomised(BoltzmannMachine(GRAPH, [0, 4, 2, 5], units=units), scale=0.8),
    }


CASES = [(units, name) for units in ("spins", "bits") for name in machines(units)]


def by_hand(machine, x):
    """Energies from the parameters, as the docstrings write them."""
    if isinstance(machine, RestrictedBoltzmannMachine):
        w, b, c = (p.detach().numpy() for p in machine.parameters())
        v, h = x[:, : machine.n_visible], x[:, machine.n_visible :]
        return -np.einsum("ki,ij,kj->k", v, w, h) - v @ b - h @ c
    place = {label: k for k, label in enumerate(machine.labels)}
    energy = x @ machine.fields.detach().numpy()
    for (u, v), coupling in zip(machine.edges, machine.couplings.tolist(), strict=True):
        energy = energy + coupling * x[:, place[u]] * x[:, place[v]]
    return energy


def test_problems_follow_the_parameters_over_one_pattern():
    machine = RestrictedBoltzmannMachine(4, 3, seed=1)
    first = machine.problem()
    randomised(machine)
    i, j, couplings, fields, constant = machine.terms()
    made = qspin.IsingProblem.from_edges(7, i, j, couplings, fields, constant, machine.problem_labels)
    second = machine.problem()
    assert second == made != first
    assert second.labels == made.labels
    np.testing.assert_array_equal(second.couplings.indices, made.couplings.indices)
    np.testing.assert_array_equal(first.couplings.indices, made.couplings.indices)
    with torch.no_grad():
        machine.weights[1, 2] = torch.nan
    with pytest.raises(InputError, match=r"couplings must be finite; J\[1, 6\] is nan"):
        machine.problem()


@pytest.mark.parametrize(("units", "name"), CASES)
def test_energies_and_problem(units, name):
    machine = machines(units)[name]
    n = len(machine.labels)
    x = values(units, n)
    expected = by_hand(machine, x)
    np.testing.assert_allclose(machine.energies(x).detach(), expected, atol=1e-12)
    problem = machine.problem()
    np.testing.assert_allclose(problem.energies(values("spins", n)), expected, atol=1e-12)
    assert list(problem.labels) == list(machine.labels)
    groups = problem.known.groups
    assert groups["visible"].tolist() == list(range(machine.n_visible))
    assert machine.n_hidden == len(groups.get("hidden", ()))
    np.testing.assert_array_equal(machine.from_spins(values("spins", n)), x)


@pytest.mark.parametrize(("units", "name"), CASES)
def test_free_energy_sums_over_hidden_units(units, name):
    machine = machines(units)[name]
    n_visible, n_hidden = machine.n_visible, machine.n_hidden
    for v in values(units, n_visible):
        both = np.array([[*v, *h] for h in values(units, n_hidden)])
        expected = -np.logaddexp.reduce(-by_hand(machine, both))
        assert machine.free_energy(v).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("units", "name"), CASES)
def test_both_sides_sum_to_one_partition_function(units, name):
    machine = machines(units)[name]
    expected = np.logaddexp.reduce(-by_hand(machine, values(units, len(machine.labels))))
    for side, (n, _) in machine.sides().items():
        states = torch.as_tensor(values(units, n), dtype=torch.float64)
        assert torch.logsumexp(-machine.side_energy(side, states), 0).item() == pytest.approx(expected)


def test_a_hybrid_machine_is_a_hopfield_model():
    """PHYSICS: integrated over Gaussian units it is exp[(beta / 2N) sum (xi . s)^2], by enumeration."""
    rng = np.random.default_rng(1)
    xi, beta = rng.choice([-1, 1], size=(3, 10)), 0.7
    machine = HybridBoltzmannMachine.hopfield(xi, beta)
    s = values("spins", 10)
    expected = beta / (2 * 10) * ((s @ xi.T) ** 2).sum(axis=1)
    found = -machine.free_energy(s).detach().numpy() - 3 / 2 * math.log(2 * math.pi)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(machine.problem().energies(s), machine.free_energy(s).detach(), atol=1e-10)
    hebb = beta * networks.hebbian(xi).toarray()
    np.testing.assert_allclose(machine.problem().toarray(), hebb, atol=1e-12)
    log_p = expected - np.logaddexp.reduce(expected)
    found = [networks.log_likelihood(machine, [row]).value for row in s[:3]]
    np.testing.assert_allclose(found, log_p[:3], atol=1e-10)


@pytest.mark.parametrize("units", ["spins", "bits"])
def test_a_hybrid_machine_with_biases(units):
    """Its marginal by a Gauss-Hermite integral over one hidden unit."""
    machine = randomised(HybridBoltzmannMachine(3, 1, units), scale=0.5)
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    for v in values(units, 3):
        x = np.array([[*v, z] for z in points])
        rest = machine.energies(x).detach().numpy() - points**2 / 2
        expected = -np.log((weights * np.exp(-rest)).sum())
        assert machine.free_energy(v).item() == pytest.approx(expected, abs=1e-10)
        spins = 2 * v - 1 if units == "bits" else v
        assert float(machine.problem().energies(spins)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("units", "name"), CASES)
def test_conditionals_are_the_problem_of_the_rest(units, name):
    machine = machines(units)[name]
    x = values(units, len(machine.labels))
    held = {machine.visible[0]: x[-1, 0], machine.visible[-1]: x[0, 0]}
    rest = machine.conditional(held)
    fitting = x[(x[:, 0] == x[-1, 0]) & (x[:, machine.n_visible - 1] == x[0, 0])]
    spins = 2 * fitting - 1 if units == "bits" else fitting
    left = [k for k, label in enumerate(machine.labels) if label not in held]
    np.testing.assert_allclose(rest.energies(spins[:, left]), by_hand(machine, fitting), atol=1e-12)


@pytest.mark.parametrize(("units", "name"), CASES)
def test_sweeps_keep_the_distribution(units, name):
    """Of 6000 chains that start at independent samples; a chi-squared test over all configurations."""
    from scipy.stats import chisquare

    from qspin.networks.boltzmann.enumeration import enumerated

    machine = machines(units)[name]
    n, generator = len(machine.labels), generator_of(5, CPU)
    found = enumerated(machine)
    x = found.draws(machine, 6_000, generator)
    expected = np.exp(-by_hand(machine, values(units, n)))
    expected *= len(x) / expected.sum()
    for _ in range(2):  # independent samples, and these after a sweep
        numbers = ((x > 0).long() @ (1 << torch.arange(n).flip(0))).numpy()
        counts = np.bincount(numbers, minlength=2**n)
        rare = expected < 10
        pooled = [np.append(a[~rare], a[rare].sum()) for a in (counts, expected)]
        assert chisquare(*pooled).pvalue > 1e-4
        x = machine.swept(x, generator)


def test_a_sweep_may_hold_visible_units():
    machine = machines("spins")["hidden together"]
    x = torch.as_tensor(values("spins", 6), dtype=torch.float64)
    after = machine.swept(x, generator_of(0, CPU), hold_visible=True)
    assert torch.equal(after[:, :2], x[:, :2])
    assert not torch.equal(after, x)


def test_state_dicts_carry_what_they_belong_to(tmp_path):
    machine = randomised(BoltzmannMachine(GRAPH, [0, 3], units="bits"), scale=0.8)
    torch.save(machine.state_dict(), tmp_path / "machine.pt")
    stored = torch.load(tmp_path / "machine.pt", weights_only=True)
    other = BoltzmannMachine(GRAPH, [0, 3], units="bits")
    other.load_state_dict(stored)
    assert other.problem() == machine.problem()
    assert all(isinstance(tensor, torch.Tensor) for tensor in stored.values())  # so that any file keeps them


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (BoltzmannMachine(GRAPH, [0, 3]), "its units are bits, here spins"),
        (BoltzmannMachine(GRAPH, [3, 0], units="bits"), "units are not the 6 here; the first difference"),
        (BoltzmannMachine(GRAPH, [0], units="bits"), "number of visible units is 4"),
        (RestrictedBoltzmannMachine(4, 2, "bits"), "its kind is BoltzmannMachine"),
        (
            BoltzmannMachine(nx.Graph([*list(GRAPH.edges)[:-1], (5, 3)]), [0, 3], units="bits"),
            "another graph: its 8 edges are not the 8 here; the first difference",
        ),
    ],
)
def test_a_state_dict_of_another_machine_is_refused(other, message):
    stored = randomised(BoltzmannMachine(GRAPH, [0, 3], units="bits"), scale=0.8).state_dict()
    before = [p.clone() for p in other.parameters()]
    with pytest.raises(InputError, match=message):
        other.load_state_dict(stored)
    assert all(torch.equal(one, two) for one, two in zip(before, other.parameters(), strict=True))


def test_a_state_dict_that_says_nothing_is_refused():
    machine = RestrictedBoltzmannMachine(2, 2)
    stored = machine.state_dict()
    with pytest.raises(InputError, match="holds no description of a machine"):
        machine.load_state_dict({**stored, "_extra_state": torch.tensor([1, 2], dtype=torch.uint8)})
    del stored["_extra_state"]
    with pytest.raises(InputError, match="does not tell which units and graph"):
        machine.load_state_dict(stored)


USES = {
    "fit": lambda machine: networks.fit_boltzmann(machine, np.ones((2, 3)), "cd", seed=0, n_steps=1),
    "log_likelihood": lambda machine: networks.log_likelihood(machine, np.ones((2, 3))),
    "annealed": lambda machine: networks.log_likelihood(machine, np.ones((2, 3)), "ais"),
    "sample": lambda machine: sample(machine, 2, seed=0),
    "sample exactly": lambda machine: sample(machine, 2, "exact", seed=0),
    "reconstruct": lambda machine: reconstruct(machine, {"v0": 1}, seed=0),
}


@pytest.mark.filterwarnings("ignore:Complex modules:UserWarning")
@pytest.mark.parametrize("use", USES)
def test_what_is_no_machine_of_finite_numbers_is_refused_before_work(use):
    wrong = [
        (
            RestrictedBoltzmannMachine(3, 2).to(torch.complex64),
            "of float32 and float64; got .*complex64",
        ),
        (RestrictedBoltzmannMachine(3, 2).to(torch.float8_e4m3fn), "must be of float32 .*float8_e4m3fn"),
        (RestrictedBoltzmannMachine(3, 2).half(), r"float16: machine.to\(torch.float32\)"),
        (RestrictedBoltzmannMachine(3, 2).to("meta"), "lie on the device 'meta', which holds no values"),
        (torch.nn.Linear(3, 2), "qspin.networks.*got Linear"),
        (None, "qspin.networks.*got None"),
    ]
    for name, value in (("weights", math.nan), ("visible_biases", math.inf), ("hidden_biases", math.nan)):
        machine = RestrictedBoltzmannMachine(3, 2)
        with torch.no_grad():
            machine.get_parameter(name).view(-1)[1] = value
        wrong.append((machine, f"{name} of the machine must be finite; got {value:g} in 1 of"))
    for machine, message in wrong:
        with pytest.raises(InputError, match=message):
            USES[use](machine)


@pytest.mark.filterwarnings("ignore:Complex modules:UserWarning")
def test_energies_are_of_real_numbers():
    for machine in (RestrictedBoltzmannMachine(3, 2), HybridBoltzmannMachine(3, 2)):
        for call, x in (
            (machine.energies, np.ones((2, 5)) + 5j),
            (machine.free_energy, torch.ones(2, 3) + 5j),
            (lambda x, own=machine: networks.log_likelihood(own, x), np.ones((2, 3)) + 0j),
        ):
            with pytest.raises(InputError, match="real numbers; got torch.complex"):
                call(x)
        with pytest.raises(InputError, match="must be of float32 and float64; got torch.complex64"):
            machine.to(torch.complex64).problem()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *(
            (lambda own=dtype: RestrictedBoltzmannMachine(2, 2, dtype=own), f"float32 and float64.*{dtype}")
            for dtype in (torch.float16, torch.complex64, torch.float8_e4m3fn, torch.bool, torch.int64)
        ),
        (lambda: BoltzmannMachine(GRAPH, [], dtype=torch.complex64), "float32 and float64 .*complex64"),
        (lambda: RestrictedBoltzmannMachine(2, 2, dtype="float64"), "of torch; got 'float64'"),
        (lambda: RestrictedBoltzmannMachine(2, 2, spread=-1), "spread is a standard deviation.*got -1"),
        (lambda: BoltzmannMachine(GRAPH, [], spread=True), "spread must be a number; got True"),
        (lambda: BoltzmannMachine(GRAPH, hidden=1), r"hidden takes names of nodes, .*hidden=\[...\]; got 1"),
        (lambda: BoltzmannMachine(GRAPH, visible=0), "visible takes names of nodes"),
        (lambda: RestrictedBoltzmannMachine(0, 2), "n_visible must be at least 1"),
        (lambda: RestrictedBoltzmannMachine(2, 2, "binary"), "units must be 'spins' .* or 'bits'"),
        (lambda: BoltzmannMachine(GRAPH), "does not say which units are visible"),
        (lambda: BoltzmannMachine(GRAPH, [9]), "hidden names 9, which is no node"),
        (lambda: BoltzmannMachine(GRAPH, list(GRAPH)), "at least one visible unit"),
        (lambda: BoltzmannMachine(GRAPH, [0], visible=[0, 1, 2, 3, 4, 5]), "named twice"),
        (lambda: BoltzmannMachine(GRAPH, [0], visible=[1, 2]), "node 3 is neither visible nor hidden"),
        (lambda: BoltzmannMachine(nx.DiGraph([(0, 1)]), []), "must be undirected"),
        (lambda: BoltzmannMachine(nx.Graph([(0, 0)]), []), "joined to itself"),
        (lambda: BoltzmannMachine([(0, 1)], []), "on a graph of networkx; got list"),
        (lambda: HybridBoltzmannMachine.hopfield([[1, -1]], -1), "beta must not be negative"),
        (lambda: RestrictedBoltzmannMachine(2, 1).conditional({"v9": 1}), "conditional names 'v9'"),
        (
            lambda: RestrictedBoltzmannMachine(2, 1).conditional({"v0": 0}),
            "must be -1 or \\+1, a value of spins",
        ),
        (lambda: RestrictedBoltzmannMachine(2, 1, "bits").conditional({"v0": -1}), "must be 0 or 1"),
        (lambda: RestrictedBoltzmannMachine(2, 1).energies([[1, 1]]), "must have shape \\(..., 3\\)"),
        (lambda: RestrictedBoltzmannMachine(2, 1).free_energy([[0, 1]]), "bits x become spins by 2 x - 1"),
        (lambda: RestrictedBoltzmannMachine(2, 1, "bits").free_energy([[-1, 1]]), "spins s become bits"),
        (lambda: RestrictedBoltzmannMachine(2, 1, "bits").free_energy([[0.5, 1]]), "must be 0 or 1.*got 0.5"),
    ],
)
def test_what_is_no_machine(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("kind", [RestrictedBoltzmannMachine, HybridBoltzmannMachine])
@pytest.mark.parametrize(("n_visible", "n_hidden"), [(60_000, 30_000), (10**7, 10**7)])
def test_a_machine_beyond_memory_is_refused_before_it_is_made(kind, n_visible, n_hidden, monkeypatch):
    monkeypatch.setattr("qspin.memory.machine_memory", lambda: 2**33)
    with pytest.raises(CapacityError, match=f"of {n_visible} visible and {n_hidden} hidden units take"):
        kind(n_visible, n_hidden)


def test_machines_draws_and_phases_are_found_beside_networks():
    from qspin.networks import boltzmann

    for name in ("sample", "reconstruct", "SampledPhase", "GibbsPhase", "ExactPhase", "BoltzmannMachine"):
        assert name in networks.__all__
        assert getattr(networks, name) is getattr(boltzmann, name)


def test_too_many_hidden_units_together():
    machine = BoltzmannMachine(nx.path_graph(30), range(10, 30))
    with pytest.raises(CapacityError, match="20 hidden units are coupled to each other"):
        machine.free_energy(np.ones((1, 10)))


def test_a_machine_is_sampled_by_a_backend():
    machine = randomised(RestrictedBoltzmannMachine(3, 2, "bits"), scale=1.5)
    samples = qspin.get_backend("exact", betas=[1.0], n_replicas=2_000).sample(machine.problem(), seed=1)
    x = values("bits", 5)
    weights = np.exp(-by_hand(machine, x))
    means = (weights / weights.sum()) @ x
    found = machine.from_spins(samples.spins.values.reshape(-1, 5)).numpy()
    errors = np.sqrt(means * (1 - means) / len(found))
    assert (np.abs(found.mean(axis=0) - means) < 4 * errors).all()


def test_parameters_of_several_machines_have_one_digest():
    one, other = (randomised(RestrictedBoltzmannMachine(3, 2), scale=scale) for scale in (0.5, 1.5))
    numbers = [p.detach().numpy().tobytes() for machine in (one, other) for p in machine.parameters()]
    assert parameters_digest([one, other], "head") == hashlib.sha256(b"head" + b"".join(numbers)).hexdigest()
    digests = {parameters_digest(own) for own in ([one], [other], [one, other], [other, one])}
    assert len(digests) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: RestrictedBoltzmannMachine(3, 2, seed=seed),
        lambda seed: HybridBoltzmannMachine(3, 2, seed=seed),
        lambda seed: BoltzmannMachine(nx.complete_graph(3), [2], seed=seed),
        lambda seed: networks.log_likelihood(RestrictedBoltzmannMachine(3, 2), np.ones((2, 3)), seed=seed),
        lambda seed: sample(RestrictedBoltzmannMachine(3, 2), 2, seed=seed),
    ],
)
@pytest.mark.parametrize(
    ("seed", "message"),
    [(-1, "at least 0; got -1"), (1.5, "an integer; got 1.5"), ("a", "got 'a'"), (None, "got None")],
)
def test_seeds_that_are_none(make, seed, message):
    with pytest.raises(InputError, match=f"seed must be .*{message}"):
        make(seed)
