"""Which problems of a config are one model at several sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qspin.settings import setting_names, settings_of
from qspin.source import Source
from qspin.study import INSTANCE, Asked, Axis, Cell, Point, ProblemLine

__all__ = ["Family", "families_of", "is_averaged", "points_of"]


class Family(NamedTuple):
    """One model at several sizes: a problem with an axis of sizes, or problems of one kind that differ in
    size alone.

    Parameters
    ----------
    name : of the model: the label of the problem, or the kind of all of them
    problems : label -> value of the setting that changes the size, None where an axis has it
    axis : name of the axis of sizes, if there is one
    is_linear : whether all values are sides of lattices, or numbers; else the size is the number of spins
    """

    name: str
    problems: Mapping[str, Any]
    axis: str | None = None
    is_linear: bool = True


def families_of(asked: Asked, axis: str | None = None) -> list[Family]:
    """All of them; none where there are fewer than two sizes.

    Parameters
    ----------
    axis : name of an axis that is taken for that of sizes, whatever it is called
    """
    lines = list(asked.problems.values())
    found = [
        Family(line.label, {line.label: None}, own.name, _are_linear(own.values))
        for line in lines
        if (own := _axis_of_sizes(line, axis)) is not None
    ]
    taken = {label for family in found for label in family.problems}
    return found + list(_of_kinds([line for line in lines if line.label not in taken]))


def is_averaged(family: Family, asked: Asked) -> bool:
    """Whether every problem has two instances or more, or none to have: single instances of a disorder are no
    sizes of one model, and where their curves meet is chance."""
    lines = [asked.problems[label] for label in family.problems]
    return all(
        line.source.instance_key is None
        or any(axis.name == INSTANCE and len(axis.values) > 1 for axis in line.axes)
        for line in lines
    )


def _axis_of_sizes(line: ProblemLine, axis: str | None) -> Axis | None:
    """The axis along which the number of spins changes."""
    for own in line.axes:
        if own.name == INSTANCE or len(own.values) < 2:
            continue
        if own.name == axis or (axis is None and _changes_size(line.source, own)):
            return own
    return None


def _changes_size(source: Source, axis: Axis) -> bool:
    is_text = any(isinstance(value, str) for value in axis.values)  # a name is no size
    if is_text or axis.name not in setting_names(type(source)):
        return False
    ends = (_with(source, {axis.name: axis.values[k]}) for k in (0, -1))
    return len({end.outline().n_spins for end in ends}) > 1


def _with(source: Source, changes: Mapping[str, Any]) -> Source:
    made: Any = source
    return dataclasses.replace(made, **changes)


def _of_kinds(lines: Sequence[ProblemLine]) -> Iterator[Family]:
    """Problems of one kind that differ in one setting, which changes their size, and in their instances."""
    left = list(lines)
    while left:
        first = left.pop(0)
        for name in setting_names(type(first.source)):
            rest = _others(first, name)
            family = [first, *(other for other in left if rest is not None and _others(other, name) == rest)]
            if len({line.outline.n_spins for line in family}) > 1:
                values = {line.label: settings_of(line.source).get(name) for line in family}
                yield Family(first.kind, values, None, _are_linear(values.values()))
                left = [line for line in left if line.label not in values]
                break


def _others(line: ProblemLine, name: str) -> str | None:
    """All settings but one, and but the one that instances run over; None where it is that one."""
    key = line.source.instance_key
    if name == key:
        return None
    return repr((line.kind, {k: v for k, v in settings_of(line.source).items() if k not in (name, key)}))


def _are_linear(values: Iterable[Any]) -> bool:
    return all(linear_size(value) is not None for value in values)


def linear_size(value: Any) -> int | None:
    """Side of a lattice with equal sides, or a size that is a whole number; None for anything else.

    Examples
    --------
    >>> linear_size([4, 4, 4]), linear_size(16), linear_size([4, 6]), linear_size("large")
    (4, 16, None, None)
    """
    if isinstance(value, list | tuple):
        return linear_size(value[0]) if value and all(side == value[0] for side in value) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    return int(value) if is_number else None


def points_of(family: Family, cells: Sequence[Cell]) -> dict[tuple[str, str], dict[int, list[Point]]]:
    """What was measured, by backend and the values of all other axes, and by size: one point an instance.

    Parameters
    ----------
    cells : of one measure
    """
    found: dict[tuple[str, str], dict[int, list[Point]]] = {}
    for cell in cells:
        if cell.problem not in family.problems:
            continue
        for point in cell.points:
            value = family.problems[cell.problem] if family.axis is None else point.at[family.axis]
            side = linear_size(value) if family.is_linear else None
            size = int(point.result.attrs["n_spins"]) if side is None else side
            rest = {k: v for k, v in point.at.items() if k not in (INSTANCE, family.axis)}
            where = ", ".join(f"{name} = {value}" for name, value in rest.items())
            found.setdefault((cell.backend, where), {}).setdefault(size, []).append(point)
    return found
