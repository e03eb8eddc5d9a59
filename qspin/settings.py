"""Settings of a backend: frozen, and refused by name when they are given, not when they hurt."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import hashlib
import itertools
import math
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform, get_args, get_type_hints

import numpy as np
import pydantic
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, PositiveInt, Tag

from qspin.confidential import refuse_secrets
from qspin.errors import InputError, MissingExtraError, nearest_name, shown
from qspin.trust import is_function, require_home, require_trusted

__all__ = [
    "AutoLadder",
    "FileSetting",
    "GivenFile",
    "ImportPath",
    "Incidental",
    "Ladder",
    "PlainValues",
    "PositiveInt",
    "Seed",
    "deciding_settings",
    "explain",
    "imported",
    "paths_from",
    "resolved_seed",
    "setting_names",
    "settings",
    "settings_of",
]

_MOST_BETAS = 100_000

T = TypeVar("T")
Seed = int | None


class _Mark:
    """Stands in the annotation of a setting that decides nothing."""


Incidental = Annotated[T, _Mark()]
"""A setting that says how samples are had, not what they are: threads, retries, pauses, memory, budgets.

``n_threads: Incidental[PositiveInt | None] = None``. Such a setting enters no seed, digest, checkpoint or
journal key, see `deciding_settings`. All others decide.
"""


def _expanded(value: Any) -> Any:
    """Spell out ``{geometric: [first, last, count]}``, ``{linear: ...}`` and ``{temperatures: [...]}``."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Mapping):
        return [value] if isinstance(value, int | float) else value
    forms = ("geometric", "linear", "temperatures")
    if len(value) != 1 or next(iter(value)) not in forms:
        raise ValueError(f"a ladder is a list of betas or a mapping with one key of {', '.join(forms)}")
    form, given = next(iter(value.items()))
    numbers = _numbers(given)
    if form == "temperatures":
        if numbers is None:
            raise ValueError("temperatures takes a list of numbers")
        return sorted(map(_beta_of, numbers))
    if numbers is not None and not all(map(math.isfinite, numbers)):
        raise ValueError(f"{form} takes finite numbers")
    if numbers is None or len(numbers) != 3 or numbers[2] < 1 or numbers[2] % 1:
        raise ValueError(f"{form} takes [first beta, last beta, how many]")
    first, last, count = *numbers[:2], int(numbers[2])
    if count > _MOST_BETAS:
        raise ValueError(f"{form} takes at most {_MOST_BETAS} betas; got {count}")
    if form == "geometric" and min(first, last) <= 0:
        raise ValueError("a geometric ladder starts above 0; linear may start there")
    space = np.geomspace if form == "geometric" else np.linspace
    return space(first, last, count).tolist()


def _numbers(values: Any) -> list[float] | None:
    """Numbers, or texts that read as such, as YAML may give them; None if they are something else."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, list | tuple):
        return None
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None


def _beta_of(temperature: float) -> float:
    """Infinitely hot is beta = 0; absolute zero has no finite beta, which is refused as such."""
    if not temperature >= 0:
        raise ValueError(f"temperatures are numbers and not negative; got {temperature:g}")
    return 1 / temperature if temperature else math.inf


def _ascending(betas: tuple[float, ...]) -> tuple[float, ...]:
    for lower, upper in itertools.pairwise(betas):
        if not lower < upper:
            raise ValueError(f"must ascend strictly, but {lower:g} stands before {upper:g}")
    return betas


_NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_LadderForm = list[_NonNegative] | dict[str, list[float]]

Ladder = Annotated[
    tuple[_NonNegative, ...],
    Field(min_length=1),
    BeforeValidator(_expanded, json_schema_input_type=_LadderForm),
    AfterValidator(_ascending),
]
"""Ascending inverse temperatures, units of 1/energy."""

AutoLadder = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")] | Annotated[Ladder, Tag("<ladder>")],
    Discriminator(lambda value: "<auto>" if isinstance(value, str) else "<ladder>"),
]
"""A `Ladder`, or ``auto``: the backend finds one for the problem."""


def _import_path(path: str) -> str:
    module, colon, attribute = path.partition(":")
    names = [*module.split("."), attribute]
    if not colon or not all(name.isidentifier() for name in names):
        raise ValueError("expected an import path, 'package.module:name'")
    return path


ImportPath = Annotated[str, AfterValidator(_import_path)]
"""``package.module:name``: where a replaceable part is to be imported from, see `imported`."""


@dataclasses.dataclass(frozen=True)
class GivenFile:
    """A file that a setting names. What it holds decides, wherever it lies.

    Parameters
    ----------
    path : absolute
    sha256 : of its content when the setting was given; None if there was no file then
    """

    path: str
    sha256: str | None = None

    def __str__(self) -> str:
        return self.path

    def content(self) -> str:
        """SHA-256 by which seeds and digests know it. Raises InputError if there is no such file."""
        return self.sha256 or _content(self.path)

    def unchanged(self) -> str:
        """Its path.

        Raises
        ------
        InputError
            If the file is not there, or holds something else than when the setting was given.
        """
        if _content(self.path) != self.content():
            raise InputError(f"{self.path} has changed since this setting was given; name the file anew")
        return self.path


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"no file at {path} can be read: {error.strerror}") from error


_folder: ContextVar[Path] = ContextVar("folder", default=Path())


@contextlib.contextmanager
def paths_from(folder: Path) -> Iterator[None]:
    """Let relative paths in settings that are made inside this block start at a folder."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def _given_file(value: Any) -> Any:
    if not isinstance(value, str | os.PathLike):
        return value
    try:
        path = Path(_folder.get(), value).resolve()
        is_there = path.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, links in a circle; a NUL is a ValueError
        raise ValueError(f"no file can be called so ({getattr(error, 'strerror', None) or error})") from None
    return GivenFile(str(path), _content(str(path)) if is_there else None)


FileSetting = Annotated[
    GivenFile, BeforeValidator(_given_file, json_schema_input_type=str | dict[str, str | None])
]
"""The path of a file, whose content decides; a setting becomes a `GivenFile`."""


def _plain(value: Any, where: str = "") -> Any:
    """Numbers, text, lists and mappings, of NumPy or not, as JSON has them. Raises ValueError for others."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, bool | int | float | str):  # of a class of their own
        return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))
    if isinstance(value, Mapping):
        names = [_plain(name, where) for name in value]
        if not all(isinstance(name, str | int) for name in names) or len(set(map(str, names))) < len(names):
            raise ValueError(f"keys{where} must be text or integers that differ as text")
        return {name: _plain(inner, f" of {name}") for name, inner in zip(names, value.values(), strict=True)}
    if isinstance(value, list | tuple | range):
        return [_plain(inner, where) for inner in value]
    raise ValueError(
        f"what is set{where} is written into every record, so it must be made of numbers, text, lists and "
        f"mappings; a {type(value).__name__} cannot be"
    )


PlainValues = Annotated[dict[str, Any], BeforeValidator(_plain)]
"""A mapping of what JSON can hold; NumPy scalars, arrays and enums become it, other objects are refused."""


def imported(
    path: str,
    what: str,
    *,
    key: str,
    suits: Callable[[Any], bool] = is_function,
    expected: str = "a Python function",
) -> Any:
    """The object behind an `ImportPath`. Nothing of it is called.

    Parameters
    ----------
    path : ``package.module:name``
    what : it should be, for messages
    key : name of the setting that holds the path
    suits : whether a member of the module is what is expected
    expected : the same in words, for messages

    Raises
    ------
    MissingExtraError
        If it lies in a package of Ocean that is not installed.
    InputError
        If the package may not be imported here (see `importing_only`), the module cannot be imported or has
        no such member, or the member is another thing.
    """
    require_trusted(path, what, key=key)
    module_name, _, attribute = path.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if module_name.startswith("dwave") and (error.name or "").startswith("dwave"):
            raise MissingExtraError(f"{what} {path!r}", extra="dwave", module=module_name) from error
        raise InputError(
            f"{what} {path!r} cannot be imported: {error}; expected an import path 'package.module:name' of "
            "an installed package",
            key=(key,),
        ) from error
    if not hasattr(module, attribute):
        names = [name for name, member in vars(module).items() if name[0] != "_" and suits(member)]
        raise InputError(f"{module_name} has no {attribute!r}: {nearest_name(attribute, names)}", key=(key,))
    member = getattr(module, attribute)
    if not suits(member):
        kind = f"the class {member.__name__}" if isinstance(member, type) else f"a {type(member).__name__}"
        raise InputError(f"{what}: {path} is {kind}, not {expected}", key=(key,))
    require_home(member, path, what, key=key)
    return member


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
    ...     betas: Ladder = (1.0,)
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
    return pydantic.TypeAdapter(dict[str, Any]).dump_python(
        {name: getattr(sampler, name) for name in setting_names(type(sampler))}, mode="json"
    )


def deciding_settings(sampler: object) -> dict[str, Any]:
    """Settings of a sampler that decide what is sampled, as plain JSON values: all but the `Incidental` ones,
    and of files what they hold.

    Whatever is named after settings is named after these: seeds, sample files, checkpoints, purchases.

    Examples
    --------
    >>> @settings
    ... class HeatBath:
    ...     betas: Ladder = (1.0,)
    ...     n_threads: Incidental[PositiveInt] = 1
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


def resolved_seed(seed: Seed, kept: Mapping[str, Any] | None = None) -> int:
    """`seed` itself, or fresh entropy where none was given, so that every run can be repeated.

    Parameters
    ----------
    kept : identity of a checkpoint, whose seed goes on where none was given

    Raises
    ------
    InputError
        If the seed is not a non-negative integer.
    """
    if seed is None and kept:
        seed = kept.get("seed")
    if seed is None:
        return secrets.randbits(48)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a non-negative integer or None; got {seed!r}")
    return int(seed)


def _title(cls: type) -> str:
    return str(getattr(cls, "name", cls.__name__.lower()))
