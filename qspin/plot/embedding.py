"""Where a problem lies on a device: qubits on the chip's own layout, a colour for each chain."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qspin.arguments import checked_arguments
from qspin.errors import InputError, MissingExtraError
from qspin.plot.style import COLOURS, axes_or_current
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

__all__ = ["embedding", "embedding_told"]

_UNUSED, _MISSING, _COUPLER = "0.82", "#D55E00", "0.45"
_DIAMETER = 0.45  # of a qubit that is not used, in units of the distance between neighbours
_USED = 1.5  # times that of a qubit that is used
_LEAST_SIDE, _MARGIN = 0.08, 0.06  # of what is shown of the device, and around that

Copy = Sequence[Sequence[int]]


@checked_arguments
def embedding(
    found: SampleSet | Mapping[str, Any],
    ax: Axes | None = None,
    *,
    problem: IsingProblem | None = None,
    placement: int = 0,
    is_whole: bool | None = None,
) -> Axes:
    """Chains of qubits on the layout of a Chimera, Pegasus or Zephyr device. Needs the extra ``dwave``.

    Spins have colours, the same in every copy of the problem; thick lines are chains, thin ones couplers
    between them. Grey qubits are not used, crosses do not work.

    Parameters
    ----------
    found : samples of an annealer, or what ``qspin embed`` finds: a mapping with ``topology``, ``shape``,
        ``chains`` (placement, copy, spin, qubit) and, if it is known which work, ``qubits`` and ``couplers``
    problem : draw the couplers of its couplings alone; default all between the chains of a copy
    placement : which, where there are several embeddings
    is_whole : show the whole device; default where the chains cover a third of its width or more

    Raises
    ------
    InputError
        If there is no embedding in it, or no such placement.
    """
    told = _told(found)
    if not 0 <= placement < len(told["chains"]):
        raise InputError(f"there are {len(told['chains'])} placements, from 0; got {placement}")
    copies: Sequence[Copy] = told["chains"][placement]
    graph, places = _layout(str(told["topology"]), tuple(told["shape"]))
    if told.get("couplers") is not None:
        graph = graph.edge_subgraph(map(tuple, told["couplers"]))
    used = _used(copies, places)
    ax = axes_or_current(ax)
    width = _frame(ax, np.array(list(places.values())), np.array([places[q] for q in used]), is_whole)
    _draw_unused(ax, places, set(used), told.get("qubits"))
    _draw_copies(ax, graph, places, copies, problem, width)
    size = "x".join(map(str, told["shape"]))
    n_copies = f"{len(copies)} copies, " if len(copies) > 1 else ""
    n_placements = len(told["chains"])
    which = f" (embedding {placement + 1} of {n_placements})" if n_placements > 1 else ""
    ax.set_title(f"{n_copies}{len(used)} qubits of {told['topology']} {size}{which}", fontsize="medium")
    broken = "" if told.get("qubits") is None else "; crosses: qubits that do not work"
    ax.set_xlabel(f"colours: spins; grey: qubits that are not used{broken}", fontsize="small")
    return ax


def embedding_told(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """The embedding that `info` of samples tells of, as `embedding` draws it; None where it tells of none.

    Examples
    --------
    >>> embedding_told({"backend": "exact"}) is None
    True
    """
    device, pipeline = info.get("device"), info.get("pipeline")
    if not isinstance(device, Mapping) or not isinstance(pipeline, Mapping) or not device.get("topology"):
        return None
    chains = pipeline.get("copies", {}).get("chains") or [[pipeline["embedding"]["chains"]]]
    return {"topology": device["topology"], "shape": device["shape"], "chains": chains}


def _told(found: SampleSet | Mapping[str, Any]) -> Mapping[str, Any]:
    """Topology, shape and chains."""
    if isinstance(found, Mapping):
        missing = [name for name in ("topology", "shape", "chains") if name not in found]
        if missing:
            raise InputError(
                f"an embedding has topology, shape and chains; this one lacks {', '.join(missing)}"
            )
        return found
    if not isinstance(getattr(found, "info", None), Mapping):
        raise InputError(
            "embedding takes samples of an annealer or what `qspin embed` finds; got a "
            f"{type(found).__name__}"
        )
    if (told := embedding_told(found.info)) is None:
        raise InputError("these samples have no embedding: no device with a topology has annealed them")
    return told


@functools.lru_cache(maxsize=4)
def _layout(topology: str, shape: tuple[int, ...]) -> tuple[nx.Graph, dict[int, NDArray[np.float64]]]:
    """The lattice with all of its qubits, and where each is drawn, in units of the width."""
    try:
        from dwave import graphs
    except ImportError as error:
        raise MissingExtraError("a picture of an embedding", extra="dwave", module="dwave.graphs") from error
    if topology not in ("chimera", "pegasus", "zephyr"):
        raise InputError(f"layouts are known of chimera, pegasus and zephyr; got {topology!r}")
    graph = getattr(graphs, f"{topology}_graph")(*shape)
    return graph, getattr(graphs, f"{topology}_layout")(graph)


def _used(copies: Iterable[Copy], places: Mapping[int, Any]) -> list[int]:
    used = [int(qubit) for copy in copies for chain in copy for qubit in chain]
    for qubit in used:
        if qubit not in places:
            raise InputError(f"the device has no qubit {qubit}: the embedding is of another one")
    if not used:
        raise InputError("there are no chains to draw")
    return used


def _frame(ax: Axes, every: NDArray[np.float64], used: NDArray[np.float64], is_whole: bool | None) -> float:
    """Set the limits: of the device, or of its part in use. Returns the width shown, that of the device 1."""
    low, high = used.min(axis=0), used.max(axis=0)
    side = max(float((high - low).max()), _LEAST_SIDE)
    if is_whole is None:
        is_whole = side > 1 / 3
    if is_whole:
        low, high, side = every.min(axis=0), every.max(axis=0), 1.0
    margin = max(_MARGIN * side, _USED * _DIAMETER / np.sqrt(len(every)))  # disks at the edge are whole
    centre, half = (low + high) / 2, 0.5 * side + margin
    ax.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half))
    ax.set(aspect="equal", xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return 2 * half


def _draw_unused(
    ax: Axes, places: Mapping[int, NDArray[np.float64]], used: set[int], working: Sequence[int] | None
) -> None:
    alive = set(places) if working is None else {int(qubit) for qubit in working}
    diameter = _DIAMETER / np.sqrt(len(places))
    _disks(ax, [places[qubit] for qubit in sorted(alive - used)], diameter, _UNUSED)
    if missing := sorted(set(places) - alive):
        arm = diameter / 2 * np.array([[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]])
        strokes = np.array([places[qubit] for qubit in missing])[:, None, None] + arm
        _strokes(ax, strokes.reshape(-1, 2, 2), _MISSING, 0.5)


def _draw_copies(
    ax: Axes,
    graph: nx.Graph,
    places: Mapping[int, NDArray[np.float64]],
    copies: Sequence[Copy],
    problem: IsingProblem | None,
    width: float,
) -> None:
    coupled = None if problem is None else set(zip(*map(np.ndarray.tolist, problem.edges[:2]), strict=True))
    spin_of = {int(q): (c, k) for c, copy in enumerate(copies) for k, chain in enumerate(copy) for q in chain}
    between, inside, colours = [], [], []
    for u, v in graph.subgraph(spin_of).edges:
        (copy, first), (other, second) = spin_of[u], spin_of[v]
        line = (places[u], places[v])
        if copy == other and first == second:
            inside.append(line)
            colours.append(_colour(first))
        elif copy == other and (coupled is None or (min(first, second), max(first, second)) in coupled):
            between.append(line)
    thick = float(np.clip(1.2 / width, 1.2, 5.0))
    _strokes(ax, np.array(between).reshape(-1, 2, 2), _COUPLER, thick / 4)
    _strokes(ax, np.array(inside).reshape(-1, 2, 2), colours, thick)
    at = [places[qubit] for qubit in spin_of]
    _disks(ax, at, _USED * _DIAMETER / np.sqrt(len(places)), [_colour(k) for _, k in spin_of.values()])


def _colour(spin: int) -> str:
    return COLOURS[spin % len(COLOURS)]


def _disks(ax: Axes, at: Sequence[NDArray[np.float64]], diameter: float, colours: Any) -> None:
    """Qubits, as large as they are on the layout whatever the size of the figure."""
    from matplotlib.collections import EllipseCollection

    if len(at):
        ax.add_collection(
            EllipseCollection(
                diameter, diameter, 0, units="xy", offsets=np.array(at), transOffset=ax.transData,
                facecolors=colours, linewidths=0, rasterized=True, zorder=3,
            )
        )  # fmt: skip


def _strokes(ax: Axes, lines: NDArray[np.float64], colours: Any, width: float) -> None:
    from matplotlib.collections import LineCollection

    if len(lines):
        ax.add_collection(LineCollection(list(lines), colors=colours, linewidths=width, rasterized=True))
