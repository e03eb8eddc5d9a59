"""What only tempering promises: threads, ladders, draws, swaps, stopping."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.diagnosis import diagnose_ladders
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.tempering import (
    Progress,
    Rules,
    Schedule,
    _advance,
    run_packs,
    start_tempering,
)

import qspin
from qspin import IsingProblem, analysis, instances
from qspin.errors import CapacityError, InputError
from qspin.progress import listening

SETTINGS = {"betas": [0.3, 0.6, 1.0], "n_replicas": 5, "n_burn_in": 20, "n_sweeps": 100, "n_draws": 10}


def test_samples_do_not_depend_on_the_number_of_threads(glass):
    one, two, five = (
        qspin.get_backend("tempering", **SETTINGS, n_threads=n).sample(glass, seed=3).spins.values
        for n in (1, 2, 5)
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, five)


def test_more_replicas_leave_the_first_ones_as_they_are(glass):
    few = qspin.get_backend("tempering", **SETTINGS).sample(glass, seed=3)
    more = qspin.get_backend("tempering", **{**SETTINGS, "n_replicas": 8}).sample(glass, seed=3)
    np.testing.assert_array_equal(more.spins.values[:, :5], few.spins.values)


def test_dense_and_sparse_storage_give_the_same_samples(glass):
    from scipy import sparse

    other = IsingProblem(sparse.csr_array(glass.toarray()), glass.fields)
    sampler = qspin.get_backend("tempering", **SETTINGS)
    np.testing.assert_array_equal(
        sampler.sample(glass, seed=3).spins.values, sampler.sample(other, seed=3).spins.values
    )


def test_scaling_energies_and_betas_changes_units_alone(glass):
    scaled = glass.scaled(1024.0)
    betas = [beta / 1024 for beta in SETTINGS["betas"]]
    one = qspin.get_backend("tempering", **SETTINGS).sample(glass, seed=3)
    other = qspin.get_backend("tempering", **{**SETTINGS, "betas": betas}).sample(scaled, seed=3)
    np.testing.assert_array_equal(one.spins.values, other.spins.values)


def test_one_beta_and_infinite_temperature(glass):
    samples = qspin.get_backend("tempering", betas=[0.0], n_replicas=40, n_sweeps=500).sample(glass, seed=1)
    assert np.isnan(samples.dataset["swap_rate"].values).all()
    assert samples.dataset["round_trips"].values.sum() == 0
    magnetisation = samples.spins.values.mean(axis=(0, 2, 3))
    assert abs(magnetisation.mean()) < 4 * magnetisation.std(ddof=1) / np.sqrt(40)


def test_swap_rate_of_two_levels():
    """One spin in a field: the acceptance of a swap has a closed form."""
    betas = np.array([0.2, 1.0])
    up = 1 / (1 + np.exp(2 * betas))  # P(s = +1), E = s
    cold_low_hot_high = (1 - up[1]) * up[0]
    expected = 1 - cold_low_hot_high * (1 - np.exp(-2 * (betas[1] - betas[0])))
    sampler = qspin.get_backend("tempering", betas=betas, n_replicas=50, n_burn_in=10, n_sweeps=2_000)
    rate = sampler.sample(IsingProblem([[0.0]], [1.0]), seed=2).dataset["swap_rate"].values[0]
    assert rate == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 50_000))


def test_round_trips_count_all_walkers():
    sampler = qspin.get_backend("tempering", betas=[0.0, 1e-12], n_replicas=2, n_burn_in=0, n_sweeps=400)
    trips = sampler.sample(IsingProblem([[0.0]], [1.0]), seed=0).dataset["round_trips"].values
    # every exchange is accepted and every second sweep offers one: a walker returns every fourth sweep
    assert set(trips) <= {198, 199, 200}


def test_a_bad_ladder_warns():
    problem = instances.lattice_ferromagnet((12, 12))
    samples = qspin.get_backend("tempering", betas=[0.1, 2.0], n_replicas=2, n_sweeps=200).sample(
        problem, seed=0
    )
    first, second = samples.remarks
    assert (first.code, second.code) == ("low-swap-rate", "no-round-trip")
    assert "swaps between beta 0.1 and 2 are accepted in 0.0% of attempts" in first.text
    assert "in 2 of 2 replicas no walker travelled" in second.text


class TestAutomaticLadder:
    def test_its_betas_and_barrier_are_recorded(self):
        problem = instances.edwards_anderson((4, 4, 4), seed=1)
        samples = qspin.get_backend("tempering", n_replicas=4, n_sweeps=2_000).sample(problem, seed=1)
        ladder = samples.info["ladder"]
        np.testing.assert_array_equal(samples.betas, ladder["betas"])
        assert len(samples.betas) == np.ceil(2 * ladder["barrier"]) + 1

    def test_swaps_are_accepted_equally_often(self):
        """Within the noise of the pilot: its rates come from 1000 exchanges, in the last round."""
        problem = instances.edwards_anderson((6, 6, 6), seed=2)
        samples = qspin.get_backend("tempering", n_replicas=8, n_burn_in=2_000, n_sweeps=4_000).sample(
            problem, seed=1
        )
        rates = samples.dataset["swap_rate"].values[:-1]
        assert rates.min() > 0.3
        assert rates.max() < 0.75
        assert samples.remarks == []

    @pytest.mark.parametrize("factor", [1024.0, 1000.0, 1e-9, 3e12])
    @pytest.mark.parametrize("method", ["tempering", "annealing", "population"])
    def test_a_scale_of_energies_is_a_unit(self, glass, factor, method):
        sampler = qspin.get_backend("tempering", method=method, n_sweeps=200, n_replicas=3, n_population=40)
        one, other = sampler.sample(glass, seed=1), sampler.sample(glass.scaled(factor), seed=1)
        np.testing.assert_allclose(other.betas * factor, one.betas, rtol=1e-12)
        np.testing.assert_array_equal(other.spins.values, one.spins.values)
        np.testing.assert_allclose(other.energies.values, one.energies.values * factor, rtol=1e-9)

    def test_the_cold_end_sees_the_gaps(self):
        """A spin that hangs weakly on strong ones: the ladder must freeze it too."""
        problem = IsingProblem.from_edges(6, range(5), range(1, 6), [-100.0, -100.0, -100.0, -100.0, -0.5])
        samples = qspin.get_backend("tempering", n_sweeps=500).sample(problem, seed=2)
        together = samples.spins.values[-1, ..., 4] == samples.spins.values[-1, ..., 5]
        assert together.mean() > 0.8

    def test_nothing_to_scale_by(self):
        for n in (0, 3):
            samples = qspin.get_backend("tempering", n_sweeps=20).sample(
                IsingProblem(np.zeros((n, n))), seed=0
            )
            assert samples.betas.tolist() == [1.0]


class TestDraws:
    def test_defaults_fit_the_sweeps_and_the_memory(self, glass):
        def draws(problem, **settings):
            return (
                qspin.get_backend("tempering", n_burn_in=0, n_replicas=2, **settings)
                .sample(problem, seed=0)
                .spins.sizes["draw"]
            )

        assert draws(glass, betas=[1.0], n_sweeps=8) == 8
        assert draws(glass, betas=[1.0], n_sweeps=500) == 100
        assert draws(glass, betas=[1.0], n_sweeps=2_000) == 200
        assert draws(glass, betas=[1.0], n_sweeps=20_000) == 500
        large = IsingProblem.from_edges(200_000, [0], [1], [1.0])
        assert draws(large, betas=[0.5, 1.0], n_sweeps=2_000) == 167

    def test_more_draws_than_sweeps_are_refused(self):
        with pytest.raises(InputError, match=r"n_draws \(5\) must not exceed n_sweeps \(2\)"):
            qspin.get_backend("tempering", n_draws=5, n_sweeps=2)

    def test_memory_is_checked_before_work(self, glass):
        sampler = qspin.get_backend("tempering", n_replicas=10**6, n_draws=10_000)
        for call in (sampler.check, sampler.sample):
            with pytest.raises(CapacityError, match="GiB of this machine"):
                call(glass)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"betas": [1.0, 0.5]}, "tempering: betas: must ascend strictly, but 1 stands before 0.5"),
        ({"betas": [1.0, 1.0]}, "must ascend strictly"),
        ({"betas": [-1.0]}, "betas.0: should be greater than or equal to 0; got -1"),
        ({"betas": [float("inf")]}, "finite"),
        ({"betas": []}, "at least 1 item"),
        ({"betas": "automatic"}, "should be 'auto'; got 'automatic'"),
        ({"betas": {"geometrical": [1, 2, 3]}}, "one key of geometric, linear, temperatures"),
        ({"betas": {"geometric": [1, 2]}}, r"\[first beta, last beta, how many\]"),
        ({"betas": {"geometric": [0, 2, 3]}}, "geometric"),
        ({"n_sweeps": 0}, "n_sweeps: should be greater than 0; got 0"),
        ({"n_burn_in": -1}, "n_burn_in: should be greater than or equal to 0"),
        ({"n_replicas": 2.5}, "valid integer"),
        (
            {"method": "magic"},
            "method: should be 'tempering', 'annealing', 'population' or 'search'; got 'magic'",
        ),
        ({"kernel": "fast"}, "kernel: should be 'auto', 'sparse', 'dense' or 'multispin'; got 'fast'"),
        ({"move": "wolff"}, "move: should be 'heat_bath' or 'metropolis'"),
        ({"cluster_every": -1}, "cluster_every: should be greater than or equal to 0"),
        ({"cluster_every": 5, "method": "annealing"}, "cluster_every belongs to method 'tempering'"),
        ({"cluster": "bonds", "method": "population"}, "cluster belongs to method 'tempering'"),
        ({"cluster": "wolff"}, "cluster: should be 'auto', 'none', 'isoenergetic' or 'bonds'; got 'wolff'"),
        ({"cluster": "none", "cluster_every": 5}, "cluster 'none' and cluster_every 5 contradict each other"),
        ({"cluster": "bonds", "cluster_every": 0}, "cluster 'bonds' and cluster_every 0 contradict"),
        ({"cluster": "bonds", "betas": [1.0]}, "at neighbouring betas, and there is one beta"),
        ({"store": "statistics", "method": "population"}, "store 'statistics' belongs to method 'tempering'"),
        ({"store": "coldest"}, "store 'coldest' belongs to method 'annealing'"),
        ({"betas": [0, 1], "move": "metropolis"}, "at beta = 0 Metropolis flips every spin"),
        ({"n_draws": 2, "method": "annealing"}, r"n_draws \(2\) must not exceed 1: an annealed walker"),
        (
            {"n_draws": 9, "n_population": 8, "method": "population"},
            r"n_draws \(9\) must not exceed n_population",
        ),
        ({"max_memory": 0}, "max_memory: should be greater than 0"),
        ({"sweeps": 3}, "no setting 'sweeps': did you mean 'n_sweeps'"),
    ],
)
def test_settings_that_cannot_work(settings, message):
    with pytest.raises(InputError, match=message):
        qspin.get_backend("tempering", **settings)


def test_ladders_in_short():
    def betas(form):
        return np.array(qspin.get_backend("tempering", betas=form).betas)

    np.testing.assert_allclose(betas({"geometric": [1, 8, 4]}), [1, 2, 4, 8])
    np.testing.assert_allclose(betas({"linear": [0, 3, 4]}), [0, 1, 2, 3])
    np.testing.assert_allclose(betas({"temperatures": [4, 1, 2]}), [0.25, 0.5, 1])
    np.testing.assert_allclose(betas(np.array([0.5, 1.0])), [0.5, 1])
    np.testing.assert_allclose(betas(2), [2])


def test_annealing_may_keep_the_coldest_alone(glass):
    settings = {"method": "annealing", "betas": {"linear": [0.1, 2, 9]}, "n_sweeps": 90}
    ladder, coldest = (
        qspin.get_backend("tempering", store=store, **settings).sample(glass, seed=2)
        for store in ("spins", "coldest")
    )
    assert (ladder.spins.sizes["beta"], coldest.betas.tolist()) == (9, [2.0])
    np.testing.assert_array_equal(coldest.spins.values[0], ladder.spins.values[-1])


def interrupting_after(calls):
    def interrupt(progress):
        nonlocal calls
        calls -= 1
        if calls == 0:
            raise KeyboardInterrupt

    return listening(interrupt)


LONG = {
    "tempering": {
        "betas": [0.5, 1.0],
        "n_replicas": 4,
        "n_burn_in": 3_000,
        "n_sweeps": 10**9,
        "n_draws": 10**6,
    },
    "annealing": {"betas": {"linear": [0.1, 1, 100]}, "n_replicas": 4, "n_sweeps": 10**9},
    "population": {"betas": {"linear": [0.1, 1, 100]}, "n_replicas": 4, "n_sweeps": 10**9, "n_draws": 5},
    "search": {"n_replicas": 4, "n_sweeps": 10**9},
}


@pytest.mark.parametrize("method", LONG)
def test_an_interrupt_returns_what_there_is(glass, method):
    threads = set(threading.enumerate())
    sampler = qspin.get_backend("tempering", method=method, **LONG[method])
    with interrupting_after(3):
        samples = sampler.sample(glass, seed=0)
    assert set(threading.enumerate()) <= threads, "others may end meanwhile, none may be left"
    assert samples.info["status"] == "interrupted"
    assert samples.energies.size > 0
    assert samples.spins.sizes["draw"] < 10**6
    assert len(samples.betas) < 100
    np.testing.assert_array_equal(samples.energies.values, glass.energies(samples.spins.values))
    assert "interrupted" in [remark.code for remark in analysis.equilibrium_remarks(samples)]


def test_averages_of_packs_that_stopped_at_different_sweeps():
    """An interrupt may find one pack further than another: each is averaged over its own sweeps."""
    frozen = IsingProblem([[0.0]], [1.0], offset=5.0)  # energy 4 at every sweep, whatever it was at the start
    betas, rules = np.array([80.0, 90.0]), Rules(n_threads=2)
    packs = start_tempering(frozen, Graph.of(frozen), betas, 2, Seeds.of(2), rules)
    run_packs(packs, Schedule(0, 400), rules)
    _advance(packs[1], lambda: False, rules=rules, now=400, last=700, draws=[], recording=True)
    assert [pack.done for pack in packs] == [400, 700]
    assert max(packs[1].ladders.origin[:2]) > 0, "started where it ends: wrong counts would not show"
    measured, _, _ = diagnose_ladders(packs, betas, Schedule(0, 400), Progress(400, "interrupted", 1.0, 1.0))
    np.testing.assert_allclose(measured["energy_mean"][1], 4.0)
    np.testing.assert_allclose(measured["energy_variance"][1], 0.0, atol=1e-12)
    np.testing.assert_allclose(measured["energy_log2"][1], 4.0)


def test_an_interrupt_in_burn_in_returns_the_present_configurations(glass):
    settings = {**LONG["tempering"], "n_burn_in": 10**9, "n_sweeps": 10, "n_draws": 10}
    with interrupting_after(2):
        samples = qspin.get_backend("tempering", **settings).sample(glass, seed=0)
    assert samples.spins.sizes["draw"] == 1
    (remark,) = (remark for remark in samples.remarks if remark.code == "no-draw")
    assert "before the first draw" in remark.text


@pytest.mark.parametrize("method", ["tempering", "annealing", "population", "search"])
def test_progress_tells_fraction_speed_and_the_lowest_energy(glass, method):
    """Which in so many sweeps is that of the ground states, by enumeration."""
    heard = []
    betas = {} if method == "search" else {"betas": [0.5, 1.0, 3.0]}
    settings = {**betas, "n_replicas": 5, "n_sweeps": 2_000, "method": method}
    shifted = IsingProblem(glass.couplings, glass.fields, offset=100.0)
    with listening(heard.append):
        samples = qspin.get_backend("tempering", **settings).sample(shifted, seed=0)
    fractions = [progress.fraction for progress in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(progress.figures["sweeps_per_second"] > 0 for progress in heard)
    lowest = [progress.figures["best_energy"] for progress in heard]
    assert lowest == sorted(lowest, reverse=True)
    ground = qspin.get_backend("exact", betas=[1.0]).enumerate(shifted).ground_energy
    drift = 1e-4  # energies are carried along in single precision
    assert lowest[-1] <= samples.best.energy + drift
    assert lowest[-1] == pytest.approx(ground, abs=drift)
