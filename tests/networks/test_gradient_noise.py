"""Noise of gradients as a temperature: on quadratic losses, where the stationary state is known exactly."""

from __future__ import annotations

import networks_for_tests
import numpy as np
import pytest
import torch

from qspin.errors import InputError, RunError
from qspin.networks.training import Recipe, torch_session
from qspin.networks.training.losses import loss_of
from qspin.networks.training.noise import GradientNoise, gradient_noise, noise_temperature
from qspin.networks.training.optimisers import MOMENTUM, OPTIMISERS, Langevin

N, D, BATCH = 500, 200, 5  # fewer examples than directions would leave some without noise
CURVATURE = 2 / D  # of the mean squared difference in each direction
RATE = 0.2 / CURVATURE


class Constant(torch.nn.Module):
    """Gives its parameters whatever goes in: the loss is a quadratic around the mean of the targets."""

    def __init__(self):
        super().__init__()
        self.values = torch.nn.Parameter(torch.zeros(D))

    def forward(self, x):
        return self.values.expand(len(x), D)


@pytest.fixture(scope="module")
def targets():
    return torch.randn((N, D), generator=torch.Generator().manual_seed(1))


def stationary(optimiser, module, targets, batch_size):
    """Mean squared distance of the parameters from the minimum, over directions and well separated times."""
    found, centre = [], targets.mean(dim=0)
    for step in range(1, 2801):
        rows = torch.randperm(N)[:batch_size]
        optimiser.zero_grad()
        loss_of(module(rows), targets[rows]).backward()
        optimiser.step()
        if step > 400 and step % 40 == 0:
            found.append(float((module.values.detach() - centre).square().mean()))
    return np.mean(found), np.std(found, ddof=1) / np.sqrt(len(found))


@pytest.mark.parametrize("name", ["sgd", "momentum", "langevin"])
def test_it_is_the_temperature_of_the_stationary_state(targets, name):
    """Equipartition: curvature x variance = T / (1 - rate x curvature / (2 + 2 momentum)), exact for steps of
    any length. Langevin dynamics has the temperature that gradients of batches were found to have.
    """
    momentum = MOMENTUM if name == "momentum" else 0.0
    rate = RATE * (1 - momentum)
    module = Constant()
    noise = gradient_noise(module, torch.zeros(N, 1), targets)
    expected = CURVATURE**2 * float(targets.var(dim=0, unbiased=False).sum())
    assert noise.variance == pytest.approx(expected, rel=1e-4)
    temperature = noise.temperature(rate, BATCH, momentum=momentum)
    recipe = Recipe(
        optimiser=name, learning_rate=rate, batch_size=BATCH, temperature=temperature * (name == "langevin")
    )
    whole = name == "langevin"
    with torch_session(0):
        optimiser = OPTIMISERS[name](list(module.parameters()), recipe)
        variance, error = stationary(optimiser, module, targets, N if whole else BATCH)
    exact = temperature / CURVATURE / (1 - rate * CURVATURE / (2 + 2 * momentum))
    assert error < 0.03 * exact
    assert abs(variance - exact) < 4 * error


def test_gradients_of_single_examples_are_those_of_a_loop():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    x, y = torch.randn(20, 4), torch.arange(20) % 2
    slopes = []
    for k in range(20):
        module.zero_grad()
        loss_of(module(x[[k]]), y[[k]]).backward()
        slopes.append(torch.cat([p.grad.flatten() for p in module.parameters()]).double().numpy())
    found = gradient_noise(module, x, y)
    assert found.variance == pytest.approx(np.var(slopes, axis=0).sum(), rel=1e-5)
    assert found.mean_square == pytest.approx((np.mean(slopes, axis=0) ** 2).sum(), rel=1e-5)
    assert (found.n_parameters, found.n_examples) == (23, 20)


def test_batches_of_everything_are_cold_and_steps_that_are_rescaled_have_no_temperature():
    noise = GradientNoise(variance=8.0, mean_square=0.0, n_parameters=4, n_examples=101)
    assert noise.temperature(0.1, 1) == pytest.approx(0.1)
    assert noise.temperature(0.1, 21) == pytest.approx(0.1 / 21 * 0.8)
    assert noise.temperature(0.1, 101) == noise.temperature(0.1, 500) == 0
    assert noise.temperature(0.1, 1, momentum=0.5) == pytest.approx(0.2)
    given = {"learning_rate": 0.1, "batch_size": 1}
    assert noise_temperature(noise, Recipe(**given, optimiser="sgd")) == pytest.approx(0.1)
    assert noise_temperature(noise, Recipe(**given, optimiser="langevin", temperature=2)) == pytest.approx(
        2.1
    )
    assert noise_temperature(noise, Recipe(**given, optimiser="adam")) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda n: n.temperature(0.0, 1),
        lambda n: n.temperature(0.1, 0),
        lambda n: n.temperature(0.1, 1, momentum=1.0),
        lambda n: Langevin(torch.nn.Linear(1, 1).parameters(), lr=0.1, temperature=-1.0),
        lambda n: gradient_noise(torch.nn.ReLU(), torch.zeros(2, 1), torch.zeros(2)),
        lambda n: gradient_noise(torch.nn.Linear(1, 1), torch.zeros(0, 1), torch.zeros(0)),
    ],
)
def test_what_has_no_temperature(call):
    with pytest.raises(InputError):
        call(GradientNoise(1.0, 0.0, 1, 10))


def test_a_module_that_hides_its_gradients_is_told():
    x, y = torch.zeros(4, 12), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(RunError, match="gradients of single examples: .*leave out noise"):
        gradient_noise(networks_for_tests.counting(), x, y)
