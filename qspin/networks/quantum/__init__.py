"""Networks of qubits, at sizes that are simulated exactly: a quantum Hopfield memory, and what a variational
circuit can express. Qiskit (``pip install qspin-framework[qiskit]``) is imported when they are called.
"""

from qspin.networks.quantum.effective import effective_dimension, fisher_information
from qspin.networks.quantum.hopfield import quantum_recall

__all__ = ["effective_dimension", "fisher_information", "quantum_recall"]
