"""The negative phase from any backend of qspin, at the temperature that it has or is measured to have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qspin.analysis.of_model import row_of_model
from qspin.analysis.temperature import MEASURED, has_measured_temperatures
from qspin.checkpoint import without_checkpoint
from qspin.errors import InputError, QspinError
from qspin.networks.boltzmann.fitting.device import KnownDevice
from qspin.networks.boltzmann.fitting.phases import Negative, State, average_over, persistence
from qspin.networks.boltzmann.machines import Machine
from qspin.remarks import Level
from qspin.sampler import Sampler, deciding_settings, is_paid, offers, stepping, takes_initial
from qspin.samples import SampleSet
from qspin.sampling import sampled
from qspin.settings import given_settings

__all__ = ["SampledPhase", "required_row"]

_NAME = "negative phase"
_TEMPERATURES = {"thermostat", "thermometer"}


class _Measured(NamedTuple):
    """Which row of samples is of the model, and the inverse temperature that was measured of it."""

    row: int
    beta: float
    error: float
    is_set: bool


class SampledPhase:
    """Averages over samples of a backend.

    One that sets temperatures is asked for beta = 1, and its replicas go on where they ended where it can
    start from configurations. One that does not is programmed with the energy divided by the inverse
    temperature that its earlier samples show (``beta_effective``), so that it samples the model. Where it
    gets no colder, however much energy is programmed, parameters give way to what it can sample: see
    `KnownDevice`, the filter that knows its temperature. An annealer that needs chains is best given a
    number as `chain_strength`, 3 to 4 temperatures of the device in units of what is programmed: chains then
    stay as they are while couplings grow, and do not freeze.

    Settings that were left to a sampler are chosen for steps, where it says how (`qspin.sampler.stepping`):
    tempering without ``betas`` takes a short ladder up to 1, and a few sweeps a step.

    Parameters
    ----------
    sampler : of `qspin.get_backend`, or any other
    correct_temperature : divide by it; without, samples are taken as if they were at beta = 1
    drift : by which that temperature may move between two steps, a share of it
    """

    def __init__(self, sampler: Sampler, *, correct_temperature: bool = True, drift: float = 0.02):
        self._sampler = stepping(sampler)
        self._corrects = correct_temperature
        self._drift = drift

    def check(self, machine: Machine) -> None:
        """Raises InputError where the sampler says that it cannot sample the machine, or not at beta = 1, or
        that nobody would know at which temperature it does.
        """
        has, betas = offers(self._sampler), getattr(self._sampler, "betas", None)
        if has is not None and "spins" not in has:
            raise InputError(
                f"{self._name} keeps averages alone, and gradients are averages over configurations: let it "
                "keep spins, as tempering does with store='spins'"
            )
        if has is not None and not has & _TEMPERATURES:
            raise _no_temperature(self._name, _withholding(self._sampler))
        if has is not None and betas is not None and "thermostat" in has:
            required_row(() if isinstance(betas, str) else betas)
        elif has is not None and betas is not None and len(betas) != 1:
            raise _several_rows(self._name, len(betas))
        if (look := getattr(self._sampler, "check", None)) is not None:
            look(machine.problem())

    @property
    def _name(self) -> str:
        return str(getattr(self._sampler, "name", type(self._sampler).__name__))

    def identity(self) -> dict[str, Any]:
        try:
            own = deciding_settings(self._sampler)
        except (TypeError, AttributeError):  # a sampler of a third party without settings
            own = {}
        return {
            "phase": type(self._sampler).__name__,
            "settings": own,
            "corrects": [self._corrects, self._drift],
        }

    def negative(self, machine: Machine, batch: Tensor, state: State, seed: int) -> Negative:
        problem = machine.problem()
        device = KnownDevice.of(state)
        factor = 1 / device.beta if self._corrects else 1.0
        programmed = problem.scaled(factor) if factor != 1 else problem
        initial = self._initial(state)
        with without_checkpoint():  # what is kept is the training
            samples = sampled(self._sampler, programmed, seed=seed, backend=_NAME, initial=initial)
        info = samples.info
        if info["status"] == "interrupted":
            raise KeyboardInterrupt  # a step of half the samples would be another training
        found, (spins, _, betas) = _measured(samples), samples.arrays
        x = machine.from_spins(spins[found.row].reshape(-1, spins.shape[-1]))
        gradients, noise = average_over(machine, x)
        kept: dict[str, Tensor] = {"betas": torch.tensor(betas), "spins": torch.tensor(spins[:, :, -1])}
        paid, compiling = self._clocks(info["clocks"])
        made = Negative(gradients, noise, kept, n_samples=len(x), paid=paid, compiling=compiling)
        if found.is_set:
            return made._replace(persistence=self._persistence(machine, state, kept, found.row))
        device = device.after(found.beta, found.error, factor=factor, drift=self._drift)
        kept |= device.kept()
        return made._replace(
            beta=found.beta * factor,
            beta_error=found.error * factor,
            factor=factor,
            shrunk=device.shrinks(self._drift) if self._corrects else 1.0,
            remarks=tuple(own for own in samples.remarks if own.level is Level.SERIOUS),
        )

    def _clocks(self, clocks: Mapping[str, float]) -> tuple[float, float]:
        """Seconds that cost money, and those of compiling."""
        paid = float(clocks.get("device", 0.0)) if is_paid(self._sampler) else 0.0
        return paid, float(clocks.get("compile", 0.0))

    def _initial(self, state: State) -> NDArray[np.int8] | None:
        """Where replicas of the step before ended (beta, replica, spin), for a sampler with a thermostat that
        can start there."""
        if (
            "spins" not in state
            or not takes_initial(self._sampler)
            or bool(torch.isnan(state["betas"]).any())
        ):
            return None
        spins: NDArray[np.int8] = state["spins"].numpy()
        return spins

    def _persistence(self, machine: Machine, state: State, kept: State, row: int) -> float | Tensor:
        if (
            not takes_initial(self._sampler)
            or "spins" not in state
            or state["spins"].shape != kept["spins"].shape
        ):
            return float("nan")
        before, after = (machine.from_spins(of["spins"][row].numpy()) for of in (state, kept))
        return float(persistence(machine, before, after))


def _measured(samples: SampleSet) -> _Measured:
    """The row at beta = 1, or the only one, with its measured temperature."""
    betas = samples.betas
    if np.isfinite(betas).all():
        return _Measured(required_row(betas), 1.0, 0.0, True)
    backend = samples.info.get("backend", "the sampler")
    if not has_measured_temperatures(samples):
        raise _no_temperature(backend, "")
    if len(betas) != 1:
        raise _several_rows(backend, len(betas))
    beta, error = (float(samples.dataset[name].values[0]) for name in MEASURED)
    return _Measured(0, beta, error, False)


def _no_temperature(backend: str, withholding: str) -> InputError:
    """
    Parameters
    ----------
    withholding : the setting of this backend that makes it so, and its value; empty where there is none
    """
    own, remedy = "", "take tempering, annealer, qaoa or block Gibbs (sampler='pcd')"
    if withholding:
        own, remedy = f" with {withholding}", f"leave out {withholding.partition('=')[0]}"
    return InputError(
        f"{backend}{own} states no temperature and measures none (no beta_effective), so nobody knows which "
        f"model its samples are of: {remedy}"
    )


def _withholding(sampler: Sampler) -> str:
    """The setting without which a sampler would have a temperature: ``method='search'``; empty where none
    is at fault alone."""
    for name in given_settings(sampler):
        try:
            has = offers(_without(sampler, name))
        except QspinError:  # the others ask for it
            continue
        if has is not None and has & _TEMPERATURES:
            return f"{name}={getattr(sampler, name)!r}"
    return ""


def _without(sampler: Any, name: str) -> Sampler:
    """The same with the default of a setting."""
    (field,) = (field for field in dataclasses.fields(sampler) if field.name == name)
    return dataclasses.replace(sampler, **{name: field.default})


def _several_rows(backend: str, n_rows: int) -> InputError:
    return InputError(
        f"{backend} gives {n_rows} rows of samples, of as many factors or depths, and a model is sampled "
        "with one: betas=[1.0] of an annealer, depth of qaoa"
    )


def required_row(betas: Any) -> int:
    """Row of beta = 1; raises InputError where there is none."""
    row = row_of_model(betas)
    if row is None:
        came = ", ".join(f"{beta:.4g}" for beta in betas) or "a ladder that is found anew for every problem"
        raise InputError(
            f"the model is the machine at beta = 1, which must be one of the sampler's betas; got {came}: "
            "give them, such as betas=[0.2, 0.35, 0.6, 1.0]"
        )
    return row
