"""Shims: small corrections of fields and couplers that make a device as symmetric as the problem is.

Where a problem looks the same with all spins turned round, spins have no magnetisation; what a device shows
is its own, and flux biases take it back. Couplers in one orbit have equal correlations; what differs is the
device's, and small changes of the couplings even it out (Chern et al. 2023, Front. Comput. Sci. 5, 1238988).

Steps are damped. The published procedure takes one rate for all qubits and a smaller one where spins move
together; here the covariance of the reads says which do: a step solves (C + `DAMPING`) x = rate m / beta, so
that what answers strongly to a field, such as a domain, is moved as carefully as a spin by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from qspin.problem import IsingProblem

__all__ = ["HEADROOM", "Round", "Shims", "measured", "stepped", "together"]

DAMPING = 0.25
"""Beside the covariance of the reads, so that what hardly answers is hardly moved."""

HEADROOM = 0.05
"""Share of the range of couplings that is kept free for corrections, and by how much these are bounded."""

_RATE = 2 / 3  # of what would be needed: devices that answer up to three times as strongly still settle
_FULL_STEPS = 4  # rounds at this rate; then it falls as one over the round, and noise averages out
_RESOLUTION = 1e-5  # of corrections, units of the device: finer than what it realises, coarser than rounding


@dataclass(frozen=True)
class Shims:
    """Corrections in the variables of the device, whatever the gauge, and in its units.

    Parameters
    ----------
    fields : (n_spins,) of a chain in all; a flux bias realises it
    couplings : (n_edges,) of all couplers of an edge together
    """

    fields: NDArray[np.float64]
    couplings: NDArray[np.float64]

    @classmethod
    def none(cls, problem: IsingProblem) -> Shims:
        return cls(np.zeros(problem.n_spins), np.zeros(len(problem.edges.i)))

    @property
    def sizes(self) -> dict[str, float]:
        """Root mean squares of the corrections, and the largest."""
        return {
            "field_rms": _rms(self.fields),
            "field_largest": float(np.abs(self.fields).max(initial=0.0)),
            "coupling_rms": _rms(self.couplings),
            "coupling_largest": float(np.abs(self.couplings).max(initial=0.0)),
        }


@dataclass(frozen=True)
class Round:
    """What one round of programmings has shown.

    Parameters
    ----------
    magnetisation : (n_spins,) in the variables of the device, averaged over a gauge and its opposite
    excess : (n_edges,) by how much a coupling is better obeyed than the others of its orbit
    spins, bonds : reads of both less their means (n_reads, n_spins), (n_reads, n_edges)
    noise : standard deviation of `excess` that finite reads explain
    spread_error : standard error of the root mean square of `excess`
    gauge : of the bonds (n_edges,): sign of a coupling of the device where that of the problem is +1
    favoured : sign of the product that each coupling favours (n_edges,)
    """

    magnetisation: NDArray[np.float64]
    excess: NDArray[np.float64]
    spins: NDArray[np.float64]
    bonds: NDArray[np.float64]
    noise: float
    spread_error: float
    gauge: NDArray[np.float64]
    favoured: NDArray[np.float64]

    @property
    def curves(self) -> dict[str, float]:
        """Standard deviation of magnetisations, spread of correlations in an orbit, each with its standard
        error from independent reads, and what of each finite reads explain.
        """
        return {
            "magnetisation_std": _rms(self.magnetisation),
            "magnetisation_std_error": _rms_error(self.magnetisation, self.spins),
            "magnetisation_noise": _rms(self.spins) / np.sqrt(len(self.spins)),
            "correlation_spread": _rms(self.excess),
            "correlation_spread_error": self.spread_error,
            "correlation_noise": self.noise,
        }


def measured(
    problem: IsingProblem,
    reads: list[NDArray[np.int8]],
    gauges: list[NDArray[np.int8]],
    orbits: NDArray[np.int64] | None,
) -> Round:
    """From reads (n_reads, n_spins) of each gauge, in the variables of the device.

    Parameters
    ----------
    gauges : one, or one and its opposite: whatever fields of the problem do, turns round between them. Of
        several others only the curves mean something
    orbits : of the couplings (n_edges,); None: they are not compared
    """
    edges = problem.edges
    values = [several.astype(np.float64) for several in reads]
    means = [several.mean(axis=0) for several in values]
    spins = np.concatenate([several - mean for several, mean in zip(values, means, strict=True)])
    turned = [gauge[edges.i].astype(np.float64) * gauge[edges.j] for gauge in gauges]
    favoured = -np.sign(edges.couplings)
    if orbits is None:
        bonds, excess, noise, error = np.zeros((len(spins), 0)), np.zeros(len(edges.i)), 0.0, 0.0
    else:
        bonds = np.concatenate(
            [
                several[:, edges.i] * several[:, edges.j] * sign
                for several, sign in zip(values, turned, strict=True)
            ]
        )
        apart = favoured * bonds
        apart -= _orbit_means(apart, orbits)
        excess = apart.mean(axis=0)
        noise, error = _rms(apart - excess) / np.sqrt(len(apart)), _rms_error(excess, apart - excess)
        bonds = (bonds - bonds.mean(axis=0)) * (np.bincount(orbits)[orbits] > 1)  # one alone tells nothing
    return Round(np.mean(means, axis=0), excess, spins, bonds, float(noise), error, turned[0], favoured)


def together(curves: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Curves of several placements as one: root mean squares, and their errors.

    Examples
    --------
    >>> found = together([{"m": 3.0, "m_error": 0.1}, {"m": 4.0, "m_error": 0.0}])
    >>> {name: round(value, 6) for name, value in found.items()}
    {'m': 3.535534, 'm_error': 0.042426}
    """
    found = {name: float(np.sqrt(np.mean([own[name] ** 2 for own in curves]))) for name in curves[0]}
    for name in found:
        if (value := name.removesuffix("_error")) != name and found[value]:
            spread = np.linalg.norm([own[value] * own[name] for own in curves])
            found[name] = float(spread) / len(curves) / found[value]
    return found


def stepped(
    shims: Shims, seen: Round, orbits: NDArray[np.int64] | None, beta: float, number: int, most: float
) -> Shims:
    """Shims after a round.

    Parameters
    ----------
    beta : inverse temperature of the device, 1/units of its couplings
    number : of the round, from 0
    most : that a coupling may be corrected by
    """
    rate = _RATE * min(1.0, _FULL_STEPS / (number + 1))
    fields = rate * _damped(seen.spins, seen.magnetisation) / beta
    fields = shims.fields + np.clip(fields, -1 / beta, 1 / beta)
    couplings = shims.couplings
    if orbits is not None:
        change = rate * _damped(seen.bonds, seen.favoured * seen.excess) / beta
        obeyed = seen.favoured * change
        change = seen.favoured * (obeyed - _orbit_means(obeyed, orbits))  # the scale of an orbit stays
        couplings = np.clip(couplings + seen.gauge * change, -most, most)
    return Shims(_rounded(fields), _rounded(couplings))


def _damped(deviations: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solution of (C + `DAMPING`) x = asked, with the covariance C of deviations (n_reads, n)."""
    n_reads, n = deviations.shape
    if n <= n_reads:
        matrix = deviations.T @ deviations / n_reads
        return np.asarray(np.linalg.solve(matrix + DAMPING * np.eye(n), asked))
    matrix = deviations @ deviations.T + n_reads * DAMPING * np.eye(n_reads)  # the same, in fewer dimensions
    return np.asarray((asked - deviations.T @ np.linalg.solve(matrix, deviations @ asked)) / DAMPING)


def _orbit_means(values: NDArray[np.float64], orbits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each coupling the mean over its orbit, in values (..., n_edges)."""
    n = len(orbits)
    member = csr_array((np.ones(n), (np.arange(n), orbits)), shape=(n, int(orbits.max(initial=-1)) + 1))
    return np.asarray((values @ member / np.bincount(orbits))[..., orbits])


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(values / _RESOLUTION) * _RESOLUTION


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt((values**2).mean())) if values.size else 0.0


def _rms_error(means: NDArray[np.float64], deviations: NDArray[np.float64]) -> float:
    """Standard error of the root mean square of means (n,), from those of reads (n_reads, n) from them: to
    first order, which is too much by the square root of two where the means are noise alone.
    """
    rms, n_reads = _rms(means), len(deviations)
    if not rms or n_reads < 2:
        return 0.0
    each = deviations @ means / (means.size * rms)
    return float(np.sqrt((each**2).sum() / (n_reads - 1) / n_reads))
