"""The config of a run: read, overridden from the command line, validated, resolved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, field_validator, model_validator

from qspin.errors import InputError, nearest_name, shown
from qspin.experiment.mistaken import refuse_other_config, refuse_stray_overrides
from qspin.experiment.models import Label, StrictModel, explain_unknown, refuse_alike
from qspin.experiment.problem_specs import (
    InstanceSpec,
    MlpSpec,
    ProblemSpec,
    Training,
    checked_kind,
    with_instances,
)
from qspin.experiment.yaml_source import Key, YamlSource, parse_value
from qspin.registry import available_backends, backend_class, get_backend
from qspin.sampler import Sampler
from qspin.settings import deciding_settings, setting_names, settings_of

__all__ = ["RunConfig", "apply_override", "config_schema", "load_config", "parse_settings"]


class BackendSpec(pydantic.BaseModel):
    """``name`` of a registered backend, and any of its settings beside it."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    def sampler(self) -> Sampler:
        """Raises InputError for an unknown backend, an unknown setting or a value that cannot work."""
        return get_backend(self.name, **self.settings)

    def identity(self, sampler: Sampler) -> dict[str, Any]:
        """Name and settings that decide; of a class that declares none, all that were given."""
        declared = bool(setting_names(type(sampler)))
        return {"name": self.name, **(deciding_settings(sampler) if declared else self.settings)}


class Analysis(StrictModel):
    """What to compute from the samples."""

    temperatures: list[PositiveFloat] | None = Field(
        None, min_length=1, max_length=6,
        description="where to show P(q), at the nearest of the ladder; default: coldest, middle, hottest",
    )  # fmt: skip
    link_overlap: bool = Field(True, description="mean link overlap beside the spin overlap")


class RunConfig(StrictModel):
    """Everything that fixes a run: the product of problems and backends, seeds, and what to analyse."""

    version: Literal[1] = Field(alias="schema", description="of this format")
    name: Label = Field(description="of the run folder")
    seed: NonNegativeInt = Field(
        0, description="of sampling; instances and trainings have seeds of their own"
    )
    problems: dict[Label, ProblemSpec] = Field(min_length=1)
    backends: dict[Label, BackendSpec] = Field(min_length=1)
    analysis: Analysis = Field(default_factory=Analysis)

    @field_validator("problems", "backends")
    @classmethod
    def _names_of_files(cls, specs: dict[str, Any]) -> dict[str, Any]:
        families = [family for spec in specs.values() if (family := getattr(spec, "family", None))]
        refuse_alike([*specs, *families])
        return specs

    @model_validator(mode="after")
    def _names_of_families(self) -> RunConfig:
        """The average of a family stands beside the problems, under its name."""
        for family, members in self.families.items():
            if family in self.problems:
                raise ValueError(
                    f"problem {family!r} is called as the family of problem {members[0]!r}; rename one of "
                    "them"
                )
        return self

    @cached_property
    def samplers(self) -> dict[str, Sampler]:
        """Label -> sampler; raises InputError for the first that cannot be made."""
        samplers = {}
        for label, spec in self.backends.items():
            try:
                samplers[label] = spec.sampler()
            except InputError as error:
                if type(error) is not InputError:
                    raise
                key = ("backends", label, *error.key)
                raise InputError(f"backends.{label}: {error}", key=key) from None
        return samplers

    @property
    def trainings(self) -> list[Training]:
        """Each training once, though several problems may share it."""
        return list(dict.fromkeys(s.training for s in self.problems.values() if isinstance(s, MlpSpec)))

    @property
    def families(self) -> dict[str, list[str]]:
        """Label of a family -> labels of its instances."""
        found: dict[str, list[str]] = {}
        for label, spec in self.problems.items():
            if isinstance(spec, InstanceSpec) and spec.family is not None:
                found.setdefault(spec.family, []).append(label)
        return found

    def resolved(self) -> dict[str, Any]:
        """The config as plain values with every default spelled out."""
        plain = self.model_dump(mode="json", by_alias=True)
        plain["problems"] = {label: spec.resolved() for label, spec in self.problems.items()}
        plain["backends"] = {label: self.resolved_backend(label) for label in self.backends}
        return plain

    def identity(self) -> dict[str, Any]:
        """What decides on the results, as plain values: no threads, budgets or paths."""
        plain = self.model_dump(mode="json", by_alias=True)
        plain["problems"] = {label: spec.identity() for label, spec in self.problems.items()}
        plain["backends"] = {
            label: spec.identity(self.samplers[label]) for label, spec in self.backends.items()
        }
        return plain

    def resolved_backend(self, label: str) -> dict[str, Any]:
        """Name and settings of a backend; defaults too, where its class tells them (a dataclass does)."""
        spec = self.backends[label]
        return {"name": spec.name, **spec.settings, **settings_of(self.samplers[label])}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides on the results, hex."""
        text = json.dumps(self.identity(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load_config(
    path: str | Path, *, backends: Sequence[str] = (), overrides: Sequence[str] = ()
) -> RunConfig:
    """Read and validate a config file.

    Parameters
    ----------
    path : YAML file
    backends : replace the backends of the file: labels of the file (kept with their settings), names of
        registered backends (with default settings), or YAML files that hold one backend spec
    overrides : ``a.b=value``, applied after `backends`, the value read as YAML

    Raises
    ------
    InputError
        For anything that could not run; the message names the line, or the option, and the remedy.
    """
    source = YamlSource(path)
    refuse_other_config(source, "run")
    data = source.data
    if backends:
        data["backends"] = _chosen_backends(backends, data.get("backends"))
    overridden = [apply_override(data, text) for text in overrides]
    refuse_stray_overrides(data, overridden, keys_of(RunConfig))
    try:
        return _validated(data, source.path.parent)
    except InputError as error:
        if type(error) is not InputError:  # a missing extra has no place in the file
            raise
        place = _locate(error.key, source, backends, overridden)
        raise InputError(f"{place}: {error}", key=error.key) from None


def keys_of(model: type[pydantic.BaseModel]) -> set[str]:
    """Keys of a config, as files write them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def config_from_plain(data: Mapping[str, Any]) -> RunConfig:
    """A config from plain values, as `RunConfig.resolved` gives them."""
    return _validated(dict(data), Path())


def parse_settings(overrides: Sequence[str]) -> dict[str, Any]:
    """``name=value`` pairs of one backend; ``parameters.num_sweeps=100`` reaches into a mapping."""
    settings: dict[str, Any] = {}
    for text in overrides:
        apply_override(settings, text, create=True)
    return settings


def config_schema() -> dict[str, Any]:
    """JSON Schema of the config, with the settings of every backend that is ready here."""
    schema = RunConfig.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "qspin run", **schema}
    choices = [_backend_schema(name) for name, state in available_backends().items() if state == "ready"]
    for _, body in choices:
        schema["$defs"] |= body.pop("$defs", {})
    for body in schema["$defs"].values():
        if "family" in body.get("properties", {}):
            body["properties"]["instances"] = {
                "type": "integer",
                "minimum": 1,
                "description": "that many problems with consecutive seeds, averaged in the report",
            }
    schema["$defs"]["BackendSpec"] = {
        "description": BackendSpec.__doc__,
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"enum": list(available_backends())}},
        "allOf": [{"if": _named(name), "then": body} for name, body in choices],
    }
    return schema


def _validated(data: dict[str, Any], folder: Path) -> RunConfig:
    if isinstance(data.get("problems"), dict):
        for label, spec in data["problems"].items():
            checked_kind(label, spec)
        data = {**data, "problems": with_instances(data["problems"])}
    for label, spec in mapping_of(data, "problems").items():
        checked_kind(label, spec)
        if spec["kind"] == "file" and isinstance(spec.get("path"), str):
            spec["path"] = str((folder / spec["path"]).resolve())
    for label, spec in mapping_of(data, "backends").items():
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
            raise InputError(
                f"backend {label!r} must be a mapping with 'name', one of {', '.join(available_backends())}; "
                f"got {shown(spec)}",
                key=("backends", label),
            )
    try:
        config = RunConfig.model_validate(data)
    except pydantic.ValidationError as error:
        raise explain_unknown(error) from None
    _ = config.samplers
    return config


def mapping_of(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise InputError(f"{key} must be a mapping from labels to specs; got {shown(value)}", key=(key,))
    return value


def _chosen_backends(choices: Sequence[str], present: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    called: dict[str, str] = {}
    for choice in choices:
        label, spec = _chosen_backend(choice, present)
        if label in chosen:
            raise InputError(
                f"--backend {called[label]} and --backend {choice} are both called {label!r}; leave one out, "
                "or rename its file"
            )
        chosen[label], called[label] = spec, choice
    return chosen


def _chosen_backend(choice: str, present: Any) -> tuple[str, Any]:
    if isinstance(present, dict) and choice in present:
        return choice, present[choice]
    if choice.endswith((".yaml", ".yml")):
        return Path(choice).stem, YamlSource(choice).data
    if choice not in available_backends():
        raise InputError(
            f"--backend {choice}: neither a registered backend nor a YAML file: "
            f"{nearest_name(choice, available_backends())}"
        )
    return choice, {"name": choice}


def apply_override(data: dict[str, Any], text: str, *, create: bool = False) -> Key:
    """Apply one ``a.b=value`` and return its key."""
    path, equals, value = text.partition("=")
    parts = path.split(".")
    if not equals or not all(parts):
        raise InputError(f"--set takes key=value, e.g. --set seed=3; got {text!r}")
    target: Any = data
    for depth, part in enumerate(parts[:-1]):
        if not isinstance(target, dict):
            raise InputError(f"--set {text}: {'.'.join(parts[:depth])} is no mapping")
        if part not in target:
            if depth == 1 and not create:  # a label must be there; what lies inside a spec may be new
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


def _locate(key: Key, source: YamlSource, backends: Sequence[str], overridden: list[Key]) -> str:
    for changed in overridden:
        if key[: len(changed)] == changed:
            return f"--set {'.'.join(map(str, changed))}"
    if backends and key[:1] == ("backends",):
        return f"--backend {key[1]}" if len(key) > 1 else "--backend"
    return source.locate(key)


def _backend_schema(name: str) -> tuple[str, dict[str, Any]]:
    cls = backend_class(name)
    try:
        body = pydantic.TypeAdapter(cls).json_schema()
    except pydantic.PydanticUserError:  # a third-party class that is no pydantic dataclass: any settings
        return name, {}
    body["properties"]["name"] = {"const": name}
    body["additionalProperties"] = False
    return name, body


def _named(name: str) -> dict[str, Any]:
    return {"properties": {"name": {"const": name}}}
