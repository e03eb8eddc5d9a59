"""Which problems of a config are one model at several sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qspin.settings import setting_names, settings_of
from qspin.source import Source
from qspin.study import INSTANCE, Asked, Axis, Cell, Point, ProblemLine

__all__ = ["Family", "families_of", "points_of"]


class Family(NamedTuple):
    """One model at several sizes: a problem with an axis of sizes, or problems of one kind that differ in
    size alone.

    Parameters
    ----------
    name : of the model: the label of the problem, or the kind of all of them
    problems : label -> its size, None where an axis has it
    axis : name of the axis of sizes, if there is one
    """

    name: str
    problems: Mapping[str, int | None]
    axis: str | None = None


def families_of(asked: Asked, axis: str | None = None) -> list[Family]:
    """All of them; none where there are fewer than two sizes.

    Parameters
    ----------
    axis : name of an axis that is taken for that of sizes, whatever it is called
    """
    lines = list(asked.problems.values())
    found = [
        Family(line.label, {line.label: None}, own.name)
        for line in lines
        if (own := _axis_of_sizes(line, axis)) is not None
    ]
    taken = {label for family in found for label in family.problems}
    return found + list(_of_kinds([line for line in lines if line.label not in taken]))


def _axis_of_sizes(line: ProblemLine, axis: str | None) -> Axis | None:
    """The axis along which the number of spins changes."""
    for own in line.axes:
        if own.name == INSTANCE or len(own.values) < 2:
            continue
        if own.name == axis or (axis is None and _changes_size(line.source, own)):
            return own
    return None


def _changes_size(source: Source, axis: Axis) -> bool:
    if axis.name not in setting_names(type(source)):
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
            sizes = {line.label: _size(line, name) for line in family}
            if len(set(sizes.values())) > 1 and len({line.outline.n_spins for line in family}) > 1:
                yield Family(first.kind, sizes)
                left = [line for line in left if line.label not in sizes]
                break


def _others(line: ProblemLine, name: str) -> str | None:
    """All settings but one, and but the one that instances run over; None where it is that one."""
    key = line.source.instance_key
    if name == key:
        return None
    return repr((line.kind, {k: v for k, v in settings_of(line.source).items() if k not in (name, key)}))


def _size(line: ProblemLine, name: str) -> int:
    return size_of(settings_of(line.source).get(name), line.outline.n_spins)


def size_of(value: Any, n_spins: int) -> int:
    """Linear size of a lattice with equal sides, a size that is a number, else the number of spins.

    Examples
    --------
    >>> size_of([4, 4, 4], 64), size_of(16, 16), size_of([4, 6], 24), size_of("large", 100)
    (4, 16, 24, 100)
    """
    if isinstance(value, list | tuple):
        return int(value[0]) if len(set(map(str, value))) == 1 and isinstance(value[0], int) else n_spins
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    return int(value) if is_number else n_spins


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
            own = family.problems[cell.problem]
            n_spins = int(point.result.attrs["n_spins"])
            size = size_of(point.at[str(family.axis)], n_spins) if own is None else own
            rest = {k: v for k, v in point.at.items() if k not in (INSTANCE, family.axis)}
            where = ", ".join(f"{name} = {value}" for name, value in rest.items())
            found.setdefault((cell.backend, where), {}).setdefault(size, []).append(point)
    return found
