"""Operators and circuits, bit by bit."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import qaoa_ansatz
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qspin_backends.qaoa import problem_of, to_pauli
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.circuit import coloured, qaoa_circuit, spins_of, summary
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.statevector import StateVector

import qspin
from qspin.errors import InputError
from qspin.testing import small_problems


class TestPauli:
    def test_there_and_back(self):
        for name, problem in small_problems().items():
            if problem.n_spins:  # Qiskit has no operator on no qubit
                assert problem_of(to_pauli(problem), problem.labels) == problem, name

    def test_energies_are_its_diagonal(self, glass):
        spins = 1 - 2 * ((np.arange(2**10)[:, None] >> np.arange(10)) & 1)
        diagonal = to_pauli(glass).to_matrix(sparse=True).diagonal()
        np.testing.assert_allclose(diagonal, glass.energies(spins), atol=1e-12)

    def test_equal_terms_add_up(self):
        operator = SparsePauliOp(["ZZ", "ZZ", "IZ", "II"], [1.0, 0.5, 2.0, -1.0])
        assert problem_of(operator) == qspin.IsingProblem([[0, 1.5], [1.5, 0]], [2.0, 0.0], -1.0)

    @pytest.mark.parametrize(
        ("operator", "message"),
        [
            (SparsePauliOp(["XI"]), "has X on qubits"),
            (SparsePauliOp(["ZZZ"]), "has ZZZ on qubits"),
            (SparsePauliOp(["ZI"], [1j]), "energies are real"),
        ],
    )
    def test_what_is_no_ising_problem(self, operator, message):
        with pytest.raises(InputError, match=message):
            problem_of(operator)


class TestState:
    @pytest.mark.parametrize("kind", ["shared", "multi", "warm"])
    def test_circuit_and_state_vector_prepare_the_same(self, glass, kind):
        rng = np.random.default_rng(3)
        angles = Angles.of(rng.normal(size=3), rng.normal(size=3))
        if kind == "multi":
            n_terms = len(Terms.of(glass))
            angles = Angles.of(rng.normal(size=(2, n_terms)), rng.normal(size=(2, 10)))
        tilts = Tilts(rng.uniform(0.4, 2.7, size=10)) if kind == "warm" else None
        state = Statevector(qaoa_circuit(glass, angles, tilts, measured=False))
        with StateVector(glass, tilts) as vector:
            np.testing.assert_allclose(vector.probabilities(angles), state.probabilities(), atol=1e-12)
            energy = state.expectation_value(to_pauli(glass)).real
            assert vector.value(angles, Expectation()) == pytest.approx(energy, abs=1e-10)

    def test_aer_agrees_on_expectation_and_gradient(self, glass):
        """Central differences of Aer's expectation, 1e-6."""

        def energy(angles):
            circuit = qaoa_circuit(glass, angles, measured=False)
            circuit.save_expectation_value(to_pauli(glass), range(10))
            return AerSimulator(method="statevector").run(circuit).result().data()["expectation_value"]

        angles = Angles.of([0.4, 0.7], [0.5, 0.2])
        with StateVector(glass) as vector:
            value, gradient = vector.value_and_gradient(angles, Expectation())
        assert value == pytest.approx(energy(angles), abs=1e-6)
        for k, slope in enumerate(gradient.vector):
            shift = 1e-4 * (np.arange(4) == k)
            above, below = (energy(angles.moved_to(angles.vector + s * shift)) for s in (1, -1))
            assert slope == pytest.approx((above - below) / 2e-4, abs=1e-6)

    def test_qaoa_ansatz_prepares_the_same_in_more_layers(self):
        """Qiskit's own circuit, whose parameters come beta first, then gamma."""
        graphs = {
            "dense": qspin.instances.sherrington_kirkpatrick(8, seed=1),
            "sparse": qspin.IsingProblem.from_networkx(nx.random_regular_graph(3, 8, seed=1)),
        }
        angles = Angles.of([0.3, 0.6], [0.5, 0.2])
        for problem in graphs.values():
            mixer = SparsePauliOp.from_sparse_list([("X", [i], -1.0) for i in range(8)], 8)
            theirs = qaoa_ansatz(to_pauli(problem), reps=2, mixer_operator=mixer)
            theirs = theirs.assign_parameters([*angles.beta, *angles.gamma])
            ours = qaoa_circuit(problem, angles, measured=False)
            np.testing.assert_allclose(
                Statevector(ours).probabilities(), Statevector(theirs).probabilities(), atol=1e-12
            )
            layers = [
                summary(transpile(circuit, basis_gates=["cx", "rz", "sx"]))["two_qubit_depth"]
                for circuit in (ours, theirs)
            ]
            assert layers[0] < 0.8 * layers[1]


class TestColours:
    @pytest.mark.parametrize("n", [2, 3, 8, 9])
    def test_dense(self, n):
        problem = qspin.instances.sherrington_kirkpatrick(n, seed=1)
        circuit = qaoa_circuit(problem, Angles.of([0.3], [0.4]), measured=False)
        assert summary(circuit)["two_qubit_depth"] == n - 1 + n % 2
        assert summary(circuit)["two_qubit_gates"] == n * (n - 1) // 2

    def test_sparse_with_fields(self):
        graph = nx.random_regular_graph(3, 20, seed=4)
        problem = qspin.IsingProblem(
            qspin.IsingProblem.from_networkx(graph).couplings, np.random.default_rng(1).normal(size=20)
        )
        terms = Terms.of(problem)
        order = coloured(terms)
        assert sorted(order) == list(range(len(terms)))
        assert (terms.j[order[:20]] == -1).all()
        circuit = qaoa_circuit(problem, Angles.of([0.3], [0.4]), measured=False)
        assert summary(circuit)["two_qubit_depth"] <= 4


class TestBits:
    @pytest.mark.parametrize("flipped", list(itertools.product([0, 1], repeat=4)))
    def test_every_configuration(self, flipped):
        circuit = QuantumCircuit(4)
        for qubit, bit in enumerate(flipped):
            if bit:
                circuit.x(qubit)
        circuit.measure_all()
        memory = AerSimulator().run(circuit, shots=2, memory=True).result().get_memory()
        np.testing.assert_array_equal(spins_of(memory, 4), [[1 - 2 * bit for bit in flipped]] * 2)

    @pytest.mark.parametrize("device", ["aer", "ibm"])
    def test_a_strong_field_decides_on_its_own_spin(self, device):
        """Three spins, fields of different signs: at the best angles each follows its own."""
        problem = qspin.IsingProblem(np.zeros((3, 3)), fields=[1.0, -1.0, 1.0], labels=["a", "b", "c"])
        given = {"gamma": [np.pi / 4], "beta": [np.pi / 4]}
        if device == "ibm":
            pytest.importorskip("qiskit_ibm_runtime")
        local = {"channel": "local", "backend": "fake_manila"} if device == "ibm" else {}
        sampler = qspin.get_backend("qaoa", device=device, angles=given, n_shots=200, **local)
        means = sampler.sample(problem, seed=1).spins.values.mean(axis=(0, 1, 2))
        assert (means * [-1, 1, -1] > 0.8).all()
