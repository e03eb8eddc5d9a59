"""From networks to Ising problems."""

from qspin.instances.mean_field import hebbian
from qspin.networks.feedforward import (
    critical_temperature,
    shuffled_weights,
    twin,
    twin_from_weights,
    weights_of,
)

__all__ = [
    "critical_temperature",
    "hebbian",
    "shuffled_weights",
    "twin",
    "twin_from_weights",
    "weights_of",
]
