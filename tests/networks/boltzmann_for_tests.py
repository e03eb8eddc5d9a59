"""What tests of Boltzmann machines share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

__all__ = ["one_thread", "randomised"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors wait for each other on many."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def randomised(machine, seed=3, scale=0.5):
    """The same machine with parameters drawn at random, biases too."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(torch.as_tensor(rng.normal(size=parameter.shape) * scale))
    return machine
