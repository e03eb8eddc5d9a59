"""From networks to Ising problems."""

from qspin.networks.feedforward import (
    critical_temperature,
    shuffled_weights,
    twin,
    twin_from_weights,
    weights_of,
)
from qspin.networks.hopfield import hebbian

__all__ = [
    "critical_temperature",
    "hebbian",
    "shuffled_weights",
    "twin",
    "twin_from_weights",
    "weights_of",
]
