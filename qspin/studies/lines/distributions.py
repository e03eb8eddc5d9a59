"""P(q) of the kinds of problems that qspin brings, of infinitely many spins; see
`qspin.source.Source.predicted_overlaps`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin import theory
from qspin.remarks import Level, Remark, stored

__all__ = ["sherrington_kirkpatrick"]

Floats = NDArray[np.float64]

_STEPS = 6  # of replica symmetry breaking: q(1) is within 0.002 of that of ten, in a third of the time
_BINS = 101  # of which one is around 0


def sherrington_kirkpatrick(source: Any, betas: Floats) -> xr.Dataset | None:
    """Parisi's, and the overlap of the replica-symmetric solution (`qspin.theory.parisi`)."""
    return _parisi(tuple(betas.tolist()))


@functools.lru_cache(maxsize=16)  # every size and backend asks
def _parisi(betas: tuple[float, ...]) -> xr.Dataset:
    temperatures = [1 / beta for beta in betas]
    found = theory.parisi(temperatures, steps=_STEPS, bins=_BINS)
    symmetric = theory.sk(temperatures, steps=0)["q_abs"].values
    variables = {"density": (("beta", "q"), found["density"].values), "q_symmetric": ("beta", symmetric)}
    coords = {"beta": list(betas), "q": found["q"].values}
    return xr.Dataset(variables, coords, {"remarks": stored([_peaks(found)])})


def _peaks(found: xr.Dataset) -> Remark:
    cold = found.isel(beta=found["q_ea"].values > 0)
    columns = (cold[name].values for name in ("q_ea", "weight", "temperature"))
    peaks = [f"of weight {w:.2g} at |q| = {q:.3g} (T = {t:.3g})" for q, w, t in zip(*columns, strict=True)]
    text = (
        "P(q) is Parisi's, an average over instances, from which that of one instance differs whatever its "
        f"size; it ends in peaks {', '.join(peaks) or 'at q = 0 from T = 1 on'}, which leave the figure"
    )
    return Remark("averaged-over-instances", text, Level.NOTE)
