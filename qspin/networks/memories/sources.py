"""Memories of random patterns, as sources."""

from __future__ import annotations

from typing import Literal

from qspin.instances._drawing import generator, require_numbers
from qspin.networks.memories.dense import DenseMemory
from qspin.networks.memories.storing import storkey
from qspin.problem import IsingProblem
from qspin.validate import checked_count

__all__ = ["dense_memory", "storkey_memory"]


def storkey_memory(n_spins: int, n_patterns: int, *, seed: int) -> IsingProblem:
    """Random patterns stored by Storkey's rule; see `qspin.networks.storkey`."""
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = checked_count(n_patterns, "n_patterns", least=1)
    require_numbers(6 * n_spins**2 + 2 * n_spins * n_patterns, f"{n_patterns} patterns of {n_spins} spins")
    return storkey(generator(seed).choice([-1, 1], size=(n_patterns, n_spins)))


def dense_memory(n_spins: int, n_patterns: int, degree: Literal[3, 4] = 3, *, seed: int) -> IsingProblem:
    """A dense memory of random patterns with auxiliary spins in the place of products; see
    `qspin.networks.DenseMemory.problem`.
    """
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = checked_count(n_patterns, "n_patterns", least=1)
    require_numbers(n_spins * n_patterns, f"{n_patterns} patterns of {n_spins} spins")
    patterns = generator(seed).choice([-1, 1], size=(n_patterns, n_spins))
    return DenseMemory(patterns, degree).problem()
