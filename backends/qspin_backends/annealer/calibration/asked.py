"""What a user wants learned of a device before a problem is annealed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING", "Asked"]


@dataclass(frozen=True)
class Asked:
    """See the settings of `Annealer`.

    Parameters
    ----------
    n_shim : rounds of shims
    n_reads : of each programming of a calibration
    readout : how often qubits are read wrongly
    """

    n_shim: int
    n_reads: int
    readout: bool


NOTHING = Asked(0, 1, False)
