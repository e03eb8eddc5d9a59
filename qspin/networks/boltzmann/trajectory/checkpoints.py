"""One machine at several steps of its training."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any

from torch import Tensor

from qspin.errors import InputError, shown
from qspin.networks.boltzmann.machines import Machine, parameters_digest, require_usable

__all__ = ["Checkpoints"]

_NONE = "a trajectory needs at least one checkpoint: keep_at of fit_boltzmann keeps the steps that it names"


@dataclass(frozen=True)
class Checkpoints:
    """A machine at ascending steps of its training, which nothing changes any more.

    Parameters
    ----------
    steps : after which each was kept
    machine : what it is, in words
    sha256 : of units, graph and parameters at all steps, hex
    machines : at each step; copies
    """

    steps: tuple[int, ...]
    machine: str
    sha256: str
    machines: InitVar[tuple[Machine, ...]]

    def __post_init__(self, machines: tuple[Machine, ...]) -> None:
        object.__setattr__(self, "_machines", machines)

    @property
    def at_steps(self) -> tuple[Machine, ...]:
        """The machine at every step."""
        return self._machines  # type: ignore[attr-defined, no-any-return]

    @property
    def last(self) -> Machine:
        return self.at_steps[-1]

    @classmethod
    def of(cls, machine: Machine, kept: Mapping[int, Mapping[str, Tensor]]) -> Checkpoints:
        """From the state dicts of a training, as `BoltzmannFit.kept` holds them.

        Parameters
        ----------
        machine : whose they are; its own parameters do not count
        kept : step -> state dict

        Raises
        ------
        InputError
            If there are none, or they are of another machine.
        """
        _require_machine(machine)
        if not isinstance(kept, Mapping) or not kept:
            raise InputError(f"{_NONE}; got {shown(kept)}")
        machines = []
        for step, state in sorted(kept.items()):
            at = copy.deepcopy(machine)
            try:
                at.load_state_dict(dict(state))
            except (InputError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise InputError(f"the checkpoint of step {step} is of another machine: {reason}") from None
            machines.append(at)
        return cls._made(sorted(kept), machines)

    @classmethod
    def of_machines(cls, machines: Iterable[Machine]) -> Checkpoints:
        """From machines in the order of training, which are numbered from 0.

        Raises
        ------
        InputError
            If there are none, or their units or graphs differ.
        """
        given = list(machines) if isinstance(machines, Iterable) else [machines]
        for machine in given:
            _require_machine(machine)
        for k, machine in enumerate(given[1:], 1):
            try:
                given[0].description().require(machine.description())
            except InputError as error:
                raise InputError(f"checkpoint {k} is of another machine than the first: {error}") from None
        return cls._made(range(len(given)), [copy.deepcopy(machine) for machine in given])

    def thinned(self, places: Iterable[int]) -> Checkpoints:
        """Those at some places alone."""
        places = list(places)
        return self._made([self.steps[k] for k in places], [self.at_steps[k] for k in places])

    @classmethod
    def _made(cls, steps: Iterable[int], machines: list[Machine]) -> Checkpoints:
        if not machines:
            raise InputError(_NONE)
        for machine in machines:
            require_usable(machine)
            machine.requires_grad_(False)
        sha256 = parameters_digest(machines, machines[0].description().digest)
        return cls(tuple(int(step) for step in steps), repr(machines[0]), sha256, tuple(machines))


def _require_machine(machine: Any) -> None:
    if not isinstance(machine, Machine):
        raise InputError(
            f"checkpoints are machines of qspin.networks, or TrajectoryTempering.of(machine, fit.kept); got "
            f"{shown(machine)}"
        )
