"""How a device is to anneal: times, schedule and initial state, refused where it would refuse them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name
from qspin.problem import IsingProblem
from qspin_backends.annealer.embedding import Layout

__all__ = ["Anneal"]

Schedule = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Anneal:
    """What a user asked of the anneal; None and False leave the device its default.

    Parameters
    ----------
    annealing_time : microseconds
    fast : by the fast-anneal protocol, which takes no fields
    schedule : points (time in microseconds, s); from s = 0 forward, from s = 1 in reverse
    initial_state : spins of the problem (n_spins,) that a reverse anneal starts from
    reinitialize : start every read from `initial_state`, not from where the last one ended
    reduce_intersample_correlation, flux_drift_compensation : switches of the device
    flux_biases : function of (properties, qubits) that returns qubit -> flux bias in units of the flux
        quantum
    """

    annealing_time: float | None
    fast: bool
    schedule: Schedule | None
    initial_state: NDArray[np.int8] | None
    reinitialize: bool
    reduce_intersample_correlation: bool
    flux_drift_compensation: bool
    flux_biases: Any

    def check(self, problem: IsingProblem, properties: Mapping[str, Any]) -> None:
        """Raises InputError for what the device, or its physics, would refuse."""
        if self.initial_state is not None and len(self.initial_state) != problem.n_spins:
            raise InputError(
                f"initial_state must have {problem.n_spins} values of -1 or +1, one for each spin; got "
                f"{len(self.initial_state)}",
                key=("initial_state",),
            )
        if self.fast and problem.fields.any():
            raise InputError(
                "fast_anneal takes no fields, and the problem has some: leave fast_anneal out, or replace "
                "the fields by couplings to a spin that is held up",
                key=("fast_anneal",),
            )
        if self.annealing_time is not None:
            name = "fast_anneal_time_range" if self.fast else "annealing_time_range"
            low, high = properties.get(name, (0, np.inf))
            if not low <= self.annealing_time <= high:
                raise InputError(
                    f"annealing_time must lie between {low:g} and {high:g} microseconds on this device "
                    f"({name}); got {self.annealing_time:g}",
                    key=("annealing_time",),
                )
        if self.schedule is not None:
            _check_schedule(self.schedule, properties)

    def time(self, properties: Mapping[str, Any]) -> float:
        """Of one anneal, microseconds."""
        if self.schedule is not None:
            return float(self.schedule[-1][0])
        return float(self.annealing_time or properties.get("default_annealing_time", 0.0))

    def parameters(
        self, layout: Layout, gauge: NDArray[np.int8], properties: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Of the solver, by Ocean's names, for a program in a gauge; only what differs from its defaults.

        Raises
        ------
        InputError
            If the device does not know one of them.
        """
        given: dict[str, Any] = {}
        if self.annealing_time is not None:
            given["annealing_time"] = self.annealing_time
        if self.fast:
            given["fast_anneal"] = True
        if self.schedule is not None:
            given["anneal_schedule"] = [list(map(float, point)) for point in self.schedule]
        if self.initial_state is not None:
            states = (self.initial_state * gauge)[layout.spin_of]
            given["initial_state"] = dict(zip(layout.qubits.tolist(), states.tolist(), strict=True))
            given["reinitialize_state"] = self.reinitialize
        if self.reduce_intersample_correlation:
            given["reduce_intersample_correlation"] = True
        if not self.flux_drift_compensation:
            given["flux_drift_compensation"] = False
        if self.flux_biases is not None:
            given["flux_biases"] = _flux_biases(self.flux_biases, layout, properties)
        for name in given:
            if name not in properties["parameters"]:
                raise InputError(
                    f"this device has no parameter {name!r}: {nearest_name(name, properties['parameters'])}",
                    key=(name,),
                )
        return given


def _check_schedule(schedule: Schedule, properties: Mapping[str, Any]) -> None:
    from dwave.system import DWaveSampler

    sampler: Any = SimpleNamespace(parameters=properties["parameters"], properties=properties)
    try:
        DWaveSampler.validate_anneal_schedule(sampler, [tuple(point) for point in schedule])
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"anneal_schedule would be refused by the device: {error}; expected points [time in "
            "microseconds, s]",
            key=("anneal_schedule",),
        ) from error


def _flux_biases(function: Any, layout: Layout, properties: Mapping[str, Any]) -> list[float]:
    """One value for each qubit of the device, in the order of its numbers."""
    biases = function(properties, layout.qubits.tolist())
    known = isinstance(biases, Mapping) and set(biases) <= set(properties["qubits"])
    if not known or not np.isfinite(list(biases.values())).all():
        raise InputError(
            "the function behind flux_biases must return a mapping from qubits of the device to finite "
            f"numbers; got {str(biases)[:60]}",
            key=("flux_biases",),
        )
    return [float(biases.get(qubit, 0.0)) for qubit in range(int(properties["num_qubits"]))]
