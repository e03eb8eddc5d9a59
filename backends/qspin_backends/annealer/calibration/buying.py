"""Requests of one `sample` call: rounds of a calibration, and then the anneals themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qspin_backends.annealer.calibration.trials import Trial
from qspin_backends.annealer.device import Device, Program, Request
from qspin_backends.common.journal import Answer

__all__ = ["Buying"]


@dataclass(frozen=True)
class Buying:
    """What the requests of a call share.

    Parameters
    ----------
    factor : by which energies were multiplied to fit the range of the device
    purpose, record : see `Request`
    """

    device: Device
    factor: float
    purpose: Mapping[str, Any]
    record: Mapping[str, Any]

    def request(self, programs: Sequence[Program], rounds: Sequence[Sequence[Trial]] = ()) -> Request:
        """Of programs, and of the rounds of a calibration as if they were a part of them."""
        trials = [trial.program for several in rounds for trial in several]
        return Request([*programs, *trials], self.factor, self.purpose, self.record)

    def answers(self, programs: Sequence[Program], name: str, later: Sequence[Program]) -> list[Answer]:
        """Of a round; what was bought before is not asked about again, whatever a budget says.

        Parameters
        ----------
        name : of the round, by which its answers are found again
        later : programs that will follow
        """
        purpose = {**self.purpose, "calibration": name}
        request = Request(programs, self.factor, purpose, self.record, later)
        kept = self.device.kept(request)
        return list(self.device.anneal(request)) if kept is None else kept
