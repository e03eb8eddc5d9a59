"""Copies of a problem side by side on a device: found, and read in every anneal."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chips import ADVANTAGE2, CUBE8, RING8, SK8, annealer, chip, programs_annealed, search_here
from qspin_backends.annealer.description import described
from qspin_backends.annealer.embeddings.choice import Wanted, placements_of
from qspin_backends.annealer.embeddings.copies import displaced, search_copies
from qspin_backends.annealer.embeddings.embedding import fault_of
from qspin_backends.annealer.embeddings.placement import side_by_side
from qspin_backends.annealer.embeddings.tiles import tiles_in
from scipy import stats

import qspin
from qspin.errors import CapacityError
from qspin.sampler import GivenFile

NAMED = {"sk": SK8, "ring": RING8, "cube": CUBE8}


@pytest.fixture(autouse=True)
def _searched_here(monkeypatch):
    search_here(monkeypatch)


@pytest.fixture(scope="module")
def advantage2():
    if not ADVANTAGE2.exists():
        pytest.skip(f"{ADVANTAGE2.name} is not beside this checkout (../shared/data)")
    return described(GivenFile(str(ADVANTAGE2))).hardware


def require_disjoint(copies, problem, device):
    used = [qubit for chains in copies for chain in chains for qubit in chain]
    assert len(used) == len(set(used))
    assert set(used) <= set(device.qubits.tolist())
    assert [fault_of(chains, problem, device) for chains in copies] == [None] * len(copies)


class TestFinding:
    @pytest.mark.parametrize("name", NAMED)
    def test_many_fit_on_a_real_chip_with_its_missing_qubits(self, advantage2, name):
        """Of 4,594 qubits; without a limit 269, 507 and 482 of them fit, see the benchmarks."""
        problem = NAMED[name]
        copies = search_copies(
            problem, advantage2, first=None, finders=("native", "minor"), score="longest_chain", most=200,
            seconds=60.0, seed=0, tries=1,
        )  # fmt: skip
        assert len(copies) == 200
        require_disjoint(copies, problem, advantage2)
        assert max(len(chain) for chains in copies for chain in chains) == (2 if name == "sk" else 1)

    @pytest.mark.parametrize(("topology", "shape"), [("zephyr", (2, 4)), ("pegasus", (4,))])
    @pytest.mark.parametrize("method", ["auto", "minorminer", "clique"])
    def test_every_method_has_copies(self, topology, shape, method):
        device = chip(topology, shape, 0.97)
        (placement,) = placements_of(SK8, device, Wanted(method, n_copies="auto"), 1_000)
        copies = [embedding.chains for embedding in placement.copies]
        assert len(copies) > 2
        require_disjoint(copies, SK8, device)

    def test_chains_that_are_given_are_displaced(self):
        device = chip(shape=(2, 4))
        pair = qspin.IsingProblem([[0, 1], [1, 0]], labels=["a", "b"])
        u, v = device.couplers[7].tolist()
        (placement,) = placements_of(pair, device, Wanted({"a": [u], "b": [v]}, n_copies=9), 100)
        assert placement.copies[0].chains == ((u,), (v,))
        require_disjoint([embedding.chains for embedding in placement.copies], pair, device)
        assert {embedding.method for embedding in placement.copies} == {"given"}

    def test_a_problem_of_qubits_is_the_first_copy(self):
        tile = qspin.instances.zephyr(1, seed=1)
        origin = next(displaced(tuple((q,) for q in tile.labels), tile, chip(shape=(1, 4))))
        assert origin == tuple((q,) for q in tile.labels)
        device = chip()
        moved = list(displaced(origin_of(tile, device), tile, device))
        assert len(moved) == 25
        named = qspin.IsingProblem.from_edges(48, *tile.edges, labels=[chain[0] for chain in moved[6]])
        (placement,) = placements_of(named, device, Wanted("auto", n_copies="auto"), 100)
        assert placement.copies[0].method == "native"
        assert placement.copies[0].chains == moved[6]

    def test_they_are_kept(self, monkeypatch, tmp_path):
        monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path))
        first, again = (
            placements_of(RING8, chip(shape=(2, 4)), Wanted("auto", n_copies=5), 100)[0].copies
            for _ in range(2)
        )
        assert [e.chains for e in first] == [e.chains for e in again]
        assert [e.cached for e in first + again] == [False] * 5 + [True] * 5
        (file,) = (tmp_path / "embeddings").iterdir()
        stored = json.loads(file.read_text())
        file.write_text(json.dumps([stored[0], stored[0]]))  # qubits in two copies
        assert placements_of(RING8, chip(shape=(2, 4)), Wanted("auto", n_copies=5), 100)[0].copies == first

    def test_what_does_not_fit_tells_how_many_do(self):
        with pytest.raises(CapacityError, match=r"400 copies were asked for and \d\d of them were found"):
            annealer(size=2, n_copies=400, n_reads=400).check(RING8)
        with pytest.raises(CapacityError, match="no embedding was found for 70 spins"):
            annealer(size=1, n_copies=2).check(qspin.instances.sherrington_kirkpatrick(70, seed=1))


def origin_of(tile, device):
    """The chains of a tile's own problem where they lie first in a device."""
    image = next(iter(tiles_in(device, 1)))
    return tuple((image[label],) for label in tile.labels)


class TestReads:
    @pytest.mark.parametrize(("n_reads", "n_copies", "n_anneals"), [(40, 5, 8), (41, 5, 9), (3, 5, 1)])
    def test_there_are_as_many_as_were_asked_for(self, n_reads, n_copies, n_anneals):
        samples = annealer(n_reads=n_reads, n_copies=n_copies, n_gauges=2, betas=[0.5, 1.0]).sample(
            SK8, seed=1
        )
        assert samples.spins.shape == (2, n_reads, 1, 8)
        told = samples.info["pipeline"]["copies"]
        assert (told["n"], told["asked"]) == (min(n_reads, n_copies), n_copies)
        counts = np.bincount(samples.dataset["copy"].values[0])
        assert counts.max() == n_anneals
        assert counts.max() - counts.min() <= 1
        assert told["n_reads"][0] == counts.tolist()

    def test_auto_takes_what_the_fewest_anneals_need(self):
        samples = annealer(size=2, n_reads=100, n_copies="auto").sample(RING8, seed=1)
        told = samples.info["pipeline"]["copies"]
        assert told["asked"] == "auto"
        counts = np.bincount(samples.dataset["copy"].values[0])
        assert len(counts) == told["n"] == len(told["chains"][0])
        assert set(counts) <= {counts.max(), counts.max() - 1}

    def test_every_copy_has_a_gauge_of_its_own(self):
        samples = annealer(n_copies=4, n_gauges=8).sample(SK8, seed=1)
        gauges = samples.dataset.gauge_spins.values
        assert gauges.shape == (8, 8)
        assert len(np.unique(gauges, axis=0)) == 8
        assert len(samples.info["batches"]) == 2  # programmings, with four gauges each
        assert (samples.dataset.gauge.values % 4 == samples.dataset["copy"].values).all()
        plain = annealer(n_copies=4, n_gauges=0).sample(SK8, seed=1)
        assert (plain.dataset.gauge_spins == 1).all()

    def test_no_coupler_between_copies_is_used_and_all_are_alike(self, monkeypatch):
        seen = programs_annealed(monkeypatch)
        samples = annealer(n_copies=6, n_gauges=0, n_reads=6).sample(SK8, seed=1)
        (program,) = seen
        chains = samples.info["pipeline"]["copies"]["chains"][0]
        place = {q: (c, k) for c, copy in enumerate(chains) for k, chain in enumerate(copy) for q in chain}
        sums = np.zeros(6)
        for (u, v), value in zip(program.qubits[program.couplers].tolist(), program.couplings, strict=True):
            assert place[u][0] == place[v][0]
            sums[place[u][0]] += value * (place[u] != place[v])
        factor = samples.info["pipeline"]["scaling"]["factor"]
        np.testing.assert_allclose(sums, factor * SK8.edges.couplings.sum())

    def test_a_copy_read_alone_is_the_problem(self):
        """Without noise and chains, configurations of all copies follow exp(-beta E)."""
        problem = qspin.IsingProblem(qspin.instances.sherrington_kirkpatrick(5, seed=2).toarray(), [0.3] * 5)
        samples = annealer(topology="none", size=None, n_copies=7, n_reads=7_000, n_sweeps=300).sample(
            problem, seed=3
        )
        exact = qspin.get_backend("exact").enumerate(problem)
        law = np.exp(-(exact.energies - exact.energies.min()))
        states = (samples.spins.values[0, :, 0] > 0) @ (1 << np.arange(5))
        order = (exact.configurations(np.arange(32)) > 0) @ (1 << np.arange(5))
        expected = np.zeros(32)
        expected[order] = law / law.sum()
        for copy in range(7):
            own = states[samples.dataset["copy"].values[0] == copy]
            assert stats.chisquare(np.bincount(own, minlength=32), expected * len(own)).pvalue > 1e-4

    def test_reads_of_copies_and_of_one_have_one_distribution(self):
        """On a chip, with chains: energies and magnetisations by a chi-squared test of two samples."""
        settings = {"n_reads": 2_000, "n_gauges": 20, "embedding": "minorminer"}
        many = annealer(n_copies=10, **settings).sample(SK8, seed=1)
        chains = many.info["pipeline"]["copies"]["chains"][0][0]
        one = annealer(**{**settings, "embedding": dict(enumerate(chains))}).sample(SK8, seed=2)
        for values in (many.energies.values, one.energies.values):
            assert values.shape == (1, 2_000, 1)
        levels, both = np.unique(
            np.round(np.stack([many.energies.values, one.energies.values]).reshape(2, -1), 6),
            return_inverse=True,
        )
        table = np.stack([np.bincount(row, minlength=len(levels)) for row in both.reshape(2, -1)])
        frequent = table.sum(axis=0) >= 20
        table = np.concatenate([table[:, frequent], table[:, ~frequent].sum(axis=1, keepdims=True)], axis=1)
        assert stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > 1e-4
        assert not [remark for remark in many.remarks if remark.code == "copies-differ"]

    @pytest.mark.parametrize("unembedding", ["majority_vote", "minimize_energy", "discard"])
    def test_broken_chains_are_those_of_the_copy(self, unembedding):
        settings = {"chain_strength": 0.8, "n_copies": 3, "embedding": "clique", "n_reads": 60}
        samples = annealer(unembedding=unembedding, **settings).sample(SK8, seed=1)
        broken = samples.dataset.chain_break_fraction.values
        if unembedding == "discard":
            assert (broken == 0).all()
            assert samples.remarks[0].code == "reads-left-out"
        else:
            assert samples.spins.sizes["replica"] == 60
            told = samples.info["pipeline"]["copies"]["break_fraction"][0]
            own = [broken[0, samples.dataset["copy"].values[0] == c].mean() for c in range(3)]
            np.testing.assert_allclose(told, own)
            assert min(own) > 0

    def test_a_reverse_anneal_starts_every_copy(self):
        samples = annealer(
            physics="path_integral", anneal_schedule=[[0, 1], [1, 1]], n_copies=4, betas=[3.0], n_sweeps=2,
            initial_state=[1] * 8,
        ).sample(RING8, seed=1)  # fmt: skip
        assert (samples.spins.values == 1).mean() > 0.9

    def test_temperatures_are_told_copy_by_copy(self):
        samples = annealer(n_copies=3, n_reads=900, embedding="clique").sample(SK8, seed=1)
        told = samples.info["pipeline"]["copies"]
        betas, errors = np.array(told["beta_effective"][0]), np.array(told["beta_effective_error"][0])
        assert betas.shape == errors.shape == (3,)
        assert (np.abs(betas - samples.dataset.beta_effective.values) < 4 * errors).all()
        few = annealer(n_copies=3, n_reads=3).sample(RING8, seed=1).info["pipeline"]["copies"]
        assert few["beta_effective"] == [[None] * 3]

    def test_side_by_side_is_the_sum(self):
        single = qspin.IsingProblem(SK8.toarray(), np.arange(8.0))
        spins = np.random.default_rng(0).choice([-1, 1], size=(5, 24))
        expected = single.energies(spins.reshape(5, 3, 8)).sum(axis=1)
        np.testing.assert_allclose(side_by_side(single, 3).energies(spins), expected)


@pytest.mark.parametrize("n_anneals", [1, 10, 50])
def test_reads_of_a_programmed_second_grow_with_the_copies(advantage2, n_anneals):
    """By the model that the solver publishes, at equally many anneals of one programming."""
    settings = {"solver_file": ADVANTAGE2, "size": None, "n_gauges": 1}
    one = annealer(**settings, n_reads=n_anneals).embedded(RING8)
    many = annealer(**settings, n_reads=120 * n_anneals, n_copies=120).embedded(RING8)
    assert one["n_anneals"] == many["n_anneals"] == n_anneals
    factor = (many["n_reads"] / many["seconds"]) / (one["n_reads"] / one["seconds"])
    assert factor > 0.9 * 120
