"""Copies of a circuit side by side: where they lie, what they cost, and that each follows the state."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from qiskit.transpiler import CouplingMap
from qspin_backends.qaoa.ansatz import Angles
from qspin_backends.qaoa.copies import Copies, compared, copies_apart, regions_of
from qspin_backends.qaoa.statevector import StateVector
from scipy import stats

import qspin
from qspin.errors import CapacityError, InputError
from qspin.testing import STANDARD_ERRORS

TRIANGLE = qspin.IsingProblem([[0, 1, -0.5], [1, 0, 0.7], [-0.5, 0.7, 0]], [0.2, -0.4, 0.0])
TRIANGLE_GROUND = [-1, 1, -1]
LINE = [[k, k + 1] for k in range(7)]
LIKELY = 2 * stats.norm.sf(STANDARD_ERRORS)


def qaoa(**settings):
    return qspin.get_backend("qaoa", **{"n_shots": 2_000, "coupling_map": LINE, "n_copies": 2, **settings})


def codes(samples):
    return [remark.code for remark in samples.remarks]


class TestRegions:
    @pytest.mark.parametrize(
        ("graph", "size", "n"),
        [(nx.path_graph(12), 4, 3), (nx.cycle_graph(13), 4, 3), (nx.complete_graph(9), 4, 2)],
    )
    def test_as_many_as_there_is_room_for(self, graph, size, n):
        regions = regions_of(graph, size, "auto", "it")
        assert len(regions) == n
        self.fit(graph, regions, size)

    @pytest.mark.parametrize(("distance", "least"), [(3, 4), (5, 13)])
    def test_on_the_graph_of_ibm_chips(self, distance, least):
        """Heavy hexagons; at least nine of ten qubits are used."""
        graph = nx.Graph(list(CouplingMap.from_heavy_hex(distance).get_edges()))
        regions = regions_of(graph, 4, "auto", "it")
        self.fit(graph, regions, 4)
        assert len(regions) >= least
        assert 4 * len(regions) >= 0.8 * len(graph)

    def fit(self, graph, regions, size):
        qubits = [qubit for region in regions for qubit in region]
        assert len(set(qubits)) == len(qubits) == size * len(regions)
        assert all(nx.is_connected(graph.subgraph(region)) for region in regions)

    def test_copies_that_do_not_fit(self):
        with pytest.raises(
            CapacityError, match="3 copies of 4 spins need 12 qubits.* 10 of it 2 fit: set n_"
        ):
            regions_of(nx.path_graph(10), 4, 3, "it")

    def test_one_copy_has_none(self):
        assert regions_of(nx.path_graph(3), 4, 1, "it") == ()


class TestShots:
    def test_every_copy_follows_the_state(self):
        samples = qaoa(n_shots=4_001, n_copies="auto").sample(TRIANGLE, seed=3)
        assert samples.spins.shape == (1, 4_001, 1, 3)
        copy = samples.dataset["copy"].values[0]
        assert np.bincount(copy).tolist() == [2_001, 2_000]
        with StateVector(TRIANGLE) as vector:
            exact = vector.probabilities(Angles.from_json(samples.info["angles"]))
        positions = ((1 - samples.spins.values[0, :, 0].astype(np.int64)) // 2) @ [1, 2, 4]
        for k in range(2):
            seen = np.bincount(positions[copy == k], minlength=8)
            assert stats.chisquare(seen, exact * seen.sum()).pvalue > LIKELY
        both = [positions[copy == k][:2_000] for k in range(2)]
        table = np.histogram2d(*both, bins=8)[0]
        assert stats.chi2_contingency(table[table.any(axis=1)][:, table.any(axis=0)]).pvalue > LIKELY
        assert "copies-differ" not in codes(samples)

    def test_the_circuit_holds_them_apart(self):
        circuit = qaoa(basis_gates=["cz", "rz", "sx", "x"]).circuit(TRIANGLE)
        assert circuit.num_clbits == 6
        line, joined = nx.path_graph(8), nx.Graph()
        for instruction in circuit.data:
            qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
            if instruction.operation.name == "cz":
                assert line.has_edge(*qubits)
                joined.add_edge(*qubits)
        assert sorted(map(len, nx.connected_components(joined))) == [3, 3]

    def test_they_are_told_apart(self):
        samples = qaoa(n_shots=500).sample(TRIANGLE, seed=3)
        told = samples.info["copies"]
        energies = samples.energies.values[0, :, 0]
        for k in range(2):
            own = energies[samples.dataset["copy"].values[0] == k]
            assert told["mean_energy"][k] == pytest.approx(own.mean())
        assert told["n"] == told["asked"] == 2
        assert len(told["beta_effective"]) == len(told["two_qubit_gates"]) == 2
        assert samples.info["batches"][0]["n_shots"] == 250

    def test_noise_of_their_own_qubits(self):
        """Readout errors are unfolded copy by copy, from where each was measured."""
        settings = {"coupling_map": None, "noise": "fake_guadalupe", "n_shots": 1_000, "n_copies": 3}
        plain, better = (
            qaoa(**settings, readout_mitigation=on).sample(TRIANGLE, seed=3) for on in (False, True)
        )
        np.testing.assert_array_equal(plain.dataset["copy"], better.dataset["copy"])
        assert better.info["after_measurement"] == ["readout_mitigation"]
        assert codes(better).count("shots-redrawn") == 1
        exact = plain.info["expected_energy"]
        assert abs(better.energies.mean() - exact) < abs(plain.energies.mean() - exact)

    def test_what_is_selected_keeps_its_copy(self):
        samples = qaoa(n_shots=400, post_selection=0.1).sample(TRIANGLE, seed=3)
        assert samples.dataset["copy"].shape == (1, 40)

    def test_copies_that_differ_are_remarked_on(self):
        rng, copies = np.random.default_rng(2), Copies(((0, 1, 2), (3, 4, 5)), (None, None))
        spins = np.where(rng.random((2_000, 3)) < 0.5, 1, -1).astype(np.int8)
        copy = np.arange(len(spins)) % 2
        assert not copies_apart(compared(TRIANGLE, spins, copy, copies, ""), copies.regions)
        spins[(copy == 1) & (rng.random(len(spins)) < 0.2)] = TRIANGLE_GROUND
        (remark,) = copies_apart(compared(TRIANGLE, spins, copy, copies, "at depth 2"), copies.regions)
        assert remark.code == "copies-differ"
        assert remark.text.startswith("of 2 copies 2 differ from the others by more than chance: ")
        assert "1 on qubits [3, 4, 5] (" in remark.text
        assert "at depth 2" in remark.text

    def test_a_copy_on_bad_qubits_is_found_in_what_was_read(self):
        """Also where readout errors are unfolded afterwards, and redrawn shots are independent no more."""
        settings = {"coupling_map": None, "noise": "fake_guadalupe", "n_shots": 12_000, "n_copies": 3}
        for mitigation in (False, True):
            samples = qaoa(**settings, readout_mitigation=mitigation).sample(TRIANGLE, seed=3)
            assert codes(samples).count("copies-differ") == 1

    def test_runs_fall_by_their_number(self):
        assert [Copies(((0,),) * n).runs(1_000) for n in (1, 3, 10)] == [1_000, 334, 100]


class TestBadInput:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"coupling_map": None}, "n_copies is for a device with a graph"),
            ({"coupling_map": "ring"}, "coupling_map 'ring' is as large as the problem"),
            ({"layout": [0, 1, 2]}, "layout places one copy"),
            ({"n_copies": 0}, "n_copies"),
            ({"n_copies": 1, "layout": [0, 0, 1]}, "layout gives every spin a qubit of its own"),
            ({"n_copies": 1, "coupling_map": None, "layout": [0, 1]}, "layout is for a device with a graph"),
        ],
    )
    def test_what_does_not_go_together(self, settings, message):
        with pytest.raises(InputError, match=message):
            qaoa(**settings)

    def test_too_many_are_refused_before_anything_is_trained(self):
        sampler = qaoa(n_copies=3, angles="optimise")
        for ask in (sampler.check, sampler.sample, sampler.workload):
            with pytest.raises(
                CapacityError, match="on the 8 of coupling_map 2 fit: set n_copies: 2, or auto"
            ):
                ask(TRIANGLE)

    @pytest.mark.parametrize("layout", [[0, 1], [0, 1, 8], [0, 1, 2, 3]])
    def test_a_layout_that_does_not_fit(self, layout):
        with pytest.raises(InputError, match="each of the 3 spins a qubit from 0 to 7; got"):
            qaoa(n_copies=1, layout=layout).check(TRIANGLE)

    def test_a_layout_is_kept(self):
        circuit = qaoa(n_copies=1, layout=[4, 3, 5], optimization_level=0).circuit(TRIANGLE)
        assert circuit.layout.initial_index_layout(filter_ancillas=True) == [4, 3, 5]
