"""Lines of a config: what stands under a label, and the points that the axes of the sweep make of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from qspin import registry
from qspin.errors import InputError, nearest_name, shown
from qspin.experiment.config.axes import MOST_VALUES, Key, SweepAxis, is_spread, values_of
from qspin.settings import deciding_settings, paths_from, setting_names, settings_of
from qspin.study import INSTANCE, Axis

__all__ = ["ROOMS", "SUGAR", "TAGS", "Line", "agreed", "lines_of", "refuse_clashes", "require_spec"]

ROOMS = {"problems": registry.SOURCE, "backends": registry.BACKEND}
_INSTANCES = "instances"
SUGAR = {"problems": (_INSTANCES, "sizes"), "backends": ("lengths",)}
TAGS = {"problems": ("kind", "name"), "backends": ("name", "kind")}
_TOLD = {"problems": "kind", "backends": "backend"}
_MOST_CHECKED = 64  # values of one axis that are tried when a config is read; of more, the ends

At = Mapping[str, int]
"""Name of an axis -> index of its value."""


@dataclass(frozen=True)
class Line:
    """A label with what it makes: a source or a sampler.

    Parameters
    ----------
    room : ``problems`` or ``backends``
    name : of the kind
    settings : given ones, at no particular point
    axes : that change them
    sugar : axes as the config spells them in the line itself
    folder : where relative paths in settings start
    """

    room: str
    label: str
    name: str
    settings: Mapping[str, Any]
    axes: tuple[SweepAxis, ...] = ()
    sugar: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)

    def settings_at(self, at: At) -> dict[str, Any]:
        """Settings at a point; axes that `at` does not name stand at their first value."""
        settings = dict(self.settings)
        for axis in self.axes:
            for path, values in axis.of(self.room, self.label).items():
                _put(settings, path, values[at.get(axis.name, 0)])
        return settings

    def made(self, at: At | None = None) -> Any:
        """The source or sampler at a point.

        Raises
        ------
        InputError
            For settings that cannot work; its key is that in the config.
        """
        if not at:
            return self._first
        return self._make(at)

    @cached_property
    def _first(self) -> Any:
        return self._make({})

    def _make(self, at: At) -> Any:
        try:
            with paths_from(self.folder):
                return registry.made(ROOMS[self.room], self.name, self.settings_at(at))
        except InputError as error:
            swept = {path[0]: axis for axis in self.axes for path in axis.of(self.room, self.label)}
            axis = swept.get(error.key[0]) if error.key else None
            key = (self.room, self.label, *error.key) if axis is None else axis.origin
            raise error.within(f"{self.room}.{self.label}", key) from None

    def points(self) -> Iterator[dict[str, int]]:
        """Every combination of its axes, the last running fastest."""
        names = [axis.name for axis in self.axes]
        for indices in itertools.product(*(range(axis.n) for axis in self.axes)):
            yield dict(zip(names, indices, strict=True))

    @cached_property
    def corners(self) -> list[tuple[dict[str, int], Any]]:
        """Its points, one for all instances, each with the source or sampler there."""
        return [(at, self.made(at)) for at in self.points() if at.get(INSTANCE, 0) == 0]

    @property
    def n_points(self) -> int:
        n = 1
        for axis in self.axes:
            n *= axis.n
        return n

    @property
    def shown_axes(self) -> tuple[Axis, ...]:
        """As studies see them."""
        return tuple(Axis(axis.name, axis.values) for axis in self.axes)

    def spelled(self, axis: SweepAxis, key: Key) -> list[Any]:
        """Values of an axis as settings hold them: files by absolute paths and what they held."""
        if not _may_name_files(axis, key):
            return list(axis.keys[key])
        return [settings_of(self.made({axis.name: k}))[str(key[2])] for k in range(axis.n)]

    def deciding(self, axis: SweepAxis, key: Key) -> list[Any]:
        """What decides of them: of files what they hold, wherever they lie."""
        if not _may_name_files(axis, key):
            return list(axis.keys[key])
        made = [self.made({axis.name: k}) for k in range(axis.n)]
        return [m.identity() if self.room == "problems" else deciding_settings(m)[str(key[2])] for m in made]

    def resolved(self) -> dict[str, Any]:
        """As plain values with every default spelled out, as a config has them."""
        settings = {**self.settings, **settings_of(self.made())}
        return {TAGS[self.room][0]: self.name, **settings, **self.sugar}


def _may_name_files(axis: SweepAxis, key: Key) -> bool:
    return len(key) == 3 and any(isinstance(value, str | Mapping) for value in axis.keys[key])


def lines_of(room: str, specs: Mapping[str, Any], sweep: list[SweepAxis], folder: Path) -> dict[str, Line]:
    """The lines of a room, each with the axes of the sweep that change it, tried at all values.

    Parameters
    ----------
    folder : where relative paths in settings start

    Raises
    ------
    InputError
        For a spec that is none, an unknown kind or setting, an axis over what does not exist or decides
        nothing, or two axes of one name.
    """
    return {str(label): _line(room, str(label), spec, sweep, folder) for label, spec in specs.items()}


def _line(room: str, label: str, spec: Any, sweep: list[SweepAxis], folder: Path) -> Line:
    name = _name(room, label, spec)
    sugar = {key: spec[key] for key in SUGAR[room] if key in spec}
    settings = {k: v for k, v in spec.items() if k not in ("kind", "name", *sugar)}
    bare = Line(room, label, name, settings, sugar=sugar, folder=folder)
    named = [_named(bare, word) for word in sugar if word != _INSTANCES]
    axes = tuple(axis for axis in [*named, *sweep] if axis.of(room, label))
    line = _rounded(replace(bare, axes=axes))
    if _INSTANCES in sugar:
        line = replace(line, axes=(_instances(line), *line.axes))
    _refuse_rivals(line)
    _try(line)
    return line


def refuse_clashes(problems: Mapping[str, Line], backends: Mapping[str, Line]) -> None:
    """Raises InputError where an axis of a problem and another one of a backend have one name."""
    of_problems = {axis.name: (axis, line.label) for line in problems.values() for axis in line.axes}
    for line in backends.values():
        for axis in line.axes:
            other, label = of_problems.get(axis.name, (axis, ""))
            if other.origin != axis.origin:
                raise InputError(
                    f"backends.{line.label} and problems.{label} have an axis {axis.name!r} each; name one "
                    f"of them in sweep: {{NAME: {{backends.{line.label}.SETTING: values}}}}",
                    key=axis.origin,
                )


def _refuse_rivals(line: Line) -> None:
    """Refuse two axes of one name, or over one setting."""
    seen: dict[Any, SweepAxis] = {}
    for axis in line.axes:
        if seen.setdefault(axis.name, axis) is not axis:
            raise InputError(
                f"{line.room}.{line.label}: two axes are called {axis.name!r}; name one of them in sweep: "
                f"{{NAME: {{{line.room}.{line.label}.SETTING: values}}}}",
                key=axis.origin,
            )
        for path in axis.of(line.room, line.label):
            parts = [path[: k + 1] for k in range(len(path))]
            rival = next((seen[part] for part in parts if part in seen), None)
            if rival is not None or any(isinstance(k, tuple) and k[: len(path)] == path for k in seen):
                raise InputError(
                    f"two axes change {line.room}.{line.label}.{'.'.join(map(str, path))}; leave one out, or "
                    "let them move together under one name",
                    key=axis.origin,
                )
            seen[path] = axis


def require_spec(room: str, label: str, spec: Any) -> None:
    """Raises InputError if what stands under a label is no mapping."""
    if not isinstance(spec, Mapping):
        raise InputError(
            f"{room.removesuffix('s')} {label!r} must be a mapping with {TAGS[room][0]!r}, one of "
            f"{', '.join(registry.names(ROOMS[room]))}; got {shown(spec)}",
            key=(room, label),
        )


def _name(room: str, label: str, spec: Any) -> str:
    kind = ROOMS[room]
    tag, other = TAGS[room]
    singular = room.removesuffix("s")
    require_spec(room, label, spec)
    given = [spec[key] for key in (tag, other) if key in spec]
    if len(given) != 1:
        came = f"both {tag!r} and {other!r}" if given else f"lacks {tag!r}"
        raise InputError(
            f"{singular} {label!r} {'has ' if given else ''}{came}, one of {', '.join(registry.names(kind))}",
            key=(room, label),
        )
    if not isinstance(given[0], str) or given[0] not in registry.names(kind):
        remedy = nearest_name(
            given[0] if isinstance(given[0], str) else shown(given[0]), registry.names(kind)
        )
        raise InputError(
            f"{singular} {label!r}: no {_TOLD[room]} {shown(given[0])}: {remedy}",
            key=(room, label, tag if tag in spec else other),
        )
    return given[0]


def _named(line: Line, word: str) -> SweepAxis:
    """The axis that ``sizes: {SETTING: values}`` or ``lengths: {SETTING: values}`` stands for."""
    origin: Key = (line.room, line.label, word)
    value = line.sugar[word]
    if not isinstance(value, Mapping) or len(value) != 1:
        where = ".".join(map(str, origin))
        raise InputError(
            f"{where} takes one setting with its values, {{SETTING: [...]}}; got {shown(value)}", key=origin
        )
    ((key, form),) = value.items()
    path = tuple(str(key).split("."))
    return SweepAxis(
        path[-1], {(line.room, line.label, *path): values_of(form, origin)}, origin, is_spread(form)
    )


def _instances(line: Line) -> SweepAxis:
    """The axis that ``instances: n`` stands for: n values of the setting that tells instances apart, from the
    one that the source has."""
    origin: Key = (line.room, line.label, _INSTANCES)
    value = line.sugar[_INSTANCES]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_VALUES:
        where = ".".join(map(str, origin))
        raise InputError(
            f"{where} must be an integer from 1 to {MOST_VALUES}; got {shown(value)}", key=origin
        )
    source = line.made()
    key = source.instance_key
    if key is None:
        raise InputError(f"problem {line.label!r}: kind {line.name!r} has no instances", key=origin)
    first = getattr(source, key)
    return SweepAxis(INSTANCE, {(line.room, line.label, key): tuple(range(first, first + value))}, origin)


def _try(line: Line) -> None:
    """Make what stands at every value of an axis, the others at their first; of long axes, at the ends."""
    line.made()
    for axis in line.axes:
        _check_decides(line, axis)
        for index in range(axis.n) if axis.n <= _MOST_CHECKED else (0, axis.n - 1):
            line.made({axis.name: index})


def _rounded(line: Line) -> Line:
    """The line with computed values as integers, where its settings refuse them as they are."""
    computed = {axis.name: axis for axis in line.axes if axis.is_spread}
    whole = {name: _as_integers(axis, line) for name, axis in computed.items()}
    for axis in computed.values():  # each as it is, beside the others as integers
        rounded = {**whole, axis.name: axis}
        if _works(replace(line, axes=tuple(rounded.get(own.name, own) for own in line.axes)), axis):
            whole[axis.name] = axis
    return replace(line, axes=tuple(whole.get(axis.name, axis) for axis in line.axes))


def agreed(*rooms: Mapping[str, Line]) -> list[dict[str, Line]]:
    """The same lines, with the values of each axis as the line that has a key takes them: whoever shows an
    axis shows the same values."""
    keys: dict[Key, dict[Key, tuple[Any, ...]]] = {}
    for line in (line for room in rooms for line in room.values()):
        for axis in line.axes:
            own = {k: v for k, v in axis.keys.items() if k[:2] == (line.room, line.label)}
            keys.setdefault(axis.origin, dict(axis.keys)).update(own)
    return [
        {
            label: line
            if not line.axes
            else replace(line, axes=tuple(replace(axis, keys=keys[axis.origin]) for axis in line.axes))
            for label, line in room.items()
        }
        for room in rooms
    ]


def _as_integers(axis: SweepAxis, line: Line) -> SweepAxis:
    """The axis with values of this line rounded."""
    keys = {
        key: tuple(round(v) if isinstance(v, float) else v for v in values)
        if key[:2] == (line.room, line.label)
        else values
        for key, values in axis.keys.items()
    }
    return replace(axis, keys=keys)


def _works(line: Line, axis: SweepAxis) -> bool:
    try:
        for index in range(min(axis.n, _MOST_CHECKED)):
            line.made({axis.name: index})
    except InputError:
        return False
    return True


def _check_decides(line: Line, axis: SweepAxis) -> None:
    """Refuse an axis over a setting that does not exist or decides nothing."""
    made = line.made()
    names = setting_names(type(made))
    for path in axis.of(line.room, line.label):
        name = str(path[0])
        if names and name not in names:
            raise InputError(
                f"{line.room}.{line.label}: {line.name} has no setting {name!r}: {nearest_name(name, names)}",
                key=axis.origin,
            )
        if names and name not in deciding_settings(made):
            raise InputError(
                f"an axis over {line.room}.{line.label}.{name} would give the same samples at all values: "
                "this setting decides nothing; remove the axis",
                key=axis.origin,
            )


def _put(settings: dict[str, Any], path: Key, value: Any) -> None:
    """Set a value that may lie inside mappings, which are copied."""
    for part in path[:-1]:
        inner = settings.get(str(part))
        settings[str(part)] = dict(inner) if isinstance(inner, Mapping) else {}
        settings = settings[str(part)]
    settings[str(path[-1])] = value
