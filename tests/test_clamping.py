"""Clamped problems: energies of the whole, by enumeration; what stays known; every backend samples them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

import qspin
from qspin import IsingProblem, SampleSet
from qspin.errors import InputError
from qspin.labels import places_of
from qspin.spectrum import energy_tolerance, enumerate_problem
from qspin.testing import assert_boltzmann, assert_within_errors, small_problems

HELD = {"dense": {1: -1, 4: 1}, "labelled chain": {("b", 1): -1}, "two components": {0: 1, 2: -1, 4: -1}}
BACKENDS = {
    "exact": {"betas": [0.7], "n_replicas": 4_000},
    "tempering": {"betas": [0.3, 0.7], "n_replicas": 40, "n_burn_in": 100, "n_sweeps": 1_000, "n_draws": 100},
    "annealer": {"n_reads": 20, "n_sweeps": 20, "topology": "none"},
    "qaoa": {"n_shots": 50},
    "ocean": {"n_reads": 20, "parameters": {"num_sweeps": 20}},
}


def whole(name):
    return small_problems()[name]


def compatible(problem, clamping):
    """All configurations of a problem in which some spins have their values."""
    spins = enumerate_problem(problem).configurations(np.arange(2**problem.n_spins))
    return spins[(spins[:, clamping.held] == clamping.spins).all(axis=1)]


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_energies_are_those_of_the_whole(name, is_sparse):
    problem = whole(name)
    matrix = sparse.csr_array(problem.toarray()) if is_sparse else problem.toarray()
    problem = IsingProblem(matrix, problem.fields, problem.offset, problem.labels)
    rest = problem.clamped(HELD[name])
    assert rest.is_sparse == is_sparse
    assert list(rest.labels) == [label for label in problem.labels if label not in HELD[name]]
    assert rest.clamping.values == HELD[name]
    spins = enumerate_problem(rest).configurations(np.arange(2**rest.n_spins))
    back = rest.restored(spins)
    assert back.dtype == np.int8
    np.testing.assert_array_equal(
        np.unique(back, axis=0), np.unique(compatible(problem, rest.clamping), axis=0)
    )
    np.testing.assert_allclose(
        rest.energies(spins), problem.energies(back), rtol=0, atol=energy_tolerance(problem)
    )


def test_a_spin_that_is_held_already_is_told_as_such():
    held = IsingProblem([[0, 1, 0], [1, 0, 1], [0, 1, 0]], labels="abc").clamped({"a": 1})
    with pytest.raises(InputError, match=r"spin 'a' is held at \+1 already; leave it out"):
        held.clamped({"a": -1})


def test_the_distribution_is_the_conditional_one():
    problem, beta = whole("dense"), 0.8
    rest = problem.clamped(HELD["dense"])
    spectrum = enumerate_problem(problem)
    weights = spectrum.probabilities(beta)[spectrum.numbers(compatible(problem, rest.clamping))]
    left = compatible(problem, rest.clamping)[:, rest.clamping.left]
    own = enumerate_problem(rest)
    np.testing.assert_allclose(
        own.probabilities(beta)[own.numbers(left)], weights / weights.sum(), rtol=1e-12
    )


def test_clamping_twice_is_clamping_at_once():
    problem = whole("dense")
    once, twice = problem.clamped({1: -1, 4: 1}), problem.clamped({4: 1}).clamped({1: -1})
    spins = enumerate_problem(once).configurations(np.arange(2**once.n_spins))
    np.testing.assert_allclose(once.energies(spins), twice.energies(spins), atol=1e-13)
    np.testing.assert_array_equal(once.restored(spins), twice.restored(spins))
    assert twice.clamping.values == {1: -1, 4: 1}
    assert twice.clamping.whole is problem


def test_nothing_clamped_is_the_problem_itself():
    assert whole("dense").clamped({}) is whole("dense") or whole("dense").clamped({}) == whole("dense")
    assert whole("no spin").clamped({}).n_spins == 0


def test_restored_takes_any_number_of_axes():
    rest = whole("dense").clamped({0: 1})
    assert rest.restored(np.ones((2, 3, 4, 5), np.int8)).shape == (2, 3, 4, 6)
    assert rest.restored([1, 1, 1, 1, -1]).tolist() == [1, 1, 1, 1, 1, -1]


def test_it_goes_with_copies_pickles_and_units():
    rest = whole("dense").clamped(HELD["dense"])
    for other in (copy.deepcopy(rest), pickle.loads(pickle.dumps(rest)), rest.with_known(ground_energy=-9.0)):
        assert other == rest
        assert other.clamping.values == HELD["dense"]
        assert other.clamping.whole == whole("dense")
    spins = np.ones((1, 4), np.int8)
    for changed in (rest.scaled(-2.0), rest.shifted(3.0)):
        back = changed.restored(spins)
        np.testing.assert_allclose(changed.clamping.whole.energies(back), changed.energies(spins))
    assert whole("dense").clamping is None


class TestWhatIsKnown:
    STATES = ((1, 1, -1), (1, -1, -1))

    def problem(self, fields=(0.0, 0.0, 0.5)):
        """Spins 0 and 2 opposed, spin 1 free; the field holds spin 2 down."""
        return IsingProblem([[0, 0, 1.0], [0, 0, 0], [1.0, 0, 0]], fields)

    def test_ground_states_that_have_the_spins(self):
        problem = self.problem().with_known(ground_states=self.STATES)
        known = problem.clamped({1: -1}).known
        assert known.ground_states.tolist() == [[1, -1]]
        assert known.ground_energy == enumerate_problem(problem.clamped({1: -1})).ground_energy == -1.5
        assert problem.clamped({0: -1}).known is None

    def test_without_fields_a_mirror_image_counts(self):
        problem = self.problem(fields=None).with_known(ground_states=self.STATES)
        rest = problem.clamped({0: -1})
        np.testing.assert_array_equal(np.unique(rest.known.ground_states, axis=0), [[-1, 1], [1, 1]])
        assert rest.known.ground_energy == enumerate_problem(rest).ground_energy == -1.0
        assert problem.clamped({0: 1, 2: 1}).known is None

    def test_an_energy_alone_stays_where_one_spin_may_be_held_either_way(self):
        free = self.problem(fields=None).with_known(ground_energy=-1.0)
        assert free.clamped({0: -1}).known.ground_energy == -1.0
        assert free.clamped({0: -1, 1: 1}).known is None
        assert self.problem().with_known(ground_energy=-1.5).clamped({0: 1}).known is None

    def test_groups_and_patterns_keep_what_is_left(self):
        facts = {"groups": {"a": [2, 0], "b": [1]}, "patterns": [[1, -1, 1]]}
        known = self.problem().with_known(**facts).clamped({1: 1}).known
        assert {name: spins.tolist() for name, spins in known.groups.items()} == {"a": [1, 0]}
        assert known.patterns.tolist() == [[1, 1]]

    def test_a_broken_chain_stands_for_no_spin(self):
        logical = IsingProblem([[0.0]])
        problem = self.problem().with_known(groups={"a": [0, 1, 2]}, logical=logical)
        known = problem.clamped({1: 1}).known
        assert known.logical is None
        assert list(known.groups) == ["a"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({7: 1}, "clamped names 7, which is none of the 6 spins: 0, 1, 2, 3, 4, ..."),
        ({0: 0}, "clamped spins are -1 or [+]1; got 0 for 0; a binary value x is the spin 2 x - 1"),
        ({0: True}, "got True for 0"),
        ({0: "up"}, "got 'up' for 0"),
        ({0: 2}, "got 2 for 0$"),
        (dict.fromkeys(range(6), 1), "all 6 spins would be clamped, and nothing be left to sample"),
        ([1, 1], "a mapping from labels to -1 or [+]1"),
        ({0: 1, "0": 1}, "names one spin twice, as 0 and as '0'"),
    ],
)
def test_what_cannot_be_clamped(values, message):
    with pytest.raises(InputError, match=message):
        whole("dense").clamped(values)


def test_what_cannot_be_restored():
    problem = whole("dense")
    with pytest.raises(InputError, match="no spin of this problem is clamped"):
        problem.restored(np.ones(6))
    with pytest.raises(InputError, match=r"spins must have shape \(..., 4\)"):
        problem.clamped(HELD["dense"]).restored(np.ones(6))
    samples = qspin.get_backend("exact", n_replicas=2).sample(problem, seed=1)
    with pytest.raises(InputError, match=r"not of this clamped problem: give the one that was sampled"):
        problem.clamped(HELD["dense"]).restored(samples)
    with pytest.raises(InputError, match="no spin of this problem is clamped"):
        problem.restored(samples)
    with pytest.raises(
        InputError, match=r"expected the problem that problem\.clamped\(\{\.\.\.\}\) returned"
    ):
        samples.of_the_whole(problem)


def test_labels_by_their_text():
    problem = IsingProblem(np.zeros((3, 3)), labels=[1, "1", ("b", 1)])
    assert places_of(["1", "('b', 1)", 1], problem, what="w") == [1, 2, 0]


class TestBackends:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_every_backend_samples_a_clamped_problem(self, backend):
        problem = whole("dense")
        rest = problem.clamped(HELD["dense"])
        samples = qspin.get_backend(backend, **BACKENDS[backend]).sample(rest, seed=5)
        back = rest.restored(samples)
        back.verify(problem)
        assert back.spins.shape == (*samples.spins.shape[:3], 6)
        np.testing.assert_allclose(back.energies.values, samples.energies.values, atol=1e-12)
        np.testing.assert_array_equal(back.betas, samples.betas)
        assert "clamped" in [remark.code for remark in back.remarks]
        for label, spin in HELD["dense"].items():
            assert (back.spins.values[..., label] == spin).all()

    @pytest.mark.parametrize("method", ["tempering", "annealing", "search"])
    def test_when_a_target_was_reached_is_true_of_the_whole(self, method, tmp_path):
        rest = whole("dense").clamped(HELD["dense"])
        target = float(qspin.get_backend("exact").enumerate(rest).ground_energy)
        ladder = {} if method == "search" else {"betas": [0.5, 2.0]}
        sampler = qspin.get_backend(
            "tempering", method=method, n_replicas=3, n_sweeps=500, target_energy=target, **ladder
        )
        samples = sampler.sample(rest, seed=5)
        back = rest.restored(samples)
        sweeps = back.dataset["sweeps_to_target"]
        assert sweeps.dims == ("replica",)
        np.testing.assert_array_equal(sweeps, samples.dataset["sweeps_to_target"])
        assert back.info["target"] == samples.info["target"]
        assert back.info["target"]["n_reached"] == np.isfinite(sweeps.values).sum() > 0
        back.verify(whole("dense"))
        back.save(tmp_path / "a.nc")
        np.testing.assert_array_equal(SampleSet.load(tmp_path / "a.nc").dataset["sweeps_to_target"], sweeps)

    @pytest.mark.parametrize("backend", ["exact", "tempering"])
    @pytest.mark.parametrize("name", HELD)
    def test_thermal_ones_by_enumeration(self, backend, name):
        rest = whole(name).clamped(HELD[name])
        samples = qspin.get_backend(backend, **BACKENDS[backend]).sample(rest, seed=6)
        assert_boltzmann(samples, rest)

    def test_files_are_of_the_clamped_problem(self, tmp_path):
        rest = whole("dense").clamped(HELD["dense"])
        drawn = qspin.get_backend("exact", n_replicas=5).sample(rest, seed=5)
        drawn.save(tmp_path / "a.nc")
        held = qspin.get_backend("samples", path=tmp_path / "a.nc").sample(rest, seed=1)
        np.testing.assert_array_equal(rest.restored(held).spins.values, rest.restored(drawn).spins.values)
        assert isinstance(rest.restored(held), SampleSet)

    def test_the_mean_spin_is_that_of_the_condition(self):
        """Held against all compatible configurations of the whole, which clamping takes no part in."""
        problem, beta = whole("dense"), 0.7
        rest = problem.clamped(HELD["dense"])
        samples = rest.restored(qspin.get_backend("exact", **BACKENDS["exact"]).sample(rest, seed=7))
        spins = compatible(problem, rest.clamping)
        weights = np.exp(-beta * problem.energies(spins))
        expected = weights @ spins / weights.sum()
        drawn = samples.spins.values[0, :, 0].astype(float)
        error = np.sqrt(np.maximum(1 - expected**2, 0) / len(drawn))
        assert_within_errors(drawn.mean(axis=0), error, expected, what="spin", rounding=1e-12)
