"""Settings that are given as mappings and lists: angles, means, noise; checked when they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from qspin_backends.qaoa.noise import READOUT
from qspin_backends.qaoa.strategies import STRATEGIES

if TYPE_CHECKING:
    from qspin_backends.qaoa.settings import QaoaSettings

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


def refuse_misfits(given: QaoaSettings) -> None:
    """Raises ValueError for settings that do not go together."""
    _of_angles(given)
    _of_devices(given)
    if given.noise_drift:
        _of_drift(given)


def _of_angles(given: QaoaSettings) -> None:
    if given.depths is not None:
        _of_depths(given, given.depths)
    elif not isinstance(given.angles, str):
        require_layers(given.angles["gamma"], given.angles["beta"], given.depth)
    if (given.angles == "transfer") != (given.angles_from is not None):
        raise ValueError("angles: transfer needs angles_from, a sample file; one of them is missing")
    if given.multi_angle and given.angles != "optimise":
        raise ValueError("multi_angle trains an angle for every term: set angles: optimise")
    if given.ansatz == "quench" and given.warm_start is not None:
        raise ValueError("a quench starts from the ground state of the field; leave warm_start out")
    _of_quenches(given)


def _of_quenches(given: QaoaSettings) -> None:
    """A schedule has a time of its own kind."""
    if not isinstance(given.schedule, tuple):
        if given.ansatz == "quench" and given.annealing_time is None:
            raise ValueError(
                "the schedule of an annealer runs in time: give annealing_time in microseconds (0.02 is 20 "
                "ns)"
            )
        return
    if given.ansatz == "quench" and given.annealing_time is not None:
        raise ValueError(
            "annealing_time is for the schedule of an annealer, a name or a CSV file; points (s, A, B) go "
            "with quench_time"
        )
    steps = [point[0] for point in given.schedule]
    if len(steps) < 2 or steps[0] != 0 or steps[-1] != 1 or sorted(set(steps)) != steps:
        raise ValueError("a schedule has points (s, A, B) whose s ascends from 0 to 1")


def _of_depths(given: QaoaSettings, depths: tuple[int, ...]) -> None:
    if not depths or list(depths) != sorted(set(depths)):
        raise ValueError(f"depths ascend, such as [1, 2, 3]; got {list(depths)}")
    if not isinstance(given.angles, str):
        raise ValueError("given angles are of one depth; leave depths out, or name where angles come from")
    if given.multi_angle:
        raise ValueError("multi_angle trains one depth; leave depths out")


def _of_devices(given: QaoaSettings) -> None:
    if isinstance(given.noise, str) and (given.backend or given.coupling_map or given.basis_gates):
        raise ValueError(
            "noise of a fake backend belongs to its gates and graph; leave backend, coupling_map and "
            "basis_gates out"
        )
    if given.backend is not None and given.device == "aer" and (given.coupling_map or given.basis_gates):
        raise ValueError("backend has gates and a graph of its own; leave coupling_map and basis_gates out")
    if given.device == "backend" and given.backend is None:
        raise ValueError("device: backend needs backend, the import path 'package.module:name' of one")
    for name in ("backend_name", "backend_options"):
        if getattr(given, name) and given.device != "backend":
            raise ValueError(f"device {given.device!r} has no {name}; device: backend has")
    for name in ("dynamical_decoupling", "twirling"):
        if getattr(given, name) and given.device != "ibm":
            raise ValueError(f"device {given.device!r} has no {name}; device: ibm has")
    _of_places(given)


def _of_places(given: QaoaSettings) -> None:
    """Where on a device circuits lie."""
    has_map = given.device != "aer" or any((given.backend, given.coupling_map, isinstance(given.noise, str)))
    for name, is_given in (("layout", given.layout is not None), ("n_copies", given.n_copies != 1)):
        if is_given and not has_map:
            raise ValueError(
                f"{name} is for a device with a graph; without one there are no qubits to choose from: set "
                "coupling_map or backend, or leave it out"
            )
    if given.n_copies != 1 and isinstance(given.coupling_map, str) and given.device == "aer":
        raise ValueError(
            f"n_copies needs qubits that are left, and coupling_map {given.coupling_map!r} is as large as "
            "the problem; give pairs of qubits, or a backend"
        )
    if given.layout is not None and given.n_copies != 1:
        raise ValueError("layout places one copy, n_copies finds places of its own; leave one of them out")
    if given.layout is not None and len(set(given.layout)) < len(given.layout):
        raise ValueError(f"layout gives every spin a qubit of its own; got {list(given.layout)}")


def _of_drift(given: QaoaSettings) -> None:
    """Of a device that is no simulator of ours, `noise` means nothing, nor does its drift."""
    if given.device != "aer":
        return
    if not isinstance(given.noise, Mapping):
        raise ValueError(
            "noise_drift changes the probabilities of noise, such as {rzz: 0.01}; those of a fake backend "
            "are as they were recorded"
        )
    largest = max((np.max(value) for value in given.noise.values()), default=0.0)
    if largest * (1 + given.noise_drift) > 1:
        raise ValueError(
            f"noise_drift {given.noise_drift:g} lets a probability of {largest:g} grow beyond 1; lower one "
            "of them"
        )
