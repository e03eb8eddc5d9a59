"""What may be done to shots after they were taken; it changes their distribution, so never unasked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Remark

__all__ = ["after_measurement", "kept_shots", "mitigated", "post_selected"]

REDRAWN = "shots-redrawn"

_STEPS = 100
_LARGEST_SET = 4096  # distinct configurations that a matrix of transitions is made for


def after_measurement(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    copy: NDArray[np.int64],
    errors: list[tuple[float, float]] | None,
    fraction: float | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int8], NDArray[np.int64], list[Remark], list[str]]:
    """Shots and their copies after what was asked for, what a reader must know of it, and what was done.

    Parameters
    ----------
    copy : of the problem that each shot was read from (n_shots,)
    errors : to be unfolded, as `mitigated` takes them, copy by copy; None: they are not to be
    fraction : of the shots to be kept, those of lowest energy; None: all of them
    """
    remarks: dict[Remark, None] = {}
    done = []
    if errors is not None:
        redrawn, n = spins.copy(), spins.shape[1]
        for k in range(len(errors) // n if n else 0):
            if not (own := copy == k).any():
                continue
            redrawn[own], remark = mitigated(spins[own], errors[k * n : (k + 1) * n], rng)
            remarks[remark] = None
        done += ["readout_mitigation"] if any(remark.code == REDRAWN for remark in remarks) else []
        spins = redrawn
    if fraction is not None:
        kept, remark = post_selected(problem, spins, fraction)
        spins, copy = spins[kept], copy[kept]
        remarks[remark] = None
        done.append("post_selection")
    return spins, copy, list(remarks), done


def mitigated(
    spins: NDArray[np.int8], errors: list[tuple[float, float]], rng: np.random.Generator
) -> tuple[NDArray[np.int8], Remark]:
    """Shots redrawn from the distribution that readout errors, qubit by qubit, most likely made these from.

    Iterative Bayesian unfolding (Nachman, Urbanek, de Jong, Bauer 2020, npj Quantum Inf. 6, 84) within the
    configurations that were seen. It never gives negative probabilities, unlike an inverted matrix.

    Parameters
    ----------
    spins : (n_shots, n_spins)
    errors : P(1 | 0) and P(0 | 1) of every spin
    rng : draws the new shots

    Returns
    -------
    spins of the same shape, and what a reader must know
    """
    seen, counts = np.unique(spins, axis=0, return_counts=True)
    if len(seen) > _LARGEST_SET:
        text = f"{len(seen)} distinct configurations are more than {_LARGEST_SET}"
        return spins, Remark("not-mitigated", f"readout mitigation was left out: {text}")
    transitions = np.ones((len(seen), len(seen)))  # measured, true
    for qubit, (up, down) in enumerate(errors):
        table = np.array([[1 - up, down], [up, 1 - down]])
        bits = (1 - seen[:, qubit]) // 2
        transitions *= table[bits[:, None], bits[None, :]]
    transitions /= transitions.sum(axis=0)  # what leaves the set of seen ones is left out, as in M3
    measured = counts / counts.sum()
    truth = measured.copy()
    for _ in range(_STEPS):
        expected = transitions @ truth
        truth = truth * (transitions.T @ (measured / np.maximum(expected, 1e-300)))
        truth /= truth.sum()
    chosen = rng.choice(len(seen), size=len(spins), p=truth)
    return seen[chosen], Remark(
        REDRAWN,
        "readout errors were unfolded and shots redrawn from the result: replicas may repeat one another, "
        "and error bars that take them for independent are too small",
    )


def kept_shots(fraction: float, n_shots: int) -> int:
    """How many of the shots a post-selection keeps: at least one."""
    return max(1, round(fraction * n_shots))


def post_selected(
    problem: IsingProblem, spins: NDArray[np.int8], fraction: float
) -> tuple[NDArray[np.intp], Remark]:
    """Which shots have the lowest energies, a fraction of them, in the order in which they were taken."""
    n_kept = kept_shots(fraction, len(spins))
    kept = np.sort(np.argsort(problem.energies(spins), kind="stable")[:n_kept])
    return kept, Remark(
        "shots-selected",
        f"post-selection kept the {n_kept} of {len(spins)} shots of lowest energy: they are no samples of "
        "the circuit",
    )
