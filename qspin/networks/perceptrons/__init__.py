"""Small binary networks as Ising problems: the landscape of their losses itself as a spin glass."""

from qspin.networks.perceptrons.committee import committee_machine, committee_problem
from qspin.networks.perceptrons.layered import binary_network
from qspin.networks.perceptrons.single import (
    binary_perceptron,
    perceptron_problem,
    symmetric_perceptron,
    symmetric_problem,
)

__all__ = [
    "binary_network",
    "binary_perceptron",
    "committee_machine",
    "committee_problem",
    "perceptron_problem",
    "symmetric_perceptron",
    "symmetric_problem",
]
