"""Strict models: an unknown key is refused with the nearest valid name; labels that no file can bear, too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from qspin.errors import InputError, nearest_name
from qspin.settings import explain

__all__ = ["Label", "StrictModel", "checked_label", "explain_unknown", "refuse_alike"]

_UNKNOWN = "unknown_key"
_LABEL = re.compile(r"[A-Za-z0-9][\w.-]*")
_LONGEST = 80  # bytes: file names hold up to two labels and something more, and may be 255 bytes long
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(10))]
)  # no file can be called so on Windows, whatever its suffix


def checked_label(name: str) -> str:
    """Labels become names of files, of nodes in NetCDF files, and cells of tables. Raises ValueError."""
    if not _LABEL.fullmatch(name):
        raise ValueError("a label starts with a letter or digit and goes on with letters, digits, _ - or .")
    if name.endswith("."):
        raise ValueError("a label does not end in a dot, which some file systems drop")
    if name.partition(".")[0].lower() in _DEVICES:
        raise ValueError("on some systems this is the name of a device, not of a file; choose another label")
    if len(name.encode()) > _LONGEST:
        raise ValueError(f"a label has at most {_LONGEST} bytes, since file names are made of it")
    return name


Label = Annotated[str, AfterValidator(checked_label)]
"""A name that a file can bear on every system, inside the folder that it belongs to."""


def refuse_alike(names: Iterable[str]) -> None:
    """Refuse names that differ by case or by the encoding of an accent alone: some file systems take them
    for one.

    Raises
    ------
    ValueError
        Naming both.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise ValueError(f"{other!r} and {name!r} are one name to some file systems; rename one of them")


class StrictModel(pydantic.BaseModel):
    """Frozen, every key is known, and every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            for key in data:
                if key not in names:
                    raise PydanticCustomError(
                        _UNKNOWN,
                        "unknown key {key}: {remedy}",
                        {"key": repr(key), "name": key, "remedy": nearest_name(str(key), names)},
                    )
        return data


def explain_unknown(error: pydantic.ValidationError) -> InputError:
    """The first fault as one line; an unknown key is located at the key itself."""
    fault = explain(error, "")
    first = error.errors()[0]
    if first["type"] == _UNKNOWN:
        inside = ".".join(map(str, fault.key))
        message = f"{inside}: {first['msg']}" if inside else str(first["msg"])
        return InputError(message, key=(*fault.key, first["ctx"]["name"]))
    return InputError(str(fault).removeprefix(": "), key=fault.key)
