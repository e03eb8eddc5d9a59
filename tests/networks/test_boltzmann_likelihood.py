"""ln Z and likelihoods against enumeration, a published machine, and each other."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread  # noqa: F401
from scipy import stats

from qspin.errors import CapacityError, InputError
from qspin.networks.boltzmann import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    RestrictedBoltzmannMachine,
    log_likelihood,
)
from qspin.networks.boltzmann.likelihood.ladder import _drifted
from qspin.significance import STANDARD_ERRORS

BARS_AND_STRIPES = np.array(
    [[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 1, 0]]
)


def published():
    """A machine of 4x4 bits trained on bars and stripes 2x2: ln Z = 59.6749019726, and -1.7328699078 for the
    patterns with the two uniform ones twice (numbers of PyDeep's tests, J. Melchior 2017)."""
    machine = RestrictedBoltzmannMachine(4, 4, "bits")
    weights = [
        [0.12179488, 2.95950177, 0.33513356, 35.05380642],
        [0.20318085, -28.62372894, 26.52611278, 28.41793445],
        [-0.19105386, -28.58530584, -26.52747507, 28.78447320],
        [0.08953740, -59.82556859, -0.06665933, -27.71723459],
    ]
    with torch.no_grad():
        machine.weights.copy_(torch.tensor(weights, dtype=torch.float64))
        machine.visible_biases.copy_(
            torch.tensor([-19.24399659, -13.26258696, 13.25909850, 43.74408543], dtype=torch.float64)
        )
        machine.hidden_biases.copy_(
            torch.tensor([-0.11155958, 57.02097584, -0.13331758, -32.25991501], dtype=torch.float64)
        )
    data = np.concatenate([BARS_AND_STRIPES, BARS_AND_STRIPES[[0, 3]]])
    return machine, data


def glass(units="spins", hidden=(0, 4, 2), seed=2):
    machine = BoltzmannMachine(nx.complete_graph(9), hidden, units=units)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(torch.as_tensor(rng.normal(size=parameter.shape) * 0.4))
    return machine


def summed(machine):
    """ln Z over all configurations of all units."""
    low = machine.units.low
    x = np.array(list(itertools.product([low, 1], repeat=len(machine.labels))))
    return torch.logsumexp(-machine.energies(x), 0).item()


def random_data(machine, n=12, seed=0):
    return np.random.default_rng(seed).choice([machine.units.low, 1], size=(n, machine.n_visible))


def test_the_published_machine():
    machine, data = published()
    found = log_likelihood(machine, data)
    assert found.log_partition == pytest.approx(59.6749019726, abs=1e-6)
    assert found.value == pytest.approx(-1.7328699078, abs=1e-6)
    assert found.error == 0
    assert summed(machine) == pytest.approx(found.log_partition, abs=1e-10)


def test_the_published_machine_between_two_bounds():
    machine, data = published()
    found = log_likelihood(machine, data, "ais", seed=1, n_chains=400, n_betas=1_000)
    exact = 59.6749019726
    assert found.lower - 3 * found.lower_error <= exact <= found.upper + 3 * found.upper_error
    assert abs(found.log_partition - exact) < 4 * found.log_partition_error
    assert found.gap < 0.2
    value, error = found
    assert abs(value - -1.7328699078) < 4 * error


def test_the_published_machine_by_tempering():
    machine, data = published()
    value, error = log_likelihood(machine, data, "tempering", seed=1)
    assert 0 < error < 0.2
    assert abs(value - -1.7328699078) < 3 * error


def test_intervals_of_two_replicas_cover_as_they_say():
    """Over seeds, of a machine that can be summed: 95 % intervals by Student's distribution, which of two
    replicas are 6 times as wide as those of normal errors. These cover 70 %."""
    machine = RestrictedBoltzmannMachine(6, 5, spread=0.5, seed=1)
    data, n_seeds = random_data(machine, 4), 40
    exact = log_likelihood(machine, data).value
    runs = [
        log_likelihood(
            machine, data, "tempering", seed=seed, betas=[0.15, 0.3, 0.6, 1.0], n_replicas=2, n_burn_in=100,
            n_sweeps=200,
        )
        for seed in range(n_seeds)
    ]  # fmt: skip
    covered = sum(low <= exact <= high for low, high in (run.interval() for run in runs))
    normal = sum(abs(run.value - exact) < 1.96 * run.error for run in runs)
    allowed = STANDARD_ERRORS * np.sqrt(0.95 * 0.05 * n_seeds)
    assert abs(covered - 0.95 * n_seeds) < allowed
    assert normal < 0.95 * n_seeds - allowed
    assert {run.n_independent for run in runs} == {2}


def test_intervals_know_what_their_error_is_from():
    machine = glass()
    data = random_data(machine)
    exact = log_likelihood(machine, data)
    assert exact.interval() == (exact.value, exact.value)
    between = log_likelihood(machine, data, "ais", seed=3, n_chains=200, n_betas=100)
    low, high = between.interval(0.9)
    assert (low + high) / 2 == pytest.approx(between.value)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.95, 199) * between.error)
    with pytest.raises(InputError, match="level must lie between 0 and 1; got 95"):
        between.interval(95)


def test_draws_that_still_move_are_remarked_upon():
    betas = np.array([0.2, 0.5, 1.0])
    rng = np.random.default_rng(0)
    still = rng.normal(-5.0, 1.0, size=(3, 8, 60))
    assert _drifted(still, betas) == []
    (remark,) = _drifted(still - np.linspace(0, 3, 60), betas)
    assert remark.code == "log-partition-drift"
    assert "take a longer burn-in" in remark.text


@pytest.mark.parametrize("units", ["spins", "bits"])
@pytest.mark.parametrize("hidden", [(), (0, 4, 2)])
def test_methods_agree_on_a_glass(units, hidden):
    machine = glass(units, hidden)
    data = random_data(machine)
    exact = log_likelihood(machine, data)
    assert exact.log_partition == pytest.approx(summed(machine), abs=1e-10)
    rows = machine.free_energy(data).detach().numpy()
    assert exact.value == pytest.approx(float(-rows.mean()) - exact.log_partition)
    between = log_likelihood(machine, data, "ais", seed=3, n_chains=200, n_betas=100)
    assert abs(between.value - exact.value) < 4 * between.error
    assert between.lower < between.upper + 3 * np.hypot(between.lower_error, between.upper_error)
    assert not between.remarks
    assert between.error < 0.2


def test_methods_agree_on_a_hybrid_machine():
    xi = np.random.default_rng(0).choice([-1, 1], size=(2, 8))
    machine = HybridBoltzmannMachine.hopfield(xi, 0.9)
    data = random_data(machine)
    exact = log_likelihood(machine, data)
    between = log_likelihood(machine, data, "ais", seed=3, n_chains=300, n_betas=300)
    assert abs(between.value - exact.value) < 4 * between.error
    tempered = log_likelihood(machine, data, "tempering", seed=3, n_sweeps=2_000)
    assert abs(tempered.value - exact.value) < 4 * tempered.error


def test_bounds_that_say_little_are_no_bare_number():
    machine, data = published()
    found = log_likelihood(machine, data, "ais", seed=0, n_chains=10, n_betas=3)
    assert [remark.code for remark in found.remarks] == ["bounds-apart"]
    assert found.error >= found.gap / 2 > 0.5


def test_what_has_no_likelihood():
    machine = RestrictedBoltzmannMachine(30, 40)
    with pytest.raises(CapacityError, match=r"takes 2\^30 configurations, 2\^5 times .* hours of a core"):
        log_likelihood(machine, np.ones((1, 30)))
    with pytest.raises(InputError, match="did you mean 'exact'"):
        log_likelihood(machine, np.ones((1, 30)), "exat")
    with pytest.raises(InputError, match="at least one row"):
        log_likelihood(machine, np.ones((0, 30)))
    with pytest.raises(InputError, match="must be -1 or"):
        log_likelihood(machine, np.zeros((2, 30)))
    with pytest.raises(InputError, match="end at 1, the temperature of the model; got 0.5"):
        log_likelihood(machine, np.ones((1, 30)), "tempering", betas=[0.1, 0.5])
    for method, given in (
        ("exact", {"betas": [1.0]}),
        ("exact", {"n_chains": 500}),
        ("ais", {"n_sweeps": 10}),
        ("tempering", {"start": np.ones((3, 70))}),
        ("trajectory", {"n_betas": 10}),
        ("ais", {"trajectory": 3}),
    ):
        with pytest.raises(InputError, match=f"method '{method}' does not take {next(iter(given))}; "):
            log_likelihood(machine, np.ones((1, 30)), method, **given)
    with pytest.raises(InputError, match="start must have shape"):
        log_likelihood(machine, np.ones((1, 30)), "ais", start=np.ones((3, 4)), n_betas=3)


@pytest.mark.parametrize("n", [10**12, 10**50, 10**5000], ids=["e12", "e50", "e5000"])
@pytest.mark.parametrize(
    ("method", "name"), [("ais", "n_chains"), ("ais", "n_betas"), ("tempering", "n_replicas")]
)
def test_what_would_not_fit_in_memory(method, name, n):
    machine = RestrictedBoltzmannMachine(3, 2)
    with pytest.raises(CapacityError, match="take .* GiB, more than half of the"):
        log_likelihood(machine, np.ones((1, 3)), method, **{name: n})


def test_where_the_reverse_starts_is_told():
    machine = RestrictedBoltzmannMachine(30, 40, spread=0.05)
    found = log_likelihood(machine, np.ones((1, 30)), "ais", n_chains=20, n_betas=20)
    assert [remark.code for remark in found.remarks] == ["reverse-start"]
    assert np.isfinite(found.value)
