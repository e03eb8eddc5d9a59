"""Replicas stop where they reach an energy: then and there, whatever else is in their pack."""

from __future__ import annotations

import numpy as np
import pytest
from test_kernels import PROBLEMS

import qspin
from qspin import IsingProblem, instances
from qspin.errors import InputError
from qspin.measure import offered_by
from qspin.progress import listening
from qspin.sampler import OFFERS
from qspin.spectrum import energy_tolerance, enumerate_problem

ENDLESS = {
    "tempering": {"betas": [0.3, 0.6, 1.0], "n_replicas": 9, "n_burn_in": 50, "n_sweeps": 10**9},
    "annealing": {"betas": {"linear": [0.1, 2.0, 9]}, "n_replicas": 9, "n_sweeps": 10**9},
}
GLASS = instances.edwards_anderson((4, 4, 4), seed=1)


def endless(method="tempering", **changes):
    return qspin.get_backend("tempering", method=method, **{**ENDLESS[method], **changes})


def codes(samples):
    return [remark.code for remark in samples.remarks]


@pytest.mark.parametrize("kernel", PROBLEMS)
@pytest.mark.parametrize("method", ENDLESS)
def test_a_run_ends_where_all_have_arrived(kernel, method):
    problem = PROBLEMS[kernel](3).shifted(5.0)
    ground = enumerate_problem(problem).ground_energy
    sampler = endless(method, kernel=kernel.removesuffix(" in double"), target_energy=ground)
    heard = []
    with listening(heard.append):
        samples = sampler.sample(problem, seed=1)
    assert samples.info["status"] == "complete"
    assert samples.spins.sizes["draw"] == 1
    assert list(samples.betas) == list(sampler.betas)
    lowest = samples.energies.values.min(axis=(0, 2))
    np.testing.assert_allclose(lowest, ground, rtol=0, atol=energy_tolerance(problem))
    sweeps = samples.dataset["sweeps_to_target"]
    assert sweeps.dims == ("replica",)
    assert (sweeps.values < 100_000).all()
    assert samples.info["target"]["energy"] == ground
    assert samples.info["target"]["n_reached"] == 9
    assert "stopped-at-target" in codes(samples)
    assert heard[-1].fraction == 1.0
    if method == "annealing":
        np.testing.assert_allclose(samples.energies.values[-1], ground, atol=energy_tolerance(problem))


@pytest.mark.parametrize(
    "settings",
    [
        {"cluster": "none"},
        {"cluster": "bonds", "cluster_every": 2},
        {"cluster": "isoenergetic", "cluster_every": 3},
        {"swap_scheme": "reversible"},
    ],
)
def test_it_is_the_first_sweep_at_that_energy(settings):
    """The same walkers, without a target and recorded after every sweep."""
    n_sweeps = 40
    ladder = {"betas": [0.5, 1.0, 2.0], "n_replicas": 6, "n_burn_in": 0, "n_sweeps": n_sweeps, **settings}
    recorded = qspin.get_backend("tempering", **ladder, n_draws=n_sweeps).sample(GLASS, seed=2)
    target = float(np.sort(recorded.energies.values.min(axis=(0, 2)))[2])
    stopped = qspin.get_backend("tempering", **ladder, target_energy=target).sample(GLASS, seed=2)
    there = (recorded.energies.values <= target).any(axis=0)
    first = np.where(there.any(axis=1), there.argmax(axis=1) + 1.0, np.nan)
    np.testing.assert_array_equal(stopped.dataset["sweeps_to_target"].values, first)
    assert 0 < np.isnan(first).sum() < 6, "some arrive, some do not: otherwise this tests less"
    for r, sweep in enumerate(first):
        draw = n_sweeps - 1 if np.isnan(sweep) else int(sweep) - 1
        np.testing.assert_array_equal(stopped.spins.values[:, r, 0], recorded.spins.values[:, r, draw])


@pytest.mark.parametrize(
    ("method", "clusters"),
    [
        ("tempering", {"cluster": "none"}),
        ("tempering", {"cluster": "bonds"}),
        ("tempering", {"cluster": "isoenergetic", "cluster_every": 7}),
        ("annealing", {}),
    ],
)
def test_nothing_depends_on_threads_and_company(method, clusters):
    def sampled(**changes):
        betas = [0.5, 1.0, 2.0] if method == "tempering" else {"linear": [0.1, 2, 9]}
        sampler = endless(method, betas=betas, target_energy=-97.0, n_sweeps=3_000, **clusters, **changes)
        return sampler.sample(GLASS, seed=3).dataset

    one = sampled(n_threads=1)
    for other in (sampled(n_threads=2), sampled(n_threads=5)):
        for name in one.data_vars:
            np.testing.assert_array_equal(other[name].values, one[name].values, err_msg=name)
    # in a burn-in all replicas decide together how often clusters are moved
    all_of_them, fewer = (sampled(n_burn_in=0, n_replicas=n) for n in (9, 4))
    for name in ("spins", "energies", "sweeps_to_target"):
        first = all_of_them[name].isel(replica=slice(4)).values
        np.testing.assert_array_equal(fewer[name].values, first, err_msg=name)


@pytest.mark.parametrize("method", ENDLESS)
def test_whoever_begins_there_stops_at_once(glass, method):
    ground = enumerate_problem(glass).ground_states(1)[0]
    sampler = endless(method, target_energy=float(glass.energies(ground)))
    samples = sampler.sample(glass, seed=1, initial=ground)
    assert (samples.dataset["sweeps_to_target"].values == 0).all()
    assert (samples.spins.values == ground).all()


@pytest.mark.parametrize("method", ENDLESS)
def test_an_energy_that_none_can_have_ends_normally_and_says_so(glass, method):
    sampler = endless(method, n_sweeps=100, target_energy=-1e3)
    samples = sampler.sample(glass, seed=1)
    (remark,) = (r for r in samples.remarks if r.code == "target-out-of-reach")
    least = -np.abs(np.triu(glass.toarray())).sum() - np.abs(glass.fields).sum()
    assert (
        f"no configuration reaches the energy -1000: couplings and fields allow none below {least:.10g}"
        == (remark.text)
    )
    assert samples.info["status"] == "complete"
    assert np.isnan(samples.dataset["sweeps_to_target"].values).all()
    assert samples.info["target"] == {
        "energy": -1e3, "n_reached": 0, "most_sweeps": 150 if method == "tempering" else 100
    }  # fmt: skip


def test_a_known_ground_energy_is_the_better_bound(glass):
    ground = enumerate_problem(glass).ground_energy
    known = glass.with_known(ground_energy=ground)
    samples = endless(n_sweeps=50, target_energy=ground - 0.1).sample(known, seed=1)
    (remark,) = (r for r in samples.remarks if r.code == "target-out-of-reach")
    assert "known ground states allow none below" in remark.text
    assert "target-out-of-reach" not in codes(endless(target_energy=ground).sample(known, seed=1))


def test_an_energy_that_none_has_reached_is_said(glass):
    ground = enumerate_problem(glass).ground_energy
    samples = endless(n_sweeps=50, target_energy=ground - 0.1).sample(glass, seed=1)
    (remark,) = (r for r in samples.remarks if r.code.startswith("target"))
    assert remark.code == "target-not-reached"
    assert "9 of 9 replicas did not reach" in remark.text


def test_the_scale_of_energies_is_a_unit():
    one = endless(target_energy=-97.0, betas=[0.5, 1.0, 2.0]).sample(GLASS, seed=3)
    betas = [0.5 / 1024, 1.0 / 1024, 2.0 / 1024]
    other = endless(target_energy=-97.0 * 1024, betas=betas).sample(GLASS.scaled(1024.0), seed=3)
    for name in ("spins", "sweeps_to_target"):
        np.testing.assert_array_equal(other.dataset[name].values, one.dataset[name].values)


@pytest.mark.parametrize("method", ENDLESS)
def test_an_interrupt_keeps_who_has_arrived(method):
    """One replica begins at the target, and nobody else gets there: it is too hot."""
    low = qspin.get_backend("tempering", n_sweeps=1_000, betas=[0.5, 1.0, 2.0]).sample(GLASS, seed=1).best
    initial = np.random.default_rng(0).choice([-1, 1], (9, 64))
    initial[2] = low.spins
    calls = 3

    def interrupt(progress):
        nonlocal calls
        calls -= 1
        if calls == 0:
            raise KeyboardInterrupt

    with listening(interrupt):
        sampler = endless(method, betas=[0.01, 0.02], target_energy=low.energy)
        samples = sampler.sample(GLASS, seed=1, initial=initial)
    assert samples.info["status"] == "interrupted"
    assert np.flatnonzero(samples.dataset["sweeps_to_target"].values == 0).tolist() == [2]
    assert samples.info["target"]["n_reached"] == 1
    assert (samples.spins.values[:, 2] == low.spins).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "population"}, "target_energy belongs to methods 'tempering', 'annealing' and 'search'"),
        (
            {"store": "statistics"},
            "with target_energy replicas keep one draw, of which there are no statistics",
        ),
        ({"n_draws": 5}, "with target_energy replicas keep one draw; n_draws is 5"),
        ({"target_energy": float("nan")}, "target_energy: .*finite"),
        ({"target_energy": "low"}, "target_energy"),
    ],
)
def test_settings_that_cannot_work(settings, message):
    with pytest.raises(InputError, match=message):
        qspin.get_backend("tempering", **{"target_energy": -1.0, **settings})


@pytest.mark.parametrize("method", ["tempering", "annealing", "search"])
def test_samples_that_are_chosen_by_their_energy_offer_no_temperature(method):
    sampler = qspin.get_backend("tempering", method=method, target_energy=-1.0)
    assert sampler.offers == {"spins", "replicas"}
    pair = IsingProblem([[0, 1], [1, 0]])
    assert offered_by(sampler.sample(pair, seed=1), pair) & set(OFFERS) == sampler.offers


def test_no_spins_have_one_energy():
    empty = IsingProblem(np.zeros((0, 0)), offset=1.5)
    samples = endless(n_sweeps=5, target_energy=1.5).sample(empty, seed=1)
    assert (samples.dataset["sweeps_to_target"].values == 0).all()
