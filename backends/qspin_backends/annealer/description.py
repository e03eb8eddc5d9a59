"""What D-Wave's cloud says of a solver, saved to a file: a simulated device can follow it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from qspin.archives import file_content, parse_json
from qspin.errors import InputError, shown
from qspin.sampler import GivenFile
from qspin_backends.annealer.device import Hardware, Program
from qspin_backends.common.faults import one_line

__all__ = ["Description", "access_seconds", "described"]

_TOPOLOGIES = ("chimera", "pegasus", "zephyr")
_NEEDED = (
    "topology",
    "num_qubits",
    "qubits",
    "couplers",
    "h_range",
    "j_range",
    "num_reads_range",
    "parameters",
)


@dataclass(frozen=True)
class Description:
    """Of a solver, as `described` reads it; two of the same content are equal.

    Parameters
    ----------
    name : of the solver
    content : SHA-256 of the file
    properties : of the solver
    hardware : its working graph
    """

    name: str
    content: str
    properties: Mapping[str, Any] = field(compare=False, repr=False)
    hardware: Hardware = field(compare=False, repr=False)


def described(file: GivenFile) -> Description:
    """The solver that a file describes: what SAPI answers for a solver, or its properties alone.

    Raises
    ------
    InputError
        If there is no such file, it has changed, or lacks what a device needs.
    """
    return _read(file.unchanged(), file.content())


def access_seconds(properties: Mapping[str, Any], programs: Sequence[Program]) -> tuple[float | None, str]:
    """QPU access time that is charged for programs; None, and why, where the solver does not publish it.

    By D-Wave's timing model, divided by the ``quota_conversion_rate`` of the solver.
    """
    from dwave.cloud.solver import StructuredSolver

    solver: Any = SimpleNamespace(properties=properties)
    try:
        times = [
            StructuredSolver.estimate_qpu_access_time(
                solver, len(program.qubits), num_reads=program.n_reads, **program.parameters
            )
            for program in programs
        ]
    except (KeyError, ValueError, TypeError) as error:
        return None, one_line(error)
    rate = properties.get("quota_conversion_rate", 1)
    if not rate > 0:
        return None, f"its quota_conversion_rate is {rate}"
    return 1e-6 * float(sum(times)) / rate, ""


@functools.lru_cache(maxsize=4)
def _read(path: str, content: str) -> Description:
    try:
        saved = parse_json(file_content(path))
        properties = _properties(saved)
        return Description(_name(saved, properties), content, properties, _hardware(properties))
    except InputError as error:
        if type(error) is not InputError:
            raise
        text = f"{path} describes no solver: {error}; save what the cloud says of one, such as "
        raise InputError(
            f"{text}json.dumps(dict(DWaveSampler().properties))", key=("solver_file",)
        ) from error


def _properties(saved: Any) -> Mapping[str, Any]:
    properties = saved.get("properties", saved) if isinstance(saved, dict) else saved
    if not isinstance(properties, dict):
        raise InputError(f"expected a JSON object of properties; got {shown(saved)}")
    if missing := [name for name in _NEEDED if name not in properties]:
        raise InputError(f"it has no {', '.join(missing)}")
    for name in ("h_range", "j_range", "num_reads_range"):
        if not _is_range(properties[name]):
            raise InputError(f"{name} is two ascending numbers; got {shown(properties[name])}")
    if not isinstance(properties["parameters"], dict):
        raise InputError(f"parameters is an object, one entry each; got {shown(properties['parameters'])}")
    return properties


def _is_range(value: Any) -> bool:
    numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)
    return numbers and value[0] <= value[1]


def _name(saved: Any, properties: Mapping[str, Any]) -> str:
    identity = saved.get("identity")
    named = identity.get("name") if isinstance(identity, dict) else saved.get("id")
    return str(named or properties.get("chip_id") or "a solver without a name")


def _hardware(properties: Mapping[str, Any]) -> Hardware:
    topology = properties["topology"]
    kind = topology.get("type") if isinstance(topology, dict) else None
    if kind not in _TOPOLOGIES:
        raise InputError(f"topology has a type out of {', '.join(_TOPOLOGIES)}; got {shown(topology)}")
    shape = topology.get("shape")
    if not isinstance(shape, list) or not shape or not all(isinstance(n, int) and 0 < n < 100 for n in shape):
        raise InputError(f"topology has a shape of small positive integers; got {shown(shape)}")
    try:
        qubits = np.unique(np.array(properties["qubits"], dtype=np.int64))
        couplers = np.array(properties["couplers"], dtype=np.int64).reshape(-1, 2)
    except (ValueError, TypeError, OverflowError):
        raise InputError("qubits is a list of numbers, couplers one of pairs of them") from None
    hardware = Hardware(kind, tuple(shape), qubits, couplers)
    if not len(qubits) or not np.isin(couplers, qubits).all():
        raise InputError("couplers join qubits that are in the list of qubits, which is not empty")
    _require_lattice(hardware)
    return hardware


def _require_lattice(hardware: Hardware) -> None:
    """Refuse qubits and couplers that a topology of that shape does not have."""
    from dwave.system import qpu_graph

    try:
        lattice = qpu_graph(hardware.topology, list(hardware.shape), None, None)
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"there is no {hardware.topology} {list(hardware.shape)} ({one_line(error)})"
        ) from None
    edges = map(tuple, hardware.couplers.tolist())
    if not set(hardware.qubits.tolist()) <= set(lattice) or not all(lattice.has_edge(*e) for e in edges):
        raise InputError(f"its qubits and couplers are not of a {hardware.topology} {list(hardware.shape)}")
