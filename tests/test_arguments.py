"""Whatever is handed to a public function in place of samples, problems or results is refused by name."""

from __future__ import annotations

import inspect
import pickle

import dimod
import networkx as nx
import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import IsingProblem, SampleSet, analysis, benchmark, networks, plot
from qspin.arguments import checked_arguments, checked_problem, checked_samples
from qspin.errors import InputError

BQM = dimod.BinaryQuadraticModel.from_ising({"a": 1.0}, {("a", "b"): -1.0})
READS = dimod.ExactSolver().sample(BQM)
PROBLEM = IsingProblem.from_bqm(BQM)
SAMPLES = SampleSet.from_dimod(READS, PROBLEM)
SPINS = np.ones((2, 3, 4), dtype=np.int8)
MEMORY = networks.hebbian([[1, 1, -1, 1]])
CUE = [1, 1, -1, -1]
WRONG = [READS, BQM, "samples.nc", None, {"a": 1}, 3]
KINDS = {
    "SampleSet": "expected a SampleSet; got",
    "IsingProblem": "expected an IsingProblem; got",
    "NDArray[np.int8]": "expected an array of configurations",
    "xr.Dataset": "expected an xarray.Dataset",
    "Sequence[xr.Dataset]": "expected a list of datasets|expected an xarray.Dataset",
    "Mapping[str, xr.Dataset]": "expected a mapping from labels|expected an xarray.Dataset",
}
RIGHT = {
    "SampleSet": SAMPLES,
    "IsingProblem": PROBLEM,
    "NDArray[np.int8]": SPINS,
    "xr.Dataset": xr.Dataset(),
    "Sequence[xr.Dataset]": [xr.Dataset()],
    "Mapping[str, xr.Dataset]": {"a": xr.Dataset()},
}


def doors():
    """Every parameter of a public function that takes one of these kinds."""
    for room in (analysis, benchmark, plot):
        for name in room.__all__:
            function = getattr(room, name)
            if inspect.isfunction(function):
                for parameter in inspect.signature(function).parameters.values():
                    if parameter.annotation in KINDS:
                        yield pytest.param(function, parameter.name, id=f"{name}-{parameter.name}")


@pytest.mark.parametrize(("function", "name"), list(doors()))
def test_every_public_function_refuses_what_it_cannot_take(function, name):
    parameters = inspect.signature(function).parameters
    required = {k: p for k, p in parameters.items() if p.default is p.empty}
    others = {k: RIGHT.get(p.annotation, 1.0) for k, p in required.items() if k != name}
    for wrong in WRONG:
        with pytest.raises(InputError, match=f"{name}.*({KINDS[parameters[name].annotation]})"):
            function(**{name: wrong}, **others)


def test_there_are_many_doors():
    assert len(list(doors())) > 50


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (READS, r"got dimod.SampleSet: SampleSet\.from_dimod\(sampleset, problem\)"),
        (SAMPLES.dataset, r"got xarray.Dataset: SampleSet\(dataset\)"),
        ("a.nc", r"got str: SampleSet\.load\('a\.nc'\)"),
        (SPINS, r"got numpy.ndarray: SampleSet\.from_spins\(problem, spins, betas\)"),
        (BQM, "got dimod.BinaryQuadraticModel$"),
    ],
)
def test_how_to_make_a_sample_set(given, hint):
    with pytest.raises(InputError, match=f"samples: expected a SampleSet; {hint}"):
        checked_samples(given)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (BQM, r"got dimod.BinaryQuadraticModel: IsingProblem\.from_bqm\(bqm\)"),
        (np.zeros((2, 2)), r"got numpy.ndarray: IsingProblem\(couplings, fields\)"),
        (nx.Graph(), r"got networkx.Graph: IsingProblem\.from_networkx\(graph\)"),
        ({("a", "b"): 1.0}, r"got dict: IsingProblem\.from_qubo\(qubo\)"),
        ("a.rudy", r"got str: qspin\.read_problem\('a\.rudy'\)"),
    ],
)
def test_how_to_make_a_problem(given, hint):
    with pytest.raises(InputError, match=f"problem: expected an IsingProblem; {hint}"):
        checked_problem(given)


@pytest.mark.parametrize("name", ["exact", "tempering", "annealer", "qaoa", "ocean"])
def test_every_backend_samples_problems_only(name):
    sampler = qspin.get_backend(name)
    for wrong in (BQM, READS, np.zeros((2, 2)), None):
        with pytest.raises(InputError, match="problem: expected an IsingProblem"):
            sampler.sample(wrong)


def test_configurations_may_be_any_array_of_spins_and_nothing_else():
    flat = SPINS.reshape(-1, 4).copy()
    flat[::2, 0] = -1
    expected = analysis.overlap_matrix(flat)
    np.testing.assert_array_equal(analysis.overlap_matrix(flat.tolist()), expected)
    np.testing.assert_array_equal(analysis.overlap_matrix(flat.astype(float)), expected)
    with pytest.raises(InputError, match=r"must be -1 or \+1; got 0.*s = 2 x - 1"):
        analysis.overlap_matrix((flat + 1) // 2)
    with pytest.raises(InputError, match=r"got SampleSet|got qspin.SampleSet: samples\.spins\.values\[row\]"):
        analysis.overlap_matrix(SAMPLES)
    with pytest.raises(InputError, match=r"got \[\['a'\]\]"):
        analysis.overlap_matrix([["a"]])


def test_decorated_functions_are_what_they_were():
    assert pickle.loads(pickle.dumps(analysis.overlap_curve)) is analysis.overlap_curve
    assert list(inspect.signature(analysis.overlap_curve).parameters) == ["samples"]

    @checked_arguments
    def first(samples: SampleSet, n: int = 2, *, most: int = 3) -> int:
        return n + most

    with pytest.raises(TypeError, match="unexpected keyword argument 'mots'"):
        first(SAMPLES, mots=1)


def test_other_doors():
    with pytest.raises(InputError, match=r"a qspin sampler; got str: qspin\.get_backend\('exact'\)"):
        qspin.as_dimod("exact")
    with pytest.raises(InputError, match=r"expected the xarray\.Dataset .*; got Sample.*from_dimod"):
        SampleSet(READS)


def test_mappings_of_numbers_and_empty_lists_are_refused_by_name():
    problem = qspin.instances.sherrington_kirkpatrick(4, seed=1)
    samples = qspin.get_backend("exact", betas=[1.0], n_replicas=4).sample(problem, seed=1)
    with pytest.raises(
        InputError, match="groups: expected a mapping from names to lists of numbers; got list"
    ):
        qspin.analysis.group_overlap_curve(samples, [[0, 1]])
    with pytest.raises(InputError, match="times: expected a mapping"):
        qspin.benchmark.performance_profile([[1.0, 2.0]])
    with pytest.raises(InputError, match="at least one energy"):
        qspin.benchmark.approximation_ratio([], 0.0, 1.0)


def test_an_edge_to_itself_is_named_with_the_number_that_was_given():
    with pytest.raises(InputError, match="edge 1 joins spin 2 to itself, with 1.5"):
        qspin.IsingProblem.from_edges(3, [0, 2], [1, 2], [1.0, 1.5])


@pytest.mark.parametrize(
    "use",
    [
        lambda seed: analysis.find_states(SPINS.reshape(-1, 4), seed=seed),
        lambda seed: analysis.compare(SAMPLES, SAMPLES, PROBLEM, seed=seed),
        lambda seed: networks.retrieve(MEMORY, CUE, seed=seed),
        lambda seed: networks.retrieve(MEMORY, CUE, qspin.get_backend("tempering"), seed=seed),
        lambda seed: networks.basins(MEMORY, seed=seed),
        lambda seed: networks.shuffled_weights([np.ones((2, 2))], seed=seed),
    ],
)
@pytest.mark.parametrize("seed", [-1, 0.5])
def test_seeds_that_are_none_are_refused_by_name(use, seed):
    with pytest.raises(InputError, match=f"seed must be .*; got {seed}"):
        use(seed)
