"""Settings as frozen dataclasses: what cannot work is refused by name, and each says whether it decides."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_type_hints

import pydantic
from pydantic import ConfigDict

from qspin.confidential import refuse_secrets
from qspin.errors import InputError, nearest_name, shown
from qspin.settings.files import GivenFile

__all__ = [
    "Incidental",
    "deciding_settings",
    "explain",
    "given_settings",
    "setting_names",
    "settings",
    "settings_of",
]

T = TypeVar("T")


class _Mark:
    """Stands in the annotation of a setting that decides nothing."""


Incidental = Annotated[T, _Mark()]
"""A setting that says how samples are had, not what they are: threads, retries, pauses, memory, budgets.

``n_threads: Incidental[PositiveInt | None] = None``. Such a setting enters no seed, digest, checkpoint or
journal key, see `deciding_settings`. All others decide.
"""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Class decorator: a frozen, keyword-only dataclass whose fields are validated at construction.

    Every number in them has to be finite, however deep it lies; one whose infinity means something says so by
    ``Field(allow_inf_nan=True)``.

    Raises (from the decorated class)
    ---------------------------------
    InputError
        For an unknown setting (with the nearest valid name) or a value that cannot work.

    Examples
    --------
    >>> @settings
    ... class HeatBath:
    ...     betas: tuple[float, ...] = (1.0,)
    >>> HeatBath(beta=[2.0])
    Traceback (most recent call last):
    ...
    qspin.errors.InputError: heatbath has no setting 'beta': did you mean 'betas'? Valid names: betas
    """
    validated = pydantic.dataclasses.dataclass(
        cls,
        frozen=True,
        kw_only=True,
        config=ConfigDict(extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants"),
    )
    construct = validated.__init__

    @functools.wraps(construct)
    def __init__(self: Any, **given: Any) -> None:
        names = setting_names(type(self))
        for name in given:
            if name not in names:
                raise InputError(
                    f"{_title(type(self))} has no setting {name!r}: {nearest_name(name, names)}", key=(name,)
                )
        refuse_secrets(given, _title(type(self)))
        try:
            construct(self, **given)
        except pydantic.ValidationError as error:
            raise explain(error, _title(type(self))) from None

    validated.__init__ = __init__  # type: ignore[method-assign]
    return validated  # type: ignore[return-value]


def explain(error: pydantic.ValidationError, where: str) -> InputError:
    """The first fault of a failed validation as one line: which setting, what was expected, what came.

    Where a number or something else may stand, that a number is not finite is told before all other faults.
    """
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "finite_number"), faults[0])
    key = tuple(part for part in first["loc"] if isinstance(part, int) or not _names_a_type(part))
    reason = str(first["msg"]).removeprefix("Value error, ").replace("Input should be", "should be")
    if not key:
        return InputError(f"{where}: {reason}")
    if first["type"] == "missing":
        reason = "is missing; it is needed"
    came = "" if first["type"] == "missing" else f"; got {shown(first['input'])}"
    return InputError(f"{where}: {'.'.join(map(str, key))}: {reason}{came}", key=key)


def _names_a_type(part: str) -> bool:
    """Whether a part of a location is none of the user's: pydantic adds those of unions."""
    return part.startswith("<") or "[" in part or part in ("constrained-float", "float", "int", "str")


def setting_names(cls: type) -> list[str]:
    """Names of the settings of a backend class, in order; empty if it declares none as dataclass fields."""
    return [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []


def settings_of(sampler: object) -> dict[str, Any]:
    """Settings of a sampler as plain JSON values."""
    if not dataclasses.is_dataclass(sampler) or isinstance(sampler, type):
        return {}
    values = {name: getattr(sampler, name) for name in setting_names(type(sampler))}
    return _any_values().dump_python(values, mode="json")


def given_settings(sampler: object) -> dict[str, Any]:
    """Settings of a sampler that differ from their defaults, as plain JSON values.

    Examples
    --------
    >>> @settings
    ... class HeatBath:
    ...     betas: tuple[float, ...] = (1.0,)
    ...     n_sweeps: int = 100
    >>> given_settings(HeatBath(n_sweeps=50))
    {'n_sweeps': 50}
    """
    plain = settings_of(sampler)
    kind: Any = type(sampler)
    defaults = {field.name: _default(field.default) for field in dataclasses.fields(kind)} if plain else {}
    return {name: value for name, value in plain.items() if getattr(sampler, name) != defaults[name]}


def _default(value: Any) -> Any:
    """Of a field, also where pydantic's `Field` describes it."""
    return value.default if isinstance(value, pydantic.fields.FieldInfo) else value


@functools.cache
def _any_values() -> pydantic.TypeAdapter[dict[str, Any]]:
    return pydantic.TypeAdapter(dict[str, Any])


def deciding_settings(sampler: object) -> dict[str, Any]:
    """Settings of a sampler that decide what is sampled, as plain JSON values: all but the `Incidental` ones,
    and of files what they hold.

    Whatever is named after settings is named after these: seeds, sample files, checkpoints, purchases.

    Examples
    --------
    >>> @settings
    ... class HeatBath:
    ...     betas: tuple[float, ...] = (1.0,)
    ...     n_threads: Incidental[int] = 1
    >>> deciding_settings(HeatBath(n_threads=4))
    {'betas': [1.0]}
    """
    cls: Any = type(sampler)
    incidental = _incidental(cls)
    return {
        name: value.content() if isinstance(value := getattr(sampler, name), GivenFile) else plain
        for name, plain in settings_of(sampler).items()
        if name not in incidental
    }


@functools.cache
def _incidental(cls: type) -> frozenset[str]:
    """Names of the settings that are marked as `Incidental`; none where annotations cannot be resolved."""
    if not dataclasses.is_dataclass(cls):
        return frozenset()
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError:  # of a third party, imported for type checkers alone
        return frozenset()
    return frozenset(name for name in setting_names(cls) if _is_marked(hints.get(name)))


def _is_marked(hint: Any) -> bool:
    """Whether `Incidental` stands in an annotation, also as ``Incidental[int] | None``."""
    marks = getattr(hint, "__metadata__", ())
    return any(isinstance(mark, _Mark) for mark in marks) or any(map(_is_marked, get_args(hint)))


def _title(cls: type) -> str:
    return str(getattr(cls, "name", cls.__name__.lower()))
