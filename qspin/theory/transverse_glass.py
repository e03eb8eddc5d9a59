"""The Sherrington-Kirkpatrick glass in a transverse field: replica-symmetric, and static in imaginary time.

H = -Gamma sum sigma^x + sum J_ij sigma^z_i sigma^z_j, J_ij of variance J^2/N. In the static approximation
(Bray, Moore 1980, J. Phys. C 13, L655; Usadel 1986, Solid State Commun. 58, 629; Thirumalai, Li, Kirkpatrick
1989, J. Phys. A 22, 3339) a spin sees a classical field h = J (sqrt(q) z + sqrt(R - q) y) beside Gamma, z
and y normal, q the overlap of replicas and R that of one replica with itself at other times:

    q = E_z [(E_y (h/u) sinh beta u / E_y cosh beta u)^2],   u = sqrt(h^2 + Gamma^2),
    R = E_z [E_y ((h/u)^2 cosh beta u + Gamma^2/(beta u^3) sinh beta u) / E_y cosh beta u]

It is exact at Gamma = 0 above the line of de Almeida and Thouless, and a guide elsewhere: its transition at
T = 0 is Gamma = 2 J, where numerically 1.5 J is found (Yamamoto, Ishii 1987, J. Phys. C 20, 6053).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.remarks import Level, Remark
from qspin.theory._equations import NORMAL_NODES, NORMAL_WEIGHTS, Floats
from qspin.theory._results import checked_parameter, checked_values, told, unsettled

__all__ = ["transverse_glass", "transverse_glass_transition"]

_SPACING = 0.5  # of y: integrands are entire functions, of which sums are wrong by exp(-2 pi^2 / 0.5^2)
_TAIL = 9.0  # standard deviations
_ROUNDS = 5_000
_EVERY = 3  # rounds of which the last is a step of Newton's method
_SLOPE = 1e-6  # relative change for derivatives
_TOLERANCE = 1e-11
_COLDEST = 0.005  # in units of J: below it sums and searches take longer than a second


def _points(reach: float) -> tuple[Floats, Floats]:
    """Values of y and the logarithms of their weights: the largest terms lie up to `reach` beyond the
    normal's."""
    end = _TAIL + reach
    y = np.linspace(-end, end, 2 * int(np.ceil(end / _SPACING)) + 1)
    logs = -(y**2) / 2
    return y, logs - np.log(np.exp(logs).sum())


def transverse_glass(transverse_field: ArrayLike, temperature: float) -> xr.Dataset:
    """Order of the quantum glass over the transverse field, at one temperature; units of J.

    Parameters
    ----------
    transverse_field : values of Gamma >= 0
    temperature : 0.005 or more

    Returns
    -------
    over ``transverse_field``: ``q``, ``self_overlap`` (R), ``magnetisation_x``, <sigma^x>, and ``residual``

    Raises
    ------
    InputError
        If a value is out of range.
    """
    at = _checked_temperature(temperature)
    fields = checked_values(transverse_field, "transverse_field", least=0.0)
    rows = np.array([_solved(float(field), 1 / at) for field in fields])
    names = ("q", "self_overlap", "magnetisation_x", "residual")
    found = xr.Dataset(
        {name: ("transverse_field", column) for name, column in zip(names, rows.T, strict=True)},
        coords={"transverse_field": fields},
    )
    return told(
        found.assign_attrs(temperature=at),
        source="Thirumalai, Li, Kirkpatrick 1989, J. Phys. A 22, 3339",
        valid="infinitely many spins, static approximation, replica-symmetric",
        error="of the equations 1e-11; the approximation puts the transition at T = 0 a third too high",
        remarks=_remarks(found),
    )


def transverse_glass_transition(temperature: ArrayLike) -> xr.Dataset:
    """Transverse field at which the glass ends, in units of J: where beta R = 1 in the paramagnet.

    Parameters
    ----------
    temperature : values of 0.005 to below 1, the transition without a transverse field

    Returns
    -------
    over ``temperature``: ``critical_field``, in the static approximation, which is high: 2 at T = 0

    Raises
    ------
    InputError
        If a temperature is out of range.
    """
    from scipy.optimize import brentq

    temperatures = checked_values(temperature, "temperature", least=_COLDEST)
    if (temperatures >= 1).any():
        raise InputError(
            f"temperature takes values of {_COLDEST} to below 1, in units of J, since without a transverse "
            f"field the glass ends at 1; got {temperature!s}"
        )

    def excess(field: float, beta: float) -> float:
        return beta * _paramagnet(field, beta) - 1

    fields = [float(brentq(excess, 1e-3, 3.0, args=(1 / t,), xtol=1e-12)) for t in temperatures.tolist()]
    found = xr.Dataset({"critical_field": ("temperature", fields)}, coords={"temperature": temperatures})
    return told(
        found,
        source="Usadel 1986, Solid State Commun. 58, 629",
        valid="infinitely many spins, static approximation",
        error="of the equations 1e-12; the approximation is a third too high at T = 0",
    )


def _checked_temperature(temperature: float) -> float:
    at = checked_parameter(temperature, "temperature")
    if at < _COLDEST:
        raise InputError(
            f"temperature takes values of {_COLDEST} or more, in units of J, below which there is but "
            f"the limit T = 0; got {at:g}"
        )
    return at


def _between_replicas(q: float) -> tuple[Floats, Floats]:
    """Values of z and their weights: of one sign, averages are even; just one where it does not matter."""
    if q == 0:
        return np.zeros(1), np.ones(1)
    positive = NORMAL_NODES > 0
    return NORMAL_NODES[positive], 2 * NORMAL_WEIGHTS[positive]


def _averages(gamma: float, beta: float, q: float, self_overlap: float) -> tuple[float, float, float]:
    """q, R and <sigma^x> of spins in these fields."""
    z, weight = _between_replicas(q)
    inner = np.sqrt(max(self_overlap - q, 0.0))
    y, logs = _points(beta * inner)
    h = np.sqrt(q) * z[:, None] + inner * y[None, :]
    u = np.sqrt(h * h + gamma * gamma)
    top = (beta * u + logs).max(axis=1, keepdims=True)
    grown, fallen = np.exp(beta * u + logs - top), np.exp(-beta * u + logs - top)
    cosh, sinh = (grown + fallen) / 2, (grown - fallen) / 2
    safe = np.where(u > 0, u, 1.0)
    along, across = np.where(u > 0, h / safe, 0.0), np.where(u > 0, gamma / safe, 0.0)
    norm = cosh.sum(axis=1)
    mean = (along * sinh).sum(axis=1) / norm
    own = (along**2 * cosh + across**2 * sinh / (beta * safe)).sum(axis=1) / norm
    turned = (across * sinh).sum(axis=1) / norm
    return float(weight @ mean**2), float(weight @ own), float(weight @ turned)


def _paramagnet(gamma: float, beta: float) -> float:
    """R at q = 0."""
    value = 0.0  # below a first-order jump there is a second solution, of spins that freeze each for itself
    for _ in range(_ROUNDS):
        _, after, _ = _averages(gamma, beta, 0.0, value)
        if abs(after - value) < 1e-14:
            break
        value = after
    return value


def _solved(gamma: float, beta: float) -> tuple[float, float, float, float]:
    order, residual, turned = np.array([0.9, 0.95]), np.inf, 0.0
    for k in range(1, _ROUNDS + 1):
        *after, turned = _averages(gamma, beta, *order.tolist())
        residual = float(np.abs(after - order).max())
        if residual < _TOLERANCE:
            break
        straight = _straight(gamma, beta, order, np.array(after)) if k % _EVERY == 0 else np.array(after)
        order = np.minimum(straight, straight[1])
    return float(order[0]), float(order[1]), turned, residual


def _straight(gamma: float, beta: float, order: Floats, after: Floats) -> Floats:
    """A step of Newton's method from q and R, but down to a tenth of q at most: at 0 it would stay."""
    moves = -_SLOPE * np.diag(order)
    slopes = [(np.array(_averages(gamma, beta, *(order + move))[:2]) - after) / move.sum() for move in moves]
    q, own = order + np.linalg.solve(np.eye(2) - np.stack(slopes, axis=1), after - order)
    return np.array([max(q, order[0] / 10), min(max(own, 0.0), 1.0)])


def _remarks(found: xr.Dataset) -> list[Remark]:
    remarks = [
        Remark(
            "static-approximation",
            "the static approximation and replica symmetry were assumed: a guide line, whose transition at "
            "T = 0 lies at Gamma = 2 J, above the true one near 1.5 J",
            Level.NOTE,
        )
    ]
    residuals = found.residual.values
    if (moving := residuals > 1e-7).any():
        fields = found.transverse_field.values[moving]
        advice = "so close to the transition q is not settled"
        remarks.append(unsettled("Gamma", fields, residuals[moving], _ROUNDS, advice))
    return remarks
