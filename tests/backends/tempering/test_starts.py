"""Walkers start where they are told to, and forget it as a chain forgets: without a bias."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.starts import packed, random_bits
from qspin_backends.tempering.tempering import Rules, start_tempering
from qspin_backends.tempering.words import expanded
from test_kernels import PROBLEMS, assert_distributed

import qspin
from qspin import IsingProblem, instances
from qspin.errors import InputError
from qspin.starting import initial_digest

LADDER = {"betas": [0.3, 0.6, 1.0], "n_replicas": 5, "n_burn_in": 0, "n_sweeps": 20, "n_draws": 2}
METHODS = ("tempering", "annealing")
KERNELS = ("sparse", "dense", "multispin")


def ground_state(problem):
    return qspin.get_backend("exact").enumerate(problem).ground_states(1)[0]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("method", METHODS)
def test_a_ground_state_stays_where_nothing_is_hot(kernel, method):
    problem = PROBLEMS[kernel](3)
    sampler = qspin.get_backend(
        "tempering",
        kernel=kernel,
        method=method,
        betas=[500.0, 1_000.0],
        n_replicas=7,
        n_burn_in=0,
        n_sweeps=2,
    )
    ground = ground_state(problem)
    samples = sampler.sample(problem, seed=1, initial=ground)
    np.testing.assert_allclose(samples.energies.values, problem.energies(ground))
    if problem.fields.any():
        assert (samples.spins.values == ground).all()
    assert (sampler.sample(problem, seed=1).energies.values > problem.energies(ground)).any()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("method", METHODS)
def test_where_it_starts_leaves_no_bias(kernel, method):
    problem = PROBLEMS[kernel](3)
    length = {"tempering": {"n_burn_in": 60, "n_sweeps": 1}, "annealing": {"n_sweeps": 5_000}}[method]
    sampler = qspin.get_backend(
        "tempering", kernel=kernel, method=method, betas={"linear": [0.1, 0.9, 5]}, n_replicas=6_000, **length
    )
    assert_distributed(sampler.sample(problem, seed=5, initial=ground_state(problem)), problem)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cluster", ["none", "bonds", "isoenergetic"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_every_walker_has_its_own_start(kernel, cluster, n_threads):
    problem = instances.edwards_anderson((4, 5), couplings="bimodal", seed=2)
    initial = np.random.default_rng(1).choice([-1, 1], (2, 7, 20)).astype(np.int8)
    rules = Rules(kernel, cluster=cluster, cluster_every=2 * (cluster != "none"), n_threads=n_threads)
    packs = start_tempering(
        problem, Graph.of(problem), np.array([0.5, 1.0]), 7, Seeds.of(1), rules, initial=initial
    )
    found = expanded(np.concatenate([pack.replica_bits() for pack in packs], axis=1), 20)[:, :, 0]
    np.testing.assert_array_equal(found, initial)
    for pack in packs:  # a partner begins beside the ladder that is recorded
        lanes = pack.walkers.spins().reshape(2, -1, pack.stride, 20)
        np.testing.assert_array_equal(lanes, np.repeat(lanes[:, :, :1], pack.stride, axis=2))
        np.testing.assert_allclose(
            pack.walkers.energies[: pack.walkers.n_lanes] * pack.walkers.unit,
            problem.energies(pack.walkers.spins()),
        )


@pytest.mark.parametrize("n_spins", [0, 1, 63, 64, 65, 130])
def test_bits_are_those_of_the_spins(n_spins):
    spins = np.random.default_rng(n_spins).choice([-1, 1], (2, 3, n_spins)).astype(np.int8)
    np.testing.assert_array_equal(expanded(packed(spins), n_spins)[:, :, 0], spins)
    drawn = random_bits(np.random.SeedSequence(1), 2, 3, n_spins)
    again = packed(expanded(drawn, n_spins)[:, :, 0])
    np.testing.assert_array_equal(expanded(again, n_spins), expanded(drawn, n_spins))


@pytest.mark.parametrize("method", METHODS)
def test_samples_do_not_depend_on_the_number_of_threads(glass, method):
    initial = np.random.default_rng(1).choice([-1, 1], (5, 10))
    settings = {k: v for k, v in LADDER.items() if method == "tempering" or not k.startswith(("n_d", "n_b"))}
    one, three = (
        qspin.get_backend("tempering", method=method, **settings, n_threads=n)
        .sample(glass, seed=3, initial=initial)
        .spins.values
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


def test_samples_go_on_where_others_ended(glass):
    first = qspin.get_backend("tempering", **LADDER).sample(glass, seed=3)
    second = qspin.get_backend("tempering", **LADDER).sample(glass, seed=4, initial=first)
    assert first.info["initial"] is None
    assert len(second.info["initial"]) == 64
    other = qspin.get_backend("tempering", **LADDER).sample(glass, seed=4, initial=-first.spins)
    assert other.info["initial"] != second.info["initial"]


def test_a_ladder_that_is_found_starts_from_one_or_one_a_replica(glass):
    sampler = qspin.get_backend("tempering", n_replicas=3, n_burn_in=0, n_sweeps=20)
    spins = np.ones((3, 10))
    assert len(sampler.sample(glass, seed=1, initial=spins).betas) > 3
    with pytest.raises(
        InputError, match=r"or shape \(3, 10\).*a ladder that is found \(betas: auto\) has none"
    ):
        sampler.sample(glass, seed=1, initial=np.ones((5, 3, 10)))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"betas": [0.2, 0.5, 0.9, 1.3]},
        {"betas": [0.2, 0.6, 1.0]},
        {"method": "annealing", "betas": [0.5, 1.0]},
        {"method": "search"},
    ],
)
def test_samples_of_another_ladder_are_taken(glass, settings):
    samples = qspin.get_backend("tempering", **LADDER).sample(glass, seed=1)
    sampler = qspin.get_backend("tempering", n_replicas=7, n_sweeps=20, **settings)
    coldest = samples.spins.values[-1, np.arange(7) % 5, -1]
    started = sampler.sample(glass, seed=1, initial=samples)
    assert started.info["initial"] == initial_digest(coldest[None])
    one = sampler.sample(glass, seed=1, initial=samples.best)
    assert one.info["initial"] == initial_digest(samples.best.spins[None, None])


def test_samples_of_its_ladder_are_taken_at_every_beta(glass):
    sampler = qspin.get_backend("tempering", **LADDER)
    samples = sampler.sample(glass, seed=1)
    again = sampler.sample(glass, seed=1, initial=samples)
    assert again.info["initial"] == initial_digest(samples.spins.values[:, :, -1])


def test_populations_start_at_infinite_temperature(glass):
    sampler = qspin.get_backend("tempering", method="population", betas=[0.5], n_sweeps=10)
    with pytest.raises(
        InputError, match="'tempering' takes no initial: method 'population' starts at infinite"
    ):
        sampler.sample(glass, seed=1, initial=np.ones(10))


def test_a_clamped_problem_starts_from_its_own_spins(glass):
    rest = glass.clamped({0: 1})
    samples = qspin.get_backend("tempering", **LADDER).sample(rest, seed=1, initial=np.ones(9))
    assert samples.n_spins == 9
    with pytest.raises(InputError, match="got shape"):
        qspin.get_backend("tempering", **LADDER).sample(rest, seed=1, initial=np.ones(10))


def test_no_spins_start_nowhere():
    empty = IsingProblem(np.zeros((0, 0)))
    assert qspin.get_backend("tempering", **LADDER).sample(empty, seed=1, initial=[]).n_spins == 0
