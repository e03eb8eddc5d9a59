"""Any dimod sampler as a backend."""

from qspin_backends.ocean.sampler import Ocean

__all__ = ["Ocean"]
