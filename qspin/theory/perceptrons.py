"""How many patterns perceptrons of infinitely many weights hold, and how they learn from a teacher.

Patterns of independent signs, alpha = P/N of them, satisfied where ``xi . w / sqrt(N)`` is above a margin.
Replica-symmetric throughout: Gardner 1988 (J. Phys. A 21, 257) for spherical weights; Krauth, Mezard 1989
(J. Physique 50, 3057) for binary ones, whose capacity is where the entropy vanishes; Gyorgyi 1990 (Phys.
Rev. A 41, 7097) and Seung, Sompolinsky, Tishby 1992 (Phys. Rev. A 45, 6056) for teachers. Committee machines,
whose hidden units break symmetries of their own, are left out.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr, ndtr

from qspin.errors import InputError, nearest_name
from qspin.remarks import Remark
from qspin.theory._equations import NORMAL_NODES, NORMAL_WEIGHTS, root, tanh_means
from qspin.theory._results import checked_parameter, checked_values, replica_symmetry_broken, told

__all__ = ["perceptron_capacity", "symmetric_perceptron_capacity", "teacher_student"]

Weights = Literal["spherical", "binary"]
_LARGEST_MARGIN = 5.0
_LARGEST_LOAD = 1e3


def perceptron_capacity(
    margin: ArrayLike = 0.0, weights: Weights = "spherical", *, bias: float = 0.0
) -> xr.Dataset:
    """The load up to which a perceptron holds random patterns with random labels.

    Parameters
    ----------
    margin : kappa, one or several, of weights of length sqrt(N); -5 to 5
    weights : ``spherical`` or ``binary``
    bias : mean of the signs of patterns and labels, -1 to 1 without its ends; of spherical weights

    Returns
    -------
    over ``margin``: ``capacity`` alpha_c and ``overlap`` q of two solutions there, 1 of spherical weights

    Raises
    ------
    InputError
        If a margin or the bias is out of range, the weights are neither, or binary ones come with a bias.

    Examples
    --------
    >>> perceptron_capacity([0.0, 0.5, 1.0]).capacity.values.round(5).tolist()
    [2.0, 0.96121, 0.51957]
    >>> print(f"{float(perceptron_capacity(weights='binary').capacity[0]):.5f}")
    0.83308
    """
    kappas = checked_values(margin, "margin", least=-_LARGEST_MARGIN, most=_LARGEST_MARGIN)
    mean = checked_parameter(bias, "bias")
    if not abs(mean) < 1:
        raise InputError(f"bias takes -1 to 1 without its ends; got {mean:g}")
    _check_weights(weights)
    if weights == "binary" and mean:
        raise InputError(f"bias is for spherical weights; got {mean:g} with weights='binary'")
    if weights == "binary":
        rows = [_binary_capacity(kappa) for kappa in kappas.tolist()]
    else:
        rows = [(_gardner(kappa, mean), 1.0) for kappa in kappas.tolist()]
    capacity, overlap = np.array(rows).T
    found = xr.Dataset(
        {"capacity": ("margin", capacity), "overlap": ("margin", overlap)},
        coords={"margin": kappas},
        attrs={"weights": weights, "bias": mean},
    )
    return told(
        found,
        source="Gardner 1988" if weights == "spherical" else "Krauth, Mezard 1989",
        valid="infinitely many weights; margins of 0 or more",
        error="1e-9",
        remarks=_remarks(kappas.min()),
    )


def _remarks(least: float) -> list[Remark]:
    if least >= 0:
        return []
    return [replica_symmetry_broken("of margins below 0", "replica-symmetric solution")]


def _check_weights(weights: str) -> None:
    if weights not in ("spherical", "binary"):
        raise InputError(f"weights {weights!r}: {nearest_name(str(weights), ['spherical', 'binary'])}")


def _gardner(kappa: float, bias: float) -> float:
    """The largest over the ferromagnetic bias v of weights, which is 0 for patterns without one."""
    if bias == 0:
        return 1 / _second_moment(kappa)
    width = np.sqrt(1 - bias**2)

    def inverse(v: float) -> float:
        one, other = (_second_moment((kappa - sign * v * bias) / width) for sign in (1, -1))
        return (1 + bias) / 2 * one + (1 - bias) / 2 * other

    far = 50 / abs(bias) * width + 5
    return 1 / float(
        minimize_scalar(inverse, bounds=(-far, far), method="bounded", options={"xatol": 1e-9}).fun
    )


def _second_moment(kappa: float) -> float:
    """E (z + kappa)^2 where that is positive."""
    density = np.exp(-(kappa**2) / 2) / np.sqrt(2 * np.pi)
    return float((1 + kappa**2) * ndtr(kappa) + kappa * density)


def _binary_capacity(kappa: float) -> tuple[float, float]:
    def saddle(log_field: float) -> tuple[float, float, float]:
        """Entropy, load and overlap at a conjugate overlap."""
        field = float(np.exp(log_field))
        means = tanh_means(0.0, np.sqrt(field))
        left = float(means.sech2)
        u = (kappa - np.sqrt(1 - left) * NORMAL_NODES) / np.sqrt(left)
        log_h = log_ndtr(-u)
        ratio = np.exp(-(u**2) - 2 * log_h) / (2 * np.pi)
        load = field * left / float(NORMAL_WEIGHTS @ ratio)
        entropy = -field * left / 2 + float(means.log2cosh) + load * float(NORMAL_WEIGHTS @ log_h)
        return entropy, load, 1 - left

    log = root(lambda log: saddle(log)[0], np.log(1e-4), np.log(100.0), f"the capacity at margin {kappa:g}")
    _, load, overlap = saddle(log)
    return load, overlap


def symmetric_perceptron_capacity(kappa: ArrayLike = 1.0) -> xr.Dataset:
    """The load up to which binary weights satisfy ``|xi . w| <= kappa sqrt(N)``, -ln 2 / ln P(|z| <= kappa):
    the first moment, which is exact (Aubin, Perkins, Zdeborova 2019, J. Phys. A 52, 294003; Abbe, Li, Sly
    2021, arXiv:2102.13069; Perkins, Xu 2021, arXiv:2102.05163).

    Parameters
    ----------
    kappa : one or several, positive

    Returns
    -------
    over ``kappa``: ``capacity``

    Raises
    ------
    InputError
        If a kappa is not positive.

    Examples
    --------
    >>> print(f"{float(symmetric_perceptron_capacity().capacity[0]):.6f}")
    1.815875
    """
    kappas = checked_values(kappa, "kappa", least=0.0, open_end=True)
    with np.errstate(divide="ignore"):
        capacity = -np.log(2) / np.log1p(-2 * ndtr(-kappas))
    found = xr.Dataset({"capacity": ("kappa", capacity)}, coords={"kappa": kappas})
    return told(
        found,
        source="Aubin, Perkins, Zdeborova 2019; Abbe, Li, Sly 2021",
        valid="infinitely many weights, kappa above 0",
        error="exact",
    )


class _Learning(NamedTuple):
    load: float
    overlap: float
    left: float
    """1 - overlap, without loss."""
    entropy: float


def teacher_student(load: ArrayLike, weights: Weights = "binary") -> xr.Dataset:
    """A perceptron that learns the labels of another of its kind by chance: any weights without errors.

    Parameters
    ----------
    load : alpha, one or several from 0 to 1000
    weights : of both

    Returns
    -------
    over ``load``: ``overlap`` R of student and teacher, ``generalisation_error`` arccos(R) / pi and
    ``generalisation_error_bayes`` arccos(sqrt R) / pi, of the majority of all such students; ``entropy`` of
    the weights per weight, NaN of spherical ones. Of binary weights these are of equilibrium, R = 1 from the
    first-order transition on; ``overlap_metastable`` is that of students who have not found it, NaN from the
    spinodal on. Attributes ``transition_load`` and ``spinodal_load``, NaN of spherical weights

    Raises
    ------
    InputError
        If a load is out of range or the weights are neither.

    Examples
    --------
    >>> found = teacher_student([0.5, 1.4])
    >>> found.overlap.values.round(4).tolist()
    [0.2931, 1.0]
    """
    _check_weights(weights)
    loads = checked_values(load, "load", least=0.0, most=_LARGEST_LOAD)
    rows = [_learnt(alpha, weights) for alpha in loads.tolist()]
    variables = {name: ("load", np.array([row[name] for row in rows])) for name in rows[0]}
    ends = _binary_ends() if weights == "binary" else (np.nan, np.nan, np.nan)
    found = xr.Dataset(variables, {"load": loads}, {"weights": weights})
    return told(
        found.assign_attrs(transition_load=ends[0], spinodal_load=ends[1]),
        source="Gyorgyi 1990, Phys. Rev. A 41, 7097; Seung, Sompolinsky, Tishby 1992, Phys. Rev. A 45, 6056",
        valid="infinitely many weights; exact, as student and teacher are alike",
        error="1e-9",
    )


def _learnt(alpha: float, weights: str) -> dict[str, float]:
    state = _at_load(alpha, weights)
    perfect = weights == "binary" and alpha >= _binary_ends()[0]
    left = 0.0 if perfect else state.left
    found = {
        "overlap": 1 - left,
        "generalisation_error": 2 / np.pi * np.arcsin(np.sqrt(left / 2)),
        "generalisation_error_bayes": np.arcsin(np.sqrt(left)) / np.pi,
        "entropy": 0.0 if perfect else state.entropy,
    }
    return {**found, "overlap_metastable": state.overlap} if weights == "binary" else found


def _at_load(alpha: float, weights: str) -> _Learning:
    """The branch from no load on."""
    if alpha == 0:
        return _Learning(0.0, 0.0, 1.0, np.log(2) if weights == "binary" else np.nan)
    far = np.log(1e9)
    if weights == "binary":
        far = _binary_ends()[2]
        if alpha >= _binary_ends()[1]:
            return _Learning(alpha, np.nan, np.nan, np.nan)
    found = root(lambda log: _learning(log, weights).load - alpha, np.log(1e-9), far, f"R at load {alpha:g}")
    return _learning(found, weights)


def _learning(log_field: float, weights: str) -> _Learning:
    """The state at a conjugate overlap, whose load follows."""
    field = float(np.exp(log_field))
    if weights == "binary":
        means = tanh_means(field, np.sqrt(field))
        overlap, left, prior = float(means.tanh), float(means.sech2), float(means.log2cosh)
    else:
        overlap, left, prior = field / (1 + field), 1 / (1 + field), np.nan
    u = np.sqrt(overlap / left) * NORMAL_NODES
    log_h = log_ndtr(-u)
    load = field * left / (2 * float(NORMAL_WEIGHTS @ np.exp(-(u**2) - log_h)) / (2 * np.pi))
    labels = 2 * float(NORMAL_WEIGHTS @ (np.exp(log_h) * log_h))
    return _Learning(load, overlap, left, prior - field * (1 + overlap) / 2 + load * labels)


@functools.cache
def _binary_ends() -> tuple[float, float, float]:
    """Loads of the transition and the spinodal, and the logarithm of the conjugate overlap of the latter."""
    best = minimize_scalar(
        lambda log: -_learning(log, "binary").load,
        bounds=(np.log(0.1), np.log(20.0)),
        method="bounded",
        options={"xatol": 1e-8},
    )
    log = root(lambda log: _learning(log, "binary").entropy, np.log(0.1), float(best.x), "the transition")
    return _learning(log, "binary").load, -float(best.fun), float(best.x)
