"""The setting that names the schedule of an annealer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qspin.sampler import FileSetting, GivenFile, Schedule, schedule_of

__all__ = ["ScheduleSetting", "followed"]

ScheduleSetting = Annotated[Literal["quadratic", "linear"] | FileSetting, Field(union_mode="left_to_right")]
"""The name of a shape, see `qspin.schedules.SHAPES`, or the path of a file."""


def followed(given: GivenFile | str, transverse_field: float) -> Schedule:
    """What such a setting names; raises InputError where its file is no schedule, or has changed.

    Parameters
    ----------
    transverse_field : G of a shape
    """
    return schedule_of(given if isinstance(given, str) else given.unchanged(), transverse_field)
