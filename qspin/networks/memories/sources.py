"""Memories of random patterns, as sources."""

from __future__ import annotations

from typing import Literal

from qspin.instances._drawing import random_patterns
from qspin.networks.memories.dense import DenseMemory
from qspin.networks.memories.storing import storkey
from qspin.problem import IsingProblem

__all__ = ["dense_memory", "storkey_memory"]


def storkey_memory(n_spins: int, n_patterns: int, *, seed: int) -> IsingProblem:
    """Random patterns stored by Storkey's rule; see `qspin.networks.storkey`."""
    return storkey(random_patterns(n_spins, n_patterns, seed=seed, squares=6, rows=2))


def dense_memory(n_spins: int, n_patterns: int, degree: Literal[3, 4] = 3, *, seed: int) -> IsingProblem:
    """A dense memory of random patterns with auxiliary spins in the place of products; see
    `qspin.networks.DenseMemory.problem`.
    """
    patterns = random_patterns(n_spins, n_patterns, seed=seed, squares=0, rows=1)
    return DenseMemory(patterns, degree).problem()
