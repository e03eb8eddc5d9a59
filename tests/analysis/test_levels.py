"""Which energies are equal: no count changes with the unit of energy, nor with an offset."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qspin
from qspin import IsingProblem, SampleSet, analysis, instances
from qspin.analysis.landscape import descended
from qspin.analysis.levels import binned_levels
from qspin.benchmark import diversity, runs_of, time_to_solution
from qspin.errors import InputError
from qspin.spectrum import energy_tolerance, flip_tolerances, levelled, without_offset

BETAS = np.array([0.3, 0.8, 1.6])
LARGE = 2.0**40  # exact in float64, and rounds energies to multiples of 2^-12


def glass_of_equal_weights() -> IsingProblem:
    """Couplings +-1/sqrt(12), whose equal energies differ by rounding."""
    signs = np.sign(instances.sherrington_kirkpatrick(12, seed=3).toarray())
    return IsingProblem(signs / np.sqrt(12))


PROBLEMS = {
    "SK": instances.sherrington_kirkpatrick(12, seed=5),
    "fields": IsingProblem(
        instances.sherrington_kirkpatrick(12, seed=6).couplings, np.random.default_rng(1).normal(size=12)
    ),
    "lattice": instances.edwards_anderson((3, 4), couplings="bimodal", seed=2),
    "equal weights": glass_of_equal_weights(),
}


def spins_of(problem: IsingProblem) -> np.ndarray:
    """Many hot configurations and some ground states."""
    return qspin.get_backend("exact", betas=BETAS, n_replicas=150).sample(problem, seed=8).spins.values


def counts(problem: IsingProblem, spins: np.ndarray, factor: float = 1.0) -> dict[str, object]:
    """Everything that is counted of configurations, from the lowest energy of an enumeration."""
    samples = SampleSet.from_spins(problem, spins, BETAS / factor)
    spectrum = qspin.get_backend("exact").enumerate(problem)
    ground = spectrum.ground_energy
    runs = runs_of(samples, ground, problem=problem)
    cold = spins.reshape(-1, problem.n_spins)[::3]
    found = analysis.valleys(problem, cold, most=8)
    by_energy = analysis.states_by_energy(problem, cold)
    curve = analysis.dissimilarity_curve(samples, width=1, problem=problem)
    return {
        "degeneracy": spectrum.ground_degeneracy,
        "levels": spectrum.levels()[1].tolist(),
        "successes": runs.successes,
        "time": time_to_solution(runs.successes, len(runs.lowest), 1.0).seconds,
        "diversity": [
            diversity(samples, ground + gap * factor, distance=d, problem=problem)
            for gap, d in ((0.0, 0.0), (0.9, 0.0), (0.9, 0.3))
        ],
        "fair": analysis.fair_sampling(samples, row=2, problem=problem)["count"].values.tolist(),
        "fair to ground": analysis.fair_sampling(samples, row=2, ground_energy=ground)["count"].size,
        "valleys": (found.attrs["n_found"], found["weight"].values.tolist(), found["spins"].values.tolist()),
        "coverage": analysis.valley_coverage(problem, cold[::2], cold[1::2]),
        "states": by_energy["n_states"].values.tolist(),
        "configurations": by_energy["n_configurations"].values.tolist(),
        "dissimilarity": curve["dissimilarity"].values.tolist(),
        "peaks": curve["is_peak"].values.tolist(),
    }


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(
    ("factor", "offset"),
    [(2.0**-40, 0.0), (2.0**40, 0.0), (1.0, LARGE), (1.0, -LARGE)],
    ids=["2^-40", "2^40", "+2^40", "-2^40"],
)
def test_no_count_changes(name, factor, offset):
    problem = PROBLEMS[name]
    other = IsingProblem(problem.couplings * factor, problem.fields * factor, offset)
    spins = spins_of(problem)
    expected, found = counts(problem, spins), counts(other, spins, factor)
    for what, value in expected.items():
        assert found[what] == value, what


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_hot_samples_reach_the_ground_state_as_often_in_any_unit(factor):
    """Of 400 samples of SK-12 at T = 1.25 few are ground states, whatever the unit of energy."""
    problem = PROBLEMS["SK"]
    spins = qspin.get_backend("exact", betas=[0.8], n_replicas=400).sample(problem, seed=1).spins.values
    reached = []
    for p in (problem, problem.scaled(factor)):
        ground = qspin.get_backend("exact").enumerate(p).ground_energy
        samples = SampleSet.from_spins(p, spins, [np.nan])
        reached.append((runs_of(samples, ground).successes, diversity(samples, ground)))
    assert reached[0] == reached[1]
    assert 0 < reached[0][0] < 40


def test_an_offset_hides_no_excitation():
    """Samples alone, without their problem: an offset of 1e12 leaves gaps of 0.1 to be seen."""
    problem = PROBLEMS["SK"]
    shifted = IsingProblem(problem.couplings, offset=1e12)
    spins = spins_of(problem)
    ground = qspin.get_backend("exact").enumerate(problem).ground_energy
    plain, with_offset = (SampleSet.from_spins(p, spins, BETAS) for p in (problem, shifted))
    assert runs_of(with_offset, ground + 1e12).successes == runs_of(plain, ground).successes
    assert diversity(with_offset, ground + 1e12) == diversity(plain, ground)
    with pytest.raises(InputError, match="another problem"):
        runs_of(plain, ground, problem=shifted)


def test_wide_couplings_do_not_merge_levels():
    """One bond of 1e6 beside couplings of 1e-3, whose levels are 2e-3 apart."""
    problem = IsingProblem.from_edges(4, [0, 2], [1, 3], [-1e6, -1e-3], [0, 0, 3e-4, 0])
    spectrum = qspin.get_backend("exact").enumerate(problem)
    assert spectrum.ground_degeneracy == 2
    assert spectrum.levels()[1].tolist() == [2] * 8
    spins = spectrum.configurations(np.arange(16))
    assert len(np.unique(analysis.descended(problem, spins), axis=0)) == 4


def test_tolerances_bound_the_rounding():
    """Against sums that are rounded once (math.fsum), where rounding errors all have one sign."""
    for problem in (instances.lattice_ferromagnet((60, 60)).scaled(0.1), *PROBLEMS.values()):
        rng = np.random.default_rng(0)
        spins = np.concatenate(
            [np.ones((1, problem.n_spins)), rng.choice([-1, 1], (50, problem.n_spins))]
        ).astype(np.int8)
        i, j, couplings = problem.edges
        exact = [math.fsum([*(couplings * s[i] * s[j]), *(problem.fields * s)]) for s in spins.astype(float)]
        assert np.abs(problem.energies(spins) - exact).max() < energy_tolerance(problem) / 2
    assert (flip_tolerances(PROBLEMS["SK"]) <= 4 * energy_tolerance(PROBLEMS["SK"])).all()


def test_samples_know_the_rounding_of_their_problem(tmp_path):
    problem = IsingProblem(PROBLEMS["SK"].couplings, offset=7.0)
    samples = SampleSet.from_spins(problem, spins_of(problem), BETAS)
    assert samples.energy_tolerance == energy_tolerance(problem)
    samples.save(tmp_path / "samples.nc")
    assert SampleSet.load(tmp_path / "samples.nc").energy_tolerance == samples.energy_tolerance
    foreign = SampleSet.from_dimod(samples.to_dimod())
    assert 0 < foreign.energy_tolerance < 1e-12 * np.abs(samples.energies.values).max()


def test_levels_and_bins():
    assert without_offset(PROBLEMS["SK"]) is PROBLEMS["SK"]
    np.testing.assert_array_equal(levelled([[2.0, 1.0], [1.0 + 1e-15, 2.0]], 1e-14), [[2, 1], [1, 2]])
    assert levelled([], 1.0).size == 0
    index, edges = binned_levels(np.array([0.0, 1.0 - 1e-15, 1.0, 2.0, 4.0]), 4, 1e-14)
    assert index.tolist() == [0, 1, 1, 2, 3]
    np.testing.assert_allclose(edges, [0, 1, 2, 3, 4])
    assert binned_levels(np.full(3, 5.0), 4, 1e-14)[0].tolist() == [0, 0, 0]


def test_equal_gains_are_taken_in_the_order_of_spins():
    """Of couplings +-1 many flips gain the same; times 0.1 rounding tells them apart, and must not."""
    rng = np.random.default_rng(3)
    problem = instances.edwards_anderson((4, 4), couplings="bimodal", seed=2)
    spins = rng.choice([-1, 1], size=(200, 16)).astype(np.int8)
    np.testing.assert_array_equal(descended(problem, spins), descended(problem.scaled(0.1), spins))
