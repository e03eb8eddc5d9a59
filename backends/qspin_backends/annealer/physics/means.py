"""Means of spins and of their products in the final state of an anneal, without drawing from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qspin_backends.annealer.physics.states import Part, State

__all__ = ["pair_means", "state_means"]

Floats = NDArray[np.float64]

_CHUNK = 2**15  # positions at a time


def pair_means(n_spins: int, parts: Sequence[Part], states: Sequence[State]) -> Floats:
    """<s_i s_j> of all spins (n_spins, n_spins), with 1 on the diagonal.

    Parameters
    ----------
    parts, states : connected parts of the problem, and the final state of each; between them spins are
        independent
    """
    means, found = np.zeros(n_spins), np.zeros((n_spins, n_spins))
    inside = []
    for part, state in zip(parts, states, strict=True):
        single, pairs = state_means(state)
        means[part.spins] = single * part.gauge
        inside.append((part.spins, pairs * np.outer(part.gauge, part.gauge)))
    found = np.outer(means, means)
    for spins, pairs in inside:
        found[np.ix_(spins, spins)] = pairs
    return found


def state_means(state: State) -> tuple[Floats, Floats]:
    """<s_i> (n_spins,) and <s_i s_j> (n_spins, n_spins) of one part, in its own gauge."""
    n = state.n_spins
    stored = n - state.is_folded
    single, pairs = np.zeros(n), np.zeros((n, n))
    total = float(state.probabilities.sum())
    for start in range(0, len(state.probabilities), _CHUNK):
        weights = state.probabilities[start : start + _CHUNK] / total
        positions = np.arange(start, start + len(weights))
        spins = np.ones((len(weights), n))
        spins[:, :stored] = 1.0 - 2.0 * ((positions[:, None] >> np.arange(stored)) & 1)
        single += weights @ spins
        pairs += (spins * weights[:, None]).T @ spins
    return (np.zeros(n) if state.is_folded else single), pairs
