"""Quenches through a transition: who ends where the Schrodinger equation does."""

from qspin.studies.quench.study import Quench

__all__ = ["Quench"]
