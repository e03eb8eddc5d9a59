"""Training of angles: by gradients of the whole circuit, from several starts or depth by depth."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from qspin.errors import CapacityError
from qspin.problem import IsingProblem
from qspin.sampler import report_progress
from qspin_backends.common.background import in_background
from qspin_backends.qaoa.ansatz import Angles, Tilts
from qspin_backends.qaoa.lightcone import LARGEST_CONE, LightCones, largest_cone
from qspin_backends.qaoa.objective import Expectation, Objective
from qspin_backends.qaoa.schedules import fourier_matrices, interpolated
from qspin_backends.qaoa.statevector import StateVector

__all__ = [
    "Engine",
    "Target",
    "Trained",
    "by_depth",
    "by_fourier",
    "engine_for",
    "from_starts",
    "require_engine",
    "training_of",
]

Floats = NDArray[np.float64]

LARGEST_VECTOR = 26
"""Spins up to which angles are trained on the state vector."""

_SLOPE = 1e-6  # largest component at which a descent ends, units of the coupling scale
_LOOSE = 100.0  # times that: rounding may end a descent before


class Engine(Protocol):
    """What gives objectives and gradients: `StateVector` or `LightCones`."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *_: object) -> None: ...

    def value(self, angles: Angles, objective: Objective) -> float: ...

    def value_and_gradient(self, angles: Angles, objective: Objective) -> tuple[float, Angles]: ...


@dataclass(frozen=True)
class Trained:
    """Angles in units of the coupling scale, and how they were found; plain JSON."""

    angles: Angles
    record: dict[str, Any]


def require_engine(problem: IsingProblem, depth: int, objective: Objective, *, multi: bool) -> None:
    """Raises CapacityError if angles can be trained neither on the state vector nor on light cones."""
    remedy = "take angles: table or linear_ramp, or transfer them from a smaller problem"
    n = problem.n_spins
    if n <= LARGEST_VECTOR:
        StateVector.require(problem)
    elif not isinstance(objective, Expectation) or multi:
        raise CapacityError(
            f"{n} spins are more than the {LARGEST_VECTOR} of a state vector, and light cones give the "
            f"expectation for one gamma and beta a layer only; {remedy}",
            key=("angles",),
        )
    elif largest_cone(problem, depth) > LARGEST_CONE:
        raise CapacityError(
            f"{n} spins are more than the {LARGEST_VECTOR} of a state vector, and at depth {depth} a term of "
            f"the energy sees more than {LARGEST_CONE} of them; lower depth, or {remedy}",
            key=("depth",),
        )


def training_of(problem: IsingProblem, depth: int) -> tuple[float, int]:
    """Amplitudes that one layer of the engine goes through, about, and the bytes that it takes."""
    n = problem.n_spins
    if n <= LARGEST_VECTOR:
        return 2.0**n, StateVector.n_bytes(problem)
    cone = largest_cone(problem, depth)
    return len(problem.edges.i) * 2.0**cone, 64 * 2**cone


def engine_for(problem: IsingProblem, depth: int, tilts: Tilts | None) -> Engine:
    """The state vector, or light cones where it would be too large; see `require_engine`."""
    if problem.n_spins <= LARGEST_VECTOR:
        return StateVector(problem, tilts)
    return LightCones(problem, depth, tilts)


@dataclass(frozen=True)
class Target:
    """What is minimised.

    Parameters
    ----------
    engine : gives values and gradients
    objective : of the distribution of energies
    scale : couplings, units of energy; angles here are in units of it
    n_iterations : of one descent, at most
    is_long : one evaluation takes so long that an interrupt must not wait for it
    """

    engine: Engine
    objective: Objective
    scale: float
    n_iterations: int
    is_long: bool = False

    def value(self, angles: Angles) -> float:
        """Units of energy."""
        return self.engine.value(angles.scaled(1 / self.scale), self.objective)

    def descended(
        self, x: Floats, angles_of: Callable[[Floats], Angles], pulled: Callable[[Angles], Floats]
    ) -> tuple[Floats, dict[str, Any]]:
        """The best parameters that a descent (BFGS) met, the start among them, and its record.

        Parameters
        ----------
        x : where it starts
        angles_of : angles of parameters
        pulled : derivative by the parameters of a derivative by the angles
        """
        seen: list[tuple[float, Floats]] = []

        def function(x: Floats) -> tuple[float, Floats]:
            value, slope = self._value_and_gradient(angles_of(x).scaled(1 / self.scale))
            seen.append((value, x.copy()))
            return value / self.scale, pulled(slope.scaled(1 / self.scale)) / self.scale

        options = {"maxiter": self.n_iterations, "gtol": _SLOPE}
        found = optimize.minimize(function, x, jac=True, method="BFGS", options=options)
        value, best = min(seen, key=lambda point: point[0])
        record = {
            "start": seen[0][0],
            "value": value,
            "n_evaluations": len(seen),
            "converged": bool(np.abs(found.jac).max(initial=0.0) <= _LOOSE * _SLOPE),
        }
        return best, record

    def _value_and_gradient(self, angles: Angles) -> tuple[float, Angles]:
        evaluate = functools.partial(self.engine.value_and_gradient, angles, self.objective)
        return in_background(evaluate, threading.Event()) if self.is_long else evaluate()


def from_starts(target: Target, starts: Mapping[str, Angles]) -> Trained:
    """The best of several descents."""
    best: tuple[float, Angles] | None = None
    records = {}
    for k, (name, start) in enumerate(starts.items()):
        reached = {} if best is None else {"objective": best[0]}
        report_progress(0.5 * k / len(starts), f"training from {name}", **reached)
        x, records[name] = target.descended(start.vector, start.moved_to, lambda slope: slope.vector)
        if best is None or records[name]["value"] < best[0]:
            best = records[name]["value"], start.moved_to(x)
    assert best is not None
    return Trained(best[1], {"value": best[0], "starts": records})


def by_depth(target: Target, start: Angles, depths: Sequence[int]) -> list[Trained]:
    """Layer by layer: trained angles of one depth, interpolated, are the start of the next.

    Parameters
    ----------
    start : of depth 1
    depths : that are kept, ascending
    """
    records: list[dict[str, Any]] = []
    kept: list[Trained] = []
    angles = start
    while True:
        report_progress(
            0.5 * angles.depth / depths[-1], f"training depth {angles.depth}", **_reached(records)
        )
        x, record = target.descended(angles.vector, angles.moved_to, lambda slope: slope.vector)
        angles = angles.moved_to(x)
        records.append({"depth": angles.depth, **record})
        if angles.depth in depths:
            kept.append(Trained(angles, {"value": record["value"], "depths": list(records)}))
        if angles.depth == depths[-1]:
            return kept
        angles = interpolated(angles)


def _reached(records: list[dict[str, Any]]) -> dict[str, float]:
    """What the last depth came to, as a figure of progress."""
    return {"objective": records[-1]["value"]} if records else {}


def by_fourier(target: Target, start: Angles, depths: Sequence[int], n_terms: int) -> list[Trained]:
    """Depth by depth in Fourier coefficients, one more with every layer up to `n_terms`.

    Parameters
    ----------
    start : of depth 1
    depths : that are kept, ascending
    """
    records: list[dict[str, Any]] = []
    kept: list[Trained] = []
    sine, cosine = fourier_matrices(1, 1)
    u, v = start.gamma / sine[0], start.beta / cosine[0]
    for p in range(1, depths[-1] + 1):
        report_progress(0.5 * p / depths[-1], f"training depth {p}", **_reached(records))
        if len(u) < min(p, n_terms):
            u, v = np.append(u, 0.0), np.append(v, 0.0)
        q = len(u)
        matrices = fourier_matrices(p, q)

        def angles_of(x: Floats, q: int = q, matrices: tuple[Floats, Floats] = matrices) -> Angles:
            return Angles(matrices[0] @ x[:q], matrices[1] @ x[q:])

        def pulled(slope: Angles, matrices: tuple[Floats, Floats] = matrices) -> Floats:
            return np.concatenate([slope.gamma @ matrices[0], slope.beta @ matrices[1]])

        x, record = target.descended(np.concatenate([u, v]), angles_of, pulled)
        u, v = x[:q], x[q:]
        records.append({"depth": p, **record})
        if p in depths:
            told = {"value": record["value"], "depths": list(records), "n_terms": q}
            kept.append(Trained(angles_of(x), told))
    return kept
