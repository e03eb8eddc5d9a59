"""Copies of a problem side by side on a device, held against each other: which of them differ from the rest.

If copies are equally good, it is chance which of them gave a read: how many of its reads share a feature is
hypergeometric, whatever the distribution of the reads (Fisher's exact test). A feature is one bit of a read:
of rare events, such as broken chains, the test is no less exact than of common ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qspin.problem import IsingProblem
from qspin.sampler import BY_CHANCE, Remark

__all__ = ["Chance", "Feature", "chances", "features_of", "on_copies"]

Feature = tuple[str, NDArray[np.bool_]]
"""What is looked at, and in which reads it is so (n_reads,)."""

_ENERGIES = {"low energies": 0.25, "energies": 0.5, "high energies": 0.75}
_NAMED = 5  # copies that a remark names


class Chance(NamedTuple):
    """Of so uneven a share of a feature among the reads of one copy and of all others, two-sided."""

    p_value: float
    copy: int
    what: str


def features_of(
    problem: IsingProblem, spins: NDArray[np.int8], turned: NDArray[np.int8]
) -> Iterator[Feature]:
    """Energies above their quartiles, and how each spin points.

    Parameters
    ----------
    spins : in the variables of the problem (n_reads, n_spins)
    turned : as the device sees them, where a bias of a qubit shows (n_reads, n_spins)
    """
    energies = problem.energies(spins)
    for what, share in _ENERGIES.items():
        yield what, energies > np.quantile(energies, share, method="lower")
    for k in range(problem.n_spins):
        yield f"spin {problem.labels[k]!r}", turned[:, k] > 0


def chances(
    features: Iterable[Feature], copy: NDArray[np.int64], n_copies: int, where: str = ""
) -> list[Chance]:
    """Of every feature and copy.

    Parameters
    ----------
    features : of reads as they came from the device: what is redrawn or chosen is independent no more
    copy : that each read was taken from (n_reads,)
    where : said behind the name of a feature, such as ``at scale 0.5``
    """
    return [
        Chance(float(p), k, f"{what} {where}".rstrip())
        for what, bits in features
        for k, p in enumerate(_shares(bits, copy, n_copies))
    ]


def _shares(bits: NDArray[np.bool_], copy: NDArray[np.int64], n_copies: int) -> NDArray[np.float64]:
    sizes = np.bincount(copy, minlength=n_copies)
    counts = np.bincount(copy, weights=bits, minlength=n_copies).astype(np.int64)
    law = stats.hypergeom(len(bits), int(bits.sum()), sizes)
    return np.minimum(1.0, 2 * np.minimum(law.sf(counts - 1), law.cdf(counts)))


def on_copies(tests: Sequence[Chance], called: Sequence[str]) -> list[Remark]:
    """A remark on the copies that differ from all others by more than chance, if there are any.

    Parameters
    ----------
    tests : all that were made
    called : what copies are called in it, (n_copies,)
    """
    limit = BY_CHANCE / max(len(tests), 1)  # whichever of them it is
    worst: dict[int, str] = {}
    for p_value, copy, what in sorted(tests):
        if p_value < limit:
            worst.setdefault(copy, what)
    if not worst:
        return []
    named = ", ".join(f"{called[copy]} ({what})" for copy, what in list(worst.items())[:_NAMED])
    more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
    text = (
        f"of {len(called)} copies {len(worst)} differ from the others by more than chance: {named}{more}; "
        "the reads are a mixture, which the variable copy takes apart"
    )
    return [Remark("copies-differ", text)]
