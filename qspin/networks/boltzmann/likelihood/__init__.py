"""Likelihoods of data under a machine."""

from qspin.networks.boltzmann.likelihood.estimate import LikelihoodMethod, LogLikelihood, log_likelihood

__all__ = ["LikelihoodMethod", "LogLikelihood", "log_likelihood"]
