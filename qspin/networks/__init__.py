"""From networks to Ising problems."""

from qspin.instances.mean_field import hebbian
from qspin.networks.feedforward import critical_temperature, shuffled_weights, twin_from_weights
from qspin.networks.files import read_model
from qspin.networks.twins import Layer, layers_in, twin, weights_of

__all__ = [
    "Layer",
    "critical_temperature",
    "hebbian",
    "layers_in",
    "read_model",
    "shuffled_weights",
    "twin",
    "twin_from_weights",
    "weights_of",
]
