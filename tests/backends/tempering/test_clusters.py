"""Cluster moves: which is made, how often, what they keep, and that they pay."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.tempering.clusters.choice import chosen
from qspin_backends.tempering.clusters.graph import bond_graph
from qspin_backends.tempering.clusters.pacing import set_paces
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.exchange import start_ladders

import qspin
from qspin import IsingProblem, instances

SHORT = {"betas": [0.4, 0.7, 1.0], "n_replicas": 2, "n_burn_in": 20, "n_sweeps": 20}
FREE = IsingProblem(np.zeros((3, 3)), [1.0, 0.0, 0.5])


def chain(n=96, exponent=3.0, seed=1):
    """Gaussian couplings that fall with a power of the distance: over decades, and all of them there."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    distance = np.minimum(j - i, n - (j - i))
    return IsingProblem.from_edges(n, i, j, rng.normal(size=len(i)) / distance**exponent)


class TestChoice:
    @pytest.mark.parametrize(
        ("problem", "settings", "move", "every"),
        [
            (chain(20), {}, "bonds", 5),
            (chain(20), {"cluster_every": 7}, "bonds", 7),
            (chain(20), {"cluster": "bonds", "cluster_every": 2}, "bonds", 2),
            (instances.edwards_anderson((3, 3, 3), seed=0), {"cluster": "isoenergetic"}, "isoenergetic", 5),
            (chain(20), {"cluster": "none"}, "none", 0),
            (chain(20), {"cluster_every": 0}, "none", 0),
            (chain(20), {"betas": [1.0]}, "none", 0),
            (FREE, {}, "none", 0),
        ],
    )
    def test_is_recorded_with_its_reason(self, problem, settings, move, every):
        samples = qspin.get_backend("tempering", **{**SHORT, **settings}).sample(problem, seed=1)
        record = samples.info["cluster"]
        assert (record["move"], record["every"]) == (move, every)
        assert record["why"]
        assert ("cluster_moves_active" in samples.info) == (move != "none")

    @pytest.mark.parametrize("method", ["annealing", "population"])
    def test_other_methods_make_none(self, method):
        sampler = qspin.get_backend(
            "tempering", method=method, betas=[0.5, 1.0], n_sweeps=20, n_population=20
        )
        assert sampler.sample(chain(20), seed=1).info["cluster"]["move"] == "none"

    def test_isoenergetic_moves_alone_take_a_partner(self):
        graph = Graph.of(chain(20))
        walkers = {
            name: qspin.get_backend("tempering", **SHORT, cluster=name)._size(chain(20), 3).n_walkers
            for name in ("none", "bonds", "auto", "isoenergetic")
        }
        assert walkers == {"none": 6, "bonds": 6, "auto": 6, "isoenergetic": 12}
        assert chosen("auto", None, graph, "sparse", None).pace > 1


def test_rows_are_sorted_by_strength_and_summed_one_by_one():
    """Sums of weak rows must not be differences of large ones."""
    problem = IsingProblem.from_edges(4, [0, 0, 1, 2], [1, 2, 3, 3], [1e9, -2.0, 3e-9, 1e-9])
    bonds = bond_graph(Graph.of(problem), np.array([3, 0, 2, 1]), 4, 2, "bonds", 1)
    for row in range(4):
        own = slice(*bonds.indptr[row : row + 2])
        strength = np.abs(bonds.couplings[own])
        assert (np.diff(strength) <= 0).all()
        np.testing.assert_array_equal(bonds.summed[own], np.cumsum(strength))
    assert (
        bonds.neighbours[bonds.indptr[3]] == 0
    )  # spin 0 stands in row 3, and is held most by spin 1, in row 0


@pytest.mark.parametrize("kernel", ["sparse", "dense"])
def test_energies_and_fields_follow(kernel):
    """What is carried along agrees with what the spins say, within single precision."""
    sampler = qspin.get_backend(
        "tempering", betas={"geometric": [0.3, 20, 12]}, n_replicas=3, n_sweeps=3_000, kernel=kernel,
        cluster="bonds", cluster_every=1,
    )  # fmt: skip
    samples = sampler.sample(chain(), seed=3)
    assert any(samples.info["cluster_moves_active"])
    assert samples.info["energy_drift"] < 1e-3


def test_bonds_solve_what_single_spins_do_not():
    """Power-law couplings freeze into domains; by moves of bonds every replica finds the lowest energy."""
    settings = {"betas": {"geometric": [0.1, 60, 24]}, "n_replicas": 6, "n_sweeps": 3_000, "n_draws": 300}
    lowest = {
        cluster: qspin.get_backend("tempering", cluster=cluster, **settings)
        .sample(chain(), seed=2)
        .energies.values.min(axis=(0, 2))
        for cluster in ("none", "bonds")
    }
    assert np.ptp(lowest["bonds"]) < 1e-9
    assert lowest["none"].min() >= lowest["bonds"].min() - 1e-9
    assert (lowest["none"] > lowest["bonds"].min() + 1e-3).any()


class TestPace:
    def paces(self, trips, flips, work=1_000, pace=8, n_burn_in=1_000, counts=100):
        """Of four betas, after 100 moves each."""
        ladders, graph = start_ladders(np.ones((2, 4), np.uint64), 4, 64), Graph.of(chain())
        bonds = bond_graph(graph, np.arange(96), 96, 4, "bonds", pace)
        ladders.attempts[:], ladders.accepted[:], ladders.round_trips[:] = 100, 50, trips
        ladders.cluster_counts[:], ladders.cluster_flips[:] = counts, flips
        ladders.cluster_work[:] = 100 * work
        set_paces([ladders], [bonds], n_burn_in, 5, 1_000.0, reversible=False)
        return bonds

    def test_walkers_that_travel_freely_need_no_help(self):
        """Half of the swaps rejected at three places: a round trip in 2 + 2 * 3 sweeps is what they allow."""
        free = self.paces((1_000 - 8) / 8, 100)
        assert free.flow[0] == pytest.approx(1.0)
        assert not free.pace.any()

    def test_walkers_that_do_not_are_helped_as_far_as_it_is_cheap(self):
        cheap, dear = self.paces(1, 100), self.paces(1, 100, work=10_000)
        assert cheap.pace.tolist() == [2] * 4  # (150 + 2 * 96 + 4 * 1000) / (2 * 5 * 0.3 * 1000) turns
        assert dear.pace.tolist() == [14] * 4

    def test_moves_that_flip_nothing_are_dropped(self):
        assert self.paces(1, [100, 4, 5, 0]).pace.tolist() == [2, 0, 2, 0]

    def test_pairs_that_hardly_moved_go_on_as_they_began(self):
        """Moves of unknown cost, made at every turn, took several times the time of the sweeps."""
        paces = self.paces(1, [100, 0, 0, 100], counts=[100, 0, 3, 100]).pace
        assert paces.tolist() == [2, 8, 8, 2]

    def test_a_short_burn_in_tells_nothing(self):
        short = self.paces(0, [100, 0, 100, 100], n_burn_in=30)
        assert np.isnan(short.flow[0])
        assert short.pace.tolist() == [8, 0, 8, 8]

    def test_what_was_asked_for_stays(self):
        assert self.paces(10_000, [100, 0, 100, 100], pace=1).pace.tolist() == [1, 0, 1, 1]
