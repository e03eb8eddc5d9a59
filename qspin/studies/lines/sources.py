"""Sources at points of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qspin.settings import setting_names
from qspin.source import Source

__all__ = ["source_at"]


def source_at(source: Source, at: Mapping[str, Any]) -> Source:
    """The source at values of the axes: those that have names of its settings are these.

    One that names no theory is not made anew: its file may be gone when a run is concluded again.
    """
    if not source.names_theory():
        return source
    own = setting_names(type(source))
    changed = {name: value for name, value in at.items() if name in own}
    if not changed:
        return source
    return type(source)(**{name: getattr(source, name) for name in own} | changed)
