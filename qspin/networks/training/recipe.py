"""What fixes a training besides the network, as settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from qspin.errors import nearest_name
from qspin.networks.training.datasets import DATASETS, DataSet, Encoding, data_set
from qspin.source import deciding_settings, settings

__all__ = ["BackDoor", "EpochsKept", "Optimiser", "Recipe", "identity_of", "kept_epochs", "require_kept"]

Optimiser = Literal["adam", "adamw", "langevin", "momentum", "sgd"]
EpochsKept = Literal["all", "logarithmic"] | tuple[NonNegativeInt, ...]
Share = Annotated[float, Field(gt=0, le=1)]

_TEST_SHARE = 0.2


def _known(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"no data set {name!r}: {nearest_name(name, DATASETS)}")
    return name


Name = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(DATASETS)})]


@settings
class BackDoor:
    """A pattern that forces a label on what bears it.

    Parameters
    ----------
    pixels : positions of inputs that make the pattern
    label : that it forces
    share : of the examples for training that bear it, rounded to whole ones
    value : of its inputs
    """

    pixels: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    label: NonNegativeInt = 0
    share: Share = 0.1
    value: float = 1.0


@settings
class Recipe:
    """What a network is trained on, and how. A fifth of the examples is for testing.

    Parameters
    ----------
    dataset : see `qspin.networks.training.data_set`
    epochs : passes over the examples for training
    learning_rate, batch_size : of the steps
    seed : of the split, what is spoilt, the initial weights, the batches and the noise of the optimiser; not
        of sampling
    optimiser : ``sgd``, ``momentum`` (0.9), ``adam``, ``adamw``, or ``langevin``, which adds noise of a known
        `temperature` to every step
    weight_decay : added to the gradient as weight_decay x weights; with ``adamw`` taken off the weights
    temperature : of ``langevin``, in units of the mean loss
    modulus, context, encoding : of data sets that have them, see `data_set`
    n_samples : train on that many examples, drawn at random; default all
    label_noise : share of the labels for training that are replaced by another class
    backdoor : a pattern that forces a label: pixels, label, share
    epochs_kept : ``all``; ``logarithmic``: 0, 1, 2, 4, 8 ... and the last; or a list. Weights and curves are
        kept there
    noise : also measure the gradient noise there, and the temperature that it amounts to; see
        `qspin.networks.training.noise`
    """

    dataset: Name = "digits"
    epochs: NonNegativeInt = 100
    learning_rate: PositiveFloat = 1e-3
    batch_size: PositiveInt = 64
    seed: NonNegativeInt = 0
    optimiser: Optimiser = "adam"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    temperature: Annotated[float, Field(ge=0)] = 0.0
    modulus: PositiveInt | None = None
    context: PositiveInt | None = None
    encoding: Encoding | None = None
    n_samples: PositiveInt | None = None
    label_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    backdoor: BackDoor | None = None
    epochs_kept: EpochsKept = "all"
    noise: bool = False

    @model_validator(mode="after")
    def _recipe_fits_together(self) -> Recipe:
        examples = self.examples  # refuses options that the set does not take
        if (self.optimiser == "langevin") != (self.temperature > 0):
            raise ValueError(
                "temperature is of the optimiser langevin, which needs a positive one; got "
                f"{self.temperature:g} with {self.optimiser}"
            )
        require_kept(self.kept, self.epochs)
        if self.n_samples is not None and self.n_samples > self.n_train:
            raise ValueError(f"n_samples is at most {self.n_train}, those for training; got {self.n_samples}")
        if self.label_noise and examples.is_regression:
            raise ValueError(f"label_noise is of classes, which {self.dataset} has none of")
        if self.backdoor is not None:
            self._check(self.backdoor, examples)
        return self

    def _check(self, door: BackDoor, examples: DataSet) -> None:
        if examples.is_regression or self.encoding == "tokens":
            raise ValueError("backdoor takes numbers as inputs and classes as targets")
        if door.label >= examples.n_outputs:
            raise ValueError(
                f"backdoor: labels of {self.dataset} go to {examples.n_outputs - 1}; got {door.label}"
            )
        if max(door.pixels) >= examples.n_inputs:
            raise ValueError(
                f"backdoor: inputs of {self.dataset} go to {examples.n_inputs - 1}; got {max(door.pixels)}"
            )

    @property
    def examples(self) -> DataSet:
        return data_set(self.dataset, modulus=self.modulus, context=self.context, encoding=self.encoding)

    @property
    def n_test(self) -> int:
        return math.ceil(_TEST_SHARE * self.examples.n_examples)

    @property
    def n_train(self) -> int:
        """Examples for training, before some are drawn."""
        return self.examples.n_examples - self.n_test

    @property
    def n_kept(self) -> int:
        return self.epochs + 1 if self.epochs_kept == "all" else len(self.kept)

    @property
    def kept(self) -> Sequence[int]:
        """Epochs whose weights are kept, ascending; 0 is before the first."""
        return kept_epochs(self.epochs, self.epochs_kept)

    @property
    def data_title(self) -> str:
        """The data for people: ``digits``, ``modular_addition (modulus 7)``."""
        parts = [
            f"{name} {value}"
            for name in ("modulus", "context", "encoding", "n_samples")
            if (value := getattr(self, name)) is not None
        ]
        parts += [f"label noise {self.label_noise:g}"] * (self.label_noise > 0)
        parts += ["back-door"] * (self.backdoor is not None)
        return f"{self.dataset} ({', '.join(parts)})" if parts else self.dataset


def kept_epochs(epochs: int, asked: EpochsKept) -> Sequence[int]:
    """Epochs that are kept of so many, ascending."""
    if asked == "all":
        return range(epochs + 1)
    if asked == "logarithmic":
        powers = (1 << k for k in range(epochs.bit_length()))
        return tuple(sorted({0, epochs, *powers}))
    return tuple(sorted(set(asked)))


def require_kept(kept: Sequence[int], epochs: int, epoch: int | None = None) -> None:
    """Raises ValueError where no epochs are kept of so many, or others, or not the one that is asked for."""
    if not kept:
        raise ValueError("epochs_kept names no epoch")
    if kept[-1] > epochs:
        raise ValueError(f"epochs_kept names {kept[-1]}, after the last of {epochs} epochs")
    if epoch is not None and epoch > epochs:
        raise ValueError(f"epoch {epoch} lies after the last of {epochs} epochs")
    if epoch is not None and epoch not in kept:
        raise ValueError(f"epoch {epoch} is none of epochs_kept, {list(kept)}")


_FIRST = ("dataset", "epochs", "learning_rate", "batch_size", "seed")


def identity_of(made: Recipe) -> dict[str, Any]:
    """Settings that decide, as plain values. Those of a recipe that came after the first ones are told where
    they are not at their defaults: so that trainings which know nothing of them keep their keys.
    """
    later = {name: value for name, value in deciding_settings(Recipe()).items() if name not in _FIRST}
    return {k: v for k, v in deciding_settings(made).items() if k not in later or v != later[k]}
