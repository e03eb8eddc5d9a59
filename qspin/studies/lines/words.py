"""How far measured curves lie from their lines, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from qspin.significance import STANDARD_ERRORS
from qspin.studies.lines.beside import DEVIATION, THEORY
from qspin.studies.series import Series
from qspin.studies.wording import with_error
from qspin.study import Finding

__all__ = ["lines_told"]


def lines_told(series: Sequence[Series], label: str) -> Iterator[Finding]:
    """A sentence for each variable with a line, on each series.

    Parameters
    ----------
    label : of the measure
    """
    for one in series:
        measured = one.results.get(label)
        for key in [] if measured is None else list(measured.data_vars):
            if str(key).startswith(DEVIATION) and measured is not None:
                text = _told(measured, str(key).removeprefix(DEVIATION), one.label)
                if text:
                    yield Finding(text, 0.45)


def _told(measured: xr.Dataset, name: str, label: str) -> str:
    distance = np.abs(measured[f"{DEVIATION}{name}"].values)
    known = np.flatnonzero(np.isfinite(distance))
    if not known.size:
        return ""
    heading = name.replace("_", " ")
    k = int(known[distance[known].argmax()])
    largest = float(distance[k])
    where = "the one temperature" if known.size == 1 else f"all {known.size} temperatures"
    if largest <= STANDARD_ERRORS:
        return (
            f"{heading} of {label} follows theory within {largest:.1f} standard errors at {where} with an "
            "error."
        )
    over = int((distance[known] > STANDARD_ERRORS).sum())
    value = with_error(float(measured[name].values[k]), float(measured[f"{name}_error"].values[k]))
    temperature = float(measured["temperature"].values[k]) if "temperature" in measured.coords else np.nan
    line = float(measured[f"{THEORY}{name}"].values[k])
    return (
        f"{heading} of {label} is more than {STANDARD_ERRORS:g} standard errors off theory at {over} of "
        f"{known.size} temperatures, most at T = {temperature:.4g}: {value} measured, {line:.5g} by theory, "
        f"{largest:.3g} standard errors. Theory is of infinitely many spins in equilibrium."
    )
