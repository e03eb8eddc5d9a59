"""The Boltzmann machine on any graph, its hidden units coupled to each other or not."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qspin.errors import CapacityError, InputError, shown
from qspin.networks.boltzmann.machines.accepted import checked_precision, checked_spread
from qspin.networks.boltzmann.machines.described import Description
from qspin.networks.boltzmann.machines.machine import Gradients, Machine, Terms, generator_of
from qspin.networks.boltzmann.machines.units import UnitName
from qspin.problem import IsingProblem

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["BoltzmannMachine"]

_MOST_COUPLED = 16  # units that are coupled to each other and summed over


class _Side(NamedTuple):
    """Units that are kept, and the others by what of them hangs together."""

    kept: Tensor
    rest: Tensor
    alone: Tensor  # positions in the rest of units that are coupled to kept ones only
    together: list[Tensor]  # positions in the rest, of each connected part


class BoltzmannMachine(Machine):
    """``E(x) = sum J_ij x_i x_j + sum h_i x_i`` over the edges of a graph: a negative coupling attracts.

    Parameters
    ----------
    graph : undirected, of networkx; Zephyr, Pegasus, complete, bipartite or any other. What it has for
        weights is not looked at
    hidden : its nodes that are hidden; ``[]`` where all are visible
    visible : its nodes that are visible, in the order of the columns of data; default those that are not
        hidden, in the order of the graph. One of the two is needed
    units : ``spins`` (-1 and +1) or ``bits`` (0 and 1)
    spread : standard deviation of the couplings at first; fields are 0
    seed : of these
    dtype : of the parameters, float32 or float64

    Attributes
    ----------
    couplings : one an edge, in the order of `edges`
    fields : one a unit, visible units first

    Raises
    ------
    InputError
        If neither visible nor hidden units are named, they are not all nodes of the graph, or it is none.

    Examples
    --------
    >>> import networkx as nx
    >>> machine = BoltzmannMachine(nx.path_graph(3), hidden=[1])
    >>> machine.visible, machine.hidden, machine.edges
    ((0, 2), (1,), ((0, 1), (2, 1)))
    """

    def __init__(
        self,
        graph: nx.Graph,
        hidden: Iterable[Hashable] | None = None,
        *,
        visible: Iterable[Hashable] | None = None,
        units: UnitName = "spins",
        spread: float = 0.01,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ):
        edges = _checked_graph(graph)
        seen, unseen = _named(graph, visible, hidden)
        super().__init__(units, [*seen, *unseen], len(seen))
        place = {node: k for k, node in enumerate([*seen, *unseen])}
        ends = [(place[u], place[v]) for u, v in edges]
        self._ends = tuple(sorted((min(e), max(e)) for e in ends))
        i, j = np.array(self._ends, dtype=np.int64).reshape(-1, 2).T
        self.register_buffer("_i", torch.as_tensor(i.copy()), persistent=False)
        self.register_buffer("_j", torch.as_tensor(j.copy()), persistent=False)
        generator, dtype = generator_of(seed, torch.device("cpu")), checked_precision(dtype)
        drawn = torch.randn(len(i), generator=generator, dtype=dtype)
        self.couplings = nn.Parameter(checked_spread(spread) * drawn)
        self.fields = nn.Parameter(torch.zeros(len(place), dtype=dtype))

    _i: Tensor
    _j: Tensor

    @classmethod
    def from_problem(
        cls, problem: IsingProblem, visible: Iterable[Hashable] | None = None
    ) -> BoltzmannMachine:
        """The machine of spins whose energy is that of a problem, but for the offset: at beta = 1.

        Parameters
        ----------
        problem : its couplings, those that are not 0, are the edges
        visible : labels of visible units in the order of the columns of data; default its group ``visible``,
            all spins where it has none

        Raises
        ------
        InputError
            If a label is none of the problem's, or no unit is visible.

        Examples
        --------
        >>> chain = IsingProblem([[0, -1, 0], [-1, 0, 2], [0, 2, 0]], [0.5, 0, 0], labels="abc")
        >>> machine = BoltzmannMachine.from_problem(chain, visible=["c", "a"])
        >>> machine.labels, machine.problem().energies([1, -1, 1]).item()
        (('c', 'a', 'b'), 2.5)
        """
        import networkx as nx

        labels, (i, j, couplings) = problem.labels, problem.edges
        graph: nx.Graph = nx.Graph()
        graph.add_nodes_from(labels)
        graph.add_edges_from((labels[k], labels[m]) for k, m in zip(i, j, strict=True))
        machine = cls(graph, visible=_visible_of(problem) if visible is None else visible, spread=0.0)
        place = {label: k for k, label in enumerate(machine.labels)}
        at = np.array([place[label] for label in labels])
        ends = np.sort([at[i], at[j]], axis=0)
        order = np.lexsort(ends[::-1])
        with torch.no_grad():
            machine.couplings.copy_(torch.as_tensor(couplings[order]))
            machine.fields[torch.as_tensor(at)] = torch.as_tensor(problem.fields.copy())
        return machine

    @classmethod
    def described(cls, description: Description, dtype: torch.dtype) -> BoltzmannMachine:
        import networkx as nx

        labels = description.labels
        graph: nx.Graph = nx.Graph()
        graph.add_nodes_from(labels)
        graph.add_edges_from((labels[i], labels[j]) for i, j in description.edges or ())
        seen, unseen = labels[: description.n_visible], labels[description.n_visible :]
        return cls(graph, visible=seen, hidden=unseen, units=description.units, dtype=dtype)  # type: ignore[arg-type]

    @property
    def edges(self) -> tuple[tuple[Hashable, Hashable], ...]:
        """Pairs of labels, in the order of `couplings`."""
        return tuple((self.labels[i], self.labels[j]) for i, j in self._ends)

    def description(self) -> Description:
        kind = super().description()
        return Description(kind.kind, kind.units, kind.labels, kind.n_visible, self._ends)

    # -- energies --------------------------------------------------------------------------------

    def energies(self, configurations: Any) -> Tensor:
        return self._energies(
            self.units.checked(configurations, len(self.labels), "configurations", self.like)
        )

    def _energies(self, x: Tensor) -> Tensor:
        return (x[..., self._i] * x[..., self._j]) @ self.couplings + x @ self.fields

    def matrix(self) -> Tensor:
        """Symmetric couplings (N, N), differentiable."""
        n = len(self.labels)
        half = torch.zeros(n, n, dtype=self.like.dtype, device=self.like.device)
        half = half.index_put((self._i, self._j), self.couplings)
        return half + half.T

    def terms(self) -> Terms:
        couplings, fields = (
            p.detach().to("cpu", torch.float64).numpy() for p in (self.couplings, self.fields)
        )
        i, j = np.array(self._ends, dtype=np.int64).reshape(-1, 2).T
        return Terms(i, j, couplings, fields)

    # -- some units summed over ------------------------------------------------------------------

    @cached_property
    def _sides(self) -> dict[str, _Side]:
        n, visible = len(self.labels), self.n_visible
        everything = np.arange(n)
        return {
            "visible": self._side(everything[:visible], everything[visible:]),
            "hidden": self._side(everything[visible:], everything[:visible]),
        }

    def _side(self, kept: Any, rest: Any) -> _Side:
        import networkx as nx

        place = {int(unit): k for k, unit in enumerate(rest)}
        graph: nx.Graph = nx.Graph()
        graph.add_nodes_from(place.values())
        graph.add_edges_from((place[i], place[j]) for i, j in self._ends if i in place and j in place)
        parts = [sorted(part) for part in nx.connected_components(graph)]
        alone = [part[0] for part in parts if len(part) == 1]
        together = [torch.tensor(part) for part in parts if len(part) > 1]
        return _Side(
            torch.as_tensor(kept), torch.as_tensor(rest), torch.tensor(alone, dtype=torch.long), together
        )

    def sides(self) -> Mapping[str, tuple[int, int]]:
        found = {}
        for name, side in self._sides.items():
            largest = max((len(part) for part in side.together), default=0)
            if largest <= _MOST_COUPLED:
                found[name] = (len(side.kept), len(side.kept) + largest)
        return found

    def free_energy(self, visible: Any) -> Tensor:
        given = self.checked_visible(visible, "visible")
        if not self.is_summable:
            largest = max(len(part) for part in self._sides["visible"].together)
            raise CapacityError(
                f"{largest} hidden units are coupled to each other, and at most {_MOST_COUPLED} are summed "
                f"over: it would take 2^{largest} terms a row; take fewer of them, or energies of samples"
            )
        return self.side_energy("visible", given)

    def side_energy(self, side: str, states: Tensor) -> Tensor:
        parts, matrix = self._sides[side], self.matrix()
        kept = parts.kept
        energy = ((states @ matrix[kept][:, kept]) * states).sum(-1) / 2 + states @ self.fields[kept]
        gains = -(self.fields[parts.rest] + states @ matrix[kept][:, parts.rest])
        energy = energy - self.units.log_sum(gains[..., parts.alone]).sum(-1)
        for part in parts.together:
            energy = energy - torch.logsumexp(self._part(parts, part, gains, matrix)[1], dim=-1)
        return energy

    def _part(self, parts: _Side, part: Tensor, gains: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Configurations of a connected part (2^k, k), and the ln of their weights (..., 2^k)."""
        k, units = len(part), parts.rest[part]
        states = self.units.states(torch.arange(2**k, device=gains.device), k, gains.dtype)
        inner = ((states @ matrix[units][:, units]) * states).sum(-1) / 2
        return states, gains[..., part] @ states.T - inner

    @torch.no_grad()
    def completed(self, side: str, states: Tensor, generator: torch.Generator) -> Tensor:
        parts, matrix = self._sides[side], self.matrix()
        gains = -(self.fields[parts.rest] + states @ matrix[parts.kept][:, parts.rest])
        rest = self.units.draw(gains, generator)
        for part in parts.together:
            own, logs = self._part(parts, part, gains, matrix)
            flat = torch.softmax(logs, dim=-1).reshape(-1, len(own))
            chosen = torch.multinomial(flat, 1, generator=generator)[:, 0].reshape(logs.shape[:-1])
            rest[..., part] = own[chosen]
        whole = torch.empty(*states.shape[:-1], len(self.labels), dtype=states.dtype, device=states.device)
        whole[..., parts.kept], whole[..., parts.rest] = states, rest
        return whole

    # -- block Gibbs -----------------------------------------------------------------------------

    @cached_property
    def _blocks(self) -> list[tuple[bool, Tensor]]:
        """Units without couplings among them, hidden ones first, and whether they are hidden."""
        import networkx as nx

        graph: nx.Graph = nx.Graph()
        graph.add_nodes_from(range(len(self.labels)))
        graph.add_edges_from(self._ends)
        colours = nx.greedy_color(graph, strategy="DSATUR" if len(graph) < 500 else "largest_first")
        blocks = []
        for is_hidden in (True, False):
            own = [k for k in graph if (k >= self.n_visible) == is_hidden]
            for colour in sorted({colours[k] for k in own}):
                blocks.append((is_hidden, torch.tensor([k for k in own if colours[k] == colour])))
        return blocks

    @torch.no_grad()
    def swept(
        self,
        configurations: Tensor,
        generator: torch.Generator,
        *,
        beta: float = 1.0,
        base: Tensor | None = None,
        hold_visible: bool = False,
    ) -> Tensor:
        x, matrix = configurations.clone(), self.matrix()
        for is_hidden, block in self._blocks:
            if hold_visible and not is_hidden:
                continue
            gains = -beta * (self.fields[block] + x @ matrix[:, block])
            if base is not None:
                gains = gains + (1 - beta) * base[block]
            x[..., block] = self.units.draw(gains, generator)
        return x

    @torch.no_grad()
    def log_weights(self, configurations: Tensor, beta: float, base: Tensor) -> Tensor:
        return (1 - beta) * (configurations @ base) - beta * self._energies(configurations)

    # -- gradients -------------------------------------------------------------------------------

    def unit_means(self, gradients: Gradients) -> Tensor:
        return gradients["fields"]

    def centred(self, gradients: Gradients, offsets: Tensor) -> Gradients:
        i, j, fields = self._i, self._j, gradients["fields"]
        couplings = gradients["couplings"] - offsets[i] * fields[j] - offsets[j] * fields[i]
        return {**gradients, "couplings": couplings}

    @torch.no_grad()
    def follow(self, before: Gradients, offsets: Tensor) -> None:
        change = self.couplings - before["couplings"]
        self.fields.index_add_(0, self._i, -change * offsets[self._j])
        self.fields.index_add_(0, self._j, -change * offsets[self._i])


def _checked_graph(graph: Any) -> list[tuple[Any, Any]]:
    """Edges of a graph of networkx, in which every pair is coupled once."""
    if not hasattr(graph, "edges") or not hasattr(graph, "is_directed"):
        raise InputError(f"a machine is made on a graph of networkx; got {type(graph).__name__}")
    if graph.is_directed() or graph.is_multigraph():
        raise InputError("the graph must be undirected, with one edge a pair; take networkx.Graph(graph)")
    edges = list(graph.edges())
    if loops := [u for u, v in edges if u == v]:
        raise InputError(
            f"node {shown(loops[0])} is joined to itself; remove such edges: fields are linear terms"
        )
    return edges


def _visible_of(problem: IsingProblem) -> list[Hashable]:
    """Labels of the group ``visible``, or of all."""
    groups = (problem.known.groups if problem.known is not None else None) or {}
    places = groups.get("visible", range(problem.n_spins))
    return [problem.labels[k] for k in places]


def _named(
    graph: Any, visible: Iterable[Hashable] | None, hidden: Iterable[Hashable] | None
) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
    """Visible and hidden nodes, every node of the graph once."""
    if visible is None and hidden is None:
        raise InputError(
            "the graph does not say which units are visible: name the hidden ones (hidden=[] where there are "
            "none), or the visible ones in the order of the data (visible=...)"
        )
    given = {"visible": visible, "hidden": hidden}
    for name, nodes in given.items():
        if nodes is not None and not isinstance(nodes, Iterable):
            raise InputError(f"{name} takes names of nodes, not how many: {name}=[...]; got {shown(nodes)}")
    named = {name: [] if nodes is None else list(nodes) for name, nodes in given.items()}
    for name, nodes in named.items():
        for node in nodes:
            if node not in graph:
                raise InputError(f"{name} names {shown(node)}, which is no node of the graph")
    every = [*named["visible"], *named["hidden"]]
    if len(set(every)) < len(every):
        twice = next(node for k, node in enumerate(every) if node in every[:k])
        raise InputError(f"node {shown(twice)} is named twice among visible and hidden units; name it once")
    rest = [node for node in graph if node not in set(every)]
    if visible is None:
        return rest, named["hidden"]
    if hidden is None:
        return named["visible"], rest
    if rest:
        raise InputError(
            f"node {shown(rest[0])} is neither visible nor hidden; name all, or leave one of them out"
        )
    return named["visible"], named["hidden"]
