"""Values that a record can hold, and objects by the path that they are imported from."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from qspin.errors import InputError, MissingExtraError, nearest_name
from qspin.trust import is_function, require_home, require_trusted

__all__ = ["ImportPath", "PlainValues", "imported"]


def _import_path(path: str) -> str:
    module, colon, attribute = path.partition(":")
    names = [*module.split("."), attribute]
    if not colon or not all(name.isidentifier() for name in names):
        raise ValueError("expected an import path, 'package.module:name'")
    return path


ImportPath = Annotated[str, AfterValidator(_import_path)]
"""``package.module:name``: where a replaceable part is to be imported from, see `imported`."""


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
