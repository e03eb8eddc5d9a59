"""From spins to chains of qubits: which qubits stand for which spin, found once and kept on disk."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError, InputError, RunError
from qspin.problem import IsingProblem
from qspin.sampler import atomic_write, in_order, report_progress, search_cliques
from qspin_backends.annealer.device import Hardware
from qspin_backends.common.child import in_child
from qspin_backends.common.places import embeddings_folder

__all__ = ["METHODS", "Embedding", "Layout", "embed", "lay_out"]

_SEARCH_SECONDS = 1000  # minorminer's own default
_DENSE = 0.5  # above this share of all pairs a clique embedding is taken at once

Chains = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Embedding:
    """Chains of qubits, one for each spin in the order of the problem.

    Parameters
    ----------
    chains : names of qubits
    method : that found them
    cached : whether they came from the disk
    """

    chains: Chains
    method: str
    cached: bool = False

    @property
    def longest(self) -> int:
        return max(map(len, self.chains), default=0)

    @property
    def headline(self) -> str:
        """In a few words."""
        if self.method == "none":
            return "no embedding"
        return f"{sum(map(len, self.chains))} qubits, chains of {self.longest} at most"

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "cached": self.cached,
            "n_qubits": sum(map(len, self.chains)),
            "longest_chain": self.longest,
            "chains": [list(chain) for chain in self.chains],
        }


@dataclass(frozen=True)
class Layout:
    """How values of the problem are spread over qubits and couplers: what is programmed is linear in them.

    A field is shared evenly by the qubits of a chain, a coupling by all couplers between two chains; every
    coupler inside a chain holds it together, as in `dwave.embedding.embed_bqm`.

    Parameters
    ----------
    qubits : names of the qubits that are used, ascending (n_used,)
    spin_of : the spin that each stands for (n_used,)
    field_share : of the field of that spin (n_used,)
    couplers : positions of the two ends in `qubits` (n_couplers, 2), those between chains first
    edge_of : the edge of the problem behind each coupler between chains (n_between,)
    coupling_share : of its coupling (n_between,)
    """

    qubits: NDArray[np.int64]
    spin_of: NDArray[np.int64]
    field_share: NDArray[np.float64]
    couplers: NDArray[np.int64]
    edge_of: NDArray[np.int64]
    coupling_share: NDArray[np.float64]

    @property
    def n_between(self) -> int:
        return len(self.edge_of)

    def fields(self, fields: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fields of qubits from those of spins."""
        return fields[self.spin_of] * self.field_share

    def couplings(
        self, couplings: NDArray[np.float64], strengths: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Of couplers, from couplings of the problem's edges and strengths (n_spins,) of its chains."""
        inside = self.spin_of[self.couplers[self.n_between :, 0]]
        return np.concatenate([couplings[self.edge_of] * self.coupling_share, -strengths[inside]])


def lay_out(problem: IsingProblem, embedding: Embedding, hardware: Hardware | None) -> Layout:
    """Where the values of a problem go; without hardware every spin is a qubit and every edge a coupler.

    Raises
    ------
    InputError
        If two coupled spins have no coupler between their chains.
    """
    n = problem.n_spins
    chain_of = np.repeat(np.arange(n), [len(chain) for chain in embedding.chains])
    names = np.array([qubit for chain in embedding.chains for qubit in chain], dtype=np.int64)
    order = np.argsort(names)
    qubits, spin_of = names[order], chain_of[order]
    edges = problem.edges
    if hardware is None:
        ends = np.stack([edges.i, edges.j], axis=1)
    else:
        couplers = hardware.couplers
        ends = np.searchsorted(qubits, couplers[np.isin(couplers, qubits).all(axis=1)])
    spins = spin_of[ends]
    keys = spins.min(axis=1, initial=n) * n + spins.max(axis=1, initial=0)
    wanted = edges.i * n + edges.j
    edge_of = np.searchsorted(wanted, keys)
    between = np.append(wanted, -1)[edge_of] == keys
    inside = spins[:, 0] == spins[:, 1]
    counts = np.bincount(edge_of[between], minlength=len(wanted))
    if (counts == 0).any():
        k = int(np.argmin(counts))
        first, second = problem.labels[int(edges.i[k])], problem.labels[int(edges.j[k])]
        raise InputError(
            f"the embedding has no coupler between the chains of {first!r} and {second!r}, which are "
            "coupled; give other chains, or embedding 'auto'",
            key=("embedding",),
        )
    return Layout(
        qubits=qubits,
        spin_of=spin_of,
        field_share=1.0 / np.bincount(spin_of, minlength=n)[spin_of],
        couplers=np.concatenate([ends[between], ends[inside]]),
        edge_of=edge_of[between],
        coupling_share=1.0 / counts[edge_of[between]],
    )


def embed(
    problem: IsingProblem,
    hardware: Hardware | None,
    method: str | Mapping[Any, Sequence[int]] | Callable[..., Mapping[Any, Sequence[int]]],
    seed: int,
) -> Embedding:
    """Chains for a problem on a device; the same arguments give the same chains.

    Parameters
    ----------
    problem : only its graph and labels count
    hardware : None: every spin is a qubit
    method : a name of `METHODS`, chains by label, or a function of (problem graph, hardware graph) that finds
        them
    seed : of the search

    Raises
    ------
    CapacityError
        If nothing was found; the message says which size would fit.
    InputError
        If chains that were given are none.
    """
    if hardware is None:
        return Embedding(tuple((k,) for k in range(problem.n_spins)), "none")
    if not isinstance(method, str):
        given = method if isinstance(method, Mapping) else _called(method, problem, hardware)
        return Embedding(_given(given, problem, hardware), "given")
    if method in ("auto", "native") and (chains := _native(problem, hardware)) is not None:
        return Embedding(chains, "native")
    if method == "native":
        raise InputError(
            f"embedding 'native' needs labels that are qubits of {hardware} and couplings on its couplers; "
            "use 'auto' for a problem of another graph",
            key=("embedding",),
        )
    if problem.n_spins > len(hardware.qubits):
        raise _too_large(problem, hardware)
    file = _cache_file(problem, hardware, method, seed)
    if (cached := _read(file, problem, hardware)) is not None:
        return cached
    found, by = _found(problem, hardware, method, seed)
    if not found and problem.n_spins:
        raise _too_large(problem, hardware)
    embedding = Embedding(tuple(tuple(map(int, found[k])) for k in range(problem.n_spins)), by)
    _write(file, embedding)
    return embedding


def _found(
    problem: IsingProblem, hardware: Hardware, method: str, seed: int
) -> tuple[Mapping[int, Sequence[int]], str]:
    """Chains by position, and the method that found them; no chains if none did."""
    if method != "auto":
        return METHODS[method](problem, hardware, seed), method
    pairs = problem.n_spins * (problem.n_spins - 1) / 2
    order = ["clique", "minorminer"] if problem.n_couplings > _DENSE * pairs else ["minorminer", "clique"]
    for name in order:
        if found := METHODS[name](problem, hardware, seed):
            return found, name
    return {}, method


def _clique(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    n = problem.n_spins
    return search_cliques(hardware.graph, seed, lambda cliques: cliques.find_clique_embedding(n))


def _biclique(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    import networkx as nx

    source = _source(problem)
    if not nx.is_bipartite(source):
        raise InputError(
            "embedding 'biclique' needs a graph of two sides without couplings inside either; use 'auto'",
            key=("embedding",),
        )
    side = nx.bipartite.color(source)
    sides = [[k for k in range(problem.n_spins) if side[k] == which] for which in (0, 1)]
    return search_cliques(hardware.graph, seed, lambda cliques: cliques.find_biclique_embedding(*sides))


def _minorminer(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    """Searched in another process: minorminer holds this one for as long as it takes."""

    def tell(seconds: float) -> None:
        report_progress(
            0.0, f"searching an embedding, {seconds:.0f} s of at most {_SEARCH_SECONDS:.0f}; it is kept"
        )

    return in_child(
        "minorminer:find_embedding", _source(problem), hardware.graph,
        random_seed=seed, timeout=_SEARCH_SECONDS, tell=tell,
    )  # fmt: skip


METHODS: Mapping[str, Callable[[IsingProblem, Hardware, int], Mapping[int, Sequence[int]]]] = {
    "clique": _clique,
    "biclique": _biclique,
    "minorminer": _minorminer,
}
"""Ways to find chains: of complete (bipartite) graphs by the structure of the hardware, of any by search."""


def _source(problem: IsingProblem) -> Any:
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(problem.n_spins))
    edges = problem.edges
    graph.add_edges_from(zip(edges.i.tolist(), edges.j.tolist(), strict=True))
    return graph


def _native(problem: IsingProblem, hardware: Hardware) -> Chains | None:
    """Single qubits, if labels are qubits and every coupling lies on a coupler."""
    labels = problem.labels
    if not all(isinstance(label, numbers.Integral) and not isinstance(label, bool) for label in labels):
        return None
    names = np.array(labels, dtype=np.int64)
    if not np.isin(names, hardware.qubits).all():
        return None
    edges = problem.edges
    ends = np.sort(np.stack([names[edges.i], names[edges.j]], axis=1), axis=1)
    base = int(hardware.qubits[-1]) + 1
    if not np.isin(ends @ [base, 1], hardware.couplers @ [base, 1]).all():
        return None
    return tuple((qubit,) for qubit in names.tolist())


def _given(chains: Mapping[Any, Sequence[int]], problem: IsingProblem, hardware: Hardware) -> Chains:
    """Chains by label, checked."""
    ordered = tuple(
        tuple(map(int, chain)) for chain in in_order(chains, problem, setting="embedding", what="chain")
    )
    if (fault := _fault(ordered, problem, hardware)) is not None:
        raise InputError(f"the embedding does not fit {hardware}: {fault}", key=("embedding",))
    return ordered


def _called(finder: Any, problem: IsingProblem, hardware: Hardware) -> Mapping[Any, Sequence[int]]:
    found = finder(_source(problem), hardware.graph)
    if not isinstance(found, Mapping) or set(found) != set(range(problem.n_spins)):
        raise InputError(
            "the function that finds an embedding must return a mapping from 0 to n_spins - 1 to chains; got "
            f"{type(found).__name__} with {len(found) if isinstance(found, Mapping) else 0} keys",
            key=("embedding",),
        )
    return {problem.labels[k]: chain for k, chain in found.items()}


def _fault(chains: Chains, problem: IsingProblem, hardware: Hardware) -> str | None:
    """Why these are no chains, None if they are."""
    from dwave.embedding import diagnose_embedding

    names = {k: problem.labels[k] for k in range(problem.n_spins)}
    for kind, *what in diagnose_embedding(dict(enumerate(chains)), _source(problem), hardware.graph):
        where = ", ".join(repr(names.get(w, w)) if isinstance(w, int) else str(w) for w in what)
        return f"{kind.__name__.removesuffix('Error')} ({where})"
    return None


def _too_large(problem: IsingProblem, hardware: Hardware) -> CapacityError:
    largest = len(search_cliques(hardware.graph, 0, lambda cliques: cliques.largest_clique()))
    remedy = {"zephyr": -(-(problem.n_spins + 8) // 16), "pegasus": 1 + -(-problem.n_spins // 12)}
    size, present = remedy.get(hardware.topology, 0), hardware.shape[0]
    larger = (
        f"; {hardware.topology} {size} would hold a complete graph of that size" if size > present else ""
    )
    return CapacityError(
        f"no embedding was found for {problem.n_spins} spins and {problem.n_couplings} couplings in "
        f"{hardware}: any graph of up to {largest} spins fits there, sparser ones may be larger{larger}; "
        f"give chains by `embedding`, a `size` above {present}, or topology 'none' on the simulator"
    )


# -- on disk -----------------------------------------------------------------------------------------

_unkept: dict[Path, Embedding] = {}
"""What could not be written to where it belongs."""


def _cache_file(problem: IsingProblem, hardware: Hardware, method: str, seed: int) -> Path:
    """Named by the graph of the problem, the device, the method, the seed and the version of the search."""
    head = repr((problem.n_spins, method, seed, hardware.digest, version("minorminer")))
    content = hashlib.sha256(head.encode())
    content.update(problem.edges.i.astype(np.int64).tobytes() + problem.edges.j.astype(np.int64).tobytes())
    return embeddings_folder() / f"{content.hexdigest()[:32]}.json"


def _read(file: Path, problem: IsingProblem, hardware: Hardware) -> Embedding | None:
    """None where there is no file, or one that holds no embedding of this problem: it is found again."""
    if file in _unkept:
        return dataclasses.replace(_unkept[file], cached=True)
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        chains = tuple(tuple(map(int, chain)) for chain in stored["chains"])
        method = str(stored["method"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if len(chains) != problem.n_spins or _fault(chains, problem, hardware) is not None:
        return None
    return Embedding(chains, method, cached=True)


def _write(file: Path, embedding: Embedding) -> None:
    """Keep it on disk; where that cannot be, as long as this process lives."""
    try:
        atomic_write(file, json.dumps({"method": embedding.method, "chains": embedding.chains}))
    except RunError as error:
        _unkept[file] = embedding
        _warn_once(str(file.parent), getattr(error.__cause__, "strerror", None) or str(error))


@functools.cache
def _warn_once(folder: str, reason: str) -> None:
    warnings.warn(
        f"embeddings cannot be kept in {folder} ({reason}), so that every process searches them anew; set "
        "QSPIN_CACHE_DIR to a folder that can be written to",
        stacklevel=3,
    )
