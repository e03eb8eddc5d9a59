"""All that the study of quenches has to say, before it is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qspin.studies.quench.errors import Error
from qspin.studies.quench.kinks import Kinks
from qspin.studies.quench.records import Steps
from qspin.studies.quench.scaling import BinderCurve, Scaled
from qspin.studies.quench.states import State
from qspin.studies.quench.theory import Theory

__all__ = ["Found"]


class Found(NamedTuple):
    """All that the study says.

    Parameters
    ----------
    errors : of the best setting of every sampler, time by time
    every : of all settings
    reasons : why something could not be told
    steps : of backends that take quenches in steps
    """

    states: Sequence[State]
    errors: Sequence[Error]
    every: Sequence[Error]
    curves: Sequence[BinderCurve]
    scaled: Sequence[Scaled]
    kinks: Sequence[Kinks]
    theories: Sequence[Theory]
    reasons: Sequence[str]
    steps: Sequence[Steps] = ()
