"""Boltzmann machines: modules of torch, their likelihood, and training with samples of any backend."""

from qspin.networks.boltzmann.fitting import (
    BoltzmannFit,
    ExactPhase,
    GibbsPhase,
    SampledPhase,
    fit_boltzmann,
)
from qspin.networks.boltzmann.generation import reconstruct, sample
from qspin.networks.boltzmann.likelihood import LogLikelihood, log_likelihood
from qspin.networks.boltzmann.machines import (
    BoltzmannMachine,
    HybridBoltzmannMachine,
    Machine,
    RestrictedBoltzmannMachine,
    read_machine,
)
from qspin.networks.boltzmann.trajectory import TrajectoryTempering

__all__ = [
    "BoltzmannFit",
    "BoltzmannMachine",
    "ExactPhase",
    "GibbsPhase",
    "HybridBoltzmannMachine",
    "LogLikelihood",
    "Machine",
    "RestrictedBoltzmannMachine",
    "SampledPhase",
    "TrajectoryTempering",
    "fit_boltzmann",
    "log_likelihood",
    "read_machine",
    "reconstruct",
    "sample",
]
