"""``a.b=value`` from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qspin.errors import InputError, nearest_name
from qspin.experiment.config.yaml_source import Key, parse_value

__all__ = ["apply_override", "parse_settings"]

_WITH_LABELS = ("problems", "backends")


def parse_settings(overrides: Sequence[str]) -> dict[str, Any]:
    """``name=value`` pairs of one backend; ``parameters.num_sweeps=100`` reaches into a mapping."""
    settings: dict[str, Any] = {}
    for text in overrides:
        apply_override(settings, text)
    return settings


def apply_override(data: dict[str, Any], text: str) -> Key:
    """Apply one ``a.b=value`` and return its key.

    Raises
    ------
    InputError
        If it is no such text, leads into what is no mapping, or names a problem or backend that is not there.
    """
    path, equals, value = text.partition("=")
    parts = path.split(".")
    if not equals or not all(parts):
        raise InputError(f"--set takes key=value, e.g. --set seed=3; got {text!r}")
    if parts[0] == "sweep" and len(parts) > 2:  # an axis may be called by its key, dots and all
        parts = ["sweep", ".".join(parts[1:])]
    target: Any = data
    for depth, part in enumerate(parts[:-1]):
        if not isinstance(target, dict):
            raise InputError(f"--set {text}: {'.'.join(parts[:depth])} is no mapping")
        if part not in target or (target[part] is None and parts[0] == "studies"):
            if depth == 1 and parts[0] in _WITH_LABELS:  # what lies inside a spec may be new
                raise InputError(
                    f"--set {text}: no {part!r} in {'.'.join(parts[:depth])}: {nearest_name(part, target)}"
                )
            target[part] = {}
        if isinstance(target[part], dict):  # a copy, since YAML anchors share mappings
            target[part] = dict(target[part])
        target = target[part]
    if not isinstance(target, dict):
        raise InputError(f"--set {text}: {'.'.join(parts[:-1])} is no mapping")
    target[parts[-1]] = parse_value(value)
    return tuple(parts)
