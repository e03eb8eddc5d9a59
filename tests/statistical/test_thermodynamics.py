"""Tempering against closed formulas, published values and itself: energies, heat capacities, free
energies.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_sampling import kaufman_log_partition

import qspin
from qspin import analysis, instances
from qspin.errors import InputError
from qspin.remarks import Level
from qspin.testing import assert_within_errors
from qspin.theory import square_lattice


def kaufman_energy(beta: float, length: int, step: float = 1e-4) -> float:
    """Energy per spin of the length x length Ising torus, J = 1."""
    above, below = (kaufman_log_partition(beta + sign * step, length, length) for sign in (1, -1))
    return -(above - below) / (2 * step) / length**2


@pytest.mark.parametrize(("kernel", "n_sweeps"), [("multispin", 30_000), ("sparse", 12_000)])
def test_square_lattice_of_1024_spins(kernel, n_sweeps):
    """2D, L = 32: the finite torus at every temperature, Onsager's infinite lattice away from T_c. The sparse
    kernel takes ten times as long a sweep: a fault of its own is seen from 1.6 times the size on."""
    temperatures = [3.5, 3.25, 3.0, 2.8, 2.6, 2.45, 2.35, 2.27, 2.2, 2.1, 2.0]
    sampler = qspin.get_backend(
        "tempering",
        kernel=kernel,
        betas={"temperatures": temperatures},
        n_replicas=24,
        n_burn_in=n_sweeps // 5,
        n_sweeps=n_sweeps,
        store="statistics",
    )
    samples = sampler.sample(instances.lattice_ferromagnet((32, 32)), seed=32)
    assert samples.remarks == []
    curve = analysis.energy_curve(samples)
    assert_within_errors(
        curve["energy"],
        curve["energy_error"],
        [kaufman_energy(b, 32) for b in samples.betas],
        what="energy at beta",
    )
    for temperature in (2.0, 3.0, 3.5):
        at = curve.sel(beta=1 / temperature)
        assert_within_errors(
            at["energy"], at["energy_error"], square_lattice(temperature).energy[0], what="Onsager energy"
        )
    slopes = [
        -(b**2) * (kaufman_energy(b + 1e-3, 32) - kaufman_energy(b - 1e-3, 32)) / 2e-3 for b in samples.betas
    ]
    assert_within_errors(
        curve["heat_capacity"], curve["heat_capacity_error"], slopes, what="heat capacity at beta"
    )


def test_gaussian_couplings_tie_energy_to_link_overlap():
    """u = -(J^2/T)(z/2)(1 - q_link) on average over disorder, in equilibrium alone (3D, L = 4, z = 6)."""
    betas = np.array([0.3, 0.6, 1.0, 1.5])
    difference = []
    for seed in range(60):
        problem = instances.edwards_anderson((4, 4, 4), seed=seed)
        sampler = qspin.get_backend(
            "tempering", betas=betas, n_replicas=4, n_burn_in=2_000, n_sweeps=4_000, n_draws=400
        )
        samples = sampler.sample(problem, seed=seed)
        energy = analysis.energy_curve(samples)["energy"].values
        link = analysis.link_overlap_curve(samples, problem)["q_link"].values
        difference.append(energy + betas * 3 * (1 - link))
    mean, error = analysis.disorder_average(difference)
    assert_within_errors(mean, error, 0.0, what="energy less its value from link overlaps, at beta")


@pytest.mark.parametrize(
    ("n", "expected", "error"), [(8, -0.5721, 0.0008), (12, -0.6181, 0.0012), (16, -0.6439, 0.0018)]
)
def test_ground_states_of_the_mean_field_glass(n, expected, error):
    """Sherrington-Kirkpatrick, mean of E/N over disorder against exact averages over other instances."""
    sampler = qspin.get_backend(
        "tempering", betas={"geometric": [0.2, 5, 8]}, n_replicas=4, n_burn_in=0, n_sweeps=400
    )
    lowest = [
        sampler.sample(instances.sherrington_kirkpatrick(n, seed=seed), seed=seed).best.energy / n
        for seed in range(400)
    ]
    spread = np.std(lowest, ddof=1) / np.sqrt(len(lowest))
    assert_within_errors(np.mean(lowest), np.hypot(spread, error), expected, what=f"E/N at N = {n}")


def test_heat_capacity_is_the_slope_of_the_energy():
    problem = instances.edwards_anderson((4, 4, 4), seed=5)
    betas = np.linspace(0.6, 0.8, 3)
    samples = qspin.get_backend(
        "tempering", betas=betas, n_replicas=32, n_burn_in=2_000, n_sweeps=40_000
    ).sample(problem, seed=3)
    energy, variance = samples.dataset["energy_mean"].values, samples.dataset["energy_variance"].values
    slope = (energy[2] - energy[0]) / (betas[2] - betas[0]) + variance[
        1
    ]  # by replica; zero but for the third derivative
    third = (variance[2] - 2 * variance[1] + variance[0]).mean() / 6
    assert_within_errors(slope.mean(), slope.std(ddof=1) / np.sqrt(32), -third, what="dE/dbeta + variance")


class TestFreeEnergy:
    PROBLEM = qspin.IsingProblem(
        instances.sherrington_kirkpatrick(14, seed=2).couplings,
        0.3 * np.random.default_rng(1).normal(size=14),
        offset=2.5,
    )
    BETAS = np.linspace(0.15, 2.1, 14)

    def exact(self):
        spectrum = qspin.get_backend("exact").enumerate(self.PROBLEM)
        return spectrum, np.array([spectrum.log_partition(beta) for beta in self.BETAS])

    @pytest.mark.parametrize(
        ("sampling", "method"),
        [
            ("tempering", "mbar"),
            ("tempering", "integration"),
            ("population", "population"),
            ("population", "mbar"),
        ],
    )
    def test_all_ways_agree_with_enumeration(self, sampling, method):
        sampler = qspin.get_backend(
            "tempering",
            method=sampling,
            betas=self.BETAS,
            n_replicas=16,
            n_burn_in=500,
            n_sweeps=4_000,
            n_population=400,
        )
        samples = sampler.sample(self.PROBLEM, seed=6)
        curve = analysis.free_energy_curve(samples, self.PROBLEM, method=method)
        spectrum, log_partition = self.exact()
        systematic = 2e-3 if method == "integration" else 0  # of the trapezoidal rule with these steps
        error = np.hypot(curve["log_partition_error"], systematic)
        assert (curve["log_partition_error"] < 0.05).all()
        assert_within_errors(curve["log_partition"], error, log_partition, what="ln Z at beta")
        entropy = (log_partition + self.BETAS * [spectrum.mean_energy(beta) for beta in self.BETAS]) / 14
        assert_within_errors(
            curve["entropy"], np.hypot(curve["entropy_error"], systematic / 14), entropy, what="entropy"
        )
        np.testing.assert_allclose(curve["free_energy"], -curve["log_partition"] / self.BETAS / 14)

    def test_a_square_lattice(self):
        problem = instances.lattice_ferromagnet((16, 16))
        samples = qspin.get_backend(
            "tempering", betas={"linear": [0.03, 0.6, 30]}, n_replicas=8, n_burn_in=2_000, n_sweeps=10_000
        ).sample(problem, seed=1)
        expected = [kaufman_log_partition(beta, 16, 16) for beta in samples.betas]
        for method in ("mbar", "integration"):
            curve = analysis.free_energy_curve(samples, problem, method=method)
            error = np.hypot(curve["log_partition_error"], 0.05 if method == "integration" else 0)
            assert_within_errors(curve["log_partition"], error, expected, what=f"ln Z by {method} at beta")

    def test_populations_warn_where_they_are_too_small(self):
        sampler = qspin.get_backend(
            "tempering", method="population", betas=[0.1, 6.0], n_replicas=2, n_population=50, n_sweeps=20
        )
        first, second = sampler.sample(instances.sherrington_kirkpatrick(60, seed=1), seed=0).remarks
        assert (first.code, second.code) == ("few-families", "wide-step")
        assert "descends from" in first.text
        assert "the step to beta 6 leaves" in second.text

    def test_refusals(self):
        other = instances.sherrington_kirkpatrick(14, seed=9)
        samples = qspin.get_backend("tempering", betas=[0.5], n_sweeps=20).sample(self.PROBLEM, seed=0)
        with pytest.raises(InputError, match="another problem"):
            analysis.free_energy_curve(samples, other)
        with pytest.raises(InputError, match="one of mbar, integration, population; got 'ti'"):
            analysis.free_energy_curve(samples, self.PROBLEM, method="ti")
        with pytest.raises(InputError, match="only population annealing measures ln Z"):
            analysis.free_energy_curve(samples, self.PROBLEM, method="population")
        hardware = qspin.get_backend("ocean", n_reads=5).sample(self.PROBLEM, seed=0)
        with pytest.raises(InputError, match="states no temperature"):
            analysis.free_energy_curve(hardware, self.PROBLEM)


def test_a_run_that_is_too_short_says_so():
    """The logarithmic bins of a glass quenched from random spins still fall."""
    problem = instances.edwards_anderson((8, 8, 8), seed=1)
    sampler = qspin.get_backend("tempering", betas=[2.0, 2.5, 3.0], n_replicas=8, n_burn_in=0, n_sweeps=128)
    samples = sampler.sample(problem, seed=2)
    (remark,) = (remark for remark in samples.remarks if remark.code == "energy-drift")
    assert remark.level == Level.SERIOUS
    assert remark.text.startswith("not in equilibrium: mean energies of sweeps")
    tested = samples.info["equilibration"]
    assert tested["largest_deviation"] > tested["allowed"]
    energies = samples.dataset["energy_log2"].values.mean(axis=1)
    assert (np.diff(energies, axis=1)[:, :6] < 0).all()
