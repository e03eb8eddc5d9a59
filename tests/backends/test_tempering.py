"""What only tempering promises: threads, ladders, draws, swaps, stopping."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qspin_backends.tempering.kernels import uniform
from qspin_backends.tempering.ladder import automatic_ladder

import qspin
from qspin import IsingProblem, instances
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
    first, second = samples.info["warnings"]
    assert "swaps between beta 0.1 and 2 are accepted in 0.0% of attempts" in first
    assert "in 2 of 2 replicas no walker travelled" in second


class TestAutomaticLadder:
    def test_it_is_recorded_and_scales(self, glass):
        samples = qspin.get_backend("tempering", n_sweeps=50).sample(glass, seed=1)
        np.testing.assert_allclose(samples.betas, automatic_ladder(glass))
        np.testing.assert_allclose(
            np.array(automatic_ladder(glass.scaled(1000.0))) * 1000, automatic_ladder(glass)
        )

    def test_nothing_to_scale_by(self):
        assert automatic_ladder(IsingProblem(np.zeros((3, 3)))) == (1.0,)
        assert automatic_ladder(IsingProblem(np.zeros((0, 0)))) == (1.0,)


class TestDraws:
    def test_defaults_fit_the_sweeps_and_the_memory(self, glass):
        def draws(problem, **settings):
            return (
                qspin.get_backend("tempering", n_burn_in=0, n_replicas=2, **settings)
                .sample(problem, seed=0)
                .spins.sizes["draw"]
            )

        assert draws(glass, betas=[1.0], n_sweeps=8) == 8
        assert draws(glass, betas=[1.0], n_sweeps=2_000) == 500
        large = IsingProblem.from_edges(200_000, [0], [1], [1.0])
        assert draws(large, betas=[0.5, 1.0], n_sweeps=200) == 167

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
        ({"method": "magic"}, "method: should be 'tempering'; got 'magic'"),
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


def test_an_interrupt_stops_all_threads(glass):
    threads = threading.active_count()

    def interrupt(fraction):
        raise KeyboardInterrupt

    sampler = qspin.get_backend("tempering", betas=[1.0], n_replicas=4, n_sweeps=10**9, n_draws=1)
    with pytest.raises(KeyboardInterrupt), listening(interrupt):
        sampler.sample(glass, seed=0)
    assert threading.active_count() == threads


def test_progress_reaches_the_end(glass):
    heard = []
    with listening(heard.append):
        qspin.get_backend("tempering", **SETTINGS).sample(glass, seed=0)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_random_numbers_are_those_of_xoshiro256plusplus():
    """Against the recurrence in Python integers."""
    mask = 2**64 - 1
    state = np.array([1, 2, 3, 2**64 - 5], dtype=np.uint64)
    s = [int(x) for x in state]

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) & mask

    for _ in range(200):
        result = (rotate((s[0] + s[3]) & mask, 23) + s[0]) & mask
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        assert uniform(state) == (result >> 11) * 2.0**-53
    assert [int(x) for x in state] == s
