"""Wrong readings: how often a qubit is read wrongly, and means from which that is taken out.

Strong fields hold every qubit up in one programming and down in another; what is read against them is taken
for wrong reading, so that rare excitations count as such too. Reads themselves stay as they were read: for
many qubits nobody can say which read was wrong. What can be had are means: a spin that is read wrongly with
known rates, independently of the others, has the mean kappa <s> + mu, and products follow from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.annealer.embeddings.layout import Layout

__all__ = ["Flips", "Unfolded", "flips_of", "of_chains", "unfolded"]

_LEAST_KAPPA = 0.05  # below it a spin is read almost at random, and nothing can be said of it
_SURE = 4.0  # standard errors by which kappa must lie above that: no rates within their errors undo it
_DRAWS = 64  # of rates within their errors, to see what these do to the means


@dataclass(frozen=True)
class Flips:
    """How often each of several spins or qubits is read wrongly.

    Parameters
    ----------
    down, up : P(-1 | +1) and P(+1 | -1), (n,)
    n_reads : behind each of the two
    """

    down: NDArray[np.float64]
    up: NDArray[np.float64]
    n_reads: int

    @property
    def kappa(self) -> NDArray[np.float64]:
        return 1.0 - self.down - self.up

    @property
    def tells(self) -> NDArray[np.bool_]:
        """Whether a reading says anything of the spin, for sure (n,)."""
        smoothed = ((rate * self.n_reads + 0.5) / (self.n_reads + 1) for rate in (self.down, self.up))
        variance = sum(rate * (1 - rate) for rate in smoothed) / (self.n_reads + 1)
        return np.asarray(self.kappa > _LEAST_KAPPA + _SURE * np.sqrt(variance))

    @property
    def mu(self) -> NDArray[np.float64]:
        return self.up - self.down

    def drawn(self, rng: np.random.Generator) -> Flips:
        """Rates that the same calibration might have given."""
        down, up = (
            rng.beta(rate * self.n_reads + 0.5, (1 - rate) * self.n_reads + 0.5)
            for rate in (self.down, self.up)
        )
        return Flips(down, up, self.n_reads)

    def to_json(self) -> dict[str, object]:
        """Means over the qubits with their standard errors, and the largest rates."""
        n = max(1, self.n_reads * len(self.down))

        def told(rates: NDArray[np.float64]) -> dict[str, float]:
            mean = float(rates.mean())
            return {
                "mean": mean,
                "error": float(np.sqrt(mean * (1 - mean) / n)),
                "largest": float(rates.max()),
            }

        return {"p_down_given_up": told(self.down), "p_up_given_down": told(self.up), "n_reads": self.n_reads}


def flips_of(held: NDArray[np.int8], reads: list[NDArray[np.int8]]) -> Flips:
    """Rates of qubits (n_used,).

    Parameters
    ----------
    held : the direction in which the first programming held each qubit; the second one held it in the other
    reads : of the two programmings (n_reads, n_used)
    """
    wrong = [(read != pattern).mean(axis=0) for pattern, read in zip((held, -held), reads, strict=True)]
    down = np.where(held > 0, wrong[0], wrong[1])
    up = np.where(held > 0, wrong[1], wrong[0])
    return Flips(down, up, len(reads[0]))


def of_chains(flips: Flips, layout: Layout, n_spins: int) -> Flips:
    """Rates of spins from those of their qubits: the majority of an intact chain, a tie by a fair coin."""
    down, up = np.empty(n_spins), np.empty(n_spins)
    for spin in range(n_spins):
        chain = layout.spin_of == spin
        down[spin], up[spin] = (_majority(rates[chain]) for rates in (flips.down, flips.up))
    return Flips(down, up, flips.n_reads)


def _majority(rates: NDArray[np.float64]) -> float:
    """Probability that most of several independent readings are wrong, half of it for a tie."""
    wrong = np.ones(1)
    for rate in rates:
        wrong = np.convolve(wrong, [1 - rate, rate])
    n = len(rates)
    tie = 0.5 * float(wrong[n // 2]) if n % 2 == 0 else 0.0
    return float(wrong[n // 2 + 1 :].sum()) + tie


@dataclass(frozen=True)
class Unfolded:
    """Means of a problem at one scale, wrong readings taken out, with standard errors.

    Errors come from how reads scatter and from the errors of the rates. Values and errors are NaN where a
    spin is read at random, see `Flips.tells`.

    Parameters
    ----------
    magnetisation : (2, n_spins): value and error
    correlation : (2, n_edges), of the two ends of each edge
    energy : (2,), with the offset of the problem
    """

    magnetisation: NDArray[np.float64]
    correlation: NDArray[np.float64]
    energy: NDArray[np.float64]


def unfolded(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    gauge: NDArray[np.int64],
    gauges: NDArray[np.int8],
    place: NDArray[np.int64],
    flips: list[Flips],
    rng: np.random.Generator,
) -> Unfolded:
    """Means of reads as they would be without wrong readings.

    Parameters
    ----------
    spins : (n_reads, n_spins), in the variables of the problem
    gauge : index of the gauge of each read
    gauges : (n_gauges, n_spins); rates are those of the device, so they turn round with it
    place : of each read, the place on the device where its spins were
    flips : of the spins of the device, for each place
    rng : draws rates, to see what their errors do
    """
    labels = np.stack([gauge, place])
    parts = [
        (spins[(labels == part[:, None]).all(axis=0)].astype(np.float64), gauges[part[0]], int(part[1]))
        for part in np.unique(labels, axis=1).T
    ]
    shares = np.array([len(values) for values, _, _ in parts]) / len(spins)
    i, j = problem.edges.i, problem.edges.j
    raw = [(values.mean(axis=0), (values[:, i] * values[:, j]).mean(axis=0)) for values, _, _ in parts]

    def means(rates: list[Flips]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        each = [
            _without(m, c, sign, rates[at], known[at], problem)
            for (m, c), (_, sign, at) in zip(raw, parts, strict=True)
        ]
        magnetisation, correlation = (shares @ np.array([row[q] for row in each]) for q in (0, 1))
        return magnetisation, correlation, np.array([_energy(problem, magnetisation, correlation)])

    known = [own.tells for own in flips]
    best = means(flips)
    drawn = [means([own.drawn(rng) for own in flips]) for _ in range(_DRAWS)]
    scatter = _errors_of_reads(problem, parts, flips)
    both = [
        np.stack([value, np.hypot(error, np.std([draw[q] for draw in drawn], axis=0, ddof=1))])
        for q, (value, error) in enumerate(zip(best, scatter, strict=True))
    ]
    return Unfolded(both[0], both[1], both[2][:, 0])


def _without(
    magnetisation: NDArray[np.float64],
    correlation: NDArray[np.float64],
    sign: NDArray[np.int8],
    flips: Flips,
    known: NDArray[np.bool_],
    problem: IsingProblem,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (..., n_spins) and correlations (..., n_edges) in the variables of the problem, in a gauge; NaN
    of spins that are not `known`.

    They are linear in what was read, so single reads may stand in the place of means.
    """
    kappa, mu = np.where(known, flips.kappa, np.nan), flips.mu * sign
    i, j = problem.edges.i, problem.edges.j
    true = (magnetisation - mu) / kappa
    rest = kappa[i] * mu[j] * true[..., i] + kappa[j] * mu[i] * true[..., j] + mu[i] * mu[j]
    return true, (correlation - rest) / (kappa[i] * kappa[j])


def _energy(problem: IsingProblem, magnetisation: NDArray[Any], correlation: NDArray[Any]) -> Any:
    fields = problem.fields
    used = fields != 0  # of what does not count, nothing need be known
    return problem.offset + magnetisation[..., used] @ fields[used] + correlation @ problem.edges.couplings


def _errors_of_reads(
    problem: IsingProblem,
    parts: list[tuple[NDArray[np.float64], NDArray[np.int8], int]],
    flips: list[Flips],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Standard errors of the means from independent reads: means of single reads, unfolded one by one."""
    i, j = problem.edges.i, problem.edges.j
    squares: list[NDArray[np.float64]] = [np.zeros(problem.n_spins), np.zeros(len(i)), np.zeros(1)]
    n_reads = sum(len(values) for values, _, _ in parts)
    for values, sign, at in parts:
        pairs = values[:, i] * values[:, j]
        single, pairs = _without(values, pairs, sign, flips[at], flips[at].tells, problem)
        energies = _energy(problem, single, pairs)[:, None]
        for q, several in enumerate((single, pairs, energies)):
            squares[q] = squares[q] + ((several - several.mean(axis=0)) ** 2).sum(axis=0)
    errors = [np.sqrt(square / max(1, n_reads - len(parts)) / n_reads) for square in squares]
    return errors[0], errors[1], errors[2]
