"""Samples from elsewhere: files of qspin, of dimod, and counts of bit strings."""

from qspin_backends.given.sampler import Given

__all__ = ["Given"]
