"""Boltzmann machines as modules of torch."""

from qspin.networks.boltzmann.machines.general import BoltzmannMachine
from qspin.networks.boltzmann.machines.hybrid import HybridBoltzmannMachine
from qspin.networks.boltzmann.machines.machine import (
    Gradients,
    Machine,
    generator_of,
    gradients_of,
    norm_of,
    numbers_of,
    parameters_digest,
    require_usable,
)
from qspin.networks.boltzmann.machines.reading import read_machine
from qspin.networks.boltzmann.machines.restricted import RestrictedBoltzmannMachine
from qspin.networks.boltzmann.machines.units import UnitName, Units

__all__ = [
    "BoltzmannMachine",
    "Gradients",
    "HybridBoltzmannMachine",
    "Machine",
    "RestrictedBoltzmannMachine",
    "UnitName",
    "Units",
    "generator_of",
    "gradients_of",
    "norm_of",
    "numbers_of",
    "parameters_digest",
    "read_machine",
    "require_usable",
]
