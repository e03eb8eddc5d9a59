"""What a study is: a named question, what has to be sampled and measured for it, and what that says.

Authors import everything from here. A study plans (`Plan`: which measures on which cells) before anything is
sampled and concludes (`Conclusion`: sections of a report, verdicts, files of results) from `Results`. It
never sees a path: what it returns is written by others, and every number that a section shows lies in one of
its tables or datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol

import xarray as xr

from qspin.arguments import checked_arguments
from qspin.errors import InputError, QspinError, named
from qspin.measure import Measure, told_by, unmet
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark
from qspin.sampler import PositiveInt, Sampler, is_paid, offers, settings
from qspin.samples import SampleSet
from qspin.sections import (
    BOTTOM_LINE,
    Column,
    Conclusion,
    Figure,
    Finding,
    Section,
    Table,
    Tone,
    Verdict,
)
from qspin.source import Prepared, Source

__all__ = [
    "BOTTOM_LINE",
    "INSTANCE",
    "Asked",
    "Axis",
    "BackendLine",
    "Cell",
    "Column",
    "Conclusion",
    "Figure",
    "Finding",
    "InputError",
    "IsingProblem",
    "Level",
    "Plan",
    "Point",
    "PositiveInt",
    "PreparedFor",
    "ProblemLine",
    "Remark",
    "Results",
    "SampleSet",
    "Section",
    "Study",
    "Table",
    "Tone",
    "Verdict",
    "Wanted",
    "checked_arguments",
    "settings",
    "unmet",
]

INSTANCE = "instance"
"""Name of the axis over which the disorder is averaged."""

# -- what is asked -------------------------------------------------------------------------------


class Axis(NamedTuple):
    """One dimension of a sweep.

    Parameters
    ----------
    name : of the dimension of results
    values : all different, plain: numbers, text or lists
    """

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ProblemLine:
    """A label under ``problems:``.

    Parameters
    ----------
    label, kind : as the config names them
    source : at the first value of every axis
    axes : that change the problem
    """

    label: str
    kind: str
    source: Source
    axes: tuple[Axis, ...] = ()

    @cached_property
    def outline(self) -> IsingProblem:
        """Of the first point: of its size, without its preparations.

        Raises
        ------
        InputError
            If there is no such problem; its key is that in the config.
        """
        key: tuple[str | int, ...] = ("problems", self.label)
        try:
            found = self.source.outline()
        except InputError as error:
            raise error.within(f"problems.{self.label}", (*key, *error.key)) from None
        except QspinError:
            raise
        except Exception as error:  # of a third party
            raise InputError(
                f"problems.{self.label}: source {self.kind!r} failed: {named(error)}", key=key
            ) from error
        if not isinstance(found, IsingProblem):
            raise InputError(
                f"problems.{self.label}: source {self.kind!r} returned a {type(found).__name__}; expected a "
                "qspin.IsingProblem",
                key=key,
            )
        return found


@dataclass(frozen=True)
class BackendLine:
    """A label under ``backends:``.

    Parameters
    ----------
    label, name : as the config names them
    sampler : at the first value of every axis
    axes : that change the sampler
    """

    label: str
    name: str
    sampler: Sampler
    axes: tuple[Axis, ...] = ()

    @property
    def offers(self) -> frozenset[str] | None:
        """What its samples have, out of `qspin.measure.NEEDS`; None if it does not say."""
        return offers(self.sampler)

    @property
    def is_paid(self) -> bool:
        return is_paid(self.sampler)


@dataclass(frozen=True)
class Asked:
    """What a config asks for: every problem on every backend, at every point of the sweep."""

    problems: Mapping[str, ProblemLine]
    backends: Mapping[str, BackendLine]
    seed: int = 0

    def cells(self) -> Iterator[tuple[ProblemLine, BackendLine]]:
        """The product, problem by problem."""
        return (
            (problem, backend) for problem in self.problems.values() for backend in self.backends.values()
        )

    def unmet(self, measure: Measure, problem: str, backend: str) -> list[str]:
        """What a measure needs that a backend on a problem does not offer, in words; empty if nothing."""
        offered = self.backends[backend].offers
        return unmet(
            measure, None if offered is None else offered | _told_by(self.problems[problem], measure)
        )


def _told_by(line: ProblemLine, measure: Measure) -> frozenset[str]:
    """What is known of a problem, out of `qspin.measure.NEEDS`; it is only built where that matters."""
    asked = {need for need in measure.needs if need.startswith("problem:")}
    if not asked:
        return frozenset()
    return told_by(line.outline)


class Wanted(NamedTuple):
    """One measure on one problem and backend, at every point of their axes.

    Parameters
    ----------
    measure : its registered name
    problem, backend : labels
    settings : of the measure
    reference : label of the backend whose samples the measure is given beside, where it takes any
    label : under which `Results.cells` gives it; default the name of the measure
    """

    measure: str
    problem: str
    backend: str
    settings: Mapping[str, Any] = {}
    reference: str | None = None
    label: str = ""


class Plan(NamedTuple):
    """What a study wants.

    Parameters
    ----------
    wanted : measures on cells; all of them are sampled once, whichever studies want them
    is_timed : whether seconds are compared, so that code is compiled before they are taken (never where reads
        are paid)
    shares_ladders : whether temperatures that a backend finds by itself are to be the same on all problems
    """

    wanted: Sequence[Wanted] = ()
    is_timed: bool = False
    shares_ladders: bool = False


# -- what was found ------------------------------------------------------------------------------


class Point(NamedTuple):
    """A measure at one point of the sweep.

    Parameters
    ----------
    at : name of an axis -> its value here
    result : what was measured
    """

    at: Mapping[str, Any]
    result: xr.Dataset


@dataclass(frozen=True)
class Cell:
    """A measure on one problem and backend.

    Parameters
    ----------
    axes : of the problem and of the backend
    points : those that could be measured, in the order of the axes, the last running fastest
    n_missing : points that could not
    """

    problem: str
    backend: str
    measure: Measure
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    n_missing: int = 0
    reference: str | None = None

    def groups(self, axis: str = INSTANCE) -> list[tuple[dict[str, Any], list[xr.Dataset]]]:
        """Results that differ along one axis alone: (values on the other axes, results), in order."""
        found: dict[str, tuple[dict[str, Any], list[xr.Dataset]]] = {}
        for point in self.points:
            rest = {name: value for name, value in point.at.items() if name != axis}
            found.setdefault(repr(rest), (rest, []))[1].append(point.result)
        return list(found.values())

    def averaged(self) -> list[Point]:
        """Averages over instances, as the measure takes them, at every point of the other axes; where there
        is one instance, that one."""
        return [
            Point(at, results[0] if len(results) == 1 else self.measure.average(results))
            for at, results in self.groups()
        ]


class PreparedFor(NamedTuple):
    """A preparation, and the labels of the problems that want it."""

    title: str
    prepared: Prepared
    problems: tuple[str, ...]


class Results(Protocol):
    """What a study concludes from."""

    @property
    def asked(self) -> Asked: ...

    def cells(self, label: str) -> list[Cell]:
        """Of the measure that this study wanted under a label, in the order of the config."""
        ...

    def samples(self, problem: str, backend: str, at: Mapping[str, Any] = {}) -> SampleSet | None:
        """At the point with these values (others at their first), None if it could not be sampled."""
        ...

    def problem(self, label: str, at: Mapping[str, Any] = {}) -> IsingProblem:
        """The problem at a point, built anew."""
        ...

    def prepared(self) -> list[PreparedFor]:
        """Every preparation that was made, once."""
        ...

    def failures(self) -> list[str]:
        """What could not be done, a sentence each."""
        ...


# -- the study ---------------------------------------------------------------------------------


class Study:
    """Frozen settings (`qspin.settings.settings`), a plan and a conclusion.

    Attributes
    ----------
    version : raise it when its conclusions change
    is_standard : whether it is run where a config names no studies
    settles : codes of remarks on samples which what it says of them makes idle, such as that something is not
        tested; they are not told of the cells on which it wants a measure
    """

    version: ClassVar[int] = 1
    settles: ClassVar[frozenset[str]] = frozenset()
    is_standard: ClassVar[bool] = False

    def plan(self, asked: Asked) -> Plan:
        """What has to be measured, before anything is sampled.

        Raises
        ------
        InputError
            If there is nothing that it could ask, or no backend meets what it needs: which need, which
            backend. Where nobody asked for a standard study by name, it is left out then.
        """
        raise NotImplementedError

    def conclude(self, results: Results) -> Conclusion:
        """What was found; where there is nothing to say, no section."""
        raise NotImplementedError
