"""Problems and samples cannot be written to, so that digests and checksums never lie."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

import qspin
from qspin import IsingProblem, SampleSet

DENSE = qspin.instances.sherrington_kirkpatrick(7, seed=1)
SPARSE = qspin.instances.edwards_anderson((3, 4), seed=1)


def from_file(problem, folder, suffix):
    qspin.write_problem(problem, folder / f"a.{suffix}")
    return qspin.read_problem(folder / f"a.{suffix}")


MADE = {
    "fresh": lambda problem, folder: problem,
    "from edges": lambda problem, folder: IsingProblem.from_edges(problem.n_spins, *problem.edges),
    "pickled": lambda problem, folder: pickle.loads(pickle.dumps(problem)),
    "copied": lambda problem, folder: copy.copy(problem),
    "deep-copied": lambda problem, folder: copy.deepcopy({"problem": problem})["problem"],
    "scaled": lambda problem, folder: problem.scaled(2.0),
    "npz": lambda problem, folder: from_file(problem, folder, "npz"),
    "rudy": lambda problem, folder: from_file(problem, folder, "rudy"),
    "bqm": lambda problem, folder: IsingProblem.from_bqm(problem.to_bqm()),
    "qubo": lambda problem, folder: IsingProblem.from_qubo(*problem.to_qubo()),
    "networkx": lambda problem, folder: IsingProblem.from_networkx(problem.to_networkx()),
}


def arrays_of(problem):
    """Every array that can be reached, by name."""
    yield "fields", problem.fields
    for view in (problem.edges, problem.csr):
        yield from view._asdict().items()
    if problem.is_sparse:
        for name in ("data", "indices", "indptr"):
            yield name, getattr(problem.couplings, name)
    else:
        yield "couplings", problem.couplings


@pytest.mark.parametrize("problem", [DENSE, SPARSE], ids=["dense", "sparse"])
@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("digest_first", [True, False])
def test_no_array_of_a_problem_can_be_written_to(tmp_path, problem, made, digest_first):
    original = problem
    if digest_first:
        _ = original.digest
    problem = MADE[made](original, tmp_path)
    before = problem.digest
    for name, array in arrays_of(problem):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[-1]
        assert not array.flags.writeable, name
    again = IsingProblem(problem.toarray(), problem.fields, problem.offset, problem.labels)
    assert again.digest == before == problem.digest


def test_the_matrix_that_is_given_out_is_not_the_one_that_is_kept():
    problem = pickle.loads(pickle.dumps(SPARSE))
    given = problem.couplings
    given.data = 2 * given.data
    given.indptr = np.zeros_like(given.indptr)
    assert problem == SPARSE
    assert np.array_equal(problem.toarray(), SPARSE.toarray())


def test_what_was_given_is_not_kept():
    dense, csr = DENSE.toarray(), sparse.csr_array(SPARSE.toarray())
    fields = np.ones(7)
    problems = IsingProblem(dense, fields), IsingProblem(csr)
    before = [problem.toarray() for problem in problems]
    dense[:], fields[:], csr.data[:], csr.indices[:] = 9, 9, 9, 0
    for problem, couplings in zip(problems, before, strict=True):
        np.testing.assert_array_equal(problem.toarray(), couplings)
    assert (problems[0].fields == 1).all()


@pytest.mark.parametrize("name", ["digest", "fields", "edges", "offset", "note"])
def test_no_attribute_of_a_problem_can_be_set(name):
    with pytest.raises(AttributeError, match=f"immutable: '{name}' cannot be set"):
        setattr(DENSE, name, "other")


def assigned_energies(samples):
    samples.dataset["energies"] = samples.energies * 0 - 99.0


def assigned_spins(samples):
    samples.dataset["spins"] = samples.spins * 0 + 1


def assigned_betas(samples):
    samples.dataset["beta"] = [9.0, 10.0]


def assigned_data(samples):
    """Of each variable in its place."""
    samples.dataset["energies"].values = np.zeros((2, 3, 4))
    samples.dataset.variables["spins"].data = np.ones((2, 3, 4, 7), np.int8)
    samples.energies.values = np.zeros((2, 3, 4))
    samples.spins.variable.data = np.ones((2, 3, 4, 7), np.int8)


def deleted_variables(samples):
    dataset = samples.dataset
    del dataset["energies"], dataset["spins"]


def cleared_attributes(samples):
    samples.dataset.attrs.clear()
    samples.dataset["spins"].attrs["units"] = samples.spins.attrs["units"] = "1"
    samples.spins.coords["beta"].attrs["units"] = "1"


EDITS = (
    assigned_energies, assigned_spins, assigned_betas, assigned_data, deleted_variables, cleared_attributes,
)  # fmt: skip


class TestSamples:
    @pytest.fixture
    def spins(self):
        return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (2, 3, 4, 7))

    @pytest.fixture
    def samples(self, spins):
        extra = {"gauge": (("beta", "replica"), np.zeros((2, 3)))}
        return SampleSet.from_spins(DENSE, spins, [0.5, 1.0], {"settings": {"a": [1]}}, extra)

    def test_what_was_given_is_not_kept(self, spins, samples):
        betas, extra = np.array([0.5, 1.0]), {"x": ("beta", np.ones(2))}
        again = SampleSet.from_spins(DENSE, spins, betas, None, extra)
        before = spins.copy()
        spins[:], betas[:], extra["x"][1][:] = 1, 7, 7
        for kept in (samples, again):
            np.testing.assert_array_equal(kept.spins.values, before)
            np.testing.assert_array_equal(kept.betas, [0.5, 1.0])
        assert (again.dataset["x"].values == 1).all()

    def test_what_is_handed_over_takes_no_second_array(self, spins):
        samples = SampleSet.from_spins(DENSE, spins, [0.5, 1.0], handed_over=True)
        assert np.shares_memory(samples.spins.values, spins)

    @pytest.mark.parametrize("made", ["fresh", "loaded", "pickled", "deep-copied"])
    def test_no_array_can_be_written_to(self, samples, tmp_path, made):
        if made == "loaded":
            samples.save(tmp_path / "a.nc")
            samples = SampleSet.load(tmp_path / "a.nc")
        elif made != "fresh":
            samples = copy.deepcopy(samples) if made == "deep-copied" else pickle.loads(pickle.dumps(samples))
        arrays = [variable.values for variable in samples.dataset.variables.values()]
        for array in (*arrays, samples.spins.values, samples.energies.values, samples.betas):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[-1]

    def test_samples_of_backends_neither(self):
        for name in ("exact", "tempering", "ocean"):
            samples = qspin.get_backend(name).sample(qspin.IsingProblem([[0, 1], [1, 0]]), seed=1)
            with pytest.raises(ValueError, match="read-only"):
                samples.spins.values[:] = 1

    def test_info_is_a_copy(self, samples):
        samples.info["settings"]["a"].append(2)
        samples.info["seed"] = 3
        assert samples.info["settings"] == {"a": [1]}
        assert "seed" not in samples.info

    def test_the_best_configuration_is_a_copy(self, samples):
        before = samples.best
        samples.best.spins[:] = 0
        np.testing.assert_array_equal(samples.best.spins, before.spins)

    def test_a_dataset_that_was_given_stays_writable_for_its_owner(self, samples):
        dataset = samples.dataset.copy(deep=True)
        kept = SampleSet(dataset)
        assert dataset["spins"].values.flags.writeable
        assert not kept.spins.values.flags.writeable

    def test_arrays_of_a_dataset_that_was_given_are_not_kept(self, samples):
        dataset = samples.dataset.copy(deep=True)
        kept = SampleSet(dataset)
        dataset["energies"].values[:] = -99.0
        np.testing.assert_array_equal(kept.energies, samples.energies)

    @pytest.mark.parametrize("made", ["fresh", "loaded"])
    @pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
    def test_edits_of_what_was_handed_out_never_arrive(self, spins, samples, tmp_path, edit, made):
        samples.save(tmp_path / "a.nc")
        if made == "loaded":
            samples = SampleSet.load(tmp_path / "a.nc")
        edit(samples)
        np.testing.assert_array_equal(samples.spins.values, spins)
        np.testing.assert_allclose(samples.energies.values, DENSE.energies(spins))
        np.testing.assert_allclose(samples.arrays.energies, DENSE.energies(spins))
        assert samples.best.energy == pytest.approx(DENSE.energies(spins).min())
        assert samples.betas.tolist() == [0.5, 1.0]
        assert samples.to_dimod().first.energy == pytest.approx(DENSE.energies(spins).min())
        samples.verify(DENSE)
        samples.save(tmp_path / "b.nc")
        assert SampleSet.load(tmp_path / "b.nc", DENSE).dataset.identical(
            SampleSet.load(tmp_path / "a.nc").dataset
        )
