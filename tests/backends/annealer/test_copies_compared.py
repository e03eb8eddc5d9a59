"""Copies held against each other, what they cost, and journals of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from chips import RING8, SK8, annealer, chip, search_here
from qspin_backends.annealer import compared, simulated
from qspin_backends.annealer.embeddings.choice import Wanted, placements_of
from qspin_backends.annealer.pipeline import Plan, Reads
from sapi import Sapi, environment, programmed, qpu, serving


@pytest.fixture(autouse=True)
def _searched_here(monkeypatch):
    search_here(monkeypatch)


def mixture(rng, n_copies, n_reads, bad=None, change=None):
    """Reads of copies that follow one law, but for what a bad one has been changed to."""
    spins = np.where(rng.random((1, n_reads, 8)) < 0.6, 1, -1).astype(np.int8)
    broken = (rng.random((1, n_reads)) < 0.01) * 0.125
    copy = np.arange(n_reads)[None] % n_copies
    if change is not None:
        change(spins[0], broken[0], copy[0] == bad, rng)
    zeros = np.zeros((1, n_reads), int)
    return Reads(spins, broken, zeros, zeros, copy, zeros, 0)


def flipped(spins, broken, own, rng):
    spins[own] = np.where(rng.random(spins[own].shape) < 0.1, 1, -1)


def biased(spins, broken, own, rng):
    spins[own, 3] = 1


def breaking(spins, broken, own, rng):
    broken[own] = 0.125 * (rng.random(own.sum()) < 0.3)


class TestDifferences:
    """Told where they are beyond chance, and not where they are chance."""

    def remarks(self, reads, n_copies):
        gauges, none = np.ones((1, 8), np.int8), np.zeros((1, n_copies), int)
        return compared.copies_apart(Plan(SK8, (), gauges, none, (), None, (), (), 0, 0), reads, [1.0])

    @pytest.mark.parametrize(("n_copies", "n_reads"), [(2, 100), (40, 400), (150, 3_000), (200, 250)])
    def test_chance_is_not_told(self, n_copies, n_reads):
        rng = np.random.default_rng(5)
        assert [r for _ in range(25) for r in self.remarks(mixture(rng, n_copies, n_reads), n_copies)] == []

    @pytest.mark.parametrize("change", [flipped, biased, breaking])
    def test_a_copy_that_is_worse_is_named(self, change):
        rng = np.random.default_rng(6)
        (remark,) = self.remarks(mixture(rng, 30, 3_000, bad=17, change=change), 30)
        assert remark.code == "copies-differ"
        assert remark.text.startswith("of 30 copies 1 differ from the others by more than chance: 17 (")

    def test_one_copy_differs_from_nobody(self):
        assert self.remarks(mixture(np.random.default_rng(1), 1, 50), 1) == []

    @pytest.fixture
    def noisy(self, monkeypatch):
        """Samples of a device with a bias on all qubits of its second copy."""
        original = simulated._read
        (placement,) = placements_of(SK8, chip(), Wanted("clique", n_copies=5), 1_000)
        second = [qubit for chain in placement.copies[1].chains for qubit in chain]

        def sampled(bias):
            def read(sampler, temperature, imperfections, stop, program):
                fields = program.fields + bias * np.isin(program.qubits, second)
                changed = dataclasses.replace(program, fields=fields)
                return original(sampler, temperature, imperfections, stop, changed)

            monkeypatch.setattr(simulated, "_read", read)
            settings = {"n_copies": 5, "n_reads": 1_000, "n_gauges": 50, "embedding": "clique"}
            return annealer(**settings).sample(SK8, seed=4)

        return sampled

    def test_noise_that_is_planted_on_a_copy_is_told(self, noisy):
        samples, same = noisy(0.7), noisy(0.0)
        (remark,) = [remark for remark in samples.remarks if remark.code == "copies-differ"]
        assert "of 5 copies 1 differ from the others by more than chance: 1 (" in remark.text
        assert [remark for remark in same.remarks if remark.code == "copies-differ"] == []
        errors = [s.dataset.beta_effective_error.values[0] for s in (samples, same)]
        assert errors[0] > 1.3 * errors[1]


class TestPurchases:
    @pytest.fixture
    def cloud(self, monkeypatch, tmp_path):
        with serving(Sapi()) as sapi:
            for name, value in environment(sapi, tmp_path).items():
                monkeypatch.setenv(name, value)
            yield sapi

    def test_the_price_falls_by_the_number_of_copies_and_is_told_before(self, cloud):
        given = {"n_reads": 50, "n_gauges": 5, "betas": [1.0]}
        one, many = (qpu(n_copies=n, **given) for n in (1, 5))
        told = [sampler.workload(RING8).paid_seconds for sampler in (one, many)]
        assert told[1] < told[0] / 4.5
        assert cloud.bought == 0
        samples = many.sample(RING8, seed=1)
        assert samples.info["expected_qpu_seconds"] == told[1]
        assert samples.spins.sizes["replica"] == 50
        assert cloud.bought == 1
        many.sample(RING8, seed=1)
        assert cloud.bought == 1  # from the journal
        qpu(n_copies="auto", max_qpu_seconds=told[1], **given).check(RING8)

    def test_what_is_sent_is_what_was_planned(self, cloud):
        samples = qpu(n_reads=6, n_gauges=0, betas=[1.0], n_copies=3).sample(RING8, seed=1)
        (problem,) = cloud.problems.values()
        fields, couplings = programmed(problem.job, cloud.solver()["properties"])
        chains = samples.info["pipeline"]["copies"]["chains"][0]
        assert set(fields) == {q for copy in chains for chain in copy for q in chain}
        used = [value for value in couplings.values() if value]
        assert used == [-1.0] * 24
        assert problem.job["params"]["num_reads"] == 2
