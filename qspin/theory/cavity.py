"""Replica-symmetric cavity method on random graphs, by population dynamics.

A population of messages stands for their distribution: a new one is made of c - 1 random ones (of a Poisson
number on Erdos-Renyi graphs) and a random coupling (Mezard, Parisi 2001, Eur. Phys. J. B 20, 217). Couplings
here are drawn anew for every message; K = -J is theirs.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import CapacityError, InputError, shown
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats
from qspin.theory._results import beta_curve, checked_parameter, listed, replica_symmetry_broken, told
from qspin.theory.one_instance.belief import log_cosh, passed_field
from qspin.theory.one_instance.found import checked_betas
from qspin.validate import checked_count

__all__ = ["cavity", "cavity_transition", "one_state_assumed"]

Couplings = Literal["ferromagnet", "pm", "gaussian"]
GraphKind = Literal["regular", "erdos_renyi"]
Counts = int | NDArray[np.int64]
"""Of all alike, or of each."""

_POISSON_LIMIT = 1e-12  # chance of a degree that is left out of averages
_PART = 20  # blocks of which errors are taken
_EVERY = 3  # sweeps between measurements, which cost as much
_LARGEST_DEGREE = 1_000_000
_MOST_PICKED = 20_000_000  # messages of one sweep
_QUADRATURE = 200


class _Ensemble(NamedTuple):
    degree: float
    couplings: Couplings
    graph: GraphKind

    def others(self, rng: np.random.Generator, n: int) -> Counts:
        """Neighbours of a spin besides the one that it is looked at from."""
        return int(self.degree) - 1 if self.graph == "regular" else rng.poisson(self.degree, n)

    def neighbours(self, rng: np.random.Generator, n: int) -> Counts:
        return int(self.degree) if self.graph == "regular" else rng.poisson(self.degree, n)

    @property
    def branching(self) -> float:
        """Mean number of the others, the c of c <tanh^2> = 1."""
        return self.degree - 1 if self.graph == "regular" else self.degree

    def drawn(self, rng: np.random.Generator, n: int) -> Floats:
        """K = -J of so many couplings, unit strength."""
        if self.couplings == "ferromagnet":
            return np.ones(n)
        if self.couplings == "pm":
            return np.where(rng.integers(0, 2, n, dtype=bool), 1.0, -1.0)
        return rng.standard_normal(n)


def cavity(
    beta: ArrayLike,
    degree: float = 3,
    *,
    couplings: Couplings = "pm",
    graph: GraphKind = "regular",
    field: float = 0.0,
    n_messages: int = 10_000,
    n_sweeps: int = 300,
    seed: int = 0,
) -> xr.Dataset:
    """Energy, free energy and order parameters of a random graph in the thermodynamic limit, one state
    assumed.

    Where there are many states (a spin glass below its transition) the replica-symmetric energy lies below
    the true one; a remark says so.

    Parameters
    ----------
    beta : one inverse temperature, or ascending ones
    degree : of every spin of a regular graph, three or more; or the mean one of an Erdos-Renyi graph
    couplings : J = -1 (``ferromagnet``), -1 or +1 (``pm``), or of variance 1 (``gaussian``)
    graph : ``regular`` or ``erdos_renyi``
    field : h of every spin, units of energy
    n_messages, n_sweeps : of the population; the first half of the sweeps is not averaged
    seed : of everything drawn

    Returns
    -------
    over ``beta``, each with ``_error`` (over blocks of sweeps): ``energy``, ``free_energy`` per spin,
    ``magnetisation``, and ``q``, the mean square of a spin's mean; ``drift``, the difference of q between the
    two last quarters of sweeps in standard errors

    Raises
    ------
    InputError
        If a value is out of range.
    CapacityError
        If a sweep would pick more than 2e7 messages.
    """
    betas = checked_betas(beta)
    ensemble = _checked(degree, couplings, graph)
    outside = checked_parameter(field, "field")
    size = checked_count(n_messages, "n_messages", least=100)
    if size > _MOST_PICKED / ensemble.degree:
        raise CapacityError(
            f"n_messages times degree is what a sweep picks, up to {_MOST_PICKED:g}; got {shown(size)} times "
            f"{degree:g}: take fewer messages, or sk, the limit of many neighbours"
        )
    sweeps = checked_count(n_sweeps, "n_sweeps", least=2 * _PART * _EVERY)
    seeds = np.random.SeedSequence(checked_count(seed, "seed")).spawn(len(betas))
    rows = [
        _averages(np.random.default_rng(own), float(at), ensemble, outside, size, sweeps)
        for at, own in zip(betas, seeds, strict=True)
    ]
    found = beta_curve(betas, {name: [row[name] for row in rows] for name in rows[0]})
    return told(
        found.assign_attrs(degree=float(degree), couplings=couplings, graph=graph, field=outside),
        source="Mezard, Parisi 2001, Eur. Phys. J. B 20, 217",
        valid="infinitely large graphs; of glasses exact down to glass_temperature of cavity_transition",
        error="as told by _error, of populations of this size",
        remarks=_remarks(found, ensemble, outside),
    )


def cavity_transition(
    degree: float = 3, *, couplings: Couplings = "pm", graph: GraphKind = "regular"
) -> xr.Dataset:
    """Where the paramagnet without fields becomes unstable, on a random graph.

    To a ferromagnet where c <tanh(K / T)> = 1, and to a glass where c <tanh(K / T)^2> = 1, c being the mean
    number of a spin's further neighbours: degree - 1, or the mean degree of an Erdos-Renyi graph (Thouless
    1986, Phys. Rev. Lett. 56, 1082). Both are exact where the transition is continuous.

    Returns
    -------
    ``glass_temperature`` and ``ferromagnetic_temperature`` in units of the couplings; NaN where there is none

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> float(cavity_transition(3).glass_temperature.round(6))
    1.134593
    """
    ensemble = _checked(degree, couplings, graph)
    found = xr.Dataset(
        {
            "glass_temperature": _temperature(ensemble, 2),
            "ferromagnetic_temperature": _temperature(ensemble, 1),
        }
    )
    return told(
        found.assign_attrs(degree=float(degree), couplings=couplings, graph=graph),
        source="Thouless 1986, Phys. Rev. Lett. 56, 1082",
        valid="infinitely large graphs, continuous transitions",
        error="1e-10",
    )


def _checked(degree: float, couplings: str, graph: str) -> _Ensemble:
    if couplings not in ("ferromagnet", "pm", "gaussian"):
        raise InputError(f"couplings are ferromagnet, pm or gaussian; got {couplings!r}")
    if graph not in ("regular", "erdos_renyi"):
        raise InputError(f"graph is regular or erdos_renyi; got {graph!r}")
    value = checked_parameter(degree, "degree")
    if graph == "regular" and (value < 3 or not value.is_integer()):
        raise InputError(
            f"a regular graph takes a whole degree of three or more (of degree 2 it is a ring); got {value:g}"
        )
    if not 0 < value <= _LARGEST_DEGREE:
        raise InputError(
            f"the degree, or its mean, must be positive, up to {_LARGEST_DEGREE:g}; got {value:g}"
        )
    return _Ensemble(value, couplings, graph)  # type: ignore[arg-type]


def _temperature(ensemble: _Ensemble, power: int) -> float:
    """T at which branching <tanh(K / T)^power> = 1; NaN where it never is."""
    from scipy.optimize import brentq

    strengths, weights = _strengths(ensemble, power)

    def excess(beta: float) -> float:
        return float(ensemble.branching * (weights @ np.tanh(beta * strengths) ** power) - 1)

    if not strengths.size or excess(1e4) <= 0:
        return float("nan")
    return float(1 / brentq(excess, 1e-9, 1e4, xtol=1e-15, rtol=1e-14))


def _strengths(ensemble: _Ensemble, power: int) -> tuple[Floats, Floats]:
    if ensemble.couplings == "gaussian" and power == 2:
        nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE)
        k = 6 * (1 + nodes)  # half of a normal, to 12 standard deviations
        density = np.sqrt(2 / np.pi) * np.exp(-(k**2) / 2)
        return k, 6 * weights * density
    if ensemble.couplings == "ferromagnet" or power == 2:
        return np.ones(1), np.ones(1)
    return np.empty(0), np.empty(0)  # as many negative couplings as positive ones: no ferromagnet


class _Population(NamedTuple):
    """Messages (n,), times beta, and what the last sweep made each of: a coupling K and a cavity field."""

    messages: Floats
    couplings: Floats
    cavities: Floats

    def picked(self, rng: np.random.Generator, counts: Counts, n: int) -> NDArray[np.int64]:
        """Random ones, so many for each of n spins."""
        return rng.integers(len(self.messages), size=counts * n if isinstance(counts, int) else counts.sum())


def _grouped(values: Floats, counts: Counts) -> Floats:
    """Sums over so many values for each spin: of those that have alike, of one of every spin after the
    other."""
    if isinstance(counts, int):
        return np.asarray(values.reshape(counts, -1).sum(axis=0))
    ends = np.concatenate([[0.0], np.cumsum(values)])
    last = np.cumsum(counts)
    return np.asarray(ends[last] - ends[last - counts])


def _swept(
    rng: np.random.Generator, old: _Population, beta: float, ensemble: _Ensemble, field: float
) -> _Population:
    """A whole new population, of the old one."""
    n = len(old.messages)
    counts = ensemble.others(rng, n)
    cavities = -beta * field + _grouped(old.messages[old.picked(rng, counts, n)], counts)
    couplings = beta * ensemble.drawn(rng, n)
    return _Population(passed_field(couplings, cavities), couplings, cavities)


def _averages(
    rng: np.random.Generator, beta: float, ensemble: _Ensemble, field: float, size: int, sweeps: int
) -> dict[str, float]:
    direction = -1.0 if field > 0 else 1.0  # one of the two of a ferromagnet, that of the field
    messages = direction * rng.uniform(0, 1, size) * beta
    population, kept = _Population(messages, messages, messages), []
    for sweep in range(sweeps):
        population = _swept(rng, population, beta, ensemble, field)
        if sweep >= sweeps // 2 and sweep % _EVERY == 0:
            kept.append(_measured(rng, population, beta, ensemble, field))
    table = np.array(kept)
    blocks = np.array([part.mean(axis=0) for part in np.array_split(table, _PART)])
    error = blocks.std(axis=0, ddof=1) / np.sqrt(_PART)
    halves = blocks[: _PART // 2].mean(axis=0), blocks[_PART // 2 :].mean(axis=0)
    drift = (halves[1] - halves[0]) / np.where(error > 0, 2 * error, np.inf)
    row: dict[str, float] = {}
    for k, name in enumerate(("energy", "free_energy", "magnetisation", "q")):
        row |= {name: float(table[:, k].mean()), f"{name}_error": float(error[k])}
    return row | {"drift": float(drift[3])}


def _measured(
    rng: np.random.Generator, population: _Population, beta: float, ensemble: _Ensemble, field: float
) -> tuple[float, float, float, float]:
    """Energy, free energy, magnetisation and q of one sweep: of spins made of messages, and of links between
    cavity fields."""
    messages, couplings, _ = population
    n = len(messages)
    counts = ensemble.neighbours(rng, n)
    picked = population.picked(rng, counts, n)
    local = -beta * field + _grouped(messages[picked], counts)
    own = _grouped((log_cosh(couplings) - log_cosh(messages))[picked], counts) + log_cosh(local) + np.log(2)
    log_links, correlated = _links(rng, population, ensemble)
    n_links, mean = ensemble.degree / 2, np.tanh(local)
    free = -(own.mean() - n_links * log_links) / beta
    energy = -n_links * correlated / beta + field * float(mean.mean())
    return energy, float(free), float(mean.mean()), float((mean**2).mean())


def _links(rng: np.random.Generator, population: _Population, ensemble: _Ensemble) -> tuple[float, float]:
    """Means over links between two cavity fields: of ln of the sum over both spins, fields normalised, and of
    K <s s>, times beta. Couplings of both signs are taken with both, which leaves no noise of their sum."""
    one, k = population.cavities, population.couplings
    other = rng.permutation(one)
    alike, unlike = log_cosh(one + other), log_cosh(one - other)
    norm = np.log(2) + log_cosh(one) + log_cosh(other)
    signed = [k] if ensemble.couplings == "ferromagnet" else [k, -k]
    logs = [np.logaddexp(by + alike, unlike - by) - norm for by in signed]
    correlated = [by * np.tanh(by + (alike - unlike) / 2) for by in signed]
    return float(np.mean(logs)), float(np.mean(correlated))


def one_state_assumed(where: str) -> Remark:
    """That there are many states where one was assumed, such as below the transition to a glass."""
    ansatz, further = (
        "solution of one state",
        "its energy is a lower bound, and its q that of no single state",
    )
    return replica_symmetry_broken(where, ansatz, further)


def _remarks(found: xr.Dataset, ensemble: _Ensemble, field: float) -> list[Remark]:
    remarks = []
    glass = _temperature(ensemble, 2)
    temperatures = found.temperature.values
    if ensemble.couplings != "ferromagnet" and (temperatures < glass).any():
        above = (
            f"below T = {glass:.6g}" if field == 0 else f"below T = {glass:.6g}, which is that of no field,"
        )
        remarks.append(one_state_assumed(above))
    if (moving := np.abs(found.drift.values) > 4).any():
        text = (
            f"q still moves at {listed('T', temperatures[moving])}: take more sweeps (near a transition many)"
        )
        remarks.append(Remark("drift", text, Level.CAUTION))
    return remarks
