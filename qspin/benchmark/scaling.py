"""How a time grows with size: exponential or power, with confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from qspin.errors import InputError

__all__ = ["ScalingFit", "fit_scaling"]


@dataclass(frozen=True)
class ScalingFit:
    """ln TTS = a + b N (``exponential``) or a + b ln N (``power``).

    Parameters
    ----------
    law : which
    exponent, low, high : b, and its 95 % interval
    prefactor : exp(a), seconds
    residual : root mean square deviation of ln TTS
    """

    law: Literal["exponential", "power"]
    exponent: float
    low: float
    high: float
    prefactor: float
    residual: float

    def __str__(self) -> str:
        form = "exp({} N)" if self.law == "exponential" else "N^{}"
        return f"{form.format(f'{self.exponent:.3g}')} ({self.low:.3g} to {self.high:.3g})"


def fit_scaling(sizes: ArrayLike, seconds: ArrayLike) -> dict[str, ScalingFit]:
    """Both laws, by least squares of ln TTS; which one holds, a narrow range of sizes cannot tell.

    Parameters
    ----------
    sizes : (n,), at least three
    seconds : time to solution (n,), finite; lower bounds are to be left out

    Raises
    ------
    InputError
        If there are fewer than three sizes, or a time is not positive.
    """
    n, t = np.asarray(sizes, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    if len(n) < 3 or len(n) != len(t):
        raise InputError(f"a scaling needs at least three sizes with a time each; got {len(n)} and {len(t)}")
    if not ((t > 0) & np.isfinite(t)).all():
        raise InputError("times must be positive and finite; leave out what is a lower bound only")
    found = {}
    for law, x in (("exponential", n), ("power", np.log(n))):
        line = stats.linregress(x, np.log(t))
        half = stats.t.ppf(0.975, len(n) - 2) * line.stderr
        residual = float(np.sqrt(np.mean((np.log(t) - line.intercept - line.slope * x) ** 2)))
        found[law] = ScalingFit(
            law,  # type: ignore[arg-type]
            float(line.slope),
            float(line.slope - half),
            float(line.slope + half),
            float(np.exp(line.intercept)),
            residual,
        )
    return found
