"""What anneals in place of a QPU: one file or class for each physics, by name."""

from qspin_backends.annealer.physics.dynamics import Conditions, Dynamics, Path
from qspin_backends.annealer.physics.substitute import PHYSICS, Physics, Substitute, dynamics_class

__all__ = ["PHYSICS", "Conditions", "Dynamics", "Path", "Physics", "Substitute", "dynamics_class"]
