"""The `problems:` of a config: one model a kind, each of which builds one problem.

Kinds that name a generator of `qspin.instances` take exactly its parameters; their models are made from its
signature.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, get_type_hints

import numpy as np
from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    create_model,
    model_validator,
)

from qspin import instances
from qspin.errors import InputError, nearest_name, shown
from qspin.experiment.models import Label, StrictModel
from qspin.formats import read_problem
from qspin.networks.feedforward import Scale, shuffled_weights, twin_from_weights
from qspin.networks.training import TrainingRecord, check_training, train_mlp
from qspin.problem import IsingProblem

__all__ = [
    "FileSpec",
    "InstanceSpec",
    "MlpSpec",
    "ProblemSpec",
    "Training",
    "settings_of_kind",
    "with_instances",
]

_INSTANCE_KINDS = tuple(name for name in instances.__all__ if inspect.isfunction(getattr(instances, name)))
MOST_INSTANCES = 10_000  # each is a problem and a file of its own
_SHUFFLE_STREAM = 1  # added to the seed of a training, so that shuffling has numbers of its own


class Spec(StrictModel):
    """Base of the specs of a problem."""

    def resolved(self) -> dict[str, Any]:
        """The spec as plain values with every default spelled out."""
        return self.model_dump(mode="json")

    def identity(self) -> dict[str, Any]:
        """What decides on the problem, as plain values."""
        return self.resolved()


class Training(Spec):
    """What fixes a training, and with it the weights of every epoch."""

    layers: tuple[PositiveInt, ...] = Field(min_length=2, description="neurons of each layer, inputs first")
    dataset: Literal["digits", "digits_small"] = "digits"
    epochs: NonNegativeInt = 100
    learning_rate: PositiveFloat = 1e-3
    batch_size: PositiveInt = 64
    seed: NonNegativeInt = Field(0, description="of split, initial weights and batches; not of sampling")

    def run(self) -> TrainingRecord:
        return train_mlp(**self.model_dump())


class MlpSpec(Training):
    """Spin-glass twin of a multi-layer perceptron, at one epoch of its training."""

    kind: Literal["mlp"]
    epoch: NonNegativeInt | None = Field(None, description="0: untrained; default: after the last epoch")
    shuffle: bool = Field(False, description="permute the weights within each layer: scale without structure")
    biases: bool = Field(False, description="make biases fields")
    scale: Scale = Field("critical", description="divide by the random-weight critical temperature, or none")

    @model_validator(mode="after")
    def _epoch_exists(self) -> MlpSpec:
        if self.epoch is not None and self.epoch > self.epochs:
            raise ValueError(f"epoch {self.epoch} lies after the last of {self.epochs} epochs")
        return self

    def placeholder(self) -> IsingProblem:
        """A problem of the size of this twin, to be refused, if it must be, before the training."""
        check_training(self.layers, self.dataset, self.epochs)
        weights = [np.ones((after, before)) for before, after in itertools.pairwise(self.layers)]
        return twin_from_weights(weights, scale=self.scale)

    @property
    def training(self) -> Training:
        return Training(**{name: getattr(self, name) for name in Training.model_fields})

    def build(self, record: TrainingRecord) -> IsingProblem:
        weights, biases = record.at(self.epoch)
        if self.shuffle:
            weights = shuffled_weights(weights, seed=self.seed + _SHUFFLE_STREAM)
        return twin_from_weights(weights, biases if self.biases else None, scale=self.scale)


class FileSpec(Spec):
    """An instance file; a relative path starts at the folder of the config."""

    kind: Literal["file"]
    path: str
    format: str | None = None
    digest: str | None = Field(
        None, description="of the problem, as run folders record it: a file that holds another is refused"
    )

    def build(self) -> IsingProblem:
        """What the file holds now.

        Raises
        ------
        InputError
            If it cannot be read, or no longer holds the problem that was recorded.
        """
        problem = read_problem(self.path, self.format)
        if self.digest not in (None, problem.digest):
            raise InputError(
                f"{self.path} no longer holds the problem that the config records (digest "
                f"{self.digest:.10}, now {problem.digest:.10}): bring that file back, or leave out 'digest' "
                "to sample the present one"
            )
        return problem

    @property
    def is_there(self) -> bool:
        return Path(self.path).is_file()

    def resolved(self) -> dict[str, Any]:
        return {**super().resolved(), "digest": self.known_digest}

    def identity(self) -> dict[str, Any]:
        """What the file holds; neither its place nor its format."""
        return {"kind": self.kind, "digest": self.known_digest}

    @cached_property
    def known_digest(self) -> str:
        """Of the problem, as recorded or when it was first asked for; by this the config is known."""
        return self.digest or self.build().digest


class InstanceSpec(Spec):
    """Base of the models made from the generators of `qspin.instances`."""

    model_config = ConfigDict(protected_namespaces=())
    family: Label | None = Field(None, description="label under which instances of the disorder are averaged")
    generator: ClassVar[Callable[..., IsingProblem]]

    def build(self) -> IsingProblem:
        return type(self).generator(**self.model_dump(exclude={"kind", "family"}))


def _instance_model(name: str) -> type[InstanceSpec]:
    """Model whose fields are the parameters of a generator; the seed of an instance defaults to 0."""
    function = getattr(instances, name)
    hints = get_type_hints(function)
    fields: dict[str, Any] = {"kind": (Literal[name], ...)}
    for parameter in inspect.signature(function).parameters.values():
        default = ... if parameter.default is parameter.empty else parameter.default
        if parameter.name == "seed":
            fields["seed"] = (NonNegativeInt, Field(0, description="of the instance; not of sampling"))
        else:
            fields[parameter.name] = (hints[parameter.name], default)
    summary = (inspect.getdoc(function) or function.__name__).splitlines()[0]
    model = create_model(f"{name}_spec", __base__=InstanceSpec, __doc__=summary, **fields)
    model.generator = staticmethod(function)
    return model


_KINDS: dict[str, type[Spec]] = {
    "mlp": MlpSpec,
    "file": FileSpec,
    **{name: _instance_model(name) for name in _INSTANCE_KINDS},
}
KINDS = tuple(_KINDS)


def settings_of_kind(kind: Any) -> list[str]:
    """Names of what a kind of problem takes; none for an unknown kind."""
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    return [] if model is None else [name for name in model.model_fields if name not in ("kind", "family")]


def _tag(spec: Any) -> str:
    return f"<{spec['kind'] if isinstance(spec, dict) else spec.kind}>"


if TYPE_CHECKING:
    ProblemSpec = MlpSpec | FileSpec | InstanceSpec
else:
    ProblemSpec = Annotated[
        Union[tuple(Annotated[model, Tag(f"<{kind}>")] for kind, model in _KINDS.items())],  # noqa: UP007
        Discriminator(_tag),
    ]


def with_instances(problems: dict[str, Any]) -> dict[str, Any]:
    """Spell out ``instances: n``: one problem each, with consecutive seeds, under labels LABEL-0, LABEL-1,
    ...

    Raises
    ------
    InputError
        If the number is none, or the kind has no instances.
    """
    spelled: dict[str, Any] = {}
    for label, spec in problems.items():
        if not isinstance(spec, dict) or "instances" not in spec:
            spelled[label] = spec
            continue
        n, key = spec["instances"], ("problems", label, "instances")
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_INSTANCES:
            raise InputError(
                f"problem {label!r}: instances must be an integer from 1 to {MOST_INSTANCES}; got {shown(n)}",
                key=key,
            )
        if spec.get("kind") in ("mlp", "file"):
            raise InputError(f"problem {label!r}: kind {spec['kind']!r} has no instances", key=key)
        rest = {name: value for name, value in spec.items() if name != "instances"}
        first = rest.get("seed", 0)
        if isinstance(first, bool) or not isinstance(first, int) or first < 0:
            raise InputError(
                f"problem {label!r}: seed must be a non-negative integer; got {shown(first)}",
                key=("problems", label, "seed"),
            )
        for k in range(n):
            if (made := f"{label}-{k}") in problems:
                raise InputError(
                    f"problem {label!r}: its {n} instances are called {label}-0 to {label}-{n - 1}, and "
                    f"there is a problem {made!r} beside it; rename one of them",
                    key=("problems", made),
                )
            if made in spelled:
                raise InputError(
                    f"problem {label!r}: its instance {made!r} is called as one of problem "
                    f"{spelled[made]['family']!r}; rename one of them",
                    key=key,
                )
            spelled[made] = {**rest, "seed": first + k, "family": label}
    return spelled


def checked_kind(label: str, spec: Any) -> None:
    """Refuse a spec without a valid kind, which a discriminated union reports less clearly."""
    key = ("problems", label)
    if not isinstance(spec, dict):
        raise InputError(f"problem {label!r} must be a mapping with 'kind'; got {shown(spec)}", key=key)
    if "kind" not in spec:
        raise InputError(f"problem {label!r} lacks 'kind', one of {', '.join(KINDS)}", key=key)
    if spec["kind"] not in KINDS:
        remedy = nearest_name(shown(spec["kind"]), KINDS)
        raise InputError(f"problem {label!r}: no kind {shown(spec['kind'])}: {remedy}", key=(*key, "kind"))
