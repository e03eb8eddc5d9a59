"""Which negative phase is meant by a name, a sampler or settings."""

from __future__ import annotations

from typing import Any

from qspin.errors import InputError, nearest_name, shown
from qspin.networks.boltzmann.fitting.phases import ExactPhase, GibbsPhase, NegativePhase
from qspin.networks.boltzmann.fitting.sampled import SampledPhase

__all__ = ["phase_of"]

_NAMED: dict[str, NegativePhase] = {
    "exact": ExactPhase(),
    "cd": GibbsPhase(persistent=False),
    "pcd": GibbsPhase(),
}


def phase_of(sampler: Any) -> NegativePhase:
    """The phase of a name (``exact``, ``cd``, ``pcd``), of a sampler, or one itself.

    Raises
    ------
    InputError
        For anything else.
    """
    if isinstance(sampler, str):
        if sampler not in _NAMED:
            raise InputError(
                f"sampler {sampler!r}: {nearest_name(sampler, _NAMED)}; or pass qspin.get_backend(...)"
            )
        return _NAMED[sampler]
    if isinstance(sampler, NegativePhase):
        return sampler
    if callable(getattr(sampler, "sample", None)):
        return SampledPhase(sampler)
    raise InputError(
        f"sampler is one of {', '.join(_NAMED)}, a backend (qspin.get_backend) or a negative phase; got "
        f"{shown(sampler)}"
    )
