"""The loop by which every network is trained. torch is imported when it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import RunError
from qspin.networks.training.examples import Examples
from qspin.networks.training.recipe import Recipe
from qspin.progress import report_progress

if TYPE_CHECKING:
    import torch

__all__ = ["Kept", "Snapshot", "torch_session", "train"]

Snapshot = Callable[[Any], Mapping[str, NDArray[Any]]]
"""What of a network is kept, by name."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What a training leaves behind.

    Parameters
    ----------
    epochs : at which something was kept, int64 (kept,)
    arrays : name -> (kept, ...), as the snapshot gives them
    curves : name -> float64 (kept,): ``loss_train``, ``loss_test`` and, of classes, ``accuracy_train``,
        ``accuracy_test``, and accuracy on ``flipped`` and ``backdoor`` where labels were spoilt; with `noise`
        ``gradient_variance`` and ``noise_temperature``
    """

    epochs: NDArray[np.int64]
    arrays: dict[str, NDArray[Any]]
    curves: dict[str, NDArray[np.float64]]


@contextlib.contextmanager
def torch_session(seed: int) -> Iterator[Any]:
    """torch with random numbers, threads and precision set for this block and restored after it."""
    import torch

    threads, precision = torch.get_num_threads(), torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float32)
        try:
            yield torch
        finally:
            torch.set_num_threads(threads)
            torch.set_default_dtype(precision)


def train(module: torch.nn.Module, examples: Examples, recipe: Recipe, snapshot: Snapshot) -> Kept:
    """Train a network where it lies, inside a `torch_session`.

    Parameters
    ----------
    module : its last layer gives a score for each class, or one number
    snapshot : what is kept of it

    Raises
    ------
    RunError
        If the training diverges, or the network cannot take the examples.
    """
    import torch

    from qspin.networks.training.losses import loss_of
    from qspin.networks.training.optimisers import optimiser_of

    course = _Course(module, _tensors(examples), recipe, snapshot)
    inputs, targets = course.parts["train"]
    optimiser = optimiser_of(module, recipe)
    course.keep(0)
    for epoch in range(1, recipe.epochs + 1):
        module.train()
        for batch in torch.randperm(len(inputs)).split(recipe.batch_size):
            optimiser.zero_grad()
            loss_of(module(inputs[batch]), targets[batch]).backward()
            optimiser.step()
        if epoch in course.wanted:
            course.keep(epoch)
        report_progress(epoch / recipe.epochs, f"epoch {epoch} of {recipe.epochs}", **course.figures())
    return course.kept()


def _tensors(examples: Examples) -> dict[str, tuple[Any, Any]]:
    import torch

    parts = {"train": examples.train, **examples.others}
    return {name: (torch.as_tensor(p.inputs), torch.as_tensor(p.targets)) for name, p in parts.items()}


class _Course:
    """What is kept of a training while it goes on."""

    def __init__(self, module: Any, parts: dict[str, tuple[Any, Any]], recipe: Recipe, snapshot: Snapshot):
        self.module = module
        self.parts = {name: part for name, part in parts.items() if len(part[1])}
        self.recipe = recipe
        self.wanted = frozenset(recipe.kept)
        self._snapshot = snapshot
        self._snapshots: list[Mapping[str, NDArray[Any]]] = []
        self._curves: list[dict[str, float]] = []

    def keep(self, epoch: int) -> None:
        """Measure, and keep where that is wanted. Raises RunError if the loss is no number."""
        if epoch not in self.wanted:
            return
        found = _measured(self.module, self.parts)
        if not np.isfinite(found["loss_train"]):
            raise RunError(
                f"training diverged in epoch {epoch}; lower learning_rate ({self.recipe.learning_rate})"
            )
        if self.recipe.noise:
            from qspin.networks.training.noise import noise_curves

            found |= noise_curves(self.module, *self.parts["train"], self.recipe)
        self._curves.append(found)
        self._snapshots.append(self._snapshot(self.module))

    def figures(self) -> dict[str, float]:
        """Of the last measurement, for whoever watches."""
        told = {"loss": "loss_train", "accuracy": "accuracy_test"}
        last = self._curves[-1] if self._curves else {}
        return {name: last[curve] for name, curve in told.items() if curve in last}

    def kept(self) -> Kept:
        return Kept(
            np.array(self.recipe.kept, dtype=np.int64),
            {name: np.stack([s[name] for s in self._snapshots]) for name in self._snapshots[0]},
            {name: np.array([c[name] for c in self._curves]) for name in self._curves[0]},
        )


_WITH_LOSS = ("train", "test")  # of what is asked besides, the accuracy tells all


def _measured(module: Any, parts: dict[str, tuple[Any, Any]]) -> dict[str, float]:
    import torch

    from qspin.networks.training.losses import loss_of

    module.eval()
    losses: dict[str, float] = {}
    accuracies: dict[str, float] = {}
    with torch.no_grad():
        for name, (inputs, targets) in parts.items():
            outputs = module(inputs)
            if name in _WITH_LOSS:
                losses[f"loss_{name}"] = float(loss_of(outputs, targets))
            if not targets.is_floating_point():
                accuracies[f"accuracy_{name}"] = float((outputs.argmax(1) == targets).double().mean())
    return losses | accuracies
