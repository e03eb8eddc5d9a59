"""Likelihoods of data under a machine."""

from qspin.networks.boltzmann.likelihood.estimate import (
    FAR_APART,
    LikelihoodMethod,
    LogLikelihood,
    log_likelihood,
)

__all__ = ["FAR_APART", "LikelihoodMethod", "LogLikelihood", "log_likelihood"]
