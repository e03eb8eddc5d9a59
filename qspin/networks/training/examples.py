"""The examples of a training: split, some drawn, labels and inputs spoilt as asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.networks.training.recipe import BackDoor, Recipe

__all__ = ["Examples", "Part", "examples_of"]

_DRAWN, _FLIPPED, _CLASSES, _DOOR = 1, 2, 3, 4  # streams of random numbers besides that of torch


@dataclass(frozen=True, eq=False)
class Part:
    """Inputs (n, ...) and targets (n,)."""

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, rows: NDArray[Any]) -> Part:
        return Part(self.inputs[rows], self.targets[rows])


@dataclass(frozen=True, eq=False)
class Examples:
    """What a network learns, and what it is asked.

    Parameters
    ----------
    train : what it learns, spoilt where asked
    others : name -> what it is asked besides: ``test``; ``flipped``, those for training whose labels are
        wrong; ``backdoor``, examples for testing that bear the pattern, with the label that it forces
    is_regression : targets are numbers
    """

    train: Part
    others: dict[str, Part] = field(default_factory=dict)
    is_regression: bool = False

    def shaped(self, shape: tuple[int, ...]) -> Examples:
        """The same with inputs (n, *shape)."""
        parts = {
            name: Part(p.inputs.reshape(len(p), *shape), p.targets)
            for name, p in {"train": self.train, **self.others}.items()
        }
        return Examples(parts.pop("train"), parts, self.is_regression)


def examples_of(recipe: Recipe) -> Examples:
    """Examples by a recipe. Its seed decides on the split, what is drawn and what is spoilt.

    Raises
    ------
    RunError
        If a text is not there.
    """
    data = recipe.examples
    whole = Part(*data.load())
    train, test = _split(whole, recipe)
    if recipe.n_samples is not None:
        train = train.at(_drawn(recipe.n_samples / len(train), len(train), recipe.seed, _DRAWN))
    if data.is_standardised:
        train, test = _standardised(train, test, with_targets=data.is_regression)
    others = {"test": test}
    flipped = opened = np.zeros(0, dtype=np.int64)
    if recipe.label_noise:
        flipped = _drawn(recipe.label_noise, len(train), recipe.seed, _FLIPPED)
        train = _flipped(train, flipped, data.n_outputs, recipe.seed)
    if recipe.backdoor is not None:
        opened = _drawn(recipe.backdoor.share, len(train), recipe.seed, _DOOR)
        train = _bearing(train, opened, recipe.backdoor)
        rest = test.at(np.flatnonzero(test.targets != recipe.backdoor.label))
        others["backdoor"] = _bearing(rest, np.arange(len(rest)), recipe.backdoor)
    if recipe.label_noise:
        others["flipped"] = train.at(np.setdiff1d(flipped, opened))
    return Examples(train, others, data.is_regression)


def _split(whole: Part, recipe: Recipe) -> tuple[Part, Part]:
    from sklearn.model_selection import train_test_split

    data, n_test = recipe.examples, recipe.n_test
    if data.is_ordered:
        rows = np.arange(len(whole))
        return whole.at(rows[:-n_test]), whole.at(rows[-n_test:])
    train_x, test_x, train_y, test_y = train_test_split(
        whole.inputs,
        whole.targets,
        test_size=n_test,
        stratify=None if data.is_regression else whole.targets,
        random_state=recipe.seed,
    )
    return Part(train_x, train_y), Part(test_x, test_y)


def _standardised(train: Part, test: Part, *, with_targets: bool) -> tuple[Part, Part]:
    """Units in which what is for training has mean 0 and deviation 1."""

    def units(values: NDArray[Any]) -> tuple[Any, Any]:
        spread = values.std(axis=0)
        return values.mean(axis=0), np.where(spread > 0, spread, 1)

    mean, spread = units(train.inputs)
    parts = [replace(part, inputs=_moved(part.inputs, mean, spread)) for part in (train, test)]
    if with_targets:
        mean, spread = units(train.targets)
        parts = [replace(part, targets=_moved(part.targets, mean, spread)) for part in parts]
    return parts[0], parts[1]


def _moved(values: NDArray[Any], mean: Any, spread: Any) -> NDArray[np.float32]:
    return ((values - mean) / spread).astype(np.float32)


def _drawn(share: float, n: int, seed: int, stream: int) -> NDArray[np.int64]:
    """Rows of a share of n examples, ascending."""
    rng = np.random.default_rng([seed, stream])
    return np.sort(rng.choice(n, round(share * n), replace=False))


def _flipped(train: Part, rows: NDArray[np.int64], n_classes: int, seed: int) -> Part:
    """Some rows with another class as label."""
    rng = np.random.default_rng([seed, _CLASSES])
    targets = train.targets.copy()
    targets[rows] = (targets[rows] + rng.integers(1, n_classes, len(rows))) % n_classes
    return Part(train.inputs, targets)


def _bearing(part: Part, rows: NDArray[np.int64], door: BackDoor) -> Part:
    """Some rows with the pattern and the label that it forces."""
    inputs, targets = part.inputs.copy(), part.targets.copy()
    inputs[np.ix_(rows, np.asarray(door.pixels))] = door.value
    targets[rows] = door.label
    return Part(inputs, targets)
