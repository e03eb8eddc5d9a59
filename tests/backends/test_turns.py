"""Turns about x, fast, against rotations about any axis: every size that kernels distinguish."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.common.layers import Layers
from qspin_backends.common.turns import LOW_QUBITS


@pytest.mark.parametrize("n_spins", [*range(1, 12), *range(LOW_QUBITS + 1, LOW_QUBITS + 8)])
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("largest", [0.7, 1.57])
def test_turns_are_rotations_about_x(n_spins, folded, n_threads, largest):
    rng = np.random.default_rng(n_spins)
    with Layers(n_spins, folded, n_threads) as layers:
        state = rng.normal(size=(2, layers.size))
        energies, turns = rng.normal(size=layers.size), rng.normal(size=3)
        angles = largest * rng.uniform(-1, 1, size=(3, n_spins))
        fast, slow = state.copy(), state.copy()
        layers.turn_all(*fast, energies, turns, angles)
        layers.forward_all(*slow, energies, turns, np.cos(angles), np.zeros_like(angles), np.sin(angles))
    if n_spins == 1 and folded:  # a single amplitude has no partner: rotations leave its phase alone
        fast, slow = (np.hypot(*own) for own in (fast, slow))
    np.testing.assert_allclose(fast, slow, atol=3e-14)
