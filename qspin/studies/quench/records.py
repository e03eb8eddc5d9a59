"""What samplers say of quenches beside their samples: how long Trotter's steps are, and what is no fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from qspin.remarks import remarks_of
from qspin.study import Cell, Level, Remark, Results

__all__ = ["RECORD", "Steps", "expected_remarks", "steps_of"]

RECORD = "record"
"""Measure whose results hold what samplers say."""

_EXPECTED = "not-boltzmann"


class Steps(NamedTuple):
    """Steps in which one backend takes quenches.

    Parameters
    ----------
    fewest, most : a nanosecond, of all problems and times
    angle : the largest by which one turns a spin, radians
    """

    backend: str
    fewest: float
    most: float
    angle: float

    def __str__(self) -> str:
        low, high = f"{self.fewest:.3g}", f"{self.most:.3g}"
        return f"{low if low == high else f'{low} to {high}'} steps a ns"


def steps_of(results: Results) -> list[Steps]:
    """Of all backends that take quenches in steps and say how many."""
    told: dict[str, list[tuple[float, float]]] = {}
    for cell in results.cells(RECORD):
        for point in cell.points:
            record = json.loads(point.result.attrs["info"]).get("trotter", {})
            if "steps_per_ns" in record:
                found = told.setdefault(cell.backend, [])
                found.append((float(record["steps_per_ns"]), float(record["largest_angle"])))
    return [
        Steps(name, min(n for n, _ in own), max(n for n, _ in own), max(angle for _, angle in own))
        for name, own in told.items()
    ]


def expected_remarks(results: Results) -> Iterator[tuple[str, str, Remark]]:
    """Serious remarks of samplers that are none in a study of quenches, told again as notes: what a quench
    leaves is no ensemble in equilibrium, and how far from the exact state it is, is what the study tells.
    """
    for cell in results.cells(RECORD):
        n = sum(_has_expected(cell, k) for k in range(len(cell.points)))
        if n:
            text = (
                f"after {n} of {len(cell.points)} quenches the reads follow no Boltzmann distribution of the "
                "problem, as is to be expected: an effective temperature describes them in part"
            )
            yield cell.problem, cell.backend, Remark(_EXPECTED, text, Level.NOTE)


def _has_expected(cell: Cell, k: int) -> bool:
    return any(remark.code == _EXPECTED for remark in remarks_of(cell.points[k].result.attrs))
