"""``store="statistics"``: the same answers as from stored spins, without the spins."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin import IsingProblem, analysis, instances

SETTINGS = {"betas": [0.2, 0.6, 1.2], "n_replicas": 5, "n_burn_in": 50, "n_sweeps": 400, "n_draws": 80}
PROBLEMS = {
    "sparse": instances.edwards_anderson((4, 4, 4), seed=2),
    "multispin": instances.edwards_anderson((4, 5, 5), couplings="bimodal", seed=2),
    "dense": instances.sherrington_kirkpatrick(70, seed=3),
}


def both(problem, **changes):
    settings = {**SETTINGS, **changes}
    return tuple(
        qspin.get_backend("tempering", store=store, **settings).sample(problem, seed=4)
        for store in ("spins", "statistics")
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_analysis_gives_the_same_from_spins_and_from_averages(name):
    problem = PROBLEMS[name]
    spins, averages = both(problem)
    assert averages.spins.sizes["draw"] == 1
    for function in (
        analysis.overlap_curve,
        analysis.overlap_distribution,
        lambda samples: analysis.link_overlap_curve(samples, problem),
    ):
        from_spins, from_averages = function(spins), function(averages)
        for variable in from_spins.data_vars:
            np.testing.assert_allclose(from_averages[variable], from_spins[variable], rtol=1e-9, atol=1e-12)
    i, j, _ = problem.edges
    stored = spins.spins.values.astype(float)
    np.testing.assert_allclose(averages.dataset["spin_mean"], stored.mean(axis=2), atol=1e-12)
    np.testing.assert_allclose(
        averages.dataset["pair_mean"], (stored[..., i] * stored[..., j]).mean(axis=2), atol=1e-12
    )


def test_the_last_configuration_is_kept():
    spins, averages = both(PROBLEMS["sparse"])
    np.testing.assert_array_equal(averages.spins.values[:, :, 0], spins.spins.values[:, :, -1])
    assert averages.best.energy == averages.energies.values.min()


def test_energies_are_averaged_over_every_sweep():
    """With a draw a sweep the averages over sweeps and over draws are the same thing."""
    problem = PROBLEMS["sparse"]
    spins, averages = both(problem, n_draws=400)
    energies = spins.energies.values
    for samples in (spins, averages):
        np.testing.assert_allclose(samples.dataset["energy_mean"], energies.mean(axis=2), rtol=1e-5)
        np.testing.assert_allclose(samples.dataset["energy_variance"], energies.var(axis=2), rtol=1e-4)
    for name in ("energy", "heat_capacity", "energy_error", "heat_capacity_error"):
        np.testing.assert_allclose(
            analysis.energy_curve(averages)[name], analysis.energy_curve(spins)[name], rtol=1e-3, atol=1e-6
        )
    binned = averages.dataset["energy_log2"].values  # sweeps 64 to 127 begin after the burn-in of 50
    np.testing.assert_allclose(binned[..., 6], energies[:, :, 63 - 50 : 127 - 50].mean(axis=2), rtol=1e-5)


def test_many_spins_are_counted_in_groups():
    problem = instances.lattice_ferromagnet((80, 80))
    spins, averages = both(problem, betas=[0.2, 0.6], n_replicas=3, n_sweeps=20, n_draws=10, n_burn_in=0)
    assert averages.dataset.sizes["agreement"] < 6401
    one, other = (analysis.overlap_distribution(samples) for samples in (spins, averages))
    np.testing.assert_allclose(other["density"].sum("q"), one["density"].sum("q"))
    np.testing.assert_allclose((other["density"] * other["q"] * other["width"]).sum("q"),
                               (one["density"] * one["q"] * one["width"]).sum("q"), atol=0.05)  # fmt: skip


def test_it_is_saved_and_loaded(tmp_path):
    _, averages = both(PROBLEMS["sparse"])
    averages.save(tmp_path / "a.nc")
    loaded = qspin.SampleSet.load(tmp_path / "a.nc")
    assert analysis.overlap_curve(loaded).equals(analysis.overlap_curve(averages))


def test_equilibrium_is_for_the_sampler_to_judge():
    """There are no chains to test, and nobody pretends that single draws are one."""
    _, averages = both(PROBLEMS["sparse"])
    diagnostics = analysis.chain_diagnostics(averages)
    assert all(np.isnan(diagnostics[name]).all() for name in ("ess", "r_hat", "ess_overlap", "r_hat_overlap"))
    assert analysis.equilibrium_remarks(averages) == averages.remarks


def test_one_replica_and_no_couplings():
    free = IsingProblem(np.zeros((5, 5)), np.ones(5))
    samples = qspin.get_backend(
        "tempering", store="statistics", betas=[1.0], n_replicas=1, n_sweeps=50
    ).sample(free, seed=0)
    assert samples.dataset["pair_mean"].shape == (1, 1, 0)
    with pytest.raises(qspin.errors.InputError, match="at least two"):
        analysis.overlap_curve(samples)
