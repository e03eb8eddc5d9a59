"""Maximum cuts of random graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_edges
from qspin.predicted import predicted_by
from qspin.problem import IsingProblem
from qspin.validate import checked_count

__all__ = ["maxcut_regular"]


@predicted_by(
    "qspin.studies.lines.kinds:maxcut_regular",
    marks="qspin.studies.lines.transitions:maxcut_regular",
)
def maxcut_regular(n_spins: int, degree: int, *, seed: int) -> IsingProblem:
    """Maximum cut of a random regular graph: J = 1 on every edge, cut = (n_couplings - E) / 2."""
    n_spins, degree = checked_count(n_spins, "n_spins", least=1), checked_count(degree, "degree")
    if not 0 <= degree < n_spins or n_spins * degree % 2:
        raise InputError(
            f"a {degree}-regular graph needs more than {degree} vertices and an even number of edge ends; "
            f"got {n_spins} vertices"
        )
    require_edges(n_spins * degree // 2, f"a {degree}-regular graph of {n_spins} vertices")
    graph = nx.random_regular_graph(degree, n_spins, seed=generator(seed))
    edges = np.array(sorted((min(e), max(e)) for e in graph.edges), dtype=int).reshape(-1, 2)
    return IsingProblem.from_edges(n_spins, edges[:, 0], edges[:, 1], np.ones(len(edges)))
