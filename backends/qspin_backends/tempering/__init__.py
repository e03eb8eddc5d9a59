"""Tempering and annealing: the classical reference that hardware is compared with."""

from qspin_backends.tempering.sampler import Tempering

__all__ = ["Tempering"]
