"""Axes of a sweep: which keys of problems and backends take which values.

In a config an axis is a key with its values, and called by the last part of it, or a name with several keys
that move together::

    sweep:
      problems.glass.n_spins: [16, 32, 64]
      load: {problems.memory.n_patterns: [2, 4], backends.tempering.n_sweeps: {geometric: [1000, 4000, 2]}}

Values are a list, ``{range: n}`` or ``{range: [start, stop, step]}`` (as Python's), ``{linear: [first, last,
n]}``, ``{geometric: [first, last, n]}``, or ``{random: [low, high, n], seed: 0}``, uniform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name, shown
from qspin.experiment.config.models import checked_label

__all__ = ["MOST_VALUES", "Key", "SweepAxis", "axes_of", "is_spread", "values_of"]

Key = tuple[str | int, ...]

MOST_VALUES = 100_000  # of one axis
_MOST_WHOLE = 2**53  # beyond it, numbers are no longer told apart
_FORMS = ("range", "linear", "geometric", "random")
_ROOMS = ("problems", "backends")
_TAKEN = frozenset(
    {"problem", "backend", "reference", "at", "instance", "beta", "temperature", "replica", "draw", "spin",
     "row", "q", "energy", "q_abs", "best", "half", "coldest", "status"}
)  # fmt: skip
"""What results call otherwise; ``instance`` is the axis over which the disorder is averaged."""


@dataclass(frozen=True)
class SweepAxis:
    """Keys that move together along one dimension.

    Parameters
    ----------
    name : of the dimension
    keys : (room, label, setting, ...) -> values, all of one length
    origin : where it stands in the config
    is_spread : whether its values were computed and may be rounded where a setting takes whole numbers only
    """

    name: str
    keys: Mapping[Key, tuple[Any, ...]]
    origin: Key
    is_spread: bool = False

    @property
    def n(self) -> int:
        return len(next(iter(self.keys.values())))

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """Of the first key whose values all differ, so that they tell the points apart; of files their names,
        or their paths where names are not enough. Where no key has such values, 0, 1, 2, ..."""
        for own in self.keys.values():
            told = _told_values(own)
            if len(set(map(repr, told))) == self.n:
                return told
        return tuple(range(self.n))

    def of(self, room: str, label: str) -> dict[Key, tuple[Any, ...]]:
        """Settings of one label that it changes: (setting, ...) -> values."""
        return {key[2:]: values for key, values in self.keys.items() if key[:2] == (room, label)}


def _told_values(values: tuple[Any, ...]) -> tuple[Any, ...]:
    paths = [Path(str(v["path"])) if isinstance(v, Mapping) and "path" in v else None for v in values]
    alike = len({path.name for path in paths if path}) < len({path for path in paths if path})
    told = zip(values, paths, strict=True)
    return tuple(v if path is None else str(path) if alike else path.name for v, path in told)


def axes_of(sweep: Any, labels: Mapping[str, Sequence[str]]) -> list[SweepAxis]:
    """The axes under ``sweep:``.

    Parameters
    ----------
    sweep : as the config gives it
    labels : room -> labels that are there

    Raises
    ------
    InputError
        For an axis that is none, whose keys differ in length or name a label that is not there.
    """
    if not isinstance(sweep, Mapping):
        raise InputError(f"sweep must be a mapping from axes to values; got {shown(sweep)}", key=("sweep",))
    return [_axis(str(name), values, labels) for name, values in sweep.items()]


def _axis(name: str, values: Any, labels: Mapping[str, Sequence[str]]) -> SweepAxis:
    origin: Key = ("sweep", name)
    if name.partition(".")[0] in _ROOMS and "." in name:
        key = _key(name, labels, origin)
        return SweepAxis(str(key[-1]), {key: values_of(values, origin)}, origin, is_spread(values))
    if "." in name or not isinstance(values, Mapping) or not values or set(values) <= {*_FORMS, "seed"}:
        raise InputError(
            f"sweep: {name!r} is no key of a problem or backend (problems.LABEL.SETTING), so it must be the "
            f"name of an axis with such keys: {{problems.LABEL.SETTING: values}}; got {shown(values)}",
            key=origin,
        )
    try:
        checked_label(name)
    except ValueError as error:
        raise InputError(f"sweep: axis {name!r}: {error}", key=origin) from None
    if name in _TAKEN:
        raise InputError(
            f"sweep: no axis can be called {name!r}, which is a column or dimension of results; choose "
            "another name",
            key=origin,
        )
    keys = {_key(str(key), labels, (*origin, key)): values_of(v, (*origin, key)) for key, v in values.items()}
    lengths = {".".join(map(str, key)): len(v) for key, v in keys.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
        raise InputError(
            f"sweep.{name}: keys that move together take as many values each; {told}", key=origin
        )
    return SweepAxis(name, keys, origin, any(map(is_spread, values.values())))


def _key(path: str, labels: Mapping[str, Sequence[str]], origin: Key) -> Key:
    room, _, rest = path.partition(".")
    if room not in _ROOMS:
        raise InputError(f"sweep: {path!r} must start with problems. or backends.", key=origin)
    label = max((k for k in labels[room] if rest == k or rest.startswith(f"{k}.")), key=len, default=None)
    if label is None:  # labels may hold dots
        first = rest.partition(".")[0]
        raise InputError(f"sweep: no {first!r} in {room}: {nearest_name(first, labels[room])}", key=origin)
    setting = rest[len(label) + 1 :]
    if not setting or not all(setting.split(".")):
        raise InputError(f"sweep: {path!r} names no setting; expected {room}.{label}.SETTING", key=origin)
    return (room, label, *setting.split("."))


def is_spread(values: Any) -> bool:
    """Whether values are computed between two ends, so that they may have to be rounded."""
    return isinstance(values, Mapping) and bool(set(values) & {"linear", "geometric", "random"})


def values_of(form: Any, origin: Key) -> tuple[Any, ...]:
    """Values that a list or a form stands for, see the module.

    Raises
    ------
    InputError
        If it is neither, or stands for none or too many.
    """
    try:
        values = _listed(form)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{_told(origin)}: {error}", key=origin) from None
    if not 1 <= len(values) <= MOST_VALUES:
        raise InputError(
            f"{_told(origin)}: expected 1 to {MOST_VALUES} values; got {len(values)}", key=origin
        )
    return tuple(values)


def _listed(form: Any) -> list[Any]:
    if isinstance(form, list | tuple):
        return list(form)
    names = set(form) if isinstance(form, Mapping) else set()
    kind = next((name for name in _FORMS if name in names), None)
    if kind is None or names - {kind} - ({"seed"} if kind == "random" else set()):
        raise ValueError(
            f"expected a list, or a mapping with one key of {', '.join(_FORMS)}; got {shown(form)}"
        )
    given = form[kind]
    if kind == "range":
        parts = [given] if isinstance(given, int) else given
        if not isinstance(parts, list | tuple) or any(
            isinstance(p, bool) or not isinstance(p, int) for p in parts
        ):
            raise ValueError(
                f"range takes a number, or [start, stop] or [start, stop, step]; got {shown(given)}"
            )
        found = range(*parts)
        if len(found) > MOST_VALUES:
            raise ValueError(f"range stands for {len(found)} values; at most {MOST_VALUES} make an axis")
        return list(found)
    low, high, n = _three(kind, given)
    if kind == "random":
        return np.random.default_rng(form.get("seed", 0)).uniform(low, high, n).tolist()
    if kind == "geometric" and min(low, high) <= 0:
        raise ValueError("a geometric axis starts and ends above 0")
    return _plain((np.geomspace if kind == "geometric" else np.linspace)(low, high, n))


def _plain(values: NDArray[np.float64]) -> list[Any]:
    """Numbers, as integers where all of them are, but for rounding."""
    whole = np.round(values)
    is_whole = np.abs(values).max() < _MOST_WHOLE and np.allclose(values, whole, rtol=1e-12, atol=0)
    return [int(value) for value in whole] if is_whole else values.tolist()


def _three(kind: str, given: Any) -> tuple[float, float, int]:
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise ValueError(f"{kind} takes [first, last, how many]; got {shown(given)}")
    low, high, n = (float(value) for value in given)
    if not np.isfinite([low, high, n]).all() or n % 1 or not 1 <= n <= MOST_VALUES:
        raise ValueError(
            f"{kind} takes two finite numbers and how many, 1 to {MOST_VALUES}; got {shown(given)}"
        )
    return low, high, int(n)


def _told(origin: Key) -> str:
    return ".".join(map(str, origin))
