"""JSON Schema of a config, for completion in editors, with the settings of everything that is ready here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pydantic

from qspin import registry
from qspin.experiment.config.lines import ROOMS, SUGAR, TAGS
from qspin.experiment.config.run_config import RunConfig

__all__ = ["config_schema"]

_VALUES = {
    "description": "a list, {range: n}, {linear: [first, last, n]}, {geometric: ...} or {random: ...}",
    "type": ["array", "object"],
}


_OTHER = {"type": "object", "required": ["name"]}
"""A study of another name under this label."""


def config_schema() -> dict[str, Any]:
    """The schema as plain values."""
    schema = RunConfig.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "qspin run", **schema}
    definitions = schema.setdefault("$defs", {})
    for room, kind in ROOMS.items():
        definitions[kind.name] = _choices(kind, TAGS[room], SUGAR[room], definitions)
        schema["properties"][room]["additionalProperties"] = {"$ref": f"#/$defs/{kind.name}"}
    schema["properties"]["sweep"]["additionalProperties"] = {
        "anyOf": [_VALUES, {"type": "object", "additionalProperties": _VALUES}]
    }
    named = {
        name: {"anyOf": [{"type": "null"}, _body(kind, name, (), definitions), _OTHER]}
        for kind in (registry.STUDY, registry.MEASURE)
        for name in _ready(kind)
    }
    schema["properties"]["studies"] |= {"properties": named}
    return schema


def _ready(kind: registry.Kind) -> list[str]:
    return [name for name, state in registry.available(kind).items() if state == registry.READY]


def _choices(
    kind: registry.Kind, tags: Sequence[str], sugar: Sequence[str], definitions: dict[str, Any]
) -> dict[str, Any]:
    """A spec of any name of a kind: which one decides on the settings that it takes."""
    names = {"enum": registry.names(kind)}
    return {
        "type": "object",
        "oneOf": [{"required": [tag]} for tag in tags],
        "properties": {tag: names for tag in tags},
        "allOf": [
            {
                "if": {"anyOf": [{"properties": {t: {"const": name}}, "required": [t]} for t in tags]},
                "then": _body(kind, name, (*tags, *sugar), definitions),
            }
            for name in _ready(kind)
        ],
    }


def _body(
    kind: registry.Kind, name: str, beside: Sequence[str], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Settings of one name."""
    cls = registry.spec_class(kind, name)
    try:
        body = pydantic.TypeAdapter(cls).json_schema(ref_template=f"#/$defs/{kind.name}.{name}.{{model}}")
    except pydantic.PydanticUserError:  # a class of a third party that is no pydantic dataclass: any settings
        return {}
    definitions |= {f"{kind.name}.{name}.{k}": v for k, v in body.pop("$defs", {}).items()}
    body.setdefault("properties", {}).update({key: {} for key in beside})
    body["additionalProperties"] = False
    if beside:
        body.pop("required", None)  # what an axis gives need not stand beside it
    return body
