"""One ladder for several problems: it covers each one's own and is nowhere coarser."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.tempering.ladder import combined
from qspin_backends.tempering.methods import METHODS

import qspin
from qspin import instances
from qspin.sampler import shared_settings

SIZES = {n: instances.sherrington_kirkpatrick(n, seed=n) for n in (16, 64, 160)}


def steps_of(own, shared):
    """Between two neighbours of the shared ladder, how many steps of the other one lie."""
    return np.diff(np.interp(np.log(shared), np.log(own), np.arange(len(own))))


class TestCombined:
    def test_of_one_ladder_it_is_the_same(self):
        betas = np.array([0.1, 0.2, 0.7, 3.0])
        np.testing.assert_allclose(combined([betas]), betas)
        np.testing.assert_allclose(combined([betas, betas]), betas)

    def test_it_covers_all_and_is_nowhere_coarser(self):
        rng = np.random.default_rng(1)
        for _ in range(50):
            ladders = [
                np.sort(np.exp(rng.uniform(*np.sort(rng.uniform(-3, 3, 2)), size=rng.integers(2, 20))))
                for _ in range(rng.integers(1, 6))
            ]
            shared = combined(ladders)
            assert (np.diff(shared) > 0).all()
            assert shared[0] == min(own[0] for own in ladders)
            assert shared[-1] == max(own[-1] for own in ladders)
            for own in ladders:
                assert steps_of(own, shared).max() <= 1 + 1e-9

    def test_it_is_no_finer_than_the_finest_asks_for(self):
        """Two ladders that lie in each other: the length is that of the denser one everywhere."""
        coarse, fine = np.geomspace(0.1, 10, 5), np.geomspace(0.5, 2, 13)
        shared = combined([coarse, fine])
        outside = 4 * (1 - np.log(4) / np.log(100))
        assert len(shared) == np.ceil(12 + outside) + 1

    def test_ladders_that_do_not_touch(self):
        shared = combined([np.geomspace(0.01, 0.1, 4), np.geomspace(10, 100, 5)])
        assert len(shared) == 4 + 5
        assert (np.diff(np.log(shared)) > 0).all()

    def test_problems_without_energy_count_only_alone(self):
        betas = np.array([0.5, 1.0, 2.0])
        np.testing.assert_allclose(combined([np.array([1.0]), betas]), betas)
        assert combined([np.array([1.0])]).tolist() == [1.0]

    def test_a_number_of_betas_may_bound_it(self):
        shared = combined([np.geomspace(0.1, 10, 30)], most=7)
        assert (len(shared), shared[0], shared[-1]) == (7, 0.1, 10)


def test_swaps_of_every_problem_are_accepted_about_as_often_as_on_its_own_ladder():
    """The target is one half; rates of the pilot and of short runs scatter around it."""
    sampler = qspin.get_backend("tempering", n_replicas=8, n_burn_in=1_000, n_sweeps=2_000)
    found = shared_settings(sampler, list(SIZES.values()), seed=3)
    assert list(found) == ["betas"]
    fixed = qspin.get_backend("tempering", **found, n_replicas=8, n_burn_in=1_000, n_sweeps=2_000)
    ends = []
    for n, problem in SIZES.items():
        own = sampler.sample(problem, seed=n)
        shared = fixed.sample(problem, seed=n)
        assert shared.betas.tolist() == found["betas"]
        slowest = own.dataset["swap_rate"].values[:-1].min()
        assert shared.dataset["swap_rate"].values[:-1].min() > min(slowest, 0.5) - 0.12, n
        ends.append((own.betas[0], own.betas[-1]))
    hottest, coldest = (list(end) for end in zip(*ends, strict=True))
    assert found["betas"][0] == pytest.approx(min(hottest), rel=1e-9)  # from local fields, without noise
    assert found["betas"][-1] == pytest.approx(max(coldest), rel=0.3)  # from a quench with another seed


@pytest.mark.parametrize("method", ["tempering", "annealing", "population"])
def test_every_method_shares_its_ladder(method):
    settings = {"method": method, "n_replicas": 2, "n_burn_in": 50, "n_sweeps": 100, "n_population": 10}
    sampler = qspin.get_backend("tempering", **settings)
    found = sampler.shared(list(SIZES.values()), seed=1)
    assert found == sampler.shared(list(SIZES.values()), seed=1)
    samples = qspin.get_backend("tempering", **settings, **found).sample(SIZES[16], seed=1)
    assert samples.betas.tolist() == found["betas"]
    if method == "annealing":
        assert len(found["betas"]) <= 100


def test_given_ladders_are_nobody_elses():
    sampler = qspin.get_backend("tempering", betas=[0.5, 1.0])
    assert sampler.shared(list(SIZES.values()), seed=1) == {}
    assert not sampler.finds_settings


def test_of_many_problems_eight_are_looked_at(monkeypatch):
    looked_at = []
    method = METHODS["tempering"]

    def spy(problem, *others):
        looked_at.append(problem.n_spins)
        return method.ladder(problem, *others)

    monkeypatch.setitem(METHODS, "tempering", method._replace(ladder=spy))
    problems = [instances.sherrington_kirkpatrick(n, seed=1) for n in range(4, 19)]
    qspin.get_backend("tempering", n_burn_in=200).shared(problems, seed=1)
    assert looked_at == [4, 6, 8, 10, 12, 14, 16, 18]
