"""From networks to Ising problems."""

from qspin.networks.feedforward import critical_temperature, shuffled_weights, twin_from_weights
from qspin.networks.files import read_model
from qspin.networks.memories import (
    DenseMemory,
    basins,
    hebbian,
    perceptron_trained,
    pseudo_inverse,
    retrieve,
    storkey,
)
from qspin.networks.twins import Layer, layers_in, twin, weights_of

__all__ = [
    "DenseMemory",
    "Layer",
    "basins",
    "critical_temperature",
    "hebbian",
    "layers_in",
    "perceptron_trained",
    "pseudo_inverse",
    "read_model",
    "retrieve",
    "shuffled_weights",
    "storkey",
    "twin",
    "twin_from_weights",
    "weights_of",
]
