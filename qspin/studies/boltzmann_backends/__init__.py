"""Do samplers train equally good Boltzmann machines? Likelihoods over seeds, and what each sampler spent."""

from qspin.studies.boltzmann_backends.study import BoltzmannBackends

__all__ = ["BoltzmannBackends"]
