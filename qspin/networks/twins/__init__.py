"""The spin-glass twin of any network: neurons become spins, weights couplings, biases fields."""

from qspin.networks.twins.twin import Layer, Scale, layers_in, twin, weights_of

__all__ = ["Layer", "Scale", "layers_in", "twin", "weights_of"]
