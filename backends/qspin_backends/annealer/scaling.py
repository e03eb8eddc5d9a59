"""How much a problem has to shrink to fit the range of a device: one factor for all scales and gauges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Hardware, Limits
from qspin_backends.annealer.embeddings.layout import Layout

__all__ = ["Fit", "coupling_groups", "fit"]


@dataclass(frozen=True)
class Fit:
    """A factor of at most 1 on all energies, and the limit of the device that asks for it."""

    factor: float
    limit: str


def fit(
    problem: IsingProblem,
    layout: Layout,
    scale: float,
    strengths: NDArray[np.float64],
    limits: Limits,
    *,
    gauged: bool,
    extended: bool,
    groups: NDArray[np.int64] | None = None,
    gains: Sequence[float] = (1.0,),
) -> Fit:
    """What fits the problem, multiplied by `scale`, with its chains into the limits.

    Parameters
    ----------
    strengths : of the chains (n_spins,), in units of the problem times `scale`
    gauged : the signs of fields and couplings are not known, so either may occur
    extended : couplings may use the extended range; in a gauge that turns them positive they cannot, so with
        gauges it serves the chains alone
    groups : of couplers, see `coupling_groups`; None for none
    gains : by which the device multiplies fields in the course of an anneal: the products have to fit too
    """
    fields = np.concatenate([gain * scale * layout.fields(problem.fields) for gain in gains])
    couplings = layout.couplings(scale * problem.edges.couplings, strengths)
    between, chains = couplings[: layout.n_between], couplings[layout.n_between :]
    if gauged:
        fields, between = _either_sign(fields), _either_sign(between)
    j_range = limits.extended_j if extended else limits.j
    factors = {
        "h_range": _ratio(fields, limits.h),
        "j_range": _ratio(between, j_range),
        "extended_j_range" if extended else "j_range of chains": _ratio(chains, j_range),
    }
    for name, allowed, members in (
        ("per_qubit_coupling_range", limits.per_qubit, layout.couplers),
        ("per_group_coupling_range", limits.per_group, groups),
    ):
        if allowed is not None and members is not None:
            factors[name] = _ratio(_sums(members, couplings, layout.n_between, gauged), allowed)
    limit = min(factors, key=lambda name: factors[name])
    return Fit(min(1.0, factors[limit]), limit)


def coupling_groups(layout: Layout, hardware: Hardware | None, limits: Limits) -> NDArray[np.int64] | None:
    """Which group of its one end and which of its other end each coupler belongs to (n_couplers, 2).

    Groups are those of `dwave.system.coupling_groups`, numbered in its order; None where none is limited.

    Raises
    ------
    InputError
        If a device limits groups that nobody knows: those of Zephyr are the only ones.
    """
    if limits.per_group is None or hardware is None:
        return None
    if hardware.topology != "zephyr":
        raise InputError(
            f"this device states a per_group_coupling_range, and the groups of a {hardware.topology} device "
            "are not known, only those of zephyr: choose another solver",
            key=("solver",),
        )
    import networkx as nx
    from dwave.system.coupling_groups import coupling_groups as groups_of

    ends = layout.qubits[layout.couplers]
    graph = nx.Graph(family=hardware.topology, rows=hardware.shape[0])
    graph.add_edges_from((u, v, {"position": k}) for k, (u, v) in enumerate(ends.tolist()))
    groups = np.empty(ends.shape, dtype=np.int64)
    for number, group in enumerate(groups_of(graph)):
        for other, qubit in group:  # `qubit` is what all couplers of a group share
            k = graph.edges[other, qubit]["position"]
            groups[k, int(ends[k, 1] == qubit)] = number
    return groups


def _either_sign(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([values, -values])


def _ratio(values: NDArray[np.float64], allowed: tuple[float, float]) -> float:
    """By which values may be multiplied."""
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
    return min(allowed[0] / low if low < 0 else np.inf, allowed[1] / high if high > 0 else np.inf)


def _sums(
    members: NDArray[np.int64], couplings: NDArray[np.float64], n_between: int, gauged: bool
) -> NDArray[np.float64]:
    """Sums of couplings at each qubit, or in each group; in unknown gauges the largest and the least of each.

    Parameters
    ----------
    members : the two sums that each coupling belongs to (n_couplers, 2)
    couplings : (n_couplers,), the first `n_between` between chains, which alone a gauge can turn round
    """
    n = int(members.max(initial=-1)) + 1

    def total(values: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
        sums = [np.bincount(end, weights=values[part], minlength=n) for end in members[part].T]
        return np.asarray(sum(sums, np.zeros(n)))

    between, chains = slice(None, n_between), total(couplings, slice(n_between, None))
    if not gauged:
        return chains + total(couplings, between)
    most = total(np.abs(couplings), between)
    return np.concatenate([chains + most, chains - most])
