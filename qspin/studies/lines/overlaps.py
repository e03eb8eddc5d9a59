"""Measured P(q) with that of a theory beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from qspin import plot
from qspin.errors import QspinError
from qspin.source import Source
from qspin.studies.lines.names import REMARKS, THEORY
from qspin.studies.lines.sources import source_at
from qspin.studies.series import Series
from qspin.study import Results

__all__ = ["DENSITY", "SYMMETRIC", "beside_overlaps", "with_density"]

DENSITY = f"{THEORY}density"
"""Variable over (``beta``, ``theory_q``) with the density of a theory in bins of its own; NaN at temperatures
that nobody looks at."""

SYMMETRIC = f"{THEORY}q_symmetric"
"""Variable over ``beta`` with the overlap of replicas by a replica-symmetric theory."""


def beside_overlaps(
    results: Results, series: Sequence[Series], label: str, betas: Collection[float]
) -> list[Series]:
    """The same series; P(q) has that of theory beside it where the kind of the problem names one.

    Parameters
    ----------
    label : of the measure
    betas : inverse temperatures at which it is shown; theory is asked at these alone
    """
    return [_beside(results, one, label, betas) for one in series]


def _beside(results: Results, one: Series, label: str, betas: Collection[float]) -> Series:
    measured, source = one.results.get(label), results.asked.problems[one.problem].source
    if measured is None or not source.names_theory():
        return one
    try:
        drawn = with_density(measured, source_at(source, one.at), betas)
    except QspinError:
        return one  # where the formulas do not reach there is no line
    return replace(one, results={**one.results, label: drawn})


def with_density(measured: xr.Dataset, source: Source, betas: Collection[float]) -> xr.Dataset:
    """A distribution of overlaps with that of a theory at the rows next to some temperatures; as it is where
    there is none.

    Raises
    ------
    QspinError
        Where the formulas do not reach.
    """
    rows = {row for beta in betas if (row := plot.row_at(measured, beta)) is not None}
    temperatures = measured["temperature"].values
    known = [row for row in sorted(rows) if np.isfinite(temperatures[row]) and temperatures[row] > 0]
    if not known:
        return measured
    ascending = sorted(known, key=lambda row: -temperatures[row])
    found = source.predicted_overlaps(1 / temperatures[ascending])
    if found is None:
        return measured
    density = np.full((len(temperatures), found.sizes["q"]), np.nan)
    density[ascending] = found["density"].transpose("beta", "q").values
    over = f"{THEORY}q"
    added: dict[str, Any] = {DENSITY: (("beta", over), density)}
    if "q_symmetric" in found:
        overlaps = np.full(len(temperatures), np.nan)
        overlaps[ascending] = found["q_symmetric"].values
        added[SYMMETRIC] = ("beta", overlaps)
    own = measured.assign(added).assign_coords({over: found["q"].values})
    return own.assign_attrs({REMARKS: found.attrs.get("remarks", "[]")})
