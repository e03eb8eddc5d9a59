"""How a device is to anneal: times, schedule and initial state, refused where it would refuse them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name
from qspin.problem import IsingProblem
from qspin_backends.annealer.embeddings.layout import Layout

__all__ = ["Anneal"]

Schedule = Sequence[tuple[float, float]]

_RESOLUTION = 0.01
"""Microseconds to which D-Wave's solvers round times, by their documentation: no property states it.

Fast anneals are realised to about 0.05 % of their time instead, so that nothing is rounded away.
"""


@dataclass(frozen=True)
class Anneal:
    """What a user asked of the anneal; None and False leave the device its default.

    Parameters
    ----------
    annealing_time : microseconds
    fast : by the fast-anneal protocol, which takes no fields
    schedule : points (time in microseconds, s), up to ``max_anneal_schedule_points``; from s = 0 forward,
        from s = 1 in reverse
    initial_state : spins of the problem (n_spins,) that a reverse anneal starts from
    reinitialize : start every read from `initial_state`, not from where the last one ended
    reduce_intersample_correlation, flux_drift_compensation : switches of the device
    flux_biases : function of (properties, qubits) that returns qubit -> flux bias in units of the flux
        quantum
    programming_thermalization, readout_thermalization : microseconds of cooling after a programming, and
        after a read; within ``programming_thermalization_range`` and ``readout_thermalization_range``
    h_gain_schedule : points (time in microseconds, gain): by what fields are multiplied in the course of an
        anneal. How steep it may be no property states, so the device itself refuses what is too steep
    anneal_offsets : by how much qubits anneal ahead, in normalised units: of every spin, in order, for all
        qubits of its chain; or a function of (properties, qubits) that returns qubit -> offset. What is sent
        is the nearest multiple of ``anneal_offset_step`` within ``anneal_offset_ranges``, as it is realised
    """

    annealing_time: float | None
    fast: bool
    schedule: Schedule | None
    initial_state: NDArray[np.int8] | None
    reinitialize: bool
    reduce_intersample_correlation: bool
    flux_drift_compensation: bool
    flux_biases: Any
    programming_thermalization: float | None = None
    readout_thermalization: float | None = None
    h_gain_schedule: Schedule | None = None
    anneal_offsets: Any = None

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
            _check_time("annealing_time", self.annealing_time, name, properties, rounded=not self.fast)
        if self.schedule is not None:
            _check_schedule(self.schedule, properties)
        for setting in ("programming_thermalization", "readout_thermalization"):
            if (wait := getattr(self, setting)) is not None:
                _check_time(setting, wait, f"{setting}_range", properties)
        if self.h_gain_schedule is not None:
            _check_gains(self.h_gain_schedule, self.time(properties), properties)

    def of_copies(self, n: int) -> Anneal:
        """The same for n copies of the problem side by side: what is given by spin is repeated."""
        given = {"initial_state": self.initial_state, "anneal_offsets": self.anneal_offsets}
        repeated = {k: np.tile(v, n) for k, v in given.items() if v is not None and not callable(v)}
        return dataclasses.replace(self, **repeated)  # type: ignore[arg-type]

    @property
    def gains(self) -> tuple[float, ...]:
        """The extremes of what fields are multiplied by, and 1: they are programmed as they are."""
        gains = [gain for _, gain in self.h_gain_schedule or ()]
        return (1.0, min(gains), max(gains)) if gains else (1.0,)

    def waits(self, properties: Mapping[str, Any]) -> tuple[float, float]:
        """After a read and after a programming, microseconds; pauses that undo correlations among them."""

        def given(name: str) -> float:
            value = getattr(self, name)
            return float(properties.get(f"default_{name}", 0.0) if value is None else value)

        readout, programming = given("readout_thermalization"), given("programming_thermalization")
        if self.reduce_intersample_correlation:
            readout = max(readout, _decorrelation(self.time(properties), properties))
        return readout, programming

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
            biases = _called("flux_biases", self.flux_biases, layout, properties)
            given["flux_biases"] = _by_number(biases, properties)
        for name in ("programming_thermalization", "readout_thermalization"):
            if (wait := getattr(self, name)) is not None:
                given[name] = wait
        if self.h_gain_schedule is not None:
            given["h_gain_schedule"] = [list(map(float, point)) for point in self.h_gain_schedule]
        if self.anneal_offsets is not None:
            given["anneal_offsets"] = _by_number(
                _offsets(self.anneal_offsets, layout, properties), properties
            )
        for name in given:
            if name not in properties["parameters"]:
                raise InputError(
                    f"this device has no parameter {name!r}: {nearest_name(name, properties['parameters'])}",
                    key=(name,),
                )
        return given


def _check_time(
    setting: str, time: float, limit: str, properties: Mapping[str, Any], *, rounded: bool = True
) -> None:
    """Refuse a time that lies out of the range of a device, or that it would round."""
    low, high = properties.get(limit, (0, np.inf))
    if not low <= time <= high:
        otherwise = _by_the_fast_protocol(time, properties) if limit == "annealing_time_range" else ""
        raise InputError(
            f"{setting} must lie between {low:g} and {high:g} microseconds on this device ({limit}); got "
            f"{time:g}{otherwise}",
            key=(setting,),
        )
    if rounded and _rounds(properties):
        _check_resolution(setting, [time])


def _by_the_fast_protocol(time: float, properties: Mapping[str, Any]) -> str:
    """What takes a time that is out of the usual range, if anything does."""
    low, high = properties.get("fast_anneal_time_range") or (np.inf, -np.inf)
    return f": set fast_anneal to true, which takes {low:g} to {high:g}" if low <= time <= high else ""


def _rounds(properties: Mapping[str, Any]) -> bool:
    """Whether a device rounds times: not one that anneals in less than the resolution."""
    return bool(properties.get("annealing_time_range", (1.0,))[0] >= _RESOLUTION)


def _check_resolution(setting: str, times: Sequence[float]) -> None:
    for time in times:
        rounded = round(time / _RESOLUTION) * _RESOLUTION
        if abs(time - rounded) > 1e-6 * _RESOLUTION:
            raise InputError(
                f"{setting}: a device rounds times to {_RESOLUTION:g} microseconds, so {time:.10g} would "
                f"become {rounded:.10g}; give that",
                key=(setting,),
            )


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
    if _rounds(properties):
        _check_resolution("anneal_schedule", [time for time, _ in schedule])


def _check_gains(schedule: Schedule, anneal_time: float, properties: Mapping[str, Any]) -> None:
    """Refuse what the device would: see `Anneal` for what cannot be known before."""
    times = [time for time, _ in schedule]
    low, high = properties.get("h_gain_schedule_range", (-np.inf, np.inf))
    most = properties.get("max_h_gain_schedule_points", np.inf)
    outside = [gain for _, gain in schedule if not low <= gain <= high]
    if not 2 <= len(schedule) <= most:
        fault = f"takes 2 to {most} points on this device (max_h_gain_schedule_points); got {len(schedule)}"
    elif outside:
        fault = (
            f"takes gains between {low:g} and {high:g} on this device (h_gain_schedule_range); got "
            f"{outside[0]:g}"
        )
    elif times[0] != 0 or not (np.diff(times) > 0).all():
        fault = f"takes times that ascend from 0; got {times}"
    elif not np.isclose(times[-1], anneal_time, rtol=1e-9, atol=0.0):
        fault = f"must end with the anneal, after {anneal_time:g} microseconds; got {times[-1]:g}"
    else:
        return _check_resolution("h_gain_schedule", times)
    raise InputError(f"h_gain_schedule {fault}", key=("h_gain_schedule",))


def _decorrelation(anneal_time: float, properties: Mapping[str, Any]) -> float:
    """Pause after a read where correlations are to be reduced, microseconds, by the solver's timing model."""
    timing = properties.get("problem_timing_data") or {}
    shortest, longest = timing.get("decorrelation_time_range", (0.0, 0.0))
    share = anneal_time / float(timing.get("decorrelation_max_nominal_anneal_time") or np.inf)
    return float(shortest + share * (longest - shortest))


def _called(
    setting: str, function: Any, layout: Layout, properties: Mapping[str, Any]
) -> Mapping[int, float]:
    """What a user's function says of qubits, checked."""
    values = function(properties, layout.qubits.tolist())
    qubits = {*properties["qubits"], *layout.qubits.tolist()}  # without a graph any number is one
    known = isinstance(values, Mapping) and set(values) <= qubits
    if not known or not np.isfinite(list(values.values())).all():
        raise InputError(
            f"the function behind {setting} must return a mapping from qubits of the device to finite "
            f"numbers; got {str(values)[:60]}",
            key=(setting,),
        )
    return values


def _offsets(given: Any, layout: Layout, properties: Mapping[str, Any]) -> Mapping[int, float]:
    """Anneal offsets by qubit, checked against the range of each."""
    if callable(given):
        offsets = _called("anneal_offsets", given, layout, properties)
    else:
        offsets = dict(zip(layout.qubits.tolist(), np.asarray(given)[layout.spin_of].tolist(), strict=True))
    ranges = properties.get("anneal_offset_ranges")
    step = abs(float(properties.get("anneal_offset_step") or 0.0))
    realised = {}
    for qubit, offset in offsets.items():
        low, high = ranges[qubit] if ranges else (-np.inf, np.inf)
        if not low <= offset <= high:
            raise InputError(
                f"anneal_offsets must lie between {low:.4g} and {high:.4g} for qubit {qubit} of this device "
                f"(anneal_offset_ranges); got {offset:g}",
                key=("anneal_offsets",),
            )
        realised[qubit] = float(np.clip(round(offset / step) * step, low, high)) if step else float(offset)
    return realised


def _by_number(values: Mapping[int, float], properties: Mapping[str, Any]) -> list[float]:
    """One value for each qubit of the device, in the order of its numbers, 0 where none is given."""
    n_qubits = max(int(properties["num_qubits"]), 1 + max(values, default=-1))  # without a graph any number
    return [float(values.get(qubit, 0.0)) for qubit in range(n_qubits)]
