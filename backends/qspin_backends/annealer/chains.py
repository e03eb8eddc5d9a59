"""How strongly chains are held together, and what a broken one is taken for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.annealer.embeddings.embedding import Embedding
from qspin_backends.annealer.gauges import gauged

__all__ = ["LEAST_STRENGTH", "Unembedded", "chain_strengths", "unembed"]

LEAST_STRENGTH = 3.0
"""Strength of chains in units of the temperature, where that is known: a coupler breaks once in 400 reads."""


@dataclass(frozen=True)
class Unembedded:
    """Reads of spins from reads of qubits.

    Parameters
    ----------
    spins : int8 (n_kept, n_spins)
    kept : which reads these are (n_kept,)
    break_fraction : share of broken chains in every read (n_reads,)
    """

    spins: NDArray[np.int8]
    kept: NDArray[np.intp]
    break_fraction: NDArray[np.float64]


def chain_strengths(
    problem: IsingProblem,
    embedding: Embedding,
    scale: float,
    rule: str | float | Callable[..., Any],
    temperature: float | None,
) -> NDArray[np.float64]:
    """Strengths (n_spins,) of the chains, in units of the problem's energies times `scale`.

    Parameters
    ----------
    scale : the largest factor on the couplings; chains are the same at all scales
    rule : a number; ``uniform_torque_compensation``; ``auto``, the same but at least `LEAST_STRENGTH`
        temperatures; or a function of (bqm, embedding), as `dwave.embedding.chain_strength` has them
    temperature : of the device in the same units, None if it is not known

    Raises
    ------
    InputError
        If a function returns no positive, finite strength.
    """
    if embedding.longest <= 1:
        return np.zeros(problem.n_spins)
    if isinstance(rule, int | float):
        return np.full(problem.n_spins, float(rule))
    from dwave.embedding.chain_strength import uniform_torque_compensation

    bqm = problem.scaled(scale).to_bqm()
    if not isinstance(rule, str):
        chains = dict(zip(problem.labels, embedding.chains, strict=True))
        return _checked(rule(bqm, chains), problem)
    strength = float(uniform_torque_compensation(bqm))
    if rule == "auto" and temperature is not None:
        strength = max(strength, LEAST_STRENGTH * temperature)
    return np.full(problem.n_spins, strength)


def _checked(returned: Any, problem: IsingProblem) -> NDArray[np.float64]:
    try:
        values = [returned[label] for label in problem.labels] if hasattr(returned, "keys") else returned
        strengths = np.broadcast_to(np.asarray(values, dtype=np.float64), problem.n_spins)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the function behind chain_strength must return a number or a mapping from every spin to one; "
            f"got {type(returned).__name__}",
            key=("chain_strength",),
        ) from error
    if not (np.isfinite(strengths) & (strengths > 0)).all():
        wrong = strengths[~(np.isfinite(strengths) & (strengths > 0))][0]
        raise InputError(
            f"the function behind chain_strength must return positive strengths; got {wrong:g}",
            key=("chain_strength",),
        )
    return np.array(strengths)


def unembed(
    reads: NDArray[np.int8],
    spin_of: NDArray[np.int64],
    rule: str | Callable[..., Any],
    problem: IsingProblem,
    rng: np.random.Generator,
    gauge: NDArray[np.int8] | None = None,
) -> Unembedded:
    """Spins from qubits.

    Parameters
    ----------
    reads : of qubits (n_reads, n_used)
    spin_of : the spin that each qubit stands for (n_used,)
    rule : ``majority_vote``, a tie being decided by a fair coin; ``minimize_energy``: broken chains are set
        one by one, each to the side of lower energy (`dwave.embedding.MinimizeEnergy`); ``discard``: only
        reads without a broken chain are kept; or a function of (reads, chains) as `dwave.embedding` has them
    problem : whose energies ``minimize_energy`` minimises
    rng : throws the coins
    gauge : of the reads (n_spins,), and of the spins that are returned; None for none
    """
    order = np.argsort(spin_of, kind="stable")
    starts = np.searchsorted(spin_of[order], np.arange(problem.n_spins))
    lengths = np.diff(np.append(starts, len(order)))
    sums = np.add.reduceat(reads[:, order].astype(np.int32), starts, axis=1)
    broken = np.abs(sums) != lengths
    everything = np.arange(len(reads))
    if rule == "discard":
        kept = everything[~broken.any(axis=1)]
        spins = np.sign(sums[kept]).astype(np.int8)
    elif rule == "majority_vote" or not broken.any():
        coins = rng.choice(np.array([-1, 1], dtype=np.int32), size=sums.shape)
        kept, spins = everything, np.sign(np.where(sums == 0, coins, sums)).astype(np.int8)
    else:
        chains = [order[start : start + length] for start, length in zip(starts, lengths, strict=True)]
        if rule == "minimize_energy":
            rule = _energy_rule(problem if gauge is None else gauged(problem, gauge), chains)
        spins, kept = _by_function(rule, reads, chains)
    return Unembedded(spins, kept, broken.mean(axis=1))


def _energy_rule(problem: IsingProblem, chains: list[NDArray[np.intp]]) -> Callable[..., Any]:
    from dwave.embedding import MinimizeEnergy

    bqm = problem.to_bqm()
    bqm.relabel_variables(dict(zip(problem.labels, range(problem.n_spins), strict=True)))
    return MinimizeEnergy(bqm, dict(enumerate(chains)))


def _by_function(
    rule: str | Callable[..., Any], reads: NDArray[np.int8], chains: list[NDArray[np.intp]]
) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    assert callable(rule)
    spins, kept = rule(reads, [chain.tolist() for chain in chains])
    if np.shape(spins) != (len(kept), len(chains)) or not (np.abs(spins) == 1).all():
        raise InputError(
            f"the function behind unembedding must return spins (reads, {len(chains)}) of -1 and +1 and "
            f"the reads they belong to; got shape {np.shape(spins)}",
            key=("unembedding",),
        )
    return np.asarray(spins, dtype=np.int8), np.asarray(kept, dtype=np.intp)
