"""Overlaps of parts: groups such as layers, single spins, spins at a distance, and stored patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from qspin import analysis
from qspin.measure import InputError, IsingProblem, PositiveInt, SampleSet, settings
from qspin.measures.averaging import common_ladder
from qspin.measures.base import NamedMeasure, without_need
from qspin.measures.overlaps import with_disorder_ratios

__all__ = [
    "CorrelationLength",
    "DistanceOverlaps",
    "GroupOverlapCurve",
    "PatternOverlapCurve",
    "SiteOverlaps",
]


@settings
class GroupOverlapCurve(NamedMeasure):
    """`overlap_curve` of each group of spins, over ``group`` and ``beta``
    (`qspin.analysis.group_overlap_curve`).

    ``size`` (group) is the number of its spins. Averages are as those of `overlap_curve`, group by group.

    Parameters
    ----------
    groups : name -> positions of its spins; default the groups that are known of the problem, such as layers
    """

    name: ClassVar[str] = "group_overlap_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins", "problem:groups"})

    groups: dict[str, list[int]] | None = Field(default=None, min_length=1)

    def __post_init__(self) -> None:
        if self.groups is not None:
            without_need(self, "problem:groups")

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        known: Any = problem.known
        groups = known.groups if self.groups is None else self.groups
        curve = analysis.group_overlap_curve(samples, groups)
        return curve.assign(size=("group", [len(spins) for spins in groups.values()]))

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        average, group = super().average(results), common_ladder(results, self.rules)
        curves = []
        for k, size in enumerate(results[0]["size"].values):
            alone = [result.isel(group=k).drop_vars("size") for result in group]
            curves.append(with_disorder_ratios(average.isel(group=k), alone, int(size)))
        return xr.concat(curves, dim="group").assign_attrs(average.attrs)


@settings
class SiteOverlaps(NamedMeasure):
    """Edwards-Anderson parameter of every spin, over ``beta`` and ``spin``
    (`qspin.analysis.site_overlaps`).
    """

    name: ClassVar[str] = "site_overlaps"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.site_overlaps(samples).assign_coords(spin=samples.dataset["spin"].values)


@settings
class DistanceOverlaps(NamedMeasure):
    """Spin-glass correlation over ``beta`` and graph ``distance`` (`qspin.analysis.distance_overlaps`).

    At a distance that some instances do not have, averages are over those that have it.
    """

    name: ClassVar[str] = "distance_overlaps"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins", "problem:couplings"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.distance_overlaps(samples, problem)


@settings
class PatternOverlapCurve(NamedMeasure):
    """Mean |m| with every pattern that is known of the problem, over ``beta`` and ``pattern``, and the
    largest of them (`qspin.analysis.pattern_overlap_curve`).
    """

    name: ClassVar[str] = "pattern_overlap_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"spins", "problem:patterns"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        known: Any = problem.known
        return analysis.pattern_overlap_curve(samples, known.patterns)


# -- on a lattice --------------------------------------------------------------------------------


@settings
class CorrelationLength(NamedMeasure):
    """Second-moment correlation length over L of a periodic lattice, over ``beta``
    (`qspin.analysis.correlation_length`).

    Parameters
    ----------
    shape : equal lengths of a lattice whose spins are numbered in C order; default that whose bonds, all of
        them and no others, the couplings are
    positions : lattice coordinates, a row a spin, where they are others
    size : with them, the length L
    """

    name: ClassVar[str] = "correlation_length"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins"})

    shape: tuple[PositiveInt, ...] | None = Field(default=None, min_length=1)
    positions: list[list[float]] | None = Field(default=None, min_length=1)
    size: PositiveInt | None = None

    def __post_init__(self) -> None:
        if (self.positions is None) != (self.size is None):
            raise InputError(
                "correlation_length: positions and size belong together; give both, or neither", key=("size",)
            )
        if self.shape is not None and self.positions is not None:
            raise InputError(
                "correlation_length: give shape, or positions and size; not both", key=("shape",)
            )
        if self.shape is not None and len(set(self.shape)) > 1:
            raise InputError(
                f"correlation_length: shape must have equal lengths; got {list(self.shape)}", key=("shape",)
            )

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        if self.positions is not None and self.size is not None:
            return analysis.correlation_length(samples, self.positions, self.size)
        shape = self.shape or _lattice_of(problem)
        if int(np.prod(shape)) != samples.n_spins:
            raise InputError(
                f"correlation_length: a lattice of shape {list(shape)} has {int(np.prod(shape))} spins; the "
                f"samples have {samples.n_spins}"
            )
        return analysis.correlation_length(samples, _coordinates(shape), shape[0])


def _coordinates(shape: Sequence[int]) -> NDArray[np.intp]:
    """Of spins in C order, (N, n_dimensions)."""
    return np.indices(shape).reshape(len(shape), -1).T


def _lattice_of(problem: IsingProblem) -> tuple[int, ...]:
    """Shape of the periodic lattice of equal lengths whose bonds the couplings are.

    Raises
    ------
    InputError
        If there is none.
    """
    i, j, _ = problem.edges
    bonds = set(zip(i.tolist(), j.tolist(), strict=True))
    for dimension in (1, 2, 3):
        length = round(problem.n_spins ** (1 / dimension))
        if length > 1 and length**dimension == problem.n_spins and bonds == _bonds((length,) * dimension):
            return (length,) * dimension
    raise InputError(
        "correlation_length: the couplings are not the bonds of a periodic lattice of equal lengths; give "
        "its shape, or positions and size"
    )


def _bonds(shape: Sequence[int]) -> set[tuple[int, int]]:
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    bonds = set()
    for axis in range(len(shape)):
        pairs = np.sort([numbers.ravel(), np.roll(numbers, -1, axis).ravel()], axis=0)
        bonds |= set(zip(*pairs.tolist(), strict=True))
    return bonds
