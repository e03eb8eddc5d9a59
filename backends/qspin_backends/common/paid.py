"""What buying takes, whatever is bought: the settings that all backends share whose reads may cost money."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pydantic import NonNegativeInt, PositiveFloat

from qspin.sampler import Incidental, setting_names, settings

__all__ = ["PAID", "Paid", "Terms"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How much may be spent, and how patiently; see `Paid`. What leads to a device is derived from it."""

    max_qpu_seconds: float | None
    retries: int
    retry_pause: float


@settings
class Paid:
    """Settings of purchases; they decide nothing about what is read.

    Parameters
    ----------
    max_qpu_seconds : refuse before anything is bought if more QPU access time is expected to be charged
    reuse : answer a request that was bought before, with the same seed, from the journal
    retries : after network faults, each after twice the pause before
    retry_pause : seconds before the first
    """

    max_qpu_seconds: Incidental[PositiveFloat | None] = None
    reuse: Incidental[bool] = True
    retries: Incidental[NonNegativeInt] = 5
    retry_pause: Incidental[PositiveFloat] = 1.0

    def terms(self) -> dict[str, Any]:
        """The fields of `Terms`."""
        return {field.name: getattr(self, field.name) for field in fields(Terms)}


PAID = tuple(setting_names(Paid))
"""Names of these settings."""
