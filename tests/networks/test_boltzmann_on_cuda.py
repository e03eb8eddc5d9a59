"""Boltzmann machines on a CUDA device against the same ones on the CPU."""

from __future__ import annotations

import io
import math

import networkx as nx
import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread, randomised  # noqa: F401

import qspin
from qspin.networks.boltzmann import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    RestrictedBoltzmannMachine,
    fit_boltzmann,
    log_likelihood,
    reconstruct,
    sample,
)
from qspin.networks.boltzmann.enumeration import averaged_gradients, enumerated
from qspin.networks.boltzmann.fitting.positive import positive_gradients
from qspin.significance import STANDARD_ERRORS

DEVICE = torch.device("cuda")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

RING = nx.circulant_graph(12, [1, 2, 5])
KINDS = {
    "restricted, spins": lambda: RestrictedBoltzmannMachine(7, 5),
    "restricted, bits": lambda: RestrictedBoltzmannMachine(7, 5, "bits"),
    "hybrid": lambda: HybridBoltzmannMachine(7, 2),
    "none hidden": lambda: BoltzmannMachine(RING, []),
    "hidden apart": lambda: BoltzmannMachine(RING, [0, 3, 6], units="bits"),
    "hidden together": lambda: BoltzmannMachine(RING, [0, 1, 2, 3]),
}


@pytest.fixture(params=KINDS)
def pair(request):
    """The same machine twice: on the CPU and on the device."""
    return made(request.param), made(request.param).to(DEVICE)


def made(name):
    return randomised(KINDS[name](), scale=0.3)


def rows_of(machine, n=40, seed=0):
    return np.random.default_rng(seed).choice([machine.units.low, 1], size=(n, machine.n_visible))


def whole_rows(machine, n=40):
    rest = np.random.default_rng(1).choice([machine.units.low, 1], size=(n, machine.n_hidden))
    return np.concatenate([rows_of(machine, n), rest], axis=1)


def require_same(here, there, atol=1e-10):
    """Two tensors, the second one of the device."""
    assert there.device.type == DEVICE.type
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=atol)


def require_same_parameters(here, there, atol=1e-10):
    theirs = dict(there.named_parameters())
    for name, parameter in here.named_parameters():
        require_same(parameter.detach(), theirs[name].detach(), atol)


def test_energies(pair):
    here, there = pair
    require_same(here.energies(whole_rows(here)).detach(), there.energies(whole_rows(there)).detach())
    require_same(here.free_energy(rows_of(here)).detach(), there.free_energy(rows_of(there)).detach())
    own = torch.as_tensor(rows_of(there), device=DEVICE)
    require_same(here.free_energy(own.cpu()).detach(), there.free_energy(own).detach())
    spins = np.random.default_rng(2).choice([-1, 1], size=(9, here.problem().n_spins))
    np.testing.assert_allclose(there.problem().energies(spins), here.problem().energies(spins), atol=1e-10)


def test_precision_of_its_own(pair):
    here, there = pair
    there = there.float()
    found = there.free_energy(rows_of(there))
    assert found.dtype == torch.float32
    expected = here.free_energy(rows_of(here)).detach()
    torch.testing.assert_close(found.detach().cpu().double(), expected, rtol=1e-5, atol=1e-5)


def test_exact_sums(pair):
    here, there = pair
    one, other = enumerated(here), enumerated(there)
    assert other.log_partition == pytest.approx(one.log_partition, abs=1e-10)
    gradients = averaged_gradients(there, other)
    for name, own in averaged_gradients(here, one).items():
        require_same(own, gradients[name])


@pytest.mark.parametrize("n_sweeps", [0, 3])
def test_draws_and_sweeps_are_of_the_model(pair, n_sweeps):
    """Sweeps leave exact draws as they are: means of all units, within the scatter of independent draws."""
    here, there = pair
    n, generator = 20_000, torch.Generator(DEVICE).manual_seed(3)
    x = enumerated(there).draws(there, n, generator)
    for _ in range(n_sweeps):
        x = there.swept(x, generator)
    assert x.device.type == DEVICE.type
    expected = here.unit_means(averaged_gradients(here, enumerated(here)))
    off = (x.mean(0).cpu() - expected) / (x.std(0).cpu() / math.sqrt(n))
    assert float(off.abs().max()) < STANDARD_ERRORS


def test_likelihoods(pair):
    here, there = pair
    exact = log_likelihood(there, rows_of(there))
    assert exact.value == pytest.approx(log_likelihood(here, rows_of(here)).value, abs=1e-10)
    between = log_likelihood(there, rows_of(there), "ais", seed=1, n_chains=200, n_betas=100)
    assert abs(between.value - exact.value) < STANDARD_ERRORS * between.error
    assert between.error < 0.5


def test_training_by_exact_sums(pair):
    here, there = pair
    data = rows_of(here, 10)
    one, other = (
        fit_boltzmann(machine, data, "exact", seed=0, n_steps=10, batch_size=5, held_out=data[:3])
        for machine in pair
    )
    require_same_parameters(here, there)
    for name in ("gradient_norm", "log_likelihood", "held_out"):
        np.testing.assert_allclose(other.curves[name], one.curves[name], atol=1e-10)


@pytest.mark.parametrize("sampler", ["cd", "pcd"])
def test_training_by_block_gibbs(pair, sampler):
    """Other random numbers than those of the CPU; the same ones again on the device."""
    _, there = pair
    again = made_like(there)
    data = np.where(np.random.default_rng(0).random((60, there.n_visible)) < 0.9, 1, there.units.low)
    fits = [
        fit_boltzmann(machine, data, sampler, seed=0, n_steps=20, evaluate_every=20, likelihood="exact")
        for machine in (there, again)
    ]
    assert there.like.device.type == DEVICE.type
    first, last = fits[0].curves.log_likelihood.values
    assert last > first
    for name, parameter in there.named_parameters():
        torch.testing.assert_close(dict(again.named_parameters())[name], parameter)


def made_like(machine):
    """Another machine with the same parameters on the same device, by its state dict."""
    content = io.BytesIO()
    torch.save(machine.state_dict(), content)
    content.seek(0)
    other = type(machine).described(machine.description(), torch.float64).to(machine.like.device)
    other.load_state_dict(torch.load(content, weights_only=True))
    return other


def test_training_by_tempering(pair):
    """Spins are sampled on the CPU, the same ones for both."""
    here, there = pair
    tempering = qspin.get_backend(
        "tempering", betas=[0.5, 1.0], n_replicas=10, n_burn_in=0, n_sweeps=5, n_draws=1
    )
    for machine in pair:
        fit_boltzmann(machine, rows_of(machine, 8), tempering, seed=0, n_steps=4, likelihood="none")
    require_same_parameters(here, there, atol=1e-8)


def test_training_with_hidden_units_that_are_sampled():
    machine = randomised(BoltzmannMachine(nx.path_graph(24), range(4, 24)), scale=0.3).to(DEVICE)
    fit = fit_boltzmann(machine, rows_of(machine, 8), "pcd", seed=0, n_steps=4)
    assert machine.like.device.type == DEVICE.type
    assert np.isfinite(fit.curves.gradient_norm).all()


def test_state_dicts_go_from_device_to_device(pair):
    here, there = pair
    with torch.no_grad():
        for parameter in there.parameters():
            parameter.mul_(1.5)
    here.load_state_dict(there.state_dict())
    assert here.like.device.type == "cpu"
    require_same_parameters(here, there, atol=0)
    again = made_like(there)
    assert again.like.device.type == DEVICE.type
    require_same_parameters(here, again, atol=0)


def test_draws_of_a_machine(pair):
    """Generated rows are of the device, and given units stay."""
    _, there = pair
    drawn = sample(there, 6, "gibbs", seed=0, n_sweeps=5)
    assert drawn.device.type == DEVICE.type
    assert drawn.shape == (6, there.n_visible)
    there.checked_visible(drawn)
    first = there.visible[0]
    whole = reconstruct(there, {first: 1}, 5, "exact", seed=0)
    assert whole.device.type == DEVICE.type
    assert (whole[:, 0] == 1).all()
    there.checked_visible(whole)


def test_a_training_goes_on_from_its_file(pair, tmp_path, monkeypatch):
    """Killed at its fifth step: the end is that of an unbroken one."""
    _, whole = pair
    broken, again, data = made_like(whole), made_like(whole), rows_of(whole, 8)
    settings = {"seed": 4, "n_steps": 8, "batch_size": 4, "likelihood": "none"}
    fit_boltzmann(whole, data, "pcd", **settings)
    steps = 0

    def killed(*args, **kwargs):
        nonlocal steps
        steps += 1
        if steps == 5:
            raise KeyboardInterrupt
        return positive_gradients(*args, **kwargs)

    settings |= {"checkpoint": tmp_path / "training.checkpoint", "checkpoint_seconds": 1e-9}
    with monkeypatch.context() as patch:
        patch.setattr("qspin.networks.boltzmann.fitting.fit.positive_gradients", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_boltzmann(broken, data, "pcd", **settings)
    fit_boltzmann(again, data, "pcd", **settings)
    for name, parameter in whole.named_parameters():
        torch.testing.assert_close(dict(again.named_parameters())[name], parameter)
