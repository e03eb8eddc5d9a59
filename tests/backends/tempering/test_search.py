"""Method `search`: the ground states of enumeration, exact reductions, and no claim to be a sampler."""

from __future__ import annotations

import threading
import time
from concurrent.futures import wait

import numpy as np
import pytest
from qspin_backends.tempering import packs
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.packs import Crew, Seeds
from qspin_backends.tempering.random import lane_streams, word_streams
from qspin_backends.tempering.search.blocks import _blocks, _connected, _smaller, renormalised
from qspin_backends.tempering.search.descent import LANES, cooled, drawn, energy, relaxed
from qspin_backends.tempering.search.rounds import run_rounds
from qspin_backends.tempering.search.running import aim_of, rows_of, start_searches
from qspin_backends.tempering.sparse import STATES

import qspin
from qspin import IsingProblem, instances
from qspin.errors import InputError
from qspin.sampler import offers
from qspin.spectrum import ground_states
from qspin.testing import small_problems

LATTICE = instances.edwards_anderson((4, 5), seed=3)
IN_FIELDS = IsingProblem(
    instances.sherrington_kirkpatrick(18, seed=4).toarray(), np.linspace(-1, 1, 18), offset=1e3
)
DECADES = IsingProblem(
    instances.sherrington_kirkpatrick(16, seed=5).toarray()
    * 10.0 ** -np.abs(np.subtract.outer(np.arange(16), np.arange(16)))
)
ORACLES = {"lattice": LATTICE, "in fields": IN_FIELDS, "decades": DECADES, **small_problems()}

GO_ON = np.zeros(1, np.uint8)


def streams(seed):
    lanes = lane_streams(np.random.SeedSequence(seed), 1, LANES)[0].reshape(-1, STATES, 4).swapaxes(1, 2)
    return np.ascontiguousarray(lanes), word_streams(np.random.SeedSequence(seed), 1, 1)[0, 0]


def search(problem, seed=1, **settings):
    settings = {"n_replicas": 4, "n_sweeps": 60, **settings}
    return qspin.get_backend("tempering", method="search", **settings).sample(problem, seed=seed)


@pytest.mark.parametrize("name", ORACLES)
def test_every_search_finds_the_ground_state(name):
    problem = ORACLES[name]
    lowest, _ = ground_states(problem)
    samples = search(problem)
    np.testing.assert_allclose(samples.energies.values[0, :, 0], lowest, rtol=1e-12, atol=1e-9)
    assert np.isnan(samples.betas).all()


def test_draws_are_the_lowest_configurations_each_once():
    samples = search(IN_FIELDS, n_draws=5, n_sweeps=400)
    energies, spins = samples.energies.values[0], samples.spins.values[0]
    assert energies.shape == (4, 5)
    assert (np.diff(energies, axis=1) >= 0).all()
    for replica in spins:
        assert len(np.unique(replica, axis=0)) == 5
    hits = samples.dataset["n_hits"].values
    assert hits.shape == (4, 5)
    assert (hits[:, 0] > 0).all(), "the ground state of 18 spins is what most rounds end at"
    assert (hits.sum(axis=1) <= samples.dataset["n_rounds"].values).all()


def test_a_configuration_and_its_reverse_count_once_where_both_are_the_same():
    spins = search(LATTICE, n_draws=5, n_sweeps=400).spins.values[0]
    for replica in spins:
        overlaps = np.abs(replica.astype(int) @ replica.T.astype(int))
        assert (overlaps[np.triu_indices(len(replica), 1)] < LATTICE.n_spins).all()


def test_searches_give_as_many_as_the_one_that_found_the_fewest():
    """Two spins have two configurations up to a reversal, of which a descent ends at one."""
    samples = search(IsingProblem([[0.0, -1.0], [-1.0, 0.0]]), n_draws=10)
    assert samples.spins.sizes["draw"] == 1


class TestBlocks:
    rows = rows_of(Graph.of(IN_FIELDS))
    rng = np.random.default_rng(8)

    def test_the_smaller_problem_has_the_energies_of_the_larger_one(self):
        reference = self.rng.choice(np.array([-1, 1], np.int8), 18)
        label = self.rng.integers(0, 5, 18)
        label[:5] = np.arange(5)
        smaller = _smaller(self.rows, reference, label, 5)
        for blocks in self.rng.choice(np.array([-1, 1], np.int8), (20, 5)):
            spins = blocks[label] * reference
            outer = energy(smaller, blocks) - energy(smaller, np.ones(5, np.int8))
            inner = energy(self.rows, spins) - energy(self.rows, reference)
            assert outer == pytest.approx(inner, abs=1e-12)

    def test_minima_agree_within_blocks(self):
        minima = self.rng.choice(np.array([-1, 1], np.int8), (4, 18))
        label, n_blocks = _blocks(self.rows, minima, np.arange(4), 1.0, False)
        assert set(label) == set(range(n_blocks))
        for block in range(n_blocks):
            own = minima[:, label == block]
            relative = own * own[:, :1]
            assert (relative == relative[0]).all()

    def test_there_are_no_more_than_allowed(self):
        minima = self.rng.choice(np.array([-1, 1], np.int8), (20, 18))
        assert _blocks(self.rows, minima, np.arange(20), 1.0, False)[1] > 9
        assert _blocks(self.rows, minima, np.arange(20), 0.5, False)[1] <= 9

    def test_parts_hang_together(self):
        """Of a ring, in two blocks of alternating pairs."""
        ring = IsingProblem.from_edges(8, range(8), [*range(1, 8), 0], np.ones(8))
        label, n_parts = _connected(rows_of(Graph.of(ring)), np.array([0, 0, 1, 1, 0, 0, 1, 1]))
        assert n_parts == 4
        assert label.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    @pytest.mark.parametrize("is_split", [True, False])
    def test_a_child_is_as_low_as_its_parents(self, is_split):
        random, state = streams(1)
        for _ in range(20):
            minima = drawn(18, state)
            energies = relaxed(self.rows, minima, 1e-10)
            spins, lowest = renormalised(
                self.rows, minima, energies, 0.5, 5, is_split, 1e-10, random, state, GO_ON
            )
            assert lowest <= energies.min() + 1e-12
            assert lowest == pytest.approx(energy(self.rows, spins))

    def test_cooling_ends_low_and_descents_at_minima(self):
        random, state = streams(2)
        starts = drawn(18, state)
        spins = cooled(self.rows, starts, 0.0, 200, random, GO_ON)
        energies = relaxed(self.rows, spins, 1e-10)
        assert energies.mean() < relaxed(self.rows, starts, 1e-10).mean()
        for row, lowest in zip(spins, energies, strict=True):
            for i in range(18):
                flipped = row.copy()
                flipped[i] *= -1
                assert energy(self.rows, flipped) > lowest - 1e-10


def test_rounds_that_are_stopped_leave_no_trace():
    """Whenever it was that they were, and however often."""
    problem = instances.edwards_anderson((20, 20), seed=6)
    graph, n_sweeps = Graph.of(problem), 2_000
    rows, aim = rows_of(graph), aim_of(problem, graph, None)
    whole, stopped = (start_searches(rows, 2, 3, Seeds.of(1), Keeping(), None) for _ in range(2))
    run_rounds(rows, whole, aim, n_sweeps, n_sweeps)
    cut = aim._replace(stop=np.zeros(1, np.uint8))
    cut.stop[0] = 1
    run_rounds(rows, stopped, cut, n_sweeps, n_sweeps)
    assert (stopped.place[:, 0] < n_sweeps).all()
    for seconds in (0.001, 0.01, 0.03):
        cut.stop[0] = 0
        timer = threading.Timer(seconds, cut.stop.fill, (1,))
        timer.start()
        run_rounds(rows, stopped, cut, n_sweeps, n_sweeps)
        timer.join()
    run_rounds(rows, stopped, aim, n_sweeps, n_sweeps)
    for name, array in whole._asdict().items():
        np.testing.assert_array_equal(getattr(stopped, name), array, err_msg=name)


@pytest.mark.parametrize("reason", ["interrupt", "leaves"])
def test_whoever_works_within_a_crew_sees_that_it_is_to_stop(reason, monkeypatch):
    """As rounds do, which end at a flag and not before."""
    waits = []

    def interrupted(waiting, **more):
        waits.append(more)
        if reason == "interrupt" and len(waits) == 2:
            raise KeyboardInterrupt
        return wait(waiting, **more)

    def work(item, stopped):
        while not crew.stop[0]:
            time.sleep(0.001)

    monkeypatch.setattr(packs, "wait", interrupted)
    kept = []
    with Crew(2, lambda: reason == "leaves" and len(waits) > 1) as crew, pytest.raises(KeyboardInterrupt):
        crew.work(work, [1, 2], keep=lambda: kept.append(len(waits)))
    assert kept


def test_it_says_that_it_is_no_sampler():
    sampler = qspin.get_backend("tempering", method="search", n_replicas=3)
    assert offers(sampler) == {"replicas", "spins"}
    assert not sampler.finds_settings
    assert sampler.shared([LATTICE], seed=1) == {}
    samples = search(LATTICE)
    assert "no-sampler" in [remark.code for remark in samples.remarks]
    assert samples.info["headline"] == "search kernel"


def test_more_replicas_leave_the_first_ones_as_they_are():
    few, many = search(LATTICE, n_replicas=2), search(LATTICE, n_replicas=5)
    np.testing.assert_array_equal(many.spins.values[:, :2], few.spins.values)


def test_a_scale_of_energies_is_a_unit():
    one, other = search(LATTICE), search(LATTICE.scaled(1000.0))
    np.testing.assert_array_equal(one.spins.values, other.spins.values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"betas": [1.0]}, "betas belongs to methods that sample; leave it out for 'search'"),
        ({"kernel": "dense"}, "kernel belongs to methods that sample; leave it out for 'search'"),
        ({"n_draws": 1_001}, r"n_draws \(1001\) must not exceed 1000: a search compares"),
        ({"store": "statistics"}, "store 'statistics' belongs to method 'tempering'"),
        ({"cluster": "bonds"}, "cluster belongs to method 'tempering'"),
    ],
)
def test_what_has_no_meaning_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        qspin.get_backend("tempering", method="search", **settings)


class TestTarget:
    lowest = ground_states(LATTICE)[0]

    def test_searches_end_where_they_reach_it(self):
        samples = search(LATTICE, n_sweeps=10**9, target_energy=self.lowest)
        assert samples.info["status"] == "complete"
        assert (samples.energies.values <= self.lowest + 1e-9).all()
        assert (samples.dataset["sweeps_to_target"].values < 10_000).all()
        assert samples.info["target"]["n_reached"] == 4

    def test_what_is_below_the_ground_state_is_not_reached(self):
        samples = search(LATTICE, target_energy=self.lowest - 1.0)
        assert np.isnan(samples.dataset["sweeps_to_target"].values).all()
        assert "target-not-reached" in [remark.code for remark in samples.remarks]
        np.testing.assert_allclose(samples.energies.values, self.lowest)


def test_it_goes_on_from_configurations_that_are_given():
    """A ground state that is given is kept, and found at once where it is what is aimed at."""
    lowest, states = ground_states(IN_FIELDS)
    samples = search(IN_FIELDS, n_sweeps=1, n_draws=1)
    given = qspin.get_backend("tempering", method="search", n_sweeps=1, n_draws=1).sample(
        IN_FIELDS, seed=1, initial=states[0]
    )
    assert samples.info["initial"] is None
    assert given.info["initial"]
    np.testing.assert_allclose(given.energies.values, lowest)
    aimed = qspin.get_backend("tempering", method="search", target_energy=lowest)
    assert (aimed.sample(IN_FIELDS, seed=1, initial=states[0]).dataset["sweeps_to_target"].values == 0).all()
