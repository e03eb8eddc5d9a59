"""Published angles, and the factor that carries them to a problem with other couplings."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.qaoa.ansatz import Angles, Terms

__all__ = ["coupling_scale", "regular_degree", "table_angles", "table_depths"]


@functools.cache
def published() -> dict[str, Any]:
    """Tables ``sk`` and ``regular`` with their sources, as they were printed."""
    text = resources.files("qspin_backends.qaoa").joinpath("published_angles.json").read_text("utf-8")
    return json.loads(text)


def coupling_scale(problem: IsingProblem) -> float:
    """Root mean square coupling times sqrt(mean degree + 1), units of energy; 1 without couplings.

    For the Sherrington-Kirkpatrick model with couplings of variance 1/n it is 1. A field counts as a coupling
    to one more spin. Angles of a problem with another scale are multiplied by the ratio, as in Shaydulin,
    Lotshaw, Larson, Ostrowski, Humble 2023 (ACM Trans. Quantum Comput. 4, 19) for weighted graphs.
    """
    terms = Terms.of(problem)
    if not len(terms):
        return 1.0
    pairs = int((terms.j >= 0).sum())
    degree = (2 * pairs + len(terms) - pairs) / problem.n_spins
    return float(np.sqrt(np.mean(terms.weights**2) * (degree + 1)))


def regular_degree(problem: IsingProblem) -> int | None:
    """The degree of a sparse regular graph without fields that has a table; None for other problems.

    The table is exact where there are no short cycles. A graph with more than half of all pairs is closer to
    the Sherrington-Kirkpatrick model.
    """
    terms = Terms.of(problem)
    if terms.has_fields or not len(terms):
        return None
    degrees = np.bincount(np.concatenate([terms.i, terms.j]), minlength=problem.n_spins)
    degree = int(degrees[0])
    sparse = 2 * degree <= problem.n_spins - 1
    known = str(degree) in published()["regular"]["degrees"]
    return degree if sparse and known and (degrees == degree).all() else None


def table_depths() -> range:
    """Depths that every problem has angles for."""
    return range(1, len(published()["sk"]["depths"]) + 1)


def table_angles(problem: IsingProblem, depth: int) -> tuple[Angles, dict[str, Any]]:
    """Published angles in the units of a problem, and where they come from.

    Raises
    ------
    InputError
        If no table is that deep.
    """
    degree = regular_degree(problem)
    tables = published()
    if degree is not None and str(depth) in (rows := tables["regular"]["degrees"][str(degree)]):
        row, weights = rows[str(depth)], Terms.of(problem).weights
        # C = const - E / (2 J): the published gamma belongs to half the coupling
        halved = 1 / (2 * float(np.sqrt(np.mean(weights**2))))
        angles = Angles.of(row["gamma"], row["beta"]).scaled(halved)
        origin = {"table": f"regular graphs of degree {degree}", "source": tables["regular"]["source"]}
        if weights[0] > 0 and (weights == weights[0]).all():  # MaxCut
            origin["guaranteed_ratio"] = row["ratio"]
        return angles, origin
    if depth not in table_depths():
        raise InputError(
            f"the table of angles has depths 1 to {table_depths()[-1]}, not {depth}; take angles: "
            "linear_ramp, interp or fourier, or a smaller depth",
            key=("depth",),
        )
    row = tables["sk"]["depths"][str(depth)]
    angles = Angles.of(row["gamma"], row["beta"]).scaled(1 / coupling_scale(problem))
    name = "Sherrington-Kirkpatrick, n -> infinity"
    return angles, {"table": name, "source": tables["sk"]["source"], "energy_per_spin": row["energy"]}
