"""What couplings tell alone: spectra, critical temperatures, distributions, of a model and its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from qspin.analysis import holm
from qspin.networks.inspection import (
    Piece,
    Spectrum,
    UniformTest,
    against_fitted_uniform,
    against_uniform,
    formula_temperature,
    pieces_of,
    spectrum_of,
    tap_temperature,
)
from qspin.networks.inspection.temperatures import largest_eigenvalue_of
from qspin.problem import IsingProblem
from qspin.studies.inspection.draws import student_p_value

__all__ = ["Numbers", "PieceNumbers", "numbers_of"]

Floats = NDArray[np.float64]

_FEWEST = 20  # numbers of a piece, below which its distribution is not tested
_MOST_FOR_DRAWS = 400  # spins up to which TAP is asked of every draw


class PieceNumbers(NamedTuple):
    """One piece of the couplings, or the fields.

    Parameters
    ----------
    spectrum : of a full matrix, else None
    top : largest eigenvalue, of the matrix as `Spectrum` has it in units of the mean square of its entries;
        of couplings that are no matrix between layers the largest size of one of J, in units of their root
        mean square; NaN of fields
    shuffled : the same of the shuffles (n_draws,)
    p_shuffled : of the one among the others, by Student
    fitted, initial : tests against uniform distributions, None where there is none to test
    """

    piece: Piece
    spectrum: Spectrum | None
    top: float
    shuffled: Floats
    p_shuffled: float
    fitted: UniformTest | None
    initial: UniformTest | None


@dataclass(frozen=True)
class Numbers:
    """All of a model.

    Parameters
    ----------
    unit : critical temperature, by the formula, of the architecture as it is initialised: the mean of the
        re-initialised draws, or of the model where there are none
    formula, tap : critical temperatures of the model, see `qspin.networks.inspection`
    tap_shuffled : of the shuffles (n_draws,), none where that takes too long
    is_initial_known : whether there are re-initialised draws
    """

    problem: IsingProblem
    pieces: Sequence[PieceNumbers]
    unit: float
    formula: float
    tap: float
    tap_shuffled: Floats = field(default_factory=lambda: np.zeros(0))
    is_initial_known: bool = True

    @property
    def groups(self) -> Mapping[str, int]:
        """Spins of each group."""
        known = self.problem.known
        groups = None if known is None else known.groups
        return {} if groups is None else {name: len(spins) for name, spins in groups.items()}

    def spectra(self) -> xr.Dataset:
        """Eigenvalues of the full matrices over ``piece``; shorter ones end in NaN."""
        own = [one for one in self.pieces if one.spectrum is not None]
        longest = max((len(one.spectrum.eigenvalues) for one in own if one.spectrum), default=0)
        values = np.full((len(own), longest), np.nan)
        for row, one in zip(values, own, strict=True):
            if one.spectrum is not None:
                row[: len(one.spectrum.eigenvalues)] = one.spectrum.eigenvalues
        return xr.Dataset(
            {"eigenvalue": (("piece", "rank"), values)},
            coords={"piece": [one.piece.name for one in own], "rank": np.arange(longest)},
        )


def numbers_of(
    problem: IsingProblem,
    shuffles: Sequence[IsingProblem],
    anew: Sequence[IsingProblem],
    initial: Mapping[str, float],
) -> Numbers:
    """Everything that needs no samples.

    Parameters
    ----------
    shuffles, anew : draws of the controls, any number of each
    initial : name of a piece -> half-width of the uniform distribution that it was drawn from
    """
    tops = [_tops(own) for own in shuffles]
    pieces = [_of_piece(problem, piece, tops, initial) for piece in pieces_of(problem)]
    formula = formula_temperature(problem)
    temperatures = [formula_temperature(own) for own in anew]
    several = shuffles if problem.n_spins <= _MOST_FOR_DRAWS else ()
    return Numbers(
        problem,
        pieces,
        float(np.mean(temperatures)) if temperatures else formula,
        formula,
        tap_temperature(problem),
        np.array([tap_temperature(own) for own in several]),
        bool(temperatures),
    )


def _of_piece(
    problem: IsingProblem, piece: Piece, tops: Sequence[Mapping[str, float]], initial: Mapping[str, float]
) -> PieceNumbers:
    top = _top(problem, piece)
    shuffled = np.array([own[piece.name] for own in tops if piece.name in own])
    p_shuffled = float(student_p_value(np.array(top), np.zeros(()), shuffled)) if len(shuffled) else np.nan
    is_enough = len(piece.values) >= _FEWEST and bool(np.ptp(piece.values))
    width = initial.get(piece.name)
    return PieceNumbers(
        piece,
        None if piece.matrix is None or min(piece.matrix.shape) < 2 else spectrum_of(piece.matrix),
        top,
        shuffled,
        p_shuffled,
        against_fitted_uniform(piece.values) if is_enough else None,
        against_uniform(piece.values, width) if is_enough and width is not None else None,
    )


def _tops(problem: IsingProblem) -> dict[str, float]:
    return {piece.name: _top(problem, piece) for piece in pieces_of(problem)}


def _top(problem: IsingProblem, piece: Piece) -> float:
    """See `PieceNumbers`."""
    size = float(np.sqrt(np.mean(piece.values**2)))
    if piece.name == "fields" or not size:
        return float("nan")
    if piece.matrix is not None:
        largest = float(np.linalg.norm(piece.matrix, 2)) / size
        return largest**2 / max(piece.matrix.shape)
    couplings = sparse.csr_array(problem.couplings)
    return max(largest_eigenvalue_of(couplings), largest_eigenvalue_of(-couplings)) / size


def corrected(p_values: Sequence[float]) -> list[float]:
    """By Holm, those that are not known left out."""
    known = iter(holm([p for p in p_values if np.isfinite(p)]))
    return [next(known) if np.isfinite(p) else float("nan") for p in p_values]
