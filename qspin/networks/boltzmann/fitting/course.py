"""How far a training is, by the clock of what it has done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from qspin.progress import part_of_progress, report_progress

__all__ = ["Course"]


@dataclass
class _Part:
    """All that is to be done of one kind.

    Parameters
    ----------
    n_all : in all
    n_done : of them
    n_timed : of those that are done, the others in an earlier process
    seconds : that these took
    """

    n_all: int
    n_done: int = 0
    n_timed: int = 0
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds of one; 0 where none was timed."""
        return self.seconds / self.n_timed if self.n_timed else 0.0


class Course:
    """Steps and evaluations of one training, which take very different times.

    Each counts as long as one of its kind took in the mean, so that what is told is a share of time. What is
    called on the way, and says how far it is itself, moves within its step.

    Parameters
    ----------
    n_steps, n_evaluations : in all
    done, evaluated : of them, in an earlier process
    """

    def __init__(self, n_steps: int, n_evaluations: int, done: int = 0, evaluated: int = 0):
        self._steps = _Part(n_steps, done)
        self._evaluations = _Part(n_evaluations, evaluated)

    def step(self) -> contextlib.AbstractContextManager[None]:
        """One step is done inside this block."""
        return self._timed(self._steps)

    def evaluation(self) -> contextlib.AbstractContextManager[None]:
        """One evaluation is done inside this block."""
        return self._timed(self._evaluations)

    def report(self, remark: str, **figures: float) -> None:
        """Say how far it is, see `report_progress`."""
        report_progress(self.fraction, remark, **figures)

    @property
    def fraction(self) -> float:
        """Of its time; 0 until the first step is timed."""
        return self._fraction_after(0.0)

    def _fraction_after(self, seconds: float) -> float:
        """The fraction so many seconds from now."""
        if not self._steps.n_timed:
            return 0.0
        both = (self._steps, self._evaluations)
        done = sum(own.n_done * own.mean for own in both)
        return min((done + seconds) / sum(own.n_all * own.mean for own in both), 1.0)

    @contextlib.contextmanager
    def _timed(self, part: _Part) -> Iterator[None]:
        began = time.perf_counter()
        with part_of_progress(self.fraction, self._fraction_after(part.mean)):
            yield
        part.seconds += time.perf_counter() - began
        part.n_done += 1
        part.n_timed += 1
