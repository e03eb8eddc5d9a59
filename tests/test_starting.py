"""Configurations to start from: every form that they may have, and those that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import IsingProblem, SampleSet, registry
from qspin.errors import InputError
from qspin.sampler import takes_initial
from qspin.sampling import sampled
from qspin.starting import STARTING, initial_digest, initial_spins

LABELLED = IsingProblem(np.zeros((3, 3)), labels=["a", ("b", 1), 7])
PAIR = IsingProblem([[0.0, -1.0], [-1.0, 0.0]])
ONE = [1, -1, -1]


def samples_of(problem, shape, seed=0):
    spins = np.random.default_rng(seed).choice([-1, 1], (*shape, problem.n_spins))
    return SampleSet.from_spins(problem, spins, betas=np.arange(1.0, shape[0] + 1))


class TestForms:
    @pytest.mark.parametrize(
        "given",
        [
            ONE,
            np.array(ONE, float),
            [ONE],
            [[ONE]],
            {"a": 1, ("b", 1): -1, 7: -1},
            {"7": -1, "('b', 1)": -1, "a": 1},
            xr.DataArray(ONE, dims="spin"),
            xr.DataArray([-1, 1, -1], dims="spin", coords={"spin": ["7", "a", "('b', 1)"]}),
        ],
    )
    def test_one_for_all(self, given):
        spins = initial_spins(LABELLED, given, n_replicas=4, n_betas=2)
        assert (spins.shape, spins.dtype) == ((2, 4, 3), np.int8)
        assert (spins == ONE).all()

    def test_one_a_replica(self):
        given = np.random.default_rng(1).choice([-1, 1], (4, 3))
        spins = initial_spins(LABELLED, given, n_replicas=4, n_betas=2)
        np.testing.assert_array_equal(spins, [given, given])

    def test_one_a_beta(self):
        given = xr.DataArray([ONE, [1, 1, 1]], dims=("beta", "spin"))
        spins = initial_spins(LABELLED, given, n_replicas=4, n_betas=2)
        assert (spins[0] == ONE).all()
        assert (spins[1] == 1).all()

    def test_samples_give_their_last_draws(self):
        samples = samples_of(LABELLED, (2, 4, 3))
        expected = samples.spins.values[:, :, -1]
        for given in (samples, samples.spins, samples.spins[:, :, -1]):
            np.testing.assert_array_equal(initial_spins(LABELLED, given, n_replicas=4, n_betas=2), expected)

    @pytest.mark.parametrize(
        "ladder",
        [
            {"n_betas": 1},
            {"n_betas": None},
            {"n_betas": 3},
            {"n_betas": 2, "betas": [1.0, 2.5]},
            {"n_betas": 3, "betas": [1.0, 1.5, 2.0]},
        ],
    )
    @pytest.mark.parametrize("n_replicas", [2, 4, 9])
    def test_samples_of_another_ladder_give_their_coldest(self, ladder, n_replicas):
        samples = samples_of(LABELLED, (2, 4, 3))
        spins = initial_spins(LABELLED, samples, n_replicas=n_replicas, **ladder)
        expected = samples.spins.values[1, np.arange(n_replicas) % 4, -1]
        np.testing.assert_array_equal(spins, [expected] * (ladder["n_betas"] or 1))

    @pytest.mark.parametrize("n_replicas", [2, 4, 9])
    def test_samples_of_the_ladder_give_all_betas(self, n_replicas):
        samples = samples_of(LABELLED, (2, 4, 3))
        spins = initial_spins(LABELLED, samples, n_replicas=n_replicas, n_betas=2, betas=[1.0, 2.0])
        np.testing.assert_array_equal(spins, samples.spins.values[:, np.arange(n_replicas) % 4, -1])

    def test_samples_without_a_temperature_give_the_lowest_of_each_replica(self):
        problem = IsingProblem(np.diag([-1.0, -1.0], 1) + np.diag([-1.0, -1.0], -1), [0.1, 0.2, 0.4])
        spins = np.random.default_rng(3).choice([-1, 1], (1, 4, 6, 3))
        samples = SampleSet.from_spins(problem, spins)
        best = [own[np.argmin(problem.energies(own))] for own in spins[0]]
        np.testing.assert_array_equal(initial_spins(problem, samples, n_replicas=4)[0], best)
        both = initial_spins(problem, samples, n_replicas=5, n_betas=2)
        np.testing.assert_array_equal(both, [[*best, best[0]]] * 2)

    def test_the_best_of_samples_is_one(self):
        samples = samples_of(LABELLED, (2, 4, 3))
        spins = initial_spins(LABELLED, samples.best, n_replicas=2, n_betas=3)
        assert (spins == samples.best.spins).all()

    def test_labels_take_the_order_of_the_problem(self):
        other = IsingProblem(np.zeros((3, 3)), labels=[7, "a", ("b", 1)])
        samples = samples_of(other, (1, 4, 1))
        spins = initial_spins(LABELLED, samples, n_replicas=4)
        np.testing.assert_array_equal(spins[0], samples.spins.values[0, :, 0][:, [1, 2, 0]])
        turned = samples.spins[0, :, -1].transpose("spin", "replica")
        np.testing.assert_array_equal(initial_spins(LABELLED, turned, n_replicas=4), spins)

    def test_no_spins(self):
        empty = IsingProblem(np.zeros((0, 0)))
        assert initial_spins(empty, [], n_replicas=3).shape == (1, 3, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, -1], r"initial: spins must have shape \(..., 3\), one value a spin; got shape \(2,\)"),
        ([ONE] * 3, r"initial has shape \(3, 3\); expected one configuration of 3 spins, or shape \(4, 3\)"),
        ([[ONE] * 4] * 3, r"or shape \(2, 4, 3\) for every beta. Of samples, samples.spins\[-1, 0, -1\]"),
        ([[[ONE]]], "expected one configuration of 3 spins"),
        ([1, 0, 1], "initial: spins must be -1 or [+]1; got 0; binary values x become spins by s = 2 x - 1"),
        ([1, 2, 1], "spins must be -1 or [+]1; got 2"),
        ([True, True, True], "got truth values"),
        ("up", "initial: spins must be real numbers; got a str"),
        ({"a": 1, 7: -1}, r"initial: initial has no spin for \('b', 1\)"),
        ({"a": 1, "c": 1}, "initial names 'c', which is none of the 3 spins: 'a', "),
        (xr.DataArray(ONE, dims="site"), "an array with labels has the dimension spin"),
        (
            xr.DataArray(ONE, dims="spin", coords={"spin": ["7", "a", "b"]}),
            r"its labels has no place for \('b', 1\)",
        ),
        (samples_of(PAIR, (1, 4, 1)), "its labels names each of the 3 spins once; got 2 labels"),
    ],
)
def test_what_does_not_fit(given, message):
    with pytest.raises(InputError, match=message):
        initial_spins(LABELLED, given, n_replicas=4, n_betas=2)


def test_a_ladder_to_be_found_is_named_where_a_shape_does_not_fit():
    with pytest.raises(InputError, match=r"\(betas: auto\) has none for every beta"):
        initial_spins(LABELLED, [[ONE] * 4] * 3, n_replicas=4, n_betas=None)
    with pytest.raises(InputError) as refused:
        initial_spins(LABELLED, [1, 2, 1], n_replicas=4, n_betas=None)
    assert "auto" not in str(refused.value)


def test_equal_starts_have_one_digest():
    def digest(given):
        return initial_digest(initial_spins(LABELLED, given, n_replicas=4, n_betas=2))

    assert digest(ONE) == digest([ONE] * 4) == digest({"a": 1, ("b", 1): -1, 7: -1})
    assert len({digest(ONE), digest([1, 1, 1]), digest([ONE, ONE, ONE, [1, 1, 1]])}) == 3


class TestBackends:
    def test_those_that_take_it_are_those_that_messages_name(self):
        can = [
            name for name in registry.names(registry.BACKEND) if takes_initial(registry.backend_class(name))
        ]
        assert tuple(can) == STARTING

    @pytest.mark.parametrize(
        ("name", "settings", "why"),
        [
            ("exact", {}, "it draws configurations that depend on none before them"),
            ("qaoa", {"n_shots": 3}, "its circuits start from product states, see warm_start"),
        ],
    )
    def test_others_refuse_it_by_name(self, name, settings, why):
        with pytest.raises(InputError) as refused:
            qspin.get_backend(name, **settings).sample(PAIR, seed=1, initial=[1, 1])
        assert str(refused.value) == (
            f"backend {name!r} takes no initial: {why}. annealer, ocean, tempering can start from "
            "configurations; leave initial out, or take one of them"
        )

    def test_a_file_starts_nowhere(self, tmp_path):
        samples_of(PAIR, (1, 2, 1)).save(tmp_path / "a.nc")
        given = qspin.get_backend("samples", path=tmp_path / "a.nc")
        with pytest.raises(InputError, match="'samples' takes no initial: its samples were drawn elsewhere"):
            given.sample(PAIR, seed=1, initial=[1, 1])

    def test_a_third_party_that_does_not_say_so_is_not_asked(self):
        class Theirs:
            def sample(self, problem, *, seed=None):
                raise AssertionError

        with pytest.raises(InputError, match="backend 'theirs' takes no initial"):
            sampled(Theirs(), PAIR, seed=1, backend="theirs", initial=[1, 1])
