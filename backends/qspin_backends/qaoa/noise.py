"""Noise of a simulated quantum computer: from a snapshot of a machine, or gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qspin.errors import InputError, nearest_name

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel

__all__ = ["READOUT", "check_gates", "noise_model", "readout_error", "scaled"]

READOUT = "readout"
_OTHERS = {"measure", "delay", "reset", "barrier", "if_else", "for_loop", "while_loop", "switch_case"}


def check_gates(noise: Mapping[str, Any], gates: frozenset[str]) -> None:
    """Refuse noise on gates that a circuit will not hold, which would silently do nothing.

    Parameters
    ----------
    noise : gate -> probability, and ``readout``
    gates : of the circuit

    Raises
    ------
    InputError
        Naming the nearest gate.
    """
    usable = (gates - _OTHERS) | {READOUT}
    for name in noise:
        if name not in usable:
            raise InputError(
                f"noise: the circuit has no gate {name!r}: {nearest_name(name, usable)}; basis_gates or "
                "backend decide on the gates",
                key=("noise", name),
            )


def readout_error(value: float | tuple[float, float]) -> tuple[float, float]:
    """P(1 | 0) and P(0 | 1)."""
    return (value, value) if isinstance(value, float | int) else (value[0], value[1])


def scaled(noise: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """The same with all probabilities multiplied.

    Examples
    --------
    >>> scaled({"rzz": 0.25, "readout": (0.5, 0.25)}, 2.0)
    {'rzz': 0.5, 'readout': (1.0, 0.5)}
    """
    if factor == 1:
        return dict(noise)
    return {
        name: tuple(factor * part for part in value) if isinstance(value, tuple | list) else factor * value
        for name, value in noise.items()
    }


def noise_model(noise: Mapping[str, Any]) -> NoiseModel:
    """Depolarising errors after gates, of one or two qubits as the gate has, and readout errors."""
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    model = NoiseModel()
    known = get_standard_gate_name_mapping()
    for name, value in noise.items():
        if name == READOUT:
            one, zero = readout_error(value)
            model.add_all_qubit_readout_error(ReadoutError([[1 - one, one], [zero, 1 - zero]]))
        else:
            model.add_all_qubit_quantum_error(depolarizing_error(value, known[name].num_qubits), name)
    return model
