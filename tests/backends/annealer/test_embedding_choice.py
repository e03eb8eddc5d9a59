"""The best of several embeddings, several embeddings to average over, and what cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
from chips import RING8, SK8, annealer, chip, search_here
from qspin_backends.annealer.embeddings.choice import Wanted, placements_of
from qspin_backends.annealer.embeddings.embedding import SCORES, fault_of

import qspin
from qspin.errors import InputError


@pytest.fixture(autouse=True)
def _searched_here(monkeypatch):
    search_here(monkeypatch)


def test_the_best_of_several_by_each_score():
    lattice = qspin.instances.edwards_anderson((4, 4), seed=1)
    named = qspin.IsingProblem(lattice.couplings, labels=[f"s{k}" for k in range(16)])

    def first(**wanted):
        return placements_of(named, chip(), Wanted("minorminer", **wanted), 1)[0].copies[0].chains

    each = [first(seed=seed) for seed in range(3)]
    assert len(set(each)) == 3
    for score, value in SCORES.items():
        assert value(first(tries=3, score=score)) == min(map(value, each))


def test_scores():
    chains = ((1,), (2, 3), (4, 5, 6))
    assert SCORES["longest_chain"](chains)[:2] == (3, 6)
    assert SCORES["n_qubits"](chains) == (6, 3)
    assert SCORES["spread"](chains)[0] == pytest.approx(np.std([1, 2, 3]))


def test_lengths_of_chains_are_told():
    told = annealer(embedding="clique").sample(SK8, seed=1).info["pipeline"]["embedding"]
    assert told["chain_lengths"] == [len(chain) for chain in told["chains"]]
    assert told["longest_chain"] == max(told["chain_lengths"])


def test_several_embeddings_share_the_reads():
    samples = annealer(n_embeddings=3, n_gauges=2, n_reads=31).sample(RING8, seed=1)
    placements = samples.info["pipeline"]["copies"]["chains"]
    assert len({str(chains) for chains in placements}) == 3
    for (chains,) in placements:
        assert fault_of(tuple(map(tuple, chains)), RING8, chip()) is None
    assert np.bincount(samples.dataset.embedding.values[0]).tolist() == [11, 10, 10]
    assert [batch["embedding"] for batch in samples.info["batches"]] == [0, 1, 2]
    assert samples.dataset.gauge_spins.shape == (2, 8)


def test_automorphisms_keep_who_is_coupled():
    """Of a path, which has two of them, on the one place of a device that has room for it."""
    path = qspin.IsingProblem.from_edges(3, [0, 1], [1, 2], [1.0, -1.0])
    whole = chip(shape=(1, 4))
    u, v = whole.couplers[0].tolist()
    w = next(q for q in whole.graph[v] if q != u)
    given = {0: [u], 1: [v], 2: [w]}
    placements = placements_of(path, whole, Wanted(given, n_embeddings=2), 10)
    assert [p.copies[0].chains for p in placements] == [((u,), (v,), (w,)), ((w,), (v,), (u,))]
    with pytest.raises(InputError, match="3 different embeddings .* automorphisms of the graph give 2"):
        placements_of(path, whole, Wanted(given, n_embeddings=3), 10)


def test_copies_have_several_embeddings_too():
    samples = annealer(n_copies=4, n_embeddings=2, n_reads=80, n_gauges=0).sample(SK8, seed=1)
    first, second = samples.info["pipeline"]["copies"]["chains"]
    assert first != second
    qubits = [sorted(q for copy in p for chain in copy for q in chain) for p in (first, second)]
    assert qubits[0] == qubits[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_copies": 0}, "expected a number of copies from 1, or 'auto': as many as fit; got 0"),
        ({"n_copies": "all"}, "expected a number of copies from 1, or 'auto'"),
        ({"n_copies": 2.5}, "expected a number of copies from 1, or 'auto'"),
        ({"n_copies": True}, "expected a number of copies from 1, or 'auto'"),
        (
            {"n_copies": "auto", "topology": "none"},
            "room for any number of copies: say how many, as n_copies",
        ),
        ({"n_embeddings": 0}, "n_embeddings: should be greater than 0"),
        ({"embedding_tries": 0}, "embedding_tries: should be greater than 0"),
        ({"embedding_score": "short"}, "embedding_score: should be 'longest_chain', 'n_qubits' or 'spread'"),
    ],
)
def test_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        annealer(**settings)


def test_more_embeddings_than_anneals():
    with pytest.raises(
        InputError, match=r"n_embeddings 5 share 2 anneals .* \(4 reads of 2 copies\): lower it"
    ):
        annealer(n_embeddings=5, n_reads=4, n_copies=2).check(RING8)
