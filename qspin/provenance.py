"""Where samples come from: what is recorded about a call of a sampler, as JSON values."""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any

from qspin import __version__
from qspin.errors import InputError, shown
from qspin.remarks import Remark, remarks_from
from qspin.settings import settings_of

__all__ = ["checked_info", "library_versions", "run_info"]

_LIBRARIES = ("qspin", "numpy", "scipy", "numba", "xarray", "dimod")


def run_info(
    sampler: object,
    seed: int,
    *,
    clocks: Mapping[str, float] | None = None,
    remarks: Sequence[Remark] = (),
    status: str = "complete",
    headline: str = "",
    ignored: Sequence[str] = (),
    **facts: Any,
) -> dict[str, Any]:
    """Provenance of one `sample` call as JSON values.

    Parameters
    ----------
    sampler : its settings are recorded, and its class attribute `name` (or its class name) as the backend
    seed : the seed that was used
    clocks : seconds spent, kept apart: compile, prepare, queue, device, sample
    remarks : what a reader of the samples must know
    status : ``complete`` or ``interrupted``
    headline : in a few words how it was sampled: kernel, embedding or circuit
    ignored : names of the settings that meant nothing here, whatever was given for them
    facts : whatever else the backend wants to record

    Raises
    ------
    InputError
        If something else than remarks is given as such.
    """
    if wrong := [remark for remark in remarks if not isinstance(remark, Remark)]:
        raise InputError(f"remarks are made by qspin.sampler.Remark(code, text); got {shown(wrong[0])}")
    return {
        "backend": getattr(type(sampler), "name", type(sampler).__name__),
        "settings": settings_of(sampler),
        "seed": seed,
        "versions": library_versions(),
        "clocks": {name: round(float(seconds), 6) for name, seconds in (clocks or {}).items()},
        "status": status,
        "remarks": [remark.plain() for remark in remarks],
        "headline": headline,
        "ignored": list(ignored),
        **facts,
    }


def library_versions(names: Sequence[str] = _LIBRARIES) -> dict[str, str]:
    """Versions by distribution name, of qspin the one that runs; what is not installed is left out."""
    return {name: version for name in names if (version := _version(name)) is not None}


@functools.cache
def _version(name: str) -> str | None:
    if name == "qspin":  # installed as qspin-framework, or not at all
        return __version__
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def checked_info(info: Mapping[str, Any] | None) -> None:
    """Refuse provenance that no file can hold."""
    try:
        json.dumps({"": None, **(info or {})}, sort_keys=True)  # keys that do not compare with text fail
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"info must be a mapping of plain JSON values; {error}") from None
    if "warnings" in (info or {}):
        raise InputError(
            "info holds 'warnings', which are remarks with a code now: give run_info "
            "remarks=[Remark(code, text)] in their place"
        )
    if not isinstance(status := (info or {}).get("status", "complete"), str):
        raise InputError(f"status of info must be text, such as 'complete'; got {shown(status)}")
    remarks_from((info or {}).get("remarks", []))
