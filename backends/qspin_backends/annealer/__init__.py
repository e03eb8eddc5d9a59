"""Quantum annealers: D-Wave hardware, and its simulator behind the same pipeline."""

from qspin_backends.annealer.sampler import Annealer

__all__ = ["Annealer"]
