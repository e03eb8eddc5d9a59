"""Are two sets of configurations samples of the same ensemble? Permutation tests, calibrated by construction.

Each view of the configurations is a kernel, and the distance of two samples is their maximum mean discrepancy
under it (Gretton et al. 2012, J. Mach. Learn. Res. 13, 723). Energies are compared by the energy distance
(Szekely, Rizzo 2013), which is one too. Kernels of high rank are seen through landmarks, configurations that
are drawn from both sides alike (Nystrom's method; Chatalic et al. 2022). Under the hypothesis the
configurations could have been dealt to the two sides in any other way, so the p-value is the share of random
deals that lie at least as far apart. The p-value of all views together is that of the smallest one (Westfall,
Young 1993), and among equal ones that of the largest distance in standard deviations of all deals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from qspin.arguments import checked_arguments
from qspin.errors import InputError

__all__ = ["VIEWS", "EnsembleTest", "same_ensemble"]

VIEWS = ("energy", "magnetisations", "correlations", "configurations")

_LANDMARKS = 256
_ROUNDING = 1e-6  # of the trace of a kernel, which single precision leaves as noise
_AT_ONCE = 500  # deals
_ALIKE = 8 * float(np.finfo(np.float32).eps)  # share of a feature that is rounding


@dataclass(frozen=True)
class EnsembleTest:
    """What a permutation test found.

    Parameters
    ----------
    p_values : by view: ``energy`` (their distribution), ``magnetisations`` (means of single spins),
        ``correlations`` (means of pairs of spins), ``configurations`` (everything, by their distances)
    p_value : of all views together; where no deal lies as far apart, 1 / (n_permutations + 1) or, if it is
        smaller, a bound of what all deals would give
    distances : squared distance by view, in units of the view
    n_first, n_second : configurations on each side
    n_permutations : that were drawn
    """

    p_values: Mapping[str, float]
    p_value: float
    distances: Mapping[str, float]
    n_first: int
    n_second: int
    n_permutations: int

    def rejects(self, level: float = 0.05) -> bool:
        """Whether "the same ensemble" is rejected at a level."""
        return self.p_value <= level

    @property
    def telling(self) -> str:
        """The view that speaks loudest against the same ensemble."""
        return min(self.p_values, key=self.p_values.__getitem__)


@checked_arguments
def same_ensemble(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    first_energies: NDArray[np.float64],
    second_energies: NDArray[np.float64],
    *,
    n_permutations: int = 999,
    finest: float | None = None,
    seed: int = 0,
) -> EnsembleTest:
    """Test whether two sets of independent configurations come from one distribution.

    Not a measure of its own: `compare` finds configurations at one temperature and tests them.

    Parameters
    ----------
    first, second : (n, n_spins), independent within each set and between them
    first_energies, second_energies : (n,)
    n_permutations : random deals; the smallest p-value that they can give is 1 / (n_permutations + 1)
    finest : where none of these lies as far apart and a bound does not settle it, so many deals are drawn
        that the smallest possible p-value is at most this: for tests that are corrected for their number
    seed : of the deals

    Raises
    ------
    InputError
        If a side has fewer than two configurations, or they have different numbers of spins.
    """
    if min(len(first), len(second)) < 2 or first.shape[1] != second.shape[1]:
        raise InputError(
            "a test needs two or more configurations of the same spins on each side; got "
            f"{first.shape} and {second.shape}"
        )
    rng = np.random.default_rng(seed)
    sides = len(first), len(second)
    views = _Views(np.concatenate([first, second]), np.concatenate([first_energies, second_energies]), rng)
    distances = np.concatenate([views.distances(_real(*sides)), _dealt(views, *sides, n_permutations, rng)])
    ranked, p_value = _p_values(distances)
    if len(distances) * p_value < 1.5:  # no deal lies as far apart: these cannot tell more
        bound = views.bound(distances[0], *sides)
        p_value = min(p_value, bound)
        if finest is not None and p_value > finest:
            more = max(int(np.ceil(1 / finest)) - len(distances), 0)
            distances = np.concatenate([distances, _dealt(views, *sides, more, rng)])
            ranked, refined = _p_values(distances)
            p_value = min(refined, bound)
    return EnsembleTest(
        p_values=dict(zip(VIEWS, map(float, ranked), strict=True)),
        p_value=p_value,
        distances=dict(zip(VIEWS, map(float, distances[0]), strict=True)),
        n_first=sides[0],
        n_second=sides[1],
        n_permutations=len(distances) - 1,
    )


class _Views:
    """Features of pooled configurations; the distance of two sides is the square of their mean difference.

    Parameters
    ----------
    spins, energies : of both sides together (n, n_spins), (n,)
    rng : chooses the landmarks, whichever side they come from
    """

    def __init__(self, spins: NDArray[np.int8], energies: NDArray[np.float64], rng: np.random.Generator):
        self.order = np.argsort(energies)
        scale = float(np.abs(energies - np.median(energies)).mean()) or 1.0
        self.gaps = (2 * np.diff(energies[self.order]) / scale).astype(np.float32)
        columns = [_centred(f) for f in _features(spins.astype(np.float32), rng)]
        self.matrix = np.concatenate(columns, axis=1)
        self.starts = np.cumsum([0, *(f.shape[1] for f in columns[:-1])])
        self.largest = np.array([float((f**2).sum(axis=1).max(initial=0.0)) for f in columns])

    def distances(self, deals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Squared distances of the two sides in deals (n_deals, n), by view (n_deals, 4)."""
        steps = np.cumsum(deals[:, self.order[:-1]], axis=1)
        squares = (deals @ self.matrix) ** 2
        others = np.add.reduceat(squares, self.starts, axis=1)
        return np.column_stack([steps**2 @ self.gaps, others]).astype(np.float64)

    def bound(self, distances: NDArray[np.float64], n_first: int, n_second: int) -> float:
        """What the p-value of all deals is at most.

        The difference of the sides is a sum over the smaller one of centred features, drawn without putting
        back. Its length exceeds r with probability 2 exp(-r^2 / (2 n M^2)) at most, M the longest feature
        (Pinelis 1994, Ann. Probab. 22, 1679, theorem 3.5; Hoeffding 1963, theorem 4, for drawing without
        putting back), in each view. Energies have no such limit and are left out.
        """
        lengths = distances[1:] / (1 / n_first + 1 / n_second) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            exponents = np.nan_to_num(lengths / (2 * min(n_first, n_second) * self.largest), posinf=0.0)
        return float(min(1.0, len(VIEWS) * 2 * np.exp(-exponents.max())))


def _features(spins: NDArray[np.float32], rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Of single spins, of pairs of spins and of whole configurations, (n, n_features) each."""
    n, n_spins = spins.shape
    yield spins / np.sqrt(max(n_spins, 1))
    landmarks = spins[rng.permutation(n)[:_LANDMARKS]]
    near, among = (x @ landmarks.T / max(n_spins, 1) for x in (spins, landmarks))
    if n_spins * (n_spins - 1) // 2 <= _LANDMARKS:
        i, j = np.triu_indices(n_spins, 1)
        yield spins[:, i] * spins[:, j] * (np.sqrt(2) / max(n_spins, 1))
    else:
        yield _through_landmarks(near**2, among**2)
    middle = float(np.median(1 - near)) or 1.0
    yield _through_landmarks(np.exp((near - 1) / middle), np.exp((among - 1) / middle))


def _through_landmarks(near: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features whose products are a kernel, from its values near (n, landmark) and among the landmarks."""
    ridge = _ROUNDING * max(float(np.trace(among)), 1e-30) * np.eye(len(among))  # of equal landmarks
    factor = np.linalg.cholesky(among.astype(np.float64) + ridge)
    return linalg.solve_triangular(factor, near.T, lower=True).T.astype(np.float32)


def _centred(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features (n, n_features) less their means; those that are all alike but for rounding tell nothing."""
    if not features.shape[1]:
        return np.zeros((len(features), 1), dtype=np.float32)
    alike = np.ptp(features, axis=0) <= _ALIKE * np.abs(features).max(axis=0)
    return np.where(alike, 0.0, features - features.mean(axis=0, dtype=np.float64)).astype(np.float32)


def _real(n_first: int, n_second: int) -> NDArray[np.float32]:
    """The deal (1, configuration) that was sampled: 1/n on one side, -1/n on the other."""
    return np.r_[np.full(n_first, 1 / n_first), np.full(n_second, -1 / n_second)].astype(np.float32)[None]


def _dealt(
    views: _Views, n_first: int, n_second: int, n_deals: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Distances (n_deals, view) of random deals."""
    n, found = n_first + n_second, [np.empty((0, len(VIEWS)))]
    for start in range(0, n_deals, _AT_ONCE):
        size = min(_AT_ONCE, n_deals - start)
        chosen = np.argpartition(rng.random((size, n)), n_first - 1, axis=1)[:, :n_first]
        deals = np.full((size, n), -1 / n_second, dtype=np.float32)
        np.put_along_axis(deals, chosen, np.float32(1 / n_first), axis=1)
        found.append(views.distances(deals))
    return np.concatenate(found)


def _p_values(distances: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Of each view, and of all together, from the distances (deal, view), the real deal first."""
    ranked = np.stack([_shares(column) for column in distances.T])
    smallest = ranked.min(axis=0)
    # each view puts one deal farthest: of equal ranks, the one that stands out most comes first
    spread = distances.std(axis=0)
    outstanding = ((distances - distances.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).max(axis=1)
    close = smallest <= smallest[0] + 1e-12
    farther = (smallest < smallest[0] - 1e-12) | (outstanding >= outstanding[0] - 1e-6 * abs(outstanding[0]))
    return ranked[:, 0], float((close & farther).mean())


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of deals at least as far apart as each of them; equal up to rounding counts."""
    tolerance = 1e-6 * float(np.abs(values).max())
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, values - tolerance, side="left") / len(values)
