"""The config of a benchmark: problems x sizes x instances x backends x run lengths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, TypeAdapter, field_validator

from qspin.benchmark.metrics import Clock
from qspin.errors import InputError, shown
from qspin.experiment.config import BackendSpec, apply_override, keys_of, mapping_of
from qspin.experiment.mistaken import refuse_other_config, refuse_stray_overrides
from qspin.experiment.models import Label, StrictModel, explain_unknown, refuse_alike
from qspin.experiment.problem_specs import MOST_INSTANCES, ProblemSpec, checked_kind
from qspin.experiment.yaml_source import YamlSource
from qspin.problem import IsingProblem
from qspin.sampler import Sampler
from qspin.settings import settings_of

__all__ = ["BenchConfig", "load_bench_config"]


def _one_key(values: dict[str, Any]) -> dict[str, Any]:
    if len(values) != 1:
        raise ValueError(f"one name with a list of values is expected; got {sorted(map(str, values))}")
    return values


class ProblemFamily(pydantic.BaseModel):
    """A kind of problem in several sizes, each in several instances; parameters of the kind beside them."""

    model_config = pydantic.ConfigDict(frozen=True, extra="allow")
    kind: str
    sizes: Annotated[dict[str, list[Any]], AfterValidator(_one_key)] = Field(
        description="the parameter that is the size, and its values, such as {n_spins: [8, 12, 16]}"
    )
    instances: Annotated[int, Field(ge=1, le=MOST_INSTANCES)] = 1

    def spec(self, value: Any, instance: int) -> Any:
        """One problem; the seed of the family is that of the first instance."""
        parameters = dict(self.model_extra or {})
        (name,) = self.sizes
        first = parameters.pop("seed", 0)
        if isinstance(first, bool) or not isinstance(first, int) or first < 0:
            raise InputError(f"seed must be a non-negative integer; got {shown(first)}", key=("seed",))
        seeded = {"seed": first + instance}
        return TypeAdapter(ProblemSpec).validate_python(
            {"kind": self.kind, name: value, **seeded, **parameters}
        )


class BackendFamily(BackendSpec):
    """A backend, and run lengths to choose the best of: a setting with its values."""

    lengths: Annotated[dict[str, list[PositiveInt]], AfterValidator(_one_key)] | None = None

    def samplers(self) -> list[tuple[int, Sampler]]:
        """(run length, sampler); length 0 where none is varied."""
        return [(length, spec.sampler()) for length, spec in self.specs()]

    def specs(self) -> list[tuple[int, BackendSpec]]:
        """(run length, backend); length 0 where none is varied."""
        if self.lengths is None:
            return [(0, BackendSpec(name=self.name, **self.settings))]
        ((name, values),) = self.lengths.items()
        return [(value, BackendSpec(name=self.name, **{**self.settings, name: value})) for value in values]

    def identities(self, samplers: Sequence[tuple[int, Sampler]]) -> list[dict[str, Any]]:
        """Name and settings that decide, of each of `samplers`."""
        pairs = zip(self.specs(), samplers, strict=True)
        return [spec.identity(sampler) for (_, spec), (_, sampler) in pairs]


class Target(StrictModel):
    """What counts as a success."""

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.99
    gap: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of |lowest energy| that a run may stay above it: 0 is time to solution"
    )


class BenchConfig(StrictModel):
    """Everything that fixes a benchmark."""

    version: Literal[1] = Field(alias="schema", description="of this format")
    name: Label = Field(description="of the folder")
    seed: NonNegativeInt = 0
    problems: dict[Label, ProblemFamily] = Field(min_length=1)
    backends: dict[Label, BackendFamily] = Field(min_length=1)
    target: Target = Field(default_factory=Target)
    clock: Clock = Field("sample", description="sample, device or wall: the seconds of a run")

    @field_validator("problems", "backends")
    @classmethod
    def _names_of_files(cls, specs: dict[str, Any]) -> dict[str, Any]:
        refuse_alike(specs)
        return specs

    @cached_property
    def samplers(self) -> dict[str, list[tuple[int, Sampler]]]:
        return {label: family.samplers() for label, family in self.backends.items()}

    def problems_of(self, label: str) -> Iterator[tuple[int, int, IsingProblem]]:
        """(number of spins, instance, problem) of one family."""
        family = self.problems[label]
        (values,) = family.sizes.values()
        for value in values:
            for instance in range(family.instances):
                problem = family.spec(value, instance).build()
                yield problem.n_spins, instance, problem

    def resolved(self) -> dict[str, Any]:
        plain = self.model_dump(mode="json", by_alias=True)
        for label, samplers in self.samplers.items():
            plain["backends"][label]["settings"] = [settings_of(sampler) for _, sampler in samplers]
        return plain

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides on the results, hex."""
        plain = self.model_dump(mode="json", by_alias=True)
        plain["backends"] = {
            label: [family.lengths, family.identities(self.samplers[label])]
            for label, family in self.backends.items()
        }
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def load_bench_config(path: str | Path, *, overrides: Sequence[str] = ()) -> BenchConfig:
    """Read and validate a benchmark config; every problem and backend is tried before anything runs.

    Raises
    ------
    InputError
        Naming the line, what was expected, and the remedy.
    """
    source = YamlSource(path)
    refuse_other_config(source, "bench")
    data = source.data
    changed = [apply_override(data, text) for text in overrides]
    refuse_stray_overrides(data, changed, keys_of(BenchConfig))
    try:
        return _validated(data)
    except InputError as error:
        if type(error) is not InputError:
            raise
        place = next(
            (f"--set {'.'.join(map(str, key))}" for key in changed if error.key[: len(key)] == key),
            source.locate(error.key),
        )
        raise InputError(f"{place}: {error}", key=error.key) from None


def _validated(data: dict[str, Any]) -> BenchConfig:
    for label, spec in mapping_of(data, "problems").items():
        checked_kind(label, spec)
        if spec["kind"] in ("mlp", "file"):
            raise InputError(
                f"problem {label!r}: a benchmark needs instances of several sizes; kind {spec['kind']!r} has "
                "none",
                key=("problems", label, "kind"),
            )
    try:
        config = BenchConfig.model_validate(data)
    except pydantic.ValidationError as error:
        raise explain_unknown(error) from None
    for label, family in config.problems.items():
        (values,) = family.sizes.values()
        if not values:
            raise InputError(f"problems.{label}.sizes: no size is given", key=("problems", label, "sizes"))
        try:
            family.spec(values[0], 0)
        except pydantic.ValidationError as error:
            fault = explain_unknown(error)
            raise InputError(f"problems.{label}: {fault}", key=("problems", label, *fault.key)) from None
    for label, backend in config.backends.items():
        try:
            backend.samplers()
        except InputError as error:
            if type(error) is not InputError:
                raise
            raise InputError(f"backends.{label}: {error}", key=("backends", label, *error.key)) from None
    return config
