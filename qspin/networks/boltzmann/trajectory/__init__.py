"""Parallel trajectory tempering: replicas exchanged along the checkpoints of a training."""

from qspin.networks.boltzmann.trajectory.checkpoints import Checkpoints
from qspin.networks.boltzmann.trajectory.sampler import TrajectoryTempering

__all__ = ["Checkpoints", "TrajectoryTempering"]
