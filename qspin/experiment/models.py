"""Strict models: an unknown key is refused with the nearest valid name."""

from __future__ import annotations

from typing import Any

import pydantic
from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from qspin.errors import InputError, nearest_name
from qspin.settings import explain

__all__ = ["StrictModel", "explain_unknown"]

_UNKNOWN = "unknown_key"


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
