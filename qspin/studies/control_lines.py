"""Which lines of a config are controls of which others."""

from __future__ import annotations

from collections.abc import Iterable

from qspin.source import Source
from qspin.study import INSTANCE, ProblemLine

__all__ = ["controls_among", "is_control"]


def controls_among(line: ProblemLine, lines: Iterable[ProblemLine]) -> list[tuple[str, ProblemLine]]:
    """What a line is held against: role (see `qspin.source.Source.controls`) and the line of its draws."""
    wanted = line.source.controls()
    return [
        (role, other)
        for other in lines
        for role, source in wanted.items()
        if other is not line and is_control(other, source, any_draw=True)
    ]


def is_control(line: ProblemLine, wanted: Source | None, *, any_draw: bool = False) -> bool:
    """Whether a line has this source, whatever the value of the setting that instances run over."""
    if wanted is None or type(line.source) is not type(wanted):
        return False
    free = any_draw or any(axis.name == INSTANCE for axis in line.axes)
    left_out = {line.source.instance_key} if free else set()
    own, other = (
        {k: v for k, v in source.identity().items() if k not in left_out} for source in (line.source, wanted)
    )
    return own == other
