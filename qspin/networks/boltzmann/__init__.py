"""Boltzmann machines: modules of torch, and the likelihood of data under them."""

from qspin.networks.boltzmann.likelihood import LogLikelihood, log_likelihood
from qspin.networks.boltzmann.machines import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    Machine,
    RestrictedBoltzmannMachine,
)

__all__ = [
    "BoltzmannMachine",
    "HybridBoltzmannMachine",
    "LogLikelihood",
    "Machine",
    "RestrictedBoltzmannMachine",
    "log_likelihood",
]
