"""Shots of Qiskit Aer against probabilities, methods against one another, noise, and mitigation."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qspin_backends.qaoa import aer, to_pauli
from qspin_backends.qaoa.ansatz import Angles
from qspin_backends.qaoa.circuit import qaoa_circuit
from qspin_backends.qaoa.mitigation import mitigated
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.resolved import connected_device
from qspin_backends.qaoa.statevector import StateVector
from scipy import stats

import qspin
from qspin.analysis import overlap_distribution
from qspin.errors import CapacityError, InputError
from qspin.testing import STANDARD_ERRORS, assert_within_errors

SK6 = qspin.instances.sherrington_kirkpatrick(6, seed=3)
FIELDS6 = qspin.IsingProblem(SK6.couplings, [0.4, -0.2, 0.1, 0.9, -0.5, 0.0], labels="abcdef")
LIKELY = 2 * stats.norm.sf(STANDARD_ERRORS)
RING = qspin.IsingProblem.from_edges(60, range(60), [*range(1, 60), 0], [1.0] * 60)


def qaoa(**settings):
    return qspin.get_backend("qaoa", **{"n_shots": 2_000, **settings})


def codes(samples):
    return [remark.code for remark in samples.remarks]


def position(spins):
    """Of configurations in a state vector."""
    return ((1 - spins.astype(np.int64)) // 2) @ (1 << np.arange(spins.shape[-1]))


def fits(samples, probabilities):
    """Chi-squared over configurations that are expected at least five times, the others together."""
    counts = np.bincount(position(samples.spins.values[0, :, 0]), minlength=len(probabilities))
    expected = probabilities * counts.sum()
    often = expected >= 5
    observed, wanted = [*counts[often], counts[~often].sum()], [*expected[often], expected[~often].sum()]
    if wanted[-1] < 1e-9:
        observed, wanted = observed[:-1], wanted[:-1]
    return stats.chisquare(observed, np.array(wanted) * np.sum(observed) / np.sum(wanted)).pvalue


class TestShots:
    @pytest.mark.parametrize("method", ["statevector", "density_matrix", "matrix_product_state"])
    @pytest.mark.parametrize("problem", [SK6, FIELDS6])
    def test_they_follow_the_state(self, method, problem):
        samples = qaoa(depth=2, method=method).sample(problem, seed=4)
        angles = Angles.from_json(samples.info["angles"])
        with StateVector(problem) as vector:
            assert fits(samples, vector.probabilities(angles)) > LIKELY
        assert samples.info["device"]["method"] == method

    @pytest.mark.parametrize(
        "settings",
        [
            {"coupling_map": "line"},
            {"coupling_map": "grid", "basis_gates": ["cz", "rz", "sx", "x"]},
            {"coupling_map": [[5, 4], [4, 3], [3, 2], [2, 1], [1, 0]], "optimization_level": 3},
            {"backend": "fake_guadalupe"},
            {"warm_start": "greedy"},
            {"ansatz": "quench", "depth": 6},
            {"angles": "optimise", "multi_angle": True, "n_starts": 1, "n_iterations": 3},
        ],
    )
    def test_also_on_other_gates_and_graphs(self, settings):
        samples = qaoa(**settings).sample(FIELDS6, seed=4)
        energies = samples.energies.values.ravel()
        error = energies.std(ddof=1) / np.sqrt(len(energies))
        assert_within_errors(energies.mean(), error, samples.info["expected_energy"], what="energy")

    def test_a_graph_is_respected(self):
        info = qaoa(coupling_map="line", basis_gates=["cz", "rz", "sx", "x"]).sample(SK6, seed=1).info
        assert set(info["circuit"]["gates"]) <= {"cz", "rz", "sx", "x", "barrier", "measure"}
        assert info["circuit"]["two_qubit_gates"] > 30  # swaps, and two for every coupling
        line = nx.path_graph(6)
        sampler = qaoa(coupling_map="line")
        circuit = sampler.circuit(SK6)
        for instruction in circuit.data:
            if instruction.operation.num_qubits == 2 and instruction.operation.name != "barrier":
                assert line.has_edge(*[circuit.find_bit(qubit).index for qubit in instruction.qubits])

    def test_calls_and_batches_are_independent(self, monkeypatch):
        """A seeded simulator repeats its shots; here overlaps between calls are those within one."""
        monkeypatch.setattr(aer, "_SHOTS_A_CALL", 500)
        samples = qaoa(n_shots=1_500).sample(SK6, seed=4)
        assert len({batch["seed"] for batch in samples.info["batches"]}) == 3
        spins = samples.spins.values[0, :, 0].reshape(3, 500, 6)
        other = qaoa(n_shots=500).sample(SK6, seed=5).spins.values[0, :, 0]
        for first, second in ((spins[0], spins[1]), (spins[1], spins[2]), (spins[0], other)):
            overlaps = (first.astype(float) * second).mean(axis=1)
            assert abs(overlaps.mean()) < STANDARD_ERRORS * overlaps.std() / np.sqrt(500)

    def test_the_overlap_analysis_reads_them(self):
        """P(q) of the shots is that of two independent measurements of the state."""
        samples = qaoa(depth=2, n_shots=400).sample(FIELDS6, seed=4)
        distribution = overlap_distribution(samples)
        with StateVector(FIELDS6) as vector:
            weights = vector.probabilities(Angles.from_json(samples.info["angles"]))
        spins = 1 - 2 * ((np.arange(64)[:, None] >> np.arange(6)) & 1)
        overlaps = spins @ spins.T / 6
        q = distribution["q"].values
        exact = [weights @ np.isclose(overlaps, value) @ weights for value in q]
        width = 2 / 6
        error = np.maximum(width * distribution["density_error"].values[0], 1e-3)
        assert_within_errors(width * distribution["density"].values[0], error, exact, what="P(q)")

    def test_temperature_is_measured_not_made_up(self):
        samples = qaoa(depth=4).sample(SK6, seed=4)
        assert np.isnan(samples.betas).all()
        assert samples.dataset["beta_effective"].dims == ("beta",)
        assert (samples.dataset["beta_effective"].values > 0).all()
        exact = qspin.get_backend("exact").enumerate(SK6)
        matched = float(samples.dataset["beta_matched"][0])
        assert exact.mean_energy(matched) == pytest.approx(float(samples.energies.mean()), abs=1e-9)


class TestMatrixProductStates:
    def test_without_truncation_the_expectation_is_that_of_the_state(self):
        problem = qspin.IsingProblem.from_networkx(nx.random_regular_graph(3, 12, seed=2))
        angles = Angles.of([0.3], [0.4])
        circuit = qaoa_circuit(problem, angles, measured=False)
        circuit.save_expectation_value(to_pauli(problem), range(12))
        simulator = AerSimulator(method="matrix_product_state", mps_log_data=True)
        with StateVector(problem) as vector:
            assert simulator.run(circuit).result().data()["expectation_value"] == pytest.approx(
                vector.value(angles, Expectation()), abs=1e-6
            )

    def test_truncation_is_reported(self):
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=1)
        rows = []
        for bond in (2, 4, 16):
            sampler = qaoa(depth=2, method="matrix_product_state", max_bond_dimension=bond)
            samples = sampler.sample(problem, seed=1)
            info = samples.info
            rows.append((info["batches"][0]["bond_dimension"], info["batches"][0]["truncation"]))
            assert (bond < 16) == ("bonds-cut-off" in codes(samples))
        assert [bond for bond, _ in rows] == [2, 4, 16]
        assert rows[0][1] > rows[1][1] > 0.01
        assert rows[2][1] < 1e-12

    def test_a_ring_of_sixty(self):
        samples = qaoa(depth=2, n_shots=500).sample(RING, seed=1)
        device = samples.info["device"]
        assert device["method"] == "matrix_product_state"
        assert device["method_reason"] == "60 qubits are more than 26, and bonds need dimension 2^4 at most"
        energies = samples.energies.values.ravel()
        angles = Angles.from_json(samples.info["angles"])
        short = qspin.IsingProblem.from_edges(12, range(12), [*range(1, 12), 0], [1.0] * 12)
        with StateVector(short) as vector:
            expected = 5 * vector.value(angles, Expectation())
        assert samples.info["expected_energy"] == pytest.approx(expected)
        assert_within_errors(energies.mean(), energies.std() / np.sqrt(500), expected, what="energy")


class TestNoise:
    def test_depolarised_to_the_end_all_configurations_are_equally_likely(self):
        for method in ("density_matrix", "statevector"):
            samples = qaoa(noise={"rzz": 1.0, "rx": 1.0}, method=method).sample(FIELDS6, seed=2)
            assert fits(samples, np.full(64, 1 / 64)) > LIKELY

    def test_trajectories_and_density_matrix_agree(self):
        noise = {"rzz": 0.03, "h": 0.01, "readout": [0.02, 0.05]}
        means, errors = [], []
        for method in ("density_matrix", "statevector"):
            energies = qaoa(depth=2, noise=noise, method=method).sample(FIELDS6, seed=2).energies.values
            means.append(energies.mean())
            errors.append(energies.std() / np.sqrt(energies.size))
        assert_within_errors(means[0], np.hypot(*errors), means[1], what="energy")

    def test_readout_errors_flip_that_many_bits(self):
        """A circuit without angles leaves |+...+>, here leaning to +1 by the readout alone."""
        samples = qaoa(
            angles={"gamma": [0.0], "beta": [0.0]}, noise={"readout": [0.1, 0.3]}, n_shots=4_000
        ).sample(SK6, seed=2)
        spins = samples.spins.values.ravel()
        assert_within_errors(spins.mean(), 1 / np.sqrt(spins.size), 0.2, what="magnetisation")

    def test_noise_raises_the_energy(self):
        quiet, noisy, device = (
            qaoa(depth=2, noise=noise).sample(SK6, seed=2)
            for noise in (None, {"rzz": 0.02}, "fake_guadalupe")
        )
        assert quiet.energies.mean() < noisy.energies.mean() < device.energies.mean() < 0.3
        assert device.info["device"]["transpiled_to"] == "fake_guadalupe"
        assert device.info["circuit"]["n_qubits"] == 16

    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            (
                {"noise": {"cx": 0.1}},
                InputError,
                "the circuit has no gate 'cx'.*Valid names: h, readout, rx, ry, rz, rzz",
            ),
            ({"noise": {"rzz": 0.1}, "basis_gates": ["cz", "rz", "sx"]}, InputError, "no gate 'rzz'"),
            ({"noise": "fake_guadalup"}, InputError, "did you mean 'fake_guadalupe'"),
            ({"backend": "ibm_torino"}, InputError, "did you mean 'fake_torino'"),
            ({"backend": "fake_manila"}, CapacityError, "6 spins need as many qubits; fake_manila has 5"),
            ({"coupling_map": [[0, 1], [1, 2]]}, CapacityError, "coupling_map has 3"),
            ({"coupling_map": [[0, 1], [2, 3], [4, 5]]}, CapacityError, "not all connected"),
            ({"method": "tensor_network"}, InputError, "needs a GPU build.*statevector"),
            ({"basis_gates": ["cz", "rz", "sxx", "x"]}, InputError, "no gate 'sxx': did you mean"),
            ({"coupling_map": [[-1, 0], [0, 1]]}, InputError, r"numbered from 0 to 9999; got \[-1, 0\]"),
            ({"coupling_map": [[0, 10**12]]}, InputError, "numbered from 0 to 9999"),
            ({"coupling_map": [[0, 0]]}, InputError, "pairs of different qubits"),
        ],
    )
    def test_what_cannot_run(self, settings, error, message):
        sampler = qaoa(**settings) if "backend" not in settings else None
        for ask in ("check", "sample"):
            with pytest.raises(error, match=message):
                getattr(sampler or qaoa(**settings), ask)(SK6)

    @pytest.mark.parametrize(
        ("noise", "message"),
        [
            ({"rzz": 1.5}, "rzz needs probabilities between 0 and 1, not 1.5"),
            ({"rzz": [0.1, 0.2]}, "rzz takes one probability"),
            ({"readout": [0.1, 0.2, 0.3]}, r"readout one, or P\(1 \| 0\) and P\(0 \| 1\)"),
        ],
    )
    def test_what_is_no_noise(self, noise, message):
        with pytest.raises(InputError, match=message):
            qaoa(noise=noise)

    @pytest.mark.parametrize(
        "other", [{"backend": "fake_torino"}, {"coupling_map": "line"}, {"basis_gates": ["cx"]}]
    )
    def test_noise_of_a_machine_goes_with_its_gates(self, other):
        with pytest.raises(InputError, match="belongs to its gates and graph"):
            qaoa(noise="fake_guadalupe", **other)

    def test_gates_that_are_not_universal(self):
        with pytest.raises(InputError, match="cannot be written in basis_gates.*cz, rz, sx, x"):
            qaoa(basis_gates=["x", "cz"]).sample(SK6, seed=1)


class TestMethods:
    @pytest.mark.parametrize(
        ("problem", "settings", "method", "reason"),
        [
            (SK6, {}, "statevector", "6 qubits are at most 26"),
            (RING, {"depth": 3}, "matrix_product_state", "bonds need dimension 2^6 at most"),
            (
                SK6,
                {"noise": {"rzz": 0.1}},
                "density_matrix",
                "4^6 numbers once are less than 2000 trajectories",
            ),
            (SK6, {"noise": {"rzz": 0.1}, "n_shots": 10}, "statevector", "10 trajectories are less than 4^6"),
            (SK6, {"method": "density_matrix"}, "density_matrix", "as set"),
        ],
    )
    def test_the_choice_is_explained(self, problem, settings, method, reason):
        device = qaoa(**settings).sample(problem, seed=1).info["device"]
        assert device["method"] == method
        assert reason in device["method_reason"]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({}, r"state vectors of 50 qubits take .* GiB.*matrix_product_state.*max_bond_dimension it fits"),
            ({"method": "density_matrix"}, "density matrices of 50 qubits"),
            ({"method": "matrix_product_state"}, r"bonds of 2\^25 take .* GiB.*set max_bond_dimension"),
        ],
    )
    def test_more_qubits_than_memory(self, settings, message):
        problem = qspin.instances.sherrington_kirkpatrick(50, seed=1)
        sampler = qaoa(n_shots=10, **settings)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(CapacityError, match=message):
                ask(problem)

    def test_a_bond_dimension_makes_it_fit(self):
        problem = qspin.instances.sherrington_kirkpatrick(30, seed=1)
        sampler = qaoa(n_shots=10, method="matrix_product_state", max_bond_dimension=4)
        batch = sampler.sample(problem, seed=1).info["batches"][0]
        assert batch["bond_dimension"] == 4
        assert batch["truncation"] > 0

    def test_trajectories_where_a_density_matrix_would_not_fit(self):
        problem = qspin.instances.sherrington_kirkpatrick(18, seed=1)
        with pytest.raises(CapacityError, match="trajectories .method: statevector. would fit"):
            qaoa(method="density_matrix").check(problem)


class TestAfterMeasurement:
    def test_nothing_is_done_unasked(self):
        info = qaoa(noise={"readout": 0.1}).sample(SK6, seed=1).info
        assert info["after_measurement"] == []

    def test_readout_errors_are_unfolded(self):
        """Mean energy without gate noise, with readout errors, and after mitigation."""
        noise = {"readout": [0.05, 0.1]}
        samples = [
            qaoa(depth=3, noise=noise, readout_mitigation=flag, n_shots=8_000).sample(FIELDS6, seed=1)
            for flag in (False, True)
        ]
        raw, better = (s.energies.values.mean() for s in samples)
        expected = samples[0].info["expected_energy"]
        assert abs(better - expected) < 0.2 * abs(raw - expected)
        assert samples[1].info["after_measurement"] == ["readout_mitigation"]
        assert "shots-redrawn" in codes(samples[1])

    def test_errors_of_a_fake_backend_are_taken_where_bits_are_measured(self):
        settings = {"depth": 1, "noise": "fake_guadalupe", "n_shots": 20}
        sampler = qaoa(**settings)
        with connected_device(sampler) as device:
            circuit = device.target.transpiled(qaoa_circuit(SK6, Angles.of([0.3], [0.4])))
            errors = device.readout_errors(circuit)
            target = device.target.backend.target
        assert len(errors) == 6
        stated = {target["measure"][(qubit,)].error for qubit in range(16)}
        assert {up for up, _ in errors} <= stated
        assert len({up for up, _ in errors}) > 1

    def test_without_errors_mitigation_only_redraws(self):
        rng = np.random.default_rng(0)
        spins = rng.choice([-1, 1], size=(500, 3)).astype(np.int8)
        redrawn, _ = mitigated(spins, [(0.0, 0.0)] * 3, rng)
        assert set(map(tuple, redrawn)) <= set(map(tuple, spins))
        assert abs(redrawn.mean() - spins.mean()) < 4 / np.sqrt(1500)

    def test_too_many_configurations_are_left_alone(self):
        spins = np.random.default_rng(0).choice([-1, 1], size=(5_000, 40)).astype(np.int8)
        same, remark = mitigated(spins, [(0.1, 0.1)] * 40, np.random.default_rng(1))
        assert same is spins
        assert remark.code == "not-mitigated"
        assert "was left out: 5000 distinct configurations" in remark.text

    def test_post_selection_keeps_the_lowest(self):
        plain, selected = (qaoa(post_selection=value).sample(SK6, seed=1) for value in (None, 0.25))
        assert selected.spins.shape == (1, 500, 1, 6)
        np.testing.assert_array_equal(
            np.sort(selected.energies.values.ravel()), np.sort(plain.energies.values.ravel())[:500]
        )
        assert selected.info["after_measurement"] == ["post_selection"]
        assert "shots-selected" in codes(selected)
