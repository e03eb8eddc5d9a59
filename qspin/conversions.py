"""Problems in other forms: QUBO, dimod's BQM, networkx graphs; `IsingProblem` calls these."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import ArrayLike

from qspin.errors import InputError, shown
from qspin.validate import checked_real

if TYPE_CHECKING:
    import dimod
    import networkx as nx

    from qspin.problem import IsingProblem

__all__ = ["Terms", "bqm_of", "graph_of", "qubo_of", "terms_of_bqm", "terms_of_graph", "terms_of_qubo"]


class Terms(NamedTuple):
    """What `IsingProblem.from_edges` takes, in its order."""

    n_spins: int
    i: ArrayLike
    j: ArrayLike
    couplings: ArrayLike
    fields: ArrayLike
    offset: float
    labels: list[Hashable]


def terms_of_bqm(bqm: dimod.BinaryQuadraticModel) -> Terms:
    """Of either vartype; raises InputError for another kind of model."""
    import dimod

    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise InputError(
            f"expected a dimod.BinaryQuadraticModel; got a {type(bqm).__name__}. Models with "
            "constraints, or other variables than spins and bits, are no Ising problems"
        )
    vectors: Any = bqm.spin.to_numpy_vectors(variable_order=list(bqm.variables), sort_indices=True)
    linear, (i, j, quadratic), offset = vectors
    return Terms(len(linear), i, j, quadratic, linear, float(offset), list(bqm.variables))


def bqm_of(problem: IsingProblem) -> dimod.BinaryQuadraticModel:
    """Of vartype SPIN."""
    import dimod

    bqm = dimod.BinaryQuadraticModel(dimod.SPIN)
    bqm.offset = problem.offset
    labels = problem.labels
    bqm.add_linear_from(zip(labels, problem.fields.tolist(), strict=True))
    bqm.add_quadratic_from(
        (labels[i], labels[j], value)
        for i, j, value in zip(*(column.tolist() for column in problem.edges), strict=True)
    )
    return bqm


def terms_of_qubo(qubo: Mapping[Any, float], offset: float) -> Terms:
    """Of ``sum Q_uv x_u x_v + offset``; raises InputError if it is no mapping of pairs to finite numbers."""
    if not isinstance(qubo, Mapping):
        raise InputError(
            f"a QUBO is a mapping from pairs of labels to numbers; got a {type(qubo).__name__}. A matrix "
            "becomes one by dict(numpy.ndenumerate(Q))"
        )
    index: dict[Hashable, int] = {}
    linear: dict[int, list[float]] = {}
    quadratic: dict[tuple[int, int], list[float]] = {}
    for pair, value in qubo.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InputError(f"QUBO keys must be pairs of labels, e.g. ('a', 'b'); got {shown(pair)}")
        u, v = (index.setdefault(label, len(index)) for label in pair)
        number = checked_real(value, partial(_entry_name, *pair))
        if u == v:
            linear.setdefault(u, []).append(number)
        else:
            quadratic.setdefault((min(u, v), max(u, v)), []).append(number)
    offset = checked_real(offset, "offset")
    try:
        return _terms_of_bits(list(index), linear, quadratic, offset)
    except OverflowError:
        raise InputError("the values of the QUBO add up to more than a float64 can hold") from None


def _terms_of_bits(
    labels: list[Hashable],
    linear: Mapping[int, list[float]],
    quadratic: Mapping[tuple[int, int], list[float]],
    offset: float,
) -> Terms:
    """The QUBO by position of its bits, terms to be summed; each sum is rounded once."""
    diagonal = {u: math.fsum(values) for u, values in linear.items()}
    pairs = {pair: math.fsum(values) for pair, values in quadratic.items()}
    halves = [[diagonal.get(u, 0.0) / 2] for u in range(len(labels))]
    for (u, v), value in pairs.items():
        halves[u].append(value / 4)
        halves[v].append(value / 4)
    constant = math.fsum(
        [offset, *(value / 2 for value in diagonal.values()), *(v / 4 for v in pairs.values())]
    )
    i, j = zip(*pairs, strict=True) if pairs else ((), ())
    couplings = [value / 4 for value in pairs.values()]
    return Terms(len(labels), i, j, couplings, [math.fsum(h) for h in halves], constant, labels)


def qubo_of(problem: IsingProblem) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
    """(Q, offset); sums are rounded once."""
    labels, (i, j, couplings) = problem.labels, problem.edges
    terms = [[2 * h] for h in problem.fields.tolist()]
    qubo: dict[tuple[Hashable, Hashable], float] = {(v, v): 0.0 for v in labels}
    for u, v, value in zip(i.tolist(), j.tolist(), couplings.tolist(), strict=True):
        terms[u].append(-2 * value)
        terms[v].append(-2 * value)
        qubo[labels[u], labels[v]] = 4 * value
    for label, parts in zip(labels, terms, strict=True):
        qubo[label, label] = math.fsum(parts)
    return qubo, math.fsum([problem.offset, *couplings.tolist(), *(-problem.fields).tolist()])


def terms_of_graph(graph: nx.Graph, weight: str, field: str) -> Terms:
    """Of an undirected graph without self-loops; raises InputError for others."""
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise InputError(f"expected a networkx graph; got a {type(graph).__name__}")
    if graph.is_directed():
        raise InputError("couplings are symmetric, but the graph is directed; pass graph.to_undirected()")
    index = {node: k for k, node in enumerate(graph.nodes)}
    edges = list(graph.edges(data=weight, default=1.0))
    for u, v, _ in edges:
        if u == v:
            raise InputError(
                f"node {shown(u)} has a self-loop; s_i s_i is a constant, so remove it with "
                "graph.remove_edges_from(nx.selfloop_edges(graph)) or put it into the offset"
            )
    i = [index[u] for u, _, _ in edges]
    j = [index[v] for _, v, _ in edges]
    couplings = [checked_real(value, partial(_attribute_name, weight, "edge", u, v)) for u, v, value in edges]
    fields = [
        checked_real(value, partial(_attribute_name, field, "node", node))
        for node, value in graph.nodes(data=field, default=0.0)
    ]
    return Terms(len(index), i, j, couplings, fields, graph.graph.get("offset", 0.0), list(index))


def graph_of(problem: IsingProblem, weight: str, field: str) -> nx.Graph:
    """With couplings, fields and offset as attributes."""
    import networkx as nx

    graph = nx.Graph(offset=problem.offset)
    labels = problem.labels
    for label, value in zip(labels, problem.fields.tolist(), strict=True):
        graph.add_node(label, **{field: value})
    for i, j, value in zip(*(column.tolist() for column in problem.edges), strict=True):
        graph.add_edge(labels[i], labels[j], **{weight: value})
    return graph


def _entry_name(u: Hashable, v: Hashable) -> str:
    return f"Q[{shown(u)}, {shown(v)}]"


def _attribute_name(name: str, kind: str, *nodes: Hashable) -> str:
    return f"{shown(name)} of {kind} {', '.join(map(shown, nodes))}"
