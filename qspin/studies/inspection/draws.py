"""A model among draws of a control: tests that a distribution of ten can support.

At one temperature: Student's t of one more observation beside n draws, which takes the draws as normal. For
several temperatures p-values are corrected by Holm. For the whole curve, its rank among the n + 1 by how far
each lies from the others: it takes nothing for granted, and shows no less than p = 1 / (n + 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from qspin.analysis import holm
from qspin.analysis.chains import R_HAT_LIMIT
from qspin.analysis.correction import LEVEL
from qspin.remarks import Level, remarks_of

__all__ = ["Against", "Densities", "agreeing", "rank_p_value", "student_p_value"]

Floats = NDArray[np.float64]


def student_p_value(own: Floats, own_error: Floats, draws: Floats) -> Floats:
    """Of one observation beside n draws of a normal distribution, two-sided (...).

    The standard deviation of the draws is not taken smaller than the standard error of the observation: draws
    that agree by saturation, as where every \\|q\\| is 1, say no more than that.

    Parameters
    ----------
    own, own_error : (...)
    draws : (n, ...), n of at least 2

    Returns
    -------
    NaN where nothing scatters
    """
    n = len(draws)
    if n < 2:
        return np.full(np.shape(own), np.nan)
    spread = np.maximum(draws.std(axis=0, ddof=1), np.nan_to_num(own_error))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(own - draws.mean(axis=0)) / (spread * np.sqrt(1 + 1 / n))
    return np.where(spread > 0, 2 * stats.t.sf(t, n - 1), np.nan)


def rank_p_value(distances: Floats) -> float:
    """Share of n + 1 distances, that of the model first, that are at least as large as the first."""
    return float((distances >= distances[0]).mean())


@dataclass(frozen=True)
class Against:
    """Mean \\|q\\| of a model and of draws of one control, with one backend.

    Parameters
    ----------
    label, role : of the control: ``null`` or ``before``
    temperature : ascending (n,)
    own, own_error : of the model (n,)
    draws, draw_errors : of the draws (n_draws, n)
    is_sure : whether the replicas of the model, and those of all draws, agree (n,)
    """

    label: str
    role: str
    backend: str
    temperature: Floats
    own: Floats
    own_error: Floats
    draws: Floats
    draw_errors: Floats
    is_sure: NDArray[np.bool_]

    @property
    def n_draws(self) -> int:
        return len(self.draws)

    @cached_property
    def p_values(self) -> Floats:
        """By Student, corrected for the number of temperatures that count; NaN at others."""
        single = np.where(self.is_sure, student_p_value(self.own, self.own_error, self.draws), np.nan)
        known = np.flatnonzero(np.isfinite(single))
        corrected = np.full(len(single), np.nan)
        corrected[known] = holm(single[known].tolist())
        return corrected

    @property
    def counts(self) -> NDArray[np.bool_]:
        return np.isfinite(self.p_values)

    @property
    def differs(self) -> NDArray[np.bool_]:
        return self.counts & (np.nan_to_num(self.p_values, nan=1.0) <= LEVEL)

    @property
    def farthest(self) -> int | None:
        """Where the p-value is smallest, of equal ones where most standard deviations lie between."""
        if not self.counts.any():
            return None
        least = np.nanmin(self.p_values)
        away = np.abs(self._away(np.vstack([self.own, self.draws]), 0))
        return int(np.argmax(np.where(self.counts & (self.p_values <= least), away, -1.0)))

    @cached_property
    def rank_p(self) -> float:
        """Rank of the whole curve, each being held against the mean of the others where it lies farthest."""
        if self.n_draws < 2 or not self.counts.any():
            return float("nan")
        curves = np.vstack([self.own, self.draws])
        return rank_p_value(
            np.array([np.abs(self._away(curves, k))[self.counts].max() for k in range(len(curves))])
        )

    def _away(self, curves: Floats, k: int) -> Floats:
        """Standard deviations between one curve and the mean of the others (n,)."""
        others = np.delete(curves, k, axis=0)
        errors = np.vstack([self.own_error, self.draw_errors])[k]
        scale = np.maximum(others.std(axis=0, ddof=1), np.nan_to_num(errors))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(scale > 0, (curves[k] - others.mean(axis=0)) / scale, 0.0)

    def n_below(self, k: int) -> int:
        """Draws that lie below the model at one temperature."""
        return int((self.draws[:, k] < self.own[k]).sum())

    def dataset(self) -> xr.Dataset:
        """Everything over ``temperature`` and ``draw``."""
        over = "temperature"
        return xr.Dataset(
            {
                "q_abs": (over, self.own),
                "q_abs_error": (over, self.own_error),
                "q_abs_draws": (("draw", over), self.draws),
                "q_abs_draws_error": (("draw", over), self.draw_errors),
                "p_value": (over, self.p_values),
                "in_equilibrium": (over, self.is_sure.astype(np.int8)),
            },
            coords={over: self.temperature},
            attrs={"control": self.label, "backend": self.backend, "rank_p_value": self.rank_p},
        )


@dataclass(frozen=True)
class Densities:
    """P(q) of a model and of draws of one control, at one temperature.

    Parameters
    ----------
    q, width : of the bins (n_q,)
    own, own_error : density of the model (n_q,)
    draws : (n_draws, n_q)
    has_fields : without them q and -q are as likely, and the mean of q says nothing
    is_sure : whether the replicas of the model, and those of all draws, agree there
    """

    label: str
    temperature: float
    q: Floats
    width: Floats
    own: Floats
    own_error: Floats
    draws: Floats
    has_fields: bool = False
    is_sure: bool = True

    @cached_property
    def rank_p(self) -> float:
        """Rank by half the area between each density and the mean of the others."""
        every = np.vstack([self.own, self.draws])
        distances = [
            0.5 * np.sum(np.abs(every[k] - np.delete(every, k, axis=0).mean(axis=0)) * self.width)
            for k in range(len(every))
        ]
        return rank_p_value(np.array(distances))

    def moments(self) -> Mapping[str, tuple[float, Floats, float]]:
        """Width of P(q), its standard deviation, and with fields its mean: of the model, of the draws, and p
        (Student), corrected.
        """
        weights = np.vstack([self.own, self.draws]) * self.width
        weights = weights / weights.sum(axis=1, keepdims=True)
        mean = weights @ self.q
        deviation = np.sqrt(np.maximum(weights @ self.q**2 - mean**2, 0))
        values = {**({"mean": mean} if self.has_fields else {}), "width": deviation}
        single = [float(student_p_value(v[0], np.zeros(()), v[1:])) for v in values.values()]
        known = [p for p in single if np.isfinite(p)]
        corrected = iter(holm(known))
        p_values = [next(corrected) if np.isfinite(p) else float("nan") for p in single]
        return {name: (float(v[0]), v[1:], p) for (name, v), p in zip(values.items(), p_values, strict=True)}

    def dataset(self) -> xr.Dataset:
        """Densities over ``q`` and ``draw``."""
        return xr.Dataset(
            {
                "density": ("q", self.own),
                "density_error": ("q", self.own_error),
                "density_draws": (("draw", "q"), self.draws),
                "width": ("q", self.width),
            },
            coords={"q": self.q},
            attrs={
                "control": self.label,
                "temperature": self.temperature,
                "rank_p_value": self.rank_p,
                "in_equilibrium": int(self.is_sure),
            },
        )


def agreeing(diagnostics: xr.Dataset | None, betas: Floats) -> NDArray[np.bool_]:
    """At which of some betas replicas agree: everywhere, unless a serious remark says that they do not."""
    if diagnostics is None or not any(
        remark.level is Level.SERIOUS for remark in remarks_of(diagnostics.attrs)
    ):
        return np.ones(len(betas), dtype=bool)
    own: Any = diagnostics["beta"].values
    worst = np.fmax(diagnostics["r_hat"].values, diagnostics["r_hat_overlap"].values)
    place = np.abs(own[None, :] - betas[:, None]).argmin(axis=1)
    return ~(worst[place] > R_HAT_LIMIT)
