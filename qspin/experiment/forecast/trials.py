"""What a pilot tries, a call of a sampler or a preparation, and how that goes in the process that tries it.

What has to be loaded and compiled is so first, by a call that ends as soon as it says that it has begun.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from qspin.errors import QspinError, named
from qspin.executor import Task
from qspin.problem import IsingProblem
from qspin.progress import Progress, listening
from qspin.sampler import Sampler, is_paid
from qspin.sampling import sampled
from qspin.source import Preparation, Tools

__all__ = ["TIMED", "Call", "Making", "Sampling", "steps_of", "tried"]

TIMED = "timed"
"""The step whose time is taken, after all others."""

_SMALL_SECONDS = 1.0  # that a call of a small problem may go on for once something is done


class Call(Protocol):
    """What is to be timed; it can be sent to another process.

    Attributes
    ----------
    is_paid : whether it costs money
    size : spins and couplings of its problem, (0, 0) where it has none
    """

    @property
    def is_paid(self) -> bool: ...

    @property
    def size(self) -> tuple[int, int]: ...

    def small(self) -> None:
        """As much of it as loads and compiles in little time, and says how far it is."""
        ...

    def whole(self) -> None:
        """All of it; raises KeyboardInterrupt where it was interrupted."""
        ...


@dataclass(frozen=True)
class Sampling:
    """One call of a sampler."""

    sampler: Sampler
    problem: IsingProblem

    @property
    def is_paid(self) -> bool:
        return is_paid(self.sampler)

    @property
    def size(self) -> tuple[int, int]:
        return self.problem.n_spins, self.problem.n_couplings

    def small(self) -> None:
        with contextlib.suppress(QspinError):  # it may be too small for this one
            self._sample(IsingProblem([[0.0, -1.0], [-1.0, 0.0]]))

    def whole(self) -> None:
        self._sample(self.problem)

    def _sample(self, problem: IsingProblem) -> None:
        if sampled(self.sampler, problem, seed=0, backend="pilot").info["status"] != "complete":
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Making:
    """One preparation that needs no other.

    Parameters
    ----------
    samplers : that it uses, by label
    """

    preparation: Preparation
    samplers: Mapping[str, Sampler] = field(default_factory=dict)

    @property
    def is_paid(self) -> bool:
        return any(map(is_paid, self.samplers.values()))

    @property
    def size(self) -> tuple[int, int]:
        return 0, 0

    def small(self) -> None:
        self.whole()

    def whole(self) -> None:
        self.preparation.make(Tools(self.samplers))


def steps_of(call: Call) -> list[Task]:
    """For `tried`, in their order."""
    trial = _Trial(call)
    return [Task(step, step, {"trial": trial}) for step in _STEPS]


def tried(task: Task) -> str | None:
    """One step, in the process that tries; what failed, or None."""
    try:
        _STEPS[task.action](task.settings["trial"])
    except QspinError as error:
        return named(error)
    return None


class _Enough(KeyboardInterrupt):
    """Ends a call as an interrupt does, which every sampler hears, where it says how far it is."""


class _Trial:
    """A call that is tried several times; the steps of one are sent together, and share it."""

    def __init__(self, call: Call):
        self._call = call
        self._speaks = False
        """Whether it has said how far it is."""

    def small(self) -> None:
        self._begun(self._call.small, _SMALL_SECONDS)

    def load(self) -> None:
        if self._speaks:  # else it would not end before its end
            self._begun(self._call.whole, 0.0)

    def timed(self) -> None:
        self._call.whole()

    def _begun(self, call: Callable[[], None], seconds: float) -> None:
        """A call, for so many seconds from when something is done: what it takes is loaded then."""
        heard: list[float] = []

        def hear(progress: Progress) -> None:
            self._speaks = True
            if progress.fraction > 0:
                heard.append(time.monotonic())
            if heard and heard[-1] - heard[0] >= seconds:
                raise _Enough

        with listening(hear):
            try:
                call()
            except KeyboardInterrupt:  # a training whose sampler heard it passes on another one
                if not heard or heard[-1] - heard[0] < seconds:
                    raise


_STEPS = {"small": _Trial.small, "load": _Trial.load, TIMED: _Trial.timed}
