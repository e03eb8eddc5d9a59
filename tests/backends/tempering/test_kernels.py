"""Every kernel, move and method against enumeration: one test for all of them, on full distributions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from qspin_backends.tempering import multispin
from qspin_backends.tempering.outcomes import set_probabilities
from scipy import stats

import qspin
from qspin import IsingProblem
from qspin.errors import InputError
from qspin.testing import assert_boltzmann, small_problems

# probability of a false alarm of one chi-squared test, about that of four standard errors
FALSE_ALARM = 6e-5


def dense(seed: int, n: int = 7, fields: float = 0.3) -> IsingProblem:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    return IsingProblem(upper + upper.T, fields=fields * rng.normal(size=n))


def bimodal(seed: int, n: int = 7) -> IsingProblem:
    """Couplings +-2 on a ring with chords, degrees even and odd, and a spin apart from the rest."""
    i, j = [0, 1, 2, 3, 4, 5, 0, 1], [1, 2, 3, 4, 5, 0, 3, 4]
    return IsingProblem.from_edges(n, i, j, np.random.default_rng(seed).choice([-2.0, 2.0], len(i)))


def pinned(seed: int) -> IsingProblem:
    """A spin held by 10^5 times what the others feel: fields need double precision."""
    problem = dense(seed)
    fields = problem.fields.copy()
    fields[0] = 1e5
    return IsingProblem(problem.toarray(), fields)


PROBLEMS = {"sparse": dense, "dense": dense, "multispin": bimodal, "sparse in double": pinned}
METHODS = {
    "tempering": {"n_replicas": 6_000, "n_burn_in": 60, "n_sweeps": 1},
    "tempering, reversible": {
        "n_replicas": 6_000,
        "n_burn_in": 60,
        "n_sweeps": 1,
        "swap_scheme": "reversible",
    },
    "tempering, isoenergetic": {
        "n_replicas": 4_000,
        "n_burn_in": 60,
        "n_sweeps": 1,
        "cluster": "isoenergetic",
        "cluster_every": 2,
    },
    "tempering, bonds": {
        "n_replicas": 6_000,
        "n_burn_in": 60,
        "n_sweeps": 1,
        "cluster": "bonds",
        "cluster_every": 1,
    },
    "annealing": {"n_replicas": 6_000, "n_sweeps": 5_000},
    "population": {"n_replicas": 3_000, "n_population": 20, "n_draws": 1, "n_sweeps": 200},
}
MOVES = ("heat_bath", "metropolis")


def assert_distributed(samples, problem):
    """Chi-squared test of the distribution of whole configurations; replicas with one draw are
    independent.
    """
    spectrum = qspin.get_backend("exact").enumerate(problem)
    spins = samples.spins.values[:, :, -1]
    numbers = ((spins > 0) << np.arange(problem.n_spins)).sum(axis=-1)
    for b, beta in enumerate(samples.betas):
        expected = spectrum.probabilities(beta) * numbers.shape[1]
        observed = np.bincount(numbers[b], minlength=len(expected))
        rare = expected < 5
        grouped = (
            np.append(expected[~rare], expected[rare].sum()),
            np.append(observed[~rare], observed[rare].sum()),
        )
        if grouped[0][-1] < 5:  # too few to test together: add them to the least likely of the others
            k = int(np.argmin(grouped[0][:-1]))
            grouped = tuple(np.append(np.delete(g[:-1], k), g[k] + g[-1]) for g in grouped)
        p = stats.chisquare(grouped[1], grouped[0] * grouped[1].sum() / grouped[0].sum()).pvalue
        assert p > FALSE_ALARM, f"beta = {beta:g}: p = {p:.2g} over {len(grouped[0])} groups"


@pytest.mark.parametrize("kernel", PROBLEMS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("move", MOVES)
def test_configurations_follow_the_boltzmann_distribution(kernel, method, move):
    problem = PROBLEMS[kernel](3)
    name = kernel.removesuffix(" in double")
    sampler = qspin.get_backend(
        "tempering",
        method=method.split(",")[0],
        kernel=name,
        move=move,
        betas={"linear": [0.1, 0.9, 5]},
        **METHODS[method],
    )
    samples = sampler.sample(problem, seed=5)
    assert samples.info["kernel"] == name
    assert samples.info["precision"] == {
        "multispin": "integer", "sparse in double": "float64"
    }.get(kernel, "float32")  # fmt: skip
    assert_distributed(samples, problem)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("n_digits", [1, 3])
def test_lanes_that_share_a_stream_of_random_numbers_are_exact(move, n_digits, monkeypatch):
    """Nearly all unlikely outcomes now come from the stream that serves all lanes, see `outcomes`."""
    monkeypatch.setattr(multispin, "set_probabilities", partial(set_probabilities, n_digits=n_digits))
    problem = bimodal(3)
    sampler = qspin.get_backend(
        "tempering", move=move, betas={"linear": [0.1, 0.9, 5]}, n_replicas=6_000, n_burn_in=60, n_sweeps=1
    )
    samples = sampler.sample(problem, seed=5)
    assert samples.info["kernel"] == "multispin"
    assert_distributed(samples, problem)


def test_a_wrong_temperature_is_noticed():
    """The test above can fail: samples at betas 10 % too high do not pass for those at the betas stated."""
    problem = dense(3)
    sampler = qspin.get_backend("tempering", betas=[0.55], n_replicas=6_000, n_burn_in=60, n_sweeps=1)
    dataset = sampler.sample(problem, seed=5).dataset
    samples = qspin.SampleSet(dataset.assign_coords(beta=[0.5]))
    with pytest.raises(AssertionError, match=r"beta = 0\.5: p = "):
        assert_distributed(samples, problem)


@pytest.mark.parametrize("kernel", ["sparse", "dense"])
@pytest.mark.parametrize("name", [name for name, problem in small_problems().items() if problem.n_spins])
def test_corners(kernel, name):
    problem = small_problems()[name]
    sampler = qspin.get_backend(
        "tempering",
        kernel=kernel,
        betas=[0.3, 1.0],
        n_replicas=40,
        n_burn_in=100,
        n_sweeps=1_000,
        n_draws=200,
    )
    assert_boltzmann(sampler.sample(problem, seed=2), problem)


def test_multispin_corners():
    """One coupling; all degrees from 0 to 7; more lanes than a word, and than a vector of words."""
    pair = IsingProblem.from_edges(2, [0], [1], [3.0])
    star = IsingProblem.from_edges(9, [0] * 7 + [1, 1, 2], [1, 2, 3, 4, 5, 6, 7, 2, 3, 3], [1.0, -1.0] * 5)
    assert sorted(set(np.diff(star.csr.indptr))) == [0, 1, 3, 7]
    for problem in (pair, star):
        for n_replicas in (3, 40, 150, 600):
            sampler = qspin.get_backend(
                "tempering", kernel="multispin", betas=[0.2, 0.7, 1.1], n_replicas=n_replicas, n_burn_in=100,
                n_sweeps=60_000 // n_replicas, n_draws=min(200, 6_000 // n_replicas),
            )  # fmt: skip
            samples = sampler.sample(problem, seed=4)
            assert samples.info["energy_drift"] == 0
            if n_replicas > 3:
                assert_boltzmann(samples, problem)


@pytest.mark.parametrize(("n_betas", "n_replicas"), [(1, 5), (3, 5), (7, 11), (20, 7), (70, 2), (130, 1)])
@pytest.mark.parametrize("kernel", ["sparse", "dense"])
def test_samples_do_not_depend_on_how_walkers_are_packed(kernel, n_betas, n_replicas):
    problem = dense(1, n=40)
    settings = {
        "betas": np.linspace(0.1, 2, n_betas),
        "n_burn_in": 5,
        "n_sweeps": 30,
        "n_draws": 3,
        "kernel": kernel,
    }
    runs = [
        qspin.get_backend("tempering", n_replicas=count, n_threads=n_threads, **settings).sample(
            problem, seed=8
        )
        for count, n_threads in ((n_replicas, 1), (n_replicas, 3), (n_replicas + 2, 1))
    ]
    for other in runs[1:]:
        np.testing.assert_array_equal(runs[0].spins.values, other.spins.values[:, :n_replicas])


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("cluster", ["isoenergetic", "bonds"])
def test_cluster_moves_do_not_depend_on_how_walkers_are_packed(seed, cluster):
    """Where they are switched off is decided by all walkers together."""
    problem = qspin.instances.edwards_anderson((4, 4, 4), seed=seed)
    settings = {
        "betas": {"geometric": [0.3, 1.5, 4]},
        "n_replicas": 6,
        "n_burn_in": 6,
        "n_sweeps": 40,
        "n_draws": 4,
    }
    one, three = (
        qspin.get_backend("tempering", n_threads=n, cluster=cluster, cluster_every=2, **settings).sample(
            problem, seed=seed
        )
        for n in (1, 3)
    )
    assert one.info["cluster_moves_active"] == three.info["cluster_moves_active"]
    np.testing.assert_array_equal(one.spins.values, three.spins.values)


def test_multispin_samples_do_not_depend_on_threads():
    problem = bimodal(0)
    settings = {"betas": [0.1, 0.5, 0.9], "n_burn_in": 5, "n_sweeps": 30, "n_draws": 3, "n_replicas": 100}
    one, three = (
        qspin.get_backend("tempering", n_threads=n, **settings).sample(problem, seed=8) for n in (1, 3)
    )
    assert one.info["kernel"] == "multispin"
    np.testing.assert_array_equal(one.spins.values, three.spins.values)


def test_the_kernels_are_chosen_by_the_problem():
    def chosen(problem, **settings):
        sampler = qspin.get_backend(
            "tempering", **{"betas": [1.0], "n_sweeps": 1, "n_burn_in": 0, **settings}
        )
        return sampler.sample(problem, seed=0).info["kernel"]

    assert chosen(qspin.instances.edwards_anderson((4, 4, 4), seed=0)) == "sparse"
    assert chosen(qspin.instances.edwards_anderson((4, 4, 4), couplings="bimodal", seed=0)) == "multispin"
    assert chosen(qspin.instances.sherrington_kirkpatrick(40, seed=0)) == "sparse"
    assert chosen(qspin.instances.sherrington_kirkpatrick(300, seed=0)) == "dense"
    assert chosen(qspin.instances.sherrington_kirkpatrick(300, seed=0), kernel="sparse") == "sparse"
    assert chosen(pinned(0)) == "sparse"


def test_carried_energies_drift_little_and_say_so():
    for problem in (
        qspin.instances.edwards_anderson((6, 6, 6), seed=0),
        qspin.instances.sherrington_kirkpatrick(256, seed=0),
    ):
        sampler = qspin.get_backend(
            "tempering", betas={"geometric": [0.1, 3, 12]}, n_replicas=2, n_sweeps=8_000
        )
        drift = sampler.sample(problem, seed=1).info["energy_drift"]
        assert 0 < drift < 0.01  # of energies of a few hundred, at temperatures above 0.3


class TestRefusals:
    def test_multispin_for_other_problems(self):
        star = IsingProblem.from_edges(9, [0] * 8, range(1, 9), [1.0] * 8)
        for problem, reason in (
            (dense(0), "there are fields"),
            (dense(0, fields=0.0), "couplings differ in size"),
            (IsingProblem(np.zeros((3, 3))), "there are no couplings"),
            (star, "a spin has 8 couplings"),
        ):
            sampler = qspin.get_backend("tempering", kernel="multispin", betas=[1.0])
            for call in (sampler.check, sampler.sample):
                with pytest.raises(InputError, match=f"kernel 'multispin' needs .* {reason}"):
                    call(problem)

    def test_couplings_of_wildly_different_sizes(self):
        """1e-12 to 1e12: exact in double precision while the small ones do not matter, refused where they
        would.
        """
        couplings = [-1e12, 1.0, -1e-12]
        problem = IsingProblem.from_edges(4, [0, 1, 2], [1, 2, 3], couplings)
        settings = {"n_replicas": 40, "n_burn_in": 100, "n_sweeps": 1_000, "n_draws": 200}
        samples = qspin.get_backend("tempering", betas=[0.2, 1.0], **settings).sample(problem, seed=1)
        assert samples.info["precision"] == "float64"
        assert_boltzmann(samples, problem)
        with pytest.raises(InputError, match="couplings differ too much in size for this ladder"):
            qspin.get_backend("tempering", betas=[1e11, 1e12], **settings).sample(problem, seed=1)
        automatic = qspin.get_backend("tempering", **settings).sample(problem, seed=1)
        assert 1 < automatic.betas[-1] < 100  # a bond of 10^-24 of the largest counts as none

    def test_dense_in_single_precision_alone(self):
        with pytest.raises(InputError, match="kernel 'dense' keeps fields in single precision"):
            qspin.get_backend("tempering", kernel="dense", betas=[1.0]).sample(pinned(0), seed=0)

    @pytest.mark.parametrize("settings", [{}, {"betas": [1.0]}])
    def test_isoenergetic_moves_of_a_dense_problem(self, settings):
        problem = qspin.instances.sherrington_kirkpatrick(30, seed=0)
        sampler = qspin.get_backend("tempering", cluster="isoenergetic", **settings)
        for call in (sampler.check, sampler.sample):
            with pytest.raises(
                InputError,
                match="need a sparse problem; here spins have 29 couplings .* Use cluster 'bonds' or 'auto'",
            ):
                call(problem)


@pytest.mark.parametrize(("shape", "is_worth_it"), [((6, 6, 6), False), ((14, 14), True)])
def test_isoenergetic_moves_are_switched_off_where_clusters_span_the_system(shape, is_worth_it):
    """At high temperature half of the spins are opposed: more than the threshold of three dimensions, 0.31,
    and less than that of two, 0.59.
    """
    problem = qspin.instances.edwards_anderson(shape, seed=3)
    sampler = qspin.get_backend(
        "tempering",
        betas={"geometric": [0.1, 3, 12]},
        n_replicas=4,
        n_burn_in=300,
        n_sweeps=300,
        cluster="isoenergetic",
        cluster_every=5,
    )
    assert sampler.sample(problem, seed=1).info["cluster_moves_active"][0] is is_worth_it


def test_memory_is_estimated_before_it_is_taken():
    large = IsingProblem.from_edges(300_000, [0], [1], [1.0])
    for settings, message in (
        (
            {"n_replicas": 50_000, "n_draws": 10},
            "50000 replicas x 10 draws of 300000 spins .* take .* GiB of this machine",
        ),
        ({"n_replicas": 2, "max_memory": 0.01}, r"more than the limit that was set \(0.01 GiB\)"),
        ({"n_replicas": 10_000, "store": "statistics"}, "statistics of 300000 spins and 1 couplings"),
        (
            {"n_replicas": 100, "n_draws": 1, "method": "population", "n_population": 10**6},
            "100000000 walkers",
        ),
    ):
        sampler = qspin.get_backend("tempering", betas=[0.5, 1.0], **settings)
        for call in (sampler.check, sampler.sample):
            with pytest.raises(qspin.errors.CapacityError, match=message):
                call(large)
