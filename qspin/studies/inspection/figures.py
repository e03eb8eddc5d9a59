"""Figures of an inspection: curves and P(q) among their draws, spectra, numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from qspin import plot
from qspin.plot.canvas import small_multiples
from qspin.studies.inspection.draws import Against, Densities
from qspin.studies.inspection.numbers import Numbers, PieceNumbers
from qspin.studies.wording import at_temperature
from qspin.study import Figure
from qspin.theory import marchenko_pastur

__all__ = ["figures_of"]

_Panel = Callable[[Any], Any]


def figures_of(
    label: str, numbers: Numbers, found: Sequence[Against], densities: Sequence[Densities]
) -> Iterator[Figure]:
    """Mean |q| for each backend, P(q), spectra of full matrices, distributions of the pieces."""
    for k, backend in enumerate(dict.fromkeys(one.backend for one in found)):
        own = {one.label: one.dataset() for one in found if one.backend == backend}
        name = "mean_overlap" if k == 0 else f"mean_overlap_{k + 1}"
        yield Figure(name, _caption(label, backend), [_curves(label, own, numbers.unit)])
    if densities:
        yield Figure(
            "overlap_distribution",
            f"P(q) of {label} at {at_temperature(densities[0].temperature)} with one standard error, and "
            "of single draws of its controls; shaded is what these span.",
            [_densities(label, {one.label: one.dataset() for one in densities})],
            height=3.0,
        )
    if matrices := {one.piece.name: one for one in numbers.pieces if one.spectrum is not None}:
        yield _grid(
            "spectrum",
            "Spectra of the weights between layers, in units of the variance without outliers, beside "
            "the law of random matrices of that shape. Every mark is an eigenvalue.",
            {name: _spectrum(one) for name, one in matrices.items()},
        )
    yield _grid(
        "numbers",
        "The numbers of the model, in units of its energy, beside the uniform distribution that they "
        "were drawn from where that is known.",
        {one.piece.name: _numbers(one) for one in numbers.pieces},
    )


def _caption(label: str, backend: str) -> str:
    return (
        f"Mean |q| over pairs of replicas of {label} with {backend}, against the temperature in units of the "
        "critical one of its architecture; bars are one standard error over replicas. Thin lines are single "
        "draws of its controls; shaded is what they span."
    )


def _curves(label: str, found: Mapping[str, xr.Dataset], unit: float) -> _Panel:
    def draw(ax: Any) -> None:
        plot.among_draws(
            found, "q_abs", "temperature", ax, label=label, unit=unit or 1.0, is_logarithmic=True
        )
        ax.set(xlabel=r"$T / T_c$", ylabel=r"mean $|q_{ab}|$", ylim=(0, 1.02))

    return draw


def _densities(label: str, found: Mapping[str, xr.Dataset]) -> _Panel:
    def draw(ax: Any) -> None:
        plot.among_draws(found, "density", "q", ax, label=label)
        ax.set(xlabel=r"overlap $q$", ylabel=r"$P(q)$", xlim=(-1.02, 1.02))
        ax.set_ylim(bottom=0)

    return draw


def _spectrum(one: PieceNumbers) -> _Panel:
    spectrum = one.spectrum
    assert spectrum is not None  # those alone are drawn
    law, n_bins = marchenko_pastur(spectrum.ratio), min(max(8, len(spectrum.eigenvalues)), 40)
    return lambda ax: plot.spectrum(spectrum.eigenvalues, law, ax, n_bins=n_bins)


def _numbers(one: PieceNumbers) -> _Panel:
    width = None if one.initial is None else one.initial.high
    return lambda ax: plot.numbers_beside(one.piece.values, ax, half_width=width, label="value")


def _grid(name: str, caption: str, panels: Mapping[str, _Panel]) -> Figure:
    figure = small_multiples(name, caption, panels, n_columns=3, height=2.6)
    return replace(figure, shares_axes=False)
