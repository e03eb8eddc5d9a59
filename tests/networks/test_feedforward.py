from __future__ import annotations

import numpy as np
import pytest
import torch

from qspin import networks
from qspin.errors import InputError

stack = torch.nn.Sequential
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(3, 4)), RNG.normal(size=(2, 3))]


def test_blocks_and_signs():
    problem = networks.twin_from_weights(WEIGHTS, [np.ones(3), np.full(2, 2.0)], scale="none")
    couplings = problem.toarray()
    np.testing.assert_array_equal(couplings[:4, 4:7], -WEIGHTS[0].T)
    np.testing.assert_array_equal(couplings[4:7, 7:], -WEIGHTS[1].T)
    assert not couplings[:4, :4].any()
    assert not couplings[:4, 7:].any()
    assert problem.fields.tolist() == [0] * 4 + [-1] * 3 + [-2] * 2
    assert problem.labels[:5] == ("0:0", "0:1", "0:2", "0:3", "1:0")


def test_aligned_neurons_with_a_positive_weight_lie_low():
    problem = networks.twin_from_weights([[[2.0]]], scale="none")
    assert problem.energies([1, 1]) == -2.0


def test_torch_modules():
    model = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(3, 2, bias=False),
    )
    weights, biases = networks.weights_of(model)
    assert [w.shape for w in weights] == [(3, 4), (2, 3)]
    assert biases[1].tolist() == [0, 0]
    assert networks.twin(model) == networks.twin_from_weights(weights)
    assert networks.twin(model, biases=True).fields[4:7] == pytest.approx(
        -biases[0] / networks.critical_temperature([4, 3, 2])
    )
    assert networks.twin(torch.nn.Linear(4, 3)).n_spins == 7


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((64, 32, 10), 0.5481),
        ((784, 100, 10), 0.3988),
        ((784, 256, 10), 0.4489),
        ((784, 256, 128, 10), 0.5585),
    ],
)
def test_critical_temperature_of_default_initialisation(sizes, expected):
    assert networks.critical_temperature(sizes) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_critical_temperature_of_equal_layers(n_layers):
    n, c = 50, 1.7
    variances = [c / (n * (n_layers + 1))] * n_layers  # J ~ N(0, C / N) with N all neurons
    expected = np.sqrt(2 * c * np.cos(np.pi / (n_layers + 2)) * n / (n * (n_layers + 1)))
    assert networks.critical_temperature([n] * (n_layers + 1), variances) == pytest.approx(expected)


def test_shuffling_keeps_values_and_layers():
    shuffled = networks.shuffled_weights(WEIGHTS, seed=1)
    for before, after in zip(WEIGHTS, shuffled, strict=True):
        assert after.shape == before.shape
        np.testing.assert_array_equal(np.sort(after.ravel()), np.sort(before.ravel()))
        assert not np.array_equal(after, before)
    np.testing.assert_array_equal(shuffled[0], networks.shuffled_weights(WEIGHTS, seed=1)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.twin(stack(torch.nn.Conv2d(1, 2, 3))), "'0', a Conv2d: give input_shape"),
        (lambda: networks.twin(torch.nn.ReLU()), "at least one weight layer"),
        (lambda: networks.twin(torch.nn.ReLU(), input_shape=(3,)), "no weight between two"),
        (lambda: networks.twin(torch.nn.Bilinear(3, 3, 2)), "Bilinear has none.*rules for .*Linear"),
        (lambda: networks.twin(torch.nn.Linear(3, 2), max_spins=1), "a spin to each of 2 layers; got 1"),
        (lambda: networks.twin(stack(torch.nn.Linear(4, 3), torch.nn.Linear(2, 2))), "'1' takes 2 inputs"),
        (lambda: networks.twin_from_weights([np.zeros(3)]), r"must be a matrix \(out, in\)"),
        (lambda: networks.twin_from_weights([[[np.nan]]]), "not finite"),
        (lambda: networks.twin_from_weights([[[1.0]]], [[1.0, 2.0]]), r"biases must have lengths \[1\]"),
        (lambda: networks.critical_temperature([3]), "at least two positive numbers"),
        (lambda: networks.critical_temperature([3, 2], [1, 1]), "1 non-negative numbers"),
        (lambda: networks.hebbian([1, -1]), r"shape \(P, N\)"),
        (lambda: networks.hebbian([[1, 0]]), r"-1 or \+1; got 0"),
    ],
)  # fmt: skip
def test_networks_without_a_twin(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_hebbian():
    patterns = np.array([[1, 1, -1], [1, -1, -1]])
    expected = -(patterns.T @ patterns) / 3
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(networks.hebbian(patterns).toarray(), expected)
