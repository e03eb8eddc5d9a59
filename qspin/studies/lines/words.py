"""How far measured curves lie from their lines, in words and columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from qspin.significance import STANDARD_ERRORS
from qspin.studies.lines.beside import line_remarks
from qspin.studies.lines.marks import names_told
from qspin.studies.lines.names import DEVIATION, THEORY, measured_name
from qspin.studies.series import Series
from qspin.studies.wording import with_error
from qspin.study import Column, Finding

__all__ = ["line_columns", "lines_told", "remarks_told"]

_WEIGHT = 0.45
_MOST_TOLD = 6  # series one by one
_INFINITE = (
    "Theory is of infinitely many spins in equilibrium, off which fewer may lie however well they are "
    "sampled."
)


def line_columns(name: str, heading: str) -> Iterator[Column]:
    """What theory says of a variable, and how far the measured value lies from it."""
    yield Column(f"{THEORY}{name}", f"{heading} by theory")
    yield Column(f"{DEVIATION}{name}", "off by standard errors")


class _Distance(NamedTuple):
    """Of one variable of one series from its line, in standard errors.

    Parameters
    ----------
    line : name of the variable, with that of a state where it is the line of another one
    k : the temperature where it is largest
    n_over, n_known : temperatures beyond `STANDARD_ERRORS`, and all with an error
    """

    series: str
    line: str
    measured: xr.Dataset
    k: int
    largest: float
    n_over: int
    n_known: int

    @property
    def name(self) -> str:
        return measured_name(self.line)

    @property
    def heading(self) -> str:
        return self.name.replace("_", " ")

    @property
    def theory(self) -> str:
        """With the state that it is of, where it has several."""
        state = self.measured[f"{THEORY}{self.line}"].attrs.get("state", "")
        return f"theory ({state})" if state else "theory"


def lines_told(
    series: Sequence[Series], label: str, names: Collection[str] | None = None
) -> Iterator[Finding]:
    """A sentence for each variable with a line, on each series, or on all where they are many; and what is to
    be known of the theory.

    Parameters
    ----------
    label : of the measure
    names : of variables; default all that have a line
    """
    results = [(one.label, one.results[label]) for one in series if label in one.results]
    found = [
        distance
        for name, measured in results
        for key in measured.data_vars
        if str(key).startswith(DEVIATION)
        and (names is None or measured_name(str(key).removeprefix(DEVIATION)) in names)
        and (distance := _distance(measured, str(key).removeprefix(DEVIATION), name)) is not None
    ]
    for line in dict.fromkeys(distance.line for distance in found):
        own = [distance for distance in found if distance.line == line]
        if len(own) > _MOST_TOLD:
            yield Finding(_all_told(own), _WEIGHT, is_of_report=True)
        else:
            yield from (Finding(_told(distance), _WEIGHT, is_of_report=True) for distance in own)
    yield from remarks_told(series, label)


def remarks_told(series: Sequence[Series], label: str) -> Iterator[Finding]:
    """What is to be known of the theory beside the results of a measure, each once."""
    found: dict[str, list[Series]] = {}
    for one in series:
        for remark in line_remarks(one.results[label]) if label in one.results else ():
            found.setdefault(remark.text, []).append(one)
    for text, own in found.items():
        yield Finding(f"Theory of {names_told(own, series)}: {text}.", _WEIGHT, is_of_report=True)


def _distance(measured: xr.Dataset, line: str, series: str) -> _Distance | None:
    """None where no point has a line and an error."""
    distance = np.abs(measured[f"{DEVIATION}{line}"].values)
    known = np.flatnonzero(np.isfinite(distance))
    if not known.size:
        return None
    k = int(known[distance[known].argmax()])
    n_over = int((distance[known] > STANDARD_ERRORS).sum())
    return _Distance(series, line, measured, k, float(distance[k]), n_over, known.size)


def _told(own: _Distance) -> str:
    if not own.n_over:
        where = "the one temperature" if own.n_known == 1 else f"all {own.n_known} temperatures"
        return (
            f"{own.heading} of {own.series} follows {own.theory} within {own.largest:.1f} standard errors at "
            f"{where} with an error."
        )
    return (
        f"{own.heading} of {own.series} is more than {STANDARD_ERRORS:g} standard errors off {own.theory} at "
        f"{own.n_over} of {own.n_known} temperatures, most {_where(own)}. {_INFINITE}"
    )


def _all_told(own: Sequence[_Distance]) -> str:
    off = [distance for distance in own if distance.n_over]
    farthest = max(own, key=lambda distance: distance.largest)
    head = f"{farthest.heading} follows {farthest.theory} within {STANDARD_ERRORS:g} standard errors"
    if not off:
        return f"{head} at all temperatures with an error on all {len(own)} curves."
    return (
        f"{head} on {len(own) - len(off)} of {len(own)} curves; that of {farthest.series} is farthest off, "
        f"{_where(farthest)}. {_INFINITE}"
    )


def _where(own: _Distance) -> str:
    """The temperature and both values where a curve is farthest off."""
    measured, k = own.measured, own.k
    value = with_error(float(measured[own.name].values[k]), float(measured[f"{own.name}_error"].values[k]))
    temperature = float(measured["temperature"].values[k]) if "temperature" in measured.coords else np.nan
    line = float(measured[f"{THEORY}{own.line}"].values[k])
    return (
        f"at T = {temperature:.4g}: {value} measured, {line:.5g} by theory, {own.largest:.3g} standard errors"
    )
