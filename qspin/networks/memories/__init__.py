"""Associative memories: patterns stored in couplings, and how they are recalled."""

from qspin.networks.memories.dense import DenseMemory
from qspin.networks.memories.retrieval import basins, retrieve
from qspin.networks.memories.storing import hebbian, perceptron_trained, pseudo_inverse, storkey

__all__ = ["DenseMemory", "basins", "hebbian", "perceptron_trained", "pseudo_inverse", "retrieve", "storkey"]
