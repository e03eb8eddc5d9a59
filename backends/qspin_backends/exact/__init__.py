"""Exact enumeration: the oracle that every other backend is held against."""

from qspin_backends.exact.sampler import Exact

__all__ = ["Exact"]
