"""What was asked, in a line or two: kinds, how many of each, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from qspin.study import Axis

__all__ = ["axis_text", "described", "differences", "plain_text"]

_MOST_VALUES = 4  # of a setting that are named
_MOST_SETTINGS = 3  # of a kind that are named
_MOST_KINDS = 6
_LONGEST = 24  # letters of a value


def described(lines: Mapping[str, Mapping[str, Any]], key: str) -> str:
    """How many there are of each kind, with the values that tell those of one kind apart.

    Parameters
    ----------
    lines : label -> settings
    key : of the setting that names the kind: ``kind`` or ``name``

    Examples
    --------
    >>> described({"a": {"kind": "hopfield", "load": 0.1}, "b": {"kind": "hopfield", "load": 0.2}}, "kind")
    '2 hopfield (load 0.1, 0.2)'
    >>> described({"exact": {"name": "exact"}, "fast": {"name": "tempering", "n_sweeps": 9}}, "name")
    'exact; fast (tempering)'
    """
    kinds: dict[str, dict[str, Mapping[str, Any]]] = {}
    for label, settings in lines.items():
        kinds.setdefault(str(settings.get(key, label)), {})[label] = settings
    texts = [_kind(kind, members) for kind, members in kinds.items()]
    more = len(texts) - _MOST_KINDS
    return "; ".join(texts[:_MOST_KINDS]) + (f"; and {more} more kinds" if more > 0 else "")


def _kind(kind: str, members: Mapping[str, Mapping[str, Any]]) -> str:
    if len(members) == 1:
        label = next(iter(members))
        return kind if label == kind else f"{label} ({kind})"
    varied = [f"{name} {_some(values, _MOST_VALUES)}" for name, values in _varied(members.values())]
    shown = "; ".join(varied[:_MOST_SETTINGS]) + ("; …" if len(varied) > _MOST_SETTINGS else "")
    return f"{len(members)} {kind} ({shown})" if shown else f"{len(members)} {kind}"


def differences(lines: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, str]:
    """Each label's own values of the settings in which those of its kind differ.

    Examples
    --------
    >>> differences({"a": {"kind": "mlp", "epoch": 0}, "b": {"kind": "mlp", "epoch": 9}}, "kind")
    {'a': 'epoch 0', 'b': 'epoch 9'}
    """
    found = {}
    for label, settings in lines.items():
        own = _flat(settings)
        kin = [other for other in lines.values() if other.get(key) == settings.get(key)]
        names = [name for name, _ in _varied(kin)]
        found[label] = ", ".join(f"{name} {plain_text(own[name])}" for name in names if name in own)
    return found


def _varied(lines: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Settings that do not have one value on all lines, and their values in order."""
    flat = [_flat(line) for line in lines]
    for name in dict.fromkeys(name for line in flat for name in line):
        values = [plain_text(line.get(name, "default")) for line in flat]
        if len(unique := list(dict.fromkeys(values))) > 1:
            yield name, unique


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings by names with dots."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found


def axis_text(axis: Axis) -> str:
    """An axis of the sweep with its values.

    Examples
    --------
    >>> axis_text(Axis("load", (0.1, 0.2))), axis_text(Axis("instance", tuple(range(1, 21))))
    ('load 0.1, 0.2', 'instance: 20 values from 1 to 20')
    """
    if len(axis.values) <= _MOST_VALUES:
        return f"{axis.name} {', '.join(map(plain_text, axis.values))}"
    ends = f"{plain_text(axis.values[0])} to {plain_text(axis.values[-1])}"
    return f"{axis.name}: {len(axis.values)} values from {ends}"


def plain_text(value: Any) -> str:
    """A setting for people.

    Examples
    --------
    >>> plain_text(True), plain_text(0.30000000000000004), plain_text([0.5, 1.0]), plain_text(None)
    ('yes', '0.3', '0.5, 1', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return _short(_some([plain_text(v) for v in value], _MOST_VALUES))
    return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _some(texts: Sequence[str], most: int) -> str:
    if len(texts) <= most + 1:
        return ", ".join(texts)
    return f"{', '.join(texts[: most - 1])}, … {texts[-1]} ({len(texts)})"
