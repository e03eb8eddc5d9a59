"""Trained networks and machines from files of weights."""

from qspin.networks.files.model import read_model

__all__ = ["read_model"]
