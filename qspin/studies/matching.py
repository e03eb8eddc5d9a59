"""Where samples without a thermostat are put: at the temperatures at which a reference has their mean energy.

All curves of such a backend, in all studies, are put there by the same measure, ``effective_temperature``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from qspin.analysis import at_matched_temperatures
from qspin.errors import InputError
from qspin.registry import get_measure
from qspin.study import Asked, Wanted

__all__ = ["MATCHED", "matched_temperatures", "placed", "reference_of", "require_named"]

MATCHED = "effective_temperature"
"""Name of the measure, and label under which its cells are found."""

_REFERENCES: tuple[frozenset[str], ...] = (
    frozenset({"thermostat", "ladder", "spins"}),
    frozenset({"thermostat", "spins"}),
)
"""What a reference offers, the best first."""


def reference_of(asked: Asked) -> str | None:
    """The backend that others are held against: the first with a ladder of temperatures and stored spins,
    else with one temperature, else one that does not say what it offers; None where there is none.
    """
    offered = {label: line.offers for label, line in asked.backends.items()}
    for needed in _REFERENCES:
        for label, own in offered.items():
            if own is not None and needed <= own:
                return label
    return next((label for label, own in offered.items() if own is None), None)


def require_named(asked: Asked, reference: str | None) -> None:
    """Raises InputError for a reference, a setting of a study, that is no backend of the config."""
    if reference is not None and reference not in asked.backends:
        raise InputError(
            f"reference {reference!r} is no backend of this config; there are: {', '.join(asked.backends)}",
            key=("reference",),
        )


def matched_temperatures(asked: Asked, reference: str | None = None) -> list[Wanted]:
    """The fits that every study wants which draws curves over the temperature.

    Parameters
    ----------
    reference : label of a backend; default `reference_of`
    """
    reference = reference_of(asked) if reference is None else reference
    if reference is None:
        return []
    measure = get_measure(MATCHED)
    return [
        Wanted(MATCHED, problem.label, backend.label, reference=reference)
        for problem, backend in asked.cells()
        if backend.label != reference
        and backend.offers is not None
        and "thermostat" not in backend.offers
        and not asked.unmet(measure, problem.label, backend.label)
    ]


def placed(curve: xr.Dataset, fit: xr.Dataset, reference: str) -> xr.Dataset:
    """A result of a backend without a thermostat at the temperatures of a fit.

    Parameters
    ----------
    curve : over ``beta``; others stay as they are, and so do those at temperatures that were set, or over
        rows that cannot be told
    fit : of the measure ``effective_temperature``
    reference : label of the backend that was fitted to

    Returns
    -------
    as `at_matched_temperatures`, with the reasons why rows have no temperature as the attribute
    ``temperature_reasons``
    """
    if "beta" not in curve.dims or np.isfinite(curve["beta"].values).any():
        return curve
    if curve.sizes["beta"] != fit.sizes["beta"]:  # of some rows, which only their scales tell
        scales = [d.get("coupling_scale") for d in (curve, fit)]
        if scales[0] is None or scales[1] is None:
            return curve
        rows = [int(np.argmin(np.abs(scales[1].values - scale))) for scale in scales[0].values]
        fit = fit.isel(beta=rows)
    found = at_matched_temperatures(curve, fit["beta_matched"], fit["beta_matched_error"], reference)
    return found.assign_attrs(temperature_reasons=json.dumps(reasons(fit)))


def reasons(fit: xr.Dataset) -> Sequence[str]:
    """Why rows of a fit have no temperature, one text a row, empty where they have one."""
    return [str(text) for text in fit["reason"].values]
