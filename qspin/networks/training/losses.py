"""The loss of what a network gives. Needs torch."""

from __future__ import annotations

import torch

__all__ = ["loss_of"]


def loss_of(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats where targets are classes (n,), of outputs (n, classes); where they are
    numbers (n,) or (n, values), the mean squared difference from outputs (n, 1) or (n, values).
    """
    if targets.is_floating_point():
        return torch.nn.functional.mse_loss(outputs, targets.reshape(outputs.shape))
    return torch.nn.functional.cross_entropy(outputs, targets)
