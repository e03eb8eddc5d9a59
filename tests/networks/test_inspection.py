"""What couplings tell alone: spectra, temperatures and distributions, against closed forms."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from scipy import stats

from qspin import networks
from qspin.errors import InputError
from qspin.networks.inspection import (
    against_fitted_uniform,
    against_uniform,
    formula_temperature,
    pieces_of,
    spectrum_of,
    tap_temperature,
)
from qspin.networks.inspection.annealed import annealed_config
from qspin.networks.inspection.asked import inspection_config, ladder_of
from qspin.problem import IsingProblem
from qspin.registry import get_backend
from qspin.testing import STANDARD_ERRORS

MACHINES = Path(__file__).resolve().parents[3] / "shared" / "data" / "grbm"


class TestPieces:
    def test_a_twin_has_the_matrices_of_its_layers(self):
        rng = np.random.default_rng(0)
        first, second = rng.normal(size=(3, 5)), rng.normal(size=(2, 3))
        problem = networks.twin_from_weights([first, second], scale="none")
        pieces = {piece.name: piece for piece in pieces_of(problem)}
        assert list(pieces) == ["layer 0 - layer 1", "layer 1 - layer 2"]
        np.testing.assert_allclose(pieces["layer 0 - layer 1"].matrix, -first)
        assert len(pieces["layer 1 - layer 2"].values) == 6

    def test_shared_weights_fill_no_matrix(self):
        module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3))
        (piece,) = pieces_of(networks.twin(module, input_shape=(1, 5, 5)))
        assert (piece.matrix, len(piece.values)) == (None, 2 * 9 * 9)

    def test_couplings_within_groups_are_one_piece(self):
        problem = IsingProblem.from_edges(4, [0, 1, 2], [1, 2, 3], [1.0, 2.0, 3.0], [0.0, 0.5, 0, 0])
        for own in (problem, problem.with_known(groups={"visible": [0, 1, 2], "hidden": [3]})):
            couplings, fields = pieces_of(own)
            assert (couplings.name, couplings.values.tolist()) == ("couplings", [1, 2, 3])
            assert (fields.name, fields.values.tolist()) == ("fields", [0.5])


class TestSpectra:
    def test_units_and_edges(self):
        rng = np.random.default_rng(2)
        spectrum = spectrum_of(3 * rng.normal(size=(40, 90)))
        assert (spectrum.shape, len(spectrum.eigenvalues), spectrum.n_outliers) == ((40, 90), 40, 0)
        assert spectrum.variance == pytest.approx(9, rel=0.1)
        assert spectrum.eigenvalues.mean() == pytest.approx(1)
        assert spectrum.upper == pytest.approx((1 + np.sqrt(4 / 9)) ** 2)

    def test_spikes_are_found_one_by_one_and_leave_the_variance_alone(self):
        rng = np.random.default_rng(4)
        noise = rng.normal(size=(100, 60))
        left, _, right = np.linalg.svd(rng.normal(size=(100, 60)), full_matrices=False)
        spikes = 10 * (left[:, :3] * [5.0, 3.0, 2.5]) @ right[:3]
        spectrum = spectrum_of(noise + spikes)
        assert spectrum.n_outliers == 3
        assert spectrum.variance == pytest.approx(1, rel=0.1)
        assert (spectrum.eigenvalues > spectrum.upper).sum() >= 3

    def test_random_matrices_have_an_outlier_in_one_of_twenty(self):
        rng = np.random.default_rng(5)
        found = [spectrum_of(rng.normal(size=(30, 20))).n_outliers > 0 for _ in range(150)]
        assert abs(np.mean(found) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 150)

    @pytest.mark.parametrize(
        "matrix", [np.zeros((3, 3)), np.ones(4), np.full((3, 3), np.nan), np.ones((1, 9))]
    )
    def test_what_is_no_matrix(self, matrix):
        with pytest.raises(InputError, match="needs a finite matrix of 2 x 2 at least"):
            spectrum_of(matrix)


class TestTemperatures:
    def test_the_formula_is_that_of_layers(self):
        """With the mean squares of the weights in the place of variances."""
        rng = np.random.default_rng(1)
        weights = [rng.normal(size=(50, 70)), 0.3 * rng.normal(size=(20, 50))]
        problem = networks.twin_from_weights(weights, scale="none")
        squares = [float((w**2).mean()) for w in weights]
        expected = networks.critical_temperature([70, 50, 20], squares)
        assert formula_temperature(problem) == pytest.approx(expected, rel=1e-6)

    def test_that_of_a_regular_graph(self):
        """Root of the degree, for couplings of size 1: mean-field theory."""
        i = np.arange(100)
        ring = IsingProblem.from_edges(100, i, (i + 1) % 100, np.where(i % 3, 1.0, -1.0))
        assert formula_temperature(ring) == pytest.approx(2**0.5)

    def test_tap_of_a_ferromagnet(self):
        """J_ij = -1/n: 1 = (n - 1)/(n T) - (n - 1)/(n T)^2 at the larger root; fields are left out."""
        n = 60
        problem = IsingProblem(-(np.ones((n, n)) - np.eye(n)) / n, np.ones(n))
        a = (n - 1) / n
        assert tap_temperature(problem) == pytest.approx((a + np.sqrt(a**2 - 4 * a / n)) / 2)

    def test_without_couplings_nothing_freezes(self):
        assert np.isnan(tap_temperature(IsingProblem(np.zeros((3, 3)))))
        assert formula_temperature(IsingProblem(np.zeros((3, 3)))) == 0


class TestUniform:
    def test_p_values_of_uniform_numbers_are_uniform(self):
        """Also where the ends are fitted, which an ordinary test would not be."""
        rng = np.random.default_rng(8)
        draws = rng.uniform(-2, 2, size=(100, 20))
        for p in (
            [against_fitted_uniform(own).p_value for own in draws],
            [against_uniform(own, 2.0).p_value for own in draws],
        ):
            assert stats.kstest(p, "uniform").pvalue > 1e-3

    def test_others_are_told(self):
        rng = np.random.default_rng(9)
        assert against_fitted_uniform(rng.normal(size=400)).p_value < 1e-6
        known = against_uniform(rng.uniform(-2, 2, 400), 1.9)
        assert (known.p_value, known.low) == (0.0, -1.9)
        assert known.n_outside > 0

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: against_uniform([1.0, 2.0], 3.0), "at least 5 finite numbers; got 2"),
            (lambda: against_uniform(np.ones(9), 0.0), "half_width must be positive"),
            (lambda: against_fitted_uniform(np.ones(9)), "needs numbers that differ"),
        ],
    )
    def test_what_is_no_distribution(self, call, message):
        with pytest.raises(InputError, match=message):
            call()


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4))
    torch.save(module.state_dict(), tmp_path / "my net.pt")
    return tmp_path / "my net.pt"


class TestConfig:
    def test_it_holds_the_model_against_draws_of_both_controls(self, saved):
        config = inspection_config(saved, n_shuffles=5, seed=3, layers=[0, 1])
        assert (config["name"], config["seed"]) == ("inspect-my-net", 3)
        problems = config["problems"]
        assert {label: spec.get("instances") for label, spec in problems.items()} == {
            "model": None,
            "shuffled": 5,
            "reinitialised": 5,
        }
        assert all(spec["layers"] == [0, 1] for spec in problems.values())
        study = config["studies"]["inspection"]
        assert study["temperature"] is None
        critical = networks.critical_temperature([8, 6, 4])
        assert study["initial"]["layer 0 - layer 1"] == pytest.approx(8**-0.5 / critical)

    def test_the_ladder_spans_all_transitions(self, saved):
        problem = networks.read_model(saved)
        betas = np.array(ladder_of([problem, problem.scaled(3.0)], None))
        assert (np.diff(betas) > 0).all()
        assert 1 / betas[-1] == pytest.approx(0.3 * formula_temperature(problem))
        top = np.linalg.eigvalsh(-problem.toarray())[-1]
        assert 1 / betas[0] == pytest.approx(3 * max(1.2 * top, 1.5 * formula_temperature(problem)))
        assert 1 / 0.37 in [1 / beta for beta in ladder_of([problem], 1 / 0.37)]
        assert ladder_of([problem], 1e-2)[-1] == pytest.approx(100)

    @pytest.mark.parametrize(
        "machine",
        [
            networks.RestrictedBoltzmannMachine(5, 3, "bits", spread=1.0),
            networks.BoltzmannMachine(nx.cycle_graph(7), hidden=[2, 3], spread=1.0),
            networks.HybridBoltzmannMachine(6, 2, spread=1.0),
        ],
        ids=["restricted", "general", "hybrid"],
    )
    def test_machines_of_ours_have_shuffles_and_their_own_temperature(self, machine, tmp_path):
        path = tmp_path / "machine.pt"
        torch.save(machine.state_dict(), path)
        config = inspection_config(path, n_shuffles=4)
        assert list(config["problems"]) == ["model", "shuffled"]
        assert config["studies"]["inspection"] == {"problem": "model", "temperature": 1.0, "initial": {}}
        assert 1.0 in config["backends"]["tempering"]["betas"]

    def test_a_machine_is_annealed_by_devices_of_two_temperatures(self, tmp_path):
        """Where the factor means the temperature of the machine, and where it is the inverse one; the ladder
        has both in it."""
        path = tmp_path / "machine.pt"
        torch.save(networks.RestrictedBoltzmannMachine(6, 4, spread=2.0).state_dict(), path)
        config = annealed_config(path, 0.05)
        tempering, *annealers = config["backends"].values()
        assert [(own["physics"], own["temperature"]) for own in annealers] == [
            ("thermal", 0.05), ("path_integral", 0.05), ("thermal", 1.0), ("path_integral", 1.0),
        ]  # fmt: skip
        assert all(own["betas"] == [0.05] for own in annealers)
        assert tempering["betas"][0] < 0.05 < 1 < tempering["betas"][-1]
        assert 1.0 in tempering["betas"]
        assert config["studies"]["own_temperature"] == {"temperature": 1.0}
        assert [*annealed_config(path, 1.0)["backends"]] == ["tempering", "thermal", "path_integral"]

    def test_what_cannot_be_annealed(self, saved, tmp_path):
        with pytest.raises(InputError, match="is a network, which has no temperature of its own"):
            annealed_config(saved, 0.05)
        with pytest.raises(InputError, match="annealed is the factor on the energy that is programmed"):
            annealed_config(saved, 0.0)
        torch.save(networks.RestrictedBoltzmannMachine(3, 2, spread=0.0).state_dict(), tmp_path / "free.pt")
        with pytest.raises(InputError, match="no couplings among the spins that are kept: nothing to anneal"):
            annealed_config(tmp_path / "free.pt", 0.05)
        with pytest.raises(
            InputError, match="no couplings among the spins that are kept: nothing to inspect"
        ):
            inspection_config(tmp_path / "free.pt")

    def test_what_cannot_be_inspected(self, saved):
        with pytest.raises(InputError, match="n_shuffles must be at least 3; got 2"):
            inspection_config(saved, n_shuffles=2)
        with pytest.raises(InputError, match="no couplings among the spins that are kept"):
            inspection_config(saved, layers=[0, 2])
        with pytest.raises(InputError, match="cannot be read"):
            inspection_config(saved.with_name("none.pt"))


@pytest.mark.skipif(not MACHINES.is_dir(), reason="no recorded machines (shared/data/grbm)")
class TestRecorded:
    """Machines that were trained with samples of QPUs, which were programmed with 0.05 of the energy."""

    files = sorted(MACHINES.glob("*.pth"))

    def test_all_of_them_can_be_inspected_and_annealed(self):
        assert self.files
        for file in self.files:
            config, annealed = inspection_config(file), annealed_config(file, 0.05)
            assert set(config["problems"]) == {"model", "shuffled", "reinitialised"}
            for own in (config, annealed):
                betas = own["backends"]["tempering"]["betas"]
                assert 1.0 in betas
                assert betas[0] < 0.05

    def test_a_warm_device_samples_them_at_the_factor(self):
        """At temperature 1 they are no glass: 0.05, by pseudo-likelihood and within its errors."""
        spec = annealed_config(self.files[0], 0.05)["backends"]["thermal_at_1"]
        sampler = get_backend(spec.pop("name"), **{**spec, "n_reads": 60, "n_sweeps": 200})
        found = sampler.sample(networks.read_model(self.files[0]), seed=3).dataset
        beta, error = (float(found[name][0]) for name in ("beta_effective", "beta_effective_error"))
        assert abs(beta - 0.05) < STANDARD_ERRORS * error
        assert error < 0.005
