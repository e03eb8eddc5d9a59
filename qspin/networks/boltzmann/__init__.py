"""Boltzmann machines as modules of torch."""

from qspin.networks.boltzmann.machines import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    Machine,
    RestrictedBoltzmannMachine,
)

__all__ = ["BoltzmannMachine", "HybridBoltzmannMachine", "Machine", "RestrictedBoltzmannMachine"]
