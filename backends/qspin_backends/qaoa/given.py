"""Settings that are given as mappings and lists: angles, means, noise; checked when they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from qspin_backends.qaoa.noise import READOUT
from qspin_backends.qaoa.strategies import STRATEGIES

if TYPE_CHECKING:
    from qspin_backends.qaoa.sampler import Qaoa

__all__ = ["GivenAngles", "GivenNoise", "GivenNumbers", "refuse_misfits"]

_Numbers = tuple[float, ...]


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _angles(value: Any) -> Any:
    if isinstance(value, str):
        if value not in STRATEGIES:
            raise ValueError(f"expected {', '.join(map(repr, STRATEGIES))} or {{gamma: [...], beta: [...]}}")
        return value
    if not isinstance(value, Mapping) or set(value) != {"gamma", "beta"}:
        raise ValueError("given angles are a mapping with gamma and beta, a number for every layer each")
    return {name: _listed(layers) for name, layers in value.items()}


def _noise(value: Any) -> Any:
    if isinstance(value, Mapping):
        for name, given in value.items():
            pair = isinstance(given, list | tuple)
            if pair and (name != READOUT or len(given) != 2):
                raise ValueError(f"{name} takes one probability; readout one, or P(1 | 0) and P(0 | 1)")
            for probability in given if pair else [given]:
                if not isinstance(probability, int | float) or not 0 <= probability <= 1:
                    raise ValueError(f"{name} needs probabilities between 0 and 1, not {probability!r}")
    return value


GivenNumbers = Annotated[_Numbers, BeforeValidator(_listed)]

GivenAngles = Annotated[str | dict[str, tuple[float | _Numbers, ...]], BeforeValidator(_angles)]
"""A strategy by its name, or gamma and beta of every layer."""

GivenNoise = Annotated[str | dict[str, float | tuple[float, float]], BeforeValidator(_noise)]
"""A fake backend by its name, or probabilities by gate; of readout one, or two: P(1 | 0) and P(0 | 1)."""


def require_layers(gamma: Sequence[Any], beta: Sequence[Any], depth: int) -> None:
    """Refuse angles that are not one for every layer, or that mix numbers and lists.

    Raises
    ------
    ValueError
        With the depth that was expected.
    """
    if not len(gamma) == len(beta) == depth:
        raise ValueError(
            f"depth {depth} needs {depth} gamma and {depth} beta; got {len(gamma)} and {len(beta)}"
        )
    lengths = [{len(row) if isinstance(row, tuple) else 0 for row in rows} for rows in (gamma, beta)]
    if any(len(each) > 1 for each in lengths) or (lengths[0] == {0}) != (lengths[1] == {0}):
        raise ValueError("gamma and beta hold a number for every layer each, or equally long lists")


def refuse_misfits(given: Qaoa) -> None:
    """Raises ValueError for settings that do not go together."""
    if not isinstance(given.angles, str):
        require_layers(given.angles["gamma"], given.angles["beta"], given.depth)
    if (given.angles == "transfer") != (given.angles_from is not None):
        raise ValueError("angles: transfer needs angles_from, a sample file; one of them is missing")
    if given.multi_angle and given.angles != "optimise":
        raise ValueError("multi_angle trains an angle for every term: set angles: optimise")
    if given.ansatz == "quench" and given.warm_start is not None:
        raise ValueError("a quench starts from the ground state of the field; leave warm_start out")
    steps = [point[0] for point in given.schedule]
    if len(steps) < 2 or steps[0] != 0 or steps[-1] != 1 or sorted(set(steps)) != steps:
        raise ValueError("a schedule has points (s, A, B) whose s ascends from 0 to 1")
    if isinstance(given.noise, str) and (given.backend or given.coupling_map or given.basis_gates):
        raise ValueError(
            "noise of a fake backend belongs to its gates and graph; leave backend, coupling_map and "
            "basis_gates out"
        )
    if given.backend is not None and given.device == "aer" and (given.coupling_map or given.basis_gates):
        raise ValueError("backend has gates and a graph of its own; leave coupling_map and basis_gates out")
