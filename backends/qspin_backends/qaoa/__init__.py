"""QAOA: circuits on Qiskit Aer or IBM hardware, their angles trained on a state vector of our own."""

from qspin_backends.qaoa.hamiltonian import problem_of, to_pauli
from qspin_backends.qaoa.sampler import Qaoa

__all__ = ["Qaoa", "problem_of", "to_pauli"]
